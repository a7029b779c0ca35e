// SPDX-License-Identifier: MIT
/*
 * qemu_svm.c: a shared library loaded before the emulator of the Xen test bed (ld.so --preload;
 * run-xen does it). It owns the remedies for two faults of QEMU's multi-threaded emulation of AMD
 * SVM that crash guests at random; the QEMU itself is Debian's, unmodified. docs/testbed.md tells
 * how they were found.
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
 * QEMU exports its symbols for its own modules and calls helpers through helper_info_*.func, so a
 * library can step in. If a later QEMU lacks these names, we say so and leave it as it is. The
 * constructor runs once, before main(); the wrapper in each vCPU's thread.
 */
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#define X86_RET 0xc3

struct CPUState;
struct CPUArchState;
typedef void vmrun_fn(struct CPUArchState *env, int aflag, int next_eip_addend);

/* The first member of QEMU's TCGHelperInfo is the function that translated code will call. */
struct helper_info {
    vmrun_fn *func;
};

extern struct helper_info helper_info_vmrun __attribute__((weak));
extern __thread struct CPUState *current_cpu __attribute__((weak));
extern void helper_vmrun(struct CPUArchState *env, int aflag, int next_eip_addend)
    __attribute__((weak));
extern void cpu_loop_exit_noexc(struct CPUState *cpu) __attribute__((weak, noreturn));
extern void cpu_clear_ignne(void) __attribute__((weak));

static void vmrun_and_clear(struct CPUArchState *env, int aflag, int next_eip_addend)
{
    helper_vmrun(env, aflag, next_eip_addend);
    cpu_loop_exit_noexc(current_cpu);
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
        helper_info_vmrun.func != helper_vmrun) {
        fprintf(stderr, "qemu-svm: not the QEMU we know, left as it is\n");
        return;
    }
    helper_info_vmrun.func = vmrun_and_clear;
    if (return_at_once(cpu_clear_ignne))
        perror("qemu-svm: cpu_clear_ignne");
    else
        fprintf(stderr, "qemu-svm: remedies are in place\n");
}
