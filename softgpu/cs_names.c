/* SPDX-License-Identifier: MIT */
/*
 * cs_names.c: see cs_names.h. Decoding wants an engine to decode for: these are engines that never
 * run.
 */
#include "softgpu/cs_names.h"

#include <stdlib.h>

#include "softgpu/cs.h"
#include "softgpu/engine_priv.h"

struct cs_names {
    struct engines engines;
};

struct cs_names *cs_names_new(void)
{
    struct cs_names *n = calloc(1, sizeof(*n));

    if (!n)
        return NULL;
    n->engines.blt_addr_dwords = 2;
    for (unsigned i = 0; i < ENGINE_COUNT; i++) {
        n->engines.engine[i].owner = &n->engines;
        n->engines.engine[i].id = i;
    }
    return n;
}

struct cs_names *cs_names_free(struct cs_names *n)
{
    free(n);
    return NULL;
}

const char *cs_name(const struct cs_names *n, enum engine_id id, uint32_t header)
{
    const struct cs_command *c = cs_command(&n->engines.engine[id], header);

    return c && c->engines & CS_ON(id) ? c->name : NULL;
}
