/* SPDX-License-Identifier: MIT */
/*
 * Fuzz target: vgt-display on a fake GPU with two guests. What vgt-mmio@BAD may write is the
 * fuzzer's: any register of its guest's file at any time, also in the middle of what display does
 * to the device, and the bell, rung without end or with its counter full. Oracle: at each step the
 * planes fetch what is whole in the memory of the guest whose they are; the good guest's picture is
 * shown when it is in the foreground, its timing stands, gtt's clears are acknowledged and its
 * screenshots are its own, switches are answered, all within a bounded number of frames; nothing is
 * held against it. ASan, LeakSanitizer and the service's own assertions see the rest.
 */
#include "services/display/display_priv.h"
#include "services/display/regs.h"
#include "tests/fuzz/peer.h"
#include "tests/unit/display_fixture.h"

#include <unistd.h>

#define MAX_OPS  64u
#define FRAME_NS 16666667u
#define PATIENCE 120 /* frames */
#define PAGE     4096u

enum { GOOD, BAD };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct rig r;
static struct {
    uint32_t offset, value;
    unsigned left; /* writes of display during which it changes */
} meddles;
static uint64_t good_ps;
static uint32_t good_surf;

/* ---- the device */

static void on_write(void *ctx, struct gpu_fake *f, uint32_t offset, uint64_t *value)
{
    (void)ctx;
    (void)f;
    (void)offset;
    (void)value;
    if (!meddles.left)
        return;
    meddles.left--;
    *reg(&r, BAD, meddles.offset) = meddles.value;
}

static struct guest *guest_at(unsigned n)
{
    return display_find(r.d, DOMID(n));
}

static void check_plane(const struct guest *owner)
{
    struct fb_regs now = {.dspcntr = gpu_fake_get(r.fake, PRI_CTL),
                          .dspstride = gpu_fake_get(r.fake, PRI_STRIDE),
                          .dspsurf = gpu_fake_get(r.fake, PRI_SURF),
                          .dspoffset = gpu_fake_get(r.fake, PRI_OFFSET),
                          .pipesrc = gpu_fake_get(r.fake, PIPE_SRC)};
    struct fb fb;
    int rc = fb_decode(&now, &fb);

    peer_check(rc >= 0);
    if (!rc)
        peer_check(owner && guest_owns(owner, fb.base, fb.bytes));
}

static void check_device(void)
{
    const struct guest *owner = r.d->screen.owner;
    uint32_t cursor = gpu_fake_get(r.fake, CUR_CTL) & 0x27;
    uint64_t side = cursor == 0x27 ? 64 : cursor == 0x22 ? 128 : 256;

    if (!r.d->phys.pipe_on)
        return;
    check_plane(owner);
    if (cursor)
        peer_check(owner &&
                   guest_owns(owner, gpu_fake_get(r.fake, CUR_BASE) & ~4095u, side * side * 4));
}

static void frame(void)
{
    peer_pass(FRAME_NS);
    vblank(&r);
    check_device();
}

/* ---- the good one */

static void check_good(void)
{
    const struct timing_pipe *t = &r.guest[GOOD].timing.pipe[0];
    struct guest *g = guest_at(GOOD);

    for (unsigned e = 0; e < ACCOUNT_EVENTS; e++)
        peer_check(!g->account.count[e]);
    peer_check(t->enabled && t->frame_ps == good_ps && t->seq % 2 == 0);
    peer_check(t->foreground == (r.d->screen.fg == g));
}

static void answered(unsigned n)
{
    static uint32_t id = 1;

    display_switch(r.d, DOMID(n), ++id);
    for (int i = 0; r.switched != id && r.error_id != id; i++) {
        peer_check(i < PATIENCE);
        frame();
    }
}

/* In the foreground, and showing what its registers say. */
static void good_shows(struct peer_input *in)
{
    good_surf = (uint32_t)LOW(GOOD) + peer_take32(in, 1) % 32 * 0x100000;
    *reg(&r, GOOD, PRI_SURF) = good_surf;
    ring(&r, GOOD);
    answered(GOOD);
    for (int i = 0; now_shown(&r) != good_surf; i++) {
        peer_check(i < PATIENCE);
        frame();
    }
    peer_check(gpu_fake_get(r.fake, PIPE_SRC) == *reg(&r, GOOD, PIPE_SRC));
    check_good();
}

static void clears(struct peer_input *in)
{
    (void)in;
    for (unsigned n = 0; n <= BAD; n++)
        r.guest[n].map->clear_seq++;
    for (int i = 0; r.guest[GOOD].inval.done_seq != r.guest[GOOD].map->clear_seq; i++) {
        peer_check(i < PATIENCE);
        frame();
    }
}

/* gtt's answer, and what it would refuse. */
static void fill(unsigned n)
{
    uint64_t at = (uint64_t)r.slice_first * PAGE, len = (uint64_t)r.slice_pages * PAGE;
    uint32_t id = r.slice_id;

    r.slice_id = 0;
    peer_check(r.slice_domid == DOMID(n) && len <= r.gpu->info.aperture_slice);
    peer_check(!len || guest_owns(guest_at(n), at, len));
    display_slice(r.d, id, 0);
}

static void shot(struct peer_input *in)
{
    uint32_t how = peer_take32(in, 1), *src = reg(&r, GOOD, PIPE_SRC);
    unsigned n = how & 1 ? BAD : GOOD, turns_left = 40000;
    uint64_t done = shot_count(r.d->shot);

    r.got = 0;
    r.error_id = 0;
    display_screenshot(r.d, DOMID(n), 9);
    while (shot_count(r.d->shot) == done && r.error_id != 9) {
        peer_check(turns_left--);
        if (r.slice_id)
            fill(n);
        turns(&r, 1);
        peer_pass(1000000);
    }
    while (r.slice_id)
        fill(n); /* given back */
    if (n == GOOD)
        peer_check(r.got == 4 * ((uint64_t)(*src >> 16) + 1) * ((*src & 0xffff) + 1));
}

/* ---- the bad one */

static uint32_t some_reg(struct peer_input *in)
{
    static const uint32_t known[] = {
        TRANS_A + TRANS_HTOTAL,
        TRANS_A + TRANS_HBLANK,
        TRANS_A + TRANS_HSYNC,
        TRANS_A + TRANS_VTOTAL,
        TRANS_A + TRANS_VBLANK,
        TRANS_A + TRANS_VSYNC,
        TRANS_A + TRANS_LINK_M1,
        TRANS_A + TRANS_LINK_N1,
        TRANS_A + TRANS_DDI_FUNC,
        PIPE_SRC,
        PIPE_CONF,
        CUR_CTL,
        CUR_BASE,
        CUR_POS,
        PRI_CTL,
        PRI_STRIDE,
        PRI_SURF,
        PRI_OFFSET,
        SPLL_CTL,
        WRPLL_CTL1,
        WRPLL_CTL2,
        PORT_CLK_SEL,
        PORT_CLK_SEL + 4,
        PORT_CLK_SEL + 8,
        TRANS_EDP,
        TRANS_EDP + TRANS_DDI_FUNC,
        PIPE_EDP_CONF,
    };
    uint32_t which = peer_take32(in, 1), at = known[which % 32 % (sizeof(known) / 4)];
    uint32_t pipe = which >> 6 == 3 ? 0 : which >> 6;

    return at >= TRANS_A && at < TRANS_EDP ? at + pipe * PIPE_STRIDE : at;
}

/* Near what is there, or anything. */
static uint32_t some_value(struct peer_input *in, uint32_t offset)
{
    uint32_t how = peer_take32(in, 1);

    if (how & 1)
        return peer_take32(in, 4);
    return *reg(&r, BAD, offset) ^ peer_take32(in, 1) << (how >> 1) % 25;
}

static void bad_reg(struct peer_input *in)
{
    uint32_t offset = some_reg(in);

    *reg(&r, BAD, offset) = some_value(in, offset);
}

static void bad_meddles(struct peer_input *in)
{
    meddles.offset = some_reg(in);
    meddles.value = some_value(in, meddles.offset);
    meddles.left = peer_take32(in, 1) % 64;
}

static void bad_mode(struct peer_input *in)
{
    uint32_t how = peer_take32(in, 1);
    uint32_t surf = how & 2 ? peer_take32(in, 4) & ~4095u : (uint32_t)LOW(BAD);

    if (how & 1)
        xga(&r, BAD, surf);
    else
        vga(&r, BAD, surf);
}

static void bad_rings(struct peer_input *in)
{
    uint64_t full = UINT64_MAX - 1;
    uint32_t how = peer_take32(in, 1);

    for (unsigned i = how % 16; i; i--)
        ring(&r, BAD);
    if (how & 16 && write(r.guest[BAD].bell, &full, sizeof(full)) < 0)
        return; /* it is full already */
    turns(&r, 2);
}

static void bad_shows(struct peer_input *in)
{
    (void)in;
    answered(BAD);
}

static void frames(struct peer_input *in)
{
    for (uint64_t n = peer_take(in, 1) % 8; n; n--)
        frame();
}

static void (*const operations[])(struct peer_input *) = {
    bad_reg,   bad_reg,   bad_reg, bad_reg,    bad_meddles, bad_mode,
    bad_rings, bad_shows, frames,  good_shows, clears,      shot,
};
#define OPERATIONS (sizeof(operations) / sizeof(operations[0]))

/* ---- the world */

static void make_world(void)
{
    rig_new(&r, true);
    rig_start(&r);
    gpu_fake_on_write(r.fake, TRANS_A, PRI_SURFLIVE, on_write, NULL);
}

static void come(unsigned n)
{
    struct machine *m = &r.guest[n];

    memset(m->vreg->mmio, 0, sizeof(m->vreg->mmio));
    memset(&m->timing, 0, sizeof(m->timing));
    memset(m->map, 0, sizeof(*m->map));
    m->inval.done_seq = 0;
    m->generation++;
    xga(&r, n, (uint32_t)LOW(n));
    guest_in(&r, n);
}

static void run(const uint8_t *data, size_t size)
{
    struct peer_input in = {data, size}, own = {data, 0};

    gpu_fake_log_clear(r.fake);
    meddles.left = 0;
    for (unsigned n = 0; n <= BAD; n++)
        come(n);
    good_ps = r.guest[GOOD].timing.pipe[0].frame_ps;
    for (unsigned n = 0; n < MAX_OPS && in.size; n++) {
        operations[peer_take(&in, 1) % OPERATIONS](&in);
        check_device();
        check_good();
    }
    good_shows(&own);
    clears(&own);
    for (unsigned n = 0; n <= BAD; n++)
        display_guest_remove(r.d, DOMID(n), true, 7);
    peer_check(!r.d->guests && !now_shown(&r));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    /* A surface, and a cursor, that are the neighbour's, shown, and in a screenshot; pictures of
     * both while registers change. */
    static const uint8_t reaches[] = {7, 8, 5, 3, 0, 0, 0, 4, 6, 3, 8, 3};
    static const uint8_t points[] = {0, 11, 1, 0x27, 0, 0, 0, 0, 12, 1, 0, 0, 0, 4, 7, 8, 7};
    static const uint8_t peeps[] = {5, 3, 0, 0, 0, 4, 11, 1};
    static const uint8_t looks[] = {11, 0, 11, 1, 4, 16, 1, 0, 0, 0, 4, 40, 7, 8, 7};

    if (!r.fake) {
        make_world();
        run(reaches, sizeof(reaches));
        run(points, sizeof(points));
        run(peeps, sizeof(peeps));
        run(looks, sizeof(looks));
    }
    run(data, size);
    return 0;
}
