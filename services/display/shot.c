/* SPDX-License-Identifier: MIT */
/*
 * shot.c: see shot.h. A picture is read in strips of rows (one strip is one piece sent); a window
 * of the surface, as large as the slice, is visible at a time and holds whole strips. Strips of a
 * tiled surface begin and end at rows of tiles.
 */
#include "services/display/display_priv.h"

#include "lib/crash.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define QUEUE      8u
#define TURN_BYTES 4096u       /* read per turn of the loop: each load crosses the bus */
#define PIECE_NS   2000000u    /* between pieces, so that the channel can drain */
#define ANSWER_NS  5000000000u /* gtt's to fill the slice */
#define MAX_ROWS   256u

enum shot_state { SHOT_IDLE, SHOT_FILLING, SHOT_READING, SHOT_RELEASING };

struct shot {
    struct display *d;
    struct {
        uint32_t domid, id;
    } queue[QUEUE];
    unsigned queued;
    enum shot_state state;
    uint32_t id; /* of the request being served */
    struct guest *g;
    uint32_t domid;
    struct fb fb;
    uint32_t row, rows;      /* next row to send; most rows of a strip */
    uint32_t first, last;    /* rows of the surface in the strip: [first, last) */
    uint64_t begin, end, at; /* bytes of the surface the strip lies in; next one to read */
    uint64_t window, window_end;
    uint32_t slice_id;
    void *map;
    size_t map_size;
    uint8_t *raw, *out;
    struct loop_source *turn, *timer;
    uint64_t taken;
};

static void start_next(struct shot *s);
static void next_strip(struct shot *s);

static void unmap(struct shot *s)
{
    if (s->map)
        gpu_aperture_unmap(s->d->c.gpu, s->map, s->map_size);
    s->map = NULL;
}

static void idle(struct shot *s)
{
    s->state = SHOT_IDLE;
    s->slice_id = 0;
    s->g = NULL;
    loop_timer_arm(s->timer, 0, 0);
    start_next(s);
}

/* Over, well or not: the slice is given back before the next one begins. */
static void release(struct shot *s)
{
    unmap(s);
    free(s->raw);
    free(s->out);
    s->raw = s->out = NULL;
    s->g = NULL;
    s->state = SHOT_RELEASING;
    crash_point("display.shot.over");
    s->slice_id = s->d->c.ops->slice(s->d->c.ctx, s->domid, 0, 0);
    if (!s->slice_id) {
        idle(s);
        return;
    }
    loop_timer_arm(s->timer, ANSWER_NS, 0);
}

static void fail(struct shot *s, int err, const char *text)
{
    s->d->c.ops->error(s->d->c.ctx, s->id, err, text);
    release(s);
}

/* ---- geometry */

static uint32_t row_bytes(const struct fb *fb)
{
    return fb->width * fb->bpp / 8;
}

static uint32_t rows_at_once(const struct shot *s)
{
    uint32_t fit = (s->d->c.gpu->info.aperture_slice - 2 * GPU_PAGE_SIZE) / s->fb.stride;
    uint32_t rows = SHOT_PIECE / row_bytes(&s->fb);

    fit = fit > FB_TILE_HEIGHT ? fit - FB_TILE_HEIGHT : 0; /* rounded to rows of tiles */
    if (rows > fit)
        rows = fit;
    return rows > MAX_ROWS ? MAX_ROWS : rows;
}

static void strip_place(struct shot *s)
{
    const struct fb *fb = &s->fb;
    uint32_t end = fb->y + fb->height;

    s->first = fb->y + s->row;
    s->last = end - s->first > s->rows ? s->first + s->rows : end;
    if (fb->tiled && s->last < end)
        s->last -= s->last % FB_TILE_HEIGHT;
    if (fb->tiled) {
        s->begin = (uint64_t)(s->first - s->first % FB_TILE_HEIGHT) * fb->stride;
        s->end =
            (uint64_t)(s->last + FB_TILE_HEIGHT - 1) / FB_TILE_HEIGHT * FB_TILE_HEIGHT * fb->stride;
    } else {
        s->begin = (uint64_t)s->first * fb->stride;
        s->end = (uint64_t)(s->last - 1) * fb->stride + fb->x * fb->bpp / 8 + row_bytes(fb);
    }
    s->at = s->begin & ~7ull;
}

/* ---- reading */

static void ask_window(struct shot *s)
{
    uint64_t end = ((uint64_t)s->fb.bytes + GPU_PAGE_SIZE - 1) & ~(uint64_t)(GPU_PAGE_SIZE - 1);
    uint64_t most = s->d->c.gpu->info.aperture_slice & ~(GPU_PAGE_SIZE - 1);

    unmap(s);
    s->window = s->begin & ~(uint64_t)(GPU_PAGE_SIZE - 1);
    s->window_end = end - s->window > most ? s->window + most : end;
    s->state = SHOT_FILLING;
    crash_point("display.shot.asks");
    s->slice_id = s->d->c.ops->slice(s->d->c.ctx, s->domid,
                                     (uint32_t)((s->fb.base + s->window) / GPU_PAGE_SIZE),
                                     (uint32_t)((s->window_end - s->window) / GPU_PAGE_SIZE));
    if (!s->slice_id)
        fail(s, EIO, "the broker cannot be asked for graphics memory");
    else
        loop_timer_arm(s->timer, ANSWER_NS, 0);
}

static void next_strip(struct shot *s)
{
    strip_place(s);
    if (s->map && s->begin >= s->window && s->end <= s->window_end)
        loop_trigger(s->turn);
    else
        ask_window(s);
}

static void send_strip(struct shot *s)
{
    struct fb band = s->fb;
    uint32_t stride = row_bytes(&s->fb);
    struct shot_piece piece = {.width = s->fb.width,
                               .height = s->fb.height,
                               .stride = stride,
                               .format = s->fb.format,
                               .offset = (uint64_t)s->row * stride,
                               .pixels = s->out};

    band.y = s->fb.tiled ? s->first % FB_TILE_HEIGHT : 0;
    band.height = s->last - s->first;
    band.bytes = (uint32_t)(s->end - s->begin);
    if (fb_copy(&band, s->raw + (s->begin & 7), band.bytes, s->out, stride)) {
        fail(s, EIO, "the frame buffer makes no sense");
        return;
    }
    s->row += band.height;
    piece.len = band.height * stride;
    piece.last = s->row == s->fb.height;
    s->d->c.ops->piece(s->d->c.ctx, s->id, &piece);
    crash_point("display.shot.sent");
    if (piece.last) {
        s->taken++;
        release(s);
    } else {
        loop_timer_arm(s->timer, PIECE_NS, 0);
    }
}

/* Write-combined memory: whole 8-byte loads, each once. */
static void on_turn(void *data, uint32_t events)
{
    struct shot *s = data;
    uint64_t until;

    (void)events;
    if (s->state != SHOT_READING)
        return;
    until = s->at + TURN_BYTES < s->end ? s->at + TURN_BYTES : s->end;
    for (; s->at < until; s->at += 8) {
        uint64_t v = *(volatile const uint64_t *)((uint8_t *)s->map + (s->at - s->window));

        memcpy(s->raw + (s->at - (s->begin & ~7ull)), &v, 8);
    }
    if (s->at < s->end)
        loop_trigger(s->turn);
    else
        send_strip(s);
}

static void on_timer(void *data, uint32_t events)
{
    struct shot *s = data;

    (void)events;
    switch (s->state) {
    case SHOT_READING:
        next_strip(s);
        break;
    case SHOT_FILLING:
        fail(s, ETIMEDOUT, "the guest's graphics memory was not shown in time");
        break;
    case SHOT_RELEASING:
        idle(s);
        break;
    case SHOT_IDLE:
        break;
    }
}

void shot_slice(struct shot *s, uint32_t id, int err)
{
    if (!id || id != s->slice_id)
        return;
    s->slice_id = 0;
    loop_timer_arm(s->timer, 0, 0);
    if (s->state == SHOT_RELEASING) {
        idle(s);
        return;
    }
    if (s->state != SHOT_FILLING)
        return;
    s->map_size = s->window_end - s->window;
    if (!err)
        err = -gpu_aperture_map(s->d->c.gpu, s->d->c.gpu->info.aperture_slice_at, s->map_size,
                                &s->map);
    if (err) {
        s->map = NULL;
        fail(s, err, "the guest's graphics memory cannot be shown");
        return;
    }
    s->state = SHOT_READING;
    crash_point("display.shot.mapped");
    loop_trigger(s->turn);
}

/* ---- requests */

static void refuse(struct shot *s, uint32_t id, uint32_t domid, bool known)
{
    char text[96];

    if (known)
        snprintf(text, sizeof(text), "guest %u shows nothing", domid);
    else if (domid)
        snprintf(text, sizeof(text), "no guest %u has a display; vgtctl list shows them", domid);
    else
        snprintf(text, sizeof(text), "no guest is on the screen");
    s->d->c.ops->error(s->d->c.ctx, id, ENOENT, text);
}

static bool start(struct shot *s, uint32_t domid, uint32_t id)
{
    struct display *d = s->d;
    struct guest *g = domid ? display_find(d, domid) : d->screen.fg;

    if (g)
        guest_look(g, d->c.slow, g == d->screen.fg, d->c.now_ns());
    if (!g || guest_surface(g, &s->fb)) {
        refuse(s, id, g ? g->c.domid : domid, g != NULL);
        return false;
    }
    s->g = g;
    s->domid = g->c.domid;
    s->id = id;
    s->row = 0;
    s->rows = rows_at_once(s);
    s->out = malloc(SHOT_PIECE);
    s->raw = malloc((size_t)(s->rows + FB_TILE_HEIGHT) * s->fb.stride + 16);
    if (!s->out || !s->raw || s->rows < FB_TILE_HEIGHT) {
        fail(s, ENOMEM, "no memory for a picture of this size");
        return true;
    }
    next_strip(s);
    return true;
}

static void start_next(struct shot *s)
{
    while (s->state == SHOT_IDLE && s->queued) {
        uint32_t domid = s->queue[0].domid, id = s->queue[0].id;

        s->queued--;
        memmove(s->queue, s->queue + 1, s->queued * sizeof(s->queue[0]));
        start(s, domid, id);
    }
}

void shot_request(struct shot *s, uint32_t domid, uint32_t id)
{
    if (s->queued == QUEUE) {
        s->d->c.ops->error(s->d->c.ctx, id, EBUSY, "too many screenshots wait already");
        return;
    }
    s->queue[s->queued].domid = domid;
    s->queue[s->queued++].id = id;
    start_next(s);
}

void shot_guest_gone(struct shot *s, const struct guest *g)
{
    if (s->g == g)
        fail(s, ENOENT, "the guest went away");
}

uint64_t shot_count(const struct shot *s)
{
    return s->taken;
}

struct shot *shot_new(struct display *d)
{
    struct shot *s = calloc(1, sizeof(*s));

    if (!s)
        return NULL;
    s->d = d;
    if (loop_defer(d->c.loop, on_turn, s, &s->turn) ||
        loop_timer(d->c.loop, on_timer, s, &s->timer)) {
        shot_free(s);
        return NULL;
    }
    return s;
}

void shot_free(struct shot *s)
{
    if (!s)
        return;
    unmap(s);
    free(s->raw);
    free(s->out);
    loop_remove(s->turn);
    loop_remove(s->timer);
    free(s);
}
