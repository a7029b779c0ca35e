/* SPDX-License-Identifier: MIT */
/*
 * fds.c: see fds.h. What somebody else made is mapped only if it is of the very layout this build
 * knows; what is not is told in words.
 */
#include "services/wire/fds.h"

#include "lib/lane.h"
#include "lib/region.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int wire_fd(const struct wire_fds *fds, const char *name)
{
    for (unsigned i = 0; i < fds->count; i++)
        if (!strcmp(fds->item[i].name, name))
            return fds->item[i].fd;
    return -ENOENT;
}

void wire_fds_close(struct wire_fds *fds)
{
    for (unsigned i = 0; i < fds->count; i++)
        close(fds->item[i].fd);
    fds->count = 0;
}

/* ---- the sentence */

/* What there is, and what this build knows. */
struct thing {
    const char *kind, *name;
    uint32_t found, known; /* layouts; found 0: not to be read */
};

static void advise(const struct wire_note *n, const char *first, char *out, size_t size)
{
    if (n->domid)
        snprintf(out, size, "%srestart the guest", first);
    else
        snprintf(out, size, "%sstop vgt.target and start it again, which ends the guests' vGPUs",
                 first);
}

static void describe(struct wire_note *n, const struct thing *t)
{
    char advice[120];
    bool newer = t->found > t->known;

    if (n->error == -EPROTONOSUPPORT) {
        advise(n, "install the vgt that made it, or ", advice, sizeof(advice));
        snprintf(n->text, sizeof(n->text),
                 "%s %s has layout %u, %s than %u, which this %s knows: %s", t->kind, t->name,
                 t->found, newer ? "newer" : "older", t->known, n->who, advice);
    } else if (n->error == -EBADMSG || n->error == -EPERM) {
        advise(n, "", advice, sizeof(advice));
        snprintf(n->text, sizeof(n->text), "%s %s is damaged: %s", t->kind, t->name, advice);
    } else if (n->error == -ENOENT) {
        snprintf(n->text, sizeof(n->text),
                 "vgt-broker has no %s %s for this %s: install both from one version of vgt and "
                 "restart both",
                 t->kind, t->name, n->who);
    } else {
        snprintf(n->text, sizeof(n->text), "%s cannot map %s %s: %s", n->who, t->kind, t->name,
                 strerror(-n->error));
    }
}

static int noted(const struct wire_fds *fds, int rc, const struct thing *t)
{
    struct wire_note *n = fds->note;

    if (!rc || !n || *n->text)
        return rc;
    n->error = rc;
    describe(n, t);
    return rc;
}

bool wire_note_refusal(const struct wire_note *note)
{
    return *note->text && (note->error == -EPROTONOSUPPORT || note->error == -EBADMSG ||
                           note->error == -EPERM || note->error == -ENOENT);
}

void wire_note_drop(const struct wire_fds *fds)
{
    if (fds->note)
        fds->note->text[0] = 0;
}

void wire_versions(char text[WIRE_WHY], const char *one, uint32_t version, const char *other,
                   uint32_t others)
{
    snprintf(
        text, WIRE_WHY,
        "%s speaks version %u of the messages, %s version %u: install both from one version of "
        "vgt and restart both",
        one, version, other, others);
}

/* ---- mapping */

int wire_region(const struct wire_fds *fds, const char *name, uint32_t type, uint32_t version,
                uint64_t min_size, bool writable, struct region *region)
{
    struct thing thing = {.kind = "region", .name = name, .known = version};
    int fd = wire_fd(fds, name), rc;

    memset(region, 0, sizeof(*region));
    rc = fd < 0 ? fd : region_map(fd, type, version, 0, writable, region);
    thing.found = region->version;
    if (!rc && region->version != version)
        rc = -EPROTONOSUPPORT;
    else if (!rc && region->size < min_size)
        rc = -EBADMSG;
    if (rc && region->data)
        region_unmap(region);
    return noted(fds, rc, &thing);
}

/* The three descriptors of a lane. */
static int lane_fds(const struct wire_fds *fds, const char *lane, int out[3])
{
    static const char *const suffix[3] = {"", ".wake", ".room"};

    for (int i = 0; i < 3; i++) {
        char name[sizeof(fds->item[0].name)];

        snprintf(name, sizeof(name), "%s%s", lane, suffix[i]);
        out[i] = wire_fd(fds, name);
        if (out[i] < 0)
            return out[i];
    }
    return 0;
}

/* A lane has two versions: of its own words, and of the messages in it. */
static int lane_noted(const struct wire_fds *fds, const char *name, int rc,
                      const struct lane_config *found, uint32_t layout)
{
    struct thing thing = {.kind = "lane", .name = name, .found = found->layout, .known = layout};

    if (found->version != LANE_VERSION) {
        thing.kind = "the frame of lane";
        thing.found = found->version;
        thing.known = LANE_VERSION;
    }
    return noted(fds, rc, &thing);
}

int wire_producer(const struct wire_fds *fds, const char *lane, uint32_t layout, struct lane_tx *tx)
{
    int fd[3], rc = lane_fds(fds, lane, fd);

    tx->mem.config = (struct lane_config){.version = LANE_VERSION};
    rc = rc ? rc : lane_producer_attach(tx, fd[0], layout, fd[1], fd[2]);
    return lane_noted(fds, lane, rc, &tx->mem.config, layout);
}

int wire_consumer(const struct wire_fds *fds, const char *lane, uint32_t layout, struct lane_rx *rx)
{
    int fd[3], rc = lane_fds(fds, lane, fd);

    rx->mem.config = (struct lane_config){.version = LANE_VERSION};
    rc = rc ? rc : lane_consumer_attach(rx, fd[0], layout, fd[1], fd[2]);
    return lane_noted(fds, lane, rc, &rx->mem.config, layout);
}
