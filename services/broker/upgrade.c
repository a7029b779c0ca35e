/* SPDX-License-Identifier: MIT */
/*
 * upgrade.c: regions that an earlier build left, converted into this build's layout
 * (lib/region.h). A copy is converted, and takes the place of the old region only where no process
 * can have that one mapped: each service that may map it is gone, or new, or has said that it does
 * not understand it. Otherwise the region stays, and who does not understand it says so. Called
 * when a service is about to be handed regions, or has refused them; owns nothing.
 */
#include "services/broker/priv.h"

#include "lib/region.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static bool process_is_there(int32_t pid)
{
    char path[32];

    snprintf(path, sizeof(path), "/proc/%d", pid);
    return pid > 0 && !access(path, F_OK);
}

/* Might this service have the regions of g (NULL: its own) mapped? */
static bool may_hold(const struct service *s, const struct guest *g, const struct service *asker)
{
    if (s == asker && s->fresh)
        return false;
    if (g ? g->refused & (1u << s->role) : s->refused[0] && s->wire)
        return false;
    return s->wire || process_is_there(s->s->pid);
}

static bool held(struct broker *b, struct guest *g, const char *name, const struct service *asker)
{
    for (unsigned role = 0; role < (g ? ROLES : CORE_ROLES); role++) {
        const struct service *s = role == ROLE_MMIO ? &g->mmio : &b->service[role];

        if (parts_granted((enum role)role, g != NULL, name) && may_hold(s, g, asker))
            return true;
    }
    return false;
}

static bool outdated(int fd, const struct part_def *d)
{
    struct region region;
    uint32_t version;

    if (region_map(fd, d->type, d->layout, 0, false, &region))
        return false;
    version = region.version;
    region_unmap(&region);
    return version < d->layout;
}

static struct part *part_of(struct parts *parts, const char *name)
{
    for (unsigned i = 0; i < parts->count; i++)
        if (!strcmp(parts->item[i].name, name))
            return &parts->item[i];
    return NULL;
}

static int convert(struct broker *b, struct guest *g, struct part *p, const struct part_def *d)
{
    char prefix[16] = "s.";
    int made = -1, rc;

    rc = region_convert(p->fd, d->name, d->type, d->layout, b->config.steps, &made);
    if (!rc && (rc = parts_close_mode(made)))
        close(made);
    if (rc)
        return rc;
    if (g)
        snprintf(prefix, sizeof(prefix), "g.%u.", g->s->domid);
    close(p->fd);
    p->fd = made;
    p->copy++;
    fdstore_replace(b, prefix, p);
    return 0;
}

static bool upgrade(struct broker *b, struct guest *g, const struct part_def *d,
                    const struct service *asker)
{
    struct part *p = part_of(g ? &g->parts : &b->parts, d->name);
    int rc;

    if (!p || !outdated(p->fd, d) || held(b, g, d->name, asker))
        return false;
    rc = convert(b, g, p, d);
    if (rc)
        log_write(b->log, rc == -ENOENT ? LOG_NOTICE : LOG_ERR,
                  "a region of an earlier layout stays", "region=%s domid=%u error=%d", d->name,
                  g ? g->s->domid : 0, rc);
    else
        log_write(b->log, LOG_NOTICE, "a region was converted", "region=%s domid=%u layout=%u",
                  d->name, g ? g->s->domid : 0, d->layout);
    return !rc;
}

bool upgrade_parts(struct broker *b, struct guest *of, const struct service *asker)
{
    const struct part_def *d;
    bool any = false;

    for (unsigned n = 0; b->config.steps && (d = parts_region(of != NULL, n)); n++)
        if (upgrade(b, of, d, asker))
            any = true;
    return any;
}
