/* SPDX-License-Identifier: MIT */
/*
 * gpu/soft over a real vgt-softstub and a real softgpu: interrupts reach their row, an engine works
 * with the pages and pins that rows were given, and the judge sees when it should not. One thread.
 */
#include "gpu/node/node.h"
#include "tests/unit/gpu_soft_rig.h"

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cmocka.h>

#define BCS        0x22000u
#define RUN_GGTT   0x100000u
#define ALL_MASKED UINT32_MAX
#define FRAMES     64u

static int setup(void **state)
{
    struct soft_rig *r = calloc(1, sizeof(*r));

    assert_non_null(r);
    rig_start(r, "bdw", NULL);
    *state = r;
    return 0;
}

static int setup_haswell(void **state)
{
    struct soft_rig *r = calloc(1, sizeof(*r));

    assert_non_null(r);
    rig_start(r, "hsw", NULL);
    *state = r;
    return 0;
}

static int teardown(void **state)
{
    rig_stop(*state);
    free(*state);
    return 0;
}

/* ---- interrupts */

static uint32_t await_irq(struct gpu *g, int ev, enum gpu_irq_bank bank, int ms)
{
    struct pollfd p = {ev, POLLIN, 0};
    int64_t end = rig_now_ms() + ms, left;
    uint32_t pending[GPU_IRQ_BANKS];
    uint64_t n;

    while ((left = end - rig_now_ms()) > 0) {
        if (poll(&p, 1, (int)left) <= 0 || read(ev, &n, sizeof(n)) != sizeof(n))
            continue;
        if (gpu_irq_pending(g, pending) == 1 && pending[bank])
            return pending[bank];
    }
    return 0;
}

static void pipe_on(struct gpu *g, bool on)
{
    gpu_write32(g, 0x60000, 799u << 16 | 639);
    gpu_write32(g, 0x6000c, 524u << 16 | 479);
    gpu_write32(g, 0x60010, 524u << 16 | 479);
    gpu_write32(g, 0x70008, on ? 1u << 31 : 0);
}

static void vblanks(void **state)
{
    struct rig_row d = rig_open_row(*state, GPU_ROW_DISPLAY),
                   s = rig_open_row(*state, GPU_ROW_SCHED);
    int ev = eventfd(0, EFD_NONBLOCK), sev = eventfd(0, EFD_NONBLOCK);
    bool gen8 = d.g->info.gen == GPU_GEN8;
    enum gpu_irq_bank bank = gen8 ? GPU_IRQ_PIPE_A : GPU_IRQ_DE;
    uint32_t imr, ier, pending[GPU_IRQ_BANKS];
    uint32_t bit = 1; /* Broadwell: pipe A's vertical blank; Haswell: DE bit 0, the same */

    assert_int_equal(gpu_irq_eventfd(d.g, ev), 0);
    assert_int_equal(gpu_irq_eventfd(s.g, sev), 0);
    assert_true(gpu_irq_eventfd(d.g, d.fd) < 0);
    assert_int_equal(gpu_irq_get(d.g, bank, &imr, &ier), 0);
    assert_int_equal(ier, 0);
    assert_int_equal(gpu_irq_set(s.g, bank, 0, 1), -EACCES);
    assert_int_equal(gpu_irq_set(d.g, gen8 ? GPU_IRQ_DE : GPU_IRQ_PIPE_A, 0, 1), -EACCES);
    assert_int_equal(gpu_irq_set(d.g, 1000, 0, 1), -EACCES);
    pipe_on(d.g, true);
    assert_int_equal(await_irq(d.g, ev, bank, 200), 0);
    assert_int_equal(gpu_irq_set(d.g, bank, ~bit, bit), 0);
    for (int frame = 0; frame < 20; frame++)
        assert_int_equal(await_irq(d.g, ev, bank, RIG_DEADLINE_MS), bit);
    assert_int_equal(gpu_irq_pending(s.g, pending), 0);
    assert_int_equal(gpu_irq_set(d.g, bank, ALL_MASKED, 0), 0);
    pipe_on(d.g, false);
    rig_close_row(d);
    rig_close_row(s);
    close(ev);
    close(sev);
}

/* What turns up while no one listens is signalled when someone does. */
static void pending_waits(void **state)
{
    struct rig_row d = rig_open_row(*state, GPU_ROW_DISPLAY);
    int ev = eventfd(0, EFD_NONBLOCK), second = eventfd(0, EFD_NONBLOCK);
    struct pollfd p = {ev, POLLIN, 0};
    struct gpu *again;

    assert_int_equal(gpu_irq_eventfd(d.g, ev), 0);
    pipe_on(d.g, true);
    assert_int_equal(gpu_irq_set(d.g, GPU_IRQ_PIPE_A, ~1u, 1), 0);
    assert_int_equal(poll(&p, 1, RIG_DEADLINE_MS), 1);
    gpu_close(d.g); /* the service has gone, its node has not */
    again = rig_gpu(d.fd);
    assert_int_equal(gpu_irq_set(again, GPU_IRQ_PIPE_A, ALL_MASKED, 0), 0);
    assert_int_equal(gpu_irq_eventfd(again, second), 0);
    assert_int_equal(await_irq(again, second, GPU_IRQ_PIPE_A, RIG_DEADLINE_MS), 1);
    assert_int_equal(gpu_irq_eventfd(again, -1), 0);
    pipe_on(again, false);
    gpu_close(again);
    close(d.fd);
    close(ev);
    close(second);
}

/* ---- the GPU works with it */

enum { PPHWSP, IMAGE, RING, DATA, HWSP, RUN_PAGES };

/* A context of its own: its pages, and where they stand in the GGTT. */
struct job {
    struct gpu_dma b;
    uint32_t at;
};

static uint32_t ggtt_of(const struct job *j, unsigned page)
{
    return j->at + page * GPU_PAGE_SIZE;
}

/* A blitter context whose ring stores a word through the GGTT and raises a user interrupt. */
static void build_context(const struct job *j)
{
    static const uint32_t regs[] = {0x244, 0x34,  0x30,  0x38,  0x3c, 0x168,
                                    0x140, 0x110, 0x11c, 0x114, 0x118};
    uint8_t *mem = j->b.map;
    uint32_t *image = (uint32_t *)(mem + IMAGE * GPU_PAGE_SIZE);
    const uint32_t commands[] = {
        0x20u << 23 | 1u << 22 | 2, ggtt_of(j, DATA), 0, 0xc0ffee, 0x02u << 23, 0, 0, 0};

    image[1] = 0x22u << 23 | 1u << 12 | (2 * 11 - 1);
    for (unsigned i = 0; i < 11; i++)
        image[2 + 2 * i] = BCS + regs[i];
    image[3] = 0x00090009;
    image[7] = sizeof(commands);
    image[9] = ggtt_of(j, RING);
    image[11] = 1;
    memcpy(mem + RING * GPU_PAGE_SIZE, commands, sizeof(commands));
}

static void submit(struct gpu *s, const struct job *j)
{
    uint64_t desc = 0x1234ull << 32 | ggtt_of(j, PPHWSP) | 0x101 | 1u << 3;

    gpu_write_masked(s, BCS + 0x29c, 1u << 15, 1u << 15);
    gpu_write32(s, BCS + 0x80, ggtt_of(j, HWSP));
    gpu_write32(s, BCS + 0xa8, ~(0x101u << 16));
    gpu_write32(s, BCS + 0x230, 0);
    gpu_write32(s, BCS + 0x230, 0);
    gpu_write32(s, BCS + 0x230, (uint32_t)(desc >> 32));
    gpu_write32(s, BCS + 0x230, (uint32_t)desc);
}

/* Prepares one; data: the bus address it stores to, or 0 for a page of its own. */
static struct job make_job(struct rig_row s, struct rig_row g, uint32_t at, uint64_t data)
{
    struct job j = {.at = at};

    assert_int_equal(gpu_dma_alloc(s.g, RUN_PAGES, 0, &j.b), 0);
    for (unsigned i = 0; i < RUN_PAGES; i++) {
        uint64_t dma = i == DATA && data != 0 ? data : j.b.dma[i];

        assert_int_equal(gpu_gtt_write(g.g, ggtt_of(&j, i) / GPU_PAGE_SIZE, dma | 1), 0);
    }
    assert_int_equal(gpu_gtt_flush(g.g), 0);
    build_context(&j);
    return j;
}

/* Waits for the user interrupt, which comes after the store. */
static void run_job(struct rig_row s, const struct job *j)
{
    int64_t limit = rig_now_ms() + RIG_DEADLINE_MS;
    int ev = eventfd(0, EFD_NONBLOCK);

    assert_int_equal(gpu_irq_eventfd(s.g, ev), 0);
    submit(s.g, j);
    while (!(await_irq(s.g, ev, GPU_IRQ_GT0, RIG_DEADLINE_MS) & 1u << 16))
        assert_true(rig_now_ms() < limit);
    assert_int_equal(gpu_irq_eventfd(s.g, -1), 0);
    close(ev);
}

static void engines_on(struct rig_row s)
{
    assert_int_equal(gpu_write_masked(s.g, 0xa188, 1, 1), 0);
    assert_int_equal(gpu_irq_set(s.g, GPU_IRQ_GT0, ~(0x101u << 16), 0x101u << 16), 0);
}

static void an_engine_runs(void **state)
{
    struct rig_row s = rig_open_row(*state, GPU_ROW_SCHED), g = rig_open_row(*state, GPU_ROW_GTT);
    struct job j = make_job(s, g, RUN_GGTT, 0);

    engines_on(s);
    run_job(s, &j);
    assert_int_equal(*(uint32_t *)((uint8_t *)j.b.map + DATA * GPU_PAGE_SIZE), 0xc0ffee);
    gpu_dma_detach(s.g, &j.b);
    rig_close_row(s);
    rig_close_row(g);
}

static unsigned long long violations(struct soft_rig *r)
{
    char answer[65536];

    rig_gpu_ctl(r, "violations", answer, sizeof(answer));
    return rig_number(answer, "count");
}

/* The mistake a crash may lead to: the GTT still names a frame when its pin has gone and the guest
 * has given it back. While it is pinned all is well. */
static void the_judge_sees_a_lost_frame(void **state)
{
    struct rig_row s = rig_open_row(*state, GPU_ROW_SCHED), g = rig_open_row(*state, GPU_ROW_GTT);
    int broker = rig_node(*state, GPU_ROWS), memory = rig_guest_memory(FRAMES);
    unsigned long long before = violations(*state);
    const uint64_t gfn = 3;
    struct job good, bad;
    char answer[256];
    uint64_t dma;
    uint32_t word;

    rig_ctl(*state, memory, answer, sizeof(answer), "memory 20");
    assert_int_equal(gpu_node_attach(broker, 20), 0);
    assert_int_equal(gpu_pin(g.g, 20, &gfn, 1, &dma), 0);
    rig_ctl(*state, -1, answer, sizeof(answer), "hole 20 3 1");
    good = make_job(s, g, RUN_GGTT, dma);
    bad = make_job(s, g, 2 * RUN_GGTT, dma);
    engines_on(s);
    run_job(s, &good);
    assert_int_equal(pread(memory, &word, 4, 3 * GPU_PAGE_SIZE), 4);
    assert_int_equal(word, 0xc0ffee);
    assert_int_equal(violations(*state), before);
    assert_int_equal(gpu_unpin(g.g, 20, &gfn, 1), 1);
    rig_await_frames(*state, 20, FRAMES - 1);
    run_job(s, &bad);
    assert_true(violations(*state) > before);
    rig_ctl(*state, -1, answer, sizeof(answer), "forget 20");
    gpu_dma_detach(s.g, &good.b);
    gpu_dma_detach(s.g, &bad.b);
    close(broker);
    close(memory);
    rig_close_row(s);
    rig_close_row(g);
}

int main(void)
{
    const struct CMUnitTest broadwell[] = {
        cmocka_unit_test(vblanks),
        cmocka_unit_test(pending_waits),
        cmocka_unit_test(an_engine_runs),
        cmocka_unit_test(the_judge_sees_a_lost_frame),
    };
    const struct CMUnitTest hsw[] = {cmocka_unit_test(vblanks)};
    int failed = cmocka_run_group_tests(broadwell, setup, teardown);

    return failed + cmocka_run_group_tests(hsw, setup_haswell, teardown);
}
