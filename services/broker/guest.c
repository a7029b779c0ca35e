/* SPDX-License-Identifier: MIT */
/*
 * guest.c: a guest as the broker knows it, and the engine that takes it through the steps of attach
 * (attach.c) and removal (remove.c). A step's start() says that it is done, waits for a reply, or
 * polls; replies only note the outcome, and the next step starts at the end of the turn. So no
 * guest and no connection goes away under a handler's feet.
 */
#include "services/broker/priv.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct guest *guest_find(struct broker *b, uint32_t domid)
{
    for (unsigned i = 0; i < BROKER_MAX_GUESTS; i++)
        if (b->guest[i] && b->guest[i]->s->domid == domid)
            return b->guest[i];
    return NULL;
}

struct guest *guest_new(struct broker *b, unsigned slot)
{
    struct guest *g = calloc(1, sizeof(*g));

    if (!g)
        return NULL;
    g->broker = b;
    g->s = &b->state->guest[slot];
    service_init(&g->mmio, ROLE_MMIO, &g->s->mmio);
    g->mmio.domid = g->s->domid;
    g->mmio.guest = g;
    b->guest[slot] = g;
    return g;
}

void guest_free(struct guest *g)
{
    struct broker *b = g->broker;

    calls_cancel(b, g);
    unit_cancel(g->job);
    if (g->mmio.wire)
        service_lost(&g->mmio, NULL);
    if (g->vmm)
        b->config.vmm->close(g->vmm);
    parts_close(&g->parts);
    b->guest[g->s - b->state->guest] = NULL;
    free(g);
}

struct service *guest_service(struct guest *g, enum role role)
{
    return role == ROLE_MMIO ? &g->mmio : &g->broker->service[role];
}

/* ---- outcomes */

static void outcome(struct guest *g, enum step_outcome what)
{
    if (!g->steps || g->broker->closing)
        return;
    /* What has failed is not saved by a late reply. */
    if (g->outcome == STEP_FAILED && what != STEP_BEGINS)
        return;
    g->outcome = what;
    loop_trigger(g->broker->turn);
}

void guest_begin(struct guest *g, const struct step *steps)
{
    calls_cancel(g->broker, g);
    unit_cancel(g->job);
    g->job = NULL;
    g->steps = steps;
    g->at = 0;
    outcome(g, STEP_BEGINS);
}

void guest_step_done(struct guest *g)
{
    outcome(g, STEP_SUCCEEDED);
}

void guest_step_failed(struct guest *g)
{
    outcome(g, STEP_FAILED);
}

void guest_step_again(struct guest *g)
{
    g->polls = true;
    guests_kick(g->broker);
}

int guest_because(struct guest *g, int err, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(g->because, sizeof(g->because), format, args);
    va_end(args);
    g->error = err;
    return -err;
}

void guests_kick(struct broker *b)
{
    for (unsigned i = 0; i < BROKER_MAX_GUESTS; i++)
        if (b->guest[i] && b->guest[i]->polls && b->guest[i]->outcome == STEP_RUNS &&
            broker_now() >= b->guest[i]->not_before)
            outcome(b->guest[i], STEP_RETRIES);
}

/* ---- the engine */

static bool removing(const struct guest *g)
{
    return g->s->stage == GUEST_DETACHING;
}

/* An attach is rolled back; a removal goes on with what it can do. */
static void failed(struct guest *g)
{
    log_write(g->broker->log, removing(g) ? LOG_ERR : LOG_NOTICE,
              removing(g) ? "a step of removal failed" : "attach failed",
              "domid=%u step=\"%s\" reason=\"%s\"", g->s->domid, g->steps[g->at].what, g->because);
    if (removing(g)) {
        g->at++;
        outcome(g, STEP_BEGINS);
        return;
    }
    attach_failed(g);
    remove_begin(g);
}

static void start(struct guest *g)
{
    int rc;

    g->polls = false;
    rc = g->steps[g->at].start(g);
    if (rc == STEP_DONE)
        guest_step_done(g);
    else if (rc == STEP_POLL)
        g->polls = true;
    else if (rc < 0)
        guest_step_failed(g);
}

static void begin(struct guest *g)
{
    g->told = g->resumed = false;
    g->not_before = 0;
    g->because[0] = 0;
    g->deadline = broker_now() + g->broker->limit_ns;
    if (g->steps[g->at].start) {
        start(g);
        return;
    }
    g->steps = NULL;
    if (removing(g))
        remove_over(g);
}

static void act(struct guest *g)
{
    enum step_outcome what = g->outcome;

    g->outcome = STEP_RUNS;
    switch (what) {
    case STEP_SUCCEEDED:
        g->at++;
        begin(g);
        break;
    case STEP_BEGINS:
        begin(g);
        break;
    case STEP_RETRIES:
        start(g);
        break;
    case STEP_FAILED:
        failed(g);
        break;
    case STEP_RUNS:
        break;
    }
}

/* A step that ends at once has its outcome noted again: go on until nothing is. */
void guests_turn(struct broker *b)
{
    for (unsigned i = 0; i < BROKER_MAX_GUESTS; i++)
        while (b->guest[i] && b->guest[i]->outcome != STEP_RUNS)
            act(b->guest[i]);
}

void guests_tick(struct broker *b, uint64_t now)
{
    for (unsigned i = 0; i < BROKER_MAX_GUESTS; i++) {
        struct guest *g = b->guest[i];

        if (!g || !g->steps || g->outcome != STEP_RUNS || now < g->deadline)
            continue;
        if (!g->polls || !g->because[0])
            guest_because(g, ETIMEDOUT, "no end within %u s: %s",
                          (unsigned)(b->limit_ns / 1000000000u), g->steps[g->at].what);
        guest_step_failed(g);
    }
    guests_kick(b);
}

/* ---- domains that are gone */

static void check_alive(struct guest *g)
{
    if (!g->vmm || removing(g) || g->broker->config.vmm->alive(g->vmm) != -ESHUTDOWN)
        return;
    log_write(g->broker->log, LOG_INFO, "the domain is gone", "domid=%u", g->s->domid);
    if (g->s->stage == GUEST_RUNNING) {
        remove_begin(g);
        return;
    }
    guest_because(g, ESRCH, "domain %u is gone", g->s->domid);
    guest_step_failed(g);
}

void guests_check_alive(struct broker *b)
{
    for (unsigned i = 0; i < BROKER_MAX_GUESTS; i++)
        if (b->guest[i])
            check_alive(b->guest[i]);
}
