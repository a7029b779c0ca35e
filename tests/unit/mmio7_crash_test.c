/* SPDX-License-Identifier: MIT */
/*
 * mmio7_crash_test.c: deaths at every point of a Haswell's trapped accesses (mmio_crash.h): what
 * sched is told is told once or twice under one number, and the registers are as without a death.
 */
#include "gen/gen8_engine.h"
#include "tests/unit/mmio_crash.h"

#define VALID 0x3001u
#define IDLE  (1u << 9)

static uint32_t reg(const struct fix *f, uint32_t offset)
{
    return f->s->vreg.mmio[offset / 4];
}

/* Takes what sched was told, which must be one thing, under the number that was counted last. */
static struct mmio_sched told_once(struct fix *f)
{
    struct mmio_sched msg, first = {.kind = 0};
    int n = 0;

    for (; fix_sched(f, &msg); n++) {
        assert_int_equal(msg.seq, f->s->vreg.submit.seq);
        if (n)
            assert_memory_equal(&msg, &first, sizeof msg);
        first = msg;
    }
    assert_in_range(n, 1, 2);
    return first;
}

/* ---- tail */
static void tail_prepare(struct fix *f, struct vmm_access *a)
{
    fix_w(f, 0x203c, VALID);
    fix_forget(f);
    *a = fix_access(FIX_BAR0 + 0x2030, 4, true, 0x80);
}

static void tail_judge(struct fix *f)
{
    struct mmio_sched msg = told_once(f);

    assert_int_equal(msg.kind, MMIO_SCHED_TAIL);
    assert_int_equal(msg.value, 0x80);
    assert_int_equal(msg.seq, 2);
    assert_int_equal(reg(f, 0x2030), 0x80);
    assert_int_equal(reg(f, 0x209c), 0);
}

static void tail(void **state)
{
    static const struct crash_scenario s = {7, tail_prepare, tail_judge, NULL};

    (void)state;
    crash_sweep(&s);
}

/* ---- ring, while sched reports of what was before it */
static void ring_prepare(struct fix *f, struct vmm_access *a)
{
    fix_w(f, 0x22038, 0x5000);
    fix_w(f, 0x22030, 0x80);
    fix_forget(f);
    *a = fix_access(FIX_BAR0 + 0x2203c, 4, true, VALID);
}

static void ring_judge(struct fix *f)
{
    struct mmio_sched msg = told_once(f);

    assert_int_equal(msg.kind, MMIO_SCHED_RING);
    assert_int_equal(msg.engine, GEN8_BCS);
    assert_int_equal(msg.ring.tail, 0x80);
    assert_int_equal(msg.ring.start, 0x5000);
    assert_int_equal(msg.ring.ctl, VALID);
    assert_int_equal(msg.seq, 3);
    assert_int_equal(f->s->vreg.submit.ring[GEN8_BCS].seq, 3);
    assert_int_equal(reg(f, 0x2203c), VALID);
    assert_int_equal(reg(f, 0x2209c), 0);
}

static void ring(void **state)
{
    static const struct crash_scenario s = {7, ring_prepare, ring_judge, NULL};

    (void)state;
    crash_sweep(&s);
}

/* ---- head, which what sched says of an older ring must not overwrite */
static void head_prepare(struct fix *f, struct vmm_access *a)
{
    fix_w(f, 0x203c, VALID);
    fix_forget(f);
    *a = fix_access(FIX_BAR0 + 0x2034, 4, true, 0x40);
}

static void stale_head(struct fix *f)
{
    struct sched_mmio ev = {.kind = SCHED_MMIO_RING, .engine = GEN8_RCS, .seq = 1, .head = 0x700};

    assert_int_equal(lane_tx_put(&f->from_sched.tx, &ev, sizeof ev), 0);
    assert_int_equal(mmio_events(&f->mmio), 0);
}

static void head_judge(struct fix *f)
{
    struct mmio_sched msg = told_once(f);

    assert_int_equal(msg.kind, MMIO_SCHED_RING);
    assert_int_equal(msg.ring.head, 0x40);
    assert_int_equal(reg(f, 0x2034), 0x40);
}

static void head(void **state)
{
    static const struct crash_scenario s = {7, head_prepare, head_judge, stale_head};

    (void)state;
    crash_sweep(&s);
}

/* ---- stop */
static void stop_prepare(struct fix *f, struct vmm_access *a)
{
    fix_w(f, 0x203c, VALID);
    fix_w(f, 0x2030, 0x80);
    fix_forget(f);
    *a = fix_access(FIX_BAR0 + 0x209c, 4, true, 0x01000100);
}

static void stop_judge(struct fix *f)
{
    struct mmio_sched msg = told_once(f);

    assert_int_equal(msg.kind, MMIO_SCHED_REG);
    assert_int_equal(msg.offset, 0x209c);
    assert_int_equal(msg.value, 0x100);
    assert_int_equal(f->s->vreg.submit.ring[GEN8_RCS].mode_seq, 3);
    assert_int_equal(reg(f, 0x209c), 0x100);
}

static void stop(void **state)
{
    static const struct crash_scenario s = {7, stop_prepare, stop_judge, NULL};

    (void)state;
    crash_sweep(&s);
}

/* ---- a write whose message was taken, obeyed and answered before it was done again: what sched
 * says is said once, and holds of what the registers become */
static void say(struct fix *f, uint32_t seq, uint32_t head)
{
    struct sched_mmio ev = {.kind = SCHED_MMIO_RING,
                            .engine = GEN8_RCS,
                            .seq = seq,
                            .head = head,
                            .bits = SCHED_RING_IDLE};

    assert_int_equal(lane_tx_put(&f->from_sched.tx, &ev, sizeof ev), 0);
    assert_int_equal(mmio_events(&f->mmio), 0);
}

static uint64_t obeyed; /* the last number */

/* As sched does: whether the death came before or after the message decides what it knows, and one
 * under a number that it knows it does not obey again. */
static void obey(struct fix *f)
{
    struct mmio_sched msg;

    if (!fix_sched(f, &msg) || msg.seq == obeyed)
        return;
    obeyed = msg.seq;
    if (msg.kind == MMIO_SCHED_TAIL)
        say(f, (uint32_t)msg.seq, msg.value);
    else if (msg.kind == MMIO_SCHED_RING)
        say(f, (uint32_t)msg.seq, msg.ring.tail);
    else
        say(f, (uint32_t)msg.seq, 0x40);
}

static void obeyed_tail_prepare(struct fix *f, struct vmm_access *a)
{
    obeyed = 0;
    tail_prepare(f, a);
}

static void obeyed_tail_judge(struct fix *f)
{
    obey(f); /* nothing, if it knew */
    assert_int_equal(reg(f, 0x2030), 0x80);
    assert_int_equal(reg(f, 0x2034), 0x80);
    assert_int_equal(reg(f, 0x209c), IDLE);
}

static void obeyed_tail(void **state)
{
    static const struct crash_scenario s = {7, obeyed_tail_prepare, obeyed_tail_judge, obey};

    (void)state;
    crash_sweep(&s);
}

/* HEAD is moved while the ring is on, so there is work at once. */
static void obeyed_head_prepare(struct fix *f, struct vmm_access *a)
{
    obeyed = 0;
    fix_w(f, 0x203c, VALID);
    fix_w(f, 0x2030, 0x80);
    fix_forget(f);
    *a = fix_access(FIX_BAR0 + 0x2034, 4, true, 0x40);
}

static void obeyed_head(void **state)
{
    static const struct crash_scenario s = {7, obeyed_head_prepare, obeyed_tail_judge, obey};

    (void)state;
    crash_sweep(&s);
}

/* Half way through its ring. */
static void obeyed_stop_prepare(struct fix *f, struct vmm_access *a)
{
    obeyed = 0;
    stop_prepare(f, a);
}

static void obeyed_stop_judge(struct fix *f)
{
    obey(f);
    assert_int_equal(reg(f, 0x2034), 0x40);
    assert_int_equal(reg(f, 0x209c), 0x100 | IDLE);
}

static void obeyed_stop(void **state)
{
    static const struct crash_scenario s = {7, obeyed_stop_prepare, obeyed_stop_judge, obey};

    (void)state;
    crash_sweep(&s);
}

/* ---- status page, page directory, flush */
static void hwsp_prepare(struct fix *f, struct vmm_access *a)
{
    (void)f;
    *a = fix_access(FIX_BAR0 + 0x4180, 4, true, 0x27ffe000);
}

static void hwsp_judge(struct fix *f)
{
    struct mmio_sched msg = told_once(f);

    assert_int_equal(msg.kind, MMIO_SCHED_HWSP);
    assert_int_equal(msg.engine, GEN8_VCS);
    assert_int_equal(msg.value, 0x27ffe000);
    assert_int_equal(reg(f, 0x4180), 0x27ffe000);
}

static void status_page(void **state)
{
    static const struct crash_scenario s = {7, hwsp_prepare, hwsp_judge, NULL};

    (void)state;
    crash_sweep(&s);
}

static void flush_prepare(struct fix *f, struct vmm_access *a)
{
    (void)f;
    *a = fix_access(FIX_BAR0 + 0x1a0c0, 4, true, 0x02210221);
}

static void flush_judge(struct fix *f)
{
    struct mmio_sched msg = told_once(f);

    assert_int_equal(msg.kind, MMIO_SCHED_REG);
    assert_int_equal(msg.value, 0x221);
    assert_int_equal(reg(f, 0x1a0c0), 1);
}

static void flush(void **state)
{
    static const struct crash_scenario s = {7, flush_prepare, flush_judge, NULL};

    (void)state;
    crash_sweep(&s);
}

/* ---- reset of all engines */
static void reset_prepare(struct fix *f, struct vmm_access *a)
{
    for (unsigned e = 0; e < 4; e++) {
        fix_w(f, gen8_engine_base(e) + 0x3c, VALID);
        fix_w(f, gen8_engine_base(e) + 0x30, 0x80);
    }
    fix_forget(f);
    *a = fix_access(FIX_BAR0 + 0x941c, 4, true, 1);
}

static void reset_judge(struct fix *f)
{
    struct mmio_sched msg = told_once(f);

    assert_int_equal(msg.kind, MMIO_SCHED_RESET);
    assert_int_equal(msg.engine, 0xf);
    for (unsigned e = 0; e < 4; e++) {
        assert_int_equal(reg(f, gen8_engine_base(e) + 0x3c), 0);
        assert_int_equal(reg(f, gen8_engine_base(e) + 0x9c), IDLE);
        assert_int_equal(f->s->vreg.submit.ring[e].seq, msg.seq);
    }
}

static void reset_of_all(void **state)
{
    static const struct crash_scenario s = {7, reset_prepare, reset_judge, NULL};

    (void)state;
    crash_sweep(&s);
}

/* ---- two GGTT entries in one access, three times over */
static void gtt_prepare(struct fix *f, struct vmm_access *a)
{
    (void)f;
    *a = fix_access(FIX_GTT7 + 4 * FIX_FIRST, 8, true, 0x0000800300007003);
    a->count = 3;
}

static void gtt_judge(struct fix *f)
{
    struct mmio_gtt msg;
    uint64_t epoch = 0, index = FIX_FIRST;

    while (fix_gtt(f, &msg)) {
        assert_in_range(msg.epoch, epoch, epoch + 1);
        assert_in_range(msg.pte.index, index, index + 1);
        assert_int_equal(msg.pte.value, msg.pte.index & 1 ? 0x8003 : 0x7003);
        epoch = msg.epoch;
        index = msg.pte.index;
    }
    assert_int_equal(index, FIX_FIRST + 5);
    assert_int_equal(epoch, f->s->vreg.gtt_epoch);
    assert_in_range(epoch, 6, 7);
    for (int i = 0; i < 6; i++)
        assert_int_equal(f->s->vggtt.pte[FIX_FIRST + i], i & 1 ? 0x8003 : 0x7003);
}

static void pairs_of_entries(void **state)
{
    static const struct crash_scenario s = {7, gtt_prepare, gtt_judge, NULL};

    (void)state;
    crash_sweep(&s);
}

/* ---- clearing one of two events of a bit, while another comes: one stays, and the other */
static void iir_prepare(struct fix *f, struct vmm_access *a)
{
    f->s->vreg.irq7.bank[IRQ_GEN7_GT] = (struct irq_bank){.iir = 1, .held = 1, .ier = ~0u};
    f->s->vreg.mmio[0x220a8 / 4] = 0;
    *a = fix_access(FIX_BAR0 + 0x44018, 4, true, 1);
}

static void blitter_is_done(struct fix *f)
{
    struct sched_mmio ev = {.kind = SCHED_MMIO_IIR, .engine = GEN8_BCS, .bits = 1};

    assert_int_equal(lane_tx_put(&f->from_sched.tx, &ev, sizeof ev), 0);
    assert_int_equal(mmio_events(&f->mmio), 0);
}

static void iir_judge(struct fix *f)
{
    assert_int_equal(f->s->vreg.irq7.bank[IRQ_GEN7_GT].iir, 1u << 22 | 1);
    assert_int_equal(f->s->vreg.irq7.bank[IRQ_GEN7_GT].held, 0);
}

static void two_deep_iir(void **state)
{
    static const struct crash_scenario s = {7, iir_prepare, iir_judge, blitter_is_done};

    (void)state;
    crash_sweep(&s);
}

/* ---- opening the PCH's bank, which shows in the display engine's */
static void pch_prepare(struct fix *f, struct vmm_access *a)
{
    struct irq_gen7 *irq = &f->s->vreg.irq7;

    irq->bank[IRQ_GEN7_DE] = (struct irq_bank){.ier = IRQ_GEN7_MASTER_ENABLE | IRQ_GEN7_DE_PCH};
    irq->bank[IRQ_GEN7_PCH] = (struct irq_bank){.iir = 1u << 21, .isr = 1u << 21};
    *a = fix_access(FIX_BAR0 + 0xc400c, 4, true, ~0u);
}

static void pch_judge(struct fix *f)
{
    assert_int_equal(f->s->vreg.irq7.bank[IRQ_GEN7_DE].iir, IRQ_GEN7_DE_PCH);
    assert_int_equal(f->s->vreg.irq7.bank[IRQ_GEN7_PCH].ier, ~0u);
    assert_true(f->s->vreg.irq7.line);
    if (!f->s->completed)
        assert_true(fix_msis(f) >= 1);
}

static void pch_comes_up(void **state)
{
    static const struct crash_scenario s = {7, pch_prepare, pch_judge, NULL};

    (void)state;
    crash_sweep(&s);
}

static void ranges_move(void **state)
{
    (void)state;
    crash_bar0_moves(7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tail),         cmocka_unit_test(ring),
        cmocka_unit_test(head),         cmocka_unit_test(stop),
        cmocka_unit_test(status_page),  cmocka_unit_test(flush),
        cmocka_unit_test(reset_of_all), cmocka_unit_test(pairs_of_entries),
        cmocka_unit_test(two_deep_iir), cmocka_unit_test(pch_comes_up),
        cmocka_unit_test(ranges_move),  cmocka_unit_test(obeyed_tail),
        cmocka_unit_test(obeyed_head),  cmocka_unit_test(obeyed_stop),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
