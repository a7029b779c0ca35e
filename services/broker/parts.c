/* SPDX-License-Identifier: MIT */
/*
 * parts.c: the descriptors that services share: which regions, lanes and eventfds a guest has, and
 * which of them each service gets (services/wire/names.h). Owns nothing but what is in a struct
 * parts. Called at start and attach.
 */
#include "services/broker/priv.h"

#include "lib/crash.h"
#include "lib/lane.h"
#include "lib/quarantine.h"
#include "lib/region.h"
#include "services/wire/gtt_map.h"
#include "services/wire/mmio_gtt.h"
#include "services/wire/mmio_sched.h"
#include "services/wire/names.h"
#include "services/wire/sched_gtt.h"
#include "services/wire/sched_journal.h"
#include "services/wire/screen.h"
#include "services/wire/timing.h"
#include "services/wire/vggtt.h"
#include "services/wire/vreg.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#define HOST_REGION (64u * 1024)

static const struct part_def guest_defs[] = {
    {WIRE_VREG, PART_REGION, WIRE_REGION_VREG, VREG_LAYOUT, sizeof(struct vreg_file)},
    {WIRE_VGGTT, PART_REGION, WIRE_REGION_VGGTT, VGGTT_LAYOUT, sizeof(struct vggtt)},
    {WIRE_GTT_MAP, PART_REGION, WIRE_REGION_GTT_MAP, GTT_MAP_LAYOUT, sizeof(struct gtt_map)},
    {WIRE_INVAL_SCHED, PART_REGION, WIRE_REGION_INVAL, GTT_INVAL_LAYOUT, sizeof(struct gtt_inval)},
    {WIRE_INVAL_DISPLAY, PART_REGION, WIRE_REGION_INVAL, GTT_INVAL_LAYOUT,
     sizeof(struct gtt_inval)},
    {WIRE_TIMING, PART_REGION, WIRE_REGION_TIMING, TIMING_LAYOUT, sizeof(struct timing)},
    {WIRE_BAD_MMIO, PART_REGION, WIRE_REGION_QUARANTINE, QUARANTINE_LAYOUT,
     sizeof(struct quarantine_table)},
    {WIRE_BAD_GTT, PART_REGION, WIRE_REGION_QUARANTINE, QUARANTINE_LAYOUT,
     sizeof(struct quarantine_table)},
    {WIRE_BAD_SCHED, PART_REGION, WIRE_REGION_QUARANTINE, QUARANTINE_LAYOUT,
     sizeof(struct quarantine_table)},
    {WIRE_MMIO_GTT, PART_LANE, 0, MMIO_GTT_LAYOUT, 1024},
    {WIRE_GTT_MMIO, PART_LANE, 0, MMIO_GTT_LAYOUT, 256},
    {WIRE_MMIO_SCHED, PART_LANE, 0, MMIO_SCHED_LAYOUT, 256},
    {WIRE_SCHED_MMIO, PART_LANE, 0, MMIO_SCHED_LAYOUT, 256},
    {WIRE_BELL, PART_EVENT, 0, 0, 0},
};

static const struct part_def service_defs[] = {
    {WIRE_SCHED_GTT, PART_LANE, 0, SCHED_GTT_LAYOUT, 256},
    {WIRE_GTT_SCHED, PART_LANE, 0, SCHED_GTT_LAYOUT, 256},
    {WIRE_JOURNAL, PART_REGION, WIRE_REGION_JOURNAL, SCHED_JOURNAL_LAYOUT,
     sizeof(struct sched_journal)},
    {WIRE_SCREEN, PART_REGION, WIRE_REGION_SCREEN, SCREEN_LAYOUT, HOST_REGION},
};

/* Who gets what: READ is a descriptor that cannot be mapped writable, LANE stands for three. */
enum grant_kind { GRANT_END, GRANT_WHOLE, GRANT_READ, GRANT_LANE };
struct grant {
    const char *name;
    enum grant_kind kind;
};
#define MAX_GRANTS 10

static const struct grant guest_grants[ROLES][MAX_GRANTS] = {
    [ROLE_MMIO] = {{WIRE_VREG, GRANT_WHOLE},
                   {WIRE_VGGTT, GRANT_WHOLE},
                   {WIRE_TIMING, GRANT_READ},
                   {WIRE_BAD_MMIO, GRANT_WHOLE},
                   {WIRE_MMIO_GTT, GRANT_LANE},
                   {WIRE_GTT_MMIO, GRANT_LANE},
                   {WIRE_MMIO_SCHED, GRANT_LANE},
                   {WIRE_SCHED_MMIO, GRANT_LANE},
                   {WIRE_BELL, GRANT_WHOLE}},
    [ROLE_GTT] = {{WIRE_VGGTT, GRANT_READ},
                  {WIRE_GTT_MAP, GRANT_WHOLE},
                  {WIRE_INVAL_SCHED, GRANT_READ},
                  {WIRE_INVAL_DISPLAY, GRANT_READ},
                  {WIRE_BAD_GTT, GRANT_WHOLE},
                  {WIRE_MMIO_GTT, GRANT_LANE},
                  {WIRE_GTT_MMIO, GRANT_LANE}},
    [ROLE_SCHED] = {{WIRE_VGGTT, GRANT_READ},
                    {WIRE_GTT_MAP, GRANT_READ},
                    {WIRE_INVAL_SCHED, GRANT_WHOLE},
                    {WIRE_BAD_SCHED, GRANT_WHOLE},
                    {WIRE_MMIO_SCHED, GRANT_LANE},
                    {WIRE_SCHED_MMIO, GRANT_LANE}},
    [ROLE_DISPLAY] = {{WIRE_VREG, GRANT_READ},
                      {WIRE_GTT_MAP, GRANT_READ},
                      {WIRE_INVAL_DISPLAY, GRANT_WHOLE},
                      {WIRE_TIMING, GRANT_WHOLE},
                      {WIRE_BELL, GRANT_WHOLE}},
};

static const struct grant own_grants[ROLES][MAX_GRANTS] = {
    [ROLE_GTT] = {{WIRE_DEV, GRANT_WHOLE},
                  {WIRE_SCHED_GTT, GRANT_LANE},
                  {WIRE_GTT_SCHED, GRANT_LANE}},
    [ROLE_SCHED] = {{WIRE_DEV, GRANT_WHOLE},
                    {WIRE_SCHED_GTT, GRANT_LANE},
                    {WIRE_GTT_SCHED, GRANT_LANE},
                    {WIRE_JOURNAL, GRANT_WHOLE}},
    [ROLE_DISPLAY] = {{WIRE_DEV, GRANT_WHOLE}, {WIRE_SCREEN, GRANT_WHOLE}},
};

bool parts_granted(enum role role, bool guest, const char *name)
{
    const struct grant *g = guest ? guest_grants[role] : own_grants[role];

    while (g->kind != GRANT_END && strcmp(g->name, name))
        g++;
    return g->kind != GRANT_END;
}

const struct part_def *parts_region(bool guest, unsigned n)
{
    const struct part_def *d = guest ? guest_defs : service_defs;
    size_t count = guest ? sizeof(guest_defs) / sizeof(*d) : sizeof(service_defs) / sizeof(*d);

    for (size_t i = 0; i < count; i++)
        if (d[i].kind == PART_REGION && !n--)
            return &d[i];
    return NULL;
}

static const char *const suffix[3] = {"", ".wake", ".room"};

int parts_fd(const struct parts *parts, const char *name)
{
    for (unsigned i = 0; i < parts->count; i++)
        if (!strcmp(parts->item[i].name, name))
            return parts->item[i].fd;
    return -ENOENT;
}

int parts_add(struct parts *parts, const char *name, int fd)
{
    struct part *p = &parts->item[parts->count];

    if (parts->count == MAX_PART || strlen(name) >= sizeof(p->name)) {
        close(fd);
        return -ENOSPC;
    }
    strcpy(p->name, name);
    p->fd = fd;
    p->copy = 0;
    parts->count++;
    return 0;
}

void parts_close(struct parts *parts)
{
    for (unsigned i = 0; i < parts->count; i++)
        close(parts->item[i].fd);
    parts->count = 0;
}

/* A memory file belongs to the broker's user alone: who got a read-only descriptor shall not open
 * it anew through /proc. */
int parts_close_mode(int fd)
{
    return fchmod(fd, 0600) ? -errno : 0;
}

static int make_event(struct parts *parts, const char *name)
{
    int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

    return fd < 0 ? -errno : parts_add(parts, name, fd);
}

static int make_memory(struct parts *parts, const struct part_def *d)
{
    int fd = -1, rc;

    if (d->kind == PART_LANE)
        rc = lane_create(d->name, LANE_STREAM, (uint32_t)d->size, d->layout, &fd);
    else
        rc = region_create(d->name, d->type, d->layout, d->size, &fd);
    if (rc)
        return rc;
    rc = parts_close_mode(fd);
    if (rc) {
        close(fd);
        return rc;
    }
    return parts_add(parts, d->name, fd);
}

static int make_one(struct parts *parts, const struct part_def *d)
{
    char name[40];
    int rc = 0;

    if (parts_fd(parts, d->name) < 0)
        rc = d->kind == PART_EVENT ? make_event(parts, d->name) : make_memory(parts, d);
    crash_point("broker.part.made");
    for (int i = 1; !rc && d->kind == PART_LANE && i < 3; i++) {
        snprintf(name, sizeof(name), "%s%s", d->name, suffix[i]);
        if (parts_fd(parts, name) < 0)
            rc = make_event(parts, name);
    }
    return rc;
}

int parts_make_guest(struct parts *parts)
{
    int rc = 0;

    for (size_t i = 0; !rc && i < sizeof(guest_defs) / sizeof(guest_defs[0]); i++)
        rc = make_one(parts, &guest_defs[i]);
    return rc;
}

int parts_make_service(struct parts *parts)
{
    int rc = 0;

    for (size_t i = 0; !rc && i < sizeof(service_defs) / sizeof(service_defs[0]); i++)
        rc = make_one(parts, &service_defs[i]);
    return rc;
}

struct wire_list {
    const struct parts *parts;
    const char **names;
    int *fds;
    uint32_t *copies;
    int count;
};

/* kept: the name among the parts, which is also the name on the wire except for nodes. */
static int put(struct wire_list *l, const char *kept, const char *wire, bool read_only)
{
    int fd = parts_fd(l->parts, kept);

    if (fd >= 0 && read_only)
        fd = region_reopen_readonly(fd);
    if (fd < 0)
        return fd;
    if (read_only)
        *l->copies |= 1u << l->count;
    l->names[l->count] = wire;
    l->fds[l->count++] = fd;
    return 0;
}

/* The part's own name, with a suffix: it lives as long as the parts. */
static const char *name_of(const struct parts *parts, const char *name, const char *tail)
{
    size_t length = strlen(name);

    for (unsigned i = 0; i < parts->count; i++)
        if (!strncmp(parts->item[i].name, name, length) &&
            !strcmp(parts->item[i].name + length, tail))
            return parts->item[i].name;
    return name;
}

static int put_grant(struct wire_list *l, const struct grant *g, enum role role)
{
    char kept[40];
    int rc = 0;

    if (!strcmp(g->name, WIRE_DEV)) {
        snprintf(kept, sizeof(kept), "%s.dev", role_names[role]);
        return put(l, kept, WIRE_DEV, false);
    }
    for (int i = 0; !rc && i < (g->kind == GRANT_LANE ? 3 : 1); i++) {
        const char *name = name_of(l->parts, g->name, suffix[i]);

        rc = put(l, name, name, g->kind == GRANT_READ);
    }
    return rc;
}

int parts_for(const struct parts *parts, enum role role, bool guest, const char **names, int *fds,
              uint32_t *copies)
{
    const struct grant *g = guest ? guest_grants[role] : own_grants[role];
    struct wire_list l = {.parts = parts, .names = names, .fds = fds, .copies = copies};
    int rc = 0;

    *copies = 0;
    for (; !rc && g->kind != GRANT_END; g++)
        rc = put_grant(&l, g, role);
    for (int i = 0; rc && i < l.count; i++)
        if (*copies & (1u << i))
            close(fds[i]);
    return rc ? rc : l.count;
}
