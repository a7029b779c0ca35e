/* SPDX-License-Identifier: MIT */
/* sched_eng_life.c: see sched_eng_life.h. */
#include "tests/unit/sched_eng_life.h"

#include "services/wire/sched_gtt.h"
#include "tests/unit/sched_eng_wire.h"

#include <string.h>
#include <sys/resource.h>

#define PAGE 4096u
#define MS   1000000ull

struct life life;

static const struct log quiet = {.fd = 2, .level = LOG_CRIT, .name = "test"};

/* Who dies frees nothing: its loop, and a guest that it was attaching. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "detect_leaks=0";
}

uint32_t life_roll(uint32_t n)
{
    life.random = life.random * 1664525u + 1013904223u;
    return (life.random >> 8) % n;
}

/* ---- what the process meets */

void life_passing(bool point)
{
    if (!life.armed || life.deaths >= life.c.deaths || --life.left)
        return;
    life.at_points += point;
    longjmp(life.death, 1);
}

static void on_access(void *ctx)
{
    (void)ctx;
    life_passing(false);
}

static void on_up(void *ctx)
{
    (void)ctx;
}

static void on_failed(void *ctx, int err)
{
    (void)ctx;
    fail_msg("failed: %d", err);
}

static void on_gone(void *ctx, uint32_t domid, bool final, uint32_t id)
{
    (void)ctx;
    (void)domid;
    assert_true(final);
    assert_int_equal(id, LIFE_GONE);
    life.gone++;
}

static void on_broken(void *ctx, uint32_t domid, const char *lane)
{
    (void)ctx;
    fail_msg("broken: %u %s", domid, lane);
}

/* On a Haswell directories are all known: what comes of one says that it is in use. */
void life_gtt_serves(void)
{
    uint64_t entries = life.silicon.gpu.info.ggtt_entries;
    uint32_t start = (uint32_t)(entries * PAGE - WIRE_HOST_HIGH);
    struct gtt_sched done = {.kind = GTT_SCHED_DONE};
    struct lane_slot slot;
    struct sched_gtt m;

    while (lane_rx_next(&life.gtt_rx, &slot, NULL) == 0) {
        memcpy(&m, &slot, sizeof m);
        done.seq = m.seq;
        assert_true(m.kind == SCHED_GTT_MAP ||
                    (life.c.rings && m.kind == SCHED_GTT_ROOT && m.count == 2));
        for (uint32_t i = 0; i < m.count && m.kind == SCHED_GTT_MAP; i++)
            silicon_ggtt(&life.silicon, start + (m.first + i) * PAGE, m.dma[i]);
    }
    lane_rx_advance(&life.gtt_rx);
    if (done.seq)
        lane_tx_put(&life.gtt_tx, &done, sizeof done);
}

/* ---- a process's life */

void life_begin(void)
{
    struct sched_config config = {
        .log = &quiet,
        .vmm = &silicon_vmm,
        .quantum_ns = MS / 20,
        .watchdog_ns = 20000 * MS,
        .arena_pages = LIFE_ARENA_PAGES,
        .no_quarantine = life.c.rings, /* two deaths in one request would be the request's fault */
        .events = {on_up, on_failed, on_gone, on_broken, NULL},
    };
    struct wire_fds fds;

    assert_int_equal(loop_new(&life.loop), 0);
    config.loop = life.loop;
    assert_int_equal(sched_new(&config, &life.s), 0);
    fds = copies(&life.own);
    life.armed = true;
    assert_int_equal(sched_device(life.s, &life.silicon.gpu, &fds, life.c.mask), 0);
}

void life_end(void)
{
    life.armed = false;
    sched_free(life.s);
    life.s = NULL;
    life.loop = NULL;
    for (unsigned n = 0; n < LIFE_GUESTS; n++)
        life.seat[n].known = false;
}

void life_add(unsigned n)
{
    Vgt__GuestAdd add = VGT__GUEST_ADD__INIT;
    Vgt__Resources resources = VGT__RESOURCES__INIT;
    struct life_seat *seat = &life.seat[n];
    struct wire_fds fds = copies(&seat->fds);

    add.domid = n + 1;
    add.name = (char *)"guest";
    add.resources = &resources;
    resources.low_base = (n + 1) * life.c.partition;
    resources.low_size = life.c.partition;
    add.weight = 1;
    add.generation = 3;
    add.restart = seat->met;
    seat->known = seat->met = true;
    assert_int_equal(sched_guest_add(life.s, &add, &fds), 0);
}

/* The broker tells of the guests in any order, some time after the start. */
static bool tells(void)
{
    unsigned n = life_roll(LIFE_GUESTS);

    if (life.seat[n].known || life_roll(3))
        return false;
    life_add(n);
    return true;
}

void life_turn(void)
{
    if (setjmp(life.death)) {
        life.deaths++;
        life.left = 1 + life_roll(life.c.rhythm);
        life_end();
        return;
    }
    if (!life.s)
        life_begin();
    else if (!tells())
        assert_int_equal(loop_turn(life.loop, 0), 0);
}

/* ---- the world */

static void make_seat(struct life_seat *s)
{
    give_guest(&s->fds, life.c.slots);
    assert_int_equal(
        wire_region(&s->fds, WIRE_VGGTT, WIRE_REGION_VGGTT, VGGTT_LAYOUT, 0, true, &s->vggtt), 0);
    wire_region(&s->fds, WIRE_GTT_MAP, WIRE_REGION_GTT_MAP, GTT_MAP_LAYOUT, 0, true, &s->map);
    wire_region(&s->fds, WIRE_INVAL_SCHED, WIRE_REGION_INVAL, GTT_INVAL_LAYOUT, 0, true, &s->inval);
}

static void more_files(void)
{
    struct rlimit files;

    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files); /* loops that died keep theirs */
}

void life_setup(const struct life_config *c)
{
    more_files();
    memset(&life, 0, sizeof life);
    life.c = *c;
    life.random = c->random;
    life.left = c->first;
    c->silicon(&life.silicon);
    silicon_share(&life.silicon);
    life.silicon.on_access = on_access;
    give_own(&life.own, 16);
    assert_int_equal(wire_consumer(&life.own, WIRE_SCHED_GTT, SCHED_GTT_LAYOUT, &life.gtt_rx), 0);
    assert_int_equal(wire_producer(&life.own, WIRE_GTT_SCHED, SCHED_GTT_LAYOUT, &life.gtt_tx), 0);
    for (unsigned n = 0; n < LIFE_GUESTS; n++)
        make_seat(&life.seat[n]);
}

void life_lanes(unsigned n, struct lane_tx *tx, struct lane_rx *rx)
{
    wire_producer(&life.seat[n].fds, WIRE_MMIO_SCHED, MMIO_SCHED_LAYOUT, tx);
    wire_consumer(&life.seat[n].fds, WIRE_SCHED_MMIO, MMIO_SCHED_LAYOUT, rx);
}

void life_teardown(void)
{
    struct loop *loop = life.loop;

    life_end();
    loop_free(loop);
    for (unsigned n = 0; n < LIFE_GUESTS; n++) {
        struct life_seat *s = &life.seat[n];

        region_unmap(&s->vggtt);
        region_unmap(&s->map);
        region_unmap(&s->inval);
        wire_fds_close(&s->fds);
    }
    lane_consumer_detach(&life.gtt_rx);
    lane_producer_detach(&life.gtt_tx);
    wire_fds_close(&life.own);
    silicon_teardown(&life.silicon);
}

void life_check_guests(void)
{
    for (unsigned n = 0; n < LIFE_GUESTS; n++) {
        const struct sched_guest *sg = sched_guest_find(life.s, n + 1);

        assert_non_null(sg);
        assert_false(guest_hung(&sg->guest));
        for (unsigned i = 0; i < ACCOUNT_EVENTS; i++)
            assert_int_equal(sg->account.count[i], 0);
    }
}
