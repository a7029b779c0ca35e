/* SPDX-License-Identifier: MIT */
/* display_fixture.c: see display_fixture.h. */
#include "tests/unit/display_fixture.h"

#include "services/display/regs.h"

#include <stdio.h>
#include <sys/eventfd.h>
#include <unistd.h>

uint64_t test_now = 1000000000;
enum gpu_gen test_gen = GPU_GEN8;

static uint64_t now_ns(void)
{
    return test_now;
}

/* ---- the device */

static void power_read(void *ctx, struct gpu_fake *f, uint32_t offset, uint64_t *value)
{
    (void)ctx;
    (void)f;
    (void)offset;
    *value |= *value >> 1 & REG_STATE;
}

static void conf_write(void *ctx, struct gpu_fake *f, uint32_t offset, uint64_t *value)
{
    struct rig *r = ctx;

    (void)f;
    (void)offset;
    *value &= ~(uint64_t)REG_STATE;
    if (!r->no_start)
        *value |= *value >> 1 & REG_STATE;
}

static void buf_write(void *ctx, struct gpu_fake *f, uint32_t offset, uint64_t *value)
{
    (void)ctx;
    (void)f;
    (void)offset;
    *value |= *value & ON ? 0 : DDI_BUF_IDLE;
}

static void frame_read(void *ctx, struct gpu_fake *f, uint32_t offset, uint64_t *value)
{
    (void)f;
    (void)offset;
    *value = ((struct rig *)ctx)->frame;
}

static void bus_write(void *ctx, struct gpu_fake *f, uint32_t offset, uint64_t *value)
{
    struct rig *r = ctx;

    (void)f;
    if (offset == GMBUS0)
        r->pin = *value & 7;
    else
        r->edid_at = 0;
}

static void bus_read(void *ctx, struct gpu_fake *f, uint32_t offset, uint64_t *value)
{
    struct rig *r = ctx;
    uint32_t data = 0;

    (void)f;
    if (offset == GMBUS2) {
        *value = 1u << 11 | (r->monitor && r->pin == 5 ? 0 : 1u << 10);
        return;
    }
    assert_true(r->edid_at < EDID_SIZE);
    memcpy(&data, r->edid + r->edid_at, 4);
    r->edid_at += 4;
    *value = data;
}

static void hooks(struct rig *r)
{
    struct gpu_fake *f = r->fake;

    gpu_fake_on_read(f, PWR_WELL_CTL1, PWR_WELL_CTL1, power_read, r);
    for (uint32_t p = 0; p < 3; p++)
        gpu_fake_on_write(f, PIPE_CONF + p * PIPE_STRIDE, PIPE_CONF + p * PIPE_STRIDE, conf_write,
                          r);
    gpu_fake_on_write(f, DDI_BUF_CTL_B, DDI_BUF_CTL_B, buf_write, r);
    gpu_fake_on_read(f, PIPE_FRMCNT, PIPE_FRMCNT, frame_read, r);
    gpu_fake_on_write(f, GMBUS0, GMBUS1, bus_write, r);
    gpu_fake_on_read(f, GMBUS2, GMBUS3, bus_read, r);
    gpu_fake_set(f, LCPLL_CTL, REG_STATE);
}

/* ---- answers */

static void on_switched(void *ctx, uint32_t id, uint32_t ms)
{
    struct rig *r = ctx;

    r->switched = id;
    r->switch_ms = ms;
}

static void on_error(void *ctx, uint32_t id, int err, const char *text)
{
    struct rig *r = ctx;

    r->error_id = id;
    r->error = err;
    snprintf(r->text, sizeof(r->text), "%s", text);
}

static void on_removed(void *ctx, uint32_t id, uint32_t domid)
{
    struct rig *r = ctx;

    (void)domid;
    r->removed = id;
}

static uint32_t on_slice(void *ctx, uint32_t domid, uint32_t first, uint32_t pages)
{
    struct rig *r = ctx;

    r->slice_domid = domid;
    r->slice_first = first;
    r->slice_pages = pages;
    r->slice_id = 100 + ++r->slices;
    return r->slice_id;
}

static void on_piece(void *ctx, uint32_t id, const struct shot_piece *piece)
{
    struct rig *r = ctx;

    (void)id;
    assert_true(piece->len <= SHOT_PIECE);
    assert_int_equal(piece->offset, r->got);
    r->picture = realloc(r->picture, r->got + piece->len);
    memcpy(r->picture + r->got, piece->pixels, piece->len);
    r->got += piece->len;
    r->piece = *piece;
}

static const struct display_ops ops = {on_switched, on_error, on_removed, on_slice, on_piece};

/* ---- the rig */

static void machine_new(struct machine *m)
{
    m->vreg = calloc(1, sizeof(*m->vreg));
    m->map = aligned_alloc(128, sizeof(*m->map));
    memset(m->map, 0, sizeof(*m->map));
    m->bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    m->generation = 1;
}

void rig_new(struct rig *r, bool monitor)
{
    memset(r, 0, sizeof(*r));
    r->log = (struct log){.fd = 2, .level = LOG_EMERG, .name = "test"};
    r->monitor = monitor;
    edid_build(r->edid, 1920, 1080, 60, "desk", 1);
    r->fake = gpu_fake_new(test_gen, test_gen == GPU_GEN7 ? 1u << 19 : 1u << 20);
    assert_int_equal(gpu_fake_open(r->fake, GPU_ROW_DISPLAY, &r->gpu), 0);
    hooks(r);
    for (unsigned i = 0; i < GUESTS; i++)
        machine_new(&r->guest[i]);
    assert_int_equal(loop_new(&r->loop), 0);
    r->config = (struct display_config){.loop = r->loop,
                                        .gpu = r->gpu,
                                        .log = &r->log,
                                        .screen = &r->record,
                                        .now_ns = now_ns,
                                        .slow = 1,
                                        .ops = &ops,
                                        .ctx = r};
}

void rig_start(struct rig *r)
{
    if (r->d)
        display_free(r->d);
    assert_int_equal(display_new(&r->config, &r->d), 0);
}

void rig_free(struct rig *r)
{
    display_free(r->d);
    loop_free(r->loop);
    gpu_close(r->gpu);
    gpu_fake_free(r->fake);
    for (unsigned i = 0; i < GUESTS; i++) {
        free(r->guest[i].vreg);
        free(r->guest[i].map);
        close(r->guest[i].bell);
    }
    free(r->picture);
}

void guest_in(struct rig *r, unsigned n)
{
    struct machine *m = &r->guest[n];
    struct guest_config c = {.domid = DOMID(n),
                             .name = "guest",
                             .generation = m->generation,
                             .part = {{LOW(n), 64 * MIB}, {HIGH(n), 256 * MIB}},
                             .vreg = m->vreg,
                             .map = m->map,
                             .inval = &m->inval,
                             .timing = &m->timing,
                             .bell = m->bell};

    assert_int_equal(display_guest_add(r->d, &c), 0);
}

uint32_t *reg(struct rig *r, unsigned n, uint32_t offset)
{
    return &r->guest[n].vreg->mmio[offset / 4];
}

static void mode(struct rig *r, unsigned n, const uint32_t t[6], uint32_t wrpll)
{
    for (unsigned i = 0; i < 6; i++)
        *reg(r, n, TRANS_A + 4 * i) = t[i];
    *reg(r, n, WRPLL_CTL1) = wrpll;
    *reg(r, n, PORT_CLK_SEL + 4) = PORT_CLK_WRPLL1;
    *reg(r, n, TRANS_A + TRANS_DDI_FUNC) = 0x91000000;
    *reg(r, n, PIPE_CONF) = REG_ENABLE | REG_STATE;
}

static void plane(struct rig *r, unsigned n, uint32_t src, uint32_t stride, uint32_t surf)
{
    *reg(r, n, PIPE_SRC) = src;
    *reg(r, n, PRI_CTL) = ON | 6u << 26 | 1u << 30; /* with gamma */
    *reg(r, n, PRI_STRIDE) = stride;
    *reg(r, n, PRI_SURF) = surf;
}

void xga(struct rig *r, unsigned n, uint32_t surf)
{
    static const uint32_t t[6] = {0x053f03ff, 0x053f03ff, 0x049f0417,
                                  0x032502ff, 0x032502ff, 0x03080302};

    mode(r, n, t, 0xb0200e13);
    plane(r, n, 0x03ff02ff, 0x1000, surf);
}

void vga(struct rig *r, unsigned n, uint32_t surf)
{
    static const uint32_t t[6] = {0x031f027f, 0x031f027f, 0x02ef028f,
                                  0x020c01df, 0x020c01df, 0x01eb01e9};
    uint32_t pll = 0;

    assert_int_equal(mode_wrpll(25175, &pll), 0);
    mode(r, n, t, pll);
    plane(r, n, 0x027f01df, 0xa00, surf);
}

void ring(struct rig *r, unsigned n)
{
    uint64_t one = 1;

    assert_int_equal(write(r->guest[n].bell, &one, sizeof(one)), sizeof(one));
    turns(r, 1);
}

void turns(struct rig *r, unsigned n)
{
    while (n--)
        assert_int_equal(loop_turn(r->loop, 0), 0);
}

enum gpu_irq_bank vblank_bank(void)
{
    return test_gen == GPU_GEN7 ? GPU_IRQ_DE : GPU_IRQ_PIPE_A;
}

void vblank(struct rig *r)
{
    r->frame++;
    test_now += 16666667;
    gpu_fake_set(r->fake, PRI_SURFLIVE, gpu_fake_get(r->fake, PRI_SURF));
    gpu_fake_raise(r->fake, vblank_bank(), 1);
    turns(r, 1);
    display_step(r->d); /* the timer */
}

void rig_shown(struct rig *r, unsigned n, bool monitor)
{
    rig_new(r, monitor);
    rig_start(r);
    for (unsigned i = 0; i < n; i++) {
        guest_in(r, i);
        xga(r, i, (uint32_t)LOW(i));
    }
    display_step(r->d);
    for (int i = 0; i < 4; i++)
        vblank(r);
    gpu_fake_log_clear(r->fake);
}

uint32_t now_shown(struct rig *r)
{
    return gpu_fake_get(r->fake, PRI_CTL) & ON ? gpu_fake_get(r->fake, PRI_SURF) : 0;
}

int wrote(struct rig *r, int from, uint32_t offset, uint32_t *value)
{
    size_t count;
    const struct gpu_fake_access *log = gpu_fake_log(r->fake, &count);

    for (size_t i = (size_t)from; from >= 0 && i < count; i++) {
        if (log[i].kind != GPU_FAKE_WRITE || log[i].offset != offset)
            continue;
        if (value)
            *value = (uint32_t)log[i].value;
        return (int)i;
    }
    return -1;
}

bool ever(struct rig *r, uint32_t offset, uint32_t value)
{
    uint32_t v;

    for (int i = wrote(r, 0, offset, &v); i >= 0; i = wrote(r, i + 1, offset, &v))
        if (v == value)
            return true;
    return false;
}
