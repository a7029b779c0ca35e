/* SPDX-License-Identifier: MIT */
/*
 * mmio_crash_test.c: deaths at every point of a Broadwell's trapped accesses (mmio_crash.h), and
 * what becomes of an access that kills again and again.
 */
#include "services/mmio/priv.h"
#include "tests/unit/mmio_crash.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- the fourth ELSP dword: submitted, and if twice, under one number */
static void elsp_prepare(struct fix *f, struct vmm_access *a)
{
    for (uint32_t i = 1; i < 4; i++)
        fix_w(f, 0x2230, i);
    *a = fix_access(FIX_BAR0 + 0x2230, 4, true, 4);
}

static void elsp_judge(struct fix *f)
{
    struct mmio_sched msg;
    int n = 0;

    for (; fix_sched(f, &msg); n++) {
        assert_int_equal(msg.seq, 1);
        assert_int_equal(msg.desc[0], 0x300000004);
        assert_int_equal(msg.desc[1], 0x100000002);
    }
    assert_in_range(n, 1, 2);
    assert_int_equal(f->s->vreg.submit.seq, 1);
    assert_int_equal(f->s->vreg.submit.elsp[0].n, 0);
}

static void fourth_elsp_dword(void **state)
{
    static const struct crash_scenario s = {8, elsp_prepare, elsp_judge, NULL};

    (void)state;
    crash_sweep(&s);
}

/* ---- the same, with a page that goes untrapped: gtt is told before sched, whoever dies */
static void lifted_prepare(struct fix *f, struct vmm_access *a)
{
    mmio_lift(&f->mmio, 9);
    elsp_prepare(f, a);
}

static void lifted_judge(struct fix *f)
{
    struct mmio_gtt msg;
    int n = 0;

    for (; fix_gtt(f, &msg); n++) {
        assert_int_equal(msg.kind, MMIO_GTT_TABLE_WRITE);
        assert_int_equal(msg.write.gfn, 9);
        assert_int_equal(msg.write.len, 4096);
    }
    assert_in_range(n, 1, 2);
    assert_int_equal(f->s->vreg.lifted.n, 0);
    elsp_judge(f);
}

static void elsp_after_untrapped_writes(void **state)
{
    static const struct crash_scenario s = {8, lifted_prepare, lifted_judge, NULL};

    (void)state;
    crash_sweep(&s);
}

/* ---- a register that is nothing but storage */
#define PLAIN 0x46040u

static void plain_prepare(struct fix *f, struct vmm_access *a)
{
    fix_w(f, PLAIN, 1);
    *a = fix_access(FIX_BAR0 + PLAIN, 4, true, 2);
}

static void plain_judge(struct fix *f)
{
    assert_int_equal(f->s->vreg.mmio[PLAIN / 4], 2);
}

static void plain_register(void **state)
{
    static const struct crash_scenario s = {8, plain_prepare, plain_judge, NULL};

    (void)state;
    crash_sweep(&s);
}

/* Whatever of it was seen stays before what another processor writes, though that is served first.
 */
static void plain_register_of_two(uint32_t left)
{
    struct fix *f = fix_new_gen(16, 8);
    struct vmm_access a = fix_access(FIX_BAR0 + PLAIN, 4, true, 2);

    fix_w(f, PLAIN, left);
    a.vcpu = 1;
    fix_begin(f, &a);
    f->s->vreg.inflight[1].addr = a.addr;
    f->s->vreg.inflight[1].data = a.data;
    f->s->vreg.inflight[1].progress = VREG_STORED;
    fake_take(f->guest, 1);
    fix_restart(f);
    assert_int_equal(f->s->vreg.mmio[PLAIN / 4], 2);
    a = fix_access(FIX_BAR0 + PLAIN, 4, true, 9);
    fix_begin(f, &a);
    assert_int_equal(mmio_pump(&f->mmio), 2);
    assert_int_equal(f->s->vreg.mmio[PLAIN / 4], 9);
    assert_int_equal(f->mmio.fault[MMIO_FAULT_QUARANTINE], 0);
    fix_free(f);
}

static void plain_register_and_another(void **state)
{
    (void)state;
    plain_register_of_two(1);
    plain_register_of_two(2);
}

/* ---- the second dword: collected once */
static void collect_prepare(struct fix *f, struct vmm_access *a)
{
    fix_w(f, 0x2230, 1);
    *a = fix_access(FIX_BAR0 + 0x2230, 4, true, 2);
}

static void collect_judge(struct fix *f)
{
    assert_int_equal(f->s->vreg.submit.elsp[0].n, 2);
    assert_int_equal(f->s->vreg.submit.elsp[0].dwords[1], 2);
}

static void second_elsp_dword(void **state)
{
    static const struct crash_scenario s = {8, collect_prepare, collect_judge, NULL};

    (void)state;
    crash_sweep(&s);
}

/* ---- clearing one of two events of a bit: one stays */
static void iir_prepare(struct fix *f, struct vmm_access *a)
{
    f->s->vreg.irq.bank[IRQ_GT0].iir = 1;
    f->s->vreg.irq.bank[IRQ_GT0].held = 1;
    *a = fix_access(FIX_BAR0 + 0x44308, 4, true, 1);
}

static void iir_judge(struct fix *f)
{
    assert_int_equal(f->s->vreg.irq.bank[IRQ_GT0].iir, 1);
    assert_int_equal(f->s->vreg.irq.bank[IRQ_GT0].held, 0);
}

static void two_deep_iir(void **state)
{
    static const struct crash_scenario s = {8, iir_prepare, iir_judge, NULL};

    (void)state;
    crash_sweep(&s);
}

/* ---- an interrupt that comes between the death and the next try is not undone with it */
static void between_prepare(struct fix *f, struct vmm_access *a)
{
    f->s->vreg.irq.bank[IRQ_GT0] = (struct irq_bank){.iir = 1, .ier = 0x101};
    *a = fix_access(FIX_BAR0 + 0x44308, 4, true, 1);
}

static void an_event_comes(struct fix *f)
{
    struct sched_mmio ev = {.kind = SCHED_MMIO_IIR, .engine = 0, .bits = 0x100};

    assert_int_equal(lane_tx_put(&f->from_sched.tx, &ev, sizeof ev), 0);
    assert_int_equal(mmio_events(&f->mmio), 0);
}

static void between_judge(struct fix *f)
{
    assert_int_equal(f->s->vreg.irq.bank[IRQ_GT0].iir, 0x100);
}

static void event_before_the_next_try(void **state)
{
    static const struct crash_scenario s = {8, between_prepare, between_judge, an_event_comes};

    (void)state;
    crash_sweep(&s);
}

/* ---- a string of GGTT entries: each at least once, in order, epochs without a gap */
static void gtt_prepare(struct fix *f, struct vmm_access *a)
{
    (void)f;
    *a = fix_access(FIX_GTT8 + 8 * FIX_FIRST, 8, true, 0x7003);
    a->count = 3;
}

static void gtt_judge(struct fix *f)
{
    struct mmio_gtt msg;
    uint64_t epoch = 0, index = FIX_FIRST;

    while (fix_gtt(f, &msg)) {
        assert_in_range(msg.epoch, epoch, epoch + 1);
        assert_in_range(msg.pte.index, index, index + 1);
        assert_int_equal(msg.pte.value, 0x7003);
        epoch = msg.epoch;
        index = msg.pte.index;
    }
    assert_int_equal(index, FIX_FIRST + 2);
    assert_int_equal(epoch, f->s->vreg.gtt_epoch);
    assert_in_range(epoch, 3, 4);
    for (int i = 0; i < 3; i++)
        assert_int_equal(f->s->vggtt.pte[FIX_FIRST + i], 0x7003);
}

static void string_of_entries(void **state)
{
    static const struct crash_scenario s = {8, gtt_prepare, gtt_judge, NULL};

    (void)state;
    crash_sweep(&s);
}

/* ---- four bytes of EDID: read once */
static void gmbus_prepare(struct fix *f, struct vmm_access *a)
{
    fix_w(f, 0xc5100, 5);
    fix_w(f, 0xc5104, 1u << 30 | 3u << 25 | 128u << 16 | 0x50 << 1 | 1);
    *a = fix_access(FIX_BAR0 + 0xc510c, 4, false, 0);
}

static void gmbus_judge(struct fix *f)
{
    uint64_t data = 0;

    assert_int_equal(f->s->vreg.gmbus.left, 124);
    assert_int_equal(f->s->vreg.gmbus.offset, 4);
    if (fake_done(f->guest, 0, &data) == 1)
        assert_int_equal(data, 0xffffff00);
}

static void edid_bytes(void **state)
{
    static const struct crash_scenario s = {8, gmbus_prepare, gmbus_judge, NULL};

    (void)state;
    crash_sweep(&s);
}

/* ---- ranges move: dead between two calls of the hypervisor, and yet moved */

static unsigned trap_calls, dies_in;

static int dying_trap(struct vmm *v, uint64_t start, uint64_t len, bool on)
{
    if (++trap_calls == dies_in)
        raise(SIGKILL);
    return vmm_fake_ops.trap(v, start, len, on);
}

/* Serve what is pending and die in the nth call of trap(): its effects, and those of the calls
 * before, are on the child's copy of the guest only, as if all of them were still to come. */
static void dies_in_trap(struct fix *f, unsigned n)
{
    pid_t pid;
    int status;

    trap_calls = 0;
    dies_in = n;
    f->ops.trap = dying_trap;
    pid = fork();
    assert_true(pid >= 0);
    if (!pid) {
        mmio_pump(&f->mmio);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
    f->ops.trap = vmm_fake_ops.trap;
    fake_take(f->guest, 0);
    fix_restart(f);
    assert_int_equal(mmio_pump(&f->mmio), 1);
}

static void moved(uint64_t reg, uint64_t from, uint64_t to, unsigned calls)
{
    for (unsigned n = 1; n <= calls; n++) {
        struct fix *f = fix_new(16);
        struct vmm_access a = {
            .space = VMM_CONFIG, .addr = reg, .size = 4, .count = 1, .write = true, .data = to};

        assert_true(fake_trapped(f->guest, from));
        fix_begin(f, &a);
        dies_in_trap(f, n);
        assert_false(fake_trapped(f->guest, from));
        assert_true(fake_trapped(f->guest, to));
        fix_free(f);
    }
}

static void ranges_move(void **state)
{
    (void)state;
    moved(0x10, FIX_BAR0, 0xe0000000, 7);
    crash_bar0_moves(8);
    moved(0x18, FIX_BAR2, 0xa0000000, 4);
}

/* ---- killed at one and the same instruction of an access, again and again */

static const struct crash_scenario elsp = {8, elsp_prepare, elsp_judge, NULL};

/* Dies after n instructions of each of `deaths` processes. False: that is after the access. */
static bool die_again(struct fix *f, unsigned long n, int deaths)
{
    unsigned long done;
    bool started = true;

    for (int i = 0; i < deaths; i++) {
        crash_killed_after(f, n, &done);
        started &= mmio_journal_stage(&f->s->vreg.inflight[0]) == VREG_STARTED;
        if (f->s->taken)
            fake_take(f->guest, 0);
        fix_restart(f);
        crash_note(f);
    }
    return started;
}

static void check_quarantined(struct fix *f)
{
    struct mmio_sched msg;

    assert_int_equal(fake_done(f->guest, 0, NULL), 1);
    assert_int_equal(f->mmio.fault[MMIO_FAULT_QUARANTINE], 1);
    assert_int_equal(f->s->vreg.submit.elsp[0].n, 3); /* as before it */
    while (fix_sched(f, &msg))
        assert_int_equal(msg.seq, 1);
    fix_w(f, 0x2230, 4); /* the very same is dropped, another is served */
    assert_int_equal(f->s->vreg.submit.elsp[0].n, 3);
    fix_w(f, 0x2230, 5);
    assert_int_equal(f->s->vreg.submit.elsp[0].n, 0);
}

/* Wherever it was while it was served: two deaths, and it is answered unserved. */
static void the_same_place_twice(void **state)
{
    unsigned long total, tried = 0;
    struct fix *f = crash_ready(&elsp);

    (void)state;
    assert_false(crash_killed_after(f, ~0ul, &total));
    fix_free(f);
    for (unsigned long n = total / 16; n < total; n += total / 16 + 1) {
        bool started;

        f = crash_ready(&elsp);
        started = die_again(f, n, 2);
        if (started) {
            tried++;
            assert_int_equal(mmio_pump(&f->mmio), 1);
            check_quarantined(f);
        }
        fix_free(f);
    }
    assert_true(tried >= 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_register),
        cmocka_unit_test(plain_register_and_another),
        cmocka_unit_test(fourth_elsp_dword),
        cmocka_unit_test(second_elsp_dword),
        cmocka_unit_test(elsp_after_untrapped_writes),
        cmocka_unit_test(two_deep_iir),
        cmocka_unit_test(string_of_entries),
        cmocka_unit_test(edid_bytes),
        cmocka_unit_test(ranges_move),
        cmocka_unit_test(the_same_place_twice),
        cmocka_unit_test(event_before_the_next_try),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
