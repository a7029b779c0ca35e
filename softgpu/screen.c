/* SPDX-License-Identifier: MIT */
/*
 * screen.c: makes and joins the parts of the display (screen.h). Loop's thread.
 */
#include "softgpu/screen.h"

#include "softgpu/clocks.h"
#include "softgpu/crc.h"
#include "softgpu/gmbus.h"
#include "softgpu/irq.h"
#include "softgpu/png.h"
#include "softgpu/regs.h"
#include "softgpu/warn.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PLANE_ENABLE (1u << 31) /* of DSPCNTR */
#define FENCE        0x100000u
#define FENCES       32u

struct screen {
    struct warn *warn;
    struct clocks *clocks;
    struct display *display;
    struct crc *crc;
    struct gmbus *gmbus;
    struct aux *aux;
    struct hotplug *hotplug;
    struct exporter *exports[EXPORT_MAX];
    unsigned export_count;
    uint32_t blanks[DISPLAY_PIPES]; /* offered to exports so far */
    struct regs *regs;
    uint64_t (*clock)(void *opaque);
    display_fetch fetch;
    void *opaque;
};

/* The surface lies in what a fence register (low dword: start, valid in bit 0, Y walk in bit 1;
 * high dword: end) calls Y-tiled. */
static bool in_y_fence(const struct screen *s, uint32_t surface)
{
    for (uint32_t i = 0; i < FENCES; i++) {
        uint32_t low = regs_peek(s->regs, FENCE + i * 8);
        uint32_t high = regs_peek(s->regs, FENCE + i * 8 + 4);

        if ((low & 3) == 3 && surface >= (low & ~0xfffu) && surface <= (high | 0xfff))
            return true;
    }
    return false;
}

/* A driver that shows a Y-tiled surface forgot what this display can do. */
static void check_plane(void *opaque, unsigned pipe)
{
    struct screen *s = opaque;
    struct display_picture pic;

    if (display_snapshot_locked(s->display, pipe, &pic) || !(pic.primary.ctl & PLANE_ENABLE))
        return;
    if (pixel_y_tiled(pic.primary.ctl))
        warn_count(s->warn, "primary plane %c asks for Y tiles, which the display cannot show",
                   'A' + pipe);
    else if (in_y_fence(s, pic.primary.surf))
        warn_count(s->warn, "primary plane %c shows a surface that a fence calls Y-tiled",
                   'A' + pipe);
}

static void on_enabled(void *opaque, unsigned pipe)
{
    struct screen *s = opaque;

    clocks_check_pipe(s->clocks, pipe);
    check_plane(s, pipe);
}

static void on_blank(void *opaque, unsigned pipe)
{
    struct screen *s = opaque;

    crc_blank(s->crc, pipe);
}

static const struct display_hooks hooks = {on_enabled, on_blank, check_plane};

struct screen *screen_new(struct regs *r, struct irq *irq, uint64_t (*clock)(void *opaque),
                          display_fetch fetch, void *opaque)
{
    struct screen *s = calloc(1, sizeof(*s));

    if (!s)
        return NULL;
    s->regs = r;
    s->clock = clock;
    s->fetch = fetch;
    s->opaque = opaque;
    s->warn = warn_new();
    s->clocks = s->warn ? clocks_new(r, s->warn, irq_model(irq)) : NULL;
    s->display = display_new(r, irq, clock, opaque);
    s->crc = s->display ? crc_new(r, irq, s->display, fetch, opaque) : NULL;
    s->gmbus = gmbus_new(r, irq);
    s->hotplug = s->gmbus ? hotplug_new(r, irq, s->gmbus) : NULL;
    s->aux = aux_new(r, irq);
    if (!s->clocks || !s->crc || !s->hotplug || !s->aux)
        return screen_free(s);
    display_set_hooks(s->display, &hooks, s);
    return s;
}

struct screen *screen_free(struct screen *s)
{
    if (!s)
        return NULL;
    screen_end_exports(s);
    hotplug_free(s->hotplug);
    aux_free(s->aux);
    gmbus_free(s->gmbus);
    crc_free(s->crc);
    display_free(s->display);
    clocks_free(s->clocks);
    warn_free(s->warn);
    free(s);
    return NULL;
}

int screen_export(struct screen *s, const struct export_options *o)
{
    struct exporter *e;

    if (s->export_count == EXPORT_MAX)
        return -ENOSPC;
    e = export_new(o, s->fetch, s->opaque);
    if (!e)
        return -ENOMEM;
    s->exports[s->export_count++] = e;
    return 0;
}

void screen_end_exports(struct screen *s)
{
    while (s->export_count)
        export_free(s->exports[--s->export_count]);
}

void screen_stop(struct screen *s)
{
    display_reset(s->display);
    memset(s->blanks, 0, sizeof(s->blanks));
    crc_reset(s->crc);
}

void screen_reset(struct screen *s)
{
    gmbus_reset(s->gmbus);
    hotplug_reset(s->hotplug);
}

uint64_t screen_deadline(struct screen *s)
{
    return display_deadline(s->display);
}

/* The pipe's picture to its exports when a vertical blank has begun. */
static void offer(struct screen *s, unsigned pipe)
{
    uint32_t blanks = display_blanks(s->display, pipe);
    uint32_t more = blanks - s->blanks[pipe];
    struct display_picture pic;
    uint64_t now;

    s->blanks[pipe] = blanks;
    if (!more || display_snapshot(s->display, pipe, &pic))
        return;
    regs_lock(s->regs);
    now = s->clock(s->opaque);
    regs_unlock(s->regs);
    for (unsigned i = 0; i < s->export_count; i++)
        if (export_pipe(s->exports[i]) == pipe)
            export_offer(s->exports[i], &pic, more, now);
}

void screen_tick(struct screen *s)
{
    crc_draw(s->crc);
    display_tick(s->display);
    crc_deliver(s->crc);
    for (unsigned i = 0; s->export_count && i < DISPLAY_PIPES; i++)
        offer(s, i);
}

void screen_set_slowdown(struct screen *s, unsigned n)
{
    display_set_slowdown(s->display, n);
}

void screen_set_monitor(struct screen *s, enum hotplug_port port, const struct hotplug_monitor *m)
{
    hotplug_set(s->hotplug, port, m);
}

int screen_shot(struct screen *s, unsigned pipe, const char *path, uint32_t *width,
                uint32_t *height)
{
    struct display_picture pic;
    uint8_t *rgb;
    int ret = display_snapshot(s->display, pipe, &pic);

    if (ret)
        return ret;
    rgb = calloc((size_t)pic.width * pic.height, 3);
    if (!rgb)
        return -ENOMEM;
    ret = scanout_draw(&pic, s->fetch, s->opaque, rgb);
    if (!ret)
        ret = png_save(path, pic.width, pic.height, rgb);
    free(rgb);
    *width = pic.width;
    *height = pic.height;
    return ret;
}

void screen_print(struct screen *s, FILE *out)
{
    fputs("\"monitors\":", out);
    hotplug_print(s->hotplug, out);
    fputs(",\"exports\":[", out);
    for (unsigned i = 0; i < s->export_count; i++) {
        if (i)
            fputc(',', out);
        export_print(s->exports[i], out);
    }
    fputs("],\"display_warnings\":", out);
    warn_print(s->warn, out);
}
