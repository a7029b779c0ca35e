/* SPDX-License-Identifier: MIT */
/*
 * Virtual rings of a Haswell's guest: the rules of vring.h, and what vgt-mmio's entries make of
 * them (guest_ring.c), over contexts without memory.
 */
#include "services/sched/guest.h"
#include "services/sched/vring.h"
#include "tests/unit/sched_eng_stub.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cmocka.h>

#define PAGES(n) (((n)-1) * 4096u)
#define BASE     0x22000u /* BCS */

/* ---- vring */

static struct sched_vring made(uint32_t start, uint32_t pages, uint32_t head, uint32_t tail)
{
    const struct mmio_sched_ring regs = {start, PAGES(pages) | 1, head, tail};
    struct sched_vring r = {0};

    vring_set(&r, &regs, true);
    return r;
}

static void registers_say_where_it_is(void **state)
{
    struct sched_vring r = made(0x123456ff, 4, 0xffe00108, 0x208);

    (void)state;
    assert_true(vring_on(&r));
    assert_int_equal(vring_start(&r), 0x12345000);
    assert_int_equal(vring_size(&r), 4 * 4096);
    assert_int_equal(r.head, 0x108); /* the rest of HEAD counts wraps */
    assert_int_equal(r.given, 0x108);
    assert_int_equal(r.tail, 0x208);
    assert_true(r.news && vring_wants(&r) && !vring_busy(&r) && !vring_idle(&r));
}

static void head_counts_only_when_it_was_written(void **state)
{
    struct sched_vring r = made(0x1000, 4, 0x100, 0x200);
    const struct mmio_sched_ring smaller = {0x5000, PAGES(1) | 1, 0x40, 0x3ff8};

    (void)state;
    r.head = r.given = 0x2108;
    r.wait = 1;
    vring_set(&r, &smaller, false);
    assert_int_equal(r.head, 0x108); /* inside, whatever the size is now */
    assert_int_equal(r.given, 0x108);
    assert_int_equal(r.tail, 0xff8);
    assert_int_equal(r.wait, 0);
}

static void tails_are_inside_and_even(void **state)
{
    struct sched_vring r = made(0x1000, 1, 0, 0);

    (void)state;
    assert_true(vring_tail(&r, 0xff8, 7));
    assert_int_equal(r.tail, 0xff8);
    assert_int_equal(r.epoch, 7);
    assert_false(vring_tail(&r, 0x1000, 8));
    assert_false(vring_tail(&r, 0x4, 9));
    assert_false(vring_tail(&r, 0xfffffff8, 9));
    assert_int_equal(r.tail, 0xff8);
    assert_int_equal(r.epoch, 7);
}

static void what_holds_a_ring(void **state)
{
    struct sched_vring r = made(0x1000, 1, 0, 0x40);

    (void)state;
    r.stopped = 1;
    assert_false(vring_wants(&r));
    assert_true(vring_idle(&r));
    r.stopped = 0;
    r.wait = 2;
    r.wait_value = 5;
    vring_signal(&r, 1, 5);
    vring_signal(&r, 0, 9);
    vring_signal(&r, SCHED_MAILBOXES, 9);
    assert_false(vring_wants(&r)); /* until greater */
    assert_false(vring_idle(&r));
    vring_signal(&r, 1, 6);
    assert_true(vring_wants(&r));
    r.ctl = 0;
    assert_false(vring_wants(&r));
    assert_true(vring_idle(&r));
    r.chunks = 1; /* off, and not through */
    assert_false(vring_idle(&r));
}

/* Given once around: the places are equal, and yet it is at work. */
static void chunks_say_that_it_is_at_work(void **state)
{
    struct sched_vring r = made(0x1000, 1, 0x40, 0x40);

    (void)state;
    assert_true(vring_idle(&r));
    r.chunks = 2;
    assert_true(vring_busy(&r));
    assert_false(vring_idle(&r));
}

static void nonsense_is_not_believed(void **state)
{
    const struct sched_vring good = made(0x1000, 2, 0, 0x1ff8);
    struct sched_vring r[5] = {good, good, good, good, good};

    (void)state;
    r[0].tail = 0x2000;
    r[1].head = 0x2000;
    r[2].given = 0x2000;
    r[3].wait = SCHED_MAILBOXES + 1;
    r[4].chunks = SCHED_JOURNAL_CHUNKS + 1;
    for (unsigned i = 0; i < 5; i++) {
        r[i].kept = 0x777000;
        assert_false(vring_check(&r[i]));
        assert_int_equal(r[i].tail | r[i].head | r[i].given | r[i].ctl | r[i].chunks, 0);
        assert_int_equal(r[i].kept, 0x777000); /* a page of ours all the same */
    }
    r[0] = good;
    assert_true(vring_check(&r[0]));
    assert_memory_equal(&r[0], &good, sizeof good);
}

/* ---- entries */

static struct {
    struct guest guest;
    struct account account;
    struct context_set *contexts;
    struct sched_journal_guest *journal;
    struct gtt_map *map;
    struct gtt_inval inval;
    int fd[6];
    struct lane_tx tx, to_mmio;
    struct lane_rx rx, from_sched;
    uint64_t seq;
    uint32_t resets, works;
} t;

static void on_reset(void *ctx, struct guest *g, unsigned engine)
{
    (void)ctx;
    t.resets |= GEN8_M(engine);
    guest_reset_done(g, engine);
}

static void on_work(void *ctx, struct guest *g, unsigned engine)
{
    (void)ctx;
    (void)g;
    t.works |= GEN8_M(engine);
}

static void on_commit(void *ctx)
{
    (void)ctx;
    t.journal->state = *guest_state(&t.guest);
    guest_post(&t.guest);
}

static void make_guest(bool restart)
{
    const struct context_config contexts = {.number = 0};
    struct guest_config config = {.domid = 5,
                                  .weight = 1,
                                  .restart = restart,
                                  .rings = true,
                                  .account = &t.account,
                                  .journal = t.journal,
                                  .map = t.map,
                                  .inval = &t.inval,
                                  .rx = &t.rx,
                                  .tx = &t.to_mmio,
                                  .hooks = {on_reset, on_work, on_commit, NULL}};

    assert_int_equal(context_set_new(&contexts, &t.contexts), 0);
    config.contexts = t.contexts;
    guest_init(&t.guest, &config);
}

static int setup(void **state)
{
    (void)state;
    memset(&t, 0, sizeof t);
    t.journal = calloc(1, sizeof *t.journal);
    t.map = aligned_alloc(128, sizeof *t.map);
    memset(t.map, 0, sizeof *t.map);
    account_init(&t.account, 5, "guest", NULL);
    lane_create("up", LANE_STREAM, 16, MMIO_SCHED_LAYOUT, &t.fd[0]);
    lane_create("down", LANE_STREAM, 16, MMIO_SCHED_LAYOUT, &t.fd[3]);
    for (unsigned i = 0; i < 6; i++)
        if (i % 3)
            t.fd[i] = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    lane_producer_attach(&t.tx, t.fd[0], MMIO_SCHED_LAYOUT, t.fd[1], t.fd[2]);
    lane_consumer_attach(&t.rx, t.fd[0], MMIO_SCHED_LAYOUT, t.fd[1], t.fd[2]);
    lane_producer_attach(&t.to_mmio, t.fd[3], MMIO_SCHED_LAYOUT, t.fd[4], t.fd[5]);
    lane_consumer_attach(&t.from_sched, t.fd[3], MMIO_SCHED_LAYOUT, t.fd[4], t.fd[5]);
    make_guest(false);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    context_set_free(t.contexts);
    lane_producer_detach(&t.tx);
    lane_consumer_detach(&t.rx);
    lane_producer_detach(&t.to_mmio);
    lane_consumer_detach(&t.from_sched);
    for (unsigned i = 0; i < 6; i++)
        close(t.fd[i]);
    free(t.journal);
    free(t.map);
    return 0;
}

static struct sched_vring *ring(unsigned engine)
{
    return t.guest.engine[engine].r;
}

static void say(struct mmio_sched m)
{
    if (!m.seq)
        m.seq = ++t.seq;
    assert_int_equal(lane_tx_put(&t.tx, &m, sizeof m), 0);
    assert_int_equal(guest_take(&t.guest), 0);
    assert_int_equal(guest_flush(&t.guest), 0);
}

/* The last that vgt-mmio is told of a ring. */
static struct sched_mmio told(unsigned engine)
{
    struct sched_mmio m, last = {0};
    struct lane_slot slot;

    while (lane_rx_next(&t.from_sched, &slot, NULL) == 0) {
        memcpy(&m, &slot, sizeof m);
        if (m.kind == SCHED_MMIO_RING && m.engine == engine)
            last = m;
    }
    lane_rx_advance(&t.from_sched);
    return last;
}

static void start_ring(void)
{
    say((struct mmio_sched){.kind = MMIO_SCHED_HWSP, .engine = GEN8_BCS, .value = 0x7000});
    say((struct mmio_sched){.kind = MMIO_SCHED_RING,
                            .engine = GEN8_BCS,
                            .offset = BASE + 0x34,
                            .ring = {0x10000, PAGES(4) | 1, 0x80, 0x80}});
}

static void a_ring_starts_and_gets_work(void **state)
{
    struct sched_mmio m;

    (void)state;
    start_ring();
    m = told(GEN8_BCS);
    assert_int_equal(m.head, 0x80);
    assert_int_equal(m.acthd, 0x10080);
    assert_int_equal(m.bits, SCHED_RING_IDLE);
    assert_int_equal(t.contexts->hwsp[GEN8_BCS], 0x7000);
    assert_false(guest_ready(&t.guest, GEN8_BCS));
    say((struct mmio_sched){
        .kind = MMIO_SCHED_TAIL, .engine = GEN8_BCS, .value = 0x100, .epoch = 3});
    assert_false(guest_ready(&t.guest, GEN8_BCS)); /* not before the epoch */
    assert_true(guest_waits(&t.guest) && !guest_idle(&t.guest));
    t.map->epoch = 3;
    assert_true(guest_ready(&t.guest, GEN8_BCS));
    assert_int_equal(t.works, GEN8_M_BCS);
    assert_int_equal(t.account.count[ACCOUNT_BAD_DESCRIPTOR], 0);
}

static void a_replay_changes_nothing(void **state)
{
    (void)state;
    start_ring();
    say((struct mmio_sched){.kind = MMIO_SCHED_TAIL, .engine = GEN8_BCS, .value = 0x100});
    say((struct mmio_sched){.kind = MMIO_SCHED_TAIL, .engine = GEN8_BCS, .value = 0x88, .seq = 3});
    assert_int_equal(ring(GEN8_BCS)->tail, 0x100);
}

static void registers_of_the_virtual_engine(void **state)
{
    (void)state;
    start_ring();
    say((struct mmio_sched){.kind = MMIO_SCHED_TAIL, .engine = GEN8_BCS, .value = 0x100});
    say((struct mmio_sched){.kind = MMIO_SCHED_REG, .offset = BASE + 0x9c, .value = 1u << 8});
    assert_true(told(GEN8_BCS).bits & SCHED_RING_IDLE);
    assert_false(guest_ready(&t.guest, GEN8_BCS));
    say((struct mmio_sched){.kind = MMIO_SCHED_REG, .offset = BASE + 0x9c, .value = 0});
    assert_false(told(GEN8_BCS).bits & SCHED_RING_IDLE);
    assert_true(guest_ready(&t.guest, GEN8_BCS));
    say((struct mmio_sched){.kind = MMIO_SCHED_REG, .offset = BASE + 0x228, .value = 0x345000});
    assert_int_equal(ring(GEN8_BCS)->directory, 0x345);
    say((struct mmio_sched){.kind = MMIO_SCHED_REG, .offset = 0x2180, .value = 0x99101});
    assert_int_equal(ring(GEN8_RCS)->ccid, 0x99000);
    say((struct mmio_sched){.kind = MMIO_SCHED_REG, .offset = 0x2180, .value = 0x99100});
    assert_int_equal(ring(GEN8_RCS)->ccid, 0);
    assert_int_equal(t.account.count[ACCOUNT_BAD_DESCRIPTOR], 0);
}

static void nonsense_is_counted(void **state)
{
    const struct mmio_sched bad[] = {
        {.kind = MMIO_SCHED_TAIL, .engine = GEN8_ENGINES},
        {.kind = MMIO_SCHED_RING, .engine = 77},
        {.kind = MMIO_SCHED_ELSP, .engine = GEN8_BCS, .desc = {1, 1}},
        {.kind = MMIO_SCHED_TAIL + 1},
        {.kind = 0},
        {.kind = MMIO_SCHED_TAIL, .engine = GEN8_BCS, .value = PAGES(5)},
    };
    const unsigned n = sizeof bad / sizeof bad[0];

    (void)state;
    start_ring();
    for (unsigned i = 0; i < n; i++) {
        struct sched_vring old = *ring(GEN8_BCS);

        say(bad[i]);
        assert_memory_equal(ring(GEN8_BCS), &old, sizeof old);
        assert_int_equal(t.account.count[ACCOUNT_BAD_DESCRIPTOR], i + 1);
    }
    say((struct mmio_sched){.kind = MMIO_SCHED_HWSP, .engine = 99, .value = 0x7000});
    say((struct mmio_sched){.kind = MMIO_SCHED_REG, .offset = 0xdead0000, .value = 1});
    assert_int_equal(t.resets, 0);
}

static void a_reset_forgets_everything(void **state)
{
    (void)state;
    start_ring();
    ring(GEN8_BCS)->chunks = 1;
    ring(GEN8_BCS)->mailbox[2] = 7;
    t.guest.engine[GEN8_BCS].v->hung = 1;
    say((struct mmio_sched){.kind = MMIO_SCHED_RESET,
                            .engine = GEN8_M_BCS | GEN8_M_VECS | 1u << 9});
    assert_int_equal(t.resets, GEN8_M_BCS | GEN8_M_VECS);
    assert_int_equal(t.contexts->hwsp[GEN8_BCS], 0);
    assert_false(guest_hung(&t.guest));
    assert_int_equal(ring(GEN8_BCS)->ctl | ring(GEN8_BCS)->mailbox[2] | ring(GEN8_BCS)->chunks, 0);
    assert_true(told(GEN8_BCS).bits & SCHED_RING_IDLE);
    assert_int_equal(t.guest.stats.resets, 2);
}

/* What was given goes with a reset of the real engine, which nobody asked for: the rest stays. */
static void a_ring_is_rewritten_at_work(void **state)
{
    struct sched_vring *r = ring(GEN8_BCS);

    (void)state;
    start_ring();
    *r = (struct sched_vring){.start = r->start,
                              .ctl = r->ctl,
                              .head = 0x80,
                              .given = 0x200,
                              .tail = 0x300,
                              .directory = 0x345,
                              .ccid = 0x99000,
                              .mailbox = {1, 2, 3},
                              .chunks = 2};
    say((struct mmio_sched){.kind = MMIO_SCHED_RING,
                            .engine = GEN8_BCS,
                            .offset = BASE + 0x3c,
                            .ring = {0x20000, PAGES(1) | 1, 0x40, 0x1180}});
    assert_int_equal(t.resets, GEN8_M_BCS);
    assert_int_equal(r->chunks, 0);
    assert_int_equal(r->head, 0x80); /* executed up to there */
    assert_int_equal(r->given, 0x80);
    assert_int_equal(r->tail, 0x180);
    assert_int_equal(vring_size(r), 4096);
    assert_int_equal(r->directory, 0x345);
    assert_int_equal(r->ccid, 0x99000);
    assert_int_equal(r->mailbox[1], 2);
    assert_int_equal(t.contexts->hwsp[GEN8_BCS], 0x7000);
    assert_int_equal(t.guest.engine[GEN8_BCS].v->hwsp, 0x7000);
    assert_int_equal(t.guest.stats.resets, 0);
    assert_true(guest_ready(&t.guest, GEN8_BCS));
}

static void an_idle_ring_is_rewritten_without_a_reset(void **state)
{
    (void)state;
    start_ring();
    t.guest.engine[GEN8_BCS].v->hung = 1;
    start_ring();
    assert_int_equal(t.resets, 0);
    assert_true(guest_hung(&t.guest)); /* only a reset makes that good */
}

static void a_restart_goes_on(void **state)
{
    struct sched_mmio m;

    (void)state;
    start_ring();
    say((struct mmio_sched){.kind = MMIO_SCHED_TAIL, .engine = GEN8_BCS, .value = 0x100});
    context_set_leave(t.contexts);
    told(GEN8_BCS);
    make_guest(true);
    assert_int_equal(t.contexts->hwsp[GEN8_BCS], 0x7000);
    assert_int_equal(ring(GEN8_BCS)->tail, 0x100);
    assert_int_equal(guest_flush(&t.guest), 0);
    m = told(GEN8_BCS); /* again: it may have been lost */
    assert_int_equal(m.kind, SCHED_MMIO_RING);
    assert_int_equal(m.seq, t.seq);
}

#define ENTRY(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(registers_say_where_it_is),
        cmocka_unit_test(head_counts_only_when_it_was_written),
        cmocka_unit_test(tails_are_inside_and_even),
        cmocka_unit_test(what_holds_a_ring),
        cmocka_unit_test(chunks_say_that_it_is_at_work),
        cmocka_unit_test(nonsense_is_not_believed),
        ENTRY(a_ring_starts_and_gets_work),
        ENTRY(a_replay_changes_nothing),
        ENTRY(registers_of_the_virtual_engine),
        ENTRY(nonsense_is_counted),
        ENTRY(a_reset_forgets_everything),
        ENTRY(a_ring_is_rewritten_at_work),
        ENTRY(an_idle_ring_is_rewritten_without_a_reset),
        ENTRY(a_restart_goes_on),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
