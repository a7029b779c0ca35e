/* SPDX-License-Identifier: MIT */
/*
 * Fuzz target: vgt-sched on a Haswell, the whole service, between two guests. What vgt-mmio@BAD may
 * write is the fuzzer's: entries of any kind, indices and slots of its lanes, the image of the
 * GGTT; and so is what BAD has in its rings, batches and render images, which page directories are
 * known, and whether its work ends. The service dies and comes back in between. Oracle: the engines
 * (ring_sim.c) end the process when what they are given reaches what is not its guest's; what GOOD
 * puts into its rings runs in bounded time, with its render images, status page and HEAD as on
 * hardware; gtt's clears are acknowledged; nothing is held against GOOD; both leave and no page of
 * theirs is left. ASan and the service's own assertions see the rest.
 */
#include "tests/fuzz/ring_world.h"

#include "gen/cmds_gen7.h"

#include <string.h>

#define MAX_OPS 64u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* ---- the bad one: its vgt-mmio */

static uint32_t some_engine(struct peer_input *in)
{
    return peer_take32(in, 1) % ENGINES;
}

static void bad_entry(struct world *w, struct peer_input *in)
{
    struct side *x = &w->side[BAD];
    uint32_t how = peer_take32(in, 1);
    struct mmio_sched m = {.kind = peer_take32(in, 1) % 8, .engine = peer_take32(in, 1) % 8};

    m.seq = how & 1 ? peer_take(in, 8) : ++x->seq;
    m.epoch = how & 2 ? peer_take(in, 8) : 0;
    m.ring.start = how & 4 ? peer_take32(in, 4) : RING(BAD, m.engine % ENGINES);
    m.ring.ctl = how & 8 ? peer_take32(in, 4) : (RING_BYTES - 4096) | 1;
    m.ring.head = how & 16 ? peer_take32(in, 4) : 0;
    m.ring.tail = how & 16 ? peer_take32(in, 4) : 0;
    m.value = peer_take32(in, how & 32 ? 4 : 2);
    m.offset = gen8_engine_base(m.engine % ENGINES) + peer_take32(in, 1) * 4;
    if (how & 64)
        m.engine = peer_take32(in, 4);
    if (how & 128)
        m.offset = peer_take32(in, 4);
    lane_tx_put(&w->ends.of[BAD].tx, &m, sizeof(m)); /* a broken lane is its own fault */
}

/* HEAD, START or CTL again, at work or not; often with another size. */
static void bad_ring(struct world *w, struct peer_input *in)
{
    static const uint8_t reg[] = {0x34, 0x38, 0x3c};
    uint32_t e = some_engine(in), how = peer_take32(in, 1);
    struct mmio_sched m = {.kind = MMIO_SCHED_RING, .engine = e, .seq = ++w->side[BAD].seq};

    m.offset = gen8_engine_base(e) + reg[how % 3];
    m.ring.start = RING(BAD, e);
    m.ring.ctl = (how >> 2 & 3) * 4096 | !(how & 16);
    m.ring.head = peer_take32(in, 2);
    m.ring.tail = peer_take32(in, 2);
    lane_tx_put(&w->ends.of[BAD].tx, &m, sizeof(m));
}

/* TAIL anywhere, and so over HEAD. */
static void bad_tail(struct world *w, struct peer_input *in)
{
    struct mmio_sched m = {.kind = MMIO_SCHED_TAIL, .engine = some_engine(in)};

    m.seq = ++w->side[BAD].seq;
    m.value = peer_take32(in, 2) % (RING_BYTES / 8) * 8;
    w->side[BAD].tail[m.engine] = m.value;
    lane_tx_put(&w->ends.of[BAD].tx, &m, sizeof(m));
}

static void bad_reset(struct world *w, struct peer_input *in)
{
    struct mmio_sched m = {.kind = MMIO_SCHED_RESET, .engine = peer_take32(in, 1)};

    m.seq = ++w->side[BAD].seq;
    lane_tx_put(&w->ends.of[BAD].tx, &m, sizeof(m));
    for (unsigned e = 0; e < ENGINES && m.engine & 128; e++)
        ring_world_ring(w, BAD, e);
}

static void bad_index(struct world *w, struct peer_input *in)
{
    ends_spoil_index(&w->ends, in);
}

static void bad_slots(struct world *w, struct peer_input *in)
{
    ends_spoil_slot(&w->ends, in);
}

/* ---- its memory */

static void bad_ggtt(struct world *w, struct peer_input *in)
{
    uint32_t at = peer_take32(in, 1) % (PAGES + 8), how = peer_take32(in, 1);

    ((struct vggtt *)w->ends.of[BAD].vggtt.data)->pte[LOW(BAD) / 4096 + at] =
        how & 2 ? peer_take(in, 8) : (how >> 2) % (PAGES + 2) * 4096 | 1;
}

static void bad_page(struct world *w, struct peer_input *in)
{
    ends_spoil_page(&w->ends, in);
}

/* Its own address, or another. */
static uint32_t some_address(struct peer_input *in)
{
    uint32_t how = peer_take32(in, 1);

    return how & 128 ? peer_take32(in, 4) : LOW(BAD) + how % PAGES * 4096;
}

/* A command as drivers use it, with some of it the fuzzer's. */
static void bad_command(struct world *w, struct peer_input *in)
{
    uint32_t e = some_engine(in), what = peer_take32(in, 1), base = gen8_engine_base(e);
    uint32_t value = peer_take32(in, 2), at = some_address(in);
    const uint32_t commands[][5] = {
        {2, MI_SET_CONTEXT_GEN7, (at & ~4095u) | (value & 0x10f)},
        {3, MI_LRI | 1, base + 0x228, what & 128 ? DIRECTORY(BAD) << 12 : at & ~4095u},
        {3, MI_LRI | 1, 0x2040 + (value & 3) * 0x10000 + (value >> 2 & 3) * 4, value},
        {3, MI_SEMAPHORE_MBOX | MI_MBOX_REGISTER | (value & 15) << 16 | MI_MBOX_UPDATE, 1, 0x22040},
        {3, MI_SEMAPHORE_MBOX | MI_MBOX_REGISTER | (value & 3) << 16 | MI_MBOX_COMPARE, value >> 8},
        {2, MI_BB_START_GEN7 | (value & 1) << 8 | (value & 2) << 12, at},
        {3, 0x21u << 23 | 1, value, 5},
        {4, 0x20u << 23 | 2 | 1u << 22, 0, at, value},
        {4, 0x26u << 23 | 2 | 1u << 14 | (value & 7) << 16, at | (value >> 3 & 4), value, 0},
        {3, MI_LRI | 1, at, value},
        {1, 2u << 23},
        {1, value << 16 | at},
    };
    const uint32_t *c = commands[what % 64 % (sizeof(commands) / sizeof(commands[0]))];

    for (uint32_t i = 1; i <= c[0]; i++)
        ring_world_put(w, BAD, e, c[i]);
    if (what & 64)
        ring_world_tail(w, BAD, e);
}

static void bad_request(struct world *w, struct peer_input *in)
{
    ring_world_request(w, BAD, some_engine(in));
}

/* As a privileged batch: what ends, goes round, or goes on. */
static void bad_batch(struct world *w, struct peer_input *in)
{
    uint32_t *dw = fake_ram(w->ends.of[BAD].ram, (PAGE_BATCH + some_engine(in)) * 4096);

    for (uint32_t n = peer_take32(in, 1) % 8; n; n--)
        *dw++ = peer_take32(in, 4);
    dw[0] = MI_BB_START_GEN7;
    dw[1] = some_address(in);
}

/* Directories come and go, and are filled. */
static void bad_directory(struct world *w, struct peer_input *in)
{
    struct gtt_map *map = w->ends.of[BAD].map.data;
    uint32_t how = peer_take32(in, 1);
    struct gtt_root *root = &map->root[how % 8];

    root->seq += how & 8 ? 1 : 2;
    root->level = how & 16 ? 2 : 0;
    root->guest[0] = how & 32 ? DIRECTORY(BAD) : some_address(in) / 4096;
    root->shadow[0] = SHADOW(BAD);
    lane_kick(w->ends.gtt_tx.wake_fd);
}

static void bad_hogs(struct world *w, struct peer_input *in)
{
    w->hog = peer_take(in, 1) & 1;
}

/* ---- what happens besides */

static void good_submit(struct world *w, struct peer_input *in)
{
    ring_world_good(w, some_engine(in));
}

static void clears(struct world *w, struct peer_input *in)
{
    (void)in;
    ends_clear(&w->ends);
}

static void restarts(struct world *w, struct peer_input *in)
{
    ring_world_restart(w, peer_take(in, 1) & 1);
}

static void some_turns(struct world *w, struct peer_input *in)
{
    for (uint64_t n = peer_take(in, 1) % 8; n; n--)
        ends_turn(&w->ends);
}

static void (*const operations[])(struct world *, struct peer_input *) = {
    bad_entry, bad_ring, bad_tail,    bad_reset,     bad_index,   bad_slots,   bad_ggtt,
    bad_page,  bad_hogs, bad_command, bad_batch,     bad_command, bad_request, good_submit,
    clears,    restarts, some_turns,  bad_directory, bad_request, bad_command,
};
#define OPERATIONS (sizeof(operations) / sizeof(operations[0]))

static void run(struct world *w, const uint8_t *data, size_t size)
{
    struct peer_input in = {data, size};

    ring_world_guests(w);
    for (unsigned n = 0; n < MAX_OPS && in.size; n++)
        operations[peer_take(&in, 1) % OPERATIONS](w, &in);
    for (unsigned e = 0; e < 2 * ENGINES; e++)
        ring_world_good(w, e % ENGINES);
    ends_clear(&w->ends);
    ring_world_leave(w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    /* A tail that cannot be: noticed, told and counted once. Work that stays on the engine for
     * which the good one waits. A restart while both have work. Not left to chance. */
    static const uint8_t ruined[] = {4, 32, 0xff, 0xff, 0, 0x7f, 16, 4};
    static const uint8_t hog[] = {8, 1, 12, 0, 16, 3, 13, 0};
    static const uint8_t restart[] = {8, 1, 12, 0, 12, 1, 16, 1, 15, 1, 8, 0, 13, 0, 12, 0, 15, 0};
    static struct world w;

    if (!w.sim.fake) {
        ring_world_make(&w);
        run(&w, ruined, sizeof(ruined));
        peer_check(w.ends.told == 1);
        run(&w, hog, sizeof(hog));
        peer_check(w.ends.told == 0 && w.ends.hangs == 1);
        run(&w, restart, sizeof(restart));
        peer_check(w.ends.hangs == 0 && w.ends.restarts == 2);
    }
    run(&w, data, size);
    peer_check(w.ends.told <= 1 + w.ends.restarts);
    return 0;
}
