/* SPDX-License-Identifier: MIT */
/*
 * vmm_probe.c: a device of one page of registers, served in dom0 through the hypervisor seam, to
 * prove the seam with a real guest (tests/guest/mmio_probe.c drives it; tests/xen/test-vmm runs
 * both). State lives in a file so that a killed probe can be started again and goes on.
 *
 * usage: vmm_probe DOMID STATE-FILE [crash=N] [trace=N]
 *   crash=N: _exit while holding access number N; trace=N: print the first N accesses
 * Registers (BAR0, 4 or 8 bytes unless said): 0x00 "vgtprobe" (8) · 0x08 count of accesses ·
 * 0x10 scratch (8) · 0x20 write: gfn to protect · 0x28 write: gfn to release · 0x30 trapped guest
 * writes · 0x38 last trapped value · 0x40 last trapped address · 0x48 write: send the MSI ·
 * 0x50 replays seen · 0x58 write: gfn to release, after this access has been answered · 0x60 write:
 * the guest is done, value is its verdict.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "vmm/vmm.h"

#define BAR_SIZE 0x1000u
#define MAGIC    UINT64_C(0x65626f7270746776) /* "vgtprobe" */

struct state {
    struct vmm_resume keep;
    uint8_t cfg[256];
    uint64_t bar; /* where it is trapped now, 0: nowhere */
    uint64_t reg[BAR_SIZE / 8];
    uint64_t verdict;
};

struct probe {
    const struct vmm_ops *ops;
    struct vmm *v;
    struct state *s;
    uint64_t crash_at, trace, seen;
};

enum { R_MAGIC = 0, R_COUNT = 1, R_PROTECT = 4, R_RELEASE = 5, R_TRAPS = 6, R_VALUE = 7 };
enum { R_ADDR = 8, R_MSI = 9, R_REPLAYS = 10, R_RELEASE_LATER = 11, R_DONE = 12 };

static void check(int rc, const char *what)
{
    if (rc >= 0)
        return;
    fprintf(stderr, "vmm_probe: %s: %s\n", what, strerror(-rc));
    exit(1);
}

/* True: some release still waits. */
static bool settle(struct probe *p)
{
    int rc = p->ops->settle(p->v);

    check(rc, "settle");
    return rc == 1;
}

static void put32(uint8_t *cfg, int at, uint32_t value)
{
    memcpy(cfg + at, &value, 4);
}

static uint32_t get32(const uint8_t *cfg, int at)
{
    uint32_t value;

    memcpy(&value, cfg + at, 4);
    return value;
}

/* A device nobody's driver wants: class "unclassified", one 32-bit BAR, an MSI capability. */
static void reset(struct state *s)
{
    put32(s->cfg, 0x00, 0x11118086);
    put32(s->cfg, 0x04, 0x00100000);
    put32(s->cfg, 0x08, 0xff000001);
    s->cfg[0x34] = 0x90;
    put32(s->cfg, 0x90, 0x00000005);
    s->reg[R_MAGIC] = MAGIC;
}

static uint32_t writable(int dword)
{
    switch (dword * 4) {
    case 0x04:
        return 0x00000406;
    case 0x10:
        return ~(BAR_SIZE - 1);
    case 0x3c:
        return 0xff;
    case 0x90:
        return 0x00010000;
    case 0x94:
        return 0xfffffffc;
    case 0x98:
        return 0xffff;
    }
    return 0;
}

static void place_bar(struct probe *p)
{
    uint32_t bar = get32(p->s->cfg, 0x10) & ~(BAR_SIZE - 1);
    uint64_t want = p->s->cfg[4] & 2 && bar != ~(BAR_SIZE - 1) ? bar : 0;

    if (want == p->s->bar)
        return;
    if (p->s->bar)
        check(p->ops->trap(p->v, p->s->bar, BAR_SIZE, false), "untrap");
    p->s->bar = want;
    if (want)
        check(p->ops->trap(p->v, want, BAR_SIZE, true), "trap");
}

static uint64_t config(struct probe *p, const struct vmm_access *a)
{
    uint64_t out = 0;

    if (!a->write) {
        memcpy(&out, p->s->cfg + a->addr, a->size);
        return out;
    }
    for (int i = 0; i < a->size; i++) {
        int at = a->addr + i;
        uint8_t mask = writable(at / 4) >> (8 * (at % 4)), byte = a->data >> (8 * i);

        p->s->cfg[at] = (p->s->cfg[at] & ~mask) | (byte & mask);
    }
    place_bar(p);
    return 0;
}

static void wrote(struct probe *p, int reg, uint64_t value)
{
    const uint8_t *cfg = p->s->cfg;

    switch (reg) {
    case R_PROTECT:
        check(p->ops->protect(p->v, value, true), "protect");
        break;
    case R_RELEASE: /* its vCPU is held in this very access: nothing to wait for */
        check(p->ops->protect(p->v, value, false), "release");
        if (settle(p))
            check(-EBUSY, "settle");
        break;
    case R_RELEASE_LATER:
        check(p->ops->protect(p->v, value, false), "release later");
        break;
    case R_MSI:
        check(p->ops->inject_msi(p->v, get32(cfg, 0x94), get32(cfg, 0x98) & 0xffff), "msi");
        break;
    case R_DONE:
        p->s->verdict = value;
        break;
    }
}

static uint64_t mmio_element(struct probe *p, uint64_t at, const struct vmm_access *a,
                             uint64_t data)
{
    uint8_t *reg = (uint8_t *)p->s->reg + at;
    uint64_t out = 0;

    if (!a->write) {
        memcpy(&out, reg, a->size);
        return out;
    }
    memcpy(reg, &data, a->size);
    wrote(p, at / 8, p->s->reg[at / 8]);
    return 0;
}

static uint64_t mmio(struct probe *p, const struct vmm_access *a)
{
    uint64_t out = 0;

    for (uint32_t i = 0; i < a->count; i++) {
        uint64_t at = vmm_element_addr(a, i) - p->s->bar, data = a->data;

        if (a->indirect && a->write) {
            data = 0;
            check(vmm_copy_from(p->ops, p->v, vmm_operand_addr(a, i), &data, a->size), "operand");
        }
        out = mmio_element(p, at, a, data);
        if (a->indirect && !a->write)
            check(vmm_copy_to(p->ops, p->v, vmm_operand_addr(a, i), &out, a->size), "operand");
    }
    return out;
}

static void guest_page(struct probe *p, const struct vmm_access *a)
{
    uint64_t data = a->data;

    for (uint32_t i = 0; i < a->count; i++) {
        if (a->indirect)
            check(vmm_copy_from(p->ops, p->v, vmm_operand_addr(a, i), &data, a->size), "operand");
        check(vmm_copy_to(p->ops, p->v, vmm_element_addr(a, i), &data, a->size), "guest page");
    }
    p->s->reg[R_TRAPS]++;
    p->s->reg[R_VALUE] = data;
    p->s->reg[R_ADDR] = a->addr;
}

static void serve(struct probe *p, const struct vmm_access *a)
{
    uint64_t out = 0;

    if (a->replay)
        p->s->reg[R_REPLAYS]++;
    if (++p->seen <= p->trace)
        fprintf(stderr, "%u: space %u %s %#" PRIx64 " size %u x %u data %#" PRIx64 "\n", a->vcpu,
                a->space, a->write ? "write" : "read", a->addr, a->size, a->count, a->data);
    if (p->seen == p->crash_at)
        _exit(42);
    if (a->space == VMM_CONFIG)
        out = config(p, a);
    else if (a->space == VMM_GUEST)
        guest_page(p, a);
    else
        out = mmio(p, a);
    p->s->reg[R_COUNT]++;
    check(p->ops->complete(p->v, a->vcpu, out), "complete");
}

static struct state *open_state(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    struct state *s;

    check(fd < 0 ? -errno : 0, path);
    check(ftruncate(fd, sizeof *s) < 0 ? -errno : 0, path);
    s = mmap(NULL, sizeof *s, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    check(s == MAP_FAILED ? -errno : 0, path);
    close(fd);
    return s;
}

static void run(struct probe *p)
{
    struct pollfd fd = {.fd = p->ops->fd(p->v), .events = POLLIN};
    struct vmm_access a;
    uint64_t told = ~0ull;
    bool waits;
    int rc;

    while (!p->s->verdict) {
        while ((rc = p->ops->next(p->v, &a)) == 1)
            serve(p, &a);
        check(rc, "next");
        waits = settle(p);
        if (poll(&fd, 1, waits ? 1 : 5000) != 0 || waits)
            continue;
        if (p->ops->alive(p->v))
            break;
        if (told != p->seen)
            fprintf(stderr, "vmm_probe: waiting after %" PRIu64 " accesses\n", p->seen);
        told = p->seen;
    }
}

int main(int argc, char **argv)
{
    struct probe p = {.ops = vmm_find("xen")};
    uint32_t domid;
    bool again;

    if (argc < 3)
        return 2;
    domid = strtoul(argv[1], NULL, 10);
    for (int i = 3; i < argc; i++) {
        p.crash_at = strncmp(argv[i], "crash=", 6) ? p.crash_at : strtoull(argv[i] + 6, NULL, 10);
        p.trace = strncmp(argv[i], "trace=", 6) ? p.trace : strtoull(argv[i] + 6, NULL, 10);
    }
    p.s = open_state(argv[2]);
    again = p.s->keep.ready;
    if (!again)
        reset(p.s);
    check(p.ops->open_device(domid, 0, &p.s->keep, &p.v), "open_device");
    printf("vmm_probe: domain %u, server %u, %s\n", domid, p.s->keep.server,
           again ? "taken over" : "claimed");
    fflush(stdout);
    run(&p);
    printf("vmm_probe: %" PRIu64 " accesses, %" PRIu64 " replayed, %" PRIu64
           " trapped page writes, verdict %" PRIu64 "\n",
           p.s->reg[R_COUNT], p.s->reg[R_REPLAYS], p.s->reg[R_TRAPS], p.s->verdict);
    p.ops->close(p.v);
    return p.s->verdict == 1 ? 0 : 1;
}
