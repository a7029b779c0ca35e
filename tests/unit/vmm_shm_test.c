/* SPDX-License-Identifier: MIT */
/*
 * vmm_shm_test.c: the file-backed guest keeps the seam's contract: one life of an access, replay
 * after a process that really died, the release rule, and nothing believed unchecked. vCPUs are
 * threads, the emulator is the test.
 */
#include "tests/unit/vmm_shm_rig.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static void one_life(void **state)
{
    struct fix *f = *state;
    struct vmm_access got;
    struct access x;

    assert_int_equal(OPS.trap(f->v, BAR, PAGE, true), 0);
    assert_int_equal(OPS.next(f->v, &got), 0);
    assert_false(readable(f, 0));
    start(f, &x, (struct vmm_access){.addr = BAR + 8, .vcpu = 1, .size = 4});
    got = taken(f);
    assert_int_equal(got.addr, BAR + 8);
    assert_int_equal(got.space, VMM_MMIO);
    assert_int_equal(got.vcpu, 1);
    assert_false(got.replay);
    assert_int_equal(OPS.next(f->v, &got), 0);
    assert_false(readable(f, 0));
    assert_int_equal(OPS.complete(f->v, 0, 5), -EINVAL);
    assert_int_equal(OPS.complete(f->v, 1, 5), 0);
    assert_int_equal(OPS.complete(f->v, 1, 6), -EINVAL);
    assert_int_equal(finish(&x), 0);
    assert_int_equal(x.data, 5);
}

static void config_space(void **state)
{
    struct fix *f = *state;
    struct vmm_access got;
    struct access x;

    start(f, &x,
          (struct vmm_access){
              .addr = 0x10, .size = 2, .write = true, .data = 0x12345678, .space = VMM_CONFIG});
    got = taken(f);
    assert_int_equal(got.space, VMM_CONFIG);
    assert_int_equal(got.data, 0x5678);
    assert_int_equal(OPS.complete(f->v, 0, 0), 0);
    assert_int_equal(finish(&x), 0);
}

static void survives_reopen(void **state)
{
    struct fix *f = *state;
    struct access x, y;
    struct vmm_access got;

    assert_int_equal(OPS.trap(f->v, BAR, PAGE, true), 0);
    start(f, &x, (struct vmm_access){.addr = BAR, .size = 4, .write = true, .data = 9});
    taken(f);
    start(f, &y, (struct vmm_access){.addr = BAR + 4, .size = 4, .vcpu = 1});
    wait_ready(f, 1);
    assert_int_equal(OPS.protect(f->v, 3, true), 0);
    OPS.close(f->v);
    assert_int_equal(OPS.open_device(DOMID, 2, f->keep, &f->v), 0);
    assert_true(f->g.frame[3] & SHM_FRAME_PROTECTED);
    assert_int_equal(f->g.s->range[VMM_MAX_RANGES - 1].start, BAR);
    assert_int_equal(OPS.next(f->v, &got), 1);
    assert_true(got.replay);
    assert_int_equal(got.data, 9);
    assert_int_equal(got.space, VMM_MMIO);
    assert_int_equal(OPS.next(f->v, &got), 1);
    assert_int_equal(got.vcpu, 1);
    assert_false(got.replay);
    assert_int_equal(OPS.next(f->v, &got), 0);
    assert_int_equal(OPS.complete(f->v, 0, 0), 0);
    assert_int_equal(OPS.complete(f->v, 1, 11), 0);
    assert_int_equal(finish(&x), 0);
    assert_int_equal(finish(&y), 0);
    assert_int_equal(y.data, 11);
}

/* A process takes an access and is killed: the vCPU sees a pause, its successor the access. */
static void emulator_killed(void **state)
{
    struct fix *f = *state;
    struct vmm_access got;
    struct access x;
    int status;
    pid_t pid;

    OPS.close(f->v);
    f->v = NULL;
    memset(f->keep, 0, sizeof *f->keep);
    start(f, &x, (struct vmm_access){.addr = 0x40, .size = 4, .space = VMM_CONFIG});
    pid = fork();
    if (!pid) {
        if (OPS.open_device(DOMID, 0, f->keep, &f->v) || OPS.trap(f->v, BAR, PAGE, true))
            _exit(1);
        while (OPS.next(f->v, &got) != 1)
            usleep(100);
        kill(getpid(), SIGKILL);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(__atomic_load_n(&f->g.s->slot[0].state, __ATOMIC_ACQUIRE), SHM_INPROCESS);
    assert_int_equal(OPS.open_device(DOMID, 0, f->keep, &f->v), 0);
    got = taken(f);
    assert_true(got.replay);
    assert_int_equal(got.addr, 0x40);
    assert_int_equal(OPS.complete(f->v, 0, 77), 0);
    assert_int_equal(finish(&x), 0);
    assert_int_equal(x.data, 77);
}

static void protects_pages(void **state)
{
    struct fix *f = *state;
    struct vmm_access got;
    struct access x;
    uint64_t data;

    assert_int_equal(vcpu_write(&f->g, 0, 3 * PAGE + 8, 8, 0x1122334455667788), 0);
    assert_int_equal(OPS.protect(f->v, 3, true), 0);
    assert_int_equal(OPS.protect(f->v, 1ull << 40, true), 0);
    assert_int_equal(vcpu_read(&f->g, 0, 3 * PAGE + 8, 8, &data), 0);
    assert_int_equal(data, 0x1122334455667788);
    start(f, &x, (struct vmm_access){.addr = 3 * PAGE + 8, .size = 8, .write = true, .data = 1});
    got = taken(f);
    assert_int_equal(got.space, VMM_GUEST);
    assert_int_equal(vmm_copy_to(&OPS, f->v, got.addr, &got.data, got.size), 0);
    /* In flight: it may not be let go yet. */
    assert_int_equal(OPS.protect(f->v, 3, false), 0);
    assert_int_equal(OPS.settle(f->v), 1);
    assert_true(f->g.frame[3] & SHM_FRAME_PROTECTED);
    assert_int_equal(OPS.complete(f->v, 0, 0), 0);
    assert_int_equal(finish(&x), 0);
    assert_int_equal(OPS.settle(f->v), 0);
    assert_int_equal(vcpu_write(&f->g, 0, 3 * PAGE + 8, 8, 2), 0);
    assert_int_equal(f->g.ram[3 * PAGE + 8], 2);
    assert_int_equal(OPS.settle(f->v), 0);
}

/* Breaking the rule shows: without it every test here would pass by itself. */
static void release_too_early(void **state)
{
    struct fix *f = *state;
    struct access x;

    assert_int_equal(OPS.protect(f->v, 3, true), 0);
    start(f, &x, (struct vmm_access){.addr = 3 * PAGE, .size = 8, .write = true});
    taken(f);
    __atomic_fetch_and(&f->g.frame[3], (uint8_t)~SHM_FRAME_PROTECTED, __ATOMIC_SEQ_CST);
    assert_int_equal(OPS.complete(f->v, 0, 0), 0);
    assert_int_equal(finish(&x), -EPROTO);
    assert_non_null(rig_killed(&f->g));
    assert_int_equal(OPS.alive(f->v), -ESHUTDOWN);
}

static void ranges(void **state)
{
    struct fix *f = *state;
    uint64_t data;

    assert_int_equal(vcpu_read(&f->g, 0, BAR, 4, &data), -ENXIO);
    assert_int_equal(OPS.trap(f->v, BAR, 4 * PAGE, true), 0);
    assert_int_equal(OPS.trap(f->v, BAR, 4 * PAGE, true), 0);
    assert_int_equal(OPS.trap(f->v, BAR + PAGE, 4 * PAGE, true), -EEXIST);
    assert_int_equal(OPS.trap(f->v, BAR, 0, true), -EINVAL);
    for (uint64_t i = 1; i < VMM_MAX_RANGES; i++)
        assert_int_equal(OPS.trap(f->v, BAR + (i << 20), PAGE, true), 0);
    assert_int_equal(OPS.trap(f->v, BAR + (99u << 20), PAGE, true), -ENOSPC);
    assert_int_equal(OPS.trap(f->v, BAR, 4 * PAGE, false), 0);
    assert_int_equal(vcpu_read(&f->g, 0, BAR, 4, &data), -ENXIO);
    assert_true(data == ~0ull);
    assert_int_equal(OPS.trap(f->v, BAR, 16, true), 0);
    assert_int_equal(vcpu_read(&f->g, 0, BAR + 12, 8, &data), -ENXIO); /* half of it */
    assert_true(data == ~0ull);
    assert_int_equal(vcpu_write(&f->g, 0, BAR - 4, 8, 1), -ENXIO);
}

static void maps_scattered_frames(void **state)
{
    struct fix *f = *state;
    const uint64_t gfns[] = {9, 2, 3, 4, 9}, beyond[] = {1, PAGES}, gone[] = {6};
    struct vmm *mem;
    uint8_t *at;

    for (unsigned i = 0; i < PAGES; i++)
        f->g.ram[i * PAGE + 5] = (uint8_t)(i + 100);
    assert_int_equal(OPS.open_memory(DOMID, &mem), 0);
    at = OPS.map(mem, gfns, 5, true);
    assert_non_null(at);
    for (unsigned i = 0; i < 5; i++)
        assert_int_equal(at[i * PAGE + 5], gfns[i] + 100);
    at[0] = 42;
    assert_int_equal(f->g.ram[9 * PAGE], 42);
    assert_int_equal(at[4 * PAGE], 42);
    OPS.unmap(mem, at, 5);
    assert_null(OPS.map(mem, beyond, 2, false));
    assert_int_equal(errno, EFAULT);
    rig_balloon(&f->g, 6, true);
    assert_null(OPS.map(mem, gone, 1, false));
    assert_int_equal(errno, EFAULT);
    rig_balloon(&f->g, 6, false);
    at = OPS.map(mem, gone, 1, false);
    assert_non_null(at);
    assert_int_equal(at[5], 0);
    OPS.unmap(mem, at, 1);
    OPS.close(mem);
}

static void kinds_keep_apart(void **state)
{
    struct fix *f = *state;
    struct vmm *mem, *ctl, *second;

    assert_int_equal(OPS.open_device(DOMID, 2, f->keep, &second), -EBUSY);
    assert_int_equal(OPS.open_memory(8, &mem), -ESRCH);
    assert_int_equal(OPS.open_memory(DOMID, &mem), 0);
    assert_int_equal(OPS.open_control(DOMID, &ctl), 0);
    assert_int_equal(OPS.map_machine(f->v, 1, 2, 3, true), -EPERM);
    assert_int_equal(OPS.protect(mem, 1, true), -EPERM);
    assert_int_equal(OPS.kill(mem, "no"), -EPERM);
    assert_int_equal(OPS.map_machine(ctl, 0x100, 0x200, 3, true), 0);
    assert_int_equal(OPS.map_machine(ctl, 0x100, 0x200, 3, true), 0);
    assert_int_equal(f->g.s->map[0].mfn, 0x200);
    assert_int_equal(f->g.s->map[1].nr, 0);
    assert_int_equal(OPS.map_machine(ctl, 0x100, 0x200, 3, false), 0);
    assert_int_equal(OPS.map_machine(ctl, 0x100, 0x200, 3, false), -ENOENT);
    OPS.close(mem);
    OPS.close(ctl);
}

static void interrupts(void **state)
{
    struct fix *f = *state;
    struct shm_msi m;

    assert_int_equal(rig_msi(&f->g, 0, &m), 0);
    for (uint32_t i = 0; i < SHM_MSIS + 3; i++)
        assert_int_equal(OPS.inject_msi(f->v, 0xfee00000, 0x40 + i), 0);
    for (uint32_t i = 0; i < SHM_MSIS; i++) {
        assert_int_equal(rig_msi(&f->g, 0, &m), 1);
        assert_int_equal(m.addr, 0xfee00000);
        assert_int_equal(m.data, 0x40 + i);
    }
    assert_int_equal(rig_msi(&f->g, 0, &m), 0);
    assert_int_equal(f->g.s->msi_merged, 3);
}

static void pause_and_end(void **state)
{
    struct fix *f = *state;
    struct access x;
    struct vmm *ctl;

    assert_int_equal(OPS.open_control(DOMID, &ctl), 0);
    assert_int_equal(OPS.pause(f->v, true), -EPERM);
    assert_int_equal(OPS.pause(ctl, true), 0);
    start(f, &x, (struct vmm_access){.addr = PAGE, .size = 4, .write = true, .data = 1});
    usleep(20000);
    assert_int_equal(f->g.ram[PAGE], 0);
    assert_int_equal(OPS.pause(ctl, false), 0);
    assert_int_equal(finish(&x), 0);
    assert_int_equal(f->g.ram[PAGE], 1);
    /* Killed while a vCPU waits for an answer that will not come. */
    start(f, &x, (struct vmm_access){.addr = 0, .size = 4, .space = VMM_CONFIG});
    taken(f);
    assert_int_equal(OPS.alive(ctl), 0);
    assert_int_equal(OPS.kill(f->v, "because"), 0);
    assert_int_equal(finish(&x), -ESHUTDOWN);
    assert_string_equal(rig_killed(&f->g), "because");
    assert_int_equal(OPS.alive(ctl), -ESHUTDOWN);
    OPS.close(ctl);
}

/* Its process died: the lock is gone, the files are not. */
static void guest_process_gone(void **state)
{
    struct fix *f = *state;
    struct rig_guest g;
    struct vmm *ctl;
    char path[128];
    pid_t pid = fork();

    if (!pid) {
        if (rig_guest_new(&g, f->dir, 9, 4, 1))
            _exit(1);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    assert_int_equal(OPS.open_control(9, &ctl), 0);
    assert_int_equal(OPS.alive(ctl), -ESHUTDOWN);
    OPS.close(ctl);
    snprintf(path, sizeof path, "%s/9", f->dir);
    snprintf(g.dir, sizeof g.dir, "%s", path);
    g.s = NULL;
    g.ram = NULL;
    g.state_fd = g.ram_fd = g.wake_fd = -1;
    rig_guest_free(&g);
}

static void nonsense(void **state)
{
    struct fix *f = *state;
    const struct vmm_access bad[] = {
        {.addr = BAR, .size = 3, .count = 1},
        {.addr = BAR, .size = 4, .count = VMM_MAX_REP + 1},
        {.addr = 8, .size = 8, .count = 3, .backwards = true},
        {.addr = ~0ull - 2, .size = 4, .count = 1},
        {.addr = 254, .size = 4, .count = 1, .space = VMM_CONFIG},
        {.addr = 0, .size = 4, .count = 2, .space = VMM_CONFIG},
    };
    struct vmm *v;

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct access x = {.f = f, .a = bad[i], .raw = true};
        struct vmm_access got;

        assert_int_equal(pthread_create(&x.thread, NULL, perform, &x), 0);
        wait_ready(f, 0);
        assert_int_equal(OPS.next(f->v, &got), 0);
        assert_int_equal(finish(&x), 0);
        assert_true(x.data == ~0ull);
    }
    f->g.s->nr_vcpus = VMM_MAX_VCPUS + 1;
    assert_int_equal(OPS.open_memory(DOMID, &v), -EBADMSG);
    f->g.s->nr_vcpus = 2;
    f->g.s->pages = PAGES + 1;
    assert_int_equal(OPS.open_memory(DOMID, &v), -EBADMSG);
    f->g.s->pages = PAGES;
    f->g.s->version++;
    assert_int_equal(OPS.open_memory(DOMID, &v), -EBADMSG);
}

#define T(name) cmocka_unit_test_setup_teardown(name, shm_setup, shm_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(one_life),         T(config_space),      T(survives_reopen), T(emulator_killed),
        T(protects_pages),   T(release_too_early), T(ranges),          T(maps_scattered_frames),
        T(kinds_keep_apart), T(interrupts),        T(pause_and_end),   T(guest_process_gone),
        T(nonsense),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
