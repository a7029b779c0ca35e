/* SPDX-License-Identifier: MIT */
/*
 * The broker and the world around it: vgt-dm as a real process that becomes the device model or
 * says why not, and what goes to systemd's descriptor store. systemd is a thread that reads the
 * notification socket.
 */
#include "tests/unit/broker_fixture.h"

#include <errno.h>
#include <libgen.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
/* cmocka wants the four above first */
#include <cmocka.h>

extern char **environ;
static char dm_path[512];

/* ---- vgt-dm */

struct child {
    pid_t pid;
    int out;
    char text[2048];
    int status;
    bool over;
};

static void start_dm(struct rig *r, struct child *c, const char *type)
{
    char *argv[] = {dm_path,      "-xen-domid", "7",
                    "-name",      "guest",      "-vgt",
                    (char *)type, "-machine",   "xenfv,suppress-vmdesc=on",
                    NULL};
    posix_spawn_file_actions_t actions;
    int pipes[2];

    setenv("VGT_CTL", r->ctl, 1);
    setenv("VGT_DM_REAL", "/bin/echo", 1);
    memset(c, 0, sizeof(*c));
    assert_int_equal(pipe(pipes), 0);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, pipes[1], 1);
    posix_spawn_file_actions_adddup2(&actions, pipes[1], 2);
    posix_spawn_file_actions_addclose(&actions, pipes[0]);
    assert_int_equal(posix_spawn(&c->pid, dm_path, &actions, NULL, argv, environ), 0);
    posix_spawn_file_actions_destroy(&actions);
    close(pipes[1]);
    c->out = pipes[0];
}

static bool ended(struct child *c)
{
    c->over = c->over || waitpid(c->pid, &c->status, WNOHANG) == c->pid;
    return c->over;
}

static void end_dm(struct rig *r, struct child *c)
{
    ssize_t n;

    rig_until(r, ended(c));
    n = read(c->out, c->text, sizeof(c->text) - 1);
    c->text[n > 0 ? n : 0] = 0;
    close(c->out);
}

static void test_dm(void **state)
{
    struct child c;
    struct rig r;

    (void)state;
    rig_start(&r, 0);
    rig_services(&r);
    start_dm(&r, &c, "type=small");
    rig_until(&r, r.display.adds == 1);
    rig_turns(&r, 5);
    assert_false(ended(&c)); /* it waits */
    fake_connect(&r.mmio);
    end_dm(&r, &c);
    assert_true(WIFEXITED(c.status));
    assert_int_equal(WEXITSTATUS(c.status), 0);
    assert_string_equal(c.text, "-xen-domid 7 -name guest -machine pc,accel=xen,suppress-vmdesc=on "
                                "-device xen-platform,addr=0x4\n");
    assert_string_equal(r.broker->guest[0]->s->type, "small");
    assert_string_equal(r.broker->guest[0]->s->name, "guest");
    assert_int_equal(broker_guests(r.broker), 1);
    rig_stop(&r);
}

static void test_dm_refused(void **state)
{
    struct child c;
    struct rig r;

    (void)state;
    rig_start(&r, 0);
    rig_services(&r);
    r.gtt.refuse = "no room: 16 MiB are free";
    start_dm(&r, &c, "type=large");
    end_dm(&r, &c);
    assert_true(WIFEXITED(c.status));
    assert_int_equal(WEXITSTATUS(c.status), 1);
    assert_non_null(strstr(c.text, "vgt-dm: no vGPU for domain 7: no room: 16 MiB are free\n"));
    rig_until(&r, broker_guests(r.broker) == 0);
    rig_stop(&r);
}

static void test_dm_killed(void **state)
{
    struct child c;
    struct rig r;

    (void)state;
    rig_start(&r, 0);
    rig_services(&r);
    start_dm(&r, &c, "");
    rig_until(&r, r.display.adds == 1);
    kill(c.pid, SIGKILL);
    end_dm(&r, &c);
    rig_until(&r, broker_guests(r.broker) == 0);
    rig_stop(&r);
}

/* ---- the descriptor store */

#define KEPT 256

static struct {
    pthread_mutex_t lock;
    pthread_t thread;
    int socket;
    unsigned count;
    struct broker_kept kept[KEPT];
} systemd = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void drop(unsigned i)
{
    free(systemd.kept[i].name);
    close(systemd.kept[i].fd);
    systemd.kept[i] = systemd.kept[--systemd.count];
}

static void forget(const char *name)
{
    for (unsigned i = systemd.count; i-- > 0;)
        if (!strcmp(systemd.kept[i].name, name))
            drop(i);
}

static int fd_of(struct msghdr *msg)
{
    struct cmsghdr *c;
    int fd = -1;

    for (c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c))
        if (c->cmsg_type == SCM_RIGHTS)
            memcpy(&fd, CMSG_DATA(c), sizeof(fd));
    return fd;
}

static void take(char *text, int fd)
{
    char *name = strstr(text, "FDNAME=");

    if (!name)
        return;
    name += strlen("FDNAME=");
    name[strcspn(name, "\n")] = 0;
    pthread_mutex_lock(&systemd.lock);
    if (strncmp(text, "FDSTORE=1\n", 10))
        forget(name);
    else if (fd >= 0 && systemd.count < KEPT)
        systemd.kept[systemd.count++] = (struct broker_kept){strdup(name), fd};
    pthread_mutex_unlock(&systemd.lock);
}

static void *serve(void *unused)
{
    union {
        char bytes[CMSG_SPACE(sizeof(int) * 4) + CMSG_SPACE(sizeof(struct ucred))];
        struct cmsghdr align;
    } control;
    char text[512];
    ssize_t n;

    do {
        struct iovec iov = {text, sizeof(text) - 1};
        struct msghdr msg = {.msg_iov = &iov,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = sizeof(control.bytes)};

        n = recvmsg(systemd.socket, &msg, 0);
        text[n > 0 ? n : 0] = 0;
        take(text, n > 0 ? fd_of(&msg) : -1);
    } while (n > 0 && strcmp(text, "END"));
    return unused;
}

static void start_systemd(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    snprintf(address.sun_path, sizeof(address.sun_path), "/tmp/vgt-broker-test-%d.notify",
             (int)getpid());
    unlink(address.sun_path);
    systemd.socket = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(systemd.socket, (struct sockaddr *)&address, sizeof(address)), 0);
    setenv("NOTIFY_SOCKET", address.sun_path, 1);
    assert_int_equal(pthread_create(&systemd.thread, NULL, serve, NULL), 0);
}

static void stop_systemd(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    snprintf(address.sun_path, sizeof(address.sun_path), "%s", getenv("NOTIFY_SOCKET"));
    assert_int_equal(sendto(fd, "END", 3, 0, (struct sockaddr *)&address, sizeof(address)), 3);
    close(fd);
    pthread_join(systemd.thread, NULL);
    close(systemd.socket);
    unlink(address.sun_path);
    unsetenv("NOTIFY_SOCKET");
    while (systemd.count)
        drop(0);
}

static unsigned kept_with(const char *prefix)
{
    unsigned n = 0;

    pthread_mutex_lock(&systemd.lock);
    for (unsigned i = 0; i < systemd.count; i++)
        n += !strncmp(systemd.kept[i].name, prefix, strlen(prefix));
    pthread_mutex_unlock(&systemd.lock);
    return n;
}

static void test_store(void **state)
{
    Vgt__DetachRequest request = VGT__DETACH_REQUEST__INIT;
    struct broker_kept kept[KEPT];
    struct rig r;

    (void)state;
    start_systemd();
    rig_start_kept(&r);
    rig_services(&r);
    rig_attach(&r);
    rig_until(&r, kept_with("g.7.") == 22 && kept_with("s.") == 12 && kept_with("state") == 1);
    /* Everything dies but systemd. */
    fake_crash(&r.gtt), fake_crash(&r.sched), fake_crash(&r.display), fake_crash(&r.mmio);
    broker_free(r.broker);
    pthread_mutex_lock(&systemd.lock);
    forget("g.7.bad_gtt"); /* as if an older broker had not known them */
    forget("g.7.bad_sched");
    memcpy(kept, systemd.kept, sizeof(kept));
    r.config.kept = kept;
    r.config.kept_count = systemd.count;
    for (unsigned i = 0; i < systemd.count; i++)
        kept[i].fd = dup(kept[i].fd);
    pthread_mutex_unlock(&systemd.lock);
    for (unsigned i = 0; i < BROKER_DEVS; i++)
        r.config.dev[i] = -1;
    assert_int_equal(broker_new(r.loop, &r.config, &r.broker), 0);
    rig_until(&r, !r.client.chan);
    client_connect(&r, r.loop);
    rig_services(&r);
    fake_connect(&r.mmio);
    rig_until(&r, r.mmio.adds == 2);
    rig_until(&r, kept_with("g.7.bad_gtt") == 1 && kept_with("g.7.bad_sched") == 1);
    assert_int_equal(kept_with("g.7."), 22);
    assert_true(r.mmio.restart && r.gtt.restart && r.sched.restart && r.display.restart);
    assert_int_equal(r.mmio.fds.count, 17);
    /* What is forgotten is not kept either. */
    request.domid = 7;
    client_send(&r, VGT__TYPE__TYPE_DETACH, &request.base);
    rig_until(&r, r.client.type == VGT__TYPE__TYPE_DETACH_REPLY);
    rig_until(&r, kept_with("g.") == 0);
    rig_stop(&r);
    stop_systemd();
}

/* ---- vgt-units, by hand: a listening socket, and what it was asked */

#define UNITS "/tmp/vgt-broker-test.units"

static int units_listen(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = UNITS};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    unlink(UNITS);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(fd, 4), 0);
    return fd;
}

/* One request, answered. */
static void units_serve(struct rig *r, int listener, const char *expect, const char *answer)
{
    char line[32] = "";
    int fd = -1;

    rig_until(r, fd >= 0 || (fd = accept(listener, NULL, NULL)) >= 0);
    assert_true(read(fd, line, sizeof(line) - 1) > 0);
    assert_string_equal(line, expect);
    assert_int_equal(write(fd, answer, strlen(answer)), strlen(answer));
    close(fd);
}

static void test_units(void **state)
{
    int listener = units_listen();
    struct vmm *domain;
    struct rig r;

    (void)state;
    rig_start_units(&r, UNITS);
    rig_services(&r);
    client_attach(&r, 7, "");
    units_serve(&r, listener, "start 7\n", "ok\n");
    fake_connect(&r.mmio);
    rig_until(&r, r.client.type);
    assert_int_equal(r.client.type, VGT__TYPE__TYPE_ATTACH_REPLY);
    assert_int_equal(vmm_fake_ops.open_control(7, &domain), 0);
    vmm_fake_ops.kill(domain, "test");
    vmm_fake_ops.close(domain);
    units_serve(&r, listener, "stop 7\n", "ok\n");
    rig_until(&r, broker_guests(r.broker) == 0);
    rig_stop(&r);
    close(listener);
}

static void test_units_refuse(void **state)
{
    static const char *const answers[] = {"failed\n", "", "okay\n"};

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        int listener = units_listen();
        struct rig r;

        rig_start_units(&r, UNITS);
        rig_services(&r);
        client_attach(&r, 7, "");
        units_serve(&r, listener, "start 7\n", answers[i]);
        units_serve(&r, listener, "stop 7\n", "ok\n"); /* it may run all the same */
        rig_until(&r, r.client.type);
        assert_string_equal(r.client.text, "systemd does not start vgt-mmio@7.service");
        rig_stop(&r);
        close(listener);
    }
}

/* Nobody listens. */
static void test_units_away(void **state)
{
    struct rig r;

    (void)state;
    unlink(UNITS);
    rig_start_units(&r, UNITS);
    rig_services(&r);
    client_attach(&r, 7, "");
    rig_until(&r, r.client.type);
    assert_string_equal(r.client.text,
                        "vgt-units.socket does not answer: No such file or directory");
    rig_until(&r, broker_guests(r.broker) == 0);
    rig_stop(&r);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dm),         cmocka_unit_test(test_dm_refused),
        cmocka_unit_test(test_dm_killed),  cmocka_unit_test(test_store),
        cmocka_unit_test(test_units),      cmocka_unit_test(test_units_refuse),
        cmocka_unit_test(test_units_away),
    };
    char *self = strdup(argc ? argv[0] : "");

    snprintf(dm_path, sizeof(dm_path), "%s/../../services/broker/vgt-dm", dirname(self));
    free(self);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
