/* SPDX-License-Identifier: MIT */
/*
 * Each service's list of system calls, entered by a child process: what a service does day by day
 * (its loop and timers, lanes, regions, the wiring client with a broker that comes and goes,
 * systemd, the log, threads where it has them, abort()) goes on. Calls that need Xen or the module
 * are made on a pipe: what counts is who refuses.
 */
#include "kmod-stub/vgt_stub.h"
#include "lib/lane.h"
#include "lib/log.h"
#include "lib/region.h"
#include "services/broker/broker.h"
#include "services/gtt/service.h"
#include "services/mmio/service.h"
#include "tests/unit/sandbox_child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include <xen/xen.h>
/* its types are needed by the next */
#include <xen/sys/evtchn.h>
#include <xen/sys/privcmd.h>
/* cmocka wants the headers above first */
#include <cmocka.h>

static int pipes[2];

/* Made by the parent: an end of the world around a service. */
static struct {
    int broker, systemd; /* listening; a datagram socket */
    int region, lane, wake, room, end;
    char wire[108], notify[108];
} world;

static int listen_at(const char *path, int type)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, type | SOCK_NONBLOCK, 0);

    strcpy(address.sun_path, path);
    unlink(path);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    if (type == SOCK_STREAM)
        assert_int_equal(listen(fd, 8), 0);
    return fd;
}

static void make_world(void)
{
    snprintf(world.wire, sizeof(world.wire), "/tmp/vgt-sandbox-%d.wire", (int)getpid());
    snprintf(world.notify, sizeof(world.notify), "/tmp/vgt-sandbox-%d.notify", (int)getpid());
    world.broker = listen_at(world.wire, SOCK_STREAM);
    world.systemd = listen_at(world.notify, SOCK_DGRAM);
    setenv("NOTIFY_SOCKET", world.notify, 1);
    setenv("WATCHDOG_USEC", "200000", 1);
    unsetenv("WATCHDOG_PID");
    assert_int_equal(region_create("test", 1, 1, 4096, &world.region), 0);
    assert_int_equal(lane_create("test", LANE_STREAM, 8, 1, &world.lane), 0);
    world.wake = eventfd(0, EFD_NONBLOCK);
    world.room = eventfd(0, EFD_NONBLOCK);
    world.end = eventfd(0, EFD_NONBLOCK);
}

static void unmake_world(void)
{
    close(world.broker);
    close(world.systemd);
    unlink(world.wire);
    unlink(world.notify);
}

static int shared_memory(void)
{
    struct region region;
    struct lane_slot copy;
    struct lane_tx tx;
    struct lane_rx rx;

    if (region_map(world.region, 1, 1, 64, true, &region))
        return 10;
    region_unmap(&region);
    if (lane_producer_attach(&tx, world.lane, 1, world.wake, world.room) ||
        lane_consumer_attach(&rx, world.lane, 1, world.wake, world.room))
        return 11;
    if (lane_tx_put(&tx, "x", 1) || lane_rx_next(&rx, &copy, NULL) || lane_rx_advance(&rx) ||
        lane_drain(world.wake))
        return 12;
    lane_producer_detach(&tx);
    lane_consumer_detach(&rx);
    return 0;
}

static int memory(void)
{
    char *volatile p = malloc(100);

    for (size_t size = 1000; size < (64u << 20); size *= 7) {
        p = realloc(p, size);
        if (!p)
            return 20;
        memset(p, 1, size);
    }
    free(p);
    return 0;
}

static void nothing(void *ctx, uint32_t domid, bool final, uint32_t id)
{
    (void)ctx;
    (void)domid;
    (void) final;
    (void)id;
}

static void nothing_added(void *ctx, const Vgt__GuestAdd *add, struct wire_fds *fds, uint32_t id)
{
    (void)ctx;
    (void)add;
    (void)fds;
    (void)id;
}

static void no_stats(void *ctx, uint32_t id)
{
    (void)ctx;
    (void)id;
}

static void stop(void *data, uint32_t events)
{
    (void)events;
    loop_stop(data, 0);
}

static const struct wire_ops no_ops = {
    .guest_add = nothing_added, .guest_remove = nothing, .stats = no_stats};

/* A loop with a wiring client whose broker hangs up (the parent never answers Hello, and this loses
 * its descriptor), which logs and connects again; the watchdog; until the parent has seen enough.
 */
static int service_loop(struct loop *loop)
{
    char uri[128];
    struct log log = {.fd = pipes[1], .level = LOG_INFO, .name = "test"};
    struct wire_config config = {.role = "vgt-mmio", .domid = 7, .ops = &no_ops, .log = &log};
    struct wire_client *client;
    struct loop_source *end;

    snprintf(uri, sizeof(uri), "unix:%s", world.wire);
    config.socket = uri;
    if (wire_client_new(loop, NULL, &config, NULL, &client))
        return 30;
    if (loop_fd(loop, world.end, EPOLLIN, stop, loop, &end))
        return 31;
    if (loop_run(loop))
        return 32;
    wire_client_free(client);
    return 0;
}

/* What systemd was told since the last look: how often READY=1, and WATCHDOG=1. */
static unsigned told_systemd(unsigned *watchdogs)
{
    unsigned readies = 0;
    char text[64];
    ssize_t n;

    while ((n = recv(world.systemd, text, sizeof(text) - 1, MSG_DONTWAIT)) > 0) {
        text[n] = 0;
        readies += !strcmp(text, "READY=1");
        *watchdogs += !strcmp(text, "WATCHDOG=1");
    }
    return readies;
}

/* The service's world: a broker that crashes at each connection, and systemd. Ends it when it has
 * come back three times and fed the watchdog three times. Its status. */
static int meet(pid_t pid)
{
    unsigned readies = 0, watchdogs = 0, connections = 0;
    int status, fd;

    while (waitpid(pid, &status, WNOHANG) == 0) {
        struct pollfd p[2] = {{world.broker, POLLIN, 0}, {world.systemd, POLLIN, 0}};

        poll(p, 2, 20);
        readies += told_systemd(&watchdogs);
        fd = accept(world.broker, NULL, NULL);
        if (fd >= 0) {
            connections++;
            close(fd);
        }
        if (connections >= 3 && watchdogs >= 3)
            eventfd_write(world.end, 1);
    }
    if (!status)
        assert_int_equal(readies, 1);
    return status;
}

/* The list is entered as services do it. */
static int whole_service(const struct sandbox *sandbox)
{
    pid_t pid = fork();

    if (!pid) {
        struct loop *loop;
        int rc = loop_new(&loop);

        sandbox_when_ready(loop, sandbox);
        if (rc || loop_ready(loop))
            _exit(99);
        rc = shared_memory();
        rc = rc ? rc : memory();
        rc = rc ? rc : service_loop(loop);
        loop_free(loop);
        _exit(rc);
    }
    assert_true(pid > 0);
    return meet(pid);
}

static void test_service(void **state)
{
    (void)state;
    for (size_t s = 0; s < SANDBOX_SERVICES; s++) {
        int status;

        make_world();
        status = whole_service(sandbox_services[s].sandbox);
        if (status)
            fail_msg("%s: status 0x%x", sandbox_services[s].name, (unsigned)status);
        unmake_world();
    }
}

static int give_up(void)
{
    abort();
}

/* A failed assertion stays what it is. */
static void test_abort(void **state)
{
    (void)state;
    for (size_t s = 0; s < SANDBOX_SERVICES; s++)
        assert_true(sandbox_died_of(sandbox_child(sandbox_services[s].sandbox, give_up), SIGABRT));
}

static void *work(void *arg)
{
    char *volatile p = malloc(1 << 20);

    memset(p, 1, 1 << 20);
    free(p);
    return arg;
}

static int threads(void)
{
    for (int i = 0; i < 4; i++) {
        pthread_t t;
        void *out;

        if (pthread_create(&t, NULL, work, pipes) || pthread_join(t, &out) || out != pipes)
            return 1;
    }
    return 0;
}

/* A domain's nodes are opened when it comes. */
static int nodes(void)
{
    int fd = access("/dev/null", F_OK) ? -1 : open("/dev/null", O_RDWR | O_CLOEXEC);

    return fd < 0 || close(fd) || (ioctl(pipes[0], IOCTL_PRIVCMD_MMAPBATCH_V2, NULL) == 0) ||
           (ioctl(pipes[0], IOCTL_EVTCHN_NOTIFY, NULL) == 0);
}

static void test_core(void **state)
{
    (void)state;
    for (size_t s = 0; s < SANDBOX_SERVICES; s++) {
        if (!(sandbox_services[s].bit & (GTT | SCHED | BROKER)))
            continue;
        assert_int_equal(sandbox_child(sandbox_services[s].sandbox, threads), 0);
        assert_int_equal(sandbox_child(sandbox_services[s].sandbox, nodes), 0);
    }
}

static int trap(void)
{
    return (ioctl(pipes[0], IOCTL_PRIVCMD_DM_OP, NULL) == 0) ||
           (ioctl(pipes[0], IOCTL_EVTCHN_NOTIFY, NULL) == 0);
}

static int guest_files(void)
{
    int fd = -1, ro;

    if (region_create("test", 1, 1, 4096, &fd) || fchmod(fd, 0600))
        return 1;
    ro = region_reopen_readonly(fd);
    return ro < 0 || close(ro) || close(fd);
}

static void test_own(void **state)
{
    (void)state;
    assert_int_equal(sandbox_child(&mmio_sandbox, trap), 0);
    assert_int_equal(sandbox_child(&broker_sandbox, guest_files), 0);
}

/* Threads that run already are held to the list, too. */
static int start[2];

static void *exec_when_told(void *arg)
{
    char *argv[] = {"/bin/true", NULL};
    char byte;

    if (read(start[0], &byte, 1) == 1)
        execv(argv[0], argv);
    return arg;
}

static void test_all_threads(void **state)
{
    int status;
    pid_t pid;

    (void)state;
    assert_int_equal(pipe(start), 0);
    pid = fork();
    if (!pid) {
        pthread_t t;

        pthread_create(&t, NULL, exec_when_told, NULL);
        if (sandbox_enter(&gtt_sandbox) || write(start[1], "x", 1) != 1)
            _exit(99);
        pthread_join(t, NULL);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(sandbox_died_of(status, SIGSYS));
}

/* A list that cannot be entered keeps the service from saying that it is ready. */
static int refused(const void *data)
{
    (void)data;
    return -EPERM;
}

static void test_refused(void **state)
{
    unsigned watchdogs = 0;
    struct loop *loop;

    (void)state;
    make_world();
    assert_int_equal(loop_new(&loop), 0);
    loop_before_ready(loop, refused, NULL);
    assert_int_equal(loop_ready(loop), -EPERM);
    assert_int_equal(told_systemd(&watchdogs), 0);
    loop_free(loop);
    unmake_world();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_service),     cmocka_unit_test(test_abort),
        cmocka_unit_test(test_core),        cmocka_unit_test(test_own),
        cmocka_unit_test(test_all_threads), cmocka_unit_test(test_refused),
    };

    if (pipe(pipes))
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
