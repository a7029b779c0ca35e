/* SPDX-License-Identifier: MIT */
/* vmm_fake_test.c: the fake guest keeps the seam's contract, so that tests built on it mean much.
 */
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "vmm/fake/fake.h"

#define PAGE 4096u
#define BAR  0xf0000000u

struct fix {
    struct fake_guest *g;
    struct vmm *v;
    struct vmm_resume keep;
};

static int setup(void **state)
{
    static struct fix f;

    memset(&f, 0, sizeof f);
    f.g = fake_guest_new(7, 16, 2);
    assert_non_null(f.g);
    assert_int_equal(vmm_fake_ops.open_device(7, 2, &f.keep, &f.v), 0);
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    struct fix *f = *state;

    vmm_fake_ops.close(f->v);
    fake_guest_free(f->g);
    return 0;
}

static bool readable(struct fix *f)
{
    struct pollfd p = {.fd = vmm_fake_ops.fd(f->v), .events = POLLIN};

    return poll(&p, 1, 0) == 1;
}

static void one_life(void **state)
{
    struct fix *f = *state;
    struct vmm_access a = {.addr = BAR + 8, .count = 1, .vcpu = 1, .size = 4}, got;
    uint64_t data = 0;

    assert_int_equal(vmm_fake_ops.trap(f->v, BAR, PAGE, true), 0);
    assert_false(readable(f));
    assert_int_equal(fake_start(f->g, &a, &data), 1);
    assert_true(readable(f));
    assert_int_equal(fake_start(f->g, &a, &data), -EBUSY);
    assert_int_equal(vmm_fake_ops.next(f->v, &got), 1);
    assert_int_equal(got.addr, BAR + 8);
    assert_int_equal(got.space, VMM_MMIO);
    assert_false(got.replay);
    assert_int_equal(vmm_fake_ops.next(f->v, &got), 0);
    assert_false(readable(f));
    assert_int_equal(fake_done(f->g, 1, &data), 0);
    assert_int_equal(vmm_fake_ops.complete(f->v, 0, 5), -EINVAL);
    assert_int_equal(vmm_fake_ops.complete(f->v, 1, 5), 0);
    assert_int_equal(vmm_fake_ops.complete(f->v, 1, 6), -EINVAL);
    assert_int_equal(fake_done(f->g, 1, &data), 1);
    assert_int_equal(data, 5);
    assert_int_equal(fake_done(f->g, 1, &data), -ENOENT);
}

static void survives_reopen(void **state)
{
    struct fix *f = *state;
    struct vmm_access a = {.addr = 0x10, .count = 1, .size = 4, .write = true, .data = 9}, got;

    a.space = VMM_CONFIG;
    assert_int_equal(fake_start(f->g, &a, NULL), 1);
    assert_int_equal(vmm_fake_ops.next(f->v, &got), 1);
    a.vcpu = 1;
    assert_int_equal(fake_start(f->g, &a, NULL), 1); /* not taken */
    assert_int_equal(vmm_fake_ops.protect(f->v, 3, true), 0);
    vmm_fake_ops.close(f->v);
    assert_int_equal(vmm_fake_ops.open_device(7, 2, &f->keep, &f->v), 0);
    assert_true(fake_protected(f->g, 3));
    assert_int_equal(vmm_fake_ops.next(f->v, &got), 1);
    assert_true(got.replay);
    assert_int_equal(got.data, 9);
    assert_int_equal(vmm_fake_ops.complete(f->v, 0, 0), 0);
    assert_int_equal(fake_done(f->g, 0, NULL), 1);
    assert_int_equal(vmm_fake_ops.next(f->v, &got), 1);
    assert_int_equal(got.vcpu, 1);
    assert_false(got.replay);
    assert_int_equal(vmm_fake_ops.next(f->v, &got), 0);
}

static void protects_pages(void **state)
{
    struct fix *f = *state;
    struct vmm_access w = {.addr = 3 * PAGE + 8, .count = 1, .size = 8, .write = true}, got;
    struct vmm_access r = {.addr = 3 * PAGE + 8, .count = 1, .size = 8};
    uint64_t data;

    w.data = 0x1122334455667788;
    assert_int_equal(fake_start(f->g, &w, NULL), 0);
    assert_int_equal(vmm_fake_ops.protect(f->v, 3, true), 0);
    assert_int_equal(fake_start(f->g, &r, &data), 0);
    assert_int_equal(data, w.data);
    w.data = 1;
    assert_int_equal(fake_start(f->g, &w, NULL), 1);
    assert_int_equal(vmm_fake_ops.next(f->v, &got), 1);
    assert_int_equal(got.space, VMM_GUEST);
    assert_int_equal(vmm_copy_to(&vmm_fake_ops, f->v, got.addr, &got.data, got.size), 0);
    assert_int_equal(vmm_fake_ops.complete(f->v, 0, 0), 0);
    assert_int_equal(fake_done(f->g, 0, NULL), 1);
    assert_int_equal(*(uint64_t *)fake_ram(f->g, 3 * PAGE + 8), 1);
    assert_int_equal(vmm_fake_ops.protect(f->v, 3, false), 0);
    assert_int_equal(fake_start(f->g, &w, NULL), 0);
}

static void ranges(void **state)
{
    struct fix *f = *state;
    struct vmm_access a = {.addr = BAR, .count = 1, .size = 4};

    assert_int_equal(fake_start(f->g, &a, NULL), -ENXIO);
    assert_int_equal(vmm_fake_ops.trap(f->v, BAR, 4 * PAGE, true), 0);
    assert_int_equal(vmm_fake_ops.trap(f->v, BAR, 4 * PAGE, true), 0);
    assert_int_equal(vmm_fake_ops.trap(f->v, BAR + PAGE, 4 * PAGE, true), -EEXIST);
    assert_int_equal(vmm_fake_ops.trap(f->v, BAR, 0, true), -EINVAL);
    assert_true(fake_trapped(f->g, BAR + 4 * PAGE - 1));
    assert_false(fake_trapped(f->g, BAR + 4 * PAGE));
    a.addr = BAR + 4 * PAGE - 2; /* half of it */
    assert_int_equal(fake_start(f->g, &a, NULL), -ENXIO);
    a = (struct vmm_access){.addr = BAR + 4, .count = 3, .size = 4, .backwards = true};
    assert_int_equal(fake_start(f->g, &a, NULL), -ENXIO);
    assert_int_equal(vmm_fake_ops.trap(f->v, BAR, 4 * PAGE, false), 0);
    assert_false(fake_trapped(f->g, BAR));
}

static void copies_cross_pages(void **state)
{
    struct fix *f = *state;
    uint8_t in[64], out[64];

    memset(in, 0xa5, sizeof in);
    assert_int_equal(vmm_copy_to(&vmm_fake_ops, f->v, 2 * PAGE - 7, in, sizeof in), 0);
    assert_int_equal(vmm_copy_from(&vmm_fake_ops, f->v, 2 * PAGE - 7, out, sizeof out), 0);
    assert_memory_equal(in, out, sizeof in);
    assert_int_equal(vmm_copy_from(&vmm_fake_ops, f->v, 16 * PAGE - 8, out, 16), -EFAULT);
}

static void rep_addresses(void **state)
{
    struct vmm_access a = {.addr = 0x1000, .data = 0x9000, .count = 4, .size = 8};

    (void)state;
    assert_int_equal(vmm_element_addr(&a, 3), 0x1018);
    assert_int_equal(vmm_operand_addr(&a, 3), 0x9018);
    a.backwards = true;
    assert_int_equal(vmm_element_addr(&a, 1), 0xff8);
    assert_int_equal(vmm_operand_addr(&a, 1), 0x8ff8);
}

static void kinds_keep_apart(void **state)
{
    struct fix *f = *state;
    struct vmm *mem, *ctl, *second;
    const struct fake_map *maps;

    assert_int_equal(vmm_fake_ops.open_device(7, 2, &f->keep, &second), -EBUSY);
    assert_int_equal(vmm_fake_ops.open_memory(8, &mem), -ESRCH);
    assert_int_equal(vmm_fake_ops.open_memory(7, &mem), 0);
    assert_int_equal(vmm_fake_ops.open_control(7, &ctl), 0);
    assert_int_equal(vmm_fake_ops.map_machine(f->v, 1, 2, 3, true), -EPERM);
    assert_int_equal(vmm_fake_ops.protect(mem, 1, true), -EPERM);
    assert_int_equal(vmm_fake_ops.map_machine(ctl, 0x100, 0x200, 3, true), 0);
    assert_int_equal(fake_maps(f->g, &maps), 1);
    assert_int_equal(maps[0].mfn, 0x200);
    assert_int_equal(vmm_fake_ops.map_machine(ctl, 0x100, 0x200, 3, false), 0);
    assert_int_equal(vmm_fake_ops.map_machine(ctl, 0x100, 0x200, 3, false), -ENOENT);
    assert_int_equal(fake_maps(f->g, &maps), 0);
    vmm_fake_ops.close(mem);
    vmm_fake_ops.close(ctl);
}

static void msi_and_kill(void **state)
{
    struct fix *f = *state;
    const struct fake_msi *m;

    assert_int_equal(vmm_fake_ops.inject_msi(f->v, 0xfee00000, 0x41), 0);
    assert_int_equal(fake_msis(f->g, &m), 1);
    assert_int_equal(m[0].data, 0x41);
    assert_int_equal(vmm_fake_ops.alive(f->v), 0);
    assert_int_equal(vmm_fake_ops.kill(f->v, "because"), 0);
    assert_string_equal(fake_killed(f->g), "because");
    assert_int_equal(vmm_fake_ops.alive(f->v), -ESHUTDOWN);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(one_life),           T(survives_reopen), T(protects_pages),   T(ranges),
        T(copies_cross_pages), T(rep_addresses),   T(kinds_keep_apart), T(msi_and_kill),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
