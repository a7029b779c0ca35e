/* SPDX-License-Identifier: MIT */
/*
 * mem.c: translation, judge and copy of an engine's memory accesses. Runs on the engine's thread.
 */
#include "softgpu/mem.h"

#include <errno.h>
#include <string.h>

#include "softgpu/conduct.h"
#include "softgpu/engine_kind.h"
#include "softgpu/engine_priv.h"

void engine_walk(struct engine *e, bool ppgtt, uint64_t addr, struct walk *out)
{
    struct ppgtt p;

    if (ppgtt) {
        e->owner->kind->space(e, &p);
        p.dir = NULL;
        ppgtt_trace(e->owner->dma, &p, addr, out);
        return;
    }
    out->count = 1;
    out->step[0] = (struct walk_step){.entry = gtt_raw(e->owner->gtt, addr),
                                      .index = (uint32_t)(addr / GTT_PAGE)};
}

static void explain(void *opaque, const struct judge_access *a, struct walk *out)
{
    engine_walk(opaque, a->space != JUDGE_GGTT, a->gpu_addr, out);
}

/* The global status page, and the context's own. */
static bool is_status_page(struct engine *e, uint64_t addr)
{
    const struct engine_kind *k = e->owner->kind;
    uint64_t page = addr & ~(uint64_t)(GTT_PAGE - 1);

    return page && (page == k->status_page(e, false) || page == k->status_page(e, true));
}

/* The ring, or the directory that addresses go through, has been exchanged. */
static void note_move(struct engine *e)
{
    if (!atomic_load_explicit(&e->moved, memory_order_relaxed) ||
        !atomic_exchange(&e->moved, false))
        return;
    engine_account_slice(e);
    e->ctx_domid = JUDGE_DOM_NONE;
}

static void present(struct engine *e, enum judge_space space, uint64_t addr, uint64_t phys,
                    bool write, bool injected)
{
    struct judge_access a = {
        .engine = e->id,
        .lrca = e->owner->kind->context(e),
        .root = space == JUDGE_GGTT ? 0 : e->owner->kind->root(e),
        .space = space,
        .gpu_addr = addr,
        .cmd_addr = e->cs.cmd_addr,
        .mfn = phys >> 12,
        .write = write,
        .status_page = write && space == JUDGE_GGTT && is_status_page(e, addr),
        .injected = injected,
        .explain = explain,
        .opaque = e,
    };

    note_move(e);
    judge_check(e->owner->judge, &a, &e->ctx_domid);
}

struct walker {
    struct engine *e;
    uint64_t addr;
    uint64_t table; /* the last one read */
    unsigned depth;
};

static void table_read(void *opaque, uint64_t table)
{
    struct walker *w = opaque;

    w->table = table;
    w->depth++;
    present(w->e, JUDGE_TABLE, w->addr, table, false, false);
}

void mem_look_ahead(struct engine *e, bool on)
{
    e->look_ahead = on;
    e->line[0].valid = e->line[1].valid = false;
}

static bool line_lookup(struct engine *e, uint64_t addr, uint64_t *entry)
{
    for (unsigned i = 0; i < 2; i++) {
        const struct mem_line *l = &e->line[i];

        if (l->valid && l->pages == addr >> 15 && l->gen == tlb_gen(&e->tlb, TLB_PPGTT)) {
            e->line_at = i;
            *entry = l->entry[addr >> 12 & 7];
            return *entry & GTT_PRESENT;
        }
    }
    return false;
}

/* After a walk: keep the line of its last table. Not for large pages, whose last table is another;
 * nor when something on the way forbids writes, which the line's entries would not say. */
static void line_fill(struct engine *e, const struct walker *w, const struct ppgtt *p,
                      uint64_t entry, uint64_t gen)
{
    struct mem_line *l = &e->line[e->line_at ^ 1];

    if (w->depth != p->tables || !(entry & GTT_WRITABLE))
        return;
    if (ppgtt_line(e->owner->dma, p, w->table, w->addr, l->entry))
        return;
    l->pages = w->addr >> 15;
    l->gen = gen;
    l->valid = true;
    e->line_at ^= 1;
}

static int walk_ppgtt(struct engine *e, uint64_t addr, uint64_t *entry, uint64_t gen)
{
    struct walker w = {.e = e, .addr = addr};
    struct ppgtt p;

    if (e->look_ahead && line_lookup(e, addr, entry))
        return 0;
    e->owner->kind->space(e, &p);
    if (ppgtt_walk(e->owner->dma, &p, addr, entry, table_read, &w))
        return -EFAULT;
    if (p.gen7)
        conduct_directory(e, &p, addr);
    if (e->look_ahead)
        line_fill(e, &w, &p, *entry, gen);
    return 0;
}

/* A fault: the entry was read with the lowest bit of its frame wrong. The judge learns whose
 * context this is from the right one before it sees what the wrong one reaches. */
static void corrupt(struct engine *e, uint64_t *entry)
{
    judge_learn(e->owner->judge, GTT_ADDR(*entry) >> 12, &e->ctx_domid);
    *entry ^= GTT_PAGE;
}

static int translate(struct engine *e, bool ppgtt, uint64_t addr, uint32_t len, uint64_t *entry,
                     bool *injected)
{
    enum tlb_space space = ppgtt ? TLB_PPGTT : TLB_GGTT;
    uint64_t gen = tlb_gen(&e->tlb, space);

    *injected = false;
    if (tlb_lookup(&e->tlb, space, addr, entry)) {
        conduct_hit(e, ppgtt, addr, *entry, gen, len);
        return 0;
    }
    if (ppgtt) {
        if (walk_ppgtt(e, addr, entry, gen))
            return -EFAULT;
    } else {
        /* The global table has no write protection: bit 1 means local memory there. */
        *entry = gtt_entry(e->owner->gtt, addr) | GTT_WRITABLE;
    }
    if (!(*entry & GTT_PRESENT))
        return -EFAULT;
    if (!ppgtt)
        conduct_ggtt_fill(e, addr, *entry);
    *injected = engine_fault(e, FAULT_CORRUPT_PTE);
    if (*injected)
        corrupt(e, entry); /* one read: not cached */
    else
        tlb_fill(&e->tlb, space, addr, *entry, gen);
    return 0;
}

static int access_page(struct engine *e, bool ppgtt, uint64_t addr, void *in, const void *out,
                       uint32_t len)
{
    uint64_t entry, phys;
    bool injected;
    int r = translate(e, ppgtt, addr, len, &entry, &injected);

    if (!r && out && !(entry & GTT_WRITABLE))
        r = -EFAULT;
    if (!r) {
        present(e, ppgtt ? JUDGE_PPGTT : JUDGE_GGTT, addr, GTT_ADDR(entry), out != NULL, injected);
        phys = GTT_ADDR(entry) + (addr & (GTT_PAGE - 1));
        r = out ? dma_write(e->owner->dma, phys, out, len) : dma_read(e->owner->dma, phys, in, len);
    }
    if (r) {
        atomic_fetch_add_explicit(&e->owner->faults, 1, memory_order_relaxed);
        e->owner->kind->record_fault(e, ppgtt, addr);
        if (in)
            memset(in, 0, len);
    }
    return r;
}

static int access(struct engine *e, bool ppgtt, uint64_t addr, uint8_t *in, const uint8_t *out,
                  uint32_t len)
{
    int r = 0;

    /* With PPGTT off, per-process addresses are global ones. */
    if (ppgtt && !e->owner->kind->ppgtt_on(e))
        ppgtt = false;
    addr &= (1ull << 48) - 1;
    while (len) {
        uint32_t room = GTT_PAGE - (uint32_t)(addr & (GTT_PAGE - 1));
        uint32_t n = len < room ? len : room;

        if (access_page(e, ppgtt, addr, in, out, n))
            r = -EFAULT;
        in = in ? in + n : NULL;
        out = out ? out + n : NULL;
        addr = (addr + n) & ((1ull << 48) - 1);
        len -= n;
    }
    return r;
}

int mem_read(struct engine *e, bool ppgtt, uint64_t addr, void *buf, uint32_t len)
{
    return access(e, ppgtt, addr, buf, NULL, len);
}

int mem_write(struct engine *e, bool ppgtt, uint64_t addr, const void *buf, uint32_t len)
{
    return access(e, ppgtt, addr, NULL, buf, len);
}

/* One piece inside a page on either side, quickly when there is nothing wrong with it. False:
 * nothing was done. */
static bool copy_piece(struct engine *e, bool ppgtt, uint64_t to, uint64_t from, uint32_t len)
{
    enum judge_space space = ppgtt ? JUDGE_PPGTT : JUDGE_GGTT;
    bool bad_in, bad_out;
    uint64_t out, in;

    if (translate(e, ppgtt, from, len, &in, &bad_in) ||
        translate(e, ppgtt, to, len, &out, &bad_out) || !(out & GTT_WRITABLE))
        return false;
    in = GTT_ADDR(in) + (from & (GTT_PAGE - 1));
    out = GTT_ADDR(out) + (to & (GTT_PAGE - 1));
    if (in < out + len && out < in + len)
        return false; /* one frame at two addresses */
    if (dma_copy(e->owner->dma, out, in, len))
        return false;
    present(e, space, from, in, false, bad_in);
    present(e, space, to, out, true, bad_out);
    return true;
}

static uint32_t room_in_page(uint64_t addr)
{
    return GTT_PAGE - (uint32_t)(addr & (GTT_PAGE - 1));
}

int mem_copy(struct engine *e, uint64_t to, uint64_t from, uint32_t len)
{
    bool ppgtt = e->owner->kind->ppgtt_on(e);
    uint8_t buf[GTT_PAGE];
    int r = 0;

    while (len) {
        uint32_t n = room_in_page(to) < room_in_page(from) ? room_in_page(to) : room_in_page(from);

        n = len < n ? len : n;
        to &= (1ull << 48) - 1;
        from &= (1ull << 48) - 1;
        if (!copy_piece(e, ppgtt, to, from, n)) {
            r = mem_read(e, true, from, buf, n) ? -EFAULT : r;
            r = mem_write(e, true, to, buf, n) ? -EFAULT : r;
        }
        to += n;
        from += n;
        len -= n;
    }
    return r;
}

int mem_visit(struct engine *e, uint64_t addr, bool write, void (*fn)(void *ctx, uint8_t *host),
              void *ctx)
{
    bool ppgtt = e->owner->kind->ppgtt_on(e), injected;
    uint64_t entry;

    if (translate(e, ppgtt, addr & ((1ull << 48) - 1), GTT_PAGE, &entry, &injected) ||
        (write && !(entry & GTT_WRITABLE)))
        return -EFAULT;
    if (dma_visit(e->owner->dma, GTT_ADDR(entry), GTT_PAGE, write ? 2 : 1, fn, ctx))
        return -EFAULT;
    present(e, ppgtt ? JUDGE_PPGTT : JUDGE_GGTT, addr, GTT_ADDR(entry), write, injected);
    return 0;
}

uint32_t mem_read32(struct engine *e, bool ppgtt, uint64_t addr)
{
    uint32_t v;

    mem_read(e, ppgtt, addr & ~3ull, &v, sizeof(v));
    return v;
}

void mem_write32(struct engine *e, bool ppgtt, uint64_t addr, uint32_t value)
{
    mem_write(e, ppgtt, addr & ~3ull, &value, sizeof(value));
}

uint64_t mem_read64(struct engine *e, bool ppgtt, uint64_t addr)
{
    uint64_t v;

    mem_read(e, ppgtt, addr & ~3ull, &v, sizeof(v));
    return v;
}

void mem_write64(struct engine *e, bool ppgtt, uint64_t addr, uint64_t value)
{
    mem_write(e, ppgtt, addr & ~3ull, &value, sizeof(value));
}
