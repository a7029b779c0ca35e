/* SPDX-License-Identifier: MIT */
/*
 * conduct.c: the rules of conduct.h. ELSP and GDRST are watched on the transport thread (or that
 * of an engine whose commands write them), translations on the engine's own.
 */
#include "softgpu/conduct.h"

#include "softgpu/engine_kind.h"
#include "softgpu/engine_priv.h"
#include "softgpu/gdrst.h"
#include "softgpu/offence.h"

#define RC_CONTROL        0xa090u /* GEN6_RC_CONTROL */
#define RC_STATE          0xa094u /* GEN6_RC_STATE */
#define RC_TARGET         (7u << 16)
#define RC_HW_ENABLE      (1u << 31)
#define RC_RC6_ENABLE     (1u << 18)
#define FORCEWAKE_ACK_HSW 0x130044u
#define GFX_RUN_LIST      (1u << 15) /* RING_MODE */
#define PPAT_LO           0x0e0u     /* 0x40e0, in the 0x4000 block; high dword follows */
#define MASKED(bit)       ((bit) << 16)
#define RESET_REQUEST     1u

/* An access this small is checked each time; of larger ones (rows of blits) one in STRIDE. */
#define SMALL  64u
#define STRIDE 16u

enum {
    ST_ASLEEP = 1u << 0,
    ST_IN_RESET = 1u << 1,
    ST_NO_FORCEWAKE = 1u << 2, /* the rest under --strict only */
    ST_NO_PPAT = 1u << 3,
    ST_NO_HWSP = 1u << 4,
    ST_NO_RUN_LIST = 1u << 5,
    ST_NO_DIRECTORY = 1u << 6,
};
#define ST_MISSING (ST_NO_FORCEWAKE | ST_NO_PPAT | ST_NO_HWSP | ST_NO_RUN_LIST | ST_NO_DIRECTORY)

static struct offences *book(struct engine *e)
{
    return judge_offences(e->owner->judge);
}

/* --- submission --- */

static bool idle(struct engine *e)
{
    bool idle;

    pthread_mutex_lock(&e->lock);
    idle = !e->active && !e->working && !(atomic_load(&e->attention) & ATT_PENDING);
    pthread_mutex_unlock(&e->lock);
    return idle;
}

/* Where software put the GT to sleep by hand (RC6 on, its timers off, a target state asked for),
 * nothing holds forcewake and no engine works, a write to ELSP can get lost: it is not among the
 * shadowed registers. While the timers decide, the write itself wakes the GT: i915 relies on it. */
static bool asleep(struct engines *es)
{
    const struct engines_ops *ops = &es->ops;
    uint32_t rc = ops->mmio_read(ops->opaque, RC_CONTROL);

    if ((rc & RC_HW_ENABLE) || !(rc & RC_RC6_ENABLE) ||
        !(ops->mmio_read(ops->opaque, RC_STATE) & RC_TARGET) ||
        ops->mmio_read(ops->opaque, FORCEWAKE_ACK_HSW) & 0xffff)
        return false;
    for (unsigned i = 0; i < es->count; i++) {
        if (!idle(&es->engine[i]))
            return false;
    }
    return true;
}

static unsigned missing_for_all(struct engine *e)
{
    return (atomic_load(&e->owner->awoken) ? 0 : ST_NO_FORCEWAKE) |
           (e->owner->kind->status_page(e, false) ? 0 : ST_NO_HWSP);
}

unsigned conduct_missing_gen8(struct engine *e)
{
    _Atomic uint32_t *gam = e->owner->gam;
    bool ppat = atomic_load(&gam[PPAT_LO / 4]) || atomic_load(&gam[PPAT_LO / 4 + 1]);

    return missing_for_all(e) | (ppat ? 0 : ST_NO_PPAT) |
           (reg_get(e, R_MODE) & GFX_RUN_LIST ? 0 : ST_NO_RUN_LIST);
}

/* A directory is wanted only where PPGTT is on. One at the very start of the table would be on the
 * pages below it, where i915 keeps none: there is no valid PP_DIR_BASE of 0. */
unsigned conduct_missing_gen7(struct engine *e)
{
    bool directory = reg_get(e, R_PP_DIR_BASE) && reg_get(e, R_PP_DIR_DCLV);

    return missing_for_all(e) |
           (directory || !(reg_get(e, R_MODE) & MODE_PPGTT) ? 0 : ST_NO_DIRECTORY);
}

static unsigned state_of(struct engine *e)
{
    return (gdrst_busy(e) ? ST_IN_RESET : 0) |
           (atomic_load(&e->owner->strict) ? e->owner->kind->missing_steps(e) : 0);
}

unsigned conduct_state(struct engine *e)
{
    return state_of(e) | (asleep(e->owner) ? ST_ASLEEP : 0);
}

static const struct {
    unsigned bit;
    enum offence_kind kind;
    const char *detail; /* NULL: how the work was handed over */
} submit_rules[] = {
    {ST_ASLEEP, OFFENCE_ELSP_ASLEEP,
     "the GT was put to RC6, forcewake is off and all engines are idle"},
    {ST_IN_RESET, OFFENCE_SUBMIT_IN_RESET, NULL},
    {ST_NO_FORCEWAKE, OFFENCE_NOT_INITIALISED, "forcewake has never been acknowledged"},
    {ST_NO_PPAT, OFFENCE_NOT_INITIALISED, "PPAT (0x40e0, 0x40e4) is 0"},
    {ST_NO_HWSP, OFFENCE_NOT_INITIALISED, "HWS_PGA is 0"},
    {ST_NO_RUN_LIST, OFFENCE_NOT_INITIALISED, "RING_MODE has no execlists (bit 15)"},
    {ST_NO_DIRECTORY, OFFENCE_NOT_INITIALISED, "PPGTT is on, PP_DIR_BASE or PP_DIR_DCLV is 0"},
};

static void report_state(struct engine *e, struct offence off, unsigned state, const char *how)
{
    for (unsigned i = 0; i < sizeof(submit_rules) / sizeof(submit_rules[0]); i++) {
        if (!(state & submit_rules[i].bit))
            continue;
        off.kind = submit_rules[i].kind;
        off.detail = submit_rules[i].detail ? submit_rules[i].detail : how;
        offences_report(book(e), &off);
    }
}

bool conduct_submit(struct engine *e, uint64_t desc0, uint64_t desc1, unsigned state)
{
    struct offence off = {.engine = e->id, .lrca = DESC_LRCA(desc0), .value = desc0};

    report_state(e, off, state, "ELSP");
    if (desc0 & desc1 & DESC_VALID && DESC_LRCA(desc0) == DESC_LRCA(desc1)) {
        off.kind = OFFENCE_ELSP_SAME_CONTEXT;
        off.value = desc1;
        offences_report(book(e), &off);
    }
    return !(state & ST_MISSING);
}

bool conduct_tail(struct engine *e, uint32_t value)
{
    struct offence off = {.engine = e->id, .value = value};
    unsigned state;

    pthread_mutex_lock(&e->lock);
    off.lrca = e->owner->kind->context(e);
    pthread_mutex_unlock(&e->lock);
    if (!(reg_get(e, R_CTL) & CTL_VALID))
        return true;
    state = state_of(e);
    report_state(e, off, state, "RING_TAIL");
    return !(state & ST_MISSING);
}

/* --- reset --- */

void conduct_ready(struct engine *e, uint32_t value)
{
    if (value & MASKED(RESET_REQUEST))
        atomic_store(&e->ready_asked, value & RESET_REQUEST);
}

void conduct_reset(struct engines *es, uint32_t bits)
{
    for (unsigned i = 0; i < es->count; i++) {
        struct engine *e = &es->engine[i];
        struct offence off = {.kind = OFFENCE_RESET_NOT_READY, .engine = e->id, .value = bits};

        if (es->kind->asks_ready && bits & gdrst_bits(e->id) && !atomic_load(&e->ready_asked))
            offences_report(book(e), &off);
    }
}

/* --- translation --- */

static struct offence translation(struct engine *e, enum offence_kind kind, bool ppgtt,
                                  uint64_t addr, uint64_t entry)
{
    struct offence off = {
        .kind = kind,
        .engine = e->id,
        .lrca = e->owner->kind->context(e),
        .cmd_addr = e->cs.cmd_addr,
        .gpu_addr = addr,
        .ppgtt = ppgtt,
        .mfn = GTT_ADDR(entry) >> 12,
    };

    engine_walk(e, ppgtt, addr, &off.walk);
    return off;
}

/* The frame that the tables name now; false when they name none. */
static bool current(struct engine *e, bool ppgtt, uint64_t addr, uint64_t *frame)
{
    struct ppgtt p;
    uint64_t entry;

    if (!ppgtt) {
        entry = gtt_entry(e->owner->gtt, addr);
    } else {
        e->owner->kind->space(e, &p);
        p.dir = NULL;
        if (ppgtt_walk(e->owner->dma, &p, addr, &entry, NULL, NULL))
            return false;
    }
    *frame = GTT_ADDR(entry);
    return entry & GTT_PRESENT;
}

/* An invalidation that came while we looked makes the question void: the access was under way. */
void conduct_hit(struct engine *e, bool ppgtt, uint64_t addr, uint64_t entry, uint64_t gen,
                 uint32_t len)
{
    enum tlb_space space = ppgtt ? TLB_PPGTT : TLB_GGTT;
    struct offence off;
    uint64_t frame = 0;

    if (ppgtt && len > SMALL && ++e->hits % STRIDE)
        return;
    if (current(e, ppgtt, addr, &frame) && frame == GTT_ADDR(entry))
        return;
    if (tlb_gen(&e->tlb, space) != gen)
        return;
    off = translation(e, OFFENCE_STALE_TLB, ppgtt, addr, entry);
    off.detail = frame ? "the entry names another frame now" : "the entry is not present now";
    offences_report(book(e), &off);
}

/* Hardware may have cached the old entry, or hold back the write to it, until it is told. Each
 * change is held against the driver once. place: the GGTT address of the entry's page. */
static void check_flushed(struct engine *e, bool ppgtt, uint64_t place, uint64_t addr,
                          uint64_t entry)
{
    struct gtt *g = e->owner->gtt;
    uint64_t number = gtt_written(g, place);
    struct offence off;

    if (number <= tlb_seen(&e->tlb, TLB_GGTT) || !gtt_forget_write(g, place, number))
        return;
    off = translation(e, OFFENCE_GGTT_NOT_FLUSHED, ppgtt, addr, entry);
    offences_report(book(e), &off);
}

void conduct_ggtt_fill(struct engine *e, uint64_t addr, uint64_t entry)
{
    check_flushed(e, false, addr, addr, entry);
}

void conduct_directory(struct engine *e, const struct ppgtt *p, uint64_t addr)
{
    uint32_t used = gtt7_pde(p, addr), now = gtt7_pde_now(p, addr);
    struct ppgtt again;
    struct offence off;

    if (gtt7_entry(used) == gtt7_entry(now)) {
        check_flushed(e, true, gtt7_pde_place(p, addr), addr, gtt7_entry(used));
        return;
    }
    e->owner->kind->space(e, &again);
    if (again.dir_gen != p->dir_gen)
        return; /* told meanwhile: the access was under way */
    off = translation(e, OFFENCE_STALE_TLB, true, addr, gtt7_entry(used));
    off.detail = "the page directory's entry was loaded before it changed";
    offences_report(book(e), &off);
}
