/* SPDX-License-Identifier: MIT */
/*
 * context_audit.h: what is Broadwell's (context_batch.c) and Haswell's (ring_audit.c) about the
 * audit of a guest's commands: the tables, the audit itself, and how each kind of patch is carried
 * out. Included by the files of context_priv.h only.
 */
#pragma once
#include "gen/audit.h"
#include "services/sched/context_priv.h"

struct ring_piece;

/* The buffer at hand. */
struct context_job {
    struct context *c;
    uint32_t *dw;
    size_t n;
    enum audit_where where;
    bool alone; /* a context batch, which may start no other */
    unsigned depth;
    int answer; /* why a patch could not be carried out; counted already if a fault */
    struct quarantine_input command; /* the one at hand, */
    bool allowed;                    /* which is not quarantined */
    struct ring_piece *piece;        /* Haswell: what is made of the ring's piece, */
    struct context *image;           /* and the render image that is current where it begins */
};

/* 0 or an answer of context_prepare(); a fault is counted. */
typedef int context_patch(struct context_job *j, const struct audit_patch *p);

struct context_gen {
    const struct cmd_set *cmds;
    int (*audit)(struct context_job *j, const struct audit_ops *ops, struct audit_verdict *v);
    context_patch *patch[AUDIT_PATCH_SEMAPHORE + 1]; /* by kind; NULL: there is none */
};
extern const struct context_gen context_gen7, context_gen8;

/* context_batch.c. Audit the buffer, carrying the patches out. 0 or an answer. */
int context_job_audit(struct context_job *j);
/* A copy of the batch, audited, and where it is. 0 or an answer. */
int context_job_batch(struct context_job *j, const struct audit_patch *p, uint32_t *gma);
context_patch context_job_plain;
