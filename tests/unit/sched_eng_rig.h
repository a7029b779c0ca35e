/* SPDX-License-Identifier: MIT */
/*
 * sched_eng_rig.h: guests with real lanes on the simulated render engine, without the service's
 * loop: tests take steps and read what the guests' vgt-mmio would get. One thread.
 */
#pragma once
#include "services/sched/engine.h"
#include "services/sched/journal.h"
#include "tests/unit/sched_eng_sim.h"
#include "tests/unit/sched_eng_stub.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define RIG_GUESTS 3u
#define QUANTUM    (10 * 1000000ull)
#define WATCHDOG   (100 * 1000000ull)
#define MS         1000000ull

/* A guest's descriptor of context n: LRCA, id n. */
#define DESC(n) ((uint64_t)(n) << 32 | 0x100000u | (n) << 12 | 0x119)

struct rig_guest {
    struct guest guest;
    struct account account;
    struct context_set *contexts;
    struct sched_journal_guest *journal;
    struct gtt_map *map;
    struct gtt_inval inval;
    int fd[6]; /* two lanes, each with wake and room */
    struct lane_tx mmio_tx;
    struct lane_rx mmio_rx;
    struct lane_rx rx;
    struct lane_tx tx;
    uint64_t seq;
};

struct rig {
    struct sim sim;
    struct gpu *gpu;
    struct hw hw;
    struct sched_journal *journal;
    struct engine engine;
    struct engine_guests ring;
    struct rig_guest g[RIG_GUESTS];
    uint64_t now;
    bool skip_iir; /* rig_expect_csb() passes over interrupts */
};

/* slots: of the lanes to mmio. */
void rig_setup(struct rig *r, unsigned guests, unsigned slots);
void rig_teardown(struct rig *r);
/* The process dies here: what the journal has is all that is left. The next one takes the engine
 * over; alive: nobody reset it meanwhile. */
void rig_crash(struct rig *r, bool alive);

/* The guest writes its port; the entry is taken and the engine kicked. */
void rig_elsp(struct rig *r, unsigned n, uint64_t desc0, uint64_t desc1);
void rig_post(struct rig *r, unsigned n, struct mmio_sched m);
/* Entries are taken, interrupts handled, events flushed. */
void rig_step(struct rig *r);
/* Time passes; the engine's timer looks. */
void rig_pass(struct rig *r, uint64_t ns);

/* The next event vgt-mmio gets, and it must be this one. */
void rig_expect_csb(struct rig *r, unsigned n, unsigned slot, uint32_t status, uint32_t id);
void rig_expect_iir(struct rig *r, unsigned n, uint32_t bits);
void rig_expect_reset_done(struct rig *r, unsigned n);
void rig_expect_none(struct rig *r, unsigned n);
/* Which guest runs, -1: none. */
int rig_runs(const struct rig *r);
