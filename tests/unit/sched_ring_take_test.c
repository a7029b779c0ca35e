/* SPDX-License-Identifier: MIT */
/*
 * Pieces of a Haswell guest's ring, from the guest's memory to what an engine may be given: where a
 * piece ends, what its patches put in place, what is refused, and what is held and given back.
 */
#include "tests/unit/sched_ring_ctx.h"

/* ---- where a piece ends */

static void a_piece_wraps(void **state)
{
    const uint32_t dw[] = {0x21u << 23 | 1, 0x100, 0x77, MI_NOOP, USER, 0x1000};
    struct ring_piece p;

    (void)state;
    assert_int_equal(ring_ctx_take(GEN8_BCS, BYTES - 8, dw, 6, &p), 0);
    assert_int_equal(p.n, 6);
    assert_int_equal(p.end, 16);
    assert_memory_equal(p.dw, dw, sizeof dw);
    assert_false(p.cut || p.signals || p.wait || p.image || p.batches);
    assert_int_equal(ring_ctx_take(GEN8_BCS, BYTES - 16, dw, 4, &p), 0);
    assert_int_equal(p.end, 0);
}

static void whole_commands_as_many_as_have_room(void **state)
{
    const uint32_t dw[] = {MI_NOOP, 0x21u << 23 | 1, 0x100, 1, USER, 0};
    struct ring_want w = ring_ctx_wanted(GEN8_BCS, 0, 24);
    struct ring_piece p;

    (void)state;
    ring_ctx_put(0, dw, 6);
    w.room = 5;
    assert_int_equal(ring_take(ring_ctx.set, &w, &p), 0);
    assert_int_equal(p.n, 4);
    assert_int_equal(p.end, 16);
    w.from = 4;
    w.room = 2;
    assert_int_equal(ring_take(ring_ctx.set, &w, &p), CONTEXT_LATER);
    assert_int_equal(ring_ctx.account.count[ACCOUNT_BAD_COMMAND], 0);
}

static void a_mailbox_ends_it(void **state)
{
    const uint32_t signal[] = {MI_SEMAPHORE_MBOX | MI_MBOX_REGISTER | MI_MBOX_UPDATE, 9, 0x22044,
                               MI_NOOP};
    const uint32_t load[] = {MI_LRI | 1, 0x12040, 8, MI_NOOP};
    const uint32_t wait[] = {MI_SEMAPHORE_MBOX | MI_MBOX_REGISTER | MI_MBOX_COMPARE | 2u << 16, 6,
                             0, MI_NOOP};
    struct ring_piece p;

    (void)state;
    assert_int_equal(ring_ctx_take(GEN8_RCS, 0, signal, 4, &p), 0);
    assert_true(p.cut && p.signals && !p.wait);
    assert_int_equal(p.n, 3);
    assert_int_equal(p.engine, GEN8_BCS);
    assert_int_equal(p.mailbox, 1);
    assert_int_equal(p.value, 9);
    assert_int_equal(p.dw[0] | p.dw[1] | p.dw[2], MI_NOOP);
    assert_int_equal(ring_ctx_take(GEN8_RCS, 0, load, 4, &p), 0);
    assert_true(p.cut && p.signals);
    assert_int_equal(p.engine, GEN8_VCS);
    assert_int_equal(p.mailbox, 0);
    assert_int_equal(p.value, 8);
    assert_int_not_equal(p.dw[1], 0x12040);
    assert_int_equal(ring_ctx_take(GEN8_BCS, 0, wait, 4, &p), 0);
    assert_true(p.cut && !p.signals);
    assert_int_equal(p.n, 3);
    assert_int_equal(p.wait, 2); /* the hardware's third */
    assert_int_equal(p.wait_value, 6);
}

static void mailboxes_that_are_none(void **state)
{
    const uint32_t wait[] = {MI_SEMAPHORE_MBOX | MI_MBOX_REGISTER | MI_MBOX_COMPARE | 3u << 16, 6,
                             0};
    const uint32_t twice[] = {MI_LRI | 3, 0x12040, 8, 0x22040, 8};
    struct ring_piece p;

    (void)state;
    assert_int_equal(ring_ctx_take(GEN8_BCS, 0, wait, 3, &p), CONTEXT_REFUSED);
    assert_int_equal(ring_ctx_take(GEN8_BCS, 0, twice, 5, &p), CONTEXT_REFUSED);
    assert_int_equal(ring_ctx.account.count[ACCOUNT_BAD_COMMAND], 2);
}

/* A batch may be as large as what one piece may place. */
static void one_copied_batch_in_a_piece(void **state)
{
    const uint32_t dw[] = {USER, 0x1000, MI_BB_START_GEN7, RIG_BATCH,
                           USER, 0x1000, MI_BB_START_GEN7, RIG_BATCH};
    const uint32_t body[] = {0x20u << 23 | 2 | 1u << 22, 0, RIG_HWSP + 0x100, 5, MI_BB_END};
    struct ring_want w = ring_ctx_wanted(GEN8_BCS, 0, 32);
    struct ring_piece first, second;
    uint32_t before = arena_free_pages(ring_ctx.arena);

    (void)state;
    memcpy(rig_at(&ring_ctx, RIG_BATCH), body, sizeof body);
    ring_ctx_put(0, dw, 8);
    assert_int_equal(ring_take(ring_ctx.set, &w, &first), 0);
    assert_int_equal(first.n, 6);
    assert_false(first.cut);
    assert_int_not_equal(first.dw[3], RIG_BATCH);
    assert_memory_equal(rig_gpu(&ring_ctx, first.dw[3]), body, sizeof body);
    w.from = first.end;
    assert_int_equal(ring_take(ring_ctx.set, &w, &second), 0);
    assert_int_equal(second.n, 2);
    assert_int_not_equal(first.batches, second.batches);
    ring_batches_free(ring_ctx.set, first.batches);
    ring_drop(ring_ctx.set, &second);
    assert_int_equal(arena_free_pages(ring_ctx.arena), before);
}

static void what_is_refused_keeps_nothing(void **state)
{
    const uint32_t bad[] = {0x20u << 23 | 2 | 1u << 22, 0, PRIVATE, 5, MI_BB_END};
    const uint32_t dw[] = {MI_BB_START_GEN7, RIG_BATCH};
    const uint32_t beyond[] = {MI_BB_START_GEN7, PRIVATE};
    const uint32_t ppgtt[] = {MI_BB_START_GEN7 | MI_BB_PPGTT, 0x1000}; /* with privilege: render */
    struct ring_piece p;
    uint32_t before = arena_free_pages(ring_ctx.arena);

    (void)state;
    memcpy(rig_at(&ring_ctx, RIG_BATCH), bad, sizeof bad);
    assert_int_equal(ring_ctx_take(GEN8_BCS, 0, dw, 2, &p), CONTEXT_REFUSED);
    assert_int_equal(ring_ctx_take(GEN8_BCS, 0, beyond, 2, &p), CONTEXT_REFUSED);
    assert_int_equal(ring_ctx_take(GEN8_RCS, 0, ppgtt, 2, &p), CONTEXT_REFUSED);
    assert_int_equal(ring_ctx.account.count[ACCOUNT_BAD_COMMAND], 3);
    assert_int_equal(arena_free_pages(ring_ctx.arena), before);
}

static void a_ring_outside_the_partition(void **state)
{
    struct ring_want w = ring_ctx_wanted(GEN8_BCS, 0, 64);
    struct ring_piece p;

    (void)state;
    w.start = RIG_LOW + RIG_SIZE - 4096; /* its second page is not */
    rig_map(&ring_ctx, w.start, 1);
    assert_int_equal(ring_take(ring_ctx.set, &w, &p), CONTEXT_REFUSED);
    w.start = RIG_RING + BYTES; /* without memory */
    assert_int_equal(ring_take(ring_ctx.set, &w, &p), CONTEXT_REFUSED);
    assert_int_equal(ring_ctx.account.count[ACCOUNT_BAD_GUEST_ADDR], 2);
}

static void a_status_page_is_the_guests_or_none(void **state)
{
    (void)state;
    assert_int_equal(ring_status_page(ring_ctx.set, GEN8_BCS), RIG_HWSP);
    context_set_hwsp(ring_ctx.set, GEN8_BCS, PRIVATE);
    assert_int_equal(ring_status_page(ring_ctx.set, GEN8_BCS), 0);
    context_set_hwsp(ring_ctx.set, GEN8_BCS, RIG_LOW + RIG_SIZE);
    assert_int_equal(ring_status_page(ring_ctx.set, GEN8_BCS), 0);
}

/* ---- page directories */

static void an_unknown_directory_is_asked_for_once(void **state)
{
    const uint32_t dw[] = {MI_LRI | 3, 0x22220, 1, 0x22228, DIRECTORY << 12};
    struct ring_piece p;

    (void)state;
    assert_int_equal(ring_ctx_take(GEN8_BCS, 0, dw, 5, &p), CONTEXT_WAIT);
    assert_int_equal(ring_ctx_take(GEN8_BCS, 0, dw, 5, &p), CONTEXT_WAIT);
    assert_int_equal(ring_ctx.asked, 1);
    assert_int_equal(ring_ctx_asked[0], DIRECTORY);
    ring_ask_again(ring_ctx.set);
    assert_int_equal(ring_ctx_take(GEN8_BCS, 0, dw, 5, &p), CONTEXT_WAIT);
    assert_int_equal(ring_ctx.asked, 2);
    ring_ctx_directory(DIRECTORY, SHADOW);
    assert_int_equal(ring_ctx_take(GEN8_BCS, 0, dw, 5, &p), 0);
    assert_int_equal(p.dw[2], UINT32_MAX);
    assert_int_equal(p.dw[4], SHADOW << 12);
    assert_int_equal(p.directory, DIRECTORY);
    assert_int_equal(p.loaded, SHADOW << 12);
    ring_ctx_directory(0, 0); /* it came, and went: asked for again */
    assert_int_equal(ring_ctx_take(GEN8_BCS, 0, dw, 5, &p), CONTEXT_WAIT);
    assert_int_equal(ring_ctx.asked, 3);
}

static void no_directory_is_an_empty_one(void **state)
{
    uint32_t base;

    (void)state;
    assert_int_equal(ring_directory(ring_ctx.set, 0, &base), 0);
    assert_int_equal(base, EMPTY << 12);
    ring_ctx_directory(DIRECTORY, SHADOW);
    ring_ctx.map->root[9].seq++; /* being written */
    assert_int_equal(ring_directory(ring_ctx.set, DIRECTORY, &base), CONTEXT_WAIT);
    ring_ctx.map->root[9].seq++;
    ring_ctx.map->root[9].level |= GTT_ROOT_FILLING;
    assert_int_equal(ring_directory(ring_ctx.set, DIRECTORY, &base), CONTEXT_WAIT);
    ring_ctx.map->root[9].level = 2;
    assert_int_equal(ring_directory(ring_ctx.set, DIRECTORY, &base), 0);
    assert_int_equal(base, SHADOW << 12);
}

/* ---- after a crash */

static void batches_are_taken_over(void **state)
{
    const uint32_t dw[] = {MI_BB_START_GEN7, RIG_BATCH};
    uint32_t all = arena_free_pages(ring_ctx.arena);
    struct ring_piece p;

    (void)state;
    *rig_at(&ring_ctx, RIG_BATCH) = MI_BB_END;
    assert_int_equal(ring_ctx_take(GEN8_BCS, 0, dw, 2, &p), 0);
    assert_int_equal(arena_free_pages(ring_ctx.arena), all - 2);
    rig_crash(&ring_ctx); /* counts all as free */
    assert_int_equal(ring_batches_claim(ring_ctx.arena, p.batches), 0);
    assert_int_equal(arena_free_pages(ring_ctx.arena), all - 2);
    assert_int_not_equal(ring_batches_claim(ring_ctx.arena, p.batches), 0); /* taken */
    assert_int_not_equal(ring_batches_claim(ring_ctx.arena, p.batches + 8), 0);
    ring_batches_hold(ring_ctx.set, p.batches);
    ring_batches_free(ring_ctx.set, p.batches);
    assert_int_equal(arena_free_pages(ring_ctx.arena), all);
    rig_gpu(&ring_ctx, p.batches)[2] = CONTEXT_MAX; /* more pieces than can be */
    assert_int_not_equal(ring_batches_claim(ring_ctx.arena, p.batches), 0);
    assert_int_equal(arena_free_pages(ring_ctx.arena), all);
}

#define T(f) cmocka_unit_test_setup_teardown(f, ring_ctx_setup, ring_ctx_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_piece_wraps),
        T(whole_commands_as_many_as_have_room),
        T(a_mailbox_ends_it),
        T(mailboxes_that_are_none),
        T(one_copied_batch_in_a_piece),
        T(what_is_refused_keeps_nothing),
        T(a_ring_outside_the_partition),
        T(a_status_page_is_the_guests_or_none),
        T(an_unknown_directory_is_asked_for_once),
        T(no_directory_is_an_empty_one),
        T(batches_are_taken_over),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
