/* SPDX-License-Identifier: MIT */
/*
 * vgt-display on a real softgpu, of both generations, behind the program in the module's place: a
 * guest's picture comes to the pipe, vblanks and hot-plug come as interrupts, a screenshot is what
 * was painted, and the display engine has nothing to complain of. The guest is a register file; its
 * graphics memory this test maps, in vgt-gtt's place. One thread.
 */
#include "services/display/display_priv.h"
#include "services/display/regs.h"
#include "tests/unit/gpu_soft_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define DOMID     5u
#define LOW       (64u << 20)
#define LOW_SIZE  (16u << 20)
#define PAGES     768u /* of a 1024x768 surface, */
#define PAINTED   8u   /* which shows the same few over and over */
#define ON        (1u << 31)
#define SCREEN_MS 5000

struct world {
    struct soft_rig rig;
    struct rig_row gtt, display;
    struct gpu_dma paint;
    struct log log;
    struct loop *loop;
    struct display *d;
    struct screen_record record;
    struct vreg_file *vreg;
    struct gtt_map *map;
    struct gtt_inval inval;
    struct timing timing;
    uint32_t slice, switched, bytes, wrong;
    bool whole;
};

static struct world *w;

static uint64_t now_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* ---- vgt-gtt's part */

static uint64_t entry(unsigned page)
{
    uint64_t dma = w->paint.dma[page % PAINTED];

    return w->gtt.g->info.gen == GPU_GEN7 ? (uint32_t)dma | (dma >> 28 & 0x7f0) | 1 : dma | 1;
}

static void map_at(uint64_t first, unsigned pages)
{
    for (unsigned i = 0; i < pages; i++)
        assert_int_equal(gpu_gtt_write(w->gtt.g, (uint32_t)first + i, entry(i)), 0);
    assert_int_equal(gpu_gtt_flush(w->gtt.g), 0);
}

static uint32_t colour(uint64_t pixel)
{
    return (uint32_t)(pixel % (PAINTED * 1024)) * 0x010203u;
}

static void paint(void)
{
    assert_int_equal(gpu_dma_alloc(w->gtt.g, PAINTED, 0, &w->paint), 0);
    for (uint32_t i = 0; i < PAINTED * 1024; i++)
        ((uint32_t *)w->paint.map)[i] = colour(i);
    map_at(LOW / GPU_PAGE_SIZE, PAGES);
}

/* ---- the broker's part */

static void on_switched(void *ctx, uint32_t id, uint32_t ms)
{
    (void)ctx;
    (void)ms;
    w->switched = id;
}

static void on_error(void *ctx, uint32_t id, int err, const char *text)
{
    (void)ctx;
    fail_msg("request %u: %d, %s", id, err, text);
}

static void on_removed(void *ctx, uint32_t id, uint32_t domid)
{
    (void)ctx;
    (void)id;
    (void)domid;
}

/* The window moves over the surface; the paint repeats with every piece of it. */
static uint32_t on_slice(void *ctx, uint32_t domid, uint32_t first, uint32_t pages)
{
    (void)ctx;
    assert_int_equal(domid, DOMID);
    if (pages) {
        assert_int_equal((first - LOW / GPU_PAGE_SIZE) % PAINTED, 0);
        map_at(w->gtt.g->info.aperture_slice_at / GPU_PAGE_SIZE, pages);
    }
    w->slice++;
    return w->slice;
}

static void on_piece(void *ctx, uint32_t id, const struct shot_piece *piece)
{
    (void)ctx;
    (void)id;
    for (uint32_t i = 0; i < piece->len; i += 4) {
        uint32_t is;

        memcpy(&is, piece->pixels + i, 4);
        w->wrong += is != colour((piece->offset + i) / 4);
    }
    w->bytes += piece->len;
    w->whole = piece->last;
}

/* ---- the guest's part */

static uint32_t *reg(uint32_t offset)
{
    return &w->vreg->mmio[offset / 4];
}

static void show_xga(void)
{
    static const uint32_t t[6] = {0x053f03ff, 0x053f03ff, 0x049f0417,
                                  0x032502ff, 0x032502ff, 0x03080302};

    for (unsigned i = 0; i < 6; i++)
        *reg(TRANS_A + 4 * i) = t[i];
    *reg(WRPLL_CTL1) = 0xb0200e13;
    *reg(PORT_CLK_SEL + 4) = PORT_CLK_WRPLL1;
    *reg(TRANS_A + TRANS_DDI_FUNC) = 0x91000000;
    *reg(PIPE_SRC) = 0x03ff02ff;
    *reg(PRI_STRIDE) = 0x1000;
    *reg(PRI_CTL) = ON | 6u << 26;
    *reg(PRI_SURF) = LOW;
    *reg(PIPE_CONF) = REG_ENABLE;
}

static void add_guest(void)
{
    struct guest_config c = {.domid = DOMID,
                             .name = "guest",
                             .generation = 1,
                             .part = {{LOW, LOW_SIZE}, {512u << 20, LOW_SIZE}},
                             .vreg = w->vreg,
                             .map = w->map,
                             .inval = &w->inval,
                             .timing = &w->timing,
                             .bell = -1};

    assert_int_equal(display_guest_add(w->d, &c), 0);
}

/* ---- all of it */

static void begin(const char *model)
{
    static const struct display_ops ops = {on_switched, on_error, on_removed, on_slice, on_piece};
    struct display_config c = {.screen = &w->record, .now_ns = now_ns, .slow = 1, .ops = &ops};

    rig_start(&w->rig, model, NULL);
    w->gtt = rig_open_row(&w->rig, GPU_ROW_GTT);
    w->display = rig_open_row(&w->rig, GPU_ROW_DISPLAY);
    w->log = (struct log){.fd = 2, .level = LOG_WARNING, .name = "test"};
    w->vreg = calloc(1, sizeof(*w->vreg));
    w->map = aligned_alloc(128, sizeof(*w->map));
    memset(w->map, 0, sizeof(*w->map));
    paint();
    assert_int_equal(loop_new(&w->loop), 0);
    c.loop = w->loop;
    c.gpu = w->display.g;
    c.log = &w->log;
    assert_int_equal(display_new(&c, &w->d), 0);
    add_guest();
}

static int setup(const char *model)
{
    w = calloc(1, sizeof(*w));
    assert_non_null(w);
    begin(model);
    return 0;
}

static int setup_haswell(void **state)
{
    (void)state;
    return setup("0412");
}

static int setup_broadwell(void **state)
{
    (void)state;
    return setup("bdw");
}

static int teardown(void **state)
{
    (void)state;
    display_free(w->d);
    loop_free(w->loop);
    gpu_dma_detach(w->gtt.g, &w->paint);
    rig_close_row(w->display);
    rig_close_row(w->gtt);
    rig_stop(&w->rig);
    free(w->vreg);
    free(w->map);
    free(w);
    return 0;
}

static unsigned long long status(const char *key)
{
    char answer[65536];

    rig_gpu_ctl(&w->rig, "status", answer, sizeof(answer));
    return rig_number(answer, key);
}

/* Until it is so; the loop turns meanwhile. */
#define UNTIL(condition)                                                                           \
    do {                                                                                           \
        int64_t limit_ = rig_now_ms() + SCREEN_MS;                                                 \
        while (!(condition)) {                                                                     \
            assert_true(rig_now_ms() < limit_);                                                    \
            assert_int_equal(loop_turn(w->loop, 5), 0);                                            \
        }                                                                                          \
    } while (0)

static void expect_no_complaint(void)
{
    char answer[65536];

    rig_gpu_ctl(&w->rig, "status", answer, sizeof(answer));
    assert_non_null(strstr(answer, "\"display_warnings\":[]"));
    assert_int_equal(rig_number(answer, "isolation_violations"), 0);
}

/* The picture, then vblanks as interrupts, then what the guest sees of it. */
static void shows(void **state)
{
    char line[160], answer[256];
    uint64_t sent;

    (void)state;
    show_xga();
    UNTIL(w->d->screen.fg && w->d->screen.phase == SCREEN_STEADY && phys_live(&w->d->phys));
    assert_int_equal(w->timing.pipe[0].foreground, 1);
    sent = status("interrupts");
    UNTIL(status("interrupts") >= sent + 5);
    snprintf(line, sizeof(line), "png 0 %s/shot.png", w->rig.dir);
    rig_gpu_ctl(&w->rig, line, answer, sizeof(answer));
    assert_int_equal(rig_number(answer, "width"), 1024);
    assert_int_equal(rig_number(answer, "height"), 768);
    expect_no_complaint();
}

static void screenshot(void **state)
{
    (void)state;
    show_xga();
    display_screenshot(w->d, DOMID, 7);
    for (uint32_t answered = 0; !w->whole;) {
        if (answered != w->slice)
            display_slice(w->d, answered = w->slice, 0);
        assert_int_equal(loop_turn(w->loop, 5), 0);
    }
    assert_int_equal(w->bytes, 1024 * 768 * 4);
    assert_int_equal(w->wrong, 0);
}

/* Both ways; the guest's picture comes back by itself. */
static void monitor(void **state)
{
    char answer[256];

    (void)state;
    show_xga();
    UNTIL(w->d->phys.pipe_on && phys_live(&w->d->phys));
    rig_gpu_ctl(&w->rig, "monitor B none", answer, sizeof(answer));
    UNTIL(!w->d->phys.pipe_on);
    rig_gpu_ctl(&w->rig, "monitor B default", answer, sizeof(answer));
    UNTIL(w->d->phys.pipe_on && phys_live(&w->d->phys));
    expect_no_complaint();
}

/* What is asked for with a switch is on the screen within its two phases. */
static void switches(void **state)
{
    (void)state;
    show_xga();
    UNTIL(w->d->screen.fg && w->d->screen.phase == SCREEN_STEADY);
    display_switch(w->d, 0, 1);
    UNTIL(w->switched == 1);
    assert_int_equal(w->timing.pipe[0].foreground, 0);
    display_switch(w->d, DOMID, 2);
    UNTIL(w->switched == 2);
    assert_int_equal(w->timing.pipe[0].foreground, 1);
    assert_int_equal(w->d->screen.timeouts, 0);
    expect_no_complaint();
}

int main(void)
{
#define T(how, f) cmocka_unit_test_setup_teardown(f, how, teardown)
#define ALL(how)  T(how, shows), T(how, screenshot), T(how, monitor), T(how, switches)
    const struct CMUnitTest tests[] = {ALL(setup_haswell), ALL(setup_broadwell)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
