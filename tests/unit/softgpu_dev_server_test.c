/* SPDX-License-Identifier: MIT */
/*
 * The program's loop with its sockets and its ways to end, in a process of its own.
 */
#include "softgpu/listen.h"
#include "softgpu/server.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/softgpu_client_rig.h"

#define DEADLINE_MS RIG_DEADLINE_MS

struct program {
    char dir[32], socket[64], ctl[64], chan[64];
    struct server_options o;
    pid_t pid;
};

/* other: where the walker's channel listens, filled in here; NULL for none. */
static void start_with(struct program *p, bool once, char *other)
{
    strcpy(p->dir, "/tmp/softgpu-srv-XXXXXX");
    assert_non_null(mkdtemp(p->dir));
    snprintf(p->socket, sizeof(p->socket), "%s/gpu", p->dir);
    snprintf(p->ctl, sizeof(p->ctl), "%s/ctl", p->dir);
    snprintf(p->chan, sizeof(p->chan), "%s/chan", p->dir);
    p->o = (struct server_options){
        .socket = p->socket, .ctl = p->ctl, .judge_chan = p->chan, .once = once};
    if (other) {
        snprintf(other, sizeof(p->chan), "%s/other", p->dir);
        p->o.judge_connect = other;
    }
    p->pid = fork();
    if (!p->pid)
        _exit(server_run(&p->o) ? 1 : 0);
    assert_true(p->pid > 0);
}

static void start(struct program *p, bool once)
{
    start_with(p, once, NULL);
}

/* The program ends by itself, with status 0, and takes its sockets along. */
static void ended(struct program *p)
{
    int status = -1, ms;

    for (ms = 0; ms < DEADLINE_MS && waitpid(p->pid, &status, WNOHANG) == 0; ms += 10)
        poll(NULL, 0, 10);
    if (ms >= DEADLINE_MS)
        kill(p->pid, SIGKILL);
    assert_true(ms < DEADLINE_MS);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    assert_int_equal(rmdir(p->dir), 0);
}

static void exchange(int fd, const char *line, const char *part)
{
    char buf[256] = "";
    struct pollfd pfd = {.fd = fd, .events = POLLIN};

    assert_true(fd >= 0);
    assert_int_equal(send(fd, line, strlen(line), 0), strlen(line));
    assert_int_equal(poll(&pfd, 1, DEADLINE_MS), 1);
    assert_true(recv(fd, buf, sizeof(buf) - 1, 0) > 0);
    assert_non_null(strstr(buf, part));
}

static void test_quit(void **state)
{
    struct program p;
    int ctl, chan;

    (void)state;
    start(&p, false);
    chan = client_connect(p.chan);
    exchange(chan, "quit\n", "not allowed");
    exchange(chan, "owners begin\n", "true");
    ctl = client_connect(p.ctl);
    assert_int_equal(listen_unix(p.ctl), -EADDRINUSE);
    exchange(ctl, "quit\n", "true");
    ended(&p);
    close(ctl);
    close(chan);
}

static void test_sigterm(void **state)
{
    struct program p;
    int ctl;

    (void)state;
    start(&p, false);
    ctl = client_connect(p.ctl);
    exchange(ctl, "frames 1\n", "true");
    kill(p.pid, SIGTERM);
    ended(&p);
    close(ctl);
}

/* A client, another one after it, then one that breaks the protocol. */
static void test_reconnect(void **state)
{
    static const uint8_t version[] = {1, 0, 1, 0, 22, 0, 0, 0, 0,   0,   0,
                                      0, 0, 0, 0, 0,  0, 0, 0, '{', '}', 0};
    struct program p;

    (void)state;
    start(&p, false);
    for (int i = 0; i < 3; i++) {
        int fd = client_connect(p.socket);
        struct pollfd pfd = {.fd = fd, .events = POLLIN};
        uint8_t head[16];
        static const uint8_t broken[16] = {1, 0, 4, 0, 1};

        assert_int_equal(send(fd, version, sizeof(version), 0), sizeof(version));
        assert_int_equal(poll(&pfd, 1, DEADLINE_MS), 1);
        assert_int_equal(recv(fd, head, 16, MSG_WAITALL), 16);
        assert_int_equal(head[2], 1);
        assert_int_equal(head[8], 1); /* a reply without error */
        send(fd, broken, i == 1 ? 16 : 0, 0);
        close(fd);
    }
    kill(p.pid, SIGTERM);
    ended(&p);
}

static void test_once(void **state)
{
    struct program p;
    int fd;

    (void)state;
    start(&p, true);
    fd = client_connect(p.socket);
    assert_true(fd >= 0);
    close(fd);
    ended(&p);
}

/* The walker's channel when the other end listens: we connect when it appears, and again. */
static void test_connect(void **state)
{
    struct program p;
    char path[64] = "";

    (void)state;
    start_with(&p, false, path);
    for (int i = 0; i < 2; i++) {
        int l = listen_unix(path);
        struct pollfd pfd = {.fd = l, .events = POLLIN};
        int fd;

        assert_true(l >= 0);
        assert_int_equal(poll(&pfd, 1, DEADLINE_MS), 1);
        fd = accept(l, NULL, NULL);
        exchange(fd, "owners begin\n", "true");
        close(l);
        unlink(path);
        close(fd);
    }
    kill(p.pid, SIGTERM);
    ended(&p);
}

static void test_paths(void **state)
{
    char dir[] = "/tmp/softgpu-lsn-XXXXXX", path[64], longer[200];
    int fd;

    (void)state;
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof(path), "%s/s", dir);
    fd = listen_unix(path);
    assert_true(fd >= 0);
    close(fd); /* its file stays: stale */
    fd = listen_unix(path);
    assert_true(fd >= 0);
    close(fd);
    unlink(path);
    fd = open(path, O_CREAT | O_WRONLY, 0600);
    close(fd);
    assert_int_equal(listen_unix(path), -EEXIST); /* somebody's file is left alone */
    unlink(path);
    assert_int_equal(connect_unix(path), -ENOENT);
    memset(longer, 'x', sizeof(longer) - 1);
    longer[sizeof(longer) - 1] = 0;
    assert_int_equal(listen_unix(longer), -ENAMETOOLONG);
    assert_int_equal(listen_unix(""), -EINVAL);
    rmdir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_quit),      cmocka_unit_test(test_sigterm),
        cmocka_unit_test(test_reconnect), cmocka_unit_test(test_once),
        cmocka_unit_test(test_connect),   cmocka_unit_test(test_paths)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
