/* SPDX-License-Identifier: MIT */
/*
 * attacker.c: vgt-rig-attacker: a guest of the rig that attacks (tests/guest/hostile.c) instead of
 * working. It is bare.h's machine over vcpu.h: thousands of traps a second, where a guest on
 * emulated Xen makes a hundred. vCPU 0 is the first thread, vCPU 1 the second. What the hypervisor
 * refuses is refused; a guest it kills has done that to itself, and has ended.
 */
#include "tests/guest/hostile.h"
#include "tests/rig/machine.h"
#include "tests/rig/vcpu.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VCPUS       2
#define FIRST_FRAME 16u
#define STRIDE      37u /* frames of ours are no neighbours */

static struct rig_guest *guest_of(const struct bare *b)
{
    return b->machine;
}

/* A processor makes two accesses of one that crosses a page: not what this is about. */
static bool in_one_page(uint32_t at, unsigned size)
{
    return at % SHM_PAGE + size <= SHM_PAGE;
}

uint64_t bare_load(const struct bare *b, uint32_t at, unsigned size)
{
    uint64_t value = ~0ull;

    if (in_one_page(at, size))
        vcpu_read(guest_of(b), b->vcpu, MACHINE_BAR0 + at, size, &value);
    return value;
}

void bare_store(const struct bare *b, uint32_t at, unsigned size, uint64_t value)
{
    if (in_one_page(at, size))
        vcpu_write(guest_of(b), b->vcpu, MACHINE_BAR0 + at, size, value);
}

void bare_put(const struct bare *b, unsigned page, unsigned offset, const void *data,
              unsigned bytes)
{
    const uint8_t *from = data;
    uint64_t at = b->gfn[page] * SHM_PAGE + offset;

    while (bytes) {
        unsigned size = bytes >= 8 && at % 8 == 0 ? 8 : bytes >= 4 ? 4 : 1;
        uint64_t value = 0;

        memcpy(&value, from, size);
        vcpu_write(guest_of(b), b->vcpu, at, size, value);
        bytes -= size;
        from += size;
        at += size;
    }
}

uint32_t bare_get(const struct bare *b, unsigned page, unsigned offset)
{
    uint64_t value = 0;

    vcpu_read(guest_of(b), b->vcpu, b->gfn[page] * SHM_PAGE + offset, 4, &value);
    return (uint32_t)value;
}

void bare_relax(const struct bare *b)
{
    struct shm_msi msi;

    rig_msi(guest_of(b), 1, &msi);
}

static int config(struct rig_guest *g, uint32_t at, unsigned size, uint64_t value)
{
    return vcpu_config_write(g, 0, at, size, value);
}

static int enable(struct rig_guest *g)
{
    static const uint32_t msi[2] = {MACHINE_MSI};
    int rc = config(g, 0x10, 4, MACHINE_BAR0);

    rc = rc ? rc : config(g, 0x18, 4, MACHINE_BAR2);
    rc = rc ? rc : config(g, 0x04, 2, 0x0006); /* memory, bus master */
    rc = rc ? rc : config(g, 0x94, 4, msi[0]);
    rc = rc ? rc : config(g, 0x98, 2, msi[1]);
    return rc ? rc : config(g, 0x92, 2, 1);
}

/* Waits for the emulator, as the first access of a guest does. */
static int set_up(struct bare *b, struct rig_guest *g)
{
    uint64_t id = 0;
    int rc = vcpu_config_read(g, 0, 0, 4, &id);

    if (rc)
        return rc;
    *b = (struct bare){.machine = g, .gen8 = (id >> 24 & 0xff) == 0x16};
    for (unsigned i = 0; i < BARE_PAGES; i++)
        b->gfn[i] = FIRST_FRAME + i * STRIDE;
    rc = enable(g);
    if (rc)
        return rc;
    return bare_partition(b) ? -ENODEV : 0;
}

static int attack(struct rig_guest *g, double seconds, uint64_t seed)
{
    static struct hostile h;
    int rc = set_up(&h.v, g);

    if (rc) {
        printf("VGT: rig_error=%s\n", strerror(-rc));
        return 2;
    }
    printf("VGT: rig_up low_base=%#x low_size=%#x\n", h.v.low_base, h.v.low_size);
    rc = hostile_run(&h, seconds, seed);
    if (rig_killed(g))
        printf("VGT: rig_killed=%s\n", rig_killed(g));
    return rc;
}

static int usage(FILE *out, int status)
{
    fputs("usage: vgt-rig-attacker --dir DIR --domid N [options]\n"
          "A guest for services that run with --vmm shm:DIR (docs/rig.md), which attacks.\n"
          "  --mib N       memory (32)\n"
          "  --seconds S   how long (20)\n"
          "  --seed N      of what it does (1)\n",
          out);
    return status;
}

static int run(const char *dir, uint32_t domid, uint64_t mib, double seconds, uint64_t seed)
{
    struct rig_guest g;
    int rc = rig_guest_new(&g, dir, domid, mib << 8, VCPUS);

    if (rc) {
        printf("VGT: rig_error=%s\n", strerror(-rc));
        return 2;
    }
    printf("VGT: rig_files=%s\n", g.dir);
    rc = attack(&g, seconds, seed);
    rig_guest_end(&g);
    return rc;
}

int main(int argc, char **argv)
{
    static const struct option longs[] = {{"dir", 1, NULL, 'd'},
                                          {"domid", 1, NULL, 'i'},
                                          {"mib", 1, NULL, 'm'},
                                          {"seconds", 1, NULL, 's'},
                                          {"seed", 1, NULL, 'r'},
                                          {"help", 0, NULL, 'h'},
                                          {0}};
    const char *dir = NULL;
    unsigned long domid = 0, mib = 32;
    double seconds = 20;
    uint64_t seed = 1;
    int opt;

    while ((opt = getopt_long(argc, argv, "", longs, NULL)) != -1) {
        if (opt == 'd')
            dir = optarg;
        else if (opt == 'i')
            domid = strtoul(optarg, NULL, 10);
        else if (opt == 'm')
            mib = strtoul(optarg, NULL, 10);
        else if (opt == 's')
            seconds = strtod(optarg, NULL);
        else if (opt == 'r')
            seed = strtoull(optarg, NULL, 0);
        else
            return usage(opt == 'h' ? stdout : stderr, opt == 'h' ? 0 : 2);
    }
    if (!dir || !domid || mib < 4 || optind != argc)
        return usage(stderr, 2);
    setvbuf(stdout, NULL, _IOLBF, 0);
    return run(dir, (uint32_t)domid, mib, seconds, seed);
}
