/* SPDX-License-Identifier: MIT */
/*
 * post.c: what leaves on the lanes to gtt and sched. Called by handlers before they change
 * anything: MMIO_LATER means that the lane is full and the wake for room has been asked for. A
 * number (epoch, seq) is stored after its message, so a message that may have been sent by a dying
 * process is sent again under the same number.
 */
#include <string.h>

#include "lib/crash.h"
#include "services/mmio/priv.h"
#include "services/wire/mmio_gtt.h"
#include "services/wire/mmio_sched.h"

typedef int put_fn(struct lane_tx *tx, const void *msg, size_t size);

/* A broken lane is like a full one: the broker will attach a new one, the vCPU waits. */
static int put(struct lane_tx *tx, const void *msg, put_fn *how)
{
    for (;;) {
        int rc = how(tx, msg, LANE_SLOT);

        if (rc != LANE_FULL)
            return rc == LANE_BROKEN ? MMIO_LATER : rc;
        if (lane_tx_want_room(tx) != LANE_READY)
            return MMIO_LATER;
    }
}

static int put_gtt_how(struct mmio *m, struct mmio_gtt *msg, put_fn *how)
{
    int rc;

    msg->epoch = m->vreg->gtt_epoch + 1;
    rc = put(m->s.to_gtt, msg, how);
    crash_point("mmio.gtt.posted");
    if (!rc)
        m->vreg->gtt_epoch = msg->epoch;
    crash_point("mmio.gtt.counted");
    return rc;
}

static int put_gtt(struct mmio *m, struct mmio_gtt *msg)
{
    return put_gtt_how(m, msg, lane_tx_put);
}

/* Drivers write thousands of entries in a row, and flush then, or submit (put_sched()). gtt need
 * not wake before, or before the loop's time for it is over (service.c). */
int mmio_post_pte(struct mmio *m, uint64_t index, uint64_t value)
{
    struct mmio_gtt msg = {.kind = MMIO_GTT_PTE, .pte = {.index = index, .value = value}};
    int rc = put_gtt_how(m, &msg, lane_tx_put_quietly);

    m->unflushed |= !rc;
    return rc;
}

int mmio_post_fence(struct mmio *m, uint64_t index, uint64_t value)
{
    struct mmio_gtt msg = {.kind = MMIO_GTT_FENCE, .pte = {.index = index, .value = value}};

    return put_gtt(m, &msg);
}

int mmio_post_table_write(struct mmio *m, uint64_t gfn, uint32_t offset, uint32_t len)
{
    struct mmio_gtt msg = {.kind = MMIO_GTT_TABLE_WRITE,
                           .write = {.gfn = gfn, .offset = offset, .len = len}};

    return put_gtt(m, &msg);
}

int mmio_post_gtt_room(struct mmio *m)
{
    for (;;) {
        int rc = lane_tx_room(m->s.to_gtt);

        if (rc != LANE_FULL)
            return rc == LANE_BROKEN ? MMIO_LATER : rc;
        if (lane_tx_want_room(m->s.to_gtt) != LANE_READY)
            return MMIO_LATER;
    }
}

int mmio_post_gtt_settled(struct mmio *m)
{
    struct mmio_wait *w = &m->wait[m->serving];

    if (!w->on)
        w->index = m->s.to_gtt->tail;
    w->on = lane_tx_want_drained(m->s.to_gtt, w->index) != LANE_READY;
    m->unflushed &= w->on || w->index != m->s.to_gtt->tail;
    return w->on ? MMIO_LATER : 0;
}

int mmio_post_ppgtt(struct mmio *m, bool create, uint32_t level, const uint64_t pdp[4])
{
    struct mmio_gtt msg = {.kind = create ? MMIO_GTT_PPGTT_NEW : MMIO_GTT_PPGTT_GONE,
                           .level = level};

    memcpy(msg.pdp, pdp, sizeof msg.pdp);
    return put_gtt(m, &msg);
}

int mmio_post_gtt_reset(struct mmio *m)
{
    struct mmio_gtt msg = {.kind = MMIO_GTT_RESET};

    return put_gtt(m, &msg);
}

/* Whatever sched is told may let the guest's engines run: what it wrote untrapped comes first. */
static int put_sched(struct mmio *m, struct mmio_sched *msg)
{
    int rc = mmio_lift_end(m);

    if (!rc)
        rc = lane_tx_wake(m->s.to_gtt);
    if (rc)
        return rc;
    msg->epoch = m->vreg->gtt_epoch;
    msg->seq = m->vreg->submit.seq + 1;
    rc = put(m->s.to_sched, msg, lane_tx_put);
    crash_point("mmio.sched.posted");
    if (!rc)
        m->vreg->submit.seq = msg->seq;
    crash_point("mmio.sched.counted");
    return rc;
}

int mmio_post_elsp(struct mmio *m, uint32_t engine, const uint64_t desc[2])
{
    struct mmio_sched msg = {.kind = MMIO_SCHED_ELSP, .engine = engine};

    memcpy(msg.desc, desc, sizeof msg.desc);
    return put_sched(m, &msg);
}

int mmio_post_engine_reset(struct mmio *m, uint32_t mask)
{
    struct mmio_sched msg = {.kind = MMIO_SCHED_RESET, .engine = mask};

    return put_sched(m, &msg);
}

int mmio_post_hwsp(struct mmio *m, uint32_t engine, uint32_t gma)
{
    struct mmio_sched msg = {.kind = MMIO_SCHED_HWSP, .engine = engine, .value = gma};

    return put_sched(m, &msg);
}

int mmio_post_reg(struct mmio *m, uint32_t engine, uint32_t offset, uint32_t value)
{
    struct mmio_sched msg = {
        .kind = MMIO_SCHED_REG, .engine = engine, .offset = offset, .value = value};

    return put_sched(m, &msg);
}

int mmio_post_ring(struct mmio *m, uint32_t engine, uint32_t offset,
                   const struct mmio_sched_ring *ring)
{
    struct mmio_sched msg = {
        .kind = MMIO_SCHED_RING, .engine = engine, .ring = *ring, .offset = offset};

    return put_sched(m, &msg);
}

int mmio_post_tail(struct mmio *m, uint32_t engine, uint32_t offset, uint32_t tail)
{
    struct mmio_sched msg = {
        .kind = MMIO_SCHED_TAIL, .engine = engine, .offset = offset, .value = tail};

    return put_sched(m, &msg);
}
