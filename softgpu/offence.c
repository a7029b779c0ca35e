/* SPDX-License-Identifier: MIT */
/*
 * offence.c: counters and records of offences under one mutex. Transport and engine threads
 * report, the control thread reads.
 */
#include "softgpu/offence.h"

#include "softgpu/engine.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>

#define KEPT 32 /* of each kind, so that a flood of one hides none of another */

static const char *const kind_name[OFFENCE_KINDS] = {
    [OFFENCE_STALE_TLB] = "stale-tlb",
    [OFFENCE_GGTT_NOT_FLUSHED] = "ggtt-not-flushed",
    [OFFENCE_ELSP_ASLEEP] = "elsp-asleep",
    [OFFENCE_ELSP_SAME_CONTEXT] = "elsp-same-context",
    [OFFENCE_SUBMIT_IN_RESET] = "submit-in-reset",
    [OFFENCE_RESET_NOT_READY] = "reset-not-ready",
    [OFFENCE_BAD_FENCE] = "bad-fence",
    [OFFENCE_NOT_INITIALISED] = "not-initialised",
};

struct offences {
    pthread_mutex_t lock;
    uint64_t count[OFFENCE_KINDS];
    struct offence kept[OFFENCE_KINDS][KEPT];
};

struct offences *offences_new(void)
{
    struct offences *o = calloc(1, sizeof(*o));

    if (o)
        pthread_mutex_init(&o->lock, NULL);
    return o;
}

struct offences *offences_free(struct offences *o)
{
    if (o)
        pthread_mutex_destroy(&o->lock);
    free(o);
    return NULL;
}

void offences_report(struct offences *o, const struct offence *off)
{
    pthread_mutex_lock(&o->lock);
    if (o->count[off->kind] < KEPT)
        o->kept[off->kind][o->count[off->kind]] = *off;
    o->count[off->kind]++;
    pthread_mutex_unlock(&o->lock);
}

uint64_t offences_count(struct offences *o, enum offence_kind kind)
{
    uint64_t n;

    pthread_mutex_lock(&o->lock);
    n = o->count[kind];
    pthread_mutex_unlock(&o->lock);
    return n;
}

void offences_dump_counts(struct offences *o, FILE *out)
{
    pthread_mutex_lock(&o->lock);
    for (unsigned k = 0; k < OFFENCE_KINDS; k++)
        fprintf(out, "%c\"%s\":%" PRIu64, k ? ',' : '{', kind_name[k], o->count[k]);
    pthread_mutex_unlock(&o->lock);
    fputc('}', out);
}

void walk_dump(const struct walk *w, FILE *out)
{
    fputc('[', out);
    for (unsigned i = 0; i < w->count; i++)
        fprintf(out, "%s{\"table\":%" PRIu64 ",\"index\":%" PRIu32 ",\"entry\":%" PRIu64 "}",
                i ? "," : "", w->step[i].table, w->step[i].index, w->step[i].entry);
    fputc(']', out);
}

static void dump_one(const struct offence *f, FILE *out)
{
    static const char *const engine_name[ENGINE_COUNT + 1] = {"rcs",  "bcs",  "vcs",
                                                              "vecs", "vcs2", "none"};

    fprintf(out,
            "{\"kind\":\"%s\",\"engine\":\"%s\",\"lrca\":%" PRIu32 ",\"cmd_addr\":%" PRIu64
            ",\"gpu_addr\":%" PRIu64 ",\"space\":\"%s\",\"mfn\":%" PRIu64 ",\"value\":%" PRIu64
            ",\"detail\":\"%s\",\"walk\":",
            kind_name[f->kind], engine_name[f->engine], f->lrca, f->cmd_addr, f->gpu_addr,
            f->ppgtt ? "ppgtt" : "ggtt", f->mfn, f->value, f->detail ? f->detail : "");
    walk_dump(&f->walk, out);
    fputc('}', out);
}

void offences_dump(struct offences *o, FILE *out)
{
    bool first = true;

    pthread_mutex_lock(&o->lock);
    fputc('[', out);
    for (unsigned k = 0; k < OFFENCE_KINDS; k++) {
        for (uint64_t i = 0; i < o->count[k] && i < KEPT; i++) {
            fputs(first ? "" : ",", out);
            dump_one(&o->kept[k][i], out);
            first = false;
        }
    }
    fputc(']', out);
    pthread_mutex_unlock(&o->lock);
}
