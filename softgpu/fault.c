/* SPDX-License-Identifier: MIT */
/*
 * fault.c: names of faults and counters of what is armed and has fired, under one mutex; a word of
 * bits says without it that nothing of a kind is armed. The control thread arms, the transport and
 * engine threads ask.
 */
#include "softgpu/fault.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_MAX  64
#define COUNT_MAX 1000000000ull

static const struct {
    const char *name;
    bool no_engine;
} kinds[FAULT_KINDS] = {
    [FAULT_MISSING_ACK] = {"missing-ack", false},
    [FAULT_MISSING_ACK_FORCEWAKE] = {"missing-ack-forcewake", true},
    [FAULT_MISSING_ACK_GDRST] = {"missing-ack-gdrst", false},
    [FAULT_MISSING_ACK_MODE] = {"missing-ack-mode", false},
    [FAULT_MISSING_ACK_READY] = {"missing-ack-ready", false},
    [FAULT_LOST_INTERRUPT] = {"lost-interrupt", false},
    [FAULT_DOUBLED_INTERRUPT] = {"doubled-interrupt", false},
    [FAULT_STUCK_ENGINE] = {"stuck-engine", false},
    [FAULT_LATE_RESET] = {"late-reset", false},
    [FAULT_CORRUPT_PTE] = {"corrupt-pte", false},
};

static const char *const engines[FAULT_ANY + 1] = {
    [ENGINE_RCS] = "rcs",   [ENGINE_BCS] = "bcs",   [ENGINE_VCS] = "vcs",
    [ENGINE_VECS] = "vecs", [ENGINE_VCS2] = "vcs2", [FAULT_ANY] = "any",
};

struct faults {
    atomic_uint active; /* bit per kind: something is armed */
    pthread_mutex_t lock;
    uint64_t armed[FAULT_KINDS][FAULT_ANY + 1];
    uint64_t fired[FAULT_KINDS];
};

struct faults *faults_new(void)
{
    struct faults *f = calloc(1, sizeof(*f));

    if (f)
        pthread_mutex_init(&f->lock, NULL);
    return f;
}

struct faults *faults_free(struct faults *f)
{
    if (f)
        pthread_mutex_destroy(&f->lock);
    free(f);
    return NULL;
}

bool fault_fits(const struct fault_spec *s, unsigned engines)
{
    return s->engine == FAULT_ANY || s->engine < engines;
}

static int parse_count(const char *text, uint64_t *out)
{
    char *end;

    *out = FAULT_FOREVER;
    if (!strcmp(text, "forever"))
        return 0;
    errno = 0;
    *out = strtoull(text, &end, 10);
    return *text < '0' || *text > '9' || *end || errno || !*out || *out > COUNT_MAX ? -ERANGE : 0;
}

int fault_parse(const char *name, const char *engine, const char *count, struct fault_spec *out)
{
    *out = (struct fault_spec){.kind = FAULT_MISSING_ACK, .engine = FAULT_ANY, .count = 1};
    while (out->kind < FAULT_KINDS && strcmp(kinds[out->kind].name, name))
        out->kind++;
    if (out->kind == FAULT_KINDS)
        return -ENOENT;
    if (engine) {
        for (out->engine = 0; out->engine <= FAULT_ANY; out->engine++) {
            if (!strcmp(engines[out->engine], engine))
                break;
        }
        if (out->engine > FAULT_ANY || (kinds[out->kind].no_engine && out->engine != FAULT_ANY))
            return -ENODEV;
    }
    return count ? parse_count(count, &out->count) : 0;
}

int fault_parse_text(const char *text, struct fault_spec *out)
{
    char copy[TEXT_MAX], *engine, *count = NULL;

    if (strlen(text) >= sizeof(copy))
        return -ENOENT;
    strcpy(copy, text);
    engine = strchr(copy, ':');
    if (engine) {
        *engine++ = 0;
        count = strchr(engine, ':');
    }
    if (count)
        *count++ = 0;
    return fault_parse(copy, engine, count, out);
}

void fault_explain(int error, FILE *out)
{
    if (error == -ENODEV) {
        fputs("no such engine for this fault; the engines are rcs, bcs, vcs, vecs and any, vcs2 on "
              "chips that have it, and missing-ack-forcewake belongs to none",
              out);
        return;
    }
    if (error == -ERANGE) {
        fprintf(out, "the count is 1 to %llu, or forever", COUNT_MAX);
        return;
    }
    fputs("no such fault; there are", out);
    for (unsigned k = 0; k < FAULT_KINDS; k++)
        fprintf(out, "%s %s", k ? "," : "", kinds[k].name);
}

void faults_arm(struct faults *f, const struct fault_spec *s)
{
    uint64_t *armed = &f->armed[s->kind][s->engine];

    pthread_mutex_lock(&f->lock);
    *armed = s->count > FAULT_FOREVER - *armed ? FAULT_FOREVER : *armed + s->count;
    atomic_fetch_or(&f->active, 1u << s->kind);
    pthread_mutex_unlock(&f->lock);
}

void faults_clear(struct faults *f)
{
    pthread_mutex_lock(&f->lock);
    memset(f->armed, 0, sizeof(f->armed));
    atomic_store(&f->active, 0);
    pthread_mutex_unlock(&f->lock);
}

/* Under the lock. */
static bool take(struct faults *f, enum fault_kind kind, unsigned engine)
{
    uint64_t *armed = &f->armed[kind][engine];

    if (!*armed)
        return false;
    if (*armed != FAULT_FOREVER)
        --*armed;
    f->fired[kind]++;
    return true;
}

bool faults_fire(struct faults *f, enum fault_kind kind, unsigned engine)
{
    bool fires;

    if (!f || !(atomic_load_explicit(&f->active, memory_order_relaxed) & 1u << kind))
        return false;
    pthread_mutex_lock(&f->lock);
    fires = take(f, kind, engine) || take(f, kind, FAULT_ANY);
    pthread_mutex_unlock(&f->lock);
    return fires;
}

bool faults_fire_ack(struct faults *f, enum fault_kind kind, unsigned engine)
{
    return faults_fire(f, kind, engine) || faults_fire(f, FAULT_MISSING_ACK, engine);
}

uint64_t faults_fired(struct faults *f, enum fault_kind kind)
{
    uint64_t n;

    pthread_mutex_lock(&f->lock);
    n = f->fired[kind];
    pthread_mutex_unlock(&f->lock);
    return n;
}

static void dump_armed(const uint64_t armed[FAULT_ANY + 1], FILE *out)
{
    bool first = true;

    for (unsigned e = 0; e <= FAULT_ANY; e++) {
        if (!armed[e])
            continue;
        fprintf(out, "%s\"%s\":", first ? "" : ",", engines[e]);
        if (armed[e] == FAULT_FOREVER)
            fputs("-1", out);
        else
            fprintf(out, "%" PRIu64, armed[e]);
        first = false;
    }
}

void faults_dump(struct faults *f, FILE *out)
{
    fputc('[', out);
    pthread_mutex_lock(&f->lock);
    for (unsigned k = 0; k < FAULT_KINDS; k++) {
        fprintf(out, "%s{\"name\":\"%s\",\"fired\":%" PRIu64 ",\"armed\":{", k ? "," : "",
                kinds[k].name, f->fired[k]);
        dump_armed(f->armed[k], out);
        fputs("}}", out);
    }
    pthread_mutex_unlock(&f->lock);
    fputc(']', out);
}
