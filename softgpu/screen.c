/* SPDX-License-Identifier: MIT */
/*
 * screen.c: makes and joins the parts of the display (screen.h). Loop's thread.
 */
#include "softgpu/screen.h"

#include "softgpu/crc.h"
#include "softgpu/gmbus.h"
#include "softgpu/irq.h"
#include "softgpu/png.h"
#include "softgpu/regs.h"

#include <errno.h>
#include <stdlib.h>

struct screen {
    struct display *display;
    struct crc *crc;
    struct gmbus *gmbus;
    struct hotplug *hotplug;
    display_fetch fetch;
    void *opaque;
};

struct screen *screen_new(struct regs *r, struct irq *irq, uint64_t (*clock)(void *opaque),
                          display_fetch fetch, void *opaque)
{
    struct screen *s = calloc(1, sizeof(*s));

    if (!s)
        return NULL;
    s->fetch = fetch;
    s->opaque = opaque;
    s->display = display_new(r, irq, clock, opaque);
    s->crc = s->display ? crc_new(r, irq, s->display, fetch, opaque) : NULL;
    s->gmbus = gmbus_new(r, irq);
    s->hotplug = s->gmbus ? hotplug_new(r, irq, s->gmbus) : NULL;
    if (!s->crc || !s->hotplug || aux_add(r))
        return screen_free(s);
    return s;
}

struct screen *screen_free(struct screen *s)
{
    if (!s)
        return NULL;
    hotplug_free(s->hotplug);
    gmbus_free(s->gmbus);
    crc_free(s->crc);
    display_free(s->display);
    free(s);
    return NULL;
}

void screen_stop(struct screen *s)
{
    display_reset(s->display);
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

void screen_tick(struct screen *s)
{
    crc_draw(s->crc);
    display_tick(s->display);
    crc_deliver(s->crc);
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
}
