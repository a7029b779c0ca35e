/* SPDX-License-Identifier: MIT */
/*
 * Audit of gen7.5's command buffers (Haswell): the part of a ring that is to be executed, and
 * batches that come with a privilege or are fetched from the GGTT; see audit.h. Every patch keeps
 * the buffer's length. Called by services/sched on its own copy, never on guest memory. Pure but
 * for the caller's callbacks; any thread.
 *
 * What it takes for granted, which is the caller's to see to: PPGTT is on, and so is all that
 * docs/haswell.md says of HWS_PGA: the page that store-index commands go to is the guest's own
 * while these commands run. Such commands stay as they are if they stay inside the page.
 */
#pragma once

#include "gen/audit.h"
#include "gen/cmds_gen7.h"

/*
 * Audit dw[0..n) for an engine that Haswell has. Returns 0 with *v ok, or 1 with *v telling what
 * and where. Every dword is read from `dw`, which nobody else may be writing. `where` is any but
 * AUDIT_INDIRECT_CTX.
 *
 * What the patches of this generation mean beyond audit.h:
 *
 * AUDIT_PATCH_BATCH: the batch at `addr` in `space` is to be copied, audited whole as AUDIT_BATCH
 * or AUDIT_BATCH_2ND, and run from the GGTT, with or without privilege as the guest wants it. Put
 * words[0], the header that says so, at `at`, and the copy's GGTT address at at + 1. An
 * unprivileged batch in the PPGTT gives none: hardware confines it.
 *
 * AUDIT_PATCH_PDP: PP_DIR_BASE of the engine itself. PP_DIR_DCLV becomes all ones, as plain words.
 *
 * AUDIT_PATCH_SEMAPHORE: `words` are a header, made if there was none: MI_MBOX_UPDATE, a signal of
 * the value words[1] to the mailbox register words[2]; MI_MBOX_COMPARE, a wait until the mailbox
 * MI_MBOX_SELECT(words[0]) holds more than words[1]. Not in batches. A load of a mailbox is such
 * a signal; it has been made harmless by a patch before, and `len` is 0.
 */
int audit_gen7(enum gen8_engine engine, enum audit_where where, const uint32_t *dw, size_t n,
               const struct audit_ops *ops, void *ctx, struct audit_verdict *v);
