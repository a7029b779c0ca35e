/* SPDX-License-Identifier: MIT */
/* vtiming.c: see vtiming.h. */
#include "services/display/vtiming.h"

#include "lib/crash.h"

#define PS_PER_SECOND 1000000000000ull
#define DEFAULT_PS    (PS_PER_SECOND / 60)
#define DEFAULT_LINES 806u
#define DEFAULT_SHOWN 768u
#define MIN_MHZ       10000u /* frames per 1000 s that a monitor of ours could have */
#define MAX_MHZ       500000u
#define MAX_PS        (PS_PER_SECOND * 9 / 10) /* vgt-mmio takes a record for broken beyond 1 s */

static void from_mode(const struct modeline *m, struct vtiming *t)
{
    t->frame_ps = (uint64_t)m->htotal * m->vtotal * (PS_PER_SECOND / 1000) / m->clock_khz;
    t->vtotal = m->vtotal;
    t->vactive = m->vblank_start;
}

int vtiming_decode(const struct view_pipe *view, unsigned slow, struct vtiming *t)
{
    struct modeline m;
    bool nonsense;

    *t = (struct vtiming){.enabled = view_running(view)};
    if (!t->enabled)
        return 0;
    nonsense =
        modeline_decode(&view->mode, &m) || m.refresh_mhz < MIN_MHZ || m.refresh_mhz > MAX_MHZ;
    if (nonsense)
        *t = (struct vtiming){.enabled = true,
                              .frame_ps = DEFAULT_PS,
                              .vtotal = DEFAULT_LINES,
                              .vactive = DEFAULT_SHOWN};
    else
        from_mode(&m, t);
    t->frame_ps *= slow;
    if (t->frame_ps > MAX_PS)
        t->frame_ps = MAX_PS;
    return nonsense;
}

/* The frame counter at a time, as vgt-mmio computes it: it counts where the active lines end. */
static uint32_t frame_at(const struct timing_pipe *p, uint64_t now_ns)
{
    unsigned __int128 ps =
        now_ns > p->start_ns ? (unsigned __int128)(now_ns - p->start_ns) * 1000 : 0;

    if (!p->enabled || !p->frame_ps || !p->vtotal || p->vactive > p->vtotal)
        return p->first_frame;
    ps += (unsigned __int128)p->frame_ps * (p->vtotal - p->vactive) / p->vtotal;
    return p->first_frame + (uint32_t)(ps / p->frame_ps);
}

/* Release stores, each after the odd sequence word: a reader that sees one of them sees that, too.
 */
static void store(struct timing_pipe *shared, const struct timing_pipe *p)
{
    uint32_t seq = __atomic_load_n(&shared->seq, __ATOMIC_RELAXED) | 1;

    __atomic_store_n(&shared->seq, seq, __ATOMIC_RELAXED);
    __atomic_store_n(&shared->enabled, p->enabled, __ATOMIC_RELEASE);
    crash_point("display.timing.open");
    __atomic_store_n(&shared->start_ns, p->start_ns, __ATOMIC_RELEASE);
    __atomic_store_n(&shared->frame_ps, p->frame_ps, __ATOMIC_RELEASE);
    __atomic_store_n(&shared->vtotal, p->vtotal, __ATOMIC_RELEASE);
    __atomic_store_n(&shared->vactive, p->vactive, __ATOMIC_RELEASE);
    __atomic_store_n(&shared->first_frame, p->first_frame, __ATOMIC_RELEASE);
    __atomic_store_n(&shared->foreground, p->foreground, __ATOMIC_RELEASE);
    __atomic_store_n(&shared->crc_of, p->crc_of, __ATOMIC_RELEASE);
    __atomic_store_n(&shared->crc, p->crc, __ATOMIC_RELEASE);
    crash_point("display.timing.filled");
    __atomic_store_n(&shared->seq, seq + 1, __ATOMIC_RELEASE);
    crash_point("display.timing.published");
}

static bool same_beam(const struct timing_pipe *p, const struct vtiming *t)
{
    return p->enabled == t->enabled && p->frame_ps == t->frame_ps && p->vtotal == t->vtotal &&
           p->vactive == t->vactive;
}

static bool same_crc(const struct timing_pipe *p, const struct vtiming *t)
{
    return p->crc_of == t->crc_of && p->crc == t->crc;
}

bool vtiming_publish(struct timing_pipe *shared, const struct vtiming *t, uint64_t now_ns)
{
    struct timing_pipe p = *shared; /* nobody else writes it */

    if (p.seq % 2 == 0 && same_beam(&p, t) && p.foreground == t->foreground && same_crc(&p, t))
        return false;
    if (p.seq % 2 || !same_beam(&p, t)) {
        p.first_frame = frame_at(&p, now_ns);
        p.start_ns = now_ns;
        p.enabled = t->enabled;
        p.frame_ps = t->frame_ps;
        p.vtotal = t->vtotal;
        p.vactive = t->vactive;
    }
    p.foreground = t->foreground;
    p.crc_of = t->crc_of;
    p.crc = t->crc;
    store(shared, &p);
    return true;
}

void vtiming_crc(struct timing_pipe *shared, uint64_t crc_of, uint32_t crc)
{
    struct timing_pipe p = *shared;

    if (p.seq % 2)
        return;
    p.crc_of = crc_of;
    p.crc = crc;
    store(shared, &p);
}
