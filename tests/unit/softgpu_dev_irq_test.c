/* SPDX-License-Identifier: MIT */
/*
 * Interrupt banks: masks, the two events IIR holds, the master register and its re-evaluation,
 * MSI edges, INTx with automatic masking.
 */
#include "softgpu/irq.h"
#include "softgpu/model.h"
#include "softgpu/regs.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cmocka.h>

#define MASTER 0x44200u
#define ENABLE (1u << 31)
#define GT0    0x44300u
#define PIPE_A 0x44400u
#define PCH    0xc4000u
enum { ISR = 0, IMR = 4, IIR = 8, IER = 12 };

struct rig {
    struct regs *regs;
    struct irq *irq;
    int msi, intx; /* our ends */
};

static int setup(void **state)
{
    struct rig *r = calloc(1, sizeof(*r));

    r->regs = regs_new();
    r->irq = irq_new(r->regs, model_find("bdw"));
    assert_non_null(r->irq);
    r->msi = eventfd(0, EFD_NONBLOCK);
    r->intx = eventfd(0, EFD_NONBLOCK);
    *state = r;
    return 0;
}

static int teardown(void **state)
{
    struct rig *r = *state;

    irq_free(r->irq);
    regs_free(r->regs);
    close(r->msi);
    close(r->intx);
    free(r);
    return 0;
}

static uint64_t taken(int fd)
{
    uint64_t n = 0;

    if (read(fd, &n, sizeof(n)) < 0)
        assert_int_equal(errno, EAGAIN);
    return n;
}

static void open_bank(struct rig *r, uint32_t base, uint32_t bits)
{
    regs_write(r->regs, base + IMR, ~bits);
    regs_write(r->regs, base + IER, bits);
}

static void test_masks(void **state)
{
    struct rig *r = *state;

    assert_int_equal(regs_read(r->regs, GT0 + IMR), 0xffffffff);
    irq_raise(r->irq, IRQ_GT0, 0x101);
    assert_int_equal(regs_read(r->regs, GT0 + IIR), 0);
    regs_write(r->regs, GT0 + IMR, ~0x100u);
    assert_int_equal(regs_read(r->regs, GT0 + IIR), 0); /* a masked event is lost */
    irq_raise(r->irq, IRQ_GT0, 0x101);
    assert_int_equal(regs_read(r->regs, GT0 + IIR), 0x100);
    assert_int_equal(regs_read(r->regs, MASTER), 0); /* IER is closed */
    regs_write(r->regs, GT0 + IER, 0x100);
    assert_int_equal(regs_read(r->regs, MASTER), 1);
    regs_write(r->regs, GT0 + IMR, 0xffffffff);
    assert_int_equal(regs_read(r->regs, GT0 + IIR), 0x100); /* masking hides nothing */
    regs_write(r->regs, GT0 + ISR, 0xffffffff);
    assert_int_equal(regs_read(r->regs, GT0 + ISR), 0);
}

static void test_two_deep(void **state)
{
    struct rig *r = *state;

    open_bank(r, GT0, 0x11);
    for (int i = 0; i < 3; i++)
        irq_raise(r->irq, IRQ_GT0, 0x01);
    irq_raise(r->irq, IRQ_GT0, 0x10);
    regs_write(r->regs, GT0 + IIR, 0x11);
    assert_int_equal(regs_read(r->regs, GT0 + IIR), 0x01); /* the second event moved up */
    regs_write(r->regs, GT0 + IIR, 0x10);
    assert_int_equal(regs_read(r->regs, GT0 + IIR), 0x01);
    regs_write(r->regs, GT0 + IIR, 0x01);
    assert_int_equal(regs_read(r->regs, GT0 + IIR), 0);
    regs_write(r->regs, GT0 + IIR, 0xffffffff);
    assert_int_equal(regs_read(r->regs, GT0 + IIR), 0);
}

static void test_master_bits(void **state)
{
    static const struct {
        enum irq_bank bank;
        uint32_t base, event, master;
    } t[] = {
        {IRQ_GT0, 0x44300, 1u << 0, 1u << 0},     {IRQ_GT0, 0x44300, 1u << 24, 1u << 1},
        {IRQ_GT1, 0x44310, 1u << 8, 1u << 2},     {IRQ_GT2, 0x44320, 1u << 4, 1u << 4},
        {IRQ_GT3, 0x44330, 1u << 0, 1u << 6},     {IRQ_PIPE_A, 0x44400, 1u << 0, 1u << 16},
        {IRQ_PIPE_B, 0x44410, 1u << 4, 1u << 17}, {IRQ_PIPE_C, 0x44420, 1u << 0, 1u << 18},
        {IRQ_PORT, 0x44440, 1u << 0, 1u << 20},   {IRQ_MISC, 0x44460, 1u << 27, 1u << 22},
        {IRQ_PCH, 0xc4000, 1u << 21, 1u << 23},   {IRQ_PCU, 0x444e0, 1u << 24, 1u << 30},
    };
    struct rig *r = *state;

    regs_write(r->regs, MASTER, ENABLE);
    for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
        open_bank(r, t[i].base, t[i].event);
        irq_raise(r->irq, t[i].bank, t[i].event);
        assert_int_equal(regs_read(r->regs, MASTER), ENABLE | t[i].master);
        regs_write(r->regs, t[i].base + IIR, t[i].event);
        assert_int_equal(regs_read(r->regs, MASTER), ENABLE);
    }
}

/* One message per rising edge of the wire; whatever opens the way again raises it again. */
static void test_msi(void **state)
{
    struct rig *r = *state;

    irq_set_eventfd(r->irq, IRQ_MSI, dup(r->msi));
    open_bank(r, GT0, 0x3);
    irq_raise(r->irq, IRQ_GT0, 0x1);
    assert_int_equal(taken(r->msi), 0);
    regs_write(r->regs, MASTER, ENABLE);
    assert_int_equal(taken(r->msi), 1);
    irq_raise(r->irq, IRQ_GT0, 0x2);
    assert_int_equal(taken(r->msi), 0); /* high already */
    regs_write(r->regs, MASTER, 0);
    regs_write(r->regs, GT0 + IIR, 0x1);
    regs_write(r->regs, MASTER, ENABLE);
    assert_int_equal(taken(r->msi), 1); /* 0x2 is still there */
    regs_write(r->regs, GT0 + IER, 0);
    regs_write(r->regs, GT0 + IER, 0x3);
    assert_int_equal(taken(r->msi), 1);
    regs_write(r->regs, GT0 + IIR, 0x3);
    regs_write(r->regs, MASTER, 0);
    regs_write(r->regs, MASTER, ENABLE);
    assert_int_equal(taken(r->msi), 0);
    assert_int_equal(irq_sent(r->irq), 3);
}

static void test_msi_two_deep(void **state)
{
    struct rig *r = *state;

    irq_set_eventfd(r->irq, IRQ_MSI, dup(r->msi));
    open_bank(r, PIPE_A, 0x1);
    regs_write(r->regs, MASTER, ENABLE);
    irq_raise(r->irq, IRQ_PIPE_A, 0x1);
    irq_raise(r->irq, IRQ_PIPE_A, 0x1);
    assert_int_equal(taken(r->msi), 1);
    regs_write(r->regs, MASTER, 0);
    regs_write(r->regs, PIPE_A + IIR, 0x1);
    regs_write(r->regs, MASTER, ENABLE);
    assert_int_equal(taken(r->msi), 1);
    regs_write(r->regs, PIPE_A + IIR, 0x1);
    assert_false(irq_pending(r->irq));
}

/* A listener that comes late gets what is pending. */
static void test_late_listener(void **state)
{
    struct rig *r = *state;

    open_bank(r, GT0, 0x1);
    regs_write(r->regs, MASTER, ENABLE);
    irq_raise(r->irq, IRQ_GT0, 0x1);
    assert_true(irq_pending(r->irq));
    irq_set_eventfd(r->irq, IRQ_MSI, dup(r->msi));
    assert_int_equal(taken(r->msi), 1);
}

static void test_intx(void **state)
{
    struct rig *r = *state;

    irq_set_eventfd(r->irq, IRQ_INTX, dup(r->intx));
    open_bank(r, GT0, 0x3);
    regs_write(r->regs, MASTER, ENABLE);
    irq_raise(r->irq, IRQ_GT0, 0x1);
    assert_int_equal(taken(r->intx), 1);
    irq_raise(r->irq, IRQ_GT0, 0x2);
    assert_int_equal(taken(r->intx), 0); /* masked by the first */
    irq_mask_intx(r->irq, false);
    assert_int_equal(taken(r->intx), 1); /* still high */
    regs_write(r->regs, GT0 + IIR, 0x3);
    irq_mask_intx(r->irq, false);
    assert_int_equal(taken(r->intx), 0);
    irq_disable_intx(r->irq, true);
    irq_raise(r->irq, IRQ_GT0, 0x1);
    assert_int_equal(taken(r->intx), 0);
    irq_disable_intx(r->irq, false);
    assert_int_equal(taken(r->intx), 1);
    /* with MSI there is no INTx */
    irq_set_eventfd(r->irq, IRQ_MSI, dup(r->msi));
    assert_int_equal(taken(r->msi), 1);
    irq_mask_intx(r->irq, false);
    assert_int_equal(taken(r->intx), 0);
}

static void test_live(void **state)
{
    struct rig *r = *state;

    irq_set_live(r->irq, IRQ_PCH, IRQ_PCH_PORT_B, IRQ_PCH_PORT_B);
    assert_int_equal(regs_read(r->regs, PCH + ISR), IRQ_PCH_PORT_B);
    regs_write(r->regs, PCH + IMR, 0);
    assert_int_equal(regs_read(r->regs, PCH + IIR), 0); /* no edge */
    irq_set_live(r->irq, IRQ_PCH, IRQ_PCH_PORT_B, 0);
    assert_int_equal(regs_read(r->regs, PCH + ISR), 0);
    irq_set_live(r->irq, IRQ_PCH, IRQ_PCH_PORT_B, IRQ_PCH_PORT_B);
    assert_int_equal(regs_read(r->regs, PCH + IIR), IRQ_PCH_PORT_B);
}

static void test_reset(void **state)
{
    struct rig *r = *state;

    irq_set_eventfd(r->irq, IRQ_MSI, dup(r->msi));
    open_bank(r, GT0, 0x1);
    regs_write(r->regs, MASTER, ENABLE);
    irq_raise(r->irq, IRQ_GT0, 0x1);
    irq_raise(r->irq, IRQ_GT0, 0x1);
    taken(r->msi);
    regs_reset(r->regs);
    irq_reset(r->irq);
    assert_int_equal(regs_read(r->regs, GT0 + IMR), 0xffffffff);
    assert_int_equal(regs_read(r->regs, MASTER), 0);
    open_bank(r, GT0, 0x1);
    regs_write(r->regs, MASTER, ENABLE);
    irq_raise(r->irq, IRQ_GT0, 0x1);
    regs_write(r->regs, GT0 + IIR, 0x1);
    assert_int_equal(regs_read(r->regs, GT0 + IIR), 0);
    assert_int_equal(taken(r->msi), 1);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_masks),         T(test_two_deep),     T(test_master_bits),
        T(test_msi),           T(test_msi_two_deep), T(test_intx),
        T(test_late_listener), T(test_live),         T(test_reset),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
