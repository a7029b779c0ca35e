/* SPDX-License-Identifier: MIT */
/*
 * ring_context.c: MI_SET_CONTEXT (Haswell PRM vol. 2a; vol. 7, "Register State Context"): the
 * render engine's registers go to the image that CCID names and come from the one the command
 * names. An image is a list of MI_LOAD_REGISTER_IMM, which is executed as such, like Broadwell's;
 * on save the list is made again from a table. Of the state of the 3D pipeline nothing is kept, as
 * nothing looks at it. Engine's thread, no lock held.
 */
#include <string.h>

#include "softgpu/cs_mi.h"
#include "softgpu/engine_priv.h"
#include "softgpu/engine_trace.h"
#include "softgpu/mem.h"

#define SET_RESTORE_INHIBIT (1u << 0)
#define SET_FORCE_RESTORE   (1u << 1)
#define SET_STREAMER_LOAD   (1u << 2) /* the resource streamer's registers, too */
#define SET_STREAMER_SAVE   (1u << 3)
#define CCID_VALID          (1u << 0)
#define CCID_STREAMER_SAVE  (1u << 3)

#define IMAGE_DWORDS   512u /* that hold lists; the image has 17 pages */
#define STREAMER_START 384u /* the streamer's list stands here */
#define MI_LRI         0x11000000u
#define MI_BATCH_END   0x05000000u

/* Which registers an image holds; first and last of each range of dwords. */
struct span {
    uint32_t first, last;
    bool masked; /* takes the upper half as a mask of the lower */
};

static const struct span streamer_state[] = {
    {0x2480, 0x2484, false}, /* BTP_PRODUCE_COUNT, DX9CONST_PRODUCE_COUNT */
    {0x248c, 0x2494, false}, /* GATHER_CONST_PRODUCE_COUNT, the parsers' counts */
    {0},
};

static const struct span render_state[] = {
    {0x20c0, 0x20c0, true},  /* INSTPM */
    {0x7000, 0x7008, true},  /* CACHE_MODE_0, CACHE_MODE_1, GT_MODE */
    {0x2214, 0x2214, false}, /* MI_PREDICATE_RESULT_2 */
    {0x2290, 0x2294, false}, /* GPGPU_THREADS_DISPATCHED */
    {0x2300, 0x2354, false}, /* pipeline statistics */
    {0x2400, 0x241c, false}, /* MI_PREDICATE_* */
    {0x2420, 0x2420, false}, /* 3DPRIM_END_OFFSET */
    {0x2430, 0x2440, false}, /* the other 3DPRIM_* */
    {0x2500, 0x2508, false}, /* GPGPU_DISPATCHDIM */
    {0x2600, 0x267c, false}, /* GPR */
    {0x5200, 0x521c, false}, /* SO_NUM_PRIMS_WRITTEN */
    {0x5240, 0x525c, false}, /* SO_PRIM_STORAGE_NEEDED */
    {0x5280, 0x528c, false}, /* SO_WRITE_OFFSET */
    {0},
};

static uint32_t saved_value(struct engine *e, const struct span *s, uint32_t reg)
{
    uint32_t v = cs_reg_read_raw(e, reg);

    return s->masked ? 0xffff0000u | v : v;
}

/* A list for each span; returns the dword behind the last one. */
static uint32_t save_lists(struct engine *e, const struct span *s, uint32_t *image, uint32_t at)
{
    for (; s->first; s++) {
        uint32_t n = (s->last - s->first) / 4 + 1;

        image[at++] = MI_LRI | (2 * n - 1);
        for (uint32_t reg = s->first; reg <= s->last; reg += 4) {
            image[at++] = reg;
            image[at++] = saved_value(e, s, reg);
        }
    }
    return at;
}

static void save(struct engine *e, uint32_t ccid)
{
    uint32_t image[IMAGE_DWORDS] = {0}, end = STREAMER_START;

    engine_trace_context(e, TRACE_CTX_SAVE);
    save_lists(e, render_state, image, 1);
    if (ccid & CCID_STREAMER_SAVE)
        end = save_lists(e, streamer_state, image, STREAMER_START);
    image[end] = MI_BATCH_END;
    mem_write(e, false, ccid & ~0xfffu, image, sizeof(image));
}

/* One command of the image: its length, 0 at the end. */
static uint32_t restore_one(struct engine *e, const uint32_t *image, uint32_t at, uint32_t limit)
{
    uint32_t len = (image[at] & 0xff) + 2;

    if (image[at] >> 23 == 0)
        return 1; /* MI_NOOP */
    if (image[at] >> 23 != MI_LRI >> 23)
        return 0;
    for (uint32_t i = 1; i + 1 < len && at + i + 1 < limit; i += 2)
        cs_reg_write_raw(e, image[at + i], image[at + i + 1]);
    return len;
}

static void restore(struct engine *e, uint32_t addr, bool streamer)
{
    uint32_t image[IMAGE_DWORDS], limit = streamer ? IMAGE_DWORDS : STREAMER_START, n;

    mem_read(e, false, addr, image, sizeof(image));
    for (uint32_t at = 0; at < limit; at += n) {
        n = restore_one(e, image, at, limit);
        if (!n)
            break;
    }
}

/* Coming back to the context that is there already does nothing, unless forced. */
enum cs_result mi_set_context(struct engine *e, const uint32_t *cmd, uint32_t len)
{
    uint32_t old = reg_get(e, R_CCID), to = cmd[1];
    bool same = (old & CCID_VALID) && (old & ~0xfffu) == (to & ~0xfffu);

    (void)len;
    if (same && !(to & SET_FORCE_RESTORE))
        return CS_ARB;
    if ((old & CCID_VALID) && !same)
        save(e, old);
    if (!(reg_get(e, R_MODE) & MODE_TLB_EXPLICIT))
        tlb_invalidate_all(&e->tlb);
    atomic_store(&e->moved, true);
    reg_set(e, R_CCID, (to & ~0xff3u) | CCID_VALID);
    if (!(to & SET_RESTORE_INHIBIT))
        restore(e, to & ~0xfffu, to & SET_STREAMER_LOAD);
    atomic_fetch_add_explicit(&e->contexts, 1, memory_order_relaxed);
    engine_trace_context(e, TRACE_CTX_LOAD);
    return CS_ARB;
}
