/* SPDX-License-Identifier: MIT */
/*
 * A Haswell's vgt-gtt that dies in each call it makes of the GPU, and its successor in some of its
 * own: directories and tables are what the guest says whenever a GPU could look. One thread.
 */
#include "tests/unit/gtt7_oracle.h"

#include <setjmp.h>

/* A service that stops in the middle of something leaves its memory behind. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "detect_leaks=0";
}

static const struct gpu_ops *under;
static struct gpu_ops wrapped;
static long calls_left; /* until death; negative: none */
static jmp_buf death;

static void die_maybe(void)
{
    if (calls_left >= 0 && calls_left-- == 0)
        longjmp(death, 1);
}

static int gtt_write(struct gpu *g, uint32_t index, uint64_t entry)
{
    int rc;

    die_maybe();
    rc = under->gtt_write(g, index, entry);
    die_maybe();
    return rc;
}

static int gtt_flush(struct gpu *g)
{
    die_maybe();
    return under->gtt_flush(g);
}

static int pin(struct gpu *g, uint16_t domid, const uint64_t *gfns, uint32_t count, uint64_t *dma)
{
    die_maybe();
    return under->pin(g, domid, gfns, count, dma);
}

static int unpin(struct gpu *g, uint16_t domid, const uint64_t *gfns, uint32_t count)
{
    die_maybe();
    return under->unpin(g, domid, gfns, count);
}

static void wrap(struct rig *r)
{
    under = r->gpu->ops;
    wrapped = *under;
    wrapped.gtt_write = gtt_write;
    wrapped.gtt_flush = gtt_flush;
    wrapped.pin = pin;
    wrapped.unpin = unpin;
    r->gpu->ops = &wrapped;
}

/* What the guest does, one message each; the image goes first. */
static void script(struct rig *r, unsigned step)
{
    struct mmio_gtt m = {.kind = MMIO_GTT_PPGTT_NEW, .level = 2, .epoch = r->epoch + 1};

    if (step == 0 || step == 5)
        m.pdp[0] = LOW;
    else if (step == 2 || step == 4)
        m.pdp[0] = HIGH;
    else if (step == 6)
        m = (struct mmio_gtt){.kind = MMIO_GTT_PPGTT_GONE, .level = 2, .pdp = {HIGH}};
    else
        m = (struct mmio_gtt){.kind = MMIO_GTT_PTE, .pte = {LOW + step, E(2)}};
    m.epoch = r->epoch + 1;
    if (m.kind == MMIO_GTT_PTE)
        r->image->pte[m.pte.index] = m.pte.value;
    assert_int_equal(gtt_guest_apply(r->g, &m), 0);
}

static void finish(struct rig *r)
{
    r->epoch++;
    r->g->epoch = r->epoch;
    calm(r);
}

/* True: it died. */
static bool try_step(struct rig *r, unsigned step, long after)
{
    calls_left = after;
    if (setjmp(death)) {
        calls_left = -1;
        return true;
    }
    script(r, step);
    finish(r);
    calls_left = -1;
    return false;
}

static void prepare(struct rig *r)
{
    setup(r, 100);
    for (unsigned i = 0; i < 12; i++) {
        put_pte(r, 1, i, E(40 + i));
        put_pte(r, 2, i, E(52 + i));
    }
    put_entry(r, LOW, E(1));
    put_entry(r, HIGH, E(2));
    settle(r);
    wrap(r);
}

/* After n calls of one step, and the next process after some of its own; then the entry of the lane
 * comes again. */
static bool die_in(unsigned step, long n)
{
    struct oracle *o = calloc(1, sizeof(*o));
    struct rig *r = &o->r;
    bool died;

    prepare(r);
    for (unsigned i = 0; i < step; i++)
        assert_false(try_step(r, i, -1));
    oracle_check(o);
    died = try_step(r, step, n);
    for (long again = 7; died && again >= 0; again = again > 0 ? -1 : -2) {
        restart_service(r);
        wrap(r);
        restart_guest(r);
        oracle_check(o);
        if (!try_step(r, step, again))
            break;
    }
    if (died) {
        restart_service(r);
        wrap(r);
        restart_guest(r);
        try_step(r, step, -1);
    }
    oracle_check(o);
    for (unsigned i = step + 1; i < 8; i++)
        assert_false(try_step(r, i, -1));
    oracle_check(o);
    teardown(r);
    free(o);
    return died;
}

static void dies_everywhere(void **state)
{
    long total = 0;

    (void)state;
    rig_gen = GPU_GEN7;
    rig_directories = 1; /* so that roots give way to each other */
    for (unsigned step = 0; step < 8; step++) {
        long n = 0;

        /* All about what is done once, some of the many entries of a directory. */
        while (die_in(step, n))
            n += n % 128 < 12 ? 1 : 29;
        total += n;
    }
    print_message("# %ld calls\n", total);
    assert_true(total > 5000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dies_everywhere),
    };

    return cmocka_run_group_tests(tests, set_workers_0, unset_workers);
}
