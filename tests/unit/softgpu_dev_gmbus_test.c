/* SPDX-License-Identifier: MIT */
/*
 * The I2C controller driven as a driver does, the EDID it delivers, and the small answering
 * registers: AUX, side band, mailbox, forcewake, power wells, LCPLL.
 */
#include "softgpu/clocks.h"
#include "softgpu/edid.h"
#include "softgpu/forcewake.h"
#include "softgpu/gmbus.h"
#include "softgpu/irq.h"
#include "softgpu/model.h"
#include "softgpu/power.h"
#include "softgpu/regs.h"
#include "softgpu/warn.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define GMBUS(n)   (0xc5100u + 4u * (n))
#define READY      (1u << 30)
#define WAIT       (1u << 25)
#define INDEX      (1u << 26)
#define STOP       (1u << 27)
#define WAIT_PHASE (1u << 14)
#define HW_RDY     (1u << 11)
#define NAK        (1u << 10)
#define ACTIVE     (1u << 9)

struct rig {
    struct regs *regs;
    struct irq *irq;
    struct gmbus *gmbus;
    struct pcode *pcode;
    struct sbi *sbi;
    struct forcewake *forcewake;
    struct warn *warn;
    struct clocks *clocks;
    struct aux *aux;
    uint8_t edid[EDID_SIZE];
};

static int setup(void **state)
{
    struct rig *r = calloc(1, sizeof(*r));

    edid_build(r->edid);
    r->regs = regs_new();
    r->irq = irq_new(r->regs, model_find("bdw"));
    r->gmbus = gmbus_new(r->regs, r->irq);
    r->pcode = pcode_new(r->regs, model_find("bdw"));
    r->sbi = sbi_new(r->regs);
    r->warn = warn_new();
    r->clocks = clocks_new(r->regs, r->warn, model_find("bdw"));
    assert_non_null(r->gmbus);
    gmbus_connect_locked(r->gmbus, GMBUS_PIN_B, r->edid, EDID_SIZE);
    assert_non_null(r->pcode);
    assert_non_null(r->sbi);
    assert_non_null(r->clocks);
    r->aux = aux_new(r->regs, r->irq);
    assert_non_null(r->aux);
    assert_int_equal(power_add(r->regs, model_find("bdw")), 0);
    r->forcewake = forcewake_new(r->regs, NULL, NULL, NULL);
    assert_non_null(r->forcewake);
    assert_int_equal(regs_add_plain(r->regs, model_find("bdw")), 0); /* no table overlaps another */
    *state = r;
    return 0;
}

static int teardown(void **state)
{
    struct rig *r = *state;

    gmbus_free(r->gmbus);
    pcode_free(r->pcode);
    sbi_free(r->sbi);
    forcewake_free(r->forcewake);
    aux_free(r->aux);
    clocks_free(r->clocks);
    warn_free(r->warn);
    irq_free(r->irq);
    regs_free(r->regs);
    free(r);
    return 0;
}

static uint32_t rd(struct rig *r, uint32_t off)
{
    return regs_read(r->regs, off);
}

static void wr(struct rig *r, uint32_t off, uint32_t v)
{
    regs_write(r->regs, off, v);
}

static uint32_t command(uint32_t cycle, unsigned count, unsigned index, unsigned slave, bool read)
{
    return READY | cycle | count << 16 | index << 8 | slave << 1 | read;
}

static void read_bytes(struct rig *r, uint8_t *to, unsigned n)
{
    while (n) {
        unsigned run = n < 4 ? n : 4;
        uint32_t v;

        assert_true(rd(r, GMBUS(2)) & HW_RDY);
        assert_false(rd(r, GMBUS(2)) & NAK);
        v = rd(r, GMBUS(3));
        memcpy(to, &v, run);
        to += run;
        n -= run;
    }
}

static void test_edid_block(void **state)
{
    struct rig *r = *state;
    const uint8_t *e = r->edid;
    const uint8_t *d = e + 54;
    uint8_t sum = 0;

    for (int i = 0; i < EDID_SIZE; i++)
        sum = (uint8_t)(sum + e[i]);
    assert_int_equal(sum, 0);
    assert_memory_equal(e, "\0\xff\xff\xff\xff\xff\xff\0", 8);
    assert_int_equal(e[126], 0);
    /* preferred: 1024x768, 65 MHz, 1344 x 806 */
    assert_int_equal(d[0] | d[1] << 8, 6500);
    assert_int_equal(d[2] | (d[4] & 0xf0) << 4, 1024);
    assert_int_equal(d[3] | (d[4] & 0x0f) << 8, 320);
    assert_int_equal(d[5] | (d[7] & 0xf0) << 4, 768);
    assert_int_equal(d[6] | (d[7] & 0x0f) << 8, 38);
    assert_int_equal(d[8] | (d[11] & 0xc0) << 2, 24);
    assert_int_equal(d[9] | (d[11] & 0x30) << 4, 136);
    assert_int_equal(d[10], 0x36);
    d += 18; /* 1920x1080, 148.5 MHz, 2200 x 1125 */
    assert_int_equal(d[0] | d[1] << 8, 14850);
    assert_int_equal(d[2] | (d[4] & 0xf0) << 4, 1920);
    assert_int_equal(d[3] | (d[4] & 0x0f) << 8, 280);
    assert_int_equal(d[5] | (d[7] & 0xf0) << 4, 1080);
    assert_int_equal(d[6] | (d[7] & 0x0f) << 8, 45);
    assert_int_equal(e[35] & 0x20, 0x20); /* 640x480 */
}

static void test_indexed_read(void **state)
{
    struct rig *r = *state;
    uint8_t buf[EDID_SIZE];

    wr(r, GMBUS(0), 5);
    wr(r, GMBUS(1), command(WAIT | INDEX, EDID_SIZE, 0, 0x50, true));
    assert_true(rd(r, GMBUS(2)) & ACTIVE);
    read_bytes(r, buf, EDID_SIZE);
    assert_memory_equal(buf, r->edid, EDID_SIZE);
    assert_true(rd(r, GMBUS(2)) & WAIT_PHASE);
    wr(r, GMBUS(1), READY | STOP);
    assert_false(rd(r, GMBUS(2)) & ACTIVE);
    assert_int_equal(rd(r, GMBUS(3)), 0); /* nothing on an idle bus */
    /* 5 bytes from 0x36, the stop asked for at once */
    wr(r, GMBUS(1), command(WAIT | INDEX | STOP, 5, 0x36, 0x50, true));
    read_bytes(r, buf, 5);
    assert_memory_equal(buf, r->edid + 0x36, 5);
    assert_false(rd(r, GMBUS(2)) & ACTIVE);
}

/* Address written in a transfer of its own, then a read in pieces. */
static void test_pointer(void **state)
{
    struct rig *r = *state;
    uint8_t buf[8];

    wr(r, GMBUS(0), 5);
    wr(r, GMBUS(3), 0x10);
    wr(r, GMBUS(1), command(WAIT, 1, 0, 0x50, false));
    assert_true(rd(r, GMBUS(2)) & WAIT_PHASE);
    wr(r, GMBUS(1), command(WAIT, 4, 0, 0x50, true));
    read_bytes(r, buf, 4);
    wr(r, GMBUS(1), command(WAIT, 4, 0, 0x50, true));
    read_bytes(r, buf + 4, 4);
    assert_memory_equal(buf, r->edid + 0x10, 8);
    /* six bytes written: the first is the address, the rest is not stored */
    wr(r, GMBUS(3), 0xaaaaaa00);
    wr(r, GMBUS(1), command(WAIT, 6, 0, 0x50, false));
    assert_false(rd(r, GMBUS(2)) & WAIT_PHASE);
    wr(r, GMBUS(3), 0xbbbb);
    assert_true(rd(r, GMBUS(2)) & WAIT_PHASE);
    wr(r, GMBUS(1), command(WAIT, 8, 0, 0x50, true));
    read_bytes(r, buf, 8);
    assert_memory_equal(buf, r->edid, 8);
}

static void test_nak(void **state)
{
    struct rig *r = *state;
    uint8_t b;

    wr(r, GMBUS(0), 5);
    wr(r, GMBUS(1), command(WAIT, 1, 0, 0x30, true));
    assert_true(rd(r, GMBUS(2)) & NAK);
    assert_false(rd(r, GMBUS(2)) & ACTIVE);
    wr(r, GMBUS(1), command(WAIT, 1, 0, 0x50, true));
    assert_true(rd(r, GMBUS(2)) & NAK); /* until it is cleared */
    wr(r, GMBUS(1), 1u << 31);
    wr(r, GMBUS(1), 0);
    assert_false(rd(r, GMBUS(2)) & NAK);
    wr(r, GMBUS(0), 4); /* another pin pair */
    wr(r, GMBUS(1), command(WAIT, 1, 0, 0x50, true));
    assert_true(rd(r, GMBUS(2)) & NAK);
    wr(r, GMBUS(1), 1u << 31);
    wr(r, GMBUS(0), 5);
    wr(r, GMBUS(1), command(WAIT | INDEX, 1, 8, 0x50, true));
    read_bytes(r, &b, 1);
    assert_int_equal(b, r->edid[8]);
}

static void test_gmbus_irq(void **state)
{
    struct rig *r = *state;

    wr(r, 0xc4004, ~IRQ_PCH_GMBUS);
    wr(r, GMBUS(0), 5);
    wr(r, GMBUS(1), command(WAIT | INDEX, 4, 0, 0x50, true));
    assert_int_equal(rd(r, 0xc4008), 0); /* not enabled in GMBUS4 */
    wr(r, GMBUS(4), 1u << 1);
    rd(r, GMBUS(3));
    assert_int_equal(rd(r, 0xc4008), IRQ_PCH_GMBUS);
    wr(r, 0xc4008, IRQ_PCH_GMBUS);
    wr(r, GMBUS(4), 1u << 2);
    wr(r, 0xc4008, IRQ_PCH_GMBUS);
    assert_int_equal(rd(r, 0xc4008), 0);
    wr(r, GMBUS(1), READY | STOP);
    assert_int_equal(rd(r, 0xc4008), IRQ_PCH_GMBUS);
}

static void test_aux(void **state)
{
    struct rig *r = *state;

    wr(r, 0xe4110, 0xf643000c);                   /* send, clear status */
    assert_int_equal(rd(r, 0xe4110), 0x7443000c); /* done and timed out, not busy */
    wr(r, 0xe4110, 0x7643000c);
    assert_int_equal(rd(r, 0xe4110) & 0xd2000000, 0);
    /* the interrupt, of the channel, when it is wanted */
    wr(r, 0xc4004, 0);
    wr(r, 0x44444, 0);
    wr(r, 0xe4110, 0xd643000c);
    assert_int_equal(rd(r, 0xc4008), 0);
    wr(r, 0xe4110, 0xf643000c);
    assert_int_equal(rd(r, 0xc4008), 1u << 25);
    wr(r, 0xe4210, 0xf643000c);
    assert_int_equal(rd(r, 0xc4008), 3u << 25);
    wr(r, 0xe4310, 0xf643000c);
    assert_int_equal(rd(r, 0xc4008), 7u << 25);
    assert_int_equal(rd(r, 0x44448), 0);
    wr(r, 0x64010, 0xf643000c);
    assert_int_equal(rd(r, 0x44448), 1);
}

static void test_sbi(void **state)
{
    struct rig *r = *state;

    wr(r, 0xc6000, 0x020c0000);
    wr(r, 0xc6004, 0x1234);
    wr(r, 0xc6008, 0x0701); /* write ICLK */
    assert_int_equal(rd(r, 0xc6008) & 3, 0);
    wr(r, 0xc6004, 0x5678);
    wr(r, 0xc6008, 0x10301); /* write MPHY */
    wr(r, 0xc6004, 0);
    wr(r, 0xc6008, 0x0601);
    assert_int_equal(rd(r, 0xc6004), 0x1234);
    wr(r, 0xc6008, 0x10201);
    assert_int_equal(rd(r, 0xc6004), 0x5678);
    wr(r, 0xc6000, 0x020d0000);
    wr(r, 0xc6008, 0x0601);
    assert_int_equal(rd(r, 0xc6004), 0);
    wr(r, 0xc6008, 0x0f01);
    assert_int_equal(rd(r, 0xc6008) & 3, 2); /* no such operation */
}

static void test_pcode(void **state)
{
    struct rig *r = *state;

    wr(r, 0x138128, 0x55);
    wr(r, 0x138124, 0x8000010c);
    assert_int_equal(rd(r, 0x138124), 0x100);
    assert_int_equal(rd(r, 0x138128), 0);
    wr(r, 0x138128, 0x55);
    wr(r, 0x138124, 0x8000001a);
    assert_int_equal(rd(r, 0x138124), 0);
    assert_int_equal(rd(r, 0x138128), 0x55);
    wr(r, 0x138124, 0x80000077);
    assert_int_equal(rd(r, 0x138124), 1);
    assert_int_equal(pcode_illegal(r->pcode), 1);
}

static void test_power(void **state)
{
    struct rig *r = *state;

    wr(r, 0xa188, 0x00010001);
    assert_int_equal(rd(r, 0x130044), 1);
    wr(r, 0xa188, 0x00020002);
    assert_int_equal(rd(r, 0x130044), 3);
    wr(r, 0xa188, 0x00010000);
    assert_int_equal(rd(r, 0x130044), 2);
    wr(r, 0xa188, 0xffff0000);
    assert_int_equal(rd(r, 0x130044), 0);
    assert_int_equal(rd(r, 0x45400), 0);
    wr(r, 0x45404, 1u << 31);
    assert_int_equal(rd(r, 0x45404), 3u << 30);
    assert_int_equal(rd(r, 0x45400), 1u << 30);
    wr(r, 0x45404, 0);
    assert_int_equal(rd(r, 0x45400), 0);
    assert_int_equal(rd(r, 0x130040), 0x44000000);
    wr(r, 0x130040, 0x88000000);
    assert_int_equal(rd(r, 0x130040), 0x88000000);
    wr(r, 0x130040, 0x00200000);
    assert_int_equal(rd(r, 0x130040), 0x40280000);
}

static void test_unknown(void **state)
{
    struct rig *r = *state;
    struct regs_counts c;

    wr(r, 0x1fff0, 7);
    assert_int_equal(rd(r, 0x1fff0), 7);
    rd(r, 0x1fff4);
    regs_get_counts(r->regs, &c);
    assert_int_equal(c.unknown, 2);
    assert_int_equal(c.unknown_access, 3);
    assert_int_equal(c.reads, 2);
    assert_int_equal(c.writes, 1);
    wr(r, 0x42300, 0xff); /* write one to clear: cannot be set */
    assert_int_equal(rd(r, 0x42300), 0);
    wr(r, 0xc2014, 0);
    assert_int_equal(rd(r, 0xc2014), 0x44);
}

static void test_overlap(void **state)
{
    struct rig *r = *state;
    static const struct regs_range again = {0xc5100, 0xc5100, "again", NULL, NULL, 0};
    static const struct regs_range odd = {0x1e002, 0x1e006, "odd", NULL, NULL, 0};
    static const struct regs_range beyond = {0x1ffffc, 0x200000, "beyond", NULL, NULL, 0};

    assert_int_equal(regs_add(r->regs, &again, 1, NULL), -17);
    assert_int_equal(regs_add(r->regs, &odd, 1, NULL), -22);
    assert_int_equal(regs_add(r->regs, &beyond, 1, NULL), -22);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_edid_block), T(test_indexed_read), T(test_pointer), T(test_nak),
        T(test_gmbus_irq),  T(test_aux),          T(test_sbi),     T(test_pcode),
        T(test_power),      T(test_unknown),      T(test_overlap),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
