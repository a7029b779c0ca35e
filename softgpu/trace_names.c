/* SPDX-License-Identifier: MIT */
/*
 * trace_names.c: names out of the device's own tables (trace_names.h): the register files of a
 * Haswell and of a Broadwell are put together without a device around them (a log does not say
 * which chip wrote it; no offset has two meanings), commands are looked up as an engine would. Used
 * by softgpu-trace.
 */
#include "softgpu/trace_names.h"

#include "softgpu/cs_names.h"
#include "softgpu/engine_priv.h"
#include "softgpu/forcewake.h"
#include "softgpu/irq.h"
#include "softgpu/model.h"
#include "softgpu/power.h"
#include "softgpu/regs.h"
#include "softgpu/screen.h"
#include "softgpu/trace_format.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The registers of one chip. */
struct chip {
    struct regs *regs;
    struct irq *irq;
    struct screen *screen;
    struct forcewake *forcewake;
    struct pcode *pcode;
    struct sbi *sbi;
};

#define CHIPS 2u

struct trace_names {
    struct chip chips[CHIPS];
    struct cs_names *commands;
};

struct name {
    uint32_t offset;
    const char *name;
};

static const struct name ring[] = {
    {R_EXCC, "EXCC"},
    {R_TAIL, "TAIL"},
    {R_HEAD, "HEAD"},
    {R_START, "START"},
    {R_CTL, "CTL"},
    {R_SYNC_0, "SYNC_0"},
    {R_SYNC_1, "SYNC_1"},
    {R_SYNC_2, "SYNC_2"},
    {R_PSMI_CTL, "PSMI_CTL"},
    {R_ACTHD_UDW, "ACTHD_UDW"},
    {R_IPEIR, "IPEIR"},
    {R_IPEHR, "IPEHR"},
    {0x06c, "INSTDONE"},
    {R_ACTHD, "ACTHD"},
    {R_HWS_PGA, "HWS_PGA"},
    {R_NOPID, "NOPID"},
    {R_HWSTAM, "HWSTAM"},
    {R_MI_MODE, "MI_MODE"},
    {R_IMR, "IMR"},
    {R_EIR, "EIR"},
    {R_EMR, "EMR"},
    {R_ESR, "ESR"},
    {R_INSTPM, "INSTPM"},
    {R_RPCS, "RPCS"},
    {R_RESET_CTL, "RESET_CTL"},
    {R_BBSTATE, "BBSTATE"},
    {R_SBBADDR, "SBBADDR"},
    {R_SBBSTATE, "SBBSTATE"},
    {R_SBBADDR_UDW, "SBBADDR_UDW"},
    {R_BBADDR, "BBADDR"},
    {R_BBADDR_UDW, "BBADDR_UDW"},
    {R_CTR_CTL, "CTR_CTL"},
    {R_CTR_THRSH, "CTR_THRSH"},
    {R_CCID, "CCID"},
    {R_CTR, "CTR"},
    {R_PP_DIR_DCLV, "PP_DIR_DCLV"},
    {R_PP_DIR_BASE, "PP_DIR_BASE"},
    {R_BB_PER_CTX, "BB_PER_CTX_PTR"},
    {R_INDIRECT_CTX, "INDIRECT_CTX"},
    {R_INDIRECT_CTX_OFFSET, "INDIRECT_CTX_OFFSET"},
    {R_ELSP, "ELSP"},
    {R_EL_STATUS_LO, "EXECLIST_STATUS_LO"},
    {R_EL_STATUS_HI, "EXECLIST_STATUS_HI"},
    {R_CTX_CONTROL, "CONTEXT_CONTROL"},
    {R_MODE, "MODE"},
    {R_TIMESTAMP, "TIMESTAMP"},
    {R_TIMESTAMP_UDW, "TIMESTAMP_UDW"},
    {R_CSB_PTR, "CONTEXT_STATUS_PTR"},
    {R_CTX_TIMESTAMP, "CTX_TIMESTAMP"},
};

static const struct name gam[] = {
    {0x4080, "RCS_HWS_PGA"}, /* Haswell's, as are the others in a page of their engine */
    {0x4094, "RING_FAULT_REG"},
    {0x4180, "VCS_HWS_PGA"},
    {0x4194, "VCS_RING_FAULT_REG"},
    {0x4260, "RTCR"},
    {0x4264, "M1TCR"},
    {0x4268, "M2TCR"},
    {0x426c, "BTCR"},
    {0x4270, "VTCR"},
    {0x4280, "BCS_HWS_PGA"},
    {0x4294, "BCS_RING_FAULT_REG"},
    {0x4380, "VECS_HWS_PGA"},
    {0x4394, "VECS_RING_FAULT_REG"},
    {0x4b10, "FAULT_TLB_DATA0"},
    {0x4b14, "FAULT_TLB_DATA1"},
    {0x941c, "GEN6_GDRST"},
    {0x101008, "GFX_FLSH_CNTL"},
};

static uint64_t no_time(void *opaque)
{
    (void)opaque;
    return 0;
}

static int no_pixels(void *opaque, uint64_t addr, void *buf, uint32_t len)
{
    (void)opaque;
    (void)addr;
    memset(buf, 0, len);
    return 0;
}

static bool make_chip(struct chip *c, const struct model *m)
{
    c->regs = regs_new();
    c->irq = c->regs ? irq_new(c->regs, m) : NULL;
    if (!c->irq)
        return false;
    c->screen = screen_new(c->regs, c->irq, no_time, no_pixels, NULL);
    c->forcewake = forcewake_new(c->regs, NULL, NULL, NULL);
    c->pcode = pcode_new(c->regs, m);
    c->sbi = sbi_new(c->regs);
    return c->screen && c->forcewake && c->pcode && c->sbi && !power_add(c->regs, m) &&
           !regs_add_plain(c->regs, m);
}

struct trace_names *trace_names_new(void)
{
    static const char *const models[CHIPS] = {"bdw", "hsw"};
    struct trace_names *n = calloc(1, sizeof(*n));

    if (!n)
        return NULL;
    n->commands = cs_names_new();
    if (!n->commands)
        return trace_names_free(n);
    for (unsigned i = 0; i < CHIPS; i++)
        if (!make_chip(&n->chips[i], model_find(models[i])))
            return trace_names_free(n);
    return n;
}

static void free_chip(struct chip *c)
{
    screen_free(c->screen);
    forcewake_free(c->forcewake);
    pcode_free(c->pcode);
    sbi_free(c->sbi);
    irq_free(c->irq);
    regs_free(c->regs);
}

struct trace_names *trace_names_free(struct trace_names *n)
{
    if (!n)
        return NULL;
    cs_names_free(n->commands);
    for (unsigned i = 0; i < CHIPS; i++)
        free_chip(&n->chips[i]);
    free(n);
    return NULL;
}

static const char *find(const struct name *table, size_t count, uint32_t offset)
{
    for (size_t i = 0; i < count; i++)
        if (table[i].offset == offset)
            return table[i].name;
    return NULL;
}

/* "RCS_TAIL" and the like; registers that come in numbers get theirs behind the name. */
static const char *ring_register(uint32_t r, const char *engine, char *buf, size_t size)
{
    const char *name = find(ring, sizeof(ring) / sizeof(ring[0]), r);

    if (name)
        snprintf(buf, size, "%s_%s", engine, name);
    else if (r - R_PDP0_LDW < 32)
        snprintf(buf, size, "%s_PDP%u_%s", engine, (r - R_PDP0_LDW) / 8, r & 4 ? "UDW" : "LDW");
    else if (r - R_CSB < 48)
        snprintf(buf, size, "%s_CONTEXT_STATUS_%u_%s", engine, (r - R_CSB) / 8,
                 r & 4 ? "ID" : "BITS");
    else if (r - R_GPR < 128)
        snprintf(buf, size, "%s_GPR%u_%s", engine, (r - R_GPR) / 8, r & 4 ? "UDW" : "LDW");
    else if (r - R_FORCE_TO_NONPRIV < 48)
        snprintf(buf, size, "%s_FORCE_TO_NONPRIV_%u", engine, (r - R_FORCE_TO_NONPRIV) / 4);
    else
        snprintf(buf, size, "%s_%03X", engine, r);
    return buf;
}

const char *trace_register(const struct trace_names *n, uint32_t offset, char *buf, size_t size)
{
    static const struct name engines[] = {
        {0x2000, "RCS"}, {0x12000, "VCS"}, {0x1a000, "VECS"}, {0x1c000, "VCS2"}, {0x22000, "BCS"}};
    const char *name;

    offset &= ~3u;
    for (size_t i = 0; i < sizeof(engines) / sizeof(engines[0]); i++)
        if (offset - engines[i].offset < ENGINE_REGS_SIZE)
            return ring_register(offset - engines[i].offset, engines[i].name, buf, size);
    name = find(gam, sizeof(gam) / sizeof(gam[0]), offset);
    for (unsigned i = 0; !name && i < CHIPS; i++)
        name = regs_name(n->chips[i].regs, offset);
    return name ? name : "";
}

const char *trace_command(const struct trace_names *n, unsigned source, uint32_t header)
{
    bool engine = source < TRACE_SOURCES && source != TRACE_CPU;
    const char *name = NULL;

    if (engine)
        name = cs_name(n->commands, source == TRACE_VCS2 ? ENGINE_VCS2 : source, header);
    return name ? name : "unknown";
}
