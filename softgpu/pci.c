/* SPDX-License-Identifier: MIT */
/*
 * pci.c: configuration space (pci.h) of a Haswell or a Broadwell. Transport thread.
 */
#include "softgpu/pci.h"

#include "softgpu/model.h"

#include <string.h>

#define VENDOR   0x8086u
#define COMMAND  0x04
#define STATUS   0x06
#define BAR0     0x10
#define BAR2     0x18
#define BAR4     0x20
#define GGC      0x50
#define CAP_MSI  0x90
#define CAP_PM   0xd0
#define STS_INTX 0x08
#define STS_CAPS 0x10

#define CMD_IO_MEM_MASTER 0x0007u
#define CMD_INTX_DISABLE  0x0400u

static void put(uint8_t *at, uint32_t value, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        at[i] = (uint8_t)(value >> 8 * i);
}

static void bar64(struct pci *p, unsigned at, uint32_t type, uint32_t size)
{
    put(&p->config[at], type, 4);
    put(&p->writable[at], ~(size - 1), 4);
    put(&p->writable[at + 4], 0xffffffff, 4);
}

static void capabilities(struct pci *p)
{
    p->config[0x34] = CAP_MSI;
    p->config[STATUS] = STS_CAPS;
    /* MSI: one vector, 32-bit address. Writable: enable, address, data. */
    put(&p->config[CAP_MSI], 0x05 | CAP_PM << 8, 2);
    put(&p->writable[CAP_MSI + 2], 0x0001, 2);
    put(&p->writable[CAP_MSI + 4], 0xfffffffc, 4);
    put(&p->writable[CAP_MSI + 8], 0xffff, 2);
    /* Power management: D0 and D3, version 2. Writable: the state. */
    put(&p->config[CAP_PM], 0x01, 2);
    put(&p->config[CAP_PM + 2], 0x0022, 2);
    put(&p->writable[CAP_PM + 4], 0x0003, 2);
}

/* GGC: how large the GTT is, and no stolen memory. Haswell has GGMS in bits 9:8 (2: 2 MiB) and GMS
 * in 7:3; Broadwell GGMS in 7:6 (3: 8 MiB) and GMS in 15:8. */
static uint16_t ggc(const struct model *m)
{
    return m->family == MODEL_HASWELL ? 2u << 8 : 3u << 6;
}

void pci_reset(struct pci *p, const struct model *m)
{
    uint32_t ids = VENDOR | (uint32_t)m->device << 16;

    memset(p, 0, sizeof(*p));
    put(&p->config[0x00], ids, 4);
    put(&p->writable[COMMAND], CMD_IO_MEM_MASTER | CMD_INTX_DISABLE, 2);
    put(&p->config[0x08], 0x03000000u | m->revision, 4); /* VGA compatible */
    bar64(p, BAR0, 0x4, m->bar0_size);
    bar64(p, BAR2, 0xc, PCI_BAR2_SIZE);
    put(&p->config[BAR4], 0x1, 4);
    put(&p->writable[BAR4], 0xffffffff & ~(PCI_BAR4_SIZE - 1), 4);
    put(&p->config[0x2c], ids, 4);
    put(&p->writable[0x3c], 0xff, 1); /* interrupt line */
    p->config[0x3d] = 1;              /* INTA */
    /* BSM (0x5c) and ASLS (0xfc) stay 0: no stolen memory, no OpRegion. */
    put(&p->config[GGC], ggc(m), 2);
    put(&p->writable[0xfc], 0xffffffff, 4);
    capabilities(p);
}

void pci_read(const struct pci *p, uint32_t offset, void *buf, uint32_t len)
{
    memcpy(buf, p->config + offset, len);
}

void pci_write(struct pci *p, uint32_t offset, const void *buf, uint32_t len)
{
    const uint8_t *from = buf;

    for (uint32_t i = 0; i < len; i++) {
        uint8_t mask = p->writable[offset + i];
        uint8_t *at = &p->config[offset + i];

        *at = (uint8_t)((*at & ~mask) | (from[i] & mask));
    }
}

bool pci_intx_disabled(const struct pci *p)
{
    return (p->config[COMMAND] | p->config[COMMAND + 1] << 8) & CMD_INTX_DISABLE;
}

void pci_show_intx(struct pci *p, bool pending)
{
    p->config[STATUS] = (uint8_t)((p->config[STATUS] & ~STS_INTX) | (pending ? STS_INTX : 0));
}
