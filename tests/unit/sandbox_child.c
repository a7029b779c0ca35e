/* SPDX-License-Identifier: MIT */
/* sandbox_child.c: see sandbox_child.h. */
#include "tests/unit/sandbox_child.h"

#include "services/broker/broker.h"
#include "services/display/service.h"
#include "services/gtt/service.h"
#include "services/mmio/service.h"
#include "services/sched/service.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

const struct sandbox_service sandbox_services[SANDBOX_SERVICES] = {
    {MMIO, "vgt-mmio", &mmio_sandbox},       {GTT, "vgt-gtt", &gtt_sandbox},
    {SCHED, "vgt-sched", &sched_sandbox},    {DISPLAY, "vgt-display", &display_sandbox},
    {BROKER, "vgt-broker", &broker_sandbox},
};

int sandbox_child(const struct sandbox *sandbox, int (*fn)(void))
{
    int status;
    pid_t pid = fork();

    if (!pid) {
        if (sandbox_enter(sandbox))
            _exit(99);
        _exit(fn());
    }
    assert_true(pid > 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

bool sandbox_died_of(int status, int number)
{
    return WIFSIGNALED(status) && WTERMSIG(status) == number;
}
