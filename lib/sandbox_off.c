/* SPDX-License-Identifier: MIT */
/*
 * sandbox_off.c: linked by builds with sanitizers, whose run time opens files, starts threads and
 * traces the process as it likes.
 */
#include "lib/sandbox.h"

bool sandbox_available(void)
{
    return false;
}
