// SPDX-License-Identifier: MIT
/*
 * qemu_vmrun.c: a shared library loaded before the emulator of the Xen test bed (ld.so --preload;
 * run-xen does it). It owns the remedy for one fault of QEMU's emulation of AMD SVM, and changes
 * nothing else: QEMU itself is Debian's, unmodified.
 *
 * The fault: VMRUN with an external interrupt to inject leaves the vCPU's exception_index at the
 * vector it has just delivered. If another thread kicks that vCPU before the next #VMEXIT, the
 * execution loop takes the stale index for a new exception and delivers the interrupt a second
 * time, at the first instruction of its handler or in the middle of it; the guest then panics or
 * triple-faults.
 *
 * The remedy: after the helper of VMRUN, leave for the execution loop through
 * cpu_loop_exit_noexc(), as QEMU does itself after injecting an NMI; it clears the index. VMRUN
 * ends its translated block and has stored the whole state, so nothing is lost by leaving there.
 *
 * QEMU exports all its symbols for its own modules and calls helpers through helper_info_*.func,
 * so a library can step in between. If a later QEMU does not have these names, we say so and leave
 * it as it is. The constructor runs once, before main(); the wrapper in each vCPU's thread.
 */
#include <stdint.h>
#include <stdio.h>

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

static void vmrun_and_clear(struct CPUArchState *env, int aflag, int next_eip_addend)
{
    helper_vmrun(env, aflag, next_eip_addend);
    cpu_loop_exit_noexc(current_cpu);
}

__attribute__((constructor)) static void qemu_vmrun_install(void)
{
    if (!&helper_info_vmrun || !helper_vmrun || !cpu_loop_exit_noexc ||
        helper_info_vmrun.func != helper_vmrun) {
        fprintf(stderr, "qemu-vmrun: not this kind of QEMU, left as it is\n");
        return;
    }
    helper_info_vmrun.func = vmrun_and_clear;
    fprintf(stderr, "qemu-vmrun: VMRUN clears the exception index\n");
}
