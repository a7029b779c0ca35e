/* SPDX-License-Identifier: MIT */
/*
 * The cost model: its file, its arithmetic with made-up times, and engines that spend the time.
 * What an engine may not do is end early or be held up by a wait; how late a busy machine makes it
 * is not looked at.
 */
#include "tests/unit/softgpu_engine_rig.h"

#include "softgpu/cost.h"
#include "softgpu/engine_priv.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BATCH       0x40000000u
#define MS          1000000ull
#define NOOP_ID(us) MI(0, 1u << 22 | (us))
#define LONGEST_US  0x3fffffu /* 4.2 s */

static struct cost *model_of(const char *text, char **errors)
{
    FILE *in = fmemopen((void *)(uintptr_t)text, strlen(text), "r");
    size_t size;
    FILE *out = open_memstream(errors, &size);
    struct cost *c;

    assert_non_null(in);
    assert_non_null(out);
    c = cost_read(in, "model", out);
    fclose(in);
    fclose(out);
    return c;
}

static struct cost *model(const char *text)
{
    char *errors;
    struct cost *c = model_of(text, &errors);

    assert_string_equal(errors, "");
    assert_non_null(c);
    free(errors);
    return c;
}

static void the_file(void **state)
{
    struct cost *c = model("# a model\n\n"
                           "command any 1\t# whatever else\r\n"
                           "command XY_SRC_COPY_BLT 200\n"
                           "command mi 3\n"
                           "  command MI_NOOP 0.5\n"
                           "command MI_NOOP 0\n"
                           "command 3DPRIMITIVE 5e4\n"
                           "clock 2e9\n"
                           "blit 2e9");

    (void)state;
    assert_int_equal(cost_command(c, ENGINE_BCS, 0x54f00008), 100000);
    assert_int_equal(cost_command(c, ENGINE_BCS, 0x54000005), 500); /* XY_COLOR_BLT: any */
    assert_int_equal(cost_command(c, ENGINE_RCS, MI(0x20, 2)), 1500);
    assert_int_equal(cost_command(c, ENGINE_RCS, MI(0, 0)), 0);
    assert_int_equal(cost_command(c, ENGINE_RCS, NOOP_ID(5)), 0); /* busy-batch is off */
    assert_int_equal(cost_command(c, ENGINE_RCS, 0x7b000005), 25000000);
    assert_int_equal(cost_command(c, ENGINE_VCS, 0x70000000), 500);
    assert_int_equal(cost_command(c, ENGINE_VCS2, 0x70000000), 500);
    assert_int_equal(cost_command(c, ENGINE_BCS, 0x7b000005), 0); /* not a command there */
    assert_int_equal(cost_command(c, ENGINE_RCS, 0xffffffff), 0);
    assert_int_equal(cost_blit(c, 4000), 2000000);
    assert_true(cost_blit(c, UINT64_MAX) == COST_MAX_PS);
    cost_free(c);
    c = model("command media 7\ncommand 3d 8\nbusy-batch on\ncommand MI_NOOP 2\n");
    assert_int_equal(cost_command(c, ENGINE_VCS, 0x70000000), 7000);
    assert_int_equal(cost_command(c, ENGINE_RCS, 0x7b000005), 8000);
    assert_int_equal(cost_command(c, ENGINE_VECS, NOOP_ID(5)), 5002000);
    assert_int_equal(cost_blit(c, 1 << 30), 0);
    cost_free(c);
}

static void wrong_files(void **state)
{
    static const struct {
        const char *text, *message;
    } wrong[] = {
        {"clock\n", "softgpu: model:1: expected clock HZ\n"},
        {"# x\n\nclock 0\n", "softgpu: model:3: expected cycles per second, 1 or more, not '0'\n"},
        {"clock 1e9 1\n", "softgpu: model:1: expected clock HZ\n"},
        {"blit fast\n", "softgpu: model:1: expected bytes per second, 1 or more, not 'fast'\n"},
        {"blit nan\n", "softgpu: model:1: expected bytes per second, 1 or more, not 'nan'\n"},
        {"blit 1e999\n", "softgpu: model:1: expected bytes per second, 1 or more, not '1e999'\n"},
        {"blit -5\n", "softgpu: model:1: expected bytes per second, 1 or more, not '-5'\n"},
        {"command MI_NOOP\n", "softgpu: model:1: expected command NAME CYCLES\n"},
        {"command MI_NOOP 1 2 3 4 5\n", "softgpu: model:1: expected command NAME CYCLES\n"},
        {"command MI_NOOP 5x\n", "softgpu: model:1: expected cycles, 0 or more, not '5x'\n"},
        {"clock 1e9\ncommand MI_NOP 5\n", "softgpu: model:2: expected a command of this GPU, or "
                                          "mi, blt, 3d, media or any, not 'MI_NOP'\n"},
        {"command mi 1e5\ncommand any 1e5\nclock 1\n",
         "softgpu: model:1: expected mi to take no more than an hour\n"},
        {"busy-batch yes\n", "softgpu: model:1: expected on or off, not 'yes'\n"},
        {"busy on\n",
         "softgpu: model:1: expected clock, command, blit or busy-batch, not 'busy'\n"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        char *errors;

        assert_null(model_of(wrong[i].text, &errors));
        assert_string_equal(errors, wrong[i].message);
        free(errors);
    }
    assert_null(cost_load("/nonexistent/model", stderr));
}

static void the_meter(void **state)
{
    struct cost_meter m = {0};
    uint64_t now = 5000 * MS;

    (void)state;
    cost_meter_start(&m, now);
    assert_int_equal(cost_meter_wait(&m, now, 0), 0);
    for (unsigned i = 0; i < 3000; i++)
        cost_meter_add(&m, 400); /* fractions of a ns add up */
    assert_int_equal(cost_meter_wait(&m, now, 0), now + 1200);
    assert_int_equal(cost_meter_wait(&m, now, 1200), 0);
    assert_int_equal(cost_meter_wait(&m, now, 1199), now + 1200);
    /* woke up late: the next work begins when the one before was due */
    cost_meter_add(&m, 1000 * 1000);
    assert_int_equal(cost_meter_wait(&m, now + 1500, 0), now + 2200);
    /* much too late: a millisecond is made up for */
    cost_meter_add(&m, 1000 * 1000);
    assert_int_equal(cost_meter_wait(&m, now + 100 * MS, 0), 0);
    cost_meter_add(&m, 1500 * 1000000ull);
    assert_int_equal(cost_meter_wait(&m, now + 100 * MS, 0), now + 100 * MS + 500000);
    /* waited for a semaphore: nothing is made up for */
    cost_meter_idle(&m, now + 200 * MS);
    cost_meter_add(&m, 1000000);
    assert_int_equal(cost_meter_wait(&m, now + 200 * MS, 0), now + 200 * MS + 1000);
    cost_meter_idle(&m, now + 200 * MS); /* not while it has work */
    assert_int_equal(cost_meter_wait(&m, now + 200 * MS, 0), now + 200 * MS + 1000);
    /* stopped with some work to do, which it has to do when it goes on */
    cost_meter_stop(&m, now + 200 * MS + 400);
    cost_meter_start(&m, now + 300 * MS);
    assert_int_equal(cost_meter_wait(&m, now + 300 * MS, 0), now + 300 * MS + 600);
    cost_meter_stop(&m, now + 301 * MS);
    cost_meter_start(&m, now + 400 * MS);
    assert_int_equal(cost_meter_wait(&m, now + 400 * MS, 0), 0);
}

/* --- engines --- */

struct bench {
    struct rig rig;
    struct cost *cost;
    struct rig_ctx c;
};

static void begin(void **state, const char *text, enum engine_id id)
{
    struct bench *b = malloc(sizeof(*b));

    assert_non_null(b);
    *state = b;
    rig_setup(&b->rig);
    b->cost = text ? model(text) : NULL;
    engines_set_cost(b->rig.engines, b->cost);
    rig_context(&b->rig, &b->c, id, 4);
}

static void end(void **state)
{
    struct bench *b = *state;

    rig_teardown(&b->rig);
    cost_free(b->cost);
    free(b);
}

static uint64_t thread_cpu(struct bench *b, enum engine_id id)
{
    struct timespec ts;
    clockid_t clock;

    assert_int_equal(pthread_getcpuclockid(b->rig.engines->engine[id].thread, &clock), 0);
    clock_gettime(clock, &ts);
    return (uint64_t)ts.tv_sec * 1000 * MS + (uint64_t)ts.tv_nsec;
}

/* The interrupt behind the work comes after its time, which was not spent computing. */
static void busy_noop(void **state)
{
    struct bench *b;
    uint64_t t, cpu;

    begin(state, "busy-batch on\n", ENGINE_RCS);
    b = *state;
    t = engine_now_ns();
    cpu = thread_cpu(b, ENGINE_RCS);
    rig_map_new(&b->rig, &b->c, BATCH);
    RIG_RUN(&b->rig, &b->c, NOOP_ID(100000), MI(2, 0));
    assert_true(engine_now_ns() - t >= 100 * MS);
    assert_true(atomic_load(&b->rig.raised[ENGINE_RCS]) & ENGINE_EVENT_USER);
    assert_true(thread_cpu(b, ENGINE_RCS) - cpu < 50 * MS);
    assert_true(rig_stats(&b->rig).busy_ns[ENGINE_RCS] >= 100 * MS);
    assert_int_equal(engines_mmio_read(b->rig.engines, 0x2094), 100000); /* NOPID */
    end(state);
}

/* MI_ARB_CHECK takes an hour; NOPID tells that the engine is at it, or about to be. */
#define LONG_MODEL "command MI_ARB_CHECK 3.6e12\n"
#define LONG_WORK  NOOP_ID(7), MI(5, 0), MI(2, 0)

/* The interrupt does not come while the work before it takes its time. */
static void no_early_word(void **state)
{
    struct bench *b;

    begin(state, LONG_MODEL, ENGINE_VCS);
    b = *state;
    RIG_EMIT(&b->rig, &b->c, LONG_WORK);
    rig_submit(&b->rig, ENGINE_VCS, b->c.desc, 0);
    while (rig_stats(&b->rig).commands[ENGINE_VCS] < 2)
        sched_yield();
    assert_false(atomic_load(&b->rig.raised[ENGINE_VCS]) & ENGINE_EVENT_USER);
    end(state);
}

/* Each far below what an engine may be ahead by, but not all of them. */
static void many_small_ones(void **state)
{
    uint32_t batch[1001];
    struct bench *b;
    uint64_t t;

    begin(state, "clock 1e9\ncommand MI_NOOP 2e4\n", ENGINE_VECS);
    b = *state;
    memset(batch, 0, sizeof(batch));
    batch[1000] = MI_BBE;
    t = engine_now_ns();
    rig_run_batch(&b->rig, &b->c, BATCH, batch, 1001);
    assert_true(engine_now_ns() - t >= 19 * MS);
    assert_true(rig_stats(&b->rig).busy_ns[ENGINE_VECS] >= 19 * MS);
    end(state);
}

/* A ring without a command left counts as empty only when the work before is done too. */
static void rest_at_the_tail(void **state)
{
    struct bench *b;
    uint64_t t;

    begin(state, "busy-batch on\n", ENGINE_VCS);
    b = *state;
    b->rig.engines->engine[ENGINE_VCS].meter.owed_ns = 50 * MS; /* as after a stop; it is idle */
    t = engine_now_ns();
    rig_run(&b->rig, &b->c);
    assert_true(engine_now_ns() - t >= 50 * MS);
    assert_int_equal(rig_stats(&b->rig).commands[ENGINE_VCS], 0);
    end(state);
}

static void blits_by_size(void **state)
{
    struct bench *b;
    uint64_t t;

    begin(state, "blit 1e5\n", ENGINE_BCS);
    b = *state;
    rig_map_new(&b->rig, &b->c, BATCH);
    t = engine_now_ns();
    /* 32 pixels of 4 bytes by 16 rows: 2048 bytes, 20.48 ms */
    RIG_RUN(&b->rig, &b->c, 0x54300005, 0x03f00000 | 128, 0, 16 << 16 | 32, BATCH, 0, 0x1234);
    assert_int_equal(rig_stats(&b->rig).blit_bytes, 2048);
    assert_true(engine_now_ns() - t >= 20 * MS);
    end(state);
}

/* An hour of work; the rig gives up after 20 s. */
static void reset_meanwhile(void **state)
{
    struct rig_ctx other;
    struct bench *b;
    uint64_t t;

    begin(state, LONG_MODEL, ENGINE_BCS);
    b = *state;
    rig_context(&b->rig, &other, ENGINE_RCS, 4);
    RIG_EMIT(&b->rig, &b->c, LONG_WORK);
    t = engine_now_ns();
    rig_submit(&b->rig, ENGINE_BCS, b->c.desc, 0);
    assert_true(rig_wait_reg(&b->rig, 0x22094, ~0u, 7));
    RIG_RUN(&b->rig, &other, MI(2, 0));                 /* others work meanwhile */
    while (rig_stats(&b->rig).commands[ENGINE_BCS] < 2) /* it is in the hour */
        sched_yield();
    engines_mmio_write(b->rig.engines, 0x941c, 8);
    assert_true(rig_wait_reg(&b->rig, 0x941c, 0xff, 0));
    assert_true(rig_stats(&b->rig).busy_ns[ENGINE_BCS] <= engine_now_ns() - t);
    /* what the old work still owed is forgotten */
    engines_mmio_write(b->rig.engines, 0x220a8, 0);
    rig_context(&b->rig, &other, ENGINE_BCS, 4);
    rig_map_new(&b->rig, &other, BATCH);
    RIG_EMIT(&b->rig, &other, MI_SDI(BATCH, 1), MI(2, 0));
    rig_submit(&b->rig, ENGINE_BCS, other.desc, 0);
    while (!(atomic_load(&b->rig.raised[ENGINE_BCS]) & ENGINE_EVENT_USER))
        assert_true(engine_now_ns() - t < 20000 * MS);
    end(state);
}

/* A stopped engine is idle; set going again it does the rest of its work. */
static void stop_meanwhile(void **state)
{
    struct bench *b;

    begin(state, "busy-batch on\n", ENGINE_RCS);
    b = *state;
    RIG_EMIT(&b->rig, &b->c, NOOP_ID(300000), MI(2, 0));
    rig_submit(&b->rig, ENGINE_RCS, b->c.desc, 0);
    assert_true(rig_wait_reg(&b->rig, 0x2094, ~0u, 300000));
    engines_mmio_write(b->rig.engines, 0x209c, 0x01000100);
    assert_true(rig_wait_reg(&b->rig, 0x209c, 1 << 9, 1 << 9));
    engines_mmio_write(b->rig.engines, 0x209c, 0x01000000);
    rig_expect(&b->rig, ENGINE_RCS, CSB_IDLE_ACTIVE, 0);
    rig_expect(&b->rig, ENGINE_RCS, CSB_DONE, b->c.id);
    assert_true(rig_wait_reg(&b->rig, 0x209c, 1 << 9, 1 << 9));
    assert_true(rig_stats(&b->rig).busy_ns[ENGINE_RCS] >= 299 * MS);
    end(state);
}

/* The end of the program does not wait for the work. */
static void end_meanwhile(void **state)
{
    struct bench *b;
    uint64_t t;

    begin(state, LONG_MODEL, ENGINE_VECS);
    b = *state;
    RIG_EMIT(&b->rig, &b->c, LONG_WORK);
    t = engine_now_ns();
    rig_submit(&b->rig, ENGINE_VECS, b->c.desc, 0);
    assert_true(rig_wait_reg(&b->rig, 0x1a094, ~0u, 7));
    end(state);
    assert_true(engine_now_ns() - t < 20000 * MS);
}

static void nothing_without_a_model(void **state)
{
    struct bench *b;
    uint64_t t;

    begin(state, NULL, ENGINE_RCS);
    b = *state;
    t = engine_now_ns();
    RIG_RUN(&b->rig, &b->c, NOOP_ID(LONGEST_US), NOOP_ID(LONGEST_US), NOOP_ID(LONGEST_US),
            NOOP_ID(LONGEST_US), NOOP_ID(LONGEST_US), MI(2, 0));
    assert_true(engine_now_ns() - t < 20000 * MS);
    assert_int_equal(engines_mmio_read(b->rig.engines, 0x2094), LONGEST_US);
    end(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_file),         cmocka_unit_test(wrong_files),
        cmocka_unit_test(the_meter),        cmocka_unit_test(busy_noop),
        cmocka_unit_test(no_early_word),    cmocka_unit_test(many_small_ones),
        cmocka_unit_test(rest_at_the_tail), cmocka_unit_test(blits_by_size),
        cmocka_unit_test(reset_meanwhile),  cmocka_unit_test(stop_meanwhile),
        cmocka_unit_test(end_meanwhile),    cmocka_unit_test(nothing_without_a_model),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
