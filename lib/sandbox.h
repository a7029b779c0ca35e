/* SPDX-License-Identifier: MIT */
/*
 * sandbox.h: the system calls that a service may make once it serves guests; any other ends it with
 * SIGSYS, which its unit's journal shows. A list is made of sets: those here, and the service's own
 * (services/X/sandbox.c). Entered once, from the loop's thread, when everything is open; it holds
 * for all threads. A variant of the build (variants/) decides whether there is a filter at all:
 * sanitizers make calls of their own.
 */
#pragma once
#include "lib/loop.h"

#include <stdbool.h>
#include <stdint.h>

/* (argument & mask) == value */
struct sandbox_arg {
    uint32_t index;
    uint64_t mask, value;
};

#define SANDBOX_ARGS 2
/* Allowed if all conditions hold. Of several rules about one call any may. */
struct sandbox_rule {
    int call; /* SCMP_SYS(name) */
    uint32_t count;
    struct sandbox_arg arg[SANDBOX_ARGS];
};

struct sandbox_set {
    const struct sandbox_rule *rules;
    uint32_t count;
};

#define SANDBOX_SETS 10
struct sandbox {
    const struct sandbox_set *sets[SANDBOX_SETS]; /* up to the first NULL */
};

/* For lists; they need <seccomp.h>. IOCTL's number is compared as the kernel does: 32 bits. */
#define SANDBOX_WORD UINT64_C(0xffffffff)
#define SANDBOX_CALL(name)                                                                         \
    {                                                                                              \
        .call = SCMP_SYS(name)                                                                     \
    }
#define SANDBOX_WHERE(name, n, bits, want)                                                         \
    {                                                                                              \
        .call = SCMP_SYS(name), .count = 1, .arg = { {n, bits, want} }                             \
    }
#define SANDBOX_IS(name, n, want)  SANDBOX_WHERE(name, n, SANDBOX_WORD, want)
#define SANDBOX_NOT(name, n, bits) SANDBOX_WHERE(name, n, bits, 0)
/* ... if another argument is so, too */
#define SANDBOX_IF(name, n, want, m, bits, value)                                                  \
    {                                                                                              \
        .call = SCMP_SYS(name), .count = 2, .arg = { {n, SANDBOX_WORD, want}, {m, bits, value} }   \
    }
#define SANDBOX_IOCTL(number) SANDBOX_IS(ioctl, 1, number)
#define SANDBOX_SET(array)                                                                         \
    {                                                                                              \
        array, sizeof(array) / sizeof((array)[0])                                                  \
    }

/* Memory that is never executable, descriptors that are there, time, the end, abort(). */
extern const struct sandbox_set sandbox_base;
/* UNIX sockets: the way back to a broker that was restarted, and to systemd. */
extern const struct sandbox_set sandbox_unix;
/* Opening what exists (the mount namespace says what that is), and reading it. */
extern const struct sandbox_set sandbox_open;
/* New threads: of gtt's workers, of libxenstore's watches. */
extern const struct sandbox_set sandbox_threads;
/* Xen: a domain's memory and device model; event channels; pages shared over a vchan. */
extern const struct sandbox_set sandbox_xen_memory, sandbox_xen_events, sandbox_xen_grants;
/* What every row asks of the kernel module, and what those with interrupts do. */
extern const struct sandbox_set sandbox_row, sandbox_row_interrupts;

/* False in builds whose programs need more than a list could say. */
bool sandbox_available(void);

/* 0 or -errno; in builds without a filter nothing happens. */
int sandbox_enter(const struct sandbox *sandbox);

/* Enter it when the service says that it is ready (loop_ready()), before it says so. */
void sandbox_when_ready(struct loop *loop, const struct sandbox *sandbox);
