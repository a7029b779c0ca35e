/* SPDX-License-Identifier: MIT */
/*
 * What the device puts into its log: engines that run contexts and batches, a client's accesses,
 * interrupts, resets.
 */
#include "tests/unit/softgpu_engine_rig.h"

#include "softgpu/ctl.h"
#include "softgpu/device.h"
#include "softgpu/irq.h"
#include "softgpu/model.h"
#include "softgpu/trace.h"
#include "softgpu/trace_read.h"
#include "softgpu/vfu.h"

#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define BATCH 0x40000000u

struct log {
    char path[40];
    struct trace *t;
    struct trace_record *r;
    size_t n, at;
};

static void log_begin(struct log *l, unsigned classes)
{
    int err, fd;

    memset(l, 0, sizeof(*l));
    strcpy(l->path, "/tmp/softgpu-trace-XXXXXX");
    fd = mkstemp(l->path);
    assert_true(fd >= 0);
    close(fd);
    l->t = trace_open(l->path, classes, &err);
    assert_non_null(l->t);
}

static void on_record(void *opaque, const struct trace_record *r)
{
    struct log *l = opaque;

    l->r = realloc(l->r, (l->n + 1) * sizeof(*l->r));
    assert_non_null(l->r);
    l->r[l->n++] = *r;
}

static void log_end(struct log *l)
{
    const struct trace_reader reader = {.visit = on_record, .opaque = l};
    struct trace_problem p;
    FILE *in;

    assert_int_equal(trace_close(l->t), 0);
    in = fopen(l->path, "rb");
    assert_non_null(in);
    assert_int_equal(trace_read(in, &reader, &p), 0);
    fclose(in);
    unlink(l->path);
}

/* The next record of a kind. */
static const struct trace_record *next(struct log *l, enum trace_kind kind)
{
    while (l->at < l->n)
        if (l->r[l->at++].kind == kind)
            return &l->r[l->at - 1];
    fail_msg("no %s left", trace_kind_name(kind));
    return NULL;
}

static size_t count(const struct log *l, enum trace_kind kind)
{
    size_t n = 0;

    for (size_t i = 0; i < l->n; i++)
        n += l->r[i].kind == kind;
    return n;
}

static int setup(void **state)
{
    *state = malloc(sizeof(struct rig));
    rig_setup(*state);
    return 0;
}

static int teardown(void **state)
{
    free(*state);
    return 0;
}

static void batch_of_a_context(void **state)
{
    static const uint32_t batch[] = {MI_LRI1(0x22600, 5), MI_LRI1(0x44200, 1), MI_BBE};
    struct rig *r = *state;
    const struct trace_record *t;
    struct rig_ctx c;
    struct log l;

    log_begin(&l, TRACE_EVERY);
    engines_set_trace(r->engines, l.t);
    rig_context(r, &c, ENGINE_BCS, 4);
    rig_run_batch(r, &c, BATCH, batch, sizeof(batch) / 4);
    rig_teardown(r);
    log_end(&l);
    t = next(&l, TRACE_CTX_EVENT);
    assert_int_equal(t->value, CSB_IDLE_ACTIVE);
    t = next(&l, TRACE_CTX_LOAD);
    assert_int_equal(t->source, ENGINE_BCS);
    assert_int_equal(t->ctx, c.id);
    assert_int_equal(t->lrca, c.lrca);
    assert_int_equal(t->addr, c.ring_ggtt);
    assert_true(t->value == c.desc);
    t = next(&l, TRACE_COMMAND);
    assert_int_equal(t->addr, c.ring_ggtt);
    assert_int_equal(t->len, 3);
    assert_int_equal(t->ndw, 3);
    assert_int_equal(t->dw[1], BATCH);
    assert_int_equal(t->flags, 0);
    t = next(&l, TRACE_BATCH_START);
    assert_int_equal(t->addr, BATCH);
    assert_int_equal(t->flags, TRACE_F_PPGTT);
    t = next(&l, TRACE_COMMAND);
    assert_int_equal(t->addr, BATCH);
    assert_int_equal(t->flags, TRACE_F_PPGTT);
    t = next(&l, TRACE_REG_WRITE);
    assert_int_equal(t->addr, 0x22600);
    assert_int_equal(t->value, 5);
    assert_int_equal(t->flags, 0);
    t = next(&l, TRACE_REG_WRITE);
    assert_int_equal(t->addr, 0x44200);
    assert_int_equal(t->flags, TRACE_F_DENIED);
    t = next(&l, TRACE_BATCH_END);
    assert_int_equal(t->addr, BATCH + 24);
    t = next(&l, TRACE_CTX_SAVE);
    assert_int_equal(t->addr, c.ring_ggtt + c.tail);
    t = next(&l, TRACE_CTX_EVENT);
    assert_int_equal(t->value, CSB_DONE);
    assert_int_equal(t->ctx, c.id);
    free(l.r);
}

/* A wait is noted once, however often it is looked at; a retired command has its dwords too. */
static void waits_and_hangs(void **state)
{
    struct rig *r = *state;
    const struct trace_record *t;
    struct rig_ctx c;
    struct log l;
    uint64_t data;

    log_begin(&l, TRACE_COMMANDS | TRACE_RESETS);
    engines_set_trace(r->engines, l.t);
    rig_context(r, &c, ENGINE_RCS, 4);
    data = rig_map_new(r, &c, BATCH);
    RIG_EMIT(r, &c, MI_SDI(BATCH + 8, 1), MI(0x1c, 1 << 15 | 4 << 12 | 2), 1, BATCH, 0, 0x7b000005,
             1, 2, 3, 4, 5, 6, 0x3f800000);
    rig_submit(r, ENGINE_RCS, c.desc, 0);
    assert_true(rig_wait32(r, data + 8, 1));
    while (rig_stats(r).commands[ENGINE_RCS] < 12) /* it looks again and again */
        usleep(20);
    rig_w32(r, data, 1);
    assert_true(rig_wait_reg(r, 0x20b0, 1, 1)); /* hangs */
    engines_mmio_write(r->engines, 0x941c, 2);
    assert_true(rig_wait_reg(r, 0x941c, 0xff, 0));
    rig_teardown(r);
    log_end(&l);
    assert_int_equal(next(&l, TRACE_COMMAND)->dw[0] >> 23, 0x20);
    assert_int_equal(next(&l, TRACE_COMMAND)->dw[0] >> 23, 0x1c);
    t = next(&l, TRACE_COMMAND);
    assert_int_equal(t->dw[0], 0x7b000005);
    assert_int_equal(t->dw[6], 6);
    assert_int_equal(count(&l, TRACE_COMMAND), 3);
    t = next(&l, TRACE_HANG);
    assert_int_equal(t->value, 0x3f800000);
    assert_int_equal(next(&l, TRACE_RESET_ASKED)->source, ENGINE_RCS);
    assert_int_equal(next(&l, TRACE_RESET_DONE)->source, ENGINE_RCS);
    assert_int_equal(count(&l, TRACE_CTX_LOAD), 0); /* not asked for */
    free(l.r);
}

static void write32(struct device *d, unsigned region, uint64_t offset, uint32_t v)
{
    assert_int_equal(device_vfu_ops(d)->region_write(d, region, offset, &v, 4), 0);
}

static uint32_t read32(struct device *d, unsigned region, uint64_t offset)
{
    uint32_t v = 0;

    assert_int_equal(device_vfu_ops(d)->region_read(d, region, offset, &v, 4), 0);
    return v;
}

static void expect(const struct trace_record *t, uint64_t addr, uint32_t len, uint64_t value)
{
    assert_int_equal(t->source, TRACE_CPU);
    assert_true(t->addr == addr && t->value == value);
    assert_int_equal(t->len, len);
}

static void client_accesses(void **state)
{
    struct device *d = device_new(model_find("bdw"));
    uint64_t pte = 0x1234567000 | 1;
    uint8_t byte = 0x5a;
    struct log l;

    (void)state;
    assert_non_null(d);
    log_begin(&l, TRACE_EVERY);
    device_set_trace(d, l.t);
    device_vfu_ops(d)->reset(d);
    device_vfu_ops(d)->irq_eventfd(d, 1, eventfd(0, EFD_NONBLOCK));
    assert_int_equal(read32(d, VFU_REGION_CFG, 0), 0x16168086);
    write32(d, 0, 0x44304, 0);
    write32(d, 0, 0x4430c, 1);
    write32(d, 0, 0x44200, 1u << 31);
    assert_int_equal(device_vfu_ops(d)->region_write(d, 0, 0x4f000, &byte, 1), 0);
    assert_int_equal(device_vfu_ops(d)->region_write(d, 0, (8 << 20) + 8, &pte, 8), 0);
    read32(d, 2, 0x1000);
    write32(d, 4, 0, 0x44200); /* index */
    read32(d, 4, 4);           /* data */
    device_vfu_ops(d)->irq_trigger(d, 1);
    device_free(d);
    log_end(&l);
    assert_int_equal(next(&l, TRACE_RESET_ASKED)->source, TRACE_CPU);
    expect(next(&l, TRACE_CONFIG_READ), 0, 4, 0x16168086);
    expect(next(&l, TRACE_REG_WRITE), 0x44304, 4, 0);
    expect(next(&l, TRACE_REG_WRITE), 0x4430c, 4, 1);
    expect(next(&l, TRACE_REG_WRITE), 0x44200, 4, 1u << 31);
    expect(next(&l, TRACE_REG_WRITE), 0x4f000, 1, 0x5a);
    expect(next(&l, TRACE_GTT_WRITE), 8, 8, pte);
    expect(next(&l, TRACE_APERTURE_READ), 0x1000, 4, 0);
    expect(next(&l, TRACE_REG_READ), 0x44200, 4, 1u << 31);
    assert_int_equal(next(&l, TRACE_IRQ_DELIVER)->value, 1);
    assert_int_equal(count(&l, TRACE_REG_WRITE), 4);
    free(l.r);
}

/* The monitor that is plugged in at reset raises an interrupt, which is masked then. */
static void interrupts(void **state)
{
    struct device *d = device_new(model_find("bdw"));
    const struct trace_record *t;
    struct log l;

    (void)state;
    assert_non_null(d);
    log_begin(&l, TRACE_IRQS);
    device_set_trace(d, l.t);
    irq_raise(device_irq(d), IRQ_PCH, 1u << 21);
    device_free(d);
    log_end(&l);
    t = next(&l, TRACE_IRQ_RAISE);
    assert_int_equal(t->addr, 0xc4000);
    assert_int_equal(t->value, 1u << 21);
    assert_int_equal(t->flags, TRACE_F_MASKED);
    assert_int_equal(l.n, 1);
    free(l.r);
}

/* The log's size stands in status, when there is one. */
static void status(void **state)
{
    struct device *d = device_new(model_find("bdw"));
    struct ctl *c = ctl_new(d);
    struct log l;

    (void)state;
    log_begin(&l, TRACE_EVERY);
    for (int on = 0; on < 2; on++) {
        char *answer = NULL;
        size_t len;
        FILE *out = open_memstream(&answer, &len);

        if (on)
            device_set_trace(d, l.t);
        assert_int_equal(ctl_line(c, "status", false, out), 0);
        fclose(out);
        assert_int_equal(
            strstr(answer, ",\"trace\":{\"records\":0,\"bytes\":40,\"lost\":0}") != NULL, on);
        free(answer);
    }
    ctl_free(c);
    device_free(d);
    log_end(&l);
    assert_int_equal(l.n, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(batch_of_a_context, setup, teardown),
        cmocka_unit_test_setup_teardown(waits_and_hangs, setup, teardown),
        cmocka_unit_test(client_accesses),
        cmocka_unit_test(interrupts),
        cmocka_unit_test(status),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
