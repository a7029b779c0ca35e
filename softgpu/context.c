/* SPDX-License-Identifier: MIT */
/*
 * context.c: executes the register lists of a context image and writes them back. On save the
 * whole list is made again from a table, as hardware does, with NOOPs between its parts, so a list
 * that software left incomplete, or closed behind the ring's part, is complete after the first
 * switch. Engine's thread only.
 */
#include "softgpu/context.h"

#include <string.h>

#include "softgpu/engine_priv.h"
#include "softgpu/engine_trace.h"
#include "softgpu/mem.h"

#define IMAGE_DWORDS      1024
#define RING_CONTEXT_END  0x40 /* dwords: ring and execlist part; the engine's own part follows */
#define MI_LRI            0x11000000u
#define LRI_FORCE_POSTED  (1u << 12)
#define MI_BATCH_END      0x05000000u
#define IMAGE_CTX_CONTROL 3
#define IMAGE_RING_TAIL   7
#define CTX_DESC_ADVANCED 3u
#define IMAGE_BLT         0xc0
#define IMAGE_BLT_MARK    0x00424c54u /* MI_NOOP with an identification */
#define IMAGE_CS          0x150
#define IMAGE_CS_MARK     0x00435300u
#define IMAGE_SAVED       512 /* dwords that a save writes */

/* One list of the image: where its header stands and which registers it holds. */
struct image_list {
    uint16_t at;
    uint16_t regs[33]; /* from the engine's base */
    uint32_t flags;
};

/* Where the lists end with MI_BATCH_BUFFER_END. */
#define RCS_END 0x148
#define XCS_END 0x98

#define WATCHDOG_LIST 0x17c, 0x178 /* threshold and control */

#define GPR_LIST                                                                                   \
    0x600, 0x604, 0x608, 0x60c, 0x610, 0x614, 0x618, 0x61c, 0x620, 0x624, 0x628, 0x62c, 0x630,     \
        0x634, 0x638, 0x63c, 0x640, 0x644, 0x648, 0x64c, 0x650, 0x654, 0x658, 0x65c, 0x660, 0x664, \
        0x668, 0x66c, 0x670, 0x674, 0x678, 0x67c

/* Broadwell PRM vol. 7, "Register State Context" of the render engine. */
static const struct image_list rcs_image[] = {
    {1,
     {0x244, 0x034, 0x030, 0x038, 0x03c, 0x168, 0x140, 0x110, 0x11c, 0x114, 0x118, 0x1c0, 0x1c4,
      0x1c8},
     LRI_FORCE_POSTED},
    {0x21, {0x3a8, 0x28c, 0x288, 0x284, 0x280, 0x27c, 0x278, 0x274, 0x270}, LRI_FORCE_POSTED},
    {0x41, {0x0c8}, 0},
    {0x51, {GPR_LIST}, 0},
    {0x93, {0x400, 0x404, 0x408, 0x40c, 0x410, 0x418}, 0},
    {0xa1,
     {0x0c0, 0x158, 0x290, 0x294, 0x2c8, 0x2cc, 0x2d8, 0x2dc, 0x2f0, 0x2f4,
      0x2f8, 0x2fc, 0x300, 0x304, 0x308, 0x30c, 0x310, 0x314, 0x318, 0x31c,
      0x320, 0x324, 0x328, 0x32c, 0x330, 0x334, 0x338, 0x33c, 0x340, 0x344},
     0},
    {0xe1,
     {WATCHDOG_LIST, 0x360, 0x364, 0x414, 0x41c, 0x420, 0x430, 0x434, 0x438, 0x43c, 0x440, 0x448,
      0x44c, 0x450, 0x454, 0x500, 0x504, 0x508},
     0},
    /* ctx_reg.h: 0x5200 and so on */
    {0x111,
     {0x3200, 0x3204, 0x3208, 0x320c, 0x3210, 0x3214, 0x3218, 0x321c, 0x3240,
      0x3244, 0x3248, 0x324c, 0x3250, 0x3254, 0x3258, 0x325c, 0x3280, 0x3284,
      0x3288, 0x328c, 0x5000, 0x5004, 0x5008, 0x5034, 0xc400, 0xc404},
     0},
    {0},
};

/* The other engines. */
static const struct image_list xcs_image[] = {
    {1, {0x244, 0x034, 0x030, 0x038, 0x03c, 0x168, 0x140, 0x110, 0x11c, 0x114, 0x118}, 0},
    {0x21, {0x3a8, 0x28c, 0x288, 0x284, 0x280, 0x27c, 0x278, 0x274, 0x270}, 0},
    {0x41, {0x200, 0x028}, 0},
    {0x51, {GPR_LIST}, 0},
    {0x93, {WATCHDOG_LIST}, 0},
    {0},
};

static uint64_t image_addr(struct engine *e)
{
    return DESC_LRCA(e->run[e->run_at]) + (uint64_t)GTT_PAGE;
}

/* Software may move the tail at any moment: its dword is read by itself, in one piece. */
static void image_read(struct engine *e, uint32_t *image, uint32_t dwords)
{
    uint64_t addr = image_addr(e);
    uint32_t after = IMAGE_RING_TAIL + 1;

    mem_read(e, false, addr, image, IMAGE_RING_TAIL * 4);
    image[IMAGE_RING_TAIL] = mem_read32(e, false, addr + IMAGE_RING_TAIL * 4);
    mem_read(e, false, addr + after * 4, image + after, (dwords - after) * 4);
}

void context_ppgtt(struct engine *e, struct ppgtt *p)
{
    uint64_t desc = e->run[e->run_at];

    *p = (struct ppgtt){.enabled = desc & DESC_PRIVILEGE,
                        .level4 = DESC_MODE(desc) == CTX_DESC_ADVANCED};
    p->tables = p->level4 ? 4 : 2;
    for (unsigned i = 0; i < 4; i++)
        p->root[i] = reg_get64(e, R_PDP0_LDW + 8 * i);
}

/* Register writes of a restore: ring registers are loaded as they stand, which software could not
 * do while the ring runs; the rest goes the ordinary way. */
static void restore_reg(struct engine *e, uint32_t addr, uint32_t value)
{
    uint32_t r = addr - e->base;

    switch (r) {
    case R_HEAD:
    case R_TAIL:
    case R_START:
    case R_CTL:
    case R_CTX_TIMESTAMP:
    case R_BBADDR:
    case R_BBADDR_UDW:
    case R_BBSTATE:
    case R_SBBADDR:
    case R_SBBADDR_UDW:
    case R_SBBSTATE:
        reg_set(e, r, value);
        break;
    default:
        cs_reg_write_raw(e, addr, value);
    }
}

/* Execute one LRI; returns its length, 0 at the end of the lists. */
static uint32_t restore_list(struct engine *e, const uint32_t *image, uint32_t at, uint32_t limit)
{
    uint32_t header = image[at], len;

    if (header >> 23 == 0)
        return 1; /* MI_NOOP */
    if (header >> 23 != MI_LRI >> 23)
        return 0;
    len = (header & 0xff) + 2;
    for (uint32_t i = 1; i + 1 < len && at + i + 1 < limit; i += 2)
        restore_reg(e, image[at + i] & 0x7ffffcu, image[at + i + 1]);
    return len;
}

/* The blitter's setup registers have no MMIO address: the engine's part of the image holds them
 * behind its register list. */
static void restore_blt(struct engine *e, const uint32_t *image, bool all)
{
    memset(&e->blt, 0, sizeof(e->blt));
    if (all && e->id == ENGINE_BCS && image[IMAGE_BLT] == IMAGE_BLT_MARK)
        memcpy(&e->blt, image + IMAGE_BLT + 1, sizeof(e->blt));
}

static void save_blt(const struct engine *e, uint32_t *image)
{
    if (e->id != ENGINE_BCS)
        return;
    image[IMAGE_BLT] = IMAGE_BLT_MARK;
    memcpy(image + IMAGE_BLT + 1, &e->blt, sizeof(e->blt));
}

/* True while MI_SET_PREDICATE was skipping commands when the context was saved. */
static bool restore_image(struct engine *e)
{
    uint32_t image[IMAGE_DWORDS];
    uint32_t limit = IMAGE_DWORDS, n;

    image_read(e, image, IMAGE_DWORDS);
    if (image[IMAGE_CTX_CONTROL] & CTX_CTRL_RESTORE_INHIBIT)
        limit = RING_CONTEXT_END;
    restore_blt(e, image, limit == IMAGE_DWORDS);
    for (uint32_t at = 0; at < limit; at += n) {
        n = restore_list(e, image, at, limit);
        if (!n)
            break;
    }
    return limit == IMAGE_DWORDS && image[IMAGE_CS] == IMAGE_CS_MARK && (image[IMAGE_CS + 1] & 1);
}

/* BBADDR bit 0 says that the context was switched out inside a batch. BBSTATE bit 5: in PPGTT. */
static void restore_position(struct engine *e)
{
    struct cs *cs = &e->cs;

    cs_init(e);
    cs->ip[CS_RING] = reg_get(e, R_HEAD) & 0x1ffffcu;
    if (!(reg_get(e, R_BBADDR) & 1))
        return;
    cs->level = CS_BATCH;
    cs->ip[CS_BATCH] = (reg_get(e, R_BBADDR) & ~3u) | (uint64_t)(reg_get(e, R_BBADDR_UDW) & 0xffff)
                                                          << 32;
    cs->ppgtt[CS_BATCH] = cs->user[CS_BATCH] = reg_get(e, R_BBSTATE) & (1u << 5);
    if (!(reg_get(e, R_SBBADDR) & 1))
        return;
    cs->level = CS_BATCH2;
    cs->ip[CS_BATCH2] =
        (reg_get(e, R_SBBADDR) & ~3u) | (uint64_t)(reg_get(e, R_SBBADDR_UDW) & 0xffff) << 32;
    cs->ppgtt[CS_BATCH2] = cs->user[CS_BATCH2] = reg_get(e, R_SBBSTATE) & (1u << 5);
}

/* INDIRECT_CTX: size in cache lines in bits 5:0. BB_PER_CTX_PTR: valid in bit 0. */
static bool run_workarounds(struct engine *e)
{
    uint32_t indirect = reg_get(e, R_INDIRECT_CTX), per_ctx = reg_get(e, R_BB_PER_CTX);

    if (e->id != ENGINE_RCS)
        return true;
    if ((indirect & 63) && cs_run_wa(e, indirect & ~63u, (indirect & 63) * 64) != CS_STOP_END)
        return false;
    return !(per_ctx & 1) || cs_run_wa(e, per_ctx & ~0xfffu, 0) == CS_STOP_END;
}

bool context_load(struct engine *e)
{
    bool skip;

    tlb_invalidate(&e->tlb, TLB_PPGTT);
    e->ctx_domid = JUDGE_DOM_NONE;
    e->cs.cmd_addr = 0;
    atomic_fetch_add_explicit(&e->contexts, 1, memory_order_relaxed);
    reg_set(e, R_CTX_CONTROL, 0);
    reg_set(e, R_BBADDR, 0);
    reg_set(e, R_SBBADDR, 0);
    reg_set(e, R_INDIRECT_CTX, 0);
    reg_set(e, R_BB_PER_CTX, 0);
    skip = restore_image(e);
    restore_position(e);
    e->cs.skip = skip;
    atomic_store(&e->ctx_timestamp, reg_get(e, R_CTX_TIMESTAMP));
    atomic_store(&e->ctx_loaded_ns, engine_now_ns());
    e->loaded = true;
    engine_trace_context(e, TRACE_CTX_LOAD);
    return run_workarounds(e);
}

void context_reload_tail(struct engine *e)
{
    reg_set(e, R_TAIL, mem_read32(e, false, image_addr(e) + IMAGE_RING_TAIL * 4));
    cs_drop_line(e);
}

static void save_position(struct engine *e)
{
    struct cs *cs = &e->cs;
    bool first = cs->level >= CS_BATCH, second = cs->level == CS_BATCH2;

    reg_set(e, R_HEAD, (uint32_t)cs->ip[CS_RING]);
    reg_set(e, R_BBADDR, first ? (uint32_t)cs->ip[CS_BATCH] | 1 : 0);
    reg_set(e, R_BBADDR_UDW, first ? (uint32_t)(cs->ip[CS_BATCH] >> 32) : 0);
    reg_set(e, R_BBSTATE, first && cs->ppgtt[CS_BATCH] ? 1u << 5 : 0);
    reg_set(e, R_SBBADDR, second ? (uint32_t)cs->ip[CS_BATCH2] | 1 : 0);
    reg_set(e, R_SBBADDR_UDW, second ? (uint32_t)(cs->ip[CS_BATCH2] >> 32) : 0);
    reg_set(e, R_SBBSTATE, second && cs->ppgtt[CS_BATCH2] ? 1u << 5 : 0);
}

/* MI_SET_PREDICATE has no register either. */
static void save_cs(const struct engine *e, uint32_t *image)
{
    if (e->id != ENGINE_RCS)
        return;
    image[IMAGE_CS] = IMAGE_CS_MARK;
    image[IMAGE_CS + 1] = e->cs.skip;
}

static uint32_t saved_value(struct engine *e, uint32_t reg)
{
    uint32_t v;

    if (reg >= ENGINE_REGS_SIZE) {
        v = ctx_reg_read(e->owner, e->base + reg);
        return ctx_reg_masked(e->base + reg) ? 0xffff0000u | v : v;
    }
    v = reg_get(e, reg);
    if (reg == R_INSTPM)
        return 0xfdff0000u | v; /* all but the TLB invalidation, which is no state */
    if (reg == R_CTX_CONTROL)
        return 0xffff0000u | (v & ~CTX_CTRL_RESTORE_INHIBIT & 0xffffu);
    if (reg == R_SWCTRL)
        return 0xffff0000u | v; /* masked */
    return v;
}

/* RING_TAIL stays as software last wrote it: it may have moved on while the context ran. */
static void save_list(struct engine *e, uint32_t *image, const struct image_list *l)
{
    uint32_t n = 0;

    while (n < 33 && l->regs[n]) {
        uint32_t *dw = &image[l->at + 1 + 2 * n];

        dw[0] = e->base + l->regs[n];
        if (l->regs[n] != R_TAIL)
            dw[1] = saved_value(e, l->regs[n]);
        n++;
    }
    image[l->at] = MI_LRI | l->flags | (2 * n - 1);
}

/* It counts for this context alone. */
static void stop_watchdog(struct engine *e)
{
    atomic_store(&e->watchdog_at, 0);
    reg_set(e, R_CTR_CTL, 1);
}

static void save_image(struct engine *e)
{
    const struct image_list *l = e->id == ENGINE_RCS ? rcs_image : xcs_image;
    uint32_t image[IMAGE_SAVED] = {0};
    uint64_t addr = image_addr(e);

    for (; l->at; l++)
        save_list(e, image, l);
    image[e->id == ENGINE_RCS ? RCS_END : XCS_END] = MI_BATCH_END;
    save_blt(e, image);
    save_cs(e, image);
    /* Everything but the tail's dword, which software may be changing this very moment. */
    mem_write(e, false, addr, image, IMAGE_RING_TAIL * 4);
    mem_write(e, false, addr + (IMAGE_RING_TAIL + 1) * 4, image + IMAGE_RING_TAIL + 1,
              sizeof(image) - (IMAGE_RING_TAIL + 1) * 4);
}

void context_save(struct engine *e)
{
    e->cs.cmd_addr = 0;
    atomic_store(&e->waits, 0);
    save_position(e);
    engine_trace_context(e, TRACE_CTX_SAVE);
    reg_set(e, R_CTX_TIMESTAMP, engine_reg_read(e, R_CTX_TIMESTAMP));
    atomic_store(&e->ctx_loaded_ns, 0);
    e->loaded = false;
    engine_account_slice(e);
    if (!(reg_get(e, R_CTX_CONTROL) & CTX_CTRL_SAVE_INHIBIT))
        save_image(e);
    stop_watchdog(e);
}
