/* SPDX-License-Identifier: MIT */
/*
 * cs_mi_mem.c: memory-interface commands that move data between registers, memory and the command
 * itself. Engine's thread.
 */
#include "softgpu/cs_mi.h"

#include <string.h>

#include "softgpu/engine_kind.h"
#include "softgpu/engine_priv.h"
#include "softgpu/mem.h"

uint64_t cs_status_page(struct engine *e, bool own)
{
    return e->owner->kind->status_page(e, own);
}

/* No pixels were ever drawn, so there is no depth count but 0. A context that has no status page of
 * its own means the engine's, which is as privileged as the global space it is in. */
void cs_post_sync(struct engine *e, const struct cs_post_sync *p)
{
    uint64_t addr = p->addr & ~7ull, value = p->value;
    bool own = p->index && !p->ggtt && cs_status_page(e, true);
    bool ggtt = p->ggtt || (p->index && !own);

    if (!p->op || (ggtt && !cs_privileged(e)))
        return;
    if (p->index)
        addr = cs_status_page(e, own) + (addr & 0xff8);
    if (p->op == 2)
        value = 0;
    else if (p->op == 3)
        value = engine_ticks() & 0xfffffffffull;
    if (p->op == 1 && p->bytes == 4)
        mem_write32(e, !ggtt && !p->index, addr, (uint32_t)value);
    else
        mem_write64(e, !ggtt && !p->index, addr, value);
}

/* Bit 21: qwords; otherwise dwords. The address is followed by the data. */
enum cs_result mi_store_data_imm(struct engine *e, const uint32_t *cmd, uint32_t len)
{
    uint64_t addr = cs_addr(cmd + 1) & ~3ull;
    uint32_t n = len - 3;

    if (cmd[0] & (1u << 21))
        n &= ~1u;
    mem_write(e, cs_ppgtt_bit22(cmd[0]), addr, cmd + 3, n * 4);
    return CS_NEXT;
}

/* Bit 21: the context's own status page, if it has one. The global one needs privilege. */
enum cs_result mi_store_data_index(struct engine *e, const uint32_t *cmd, uint32_t len)
{
    bool own = cmd[0] & (1u << 21) && cs_status_page(e, true);
    uint64_t addr = cs_status_page(e, own) + (cmd[1] & 0xffc);

    if (own || cs_privileged(e))
        mem_write(e, false, addr, cmd + 2, (len - 2) * 4);
    return CS_NEXT;
}

enum cs_result mi_load_register_imm(struct engine *e, const uint32_t *cmd, uint32_t len)
{
    if (!(len & 1))
        return CS_BAD;
    for (uint32_t i = 1; i + 1 < len; i += 2)
        cs_reg_write(e, cmd[i], cmd[i + 1]);
    return CS_NEXT;
}

/* Bit 21: predicated. */
enum cs_result mi_store_register_mem(struct engine *e, const uint32_t *cmd, uint32_t len)
{
    uint32_t v;

    (void)len;
    if ((cmd[0] & (1u << 21)) && !(reg_get(e, R_PREDICATE_RESULT) & 1))
        return CS_NEXT;
    if (cs_reg_read(e, cmd[1], &v))
        mem_write32(e, cs_ppgtt_bit22(cmd[0]), cs_addr(cmd + 2), v);
    return CS_NEXT;
}

enum cs_result mi_load_register_mem(struct engine *e, const uint32_t *cmd, uint32_t len)
{
    (void)len;
    cs_reg_write(e, cmd[1], mem_read32(e, cs_ppgtt_bit22(cmd[0]), cs_addr(cmd + 2)));
    return CS_NEXT;
}

enum cs_result mi_load_register_reg(struct engine *e, const uint32_t *cmd, uint32_t len)
{
    uint32_t v;

    (void)len;
    if (cs_reg_read(e, cmd[1], &v))
        cs_reg_write(e, cmd[2], v);
    return CS_NEXT;
}

/* Post-sync operation in bits 15:14: 1 write the immediate qword, 3 the timestamp. Bit 21: the
 * address is an offset in a status page; address bit 2: global space. Bit 18: invalidate TLBs. */
enum cs_result mi_flush_dw(struct engine *e, const uint32_t *cmd, uint32_t len)
{
    struct cs_post_sync p = {
        .op = cmd[0] >> 14 & 3,
        .ggtt = cmd[1] & 4,
        .index = cmd[0] & (1u << 21),
        .addr = cs_addr(cmd + 1) & ~7ull,
        .value = cmd[3] | (len > 4 ? (uint64_t)cmd[4] << 32 : 0),
        .bytes = len > 4 ? 8 : 4,
    };

    if (cmd[0] & (1u << 18))
        tlb_invalidate_all(&e->tlb);
    cs_post_sync(e, &p);
    if (cmd[0] & (1u << 8))
        engine_raise(e, ENGINE_EVENT_PIPECTL);
    return CS_NEXT;
}

/* One dword. Bit 22: source global, bit 21: destination global. */
enum cs_result mi_copy_mem_mem(struct engine *e, const uint32_t *cmd, uint32_t len)
{
    bool src_ggtt = cmd[0] & (1u << 22), dst_ggtt = cmd[0] & (1u << 21);

    (void)len;
    if (!cs_privileged(e) && (src_ggtt || dst_ggtt))
        return CS_NEXT;
    mem_write32(e, !dst_ggtt, cs_addr(cmd + 1), mem_read32(e, !src_ggtt, cs_addr(cmd + 3)));
    return CS_NEXT;
}

/* Global entries: the first one's page address, then the entries, a qword each. */
enum cs_result mi_update_gtt(struct engine *e, const uint32_t *cmd, uint32_t len)
{
    uint32_t index = cmd[1] >> 12;

    for (uint32_t i = 2; i + 1 < len; i += 2, index++)
        gtt_set(e->owner->gtt, index, cmd[i] | (uint64_t)cmd[i + 1] << 32);
    return CS_NEXT;
}

/* Into the context's own page, if it has one. */
enum cs_result mi_report_head(struct engine *e, const uint32_t *cmd, uint32_t len)
{
    uint64_t own = cs_status_page(e, true);

    (void)cmd;
    (void)len;
    mem_write32(e, false, (own ? own : cs_status_page(e, false)) + 0x10, reg_get(e, R_HEAD));
    return CS_NEXT;
}
