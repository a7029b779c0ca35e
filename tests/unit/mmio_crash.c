/* SPDX-License-Identifier: MIT */
/* mmio_crash.c: see mmio_crash.h. */
#include "tests/unit/mmio_crash.h"

#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

/* Kill points per access: all of them would take minutes under a sanitizer. */
#define POINTS 150

static struct fix_shared *shared;

static int noted_next(struct vmm *v, struct vmm_access *out)
{
    int rc = vmm_fake_ops.next(v, out);

    shared->taken |= rc == 1;
    return rc;
}

static int noted_complete(struct vmm *v, uint16_t vcpu, uint64_t data)
{
    int rc = vmm_fake_ops.complete(v, vcpu, data);

    shared->completed |= rc == 0;
    return rc;
}

void crash_note(struct fix *f)
{
    shared = f->s;
    f->ops.next = noted_next;
    f->ops.complete = noted_complete;
}

static void child(struct fix *f)
{
    ptrace(PTRACE_TRACEME, 0, NULL, NULL);
    raise(SIGSTOP);
    mmio_pump(&f->mmio);
    raise(SIGSTOP);
    _exit(0);
}

bool crash_killed_after(struct fix *f, unsigned long n, unsigned long *steps)
{
    pid_t pid = fork();
    int status;

    assert_true(pid >= 0);
    if (pid == 0)
        child(f);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);
    for (*steps = 0; *steps < n; ++*steps) {
        assert_int_equal(ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL), 0);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSTOPPED(status));
        if (WSTOPSIG(status) == SIGSTOP)
            break;
    }
    kill(pid, SIGKILL);
    waitpid(pid, &status, 0);
    return *steps == n;
}

struct fix *crash_ready(const struct crash_scenario *s)
{
    struct fix *f = fix_new_gen(16, s->gen);
    struct vmm_access a = {.count = 1};

    fix_forget(f);
    s->prepare(f, &a);
    fix_begin(f, &a);
    crash_note(f);
    return f;
}

void crash_sweep(const struct crash_scenario *s)
{
    struct fix *f = crash_ready(s);
    unsigned long total, at = 0, done, points = 0;

    assert_false(crash_killed_after(f, ~0ul, &total));
    fix_free(f);
    assert_true(total > 100);
    for (unsigned long step = total / POINTS + 1; at < total; at += step, points++) {
        f = crash_ready(s);
        crash_killed_after(f, at, &done);
        if (f->s->taken)
            fake_take(f->guest, 0);
        fix_restart(f);
        if (s->between)
            s->between(f);
        if (!f->s->completed)
            assert_int_equal(mmio_pump(&f->mmio), 1);
        assert_int_equal(f->mmio.fault[MMIO_FAULT_QUARANTINE], 0);
        s->judge(f);
        fix_free(f);
    }
    assert_true(points >= POINTS / 2);
}

/* ---- between two calls of the hypervisor */

#define TO    0xe0000000u
#define CALLS 7u /* three ranges and an older build's one off, three on */

static jmp_buf death;
static unsigned calls_left;

static int trap_or_die(struct vmm *v, uint64_t start, uint64_t len, bool on)
{
    if (!calls_left--)
        longjmp(death, 1);
    return vmm_fake_ops.trap(v, start, len, on);
}

/* False: it got through. */
static bool died_in_call(struct fix *f, unsigned n)
{
    calls_left = n;
    f->ops.trap = trap_or_die;
    if (setjmp(death))
        return true;
    assert_int_equal(mmio_pump(&f->mmio), 1);
    return false;
}

static bool some_traps(const struct fix *f, uint64_t base)
{
    uint64_t each = f->gen == 7 ? 4 : 8, gtt = base + (f->gen == 7 ? 2u << 20 : 8u << 20);

    return fake_trapped(f->guest, base) || fake_trapped(f->guest, gtt + each * FIX_FIRST) ||
           fake_trapped(f->guest, gtt + each * FIX_FIRST_HI);
}

void crash_bar0_moves(uint32_t gen)
{
    struct vmm_access a = fix_access(0x10, 4, true, TO);

    a.space = VMM_CONFIG;
    for (unsigned n = 0; n <= CALLS; n++) {
        struct fix *f = fix_new_gen(16, gen);

        fix_bar0_traps(f, FIX_BAR0, true);
        fix_begin(f, &a);
        assert_int_equal(died_in_call(f, n), n < CALLS);
        assert_false(some_traps(f, FIX_BAR0) && some_traps(f, TO));
        if (n < CALLS) {
            fix_restart(f);
            assert_int_equal(mmio_pump(&f->mmio), 1);
        }
        fix_bar0_traps(f, FIX_BAR0, false);
        fix_bar0_traps(f, TO, true);
        assert_int_equal(f->mmio.fault[MMIO_FAULT_RANGE], 0);
        fix_free(f);
    }
}
