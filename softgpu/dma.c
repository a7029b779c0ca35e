/* SPDX-License-Identifier: MIT */
/*
 * dma.c: machine memory as the device sees it; the rules are in dma.h. Ranges stand in an array
 * sorted by address; a look-up is a binary search under the read side of the lock, a change takes
 * the write side. Called by the transport thread (add, remove) and by engine, display and control
 * threads (read, write).
 *
 * A client may cut a file short after it announced it. The page that is found missing and all
 * behind it are replaced by empty memory, so that the copy under way comes to its end, and the
 * range has memory only up to there from then on: a file loses its end, never its middle. The
 * handler that does this (torn.h) runs inside the copy, so its thread holds the read side, and the
 * array stands still; two threads may do it to one range at once.
 */
#include "softgpu/dma.h"

#include "softgpu/torn.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PROT_BIT_READ  1u
#define PROT_BIT_WRITE 2u
/* Half of the mappings that a Linux process may have unless told otherwise: the rest of the program
 * needs some too. */
#define MAX_RANGES 32768u

struct range {
    uint64_t iova;
    uint64_t size;
    uint64_t there; /* bytes that have memory still; moved by __atomic accesses */
    uint8_t *host;  /* start of the bytes, NULL when the range has no memory */
    void *map;      /* what mmap returned (page aligned) and its length */
    size_t map_len;
    unsigned prot;
};

struct dma {
    pthread_rwlock_t lock;
    struct range *ranges;
    size_t count;
    size_t room;
    uintptr_t page; /* bytes */
    atomic_ullong losses;
};

/* What the thread's access came upon: missing memory, and where it was the first to. */
struct loss {
    bool hit, first;
    uint64_t iova, size, from;
};

static _Thread_local struct loss loss;

/* Engines that wait for memory to change, and pipes, read without pause. With the C library's
 * default each of them goes before a client that maps memory, which then waits for tens of seconds;
 * and everybody who needs a register waits behind it. No reader asks for the lock twice. */
static int lock_init(pthread_rwlock_t *lock)
{
    pthread_rwlockattr_t attr;
    int ret = pthread_rwlockattr_init(&attr);

    if (ret)
        return ret;
    pthread_rwlockattr_setkind_np(&attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
    ret = pthread_rwlock_init(lock, &attr);
    pthread_rwlockattr_destroy(&attr);
    return ret;
}

struct dma *dma_new(void)
{
    struct dma *d = calloc(1, sizeof(*d));

    if (!d)
        return NULL;
    d->page = (uintptr_t)sysconf(_SC_PAGESIZE);
    if (torn_prepare() || lock_init(&d->lock)) {
        free(d);
        return NULL;
    }
    return d;
}

static void range_drop(struct range *r)
{
    if (r->map)
        munmap(r->map, r->map_len);
}

struct dma *dma_free(struct dma *d)
{
    if (!d)
        return NULL;
    dma_remove_all(d);
    pthread_rwlock_destroy(&d->lock);
    free(d->ranges);
    free(d);
    return NULL;
}

/* Index of the first range that ends above addr; d->count when there is none. */
static size_t first_above(const struct dma *d, uint64_t addr)
{
    size_t lo = 0;
    size_t hi = d->count;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;

        if (d->ranges[mid].iova + (d->ranges[mid].size - 1) < addr)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

static int protection(const struct range *r)
{
    return PROT_READ | (r->prot & PROT_BIT_WRITE ? PROT_WRITE : 0);
}

/* Maps the file behind a range. A file shorter than the range is refused. */
static int range_map(struct range *r, int fd, uint64_t offset)
{
    uint64_t slack = offset & (uint64_t)(sysconf(_SC_PAGESIZE) - 1);
    struct stat st;

    if (fstat(fd, &st))
        return -errno;
    if (offset > INT64_MAX || r->size > (uint64_t)INT64_MAX - offset ||
        offset + r->size > (uint64_t)st.st_size)
        return -EINVAL;
    r->map_len = (size_t)(r->size + slack);
    r->map = mmap(NULL, r->map_len, protection(r), MAP_SHARED, fd, (off_t)(offset - slack));
    if (r->map == MAP_FAILED) {
        r->map = NULL;
        return -errno;
    }
    r->host = (uint8_t *)r->map + slack;
    r->there = r->size;
    return 0;
}

static int insert(struct dma *d, const struct range *r)
{
    size_t at = first_above(d, r->iova);

    if (at < d->count && d->ranges[at].iova <= r->iova + (r->size - 1))
        return -EEXIST;
    if (d->count == MAX_RANGES)
        return -ENOSPC;
    if (d->count == d->room) {
        size_t room = d->room ? d->room * 2 : 16;
        struct range *grown = realloc(d->ranges, room * sizeof(*grown));

        if (!grown)
            return -ENOMEM;
        d->ranges = grown;
        d->room = room;
    }
    memmove(&d->ranges[at + 1], &d->ranges[at], (d->count - at) * sizeof(*r));
    d->ranges[at] = *r;
    d->count++;
    return 0;
}

int dma_add(struct dma *d, uint64_t iova, uint64_t size, int fd, uint64_t offset, unsigned prot)
{
    struct range r = {.iova = iova, .size = size, .prot = prot};
    int ret = 0;

    if (!size || iova + (size - 1) < iova)
        ret = -EINVAL;
    else if (fd >= 0)
        ret = range_map(&r, fd, offset);
    if (fd >= 0)
        close(fd); /* the mapping keeps the file */
    if (ret)
        return ret;
    pthread_rwlock_wrlock(&d->lock);
    ret = insert(d, &r);
    pthread_rwlock_unlock(&d->lock);
    if (ret)
        range_drop(&r);
    return ret;
}

int dma_remove(struct dma *d, uint64_t iova, uint64_t size)
{
    int ret = -ENOENT;
    size_t at;

    pthread_rwlock_wrlock(&d->lock);
    at = first_above(d, iova);
    if (at < d->count && d->ranges[at].iova == iova && d->ranges[at].size == size) {
        range_drop(&d->ranges[at]);
        d->count--;
        memmove(&d->ranges[at], &d->ranges[at + 1], (d->count - at) * sizeof(d->ranges[0]));
        ret = 0;
    }
    pthread_rwlock_unlock(&d->lock);
    return ret;
}

void dma_remove_all(struct dma *d)
{
    pthread_rwlock_wrlock(&d->lock);
    for (size_t i = 0; i < d->count; i++)
        range_drop(&d->ranges[i]);
    d->count = 0;
    pthread_rwlock_unlock(&d->lock);
}

/* ---- memory that its file has lost */

/* Empty memory from the page at that address to the end of the range. The system call itself:
 * sanitizers put code of theirs around mmap() that is not for signal handlers. */
static bool replace(const struct range *r, uintptr_t page)
{
    size_t len = (uintptr_t)r->map + r->map_len - page;
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE;

    return (uintptr_t)syscall(SYS_mmap, page, len, protection(r), flags, -1, 0) == page;
}

static bool cut(struct dma *d, struct range *r, uintptr_t page)
{
    uint64_t there = page < (uintptr_t)r->host ? 0 : page - (uintptr_t)r->host;
    uint64_t was = __atomic_load_n(&r->there, __ATOMIC_RELAXED);

    /* Huge pages are replaced whole or not at all. */
    if (!replace(r, page)) {
        there = 0;
        if (!replace(r, (uintptr_t)r->map))
            return false;
    }
    while (there < was && !__atomic_compare_exchange_n(&r->there, &was, there, false,
                                                       __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
        ;
    loss.hit = true;
    if (was == r->size) {
        loss.first = true;
        loss.iova = r->iova;
        loss.size = r->size;
        loss.from = there;
    }
    atomic_fetch_add_explicit(&d->losses, 1, memory_order_relaxed);
    return true;
}

/* In the signal handler of a thread that is between begin() and finish(). */
static bool mend(void *ctx, uintptr_t at)
{
    struct dma *d = ctx;

    for (size_t i = 0; i < d->count; i++)
        if (d->ranges[i].map && at - (uintptr_t)d->ranges[i].map < d->ranges[i].map_len)
            return cut(d, &d->ranges[i], at & ~(d->page - 1));
    return false;
}

static void begin(struct dma *d)
{
    pthread_rwlock_rdlock(&d->lock);
    loss.hit = loss.first = false;
    torn_enter(mend, d);
}

/* ret, or -EFAULT for an access that went into the void. */
static int finish(struct dma *d, int ret)
{
    struct loss l;

    torn_leave();
    l = loss;
    pthread_rwlock_unlock(&d->lock);
    if (l.first)
        fprintf(stderr,
                "softgpu: the file behind the client's memory at 0x%" PRIx64
                " was cut short: of its 0x%" PRIx64 " bytes only 0x%" PRIx64 " are there\n",
                l.iova, l.size, l.from);
    return l.hit ? -EFAULT : ret;
}

uint64_t dma_losses(const struct dma *d)
{
    return atomic_load(&d->losses);
}

/* True when all of [addr, addr+len) has memory with the right; *at is then the range of addr. */
static bool covered(const struct dma *d, uint64_t addr, size_t len, unsigned right, size_t *at)
{
    size_t i = first_above(d, addr);
    uint64_t last = addr + (len - 1);

    *at = i;
    if (last < addr)
        return false;
    for (; i < d->count; i++) {
        const struct range *r = &d->ranges[i];

        uint64_t there = __atomic_load_n(&r->there, __ATOMIC_ACQUIRE);

        if (r->iova > addr || !r->host || !(r->prot & right))
            return false;
        if (last - r->iova < r->size)
            return last - r->iova < there;
        if (there < r->size)
            return false;
        addr = r->iova + r->size;
    }
    return false;
}

/*
 * Machine memory is shared with processors that follow no rules of ours: a driver builds a command
 * while an engine that went astray reads it. Hardware then sees old or new words, so every word is
 * moved by an atomic access of its own. The guest polls status words that the device writes: a copy
 * of one aligned word also comes after everything that was written before it.
 */
#define BULK 64

/*
 * Long runs go 64 bytes at a time in the compiler's widest moves. Both sides are aligned to words,
 * so no move splits one: the processor moves each 8-byte half of such a run in one piece, and in
 * order, as plain stores are. C knows nothing of that; the thread sanitizer is told to look away,
 * as the other side of a race here is a guest (the short copies, which carry status words, stay
 * under its eye).
 */
__attribute__((noinline, no_sanitize("thread"))) static size_t
copy_bulk(uint8_t *to, const uint8_t *from, size_t len)
{
    size_t n = len & ~(size_t)(BULK - 1);

    for (size_t i = 0; i < n; i += BULK)
        __builtin_memcpy(to + i, from + i, BULK);
    return n;
}

static bool both_aligned(const void *a, const void *b)
{
    return !(((uintptr_t)a | (uintptr_t)b) & 7);
}

static void copy_in(void *dst, const void *src, size_t len)
{
    const uint8_t *from = src;
    uint8_t *to = dst;
    size_t done = both_aligned(to, from) ? copy_bulk(to, from, len) : 0;

    from += done, to += done, len -= done;
    while (len) {
        if (len >= 8 && !((uintptr_t)from & 7)) {
            uint64_t v = __atomic_load_n((const uint64_t *)from, __ATOMIC_ACQUIRE);

            memcpy(to, &v, 8);
            from += 8, to += 8, len -= 8;
        } else if (len >= 4 && !((uintptr_t)from & 3)) {
            uint32_t v = __atomic_load_n((const uint32_t *)from, __ATOMIC_ACQUIRE);

            memcpy(to, &v, 4);
            from += 4, to += 4, len -= 4;
        } else {
            *to++ = __atomic_load_n(from++, __ATOMIC_RELAXED);
            len--;
        }
    }
}

static void copy_out(void *dst, const void *src, size_t len)
{
    const uint8_t *from = src;
    uint8_t *to = dst;
    size_t done = both_aligned(to, from) ? copy_bulk(to, from, len) : 0;

    from += done, to += done, len -= done;
    while (len) {
        if (len >= 8 && !((uintptr_t)to & 7)) {
            uint64_t v;

            memcpy(&v, from, 8);
            __atomic_store_n((uint64_t *)to, v, __ATOMIC_RELEASE);
            from += 8, to += 8, len -= 8;
        } else if (len >= 4 && !((uintptr_t)to & 3)) {
            uint32_t v;

            memcpy(&v, from, 4);
            __atomic_store_n((uint32_t *)to, v, __ATOMIC_RELEASE);
            from += 4, to += 4, len -= 4;
        } else {
            __atomic_store_n(to++, *from++, __ATOMIC_RELAXED);
            len--;
        }
    }
}

/* Bytes of [addr, addr+len) that lie in range r, which holds addr. */
static size_t run_in(const struct range *r, uint64_t addr, size_t len)
{
    uint64_t left = r->size - (addr - r->iova);

    return left < len ? (size_t)left : len;
}

int dma_read(struct dma *d, uint64_t addr, void *buf, size_t len)
{
    uint8_t *to = buf;
    int ret = 0;
    size_t at;

    if (!len)
        return 0;
    begin(d);
    if (!covered(d, addr, len, PROT_BIT_READ, &at))
        ret = -EFAULT;
    for (; !ret && len; at++) {
        const struct range *r = &d->ranges[at];
        size_t run = run_in(r, addr, len);

        copy_in(to, r->host + (addr - r->iova), run);
        to += run;
        addr += run;
        len -= run;
    }
    return finish(d, ret);
}

int dma_write(struct dma *d, uint64_t addr, const void *buf, size_t len)
{
    const uint8_t *from = buf;
    int ret = 0;
    size_t at;

    if (!len)
        return 0;
    begin(d);
    if (!covered(d, addr, len, PROT_BIT_WRITE, &at))
        ret = -EFAULT;
    for (; !ret && len; at++) {
        const struct range *r = &d->ranges[at];
        size_t run = run_in(r, addr, len);

        copy_out(r->host + (addr - r->iova), from, run);
        from += run;
        addr += run;
        len -= run;
    }
    return finish(d, ret);
}

/* Memory behind one range, or NULL. */
static uint8_t *whole(const struct dma *d, uint64_t addr, size_t len, unsigned right)
{
    size_t i;

    if (!covered(d, addr, len, right, &i) || run_in(&d->ranges[i], addr, len) != len)
        return NULL;
    return d->ranges[i].host + (addr - d->ranges[i].iova);
}

int dma_visit(struct dma *d, uint64_t addr, size_t len, unsigned right,
              void (*fn)(void *ctx, uint8_t *host), void *ctx)
{
    uint8_t *host;

    begin(d);
    host = whole(d, addr, len, right);
    if (host)
        fn(ctx, host);
    return finish(d, host ? 0 : -EFAULT);
}

int dma_copy(struct dma *d, uint64_t to, uint64_t from, size_t len)
{
    uint8_t *in, *out;

    if (!len)
        return 0;
    begin(d);
    in = whole(d, from, len, PROT_BIT_READ);
    out = whole(d, to, len, PROT_BIT_WRITE);
    if (in && out)
        copy_out(out, in, len);
    return finish(d, in && out ? 0 : -EFAULT);
}
