/* SPDX-License-Identifier: MIT */
/*
 * sandbox_child.h: the services and their lists of system calls, and children that enter one. Used
 * by sandbox_test.c and sandbox_forbid_test.c. One thread.
 */
#pragma once
#include "lib/sandbox.h"

#include <stdbool.h>

/* Who is meant, as bits. */
enum { MMIO = 1, GTT = 2, SCHED = 4, DISPLAY = 8, BROKER = 16, ALL = 31 };

#define SANDBOX_SERVICES 5u

struct sandbox_service {
    unsigned bit;
    const char *name;
    const struct sandbox *sandbox;
};
extern const struct sandbox_service sandbox_services[SANDBOX_SERVICES];

/* The status of a child that entered the list and then ran fn: 0 from fn is exit status 0. */
int sandbox_child(const struct sandbox *sandbox, int (*fn)(void));
bool sandbox_died_of(int status, int number);
