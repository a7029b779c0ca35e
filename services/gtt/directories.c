/* SPDX-License-Identifier: MIT */
/* directories.c: see directories.h. There are few enough to look at all of them for each question.
 */
#include "services/gtt/directories.h"

#include "lib/crash.h"
#include "services/gtt/dir.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#define HOLD_NS (20u * 1000 * 1000)
#define TAG     UINT64_C(0x6474746700000000) /* of our two pages: of no guest (pages.c) */

enum { DATA, TABLE, PAGES };

static_assert(DIRECTORY_ENTRIES == 512 && DIRECTORIES == 64, "PP_DIR_BASE");

/* The pages of a process before us, which the first directory still names, or new ones. */
static int get_pages(struct directories *d)
{
    int n = gpu_dma_list(d->gpu, NULL, 0), got = 0, rc = -ENOENT;
    struct gpu_dma_entry *list;

    if (n < 0)
        return n;
    list = calloc((size_t)n + 1, sizeof(*list));
    if (!list)
        return -ENOMEM;
    got = gpu_dma_list(d->gpu, list, (uint32_t)n);
    for (int i = 0; i < n && i < got && rc; i++)
        if (list[i].tag == TAG && list[i].count == PAGES)
            rc = gpu_dma_attach(d->gpu, list[i].handle, &d->pages);
    free(list);
    if (got < 0)
        return got;
    return rc ? gpu_dma_alloc(d->gpu, PAGES, TAG, &d->pages) : 0;
}

static void make_table(struct directories *d)
{
    uint8_t *table = (uint8_t *)d->pages.map + TABLE * GPU_PAGE_SIZE;

    d->format->fill(table, d->format->encode(d->pages.dma[DATA]));
}

uint64_t directories_entry(const struct directories *d, unsigned n)
{
    return d->first + (uint64_t)n * DIRECTORY_ENTRIES;
}

unsigned directories_number(const struct directories *d, uint64_t entry)
{
    uint64_t at = entry - d->first;

    return entry < d->first || at % DIRECTORY_ENTRIES || at / DIRECTORY_ENTRIES >= DIRECTORIES
               ? 0
               : (unsigned)(at / DIRECTORY_ENTRIES);
}

int directories_write(struct directories *d, unsigned n, unsigned i, uint64_t dma)
{
    int rc = gpu_gtt_write(d->gpu, (uint32_t)directories_entry(d, n) + i,
                           d->format->directory_encode(dma));

    crash_point("gtt.directory.entry");
    return rc;
}

/* The first entry is the last to change: it says whether the directory is free. */
static int make_empty(struct directories *d, unsigned n)
{
    int rc = 0;

    for (unsigned i = DIRECTORY_ENTRIES; i-- && !rc;)
        rc = directories_write(d, n, i, d->pages.dma[TABLE]);
    return rc;
}

/* Free, too, is one that no process of ours has written since the GGTT was made. */
static int look(struct directories *d, unsigned n)
{
    uint64_t raw, scratch = d->gpu->info.scratch_dma / GPU_PAGE_SIZE;
    int rc = gpu_gtt_read(d->gpu, (uint32_t)directories_entry(d, n), &raw);
    struct gtt_entry e;

    if (rc)
        return rc;
    e = d->format->directory(raw);
    if (e.present && e.gfn != scratch && e.gfn != d->pages.dma[TABLE] / GPU_PAGE_SIZE)
        d->slot[n].state = DIRECTORY_FOREIGN;
    return 0;
}

int directories_init(struct directories *d, struct gpu *gpu)
{
    const uint64_t share = (WIRE_HOST_HIGH + (uint64_t)WIRE_HOST_DIRECTORIES) / GPU_PAGE_SIZE;
    int rc;

    *d = (struct directories){
        .gpu = gpu, .format = gtt_format_of(gpu->info.gen), .hold_ns = HOLD_NS};
    if (!d->format || !d->format->directory)
        return -ENOTSUP;
    if (gpu->info.ggtt_entries <= share)
        return -EINVAL;
    d->first = gpu->info.ggtt_entries - (uint32_t)share;
    rc = get_pages(d);
    if (rc)
        return rc;
    make_table(d);
    rc = make_empty(d, 0);
    for (unsigned n = 1; n < DIRECTORIES && !rc; n++)
        rc = look(d, n);
    return rc ? rc : gpu_gtt_flush(gpu);
}

void directories_free(struct directories *d)
{
    if (d->pages.count)
        gpu_dma_detach(d->gpu, &d->pages);
    *d = (struct directories){0};
}

void directories_join(struct directories *d)
{
    d->guests++;
}

void directories_part(struct directories *d)
{
    d->guests--;
}

/* ---- whose turn it is to give way */

/* Who has it, or will have it: of a promised one the heir. */
static const struct ppgtt *holder(const struct directory_slot *s)
{
    return s->heir ? s->heir->ppgtt : s->state == DIRECTORY_TAKEN ? s->dir->ppgtt : NULL;
}

unsigned directories_held(const struct directories *d, const struct ppgtt *ppgtt)
{
    unsigned n = 0;

    for (unsigned i = 1; i < DIRECTORIES; i++) {
        const struct ppgtt *who = holder(&d->slot[i]);

        n += who && (!ppgtt || who == ppgtt);
    }
    return n;
}

static unsigned fair(const struct directories *d)
{
    unsigned n = (DIRECTORIES - 1) / (d->guests ? d->guests : 1);

    return n > DIRECTORIES_FAIR ? n : DIRECTORIES_FAIR;
}

static bool has_more(const struct directories *d, const struct ppgtt *ppgtt)
{
    return directories_held(d, ppgtt) > fair(d);
}

typedef bool may_give(const struct directories *d, const struct dir *it, const struct ppgtt *to);

static bool is_own(const struct directories *d, const struct dir *it, const struct ppgtt *to)
{
    (void)d;
    return it->ppgtt == to;
}

static bool is_greedy(const struct directories *d, const struct dir *it, const struct ppgtt *to)
{
    (void)to;
    return has_more(d, it->ppgtt);
}

static bool is_any(const struct directories *d, const struct dir *it, const struct ppgtt *to)
{
    (void)d;
    (void)it;
    (void)to;
    return true;
}

static uint64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

void directories_shown(struct directories *d, unsigned n)
{
    d->slot[n].shown = now_ns();
}

/* In use for long enough, and not yet on its way to somebody else. */
static bool may_be_evicted(const struct directories *d, const struct directory_slot *s,
                           uint64_t now)
{
    return s->state == DIRECTORY_TAKEN && !s->heir && !dir_leaves(s->dir) && s->shown &&
           now - s->shown >= d->hold_ns;
}

/* The one longest not asked for of those that may give way; 0: none. */
static unsigned oldest(const struct directories *d, may_give *may, const struct ppgtt *to)
{
    uint64_t now = now_ns();
    unsigned best = 0;

    for (unsigned i = 1; i < DIRECTORIES; i++) {
        const struct directory_slot *s = &d->slot[i];

        if (!may_be_evicted(d, s, now) || !may(d, s->dir, to))
            continue;
        if (!best || s->asked < d->slot[best].asked)
            best = i;
    }
    return best;
}

static unsigned victim(const struct directories *d, const struct ppgtt *to)
{
    unsigned n;

    if (directories_held(d, to) >= fair(d))
        return oldest(d, is_own, to);
    n = oldest(d, is_greedy, to);
    return n ? n : oldest(d, is_any, to);
}

/* One that is let go anyway and promised to nobody; 0: none. */
static unsigned unclaimed(const struct directories *d)
{
    for (unsigned i = 1; i < DIRECTORIES; i++)
        if (d->slot[i].state == DIRECTORY_TAKEN && !d->slot[i].heir && dir_leaves(d->slot[i].dir))
            return i;
    return 0;
}

static void give(struct directories *d, unsigned n, struct dir *dir)
{
    d->slot[n] = (struct directory_slot){.state = DIRECTORY_TAKEN, .dir = dir, .asked = ++d->clock};
}

unsigned directories_take(struct directories *d, struct dir *dir)
{
    unsigned n;

    for (n = 1; n < DIRECTORIES; n++) {
        if (d->slot[n].state != DIRECTORY_FREE)
            continue;
        give(d, n, dir);
        return n;
    }
    n = unclaimed(d);
    if (!n) {
        n = victim(d, dir->ppgtt);
        if (!n)
            return 0;
        dir_evict(d->slot[n].dir);
        d->evicted = true;
    }
    d->slot[n].heir = dir;
    return 0;
}

static struct directory_slot *inherited(struct directories *d, const struct dir *dir)
{
    for (unsigned i = 1; i < DIRECTORIES; i++)
        if (d->slot[i].heir == dir)
            return &d->slot[i];
    return NULL;
}

void directories_renounce(struct directories *d, const struct dir *dir)
{
    struct directory_slot *s = inherited(d, dir);

    if (s)
        s->heir = NULL;
}

bool directories_inherits(const struct directories *d, const struct dir *dir)
{
    return inherited((struct directories *)d, dir);
}

bool directories_claim(struct directories *d, unsigned n, struct dir *dir)
{
    if (d->slot[n].state == DIRECTORY_TAKEN)
        return false;
    give(d, n, dir);
    return true;
}

void directories_touch(struct directories *d, unsigned n)
{
    d->slot[n].asked = ++d->clock;
}

struct dir *directories_release(struct directories *d, unsigned n, int *rc)
{
    struct dir *heir = d->slot[n].heir;

    *rc = make_empty(d, n);
    crash_point("gtt.directory.emptied");
    d->slot[n] = (struct directory_slot){.state = DIRECTORY_FREE};
    if (heir)
        give(d, n, heir);
    return heir;
}

void directories_leave(struct directories *d, unsigned n)
{
    d->slot[n].state = DIRECTORY_FOREIGN;
    d->slot[n].dir = NULL;
}
