/* SPDX-License-Identifier: MIT */
/*
 * judge.c: the ownership map is a sorted array of ranges, replaced whole at commit under a rwlock;
 * look-ups are a binary search under its read side. The map that is being built belongs to the
 * control thread until commit. Engine and display threads ask.
 */
#include "softgpu/judge.h"

#include "softgpu/engine.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define RECORDS  256
#define SUSPECTS 65536u /* a power of 2 */

struct range {
    uint64_t mfn, count;
    uint16_t domid;
};

struct map {
    struct range *range;
    size_t used, room;
};

/* Accesses alike: the first of them. count 0: a free slot. */
struct record {
    struct judge_access access;
    struct walk walk;
    uint16_t owner, ctx_domid;
    uint64_t count, first_ms, last_ms; /* CLOCK_REALTIME, as logs have it */
};

struct judge {
    pthread_rwlock_t lock; /* map */
    struct map map;
    atomic_bool ready;

    struct map building; /* control thread only, as the next two */
    struct map stub;     /* what is to be cut out of building's dom0 */
    bool open, stub_only;

    pthread_mutex_t record_lock;   /* all below */
    struct record record[RECORDS]; /* what stays; the first of them */
    size_t records;
    /* Frames that were dom0's or nobody's when they were touched, until a map says whose they
     * were: SUSPECTS slots, hashed by frame. */
    struct record *suspect;
    size_t suspects;
    uint64_t violations, forgiven;

    struct offences *offences; /* has a lock of its own */
};

struct judge *judge_new(void)
{
    struct judge *j = calloc(1, sizeof(*j));

    if (!j)
        return NULL;
    j->suspect = calloc(SUSPECTS, sizeof(*j->suspect));
    j->offences = offences_new();
    if (!j->suspect || !j->offences) {
        offences_free(j->offences);
        free(j->suspect);
        free(j);
        return NULL;
    }
    pthread_rwlock_init(&j->lock, NULL);
    pthread_mutex_init(&j->record_lock, NULL);
    return j;
}

struct judge *judge_free(struct judge *j)
{
    if (!j)
        return NULL;
    pthread_mutex_destroy(&j->record_lock);
    pthread_rwlock_destroy(&j->lock);
    offences_free(j->offences);
    free(j->suspect);
    free(j->map.range);
    free(j->building.range);
    free(j->stub.range);
    free(j);
    return NULL;
}

int judge_begin(struct judge *j)
{
    j->building.used = 0;
    j->open = true;
    j->stub_only = false;
    return 0;
}

static int append(struct map *m, uint64_t mfn, uint64_t count, uint16_t domid)
{
    if (m->used == m->room) {
        size_t room = m->room ? m->room * 2 : 1024;
        struct range *r = realloc(m->range, room * sizeof(*r));

        if (!r)
            return -ENOMEM;
        m->range = r;
        m->room = room;
    }
    m->range[m->used++] = (struct range){mfn, count, domid};
    return 0;
}

int judge_add(struct judge *j, uint64_t mfn, uint64_t count, uint16_t domid)
{
    if (!j->open || !count || mfn + count < mfn || (j->stub_only && domid != JUDGE_DOM_STUB))
        return -EINVAL;
    return append(j->stub_only ? &j->stub : &j->building, mfn, count, domid);
}

int judge_begin_stub(struct judge *j)
{
    int r = atomic_load(&j->ready) ? judge_begin(j) : -ENODATA;

    /* Only this thread changes the map. */
    for (size_t i = 0; i < j->map.used && !r; i++) {
        const struct range *m = &j->map.range[i];

        r = append(&j->building, m->mfn, m->count, m->domid == JUDGE_DOM_STUB ? 0 : m->domid);
    }
    j->stub.used = 0;
    j->stub_only = true;
    j->open = !r;
    return r;
}

static int by_mfn(const void *a, const void *b)
{
    const struct range *x = a, *y = b;

    return x->mfn < y->mfn ? -1 : x->mfn > y->mfn;
}

/* Neighbours of one owner become one range; -EEXIST when two ranges overlap. */
static int merge(struct map *m)
{
    size_t n = 0;

    for (size_t i = 0; i < m->used; i++) {
        struct range *last = n ? &m->range[n - 1] : NULL;
        const struct range *r = &m->range[i];

        if (last && r->mfn < last->mfn + last->count)
            return -EEXIST;
        if (last && last->domid == r->domid && last->mfn + last->count == r->mfn)
            last->count += r->count;
        else
            m->range[n++] = *r;
    }
    m->used = n;
    return 0;
}

bool judge_ready(struct judge *j)
{
    return atomic_load(&j->ready);
}

uint64_t judge_frames(struct judge *j, uint16_t domid)
{
    uint64_t n = 0;

    pthread_rwlock_rdlock(&j->lock);
    for (size_t i = 0; i < j->map.used; i++)
        n += j->map.range[i].domid == domid ? j->map.range[i].count : 0;
    pthread_rwlock_unlock(&j->lock);
    return n;
}

uint16_t judge_owner(struct judge *j, uint64_t mfn)
{
    uint16_t domid = JUDGE_DOM_NONE;
    size_t low = 0, high;

    pthread_rwlock_rdlock(&j->lock);
    high = j->map.used;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        const struct range *r = &j->map.range[mid];

        if (mfn < r->mfn) {
            high = mid;
        } else if (mfn - r->mfn >= r->count) {
            low = mid + 1;
        } else {
            domid = r->domid;
            break;
        }
    }
    pthread_rwlock_unlock(&j->lock);
    return domid;
}

/* dom0's or nobody's: what the stub's pages are in a snapshot that is older than they. */
static bool unowned(uint16_t owner)
{
    return owner == 0 || owner == JUDGE_DOM_NONE;
}

static uint64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* Under record_lock, as the next four. NULL: three quarters are in use and the frame has none. */
static struct record *suspect(struct judge *j, uint64_t mfn)
{
    size_t at = (mfn * 0x9e3779b97f4a7c15ull) >> 48 & (SUSPECTS - 1);

    while (j->suspect[at].count && j->suspect[at].access.mfn != mfn)
        at = (at + 1) & (SUSPECTS - 1);
    if (j->suspect[at].count)
        return &j->suspect[at];
    if (j->suspects >= SUSPECTS / 4 * 3)
        return NULL;
    j->suspects++;
    return &j->suspect[at];
}

/* Where what stays is kept; NULL when that is full. */
static struct record *place(struct judge *j)
{
    return j->records < RECORDS ? &j->record[j->records++] : NULL;
}

/* With a new map in force: its pages of the stub are nobody's violation, all others stay. */
static void forgive(struct judge *j)
{
    for (size_t i = 0; i < SUSPECTS && j->suspects; i++) {
        const struct record *s = &j->suspect[i];
        struct record *r;

        if (!s->count)
            continue;
        j->suspects--;
        if (judge_owner(j, s->access.mfn) == JUDGE_DOM_STUB) {
            j->violations -= s->count;
            j->forgiven += s->count;
        } else if ((r = place(j))) {
            *r = *s;
        }
    }
    memset(j->suspect, 0, SUSPECTS * sizeof(*j->suspect));
}

static void record(struct judge *j, const struct judge_access *a, uint16_t owner, uint16_t ctx)
{
    struct record *r = NULL;
    uint64_t ms = now_ms();

    pthread_mutex_lock(&j->record_lock);
    j->violations++;
    if (unowned(owner) && !a->injected)
        r = suspect(j, a->mfn);
    if (!r)
        r = place(j);
    if (r && !r->count) {
        *r = (struct record){.access = *a, .owner = owner, .ctx_domid = ctx, .first_ms = ms};
        if (a->explain)
            a->explain(a->opaque, a, &r->walk);
    }
    if (r) {
        r->count++;
        r->last_ms = ms;
    }
    pthread_mutex_unlock(&j->record_lock);
}

/* One range of building without what is the stub's, from stub[*at] on. */
static int cut(struct judge *j, struct range r, size_t *at, struct map *out)
{
    uint64_t end = r.mfn + r.count;
    int ret = 0;

    while (!ret && *at < j->stub.used && j->stub.range[*at].mfn < end) {
        const struct range *s = &j->stub.range[*at];
        uint64_t after = s->mfn + s->count;

        if (after > r.mfn && r.domid)
            return -EEXIST;
        if (s->mfn > r.mfn)
            ret = append(out, r.mfn, s->mfn - r.mfn, r.domid);
        r.mfn = after > r.mfn ? after : r.mfn;
        if (after > end)
            break; /* the next range has some of it, too */
        (*at)++;
    }
    return ret || r.mfn >= end ? ret : append(out, r.mfn, end - r.mfn, r.domid);
}

/* The stub's pages stand in building's place. */
static int cut_all(struct judge *j)
{
    struct map out = {0}, old = j->building;
    size_t at = 0;
    int r = 0;

    qsort(j->stub.range, j->stub.used, sizeof(struct range), by_mfn);
    for (size_t i = 0; i < old.used && !r; i++)
        r = cut(j, old.range[i], &at, &out);
    for (size_t i = 0; i < j->stub.used && !r; i++)
        r = append(&out, j->stub.range[i].mfn, j->stub.range[i].count, JUDGE_DOM_STUB);
    free(r ? out.range : old.range);
    if (!r)
        j->building = out;
    return r;
}

int judge_commit(struct judge *j)
{
    struct map old;
    int r;

    if (!j->open)
        return -EINVAL;
    j->open = false;
    if (!j->building.used)
        return -ENODATA;
    qsort(j->building.range, j->building.used, sizeof(struct range), by_mfn);
    r = j->stub_only ? cut_all(j) : 0;
    if (r)
        return r;
    qsort(j->building.range, j->building.used, sizeof(struct range), by_mfn);
    r = merge(&j->building);
    if (r)
        return r;
    pthread_rwlock_wrlock(&j->lock);
    old = j->map;
    j->map = j->building;
    atomic_store(&j->ready, true);
    pthread_rwlock_unlock(&j->lock);
    pthread_mutex_lock(&j->record_lock);
    forgive(j);
    pthread_mutex_unlock(&j->record_lock);
    j->building = old;
    return 0;
}

void judge_learn(struct judge *j, uint64_t mfn, uint16_t *ctx_domid)
{
    uint16_t owner;

    if (*ctx_domid != JUDGE_DOM_NONE || !judge_ready(j))
        return;
    owner = judge_owner(j, mfn);
    if (owner != JUDGE_DOM_STUB && !unowned(owner))
        *ctx_domid = owner;
}

/* May an access of this context, as far as it is known, go to a frame of this owner? Learns. */
static bool allowed(const struct judge_access *a, uint16_t owner, uint16_t *ctx_domid)
{
    if (a->injected)
        return owner == *ctx_domid && !unowned(owner);
    if (owner == JUDGE_DOM_STUB)
        return true;
    if (a->space == JUDGE_TABLE || unowned(owner))
        return false;
    if (*ctx_domid == JUDGE_DOM_NONE) {
        if (!a->status_page)
            *ctx_domid = owner;
        return true;
    }
    return *ctx_domid == owner;
}

bool judge_check(struct judge *j, const struct judge_access *a, uint16_t *ctx_domid)
{
    uint16_t owner;

    if (!atomic_load_explicit(&j->ready, memory_order_acquire))
        return false;
    owner = judge_owner(j, a->mfn);
    if (allowed(a, owner, ctx_domid))
        return false;
    record(j, a, owner, *ctx_domid);
    return true;
}

uint64_t judge_violations(struct judge *j)
{
    uint64_t n;

    pthread_mutex_lock(&j->record_lock);
    n = j->violations;
    pthread_mutex_unlock(&j->record_lock);
    return n;
}

uint64_t judge_forgiven(struct judge *j)
{
    uint64_t n;

    pthread_mutex_lock(&j->record_lock);
    n = j->forgiven;
    pthread_mutex_unlock(&j->record_lock);
    return n;
}

struct offences *judge_offences(struct judge *j)
{
    return j->offences;
}

/* The second video engine came when the number behind the fourth was taken. */
static unsigned engine_number(unsigned engine)
{
    return engine == ENGINE_COUNT ? 4 : engine == ENGINE_VCS2 ? 5 : engine;
}

static const char *kind(const struct judge_access *a)
{
    if (a->space == JUDGE_TABLE)
        return "foreign-table";
    return a->status_page ? "foreign-status-page" : "foreign-frame";
}

static void dump(const struct record *r, FILE *out)
{
    static const char *const space_name[] = {"ggtt", "ppgtt", "table"};
    const struct judge_access *a = &r->access;

    fprintf(out,
            "{\"kind\":\"%s\",\"engine\":%u,\"lrca\":%" PRIu32 ",\"root\":%" PRIu64
            ",\"space\":\"%s\",\"gpu_addr\":%" PRIu64 ",\"cmd_addr\":%" PRIu64 ",\"mfn\":%" PRIu64
            ",\"write\":%s,\"owner\":%u,\"context_domain\":%u,\"injected\":%s,\"count\":%" PRIu64
            ",\"first_ms\":%" PRIu64 ",\"last_ms\":%" PRIu64 ",\"walk\":",
            kind(a), engine_number(a->engine), a->lrca, a->root, space_name[a->space], a->gpu_addr,
            a->cmd_addr, a->mfn, a->write ? "true" : "false", r->owner, r->ctx_domid,
            a->injected ? "true" : "false", r->count, r->first_ms, r->last_ms);
    walk_dump(&r->walk, out);
    fputc('}', out);
}

void judge_dump(struct judge *j, FILE *out)
{
    size_t n = 0;

    pthread_mutex_lock(&j->record_lock);
    fputc('[', out);
    for (size_t i = 0; i < RECORDS + SUSPECTS && n < RECORDS; i++) {
        const struct record *r = i < RECORDS ? &j->record[i] : &j->suspect[i - RECORDS];

        if (!r->count)
            continue;
        fputs(n++ ? "," : "", out);
        dump(r, out);
    }
    fputc(']', out);
    pthread_mutex_unlock(&j->record_lock);
}
