/* SPDX-License-Identifier: MIT */
/*
 * connect.c: nodes over a socket: opening one, and the broker's calls on its own (soft.h). Called
 * by the broker's thread and by tests; no state.
 */
#include "gpu/soft/link.h"
#include "gpu/soft/soft.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

/* No two calls on a node have the same, whichever process made them. */
static uint32_t fresh_seq(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint32_t)((uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec);
}

/* The answer to the call, past those to calls that nobody waits for any more. */
static int await_answer(int fd, struct soft_message *m, uint32_t command, uint32_t seq)
{
    int r, got;

    do {
        r = soft_receive(fd, m, &got);
        if (got >= 0)
            close(got);
    } while (r == 0 && (m->seq != seq || m->command != command));
    return r != 0 ? r : m->result;
}

static int domain_call(int fd, uint32_t command, uint16_t domid)
{
    struct soft_message *m = calloc(1, sizeof(*m));
    uint32_t seq = fresh_seq();
    int r;

    if (m == NULL)
        return -ENOMEM;
    m->command = command;
    m->seq = seq;
    m->arg.domain.domid = domid;
    r = soft_send(fd, m, -1);
    if (r == 0)
        r = await_answer(fd, m, command, seq);
    free(m);
    return r;
}

int gpu_soft_attach(int broker_fd, uint16_t domid)
{
    return domain_call(broker_fd, VGT_IOC_ATTACH, domid);
}

int gpu_soft_detach(int broker_fd, uint16_t domid)
{
    return domain_call(broker_fd, VGT_IOC_DETACH, domid);
}

static int hello(int fd, unsigned node)
{
    struct soft_message *m = calloc(1, sizeof(*m));
    int r, got = -1;

    if (m == NULL)
        return -ENOMEM;
    m->command = SOFT_HELLO;
    m->arg.word[0] = SOFT_MAGIC;
    m->arg.word[1] = SOFT_VERSION;
    m->arg.word[2] = node;
    r = soft_send(fd, m, -1);
    if (r == 0)
        r = soft_receive(fd, m, &got);
    if (r == 0)
        r = m->result;
    if (got >= 0)
        close(got);
    free(m);
    return r;
}

int gpu_soft_connect(const char *path, unsigned node, int *fd)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    int r, s;

    assert(node < SOFT_NODES);
    if (strlen(path) >= sizeof(addr.sun_path))
        return -ENAMETOOLONG;
    strcpy(addr.sun_path, path);
    s = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (s < 0)
        return -errno;
    r = connect(s, (struct sockaddr *)&addr, sizeof(addr)) != 0 ? -errno : hello(s, node);
    if (r != 0)
        close(s);
    else
        *fd = s;
    return r;
}
