/* SPDX-License-Identifier: MIT */
/*
 * resident.h: what a service has touched stays in memory. When the host runs short, the kernel else
 * drops the pages of programs and reads them back, over and over; guests then wait for the disk at
 * every access that is trapped. Called once by main, before there are threads.
 */
#pragma once
#include "lib/log.h"

#define RESIDENT_NOT_ALLOWED 1

/* Everything touched from now on stays, in all mappings, also later ones; what is never touched
 * takes no memory. Large blocks of the heap go back to the system when they are freed, whatever
 * comes of the rest. 0, RESIDENT_NOT_ALLOWED (the limit on locked memory is not "infinity", as the
 * units have it: nothing was done, and mappings would fail later if it were), or -errno, logged. */
int resident_keep(const struct log *log);
