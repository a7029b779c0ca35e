/* SPDX-License-Identifier: MIT */
/*
 * cs_mi.h: handlers of memory-interface commands that live outside cs_mi.c, named for its table.
 */
#pragma once
#include "softgpu/cs.h"

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
/* cs_sema.c */
enum cs_result mi_semaphore_wait(struct engine *e, const uint32_t *cmd, uint32_t len);
enum cs_result mi_semaphore_signal(struct engine *e, const uint32_t *cmd, uint32_t len);
/* cs_mi_alu.c */
enum cs_result mi_math(struct engine *e, const uint32_t *cmd, uint32_t len);
enum cs_result mi_atomic(struct engine *e, const uint32_t *cmd, uint32_t len);
enum cs_result mi_predicate(struct engine *e, const uint32_t *cmd, uint32_t len);
enum cs_result mi_set_predicate(struct engine *e, const uint32_t *cmd, uint32_t len);

/* Address of the status page that "store index" means: with ppgtt the context's own (page 0 of
 * its image), otherwise HWS_PGA's. Global addresses both. */
uint64_t cs_status_page(struct engine *e, bool own);
