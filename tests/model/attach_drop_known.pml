/* SPDX-License-Identifier: MIT */
/*
 * Descriptors of a guest that is known are dropped: if it is forgotten before the GuestAdd, that
 * waits for ever. Must be found wrong.
 */
#define DROP_KNOWN
#include "attach_crash.pml"
