/* SPDX-License-Identifier: MIT */
/*
 * mmio7_regs_test.c: interrupts, display and handshakes of a Haswell as today's i915 meets them,
 * and all that it did when it was recorded (tests/unit/data/gen7_regs_probe.txt).
 */
#include "gen/gen8_engine.h"
#include "services/mmio/priv.h"
#include "tests/unit/mmio_fixture.h"

#include <stdio.h>
#include <string.h>

#define MASTER (1u << 31)
#define PCH    (1u << 28)

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

/* ---- interrupts */

static void raises(struct fix *f, uint32_t engine, uint32_t bits)
{
    struct sched_mmio ev = {.kind = SCHED_MMIO_IIR, .engine = engine, .bits = bits};

    assert_int_equal(lane_tx_put(&f->from_sched.tx, &ev, sizeof ev), 0);
    assert_int_equal(mmio_events(&f->mmio), 0);
}

static void interrupts_of_engines(void **state)
{
    static const struct {
        uint32_t engine, base, iir, user, notify;
    } e[] = {{GEN8_RCS, 0x2000, 0x44018, 1u << 0, 1u << 4},
             {GEN8_VCS, 0x12000, 0x44018, 1u << 12, 1u << 16},
             {GEN8_BCS, 0x22000, 0x44018, 1u << 22, 1u << 26},
             {GEN8_VECS, 0x1a000, 0x44028, 1u << 10, 1u << 13}};
    struct fix *f = *state;

    fix_w(f, 0x44014, 0);
    fix_w(f, 0x44024, 0);
    fix_w(f, 0x4401c, ~0u);
    fix_w(f, 0x4402c, ~0u);
    fix_w(f, 0x4400c, MASTER);
    for (unsigned i = 0; i < 4; i++) {
        raises(f, e[i].engine, 0x11); /* the engine's own mask is shut */
        assert_int_equal(fix_r(f, e[i].iir), 0);
        fix_w(f, e[i].base + 0xa8, ~e[i].user);
        fix_forget(f);
        raises(f, e[i].engine, 0x11);
        assert_int_equal(fix_msis(f), 1);
        assert_int_equal(fix_r(f, e[i].iir), e[i].user);
        fix_w(f, e[i].base + 0xa8, 0);
        raises(f, e[i].engine, 0x10);
        assert_int_equal(fix_r(f, e[i].iir), e[i].user | e[i].notify);
        fix_w(f, e[i].iir, ~0u);
        assert_int_equal(fix_r(f, e[i].iir), 0);
    }
    raises(f, GEN8_VCS2, 0x11);
    raises(f, 99, 0x11);
    assert_int_equal(fix_r(f, 0x44018) | fix_r(f, 0x44028), 0);
}

/* As i915's handler does: master off, SDE shut, take what is there, open again. */
static void handler_of_a_driver(void **state)
{
    struct fix *f = *state;
    uint32_t ier;

    fix_w(f, 0x44014, ~1u);
    fix_w(f, 0x4401c, 1);
    fix_w(f, 0x20a8, ~1u);
    fix_w(f, 0x4400c, MASTER | PCH);
    raises(f, GEN8_RCS, 1);
    assert_int_equal(fix_msis(f), 1);
    ier = fix_r(f, 0x4400c);
    fix_w(f, 0x4400c, ier & ~MASTER);
    fix_w(f, 0xc400c, 0);
    assert_int_equal(fix_r(f, 0x44018), 1);
    fix_w(f, 0x44018, 1);
    raises(f, GEN8_RCS, 1); /* another one meanwhile */
    assert_int_equal(fix_msis(f), 1);
    fix_w(f, 0x4400c, ier);
    assert_int_equal(fix_msis(f), 2);
    fix_write(f, FIX_BAR0 + 0x4400f, 1, 0); /* the byte with the master bit */
    fix_write(f, FIX_BAR0 + 0x4400c, 1, 0x55);
    assert_int_equal(fix_r(f, 0x4400c), 0x55);
    fix_write(f, FIX_BAR0 + 0x44018, 1, 1);
    assert_int_equal(fix_r(f, 0x44018), 0);
}

static void hot_plug(void **state)
{
    struct fix *f = *state;

    assert_int_equal(fix_r(f, 0xc4000), 1u << 21);
    fix_w(f, 0x44004, ~PCH);
    fix_w(f, 0x4400c, MASTER | PCH);
    fix_w(f, 0xc4004, ~(1u << 21));
    fix_w(f, 0xc400c, ~0u);
    fix_w(f, 0xc4030, 0x10);
    assert_int_equal(mmio_hotplug(&f->mmio, false, NULL), 0);
    assert_int_equal(fix_r(f, 0xc4000), 0);
    fix_forget(f);
    assert_int_equal(mmio_hotplug(&f->mmio, true, f->mmio.s.vgpu.edid), 0);
    assert_int_equal(fix_msis(f), 1);
    assert_int_equal(fix_r(f, 0x44008), PCH);
    assert_int_equal(fix_r(f, 0xc4008), 1u << 21);
    assert_int_equal(fix_r(f, 0xc4030), 0x12);
    fix_w(f, 0xc4008, 1u << 21);
    fix_w(f, 0x44008, PCH);
    assert_int_equal(fix_r(f, 0x44008), 0);
}

/* 60 Hz, 806 lines of which 768 are active, started at 1 s. */
static void start_pipe(struct fix *f, unsigned pipe)
{
    f->s->timing.pipe[pipe] = (struct timing_pipe){
        .enabled = 1,
        .start_ns = 1000000000,
        .frame_ps = 16666666667,
        .vtotal = 806,
        .vactive = 768,
        .first_frame = 100,
    };
    f->s->now_ns = 1000000000;
}

static void vblank_and_flip(void **state)
{
    struct fix *f = *state;
    uint64_t next, first;

    fix_w(f, 0x44004, 0);
    fix_w(f, 0x4400c, MASTER | 0x7fff);
    fix_w(f, 0x7119c, 0x1000); /* the pipe stands: the flip is done at once */
    assert_int_equal(fix_r(f, 0x711ac), 0x1000);
    assert_int_equal(fix_r(f, 0x44008), 1u << 8);
    fix_w(f, 0x44008, ~0u);
    start_pipe(f, 1);
    assert_int_equal(mmio_vblank(&f->mmio, &first), 0);
    fix_forget(f);
    fix_w(f, 0x7119c, 0x2000);
    fix_w(f, 0x7129c, 0x3000);
    assert_int_equal(fix_r(f, 0x711ac), 0x1000);
    f->s->now_ns = first;
    assert_int_equal(mmio_vblank(&f->mmio, &next), 0);
    assert_int_equal(fix_msis(f), 1);
    assert_int_equal(fix_r(f, 0x44008), 1u << 5 | 1u << 8 | 1u << 9);
    assert_int_equal(fix_r(f, 0x711ac), 0x2000);
    assert_int_equal(fix_r(f, 0x712ac), 0x3000);
    assert_int_equal(fix_r(f, 0x71044), 2);
    assert_int_equal(fix_r(f, 0x71040), 101);
    fix_w(f, 0x44008, ~0u);
    start_pipe(f, 2);
    f->s->now_ns = 2000000000;
    assert_int_equal(mmio_vblank(&f->mmio, &next), 0);
    assert_int_equal(fix_r(f, 0x44008), 1u << 5 | 1u << 10);
}

/* A frame's CRC is given when one is asked for, and display has one of what the registers say. */
static void crc_of_a_frame(void **state)
{
    static const uint32_t reg[TIMING_CRC_COUNT] = TIMING_CRC_REGS;
    struct fix *f = *state;
    uint32_t value[TIMING_CRC_COUNT];
    uint64_t next;

    fix_w(f, 0x44004, 0);
    fix_w(f, 0x71180, MASTER);
    fix_w(f, 0x61050, MASTER | 2u << 29);
    start_pipe(f, 1);
    assert_int_equal(mmio_vblank(&f->mmio, &next), 0);
    f->s->now_ns = next;
    assert_int_equal(mmio_vblank(&f->mmio, &next), 0);
    assert_int_equal(fix_r(f, 0x44008), 1u << 5); /* display has none */
    for (unsigned i = 0; i < TIMING_CRC_COUNT; i++)
        value[i] = fix_r(f, reg[i] + 0x1000);
    f->s->timing.pipe[1].crc = 0xabcd;
    f->s->timing.pipe[1].crc_of = timing_crc_of(value);
    f->s->now_ns = next;
    assert_int_equal(mmio_vblank(&f->mmio, &next), 0);
    assert_int_equal(fix_r(f, 0x44008), 1u << 5 | 1u << 7);
    assert_int_equal(fix_r(f, 0x61064), 0xabcd);
    fix_w(f, 0x44008, ~0u);
    fix_w(f, 0x71084, 0x5000); /* another cursor: what display has is of another picture */
    f->s->timing.pipe[1].crc = 0xbcde;
    f->s->now_ns = next;
    assert_int_equal(mmio_vblank(&f->mmio, &next), 0);
    assert_int_equal(fix_r(f, 0x44008), 1u << 5);
    fix_w(f, 0x71084, 0);
    fix_w(f, 0x61050, 0); /* nobody asks */
    fix_w(f, 0x44008, ~0u);
    f->s->now_ns = next;
    assert_int_equal(mmio_vblank(&f->mmio, &next), 0);
    assert_int_equal(fix_r(f, 0x44008), 1u << 5);
    assert_int_equal(fix_r(f, 0x61064), 0xabcd);
    fix_w(f, 0x61064, 1);
    assert_int_equal(f->mmio.fault[MMIO_FAULT_READ_ONLY], 1);
}

/* ---- handshakes */

static void handshakes(void **state)
{
    struct fix *f = *state;

    fix_w(f, 0xa188, 0xffff0000);
    fix_w(f, 0xa188, 0x00010001);
    assert_int_equal(fix_r(f, 0x130044), 1);
    fix_w(f, 0x130040, 0x80200000);
    assert_int_equal(fix_r(f, 0x130040), 0x80280000);
    fix_w(f, 0x45404, MASTER);
    assert_int_equal(fix_r(f, 0x45400), 1u << 30);
    fix_w(f, 0x138124, 0x8000001a);
    assert_int_equal(fix_r(f, 0x138124), 0);
    fix_w(f, 0xc6008, 0x00010003);
    assert_int_equal(fix_r(f, 0xc6008), 0x00010000);
    fix_w(f, 0xc2004, 1u << 12);
    assert_int_equal(fix_r(f, 0xc2004), 3u << 12);
    fix_w(f, 0x64100, MASTER);
    assert_int_equal(fix_r(f, 0x64100), MASTER);
    fix_w(f, 0x70008, MASTER);
    assert_int_equal(fix_r(f, 0x70008), 3u << 30);
    fix_w(f, 0xe1100, 0x00f40000 | 1u << 16 | 3u << 24); /* look for an analog monitor */
    assert_int_equal(fix_r(f, 0xe1100), 0x00f40000);
    fix_w(f, 0xe4110, 0xf643000c);
    assert_int_equal(fix_r(f, 0xe4110) >> 28, 7); /* done, by time-out */
    fix_w(f, 0x101008, 1);
    assert_int_equal(fix_r(f, 0x101008), 1);
    fix_w(f, 0x44040, ~0u);
    assert_int_equal(fix_r(f, 0x44040), 0);
    fix_w(f, 0x120008, 0);
    assert_int_equal(fix_r(f, 0x120008), 0x3f);
    f->s->now_ns = 8000;
    assert_int_equal(fix_r(f, 0x2358), 100);
}

static void south_display_clock(void **state)
{
    static const struct {
        uint16_t device;
        uint32_t mhz;
    } part[] = {{0x0412, 125}, {0x0a16, 24}, {0x0d22, 125}};
    struct fix *f = *state;

    for (unsigned i = 0; i < 3; i++) {
        struct mmio_setup s = f->mmio.s;

        f->s->vreg.initialised = 0;
        s.vgpu.device = part[i].device;
        assert_int_equal(mmio_init(&f->mmio, &s), 0);
        assert_int_equal(*(f->s->vreg.mmio + 0xc6204 / 4), part[i].mhz);
    }
}

/* ---- the recorded probe */

/* What the driver finds when it first looks. */
static const struct {
    uint32_t offset, mask, value;
} needs[] = {
    {0x78010, ~0u, 0x4},        {0x42014, ~0u, 0},
    {0xc2014, ~0u, 0x44}, /* port B, no analog one */
    {0xc6204, ~0u, 0x7d},       {0x9120, ~0u, 0},
    {0x911c, ~0u, 0},           {0x120010, ~0u, 0},
    {0x120000, ~0u, 0},         {0x42300, ~0u, 0},
    {0x44008, ~0u, 0},          {0x44018, ~0u, 0},
    {0x44028, ~0u, 0},          {0xc4008, ~0u, 0},
    {0x130040, ~0u, 1u << 30},  {0x145e04, ~0u, 0},
    {0x209c, 1u << 9, 1u << 9}, {0x64000, ~0u, 0x80}, /* no eDP */
    {0x64100, ~0u, 0x80},       {0x70040, ~0u, 0},
    {0x145998, ~0u, 0x60d16},   {0xc5108, ~0u, 1u << 11},
};

static const char *handler_name(const struct fix *f, uint32_t offset)
{
    return f->mmio.kinds[f->mmio.handler[offset / 4]]->name;
}

static void needs_of_the_driver(void **state)
{
    struct fix *f = *state;

    for (unsigned i = 0; i < sizeof needs / sizeof needs[0]; i++) {
        uint32_t value = fix_r(f, needs[i].offset) & needs[i].mask;

        if (value != needs[i].value)
            print_error("0x%06x reads 0x%08x\n", needs[i].offset, value);
        assert_int_equal(value, needs[i].value);
    }
    assert_int_not_equal(fix_r(f, 0x145004), fix_r(f, 0x145008)); /* memory is not swizzled */
    assert_int_not_equal(fix_read(f, FIX_BAR0 + 0x145d10, 8), 0); /* it has latencies */
    assert_int_equal(f->mmio.fault[MMIO_FAULT_UNKNOWN], 0);
}

/* A page directory is loaded when gtt has taken it in. */
static void write_it(struct fix *f, uint32_t offset, uint32_t value)
{
    struct vmm_access a = fix_access(FIX_BAR0 + offset, 4, true, value);
    struct mmio_gtt msg;

    if (strcmp(handler_name(f, offset), "PP_DIR_BASE")) {
        fix_w(f, offset, value);
        return;
    }
    fix_begin(f, &a);
    if (mmio_pump(&f->mmio) == 0) {
        assert_true(fix_gtt(f, &msg));
        assert_int_equal(mmio_pump(&f->mmio), 1);
    }
    assert_int_equal(fake_done(f->guest, 0, NULL), 1);
}

static void replay(struct fix *f, uint32_t offset, unsigned reads, const uint32_t *value,
                   unsigned writes)
{
    if (!strcmp(handler_name(f, offset), "untracked"))
        print_error("nothing knows 0x%06x\n", offset);
    assert_string_not_equal(handler_name(f, offset), "untracked");
    if (reads)
        fix_r(f, offset);
    for (unsigned i = 0; i < 2 && writes; i++) {
        write_it(f, offset, value[i]);
        if (!strcmp(handler_name(f, offset), "storage"))
            assert_int_equal(fix_r(f, offset), value[i]);
    }
    fix_forget(f);
}

static void the_recorded_probe(void **state)
{
    struct fix *f = *state;
    FILE *list = fopen("tests/unit/data/gen7_regs_probe.txt", "r");
    char line[200];
    unsigned n = 0;

    assert_non_null(list);
    while (fgets(line, sizeof line, list)) {
        unsigned offset, reads, writes, value[2];

        if (line[0] == '#')
            continue;
        assert_int_equal(
            sscanf(line, "%x %u %u %x %x", &offset, &reads, &writes, &value[0], &value[1]), 5);
        replay(f, offset, reads, value, writes);
        n++;
    }
    fclose(list);
    assert_true(n > 260);
    for (unsigned i = 0; i < MMIO_FAULTS; i++)
        assert_int_equal(f->mmio.fault[i], 0);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(interrupts_of_engines), T(handler_of_a_driver), T(hot_plug),
        T(vblank_and_flip),       T(crc_of_a_frame),      T(handshakes),
        T(south_display_clock),   T(needs_of_the_driver), T(the_recorded_probe),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
