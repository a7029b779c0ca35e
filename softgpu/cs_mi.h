/* SPDX-License-Identifier: MIT */
/*
 * cs_mi.h: the two tables of memory-interface commands and the handlers they name.
 */
#pragma once
#include "softgpu/cs.h"

/* Haswell's (cs_mi_gen7.c) and Broadwell's (cs_mi.c), by opcode. */
extern const struct cs_command cs_mi_gen7[64], cs_mi_gen8[64];
extern const struct cs_command cs_pipe_control_gen7, cs_pipe_control_gen8;

/* cs_mi.c */
enum cs_result mi_user_interrupt(struct engine *e, const uint32_t *cmd, uint32_t len);
enum cs_result mi_noop(struct engine *e, const uint32_t *cmd, uint32_t len);
enum cs_result mi_arb_check(struct engine *e, const uint32_t *cmd, uint32_t len);
enum cs_result mi_arb_on_off(struct engine *e, const uint32_t *cmd, uint32_t len);
enum cs_result mi_batch_buffer_end(struct engine *e, const uint32_t *cmd, uint32_t len);
/* Goes back to whatever started the batch; CS_BAD on the ring. */
enum cs_result mi_leave_batch(struct engine *e);
/* The next command is a batch's first. len: of the command that starts it; second: the batch comes
 * back to the batch that starts it, which otherwise ends here; user: without privilege. */
void mi_enter_batch(struct engine *e, uint32_t len, bool second, uint64_t addr, bool ppgtt,
                    bool user);

/* cs_mi_mem.c */
enum cs_result mi_store_data_imm(struct engine *e, const uint32_t *cmd, uint32_t len);
enum cs_result mi_store_data_index(struct engine *e, const uint32_t *cmd, uint32_t len);
enum cs_result mi_load_register_imm(struct engine *e, const uint32_t *cmd, uint32_t len);
enum cs_result mi_store_register_mem(struct engine *e, const uint32_t *cmd, uint32_t len);
enum cs_result mi_load_register_mem(struct engine *e, const uint32_t *cmd, uint32_t len);
enum cs_result mi_load_register_reg(struct engine *e, const uint32_t *cmd, uint32_t len);
enum cs_result mi_flush_dw(struct engine *e, const uint32_t *cmd, uint32_t len);
enum cs_result mi_copy_mem_mem(struct engine *e, const uint32_t *cmd, uint32_t len);
enum cs_result mi_update_gtt(struct engine *e, const uint32_t *cmd, uint32_t len);
enum cs_result mi_report_head(struct engine *e, const uint32_t *cmd, uint32_t len);
/* What PIPE_CONTROL (dword 1) and MI_FLUSH_DW ask for after their flush, on either generation. */
struct cs_post_sync {
    uint32_t op;   /* 0 none, 1 immediate, 2 PS_DEPTH_COUNT (PIPE_CONTROL), 3 timestamp */
    bool ggtt;     /* a global address */
    bool index;    /* addr is an offset in a status page */
    uint64_t addr; /* of 8 bytes, or of 4 */
    uint64_t value;
    unsigned bytes; /* of an immediate: 4 or 8 */
};
void cs_post_sync(struct engine *e, const struct cs_post_sync *p);
/* cs_sema.c */
enum cs_result mi_semaphore_wait(struct engine *e, const uint32_t *cmd, uint32_t len);
enum cs_result mi_semaphore_signal(struct engine *e, const uint32_t *cmd, uint32_t len);
/* cs_mi_alu.c */
enum cs_result mi_math(struct engine *e, const uint32_t *cmd, uint32_t len);
enum cs_result mi_atomic(struct engine *e, const uint32_t *cmd, uint32_t len);
enum cs_result mi_predicate(struct engine *e, const uint32_t *cmd, uint32_t len);
enum cs_result mi_set_predicate(struct engine *e, const uint32_t *cmd, uint32_t len);

/* cs_perf.c */
enum cs_result mi_report_perf_count_gen7(struct engine *e, const uint32_t *cmd, uint32_t len);
enum cs_result mi_report_perf_count_gen8(struct engine *e, const uint32_t *cmd, uint32_t len);

/* cs_display.c */
enum cs_result mi_wait_for_event(struct engine *e, const uint32_t *cmd, uint32_t len);
enum cs_result mi_load_scan_lines(struct engine *e, const uint32_t *cmd, uint32_t len);
enum cs_result mi_display_flip(struct engine *e, const uint32_t *cmd, uint32_t len);
/* ring_context.c */
enum cs_result mi_set_context(struct engine *e, const uint32_t *cmd, uint32_t len);

/* Address of the status page that "store index" means: with ppgtt the context's own (page 0 of
 * its image), otherwise HWS_PGA's. Global addresses both. */
uint64_t cs_status_page(struct engine *e, bool own);
