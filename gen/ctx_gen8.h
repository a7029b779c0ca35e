/* SPDX-License-Identifier: MIT */
/*
 * Logical ring contexts of gen8: the image in memory, the descriptor that submits it, and the
 * status events that come back. A context image is a list of register loads which the engine
 * executes with privilege, so a guest's image is copied, audited and its scheduler-owned values
 * replaced before an engine sees the copy. Called by services/sched; pure functions, any thread.
 * Facts: Broadwell PRM vol. 7 "Logical ring context format", "Context descriptor format".
 */
#pragma once

#include "gen/gen8_engine.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* --- the image --- */

/* Pages of an image from LRCA on: page 0 is the context's own status page, then the registers. */
#define CTX_GEN8_RCS_PAGES 20u
#define CTX_GEN8_XCS_PAGES 2u
#define CTX_GEN8_STATE     1024u /* dword index of the register state in the image */

/* Dword indices in the register state; the register's offset stands one dword before. */
#define CTX_CONTROL             0x03u
#define CTX_RING_HEAD           0x05u
#define CTX_RING_TAIL           0x07u
#define CTX_RING_START          0x09u
#define CTX_RING_CTL            0x0bu
#define CTX_BB_HEAD_UDW         0x0du
#define CTX_BB_HEAD_LDW         0x0fu
#define CTX_BB_STATE            0x11u
#define CTX_BB2_HEAD_UDW        0x13u
#define CTX_BB2_HEAD_LDW        0x15u
#define CTX_BB2_STATE           0x17u
#define CTX_BB_PER_CTX_PTR      0x19u /* RCS only, as the next two */
#define CTX_INDIRECT_CTX        0x1bu
#define CTX_INDIRECT_CTX_OFFSET 0x1du
#define CTX_TIMESTAMP           0x23u
#define CTX_PDP_UDW(n)          (0x25u + 4u * (3u - (n)))
#define CTX_PDP_LDW(n)          (0x27u + 4u * (3u - (n)))
#define CTX_PWR_CLK_STATE       0x43u /* RCS only */
#define CTX_RING_DWORDS         0x46u /* what the table of ring registers covers */

#define CTX_CONTROL_RESTORE_INHIBIT (1u << 0)
#define CTX_CONTROL_RS_ENABLE       (1u << 1)
#define CTX_CONTROL_INHIBIT_SYNC    (1u << 3)

/* Pages and dwords of an engine's image. */
size_t ctx_gen8_pages(enum gen8_engine engine);
static inline size_t ctx_gen8_dwords(enum gen8_engine engine)
{
    return ctx_gen8_pages(engine) * 1024;
}

/* What a guest's image asks for; GGTT addresses in bytes, unchecked against the partition. */
struct ctx_gen8_state {
    uint32_t control;      /* value bits only */
    uint32_t head, tail;   /* bytes into the ring, both < ring_size */
    uint32_t ring_start;   /* GGTT address, 4 KiB aligned */
    uint32_t ring_size;    /* bytes, a multiple of 4096 */
    uint64_t pdp[4];       /* pdp[0] is the PML4 in 4-level mode */
    uint32_t per_ctx;      /* GGTT address of the per-context batch, 0 if none */
    uint32_t indirect;     /* GGTT address of the indirect-context batch, 0 if none */
    uint32_t indirect_len; /* bytes */
};

enum ctx_gen8_reason {
    CTX_OK,
    CTX_BAD_SIZE,     /* not an image of this engine */
    CTX_BAD_LAYOUT,   /* a load or a gap of the ring's part is not where it must be */
    CTX_BAD_RING,     /* head, tail, start or length make no ring */
    CTX_BAD_BATCH,    /* a context batch pointer that is none */
    CTX_BAD_COMMAND,  /* engine part: a command that is no state command */
    CTX_BAD_REGISTER, /* engine part: a load of a register that is not the context's */
};

struct ctx_gen8_verdict {
    enum ctx_gen8_reason reason;
    uint32_t at;      /* dword index in the image */
    bool engine_part; /* the ring's part is sound: a clean engine part may stand in for this one */
};

/*
 * Audit a copy of a whole image, n dwords from LRCA. Returns 0, or 1 with *v; *st is filled when
 * the result is 0 or v->engine_part is set.
 */
int ctx_gen8_audit(enum gen8_engine engine, const uint32_t *image, size_t n,
                   struct ctx_gen8_state *st, struct ctx_gen8_verdict *v);

/*
 * Make an audited copy harmless before it is given its shadows: batch-resume state cleared, the
 * control word forced to bits a guest may have, batch pointers cleared, PDPs zero.
 */
void ctx_gen8_sanitise(enum gen8_engine engine, uint32_t *image);

/* Write an empty image: offsets and headers of the ring's part in place, all values 0. */
void ctx_gen8_init(enum gen8_engine engine, uint32_t *image);

/* Setters for the shadow's values. root: DMA address of the PML4, or of PDP page n of 3-level. */
void ctx_gen8_set_pdp(uint32_t *image, unsigned n, uint64_t root);
void ctx_gen8_set_ring(uint32_t *image, uint32_t start, uint32_t size, uint32_t head,
                       uint32_t tail);
void ctx_gen8_set_tail(uint32_t *image, uint32_t tail);
/* GGTT addresses of shadow batches, 0 for none; bytes is a multiple of 64. RCS only. */
void ctx_gen8_set_batches(uint32_t *image, uint32_t per_ctx, uint32_t indirect, uint32_t bytes);

/* --- submission --- */

enum ctx_gen8_mode {
    CTX_ADVANCED_32 = 0,
    CTX_LEGACY_32 = 1,
    CTX_ADVANCED_64 = 2,
    CTX_LEGACY_64 = 3
};

struct ctx_gen8_desc {
    bool valid, force_pd, force_restore, coherent, privileged;
    enum ctx_gen8_mode mode; /* guests may use the legacy modes only */
    uint8_t priority;
    uint32_t lrca; /* GGTT address, bytes */
    uint32_t id;   /* bits 63:32; comes back in status events */
};

struct ctx_gen8_desc ctx_gen8_desc_decode(uint64_t raw);
uint64_t ctx_gen8_desc_encode(const struct ctx_gen8_desc *d);

/*
 * The submit port: four writes, element 1 high and low, element 0 high and low; the fourth
 * submits. Returns true when it does, with desc[0] and desc[1] filled and the port empty again.
 */
struct ctx_gen8_elsp {
    uint32_t dw[4];
    uint32_t n;
};
bool ctx_gen8_elsp_write(struct ctx_gen8_elsp *port, uint32_t value, uint64_t desc[2]);

/* --- status events --- */

#define CSB_ENTRIES        6u
#define CSB_IDLE_TO_ACTIVE (1u << 0)
#define CSB_PREEMPTED      (1u << 1)
#define CSB_ELEMENT_SWITCH (1u << 2)
#define CSB_ACTIVE_TO_IDLE (1u << 3)
#define CSB_COMPLETE       (1u << 4)
#define CSB_WAIT_FLIP      (1u << 5)
#define CSB_WAIT_VBLANK    (1u << 6)
#define CSB_WAIT_SEMAPHORE (1u << 7)
#define CSB_WAIT_SCANLINE  (1u << 8)
#define CSB_LITE_RESTORE   (1u << 15)
#define CSB_NEVER_WRITTEN  7u                 /* write pointer after reset */
#define CSB_HWSP_ENTRY(n)  (0x10u + 2u * (n)) /* dword index in the status page */
#define CSB_HWSP_WRITE     0x1fu

struct ctx_gen8_event {
    uint32_t status; /* CSB_* */
    uint32_t id;     /* context id of the descriptor */
};

/* Next entry behind a write pointer, 0..5; behind CSB_NEVER_WRITTEN comes 0. */
unsigned ctx_gen8_csb_next(unsigned pointer);
/* The pointer register's value. */
static inline uint32_t ctx_gen8_csb_ptr(unsigned read, unsigned write)
{
    return (read & 7) << 8 | (write & 7);
}
