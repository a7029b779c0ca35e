/* SPDX-License-Identifier: MIT */
/* gmem.c: see gmem.h. The service's loop only; one thread. */
#include "services/sched/gmem.h"

#include "gen/gen8_pte.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#define BUCKETS 256u

/* One mapped frame. */
struct frame {
    uint64_t gfn;
    uint8_t *map;
    LIST_ENTRY(frame) same; /* of its bucket */
    TAILQ_ENTRY(frame) age;
};

LIST_HEAD(bucket, frame);
TAILQ_HEAD(ages, frame);

struct gmem {
    struct gmem_config c;
    struct bucket bucket[BUCKETS];
    struct ages mapped; /* least recently used first */
    struct ages unused;
    uint64_t copied[2]; /* bytes read, written */
    struct frame frame[GMEM_CACHED];
};

int gmem_new(const struct gmem_config *config, struct gmem **out)
{
    struct gmem *m = calloc(1, sizeof(*m));

    if (!m)
        return -ENOMEM;
    m->c = *config;
    TAILQ_INIT(&m->mapped);
    TAILQ_INIT(&m->unused);
    for (unsigned i = 0; i < GMEM_CACHED; i++)
        TAILQ_INSERT_TAIL(&m->unused, &m->frame[i], age);
    *out = m;
    return 0;
}

void gmem_free(struct gmem *m)
{
    if (!m)
        return;
    gmem_flush(m);
    free(m);
}

static bool in_range(uint64_t gma, uint64_t len, uint64_t base, uint64_t size)
{
    return gma >= base && gma - base < size && len <= size - (gma - base);
}

bool gmem_inside(const struct gmem *m, uint64_t gma, uint64_t len)
{
    return len && (in_range(gma, len, m->c.low_base, m->c.low_size) ||
                   in_range(gma, len, m->c.high_base, m->c.high_size));
}

static struct bucket *bucket_of(struct gmem *m, uint64_t gfn)
{
    return &m->bucket[gfn % BUCKETS];
}

static void drop(struct gmem *m, struct frame *f)
{
    m->c.ops->unmap(m->c.vmm, f->map, 1);
    f->map = NULL;
    LIST_REMOVE(f, same);
    TAILQ_REMOVE(&m->mapped, f, age);
    TAILQ_INSERT_HEAD(&m->unused, f, age);
}

void gmem_flush(struct gmem *m)
{
    struct frame *f;

    while ((f = TAILQ_FIRST(&m->mapped)))
        drop(m, f);
}

static uint8_t *map_frame(struct gmem *m, uint64_t gfn)
{
    uint8_t *map = m->c.ops->map(m->c.vmm, &gfn, 1, true);
    struct frame *f;

    if (!map)
        return NULL;
    if (TAILQ_EMPTY(&m->unused))
        drop(m, TAILQ_FIRST(&m->mapped));
    f = TAILQ_FIRST(&m->unused);
    TAILQ_REMOVE(&m->unused, f, age);
    f->gfn = gfn;
    f->map = map;
    TAILQ_INSERT_TAIL(&m->mapped, f, age);
    LIST_INSERT_HEAD(bucket_of(m, gfn), f, same);
    return map;
}

/* The page at a guest's GGTT address, which lies in the partition; NULL: no memory. */
static uint8_t *page_at(struct gmem *m, uint64_t gma)
{
    struct gen8_entry e;
    struct frame *f;

    if (gma / GEN8_PAGE_SIZE >= VGGTT_ENTRIES)
        return NULL;
    e = gen8_ggtt_decode(__atomic_load_n(&m->c.vggtt->pte[gma / GEN8_PAGE_SIZE], __ATOMIC_RELAXED));
    if (!e.present || e.reserved)
        return NULL;
    LIST_FOREACH(f, bucket_of(m, e.addr / GEN8_PAGE_SIZE), same)
    {
        if (f->gfn != e.addr / GEN8_PAGE_SIZE)
            continue;
        TAILQ_REMOVE(&m->mapped, f, age);
        TAILQ_INSERT_TAIL(&m->mapped, f, age);
        return f->map;
    }
    return map_frame(m, e.addr / GEN8_PAGE_SIZE);
}

/* The guest may be writing: what arrives is a copy, torn at worst, and only the copy counts. */
static int transfer(struct gmem *m, uint64_t gma, uint8_t *buf, size_t len, bool write)
{
    if (!len)
        return 0;
    if (!gmem_inside(m, gma, len))
        return -EFAULT;
    while (len) {
        size_t in = gma % GEN8_PAGE_SIZE, n = GEN8_PAGE_SIZE - in;
        uint8_t *page = page_at(m, gma);

        if (!page)
            return -EFAULT;
        if (n > len)
            n = len;
        if (write)
            memcpy(page + in, buf, n);
        else
            memcpy(buf, page + in, n);
        m->copied[write] += n;
        gma += n;
        buf += n;
        len -= n;
    }
    return 0;
}

int gmem_read(struct gmem *m, uint64_t gma, void *buf, size_t len)
{
    return transfer(m, gma, buf, len, false);
}

int gmem_write(struct gmem *m, uint64_t gma, const void *buf, size_t len)
{
    return transfer(m, gma, (uint8_t *)buf, len, true);
}

uint64_t gmem_copied(const struct gmem *m, bool written)
{
    return m->copied[written];
}

int gmem_store32(struct gmem *m, uint64_t gma, uint32_t value)
{
    uint8_t *page = gmem_inside(m, gma, 4) ? page_at(m, gma) : NULL;

    assert(gma % 4 == 0);
    if (!page)
        return -EFAULT;
    __atomic_store_n((uint32_t *)(page + gma % GEN8_PAGE_SIZE), value, __ATOMIC_RELEASE);
    return 0;
}

int gmem_store64(struct gmem *m, uint64_t gma, uint64_t value)
{
    uint8_t *page = gmem_inside(m, gma, 8) ? page_at(m, gma) : NULL;

    assert(gma % 8 == 0);
    if (!page)
        return -EFAULT;
    __atomic_store_n((uint64_t *)(page + gma % GEN8_PAGE_SIZE), value, __ATOMIC_RELEASE);
    return 0;
}
