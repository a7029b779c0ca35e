/* SPDX-License-Identifier: MIT */
/*
 * cs_mi_gen7.c: the table of Haswell's memory-interface commands (Haswell PRM vol. 2a) and the
 * handlers of those that Broadwell encodes otherwise (addresses have one dword) or does not have.
 * Engine's thread.
 */
#include "softgpu/cs_mi.h"
#include "softgpu/engine_priv.h"
#include "softgpu/mem.h"
#include "softgpu/ring.h"

#define BBS_PPGTT   (1u << 8) /* on engines other than render: and without privilege */
#define BBS_USER    (1u << 13)
#define BBS_PREDICT (1u << 15)
#define BBS_SECOND  (1u << 22)

/* A batch without privilege can give none, nor leave the per-process space. */
static enum cs_result batch_buffer_start(struct engine *e, const uint32_t *cmd, uint32_t len)
{
    bool render = e->id == ENGINE_RCS, inherits = !cs_privileged(e);
    bool user = inherits || (cmd[0] & (render ? BBS_USER : BBS_PPGTT));
    bool ppgtt = inherits || (cmd[0] & BBS_PPGTT);

    if (render && (cmd[0] & BBS_PREDICT) && !(reg_get(e, R_PREDICATE_RESULT) & 1))
        return CS_NEXT;
    mi_enter_batch(e, len, render && (cmd[0] & BBS_SECOND), cmd[1], ppgtt, user);
    return CS_JUMP;
}

/* Goes on while the value in memory is greater than the command's. */
static enum cs_result conditional_end(struct engine *e, const uint32_t *cmd, uint32_t len)
{
    (void)len;
    if (!(cmd[0] & (1u << 21)))
        return CS_NEXT;
    if (mem_read32(e, cs_ppgtt_bit22(cmd[0]), cmd[2]) > cmd[1])
        return CS_NEXT;
    return mi_leave_batch(e);
}

/* A reserved dword, the address, one or two dwords. */
static enum cs_result store_data_imm(struct engine *e, const uint32_t *cmd, uint32_t len)
{
    mem_write(e, cs_ppgtt_bit22(cmd[0]), cmd[2] & ~3u, cmd + 3, (len - 3) * 4);
    return CS_NEXT;
}

/* Bit 21: predicated. */
static enum cs_result store_register_mem(struct engine *e, const uint32_t *cmd, uint32_t len)
{
    uint32_t v;

    (void)len;
    if ((cmd[0] & (1u << 21)) && !(reg_get(e, R_PREDICATE_RESULT) & 1))
        return CS_NEXT;
    if (cs_reg_read(e, cmd[1], &v))
        mem_write32(e, cs_ppgtt_bit22(cmd[0]), cmd[2], v);
    return CS_NEXT;
}

static enum cs_result load_register_mem(struct engine *e, const uint32_t *cmd, uint32_t len)
{
    (void)len;
    cs_reg_write(e, cmd[1], mem_read32(e, cs_ppgtt_bit22(cmd[0]), cmd[2]));
    return CS_NEXT;
}

/* Three dwords: a dword is written; four: a qword. The rest as on Broadwell (cs_mi_mem.c). */
static enum cs_result flush_dw(struct engine *e, const uint32_t *cmd, uint32_t len)
{
    struct cs_post_sync p = {
        .op = cmd[0] >> 14 & 3,
        .ggtt = cmd[1] & 4,
        .index = cmd[0] & (1u << 21),
        .addr = cmd[1],
        .value = cmd[2] | (len > 3 ? (uint64_t)cmd[3] << 32 : 0),
        .bytes = len > 3 ? 8 : 4,
    };

    if (cmd[0] & (1u << 18))
        tlb_invalidate_all(&e->tlb);
    cs_post_sync(e, &p);
    if (cmd[0] & (1u << 8))
        engine_raise(e, ENGINE_EVENT_PIPECTL);
    return CS_NEXT;
}

/* Global entries: the first one's page address, then the entries. */
static enum cs_result update_gtt(struct engine *e, const uint32_t *cmd, uint32_t len)
{
    uint32_t index = cmd[1] >> 12;

    for (uint32_t i = 2; i < len; i++)
        gtt_set(e->owner->gtt, index++, cmd[i]);
    return CS_NEXT;
}

/* --- semaphores ---
 * Each engine has three mailboxes that the others write, and bits 17:16 choose one; or, with bit 18
 * clear, the semaphore is in memory. Bit 21 updates it, bit 20 waits until it is greater than the
 * command's value. An update names the mailbox by its register address. */

#define MBOX_UPDATE   (1u << 21)
#define MBOX_COMPARE  (1u << 20)
#define MBOX_REGISTER (1u << 18)

static bool mailbox(struct engine *e, uint32_t header, uint32_t *value)
{
    static const uint16_t chosen[4] = {R_SYNC_0, R_SYNC_2, R_SYNC_1, 0};
    uint16_t r = chosen[header >> 16 & 3];

    if (r)
        *value = reg_get(e, r);
    return r;
}

static bool semaphore_value(struct engine *e, const uint32_t *cmd, uint32_t *value)
{
    if (cmd[0] & MBOX_REGISTER)
        return mailbox(e, cmd[0], value);
    *value = mem_read32(e, cs_ppgtt_bit22(cmd[0]), cmd[2]);
    return true;
}

static enum cs_result semaphore_mbox(struct engine *e, const uint32_t *cmd, uint32_t len)
{
    uint32_t value;

    (void)len;
    if (cmd[0] & MBOX_UPDATE) {
        if (cmd[0] & MBOX_REGISTER)
            cs_reg_write(e, cmd[2], cmd[1]);
        else
            mem_write32(e, cs_ppgtt_bit22(cmd[0]), cmd[2], cmd[1]);
    }
    if (!(cmd[0] & MBOX_COMPARE) || !semaphore_value(e, cmd, &value))
        return CS_ARB;
    ring_waits(e, value > cmd[1] ? 0 : CTL_WAIT_SEMAPHORE);
    if (value > cmd[1])
        return CS_ARB;
    if (!ring_kicked(e))
        return CS_WAIT;
    ring_waits(e, 0);
    return CS_ARB;
}

#define RCS          CS_ON(ENGINE_RCS)
#define FIXED(n)     0, n, n, CS_ON_ALL
#define UPTO(a, b)   0xff, a, b, CS_ON_ALL
#define RENDER(a, b) 0xff, a, b, RCS
#define RENDER_ONE   0, 1, 1, RCS
#define ON_SCREEN    (RCS | CS_ON(ENGINE_BCS))
#define NOT_RENDER   (CS_ON_ALL & ~RCS)

const struct cs_command cs_mi_gen7[64] = {
    [0x00] = {"MI_NOOP", FIXED(1), 0, mi_noop},
    [0x01] = {"MI_SET_PREDICATE", RENDER_ONE, 0, mi_set_predicate},
    [0x02] = {"MI_USER_INTERRUPT", FIXED(1), 0, mi_user_interrupt},
    [0x03] = {"MI_WAIT_FOR_EVENT", 0, 1, 1, ON_SCREEN, 0, mi_wait_for_event},
    [0x04] = {"MI_FLUSH", FIXED(1), 0, NULL},
    [0x05] = {"MI_ARB_CHECK", FIXED(1), 0, mi_arb_check},
    [0x06] = {"MI_RS_CONTROL", RENDER_ONE, 0, NULL},
    [0x07] = {"MI_REPORT_HEAD", FIXED(1), 0, mi_report_head},
    [0x08] = {"MI_ARB_ON_OFF", FIXED(1), CS_PRIVILEGED, mi_arb_on_off},
    [0x09] = {"MI_URB_ATOMIC_ALLOC", RENDER_ONE, 0, NULL},
    [0x0a] = {"MI_BATCH_BUFFER_END", FIXED(1), 0, mi_batch_buffer_end},
    [0x0b] = {"MI_SUSPEND_FLUSH", FIXED(1), CS_PRIVILEGED, NULL},
    [0x0c] = {"MI_PREDICATE", RENDER_ONE, 0, mi_predicate},
    [0x0d] = {"MI_TOPOLOGY_FILTER", RENDER_ONE, 0, NULL},
    [0x0e] = {"MI_SET_APPID", FIXED(1), 0, NULL},
    [0x0f] = {"MI_RS_CONTEXT", RENDER_ONE, 0, NULL},
    [0x12] = {"MI_LOAD_SCAN_LINES_INCL", 0x3f, 2, 2, ON_SCREEN, CS_PRIVILEGED, mi_load_scan_lines},
    [0x13] = {"MI_LOAD_SCAN_LINES_EXCL", 0x3f, 2, 2, ON_SCREEN, CS_PRIVILEGED, mi_load_scan_lines},
    [0x14] = {"MI_DISPLAY_FLIP", 0xff, 3, 4, ON_SCREEN, CS_PRIVILEGED, mi_display_flip},
    [0x16] = {"MI_SEMAPHORE_MBOX", UPTO(3, 3), CS_GGTT_BIT22, semaphore_mbox},
    [0x18] = {"MI_SET_CONTEXT", RENDER(2, 2), CS_PRIVILEGED, mi_set_context},
    [0x19] = {"MI_URB_CLEAR", RENDER(2, 2), 0, NULL},
    [0x1a] = {"MI_MATH", RENDER(2, 257), 0, mi_math},
    [0x20] = {"MI_STORE_DATA_IMM", 0x3f, 4, 5, CS_ON_ALL, CS_GGTT_BIT22, store_data_imm},
    [0x21] = {"MI_STORE_DATA_INDEX", UPTO(3, 4), 0, mi_store_data_index},
    [0x22] = {"MI_LOAD_REGISTER_IMM", UPTO(3, 257), 0, mi_load_register_imm},
    [0x23] = {"MI_UPDATE_GTT", 0x3f, 3, 65, CS_ON_ALL, CS_PRIVILEGED, update_gtt},
    [0x24] = {"MI_STORE_REGISTER_MEM", UPTO(3, 3), CS_GGTT_BIT22, store_register_mem},
    [0x26] = {"MI_FLUSH_DW", 0x3f, 3, 4, NOT_RENDER, 0, flush_dw},
    [0x27] = {"MI_CLFLUSH", 0x3ff, 3, 1025, RCS, CS_GGTT_BIT22, NULL},
    [0x28] = {"MI_REPORT_PERF_COUNT", 0x3f, 3, 3, RCS, 0, mi_report_perf_count_gen7},
    [0x29] = {"MI_LOAD_REGISTER_MEM", UPTO(3, 3), CS_GGTT_BIT22, load_register_mem},
    [0x2a] = {"MI_LOAD_REGISTER_REG", RENDER(3, 3), 0, mi_load_register_reg},
    [0x2b] = {"MI_RS_STORE_DATA_IMM", RENDER(4, 4), 0, NULL},
    [0x2c] = {"MI_LOAD_URB_MEM", RENDER(3, 3), 0, NULL},
    [0x2d] = {"MI_STORE_URB_MEM", RENDER(3, 3), 0, NULL},
    [0x31] = {"MI_BATCH_BUFFER_START", UPTO(2, 2), 0, batch_buffer_start},
    [0x36] = {"MI_CONDITIONAL_BATCH_BUFFER_END", UPTO(3, 3), CS_GGTT_BIT22, conditional_end},
};
