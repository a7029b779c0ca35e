/* SPDX-License-Identifier: MIT */
/*
 * sandbox_on.c: linked by builds whose services have a filter.
 */
#include "lib/sandbox.h"

bool sandbox_available(void)
{
    return true;
}
