/* SPDX-License-Identifier: MIT */
/*
 * ring8.c: the registers of Broadwell's virtual engines: execlist submission port, context status
 * buffer, stop and reset handshakes, status page. Called by dispatch.c and, for status, by
 * events.c, for a reset by engine.c. Nothing here runs anything: sched does. Register facts:
 * Broadwell PRM vol. 2c.
 */
#include "services/mmio/priv.h"

#include "lib/crash.h"

/* Offsets inside an engine's block. */
enum {
    RING_TAIL = 0x30,
    RING_CTL = 0x3c,
    RING_HWS_PGA = 0x80,
    RING_MI_MODE = 0x9c,
    RING_INSTPM = 0xc0,
    RING_RESET_CTL = 0xd0,
    RING_ELSP = 0x230,
    RING_EXECLIST_STATUS = 0x234,
    RING_GFX_MODE = 0x29c,
    RING_TIMESTAMP = 0x358,
    RING_CSB = 0x370,
    RING_CSB_PTR = 0x3a0,
};

enum {
    CSB_SLOTS = 6,
    CSB_PTR_RESET = 0x0505,
    CSB_PTR_READ = 0x0700,
    CSB_PTR_WRITE = 0x0007,
    MI_MODE_STOP = 1 << 8,
    MI_MODE_IDLE = 1 << 9,
    INSTPM_SELF_CLEARING = 1 << 5 | 1 << 9, /* sync flush, TLB invalidate */
    RESET_REQUEST = 1 << 0,
    RESET_READY = 1 << 1,
    GFX_MODE_EXECLISTS = 1 << 15,
    CTL_VALID = 1 << 0,
};

/* A stopped engine is idle, and so is one without work: ours has none of its own. */
static int mi_mode_write(struct mmio *m, const struct mmio_write *w)
{
    *mmio_reg(m, w->offset) = mmio_masked(*mmio_reg(m, w->offset), w) | MI_MODE_IDLE;
    return 0;
}

static int instpm_write(struct mmio *m, const struct mmio_write *w)
{
    *mmio_reg(m, w->offset) = mmio_masked(*mmio_reg(m, w->offset), w) & ~INSTPM_SELF_CLEARING;
    return 0;
}

static int reset_ctl_write(struct mmio *m, const struct mmio_write *w)
{
    uint32_t value = mmio_masked(*mmio_reg(m, w->offset), w) & ~RESET_READY;

    *mmio_reg(m, w->offset) = value & RESET_REQUEST ? value | RESET_READY : value;
    return 0;
}

static int hws_pga_write(struct mmio *m, const struct mmio_write *w)
{
    int rc = mmio_post_hwsp(m, mmio_engine_of(w->offset), w->value & ~0xfffu);

    if (!rc)
        *mmio_reg(m, w->offset) = w->value;
    return rc;
}

/* Gen8's guests submit by execlists only (their caps say so); a ring that is switched on is counted
 * and never runs. */
static int ring_write(struct mmio *m, const struct mmio_write *w)
{
    *mmio_reg(m, w->offset) = w->value;
    if ((w->offset & 0xfff) == RING_CTL && w->value & CTL_VALID)
        mmio_fault(m, MMIO_FAULT_RING);
    return 0;
}

/* Four dwords: context 1 high, low, context 0 high, low; the last one submits. */
static int elsp_write(struct mmio *m, const struct mmio_write *w)
{
    uint32_t engine = mmio_engine_of(w->offset);
    typeof(&m->vreg->submit.elsp[0]) e = &m->vreg->submit.elsp[engine];
    uint64_t desc[2];
    int rc;

    mmio_undo(m, &m->vreg->submit, sizeof m->vreg->submit);
    if (w->mask != UINT32_MAX || !(m->s.vgpu.engines & GEN8_M(engine))) {
        mmio_fault(m, MMIO_FAULT_WIDTH);
        return 0;
    }
    if (e->n < 3) {
        e->dwords[e->n++] = w->value;
        crash_point("mmio.elsp.collected");
        return 0;
    }
    desc[0] = (uint64_t)e->dwords[2] << 32 | w->value;
    desc[1] = (uint64_t)e->dwords[0] << 32 | e->dwords[1];
    rc = mmio_post_elsp(m, engine, desc);
    crash_point("mmio.elsp.posted");
    if (!rc)
        e->n = 0;
    return rc;
}

static uint32_t zero_read(struct mmio *m, uint32_t offset)
{
    (void)m;
    (void)offset;
    return 0;
}

/* The guest owns the read pointer; the write pointer moves with what sched reports. */
static int csb_ptr_write(struct mmio *m, const struct mmio_write *w)
{
    uint32_t *reg = mmio_reg(m, w->offset);

    *reg = (mmio_masked(*reg, w) & CSB_PTR_READ) | (*reg & CSB_PTR_WRITE);
    return 0;
}

void mmio_ring8_reset(struct mmio *m, uint32_t engine)
{
    uint32_t base = gen8_engine_base(engine);

    for (uint32_t off = RING_TAIL; off <= RING_CTL; off += 4)
        *mmio_reg(m, base + off) = 0;
    for (uint32_t off = RING_CSB; off < RING_CSB + 8 * CSB_SLOTS; off += 4)
        *mmio_reg(m, base + off) = 0;
    *mmio_reg(m, base + RING_EXECLIST_STATUS) = 0;
    *mmio_reg(m, base + RING_EXECLIST_STATUS + 4) = 0;
    *mmio_reg(m, base + RING_CSB_PTR) = CSB_PTR_RESET;
    *mmio_reg(m, base + RING_MI_MODE) = MI_MODE_IDLE;
    *mmio_reg(m, base + RING_RESET_CTL) = 0;
    *mmio_reg(m, base + RING_GFX_MODE) = 0;
    m->vreg->submit.elsp[engine].n = 0;
}

static void csb(struct mmio *m, uint32_t engine, uint32_t slot, uint64_t entry, uint64_t status)
{
    uint32_t base = gen8_engine_base(engine), *ptr;

    if (!base || slot >= CSB_SLOTS)
        return;
    ptr = mmio_reg(m, base + RING_CSB_PTR);
    *mmio_reg(m, base + RING_CSB + 8 * slot) = entry;
    *mmio_reg(m, base + RING_CSB + 8 * slot + 4) = entry >> 32;
    *mmio_reg(m, base + RING_EXECLIST_STATUS) = status;
    *mmio_reg(m, base + RING_EXECLIST_STATUS + 4) = status >> 32;
    crash_point("mmio.csb.half");
    *ptr = (*ptr & ~CSB_PTR_WRITE) | slot;
}

/* A repeated one must not move the write pointer back. */
void mmio_ring8_status(struct mmio *m, const struct sched_mmio *e)
{
    if (e->kind != SCHED_MMIO_CSB || e->seq <= m->vreg->csb_seq)
        return;
    csb(m, e->engine, e->csb_index, e->csb, e->execlist_status);
    __atomic_store_n(&m->vreg->csb_seq, e->seq, __ATOMIC_RELEASE);
}

static const struct mmio_handler mi_mode_handler = {"MI_MODE", NULL, mi_mode_write};
static const struct mmio_handler instpm_handler = {"INSTPM", NULL, instpm_write};
static const struct mmio_handler reset_ctl_handler = {"RESET_CTL", NULL, reset_ctl_write};
static const struct mmio_handler hws_pga_handler = {"HWS_PGA", NULL, hws_pga_write};
static const struct mmio_handler ring_handler = {"ring", NULL, ring_write};
static const struct mmio_handler elsp_handler = {"ELSP", zero_read, elsp_write};
static const struct mmio_handler csb_ptr_handler = {"CSB_PTR", NULL, csb_ptr_write};
static const struct mmio_handler strobe_handler = {"strobe", zero_read, NULL};

static void attach_engine(struct mmio *m, uint32_t base)
{
    const struct mmio_regs regs[] = {
        {base + RING_TAIL, 4, &ring_handler},
        {base + 0x50, 1, &mmio_masked_handler}, /* PSMI_CTL */
        {base + RING_HWS_PGA, 1, &hws_pga_handler},
        {base + RING_MI_MODE, 1, &mi_mode_handler},
        {base + RING_INSTPM, 1, &instpm_handler},
        {base + RING_RESET_CTL, 1, &reset_ctl_handler},
        {base + RING_ELSP, 1, &elsp_handler},
        {base + RING_EXECLIST_STATUS, 2, &mmio_ro_handler},
        {base + RING_GFX_MODE, 1, &mmio_masked_handler},
        {base + RING_TIMESTAMP, 2, &mmio_timestamp_handler},
        {base + RING_CSB, 2 * CSB_SLOTS, &mmio_ro_handler},
        {base + RING_CSB_PTR, 1, &csb_ptr_handler},
    };

    mmio_register(m, regs, sizeof regs / sizeof regs[0]);
}

static void attach(struct mmio *m)
{
    static const struct mmio_regs regs[] = {
        {0x7300, 1, &mmio_masked_handler}, /* HDC_CHICKEN0 */
        {0xe4f0, 1, &mmio_masked_handler}, /* ROW_CHICKEN */
        {0x4260, 5, &strobe_handler},      /* TLB invalidation */
    };

    for (uint32_t engine = 0; engine < GEN8_ENGINES; engine++)
        attach_engine(m, gen8_engine_base(engine));
    mmio_register(m, regs, sizeof regs / sizeof regs[0]);
}

static void reset(struct mmio *m)
{
    for (uint32_t engine = 0; engine < GEN8_ENGINES; engine++)
        mmio_ring8_reset(m, engine);
}

const struct mmio_part mmio_part_ring8 = {attach, reset};
