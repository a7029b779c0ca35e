/* SPDX-License-Identifier: MIT */
/*
 * audit_bench.c: what vgt-sched does with a guest's commands before an engine may run them: copy
 * them out of the guest's memory, note each where a successor finds it, audit it, put the copy
 * where the GPU reads it. On commands that stock i915 drivers submitted (tests/bench/data): pieces
 * of rings, and on Haswell whole batches, for there the driver runs its users' with privilege.
 * Beside it memcpy() of the same bytes from and to the same places. The guest's memory is larger
 * than a processor's second cache, as if another one had just written it.
 */
#include <stdlib.h>
#include <string.h>

#include "services/sched/context_audit.h"
#include "services/sched/ring_context.h"
#include "tests/bench/audit_data.h"
#include "tests/bench/bench.h"
#include "tests/unit/sched_ctx_rig.h"

#define PAGES       480u /* of the guest: its mappings are kept, as many as vgt-sched keeps */
#define WHERE       RIG_LOW
#define ARENA_PAGES 1024u
#define MAX_PIECES  65536u

/* A piece of the recording, in the guest's memory. */
struct place {
    const struct audit_piece *piece;
    uint32_t gma;
};

struct audit_bench {
    struct rig rig;
    struct quarantine quarantine;
    struct quarantine_table *table;
    struct context_set *set;
    struct sched_journal_context record;
    struct context_gen gen;
    struct place place[MAX_PIECES];
    uint32_t places, at; /* at: whose turn it is */
    uint8_t *out;        /* where ring pieces go */
    uint32_t *buffer;
    uint64_t changed; /* dwords by patches */
};

/* ---- patches: what is decided elsewhere is left as it is */

static context_patch take_words, take_batch, take_nothing;

static int take_words(struct context_job *j, const struct audit_patch *p)
{
    return context_job_plain(j, p);
}

static int take_batch(struct context_job *j, const struct audit_patch *p)
{
    j->dw[p->at + 1] = (uint32_t)p->addr;
    return 0;
}

static int take_nothing(struct context_job *j, const struct audit_patch *p)
{
    (void)j;
    (void)p;
    return 0;
}

static void make_gen(struct audit_bench *a, const struct context_gen *from)
{
    a->gen = *from;
    a->gen.patch[AUDIT_PATCH_WORDS] = take_words;
    a->gen.patch[AUDIT_PATCH_BLANK] = take_words;
    a->gen.patch[AUDIT_PATCH_TRAMPOLINE] = take_nothing;
    a->gen.patch[AUDIT_PATCH_BATCH] = take_batch;
    a->gen.patch[AUDIT_PATCH_PDP] = take_nothing;
    a->gen.patch[AUDIT_PATCH_CONTEXT] = take_nothing;
    a->gen.patch[AUDIT_PATCH_SEMAPHORE] = take_words;
}

/* ---- set-up */

/* The recorded driver had the whole GGTT. */
static void make_set(struct audit_bench *a, unsigned gen)
{
    struct rig *r = &a->rig;

    rig_setup(r, ARENA_PAGES, ARENA_PAGES);
    context_set_free(r->set);
    a->table = calloc(1, sizeof(*a->table));
    quarantine_attach(&a->quarantine, a->table);
    r->config.quarantine = &a->quarantine;
    r->config.low_base = 4096;
    r->config.low_size = (UINT64_C(1) << 32) - 4096;
    r->config.high_size = 0;
    bench_check(context_set_new(&r->config, &r->set) == 0);
    for (unsigned e = 0; e < GEN8_ENGINES; e++)
        context_set_hwsp(r->set, (enum gen8_engine)e, RIG_HWSP);
    a->set = r->set;
    make_gen(a, gen == 7 ? &context_gen7 : &context_gen8);
    a->set->gen = &a->gen;
    rig_map(r, WHERE, PAGES);
}

static void put(struct rig *r, uint32_t gma, const uint32_t *dw, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        *rig_at(r, gma + 4 * i) = dw[i];
}

/* The recording again and again until the memory is full: pieces one behind the other, batches at
 * the beginning of pages like a driver's. */
static void fill_guest(struct audit_bench *a, const struct audit_recording *rec, bool batches)
{
    uint32_t at = WHERE, end = WHERE + PAGES * 4096;

    for (uint32_t i = 0; a->places < MAX_PIECES; i++) {
        const struct audit_piece *p = &rec->piece[i % rec->pieces];
        uint32_t bytes = p->n * 4;

        if (batches)
            at = (at + 4095) & ~4095u;
        if (p->batch != batches)
            continue;
        if (bytes > end - at)
            break;
        put(&a->rig, at, p->dw, p->n);
        a->place[a->places++] = (struct place){p, at};
        at += (bytes + 63) & ~63u;
    }
    if (!a->places)
        bench_fail("audit: %s has no such pieces", rec->path);
    a->out = aligned_alloc(4096, PAGES * 4096);
    a->buffer = malloc(AUDIT_PIECE_MAX * 4);
    bench_check(a->out && a->buffer);
    memset(a->out, 0, PAGES * 4096);
}

static void tear_down(struct audit_bench *a)
{
    rig_teardown(&a->rig);
    free(a->table);
    free(a->out);
    free(a->buffer);
    free(a);
}

/* ---- the work: n bytes of pieces, at least */

typedef void one_piece(struct audit_bench *a, const struct place *p);

static double work(struct audit_bench *a, uint64_t n, one_piece *one)
{
    double begin = bench_cpu_ns();
    uint64_t bytes = 0;

    while (bytes < n) {
        const struct place *p = &a->place[a->at];

        a->at = (a->at + 1) % a->places;
        one(a, p);
        bytes += p->piece->n * 4;
    }
    return (bench_cpu_ns() - begin) * (double)n / (double)bytes;
}

static void audit_ring(struct audit_bench *a, const struct place *p)
{
    struct context c = {.set = a->set, .engine = p->piece->engine, .r = &a->record};

    if (gmem_read(a->set->mem, p->gma, a->buffer, p->piece->n * 4) ||
        context_audit(&c, AUDIT_RING, a->buffer, p->piece->n))
        bench_fail("audit: a ring's piece of %u dwords was refused", p->piece->n);
    memcpy(a->out + (p->gma - WHERE), a->buffer, p->piece->n * 4);
}

static void take_whole(struct audit_bench *a, const struct place *p, uint8_t *keep)
{
    struct context c = {.set = a->set, .engine = p->piece->engine, .r = &a->record};
    struct context_job j = {.c = &c, .where = AUDIT_RING};
    const struct audit_patch patch = {.addr = p->gma};
    uint32_t gma = 0;

    if (context_job_batch(&j, &patch, &gma) || !gma)
        bench_fail("audit: a batch of %u dwords was refused", p->piece->n);
    if (keep)
        memcpy(keep, arena_cpu(a->set->c.arena, gma), p->piece->n * 4);
    context_batches_drop(&c);
}

static void audit_batch(struct audit_bench *a, const struct place *p)
{
    take_whole(a, p, NULL);
}

static void copy_piece(struct audit_bench *a, const struct place *p)
{
    if (gmem_read(a->set->mem, p->gma, a->out + (p->gma - WHERE), p->piece->n * 4))
        bench_fail("audit: no memory at 0x%x", p->gma);
}

/* ---- are the copies right? */

static uint32_t differing(const struct audit_piece *p, const uint8_t *copy)
{
    uint32_t n = 0, dw;

    for (uint32_t i = 0; i < p->n; i++) {
        memcpy(&dw, copy + i * 4, 4);
        n += dw != p->dw[i];
    }
    return n;
}

/* A ring's copy differs from the guest's in what patches are for: the words of few commands. */
static void check_rings(struct audit_bench *a)
{
    uint64_t changed = 0;

    for (uint32_t i = 0; i < a->places; i++) {
        const struct place *p = &a->place[i];
        uint8_t *copy = a->out + (p->gma - WHERE);

        memset(copy, 0xee, p->piece->n * 4);
        audit_ring(a, p);
        changed += differing(p->piece, copy);
    }
    if (a->changed && a->changed != changed)
        bench_fail("audit: the same commands came out in another way");
    a->changed = changed;
}

static void check_batches(struct audit_bench *a)
{
    for (uint32_t i = 0; i < a->places; i++) {
        take_whole(a, &a->place[i], a->out);
        if (differing(a->place[i].piece, a->out))
            bench_fail("audit: a batch came out changed");
    }
}

static double run_rings(void *ctx, uint64_t n)
{
    double ns = work(ctx, n, audit_ring);

    check_rings(ctx);
    return ns;
}

static double run_batches(void *ctx, uint64_t n)
{
    double ns = work(ctx, n, audit_batch);

    check_batches(ctx);
    return ns;
}

static double run_memcpy(void *ctx, uint64_t n)
{
    struct audit_bench *a = ctx;
    double ns = work(a, n, copy_piece);

    for (uint32_t i = 0; i < a->places; i++) {
        const struct place *p = &a->place[i];

        copy_piece(a, p);
        if (differing(p->piece, a->out + (p->gma - WHERE)))
            bench_fail("audit: memcpy() does not copy");
    }
    return ns;
}

static void one_case(const struct bench *b, const char *name, const struct audit_recording *rec,
                     bool batches)
{
    struct audit_bench *a = calloc(1, sizeof(*a));
    const struct bench_case c = {
        .name = name, .piece = "byte", .bytes = 1, .n = 16u << 20, .max_ratio = 6, .max_ns = 1};
    const struct bench_way way[] = {{"vgt-sched", batches ? run_batches : run_rings, a},
                                    {"memcpy", run_memcpy, a}};

    bench_check(a);
    make_set(a, rec->gen);
    fill_guest(a, rec, batches);
    bench_case(b, &c, way, 2);
    tear_down(a);
}

int main(int argc, char **argv)
{
    struct audit_recording bdw, hsw;
    struct bench b;

    bench_init(&b, "audit", argc, argv);
    bench_pin(b.cpu[0]);
    audit_data_load(&bdw, "tests/bench/data/i915-bdw.txt", 8);
    audit_data_load(&hsw, "tests/bench/data/i915-hsw.txt", 7);
    one_case(&b, "Broadwell: rings", &bdw, false);
    one_case(&b, "Haswell: rings", &hsw, false);
    one_case(&b, "Haswell: whole batches", &hsw, true);
    audit_data_free(&bdw);
    audit_data_free(&hsw);
    return 0;
}
