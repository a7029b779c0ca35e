/* SPDX-License-Identifier: MIT */
/*
 * mmio_probe.c: the guest's half of tests/xen/vmm_probe.c: the only program of a tiny initramfs. It
 * finds the device at 00:02.0, exercises config space, registers, a write-protected page of its own
 * and an interrupt, prints one line per result and powers the guest off.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define DEV      "/sys/bus/pci/devices/0000:00:02.0"
#define MAGIC    UINT64_C(0x65626f7270746776)
#define ROUNDS   600
#define RELEASES 100
/* The rescheduling interrupt: the kernel takes it without a driver and counts it (asm/irq_vectors).
 */
#define RES_VECTOR 0xfd

static int failures;

static void result(const char *what, bool ok, uint64_t got, uint64_t want)
{
    printf("mmio_probe: %s %s got %" PRIx64 " want %" PRIx64 "\n", ok ? "ok" : "FAIL", what, got,
           want);
    failures += !ok;
}

static void expect(const char *what, uint64_t got, uint64_t want)
{
    result(what, got == want, got, want);
}

static volatile void *reg(void *bar, unsigned at)
{
    return (volatile uint8_t *)bar + at;
}

static uint64_t r64(void *bar, unsigned at)
{
    return *(volatile uint64_t *)reg(bar, at);
}

static void w64(void *bar, unsigned at, uint64_t v)
{
    *(volatile uint64_t *)reg(bar, at) = v;
}

static uint32_t r32(void *bar, unsigned at)
{
    return *(volatile uint32_t *)reg(bar, at);
}

static void widths(void *bar)
{
    expect("8-byte read", r64(bar, 0), MAGIC);
    expect("4-byte read low", r32(bar, 0), (uint32_t)MAGIC);
    expect("4-byte read high", r32(bar, 4), MAGIC >> 32);
    expect("2-byte read", *(volatile uint16_t *)reg(bar, 2), (MAGIC >> 16) & 0xffff);
    expect("1-byte read", *(volatile uint8_t *)reg(bar, 7), MAGIC >> 56);
    w64(bar, 0x10, 0x1122334455667788);
    *(volatile uint32_t *)reg(bar, 0x14) = 0xaabbccdd;
    expect("4-byte write", r64(bar, 0x10), 0xaabbccdd55667788);
    *(volatile uint8_t *)reg(bar, 0x10) = 0x99;
    expect("1-byte write", r64(bar, 0x10), 0xaabbccdd55667799);
}

static void rounds(void *bar)
{
    struct timespec t0, t1;
    uint64_t wrong = 0, us;

    clock_gettime(CLOCK_MONOTONIC, &t0);
    for (uint64_t i = 1; i <= ROUNDS; i++) {
        w64(bar, 0x10, i);
        wrong += r64(bar, 0x10) != i;
    }
    clock_gettime(CLOCK_MONOTONIC, &t1);
    us = (t1.tv_sec - t0.tv_sec) * 1000000 + (t1.tv_nsec - t0.tv_nsec) / 1000;
    expect("write and read back rounds wrong", wrong, 0);
    printf("mmio_probe: %d accesses in %" PRIu64 " us\n", 2 * ROUNDS, us);
}

/* A string copy out of the device: REP accesses with a memory operand. */
static void strings(void *bar)
{
    uint8_t out[16];
    volatile void *from = reg(bar, 0);
    void *to = out;
    unsigned long n = 2;
    uint64_t got;

    w64(bar, 0x08, 0);
    __asm__ volatile("rep movsq" : "+S"(from), "+D"(to), "+c"(n) : : "memory");
    memcpy(&got, out, 8);
    expect("rep movsq", got, MAGIC);
}

static uint64_t gfn_of(void *page)
{
    int fd = open("/proc/self/pagemap", O_RDONLY);
    uint64_t entry = 0;
    ssize_t n = pread(fd, &entry, 8, (uintptr_t)page / 4096 * 8);

    close(fd);
    return n == 8 && entry >> 63 ? entry & ((1ull << 55) - 1) : 0;
}

static void protected_page(void *bar)
{
    volatile uint64_t *page =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED, -1, 0);
    uint64_t gfn;

    page[5] = 7;
    gfn = gfn_of((void *)page);
    result("own frame number", gfn != 0, gfn, 1);
    w64(bar, 0x20, gfn);
    page[5] = 0xdeadbeefcafe;
    ((volatile uint8_t *)page)[48] = 0x5a;
    expect("protected page holds an 8-byte write", page[5], 0xdeadbeefcafe);
    expect("protected page holds a 1-byte write", page[6], 0x5a);
    expect("trapped writes", r64(bar, 0x30), 2);
    expect("trapped value", r64(bar, 0x38), 0x5a);
    expect("trapped address", r64(bar, 0x40), gfn * 4096 + 48);
    w64(bar, 0x28, gfn);
    page[5] = 3;
    expect("released page", page[5], 3);
    expect("trapped writes after release", r64(bar, 0x30), 2);
}

/* A page let go while we write to it, 16 bytes at a time: two accesses of one instruction. */
static void released_in_flight(void *bar)
{
    typedef long long pair __attribute__((vector_size(16)));
    volatile pair *page =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED, -1, 0);
    uint64_t gfn, wrong = 0, before = r64(bar, 0x30);

    page[0] = (pair){1, 1};
    gfn = gfn_of((void *)page);
    for (long long i = 1; i <= RELEASES; i++) {
        w64(bar, 0x20, gfn);
        page[0] = (pair){i, ~i};
        w64(bar, 0x58, gfn);
        for (int at = 0; at < 64; at++)
            page[at] = (pair){i + at, ~i - at};
        for (int at = 0; at < 64; at++)
            wrong += page[at][0] != i + at || page[at][1] != ~i - at;
    }
    expect("words wrong in a page released in flight", wrong, 0);
    expect("its writes were trapped", r64(bar, 0x30) - before >= 2 * RELEASES, 1);
}

static uint64_t reschedules(void)
{
    char line[512];
    uint64_t sum = 0;
    FILE *f = fopen("/proc/interrupts", "re");

    while (f && fgets(line, sizeof line, f)) {
        char *at = strstr(line, "RES:");

        if (at)
            sum = strtoull(at + 4, NULL, 10);
    }
    if (f)
        fclose(f);
    return sum;
}

static void interrupt(void *bar)
{
    int fd = open(DEV "/config", O_RDWR);
    uint32_t addr = 0xfee00000, back = 0;
    uint16_t data = RES_VECTOR;
    uint64_t before = reschedules();

    expect("config write", pwrite(fd, &addr, 4, 0x94) + pwrite(fd, &data, 2, 0x98), 6);
    expect("config read", pread(fd, &back, 4, 0x94), 4);
    expect("MSI address register", back, addr);
    close(fd);
    w64(bar, 0x48, 1);
    expect("interrupts", reschedules() - before, 1);
}

static void *open_device(void)
{
    int fd = open(DEV "/enable", O_WRONLY);
    void *bar;

    if (fd < 0 || write(fd, "1", 1) != 1)
        return NULL;
    close(fd);
    fd = open(DEV "/resource0", O_RDWR);
    bar = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    return bar == MAP_FAILED ? NULL : bar;
}

static void mounts(void)
{
    mkdir("/proc", 0755);
    mkdir("/sys", 0755);
    if (mount("proc", "/proc", "proc", 0, NULL) || mount("sysfs", "/sys", "sysfs", 0, NULL))
        printf("mmio_probe: mount: %s\n", strerror(errno));
}

int main(void)
{
    void *bar;

    setvbuf(stdout, NULL, _IOLBF, 0);
    mounts();
    bar = open_device();
    result("device found", bar != NULL, errno, 0);
    if (bar) {
        widths(bar);
        strings(bar);
        protected_page(bar);
        released_in_flight(bar);
        interrupt(bar);
        rounds(bar);
        expect("count grows", r64(bar, 0x08) > ROUNDS, 1);
        printf("mmio_probe: %" PRIu64 " replayed\n", r64(bar, 0x50));
        w64(bar, 0x60, failures ? 2 : 1);
    }
    printf("mmio_probe: done, %d failures\n", failures);
    reboot(RB_POWER_OFF);
    return 0;
}
