/* SPDX-License-Identifier: MIT */
/*
 * ring7.c: the registers of Haswell's virtual engines: ring, status page, page directory, stop
 * handshake. Called by dispatch.c and, for status, by events.c, for a reset by engine.c. Nothing
 * here runs anything: each write that matters is told to sched, under a number that is undone with
 * it, so that one which a crash repeats is known for what it is; then the register changes.
 * Register facts: Haswell PRM vol. 2c.
 */
#include "services/mmio/priv.h"

#include "lib/crash.h"

/* Offsets inside an engine's block. */
enum {
    RING_TAIL = 0x30,
    RING_HEAD = 0x34,
    RING_START = 0x38,
    RING_CTL = 0x3c,
    RING_SYNC = 0x40,
    RING_PSMI_CTL = 0x50,
    RING_ACTHD = 0x74,
    RING_MI_MODE = 0x9c,
    RING_INSTPM = 0xc0,
    RING_CCID = 0x180, /* of RCS alone */
    RING_PP_DIR_DCLV = 0x220,
    RING_PP_DIR_BASE = 0x228,
    RING_GFX_MODE = 0x29c,
    RING_TIMESTAMP = 0x358,
    RING_PP_DIR_BASE_READ = 0x518,
};

enum {
    TAIL_BITS = 0x1ffff8,
    HEAD_BITS = 0x1ffffc,
    CTL_VALID = 1 << 0,
    CTL_WAITS = 1 << 10 | 1 << 11, /* state: waits for an event, for a semaphore */
    MI_MODE_STOP = 1 << 8,
    MI_MODE_IDLE = 1 << 9,
    INSTPM_SELF_CLEARING = 1 << 5 | 1 << 9, /* sync flush, TLB invalidate */
};

/* The engines that Haswell has, and where each has its status page. */
static const uint32_t hws_pga[] = {
    [GEN8_RCS] = 0x4080, [GEN8_BCS] = 0x4280, [GEN8_VCS] = 0x4180, [GEN8_VECS] = 0x4380};
#define ENGINES ((uint32_t)(sizeof hws_pga / sizeof hws_pga[0]))

static uint32_t base_of(uint32_t offset)
{
    return offset & ~0xfffu;
}

static bool present(const struct mmio *m, uint32_t engine)
{
    return engine < ENGINES && m->s.vgpu.engines & GEN8_M(engine);
}

/* Is there something in the ring that is to be executed? */
static bool has_work(struct mmio *m, uint32_t base)
{
    return *mmio_reg(m, base + RING_CTL) & CTL_VALID &&
           (*mmio_reg(m, base + RING_HEAD) & HEAD_BITS) != *mmio_reg(m, base + RING_TAIL);
}

/* An engine with work is not idle, whatever sched said before it learned of the work. */
static void now_busy(struct mmio *m, uint32_t base)
{
    uint32_t *mode = mmio_reg(m, base + RING_MI_MODE);

    if (has_work(m, base) && !(*mode & MI_MODE_STOP))
        *mode &= ~MI_MODE_IDLE;
}

/* What sched last said, as far as it still holds of the registers as they are. */
static void show(struct mmio *m, uint32_t engine)
{
    const struct vreg_ring_said *said = &m->vreg->said[engine];
    uint32_t base = gen8_engine_base(engine), *mode = mmio_reg(m, base + RING_MI_MODE);
    bool stopped = *mode & MI_MODE_STOP && said->seq >= m->vreg->submit.ring[engine].mode_seq;

    if (said->seq < m->vreg->submit.ring[engine].seq)
        return;
    *mmio_reg(m, base + RING_HEAD) = said->head;
    *mmio_reg(m, base + RING_ACTHD) = said->acthd;
    crash_point("mmio.ring.half");
    if (said->bits & SCHED_RING_IDLE && (stopped || !has_work(m, base)))
        *mode |= MI_MODE_IDLE;
    else
        *mode &= ~MI_MODE_IDLE;
}

/*
 * After a write that sched was told of, numbered as the last one. A vgt-mmio that died in it left
 * the message behind: sched may have done all that was asked for and said so to us, who took what
 * it said for news of the registers as they were before. Then it is shown now.
 */
static void answered_before(struct mmio *m, uint32_t engine)
{
    if (present(m, engine) && m->vreg->said[engine].seq >= m->vreg->submit.seq)
        show(m, engine);
}

/* ---- the ring */

static int tail_write(struct mmio *m, const struct mmio_write *w)
{
    uint32_t engine = mmio_engine_of(w->offset), tail = w->value & TAIL_BITS;
    int rc = 0;

    mmio_undo(m, &m->vreg->submit.seq, sizeof m->vreg->submit.seq);
    if (present(m, engine))
        rc = mmio_post_tail(m, engine, w->offset, tail);
    if (rc)
        return rc;
    *mmio_reg(m, w->offset) = tail;
    now_busy(m, base_of(w->offset));
    answered_before(m, engine);
    return 0;
}

/* What of a value HEAD, START and CTL keep. */
static uint32_t ring_bits(uint32_t offset, uint32_t value)
{
    switch (offset & 0xfff) {
    case RING_HEAD:
        return value & ~3u;
    case RING_START:
        return value & ~0xfffu;
    }
    return value & ~(uint32_t)CTL_WAITS;
}

static struct mmio_sched_ring ring_after(struct mmio *m, const struct mmio_write *w, uint32_t value)
{
    uint32_t base = base_of(w->offset), reg[4];

    for (uint32_t i = 0; i < 4; i++)
        reg[i] = *mmio_reg(m, base + RING_TAIL + 4 * i);
    reg[(w->offset - base - RING_TAIL) / 4] = value;
    return (struct mmio_sched_ring){.tail = reg[0], .head = reg[1], .start = reg[2], .ctl = reg[3]};
}

/* What was not executed is forgotten with it, so a ring without work left is idle. */
static int ring_write(struct mmio *m, const struct mmio_write *w)
{
    uint32_t engine = mmio_engine_of(w->offset), base = base_of(w->offset);
    uint32_t value = ring_bits(w->offset, w->value);
    struct mmio_sched_ring ring = ring_after(m, w, value);
    int rc = 0;

    mmio_undo(m, &m->vreg->submit, sizeof m->vreg->submit);
    if (present(m, engine))
        rc = mmio_post_ring(m, engine, w->offset, &ring);
    if (rc)
        return rc;
    crash_point("mmio.ring.posted");
    m->vreg->submit.ring[engine].seq = m->vreg->submit.seq;
    *mmio_reg(m, w->offset) = value;
    if (!has_work(m, base))
        *mmio_reg(m, base + RING_MI_MODE) |= MI_MODE_IDLE;
    now_busy(m, base);
    answered_before(m, engine);
    return 0;
}

/* ---- what belongs to the virtual engine beside its ring */

/* Tells sched of a register before it changes. */
static int told(struct mmio *m, const struct mmio_write *w, uint32_t value)
{
    uint32_t engine = mmio_engine_of(w->offset);

    mmio_undo(m, &m->vreg->submit, sizeof m->vreg->submit);
    return present(m, engine) ? mmio_post_reg(m, engine, w->offset, value) : 0;
}

static int plain_write(struct mmio *m, const struct mmio_write *w)
{
    int rc = told(m, w, w->value);

    if (!rc)
        *mmio_reg(m, w->offset) = w->value;
    return rc;
}

static int directory_told(struct mmio *m, uint32_t directory)
{
    const uint64_t pdp[4] = {directory};
    int rc;

    if (m->root == directory)
        return 0;
    rc = mmio_post_ppgtt(m, true, 2, pdp);
    crash_point("mmio.directory.posted");
    if (!rc)
        m->root = directory;
    return rc;
}

/*
 * A driver that loads a directory by MMIO is setting an engine up, and may wait for its first
 * request for a fifth of a second only. Shadows of a directory of 512 tables, all of which an
 * aliasing PPGTT has, can take longer, and so can letting all of them trap; so this access is
 * answered when they stand and nothing is left for the first request. Its vCPU waits, nobody else,
 * and for each step once, whatever other vCPUs do meanwhile.
 */
static int directory_stands(struct mmio *m, uint32_t directory)
{
    uint8_t *stage = &m->wait[m->serving].stage;
    int rc = 0;

    if (!directory)
        return 0;
    if (*stage == 0 && !(rc = directory_told(m, directory)))
        *stage = 1;
    if (*stage == 1 && !(rc = mmio_post_gtt_settled(m)))
        *stage = 2;
    if (*stage == 2 && !(rc = mmio_lift_end(m)))
        *stage = 3;
    if (*stage == 3 && !(rc = mmio_post_gtt_settled(m)))
        *stage = 0;
    return rc;
}

/* The first of a directory's entries, 64 bytes of them at a time. */
static int pp_dir_base_write(struct mmio *m, const struct mmio_write *w)
{
    uint32_t value = w->value & 0xffff0000u, engine = mmio_engine_of(w->offset);
    int rc;

    mmio_undo(m, &m->vreg->submit, sizeof m->vreg->submit);
    rc = directory_stands(m, value >> 12);
    if (!rc && present(m, engine))
        rc = mmio_post_reg(m, engine, w->offset, value);
    if (!rc)
        *mmio_reg(m, w->offset) = value;
    return rc;
}

static uint32_t pp_dir_base_read(struct mmio *m, uint32_t offset)
{
    return *mmio_reg(m, base_of(offset) + RING_PP_DIR_BASE);
}

static int read_only(struct mmio *m, const struct mmio_write *w)
{
    return mmio_ro_handler.write(m, w);
}

/* Idle is sched's to say: a ring that is stopped ends what it has begun. */
static int mi_mode_write(struct mmio *m, const struct mmio_write *w)
{
    uint32_t engine = mmio_engine_of(w->offset), *mode = mmio_reg(m, w->offset);
    uint32_t value = (mmio_masked(*mode, w) & ~(uint32_t)MI_MODE_IDLE) | (*mode & MI_MODE_IDLE);
    int rc = told(m, w, value & ~(uint32_t)MI_MODE_IDLE);

    if (rc)
        return rc;
    crash_point("mmio.mode.posted");
    m->vreg->submit.ring[engine].mode_seq = m->vreg->submit.seq;
    *mode = value;
    now_busy(m, base_of(w->offset));
    answered_before(m, engine);
    return 0;
}

/* To the guest the flush is over at once, sched sees what was asked for. */
static int instpm_write(struct mmio *m, const struct mmio_write *w)
{
    uint32_t value = mmio_masked(*mmio_reg(m, w->offset), w);
    int rc = told(m, w, value);

    if (!rc)
        *mmio_reg(m, w->offset) = value & ~(uint32_t)INSTPM_SELF_CLEARING;
    return rc;
}

static int hws_pga_write(struct mmio *m, const struct mmio_write *w)
{
    uint32_t engine = 0;
    int rc = 0;

    while (hws_pga[engine] != w->offset)
        engine++;
    mmio_undo(m, &m->vreg->submit.seq, sizeof m->vreg->submit.seq);
    if (present(m, engine))
        rc = mmio_post_hwsp(m, engine, w->value & ~0xfffu);
    if (!rc)
        *mmio_reg(m, w->offset) = w->value;
    return rc;
}

/* ---- what sched tells, and resets */

void mmio_ring7_status(struct mmio *m, const struct sched_mmio *e)
{
    if (e->kind != SCHED_MMIO_RING || e->engine >= ENGINES ||
        e->seq < m->vreg->submit.ring[e->engine].seq)
        return;
    m->vreg->said[e->engine] = (struct vreg_ring_said){
        .seq = e->seq, .head = e->head & ~3u, .acthd = e->acthd, .bits = e->bits};
    crash_point("mmio.ring.said");
    show(m, e->engine);
}

/* All of the engine's registers that sched forgets with it. */
void mmio_ring7_reset(struct mmio *m, uint32_t engine)
{
    static const uint32_t cleared[] = {
        RING_TAIL,     RING_HEAD,  RING_START,  RING_CTL,         RING_SYNC,        RING_SYNC + 4,
        RING_SYNC + 8, RING_ACTHD, RING_INSTPM, RING_PP_DIR_DCLV, RING_PP_DIR_BASE, RING_GFX_MODE};
    uint32_t base = gen8_engine_base(engine);

    if (engine >= ENGINES)
        return;
    m->vreg->submit.ring[engine].seq = m->vreg->submit.seq;
    m->vreg->submit.ring[engine].mode_seq = m->vreg->submit.seq;
    for (size_t i = 0; i < sizeof cleared / sizeof cleared[0]; i++)
        *mmio_reg(m, base + cleared[i]) = 0;
    if (engine == GEN8_RCS)
        *mmio_reg(m, base + RING_CCID) = 0;
    *mmio_reg(m, hws_pga[engine]) = 0;
    *mmio_reg(m, base + RING_MI_MODE) = MI_MODE_IDLE;
}

static const struct mmio_handler tail_handler = {"tail", NULL, tail_write};
static const struct mmio_handler ring_handler = {"ring", NULL, ring_write};
static const struct mmio_handler mi_mode_handler = {"MI_MODE", NULL, mi_mode_write};
static const struct mmio_handler instpm_handler = {"INSTPM", NULL, instpm_write};
static const struct mmio_handler plain_handler = {"engine's own", NULL, plain_write};
static const struct mmio_handler pp_dir_base_handler = {"PP_DIR_BASE", NULL, pp_dir_base_write};
static const struct mmio_handler hws_pga_handler = {"HWS_PGA", NULL, hws_pga_write};
static const struct mmio_handler pp_dir_read_handler = {"PP_DIR_BASE_READ", pp_dir_base_read,
                                                        read_only};

static void attach_engine(struct mmio *m, uint32_t engine)
{
    uint32_t base = gen8_engine_base(engine);
    const struct mmio_regs regs[] = {
        {base + RING_TAIL, 1, &tail_handler},
        {base + RING_HEAD, 3, &ring_handler},
        {base + RING_PSMI_CTL, 1, &mmio_masked_handler},
        {base + RING_MI_MODE, 1, &mi_mode_handler},
        {base + RING_INSTPM, 1, &instpm_handler},
        {base + RING_PP_DIR_DCLV, 1, &plain_handler},
        {base + RING_PP_DIR_BASE, 1, &pp_dir_base_handler},
        {base + RING_GFX_MODE, 1, &mmio_masked_handler},
        {base + RING_TIMESTAMP, 2, &mmio_timestamp_handler},
        {base + RING_PP_DIR_BASE_READ, 1, &pp_dir_read_handler},
        {hws_pga[engine], 1, &hws_pga_handler},
    };

    mmio_register(m, regs, sizeof regs / sizeof regs[0]);
}

static void attach(struct mmio *m)
{
    static const struct mmio_regs ccid = {0x2180, 1, &plain_handler};

    for (uint32_t engine = 0; engine < ENGINES; engine++)
        attach_engine(m, engine);
    mmio_register(m, &ccid, 1);
}

static void reset(struct mmio *m)
{
    m->root = 0;
    for (uint32_t engine = 0; engine < ENGINES; engine++)
        mmio_ring7_reset(m, engine);
}

const struct mmio_part mmio_part_ring7 = {attach, reset};
