/* SPDX-License-Identifier: MIT */
/*
 * Render contexts of gen7.5 (Haswell): the image that MI_SET_CONTEXT names, and the command's
 * second dword. The engine executes an image with privilege when it restores it, so a guest's is
 * copied and audited before an engine is given the copy. Called by services/sched and audit_gen7;
 * pure functions, any thread.
 *
 * What is known of an image, and from where. i915: 17 pages, of which the hardware writes 66944
 * bytes; neither a ring's registers nor page directories are in it, as it is without execlists;
 * only the render engine has one. PRM (vol. 7, "Register State Context"), by way of softgpu: it
 * is a list of MI_LOAD_REGISTER_IMM; the resource streamer's part is restored and saved only if
 * the command says so. Broadwell's PRM: state commands of the 3D pipe stand between the loads, and
 * MI_BATCH_BUFFER_END behind them. Where in the image a list stands is known of softgpu only, so
 * the audit does not depend on it. What stands behind an end might still be read as the
 * streamer's part: it has to pass, too. No image of real hardware has been seen: one that is
 * refused there says what the list in cmdregs_gen7.c lacks.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CTX_GEN7_PAGES    17u
#define CTX_GEN7_DWORDS   (CTX_GEN7_PAGES * 1024u)
#define CTX_GEN7_STREAMER 384u /* dword at which ctx_gen7_init() puts the streamer's part */

enum ctx_gen7_reason {
    CTX_GEN7_OK,
    CTX_GEN7_BAD_SIZE,     /* not 17 pages */
    CTX_GEN7_BAD_COMMAND,  /* neither a load nor a state command, or its length is wrong */
    CTX_GEN7_BAD_REGISTER, /* a load of a register that no image holds */
    CTX_GEN7_BAD_OPTION,   /* a state command that gives threads more than the PPGTT */
};

struct ctx_gen7_verdict {
    enum ctx_gen7_reason reason;
    uint32_t at; /* dword index in the image */
};

/*
 * Audit a copy of a whole image, n dwords: loads of image registers, state commands that reach the
 * PPGTT only and start nothing, MI_NOOP, and ends; the end of the last page is one by itself.
 * Returns 0, or 1 with *v.
 */
int ctx_gen7_audit(const uint32_t *image, size_t n, struct ctx_gen7_verdict *v);

/*
 * Write an image of nobody's, CTX_GEN7_DWORDS: restoring it puts 0 into each register that an
 * image holds, whoever used them before.
 */
void ctx_gen7_init(uint32_t *image);

/* A reason in a few words, for logs and counters. */
const char *ctx_gen7_reason_text(enum ctx_gen7_reason reason);

/* --- which image --- */

/* The second dword of MI_SET_CONTEXT; in CCID, the flags of a moment are not kept. */
struct ctx_gen7_ref {
    uint32_t gma;         /* GGTT address of the image, bytes, a page's */
    bool restore_inhibit; /* the registers stay as they are */
    bool force_restore;   /* even if it is the context that is there */
    bool ext_restore;     /* the streamer's part, too */
    bool ext_save;
};

/* False: bits that are reserved. */
bool ctx_gen7_ref_decode(uint32_t dw, struct ctx_gen7_ref *ref);
uint32_t ctx_gen7_ref_encode(const struct ctx_gen7_ref *ref);

/* CCID: false, and nothing in *ref, if the engine has no context. */
bool ctx_gen7_ccid_decode(uint32_t ccid, struct ctx_gen7_ref *ref);
uint32_t ctx_gen7_ccid_encode(const struct ctx_gen7_ref *ref);
