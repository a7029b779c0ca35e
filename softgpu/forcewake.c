/* SPDX-License-Identifier: MIT */
/*
 * forcewake.c: a request is acknowledged at once, unless a fault says otherwise. Handlers run under
 * the register file's lock, on the transport thread or an engine thread.
 */
#include "softgpu/forcewake.h"

#include "softgpu/fault.h"
#include "softgpu/regs.h"

#include <stdlib.h>

#define FORCEWAKE_MT      0xa188u
#define FORCEWAKE_ACK_HSW 0x130044u

struct forcewake {
    struct regs *regs;
    struct faults *faults;
    void (*awake)(void *opaque);
    void *opaque;
};

static uint32_t request_read(void *owner, uint32_t offset)
{
    const struct forcewake *f = owner;

    return regs_peek(f->regs, offset);
}

/* An acknowledgement that never comes: bits may go, none comes up until the next write. */
static void request_write(void *owner, uint32_t offset, uint32_t value)
{
    struct forcewake *f = owner;
    uint32_t old = regs_peek(f->regs, FORCEWAKE_ACK_HSW), now;

    regs_write_masked(f->regs, offset, value);
    now = regs_peek(f->regs, offset) & 0xffff;
    if (now & ~old && faults_fire_ack(f->faults, FAULT_MISSING_ACK_FORCEWAKE, FAULT_ANY))
        now &= old;
    regs_poke(f->regs, FORCEWAKE_ACK_HSW, now);
    if (now && f->awake)
        f->awake(f->opaque);
}

static const struct regs_range table[] = {
    {FORCEWAKE_MT, FORCEWAKE_MT, "FORCEWAKE_MT", request_read, request_write, 0},
    {FORCEWAKE_ACK_HSW, FORCEWAKE_ACK_HSW, "FORCEWAKE_ACK_HSW", NULL, regs_write_ignored, 0},
};

struct forcewake *forcewake_new(struct regs *r, struct faults *faults, void (*awake)(void *opaque),
                                void *opaque)
{
    struct forcewake *f = calloc(1, sizeof(*f));

    if (!f)
        return NULL;
    *f = (struct forcewake){r, faults, awake, opaque};
    return regs_add(r, table, sizeof(table) / sizeof(table[0]), f) ? forcewake_free(f) : f;
}

struct forcewake *forcewake_free(struct forcewake *f)
{
    free(f);
    return NULL;
}
