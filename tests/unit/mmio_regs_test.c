/* SPDX-License-Identifier: MIT */
/* mmio_regs_test.c: the register groups, as today's i915 meets them. */
#include "tests/unit/mmio_fixture.h"

#include <string.h>
#include <sys/mman.h>

#include "gen/gen8_engine.h"

#define PV(field) (PVINFO_BASE + offsetof(struct pvinfo, field))

static int setup(void **state)
{
    *state = fix_new(16);
    fix_forget(*state);
    return 0;
}

static int teardown(void **state)
{
    fix_free(*state);
    return 0;
}

static void pvinfo_page(void **state)
{
    struct fix *f = *state;
    struct mmio_gtt msg;

    assert_int_equal(fix_read(f, FIX_BAR0 + PV(magic), 8), PVINFO_MAGIC);
    assert_int_equal(fix_read(f, FIX_BAR0 + PV(version_major), 2), 1);
    assert_int_equal(fix_r(f, PV(caps)), 0xc);
    assert_int_equal(fix_r(f, PV(low_base)), 64 << 20);
    assert_int_equal(fix_r(f, PV(high_size)), 384 << 20);
    assert_int_equal(fix_r(f, PV(fences)), 4);
    fix_w(f, PV(low_size), 0xffffffff);
    assert_int_equal(fix_r(f, PV(low_size)), 64 << 20);
    assert_int_equal(f->mmio.fault[MMIO_FAULT_READ_ONLY], 1);
    fix_write(f, FIX_BAR0 + PV(display_ready), 1, 1);
    assert_int_equal(fix_r(f, PV(display_ready)), 1);
    fix_w(f, PV(pdp[0].lo), 0x12345000);
    fix_w(f, PV(pdp[0].hi), 0x1);
    fix_w(f, PV(pdp[1].lo), 0x999);
    fix_w(f, PV(g2v_notify), PVINFO_PPGTT_L4_CREATE);
    assert_true(fix_gtt(f, &msg));
    assert_int_equal(msg.kind, MMIO_GTT_PPGTT_NEW);
    assert_int_equal(msg.level, 4);
    assert_int_equal(msg.pdp[0], 0x112345000);
    assert_int_equal(msg.pdp[1], 0);
    fix_w(f, PV(g2v_notify), PVINFO_PPGTT_L3_DESTROY);
    assert_true(fix_gtt(f, &msg));
    assert_int_equal(msg.kind, MMIO_GTT_PPGTT_GONE);
    assert_int_equal(msg.pdp[1], 0x999);
    fix_w(f, PV(g2v_notify), 1234);
    assert_int_equal(f->mmio.fault[MMIO_FAULT_NOTIFY], 1);
    assert_false(fix_gtt(f, &msg));
}

/* Of a new guest's registers most pages are all 0, and take no memory. */
static void few_pages(void **state)
{
    static unsigned char there[VREG_MMIO_BYTES / 4096];
    struct fix *f = *state;
    unsigned pages = 0;

    assert_int_equal((uintptr_t)f->s->vreg.mmio % 4096, 0);
    assert_int_equal(mincore(f->s->vreg.mmio, VREG_MMIO_BYTES, there), 0);
    for (unsigned i = 0; i < sizeof(there); i++)
        pages += there[i] & 1;
    assert_in_range(pages, 1, sizeof(there) / 4);
}

static void submit(struct fix *f, uint32_t base, uint32_t lo0)
{
    fix_w(f, base + 0x230, 0xb1);
    fix_w(f, base + 0x230, 0xb0);
    fix_w(f, base + 0x230, 0xa1);
    fix_w(f, base + 0x230, lo0);
}

static void elsp_collects_four(void **state)
{
    struct fix *f = *state;
    struct mmio_sched msg;

    fix_write(f, FIX_GTT8 + 8 * FIX_FIRST, 8, 0x1003);
    fix_w(f, 0x2230, 1);
    fix_w(f, 0x22230, 2); /* engines do not mix */
    assert_int_equal(fix_r(f, 0x2230), 0);
    fix_w(f, 0x2230, 3);
    fix_w(f, 0x2230, 4);
    assert_false(fix_sched(f, &msg));
    fix_w(f, 0x2230, 5);
    assert_true(fix_sched(f, &msg));
    assert_int_equal(msg.kind, MMIO_SCHED_ELSP);
    assert_int_equal(msg.engine, GEN8_RCS);
    assert_int_equal(msg.desc[0], 0x400000005);
    assert_int_equal(msg.desc[1], 0x100000003);
    assert_int_equal(msg.epoch, 1); /* the entry before it */
    assert_int_equal(msg.seq, 1);
    submit(f, 0x12000, 0xa0);
    assert_true(fix_sched(f, &msg));
    assert_int_equal(msg.engine, GEN8_VCS);
    assert_int_equal(msg.desc[0], 0xa1000000a0);
    assert_int_equal(msg.seq, 2);
    submit(f, 0x1c000, 0xa0); /* no second VCS here */
    assert_false(fix_sched(f, &msg));
    fix_write(f, FIX_BAR0 + 0x2230, 1, 1); /* half a descriptor is none */
    submit(f, 0x2000, 0xa0);
    assert_true(fix_sched(f, &msg));
    assert_int_equal(msg.desc[0], 0xa1000000a0);
}

static void elsp_waits_for_room(void **state)
{
    struct fix *f = *state;
    struct vmm_access a = fix_access(FIX_BAR0 + 0x2230, 4, true, 0xdd);
    struct mmio_sched msg;

    for (int i = 0; i < 16; i++)
        submit(f, 0x2000, i);
    for (int i = 0; i < 3; i++)
        fix_w(f, 0x2230, 0xcc);
    fix_begin(f, &a);
    for (int i = 0; i < 3; i++)
        assert_int_equal(mmio_pump(&f->mmio), 0);
    assert_true(fix_sched(f, &msg));
    assert_int_equal(mmio_pump(&f->mmio), 1);
    for (uint64_t seq = 2; seq <= 17; seq++) {
        assert_true(fix_sched(f, &msg));
        assert_int_equal(msg.seq, seq);
    }
    assert_int_equal(msg.desc[0], 0xcc000000dd);
    assert_false(fix_sched(f, &msg));
}

static void engine_handshakes(void **state)
{
    struct fix *f = *state;
    struct mmio_sched msg;

    assert_int_equal(fix_r(f, 0x209c), 0x200);
    fix_w(f, 0x209c, 0x01000100);
    assert_int_equal(fix_r(f, 0x209c), 0x300);
    fix_w(f, 0x209c, 0x01000000);
    assert_int_equal(fix_r(f, 0x209c), 0x200);
    fix_w(f, 0x20d0, 0x00010001);
    assert_int_equal(fix_r(f, 0x20d0), 3);
    fix_w(f, 0x20d0, 0x00010000);
    assert_int_equal(fix_r(f, 0x20d0), 0);
    fix_w(f, 0x20c0, 0x02200220);
    assert_int_equal(fix_r(f, 0x20c0), 0);
    fix_w(f, 0x229c, 0x80008000);
    assert_int_equal(fix_r(f, 0x229c), 0x8000);
    fix_w(f, 0x2080, 0x27ffe000);
    assert_int_equal(fix_r(f, 0x2080), 0x27ffe000);
    assert_true(fix_sched(f, &msg));
    assert_int_equal(msg.kind, MMIO_SCHED_HWSP);
    assert_int_equal(msg.value, 0x27ffe000);
    fix_w(f, 0x4260, 1);
    assert_int_equal(fix_r(f, 0x4260), 0);
    fix_w(f, 0x203c, 1);
    assert_int_equal(f->mmio.fault[MMIO_FAULT_RING], 1);
    assert_false(fix_sched(f, &msg));
}

static void device_reset(void **state)
{
    struct fix *f = *state;
    struct mmio_sched msg;

    fix_w(f, 0x2230, 1); /* a half-written submission is forgotten */
    fix_w(f, 0x2030, 0x100);
    fix_w(f, 0x1a29c, 0x80008000);
    fix_w(f, 0x941c, 2); /* render only */
    assert_int_equal(fix_r(f, 0x941c), 0);
    assert_true(fix_sched(f, &msg));
    assert_int_equal(msg.kind, MMIO_SCHED_RESET);
    assert_int_equal(msg.engine, GEN8_M_RCS);
    assert_int_equal(fix_r(f, 0x2030), 0);
    assert_int_equal(fix_r(f, 0x1a29c), 0x8000);
    submit(f, 0x2000, 0xa0);
    assert_true(fix_sched(f, &msg));
    assert_int_equal(msg.desc[1], 0xb1000000b0);
    fix_w(f, 0x941c, 1);
    assert_true(fix_sched(f, &msg));
    assert_int_equal(msg.engine, GEN8_M_ALL & ~GEN8_M(GEN8_VCS2));
    assert_int_equal(fix_r(f, 0x1a29c), 0);
}

static void context_status(void **state)
{
    struct fix *f = *state;
    struct sched_mmio ev = {.kind = SCHED_MMIO_CSB, .engine = GEN8_BCS, .seq = 1, .csb_index = 2};

    ev.csb = 0x700000018;
    ev.execlist_status = 0x55;
    assert_int_equal(fix_r(f, 0x223a0), 0x505);
    assert_int_equal(lane_tx_put(&f->from_sched.tx, &ev, sizeof ev), 0);
    ev.csb_index = 1; /* a repeated one */
    assert_int_equal(lane_tx_put(&f->from_sched.tx, &ev, sizeof ev), 0);
    ev.seq++;
    ev.csb_index = 6; /* no such slot, no such engine */
    assert_int_equal(lane_tx_put(&f->from_sched.tx, &ev, sizeof ev), 0);
    ev.engine = 99;
    ev.seq++;
    assert_int_equal(lane_tx_put(&f->from_sched.tx, &ev, sizeof ev), 0);
    assert_int_equal(mmio_events(&f->mmio), 0);
    assert_int_equal(fix_r(f, 0x22380), 0x18);
    assert_int_equal(fix_r(f, 0x22384), 7);
    assert_int_equal(fix_r(f, 0x22234), 0x55);
    assert_int_equal(fix_r(f, 0x223a0), 0x502);
    fix_w(f, 0x223a0, 0x07070205);
    assert_int_equal(fix_r(f, 0x223a0), 0x202); /* only the read pointer is the guest's */
    fix_w(f, 0x22380, 1);
    assert_int_equal(fix_r(f, 0x22380), 0x18);
}

static void interrupt_of_an_engine(void **state)
{
    struct fix *f = *state;
    struct sched_mmio ev = {.kind = SCHED_MMIO_IIR, .engine = GEN8_BCS, .bits = 1};
    const struct fake_msi *msi;

    fix_w(f, 0x44304, ~(1u << 16));
    fix_w(f, 0x4430c, 1u << 16);
    fix_w(f, 0x44200, 1u << 31);
    assert_int_equal(fix_msis(f), 0);
    assert_int_equal(lane_tx_put(&f->from_sched.tx, &ev, sizeof ev), 0);
    assert_int_equal(mmio_events(&f->mmio), 0);
    assert_int_equal(fake_msis(f->guest, &msi), 1);
    assert_int_equal(msi[0].addr, 0xfee00000);
    assert_int_equal(msi[0].data, 0x4041);
    assert_int_equal(fix_r(f, 0x44200), 1u << 31 | 2);
    fix_w(f, 0x44200, 0);
    assert_int_equal(fix_r(f, 0x44308), 1u << 16);
    fix_write(f, FIX_BAR0 + 0x4430a, 1, 1); /* byte 2: clears just that bit */
    assert_int_equal(fix_r(f, 0x44308), 0);
    fix_w(f, 0x44200, 1u << 31);
    assert_int_equal(fix_msis(f), 1);
    fix_cfg_w(f, 0x92, 2, 0); /* MSI off: nothing is sent */
    assert_int_equal(lane_tx_put(&f->from_sched.tx, &ev, sizeof ev), 0);
    assert_int_equal(mmio_events(&f->mmio), 0);
    assert_int_equal(fix_msis(f), 1);
}

static void pending_when_rearmed(void **state)
{
    struct fix *f = *state;
    struct sched_mmio ev = {.kind = SCHED_MMIO_IIR, .engine = GEN8_VECS, .bits = 0x101};

    fix_w(f, 0x44334, 0);
    fix_w(f, 0x4433c, ~0u);
    assert_int_equal(lane_tx_put(&f->from_sched.tx, &ev, sizeof ev), 0);
    assert_int_equal(mmio_events(&f->mmio), 0);
    assert_int_equal(fix_msis(f), 0); /* master off */
    fix_w(f, 0x44200, 1u << 31);
    assert_int_equal(fix_msis(f), 1);
    assert_int_equal(fix_r(f, 0x44338), 0x101);
    assert_int_equal(fix_r(f, 0x44200), 1u << 31 | 1u << 6);
}

static void fences(void **state)
{
    struct fix *f = *state;
    struct mmio_gtt msg;

    fix_w(f, 0x100018, 0);
    fix_w(f, 0x10001c, 0x00ff0000);
    fix_w(f, 0x100018, 0x00010003);
    for (int i = 0; i < 3; i++)
        assert_true(fix_gtt(f, &msg));
    assert_int_equal(msg.kind, MMIO_GTT_FENCE);
    assert_int_equal(msg.pte.index, 3);
    assert_int_equal(msg.pte.value, 0x00ff000000010003);
    assert_int_equal(fix_read(f, FIX_BAR0 + 0x100018, 8), 0x00ff000000010003);
    fix_write(f, FIX_BAR0 + 0x100020, 8, 0x1111111111111111); /* the fifth of four */
    assert_int_equal(fix_read(f, FIX_BAR0 + 0x100020, 8), 0);
    assert_false(fix_gtt(f, &msg));
}

static void handshakes_of_display(void **state)
{
    struct fix *f = *state;

    fix_w(f, 0x71008, 0x80000000);
    assert_int_equal(fix_r(f, 0x71008), 0xc0000000);
    fix_w(f, 0x71008, 0x40000000);
    assert_int_equal(fix_r(f, 0x71008), 0);
    assert_int_equal(fix_r(f, 0x64100), 0x80);
    fix_w(f, 0x64100, 0x80000000);
    assert_int_equal(fix_r(f, 0x64100), 0x80000000);
    assert_int_equal(fix_r(f, 0xc2014), 4);
    assert_int_equal(fix_r(f, 0xc4000), 1u << 21);
    assert_int_equal(fix_r(f, 0x130040) & 1u << 30, 1u << 30);
    fix_w(f, 0x130040, 0x80200000);
    assert_int_equal(fix_r(f, 0x130040), 0x80280000);
    fix_w(f, 0x45404, 0x80000000);
    assert_int_equal(fix_r(f, 0x45400), 0x40000000);
    assert_int_equal(fix_r(f, 0x45404), 0xc0000000);
    fix_w(f, 0x45404, 0);
    assert_int_equal(fix_r(f, 0x45400), 0);
    fix_w(f, 0x138128, 77);
    fix_w(f, 0x138124, 0x80000105);
    assert_int_equal(fix_r(f, 0x138124), 0x100);
    assert_int_equal(fix_r(f, 0x138128), 0);
    fix_w(f, 0xc6008, 0x00010003);
    assert_int_equal(fix_r(f, 0xc6008), 0x00010000);
    fix_w(f, 0xc2004, 1u << 12);
    assert_int_equal(fix_r(f, 0xc2004), 3u << 12);
    fix_w(f, 0xa188, 0x00010001);
    assert_int_equal(fix_r(f, 0x130044), 1);
    fix_w(f, 0xe4110, 0xf643000c);
    assert_int_equal(fix_r(f, 0xe4110), 0x7443000c & ~(1u << 25));
    fix_w(f, 0xe4110, 0x5043000c);
    assert_int_equal(fix_r(f, 0xe4110) >> 24 & 0x50, 0);
}

/* As i915's gmbus_xfer does: pin, index cycle, 4 bytes at a time, stop. */
static void read_edid(struct fix *f, uint8_t out[EDID_SIZE])
{
    fix_w(f, 0xc5100, 5);
    fix_w(f, 0xc5104, 1u << 30 | 3u << 25 | 128u << 16 | 0 << 8 | 0x50 << 1 | 1);
    for (unsigned i = 0; i < EDID_SIZE; i += 4) {
        uint32_t word;

        assert_int_equal(fix_r(f, 0xc5108), 1u << 11 | 1u << 9);
        word = fix_r(f, 0xc510c);
        memcpy(out + i, &word, 4);
    }
    assert_int_equal(fix_r(f, 0xc5108), 1u << 14 | 1u << 11 | 1u << 9);
    fix_w(f, 0xc5104, 1u << 30 | 1u << 27);
    assert_int_equal(fix_r(f, 0xc5108), 1u << 11);
}

static void edid_over_gmbus(void **state)
{
    struct fix *f = *state;
    uint8_t out[EDID_SIZE];

    read_edid(f, out);
    assert_true(edid_valid(out));
    assert_memory_equal(out, f->mmio.s.vgpu.edid, EDID_SIZE);
    fix_w(f, 0xc5100, 4); /* nothing on port C */
    fix_w(f, 0xc5104, 1u << 30 | 1u << 25 | 1u << 16 | 0x50 << 1 | 1);
    assert_int_equal(fix_r(f, 0xc5108), 1u << 11 | 1u << 10);
    fix_w(f, 0xc5104, 1u << 31);
    fix_w(f, 0xc5104, 0);
    assert_int_equal(fix_r(f, 0xc5108), 1u << 11);
    fix_w(f, 0xc5100, 5); /* offset by a write, then a read without index */
    fix_w(f, 0xc510c, 8);
    fix_w(f, 0xc5104, 1u << 30 | 1u << 25 | 1u << 16 | 0x50 << 1);
    fix_w(f, 0xc5104, 1u << 30 | 1u << 25 | 2u << 16 | 0x50 << 1 | 1);
    assert_int_equal(fix_r(f, 0xc510c), out[8] | out[9] << 8);
    assert_int_equal(mmio_hotplug(&f->mmio, false, NULL), 0);
    fix_w(f, 0xc5104, 1u << 30 | 1u << 25 | 1u << 16 | 0x50 << 1 | 1);
    assert_int_equal(fix_r(f, 0xc5108), 1u << 11 | 1u << 10);
}

static void hot_plug(void **state)
{
    struct fix *f = *state;

    fix_w(f, 0xc4004, ~(1u << 21));
    fix_w(f, 0xc400c, ~0u);
    fix_w(f, 0xc4030, 0x10);
    fix_w(f, 0x44200, 1u << 31);
    assert_int_equal(mmio_hotplug(&f->mmio, false, NULL), 0);
    assert_int_equal(fix_r(f, 0xc4000), 0);
    fix_forget(f);
    assert_int_equal(mmio_hotplug(&f->mmio, true, f->mmio.s.vgpu.edid), 0);
    assert_int_equal(fix_msis(f), 1);
    assert_int_equal(fix_r(f, 0xc4008), 1u << 21);
    assert_int_equal(fix_r(f, 0xc4030), 0x12);
    fix_w(f, 0xc4030, 0x12);
    assert_int_equal(fix_r(f, 0xc4030), 0x10);
}

/* 60 Hz, 806 lines of which 768 are active, started at 1 s. */
static void start_pipe_a(struct fix *f)
{
    f->s->timing.pipe[0] = (struct timing_pipe){
        .enabled = 1,
        .start_ns = 1000000000,
        .frame_ps = 16666666667,
        .vtotal = 806,
        .vactive = 768,
        .first_frame = 100,
    };
    f->s->now_ns = 1000000000;
}

static void time_passes(void **state)
{
    struct fix *f = *state;

    assert_int_equal(fix_r(f, 0x70000), 0);
    start_pipe_a(f);
    assert_int_equal(fix_r(f, 0x70000), 0);
    assert_int_equal(fix_r(f, 0x70040), 100);
    f->s->now_ns += 8333333;
    assert_in_range(fix_r(f, 0x70000), 402, 403);
    f->s->now_ns += 7700000; /* into the vertical blank */
    assert_in_range(fix_r(f, 0x70000), 770, 780);
    assert_int_equal(fix_r(f, 0x70040), 101);
    f->s->now_ns = 1000000000ull + 10 * 16666667ull;
    assert_int_equal(fix_r(f, 0x70040), 110);
    f->s->timing.pipe[0].seq = 1; /* display died in the middle of a change */
    f->s->timing.pipe[0].vtotal = 0;
    assert_int_equal(fix_r(f, 0x70040), 110);
    f->s->timing.pipe[0].seq = 2; /* a record that cannot be */
    assert_int_equal(fix_r(f, 0x70000), 0);
    fix_w(f, 0x70000, 5);
    assert_int_equal(f->mmio.fault[MMIO_FAULT_READ_ONLY], 1);
}

static void vblank_and_flip(void **state)
{
    struct fix *f = *state;
    uint64_t next, first;

    fix_w(f, 0x44404, ~0x11u);
    fix_w(f, 0x4440c, 0x11);
    fix_w(f, 0x44200, 1u << 31);
    assert_int_equal(mmio_vblank(&f->mmio, &next), 0);
    assert_int_equal(next, 0);
    fix_w(f, 0x7019c, 0x1000); /* the pipe stands: the flip is done at once */
    assert_int_equal(fix_r(f, 0x701ac), 0x1000);
    assert_int_equal(fix_r(f, 0x44408), 0x10);
    fix_w(f, 0x44408, 0x10);
    fix_forget(f);
    start_pipe_a(f);
    assert_int_equal(mmio_vblank(&f->mmio, &first), 0);
    assert_int_equal(fix_msis(f), 0);
    assert_in_range(first, 1015800000, 1015900000);
    fix_w(f, 0x7019c, 0x2000);
    assert_int_equal(fix_r(f, 0x701ac), 0x1000);
    f->s->now_ns = first;
    assert_int_equal(mmio_vblank(&f->mmio, &next), 0);
    assert_in_range(next - first, 16666000, 16667500);
    assert_int_equal(fix_msis(f), 1);
    assert_int_equal(fix_r(f, 0x44408), 0x11);
    assert_int_equal(fix_r(f, 0x701ac), 0x2000);
    assert_int_equal(fix_r(f, 0x70044), 2);
    assert_int_equal(mmio_vblank(&f->mmio, &next), 0);
    assert_int_equal(fix_msis(f), 1);
}

static void restart_keeps_everything(void **state)
{
    struct fix *f = *state;
    const struct fake_msi *msi;

    fix_w(f, 0x46040, 0x1234);
    fix_w(f, 0x2230, 1);
    fix_w(f, 0x44334, 0);
    fix_w(f, 0x4433c, ~0u);
    f->s->vreg.irq.bank[IRQ_GT3].iir = 1;
    fix_w(f, 0x44200, 1u << 31); /* the line is high when the process dies */
    fake_forget_msis(f->guest);
    fix_restart(f);
    assert_int_equal(fake_msis(f->guest, &msi), 1);
    assert_int_equal(fix_r(f, 0x46040), 0x1234);
    assert_int_equal(f->s->vreg.submit.elsp[GEN8_RCS].n, 1);
    assert_int_equal(fix_r(f, 0x44338), 1);
    assert_true(fake_trapped(f->guest, FIX_BAR0));
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(pvinfo_page),
        T(few_pages),
        T(elsp_collects_four),
        T(elsp_waits_for_room),
        T(engine_handshakes),
        T(device_reset),
        T(context_status),
        T(interrupt_of_an_engine),
        T(pending_when_rearmed),
        T(fences),
        T(handshakes_of_display),
        T(edid_over_gmbus),
        T(hot_plug),
        T(time_passes),
        T(vblank_and_flip),
        T(restart_keeps_everything),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
