/* SPDX-License-Identifier: MIT */
/*
 * mmio7_core_test.c: what a Haswell's trap emulator does otherwise than a Broadwell's: the shape of
 * BAR0 and config space, GGTT entries of 4 bytes, rings and what sched is told of them.
 */
#include "gen/gen8_engine.h"
#include "tests/unit/mmio_entries.h"
#include "tests/unit/mmio_fixture.h"

#include <string.h>

#define ENTRY(index) (FIX_GTT7 + 4ull * (index))
#define GTT(own)     ENTRY(FIX_FIRST + (own)) /* the guest's entries, from its first */
#define VALID        0x3001u                  /* RING_CTL: 16 KiB, enabled */
#define IDLE         (1u << 9)
#define STOP         (1u << 8)
#define ON(bit)      ((bit) << 16 | (bit)) /* of a masked register */
#define OFF(bit)     ((bit) << 16)

static int setup(void **state)
{
    *state = fix_new_gen(16, 7);
    fix_forget(*state);
    return 0;
}

static int teardown(void **state)
{
    fix_free(*state);
    return 0;
}

/* ---- BAR0, config space, PVINFO */

static void config(void **state)
{
    struct fix *f = *state;

    assert_int_equal(fix_cfg_r(f, 0, 4), 0x04128086);
    assert_int_equal(fix_cfg_r(f, 8, 1), 6);
    assert_int_equal(fix_cfg_r(f, 0x50, 2), 0x200); /* 2 MiB of entries, nothing stolen */
    assert_int_equal(fix_cfg_r(f, 0x5c, 4), 0);
    assert_int_equal(fix_cfg_r(f, 0x62, 1), 1 << 1); /* aperture of 256 MiB */
    fix_cfg_w(f, 0x10, 4, ~0u);
    assert_int_equal(fix_cfg_r(f, 0x10, 4), 0xffc00004);
    fix_cfg_w(f, 0x10, 4, 0xe0000000);
    fix_bar0_traps(f, FIX_BAR0, false);
    fix_bar0_traps(f, 0xe0000000, true);
    assert_int_equal(fix_read(f, 0xe0078000, 8), PVINFO_MAGIC);
}

static void pvinfo(void **state)
{
    struct fix *f = *state;
    struct mmio_gtt msg;

    assert_int_equal(fix_r(f, 0x78010), 0x4);
    fix_w(f, 0x78838, 0x12345000);
    fix_w(f, 0x78818, PVINFO_PPGTT_L3_CREATE); /* its drivers send none */
    fix_w(f, 0x78818, PVINFO_PPGTT_L4_DESTROY);
    assert_int_equal(f->mmio.fault[MMIO_FAULT_NOTIFY], 2);
    fix_w(f, 0x78818, PVINFO_DISPLAY_REFRESH);
    assert_int_equal(f->mmio.fault[MMIO_FAULT_NOTIFY], 2);
    assert_false(fix_gtt(f, &msg));
}

static void no_such_generation(void **state)
{
    struct fix *f = *state;
    struct mmio_setup s = f->mmio.s;

    for (uint32_t gen = 0; gen < 12; gen++) {
        s.vgpu.gen = gen;
        assert_int_equal(mmio_init(&f->mmio, &s), gen == 7 || gen == 8 ? 0 : -22);
    }
}

static void ggtt_entries_of_any_width(void **state)
{
    struct fix *f = *state;
    struct mmio_gtt msg;

    fix_write(f, GTT(5), 4, 0x12345003);
    entries_expect(f, 5, 0x12345003, 1);
    fix_write(f, GTT(5) + 1, 1, 0xaa);
    entries_expect(f, 5, 0x1234aa03, 2);
    fix_write(f, GTT(5) + 2, 2, 0x7777);
    entries_expect(f, 5, 0x7777aa03, 3);
    fix_write(f, GTT(6), 8, 0x2222200311111003); /* two entries at once */
    entries_expect(f, 6, 0x11111003, 4);
    entries_expect(f, 7, 0x22222003, 5);
    fix_write(f, GTT(5) + 2, 8, 0x0004000300020001); /* parts of three */
    entries_expect(f, 5, 0x0001aa03, 6);
    entries_expect(f, 6, 0x00030002, 7);
    entries_expect(f, 7, 0x22220004, 8);
    assert_int_equal(fix_read(f, GTT(5), 8), 0x000300020001aa03);
    assert_int_equal(fix_read(f, GTT(6) + 1, 8) & 0xffffffffffffff, 0x22220004000300);
    assert_int_equal(f->s->vggtt.pte[FIX_FIRST + 5], 0x0001aa03); /* a slot of 64 bits each */
    assert_int_equal(f->s->vggtt.pte[FIX_FIRST + 7], 0x22220004);
    assert_false(fix_gtt(f, &msg));
}

static void string_of_entries(void **state)
{
    struct fix *f = *state;
    struct vmm_access a = fix_access(GTT(100), 4, true, 0x5003);
    struct mmio_gtt msg;
    uint64_t seen = 0;

    a.count = 37;
    fix_begin(f, &a);
    for (int passes = 0; mmio_pump(&f->mmio) == 0 && passes < 10; passes++)
        while (fix_gtt(f, &msg))
            assert_int_equal(msg.pte.index, FIX_FIRST + 100 + seen++);
    while (fix_gtt(f, &msg))
        assert_int_equal(msg.pte.index, FIX_FIRST + 100 + seen++);
    assert_int_equal(seen, 37);
    assert_int_equal(f->s->vggtt.pte[FIX_FIRST + 136], 0x5003);
}

/* ---- rings */

static const struct {
    uint32_t base, engine, hws;
} engines[] = {{0x2000, GEN8_RCS, 0x4080},
               {0x12000, GEN8_VCS, 0x4180},
               {0x22000, GEN8_BCS, 0x4280},
               {0x1a000, GEN8_VECS, 0x4380}};

static struct mmio_sched expect(struct fix *f, uint32_t kind, uint32_t engine)
{
    struct mmio_sched msg;

    assert_true(fix_sched(f, &msg));
    assert_int_equal(msg.kind, kind);
    assert_int_equal(msg.engine, engine);
    assert_int_equal(msg.seq, f->s->vreg.submit.seq);
    return msg;
}

static void expect_ring(struct fix *f, uint32_t engine, const uint32_t tail_head_start_ctl[4])
{
    struct mmio_sched msg = expect(f, MMIO_SCHED_RING, engine);

    assert_int_equal(msg.ring.tail, tail_head_start_ctl[0]);
    assert_int_equal(msg.ring.head, tail_head_start_ctl[1]);
    assert_int_equal(msg.ring.start, tail_head_start_ctl[2]);
    assert_int_equal(msg.ring.ctl, tail_head_start_ctl[3]);
}

static void ring_of_each_engine(void **state)
{
    struct fix *f = *state;
    struct mmio_sched msg;

    fix_write(f, GTT(9), 4, 0x1003);
    for (unsigned i = 0; i < 4; i++) {
        uint32_t base = engines[i].base, e = engines[i].engine;

        fix_w(f, base + 0x38, 0x27ffafff);
        expect_ring(f, e, (const uint32_t[]){0, 0, 0x27ffa000, 0});
        fix_w(f, base + 0x34, 0x103);
        expect_ring(f, e, (const uint32_t[]){0, 0x100, 0x27ffa000, 0});
        fix_w(f, base + 0x30, 0x107);
        msg = expect(f, MMIO_SCHED_TAIL, e);
        assert_int_equal(msg.value, 0x100);
        fix_w(f, base + 0x3c, VALID | 3u << 10);
        expect_ring(f, e, (const uint32_t[]){0x100, 0x100, 0x27ffa000, VALID});
        assert_int_equal(fix_r(f, base + 0x3c), VALID);
        assert_int_equal(fix_r(f, base + 0x38), 0x27ffa000);
        assert_int_equal(fix_r(f, base + 0x9c), IDLE);
        fix_w(f, base + 0x30, 0x180);
        msg = expect(f, MMIO_SCHED_TAIL, e);
        assert_int_equal(msg.value, 0x180);
        assert_int_equal(msg.epoch, 1); /* the entry before it */
        assert_int_equal(fix_r(f, base + 0x30), 0x180);
        assert_int_equal(fix_r(f, base + 0x9c), 0); /* it has work now */
        fix_w(f, engines[i].hws, 0x27ffe000 | i);
        msg = expect(f, MMIO_SCHED_HWSP, e);
        assert_int_equal(msg.value, 0x27ffe000);
        assert_int_equal(fix_r(f, engines[i].hws), 0x27ffe000 | i);
    }
    assert_false(fix_sched(f, &msg));
}

static void waits_for_room(void **state)
{
    struct fix *f = *state;
    struct vmm_access a = fix_access(FIX_BAR0 + 0x203c, 4, true, VALID);
    struct mmio_sched msg;

    for (uint32_t i = 0; i < 16; i++)
        fix_w(f, 0x2030, 8 * i);
    fix_begin(f, &a);
    for (int i = 0; i < 3; i++)
        assert_int_equal(mmio_pump(&f->mmio), 0);
    assert_int_equal(*(f->s->vreg.mmio + 0x203c / 4), 0);
    assert_true(fix_sched(f, &msg));
    assert_int_equal(mmio_pump(&f->mmio), 1);
    for (uint64_t seq = 2; seq <= 17; seq++) {
        assert_true(fix_sched(f, &msg));
        assert_int_equal(msg.seq, seq);
    }
    assert_int_equal(msg.kind, MMIO_SCHED_RING);
    assert_int_equal(msg.ring.ctl, VALID);
    assert_int_equal(msg.ring.tail, 8 * 15);
    assert_false(fix_sched(f, &msg));
}

static uint32_t told(struct fix *f, uint32_t engine, uint32_t offset)
{
    struct mmio_sched msg = expect(f, MMIO_SCHED_REG, engine);

    assert_int_equal(msg.offset, offset);
    return msg.value;
}

/* Who loads a directory is answered when gtt has done all it was told, and its tables trap: nothing
 * is left to be done when a request comes. gtt hears of it once. */
static void load_directory(struct fix *f, uint32_t offset, uint32_t value, bool news)
{
    struct gtt_mmio later = {.kind = GTT_MMIO_PROTECT_LATER, .gfn = 9};
    struct vmm_access a = fix_access(FIX_BAR0 + offset, 4, true, value);
    struct mmio_gtt msg;

    fix_begin(f, &a);
    if (news) {
        assert_int_equal(mmio_pump(&f->mmio), 0);
        assert_int_equal(mmio_pump(&f->mmio), 0);
        assert_true(fix_gtt(f, &msg));
        assert_int_equal(msg.kind, MMIO_GTT_PPGTT_NEW);
        assert_int_equal(msg.level, 2);
        assert_int_equal(msg.pdp[0], value >> 16 << 4);
        assert_int_equal(lane_tx_put(&f->from_gtt.tx, &later, sizeof later), 0);
        assert_int_equal(mmio_pump(&f->mmio), 0);
        assert_true(fake_protected(f->guest, 9));
        assert_true(fix_gtt(f, &msg));
        assert_int_equal(msg.kind, MMIO_GTT_TABLE_WRITE);
    }
    assert_int_equal(mmio_pump(&f->mmio), 1);
    assert_int_equal(fake_done(f->guest, 0, NULL), 1);
    assert_false(fix_gtt(f, &msg));
}

static void registers_that_are_told(void **state)
{
    struct fix *f = *state;
    struct mmio_sched msg;

    for (unsigned i = 0; i < 4; i++) {
        uint32_t base = engines[i].base, e = engines[i].engine;

        fix_w(f, base + 0x220, ~0u);
        assert_int_equal(told(f, e, base + 0x220), ~0u);
        assert_int_equal(fix_r(f, base + 0x220), ~0u);
        load_directory(f, base + 0x228, 0x27da1234, i == 0);
        assert_int_equal(told(f, e, base + 0x228), 0x27da0000);
        assert_int_equal(fix_r(f, base + 0x228), 0x27da0000);
        assert_int_equal(fix_r(f, base + 0x518), 0x27da0000);
        fix_w(f, base + 0xc0, ON(0x221u));
        assert_int_equal(told(f, e, base + 0xc0), 0x221);
        assert_int_equal(fix_r(f, base + 0xc0), 1); /* the flush is over */
        fix_w(f, base + 0x29c, ON(0x200u));
        assert_int_equal(fix_r(f, base + 0x29c), 0x200);
    }
    load_directory(f, 0x2228, 0, false); /* none: nothing to wait for */
    assert_int_equal(told(f, GEN8_RCS, 0x2228), 0);
    fix_w(f, 0x2180, 0x1000019d);
    assert_int_equal(told(f, GEN8_RCS, 0x2180), 0x1000019d);
    fix_w(f, 0x12180, 0x55);
    assert_false(fix_sched(f, &msg));
}

static void reports(struct fix *f, uint32_t engine, uint64_t seq, uint32_t head, bool idle)
{
    struct sched_mmio ev = {.kind = SCHED_MMIO_RING,
                            .engine = engine,
                            .seq = seq,
                            .head = head,
                            .acthd = 0x1000 + head,
                            .bits = idle ? SCHED_RING_IDLE : 0};

    assert_int_equal(lane_tx_put(&f->from_sched.tx, &ev, sizeof ev), 0);
    assert_int_equal(mmio_events(&f->mmio), 0);
}

static uint64_t last(struct fix *f)
{
    return f->s->vreg.submit.seq;
}

static void head_and_idle(void **state)
{
    struct fix *f = *state;
    uint64_t before;

    fix_w(f, 0x2203c, VALID);
    before = last(f);
    fix_w(f, 0x22030, 0x80);
    reports(f, GEN8_BCS, last(f), 0x40, false);
    assert_int_equal(fix_r(f, 0x22034), 0x40);
    assert_int_equal(fix_r(f, 0x22074), 0x1040);
    assert_int_equal(fix_r(f, 0x2209c), 0);
    reports(f, GEN8_BCS, last(f), 0x80, true);
    assert_int_equal(fix_r(f, 0x2209c), IDLE);
    fix_w(f, 0x22030, 0x100);
    reports(f, GEN8_BCS, before + 1, 0x80, true); /* idle, before it knew of the new tail */
    assert_int_equal(fix_r(f, 0x2209c), 0);
    before = last(f);
    fix_w(f, 0x22034, 0); /* the ring is another one */
    reports(f, GEN8_BCS, before, 0x100, true);
    assert_int_equal(fix_r(f, 0x22034), 0);
    assert_int_equal(fix_r(f, 0x2209c), 0);
    reports(f, GEN8_BCS, last(f), 0x100, true);
    assert_int_equal(fix_r(f, 0x22034), 0x100);
    assert_int_equal(fix_r(f, 0x2209c), IDLE);
    reports(f, GEN8_VCS2, last(f), 0x100, true); /* no such engine */
    reports(f, 99, last(f), 0x100, true);
}

static void stop_handshake(void **state)
{
    struct fix *f = *state;
    uint64_t before;

    fix_w(f, 0x203c, VALID);
    fix_w(f, 0x2030, 0x80);
    before = last(f);
    fix_forget(f);
    fix_w(f, 0x209c, ON(STOP));
    assert_int_equal(told(f, GEN8_RCS, 0x209c), STOP);
    assert_int_equal(fix_r(f, 0x209c), STOP); /* it has not stopped yet */
    reports(f, GEN8_RCS, before, 0x20, true);
    assert_int_equal(fix_r(f, 0x209c), STOP);
    reports(f, GEN8_RCS, last(f), 0x40, true);
    assert_int_equal(fix_r(f, 0x209c), STOP | IDLE);
    fix_w(f, 0x209c, OFF(STOP) | IDLE << 16 | IDLE);
    assert_int_equal(told(f, GEN8_RCS, 0x209c), 0);
    assert_int_equal(fix_r(f, 0x209c), 0); /* on it goes */
    reports(f, GEN8_RCS, last(f), 0x80, true);
    assert_int_equal(fix_r(f, 0x209c), IDLE);
}

/* As i915 takes a ring down and up, with nobody answering: it polls for each of these. */
static void driver_restarts_a_ring(void **state)
{
    struct fix *f = *state;

    fix_w(f, 0x1a03c, VALID);
    fix_w(f, 0x1a030, 0x80);
    reports(f, GEN8_VECS, last(f), 0x80, true);
    fix_w(f, 0x1a034, fix_r(f, 0x1a030));
    fix_w(f, 0x1a034, 0);
    fix_w(f, 0x1a030, 0);
    fix_w(f, 0x1a03c, 0);
    assert_int_equal(fix_r(f, 0x1a034), 0);
    assert_int_equal(fix_r(f, 0x1a09c), IDLE);
    fix_w(f, 0x1a0c0, ON(0x220u));
    assert_int_equal(fix_r(f, 0x1a0c0), 0);
    fix_w(f, 0x1a038, 0x27d96000);
    fix_w(f, 0x1a03c, VALID);
    assert_int_equal(fix_r(f, 0x1a03c), VALID);
    assert_int_equal(fix_r(f, 0x1a09c), IDLE);
}

static void device_reset(void **state)
{
    static const struct {
        uint32_t bit, mask;
    } domain[] = {
        {1, 0xf}, {2, GEN8_M_RCS}, {4, GEN8_M(GEN8_VCS)}, {8, GEN8_M_BCS}, {16, GEN8_M_VECS}};
    struct fix *f = *state;

    for (unsigned i = 0; i < sizeof domain / sizeof domain[0]; i++) {
        for (unsigned k = 0; k < 4; k++) {
            fix_w(f, engines[k].base + 0x3c, VALID);
            fix_w(f, engines[k].base + 0x30, 0x40);
            fix_w(f, engines[k].hws, 0x1000);
            fix_forget(f);
        }
        fix_w(f, 0x941c, domain[i].bit);
        assert_int_equal(fix_r(f, 0x941c), 0);
        expect(f, MMIO_SCHED_RESET, domain[i].mask);
        for (unsigned k = 0; k < 4; k++) {
            bool hit = domain[i].mask & GEN8_M(engines[k].engine);

            reports(f, engines[k].engine, last(f) - 1, 0x40, false);
            assert_int_equal(fix_r(f, engines[k].base + 0x3c), hit ? 0 : VALID);
            assert_int_equal(fix_r(f, engines[k].base + 0x34), hit ? 0 : 0x40);
            assert_int_equal(fix_r(f, engines[k].base + 0x9c), hit ? IDLE : 0);
            assert_int_equal(fix_r(f, engines[k].hws), hit ? 0 : 0x1000);
        }
    }
    fix_w(f, 0x941c, 0x80); /* no second VCS */
    assert_int_equal(fix_r(f, 0x941c), 0);
}

static void restart_keeps_everything(void **state)
{
    struct fix *f = *state;

    fix_w(f, 0x2038, 0x5000);
    fix_w(f, 0x203c, VALID);
    fix_w(f, 0x2030, 0x80);
    reports(f, GEN8_RCS, last(f), 0x80, true);
    f->s->vreg.irq7.line = true;
    fix_forget(f);
    fix_restart(f);
    assert_int_equal(fix_msis(f), 1);
    assert_int_equal(fix_r(f, 0x203c), VALID);
    reports(f, GEN8_RCS, 1, 0x10, false); /* from before the ring was set up */
    assert_int_equal(fix_r(f, 0x2034), 0x80);
    assert_true(fake_trapped(f->guest, FIX_BAR0));
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(config),
        T(pvinfo),
        T(no_such_generation),
        T(ggtt_entries_of_any_width),
        T(entries_edges),
        T(entries_of_nobody),
        T(string_of_entries),
        T(ring_of_each_engine),
        T(waits_for_room),
        T(registers_that_are_told),
        T(head_and_idle),
        T(stop_handshake),
        T(driver_restarts_a_ring),
        T(device_reset),
        T(restart_keeps_everything),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
