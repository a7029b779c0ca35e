/* SPDX-License-Identifier: MIT */
/*
 * cs_mi.c: the table of Broadwell's memory-interface commands (Broadwell PRM vol. 2a) and the
 * handlers of those that steer execution: batches, arbitration, interrupts. Haswell's table is in
 * cs_mi_gen7.c. Engine's thread.
 */
#include "softgpu/cs_mi.h"

#include "softgpu/engine_priv.h"
#include "softgpu/engine_trace.h"
#include "softgpu/mem.h"

#define LOOP_COMMANDS 2048u /* of a loop that does next to nothing; a page of NOOPs is usual */

enum cs_result mi_user_interrupt(struct engine *e, const uint32_t *cmd, uint32_t len)
{
    (void)cmd;
    (void)len;
    engine_raise(e, ENGINE_EVENT_USER);
    return CS_NEXT;
}

/* Bit 22: the rest is an identification number. */
enum cs_result mi_noop(struct engine *e, const uint32_t *cmd, uint32_t len)
{
    (void)len;
    if (cmd[0] & (1u << 22))
        reg_set(e, R_NOPID, cmd[0] & 0x3fffff);
    return CS_NEXT;
}

enum cs_result mi_arb_check(struct engine *e, const uint32_t *cmd, uint32_t len)
{
    (void)e;
    (void)cmd;
    (void)len;
    return CS_ARB;
}

enum cs_result mi_arb_on_off(struct engine *e, const uint32_t *cmd, uint32_t len)
{
    (void)len;
    e->cs.arb_off = !(cmd[0] & 1);
    return CS_NEXT;
}

enum cs_result mi_leave_batch(struct engine *e)
{
    struct cs *cs = &e->cs;

    if (cs->level == CS_RING)
        return CS_BAD; /* no batch to end */
    engine_trace_batch_end(e, cs->cmd_addr, 0);
    if (cs->in_wa && cs->level == CS_BATCH)
        return CS_END;
    cs->level--;
    return CS_JUMP;
}

enum cs_result mi_batch_buffer_end(struct engine *e, const uint32_t *cmd, uint32_t len)
{
    (void)cmd;
    (void)len;
    return mi_leave_batch(e);
}

/* Batches that chain to themselves, doing next to nothing, are waiting for somebody to change them.
 */
static void note_loop(struct engine *e, uint64_t addr)
{
    uint64_t commands = atomic_load_explicit(&e->commands, memory_order_relaxed);
    struct cs *cs = &e->cs;

    if (addr == cs->loop_addr && commands - cs->loop_commands <= LOOP_COMMANDS)
        cs->loops++;
    else
        cs->loops = 0;
    cs->loop_addr = addr;
    cs->loop_commands = commands;
}

void mi_enter_batch(struct engine *e, uint32_t len, bool second, uint64_t addr, bool ppgtt,
                    bool user)
{
    struct cs *cs = &e->cs;
    enum cs_level to = cs->level == CS_RING ? CS_BATCH : cs->level;
    bool chained;

    if (second && cs->level == CS_BATCH)
        to = CS_BATCH2;
    chained = to == cs->level;
    if (chained)
        note_loop(e, addr);
    else
        cs_leave_behind(e, len);
    cs->level = to;
    cs->ip[to] = addr & ~3ull;
    cs->ppgtt[to] = ppgtt;
    cs->user[to] = user;
    reg_set(e, R_BBADDR, ((uint32_t)addr & ~3u) | 1);
    reg_set(e, R_BBADDR_UDW, (uint32_t)(addr >> 32));
    atomic_fetch_add_explicit(&e->batches, 1, memory_order_relaxed);
    engine_trace_batch_start(e, cs->ip[to], chained ? TRACE_F_CHAINED : 0);
}

/* Bit 22: second-level batch; bit 15: predicated; bit 8: per-process space, without privilege. A
 * batch in the per-process space cannot start one in the global space: that would give it
 * privilege. */
static enum cs_result mi_batch_buffer_start(struct engine *e, const uint32_t *cmd, uint32_t len)
{
    bool ppgtt = (cmd[0] & (1u << 8)) || !cs_privileged(e);

    if ((cmd[0] & (1u << 15)) && !(reg_get(e, R_PREDICATE_RESULT) & 1))
        return CS_NEXT;
    mi_enter_batch(e, len, cmd[0] & (1u << 22), cs_addr(cmd + 1), ppgtt, ppgtt);
    return CS_JUMP;
}

/* Goes on while the value in memory is greater than the command's. */
static enum cs_result mi_conditional_end(struct engine *e, const uint32_t *cmd, uint32_t len)
{
    (void)len;
    if (!(cmd[0] & (1u << 21)))
        return CS_NEXT;
    if (mem_read32(e, cs_ppgtt_bit22(cmd[0]), cs_addr(cmd + 2)) > cmd[1])
        return CS_NEXT;
    return mi_leave_batch(e);
}

#define FIXED(n)     0, n, n, CS_ON_ALL
#define UPTO(a, b)   0xff, a, b, CS_ON_ALL
#define RENDER(a, b) 0xff, a, b, CS_ON(ENGINE_RCS)

const struct cs_command cs_mi_gen8[64] = {
    [0x00] = {"MI_NOOP", FIXED(1), 0, mi_noop},
    [0x01] = {"MI_SET_PREDICATE", 0, 1, 1, CS_ON(ENGINE_RCS), 0, mi_set_predicate},
    [0x02] = {"MI_USER_INTERRUPT", FIXED(1), 0, mi_user_interrupt},
    [0x03] = {"MI_WAIT_FOR_EVENT", FIXED(1), 0, mi_wait_for_event},
    [0x04] = {"MI_FLUSH", FIXED(1), 0, NULL},
    [0x05] = {"MI_ARB_CHECK", FIXED(1), 0, mi_arb_check},
    [0x06] = {"MI_RS_CONTROL", FIXED(1), 0, NULL},
    [0x07] = {"MI_REPORT_HEAD", FIXED(1), 0, mi_report_head},
    [0x08] = {"MI_ARB_ON_OFF", FIXED(1), CS_PRIVILEGED, mi_arb_on_off},
    [0x09] = {"MI_URB_ATOMIC_ALLOC", FIXED(1), 0, NULL},
    [0x0a] = {"MI_BATCH_BUFFER_END", FIXED(1), 0, mi_batch_buffer_end},
    [0x0b] = {"MI_SUSPEND_FLUSH", FIXED(1), CS_PRIVILEGED, NULL},
    [0x0c] = {"MI_PREDICATE", 0, 1, 1, CS_ON(ENGINE_RCS), 0, mi_predicate},
    [0x0d] = {"MI_TOPOLOGY_FILTER", FIXED(1), 0, NULL},
    [0x0e] = {"MI_SET_APPID", FIXED(1), 0, NULL},
    [0x0f] = {"MI_RS_CONTEXT", FIXED(1), 0, NULL},
    [0x12] = {"MI_LOAD_SCAN_LINES_INCL", 0x3f, 2, 2, CS_ON_ALL, CS_PRIVILEGED, mi_load_scan_lines},
    [0x13] = {"MI_LOAD_SCAN_LINES_EXCL", 0x3f, 2, 2, CS_ON_ALL, CS_PRIVILEGED, mi_load_scan_lines},
    [0x14] = {"MI_DISPLAY_FLIP", 0xff, 3, 4, CS_ON_ALL, CS_PRIVILEGED, mi_display_flip},
    [0x18] = {"MI_SET_CONTEXT", RENDER(2, 2), CS_PRIVILEGED, NULL},
    [0x19] = {"MI_URB_CLEAR", RENDER(2, 2), 0, NULL},
    [0x1a] = {"MI_MATH", UPTO(2, 257), 0, mi_math},
    [0x1b] = {"MI_SEMAPHORE_SIGNAL", UPTO(2, 2), 0, mi_semaphore_signal},
    [0x1c] = {"MI_SEMAPHORE_WAIT", UPTO(4, 4), CS_GGTT_BIT22, mi_semaphore_wait},
    [0x20] = {"MI_STORE_DATA_IMM", 0x3ff, 4, 260, CS_ON_ALL, CS_GGTT_BIT22, mi_store_data_imm},
    [0x21] = {"MI_STORE_DATA_INDEX", UPTO(3, 4), 0, mi_store_data_index},
    [0x22] = {"MI_LOAD_REGISTER_IMM", UPTO(3, 257), 0, mi_load_register_imm},
    [0x23] = {"MI_UPDATE_GTT", 0x3ff, 4, 260, CS_ON_ALL, CS_PRIVILEGED, mi_update_gtt},
    [0x24] = {"MI_STORE_REGISTER_MEM", UPTO(4, 4), CS_GGTT_BIT22, mi_store_register_mem},
    [0x26] = {"MI_FLUSH_DW", 0x3f, 4, 5, CS_ON_ALL, 0, mi_flush_dw},
    [0x27] = {"MI_CLFLUSH", 0x3ff, 3, 1025, CS_ON_ALL, CS_GGTT_BIT22, NULL},
    [0x28] = {"MI_REPORT_PERF_COUNT", 0x3f, 4, 4, CS_ON(ENGINE_RCS), 0, mi_report_perf_count_gen8},
    [0x29] = {"MI_LOAD_REGISTER_MEM", UPTO(4, 4), CS_GGTT_BIT22, mi_load_register_mem},
    [0x2a] = {"MI_LOAD_REGISTER_REG", UPTO(3, 3), 0, mi_load_register_reg},
    [0x2b] = {"MI_RS_STORE_DATA_IMM", RENDER(4, 4), 0, NULL},
    [0x2c] = {"MI_LOAD_URB_MEM", RENDER(4, 4), 0, NULL},
    [0x2d] = {"MI_STORE_URB_MEM", RENDER(4, 4), 0, NULL},
    [0x2e] = {"MI_COPY_MEM_MEM", UPTO(5, 5), 0, mi_copy_mem_mem},
    [0x2f] = {"MI_ATOMIC", UPTO(3, 11), CS_GGTT_BIT22, mi_atomic},
    [0x31] = {"MI_BATCH_BUFFER_START", UPTO(3, 3), 0, mi_batch_buffer_start},
    [0x36] = {"MI_CONDITIONAL_BATCH_BUFFER_END", UPTO(4, 4), CS_GGTT_BIT22, mi_conditional_end},
};
