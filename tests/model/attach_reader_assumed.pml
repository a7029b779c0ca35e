/* SPDX-License-Identifier: MIT */
/* gtt waits for the acknowledgement of a reader that never had the guest. Must be found wrong. */
#define READER_ASSUMED
#include "attach_crash.pml"
