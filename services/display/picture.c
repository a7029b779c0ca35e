/* SPDX-License-Identifier: MIT */
/*
 * picture.c: what of a guest's registers may reach the physical pipe (guest.h). The planes fetch
 * through the GGTT, where a guest's addresses equal the physical ones: a surface is let through
 * when all of it lies in the guest's own partition. Facts: Haswell and Broadwell PRM vol. 2c,
 * PRI_*, CUR_*.
 */
#include "services/display/guest.h"

#include "services/display/regs.h"

#include <string.h>

#define CUR_MODE 0x27u

static void refuse(struct guest *g, const char *what, uint32_t value)
{
    account_event(&g->account, ACCOUNT_BAD_DISPLAY, "plane=\"%s\" value=0x%x", what, value);
}

/* The physical pipe has no scaler: what it shows is as large as the mode. A larger surface is
 * cropped, a smaller one would be read beyond its end. */
static void make_plane(struct guest *g, const struct view_pipe *v, struct picture *p)
{
    struct fb fb;
    int rc = fb_decode(&v->plane, &fb);

    if (rc > 0)
        return;
    if (rc || fb.width < p->mode.width || fb.height < p->mode.height) {
        refuse(g, rc ? "frame buffer" : "smaller than the mode", v->plane.dspcntr);
        return;
    }
    if (!guest_owns(g, fb.base, fb.bytes)) {
        refuse(g, "outside the partition", fb.base);
        return;
    }
    p->plane = (struct phys_plane){
        .on = 1,
        .ctl = REG_ENABLE | (v->plane.dspcntr & (PRI_FORMAT | PRI_ROTATE | PRI_TILED)),
        .stride = fb.stride,
        .offset = fb.y << 16 | fb.x,
        .surf = fb.base,
    };
}

static uint32_t cursor_side(uint32_t mode)
{
    switch (mode) {
    case 0x27:
        return 64;
    case 0x22:
        return 128;
    case 0x23:
        return 256;
    }
    return 0;
}

/* Sign and magnitude. */
static int32_t coordinate(uint32_t field)
{
    int32_t v = field & 0x1fff;

    return field & 0x8000 ? -v : v;
}

static bool touches(int32_t at, uint32_t side, uint32_t length)
{
    return at + (int32_t)side > 0 && at < (int32_t)length;
}

static void make_cursor(struct guest *g, const struct view_pipe *v, struct picture *p)
{
    uint32_t mode = v->cur_ctl & CUR_MODE, side = cursor_side(mode);
    uint32_t base = v->cur_base & ~4095u;

    if (!mode)
        return;
    if (!side || !guest_owns(g, base, (uint64_t)side * side * 4)) {
        refuse(g, side ? "cursor outside the partition" : "cursor mode", side ? base : v->cur_ctl);
        return;
    }
    /* The hardware wants no cursor that is out of sight. */
    if (!touches(coordinate(v->cur_pos & 0xffff), side, p->mode.width) ||
        !touches(coordinate(v->cur_pos >> 16), side, p->mode.height))
        return;
    p->cursor = (struct phys_cursor){1, mode, base, v->cur_pos & 0x9fff9fffu};
}

void picture_make(struct guest *g, const struct view_pipe *view, struct picture *picture)
{
    memset(picture, 0, sizeof(*picture)); /* padding too: pictures are compared */
    if (mode_from_view(view, &picture->mode)) {
        memset(&picture->mode, 0, sizeof(picture->mode));
        refuse(g, "mode", view->mode.htotal);
        return;
    }
    picture->has_mode = 1;
    make_plane(g, view, picture);
    make_cursor(g, view, picture);
}
