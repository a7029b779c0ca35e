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

/* "NAME", and "NAME@2" after two conversions. */
static void kept_name(char name[40], const struct part *p)
{
    if (p->copy)
        snprintf(name, 40, "%s@%u", p->name, p->copy);
    else
        snprintf(name, 40, "%s", p->name);
}

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
    char name[40];

    for (unsigned i = first; b->config.keep && i < parts->count; i++) {
        kept_name(name, &parts->item[i]);
        push(b, prefix, name, parts->item[i].fd);
    }
}

void fdstore_drop(struct broker *b, const char *prefix, const struct parts *parts)
{
    char name[40];

    for (unsigned i = 0; b->config.keep && i < parts->count; i++) {
        kept_name(name, &parts->item[i]);
        sd_notifyf(0, "FDSTOREREMOVE=1\nFDNAME=%s%s", prefix, name);
    }
    crash_point("broker.remove.dropped");
}

/* The new copy is there before the old one goes: after a crash in between there are both. */
void fdstore_replace(struct broker *b, const char *prefix, const struct part *part)
{
    struct part old = *part;
    char name[40];

    if (!b->config.keep)
        return;
    kept_name(name, part);
    push(b, prefix, name, part->fd);
    old.copy--;
    kept_name(name, &old);
    sd_notifyf(0, "FDSTOREREMOVE=1\nFDNAME=%s%s", prefix, name);
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

/* What is wrong with the page of an earlier broker. Its guests are alive: it is not thrown away. */
static int refuse_state(struct broker *b, uint32_t version)
{
    static const char *const stop =
        "stop vgt.target and start it again, which ends the guests' vGPUs";

    if (!version)
        snprintf(b->refusal, sizeof(b->refusal), "the kept state is damaged: %s", stop);
    else
        snprintf(
            b->refusal, sizeof(b->refusal),
            "the kept state has layout %u, %s than %u, which this vgt-broker knows: install the "
            "vgt that made it and restart vgt-broker, or %s",
            version, version > STATE_VERSION ? "newer" : "older", STATE_VERSION, stop);
    log_write(b->log, LOG_ERR, "refused", "why=\"%s\"", b->refusal);
    sd_notifyf(0, "STATUS=refused: %s", b->refusal);
    return -EPROTONOSUPPORT;
}

/* Takes fd. */
static int take_state(struct broker *b, int fd)
{
    uint32_t head[2] = {0}; /* magic, version */
    struct stat st;
    int rc = fstat(fd, &st) ? -errno : 0;

    if (!rc && (pread(fd, head, sizeof(head), 0) != sizeof(head) || head[0] != STATE_MAGIC))
        rc = refuse_state(b, 0);
    else if (!rc && head[1] != STATE_VERSION)
        rc = refuse_state(b, head[1]);
    else if (!rc && st.st_size != (off_t)sizeof(*b->state))
        rc = refuse_state(b, 0);
    rc = rc ? rc : map_state(b, fd);
    if (rc)
        close(fd);
    return rc;
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
    if (b->config.keep && !*b->refusal)
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
        return rc;
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

static struct part *find_part(struct parts *parts, const char *name)
{
    for (unsigned i = 0; i < parts->count; i++)
        if (!strcmp(parts->item[i].name, name))
            return &parts->item[i];
    return NULL;
}

/* "NAME@2" in two. */
static unsigned split_copy(char name[40], const char *kept)
{
    unsigned copy = 0;
    char *at;

    snprintf(name, 40, "%s", kept);
    at = strrchr(name, '@');
    if (at && sscanf(at, "@%u", &copy) == 1)
        *at = 0;
    return copy;
}

/* True: taken. Of two conversions of one region the later counts. */
static bool place(struct parts *parts, const char *kept, int fd)
{
    char name[40];
    unsigned copy = split_copy(name, kept);
    struct part *p = find_part(parts, name);

    if (p && p->copy >= copy)
        return false;
    if (p)
        close(p->fd);
    else if (parts_add(parts, name, fd))
        return true; /* closed there */
    p = find_part(parts, name);
    p->fd = fd;
    p->copy = copy;
    return true;
}

static void restore_part(struct broker *b, struct broker_kept *k)
{
    const char *part = NULL;
    struct parts *parts = owner_of(b, k->name, &part);
    int fd = k->fd;

    k->fd = -1;
    if (parts && place(parts, part, fd))
        return;
    close(fd);
    /* Of a guest that is gone. A second copy keeps its name: it is the first one's, too. */
    if (!parts)
        sd_notifyf(0, "FDSTOREREMOVE=1\nFDNAME=%s", k->name);
}

int fdstore_refused(struct broker *b)
{
    return make_state(b);
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
