/* SPDX-License-Identifier: MIT */
/* screen.c: see screen.h. */
#include "services/display/display_priv.h"

#include "lib/crash.h"
#include "services/display/regs.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define PHASE_NS  200000000ull  /* each phase's time-out, times slow */
#define EXPECT_NS 3000000000ull /* how long a restarted display waits for its foreground guest */
#define SCAN_OUT  2u            /* frames after which a frame begun before is surely over */

static uint64_t now(const struct screen *s)
{
    return s->d->c.now_ns();
}

static uint64_t phase_ns(const struct screen *s)
{
    return PHASE_NS * s->d->c.slow;
}

void screen_init(struct screen *s, struct display *d, struct screen_record *record)
{
    *s = (struct screen){.d = d, .record = record ? record : &s->local};
    if (s->record->domid)
        s->expect_ns = now(s) + EXPECT_NS;
}

/* ---- what the planes fetch */

static uint32_t frame(struct screen *s)
{
    return s->d->phys.pipe_on ? phys_frame(&s->d->phys) : s->last_frame;
}

static void count(struct screen *s)
{
    uint32_t f = frame(s), passed = f - s->last_frame;

    if (s->fg && s->d->phys.pipe_on && passed < 1000)
        s->fg->vblanks += passed;
    s->last_frame = f;
    for (unsigned i = 0; i < s->d->guests; i++) {
        struct guest *g = s->d->guest[i];

        if (g->left && f - g->left_frame >= SCAN_OUT)
            g->left = false;
    }
}

/* The planes are about to change: whose memory they fetched is fetched until the next vblank. */
static void leave(struct screen *s)
{
    if (!s->owner)
        return;
    count(s);
    s->owner->left = true;
    s->owner->left_frame = s->last_frame;
    s->owner = NULL;
}

/* The pipe is off: nobody's memory is fetched. */
static void nothing_fetched(struct screen *s)
{
    s->owner = NULL;
    for (unsigned i = 0; i < s->d->guests; i++)
        s->d->guest[i]->left = false;
}

bool screen_fetches(struct screen *s, const struct guest *g)
{
    if (!s->d->phys.pipe_on)
        return false;
    return s->owner == g || g->left;
}

int screen_blank(struct screen *s)
{
    int rc = phys_pipe_off(&s->d->phys);

    if (!rc)
        nothing_fetched(s);
    return rc;
}

static int set_mode(struct screen *s, struct guest *g)
{
    struct phys *p = &s->d->phys;
    const struct phys_mode *mode = &g->picture.mode;
    int rc;

    if (p->pipe_on && !memcmp(mode, &p->mode, sizeof(*mode)))
        return 0;
    rc = phys_modeset(p, mode);
    if (!p->pipe_on)
        nothing_fetched(s);
    if (!rc) {
        nothing_fetched(s); /* the pipe was off in between */
        g->modesets++;
    }
    return rc;
}

/* The picture of g, or black. */
static void show(struct screen *s, struct guest *g)
{
    static const struct picture black;
    struct phys *p = &s->d->phys;
    const struct picture *pic = g ? &g->picture : &black;

    if (g)
        g->changed = false;
    if (!p->monitor)
        return;
    if (pic->has_mode && set_mode(s, g))
        pic = &black;
    if (!p->pipe_on)
        return;
    if (s->owner != g || !pic->plane.on)
        leave(s);
    if (g && pic->plane.on && p->plane.on && pic->plane.surf != p->plane.surf)
        g->flips++;
    phys_set_cursor(p, &pic->cursor);
    phys_set_plane(p, &pic->plane);
    if (pic->plane.on || pic->cursor.on)
        s->owner = g;
    phys_vblank_irq(p, g != NULL);
}

/* ---- changing the guest */

static void remember(struct screen *s)
{
    s->record->generation = s->fg ? s->fg->c.generation : 0;
    crash_point("display.switch.half-noted");
    s->record->domid = s->fg ? s->fg->c.domid : 0;
}

static void answer(struct screen *s, int err, const char *text)
{
    const struct display_ops *ops = s->d->c.ops;
    struct screen_request r = s->current;

    s->current = (struct screen_request){0};
    if (!r.reply)
        return;
    if (err)
        ops->error(s->d->c.ctx, r.id, err, text);
    else
        ops->switched(s->d->c.ctx, r.id, (uint32_t)((now(s) - s->start_ns) / 1000000));
}

static void begin(struct screen *s, struct guest *target, const struct screen_request *request);

static void finish(struct screen *s, int err)
{
    struct screen_request next = s->next;

    s->phase = SCREEN_STEADY;
    s->target = NULL;
    s->switches++;
    s->crc_of = 0;
    crash_point("display.switch.over");
    answer(s, err, err == EIO ? "the screen's pipe does not start" : "the screen gives no vblanks");
    s->next = (struct screen_request){0};
    if (next.used)
        begin(s, next.domid ? display_find(s->d, next.domid) : NULL, &next);
}

static void grant(struct screen *s)
{
    s->fg = s->target;
    crash_point("display.switch.revoked");
    remember(s);
    crash_point("display.switch.noted");
    if (s->fg)
        guest_look(s->fg, s->d->c.slow, true, now(s));
    s->frame = frame(s);
    show(s, s->fg);
    crash_point("display.switch.granted");
    if (!s->d->phys.pipe_on) {
        finish(s, s->d->phys.monitor && s->fg && s->fg->picture.has_mode ? EIO : 0);
        return;
    }
    s->phase = SCREEN_GRANT;
    s->deadline_ns = now(s) + phase_ns(s);
}

static void revoking(struct screen *s)
{
    bool late = now(s) >= s->deadline_ns;

    if (s->d->phys.pipe_on && frame(s) == s->frame && !late)
        return;
    if (late)
        s->timeouts++;
    grant(s);
}

static void granting(struct screen *s)
{
    if (!s->d->phys.pipe_on || (frame(s) != s->frame && phys_live(&s->d->phys))) {
        finish(s, 0);
    } else if (now(s) >= s->deadline_ns) {
        s->timeouts++;
        finish(s, ETIMEDOUT);
    }
}

static void begin(struct screen *s, struct guest *target, const struct screen_request *request)
{
    static const struct phys_cursor no_cursor;
    struct guest *old = s->fg;

    s->current = *request;
    s->target = target;
    s->fg = NULL;
    s->start_ns = now(s);
    s->deadline_ns = s->start_ns + phase_ns(s);
    if (old)
        guest_look(old, s->d->c.slow, false, s->start_ns);
    s->phase = SCREEN_REVOKE;
    if (!s->owner || !s->d->phys.pipe_on) {
        grant(s);
        return;
    }
    s->frame = frame(s);
    phys_set_cursor(&s->d->phys, &no_cursor);
    crash_point("display.switch.revoking");
}

void screen_request(struct screen *s, uint32_t domid, uint32_t id)
{
    struct screen_request r = {true, true, domid, id};
    struct guest *g = domid ? display_find(s->d, domid) : NULL;
    char text[96];

    if (domid && !g) {
        snprintf(text, sizeof(text), "no guest %u has a display; vgtctl list shows them", domid);
        s->d->c.ops->error(s->d->c.ctx, id, ENOENT, text);
        return;
    }
    s->record->chosen = 1;
    crash_point("display.switch.asked");
    if (s->phase == SCREEN_STEADY) {
        begin(s, g, &r);
        return;
    }
    if (s->next.used && s->next.reply)
        s->d->c.ops->error(s->d->c.ctx, s->next.id, EBUSY, "another switch was asked for later");
    s->next = r;
}

void screen_guest_added(struct screen *s, struct guest *g)
{
    static const struct screen_request own;

    if (!s->expect_ns || s->record->domid != g->c.domid || s->record->generation != g->c.generation)
        return;
    s->expect_ns = 0;
    if (s->phase == SCREEN_STEADY && !s->fg)
        begin(s, g, &own);
}

void screen_guest_gone(struct screen *s, struct guest *g)
{
    static const struct screen_request own;

    if (s->next.used && s->next.domid == g->c.domid) {
        s->d->c.ops->error(s->d->c.ctx, s->next.id, ENOENT, "the guest went away");
        s->next = (struct screen_request){0};
    }
    if (s->phase != SCREEN_STEADY && s->target == g) {
        answer(s, ENOENT, "the guest went away");
        s->target = NULL;
        if (s->phase == SCREEN_REVOKE)
            return; /* goes on to the console */
        begin(s, NULL, &own);
    } else if (s->fg == g) {
        begin(s, NULL, &own);
    }
}

/* A revocation that still waits for its vblank is cut short: the planes go off at once. */
void screen_let_go(struct screen *s, struct guest *g)
{
    screen_guest_gone(s, g);
    if (s->owner == g || s->fg == g)
        screen_blank(s);
    if (s->owner == g)
        s->owner = NULL; /* a pipe that does not stop shows it still: told by screen_blank() */
}

/* ---- steady */

static void show_first(struct screen *s)
{
    static const struct screen_request own;

    if (s->d->c.no_auto || s->record->chosen)
        return;
    if (s->expect_ns && now(s) < s->expect_ns)
        return;
    for (unsigned i = 0; i < s->d->guests; i++) {
        struct guest *g = s->d->guest[i];

        if (g->pipe >= 0 && !g->removing) {
            s->expect_ns = 0;
            begin(s, g, &own);
            return;
        }
    }
}

static void steady(struct screen *s)
{
    if (!s->fg)
        show_first(s);
    else if (s->fg->changed)
        show(s, s->fg);
}

/* The CRC engine of the screen's pipe works for the guest that is shown, when its registers ask for
 * one. A frame counts that had the picture from its beginning. */
static void check(struct screen *s)
{
    struct guest *g = s->phase == SCREEN_STEADY ? s->fg : NULL;
    struct phys *p = &s->d->phys;
    bool shown = g && g->pipe >= 0 && p->pipe_on && g->picture.has_mode && !g->changed;
    uint64_t of = shown ? view_crc_of(&g->seen[g->pipe]) : 0;

    phys_set_crc(p, of ? g->seen[g->pipe].crc_ctl & PIPE_CRC_BITS : 0);
    if (of != s->crc_of || s->crc_modeset != p->modesets) {
        s->crc_of = of;
        s->crc_modeset = p->modesets;
        s->crc_frame = frame(s);
    }
    if (!g)
        return;
    if (of && frame(s) - s->crc_frame >= SCAN_OUT)
        guest_crc(g, of, phys_crc(p));
    else
        guest_crc(g, 0, 0);
}

void screen_step(struct screen *s)
{
    static void (*const step[])(struct screen *) = {
        [SCREEN_STEADY] = steady, [SCREEN_REVOKE] = revoking, [SCREEN_GRANT] = granting};

    count(s);
    step[s->phase](s);
    check(s);
}

void screen_monitor(struct screen *s)
{
    if (!s->d->phys.pipe_on)
        nothing_fetched(s);
    if (s->fg)
        s->fg->changed = true;
}

bool screen_busy(const struct screen *s)
{
    if (s->phase != SCREEN_STEADY || (s->fg && s->d->phys.pipe_on))
        return true;
    for (unsigned i = 0; i < s->d->guests; i++) {
        const struct guest *g = s->d->guest[i];

        if (g->waiting || (g->left && s->d->phys.pipe_on))
            return true;
    }
    return false;
}
