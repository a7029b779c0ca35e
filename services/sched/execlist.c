/* SPDX-License-Identifier: MIT */
/*
 * execlist.c: see execlist.h. The event comes back to the caller, who writes it to the guest; the
 * journal's struct is changed first, so a crash in between loses an event rather than repeating it
 * (a driver that sees two completions of one context has no answer to that but a reset, too).
 */
#include "services/sched/execlist.h"

#include <assert.h>
#include <string.h>

#define DESC_VALID 1ull

/* EXECLIST_STATUS: what of the port is taken and which element runs. */
enum {
    STATUS_QUEUE_VALID = 1 << 3, /* a pair waits */
    STATUS_RUN_VALID = 1 << 4,
    STATUS_AT_SHIFT = 14,
    STATUS_ELEMENT0 = 1 << 16,
    STATUS_ELEMENT1 = 1 << 18,
};

static uint32_t lrca(uint64_t desc)
{
    return (uint32_t)desc & ~0xfffu;
}

static bool has_second(const struct sched_vexec *v)
{
    return v->at == 0 && v->run[1] & DESC_VALID;
}

bool vexec_check(struct sched_vexec *v)
{
    bool good = v->at < 2 && v->active < 2 && v->slot < CSB_ENTRIES &&
                v->count <= SCHED_JOURNAL_QUEUE && (!v->active || v->run[v->at] & DESC_VALID);

    if (!good)
        vexec_reset(v);
    return good;
}

void vexec_reset(struct sched_vexec *v)
{
    uint32_t hwsp = v->hwsp;

    memset(v, 0, sizeof *v);
    v->hwsp = hwsp;
}

enum vexec_push vexec_push(struct sched_vexec *v, const struct sched_elsp *elsp)
{
    bool second = elsp->desc[1] & DESC_VALID;
    unsigned at = v->count < SCHED_JOURNAL_QUEUE ? v->count : SCHED_JOURNAL_QUEUE - 1;

    if (!(elsp->desc[0] & DESC_VALID) || (second && lrca(elsp->desc[0]) == lrca(elsp->desc[1])))
        return VEXEC_INVALID;
    v->queue[at] = *elsp;
    if (!second)
        v->queue[at].desc[1] = 0;
    if (v->count == SCHED_JOURNAL_QUEUE)
        return VEXEC_OVERWROTE;
    v->count++;
    return VEXEC_PUSHED;
}

const struct sched_elsp *vexec_head(const struct sched_vexec *v)
{
    return v->count ? &v->queue[0] : NULL;
}

void vexec_drop_head(struct sched_vexec *v)
{
    assert(v->count);
    memmove(&v->queue[0], &v->queue[1], (v->count - 1) * sizeof v->queue[0]);
    v->count--;
}

unsigned vexec_rest(const struct sched_vexec *v, uint64_t desc[2])
{
    desc[0] = desc[1] = 0;
    if (!v->active)
        return 0;
    desc[0] = v->run[v->at];
    if (!has_second(v))
        return 1;
    desc[1] = v->run[1];
    return 2;
}

static uint64_t status(const struct sched_vexec *v)
{
    uint32_t low = v->count ? STATUS_QUEUE_VALID : 0;

    if (!v->active)
        return low;
    low |= STATUS_RUN_VALID | (1u + v->at) << STATUS_AT_SHIFT;
    low |= v->at ? STATUS_ELEMENT1 : STATUS_ELEMENT0;
    return (v->run[v->at] >> 32) << 32 | low;
}

static struct vexec_event event(struct sched_vexec *v, uint32_t bits, uint64_t desc)
{
    struct vexec_event e = {v->slot, (desc >> 32) << 32 | bits, status(v)};

    v->slot = ctx_gen8_csb_next(v->slot);
    return e;
}

/* Hardware names no context when it leaves idleness, and the one that leaves when it is preempted.
 */
struct vexec_event vexec_take(struct sched_vexec *v)
{
    uint64_t old = v->active ? v->run[v->at] : 0;
    uint32_t bits = CSB_IDLE_TO_ACTIVE;

    assert(v->count);
    if (v->active)
        bits = CSB_PREEMPTED | (lrca(old) == lrca(v->queue[0].desc[0]) ? CSB_LITE_RESTORE : 0);
    memcpy(v->run, v->queue[0].desc, sizeof v->run);
    v->at = 0;
    v->active = 1;
    vexec_drop_head(v);
    return event(v, bits, old);
}

struct vexec_event vexec_complete(struct sched_vexec *v)
{
    uint64_t done = v->run[v->at];

    assert(v->active);
    if (has_second(v)) {
        v->at = 1;
        return event(v, CSB_COMPLETE | CSB_ELEMENT_SWITCH, done);
    }
    v->active = 0;
    return event(v, CSB_COMPLETE | CSB_ACTIVE_TO_IDLE, done);
}

struct vexec_event vexec_wait(struct sched_vexec *v, uint32_t why)
{
    uint64_t waits = v->run[v->at];

    assert(v->active && has_second(v));
    v->at = 1;
    return event(v, why | CSB_ELEMENT_SWITCH, waits);
}
