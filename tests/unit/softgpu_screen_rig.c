/* SPDX-License-Identifier: MIT */
/*
 * softgpu_screen_rig.c: fixtures for tests of the display (softgpu_screen_rig.h). The test's
 * thread; exports fetch on theirs.
 */
#include "softgpu_screen_rig.h"

#include "softgpu/model.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static uint64_t rig_clock(void *opaque)
{
    return ((struct rig *)opaque)->now;
}

static int rig_fetch(void *opaque, uint64_t addr, void *buf, uint32_t len)
{
    struct rig *r = opaque;

    pthread_mutex_lock(&r->gate);
    r->fetched++;
    r->iir_seen = regs_read(r->regs, 0x44408);
    pthread_mutex_unlock(&r->gate);
    memset(buf, 0, len);
    if (addr > RIG_MEMORY || len > RIG_MEMORY - addr)
        return 1;
    memcpy(buf, r->memory + addr, len);
    return 0;
}

static int setup(void **state, const char *model)
{
    struct rig *r = calloc(1, sizeof(*r));

    r->model = model_find(model);
    r->now = 1000;
    pthread_mutex_init(&r->gate, NULL);
    r->memory = calloc(1, RIG_MEMORY);
    r->regs = regs_new();
    r->irq = irq_new(r->regs, r->model);
    r->screen = screen_new(r->regs, r->irq, rig_clock, rig_fetch, r);
    assert_non_null(r->screen);
    assert_int_equal(regs_add_plain(r->regs, r->model), 0);
    *state = r;
    return 0;
}

int rig_setup(void **state)
{
    return setup(state, "bdw");
}

int rig_setup_haswell(void **state)
{
    return setup(state, "hsw");
}

int rig_teardown(void **state)
{
    struct rig *r = *state;

    screen_free(r->screen);
    irq_free(r->irq);
    regs_free(r->regs);
    pthread_mutex_destroy(&r->gate);
    free(r->memory);
    free(r);
    return 0;
}

void rig_wr(struct rig *r, uint32_t off, uint32_t v)
{
    regs_write(r->regs, off, v);
}

uint32_t rig_rd(struct rig *r, uint32_t off)
{
    return regs_read(r->regs, off);
}

void rig_clocks_on(struct rig *r, unsigned pipe)
{
    uint32_t port = pipe + 1;

    rig_wr(r, 0x45404, 1u << 31);
    rig_wr(r, 0x46040, 0xb0200e13);
    rig_wr(r, 0x46100 + port * 4, 4u << 29);
    rig_wr(r, 0x46140 + pipe * 4, (port + 1) << 29);
    rig_wr(r, 0x60400 + pipe * 0x1000, 0x81000000 | port << 28);
}

/* Vertical blanks and CRCs of a pipe. */
static void open_events(struct rig *r, unsigned pipe)
{
    if (r->model->family == MODEL_HASWELL)
        rig_wr(r, 0x44004, rig_rd(r, 0x44004) & ~(1u << 5 * pipe | 1u << 30));
    else
        rig_wr(r, 0x44404 + pipe * 0x10, ~(RIG_VBLANK | RIG_CRC_DONE));
}

void rig_start(struct rig *r, unsigned pipe)
{
    uint32_t at = pipe * 0x1000;

    rig_clocks_on(r, pipe);
    rig_wr(r, 0x60000 + at, 1343 << 16);
    rig_wr(r, 0x6000c + at, 805 << 16);
    rig_wr(r, 0x60010 + at, 767);
    rig_wr(r, 0x6001c + at, (RIG_WIDTH - 1) << 16 | (RIG_HEIGHT - 1));
    rig_wr(r, 0x70188 + at, RIG_WIDTH * 4);
    rig_wr(r, 0x70180 + at, 0x98000000);
    rig_wr(r, 0x7019c + at, RIG_SURFACE * (pipe + 1));
    open_events(r, pipe);
    rig_wr(r, 0x70008 + at, RIG_PIPE_ENABLE);
}

uint32_t rig_colour(uint32_t i, uint32_t seed)
{
    return (i + seed) * 2654435761u;
}

void rig_paint(struct rig *r, uint32_t surface, uint32_t seed)
{
    for (uint32_t i = 0; i < RIG_PIXELS; i++) {
        uint32_t c = rig_colour(i, seed);

        memcpy(r->memory + surface + i * 4, &c, 4);
    }
}

void rig_expect_warnings(struct rig *r, const char *list)
{
    char *text, want[1024];
    size_t len;
    FILE *out = open_memstream(&text, &len);

    screen_print(r->screen, out);
    fclose(out);
    snprintf(want, sizeof(want), "\"display_warnings\":[%s]", list);
    if (!strstr(text, want))
        fail_msg("%s lacks %s", text, want);
    free(text);
}

uint32_t rig_frame(struct rig *r, unsigned pipe)
{
    uint32_t at = r->model->family == MODEL_HASWELL ? 0x44008 : 0x44408 + pipe * 0x10, iir;

    r->now = screen_deadline(r->screen);
    screen_tick(r->screen);
    iir = rig_rd(r, at);
    rig_wr(r, at, iir);
    return iir;
}
