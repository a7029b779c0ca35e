/* SPDX-License-Identifier: MIT */
/*
 * Memory is released while sched runs the guest, without waiting for the TLBs. Must be found
 * wrong.
 */
#define GTT_FIRST
#include "attach_crash.pml"
