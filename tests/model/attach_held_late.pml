/* SPDX-License-Identifier: MIT */
/*
 * The broker writes down who may know of a guest only after telling him: a death in between
 * leaves the guest with him for ever. Must be found wrong.
 */
#define HELD_LATE
#include "attach_crash.pml"
