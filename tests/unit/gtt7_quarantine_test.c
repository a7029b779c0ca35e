/* SPDX-License-Identifier: MIT */
/*
 * gtt7_quarantine_test.c: inputs of a Haswell guest that kill vgt-gtt (gtt_deadly.h). When a child
 * has died of one, the parent takes over, from what the guest has said.
 */
#include "services/wire/input.h"
#include "tests/unit/gtt7_oracle.h"
#include "tests/unit/gtt_deadly.h"

#include <signal.h>

#define BAD 60u /* pinning this frame kills, and so does mapping it as a table */

static struct vmm_ops vmm_wrapped;
static bool kills_maps;

static void *map(struct vmm *v, const uint64_t *gfns, size_t count, bool write)
{
    if (kills_maps && gfns[0] == BAD)
        raise(SIGKILL);
    return vmm_fake_ops.map(v, gfns, count, write);
}

static void start(struct rig *r)
{
    kills_maps = false;
    deadly_begin(BAD, NULL);
    rig_gen = GPU_GEN7;
    rig_directories = 3;
    setup(r, 200);
    vmm_wrapped = vmm_fake_ops;
    vmm_wrapped.map = map;
    r->config.ops = &vmm_wrapped;
    r->config.quarantine = &deadly_quarantine;
    deadly_born(r);
    put_pte(r, 1, 0, E(40));
    put_entry(r, LOW, E(1));
    ask_root(r, LOW);
    settle(r);
}

static void end(struct rig *r)
{
    kills_maps = false;
    deadly_end(r);
}

static uint64_t names(struct rig *r, unsigned i)
{
    return gen7_pde_decode(directory_entry(r, root_number(r, LOW), i)).addr;
}

/* ---- entries of directories: as such, and as the pages they are besides */

static void set_bad_entry(struct rig *r)
{
    put_entry(r, LOW + 9, E(BAD));
}

static void bad_directory_entry(bool *kills, uint32_t kind, uint64_t first_word)
{
    struct rig *r = calloc(1, sizeof(*r));

    start(r);
    *kills = true;
    assert_true(deadly_dies(r, set_bad_entry)); /* on the lane */
    r->image->pte[LOW + 9] = E(BAD);
    assert_true(deadly_dies(r, deadly_nothing)); /* while the directory is rebuilt */
    deadly_born(r);
    settle(r);
    assert_int_equal(deadly_only_item().input.kind, kind);
    assert_int_equal(deadly_only_item().input.word[0], first_word);
    assert_int_equal(deadly_only_item().input.word[deadly_only_item().input.words - 1], E(BAD));
    assert_int_equal(root_level(r, LOW), 2);
    assert_int_equal(directory_page(r, root_number(r, LOW), 0, 0), frame(40));
    assert_int_equal(names(r, 9), shadow_scratch(&r->g->shadows, GTT_LEVEL_PTE));
    set_bad_entry(r); /* the guest insists */
    settle(r);
    assert_true(r->account.count[ACCOUNT_QUARANTINED] >= 2);
    put_entry(r, LOW + 9, E(2));
    settle(r);
    assert_int_not_equal(names(r, 9), shadow_scratch(&r->g->shadows, GTT_LEVEL_PTE));
    end(r);
    free(r);
}

static void a_directory_entry_that_kills(void **state)
{
    (void)state;
    bad_directory_entry(&kills_maps, WIRE_INPUT_TABLE_ENTRY, LOW);
    bad_directory_entry(&deadly_pins, WIRE_INPUT_GGTT_ENTRY, LOW + 9);
}

/* ---- of tables */

static void set_bad_pte(struct rig *r)
{
    put_pte(r, 1, 1000, E(BAD));
}

static void a_table_entry_that_kills(void **state)
{
    struct rig *r = calloc(1, sizeof(*r));
    unsigned n;

    (void)state;
    start(r);
    deadly_pins = true;
    assert_true(deadly_dies(r, set_bad_pte));
    ((uint32_t *)table(r, 1))[1000] = E(BAD);
    assert_true(deadly_dies(r, deadly_nothing));
    deadly_born(r);
    settle(r);
    n = root_number(r, LOW);
    assert_int_equal(deadly_only_item().input.kind, WIRE_INPUT_TABLE_ENTRY);
    assert_int_equal(deadly_only_item().input.word[0], 1);
    assert_int_equal(deadly_only_item().input.word[1], 1000);
    assert_int_equal(directory_page(r, n, 0, 0), frame(40));
    assert_int_equal(directory_page(r, n, 0, 1000), shadow_scratch_data(&r->g->shadows));
    end(r);
    free(r);
}

/* ---- roots */

/* Whoever is in its directory is waited for, and then there is none. */
static void a_root_that_kills(void **state)
{
    const uint64_t word[2] = {2, LOW};
    struct rig *r = calloc(1, sizeof(*r));
    unsigned n;

    (void)state;
    start(r);
    pass(r);
    n = root_number(r, LOW);
    quarantine_put(&deadly_quarantine, WIRE_INPUT_ROOT, word, 2);
    deadly_born(r);
    settle(r);
    assert_int_equal(root_level(r, LOW), 0);
    assert_int_equal(directory_page(r, n, 0, 0), frame(40));
    ask_root(r, LOW);
    settle(r);
    assert_int_equal(root_level(r, LOW), 0);
    calm(r);
    assert_int_equal(r->directories.slot[n].state, DIRECTORY_FREE);
    assert_true(r->account.count[ACCOUNT_QUARANTINED] >= 2);
    ask_root(r, LOW + 16);
    settle(r);
    assert_int_equal(root_level(r, LOW + 16), 2);
    end(r);
    free(r);
}

static void too_many(void **state)
{
    struct rig *r = calloc(1, sizeof(*r));
    unsigned n;

    (void)state;
    start(r);
    pass(r);
    n = root_number(r, LOW);
    for (unsigned i = 0; i < QUARANTINE_ITEMS; i++) {
        const uint64_t word[] = {2, i + 100, E(BAD)};

        quarantine_put(&deadly_quarantine, WIRE_INPUT_TABLE_ENTRY, word, 3);
    }
    deadly_born(r);
    assert_true(r->g->given_up);
    settle(r);
    assert_int_equal(root_level(r, LOW), 0);
    assert_int_equal(r->directories.slot[n].state, DIRECTORY_TAKEN);
    assert_true(gpu_fake_pinned(r->fake, DOMID, 40));
    calm(r);
    assert_int_equal(r->directories.slot[n].state, DIRECTORY_FREE);
    assert_int_equal(gpu_fake_pins(r->fake), 0);
    end(r);
    free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_directory_entry_that_kills),
        cmocka_unit_test(a_table_entry_that_kills),
        cmocka_unit_test(a_root_that_kills),
        cmocka_unit_test(too_many),
    };

    return cmocka_run_group_tests(tests, set_workers_0, unset_workers);
}
