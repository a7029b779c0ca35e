/* SPDX-License-Identifier: MIT */
/*
 * Fuzz target: vgt-sched, the whole service with real shadow contexts, on engines of a fake GPU and
 * between two guests. What vgt-mmio@BAD may write is the fuzzer's: entries of any kind, indices and
 * slots of both its lanes, the image of the GGTT, pages of its guest; its work may refuse to leave
 * an engine; the service dies and comes back in between. Oracle: what vgt-mmio@GOOD submits in
 * between is run, shown in its status page and told it as on hardware, its image is what the engine
 * left, and gtt's clears are acknowledged, all in bounded time; what stands in an engine's port
 * walks the tables of the guest it belongs to and has its ring in the arena; nothing is held
 * against the good guest; a lane that is broken is told once; both leave and no page of theirs is
 * left. ASan, LeakSanitizer and the service's own assertions see the rest.
 */
#include "tests/fuzz/sched_world.h"

#include <string.h>

#define MAX_OPS 48u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* ---- the bad one */

static uint64_t some_desc(const struct side *x, struct peer_input *in)
{
    uint32_t how = peer_take32(in, 1);
    uint64_t desc = x->work[how & 1].desc;

    if (how & 2)
        desc ^= (uint64_t)peer_take32(in, 2) << (how >> 3 & 31);
    if (how & 4)
        desc = peer_take(in, 8);
    return desc;
}

static void bad_entry(struct world *w, struct peer_input *in)
{
    struct side *x = &w->side[BAD];
    uint32_t how = peer_take32(in, 1);
    struct mmio_sched m = {.kind = peer_take32(in, 1) % 6, .engine = peer_take32(in, 1) % 8};

    m.seq = how & 1 ? peer_take(in, 8) : ++x->seq;
    m.epoch = how & 2 ? peer_take(in, 8) : 0;
    m.desc[0] = some_desc(x, in);
    m.desc[1] = how & 4 ? some_desc(x, in) : 0;
    m.value = how & 8 ? peer_take32(in, 4) : x->hwsp;
    if (how & 16)
        m.kind = peer_take32(in, 4);
    if (how & 32)
        m.engine = peer_take32(in, 4);
    lane_tx_put(&w->ends.of[BAD].tx, &m, sizeof(m)); /* a broken lane is its own fault */
}

/* Something that its driver might have submitted. */
static void bad_submit(struct world *w, struct peer_input *in)
{
    struct side *x = &w->side[BAD];
    struct mmio_sched m = {.kind = MMIO_SCHED_ELSP, .engine = peer_take32(in, 1) % ENGINES};

    sched_world_more(&x->work[m.engine]);
    m.desc[0] = x->work[m.engine].desc;
    m.seq = ++x->seq;
    lane_tx_put(&w->ends.of[BAD].tx, &m, sizeof(m));
}

static void bad_index(struct world *w, struct peer_input *in)
{
    ends_spoil_index(&w->ends, in);
}

static void bad_slots(struct world *w, struct peer_input *in)
{
    ends_spoil_slot(&w->ends, in);
}

static void bad_ggtt(struct world *w, struct peer_input *in)
{
    uint32_t at = peer_take32(in, 1), how = peer_take32(in, 1);
    uint32_t first = (how & 1 ? HIGH(BAD) : LOW(BAD)) / 4096;

    ((struct vggtt *)w->ends.of[BAD].vggtt.data)->pte[first + at % 32] =
        how & 2 ? peer_take(in, 8) : peer_take(in, 1) % (PAGES + 2) * 4096 | 1;
}

static void bad_page(struct world *w, struct peer_input *in)
{
    ends_spoil_page(&w->ends, in);
}

static void bad_image(struct world *w, struct peer_input *in)
{
    uint32_t *state = w->side[BAD].work[peer_take(in, 1) & 1].state;

    state[peer_take32(in, 1) % CTX_RING_DWORDS] = peer_take32(in, 4);
}

static void bad_hogs(struct world *w, struct peer_input *in)
{
    w->hog = peer_take(in, 1) & 1;
}

/* ---- what happens besides */

static void good_submit(struct world *w, struct peer_input *in)
{
    sched_world_good(w, peer_take32(in, 1) % ENGINES);
}

/* gtt cleared entries of both. */
static void clears(struct world *w, struct peer_input *in)
{
    (void)in;
    ends_clear(&w->ends);
}

static void restarts(struct world *w, struct peer_input *in)
{
    (void)in;
    sched_world_restart(w);
}

static void some_turns(struct world *w, struct peer_input *in)
{
    for (uint64_t n = peer_take(in, 1) % 8; n; n--)
        ends_turn(&w->ends);
}

static void (*const operations[])(struct world *, struct peer_input *) = {
    bad_entry, bad_entry, bad_submit, bad_submit,  bad_index, bad_slots, bad_ggtt,
    bad_page,  bad_image, bad_hogs,   good_submit, clears,    restarts,  some_turns,
};
#define OPERATIONS (sizeof(operations) / sizeof(operations[0]))

static void run(struct world *w, const uint8_t *data, size_t size)
{
    struct peer_input in = {data, size};

    sched_world_guests(w);
    for (unsigned n = 0; n < MAX_OPS && in.size; n++)
        operations[peer_take(&in, 1) % OPERATIONS](w, &in);
    for (unsigned e = 0; e < ENGINES; e++)
        sched_world_good(w, e);
    ends_clear(&w->ends);
    sched_world_leave(w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    /* A tail that cannot be: noticed, told and counted once; then it is found by the next process,
     * too. Work that stays on the engine for which the good one waits. Not left to chance. */
    static const uint8_t ruined[] = {4, 32, 0xff, 0xff, 0, 0x7f, 13, 4};
    static const uint8_t again[] = {4, 32, 0xff, 0xff, 0, 0x7f, 12};
    static const uint8_t hog[] = {9, 1, 2, 0, 13, 3, 10, 0};
    static struct world w;

    if (!w.sim.fake) {
        sched_world_make(&w);
        run(&w, ruined, sizeof(ruined));
        peer_check(w.ends.told == 1);
        run(&w, again, sizeof(again));
        peer_check(w.ends.told == 1);
        run(&w, hog, sizeof(hog));
        peer_check(w.ends.told == 0 && w.ends.hangs == 1);
    }
    run(&w, data, size);
    peer_check(w.ends.told <= 1 + w.ends.restarts);
    return 0;
}
