/* SPDX-License-Identifier: MIT */
/*
 * engine_cost.c: charges commands to the engine's meter and waits until what was charged is due.
 * A command has its effects first and takes its time then, so that a wait that a stop or reset ends
 * leaves nothing half done; work that comes behind it, and with it every word of completion, comes
 * after that time. Engine's thread.
 */
#include "softgpu/engine_cost.h"

#include <sys/prctl.h>

void engine_cost_begin_run(struct engine *e)
{
    cost_meter_start(&e->meter, engine_now_ns());
}

void engine_cost_end_run(struct engine *e)
{
    cost_meter_stop(&e->meter, engine_now_ns());
}

void engine_cost_charge(struct engine *e, uint32_t header)
{
    cost_meter_add(&e->meter, cost_command(e->owner->cost, e->id, header));
}

/* Only the blitter moves blit_bytes, and only in here. */
enum cs_result engine_cost_execute(struct engine *e, const struct cs_command *c)
{
    const struct cost *cost = e->owner->cost;
    uint64_t before = atomic_load_explicit(&e->owner->blit_bytes, memory_order_relaxed);
    enum cs_result r = c->run(e, e->cs.cmd, e->cs.len);

    if (r == CS_BAD || r == CS_WAIT)
        return r;
    engine_cost_charge(e, e->cs.cmd[0]);
    if (e->id == ENGINE_BCS)
        cost_meter_add(&e->meter, cost_blit(cost, atomic_load_explicit(&e->owner->blit_bytes,
                                                                       memory_order_relaxed) -
                                                      before));
    return r;
}

/* The kernel may put off a wake-up by 50 us, the time of many a batch. */
static void be_punctual(struct engine *e)
{
    if (!e->punctual)
        prctl(PR_SET_TIMERSLACK, 1ul, 0ul, 0ul, 0ul);
    e->punctual = true;
}

/* What ends a wait: the same that ends a run. A workaround batch is not stopped. */
static unsigned hurry(struct engine *e)
{
    return atomic_load(&e->attention) & (ATT_RESET | ATT_QUIT | (e->cs.in_wa ? 0u : ATT_STOP));
}

static bool wait_until(struct engine *e, uint64_t due)
{
    struct timespec ts = {.tv_sec = (time_t)(due / 1000000000u),
                          .tv_nsec = (long)(due % 1000000000u)};
    bool cut;

    be_punctual(e);
    pthread_mutex_lock(&e->lock);
    while (!hurry(e) && engine_now_ns() < due)
        pthread_cond_timedwait(&e->wake, &e->lock, &ts);
    cut = hurry(e);
    pthread_mutex_unlock(&e->lock);
    return !cut;
}

bool engine_cost_pay_now(struct engine *e, uint64_t slack)
{
    uint64_t due = cost_meter_wait(&e->meter, engine_now_ns(), slack);

    return !due || wait_until(e, due);
}

void engine_cost_waited(struct engine *e)
{
    cost_meter_idle(&e->meter, engine_now_ns());
}
