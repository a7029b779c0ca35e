/* SPDX-License-Identifier: MIT */
/*
 * sandbox.c: what vgt-display may ask of the kernel while it serves: nothing but its row of the
 * module and the way back to the broker. It opens nothing.
 */
#include "services/display/service.h"

const struct sandbox display_sandbox = {
    {&sandbox_base, &sandbox_unix, &sandbox_row, &sandbox_row_interrupts}};
