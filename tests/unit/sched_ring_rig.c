/* SPDX-License-Identifier: MIT */
/* sched_ring_rig.c: see sched_ring_rig.h. */
#include "tests/unit/sched_ring_rig.h"

#include <stdlib.h>
#include <string.h>

struct ring_rig ring_rig;

/* ---- set-up */

/* A directory that is known is told to be in use when the engine changes hands; no other is named.
 */
static void on_root(void *ctx, uint32_t level, const uint64_t pdp[4])
{
    struct player *p = ctx;

    assert_int_equal(level, 2);
    assert_true(pdp[0] == p->driver.port[0].directory || pdp[0] == p->driver.port[1].directory);
    p->asked++;
}

static void make_player(unsigned n)
{
    struct player *p = &ring_rig.player[n];
    struct context_config contexts = {.arena = ring_rig.machine.arena,
                                      .ops = &silicon_vmm,
                                      .low_base = (n + 1) * RING_PARTITION,
                                      .low_size = RING_PARTITION,
                                      .account = &p->account,
                                      .number = n,
                                      .records = ring_rig.machine.journal->guest[n].context,
                                      .need_root = on_root,
                                      .ctx = p,
                                      .rings = true,
                                      .empty_directory = DIRECTORIES};
    struct guest_config config = {.domid = n + 1,
                                  .weight = 1,
                                  .rings = true,
                                  .account = &p->account,
                                  .journal = &ring_rig.machine.journal->guest[n],
                                  .inval = &p->inval,
                                  .rx = &p->lanes.rx,
                                  .tx = &p->lanes.tx,
                                  .hooks = machine_hooks(&ring_rig.machine)};

    contexts.vggtt = p->vggtt = calloc(1, sizeof *p->vggtt);
    contexts.map = config.map = p->map = aligned_alloc(128, sizeof *p->map);
    memset(p->map, 0, sizeof *p->map);
    ring_driver_init(&p->driver, &ring_rig.machine.silicon, p->vggtt, p->map, n, DIRECTORIES + 512);
    account_init(&p->account, n + 1, "guest", &machine_quiet);
    machine_lanes_open(&p->lanes, 16, &p->driver.tx, &p->driver.rx);
    assert_int_equal(context_set_new(&contexts, &p->contexts), 0);
    config.contexts = p->contexts;
    guest_init(&p->guest, &config);
    ring_rig.machine.ring.guest[ring_rig.machine.ring.count++] = &p->guest;
    for (unsigned e = 0; e < ENGINES; e++)
        ring_driver_start(&p->driver, e);
}

static void make_engine(struct machine *m, unsigned e, uint64_t quantum, uint64_t watchdog)
{
    machine_engine(m, e, quantum, watchdog);
    engine_set_ring(&m->engine[e], &ring_rig.pages[e], &m->hwsp[e],
                    &(struct sched_journal_ring){0});
}

void ring_rig_start(uint64_t quantum, uint64_t watchdog)
{
    struct machine *m = &ring_rig.machine;
    uint32_t gma[GEN8_ENGINES] = {0};

    memset(&ring_rig, 0, sizeof ring_rig);
    silicon_setup_hsw(&m->silicon);
    machine_init(m, GEN8_M_RCS | GEN8_M_BCS);
    for (unsigned e = 0; e < ENGINES; e++) {
        assert_int_equal(arena_alloc(m->arena, 1, &m->hwsp[e]), 0);
        assert_int_equal(arena_alloc(m->arena, HW_RING_BYTES / PAGE, &ring_rig.pages[e]), 0);
        gma[e] = m->hwsp[e].gma;
        m->hw.ring[e] = ring_rig.pages[e].gma;
        make_engine(m, e, quantum, watchdog);
    }
    assert_int_equal(hw_up(&m->hw, gma), 0);
    for (unsigned e = 0; e < ENGINES; e++)
        assert_int_equal(engine_started(&m->engine[e]), 0);
    for (unsigned n = 0; n < GUESTS; n++)
        make_player(n);
}

void ring_rig_leave(struct player *p)
{
    guest_leave(&p->guest);
    machine_commit(&ring_rig.machine);
    for (unsigned e = 0; e < ENGINES; e++) {
        assert_false(engine_uses(&ring_rig.machine.engine[e], &p->guest));
        engine_forget(&ring_rig.machine.engine[e], &p->guest);
    }
}

/* Nobody keeps anything. */
void ring_rig_stop(void)
{
    uint32_t ours = ENGINES * (1 + HW_RING_BYTES / PAGE);

    for (unsigned n = 0; n < GUESTS; n++)
        ring_rig_leave(&ring_rig.player[n]);
    for (unsigned n = 0; n < GUESTS; n++) {
        struct player *p = &ring_rig.player[n];

        context_set_free(p->contexts);
        machine_lanes_close(&p->lanes, &p->driver.tx, &p->driver.rx);
        free(p->vggtt);
        free(p->map);
    }
    assert_int_equal(arena_free_pages(ring_rig.machine.arena), MACHINE_ARENA_PAGES - ours);
    machine_free(&ring_rig.machine);
}

static void show_and_fail(void)
{
    for (unsigned n = 0; n < GUESTS; n++)
        for (unsigned e = 0; e < ENGINES; e++) {
            const struct ring_port *p = &ring_rig.player[n].driver.port[e];
            const struct sched_vring *r = ring_rig.player[n].guest.engine[e].r;

            print_message("guest %u engine %u: emitted %u number %u head %#x tail %#x; given %#x "
                          "done %#x hung %u\n",
                          n, e, p->emitted, p->hwsp_at[0x40], p->head, p->tail, r->given, r->head,
                          ring_rig.player[n].guest.engine[e].v->hung);
        }
    fail_msg("not done in a minute");
}

/* Those of the mask. */
void ring_rig_play(uint32_t players)
{
    uint64_t until = silicon_now() + LIMIT;
    bool busy = true;

    while (busy) {
        if (silicon_now() > until)
            show_and_fail();
        busy = false;
        for (unsigned n = 0; n < GUESTS; n++) {
            if (!(players & 1u << n))
                continue;
            ring_driver_submit(&ring_rig.player[n].driver);
            ring_driver_events(&ring_rig.player[n].driver);
            busy |= !ring_driver_done(&ring_rig.player[n].driver);
        }
        machine_turn(&ring_rig.machine);
    }
}
