/* SPDX-License-Identifier: MIT */
/*
 * qemu_svm_test.c: tests/xen/qemu_svm.so, loaded by a program that has what it wants of QEMU:
 * helpers, an execution loop to leave for, physical memory with a VMCB, nested tables and a guest's
 * top entries. Run by the build; one thread.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define PAGE    0x1000u
#define VMCB    0x1000u
#define NESTED  0x2000u /* four tables, the topmost first */
#define SMALL   0x9000u /* machine address of the guest's page 7 */
#define LARGE   0xa000u /* of its page 0x20a, in a large one */
#define PRESENT 1u
#define BIG     0x80u
#define FLAGS   0x8000000000000000ull /* Xen keeps types in the upper bits */

struct CPUState {
    int number;
};
struct CPUArchState {
    uint64_t regs[16];
};

static uint8_t ram[16 * PAGE];
static struct CPUState cpu;
static struct CPUArchState env;
static jmp_buf loop;
static unsigned runs, stgis, stores, cleared;

__thread struct CPUState *current_cpu;

void helper_vmrun(struct CPUArchState *e, int aflag, int next_eip_addend);
void helper_stgi(struct CPUArchState *e);
void cpu_loop_exit_noexc(struct CPUState *c) __attribute__((noreturn));
void cpu_clear_ignne(void);
uint64_t x86_ldq_phys(struct CPUState *c, uint64_t at);
void x86_stb_phys(struct CPUState *c, uint64_t at, uint8_t value);

struct {
    void (*func)(struct CPUArchState *e, int aflag, int next_eip_addend);
} helper_info_vmrun = {helper_vmrun};
struct {
    void (*func)(struct CPUArchState *e);
} helper_info_stgi = {helper_stgi};

void helper_vmrun(struct CPUArchState *e, int aflag, int next_eip_addend)
{
    (void)e;
    assert_int_equal(aflag, 2);
    assert_int_equal(next_eip_addend, 3);
    runs++;
}

void helper_stgi(struct CPUArchState *e)
{
    assert_ptr_equal(e, &env);
    stgis++;
}

void cpu_loop_exit_noexc(struct CPUState *c)
{
    assert_ptr_equal(c, &cpu);
    longjmp(loop, 1);
}

__attribute__((noinline)) void cpu_clear_ignne(void)
{
    *(volatile unsigned *)&cleared = cleared + 1;
}

uint64_t x86_ldq_phys(struct CPUState *c, uint64_t at)
{
    uint64_t value;

    assert_ptr_equal(c, &cpu);
    assert_true(at <= sizeof(ram) - 8);
    memcpy(&value, ram + at, 8);
    return value;
}

void x86_stb_phys(struct CPUState *c, uint64_t at, uint8_t value)
{
    assert_ptr_equal(c, &cpu);
    assert_true(at < sizeof(ram));
    ram[at] = value;
    stores++;
}

static void put(uint64_t at, uint64_t value)
{
    memcpy(ram + at, &value, 8);
}

static uint64_t get(uint64_t at)
{
    return x86_ldq_phys(&cpu, at);
}

/* A guest with nested paging and PAE whose top entries are at CR3: accessed, absent, accessed,
 * fresh. */
static void guest(uint32_t cr3, uint64_t machine)
{
    memset(ram, 0, sizeof(ram));
    put(VMCB + 0x90, 1);
    put(VMCB + 0xb0, NESTED);
    put(VMCB + 0x4d0, 0x1000);
    put(VMCB + 0x548, 0x20);
    put(VMCB + 0x550, cr3);
    put(VMCB + 0x558, 0x80000001);
    for (unsigned i = 0; i < 3; i++)
        put(NESTED + i * PAGE, (NESTED + (i + 1) * PAGE) | PRESENT | FLAGS);
    put(NESTED + 2 * PAGE + 8, PRESENT | BIG | FLAGS);
    put(NESTED + 3 * PAGE + 7 * 8, SMALL | PRESENT | FLAGS);
    put(machine, 0x5021);
    put(machine + 8, 0x6020);
    put(machine + 16, 0x7021);
    put(machine + 24, 0x8001);
    stores = 0;
}

static void run_and_exit(void)
{
    current_cpu = &cpu;
    env.regs[0] = VMCB;
    if (!setjmp(loop)) {
        helper_info_vmrun.func(&env, 2, 3);
        fail_msg("VMRUN came back");
    }
    helper_info_stgi.func(&env);
}

static void is_taken_back(uint64_t machine)
{
    assert_int_equal(stores, 2);
    assert_int_equal(get(machine), 0x5001);
    assert_int_equal(get(machine + 8), 0x6020);
    assert_int_equal(get(machine + 16), 0x7001);
    assert_int_equal(get(machine + 24), 0x8001);
}

static void test_helpers_run(void **state)
{
    (void)state;
    guest(0x7020, SMALL + 0x20);
    runs = stgis = 0;
    run_and_exit();
    assert_int_equal(runs, 1);
    assert_int_equal(stgis, 1);
}

static void test_accessed_is_taken_back(void **state)
{
    (void)state;
    guest(0x7020, SMALL + 0x20);
    run_and_exit();
    is_taken_back(SMALL + 0x20);
    guest(0x20afe0, LARGE + 0xfe0);
    run_and_exit();
    is_taken_back(LARGE + 0xfe0);
}

static void untouched(uint32_t field, uint64_t value)
{
    guest(0x7020, SMALL + 0x20);
    put(VMCB + field, value);
    run_and_exit();
    assert_int_equal(stores, 0);
}

static void test_others_are_left_alone(void **state)
{
    (void)state;
    untouched(0x4d0, 0x1500); /* 64 bits */
    untouched(0x548, 0);      /* two levels of tables */
    untouched(0x558, 1);      /* no paging */
    untouched(0x90, 0);       /* shadowed by Xen */
    untouched(0x550, 0x8020); /* a page that is not there */
    untouched(0xb0, 0xf000);  /* no tables at all */
}

static void test_ignne_is_nobodys(void **state)
{
    (void)state;
    cpu_clear_ignne();
    assert_int_equal(cleared, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_helpers_run),
        cmocka_unit_test(test_accessed_is_taken_back),
        cmocka_unit_test(test_others_are_left_alone),
        cmocka_unit_test(test_ignne_is_nobodys),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
