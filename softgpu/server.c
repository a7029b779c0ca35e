/* SPDX-License-Identifier: MIT */
/*
 * server.c: the loop of softgpu (server.h). The vfio-user client is served first whenever it has
 * something; the lines of the control sockets and vertical blanks get their turn after each burst.
 */
#include "softgpu/server.h"
#include "softgpu/model.h"

#include "softgpu/conn.h"
#include "softgpu/cost.h"
#include "softgpu/ctl.h"
#include "softgpu/device.h"
#include "softgpu/engine.h"
#include "softgpu/listen.h"
#include "softgpu/screen.h"
#include "softgpu/trace.h"
#include "softgpu/vfu.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MAX_CONNS       16
#define CONNECT_RETRY_S 1

/* Places in the poll set. */
enum { AT_SIGNAL, AT_VFU, AT_CTL, AT_JUDGE, AT_CONNS, AT_COUNT = AT_CONNS + MAX_CONNS };

struct server {
    const struct server_options *o;
    struct device *device;
    struct cost *cost;
    struct trace *trace;
    struct ctl *ctl;
    struct vfu *vfu; /* the client, NULL while there is none */
    int vfu_fd;
    int signals;
    int listen_vfu, listen_ctl, listen_judge;
    struct conn *conns[MAX_CONNS];
    struct conn *walker; /* among conns: the one we made to judge_connect */
    bool more;           /* the client has more to read already */
    bool stop;
    struct pollfd set[AT_COUNT];
};

static void say(const struct server *s, const char *what)
{
    if (s->o->verbose)
        fprintf(stderr, "softgpu: %s\n", what);
}

static void drop_client(struct server *s)
{
    struct vfu_stats stats;

    vfu_get_stats(s->vfu, &stats);
    if (*vfu_problem(s->vfu))
        fprintf(stderr, "softgpu: client dropped: after %llu messages it %s\n",
                (unsigned long long)stats.messages, vfu_problem(s->vfu));
    else
        say(s, "client has gone");
    s->vfu = vfu_free(s->vfu);
    s->vfu_fd = -1;
    s->more = false;
    ctl_set_client(s->ctl, false);
    if (s->o->once)
        s->stop = true;
}

static void serve_client(struct server *s)
{
    int ret = vfu_input(s->vfu);

    s->more = ret == 1;
    if (ret < 0)
        drop_client(s);
}

static void accept_client(struct server *s)
{
    int fd = accept4(s->listen_vfu, NULL, NULL, SOCK_CLOEXEC);

    if (fd < 0)
        return;
    device_attach(s->device);
    s->vfu = vfu_new(fd, device_vfu_ops(s->device), s->device);
    if (!s->vfu)
        return;
    s->vfu_fd = fd;
    ctl_set_client(s->ctl, true);
    say(s, "client connected");
}

static struct conn *add_conn(struct server *s, int fd, bool walker)
{
    for (unsigned i = 0; i < MAX_CONNS; i++) {
        if (s->conns[i])
            continue;
        s->conns[i] = conn_new(fd, s->ctl, walker);
        return s->conns[i];
    }
    close(fd);
    return NULL;
}

static void accept_conn(struct server *s, int listener, bool walker)
{
    int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

    if (fd >= 0)
        add_conn(s, fd, walker);
}

/* The machine whose virtio-serial port this is may start later than we do, or again. */
static void connect_walker(struct server *s)
{
    int fd;

    if (!s->o->judge_connect || s->walker)
        return;
    fd = connect_unix(s->o->judge_connect);
    if (fd < 0)
        return;
    s->walker = add_conn(s, fd, true);
    say(s, "walker's channel connected");
}

static void serve_conn(struct server *s, unsigned i)
{
    int ret = conn_ready(s->conns[i]);

    if (ret == CTL_QUIT)
        s->stop = true;
    if (!ret)
        return;
    if (s->walker == s->conns[i])
        s->walker = NULL;
    s->conns[i] = conn_free(s->conns[i]);
}

static void watch(struct server *s, unsigned at, int fd, short events)
{
    s->set[at].fd = fd;
    s->set[at].events = events;
    s->set[at].revents = 0;
}

static void prepare(struct server *s)
{
    bool room = false;

    watch(s, AT_SIGNAL, s->signals, POLLIN);
    watch(s, AT_VFU, s->vfu ? s->vfu_fd : s->listen_vfu, POLLIN);
    for (unsigned i = 0; i < MAX_CONNS; i++) {
        room |= !s->conns[i];
        watch(s, AT_CONNS + i, s->conns[i] ? conn_fd(s->conns[i]) : -1,
              s->conns[i] ? conn_events(s->conns[i]) : 0);
    }
    /* Without room new connections wait in the backlog. */
    watch(s, AT_CTL, room ? s->listen_ctl : -1, POLLIN);
    watch(s, AT_JUDGE, room ? s->listen_judge : -1, POLLIN);
}

/* Time until something is due; NULL for none. */
static const struct timespec *timeout(struct server *s, struct timespec *ts)
{
    uint64_t due = device_deadline(s->device);
    uint64_t now;

    clock_gettime(CLOCK_MONOTONIC, ts);
    now = (uint64_t)ts->tv_sec * 1000000000u + (uint64_t)ts->tv_nsec;
    if (s->o->judge_connect && !s->walker && due > now + CONNECT_RETRY_S * 1000000000ull)
        due = now + CONNECT_RETRY_S * 1000000000ull;
    if (s->more || due <= now)
        due = now;
    if (due == UINT64_MAX)
        return NULL;
    ts->tv_sec = (time_t)((due - now) / 1000000000u);
    ts->tv_nsec = (long)((due - now) % 1000000000u);
    return ts;
}

static int turn(struct server *s)
{
    struct timespec ts;

    connect_walker(s);
    prepare(s);
    if (ppoll(s->set, AT_COUNT, timeout(s, &ts), NULL) < 0)
        return errno == EINTR ? 0 : -errno;
    if (s->set[AT_SIGNAL].revents)
        s->stop = true;
    if (s->vfu && (s->more || s->set[AT_VFU].revents))
        serve_client(s);
    else if (!s->vfu && s->set[AT_VFU].revents)
        accept_client(s);
    device_tick(s->device);
    for (unsigned i = 0; i < MAX_CONNS; i++)
        if (s->conns[i] && s->set[AT_CONNS + i].revents)
            serve_conn(s, i);
    if (s->set[AT_CTL].revents)
        accept_conn(s, s->listen_ctl, false);
    if (s->set[AT_JUDGE].revents)
        accept_conn(s, s->listen_judge, true);
    return 0;
}

static int listen_at(const char *path, int *fd)
{
    *fd = -1;
    if (!path)
        return 0;
    *fd = listen_unix(path);
    if (*fd < 0)
        fprintf(stderr, "softgpu: cannot listen at %s: %s\n", path, strerror(-*fd));
    return *fd < 0 ? *fd : 0;
}

static int set_up_screen(struct screen *screen, const struct server_options *o)
{
    screen_set_slowdown(screen, o->slowdown ? o->slowdown : 1);
    for (unsigned i = 0; i < HOTPLUG_PORTS; i++)
        if (o->monitor[i].name[0])
            screen_set_monitor(screen, i, &o->monitor[i]);
    for (unsigned i = 0; i < o->export_count; i++) {
        int ret = screen_export(screen, &o->exports[i]);

        if (ret) {
            fprintf(stderr, "softgpu: cannot export to %s: %s\n", o->exports[i].pattern,
                    strerror(-ret));
            return ret;
        }
    }
    return 0;
}

static int open_trace(struct server *s)
{
    int ret;

    if (!s->o->trace)
        return 0;
    s->trace = trace_open(s->o->trace, s->o->trace_classes, &ret);
    if (!s->trace) {
        fprintf(stderr, "softgpu: cannot write the trace %s: %s\n", s->o->trace, strerror(-ret));
        return ret;
    }
    device_set_trace(s->device, s->trace);
    return 0;
}

static int load_cost(struct server *s)
{
    if (!s->o->cost)
        return 0;
    s->cost = cost_load(s->o->cost, stderr);
    if (!s->cost)
        return -EINVAL;
    engines_set_cost(device_engines(s->device), s->cost);
    return 0;
}

static int arm_faults(struct server *s)
{
    for (unsigned i = 0; i < s->o->faults; i++) {
        if (!fault_fits(&s->o->fault[i], engines_count(device_engines(s->device)))) {
            fprintf(stderr, "softgpu: --fault: this GPU has no second video engine (vcs2)\n");
            return -ENODEV;
        }
        faults_arm(device_faults(s->device), &s->o->fault[i]);
    }
    return 0;
}

static int open_all(struct server *s)
{
    sigset_t set;
    int ret;

    /* Blocked before the engines' threads exist, so that only we get them. */
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN); /* a client may hand over a pipe for an eventfd and close its end */
    s->signals = signalfd(-1, &set, SFD_CLOEXEC);
    if (s->signals < 0)
        return -errno;
    s->device = device_new(s->o->model ? s->o->model : model_find("bdw"));
    s->ctl = s->device ? ctl_new(s->device) : NULL;
    if (!s->ctl) {
        fprintf(stderr, "softgpu: the device could not be made: %s\n", strerror(ENOMEM));
        return -ENOMEM;
    }
    engines_set_strict(device_engines(s->device), s->o->strict);
    device_set_swizzle(s->device, s->o->swizzle);
    ret = arm_faults(s);
    if (!ret)
        ret = set_up_screen(device_screen(s->device), s->o);
    if (!ret)
        ret = load_cost(s);
    if (!ret)
        ret = open_trace(s);
    if (!ret)
        ret = listen_at(s->o->socket, &s->listen_vfu);
    if (!ret)
        ret = listen_at(s->o->ctl, &s->listen_ctl);
    if (!ret)
        ret = listen_at(s->o->judge_chan, &s->listen_judge);
    return ret;
}

static void close_listener(int fd, const char *path)
{
    if (fd < 0)
        return;
    close(fd);
    unlink(path);
}

static void close_all(struct server *s)
{
    for (unsigned i = 0; i < MAX_CONNS; i++)
        conn_free(s->conns[i]);
    vfu_free(s->vfu);
    close_listener(s->listen_vfu, s->o->socket);
    close_listener(s->listen_ctl, s->o->ctl);
    close_listener(s->listen_judge, s->o->judge_chan);
    ctl_free(s->ctl);
    device_free(s->device);
    /* After the engines' threads have ended. */
    trace_close(s->trace);
    cost_free(s->cost);
    if (s->signals >= 0)
        close(s->signals);
}

int server_run(const struct server_options *o)
{
    struct server s = {.o = o,
                       .vfu_fd = -1,
                       .signals = -1,
                       .listen_vfu = -1,
                       .listen_ctl = -1,
                       .listen_judge = -1};
    int ret = open_all(&s);

    while (!ret && !s.stop)
        ret = turn(&s);
    close_all(&s);
    return ret;
}
