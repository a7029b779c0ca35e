/* SPDX-License-Identifier: MIT */
/*
 * Audit of gen8's command buffers; see audit.h. Called by services/sched on its own copy, never on
 * guest memory. Pure but for the caller's callbacks; any thread.
 */
#pragma once

#include "gen/audit.h"
#include "gen/cmds_gen8.h"

/*
 * Audit dw[0..n). hws: GGTT address of the guest's own status page, which store-index commands
 * are redirected to. Returns 0 with *v ok, or 1 with *v telling what and where. Every dword is
 * read from `dw`, which nobody else may be writing.
 */
int audit_gen8(enum gen8_engine engine, enum audit_where where, const uint32_t *dw, size_t n,
               uint64_t hws, const struct audit_ops *ops, void *ctx, struct audit_verdict *v);
