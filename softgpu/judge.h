/* SPDX-License-Identifier: MIT */
/*
 * judge.h: who owns which machine frame, and who touched a frame that was not theirs. Ownership
 * arrives from a walker in dom0 that asks Xen (domain page lists); it is never told by the services
 * under test. Every DMA the GPU makes is presented here with the context that caused it. Thread
 * safe: engine and display threads ask, the control thread loads ownership.
 *
 * Rule: within one context (address space), guest data accesses may hit frames of one domain only;
 * dom0 frames may be touched only if the walker listed them as the stub's own pages. A page table
 * may stand in the stub's pages only: one in a guest's frame is a table the guest can write. Before
 * any ownership is loaded (native runs) nothing is judged and judge_ready() is false.
 *
 * Ownership is a snapshot and the stub hands out pages at any time. An access to a page that was
 * dom0's or nobody's is a violation at once; when the next snapshot shows that page among the
 * stub's, its violations are taken back (judge_forgiven() counts them). So the last word follows a
 * walk made after the work.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "softgpu/offence.h"

#define JUDGE_DOM_NONE 0x7ff0u /* frame of nobody (free, Xen's own) */
#define JUDGE_DOM_STUB 0x7ff1u /* dom0 page that the kernel stub handed out for the GPU */

struct judge;

struct judge *judge_new(void);
struct judge *judge_free(struct judge *j);

/* Ownership updates are transactions: begin, add ranges (machine frame numbers), commit. The new
 * map replaces the old one whole at commit. */
int judge_begin(struct judge *j);
/* Or: begin with the map in force, where the stub's pages are dom0's again, and add those that are
 * the stub's now (judge_add() with JUDGE_DOM_STUB only; any other owner's: -EEXIST at commit). It
 * is much less than all frames, so it can be told in the moment before tables are given back. */
int judge_begin_stub(struct judge *j);
int judge_add(struct judge *j, uint64_t mfn, uint64_t count, uint16_t domid);
int judge_commit(struct judge *j);
bool judge_ready(struct judge *j);
/* Frames known for one domain. */
uint64_t judge_frames(struct judge *j, uint16_t domid);
/* Owner of a frame, JUDGE_DOM_NONE when unknown. */
uint16_t judge_owner(struct judge *j, uint64_t mfn);

/* What an access was made for. */
enum judge_space {
    JUDGE_GGTT,
    JUDGE_PPGTT,
    JUDGE_TABLE, /* a page-table read of a walk; gpu_addr is the address being translated */
};
struct judge_access {
    unsigned engine; /* enum engine_id; ENGINE_COUNT for display and aperture */
    uint32_t lrca;   /* context, GGTT address of its image; 0 when none */
    uint64_t root;   /* PML4 / PDP0 of the address space; 0 for the GGTT */
    enum judge_space space;
    uint64_t gpu_addr; /* virtual address */
    uint64_t cmd_addr; /* address of the command that made it, 0 when none */
    uint64_t mfn;      /* machine frame it reached */
    bool write;
    bool status_page; /* a write to a hardware status page: says nothing of whose the context is */
    bool injected;    /* a corrupted entry led here: only the context's own frames are right */
    /* Called, with a lock held, when the access is recorded: the tables it went through. NULL when
     * there is nothing to tell. */
    void (*explain)(void *opaque, const struct judge_access *a, struct walk *out);
    void *opaque;
};
/* Present one page access. Returns true when it is a violation (counted and recorded; kept whole
 * are the first 256 that stay and, of frames whose owner the next snapshot may change, the first of
 * each). Cheap when allowed. *ctx_domid is the domain this context has been seen to
 * belong to: the caller keeps it per loaded context, JUDGE_DOM_NONE at first. */
bool judge_check(struct judge *j, const struct judge_access *a, uint16_t *ctx_domid);
/* What judge_check() would learn from an access to the context's own frame. */
void judge_learn(struct judge *j, uint64_t mfn, uint16_t *ctx_domid);
uint64_t judge_violations(struct judge *j);
/* Accesses once counted as violations that turned out to hit the stub's newer pages. */
uint64_t judge_forgiven(struct judge *j);
/* JSON array of the recorded violations, 256 at most, those that stay first: kind "foreign-frame",
 * "foreign-table" or "foreign-status-page". */
void judge_dump(struct judge *j, FILE *out);
/* The book of other offences. */
struct offences *judge_offences(struct judge *j);
