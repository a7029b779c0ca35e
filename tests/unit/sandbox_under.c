/* SPDX-License-Identifier: MIT */
/*
 * sandbox_under.c: linked to a unit test of a service, it makes all of it run under that service's
 * list of system calls, entered before main(). The program's name says which: "gtt_..._sandboxed".
 * Beside the list stands what only the tests' side of things does: making memory files and sockets,
 * a second loop.
 */
#include "services/broker/broker.h"
#include "services/display/service.h"
#include "services/gtt/service.h"
#include "services/mmio/service.h"
#include "services/sched/service.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct sandbox_rule test_rules[] = {
    SANDBOX_CALL(epoll_create1), SANDBOX_CALL(memfd_create), SANDBOX_CALL(ftruncate),
    SANDBOX_CALL(pwrite64),      SANDBOX_CALL(fcntl),        SANDBOX_CALL(bind),
    SANDBOX_CALL(listen),        SANDBOX_CALL(accept4),      SANDBOX_CALL(unlink),
    SANDBOX_CALL(chmod),         SANDBOX_CALL(dup), /* gpu/fake keeps the eventfd it is given */
};
static const struct sandbox_set test_set = SANDBOX_SET(test_rules);

static const struct sandbox *list_of(const char *program)
{
    static const struct {
        const char *prefix;
        const struct sandbox *sandbox;
    } lists[] = {{"mmio_", &mmio_sandbox},
                 {"gtt_", &gtt_sandbox},
                 {"sched_", &sched_sandbox},
                 {"display_", &display_sandbox},
                 {"broker_", &broker_sandbox}};

    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
        if (!strncmp(program, lists[i].prefix, strlen(lists[i].prefix)))
            return lists[i].sandbox;
    return NULL;
}

__attribute__((constructor)) static void enter(void)
{
    const struct sandbox *list = list_of(program_invocation_short_name);
    struct sandbox with = {{0}};
    uint32_t n = 0;

    if (list)
        for (; n < SANDBOX_SETS && list->sets[n]; n++)
            with.sets[n] = list->sets[n];
    if (!n || n == SANDBOX_SETS || !sandbox_available()) {
        fprintf(stderr, "sandbox_under: no list for %s\n", program_invocation_short_name);
        exit(1);
    }
    with.sets[n] = &test_set;
    if (sandbox_enter(&with)) {
        fprintf(stderr, "sandbox_under: the list cannot be entered\n");
        exit(1);
    }
}

/* A service looks users up before it enters its list, a test after; here there are none. */
struct passwd *getpwnam(const char *name)
{
    (void)name;
    return NULL;
}

struct group *getgrnam(const char *name)
{
    (void)name;
    return NULL;
}
