/* SPDX-License-Identifier: MIT */
/*
 * Real shadow contexts on softgpu's engines, submitted by small drivers that keep their books as
 * the stock one does: a list is taken once, every completion belongs to the list taken last, and
 * in the end every request has run, once. Two guests on two engines, slices of a fraction of a
 * millisecond.
 */
#include "tests/unit/sched_eng_driver.h"
#include "tests/unit/sched_eng_machine.h"

#include <stdlib.h>
#include <string.h>

#define GUESTS  2u
#define ENGINES MACHINE_ENGINES
#define PAGE    4096u
#define MS      1000000ull

struct player {
    struct driver driver;
    struct guest guest;
    struct account account;
    struct context_set *contexts;
    struct vggtt *vggtt;
    struct gtt_map *map;
    struct gtt_inval inval;
    struct machine_lanes lanes;
};

static struct world {
    struct machine machine;
    struct player player[GUESTS];
} w;

/* ---- set-up */

static void no_root(void *ctx, uint32_t level, const uint64_t pdp[4])
{
    (void)ctx;
    (void)level;
    (void)pdp;
    fail_msg("root");
}

static void make_root(struct player *p)
{
    p->map = aligned_alloc(128, sizeof *p->map);
    memset(p->map, 0, sizeof *p->map);
    p->map->root[0].level = 4;
    p->map->root[0].guest[0] = DRIVER_ROOT;
    p->map->root[0].shadow[0] = silicon_pages(&w.machine.silicon, 1);
}

static void make_contexts(struct player *p, unsigned n, uint32_t base)
{
    const struct context_config config = {.arena = w.machine.arena,
                                          .ops = &silicon_vmm,
                                          .vggtt = p->vggtt,
                                          .map = p->map,
                                          .low_base = base,
                                          .low_size = DRIVER_PARTITION,
                                          .account = &p->account,
                                          .number = n,
                                          .records = w.machine.journal->guest[n].context,
                                          .need_root = no_root,
                                          .ctx = p};

    assert_int_equal(context_set_new(&config, &p->contexts), 0);
}

static void make_player(unsigned n)
{
    struct player *p = &w.player[n];
    struct guest_config config = {.domid = n + 1,
                                  .weight = 1,
                                  .restart = true,
                                  .account = &p->account,
                                  .journal = &w.machine.journal->guest[n],
                                  .inval = &p->inval,
                                  .rx = &p->lanes.rx,
                                  .tx = &p->lanes.tx,
                                  .hooks = machine_hooks(&w.machine)};

    p->vggtt = calloc(1, sizeof *p->vggtt);
    driver_init(&p->driver, &w.machine.silicon, p->vggtt, n);
    w.machine.journal->guest[n].state.domid = n + 1;
    for (unsigned e = 0; e < ENGINES; e++)
        w.machine.journal->guest[n].state.engine[e].hwsp = p->driver.port[e].hwsp;
    account_init(&p->account, n + 1, "guest", &machine_quiet);
    machine_lanes_open(&p->lanes, 4, &p->driver.tx, &p->driver.rx);
    make_root(p);
    make_contexts(p, n, (n + 1) * DRIVER_PARTITION);
    config.contexts = p->contexts;
    config.map = p->map;
    guest_init(&p->guest, &config);
    w.machine.ring.guest[w.machine.ring.count++] = &p->guest;
}

static void start(uint64_t quantum, uint64_t watchdog)
{
    struct machine *m = &w.machine;
    uint32_t gma[GEN8_ENGINES] = {0};

    memset(&w, 0, sizeof w);
    silicon_setup(&m->silicon);
    machine_init(m, 0xf);
    for (unsigned e = 0; e < 4; e++) {
        assert_int_equal(arena_alloc(m->arena, 1, &m->hwsp[e]), 0);
        gma[e] = m->hwsp[e].gma;
    }
    assert_int_equal(hw_up(&m->hw, gma), 0);
    for (unsigned e = 0; e < ENGINES; e++)
        machine_engine(m, e, quantum, watchdog);
    for (unsigned n = 0; n < GUESTS; n++)
        make_player(n);
}

static void stop(void)
{
    hw_halt(&w.machine.hw);
    for (unsigned n = 0; n < GUESTS; n++) {
        struct player *p = &w.player[n];

        context_set_free(p->contexts);
        machine_lanes_close(&p->lanes, &p->driver.tx, &p->driver.rx);
        free(p->vggtt);
        free(p->map);
    }
    machine_free(&w.machine);
}

static void play(void)
{
    uint64_t until = silicon_now() + 60000 * MS;
    bool busy = true;

    while (busy) {
        assert_true(silicon_now() < until);
        busy = false;
        for (unsigned n = 0; n < GUESTS; n++) {
            driver_submit(&w.player[n].driver);
            driver_events(&w.player[n].driver);
            driver_permit(&w.player[n].driver);
            busy |= !driver_done(&w.player[n].driver);
        }
        machine_turn(&w.machine);
    }
}

/* ---- tests */

static void books_balance(void **state)
{
    uint64_t preemptions = 0, errors = 0;

    (void)state;
    start(MS / 50, 20000 * MS);
    play();
    for (unsigned n = 0; n < GUESTS; n++) {
        struct player *p = &w.player[n];

        preemptions += p->guest.stats.preemptions;
        assert_false(guest_hung(&p->guest));
        machine_nothing_counted(&p->account);
        for (unsigned e = 0; e < ENGINES; e++)
            for (unsigned i = 0; i < DRIVER_CONTEXTS; i++)
                assert_in_range(p->driver.port[e].work[i].state[CTX_RING_HEAD],
                                p->driver.port[e].work[i].tail - 8, p->driver.port[e].work[i].tail);
    }
    for (unsigned e = 0; e < ENGINES; e++)
        errors += w.machine.engine[e].errors + w.machine.engine[e].resets;
    assert_int_equal(errors, 0);
    assert_true(preemptions);
    print_message("preemptions %u, submissions %u\n", (unsigned)preemptions,
                  (unsigned)(w.machine.engine[0].submissions + w.machine.engine[1].submissions));
    stop();
}

/* One guest loops for ever in its ring's batch; the other one's requests all run. */
static void one_hangs(void **state)
{
    struct driver *d = &w.player[0].driver;
    struct work *k;
    struct mmio_sched m = {.kind = MMIO_SCHED_ELSP, .engine = GEN8_RCS, .seq = 1};

    (void)state;
    start(MS, 500 * MS); /* honest work takes less, however busy the machine */
    k = &d->port[GEN8_RCS].work[0];
    /* A semaphore that never comes true: polls, never arbitrates. */
    driver_put(d, k, 8u << 23); /* MI_ARB_ON_OFF: off */
    driver_put(d, k, 0);
    driver_put(d, k, 0x1cu << 23 | 1u << 22 | 1u << 15 | 4u << 12 | 2); /* until *mark == 99 */
    driver_put(d, k, 99);
    driver_put(d, k, k->mark);
    driver_put(d, k, 0);
    k->state[CTX_RING_TAIL] = k->tail;
    m.desc[0] = k->desc;
    assert_int_equal(lane_tx_put(&w.player[0].driver.tx, &m, sizeof m), 0);
    for (uint64_t until = silicon_now() + 30000 * MS; !w.machine.engine[GEN8_RCS].running;) {
        assert_true(silicon_now() < until);
        machine_turn(&w.machine);
    }
    for (uint64_t until = silicon_now() + 30000 * MS; !driver_done(&w.player[1].driver);) {
        assert_true(silicon_now() < until);
        driver_submit(&w.player[1].driver);
        driver_events(&w.player[1].driver);
        driver_permit(&w.player[1].driver);
        machine_turn(&w.machine);
    }
    assert_int_equal(w.machine.engine[GEN8_RCS].resets, 1);
    assert_int_equal(w.player[0].account.count[ACCOUNT_ENGINE_HANG], 1);
    assert_true(guest_hung(&w.player[0].guest));
    assert_false(guest_hung(&w.player[1].guest));
    stop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(books_balance),
        cmocka_unit_test(one_hangs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
