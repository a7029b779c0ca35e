/* SPDX-License-Identifier: MIT */
/*
 * sched_ctx_rig.h: one guest with contexts in its memory, and the set of their shadows over a fake
 * GPU: for the unit tests of shadow contexts. One thread.
 */
#pragma once
#include "gen/cmds_gen8.h"
#include "gen/ctx_gen8.h"
#include "gpu/fake/fake.h"
#include "services/sched/context.h"
#include "vmm/fake/fake.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define RIG_DOMID  7
#define RIG_FRAMES 2048u
#define RIG_LOW    (16u << 20) /* the guest's partition: 16 MiB of each kind */
#define RIG_HIGH   (40u << 20)
#define RIG_SIZE   (16u << 20)
#define RIG_LRCA   RIG_HIGH /* where the first context is */
#define RIG_RING   (RIG_LOW + 0x100000u)
#define RIG_BATCH  (RIG_LOW + 0x200000u)
#define RIG_HWSP   (RIG_LOW + 0x300000u)
#define RIG_ROOT   UINT64_C(0x123456000)
#define RIG_SHADOW UINT64_C(0x3fed00000)
#define RIG_STATE  CTX_GEN8_STATE

struct rig {
    struct gpu_fake *fake;
    struct gpu *gpu;
    struct fake_guest *ram;
    struct vmm *vmm;
    struct vggtt *vggtt;
    struct gtt_map *map;
    struct account account;
    struct arena *arena;
    struct context_set *set;
    struct context_config config;
    uint64_t next_gfn;
    unsigned asked; /* calls of need_root */
};

/* arena_pages and max_pages as in the configuration. A status page is set, no root is mapped. */
void rig_setup(struct rig *r, uint32_t arena_pages, uint32_t max_pages);
void rig_teardown(struct rig *r);
/* Give the guest frames behind [gma, gma + pages); frames are not in order. */
void rig_map(struct rig *r, uint32_t gma, uint32_t pages);
/* The guest's memory at a GGTT address; good to the end of the page only. */
uint32_t *rig_at(struct rig *r, uint32_t gma);
/* Publish slot: level-4 guest root for a shadow root; 0 takes it away. */
void rig_root(struct rig *r, unsigned slot, uint64_t guest, uint64_t shadow);
/* A context as a driver makes it, ring of `pages`, mapped; its descriptor. */
uint64_t rig_context(struct rig *r, enum gen8_engine e, uint32_t lrca, uint32_t ring,
                     uint32_t pages);
/* The state of a guest's image. */
uint32_t *rig_state(struct rig *r, uint32_t lrca);
/* Put n dwords into the guest's ring from its image's tail on (wrapping), and move the tail there,
 * padded to a quadword. */
void rig_emit(struct rig *r, uint32_t lrca, const uint32_t *dw, uint32_t n);
/* Its shadow, made or found. */
struct context *rig_prepare(struct rig *r, enum gen8_engine e, uint64_t desc);
/* The GPU's view: our memory at a GGTT address of the arena. */
uint32_t *rig_gpu(struct rig *r, uint32_t gma);
/* The shadow's register state, and dword i of its ring. */
uint32_t *rig_shadow(struct rig *r, const struct context *c);
uint32_t rig_ring(struct rig *r, const struct context *c, uint32_t byte);
uint64_t rig_count(struct rig *r, enum account_event event);
/* The process dies, and the next one makes the set of what it left; the answer: records that made
 * no sense. */
unsigned rig_crash(struct rig *r);
