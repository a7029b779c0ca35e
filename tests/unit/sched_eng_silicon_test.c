/* SPDX-License-Identifier: MIT */
/*
 * Real shadow contexts on softgpu's engines, submitted by small drivers that keep their books as
 * the stock one does: a list is taken once, every completion belongs to the list taken last, and
 * in the end every request has run. Two guests on two engines, slices of a fraction of a
 * millisecond.
 */
#include "services/sched/engine.h"
#include "services/wire/sched_gtt.h"
#include "tests/unit/sched_eng_silicon.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define GUESTS     2u
#define ENGINES    2u /* RCS and BCS */
#define CONTEXTS   3u
#define REQUESTS   60u  /* of each context */
#define WORK       120u /* stores of one request */
#define RING_PAGES 32u
#define PARTITION  (16u << 20)
#define PAGE       4096u
#define ROOT       UINT64_C(0x77000)
#define MS         1000000ull

/* One context as its driver knows it. */
struct work {
    uint64_t desc;
    uint32_t lrca, ring, mark; /* GGTT addresses; mark: where requests store their number */
    uint32_t *state, *done;
    uint64_t ring_at; /* machine */
    uint32_t tail, emitted;
};

/* One engine of one guest: the driver's ports. */
struct driver {
    struct work work[CONTEXTS];
    struct work *pending[2], *active[2];
    bool waiting; /* pending was submitted and not yet taken */
    unsigned lists, slot;
};

struct player {
    struct guest guest;
    struct account account;
    struct context_set *contexts;
    struct sched_journal_guest journal;
    struct vggtt *vggtt;
    struct gtt_map *map;
    struct gtt_inval inval;
    int fd[6];
    struct lane_tx mmio_tx, tx;
    struct lane_rx mmio_rx, rx;
    uint32_t next_gma;
    uint64_t seq;
    struct driver driver[ENGINES];
};

static struct world {
    struct silicon silicon;
    struct hw hw;
    struct arena *arena;
    struct arena_range hwsp[GEN8_ENGINES];
    struct sched_journal_engine journal[ENGINES];
    struct engine engine[ENGINES];
    struct engine_guests ring;
    struct player player[GUESTS];
    uint32_t random;
} w;

static const struct log quiet = {.fd = 2, .level = LOG_CRIT, .name = "test"};

static uint64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static uint32_t roll(uint32_t n)
{
    w.random = w.random * 1664525u + 1013904223u;
    return (w.random >> 8) % n;
}

/* ---- set-up */

static int emit(void *ctx, uint32_t first, uint32_t count, const uint64_t *dma)
{
    uint32_t start, size;

    (void)ctx;
    arena_bounds(w.arena, &start, &size);
    for (uint32_t i = 0; i < count; i++)
        silicon_ggtt(&w.silicon, start + (first + i) * PAGE, dma[i]);
    return 0;
}

/* n pages of a guest; its own GGTT and the physical one name them alike. */
static uint32_t guest_pages(struct player *p, unsigned n, uint64_t *machine)
{
    uint32_t gma = p->next_gma;

    *machine = silicon_pages(&w.silicon, n);
    for (unsigned i = 0; i < n; i++) {
        p->vggtt->pte[gma / PAGE + i] = (*machine + i * PAGE) | 1;
        silicon_ggtt(&w.silicon, gma + i * PAGE, *machine + i * PAGE);
    }
    p->next_gma += n * PAGE;
    return gma;
}

static void make_work(struct player *p, unsigned engine, struct work *k, uint32_t id)
{
    struct ctx_gen8_desc d = {.valid = true, .privileged = true, .mode = CTX_LEGACY_64, .id = id};
    uint64_t image, mark;

    k->lrca = guest_pages(p, (unsigned)ctx_gen8_pages(engine), &image);
    k->ring = guest_pages(p, RING_PAGES, &k->ring_at);
    k->mark = guest_pages(p, 1, &mark);
    k->done = silicon_at(&w.silicon, mark);
    k->state = (uint32_t *)silicon_at(&w.silicon, image) + CTX_GEN8_STATE;
    ctx_gen8_init(engine, silicon_at(&w.silicon, image));
    ctx_gen8_set_ring(silicon_at(&w.silicon, image), k->ring, RING_PAGES * PAGE, 0, 0);
    ctx_gen8_set_pdp(silicon_at(&w.silicon, image), 0, ROOT);
    k->state[CTX_CONTROL] = CTX_CONTROL_INHIBIT_SYNC << 16 | CTX_CONTROL_INHIBIT_SYNC;
    d.lrca = k->lrca;
    k->desc = ctx_gen8_desc_encode(&d);
}

static void no_root(void *ctx, uint32_t level, const uint64_t pdp[4])
{
    (void)ctx;
    (void)level;
    (void)pdp;
    fail_msg("root");
}

static void on_reset(void *ctx, struct guest *g, unsigned engine)
{
    (void)ctx;
    if (engine < ENGINES)
        assert_int_equal(engine_evict(&w.engine[engine], g, now_ns()), 0);
    else
        guest_reset_done(g, engine);
}

static void on_work(void *ctx, struct guest *g, unsigned engine)
{
    (void)ctx;
    (void)g;
    (void)engine;
}

static void make_lanes(struct player *p)
{
    lane_create("up", LANE_STREAM, 64, MMIO_SCHED_LAYOUT, &p->fd[0]);
    lane_create("down", LANE_STREAM, 4, MMIO_SCHED_LAYOUT, &p->fd[3]);
    for (unsigned i = 0; i < 6; i++)
        if (i % 3)
            p->fd[i] = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    lane_producer_attach(&p->mmio_tx, p->fd[0], MMIO_SCHED_LAYOUT, p->fd[1], p->fd[2]);
    lane_consumer_attach(&p->rx, p->fd[0], MMIO_SCHED_LAYOUT, p->fd[1], p->fd[2]);
    lane_producer_attach(&p->tx, p->fd[3], MMIO_SCHED_LAYOUT, p->fd[4], p->fd[5]);
    lane_consumer_attach(&p->mmio_rx, p->fd[3], MMIO_SCHED_LAYOUT, p->fd[4], p->fd[5]);
}

static void make_root(struct player *p)
{
    p->map = aligned_alloc(128, sizeof *p->map);
    memset(p->map, 0, sizeof *p->map);
    p->map->root[0].level = 4;
    p->map->root[0].guest[0] = ROOT;
    p->map->root[0].shadow[0] = silicon_pages(&w.silicon, 1);
}

static void make_contexts(struct player *p, unsigned n, uint32_t base)
{
    const struct context_config config = {.arena = w.arena,
                                          .ops = &silicon_vmm,
                                          .vggtt = p->vggtt,
                                          .map = p->map,
                                          .low_base = base,
                                          .low_size = PARTITION,
                                          .account = &p->account,
                                          .number = n,
                                          .need_root = no_root,
                                          .ctx = p};

    assert_int_equal(context_set_new(&config, &p->contexts), 0);
    for (unsigned e = 0; e < ENGINES; e++) {
        uint64_t machine;

        p->journal.engine[e].hwsp = guest_pages(p, 1, &machine);
        for (unsigned i = 0; i < CONTEXTS; i++)
            make_work(p, e, &p->driver[e].work[i], 10 * e + i + 1);
    }
}

static void make_player(unsigned n)
{
    struct player *p = &w.player[n];
    struct guest_config config = {.domid = n + 1,
                                  .weight = 1,
                                  .restart = true,
                                  .account = &p->account,
                                  .journal = &p->journal,
                                  .inval = &p->inval,
                                  .rx = &p->rx,
                                  .tx = &p->tx,
                                  .hooks = {on_reset, on_work, NULL}};

    p->next_gma = (n + 1) * PARTITION;
    p->vggtt = calloc(1, sizeof *p->vggtt);
    p->journal.domid = n + 1;
    account_init(&p->account, n + 1, "guest", &quiet);
    make_lanes(p);
    make_root(p);
    make_contexts(p, n, (n + 1) * PARTITION);
    config.contexts = p->contexts;
    config.map = p->map;
    guest_init(&p->guest, &config);
    w.ring.guest[w.ring.count++] = &p->guest;
}

static void make_engines(uint64_t quantum, uint64_t watchdog)
{
    for (unsigned e = 0; e < ENGINES; e++) {
        const struct engine_config config = {.id = e,
                                             .hw = &w.hw,
                                             .journal = &w.journal[e],
                                             .guests = &w.ring,
                                             .log = &quiet,
                                             .quantum_ns = quantum,
                                             .watchdog_ns = watchdog};

        engine_init(&w.engine[e], &config);
    }
}

static void start(uint64_t quantum, uint64_t watchdog)
{
    uint32_t gma[GEN8_ENGINES] = {0};

    memset(&w, 0, sizeof w);
    w.random = 7;
    silicon_setup(&w.silicon);
    silicon_share(&w.silicon);
    hw_init(&w.hw, &w.silicon.gpu, 0xf);
    assert_int_equal(hw_halt(&w.hw, 0, true), 0);
    assert_int_equal(arena_new(&w.silicon.gpu, 2 * ARENA_BLOCK_PAGES, &w.arena), 0);
    assert_int_equal(arena_map(w.arena, 0, SCHED_GTT_MAP_PAGES, emit, NULL), 0);
    for (unsigned e = 0; e < 4; e++) {
        assert_int_equal(arena_alloc(w.arena, 1, &w.hwsp[e]), 0);
        gma[e] = w.hwsp[e].gma;
    }
    assert_int_equal(hw_up(&w.hw, gma), 0);
    make_engines(quantum, watchdog);
    for (unsigned n = 0; n < GUESTS; n++)
        make_player(n);
}

static void stop(void)
{
    hw_down(&w.hw);
    hw_halt(&w.hw, 0, true);
    for (unsigned n = 0; n < GUESTS; n++) {
        struct player *p = &w.player[n];

        context_set_free(p->contexts);
        lane_producer_detach(&p->mmio_tx);
        lane_consumer_detach(&p->mmio_rx);
        lane_producer_detach(&p->tx);
        lane_consumer_detach(&p->rx);
        for (unsigned i = 0; i < 6; i++)
            close(p->fd[i]);
        free(p->vggtt);
        free(p->map);
    }
    arena_forget(w.arena);
    silicon_teardown(&w.silicon);
}

/* ---- the driver */

static void ring_put(struct work *k, uint32_t dw)
{
    *(uint32_t *)silicon_at(&w.silicon, k->ring_at + k->tail) = dw;
    k->tail = (k->tail + 4) % (RING_PAGES * PAGE);
}

static uint32_t done(const struct work *k)
{
    return __atomic_load_n(k->done, __ATOMIC_ACQUIRE);
}

/* Wait for the test's permission, stores, places where it may be preempted, the request's number, a
 * user interrupt. */
static void request(struct work *k)
{
    ring_put(k, 0x1cu << 23 | 1u << 22 | 1u << 15 | 1u << 12 | 2); /* until *permit >= number */
    ring_put(k, k->emitted + 1);
    ring_put(k, k->mark + 128);
    ring_put(k, 0);
    for (unsigned i = 0; i < WORK; i++) {
        ring_put(k, 0x20u << 23 | 1u << 22 | 2);
        ring_put(k, k->mark + 64);
        ring_put(k, 0);
        ring_put(k, i);
        if (i % 8 == 0) {
            ring_put(k, 5u << 23); /* MI_ARB_CHECK */
            ring_put(k, 0);
        }
    }
    ring_put(k, 0x20u << 23 | 1u << 22 | 2);
    ring_put(k, k->mark);
    ring_put(k, 0);
    ring_put(k, ++k->emitted);
    ring_put(k, 2u << 23);
    ring_put(k, 0);
}

/* Room for the request, and some to ask for. */
static bool may_request(const struct work *k)
{
    return k->emitted < REQUESTS && k->emitted - done(k) < 12;
}

static struct work *choose(struct driver *d, const struct work *but)
{
    struct work *k = &d->work[roll(CONTEXTS)];

    if (k == but)
        return NULL;
    if (may_request(k) && roll(4))
        request(k);
    return done(k) != k->emitted ? k : NULL;
}

/* A new list, whatever runs: the same context with more, another one in front, a pair. */
static void submit(struct player *p, unsigned engine)
{
    struct driver *d = &p->driver[engine];
    struct mmio_sched m = {.kind = MMIO_SCHED_ELSP, .engine = engine};

    if (d->waiting || (d->active[0] && roll(8)))
        return;
    d->pending[0] = choose(d, NULL);
    d->pending[1] = d->pending[0] ? choose(d, d->pending[0]) : NULL;
    if (!d->pending[0])
        return;
    for (unsigned i = 0; i < 2 && d->pending[i]; i++) {
        d->pending[i]->state[CTX_RING_TAIL] = d->pending[i]->tail;
        m.desc[i] = d->pending[i]->desc;
    }
    m.seq = ++p->seq;
    assert_int_equal(lane_tx_put(&p->mmio_tx, &m, sizeof m), 0);
    d->waiting = true;
    d->lists++;
}

static void on_csb(struct driver *d, const struct sched_mmio *m)
{
    uint32_t status = (uint32_t)m->csb;

    assert_int_equal(m->csb_index, d->slot);
    d->slot = (d->slot + 1) % 6;
    if (status & (CSB_IDLE_TO_ACTIVE | CSB_PREEMPTED)) {
        assert_true(d->waiting);
        assert_int_equal(!!d->active[0], !!(status & CSB_PREEMPTED));
        memcpy(d->active, d->pending, sizeof d->active);
        d->waiting = false;
        return;
    }
    assert_true(status & CSB_COMPLETE);
    assert_non_null(d->active[0]);
    assert_int_equal(m->csb >> 32, d->active[0]->desc >> 32);
    assert_int_equal(!!d->active[1], !!(status & CSB_ELEMENT_SWITCH));
    /* Everything submitted with this list has run. */
    d->active[0] = d->active[1];
    d->active[1] = NULL;
}

static void mmio_turn(struct player *p)
{
    struct lane_slot slot;
    struct sched_mmio m;

    while (lane_rx_next(&p->mmio_rx, &slot, NULL) == 0) {
        memcpy(&m, &slot, sizeof m);
        if (m.kind == SCHED_MMIO_CSB)
            on_csb(&p->driver[m.engine], &m);
    }
    lane_rx_advance(&p->mmio_rx);
}

/* ---- the service's loop */

static void sched_turn(void)
{
    uint32_t bits[GEN8_ENGINES];
    uint64_t now = now_ns();

    assert_int_equal(hw_interrupts(&w.hw, bits), 0);
    for (unsigned e = 0; e < ENGINES; e++) {
        if (bits[e])
            assert_int_equal(engine_interrupt(&w.engine[e], bits[e], now), 0);
        else if (engine_deadline(&w.engine[e], now) <= now)
            assert_int_equal(engine_tick(&w.engine[e], now), 0);
    }
    for (unsigned n = 0; n < GUESTS; n++) {
        while (guest_take(&w.player[n].guest) == GUEST_MORE)
            ;
        for (unsigned e = 0; e < ENGINES; e++)
            w.player[n].guest.engine[e].blocked = false;
    }
    for (unsigned e = 0; e < ENGINES; e++)
        assert_int_equal(engine_kick(&w.engine[e], now), 0);
    for (unsigned n = 0; n < GUESTS; n++)
        assert_int_equal(guest_flush(&w.player[n].guest), 0);
}

/* The next request of each context may run now and then. */
static void permit(struct player *p)
{
    for (unsigned e = 0; e < ENGINES; e++)
        for (unsigned i = 0; i < CONTEXTS; i++) {
            struct work *k = &p->driver[e].work[i];

            if (!roll(6))
                __atomic_store_n(&k->done[32], done(k) + 1 + roll(3), __ATOMIC_RELEASE);
        }
}

static bool all_done(const struct player *p)
{
    for (unsigned e = 0; e < ENGINES; e++) {
        if (p->driver[e].waiting || p->driver[e].active[0])
            return false;
        for (unsigned i = 0; i < CONTEXTS; i++)
            if (done(&p->driver[e].work[i]) != REQUESTS)
                return false;
    }
    return true;
}

static void play(void)
{
    uint64_t until = now_ns() + 60000 * MS;
    bool busy = true;

    while (busy) {
        assert_true(now_ns() < until);
        busy = false;
        for (unsigned n = 0; n < GUESTS; n++) {
            for (unsigned e = 0; e < ENGINES; e++)
                submit(&w.player[n], e);
            mmio_turn(&w.player[n]);
            permit(&w.player[n]);
            busy |= !all_done(&w.player[n]);
        }
        sched_turn();
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
        for (unsigned i = 0; i < ACCOUNT_EVENTS; i++)
            assert_int_equal(p->account.count[i], 0);
        for (unsigned e = 0; e < ENGINES; e++)
            for (unsigned i = 0; i < CONTEXTS; i++)
                assert_in_range(p->driver[e].work[i].state[CTX_RING_HEAD],
                                p->driver[e].work[i].tail - 8, p->driver[e].work[i].tail);
    }
    for (unsigned e = 0; e < ENGINES; e++)
        errors += w.engine[e].errors + w.engine[e].resets;
    assert_int_equal(errors, 0);
    assert_true(preemptions);
    print_message("preemptions %u, submissions %u\n", (unsigned)preemptions,
                  (unsigned)(w.engine[0].submissions + w.engine[1].submissions));
    stop();
}

/* One guest loops for ever in its ring's batch; the other one's requests all run. */
static void one_hangs(void **state)
{
    struct work *k;
    struct mmio_sched m = {.kind = MMIO_SCHED_ELSP, .engine = GEN8_RCS, .seq = 1};

    (void)state;
    start(MS, 50 * MS);
    k = &w.player[0].driver[GEN8_RCS].work[0];
    /* A semaphore that never comes true: polls, never arbitrates. */
    ring_put(k, 8u << 23); /* MI_ARB_ON_OFF: off */
    ring_put(k, 0);
    ring_put(k, 0x1cu << 23 | 1u << 22 | 1u << 15 | 4u << 12 | 2); /* until *mark == 99 */
    ring_put(k, 99);
    ring_put(k, k->mark);
    ring_put(k, 0);
    k->state[CTX_RING_TAIL] = k->tail;
    m.desc[0] = k->desc;
    assert_int_equal(lane_tx_put(&w.player[0].mmio_tx, &m, sizeof m), 0);
    for (uint64_t until = now_ns() + 20 * MS; now_ns() < until;)
        sched_turn();
    assert_true(w.engine[GEN8_RCS].running);
    for (uint64_t until = now_ns() + 30000 * MS; !all_done(&w.player[1]);) {
        assert_true(now_ns() < until);
        for (unsigned e = 0; e < ENGINES; e++)
            submit(&w.player[1], e);
        mmio_turn(&w.player[1]);
        permit(&w.player[1]);
        sched_turn();
    }
    assert_int_equal(w.engine[GEN8_RCS].resets, 1);
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
