/* SPDX-License-Identifier: MIT */
/* gpu_soft_rig.c: see gpu_soft_rig.h. */
#include "tests/unit/gpu_soft_rig.h"
#include "gpu/node/node.h"
#include "gpu/soft/soft.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

extern char **environ;

int64_t rig_now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

#define MAX_ARGS 24
#define MAX_ENV  256

pid_t rig_spawn(struct soft_rig *r, const char *program, const char *const *args,
                const char *const *environment)
{
    char path[PATH_MAX], *argv[MAX_ARGS] = {path}, *env[MAX_ENV];
    unsigned n = 1, e = 0;
    pid_t pid;

    snprintf(path, sizeof(path), "%s/%s", r->bin, program);
    for (; *args; args++) {
        assert_true(n < MAX_ARGS - 1);
        argv[n++] = (char *)*args;
    }
    argv[n] = NULL;
    for (; environment && *environment; environment++)
        env[e++] = (char *)*environment;
    for (char **old = environ; *old && e < MAX_ENV - 1; old++)
        env[e++] = *old;
    env[e] = NULL;
    assert_int_equal(posix_spawn(&pid, path, NULL, NULL, argv, env), 0);
    return pid;
}

int rig_wait(pid_t pid)
{
    int64_t limit = rig_now_ms() + RIG_DEADLINE_MS;
    int status;

    while (waitpid(pid, &status, WNOHANG) == 0) {
        if (rig_now_ms() > limit) {
            kill(pid, SIGKILL);
            waitpid(pid, &status, 0);
            fail_msg("process %d did not end", (int)pid);
        }
        poll(NULL, 0, 1);
    }
    return status;
}

static int connect_to(const char *path)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    strcpy(addr.sun_path, path);
    if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0)
        return fd;
    close(fd);
    return -1;
}

/* Until the process listens there. */
static void await_listener(pid_t pid, const char *path)
{
    int64_t limit = rig_now_ms() + RIG_DEADLINE_MS;
    int fd, status;

    while ((fd = connect_to(path)) < 0) {
        assert_true(rig_now_ms() < limit);
        assert_int_equal(waitpid(pid, &status, WNOHANG), 0);
        poll(NULL, 0, 1);
    }
    close(fd);
}

static void find_build(struct soft_rig *r)
{
    ssize_t n = readlink("/proc/self/exe", r->bin, sizeof(r->bin) - 1);

    assert_true(n > 0);
    for (int up = 0; up < 3; up++)
        *strrchr(r->bin, '/') = 0;
}

void rig_start(struct soft_rig *r, const char *model, const char *const *more)
{
    const char *args[MAX_ARGS] = {"--gpu", r->gpu, "--socket", r->socket,
                                  "--ctl", r->ctl, "--judge",  r->gpu_ctl};

    memset(r, 0, sizeof(*r));
    find_build(r);
    strcpy(r->dir, "/tmp/vgt-rig-XXXXXX");
    assert_non_null(mkdtemp(r->dir));
    snprintf(r->gpu, sizeof(r->gpu), "%s/gpu", r->dir);
    snprintf(r->socket, sizeof(r->socket), "%s/stub", r->dir);
    snprintf(r->ctl, sizeof(r->ctl), "%s/stub-ctl", r->dir);
    snprintf(r->gpu_ctl, sizeof(r->gpu_ctl), "%s/gpu-ctl", r->dir);
    r->softgpu = rig_spawn(
        r, "softgpu/softgpu",
        (const char *[]){"--gpu", model, "--socket", r->gpu, "--ctl", r->gpu_ctl, NULL}, NULL);
    await_listener(r->softgpu, r->gpu_ctl);
    for (unsigned i = 8; more && *more; more++)
        args[i++] = *more;
    r->softstub = rig_spawn(r, "tests/rig/vgt-softstub", args, NULL);
    await_listener(r->softstub, r->ctl);
}

/* True: in good order. A sanitizer that found something at the end makes the status another. */
static bool end(pid_t *pid)
{
    int status;

    if (*pid <= 0)
        return true;
    kill(*pid, SIGTERM);
    status = rig_wait(*pid);
    *pid = 0;
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

void rig_stop(struct soft_rig *r)
{
    bool stub = end(&r->softstub), gpu = end(&r->softgpu);
    char command[64];

    snprintf(command, sizeof(command), "rm -r %s", r->dir);
    assert_int_equal(system(command), 0);
    assert_true(stub);
    assert_true(gpu);
}

int rig_node(struct soft_rig *r, unsigned node)
{
    int64_t limit = rig_now_ms() + RIG_DEADLINE_MS;
    int fd = -1, rc;

    /* The nodes' socket comes after the lines'. */
    while ((rc = gpu_soft_connect(r->socket, node, &fd)) == -ENOENT || rc == -ECONNREFUSED) {
        assert_true(rig_now_ms() < limit);
        poll(NULL, 0, 1);
    }
    assert_int_equal(rc, 0);
    return fd;
}

struct gpu *rig_gpu(int fd)
{
    struct gpu *g = NULL;

    assert_int_equal(gpu_node_open_fd(fd, &g), 0);
    return g;
}

static void send_line(int socket, int fd, const char *line)
{
    union {
        char buf[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control = {0};
    struct iovec iov = {(void *)line, strlen(line)};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};

    if (fd >= 0) {
        msg.msg_control = control.buf;
        msg.msg_controllen = sizeof(control.buf);
        struct cmsghdr *h = CMSG_FIRSTHDR(&msg);
        h->cmsg_level = SOL_SOCKET;
        h->cmsg_type = SCM_RIGHTS;
        h->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(h), &fd, sizeof(int));
    }
    assert_int_equal(sendmsg(socket, &msg, MSG_NOSIGNAL), strlen(line));
}

static void talk(const char *path, int fd, const char *line, char *answer, size_t size)
{
    int s = connect_to(path);
    size_t have = 0;

    assert_true(s >= 0);
    send_line(s, fd, line);
    do {
        ssize_t n = recv(s, answer + have, size - 1 - have, 0);

        assert_true(n > 0);
        have += (size_t)n;
        answer[have] = 0;
    } while (strchr(answer, '\n') == NULL);
    *strchr(answer, '\n') = 0;
    close(s);
}

void rig_ctl(struct soft_rig *r, int fd, char *answer, size_t size, const char *format, ...)
{
    char line[256];
    va_list list;

    va_start(list, format);
    vsnprintf(line, sizeof(line) - 1, format, list);
    va_end(list);
    strcat(line, "\n");
    talk(r->ctl, fd, line, answer, size);
}

void rig_gpu_ctl(struct soft_rig *r, const char *line, char *answer, size_t size)
{
    char text[256];

    snprintf(text, sizeof(text), "%s\n", line);
    talk(r->gpu_ctl, -1, text, answer, size);
}

unsigned long long rig_number(const char *answer, const char *key)
{
    char pattern[64];
    const char *at;

    snprintf(pattern, sizeof(pattern), "\"%s\":", key);
    at = strstr(answer, pattern);
    if (at == NULL)
        fail_msg("no %s in %s", key, answer);
    at += strlen(pattern);
    return strtoull(*at == '"' ? at + 1 : at, NULL, 0);
}

struct rig_row rig_open_row(struct soft_rig *r, unsigned row)
{
    struct rig_row o = {.fd = rig_node(r, row)};

    o.g = rig_gpu(o.fd);
    assert_int_equal(o.g->info.row, row);
    return o;
}

void rig_close_row(struct rig_row o)
{
    gpu_close(o.g);
    close(o.fd);
}

int rig_guest_memory(uint32_t frames)
{
    int fd = memfd_create("guest", MFD_CLOEXEC);

    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, (off_t)frames * GPU_PAGE_SIZE), 0);
    for (uint32_t i = 0; i < frames; i++) {
        uint32_t word = 0x7000 + i;

        assert_int_equal(pwrite(fd, &word, 4, (off_t)i * GPU_PAGE_SIZE), 4);
    }
    return fd;
}

void rig_await_frames(struct soft_rig *r, unsigned domid, unsigned frames)
{
    int64_t limit = rig_now_ms() + RIG_DEADLINE_MS;
    char line[64], answer[256];

    snprintf(line, sizeof(line), "frames %u", domid);
    do {
        assert_true(rig_now_ms() < limit);
        rig_gpu_ctl(r, line, answer, sizeof(answer));
    } while (rig_number(answer, "frames") != frames);
}
