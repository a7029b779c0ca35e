/* SPDX-License-Identifier: MIT */
/*
 * Which bit an event has on either chip, and Haswell's tree: three banks behind bit 31 of DEIER,
 * the south display and the display's errors that come in through DE.
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

#define ENABLE  (1u << 31)
#define MASTER  0x44200u
#define DE      0x44000u
#define GT      0x44010u
#define PM      0x44020u
#define SDE     0xc4000u
#define ERR_INT 0x44040u
#define DE_PCH  (1u << 28)
#define DE_ERR  (1u << 30)
enum { ISR = 0, IMR = 4, IIR = 8, IER = 12 };

struct rig {
    struct regs *regs;
    struct irq *irq;
    int msi;
};

static void make(struct rig *r, const char *model)
{
    r->regs = regs_new();
    r->irq = irq_new(r->regs, model_find(model));
    assert_non_null(r->irq);
    r->msi = eventfd(0, EFD_NONBLOCK);
    irq_set_eventfd(r->irq, IRQ_MSI, dup(r->msi));
}

static void unmake(struct rig *r)
{
    irq_free(r->irq);
    regs_free(r->regs);
    close(r->msi);
}

static int setup(void **state)
{
    struct rig *r = calloc(1, sizeof(*r));

    make(r, "hsw");
    *state = r;
    return 0;
}

static int teardown(void **state)
{
    unmake(*state);
    free(*state);
    return 0;
}

static uint32_t rd(struct rig *r, uint32_t at)
{
    return regs_read(r->regs, at);
}

static void wr(struct rig *r, uint32_t at, uint32_t v)
{
    regs_write(r->regs, at, v);
}

static uint64_t taken(struct rig *r)
{
    uint64_t n = 0;

    if (read(r->msi, &n, sizeof(n)) < 0)
        assert_int_equal(errno, EAGAIN);
    return n;
}

/* --- events --- */

/* All banks open; what each of them has latched is compared with what the event should give. */
static const uint32_t hsw_banks[] = {DE, GT, PM, SDE};
static const uint32_t bdw_banks[] = {0x44300, 0x44310, 0x44320, 0x44330, 0x44400, 0x44410,
                                     0x44420, 0x44440, 0x44460, 0x444e0, SDE};

struct expectation {
    uint32_t bank, bits; /* 0: nothing anywhere */
};

static void expect_only(struct rig *r, bool hsw, struct expectation want)
{
    const uint32_t *banks = hsw ? hsw_banks : bdw_banks;
    size_t n = hsw ? 4 : 11;

    for (size_t i = 0; i < n; i++)
        assert_int_equal(rd(r, banks[i] + IIR), banks[i] == want.bank ? want.bits : 0);
    for (size_t i = 0; i < n; i++)
        wr(r, banks[i] + IIR, 0xffffffff);
}

static void open_all(struct rig *r, bool hsw)
{
    for (size_t i = 0; i < (hsw ? 4u : 11u); i++)
        wr(r, (hsw ? hsw_banks : bdw_banks)[i] + IMR, 0);
}

static const struct {
    enum engine_id engine;
    uint32_t event;
    struct expectation hsw, bdw;
} engine_events[] = {
    {ENGINE_RCS, ENGINE_EVENT_USER, {GT, 1u << 0}, {0x44300, 1u << 0}},
    {ENGINE_RCS, ENGINE_EVENT_ERROR, {GT, 1u << 3}, {0x44300, 1u << 3}},
    {ENGINE_RCS, ENGINE_EVENT_PIPECTL, {GT, 1u << 4}, {0x44300, 1u << 4}},
    {ENGINE_RCS, 1u << 5, {GT, 1u << 5}, {0x44300, 1u << 5}}, /* L3 parity */
    {ENGINE_RCS, ENGINE_EVENT_CTX, {GT, 1u << 8}, {0x44300, 1u << 8}},
    {ENGINE_VCS, ENGINE_EVENT_USER, {GT, 1u << 12}, {0x44310, 1u << 0}},
    {ENGINE_VCS, ENGINE_EVENT_ERROR, {GT, 1u << 15}, {0x44310, 1u << 3}},
    {ENGINE_VCS, ENGINE_EVENT_PIPECTL, {GT, 1u << 16}, {0x44310, 1u << 4}},
    {ENGINE_VCS, 1u << 6, {GT, 1u << 18}, {0x44310, 1u << 6}}, /* watchdog */
    {ENGINE_VCS, ENGINE_EVENT_CTX, {0, 0}, {0x44310, 1u << 8}},
    {ENGINE_BCS, ENGINE_EVENT_USER, {GT, 1u << 22}, {0x44300, 1u << 16}},
    {ENGINE_BCS, ENGINE_EVENT_ERROR, {GT, 1u << 25}, {0x44300, 1u << 19}},
    {ENGINE_BCS, ENGINE_EVENT_PIPECTL, {GT, 1u << 26}, {0x44300, 1u << 20}},
    {ENGINE_BCS, ENGINE_EVENT_CTX, {0, 0}, {0x44300, 1u << 24}},
    {ENGINE_VECS, ENGINE_EVENT_USER, {PM, 1u << 10}, {0x44330, 1u << 0}},
    {ENGINE_VECS, ENGINE_EVENT_ERROR, {PM, 1u << 12}, {0x44330, 1u << 3}},
    {ENGINE_VECS, ENGINE_EVENT_PIPECTL, {PM, 1u << 13}, {0x44330, 1u << 4}},
    {ENGINE_VECS, ENGINE_EVENT_CTX, {0, 0}, {0x44330, 1u << 8}},
};

static const struct {
    unsigned pipe;
    uint32_t event;
    struct expectation hsw, bdw;
    uint32_t error; /* Haswell's */
} pipe_events[] = {
    {0, IRQ_VBLANK, {DE, 1u << 0}, {0x44400, 1u << 0}, 0},
    {0, IRQ_PRIMARY_FLIP, {DE, 1u << 3}, {0x44400, 1u << 4}, 0},
    {0, IRQ_SPRITE_FLIP, {DE, 1u << 4}, {0x44400, 1u << 5}, 0},
    {0, IRQ_CRC_DONE, {DE, DE_ERR}, {0x44400, 1u << 28}, 1u << 2},
    {1, IRQ_VBLANK, {DE, 1u << 5}, {0x44410, 1u << 0}, 0},
    {1, IRQ_PRIMARY_FLIP, {DE, 1u << 8}, {0x44410, 1u << 4}, 0},
    {1, IRQ_SPRITE_FLIP, {DE, 1u << 9}, {0x44410, 1u << 5}, 0},
    {1, IRQ_CRC_DONE, {DE, DE_ERR}, {0x44410, 1u << 28}, 1u << 5},
    {2, IRQ_VBLANK, {DE, 1u << 10}, {0x44420, 1u << 0}, 0},
    {2, IRQ_PRIMARY_FLIP, {DE, 1u << 13}, {0x44420, 1u << 4}, 0},
    {2, IRQ_SPRITE_FLIP, {DE, 1u << 14}, {0x44420, 1u << 5}, 0},
    {2, IRQ_CRC_DONE, {DE, DE_ERR}, {0x44420, 1u << 28}, 1u << 8},
    {1, IRQ_VBLANK | IRQ_PRIMARY_FLIP, {DE, 1u << 5 | 1u << 8}, {0x44410, 1u << 0 | 1u << 4}, 0},
};

static void check_events(struct rig *r, bool hsw)
{
    open_all(r, hsw);
    for (size_t i = 0; i < sizeof(engine_events) / sizeof(engine_events[0]); i++) {
        irq_engine(r->irq, engine_events[i].engine, engine_events[i].event);
        expect_only(r, hsw, hsw ? engine_events[i].hsw : engine_events[i].bdw);
    }
    for (size_t i = 0; i < sizeof(pipe_events) / sizeof(pipe_events[0]); i++) {
        regs_lock(r->regs);
        irq_pipe_locked(r->irq, pipe_events[i].pipe, pipe_events[i].event);
        regs_unlock(r->regs);
        expect_only(r, hsw, hsw ? pipe_events[i].hsw : pipe_events[i].bdw);
        if (!hsw)
            continue;
        assert_int_equal(rd(r, ERR_INT), pipe_events[i].error);
        wr(r, ERR_INT, 0xffffffff);
        assert_int_equal(rd(r, ERR_INT), 0);
    }
    for (unsigned channel = 0; channel < 4; channel++) {
        regs_lock(r->regs);
        irq_aux_locked(r->irq, channel);
        regs_unlock(r->regs);
        if (channel)
            expect_only(r, hsw, (struct expectation){SDE, 1u << (24 + channel)});
        else
            expect_only(r, hsw,
                        hsw ? (struct expectation){DE, 1u << 26}
                            : (struct expectation){0x44440, 1u << 0});
    }
}

/* The second video engine has the upper half of GT1, and a bit of its own in the master register.
 */
static void second_video(struct rig *r)
{
    static const uint32_t event[] = {ENGINE_EVENT_USER, ENGINE_EVENT_ERROR, ENGINE_EVENT_PIPECTL,
                                     1u << 6, ENGINE_EVENT_CTX};

    wr(r, 0x44310 + IER, 0xffffffff);
    for (size_t i = 0; i < sizeof(event) / sizeof(event[0]); i++) {
        irq_engine(r->irq, ENGINE_VCS2, event[i]);
        assert_int_equal(rd(r, MASTER), 1u << 3);
        expect_only(r, false, (struct expectation){0x44310, event[i] << 16});
        irq_engine(r->irq, ENGINE_VCS, event[i]);
        assert_int_equal(rd(r, MASTER), 1u << 2);
        expect_only(r, false, (struct expectation){0x44310, event[i]});
    }
}

static void events(void **state)
{
    struct rig bdw;

    check_events(*state, true);
    make(&bdw, "bdw");
    check_events(&bdw, false);
    unmake(&bdw);
    make(&bdw, "1626");
    check_events(&bdw, false);
    second_video(&bdw);
    unmake(&bdw);
}

/* A register of one chip's tree is none of the other's. */
static void trees_apart(void **state)
{
    struct rig *hsw = *state, bdw;

    make(&bdw, "bdw");
    for (size_t i = 0; i < 11; i++)
        for (uint32_t at = bdw_banks[i]; at < bdw_banks[i] + 16; at += 4) {
            assert_non_null(regs_name(bdw.regs, at));
            assert_int_equal(!!regs_name(hsw->regs, at), bdw_banks[i] == SDE);
        }
    for (size_t i = 0; i < 4; i++)
        for (uint32_t at = hsw_banks[i]; at < hsw_banks[i] + 16; at += 4) {
            assert_non_null(regs_name(hsw->regs, at));
            assert_int_equal(!!regs_name(bdw.regs, at), hsw_banks[i] == SDE);
        }
    assert_non_null(regs_name(bdw.regs, MASTER));
    assert_null(regs_name(hsw->regs, MASTER));
    assert_non_null(regs_name(hsw->regs, ERR_INT));
    assert_null(regs_name(bdw.regs, ERR_INT));
    unmake(&bdw);
}

/* --- Haswell's tree --- */

static const struct {
    enum irq_bank bank;
    uint32_t base, bit, other;
} banks[] = {
    {IRQ_DE, DE, 1u << 0, 1u << 13},
    {IRQ_GT, GT, 1u << 12, 1u << 22},
    {IRQ_PM, PM, 1u << 10, 1u << 5},
};

static void masks(void **state)
{
    struct rig *r = *state;

    for (size_t i = 0; i < 3; i++) {
        uint32_t base = banks[i].base, bit = banks[i].bit;

        assert_int_equal(rd(r, base + IMR), 0xffffffff);
        assert_int_equal(rd(r, base + IER), 0);
        irq_raise(r->irq, banks[i].bank, bit);
        assert_int_equal(rd(r, base + IIR), 0);
        wr(r, base + IMR, ~bit);
        assert_int_equal(rd(r, base + IIR), 0); /* a masked event is lost */
        irq_raise(r->irq, banks[i].bank, bit | banks[i].other);
        assert_int_equal(rd(r, base + IIR), bit);
        wr(r, base + IMR, 0xffffffff);
        assert_int_equal(rd(r, base + IIR), bit); /* masking hides nothing */
        wr(r, base + IIR, ~bit);
        assert_int_equal(rd(r, base + IIR), bit);
        wr(r, base + IIR, bit);
        assert_int_equal(rd(r, base + IIR), 0);
        wr(r, base + ISR, 0xffffffff);
        assert_int_equal(rd(r, base + ISR), 0);
    }
    assert_int_equal(taken(r), 0);
}

static void two_deep(void **state)
{
    struct rig *r = *state;

    for (size_t i = 0; i < 3; i++) {
        uint32_t base = banks[i].base, bit = banks[i].bit;

        wr(r, base + IMR, 0);
        for (int n = 0; n < 3; n++)
            irq_raise(r->irq, banks[i].bank, bit);
        irq_raise(r->irq, banks[i].bank, banks[i].other);
        wr(r, base + IIR, bit | banks[i].other);
        assert_int_equal(rd(r, base + IIR), bit); /* the second event moved up */
        wr(r, base + IIR, bit);
        assert_int_equal(rd(r, base + IIR), 0);
    }
}

/* Nothing gets out of any bank without bit 31 of DEIER; that bit is no event of DE itself. */
static void master(void **state)
{
    struct rig *r = *state;

    for (size_t i = 0; i < 3; i++) {
        uint32_t base = banks[i].base, bit = banks[i].bit, de = base == DE ? bit : 0;

        wr(r, base + IMR, ~(bit | banks[i].other));
        irq_raise(r->irq, banks[i].bank, bit);
        wr(r, DE + IER, ENABLE);
        assert_false(irq_pending(r->irq)); /* the bank's own IER is closed */
        wr(r, base + IER, base == DE ? ENABLE | bit : bit);
        assert_int_equal(taken(r), 1);
        irq_raise(r->irq, banks[i].bank, bit); /* high already */
        assert_int_equal(taken(r), 0);
        wr(r, DE + IER, de);
        assert_false(irq_pending(r->irq));
        wr(r, base + IIR, bit);
        wr(r, DE + IER, ENABLE | de);
        assert_int_equal(taken(r), 1); /* the second event */
        wr(r, base + IIR, bit);
        assert_false(irq_pending(r->irq));
        wr(r, base + IER, 0);
        wr(r, DE + IER, 0);
    }
}

static void open_south(struct rig *r)
{
    wr(r, DE + IMR, ~DE_PCH);
    wr(r, DE + IER, ENABLE | DE_PCH);
    wr(r, SDE + IMR, ~IRQ_PCH_PORT_B);
    wr(r, SDE + IER, 0xffffffff);
}

/* The interrupt of the south display as i915 takes it: close DEIER and SDEIER, acknowledge DE, then
 * SDE, open both again. */
static void cascade(void **state)
{
    struct rig *r = *state;

    open_south(r);
    irq_raise(r->irq, IRQ_PCH, IRQ_PCH_PORT_C); /* masked below */
    assert_int_equal(rd(r, DE + IIR), 0);
    irq_raise(r->irq, IRQ_PCH, IRQ_PCH_PORT_B);
    irq_raise(r->irq, IRQ_PCH, IRQ_PCH_PORT_B);
    assert_int_equal(taken(r), 1);
    for (int event = 0; event < 2; event++) {
        assert_int_equal(rd(r, DE + ISR), DE_PCH);
        assert_int_equal(rd(r, DE + IIR), DE_PCH);
        wr(r, DE + IER, DE_PCH);
        wr(r, SDE + IER, 0);
        assert_int_equal(rd(r, DE + ISR), 0);
        wr(r, DE + IIR, DE_PCH);
        assert_int_equal(rd(r, DE + IIR), 0);
        assert_int_equal(rd(r, SDE + IIR), IRQ_PCH_PORT_B);
        wr(r, SDE + IIR, IRQ_PCH_PORT_B);
        wr(r, DE + IER, ENABLE | DE_PCH);
        assert_int_equal(taken(r), 0);
        wr(r, SDE + IER, 0xffffffff);
        assert_int_equal(taken(r), event == 0); /* the second one was behind the first */
    }
    assert_int_equal(rd(r, DE + ISR), 0);
    assert_int_equal(rd(r, DE + IIR), 0);
}

/* A level: acknowledging DE alone is in vain, and what waited behind a mask is not lost. */
static void cascade_level(void **state)
{
    struct rig *r = *state;

    open_south(r);
    wr(r, DE + IMR, 0xffffffff);
    irq_raise(r->irq, IRQ_PCH, IRQ_PCH_PORT_B);
    assert_int_equal(rd(r, DE + ISR), DE_PCH);
    assert_int_equal(rd(r, DE + IIR), 0);
    assert_int_equal(taken(r), 0);
    wr(r, DE + IMR, ~DE_PCH);
    assert_int_equal(taken(r), 1);
    wr(r, DE + IIR, DE_PCH);
    assert_int_equal(rd(r, DE + IIR), DE_PCH);
    wr(r, SDE + IIR, IRQ_PCH_PORT_B);
    assert_int_equal(rd(r, DE + IIR), DE_PCH); /* latched all the same */
    wr(r, DE + IIR, DE_PCH);
    assert_int_equal(rd(r, DE + IIR), 0);
    assert_false(irq_pending(r->irq));
}

static void error(struct rig *r, uint32_t bits)
{
    regs_lock(r->regs);
    irq_error_locked(r->irq, bits);
    regs_unlock(r->regs);
}

/* ERR_INT holds what happened; each is an event of DE of its own, so that none is lost between the
 * driver's acknowledging DE and its acknowledging ERR_INT. */
static void errors(void **state)
{
    struct rig *r = *state;

    error(r, 1u << 2); /* DE is masked: noted, no more */
    assert_int_equal(rd(r, ERR_INT), 1u << 2);
    assert_int_equal(rd(r, DE + ISR), DE_ERR);
    assert_int_equal(rd(r, DE + IIR), 0);
    wr(r, ERR_INT, 1u << 2);
    assert_int_equal(rd(r, DE + ISR), 0);
    wr(r, DE + IMR, ~DE_ERR);
    wr(r, DE + IER, ENABLE | DE_ERR);
    error(r, 1u << 2);
    assert_int_equal(taken(r), 1);
    wr(r, DE + IER, DE_ERR);
    wr(r, DE + IIR, DE_ERR);
    assert_int_equal(rd(r, DE + IIR), 0);
    error(r, 1u << 5);
    wr(r, ERR_INT, 1u << 2);
    assert_int_equal(rd(r, ERR_INT), 1u << 5);
    wr(r, DE + IER, ENABLE | DE_ERR);
    assert_int_equal(taken(r), 1);
    wr(r, ERR_INT, 1u << 5);
    wr(r, DE + IIR, DE_ERR);
    assert_false(irq_pending(r->irq));
}

static void reset(void **state)
{
    struct rig *r = *state;

    open_south(r);
    wr(r, GT + IMR, 0);
    irq_raise(r->irq, IRQ_GT, 1);
    irq_raise(r->irq, IRQ_GT, 1);
    irq_raise(r->irq, IRQ_PCH, IRQ_PCH_PORT_B);
    error(r, 1);
    regs_reset(r->regs);
    irq_reset(r->irq);
    taken(r);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(rd(r, hsw_banks[i] + IMR), 0xffffffff);
        assert_int_equal(rd(r, hsw_banks[i] + IIR), 0);
        assert_int_equal(rd(r, hsw_banks[i] + IER), 0);
    }
    assert_int_equal(rd(r, ERR_INT), 0);
    wr(r, GT + IMR, 0);
    wr(r, GT + IER, 1);
    wr(r, DE + IER, ENABLE);
    assert_int_equal(taken(r), 0);
    irq_raise(r->irq, IRQ_GT, 1);
    assert_int_equal(taken(r), 1);
    wr(r, GT + IIR, 1);
    assert_int_equal(rd(r, GT + IIR), 0); /* no second event is left from before */
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(events),  T(trees_apart),   T(masks),  T(two_deep), T(master),
        T(cascade), T(cascade_level), T(errors), T(reset),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
