/* SPDX-License-Identifier: MIT */
/*
 * trap_bench.c: what a trapped access costs the guest that makes it: the only program of a small
 * initramfs. A plain register of the virtual GPU, in turns with a register of a device that the
 * stock device model emulates (xen-platform's window) and with the least that an answer from dom0
 * can cost: a ping over an event channel with a process there (tests/xen/evtchn_echo.c). Prints
 * the lines of tests/bench/bench.h and powers the guest off. One thread.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <xen/xen.h>

#include <xen/sys/evtchn.h>

#include "tests/bench/bench.h"

#define PCI         "/sys/bus/pci/devices"
#define PLATFORM_AT 0x800000u /* the kernel uses the window's beginning itself */
#define SWF_ILK     0x4f000u  /* SWF: scratch registers for software, plain storage */
#define WINDOW      0x1000000u

struct channel {
    int fd;
    uint32_t port;
};

/* One register, and what is right about it: a GPU's keeps what is written, the other reads 0. */
struct target {
    volatile uint32_t *reg;
    bool keeps;
    uint32_t value;
};

static void text_of(const char *dir, const char *file, char *text, size_t size)
{
    char path[300];
    int fd;
    ssize_t n;

    snprintf(path, sizeof path, PCI "/%s/%s", dir, file);
    fd = open(path, O_RDONLY);
    n = read(fd, text, size - 1);
    text[n > 0 ? n : 0] = 0;
    close(fd);
}

/* A device without a driver does not answer yet. */
static void enable(const char *dir)
{
    char path[300];
    int fd;

    snprintf(path, sizeof path, PCI "/%s/enable", dir);
    fd = open(path, O_WRONLY);
    if (write(fd, "1", 1) != 1)
        bench_fail("%s cannot be enabled", dir);
    close(fd);
}

static volatile uint8_t *window(const char *dir, const char *resource)
{
    char path[300];
    void *map;
    int fd;

    snprintf(path, sizeof path, PCI "/%s/%s", dir, resource);
    fd = open(path, O_RDWR);
    map = mmap(NULL, WINDOW, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (map == MAP_FAILED)
        bench_fail("%s cannot be mapped (the kernel needs iomem=relaxed)", path);
    close(fd);
    return map;
}

/* The first of its vendor's; the kernel's own driver has it. */
static volatile uint8_t *platform_window(void)
{
    volatile uint8_t *found = NULL;
    DIR *d = opendir(PCI);
    struct dirent *e;
    char vendor[16];

    while (d && !found && (e = readdir(d))) {
        text_of(e->d_name, "vendor", vendor, sizeof vendor);
        if (!strncmp(vendor, "0x5853", 6))
            found = window(e->d_name, "resource1");
    }
    if (!found)
        bench_fail("the guest has no xen-platform device");
    closedir(d);
    return found;
}

/* ---- the event channel */

static void load_driver(void)
{
    int fd = open("/xen-evtchn.ko", O_RDONLY);

    if (syscall(SYS_finit_module, fd, "", 0))
        bench_fail("xen-evtchn.ko cannot be loaded");
    close(fd);
}

/* The other end is told of the port by whoever reads the console, and answers when it says so. */
static void connect_channel(struct channel *c)
{
    struct ioctl_evtchn_bind_unbound_port bind = {.remote_domain = 0};
    char line[16];
    int port;

    c->fd = open("/dev/xen/evtchn", O_RDWR);
    port = c->fd < 0 ? -1 : ioctl(c->fd, IOCTL_EVTCHN_BIND_UNBOUND_PORT, &bind);
    if (port < 0)
        bench_fail("no event channel");
    c->port = (uint32_t)port;
    printf("VGT: port=%u\n", c->port);
    if (!fgets(line, sizeof line, stdin))
        bench_fail("nobody answers at the console");
}

static double ping(void *ctx, uint64_t n)
{
    const struct channel *c = ctx;
    struct ioctl_evtchn_notify notify = {.port = c->port};
    uint32_t port = 0;
    double t0 = bench_now_ns();

    for (uint64_t i = 0; i < n; i++) {
        bench_check(ioctl(c->fd, IOCTL_EVTCHN_NOTIFY, &notify) == 0);
        bench_check(read(c->fd, &port, sizeof port) == sizeof port);
        bench_check(port == c->port);
        bench_check(write(c->fd, &port, sizeof port) == sizeof port); /* unmask */
    }
    return bench_now_ns() - t0;
}

/* ---- registers */

static double read_reg(void *ctx, uint64_t n)
{
    const struct target *t = ctx;
    uint32_t wrong = 0;
    double t0 = bench_now_ns();

    for (uint64_t i = 0; i < n; i++)
        wrong |= *t->reg ^ (t->keeps ? t->value : 0);
    t0 = bench_now_ns() - t0;
    bench_check(!wrong);
    return t0;
}

static double write_reg(void *ctx, uint64_t n)
{
    struct target *t = ctx;
    double t0 = bench_now_ns();

    for (uint64_t i = 0; i < n; i++)
        *t->reg = ++t->value;
    t0 = bench_now_ns() - t0;
    bench_check(*t->reg == (t->keeps ? t->value : 0));
    return t0;
}

static void all_cases(const struct bench *b, struct target *gpu, struct target *other,
                      struct channel *c)
{
    struct bench_way pings[] = {{"vgt", read_reg, gpu}, {"event-channel ping", ping, c}};
    struct bench_way qemu[] = {{"vgt", read_reg, gpu}, {"stock device model", read_reg, other}};
    struct bench_case k = {"read, floor", "access", .n = 500, .max_ratio = 1.3};

    bench_case(b, &k, pings, 2);
    k.name = "write, floor";
    pings[0].run = write_reg;
    bench_case(b, &k, pings, 2);
    k.name = "read, device model";
    k.max_ratio = 1;
    bench_case(b, &k, qemu, 2);
    k.name = "write, device model";
    qemu[0].run = qemu[1].run = write_reg;
    bench_case(b, &k, qemu, 2);
}

int main(void)
{
    const char *rounds = getenv("rounds"); /* the kernel's command line */
    char *args[] = {(char *)"trap", (char *)"--rounds", (char *)(rounds ? rounds : "9")};
    struct bench b;
    struct channel channel;
    struct target gpu = {.keeps = true}, other = {.keeps = false};

    if (mount("proc", "/proc", "proc", 0, NULL) || mount("sysfs", "/sys", "sysfs", 0, NULL) ||
        mount("devtmpfs", "/dev", "devtmpfs", 0, NULL))
        bench_fail("no /proc, /sys or /dev");
    bench_init(&b, "trap", 3, args);
    load_driver();
    enable("0000:00:02.0");
    gpu.reg = (volatile uint32_t *)(window("0000:00:02.0", "resource0") + SWF_ILK);
    other.reg = (volatile uint32_t *)(platform_window() + PLATFORM_AT);
    gpu.value = *gpu.reg;
    connect_channel(&channel);
    all_cases(&b, &gpu, &other, &channel);
    puts("VGT: done=1");
    reboot(RB_POWER_OFF);
    return 0;
}
