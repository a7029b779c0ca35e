/* SPDX-License-Identifier: MIT */
/*
 * conduct.h: does the driver keep to the hardware's protocol? Looked at where work is handed over
 * (ELSP, RING_TAIL), where engines are reset, and where translations are used; what is wrong goes
 * to the judge's offences. Each rule is one that stock i915 (6.1 to 7.x) keeps.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct engine;
struct engines;
struct ppgtt;

/* State of the device when ELSP is written: bits for conduct_submit(). Asks the device for
 * registers: no lock held. */
unsigned conduct_state(struct engine *e);
/* An execlist is complete. False when it is to be dropped (--strict). Engine's lock held. */
bool conduct_submit(struct engine *e, uint64_t desc0, uint64_t desc1, unsigned state);
/* RING_TAIL is written, which hands over work where the ring is valid. False when it is to be
 * dropped (--strict). No lock held. */
bool conduct_tail(struct engine *e, uint32_t value);
/* What is not programmed yet (engine_kind.h); bits for the above. */
unsigned conduct_missing_gen7(struct engine *e);
unsigned conduct_missing_gen8(struct engine *e);
/* GDRST is written. Also notes what RING_RESET_CTL asked for, see conduct_ready(). No lock held. */
void conduct_reset(struct engines *es, uint32_t bits);
/* RING_RESET_CTL is written: remembers a request until it is taken back. It outlives the reset,
 * which clears the register: i915 resets twice for one request. */
void conduct_ready(struct engine *e, uint32_t value);

/* A translation came from the engine's TLB: is it what the tables still say? Engine's thread. len:
 * bytes that will be accessed. gen: tlb_gen() from before the look-up. */
void conduct_hit(struct engine *e, bool ppgtt, uint64_t addr, uint64_t entry, uint64_t gen,
                 uint32_t len);
/* A global entry was read from the table. Engine's thread. */
void conduct_ggtt_fill(struct engine *e, uint64_t addr, uint64_t entry);
/* Haswell: a walk for addr went through p's page directory. Engine's thread. */
void conduct_directory(struct engine *e, const struct ppgtt *p, uint64_t addr);
