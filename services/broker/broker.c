/* SPDX-License-Identifier: MIT */
/*
 * broker.c: makes the broker out of its pieces, takes up what an earlier broker left, and keeps its
 * clock. Called by main.c and tests.
 */
#include "services/broker/priv.h"

#include "lib/crash.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <systemd/sd-daemon.h>
#include <time.h>
#include <unistd.h>

#define ALIVE_TICKS 4u

uint64_t broker_now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void on_turn(void *data, uint32_t events)
{
    (void)events;
    guests_turn(data);
}

/* Ending would not help, and ending over and over makes systemd let go of all it keeps for us. */
static bool may_pass(int err)
{
    return err == -ENOSPC || err == -ENOMEM || err == -EMFILE || err == -ENFILE ||
           err == -ETIMEDOUT || err == -EAGAIN || err == -EDQUOT;
}

static void listen_again(struct broker *b)
{
    int rc = peers_listen(b);

    if (rc)
        return;
    b->deaf = false;
    sd_notify(0, "STATUS=");
}

/* Is there a reason to go on without (all) sockets? Then it is tried again each second. */
static int listen_first(struct broker *b)
{
    int rc = peers_listen(b);

    if (!rc || !may_pass(rc))
        return rc;
    b->deaf = true;
    sd_notifyf(0, "STATUS=cannot listen yet: %s", strerror(-rc));
    return 0;
}

static void on_tick(void *data, uint32_t events)
{
    struct broker *b = data;
    uint64_t now = broker_now();

    (void)events;
    b->state->alive_ns = now;
    calls_tick(b, now);
    guests_tick(b, now);
    service_retry(b, now);
    if (b->deaf && b->ticks % ALIVE_TICKS == 0)
        listen_again(b);
    peers_tick(b);
    if (++b->ticks % ALIVE_TICKS == 0)
        guests_check_alive(b);
}

static void on_release(void *data, const char *path)
{
    (void)path;
    guests_check_alive(data);
}

/* Without the watch the clock notices, a little later. */
static void watch_domains(struct broker *b)
{
    int rc = -ENOENT;

    if (b->config.store)
        rc = store_watch(b->config.store, "@releaseDomain", on_release, b, &b->release);
    if (rc)
        b->release = NULL;
}

static const char *const dev_parts[BROKER_DEVS] = {
    [BROKER_DEV_GTT] = "vgt-gtt.dev",
    [BROKER_DEV_SCHED] = "vgt-sched.dev",
    [BROKER_DEV_DISPLAY] = "vgt-display.dev",
    [BROKER_DEV_BROKER] = "vgt-broker.dev",
};

/* Takes the nodes. */
static int add_devices(struct broker *b)
{
    int rc = 0;

    for (unsigned i = 0; i < BROKER_DEVS; i++) {
        if (b->config.dev[i] < 0)
            continue;
        if (rc)
            close(b->config.dev[i]);
        else
            rc = parts_add(&b->parts, dev_parts[i], b->config.dev[i]);
        b->config.dev[i] = -1;
    }
    return rc;
}

/* What a broker of an older version did not make is made now. */
static int complete_parts(struct guest *g)
{
    unsigned had = g->parts.count;
    char prefix[16];
    int rc = parts_make_guest(&g->parts);

    snprintf(prefix, sizeof(prefix), "g.%u.", g->s->domid);
    fdstore_put(g->broker, prefix, &g->parts, had);
    return rc;
}

/* Guests that ran go on; one that was half attached or half removed is removed. */
static void resume_guest(struct guest *g)
{
    const struct vmm_ops *ops = g->broker->config.vmm;
    int rc = complete_parts(g);

    crash_point("broker.start.guest");
    if (!rc && ops)
        rc = ops->open_control(g->s->domid, &g->vmm);
    if (rc)
        log_write(g->broker->log, LOG_ERR, "a guest of before cannot be taken up",
                  "domid=%u error=%d", g->s->domid, rc);
    if (rc || g->s->stage != GUEST_RUNNING)
        remove_begin(g);
}

static int set_up(struct broker *b)
{
    int rc = loop_timer(b->loop, on_tick, b, &b->tick);

    if (!rc)
        rc = loop_timer_arm(b->tick, TICK_NS, TICK_NS);
    if (!rc)
        rc = loop_defer(b->loop, on_turn, b, &b->turn);
    if (!rc)
        rc = fdstore_restore(b);
    if (rc == -EPROTONOSUPPORT && *b->refusal)
        return fdstore_refused(b);
    crash_point("broker.start.restored");
    if (!rc)
        rc = add_devices(b);
    if (!rc)
        rc = parts_make_service(&b->parts);
    return rc;
}

/* A broker before this one was there until its last tick, or a little longer. */
static void note_own_start(struct broker *b)
{
    struct service_state *s = &b->state->broker;
    uint64_t now = broker_now();

    s->pid = getpid();
    if (s->starts++) {
        s->recovered_s = (uint64_t)time(NULL);
        s->pause_ms = (uint32_t)((now - b->state->alive_ns) / 1000000);
    }
    b->state->alive_ns = now;
}

static void start_services(struct broker *b)
{
    note_own_start(b);
    for (unsigned i = 0; i < CORE_ROLES; i++)
        service_init(&b->service[i], (enum role)i, &b->state->service[i]);
    if (*b->refusal)
        return;
    crash_point("broker.start.noted");
    fdstore_put(b, "s.", &b->parts, 0);
    crash_point("broker.start.stored");
    watch_domains(b);
    for (unsigned i = 0; i < BROKER_MAX_GUESTS; i++)
        if (b->guest[i])
            resume_guest(b->guest[i]);
}

int broker_new(struct loop *loop, const struct broker_config *config, struct broker **broker)
{
    struct broker *b = calloc(1, sizeof(*b));
    int rc;

    if (!b)
        return -ENOMEM;
    b->loop = loop;
    b->config = *config;
    b->log = config->log;
    b->limit_ns = config->limit_ms ? config->limit_ms * 1000000ull : STEP_NS;
    b->state_fd = -1;
    service_learn_users(b);
    log_limit_init(&b->refusals, 8, 10);
    log_limit_init(&b->cuts, 32, 30);
    rc = set_up(b);
    if (!rc) {
        start_services(b);
        crash_point("broker.start.resumed");
        rc = listen_first(b);
        crash_point("broker.start.listening");
    }
    if (rc) {
        log_write(b->log, LOG_ERR, "the broker cannot start", "error=%d why=\"%s\"", rc,
                  strerror(-rc));
        broker_free(b);
        return rc;
    }
    *broker = b;
    return 0;
}

void broker_free(struct broker *b)
{
    if (!b)
        return;
    b->closing = true;
    peers_unlisten(b);
    for (unsigned i = 0; i < BROKER_MAX_GUESTS; i++)
        if (b->guest[i])
            guest_free(b->guest[i]);
    calls_free(b);
    relays_free(b);
    store_unwatch(b->release);
    loop_remove(b->tick);
    loop_remove(b->turn);
    add_devices(b); /* those not taken yet are closed, too */
    parts_close(&b->parts);
    if (b->state)
        munmap(b->state, sizeof(*b->state));
    if (b->state_fd >= 0)
        close(b->state_fd);
    for (unsigned i = 0; i < b->config.kept_count; i++)
        if (b->config.kept[i].fd >= 0)
            close(b->config.kept[i].fd);
    free(b);
}

unsigned broker_guests(const struct broker *b)
{
    unsigned n = 0;

    for (unsigned i = 0; i < BROKER_MAX_GUESTS; i++)
        n += b->guest[i] != NULL;
    return n;
}
