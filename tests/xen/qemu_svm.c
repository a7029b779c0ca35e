// SPDX-License-Identifier: MIT
/*
 * qemu_svm.c: a shared library loaded before the emulator of the Xen test bed (ld.so --preload;
 * run-xen does it). It owns the remedies for three faults of QEMU's multi-threaded emulation of AMD
 * SVM: two crash guests at random, one keeps 32-bit guests from booting; the QEMU itself is
 * Debian's, unmodified. docs/testbed.md tells how they were found.
 *
 * 1. VMRUN with an external interrupt to inject leaves the vCPU's exception_index at the vector it
 *    has just delivered. If another thread kicks that vCPU before the next #VMEXIT, the execution
 *    loop takes the stale index for a new exception and delivers the interrupt a second time.
 *    Remedy: after VMRUN's helper, leave for the execution loop through cpu_loop_exit_noexc(), as
 *    QEMU does itself after injecting an NMI; it clears the index. VMRUN ends its translated block
 *    and has stored the whole state, so nothing is lost by leaving there.
 *
 * 2. Every load of the x87 status word (FXRSTOR, XRSTOR, FLDENV), on any vCPU, calls
 *    cpu_clear_ignne(), which clears a bit in hflags2 of the *first* vCPU, neither locked nor
 *    atomic. VMRUN and #VMEXIT of that vCPU change hflags2 at the same time, and one of the two
 *    updates is lost: with it the flag that says nested paging is on. The guest's page tables are
 *    then read at host addresses, or the host's through the guest's.
 *    Remedy: cpu_clear_ignne() returns at once. IGNNE# is asserted by writes to port F0h only,
 *    which nothing since MS-DOS does.
 *
 * 3. Whoever walks the tables of a guest with PAE sets the accessed bit in each of the four entries
 * at the top, as in any other. These have no such bit, it must be zero. Xen, which walks the tables
 *    when it emulates an instruction, takes that for a page fault of the guest's: its first access
 *    to anything emulated never ends.
 *    Remedy: Xen's first instruction of this kind after each #VMEXIT is STGI. There the bits are
 *    taken back, from the page that the VMCB's CR3 names. Another vCPU of the same guest may set
 *    them again at once: such a guest wants one vCPU.
 *
 * QEMU exports its symbols for its own modules and calls helpers through helper_info_*.func, so a
 * library can step in. If a later QEMU lacks these names, we say so and leave it as it is. The
 * constructor runs once, before main(); the wrapper in each vCPU's thread.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#define X86_RET 0xc3

/* Of a VMCB (AMD64 Architecture Programmer's Manual, volume 2, appendix B). */
enum { NESTED_CTL = 0x90, NESTED_CR3 = 0xb0, EFER = 0x4d0, CR4 = 0x548, CR3 = 0x550, CR0 = 0x558 };
#define EFER_LMA       (1u << 10)
#define CR4_PAE        (1u << 5)
#define CR0_PG         (1u << 31)
#define ENTRY_PRESENT  (1u << 0)
#define ENTRY_ACCESSED (1u << 5)
#define ENTRY_LARGE    (1u << 7)
#define ENTRY_ADDRESS  0x000ffffffffff000ull

struct CPUState;
struct CPUArchState; /* begins with RAX */
typedef void vmrun_fn(struct CPUArchState *env, int aflag, int next_eip_addend);

/* The first member of QEMU's TCGHelperInfo is the function that translated code will call. */
struct helper_info {
    vmrun_fn *func;
};

struct stgi_info {
    void (*func)(struct CPUArchState *env);
};

extern struct helper_info helper_info_vmrun __attribute__((weak));
extern struct stgi_info helper_info_stgi __attribute__((weak));
extern __thread struct CPUState *current_cpu __attribute__((weak));
extern void helper_vmrun(struct CPUArchState *env, int aflag, int next_eip_addend)
    __attribute__((weak));
extern void helper_stgi(struct CPUArchState *env) __attribute__((weak));
extern uint64_t x86_ldq_phys(struct CPUState *cpu, uint64_t at) __attribute__((weak));
extern void x86_stb_phys(struct CPUState *cpu, uint64_t at, uint8_t value) __attribute__((weak));
extern void cpu_loop_exit_noexc(struct CPUState *cpu) __attribute__((weak, noreturn));
extern void cpu_clear_ignne(void) __attribute__((weak));

static __thread uint64_t vmcb; /* of the guest that this vCPU ran last */

static void vmrun_and_clear(struct CPUArchState *env, int aflag, int next_eip_addend)
{
    vmcb = *(const uint64_t *)(const void *)env;
    helper_vmrun(env, aflag, next_eip_addend);
    cpu_loop_exit_noexc(current_cpu);
}

/* Does the guest use PAE on nested paging? A 64-bit one costs one read. */
static bool has_pae(struct CPUState *cpu)
{
    return !(x86_ldq_phys(cpu, vmcb + EFER) & EFER_LMA) && x86_ldq_phys(cpu, vmcb + CR0) & CR0_PG &&
           x86_ldq_phys(cpu, vmcb + CR4) & CR4_PAE && x86_ldq_phys(cpu, vmcb + NESTED_CTL) & 1;
}

/* Where a guest's address is in the machine, by the nested tables; 0: nowhere. */
static uint64_t machine_address(struct CPUState *cpu, uint64_t gpa)
{
    uint64_t table = x86_ldq_phys(cpu, vmcb + NESTED_CR3) & ENTRY_ADDRESS;

    for (unsigned shift = 39; shift >= 12; shift -= 9) {
        uint64_t entry = x86_ldq_phys(cpu, table + 8 * (gpa >> shift & 511));
        uint64_t inside = (1ull << shift) - 1;

        if (!(entry & ENTRY_PRESENT))
            return 0;
        if (shift > 12 && entry & ENTRY_LARGE)
            return (entry & ENTRY_ADDRESS & ~inside) | (gpa & inside);
        table = entry & ENTRY_ADDRESS;
    }
    return table | (gpa & 0xfff);
}

static void take_back_accessed(struct CPUState *cpu)
{
    uint64_t at = machine_address(cpu, x86_ldq_phys(cpu, vmcb + CR3) & 0xffffffe0u);

    for (unsigned i = 0; at && i < 4; i++) {
        uint64_t entry = x86_ldq_phys(cpu, at + 8 * i);

        if (entry & ENTRY_PRESENT && entry & ENTRY_ACCESSED)
            x86_stb_phys(cpu, at + 8 * i, (uint8_t)(entry & ~ENTRY_ACCESSED));
    }
}

static void stgi_after_exit(struct CPUArchState *env)
{
    helper_stgi(env);
    if (vmcb && has_pae(current_cpu))
        take_back_accessed(current_cpu);
}

static int return_at_once(void (*function)(void))
{
    uintptr_t at = (uintptr_t)function, page = (uintptr_t)sysconf(_SC_PAGESIZE);
    void *start = (void *)(at & ~(page - 1));

    if (mprotect(start, page, PROT_READ | PROT_WRITE | PROT_EXEC))
        return -1;
    *(volatile uint8_t *)at = X86_RET;
    return mprotect(start, page, PROT_READ | PROT_EXEC);
}

__attribute__((constructor)) static void qemu_svm_install(void)
{
    if (!&helper_info_vmrun || !helper_vmrun || !cpu_loop_exit_noexc || !cpu_clear_ignne ||
        helper_info_vmrun.func != helper_vmrun || !&helper_info_stgi || !helper_stgi ||
        helper_info_stgi.func != helper_stgi || !x86_ldq_phys || !x86_stb_phys) {
        fprintf(stderr, "qemu-svm: not the QEMU we know, left as it is\n");
        return;
    }
    helper_info_vmrun.func = vmrun_and_clear;
    helper_info_stgi.func = stgi_after_exit;
    if (return_at_once(cpu_clear_ignne))
        perror("qemu-svm: cpu_clear_ignne");
    else
        fprintf(stderr, "qemu-svm: remedies are in place\n");
}
