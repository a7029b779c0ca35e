/* SPDX-License-Identifier: MIT */
/*
 * stub_gpu.c: the device behind vgt-softstub: what it is, registers, the GTT, the aperture, and
 * bringing it to rest. A device that has gone reads as ones; the loop hears of it and ends.
 */
#include "tests/rig/stub.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#define PCI_IDS        0x00u
#define PCI_COMMAND    0x04u
#define PCI_REVISION   0x08u
#define PCI_GGC        0x50u
#define MEMORY_MASTER  0x0006u
#define MSI_CONTROL    0x92u
#define GDRST          0x941cu /* PRM "Graphics Device Reset Control" */
#define GDRST_FULL     1u
#define RESET_CTL      0xd0u /* of an engine */
#define RESET_REQUEST  1u
#define RESET_READY    2u
#define GFX_FLSH_CNTL  0x101008u
#define PTE_VALID      1u
#define RESET_LIMIT_NS 100000000ll

uint32_t stub_rd(struct softstub *s, uint32_t offset)
{
    uint32_t v = UINT32_MAX;

    return vfu_client_read(s->gpu, STUB_BAR0, offset, &v, sizeof(v)) ? UINT32_MAX : v;
}

void stub_wr(struct softstub *s, uint32_t offset, uint32_t value)
{
    vfu_client_post(s->gpu, STUB_BAR0, offset, &value, sizeof(value));
}

/* ---- what it is */

/* GGMS, bits of GGC: Haswell 9:8 in MiB, Broadwell 7:6 as a power of two in MiB. */
static int size_gtt(struct softstub *s, uint64_t bar0)
{
    uint32_t ggms = s->access.gen == 8 ? s->ggc >> 6 & 3 : s->ggc >> 8 & 3;
    uint32_t mib = s->access.gen == 8 && ggms ? 1u << ggms : ggms;

    s->pte_size = s->access.gen == 8 ? 8 : 4;
    s->gtt_offset = s->access.gen == 8 ? 0x800000 : 0x200000;
    if (!mib || bar0 < s->gtt_offset || (uint64_t)mib << 20 > bar0 - s->gtt_offset)
        return -ENODEV;
    s->ggtt_entries = (mib << 20) / s->pte_size;
    return 0;
}

/* 0x04xx, 0x0axx, 0x0cxx, 0x0dxx are Haswells, 0x16xx Broadwells; 0x162x is GT3. */
static int know(struct softstub *s)
{
    switch (s->device >> 8) {
    case 0x04:
    case 0x0a:
    case 0x0c:
    case 0x0d:
        s->access.gen = 7;
        return 0;
    case 0x16:
        s->access.gen = 8;
        s->access.vcs2 = (s->device & 0xf0) == 0x20;
        return 0;
    }
    return -ENODEV;
}

static int identify(struct softstub *s)
{
    uint64_t bar0 = 0, slice = (uint64_t)s->limits.slice_mb << 20;
    uint32_t ids = 0;
    int r = vfu_client_read(s->gpu, STUB_CONFIG, PCI_IDS, &ids, sizeof(ids));

    if (!r)
        r = vfu_client_read(s->gpu, STUB_CONFIG, PCI_REVISION, &s->revision, 1);
    if (!r)
        r = vfu_client_read(s->gpu, STUB_CONFIG, PCI_GGC, &s->ggc, sizeof(s->ggc));
    if (!r)
        r = vfu_client_region_size(s->gpu, STUB_BAR0, &bar0);
    if (!r)
        r = vfu_client_region_size(s->gpu, STUB_BAR2, &s->aperture_size);
    if (r)
        return r;
    s->device = (uint16_t)(ids >> 16);
    if ((ids & 0xffff) != 0x8086 || know(s))
        return -ENODEV;
    if (slice > s->aperture_size || s->aperture_size > 1ull << 32)
        return -EINVAL;
    s->slice = (uint32_t)slice;
    s->slice_at = (uint32_t)(s->aperture_size - slice);
    return size_gtt(s, bar0);
}

static void on_msi(void *data, uint32_t events)
{
    struct softstub *s = data;
    uint64_t n;

    (void)events;
    if (read(s->msi, &n, sizeof(n)) == sizeof(n))
        stub_irq_handle(s);
}

static void on_end(void *data, uint32_t events)
{
    struct softstub *s = data;

    (void)events;
    log_write(s->log, LOG_ERR, "the GPU has gone", NULL);
    loop_stop(s->loop, -ENODEV);
}

static int enable(struct softstub *s)
{
    uint16_t command = MEMORY_MASTER, msi = 1;
    int r = vfu_client_reset(s->gpu);

    if (!r)
        r = vfu_client_write(s->gpu, STUB_CONFIG, PCI_COMMAND, &command, sizeof(command));
    if (!r)
        r = vfu_client_write(s->gpu, STUB_CONFIG, MSI_CONTROL, &msi, sizeof(msi));
    s->scratch = stub_memory("vgt-scratch", STUB_PAGE);
    if (!r)
        r = s->scratch < 0 ? s->scratch
                           : vfu_client_map(s->gpu, STUB_SCRATCH, STUB_PAGE, s->scratch, 0);
    s->msi = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (!r)
        r = s->msi < 0 ? -errno : vfu_client_msi(s->gpu, s->msi);
    return r;
}

int stub_gpu_start(struct softstub *s)
{
    int r = identify(s);

    if (!r)
        r = enable(s);
    if (r)
        return r;
    stub_irq_off(s);
    stub_gpu_reset(s);
    stub_gtt_scratch(s);
    r = loop_fd(s->loop, s->msi, EPOLLIN, on_msi, s, &s->on_msi);
    if (!r)
        r = loop_fd(s->loop, vfu_client_fd(s->gpu), EPOLLRDHUP, on_end, s, &s->on_end);
    if (!r)
        stub_irq_on(s);
    return r;
}

/* ---- bringing it to rest */

static int64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000ll + t.tv_nsec;
}

/* Broadwell's engines are asked before they are reset; one that is not ready in time is reset
 * nevertheless. */
static void ask_engines(struct softstub *s, bool request)
{
    static const uint32_t base[] = {0x2000, 0x12000, 0x1a000, 0x22000, 0x1c000};
    unsigned count = s->access.vcs2 ? 5 : 4;

    for (unsigned i = 0; s->access.gen == 8 && i < count; i++) {
        int64_t limit = now_ns() + RESET_LIMIT_NS / 10;

        stub_wr(s, base[i] + RESET_CTL, RESET_REQUEST << 16 | (request ? RESET_REQUEST : 0));
        while (request && !(stub_rd(s, base[i] + RESET_CTL) & RESET_READY) && now_ns() < limit &&
               !vfu_client_broken(s->gpu))
            ;
    }
}

void stub_gpu_reset(struct softstub *s)
{
    int64_t limit = now_ns() + RESET_LIMIT_NS;

    ask_engines(s, true);
    stub_wr(s, GDRST, GDRST_FULL);
    while (stub_rd(s, GDRST) & GDRST_FULL && !vfu_client_broken(s->gpu)) {
        if (now_ns() < limit)
            continue;
        log_write(s->log, LOG_ERR, "the GPU's reset did not finish", NULL);
        break;
    }
    ask_engines(s, false);
}

void stub_gtt_scratch(struct softstub *s)
{
    uint64_t size = (uint64_t)s->ggtt_entries * s->pte_size;
    /* The address is below 4 GiB, where the formats agree. */
    uint64_t pte = STUB_SCRATCH | PTE_VALID;
    uint8_t *chunk = malloc(VFU_CLIENT_MAX);
    int r = chunk ? 0 : -ENOMEM;

    for (uint32_t i = 0; chunk && i < VFU_CLIENT_MAX; i += s->pte_size)
        memcpy(chunk + i, &pte, s->pte_size);
    for (uint64_t at = 0; !r && at < size; at += VFU_CLIENT_MAX)
        r = vfu_client_write(s->gpu, STUB_BAR0, s->gtt_offset + at, chunk, VFU_CLIENT_MAX);
    free(chunk);
    if (r && r != -ENODEV) {
        /* Entries that name what is given up next: better no device than that. */
        log_write(s->log, LOG_ERR, "the GTT could not be cleared", "error=%d", r);
        loop_stop(s->loop, r);
    }
    stub_wr(s, GFX_FLSH_CNTL, 1);
    stub_rd(s, GFX_FLSH_CNTL);
}

/* ---- calls */

static int check_reg(const struct stub_call *c, const struct vgt_stub_reg *reg)
{
    unsigned need = reg->op == VGT_REG_READ    ? VGT_ACCESS_READ
                    : reg->op == VGT_REG_WRITE ? VGT_ACCESS_WRITE
                                               : VGT_ACCESS_READ | VGT_ACCESS_WRITE;
    unsigned have;

    if (reg->reserved || reg->reserved2 || reg->op > VGT_REG_RMW)
        return -EINVAL;
    if ((reg->width != 4 && reg->width != 8) || reg->offset % reg->width ||
        reg->offset > VGT_REGS_SIZE - reg->width)
        return -EINVAL;
    if (reg->op == VGT_REG_RMW ? reg->width != 4 : reg->clear != 0)
        return -EINVAL;
    if (reg->width == 4 && reg->value >> 32)
        return -EINVAL;
    have = vgt_access(&c->s->access, c->node->index, reg->offset, reg->width);
    return (have & need) == need ? 0 : -EACCES;
}

int stub_call_reg(struct stub_call *c)
{
    struct vgt_stub_reg *reg = &c->m->arg.reg;
    uint64_t old = 0, value = reg->value;
    int r = check_reg(c, reg);

    if (!r && reg->op != VGT_REG_WRITE)
        r = vfu_client_read(c->s->gpu, STUB_BAR0, reg->offset, &old, reg->width);
    if (!r && reg->op == VGT_REG_RMW)
        value |= (uint32_t)old & ~reg->clear;
    if (!r && reg->op != VGT_REG_READ)
        r = vfu_client_post(c->s->gpu, STUB_BAR0, reg->offset, &value, reg->width);
    if (!r && reg->op != VGT_REG_WRITE)
        reg->value = old;
    return r;
}

static uint64_t entry_at(const struct softstub *s, uint64_t index)
{
    return s->gtt_offset + index * s->pte_size;
}

int stub_call_gtt_read(struct stub_call *c)
{
    uint64_t *arg = c->m->arg.word;

    if (arg[0] >= c->s->ggtt_entries)
        return -EINVAL;
    arg[1] = 0;
    return vfu_client_read(c->s->gpu, STUB_BAR0, entry_at(c->s, arg[0]), &arg[1], c->s->pte_size);
}

int stub_call_gtt_write(struct stub_call *c)
{
    uint64_t *arg = c->m->arg.word;

    if (arg[0] >= c->s->ggtt_entries || (c->s->pte_size == 4 && arg[1] >> 32))
        return -EINVAL;
    return vfu_client_gather(c->s->gpu, STUB_BAR0, entry_at(c->s, arg[0]), &arg[1], c->s->pte_size);
}

/* What the GPU shows there now, through its own translation. */
static int picture(struct softstub *s, uint64_t offset, uint64_t size, int fd)
{
    uint8_t *chunk = malloc(VFU_CLIENT_MAX);
    int r = chunk ? 0 : -ENOMEM;

    for (uint64_t at = 0; !r && at < size;) {
        uint32_t n = size - at < VFU_CLIENT_MAX ? (uint32_t)(size - at) : VFU_CLIENT_MAX;

        r = vfu_client_read(s->gpu, STUB_BAR2, offset + at, chunk, n);
        if (!r && pwrite(fd, chunk, n, (off_t)at) != (ssize_t)n)
            r = -ENOMEM;
        at += n;
    }
    free(chunk);
    return r;
}

int stub_call_aperture(struct stub_call *c)
{
    uint64_t offset = c->m->arg.word[0], size = c->m->arg.word[1];
    int r;

    if (!size || offset % STUB_PAGE || size % STUB_PAGE)
        return -EINVAL;
    if (offset < c->s->slice_at || size > c->s->slice ||
        offset - c->s->slice_at > c->s->slice - size)
        return -EACCES;
    c->out = stub_memory("vgt-aperture", size);
    if (c->out < 0)
        return c->out;
    c->close_out = true;
    r = picture(c->s, offset, size, c->out);
    if (r) {
        close(c->out);
        c->out = -1;
    }
    return r;
}
