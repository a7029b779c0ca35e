/* SPDX-License-Identifier: MIT */
/* stats.c: the counters of display.h, for the broker's Stats. */
#include "services/display/display_priv.h"

static void put(struct display_stats *stats, const char *name, uint64_t value)
{
    stats->counter[stats->count].name = name;
    stats->counter[stats->count++].value = value;
}

static void service(const struct display *d, struct display_stats *stats)
{
    stats->foreground = !d->screen.fg;
    put(stats, "switches", d->screen.switches);
    put(stats, "switch_timeouts", d->screen.timeouts);
    put(stats, "screenshots", shot_count(d->shot));
    put(stats, "modesets", d->phys.modesets);
    put(stats, "hardware_faults", d->phys.faults);
    put(stats, "monitor", d->phys.monitor);
}

static void guest(const struct display *d, const struct guest *g, struct display_stats *stats)
{
    uint64_t events[ACCOUNT_EVENTS];

    stats->domid = g->c.domid;
    stats->foreground = d->screen.fg == g;
    account_snapshot(&g->account, events);
    for (unsigned i = 0; i < ACCOUNT_EVENTS; i++)
        if (events[i])
            put(stats, account_event_name(i), events[i]);
    put(stats, "flips", g->flips);
    put(stats, "modesets", g->modesets);
    put(stats, "vblanks", g->vblanks);
}

bool display_stats(const struct display *d, unsigned n, struct display_stats *stats)
{
    *stats = (struct display_stats){0};
    if (n > d->guests)
        return false;
    if (n)
        guest(d, d->guest[n - 1], stats);
    else
        service(d, stats);
    return true;
}
