/* SPDX-License-Identifier: MIT */
/*
 * types.c: the vGPU types by name, what an attach request makes of them, and how many more of each
 * there is room for. Pure.
 */
#include "gen/edid.h"
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
static_assert(TYPES == VGPU_TYPES, "as many as are described");

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

static int monitor(const char *wanted, struct guest_state *s, char *why, size_t size)
{
    uint32_t width, height, refresh;
    char clean[32];

    if (!*wanted)
        return 0;
    if (edid_parse_mode(wanted, &width, &height, &refresh)) {
        log_clean(clean, sizeof(clean), wanted);
        snprintf(why, size,
                 "monitor=%s is no mode of a monitor; write WxH or WxH@HZ, as 1280x800@60: W a "
                 "multiple of 8, 24 to 120 Hz",
                 clean);
        return EINVAL;
    }
    s->width = (uint16_t)width;
    s->height = (uint16_t)height;
    s->refresh = refresh;
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
    if (!err)
        err = monitor(request->monitor, s, why, size);
    if (err)
        return err;
    snprintf(s->type, sizeof(s->type), "%s", types[i].name);
    s->low_size = or_else(request->low_mb, types[i].low_mb) * MIB;
    s->high_size = or_else(request->high_mb, types[i].high_mb) * MIB;
    s->fences = or_else(request->fences, types[i].fences);
    s->weight = or_else(request->weight, WEIGHT);
    return 0;
}

/* A guest has its share in one piece; how many equal ones can be cut from these. */
static uint64_t cut(const uint64_t *pieces, size_t n, uint64_t size)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += pieces[i] / size;
    return sum;
}

static uint64_t cut_fences(const uint32_t *pieces, size_t n, uint32_t size)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += pieces[i] / size;
    return sum;
}

static uint32_t fit(unsigned n, const Vgt__Gpu *gpu)
{
    uint64_t most = cut(gpu->low_pieces, gpu->n_low_pieces, types[n].low_mb * MIB);
    uint64_t high = cut(gpu->high_pieces, gpu->n_high_pieces, types[n].high_mb * MIB);
    uint64_t fences = cut_fences(gpu->fence_pieces, gpu->n_fence_pieces, types[n].fences);

    most = high < most ? high : most;
    most = fences < most ? fences : most;
    return most < BROKER_MAX_GUESTS ? (uint32_t)most : BROKER_MAX_GUESTS;
}

bool vgpu_describe(unsigned n, const Vgt__Gpu *gpu, Vgt__VgpuType *out)
{
    if (n >= TYPES)
        return false;
    vgt__vgpu_type__init(out);
    out->name = (char *)types[n].name;
    out->low_mb = types[n].low_mb;
    out->high_mb = types[n].high_mb;
    out->fences = types[n].fences;
    out->weight = WEIGHT;
    out->usual = !strcmp(types[n].name, DEFAULT);
    out->fit = gpu ? fit(n, gpu) : 0;
    return true;
}

bool vgpu_monitor(const struct guest_state *s, Vgt__Monitor *out)
{
    struct edid_timing t;

    if (s->edid_size < EDID_SIZE || edid_preferred(s->edid, &t))
        return false;
    vgt__monitor__init(out);
    out->width = t.hactive;
    out->height = t.vactive;
    out->refresh = edid_refresh(&t);
    return true;
}
