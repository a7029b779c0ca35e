/* SPDX-License-Identifier: MIT */
/*
 * dispatch.c: from a trapped access to the handlers of the registers it touches, by one look-up per
 * dword, and back to the guest. Called by vgt-mmio's loop through mmio_pump(). An access is cut
 * into units (unit.c), each journalled (journal.c); one that finds a lane full is parked and its
 * vCPU waits, while the loop goes on.
 */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "gen/pvinfo.h"
#include "services/mmio/priv.h"

#include "lib/crash.h"

#define PAGE 4096u

/* What a unit of an access is served by. */
struct target {
    uint32_t granule;
    uint64_t (*read)(struct mmio *m, const struct mmio_unit *u);
    int (*write)(struct mmio *m, const struct mmio_unit *u, uint64_t value);
};

static const char *const fault_names[MMIO_FAULTS] = {
    [MMIO_FAULT_WIDTH] = "width",
    [MMIO_FAULT_UNKNOWN] = "unknown register",
    [MMIO_FAULT_READ_ONLY] = "read-only register",
    [MMIO_FAULT_RANGE] = "nothing there",
    [MMIO_FAULT_OPERAND] = "operand",
    [MMIO_FAULT_QUARANTINE] = "quarantined",
    [MMIO_FAULT_NOTIFY] = "notice",
    [MMIO_FAULT_RING] = "ring mode",
};

const char *mmio_fault_name(unsigned fault)
{
    return fault < MMIO_FAULTS ? fault_names[fault] : NULL;
}

void mmio_fault(struct mmio *m, enum mmio_fault fault)
{
    if (!m->fault[fault]++)
        m->fault_at[fault] = m->vreg->inflight[m->serving].addr;
}

/* Clocks, power, pipes, planes, ports: what vgt-display computes a guest's mode from. */
static bool of_display(uint32_t offset)
{
    return offset >= 0x45000 && offset < 0x80000;
}

/* PVINFO's notices lie among them. */
static bool for_display(uint32_t offset)
{
    return of_display(offset) && offset != PVINFO_BASE + offsetof(struct pvinfo, g2v_notify);
}

static unsigned kind_of(struct mmio *m, const struct mmio_handler *h)
{
    for (unsigned i = 0; i < m->nr_kinds; i++)
        if (m->kinds[i] == h)
            return i;
    assert(m->nr_kinds < 256);
    m->kinds[m->nr_kinds] = h;
    return m->nr_kinds++;
}

void mmio_register(struct mmio *m, const struct mmio_regs *regs, size_t nr)
{
    for (size_t i = 0; i < nr; i++) {
        assert(regs[i].offset / 4 + regs[i].dwords <= MMIO_DWORDS);
        memset(&m->handler[regs[i].offset / 4], kind_of(m, regs[i].handler), regs[i].dwords);
    }
}

/* ---- registers: BAR0 below 2 MiB */

static uint64_t byte_mask(uint32_t len)
{
    return len >= 8 ? ~0ull : (1ull << (8 * len)) - 1;
}

static uint32_t bar0_offset(const struct mmio *m, const struct mmio_unit *u)
{
    return u->addr - m->vreg->bar0;
}

static uint64_t reg_read(struct mmio *m, const struct mmio_unit *u)
{
    uint32_t offset = bar0_offset(m, u), dword = offset & ~3u;
    const struct mmio_handler *h = m->kinds[m->handler[dword / 4]];
    uint32_t value = h->read ? h->read(m, dword) : *mmio_reg(m, dword);

    return value >> (8 * (offset & 3));
}

static int reg_write(struct mmio *m, const struct mmio_unit *u, uint64_t value)
{
    uint32_t offset = bar0_offset(m, u), shift = 8 * (offset & 3);
    uint32_t dword = offset & ~3u, *reg = mmio_reg(m, dword);
    const struct mmio_handler *h = m->kinds[m->handler[dword / 4]];
    struct mmio_write w = {.offset = dword, .mask = (uint32_t)byte_mask(u->len) << shift};

    m->display_dirty |= for_display(dword);
    w.value = (*reg & ~w.mask) | ((uint32_t)value << shift & w.mask);
    if (h->write)
        return h->write(m, &w);
    *reg = w.value;
    return 0;
}

/* ---- GGTT entries: the upper half of BAR0, a granule each; those that trap */

static uint64_t gtt_read(struct mmio *m, const struct mmio_unit *u)
{
    return mmio_gtt_read(m, bar0_offset(m, u) - m->model->gtt_base, u->len);
}

static int gtt_write(struct mmio *m, const struct mmio_unit *u, uint64_t value)
{
    return mmio_gtt_write(m, bar0_offset(m, u) - m->model->gtt_base, u->len, value);
}

/* ---- config space */

static uint64_t cfg_read(struct mmio *m, const struct mmio_unit *u)
{
    return mmio_config_read(m, u->addr, u->len);
}

static int cfg_write(struct mmio *m, const struct mmio_unit *u, uint64_t value)
{
    return mmio_config_write(m, u->addr, u->len, value);
}

/* ---- guest pages whose writes trap */

static uint64_t guest_read(struct mmio *m, const struct mmio_unit *u)
{
    uint64_t value = 0;

    if (vmm_copy_from(m->s.ops, m->s.vmm, u->addr, &value, u->len)) {
        mmio_fault(m, MMIO_FAULT_RANGE);
        return ~0ull;
    }
    return value;
}

/* A full lane must find the page unchanged, and gtt, which reads the page as soon as it is told,
 * must find it changed: look for room, write, tell. */
static int guest_write(struct mmio *m, const struct mmio_unit *u, uint64_t value)
{
    int rc = mmio_post_gtt_room(m);

    if (rc)
        return rc;
    crash_point("mmio.table.room");
    if (vmm_copy_to(m->s.ops, m->s.vmm, u->addr, &value, u->len))
        mmio_fault(m, MMIO_FAULT_RANGE);
    crash_point("mmio.table.written");
    m->table_writes++;
    return mmio_post_table_write(m, u->addr / PAGE, u->addr % PAGE, u->len);
}

/* ---- everything else we trap: aperture that is not this guest's, OpRegion, the hole in BAR0 */

static uint64_t none_read(struct mmio *m, const struct mmio_unit *u)
{
    (void)u;
    mmio_fault(m, MMIO_FAULT_RANGE);
    return 0;
}

static int none_write(struct mmio *m, const struct mmio_unit *u, uint64_t value)
{
    (void)u;
    (void)value;
    mmio_fault(m, MMIO_FAULT_RANGE);
    return 0;
}

static const struct target target_reg = {4, reg_read, reg_write};
static const struct target target_gtt4 = {4, gtt_read, gtt_write};
static const struct target target_gtt8 = {8, gtt_read, gtt_write};
static const struct target target_cfg = {VREG_CFG_BYTES, cfg_read, cfg_write};
static const struct target target_guest = {PAGE, guest_read, guest_write};
static const struct target target_none = {PAGE, none_read, none_write};

/* A piece starts inside a granule of 4, so its first byte decides for all of it. */
static const struct target *target_of(const struct mmio *m, const struct vmm_access *a,
                                      uint64_t addr)
{
    uint64_t off = addr - m->vreg->bar0;

    if (a->space == VMM_CONFIG)
        return &target_cfg;
    if (a->space == VMM_GUEST)
        return &target_guest;
    if (!m->vreg->bar0)
        return &target_none;
    if (off < VREG_MMIO_BYTES)
        return &target_reg;
    if (off < m->model->gtt_base || off >= m->model->bar0_size)
        return &target_none;
    return m->model->entry_size == 4 ? &target_gtt4 : &target_gtt8;
}

static int write_unit(struct mmio *m, const struct vmm_access *a, const struct target *t,
                      const struct mmio_unit *u)
{
    uint64_t value = a->data;

    if (a->indirect) {
        value = 0;
        if (vmm_copy_from(m->s.ops, m->s.vmm, vmm_operand_addr(a, u->element), &value, a->size)) {
            mmio_fault(m, MMIO_FAULT_OPERAND);
            return 0;
        }
    }
    return t->write(m, u, value >> (8 * u->at) & byte_mask(u->len));
}

/* Reads into memory deliver each unit at once: an element is whole only in its last one. */
static void read_unit(struct mmio *m, const struct vmm_access *a, const struct target *t,
                      const struct mmio_unit *u, struct vreg_inflight *j)
{
    uint64_t value = t->read(m, u) & byte_mask(u->len), fresh = byte_mask(u->len) << (8 * u->at);

    if (!a->indirect)
        j->result = (j->result & ~fresh) | (value << (8 * u->at));
    else if (vmm_copy_to(m->s.ops, m->s.vmm, vmm_operand_addr(a, u->element) + u->at, &value,
                         u->len))
        mmio_fault(m, MMIO_FAULT_OPERAND);
}

static int do_piece(struct mmio *m, const struct vmm_access *a, struct vreg_inflight *j,
                    uint64_t unit, const struct target *t, const struct mmio_unit *u)
{
    int rc = 0;

    j->undo_len = 0;
    mmio_journal_step(j, unit, VREG_STARTED);
    crash_point("mmio.unit.started");
    if (t == &target_reg)
        mmio_journal_save_reg(m, j, bar0_offset(m, u) & ~3u);
    crash_point("mmio.unit.undo");
    if (a->write)
        rc = write_unit(m, a, t, u);
    else
        read_unit(m, a, t, u, j);
    crash_point("mmio.unit.applied");
    return rc;
}

static int do_unit(struct mmio *m, const struct vmm_access *a, struct vreg_inflight *j,
                   uint64_t unit)
{
    const struct target *t = target_of(m, a, mmio_unit(a, unit, 4).addr);
    struct mmio_unit u = mmio_unit(a, unit, t->granule);

    return u.len ? do_piece(m, a, j, unit, t, &u) : 0;
}

/* All of it in one granule, as nearly every access is: what it is served by; else NULL. */
static const struct target *single(const struct mmio *m, const struct vmm_access *a)
{
    const struct target *t = target_of(m, a, a->addr);

    return a->count == 1 && (a->addr & (t->granule - 1)) + a->size <= t->granule ? t : NULL;
}

static int answer(struct mmio *m, const struct vmm_access *a, struct vreg_inflight *j)
{
    int rc;

    mmio_journal_step(j, 0, VREG_APPLIED);
    crash_point("mmio.access.applied");
    if (m->s.trace)
        m->s.trace(m->s.trace_ctx, a, j->result);
    rc = m->s.ops->complete(m->s.vmm, a->vcpu, j->result);
    crash_point("mmio.access.answered");
    if (!rc)
        mmio_journal_step(j, 0, VREG_IDLE);
    crash_point("mmio.access.idle");
    m->accesses++;
    return rc;
}

static int park(struct mmio *m, const struct vmm_access *a, struct vreg_inflight *j)
{
    mmio_journal_roll_back(m, j);
    crash_point("mmio.access.parked");
    m->parked[a->vcpu] = *a;
    m->parked[a->vcpu].replay = true; /* go on from the journal */
    m->waiting[a->vcpu / 64] |= 1ull << (a->vcpu % 64);
    return MMIO_LATER;
}

static int do_units(struct mmio *m, const struct vmm_access *a, struct vreg_inflight *j)
{
    const struct target *t = single(m, a);
    const struct mmio_unit whole = {.addr = a->addr, .len = a->size};
    uint64_t units = t ? 1 : (uint64_t)a->count * MMIO_PIECES;

    for (uint64_t unit = mmio_journal_unit(j); unit < units; unit++) {
        int rc = t ? do_piece(m, a, j, unit, t, &whole) : do_unit(m, a, j, unit);

        if (rc)
            return rc;
        mmio_journal_step(j, unit + 1, VREG_TAKEN);
        crash_point("mmio.unit.done");
    }
    return 0;
}

/* 0: answered; MMIO_LATER: parked; -errno of the seam. */
static int serve(struct mmio *m, const struct vmm_access *a)
{
    struct vreg_inflight *j = mmio_journal_take(m, a);
    int rc;

    crash_point("mmio.access.taken");
    m->serving = a->vcpu;
    if (mmio_journal_stage(j) == VREG_APPLIED)
        return answer(m, a, j);
    if (mmio_bad(m, a, j)) {
        mmio_fault(m, MMIO_FAULT_QUARANTINE);
        j->result = ~0ull;
        return answer(m, a, j);
    }
    rc = do_units(m, a, j);
    if (rc == MMIO_LATER)
        return park(m, a, j);
    if (!rc)
        return answer(m, a, j);
    mmio_journal_roll_back(m, j); /* the seam's fault: this process ends, but not of it */
    return rc;
}

/* All of one register, whatever serves it, and nobody wants to know more. A record that is not idle
 * is overwritten before it can be taken for this access's. */
static bool is_plain(const struct mmio *m, const struct vmm_access *a,
                     const struct vreg_inflight *j, uint64_t offset)
{
    if (a->space != VMM_MMIO || a->size != 4 || a->count != 1 || a->replay || a->indirect)
        return false;
    if (offset & ~(uint64_t)(VREG_MMIO_BYTES - 4) || !m->vreg->bar0) /* within, and whole */
        return false;
    return !m->s.trace && !mmio_suspects(m) && mmio_journal_stage(j) == VREG_IDLE;
}

/* Nothing changes and nothing can go wrong: nothing to note for a successor, who answers it anew.
 */
static int plain_read(struct mmio *m, const struct vmm_access *a, uint32_t offset)
{
    m->accesses++;
    return m->s.ops->complete(m->s.vmm, a->vcpu, m->vreg->mmio[offset / 4]);
}

/* A store, which can be done again: the note says no more than where and what. */
static int plain_write(struct mmio *m, const struct vmm_access *a, struct vreg_inflight *j,
                       uint32_t offset)
{
    int rc;

    j->addr = a->addr;
    j->data = a->data;
    __atomic_store_n(&j->progress, VREG_STORED, __ATOMIC_RELEASE);
    crash_point("mmio.plain.noted");
    m->display_dirty |= of_display(offset); /* no notice: that is not plain */
    *mmio_reg(m, offset) = (uint32_t)a->data;
    crash_point("mmio.plain.stored");
    rc = m->s.ops->complete(m->s.vmm, a->vcpu, 0);
    crash_point("mmio.plain.answered");
    if (!rc)
        __atomic_store_n(&j->progress, VREG_IDLE, __ATOMIC_RELEASE);
    m->accesses++;
    return rc;
}

static int take(struct mmio *m, const struct vmm_access *a)
{
    struct vreg_inflight *j = &m->vreg->inflight[a->vcpu];
    uint64_t offset = a->addr - m->vreg->bar0;
    const struct mmio_handler *h;

    if (is_plain(m, a, j, offset)) {
        h = m->kinds[m->handler[offset / 4]];
        if (a->write && !h->write)
            return plain_write(m, a, j, (uint32_t)offset);
        if (!a->write && !h->read)
            return plain_read(m, a, (uint32_t)offset);
    }
    m->replayed += a->replay;
    return serve(m, a);
}

/* Each parked access once: those that find the lane still full park again. */
static int pump_parked(struct mmio *m)
{
    int done = 0;

    for (unsigned w = 0; w < VMM_MAX_VCPUS / 64; w++) {
        for (uint64_t left = m->waiting[w]; left; left &= left - 1) {
            unsigned vcpu = w * 64 + __builtin_ctzll(left);
            int rc;

            m->waiting[w] &= ~(left & -left);
            rc = serve(m, &m->parked[vcpu]);
            if (rc < 0)
                return rc;
            done += rc == 0;
        }
    }
    return done;
}

int mmio_pump(struct mmio *m)
{
    struct vmm_access a;
    int done = pump_parked(m), rc;

    if (done < 0)
        return done;
    while ((rc = m->s.ops->next(m->s.vmm, &a)) == 1) {
        rc = take(m, &a);
        if (rc < 0)
            return rc;
        done += rc == 0;
    }
    return rc < 0 ? rc : done;
}
