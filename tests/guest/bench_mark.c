/* SPDX-License-Identifier: MIT */
/*
 * bench_mark.c: executes the instruction, without an effect of its own, at which the emulator's
 * plugin writes down what it has counted (tests/bench/insn_count.c). Runs in guests. One thread.
 */
int main(void)
{
    __asm__ volatile("nopl 0x74677631(%%rax)" ::: "memory");
    return 0;
}
