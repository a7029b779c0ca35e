/* SPDX-License-Identifier: MIT */
/*
 * sched_ctx_quarantine_test.c: contexts that kill vgt-sched. A child process takes the set over and
 * dies in the middle of an input (the linker and the hypervisor seam put death there); nothing of
 * it is left but the table of lib/quarantine.h, which is shared. Then the parent takes over. Only
 * the end of what kills is asserted in the child: a failure in it is an exit with another status.
 */
#include "gen/cmdregs_gen8.h"
#include "gen/gen8_pte.h"
#include "services/sched/gmem.h"
#include "services/wire/input.h"
#include "tests/unit/sched_ctx_rig.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define ARENA    2048u
#define BAD_GMA  (RIG_LOW + 0x380000u) /* a command that names it kills */
#define OTHER    (RIG_LRCA + 0x100000u)
#define OTHER_RG (RIG_RING + 0x40000u)
#define NO_FRAME UINT64_MAX
#define GPR      0x22600u

static struct rig r;
static struct quarantine quarantine;
static struct quarantine_table *table;
static struct vmm_ops ops;
static uint64_t bad_frame; /* mapping it kills */
static bool kills_commands, kills_loads, kills_records, lost[GEN8_ENGINES];

static const uint32_t store[] = {0x10400002, BAD_GMA, 0, 0x77};
static const uint32_t good[] = {0x10400002, RIG_HWSP + 0x200, 0, 0x78};

bool __real_gmem_inside(const struct gmem *m, uint64_t gma, uint64_t len);
bool __wrap_gmem_inside(const struct gmem *m, uint64_t gma, uint64_t len);
struct arena_range __real_arena_range_at(struct arena *a, uint32_t gma, uint32_t pages);
struct arena_range __wrap_arena_range_at(struct arena *a, uint32_t gma, uint32_t pages);

const struct cmdreg *__real_cmdregs_gen8_find(enum gen8_engine engine, uint32_t reg);
const struct cmdreg *__wrap_cmdregs_gen8_find(enum gen8_engine engine, uint32_t reg);

bool __wrap_gmem_inside(const struct gmem *m, uint64_t gma, uint64_t len)
{
    if (kills_commands && gma == BAD_GMA)
        raise(SIGKILL);
    return __real_gmem_inside(m, gma, len);
}

struct arena_range __wrap_arena_range_at(struct arena *a, uint32_t gma, uint32_t pages)
{
    if (kills_records)
        raise(SIGKILL);
    return __real_arena_range_at(a, gma, pages);
}

const struct cmdreg *__wrap_cmdregs_gen8_find(enum gen8_engine engine, uint32_t reg)
{
    if (kills_loads && reg == GPR + 28)
        raise(SIGKILL);
    return __real_cmdregs_gen8_find(engine, reg);
}

static void *map(struct vmm *v, const uint64_t *gfns, size_t n, bool write)
{
    for (size_t i = 0; i < n; i++)
        if (gfns[i] == bad_frame)
            raise(SIGKILL);
    return vmm_fake_ops.map(v, gfns, n, write);
}

static void on_lost(void *ctx, enum gen8_engine engine)
{
    (void)ctx;
    lost[engine] = true;
}

/* ---- processes */

static void born(void)
{
    quarantine_attach(&quarantine, table);
    memset(lost, 0, sizeof lost);
    assert_int_equal(rig_crash(&r), 0);
}

static int setup(void **state)
{
    (void)state;
    bad_frame = NO_FRAME;
    kills_commands = kills_loads = kills_records = false;
    table = mmap(NULL, sizeof(*table), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(table, MAP_FAILED);
    rig_setup(&r, ARENA, 0);
    ops = vmm_fake_ops;
    ops.map = map;
    r.config.ops = &ops;
    r.config.quarantine = &quarantine;
    r.config.lost = on_lost;
    rig_root(&r, 5, RIG_ROOT, RIG_SHADOW);
    born();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    bad_frame = NO_FRAME;
    kills_commands = kills_loads = kills_records = false;
    rig_teardown(&r);
    munmap(table, sizeof(*table));
    return 0;
}

typedef void step(void);

/* A process takes over and does that. True: it dies of it; by an exit it says it lived. */
static bool dies(step *what)
{
    pid_t pid = fork();
    int status;

    assert_true(pid >= 0);
    if (!pid) {
        born();
        what();
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) || !WEXITSTATUS(status));
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

static struct quarantine_item only_item(void)
{
    struct quarantine_item item, other;

    assert_true(quarantine_get(&quarantine, 0, &item));
    for (unsigned i = 1; i < QUARANTINE_ITEMS; i++)
        assert_false(quarantine_get(&quarantine, i, &other));
    return item;
}

static uint64_t frame_of(uint32_t gma)
{
    return (r.vggtt->pte[gma / 4096] & GEN8_PTE_ADDR) / 4096;
}

/* ---- preparing */

static uint64_t desc, other;

static void make(void)
{
    desc = rig_context(&r, GEN8_BCS, RIG_LRCA, RIG_RING, 1);
    other = rig_context(&r, GEN8_BCS, OTHER, OTHER_RG, 1);
    rig_emit(&r, RIG_LRCA, good, 4);
    rig_emit(&r, OTHER, good, 4);
}

static int answer(uint64_t of)
{
    struct context *c;
    int rc = context_prepare(r.set, GEN8_BCS, of, &c);

    assert_int_equal(!rc, c != NULL);
    return rc;
}

static void prepare(void)
{
    answer(desc);
}

/* Dies twice; then refused and counted, and the guest's other context is as good as before. */
static struct quarantine_item quarantines(step *what)
{
    uint64_t before = rig_count(&r, ACCOUNT_QUARANTINED);
    struct quarantine_item item;

    assert_true(dies(what));
    assert_true(dies(what));
    born();
    item = only_item();
    assert_int_equal(quarantine_deaths(&item), 2);
    assert_int_equal(answer(desc), CONTEXT_REFUSED);
    assert_int_equal(answer(desc), CONTEXT_REFUSED); /* it insists */
    assert_int_equal(only_item().skipped, 2);
    assert_int_equal(rig_count(&r, ACCOUNT_QUARANTINED), before + 2);
    assert_int_equal(answer(other), 0);
    return item;
}

static void an_image_that_kills(void **state)
{
    struct quarantine_item item;

    (void)state;
    make();
    bad_frame = frame_of(RIG_LRCA);
    item = quarantines(prepare);
    assert_int_equal(item.input.kind, WIRE_INPUT_CONTEXT);
    assert_int_equal(item.input.word[0], GEN8_BCS);
    assert_true(item.input.word[1] == desc);
}

/* The guest's driver has reset it, and it is another input: it runs. */
static void a_ring_that_kills(void **state)
{
    struct quarantine_item item;

    (void)state;
    make();
    bad_frame = frame_of(RIG_RING);
    item = quarantines(prepare);
    assert_int_equal(item.input.kind, WIRE_INPUT_IMAGE);
    assert_int_equal(item.input.word[WIRE_IMAGE_ENGINE], GEN8_BCS);
    assert_true(item.input.word[WIRE_IMAGE_HEAD_TAIL] == UINT64_C(0x10) << 32);
    assert_true(item.input.word[WIRE_IMAGE_ROOT] == RIG_ROOT);
    bad_frame = NO_FRAME;
    assert_int_equal(answer(desc), CONTEXT_REFUSED);
    rig_emit(&r, RIG_LRCA, good, 4);
    assert_int_equal(answer(desc), 0);
}

/* The command is known again wherever it stands; what stands beside it runs without it. */
static void a_command_that_kills(void **state)
{
    struct quarantine_item item;

    (void)state;
    make();
    rig_emit(&r, RIG_LRCA, store, 4);
    kills_commands = true;
    item = quarantines(prepare);
    assert_int_equal(item.input.kind, WIRE_INPUT_COMMAND);
    assert_true(item.input.word[WIRE_COMMAND_HOW] == WIRE_COMMAND_PACK(GEN8_BCS, 0, 4));
    assert_memory_equal(&item.input.word[WIRE_COMMAND_BYTES], store, sizeof store);
    rig_emit(&r, OTHER, store, 4);
    assert_int_equal(answer(other), CONTEXT_REFUSED);
    assert_int_equal(only_item().skipped, 3);
    make(); /* anew, without it */
    assert_int_equal(answer(desc), 0);
    assert_int_equal(answer(other), 0);
}

/* Of a batch: it is blamed, not what led to it, nor what came before it there. */
static void a_command_of_a_batch(void **state)
{
    static const uint32_t start[] = {0x18800001, RIG_BATCH, 0, 0}, end[] = {0x05000000};
    struct quarantine_item item;

    (void)state;
    make();
    rig_map(&r, RIG_BATCH, 1);
    memcpy(rig_at(&r, RIG_BATCH), good, sizeof good);
    memcpy(rig_at(&r, RIG_BATCH + 16), store, sizeof store);
    memcpy(rig_at(&r, RIG_BATCH + 32), end, sizeof end);
    rig_emit(&r, RIG_LRCA, start, 4);
    kills_commands = true;
    item = quarantines(prepare);
    assert_true(item.input.word[WIRE_COMMAND_HOW] == WIRE_COMMAND_PACK(GEN8_BCS, 1, 4));
    assert_memory_equal(&item.input.word[WIRE_COMMAND_BYTES], store, sizeof store);
    memcpy(rig_at(&r, RIG_BATCH + 16), good, sizeof good);
    assert_int_equal(answer(desc), 0);
}

/* More bytes than are kept: one that differs behind them is another. */
static void a_long_command(void **state)
{
    uint32_t lri[17] = {0x1100000f};
    struct quarantine_item item;

    (void)state;
    for (uint32_t i = 0; i < 8; i++)
        lri[1 + 2 * i] = GPR + 4 * i;
    make();
    rig_emit(&r, RIG_LRCA, lri, 17);
    kills_loads = true;
    item = quarantines(prepare);
    assert_true(item.input.word[WIRE_COMMAND_HOW] == WIRE_COMMAND_PACK(GEN8_BCS, 0, 17));
    assert_memory_equal(&item.input.word[WIRE_COMMAND_BYTES], lri, 4 * WIRE_COMMAND_DWORDS);
    kills_loads = false;
    lri[16] = 1;
    make();
    rig_emit(&r, RIG_LRCA, lri, 17);
    assert_int_equal(answer(desc), 0);
}

/* ---- taking over */

static uint32_t held_slot;

/* It ran, left its engine, and its process did not come to save it. */
static void leave_unsaved(void)
{
    struct context *c;

    make();
    assert_int_equal(context_prepare(r.set, GEN8_BCS, desc, &c), 0);
    context_set_busy(c, true);
    rig_shadow(&r, c)[CTX_RING_HEAD] = 0x10;
    held_slot = context_slot(c);
    context_set_busy(c, false);
}

static void restored(void)
{
    context_set_restored(r.set);
}

static void a_save_that_kills(void **state)
{
    (void)state;
    leave_unsaved();
    bad_frame = frame_of(RIG_LRCA + 4096);
    assert_true(dies(restored));
    assert_true(dies(restored));
    born();
    restored();
    assert_int_equal(only_item().input.kind, WIRE_INPUT_SAVE);
    assert_true(only_item().input.word[WIRE_SAVE_DESC] == desc);
    assert_true(lost[GEN8_BCS] && !lost[GEN8_RCS]);
    assert_int_equal(rig_state(&r, RIG_LRCA)[CTX_RING_HEAD], 0);
    assert_int_equal(r.config.records[held_slot].held, 0);
    assert_int_equal(rig_count(&r, ACCOUNT_QUARANTINED), 1);
    assert_int_equal(answer(other), 0);
}

static void nothing(void)
{
}

static void a_record_that_kills(void **state)
{
    (void)state;
    leave_unsaved();
    kills_records = true;
    assert_true(dies(nothing));
    assert_true(dies(nothing));
    born();
    kills_records = false;
    assert_int_equal(only_item().input.kind, WIRE_INPUT_RECORD);
    assert_int_equal(only_item().input.word[WIRE_RECORD_SLOT], held_slot);
    assert_true(lost[GEN8_BCS]);
    assert_null(context_hold(r.set, held_slot));
    assert_int_equal(answer(desc), 0); /* from its image, in other pages */
    born();                            /* the pages of the old one come back */
}

/* ---- the status page */

static void show(void)
{
    context_post_csb(r.set, GEN8_BCS, 2, 0x1234, 2);
}

static void a_status_page_that_kills(void **state)
{
    (void)state;
    bad_frame = frame_of(RIG_HWSP);
    assert_true(dies(show));
    assert_true(dies(show));
    born();
    show();
    assert_int_equal(only_item().input.kind, WIRE_INPUT_STATUS);
    assert_int_equal(only_item().skipped, 1);
    bad_frame = NO_FRAME;
    r.vggtt->pte[RIG_HWSP / 4096] = 0;
    rig_map(&r, RIG_HWSP, 1); /* another page there is another input */
    show();
    assert_int_equal(rig_at(&r, RIG_HWSP)[CSB_HWSP_WRITE], 2);
}

/* ---- what is held against nobody */

static void prepare_and_be_killed(void)
{
    if (answer(desc) || answer(other))
        _exit(1);
    show();
    raise(SIGKILL);
}

static void kills_from_outside(void **state)
{
    struct quarantine_item item;

    (void)state;
    make();
    rig_emit(&r, RIG_LRCA, store, 4);
    for (int i = 0; i < 5; i++) { /* between inputs */
        r.vggtt->pte[BAD_GMA / 4096] = r.vggtt->pte[RIG_HWSP / 4096];
        assert_true(dies(prepare_and_be_killed));
    }
    for (int i = 0; i < 3; i++) { /* within one, but the next process gets through it */
        kills_commands = true;
        assert_true(dies(prepare));
        kills_commands = false;
        assert_true(dies(prepare_and_be_killed));
    }
    born();
    assert_int_equal(quarantine.known, 0);
    assert_false(quarantine_get(&quarantine, 0, &item));
    assert_int_equal(answer(desc), 0);
    assert_int_equal(rig_count(&r, ACCOUNT_QUARANTINED), 0);
}

/* After so many its memory is left alone, and so is what was not saved. */
static void too_many(void **state)
{
    (void)state;
    leave_unsaved();
    for (uint64_t i = 0; i < QUARANTINE_ITEMS; i++)
        quarantine_put(&quarantine, WIRE_INPUT_CONTEXT, (uint64_t[]){GEN8_BCS, i}, 2);
    bad_frame = frame_of(RIG_LRCA + 4096);
    assert_false(dies(restored));
    bad_frame = frame_of(RIG_HWSP);
    assert_false(dies(show));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(an_image_that_kills),  TEST(a_ring_that_kills),
        TEST(a_command_that_kills), TEST(a_command_of_a_batch),
        TEST(a_long_command),       TEST(a_save_that_kills),
        TEST(a_record_that_kills),  TEST(a_status_page_that_kills),
        TEST(kills_from_outside),   TEST(too_many),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
