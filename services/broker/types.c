/* SPDX-License-Identifier: MIT */
/*
 * types.c: the vGPU types by name, and what an attach request makes of them. Pure.
 */
#include "services/broker/priv.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define MIB        (1ull << 20)
#define MAX_MB     4096u
#define MAX_FENCES 32u
#define WEIGHT     1u /* turns of vgt-sched are as much longer */
#define MAX_WEIGHT 100u
#define DEFAULT    "medium"

static const struct {
    const char *name;
    uint32_t low_mb, high_mb, fences;
} types[] = {
    {"small", 16, 48, 4},
    {"medium", 64, 384, 4},
    {"large", 128, 896, 8},
};
#define TYPES (sizeof(types) / sizeof(types[0]))

static uint32_t or_else(uint32_t wanted, uint32_t usual)
{
    return wanted ? wanted : usual;
}

static int bad(char *why, size_t size, const char *what, uint32_t value, uint32_t most)
{
    snprintf(why, size, "%s=%u is too much; at most %u", what, value, most);
    return EINVAL;
}

static int check(const Vgt__AttachRequest *r, char *why, size_t size)
{
    if (r->low_mb > MAX_MB)
        return bad(why, size, "low_mb", r->low_mb, MAX_MB);
    if (r->high_mb > MAX_MB)
        return bad(why, size, "high_mb", r->high_mb, MAX_MB);
    if (r->fences > MAX_FENCES)
        return bad(why, size, "fences", r->fences, MAX_FENCES);
    if (r->weight > MAX_WEIGHT)
        return bad(why, size, "weight", r->weight, MAX_WEIGHT);
    return 0;
}

int vgpu_type(const Vgt__AttachRequest *request, struct guest_state *s, char *why, size_t size)
{
    const char *name = *request->type ? request->type : DEFAULT;
    char clean[32];
    size_t i = 0;
    int err;

    while (i < TYPES && strcmp(types[i].name, name))
        i++;
    if (i == TYPES) {
        log_clean(clean, sizeof(clean), name);
        snprintf(why, size, "no vGPU type \"%s\"; the types are small, medium and large", clean);
        return EINVAL;
    }
    err = check(request, why, size);
    if (err)
        return err;
    snprintf(s->type, sizeof(s->type), "%s", types[i].name);
    s->low_size = or_else(request->low_mb, types[i].low_mb) * MIB;
    s->high_size = or_else(request->high_mb, types[i].high_mb) * MIB;
    s->fences = or_else(request->fences, types[i].fences);
    s->weight = or_else(request->weight, WEIGHT);
    return 0;
}
