/* SPDX-License-Identifier: MIT */
/*
 * priv.h: between the files of services/mmio only: what a register handler is and the helpers it
 * may use. A handler sees whole, aligned dwords: dispatch.c splits and merges narrower and wider
 * accesses, and journals each one so that it can be done again after a crash.
 */
#pragma once
#include <string.h>

#include "gen/gen8_engine.h"
#include "gen/regs.h"
#include "services/mmio/mmio.h"
#include "services/wire/mmio_sched.h"

/* One write to one dword. value is merged with the old contents where mask is 0. */
struct mmio_write {
    uint32_t offset;
    uint32_t value;
    uint32_t mask; /* bits the guest really wrote, whole bytes */
};

struct mmio_handler {
    const char *name;
    /* NULL: the stored value. May change state (after mmio_undo()). */
    uint32_t (*read)(struct mmio *m, uint32_t offset);
    /* NULL: store. 0, MMIO_LATER or -errno of the seam. */
    int (*write)(struct mmio *m, const struct mmio_write *w);
};

struct mmio_regs {
    uint32_t offset, dwords;
    const struct mmio_handler *handler;
};

/* dispatch.c */
void mmio_register(struct mmio *m, const struct mmio_regs *regs, size_t nr);
void mmio_fault(struct mmio *m, enum mmio_fault fault);
/* Before the first change of len bytes at *state inside the vreg file: a redo starts from them. At
 * most once per handler call, and before anything else the handler changes; the register's own
 * dword is saved already when a handler does not call it. */
void mmio_undo(struct mmio *m, const void *state, uint32_t len);

static inline uint32_t *mmio_reg(struct mmio *m, uint32_t offset)
{
    return &m->vreg->mmio[offset / 4];
}

/* engine.c: masked registers, of which a write's upper half says which bits of the lower it means
 */
static inline uint32_t mmio_masked(uint32_t old, const struct mmio_write *w)
{
    uint32_t value = w->value & w->mask, select = value >> 16;

    return (old & ~select & 0xffff) | (value & select);
}

/* Whose block of registers, 4 KiB, an offset is in; GEN8_ENGINES: nobody's. */
uint32_t mmio_engine_of(uint32_t offset);

extern const struct mmio_handler mmio_masked_handler, mmio_ro_handler, mmio_timestamp_handler;

/* unit.c: the pieces of an access. */
struct mmio_unit {
    uint64_t addr;    /* of this piece's first byte */
    uint32_t element; /* which element of a REP access */
    uint8_t at, len;  /* bytes of the element: first, how many; len 0: no such piece */
};
#define MMIO_PIECES 4u /* units per element; not all need exist */
struct mmio_unit mmio_unit(const struct vmm_access *a, uint64_t unit, uint32_t granule);

/* journal.c */
uint8_t mmio_journal_flags(const struct vmm_access *a);
struct vreg_inflight *mmio_journal_take(struct mmio *m, const struct vmm_access *a);
void mmio_journal_step(struct vreg_inflight *j, uint64_t unit, enum vreg_stage stage);
static inline uint64_t mmio_journal_unit(const struct vreg_inflight *j)
{
    return j->progress >> 8;
}
static inline enum vreg_stage mmio_journal_stage(const struct vreg_inflight *j)
{
    return (enum vreg_stage)(j->progress & 0xff);
}
void mmio_journal_roll_back(struct mmio *m, struct vreg_inflight *j);
/* mmio_undo() of a register that is about to be served, when nothing is saved yet. */
static inline void mmio_journal_save_reg(struct mmio *m, struct vreg_inflight *j, uint32_t offset)
{
    const uint32_t *reg = mmio_reg(m, offset);

    memcpy(j->undo, reg, sizeof *reg);
    j->undo_at = (uint32_t)((const uint8_t *)reg - (const uint8_t *)m->vreg);
    __atomic_store_n(&j->undo_len, sizeof *reg, __ATOMIC_RELEASE);
}
/* At start, before anything else changes: the access a former process died in. */
void mmio_journal_recover(struct mmio *m);

/* bad.c: is the access, with its record, not to be served: because it killed before, as its record
 * says, or another one like it did? */
bool mmio_bad_access(struct mmio *m, const struct vmm_access *a, const struct vreg_inflight *j);
/* Did any? */
static inline bool mmio_suspects(const struct mmio *m)
{
    return m->s.quarantine && m->s.quarantine->known;
}
static inline bool mmio_bad(struct mmio *m, const struct vmm_access *a,
                            const struct vreg_inflight *j)
{
    return (j->crashes || mmio_suspects(m)) && mmio_bad_access(m, a, j);
}

/* events.c: what gtt has said so far: 0, MMIO_LATER with a message that waits for room in our lane
 * to gtt, LANE_BROKEN, -errno. */
int mmio_events_gtt(struct mmio *m);

/* lift.c: pages with page tables that go untrapped until the guest submits next. Note that one
 * does, false: no place; let one that traps; drop one from the list, trapping or not; before a
 * submission: all trap and are told to gtt, 0, MMIO_LATER. */
bool mmio_lift_note(struct mmio *m, uint64_t gfn);
void mmio_lift(struct mmio *m, uint64_t gfn);
void mmio_lift_forget(struct mmio *m, uint64_t gfn);
int mmio_lift_end(struct mmio *m);

/* post.c: the lanes. 0, MMIO_LATER. */
int mmio_post_pte(struct mmio *m, uint64_t index, uint64_t value);
int mmio_post_table_write(struct mmio *m, uint64_t gfn, uint32_t offset, uint32_t len);
/* Will the next message to gtt find room? 0: yes; MMIO_LATER. */
int mmio_post_gtt_room(struct mmio *m);
/* Has gtt done all it was told, shadow tables and all? 0: yes; MMIO_LATER: the wake is asked for.
 */
int mmio_post_gtt_settled(struct mmio *m);
int mmio_post_ppgtt(struct mmio *m, bool create, uint32_t level, const uint64_t pdp[4]);
int mmio_post_fence(struct mmio *m, uint64_t index, uint64_t value);
int mmio_post_gtt_reset(struct mmio *m);
int mmio_post_elsp(struct mmio *m, uint32_t engine, const uint64_t desc[2]);
int mmio_post_engine_reset(struct mmio *m, uint32_t mask);
int mmio_post_hwsp(struct mmio *m, uint32_t engine, uint32_t gma);
int mmio_post_reg(struct mmio *m, uint32_t engine, uint32_t offset, uint32_t value);
int mmio_post_ring(struct mmio *m, uint32_t engine, uint32_t offset,
                   const struct mmio_sched_ring *ring);
int mmio_post_tail(struct mmio *m, uint32_t engine, uint32_t offset, uint32_t tail);

/* The parts of the device: each registers its handlers and sets its reset values. */
struct mmio_part {
    void (*attach)(struct mmio *m); /* every start; NULL: nothing to do */
    void (*reset)(struct mmio *m);  /* first start and whole-device reset; NULL */
};
extern const struct mmio_part mmio_part_irq7, mmio_part_irq8, mmio_part_ring7, mmio_part_ring8,
    mmio_part_engine, mmio_part_pvinfo, mmio_part_fence, mmio_part_gtt, mmio_part_display,
    mmio_part_analog, mmio_part_gmbus, mmio_part_aux, mmio_part_power7, mmio_part_power8;

/* The interrupt tree of a generation: each returns whether an MSI is due now. */
struct mmio_irq {
    bool (*engine)(struct mmio *m, uint32_t engine, uint32_t events); /* IRQ_ENGINE_* */
    bool (*pipe)(struct mmio *m, uint32_t pipe, uint32_t events);     /* IRQ_PIPE_* */
    bool (*pch)(struct mmio *m, uint32_t live); /* hot-plug live state, bits of the PCH's ISR */
    bool (*line)(const struct mmio *m);         /* is it high? */
};
extern const struct mmio_irq mmio_irq7, mmio_irq8;

/* model.c: what differs between generations. Chosen once, when the service starts. */
struct mmio_model {
    const struct regs_table *regs;
    const struct mmio_part *const *parts; /* ends with NULL */
    const struct mmio_irq *irq;
    uint32_t bar0_size, gtt_base; /* bytes; where in BAR0 the GGTT's entries begin */
    uint32_t entry_size;          /* bytes of one, 4 or 8 */
    uint32_t entries;
    uint32_t ggc;        /* PCI config 0x50 */
    uint32_t msac_shift; /* of the aperture's size in the dword at PCI config 0x60 */
    uint32_t msac_mask;
    uint32_t straps; /* SFUSE_STRAP */
    bool notices;    /* its drivers tell of their page tables in PVINFO */
    void (*reset_engine)(struct mmio *m, uint32_t engine); /* after sched was told */
    /* What sched tells of an engine, except interrupts. */
    void (*status)(struct mmio *m, const struct sched_mmio *e);
};
/* NULL for a generation that is none. */
const struct mmio_model *mmio_model(uint32_t gen);

/* policy.c: the default handler of every register, and its reset value. 0 or -ENOMEM. */
int mmio_policy_attach(struct mmio *m, bool reset);

/* config.c: PCI config space, one access (1, 2, 4 bytes, any alignment inside a dword). */
void mmio_config_reset(struct mmio *m);
uint64_t mmio_config_read(const struct mmio *m, uint32_t at, uint32_t len);
int mmio_config_write(struct mmio *m, uint32_t at, uint32_t len, uint64_t value);
/* Trap what the registers say, after any change and at start. */
int mmio_config_apply(struct mmio *m);
bool mmio_config_msi(const struct mmio *m, uint64_t *addr, uint32_t *data);

/* gtt.c: one piece of an access to the GGTT's entries. at: byte offset from the first entry. */
uint64_t mmio_gtt_read(const struct mmio *m, uint32_t at, uint32_t len);
int mmio_gtt_write(struct mmio *m, uint32_t at, uint32_t len, uint64_t value);

/* irq.c */
int mmio_irq_pipe(struct mmio *m, uint32_t pipe, uint32_t events);
int mmio_irq_engine(struct mmio *m, uint32_t engine, uint32_t events);
int mmio_irq_send(struct mmio *m);
void mmio_irq_attach(struct mmio *m); /* registers beside the tree, the same in both */

/* ring8.c */
void mmio_ring8_reset(struct mmio *m, uint32_t engine);
void mmio_ring8_status(struct mmio *m, const struct sched_mmio *e);

/* ring7.c */
void mmio_ring7_reset(struct mmio *m, uint32_t engine);
void mmio_ring7_status(struct mmio *m, const struct sched_mmio *e);
