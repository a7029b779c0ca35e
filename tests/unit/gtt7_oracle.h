/* SPDX-License-Identifier: MIT */
/*
 * gtt7_oracle.h: what a Haswell GPU may find, computed from nothing but the guest's memory and
 * image, hardware formats and frames (gtt_fixture.h); and what the guest of the unit tests does.
 * Whatever engines could have found is noted with the clear sequence of that moment, and has to
 * stay until that is passed.
 */
#pragma once
#include "tests/unit/gtt_fixture.h"

#include "gen/gen7_pte.h"

#define LOW     256u /* first entries of the rig's two pieces, of 1024 each */
#define HIGH    2048u
#define PIECE   1024u
#define E(page) ((uint32_t)(page) << 12 | GEN7_PTE_VALID)

struct oracle {
    struct rig r;
    uint64_t first[DIRECTORIES]; /* whose entries it stood for when a root was last shown with it */
    uint64_t until[DIRECTORIES]; /* clear sequence to be passed before it stands for others */
    uint64_t shown;              /* roots that were checked */
};

/* Everything that engines may walk is what the guest says; call it settled. */
void oracle_check(struct oracle *o);

/* As vgt-mmio does it; the image is written, too. */
void put_entry(struct rig *r, uint64_t index, uint32_t value);
/* Entry i of the guest's table in page gfn; reported if it is tracked. */
void put_pte(struct rig *r, uint64_t gfn, unsigned i, uint32_t value);
/* sched asks for it. */
void ask_root(struct rig *r, uint64_t first);
/* Its slot in the map, GTT_MAP_ROOTS: none. */
unsigned find_root(const struct rig *r, uint64_t first);
/* The map's level of it; 0: none. */
uint32_t root_level(const struct rig *r, uint64_t first);
/* Number of our directory that the map has for it; 0: none. */
unsigned root_number(const struct rig *r, uint64_t first);
/* Entry i of our directory n, and what entry k of the table it names names. */
uint32_t directory_entry(struct rig *r, unsigned n, unsigned i);
uint64_t directory_page(struct rig *r, unsigned n, unsigned i, unsigned k);
/* Settled, with every clear passed, again and again until nothing moves. */
void calm(struct rig *r);
