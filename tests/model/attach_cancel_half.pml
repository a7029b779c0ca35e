/* SPDX-License-Identifier: MIT */
/*
 * A removal that overtakes the descriptors is answered at once: what the process before held
 * stays. Must be found wrong.
 */
#define CANCEL_HALF
#include "attach_crash.pml"
