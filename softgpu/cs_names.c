/* SPDX-License-Identifier: MIT */
/*
 * cs_names.c: see cs_names.h. Decoding wants an engine to decode for: these are engines that never
 * run.
 */
#include "softgpu/cs_names.h"

#include <stdlib.h>

#include "softgpu/cs.h"
#include "softgpu/engine_kind.h"
#include "softgpu/engine_priv.h"

enum { GEN7, GEN8, GENS };

struct cs_names {
    struct engines engines[GENS];
};

static void prepare(struct engines *es, const struct engine_kind *kind, unsigned addr_dwords)
{
    es->kind = kind;
    es->count = ENGINE_COUNT;
    es->blt_addr_dwords = addr_dwords;
    for (unsigned i = 0; i < ENGINE_COUNT; i++) {
        es->engine[i].owner = es;
        es->engine[i].id = i;
    }
}

struct cs_names *cs_names_new(void)
{
    struct cs_names *n = calloc(1, sizeof(*n));

    if (!n)
        return NULL;
    prepare(&n->engines[GEN7], &engine_gen7, 1);
    prepare(&n->engines[GEN8], &engine_gen8, 2);
    return n;
}

struct cs_names *cs_names_free(struct cs_names *n)
{
    free(n);
    return NULL;
}

/* What both generations have is called the same. */
const char *cs_name(const struct cs_names *n, enum engine_id id, uint32_t header)
{
    for (int gen = GEN8; gen >= GEN7; gen--) {
        const struct cs_command *c = cs_command(&n->engines[gen].engine[id], header);

        if (c && c->engines & CS_ON(id))
            return c->name;
    }
    return NULL;
}
