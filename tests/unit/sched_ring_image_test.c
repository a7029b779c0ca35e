/* SPDX-License-Identifier: MIT */
/*
 * Render images of a Haswell's guest: loaded, audited, saved, forgotten, evicted, quarantined, and
 * taken over by another process.
 */
#include "services/wire/input.h"
#include "tests/unit/sched_ring_ctx.h"

/* ---- render images */

static void an_image_is_loaded_and_saved(void **state)
{
    uint32_t at = ring_ctx_make_image(IMAGE, 5);
    struct context *c;

    (void)state;
    assert_int_equal(ring_image(ring_ctx.set, IMAGE, &c), 0);
    assert_int_equal(ring_image_gma(c), IMAGE);
    assert_true(context_is_busy(c));
    assert_int_equal(ring_ctx_shadow(c)[at / 4], 5);
    ring_ctx_shadow(c)[at / 4] = 6;      /* the engine saved it */
    *rig_at(&ring_ctx, IMAGE + at) = 99; /* the guest may write what it likes meanwhile */
    assert_int_equal(ring_image(ring_ctx.set, IMAGE, &c), 0);
    assert_int_equal(ring_ctx_shadow(c)[at / 4], 6); /* it is busy: not loaded */
    ring_image_save(c);
    assert_int_equal(*rig_at(&ring_ctx, IMAGE + at), 6); /* ... once for each save */
    assert_true(context_is_busy(c));
    ring_ctx_done_with(c);
    assert_false(context_is_busy(c));
}

static void an_unchanged_image_is_not_audited_again(void **state)
{
    uint32_t at = ring_ctx_make_image(IMAGE, 5),
             bad = 0x11000001; /* a load of what no image holds */
    struct context *c;

    (void)state;
    assert_int_equal(ring_image(ring_ctx.set, IMAGE, &c), 0);
    ring_ctx_shadow(c)[0x1000] = bad; /* hardware's own: never looked at while it is the same */
    ring_ctx_shadow(c)[0x1001] = 0x2030;
    ring_image_save(c);
    context_set_settle(ring_ctx.set);
    assert_int_equal(ring_image(ring_ctx.set, IMAGE, &c), 0);
    assert_int_equal(ring_ctx.account.count[ACCOUNT_BAD_CONTEXT], 0);
    assert_int_equal(ring_ctx_shadow(c)[0x1000], bad);
    ring_ctx_done_with(c);
    *rig_at(&ring_ctx, IMAGE + at) = 7; /* the guest's hand in it: all of it is looked at */
    assert_int_equal(ring_image(ring_ctx.set, IMAGE, &c), 0);
    assert_int_equal(ring_ctx.account.count[ACCOUNT_BAD_CONTEXT], 1);
    assert_int_equal(ring_ctx_shadow(c)[at / 4], 0); /* what sets everything back */
    assert_int_not_equal(ring_ctx_shadow(c)[0x1000], bad);
    ring_ctx_done_with(c);
}

static void nobodys_image_stands_nowhere(void **state)
{
    struct context *c;

    (void)state;
    assert_int_equal(ring_image(ring_ctx.set, 0, &c), 0);
    assert_int_equal(ring_image_gma(c), 0);
    ring_image_save(c);
    context_set_settle(ring_ctx.set);
    assert_int_equal(ring_ctx.account.count[ACCOUNT_BAD_GUEST_ADDR], 0);
}

static void an_image_outside_the_partition(void **state)
{
    struct context *c;

    (void)state;
    assert_int_equal(ring_image(ring_ctx.set, RIG_LOW + RIG_SIZE - 16 * 4096, &c), CONTEXT_REFUSED);
    assert_int_equal(ring_ctx.account.count[ACCOUNT_BAD_CONTEXT], 1);
    assert_int_equal(ring_image(ring_ctx.set, OTHER, &c),
                     CONTEXT_REFUSED); /* no memory behind it */
    assert_int_equal(ring_ctx.account.count[ACCOUNT_BAD_GUEST_ADDR], 1);
}

/* MI_SET_CONTEXT: the piece ends behind one that changes it, and holds the next. */
static void a_change_of_images_ends_a_piece(void **state)
{
    const uint32_t dw[] = {MI_SET_CONTEXT_GEN7, IMAGE | 0x100, MI_NOOP,
                           MI_SET_CONTEXT_GEN7, OTHER | 0x10c, MI_NOOP};
    struct ring_want w = ring_ctx_wanted(GEN8_RCS, 0, 24);
    struct ring_piece p;

    (void)state;
    ring_ctx_make_image(IMAGE, 1);
    ring_ctx_make_image(OTHER, 2);
    ring_ctx_put(0, dw, 6);
    assert_int_equal(ring_image(ring_ctx.set, IMAGE, &w.image), 0);
    assert_int_equal(ring_take(ring_ctx.set, &w, &p), 0);
    assert_int_equal(p.n, 5); /* to where it is, it changes nothing */
    assert_true(p.cut);
    assert_int_equal(p.dw[1] & ~4095u, ring_image_ref(w.image) & ~4095u);
    assert_int_equal(ring_image_gma(p.image), OTHER);
    assert_int_equal(p.dw[4] & ~4095u, ring_image_ref(p.image) & ~4095u);
    assert_true(context_is_busy(p.image));
    ring_drop(ring_ctx.set, &p);
    assert_null(p.image);
    ring_ctx_done_with(w.image);
    for (unsigned i = 0; i < CONTEXT_MAX; i++)
        assert_int_equal(ring_ctx.config.records[i].held, 0);
}

static void a_stale_image_is_not_saved(void **state)
{
    uint32_t at = ring_ctx_make_image(IMAGE, 5);
    struct context *c;

    (void)state;
    assert_int_equal(ring_image(ring_ctx.set, IMAGE, &c), 0);
    ring_ctx_shadow(c)[at / 4] = 6;
    context_reset_engine(ring_ctx.set, GEN8_RCS);
    ring_image_save(c);
    context_set_settle(ring_ctx.set);
    assert_int_equal(*rig_at(&ring_ctx, IMAGE + at), 5);
    assert_int_equal(ring_image(ring_ctx.set, IMAGE, &c), 0);
    assert_int_equal(ring_ctx_shadow(c)[at / 4], 5);
    ring_ctx_shadow(c)[at / 4] = 8;
    ring_image_save(c); /* stale no more */
    context_set_settle(ring_ctx.set);
    assert_int_equal(*rig_at(&ring_ctx, IMAGE + at), 8);
}

/* Room for two in the guest's share: the one that was not used for longest goes, never a busy one.
 */
static void images_make_room(void **state)
{
    struct context *a, *b, *c;

    (void)state;
    rig_teardown(&ring_ctx);
    ring_ctx_start(ARENA, 2 * CTX_GEN7_PAGES);
    ring_ctx_make_image(IMAGE, 1);
    ring_ctx_make_image(OTHER, 2);
    assert_int_equal(ring_image(ring_ctx.set, IMAGE, &a), 0);
    assert_int_equal(ring_image(ring_ctx.set, 0, &b), 0);
    assert_int_equal(ring_image(ring_ctx.set, OTHER, &c), CONTEXT_NO_ROOM);
    ring_ctx_done_with(a);
    assert_int_equal(ring_image(ring_ctx.set, OTHER, &c), 0);
    ring_ctx_done_with(b);
    ring_ctx_done_with(c);
    assert_int_equal(ring_ctx.account.count[ACCOUNT_NO_RESOURCE], 0);
}

/* ---- inputs that kill */

static void set_with(struct quarantine *q)
{
    context_set_free(ring_ctx.set);
    ring_ctx.config.quarantine = q;
    ring_ctx_make_set();
}

static void quarantined_rings_and_images(void **state)
{
    struct quarantine_table *table = calloc(1, sizeof *table);
    struct quarantine q = {0};
    const uint64_t image[] = {GEN8_RCS, IMAGE};
    const uint64_t ring[WIRE_IMAGE_WORDS] = {[WIRE_IMAGE_ENGINE] = GEN8_BCS | WIRE_IMAGE_APPEND,
                                             [WIRE_IMAGE_HEAD_TAIL] = UINT64_C(8) << 32,
                                             [WIRE_IMAGE_START_CTL] =
                                                 (uint64_t)BYTES << 32 | RIG_RING};
    const uint32_t dw[] = {MI_NOOP, MI_NOOP, MI_NOOP, MI_NOOP};
    struct ring_piece p;
    struct context *c;

    (void)state;
    quarantine_attach(&q, table);
    set_with(&q);
    quarantine_put(&q, WIRE_INPUT_CONTEXT, image, 2);
    quarantine_put(&q, WIRE_INPUT_IMAGE, ring, WIRE_IMAGE_WORDS);
    ring_ctx_make_image(IMAGE, 1);
    ring_ctx_make_image(OTHER, 1);
    assert_int_equal(ring_image(ring_ctx.set, IMAGE, &c), CONTEXT_REFUSED);
    assert_int_equal(ring_image(ring_ctx.set, OTHER, &c), 0);
    ring_ctx_done_with(c);
    assert_int_equal(ring_ctx_take(GEN8_BCS, 0, dw, 2, &p), CONTEXT_REFUSED);
    assert_int_equal(ring_ctx_take(GEN8_BCS, 0, dw, 4, &p), 0);
    assert_int_equal(ring_ctx.account.count[ACCOUNT_QUARANTINED], 2);
    set_with(NULL);
    free(table);
}

/* What the engine did with that one is lost, and with no other. */
static void a_save_is_quarantined_by_its_image(void **state)
{
    struct quarantine_table *table = calloc(1, sizeof *table);
    struct quarantine q = {0};
    const uint64_t save[WIRE_SAVE_WORDS] = {
        [WIRE_SAVE_ENGINE] = GEN8_RCS, [WIRE_SAVE_DESC] = IMAGE};
    uint32_t at = ring_ctx_make_image(IMAGE, 1);
    struct context *c[2];

    (void)state;
    quarantine_attach(&q, table);
    set_with(&q);
    quarantine_put(&q, WIRE_INPUT_SAVE, save, WIRE_SAVE_WORDS);
    ring_ctx_make_image(OTHER, 1);
    assert_int_equal(ring_image(ring_ctx.set, IMAGE, &c[0]), 0);
    assert_int_equal(ring_image(ring_ctx.set, OTHER, &c[1]), 0);
    for (unsigned i = 0; i < 2; i++)
        ring_ctx_shadow(c[i])[at / 4] = 2;
    ring_image_save(c[1]);
    assert_int_equal(ring_ctx_lost, 0);
    ring_image_save(c[0]);
    assert_int_equal(ring_ctx_lost, GEN8_M_RCS);
    assert_int_equal(*rig_at(&ring_ctx, IMAGE + at), 1);
    assert_int_equal(*rig_at(&ring_ctx, OTHER + at), 2);
    assert_false(context_is_busy(c[0]));
    set_with(NULL);
    free(table);
}

static void held_images_are_taken_over(void **state)
{
    uint32_t at = ring_ctx_make_image(IMAGE, 5), slot;
    struct context *c;

    (void)state;
    assert_int_equal(ring_image(ring_ctx.set, IMAGE, &c), 0);
    ring_ctx_shadow(c)[at / 4] = 6;
    slot = context_slot(c);
    assert_int_equal(rig_crash(&ring_ctx), 0);
    c = context_hold(ring_ctx.set, slot);
    assert_non_null(c);
    context_set_restored(ring_ctx.set);
    assert_int_equal(*rig_at(&ring_ctx, IMAGE + at), 5); /* not by itself */
    ring_image_save(c);
    context_set_settle(ring_ctx.set);
    assert_int_equal(*rig_at(&ring_ctx, IMAGE + at), 6);
    assert_int_equal(ring_image(ring_ctx.set, IMAGE, &c), 0);
    ring_ctx.config.records[slot].mem_pages = 3; /* damaged */
    assert_int_equal(rig_crash(&ring_ctx), 1);
    assert_null(context_hold(ring_ctx.set, slot));
}

#define T(f) cmocka_unit_test_setup_teardown(f, ring_ctx_setup, ring_ctx_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(an_image_is_loaded_and_saved),
        T(an_unchanged_image_is_not_audited_again),
        T(nobodys_image_stands_nowhere),
        T(an_image_outside_the_partition),
        T(a_change_of_images_ends_a_piece),
        T(a_stale_image_is_not_saved),
        T(images_make_room),
        T(quarantined_rings_and_images),
        T(a_save_is_quarantined_by_its_image),
        T(held_images_are_taken_over),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
