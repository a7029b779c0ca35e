/* SPDX-License-Identifier: MIT */
/*
 * Haswell's directories among guests: who gives way to whom, and whose they are after a restart
 * while not every guest is back.
 */
#include "tests/unit/gtt7_oracle.h"

#include "services/gtt/dir.h"

#define GUESTS 20u
#define ROOTS  70u /* of one guest: 16 entries apart */
#define PART   (8 * MIB)

/* Guests of one service besides the rig's own, which has nothing. */
struct other {
    struct gtt_guest_config config;
    struct gtt_guest *g;
    struct gtt_map map;
    struct gtt_inval inval;
    uint64_t epoch;
};

struct crowd {
    struct rig r;
    struct other *other[GUESTS];
    unsigned count;
};

static int no_protect(void *ctx, uint64_t gfn, enum shadow_trap how)
{
    (void)ctx;
    (void)gfn;
    (void)how;
    return 0;
}

static struct crowd *gather(void)
{
    struct crowd *c = calloc(1, sizeof(*c));

    rig_gen = GPU_GEN7;
    rig_directories = DIRECTORIES - 1;
    setup(&c->r, 100);
    return c;
}

/* One more. All have the same piece of the space, for they put nothing into it. */
static struct other *join(struct crowd *c)
{
    unsigned k = c->count;
    struct other *o = aligned_alloc(128, sizeof(*o));

    assert_true(k < GUESTS);
    memset(o, 0, sizeof(*o));
    o->config = c->r.config;
    o->config.domid = (uint16_t)(DOMID + 1 + k);
    o->config.map = &o->map;
    o->config.inval[0] = &o->inval;
    o->config.protect = no_protect;
    o->config.max_tables = 20;
    o->config.grant = (struct partition_grant){o->config.domid, {{2 * PART, PART}}};
    gpu_fake_attach(c->r.fake, o->config.domid);
    assert_int_equal(gtt_guest_new(&o->config, &o->g), 0);
    c->other[c->count++] = o;
    return o;
}

static void pass_other(struct other *o)
{
    o->inval.done_seq = o->map.clear_seq;
}

/* Everybody's turns, with all clears passed at once. */
static void turns(struct crowd *c)
{
    for (int i = 0; i < 8; i++)
        for (unsigned k = 0; k < c->count; k++) {
            int rc;

            while ((rc = gtt_guest_settle(c->other[k]->g, 4096)) > 0)
                assert_int_equal(rc, GTT_GUEST_MORE);
            assert_int_equal(rc, 0);
            pass_other(c->other[k]);
        }
}

static void ask(struct other *o, unsigned root)
{
    struct mmio_gtt m = {.kind = MMIO_GTT_PPGTT_NEW, .level = 2, .epoch = ++o->epoch};

    m.pdp[0] = o->config.grant.range[0].base / 4096 + 16 * root;
    assert_int_equal(gtt_guest_apply(o->g, &m), 0);
}

static unsigned shown(const struct other *o)
{
    unsigned n = 0;

    for (unsigned i = 0; i < GTT_MAP_ROOTS; i++)
        n += o->map.root[i].level == 2;
    return n;
}

static void scatter(struct crowd *c)
{
    for (unsigned k = 0; k < c->count; k++) {
        int rc, n = 0;

        while ((rc = gtt_guest_detach(c->other[k]->g, 10000)) > 0) {
            assert_true(n++ < 1000);
            pass_other(c->other[k]);
        }
        assert_int_equal(rc, 0);
        free(c->other[k]);
    }
    assert_int_equal(c->r.directories.guests, 1);
    teardown(&c->r);
    free(c);
}

static void one_may_have_all(void **state)
{
    struct crowd *c = gather();
    struct other *a = join(c);

    (void)state;
    for (unsigned i = 0; i < 20; i++)
        ask(a, i);
    turns(c);
    assert_int_equal(shown(a), 20);
    for (unsigned i = 0; i < ROOTS; i++)
        ask(a, i);
    turns(c);
    assert_int_equal(shown(a), 63);
    scatter(c);
}

/* It takes from who has more than his share up to its own, and then only from itself. */
static void fair_share(void **state)
{
    struct crowd *c = gather();
    struct other *a = join(c), *b = join(c);

    (void)state;
    for (unsigned i = 0; i < 63; i++)
        ask(a, i);
    turns(c);
    assert_int_equal(shown(a), 63);
    for (int round = 0; round < 3; round++) {
        for (unsigned i = 0; i < ROOTS; i++)
            ask(b, i);
        turns(c);
        assert_int_equal(shown(b), 21); /* three guests, the rig's own is one */
        assert_int_equal(shown(a), 42);
    }
    for (unsigned i = 0; i < ROOTS; i++)
        ask(a, i);
    turns(c);
    assert_int_equal(shown(a), 42);
    assert_int_equal(shown(b), 21);
    scatter(c);
}

/* Who resets again and again has what he lets go on his account until the clear is passed. */
static void resets_push_nobody_out(void **state)
{
    struct mmio_gtt reset = {.kind = MMIO_GTT_RESET};
    struct crowd *c = gather();
    struct other *a = join(c), *b = join(c);

    (void)state;
    for (unsigned i = 0; i < 40; i++)
        ask(a, i);
    turns(c);
    for (int round = 0; round < 20; round++) {
        for (unsigned i = 0; i < ROOTS; i++)
            ask(b, i);
        while (gtt_guest_settle(b->g, 4096) > 0)
            ;
        pass_other(a); /* b's clears are not */
        while (gtt_guest_settle(a->g, 4096) > 0)
            ;
        assert_int_equal(gtt_guest_apply(b->g, &reset), 0);
    }
    turns(c);
    assert_true(shown(a) >= 40);
    scatter(c);
}

static void at_least_four(void **state)
{
    struct crowd *c = gather();

    (void)state;
    for (unsigned k = 0; k < GUESTS; k++)
        join(c);
    for (unsigned i = 0; i < 63; i++)
        ask(c->other[0], i);
    turns(c);
    for (unsigned k = 1; k < 15; k++)
        for (unsigned i = 0; i < 6; i++)
            ask(c->other[k], i);
    turns(c);
    for (unsigned k = 1; k < 15; k++)
        assert_int_equal(shown(c->other[k]), 4);
    assert_int_equal(shown(c->other[0]), 63 - 14 * 4);
    scatter(c);
}

/* The service is new, and another guest comes first: what engines may be using it does not get. */
static void guests_that_are_not_back_yet(void **state)
{
    struct crowd *c = gather();
    struct rig *r = &c->r;
    struct other *a;
    unsigned n, shown_before;

    (void)state;
    put_pte(r, 1, 0, E(40));
    put_entry(r, LOW, E(1));
    ask_root(r, LOW);      /* in use */
    ask_root(r, LOW + 16); /* in use, and empty */
    settle(r);
    ask_root(r, LOW + 32);
    settle(r);
    pass(r);
    n = root_number(r, LOW);
    post(r, (struct mmio_gtt){.kind = MMIO_GTT_PPGTT_GONE, .level = 2, .pdp = {LOW + 32}});
    settle(r); /* leaving */
    gtt_guest_forget(r->g);
    restart_service(r);
    a = join(c);
    for (unsigned i = 0; i < ROOTS; i++)
        ask(a, i);
    turns(c);
    shown_before = shown(a);
    assert_int_equal(shown_before, 60);
    assert_int_equal(directory_page(r, n, 0, 0), frame(40));
    restart_guest(r);
    settle(r);
    assert_int_equal(root_number(r, LOW), n);
    assert_int_equal(root_level(r, LOW + 16), 2);
    turns(c);
    assert_int_equal(shown(a), 60);
    calm(r);
    for (unsigned i = 0; i < ROOTS; i++)
        ask(a, i);
    turns(c);
    assert_int_equal(shown(a), 61); /* what was leaving was given on */
    scatter(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_may_have_all),
        cmocka_unit_test(fair_share),
        cmocka_unit_test(resets_push_nobody_out),
        cmocka_unit_test(at_least_four),
        cmocka_unit_test(guests_that_are_not_back_yet),
    };

    return cmocka_run_group_tests(tests, set_workers_0, unset_workers);
}
