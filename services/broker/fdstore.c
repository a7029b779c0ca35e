/* SPDX-License-Identifier: MIT */
/*
 * fdstore.c: copies of every descriptor in the unit's fd store at systemd, so that neither a crash
 * of the broker nor of everything at once loses a guest's state; and the state page, a memory file
 * kept there too, which says what they belong to. Names: "state", "s.PART" of the broker,
 * "g.DOMID.PART" of a guest.
 */
#include "services/broker/priv.h"

#include "lib/crash.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#define STATE_NAME "state"

static void push(struct broker *b, const char *prefix, const char *name, int fd)
{
    char text[160];
    int rc;

    snprintf(text, sizeof(text), "FDSTORE=1\nFDNAME=%s%s\nFDPOLL=0", prefix, name);
    rc = sd_pid_notify_with_fds(0, 0, text, &fd, 1);
    crash_point("broker.part.stored");
    if (rc < 0)
        log_write(b->log, LOG_WARNING, "a descriptor is not kept", "name=%s%s error=%d", prefix,
                  name, rc);
}

void fdstore_put(struct broker *b, const char *prefix, const struct parts *parts, unsigned first)
{
    for (unsigned i = first; b->config.keep && i < parts->count; i++)
        push(b, prefix, parts->item[i].name, parts->item[i].fd);
}

void fdstore_drop(struct broker *b, const char *prefix, const struct parts *parts)
{
    for (unsigned i = 0; b->config.keep && i < parts->count; i++)
        sd_notifyf(0, "FDSTOREREMOVE=1\nFDNAME=%s%s", prefix, parts->item[i].name);
    crash_point("broker.remove.dropped");
}

static int map_state(struct broker *b, int fd)
{
    void *p = mmap(NULL, sizeof(*b->state), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

    if (p == MAP_FAILED)
        return -errno;
    b->state = p;
    b->state_fd = fd;
    return 0;
}

/* Takes fd. */
static int take_state(struct broker *b, int fd)
{
    struct stat st;
    int rc = fstat(fd, &st) ? -errno : 0;

    if (!rc && st.st_size != (off_t)sizeof(*b->state))
        rc = -EBADMSG;
    if (!rc)
        rc = map_state(b, fd);
    if (rc) {
        close(fd);
        return rc;
    }
    if (b->state->magic == STATE_MAGIC && b->state->version == STATE_VERSION)
        return 0;
    munmap(b->state, sizeof(*b->state));
    b->state = NULL;
    close(fd);
    b->state_fd = -1;
    return -EBADMSG;
}

static int make_state(struct broker *b)
{
    int fd = memfd_create("vgt-broker-state", MFD_CLOEXEC), rc;

    if (fd < 0)
        return -errno;
    rc = ftruncate(fd, sizeof(*b->state)) || fchmod(fd, 0600) ? -errno : map_state(b, fd);
    if (rc) {
        close(fd);
        return rc;
    }
    b->state->magic = STATE_MAGIC;
    b->state->version = STATE_VERSION;
    crash_point("broker.start.state-made");
    if (b->config.keep)
        push(b, "", STATE_NAME, fd);
    return 0;
}

static int open_state(struct broker *b)
{
    for (unsigned i = 0; i < b->config.kept_count; i++) {
        struct broker_kept *k = &b->config.kept[i];
        int rc;

        if (strcmp(k->name, STATE_NAME) || k->fd < 0)
            continue;
        rc = take_state(b, k->fd);
        k->fd = -1;
        if (!rc)
            return 0;
        log_write(b->log, LOG_ERR, "the kept state cannot be read; starting afresh", "error=%d",
                  rc);
        sd_notify(0, "FDSTOREREMOVE=1\nFDNAME=" STATE_NAME);
    }
    return make_state(b);
}

static int restore_guests(struct broker *b)
{
    for (unsigned i = 0; i < BROKER_MAX_GUESTS; i++) {
        struct guest_state *s = &b->state->guest[i];

        s->name[sizeof(s->name) - 1] = s->type[sizeof(s->type) - 1] = 0;
        if (s->edid_size > sizeof(s->edid))
            s->edid_size = 0;
        if (s->stage != GUEST_FREE && !guest_new(b, i))
            return -ENOMEM;
    }
    return 0;
}

/* Where a kept descriptor belongs and what it is called there; NULL: nowhere any more. */
static struct parts *owner_of(struct broker *b, const char *name, const char **part)
{
    unsigned domid = 0;
    struct guest *g;
    int length = 0;

    if (!strncmp(name, "s.", 2)) {
        *part = name + 2;
        return &b->parts;
    }
    if (sscanf(name, "g.%u.%n", &domid, &length) != 1 || !length)
        return NULL;
    *part = name + length;
    g = guest_find(b, domid);
    return g ? &g->parts : NULL;
}

static void restore_part(struct broker *b, struct broker_kept *k)
{
    const char *part = NULL;
    struct parts *parts = owner_of(b, k->name, &part);
    int fd = k->fd;

    k->fd = -1;
    if (parts && parts_fd(parts, part) < 0 && !parts_add(parts, part, fd))
        return;
    if (!parts || parts_fd(parts, part) >= 0)
        close(fd);
    /* Of a guest that is gone. A second copy keeps its name: it is the first one's, too. */
    if (!parts)
        sd_notifyf(0, "FDSTOREREMOVE=1\nFDNAME=%s", k->name);
}

int fdstore_restore(struct broker *b)
{
    int rc = open_state(b);

    crash_point("broker.start.state");
    if (!rc)
        rc = restore_guests(b);
    for (unsigned i = 0; !rc && i < b->config.kept_count; i++)
        if (b->config.kept[i].fd >= 0)
            restore_part(b, &b->config.kept[i]);
    return rc;
}
