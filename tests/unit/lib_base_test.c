/* SPDX-License-Identifier: MIT */
/*
 * Call lanes, regions, the event loop, log and accounts.
 */
#include "lib/account.h"
#include "lib/call.h"
#include "lib/loop.h"
#include "lib/region.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#define CALLS 3000

struct call_ends {
    int fd, wake, done;
};

static struct call_ends call_make(void)
{
    struct call_ends e;

    assert_int_equal(lane_create("call", LANE_CALL, 1, 3, &e.fd), 0);
    e.wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    e.done = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    return e;
}

static void call_destroy(struct call_ends *e)
{
    close(e->fd);
    close(e->wake);
    close(e->done);
}

/* Answers x with 2x + 1; sleeps whenever there is nothing to do. */
static void *callee(void *data)
{
    struct call_rx *rx = data;
    struct pollfd p = {.fd = rx->wake_fd, .events = POLLIN};
    uint64_t x = 0;

    for (int done = 0; done < CALLS;) {
        if (call_take(rx, &x, sizeof(x)) == 0) {
            x = 2 * x + 1;
            if (call_answer(rx, &x, sizeof(x)))
                abort();
            done++;
        } else if (call_rx_sleep(rx) == 0) {
            if (poll(&p, 1, 20000) != 1)
                abort();
            lane_drain(rx->wake_fd);
        }
    }
    return NULL;
}

static void call_stress(unsigned spins)
{
    struct call_ends e = call_make();
    struct call_tx tx;
    struct call_rx rx;
    pthread_t thread;

    assert_int_equal(call_tx_attach(&tx, e.fd, 3, e.wake, e.done), 0);
    assert_int_equal(call_rx_attach(&rx, e.fd, 3, e.wake, e.done), 0);
    assert_int_equal(pthread_create(&thread, NULL, callee, &rx), 0);
    for (uint64_t i = 0; i < CALLS; i++) {
        uint64_t reply = 0;

        assert_int_equal(call_begin(&tx, &i, sizeof(i)), 0);
        assert_int_equal(call_wait(&tx, &reply, sizeof(reply), spins, 20000), 0);
        assert_int_equal(reply, 2 * i + 1);
    }
    pthread_join(thread, NULL);
    call_tx_detach(&tx);
    call_rx_detach(&rx);
    call_destroy(&e);
}

static void test_call_threads(void **state)
{
    (void)state;
    call_stress(0);   /* always through the eventfd */
    call_stress(500); /* mixed */
}

static void test_call_restart(void **state)
{
    struct call_ends e = call_make();
    struct call_tx tx;
    struct call_rx rx;
    uint32_t v = 5;

    (void)state;
    assert_int_equal(call_tx_attach(&tx, e.fd, 3, e.wake, e.done), 0);
    assert_int_equal(call_rx_attach(&rx, e.fd, 3, e.wake, e.done), 0);
    assert_int_equal(call_take(&rx, &v, sizeof(v)), LANE_EMPTY);
    assert_int_equal(call_begin(&tx, &v, sizeof(v)), 0);
    assert_int_equal(call_begin(&tx, &v, sizeof(v)), LANE_FULL);
    assert_int_equal(call_wait(&tx, &v, sizeof(v), 3, 1), -ETIMEDOUT);
    v = 0;
    assert_int_equal(call_take(&rx, &v, sizeof(v)), 0);
    assert_int_equal(v, 5);
    assert_int_equal(call_take(&rx, &v, sizeof(v)), LANE_EMPTY);
    /* The callee dies with the request taken: its successor gets it again. */
    call_rx_detach(&rx);
    assert_int_equal(call_rx_attach(&rx, e.fd, 3, e.wake, e.done), 0);
    /* And the caller dies too: its successor must wait for the old answer. */
    call_tx_detach(&tx);
    assert_int_equal(call_tx_attach(&tx, e.fd, 3, e.wake, e.done), 0);
    assert_int_equal(call_begin(&tx, &v, sizeof(v)), LANE_FULL);
    assert_int_equal(call_rx_sleep(&rx), LANE_READY);
    assert_int_equal(call_take(&rx, &v, sizeof(v)), 0);
    assert_int_equal(v, 5);
    assert_int_equal(call_answer(&rx, &v, sizeof(v)), 0);
    v = 6;
    assert_int_equal(call_begin(&tx, &v, sizeof(v)), 0);
    assert_int_equal(call_take(&rx, &v, sizeof(v)), 0);
    assert_int_equal(v, 6);
    /* Impossible sequence numbers break the lane for the reader only. */
    atomic_store(&tx.page->reply.seq, 77);
    assert_int_equal(call_poll(&tx, &v, sizeof(v)), LANE_BROKEN);
    atomic_store(&tx.page->request.seq, 99);
    assert_int_equal(call_take(&rx, &v, sizeof(v)), LANE_BROKEN);
    assert_int_equal(call_rx_sleep(&rx), LANE_BROKEN);
    call_tx_detach(&tx);
    call_rx_detach(&rx);
    assert_int_equal(call_rx_attach(&rx, e.fd, 3, e.wake, e.done), -EBADMSG);
    call_destroy(&e);
}

static int region_damaged(size_t offset, uint32_t value)
{
    struct region r;
    int fd, err;

    assert_int_equal(region_create("r", 4, 2, 10000, &fd), 0);
    assert_int_equal(pwrite(fd, &value, 4, (off_t)offset), 4);
    err = region_map(fd, 4, 2, 10000, true, &r);
    if (!err)
        region_unmap(&r);
    close(fd);
    return err;
}

static void test_region(void **state)
{
    struct region rw, ro;
    int fd, rofd;

    (void)state;
    assert_int_equal(region_create("r", 4, 2, 10000, &fd), 0);
    rofd = region_reopen_readonly(fd);
    assert_true(rofd >= 0);
    assert_int_equal(region_map(fd, 4, 2, 10000, true, &rw), 0);
    assert_int_equal(region_map(rofd, 4, 2, 0, true, &ro), -EACCES);
    assert_int_equal(region_map(rofd, 4, 3, 0, false, &ro), 0);
    assert_int_equal(ro.version, 2);
    assert_int_equal(ro.size, 10000);
    ((uint8_t *)rw.data)[9999] = 42;
    assert_int_equal(((uint8_t *)ro.data)[9999], 42);
    assert_int_equal(region_generation(&ro), 1);
    assert_int_equal(region_bump(&rw), 2);
    assert_int_equal(region_generation(&ro), 2);
    region_unmap(&ro);
    assert_int_equal(region_map(rofd, 4, 1, 0, false, &ro), -EPROTONOSUPPORT);
    assert_int_equal(region_map(rofd, 5, 2, 0, false, &ro), -EBADMSG);
    assert_int_equal(region_map(rofd, 4, 2, 10001, false, &ro), -EBADMSG);
    assert_int_equal(ftruncate(fd, 4096), -1);
    region_unmap(&rw);
    close(fd);
    close(rofd);
    assert_int_equal(region_damaged(offsetof(struct region_header, type), 4), 0);
    assert_int_equal(region_damaged(offsetof(struct region_header, magic), 0), -EBADMSG);
    assert_int_equal(region_damaged(offsetof(struct region_header, version), 0), -EBADMSG);
    assert_int_equal(region_damaged(offsetof(struct region_header, size), 99999), -EBADMSG);
    fd = memfd_create("plain", 0);
    assert_int_equal(region_map(fd, 4, 2, 0, false, &ro), -EPERM);
    close(fd);
}

struct looper {
    struct loop *loop;
    struct loop_source *a, *b, *timer, *defer;
    int fd_calls, timer_calls, defer_calls;
};

/* Both descriptors are readable in the same turn: the first removes both. */
static void remove_both(void *data, uint32_t events)
{
    struct looper *l = data;

    (void)events;
    l->fd_calls++;
    loop_remove(l->a);
    loop_remove(l->b);
}

static void on_defer(void *data, uint32_t events)
{
    struct looper *l = data;

    (void)events;
    if (++l->defer_calls < 3)
        loop_trigger(l->defer);
}

static void on_timer(void *data, uint32_t events)
{
    struct looper *l = data;

    (void)events;
    if (++l->timer_calls == 2)
        loop_stop(l->loop, 17);
    loop_trigger(l->defer);
    loop_trigger(l->defer);
}

static void test_loop(void **state)
{
    struct looper l = {0};
    int e1 = eventfd(1, 0), e2 = eventfd(1, 0);

    (void)state;
    assert_int_equal(loop_new(&l.loop), 0);
    assert_int_equal(loop_fd(l.loop, e1, EPOLLIN, remove_both, &l, &l.a), 0);
    assert_int_equal(loop_fd(l.loop, e2, EPOLLIN, remove_both, &l, &l.b), 0);
    assert_int_equal(loop_fd(l.loop, -1, EPOLLIN, remove_both, &l, &l.b), -EBADF);
    assert_int_equal(loop_turn(l.loop, 0), 0);
    assert_int_equal(l.fd_calls, 1);
    assert_int_equal(loop_turn(l.loop, 0), 0);
    assert_int_equal(l.fd_calls, 1);
    assert_int_equal(loop_defer(l.loop, on_defer, &l, &l.defer), 0);
    loop_trigger(l.defer);
    loop_trigger(l.defer);
    assert_int_equal(loop_turn(l.loop, -1), 0); /* does not sleep */
    assert_int_equal(l.defer_calls, 1);
    assert_int_equal(loop_turn(l.loop, -1), 0);
    assert_int_equal(loop_turn(l.loop, -1), 0);
    assert_int_equal(l.defer_calls, 3);
    assert_int_equal(loop_timer(l.loop, on_timer, &l, &l.timer), 0);
    assert_int_equal(loop_timer_arm(l.timer, 1000000, 1000000), 0);
    assert_int_equal(loop_run(l.loop), 17);
    assert_int_equal(l.timer_calls, 2);
    assert_int_equal(l.defer_calls, 5);
    loop_free(l.loop);
    close(e1);
    close(e2);
}

static void count_timer(void *data, uint32_t events)
{
    struct looper *l = data;

    (void)events;
    l->timer_calls++;
}

static uint64_t in_ms(uint64_t ms)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec + ms * 1000000;
}

/* Goes off once for each time it was armed for, also the same again, also one that is past. */
static void test_timer_at(void **state)
{
    struct looper l = {0};
    uint64_t at = in_ms(2);

    (void)state;
    assert_int_equal(loop_new(&l.loop), 0);
    assert_int_equal(loop_timer(l.loop, count_timer, &l, &l.timer), 0);
    for (int i = 1; i < 4; i++) {
        assert_int_equal(loop_timer_at(l.timer, at), 0);
        assert_int_equal(loop_timer_at(l.timer, at), 0);
        while (l.timer_calls < i)
            assert_int_equal(loop_turn(l.loop, 20000), 0);
        assert_true(in_ms(0) >= at);
        assert_int_equal(loop_turn(l.loop, 0), 0);
        assert_int_equal(l.timer_calls, i);
    }
    assert_int_equal(loop_timer_at(l.timer, in_ms(3600000)), 0);
    assert_int_equal(loop_timer_at(l.timer, in_ms(1)), 0);
    while (l.timer_calls < 4)
        assert_int_equal(loop_turn(l.loop, 20000), 0);
    assert_int_equal(loop_timer_at(l.timer, 1), 0);
    assert_int_equal(loop_timer_at(l.timer, 0), 0);
    assert_int_equal(loop_turn(l.loop, 5), 0);
    assert_int_equal(l.timer_calls, 4);
    loop_free(l.loop);
}

/* systemd's side of the notify socket. */
static void expect_notify(int fd, const char *text)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    char buffer[64] = "";

    assert_int_equal(poll(&p, 1, 10000), 1);
    assert_true(recv(fd, buffer, sizeof(buffer) - 1, 0) > 0);
    assert_string_equal(buffer, text);
}

static void test_watchdog(void **state)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    char pid[16];
    struct loop *loop;

    (void)state;
    snprintf(address.sun_path, sizeof(address.sun_path), "/tmp/vgt-notify-%d", (int)getpid());
    snprintf(pid, sizeof(pid), "%d", (int)getpid());
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    setenv("NOTIFY_SOCKET", address.sun_path, 1);
    setenv("WATCHDOG_USEC", "20000", 1);
    setenv("WATCHDOG_PID", pid, 1);
    assert_int_equal(loop_new(&loop), 0);
    assert_int_equal(loop_ready(loop), 0);
    expect_notify(fd, "READY=1");
    assert_int_equal(loop_turn(loop, 10000), 0);
    expect_notify(fd, "WATCHDOG=1");
    assert_int_equal(loop_turn(loop, 10000), 0);
    expect_notify(fd, "WATCHDOG=1");
    loop_free(loop);
    unsetenv("NOTIFY_SOCKET");
    unsetenv("WATCHDOG_USEC");
    unlink(address.sun_path);
    close(fd);
}

static void read_line(int fd, char *out, size_t size)
{
    ssize_t n = read(fd, out, size - 1);

    out[n > 0 ? n : 0] = 0;
}

static void test_log(void **state)
{
    int pipe_fd[2];
    struct log log = {.level = LOG_INFO, .name = "svc"};
    char line[2048], big[4000];

    (void)state;
    assert_int_equal(pipe2(pipe_fd, O_NONBLOCK | O_CLOEXEC), 0);
    log.fd = pipe_fd[1];
    log_write(&log, LOG_ERR, "it broke", "domid=%d name=%s", 3, "evil\n<0>fake\033[m");
    read_line(pipe_fd[0], line, sizeof(line));
    assert_string_equal(line, "<3>svc: it broke domid=3 name=evil?<0>fake?[m\n");
    log_write(&log, LOG_DEBUG, "quiet", NULL);
    read_line(pipe_fd[0], line, sizeof(line));
    assert_string_equal(line, "");
    memset(big, 'x', sizeof(big));
    big[sizeof(big) - 1] = 0;
    log_write(&log, LOG_INFO, "big", "v=%s", big);
    read_line(pipe_fd[0], line, sizeof(line));
    assert_true(strlen(line) < 1100 && line[strlen(line) - 1] == '\n');
    close(pipe_fd[0]);
    close(pipe_fd[1]);
}

static void test_log_limit(void **state)
{
    struct log_limit limit;
    uint64_t s = 1000000000ull, t = 5 * s;
    int passed = 0;

    (void)state;
    log_limit_init(&limit, 3, 6);
    for (int i = 0; i < 100; i++)
        passed += log_limit_pass(&limit, t);
    assert_int_equal(passed, 3);
    assert_int_equal(limit.suppressed, 97);
    assert_false(log_limit_pass(&limit, t + 9 * s));
    assert_true(log_limit_pass(&limit, t + 10 * s)); /* six a minute */
    assert_false(log_limit_pass(&limit, t + 11 * s));
    passed = 0;
    for (int i = 0; i < 100; i++)
        passed += log_limit_pass(&limit, t + 86400ull * 365 * s);
    assert_int_equal(passed, 3);             /* a year refills the bucket, not more */
    assert_false(log_limit_pass(&limit, t)); /* a clock going back gives nothing */
}

static void test_account(void **state)
{
    int pipe_fd[2];
    struct log log = {.level = LOG_INFO};
    struct account account;
    uint64_t counts[ACCOUNT_EVENTS];
    char line[512];

    (void)state;
    assert_int_equal(pipe2(pipe_fd, O_NONBLOCK | O_CLOEXEC), 0);
    log.fd = pipe_fd[1];
    account_init(&account, 9, "win\n10", &log);
    account_event(&account, ACCOUNT_BAD_GTT, "index=%u", 12u);
    account_event(&account, ACCOUNT_BAD_GTT, "index=%u", 13u);
    read_line(pipe_fd[0], line, sizeof(line));
    assert_string_equal(line,
                        "<4>first event of its kind event=bad_gtt domid=9 name=win?10 index=12\n");
    account_snapshot(&account, counts);
    assert_int_equal(counts[ACCOUNT_BAD_GTT], 2);
    assert_int_equal(counts[ACCOUNT_BAD_COMMAND], 0);
    for (unsigned i = 0; i < ACCOUNT_EVENTS; i++)
        assert_non_null(account_event_name(i));
    assert_null(account_event_name(ACCOUNT_EVENTS));
    close(pipe_fd[0]);
    close(pipe_fd[1]);
}

/* ---- the watchdog */

struct stuck {
    struct loop *loop;
    int systemd;
    unsigned fed_while_stuck;
};

/* Feeds that systemd has got since the last look. */
static unsigned fed(int systemd)
{
    unsigned count = 0;
    char text[64];
    ssize_t n;

    while ((n = recv(systemd, text, sizeof(text) - 1, MSG_DONTWAIT)) > 0) {
        text[n] = 0;
        count += !strcmp(text, "WATCHDOG=1");
    }
    return count;
}

static void get_stuck(void *data, uint32_t events)
{
    struct stuck *s = data;

    (void)events;
    fed(s->systemd);
    nanosleep(&(struct timespec){.tv_nsec = 300000000}, NULL); /* three times WatchdogSec */
    s->fed_while_stuck = fed(s->systemd);
    loop_stop(s->loop, 7);
}

/* The watchdog is fed by a loop that turns, and by nothing else. */
static void test_watchdog_stuck(void **state)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct stuck s = {.systemd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
    struct loop_source *source;
    unsigned count = 0;

    (void)state;
    snprintf(address.sun_path, sizeof(address.sun_path), "/tmp/vgt-watchdog-%d", (int)getpid());
    unlink(address.sun_path);
    assert_int_equal(bind(s.systemd, (struct sockaddr *)&address, sizeof(address)), 0);
    setenv("NOTIFY_SOCKET", address.sun_path, 1);
    setenv("WATCHDOG_USEC", "100000", 1);
    unsetenv("WATCHDOG_PID");
    assert_int_equal(loop_new(&s.loop), 0);
    assert_int_equal(loop_ready(s.loop), 0);
    for (int i = 0; i < 2000 && count < 3; i++) {
        assert_int_equal(loop_turn(s.loop, 50), 0);
        count += fed(s.systemd);
    }
    assert_true(count >= 3);
    assert_int_equal(loop_defer(s.loop, get_stuck, &s, &source), 0);
    loop_trigger(source);
    assert_int_equal(loop_run(s.loop), 7);
    assert_int_equal(s.fed_while_stuck, 0);
    loop_free(s.loop);
    unsetenv("NOTIFY_SOCKET");
    unsetenv("WATCHDOG_USEC");
    unlink(address.sun_path);
    close(s.systemd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_watchdog_stuck), cmocka_unit_test(test_call_threads),
        cmocka_unit_test(test_call_restart),   cmocka_unit_test(test_region),
        cmocka_unit_test(test_loop),           cmocka_unit_test(test_timer_at),
        cmocka_unit_test(test_watchdog),       cmocka_unit_test(test_log),
        cmocka_unit_test(test_log_limit),      cmocka_unit_test(test_account),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
