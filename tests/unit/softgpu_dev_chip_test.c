/* SPDX-License-Identifier: MIT */
/*
 * Whole devices of both families: their regions, fuses and straps, which registers exist on which,
 * a Haswell's answers and its interrupt all the way to the client.
 */
#include "softgpu/device.h"
#include "softgpu/engine.h"
#include "softgpu/hotplug.h"
#include "softgpu/model.h"
#include "softgpu/power.h"
#include "softgpu/regs.h"
#include "softgpu/screen.h"
#include "softgpu/vfu.h"

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define CFG VFU_REGION_CFG

/* --- regions --- */

static uint64_t rd(struct device *d, unsigned region, uint64_t at, uint32_t len)
{
    uint64_t v = 0;

    assert_int_equal(device_vfu_ops(d)->region_read(d, region, at, &v, len), 0);
    return v;
}

static void wr(struct device *d, unsigned region, uint64_t at, uint64_t v, uint32_t len)
{
    assert_int_equal(device_vfu_ops(d)->region_write(d, region, at, &v, len), 0);
}

static uint32_t reg(struct device *d, uint32_t at)
{
    return (uint32_t)rd(d, 0, at, 4);
}

static void set(struct device *d, uint32_t at, uint32_t v)
{
    wr(d, 0, at, v, 4);
}

static struct device *make(const char *model)
{
    struct device *d = device_new(model_find(model));

    assert_non_null(d);
    device_attach(d);
    return d;
}

/* The table begins where the chip's does and ends with BAR0; between registers and table there is
 * nothing. Each is reached through BAR0 and through the index and data registers of BAR4. */
static void regions(void **state)
{
    static const struct {
        const char *model;
        uint32_t bar0, gtt;
        uint64_t pte;
    } t[] = {{"hsw", 4u << 20, 2u << 20, 0x12345001}, {"bdw", 16u << 20, 8u << 20, 0x412345003ull}};

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        struct device *d = make(t[i].model);
        const struct vfu_ops *ops = device_vfu_ops(d);
        uint32_t entry = model_find(t[i].model)->pte_bytes;

        assert_int_equal(ops->region_size[0], t[i].bar0);
        assert_int_equal(ops->region_size[2], 256u << 20);
        assert_int_equal(ops->region_size[4], 64);
        assert_int_equal(ops->region_size[CFG], 256);
        wr(d, 0, t[i].gtt, t[i].pte, entry);
        wr(d, 0, t[i].bar0 - entry, t[i].pte + 0x1000, entry);
        assert_true(rd(d, 0, t[i].gtt, entry) == t[i].pte);
        assert_true(rd(d, 0, t[i].bar0 - entry, entry) == t[i].pte + 0x1000);
        wr(d, 4, 0, t[i].gtt, 4);
        assert_int_equal(rd(d, 4, 4, 4), (uint32_t)t[i].pte);
        wr(d, 4, 4, (uint32_t)t[i].pte + 0x2000, 4);
        assert_int_equal(rd(d, 0, t[i].gtt, 4), (uint32_t)t[i].pte + 0x2000);
        wr(d, 4, 0, 0xffffffff, 4); /* an index beyond the BAR wraps */
        assert_int_equal(rd(d, 4, 0, 4), t[i].bar0 - 4);
        wr(d, 0, 0x4a000, 0x55, 4);
        wr(d, 4, 0, 0x4a000, 4);
        assert_int_equal(rd(d, 4, 4, 4), 0x55);
        device_free(d);
    }
}

/* An access of eight bytes is two of Haswell's entries. */
static void two_entries(void **state)
{
    struct device *d = make("hsw");
    uint32_t gtt = 2u << 20;

    (void)state;
    wr(d, 0, gtt + 16, 0x0000500100004001ull, 8);
    assert_int_equal(rd(d, 0, gtt + 16, 4), 0x00004001);
    assert_int_equal(rd(d, 0, gtt + 20, 4), 0x00005001);
    wr(d, 0, gtt + 20, 0x6001, 4);
    assert_true(rd(d, 0, gtt + 16, 8) == 0x0000600100004001ull);
    device_free(d);
}

/* --- registers --- */

struct range {
    uint32_t first, last;
};

/* What a Linux driver (6.1) uses on each from its start through a mode set, measured, apart from
 * what belongs to the execution half. */
static const struct range hsw_used[] = {
    {0x07000, 0x07008},   {0x07100, 0x07100},   {0x09030, 0x09030},   {0x0911c, 0x0911c},
    {0x0a090, 0x0a0a0},   {0x0a0a8, 0x0a0c0},   {0x0a168, 0x0a168},   {0x0a188, 0x0a188},
    {0x0b038, 0x0b038},   {0x0e160, 0x0e164},   {0x0e184, 0x0e184},   {0x0e49c, 0x0e49c},
    {0x14090, 0x14090},   {0x41000, 0x41000},   {0x42014, 0x42014},   {0x42020, 0x42020},
    {0x42080, 0x42080},   {0x420b0, 0x420b0},   {0x420c0, 0x420c0},   {0x42300, 0x42300},
    {0x44004, 0x4400c},   {0x44014, 0x4401c},   {0x44024, 0x44030},   {0x44040, 0x44040},
    {0x44050, 0x44050},   {0x45000, 0x45000},   {0x45100, 0x45110},   {0x45120, 0x45128},
    {0x45200, 0x45200},   {0x45260, 0x45260},   {0x45270, 0x45270},   {0x45400, 0x4540c},
    {0x46020, 0x46020},   {0x46040, 0x46040},   {0x46060, 0x46060},   {0x46104, 0x46104},
    {0x46110, 0x46110},   {0x46140, 0x46140},   {0x46408, 0x46408},   {0x49028, 0x49028},
    {0x4a480, 0x4a480},   {0x60000, 0x60014},   {0x6001c, 0x6001c},   {0x60028, 0x6002c},
    {0x60050, 0x60050},   {0x60200, 0x60200},   {0x60400, 0x60400},   {0x61400, 0x61400},
    {0x62400, 0x62400},   {0x64000, 0x64000},   {0x64100, 0x64100},   {0x64400, 0x64400},
    {0x64834, 0x64838},   {0x64ea8, 0x64eac},   {0x650c0, 0x650c0},   {0x68080, 0x68080},
    {0x6f400, 0x6f400},   {0x70000, 0x70000},   {0x70008, 0x70008},   {0x70040, 0x70040},
    {0x70080, 0x70080},   {0x70180, 0x70180},   {0x70188, 0x70188},   {0x7019c, 0x7019c},
    {0x701a4, 0x701a4},   {0x70280, 0x70280},   {0x71080, 0x71080},   {0x71180, 0x71180},
    {0x71280, 0x71280},   {0x72080, 0x72080},   {0x72180, 0x72180},   {0x72280, 0x72280},
    {0x78000, 0x78004},   {0xc2004, 0xc2004},   {0xc2014, 0xc2014},   {0xc4000, 0xc400c},
    {0xc4030, 0xc4030},   {0xc4040, 0xc4040},   {0xc5010, 0xc5010},   {0xc5100, 0xc5110},
    {0xc6000, 0xc6008},   {0xc6204, 0xc6204},   {0xe1100, 0xe1100},   {0xe4110, 0xe4114},
    {0xf000c, 0xf000c},   {0xf0060, 0xf0060},   {0x100000, 0x1000fc}, {0x101000, 0x101000},
    {0x120000, 0x120000}, {0x120008, 0x120008}, {0x120010, 0x120010}, {0x130040, 0x130044},
    {0x13805c, 0x13805c}, {0x138108, 0x138108}, {0x138124, 0x13812c}, {0x145004, 0x145008},
    {0x145998, 0x145998}, {0x145d10, 0x145d14}, {0x145e04, 0x145e04},
};
static const struct range bdw_used[] = {
    {0x07100, 0x07100},   {0x08504, 0x08504},   {0x09120, 0x09120},   {0x09134, 0x0913c},
    {0x09400, 0x09400},   {0x09424, 0x09424},   {0x09430, 0x09430},   {0x0a090, 0x0a094},
    {0x0a09c, 0x0a09c},   {0x0a0a8, 0x0a0b0},   {0x0a0b8, 0x0a0b8},   {0x0a168, 0x0a168},
    {0x0a188, 0x0a188},   {0x0b100, 0x0b100},   {0x41000, 0x41000},   {0x42014, 0x42014},
    {0x42020, 0x42020},   {0x42080, 0x42080},   {0x42090, 0x42090},   {0x420b0, 0x420b8},
    {0x420c0, 0x420c0},   {0x42300, 0x42300},   {0x43408, 0x43408},   {0x44030, 0x44030},
    {0x44050, 0x44050},   {0x44200, 0x44200},   {0x44304, 0x4430c},   {0x44314, 0x4431c},
    {0x44324, 0x4432c},   {0x44334, 0x4433c},   {0x44404, 0x4440c},   {0x44414, 0x4441c},
    {0x44424, 0x4442c},   {0x44444, 0x4444c},   {0x44464, 0x4446c},   {0x444e4, 0x444ec},
    {0x45000, 0x45000},   {0x45100, 0x45110},   {0x45120, 0x45128},   {0x45200, 0x45200},
    {0x45260, 0x45260},   {0x45270, 0x45270},   {0x45400, 0x4540c},   {0x46020, 0x46020},
    {0x46040, 0x46040},   {0x46060, 0x46060},   {0x46104, 0x46104},   {0x46140, 0x46140},
    {0x46200, 0x46200},   {0x46408, 0x46408},   {0x49028, 0x49028},   {0x4a480, 0x4a480},
    {0x60000, 0x60014},   {0x6001c, 0x6001c},   {0x60028, 0x6002c},   {0x60050, 0x60050},
    {0x60200, 0x60200},   {0x60400, 0x60400},   {0x61400, 0x61400},   {0x62400, 0x62400},
    {0x64000, 0x64000},   {0x64100, 0x64100},   {0x64834, 0x64838},   {0x64ea8, 0x64eac},
    {0x650c0, 0x650c0},   {0x68080, 0x68080},   {0x6f400, 0x6f400},   {0x70000, 0x70000},
    {0x70008, 0x70008},   {0x70030, 0x70030},   {0x70040, 0x70040},   {0x70080, 0x70080},
    {0x70180, 0x70180},   {0x70188, 0x70188},   {0x7019c, 0x7019c},   {0x701a4, 0x701a4},
    {0x70280, 0x70280},   {0x71080, 0x71080},   {0x71180, 0x71180},   {0x71280, 0x71280},
    {0x72080, 0x72080},   {0x72180, 0x72180},   {0x72280, 0x72280},   {0x78000, 0x78004},
    {0xc2014, 0xc2014},   {0xc2020, 0xc2020},   {0xc4000, 0xc400c},   {0xc4030, 0xc4030},
    {0xc4040, 0xc4040},   {0xc5100, 0xc5110},   {0xc6000, 0xc6008},   {0xc6204, 0xc6204},
    {0xe4110, 0xe4114},   {0xf0060, 0xf0060},   {0x100000, 0x1000fc}, {0x120010, 0x120010},
    {0x130040, 0x130044}, {0x13805c, 0x13805c}, {0x138108, 0x138108}, {0x138124, 0x13812c},
    {0x145998, 0x145998}, {0x145d10, 0x145d14}, {0x145e04, 0x145e04},
};
/* What only the one chip has, and the other must report. */
static const struct range hsw_only[] = {
    {0x0911c, 0x0911c},   {0x0b200, 0x0b200},   {0x0e49c, 0x0e49c}, {0x14090, 0x14090},
    {0x44000, 0x4402c},   {0x44040, 0x44040},   {0x48350, 0x48350}, {0x64800, 0x64800},
    {0xe0000, 0xe0014},   {0xe1100, 0xe1100},   {0xf000c, 0xf000c}, {0x120000, 0x120000},
    {0x120008, 0x120008}, {0x145f0c, 0x145f0c},
};
static const struct range bdw_only[] = {
    {0x00fdc, 0x00fdc},   {0x07300, 0x07304}, {0x08504, 0x08504}, {0x09120, 0x09120},
    {0x09134, 0x0913c},   {0x0b100, 0x0b100}, {0x0e4f0, 0x0e4f0}, {0x44200, 0x44200},
    {0x44300, 0x4433c},   {0x44400, 0x4442c}, {0x44440, 0x4444c}, {0x44460, 0x4446c},
    {0x444e0, 0x444ec},   {0x46200, 0x46200}, {0x6f800, 0x6f83c}, {0x70030, 0x70030},
    {0x138144, 0x138144},
};

static void expect(struct device *d, const struct range *r, size_t n, bool known)
{
    struct regs_counts c;
    uint32_t before;

    for (size_t i = 0; i < n; i++)
        for (uint32_t at = r[i].first; at <= r[i].last; at += 4) {
            if (engines_owns(device_engines(d), at))
                continue;
            regs_get_counts(device_regs(d), &c);
            before = c.unknown;
            reg(d, at);
            regs_get_counts(device_regs(d), &c);
            if ((c.unknown == before) != known)
                fail_msg("%05x is %s", at, known ? "unknown" : "known");
        }
}

#define EXPECT(d, table, known) expect(d, table, sizeof(table) / sizeof((table)[0]), known)

static void registers(void **state)
{
    struct device *d = make("hsw");

    (void)state;
    EXPECT(d, hsw_used, true);
    EXPECT(d, hsw_only, true);
    EXPECT(d, bdw_only, false);
    device_free(d);
    d = make("bdw");
    EXPECT(d, bdw_used, true);
    EXPECT(d, bdw_only, true);
    EXPECT(d, hsw_only, false);
    device_free(d);
}

/* What tells a driver how large the GT is, and which south display goes with the package. */
static void fuses(void **state)
{
    static const struct {
        const char *model;
        uint32_t fuse2, eu0, rawclk, lcpll;
    } t[] = {
        {"1602", 0x02800000, 0x00ffc0c0, 125, 0x44000000},
        {"1606", 0x02800000, 0x00ffc0c0, 24, 0x44000000},
        {"1612", 0x02000000, 0, 125, 0x44000000},
        {"1616", 0x02000000, 0, 24, 0x44000000},
        {"1622", 0x06000000, 0, 125, 0x44000000},
        {"1626", 0x06000000, 0, 24, 0x44000000},
        {"0402", 0, 0, 125, 0x40000000},
        {"0412", 0, 0, 125, 0x40000000},
        {"0a16", 0, 0, 24, 0x40000000},
        {"0a0e", 0, 0, 24, 0x40000000},
        {"0d22", 0, 0, 125, 0x40000000},
        {"161e", 0x02000000, 0, 24, 0x40000000},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
        struct device *d = make(t[i].model);

        if (t[i].fuse2) {
            assert_int_equal(reg(d, 0x9120), t[i].fuse2);
            assert_int_equal(reg(d, 0x9134), t[i].eu0);
            assert_int_equal(reg(d, 0x9138) | reg(d, 0x913c), 0);
        } else {
            assert_int_equal(reg(d, 0x911c), 0); /* all EUs */
        }
        assert_int_equal(reg(d, 0xc6204), t[i].rawclk);
        assert_int_equal(reg(d, 0x130040), t[i].lcpll);
        assert_int_equal(reg(d, 0x120010), 0);          /* no eDRAM */
        assert_int_equal(reg(d, 0xc2014) & 0x47, 0x44); /* port B, no CRT */
        device_free(d);
    }
}

static void haswell_answers(void **state)
{
    struct device *d = make("hsw");

    (void)state;
    /* forcewake, the FIFO of writes, swizzling */
    set(d, 0xa188, 0x00010001);
    assert_int_equal(reg(d, 0x130044), 1);
    set(d, 0xa188, 0xffff0000);
    assert_int_equal(reg(d, 0x130044), 0);
    set(d, 0x120008, 0);
    assert_int_equal(reg(d, 0x120008), 0x3f);
    assert_int_not_equal(reg(d, 0x145004), reg(d, 0x145008));
    /* the analog port: a detection ends at once and finds nothing */
    set(d, 0xe1100, 0x80f10c00);
    assert_int_equal(reg(d, 0xe1100), 0x80f00c00 & ~(3u << 24));
    set(d, 0xe1100, 0x03000000);
    assert_int_equal(reg(d, 0xe1100), 0);
    /* FDI mPHY reset */
    set(d, 0xc2004, 1u << 12);
    assert_int_equal(reg(d, 0xc2004), 3u << 12);
    set(d, 0xc2004, 0);
    assert_int_equal(reg(d, 0xc2004), 0);
    /* the power well */
    set(d, 0x45404, 1u << 31);
    assert_int_equal(reg(d, 0x45400), 1u << 30);
    /* the GT runs as fast as it is told to */
    assert_int_equal(reg(d, 0xa01c), 0);
    set(d, 0xa008, 13u << 24);
    assert_int_equal(reg(d, 0xa01c), 13u << 7);
    /* D_COMP is written by mailbox and read by register */
    set(d, 0x138128, 0x301);
    set(d, 0x138124, 0x80000011);
    assert_int_equal(reg(d, 0x138124), 0);
    assert_int_equal(reg(d, 0x145f0c), 0x101);
    set(d, 0x145f0c, 0);
    assert_int_equal(reg(d, 0x145f0c), 0x101);
    set(d, 0x138128, 0);
    set(d, 0x138124, 0x80000010);
    assert_int_equal(reg(d, 0x138128), 0x101);
    /* Broadwell's commands are none of its */
    set(d, 0x138124, 0x80000018);
    assert_int_equal(reg(d, 0x138124), 1);
    assert_int_equal(pcode_illegal(device_pcode(d)), 1);
    device_free(d);
}

/* --- interrupts --- */

static uint64_t taken(int fd)
{
    uint64_t n = 0;

    if (read(fd, &n, sizeof(n)) < 0)
        assert_int_equal(errno, EAGAIN);
    return n;
}

static int listen_msi(struct device *d)
{
    int msi = eventfd(0, EFD_NONBLOCK);

    device_vfu_ops(d)->irq_eventfd(d, 1, dup(msi));
    return msi;
}

/* A monitor is pulled from a Haswell: south display, DE, MSI. */
static void south_to_msi(void **state)
{
    struct device *d = make("hsw");
    int msi = listen_msi(d);
    struct hotplug_monitor none;

    (void)state;
    hotplug_parse_monitor("none", &none);
    set(d, 0xc4030, 1u << 4);     /* hot-plug detection of port B */
    set(d, 0xc4004, ~(1u << 21)); /* SDEIMR */
    set(d, 0xc400c, 0xffffffff);  /* SDEIER */
    set(d, 0x44004, ~(1u << 28)); /* DEIMR */
    set(d, 0x4400c, 1u << 28);    /* DEIER, closed */
    screen_set_monitor(device_screen(d), HOTPLUG_PORT_B, &none);
    assert_int_equal(taken(msi), 0);
    assert_int_equal(reg(d, 0x44008), 1u << 28);
    set(d, 0x4400c, 1u << 31 | 1u << 28);
    assert_int_equal(taken(msi), 1);
    assert_int_equal(rd(d, CFG, 0x06, 2) & 8, 8); /* interrupt status */
    set(d, 0xc4008, 1u << 21);
    set(d, 0x44008, 1u << 28);
    assert_int_equal(rd(d, CFG, 0x06, 2) & 8, 0);
    assert_int_equal(taken(msi), 0);
    device_vfu_ops(d)->reset(d);
    assert_int_equal(reg(d, 0x44004), 0xffffffff);
    assert_int_equal(reg(d, 0x4400c), 0);
    device_free(d);
    close(msi);
}

/* Waits until the eventfd has something, doing meanwhile what the device's loop would do. */
static void wait_msi(struct device *d, int msi)
{
    struct pollfd p = {.fd = msi, .events = POLLIN};
    struct timespec begin, now;

    clock_gettime(CLOCK_MONOTONIC, &begin);
    while (poll(&p, 1, 1) == 0) {
        clock_gettime(CLOCK_MONOTONIC, &now);
        assert_true(now.tv_sec - begin.tv_sec < 20);
        device_tick(d);
    }
}

/* A pipe of a Haswell that runs by the real clock: its vertical blanks reach the client. */
static void blank_to_msi(void **state)
{
    struct device *d = make("hsw");
    int msi = listen_msi(d);

    (void)state;
    set(d, 0x45404, 1u << 31);
    set(d, 0x46040, 0xb0200e13);
    set(d, 0x46104, 4u << 29);
    set(d, 0x46140, 2u << 29);
    set(d, 0x60400, 0x91000000);
    set(d, 0x60000, 0x053f03ff);
    set(d, 0x6000c, 0x032502ff);
    set(d, 0x60010, 0x032502ff);
    set(d, 0x44004, ~1u);
    set(d, 0x4400c, 1u << 31 | 1);
    set(d, 0x70008, 1u << 31);
    for (int i = 0; i < 2; i++) {
        wait_msi(d, msi);
        assert_true(taken(msi) >= 1);
        assert_int_equal(reg(d, 0x44008), 1);
        set(d, 0x44008, 1);
    }
    assert_true(reg(d, 0x70040) >= 2);
    device_free(d);
    close(msi);
}

/* --- nonsense --- */

static uint32_t next_random(uint32_t *x)
{
    *x ^= *x << 13;
    *x ^= *x >> 17;
    *x ^= *x << 5;
    return *x;
}

/* One access of any size anywhere in a region, registers more often than the rest of BAR0. */
static void access_anything(struct device *d, uint32_t *x)
{
    static const unsigned regions[] = {0, 0, 0, 2, 4, CFG};
    const struct vfu_ops *ops = device_vfu_ops(d);
    unsigned r = regions[next_random(x) % 6];
    uint8_t buf[64];
    uint32_t len = next_random(x) % sizeof(buf) + 1;
    uint64_t at = next_random(x) % (ops->region_size[r] - len + 1);

    if (r == 0 && next_random(x) % 4)
        at %= REGS_SIZE - len;
    for (uint32_t k = 0; k < len; k++)
        buf[k] = (uint8_t)next_random(x);
    if (next_random(x) & 1)
        assert_int_equal(ops->region_write(d, r, at, buf, len), 0);
    else
        assert_int_equal(ops->region_read(d, r, at, buf, len), 0);
    device_tick(d);
}

/* Whatever a client does, across registers, entries and the places where nothing is, the device
 * stays alive and is as new after a reset; sanitizers watch. */
static void anything(void **state)
{
    static const char *const models[] = {"hsw", "bdw"};
    uint32_t x = 2463534242u;

    (void)state;
    for (unsigned m = 0; m < 2; m++) {
        struct device *d = make(models[m]);

        for (unsigned i = 0; i < 20000; i++)
            access_anything(d, &x);
        device_vfu_ops(d)->reset(d);
        assert_int_equal(rd(d, CFG, 0, 4), m ? 0x16168086 : 0x04128086);
        assert_int_equal(reg(d, 0x130044), 0);
        assert_int_equal(reg(d, m ? 0x44200 : 0x4400c), 0);
        device_free(d);
    }
}

int main(void)
{
#define T(f) cmocka_unit_test(f)
    const struct CMUnitTest tests[] = {
        T(regions),         T(two_entries),  T(registers),    T(fuses),
        T(haswell_answers), T(south_to_msi), T(blank_to_msi), T(anything),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
