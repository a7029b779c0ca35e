/* SPDX-License-Identifier: MIT */
/*
 * The real vgt-broker, vgt-gtt, vgt-sched and vgt-display as processes on softgpu, without Xen and
 * without the module: they come up, each is killed and comes up again on what it left behind the
 * node, and nothing is left over. What guests see of that is another test's. systemd is a socket
 * that hears READY=1. One thread.
 */
#include "tests/unit/gpu_soft_rig.h"

#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define ROUNDS 5

enum { GTT, SCHED, DISPLAY, SERVICES };
static const char *const programs[SERVICES] = {"services/gtt/vgt-gtt", "services/sched/vgt-sched",
                                               "services/display/vgt-display"};
static const char *const nodes[SERVICES] = {"\"gtt\"", "\"sched\"", "\"display\""};

struct world {
    struct soft_rig rig;
    char wire[80], ctl[80], notify[80], gpu[80];
    int heard; /* READY=1 comes here */
    pid_t broker, service[SERVICES];
};

static int listen_for_notes(const char *path)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), on = 1;

    assert_true(fd >= 0);
    strcpy(addr.sun_path, path);
    assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)), 0);
    return fd;
}

/* The next note's sender if it says READY=1, else 0. */
static pid_t ready_sender(int fd)
{
    union {
        char buf[CMSG_SPACE(sizeof(struct ucred))];
        struct cmsghdr align;
    } control;
    char text[512];
    struct iovec iov = {text, sizeof(text) - 1};
    struct msghdr msg = {.msg_iov = &iov,
                         .msg_iovlen = 1,
                         .msg_control = control.buf,
                         .msg_controllen = sizeof(control.buf)};
    struct cmsghdr *h;
    struct ucred who;
    ssize_t n = recvmsg(fd, &msg, 0);

    assert_true(n >= 0);
    text[n] = 0;
    h = CMSG_FIRSTHDR(&msg);
    if (h == NULL || h->cmsg_type != SCM_CREDENTIALS || strstr(text, "READY=1") == NULL)
        return 0;
    memcpy(&who, CMSG_DATA(h), sizeof(who));
    return who.pid;
}

static void await_ready(struct world *w, pid_t pid)
{
    int64_t limit = rig_now_ms() + RIG_DEADLINE_MS, left;
    struct pollfd p = {w->heard, POLLIN, 0};
    int status;

    while ((left = limit - rig_now_ms()) > 0) {
        if (waitpid(pid, &status, WNOHANG) == pid)
            fail_msg("process %d ended with status %x instead of getting ready", (int)pid, status);
        if (poll(&p, 1, left < 100 ? (int)left : 100) == 1 && ready_sender(w->heard) == pid)
            return;
    }
    fail_msg("process %d did not get ready", (int)pid);
}

static void start_broker(struct world *w)
{
    w->broker = rig_spawn(&w->rig, "services/broker/vgt-broker",
                          (const char *[]){"--wire", w->wire, "--core", "NONE", "--ctl", w->ctl,
                                           "--vmm", "fake", "--gpu", w->gpu, "--no-start", NULL},
                          NULL);
}

static void start_service(struct world *w, unsigned i)
{
    char notify[100];
    const char *args[5] = {"--wire", w->wire};

    if (i != DISPLAY) {
        args[2] = "--vmm";
        args[3] = "fake";
    }
    snprintf(notify, sizeof(notify), "NOTIFY_SOCKET=%s", w->notify);
    w->service[i] = rig_spawn(&w->rig, programs[i], args, (const char *[]){notify, NULL});
    await_ready(w, w->service[i]);
}

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof(*w));

    assert_non_null(w);
    rig_start(&w->rig, "bdw", NULL);
    close(rig_node(&w->rig, GPU_ROWS)); /* it listens */
    snprintf(w->wire, sizeof(w->wire), "unix:%s/wire", w->rig.dir);
    snprintf(w->ctl, sizeof(w->ctl), "unix:%s/ctl", w->rig.dir);
    snprintf(w->notify, sizeof(w->notify), "%s/notify", w->rig.dir);
    snprintf(w->gpu, sizeof(w->gpu), "soft:%s", w->rig.socket);
    w->heard = listen_for_notes(w->notify);
    start_broker(w);
    for (unsigned i = 0; i < SERVICES; i++)
        start_service(w, i);
    *state = w;
    return 0;
}

static void end(pid_t pid)
{
    if (pid <= 0)
        return;
    kill(pid, SIGKILL);
    rig_wait(pid);
}

static int teardown(void **state)
{
    struct world *w = *state;

    for (unsigned i = 0; i < SERVICES; i++)
        end(w->service[i]);
    end(w->broker);
    close(w->heard);
    rig_stop(&w->rig);
    free(w);
    return 0;
}

/* The GPU reached nothing that was not its to reach. */
static void expect_no_violation(struct world *w)
{
    char answer[16384];

    rig_gpu_ctl(&w->rig, "violations", answer, sizeof(answer));
    if (rig_number(answer, "count") != 0)
        fail_msg("%s", answer);
}

struct use {
    unsigned long long holders, generation, pages, pins;
};

/* Waits until each node has its connection and one session: those of the dead were heard of. */
static void take_stock(struct world *w, struct use use[SERVICES])
{
    int64_t limit = rig_now_ms() + RIG_DEADLINE_MS;
    char status[2048];
    bool settled = false;

    while (!settled) {
        assert_true(rig_now_ms() < limit);
        rig_ctl(&w->rig, -1, status, sizeof(status), "status");
        settled = true;
        for (unsigned i = 0; i < SERVICES; i++) {
            const char *at = strstr(status, nodes[i]);

            use[i] = (struct use){rig_number(at, "holders"), rig_number(at, "generation"),
                                  rig_number(at, "pages"), rig_number(status, "pins")};
            settled = settled && use[i].holders == 2;
        }
    }
}

static void each_is_killed_and_comes_back(void **state)
{
    struct world *w = *state;
    struct use before[SERVICES], after[SERVICES];

    take_stock(w, before);
    assert_true(before[GTT].pages > 0 || before[SCHED].pages > 0);
    for (int round = 0; round < ROUNDS; round++) {
        for (unsigned i = 0; i < SERVICES; i++) {
            end(w->service[i]);
            start_service(w, i);
        }
        take_stock(w, after);
        assert_memory_equal(after, before, sizeof(before));
    }
    expect_no_violation(w);
}

static void all_at_once(void **state)
{
    struct world *w = *state;
    struct use before[SERVICES], after[SERVICES];

    take_stock(w, before);
    for (unsigned i = 0; i < SERVICES; i++)
        kill(w->service[i], SIGKILL);
    for (unsigned i = 0; i < SERVICES; i++)
        rig_wait(w->service[i]);
    for (unsigned i = 0; i < SERVICES; i++)
        start_service(w, i);
    take_stock(w, after);
    assert_memory_equal(after, before, sizeof(before));
    expect_no_violation(w);
}

/* Nobody kept the nodes: they close, and the next broker gets them anew. */
static void everything_and_the_broker(void **state)
{
    struct world *w = *state;
    struct use before[SERVICES], after[SERVICES];

    take_stock(w, before);
    end(w->broker);
    for (unsigned i = 0; i < SERVICES; i++)
        end(w->service[i]);
    start_broker(w);
    for (unsigned i = 0; i < SERVICES; i++)
        start_service(w, i);
    take_stock(w, after);
    for (unsigned i = 0; i < SERVICES; i++) {
        assert_int_equal(after[i].generation, before[i].generation + 1);
        assert_int_equal(after[i].pages, before[i].pages);
    }
    expect_no_violation(w);
}

/* The broker names what is wrong. */
static void no_such_back_end(void **state)
{
    struct world *w = *state;
    int status =
        rig_wait(rig_spawn(&w->rig, "services/broker/vgt-broker",
                           (const char *[]){"--vmm", "fake", "--gpu", "hard", NULL}, NULL));

    assert_int_equal(WEXITSTATUS(status), 1);
    status = rig_wait(rig_spawn(&w->rig, "services/broker/vgt-broker",
                                (const char *[]){"--vmm", "fake", "--gpu", w->gpu, NULL}, NULL));
    assert_int_equal(WEXITSTATUS(status), 1); /* the nodes are open */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_is_killed_and_comes_back),
        cmocka_unit_test(all_at_once),
        cmocka_unit_test(no_such_back_end),
        cmocka_unit_test(everything_and_the_broker),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
