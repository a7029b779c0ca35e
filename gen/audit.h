/* SPDX-License-Identifier: MIT */
/*
 * Audit of a copied command buffer: the part of a ring between head and tail, a privileged batch
 * or a context's workaround batch. Rings and privileged batches execute with the GGTT's
 * privilege, so every GGTT address, register and opcode in them is checked; what cannot run as it
 * is comes back as patches. What both generations have of it; the audits are audit_gen7() and
 * audit_gen8(). Called by services/sched on its own copy, never on guest memory. Pure but for the
 * caller's callbacks; any thread.
 */
#pragma once

#include "gen/cmds.h"

/* What the buffer is. */
enum audit_where {
    AUDIT_RING,         /* linear copy of [head, tail); only the ring may start unprivileged code */
    AUDIT_BATCH,        /* privileged batch, ends with MI_BATCH_BUFFER_END or a jump */
    AUDIT_BATCH_2ND,    /* privileged batch started from a batch */
    AUDIT_INDIRECT_CTX, /* gen8's context workaround batch, whose length a register gives: no end */
};

enum audit_reason {
    AUDIT_OK,
    AUDIT_UNKNOWN_COMMAND,
    AUDIT_TRUNCATED,      /* last command is longer than the buffer */
    AUDIT_FORBIDDEN,      /* CMD_REFUSE, MI_UPDATE_GTT first of all */
    AUDIT_BAD_LENGTH,     /* length field outside what the command can be */
    AUDIT_BAD_HEADER,     /* must-be-zero bits set */
    AUDIT_BAD_ADDRESS,    /* the address callback said no */
    AUDIT_BAD_REGISTER,   /* register not in the list, or value not allowed */
    AUDIT_BAD_INDEX,      /* status-page index outside the page */
    AUDIT_BAD_JUMP,       /* batch start where it may not be, or to the wrong space */
    AUDIT_NO_END,         /* a batch runs off its end */
    AUDIT_UNEXPECTED_END, /* MI_BATCH_BUFFER_END in a ring */
    AUDIT_PATCH_REFUSED,  /* the patch callback said no */
    AUDIT_REFUSED,        /* the begin callback did */
};

struct audit_verdict {
    enum audit_reason reason;
    uint32_t at;     /* dword index of the command that decided; number of dwords read if ok */
    uint32_t header; /* its first dword */
};

enum audit_patch_kind {
    AUDIT_PATCH_WORDS,      /* put words[0..n_words) at `at` */
    AUDIT_PATCH_BLANK,      /* put MI_NOOP over [at, at + len): the command is the guest's wish to
                               a display or status page it does not own */
    AUDIT_PATCH_TRAMPOLINE, /* put words[] (the replacement, with its MI_BATCH_BUFFER_END) where the
                               caller likes, and a batch start to it at `at`, rest NOOPs */
    AUDIT_PATCH_BATCH,      /* privileged batch at `addr`: audit a copy, put its place in
                               dwords at + 1 and at + 2. gen7: see audit_gen7.h */
    AUDIT_PATCH_PDP,        /* LRI of page-directory register `reg`, guest's value words[0]: put the
                               shadow's at `at` */
    AUDIT_PATCH_CONTEXT,    /* gen7: MI_SET_CONTEXT, its second dword words[0]
                               (ctx_gen7_ref_decode()): put that of the shadow image at `at` */
    AUDIT_PATCH_SEMAPHORE,  /* gen7: a mailbox, words[] = header, value, register: see audit_gen7.h.
                               Put MI_NOOP over [at, at + len) */
};

#define AUDIT_PATCH_MAX 8

/* Where the guest's batch is read from. */
enum audit_space {
    AUDIT_GGTT,
    AUDIT_PPGTT,
};

struct audit_patch {
    enum audit_patch_kind kind;
    uint32_t at;  /* dword index in the buffer */
    uint32_t len; /* dwords of the original command from `at` on */
    uint32_t n_words;
    uint32_t words[AUDIT_PATCH_MAX];
    uint64_t addr;          /* PATCH_BATCH */
    enum audit_space space; /* PATCH_BATCH: that `addr` is in */
    uint32_t reg;           /* PATCH_PDP */
    bool second_level;      /* PATCH_BATCH and PATCH_TRAMPOLINE: start it as second level */
    const struct cmd_info *info;
};

struct audit_ops {
    /* Are `len` bytes at GGTT address `addr` the guest's? PPGTT addresses are never asked for. */
    bool (*ggtt)(void *ctx, uint64_t addr, uint64_t len, bool write);
    /* Take a patch; 0, or non-zero: cannot. Patches come in the order of their place. */
    int (*patch)(void *ctx, const struct audit_patch *p);
    /* The command dw[0..len) is looked at now; non-zero: it shall not be, and is refused. NULL:
     * none is announced. And the look at it, patches included, is over; NULL: nobody asks. MI_NOOP
     * is not announced. */
    int (*begin)(void *ctx, const uint32_t *dw, uint32_t len);
    void (*end)(void *ctx);
};

/* Carry out AUDIT_PATCH_WORDS, _BLANK and _SEMAPHORE on a copy of n dwords. */
void audit_apply(uint32_t *dw, size_t n, const struct audit_patch *p);

/* A reason in a few words, for logs and counters. */
const char *audit_reason_text(enum audit_reason reason);
