/* SPDX-License-Identifier: MIT */
/*
 * region_convert.c: a region of an earlier layout becomes one of a later layout: see region.h. The
 * old region is only read and the new one is complete before anybody sees it, so a crash on the way
 * loses nothing. Called by the broker, which makes the regions; no threads.
 */
#include "lib/region.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct region_step *step_from(const struct region_steps *steps, uint32_t type,
                                           uint32_t from)
{
    for (unsigned i = 0; i < steps->count; i++)
        if (steps->step[i].type == type && steps->step[i].from == from)
            return &steps->step[i];
    return NULL;
}

/* Contents on their way; data is ours. */
struct contents {
    void *data;
    uint64_t size;
    uint32_t version;
};

static int advance(struct contents *c, const struct region_step *step)
{
    void *next = step->size && step->size <= REGION_MAX ? calloc(1, step->size) : NULL;
    int rc = next ? step->run(c->data, c->size, next, step->size) : -ENOMEM;

    if (rc) {
        free(next);
        return rc;
    }
    free(c->data);
    *c = (struct contents){next, step->size, c->version + 1};
    return 0;
}

static int take(int fd, uint32_t type, uint32_t version, struct contents *c)
{
    struct region old;
    int rc = region_map(fd, type, version, 0, false, &old);

    if (rc)
        return rc;
    *c = (struct contents){malloc(old.size), old.size, old.version};
    if (c->data)
        memcpy(c->data, old.data, old.size);
    region_unmap(&old);
    return c->data ? 0 : -ENOMEM;
}

static int put(const struct contents *c, const char *name, uint32_t type, int *made)
{
    struct region region;
    int rc = region_create(name, type, c->version, c->size, made);

    if (rc)
        return rc;
    rc = region_map(*made, type, c->version, c->size, true, &region);
    if (rc) {
        close(*made);
        return rc;
    }
    memcpy(region.data, c->data, c->size);
    region_unmap(&region);
    return 0;
}

int region_convert(int fd, const char *name, uint32_t type, uint32_t version,
                   const struct region_steps *steps, int *made)
{
    struct contents c = {0};
    int rc = take(fd, type, version, &c);

    while (!rc && c.version < version) {
        const struct region_step *step = step_from(steps, type, c.version);

        rc = step ? advance(&c, step) : -ENOENT;
    }
    if (!rc)
        rc = put(&c, name, type, made);
    free(c.data);
    return rc;
}
