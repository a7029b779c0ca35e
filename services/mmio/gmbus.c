/* SPDX-License-Identifier: MIT */
/*
 * gmbus.c: the display's I2C controller, with one slave: the EDID at 0x50 of the monitor on port B
 * (pin pair 5). Everything else does not acknowledge. Called by dispatch.c. Transfers complete at
 * once, so every wait of a driver ends at its first look. Register facts: Broadwell PRM vol. 2c,
 * GMBUS0..GMBUS5.
 */
#include "services/mmio/priv.h"

enum { GMBUS0 = 0xc5100, GMBUS1 = 0xc5104, GMBUS2 = 0xc5108, GMBUS3 = 0xc510c };

enum { PIN_PORT_B = 5, EDID_SLAVE = 0x50 };

#define CLEAR_ERROR (1u << 31)
#define SW_READY    (1u << 30)
#define CYCLE_STOP  (1u << 27)
#define CYCLE_INDEX (1u << 26)
#define CYCLE_WAIT  (1u << 25)

#define STATUS_WAIT   (1u << 14)
#define STATUS_READY  (1u << 11)
#define STATUS_NAK    (1u << 10)
#define STATUS_ACTIVE (1u << 9)

/* struct vreg_gmbus.state */
enum { BUS_IDLE, BUS_READING, BUS_WRITING, BUS_NAK };

static bool acknowledges(struct mmio *m, uint32_t slave)
{
    return m->s.vgpu.monitor && (*mmio_reg(m, GMBUS0) & 7) == PIN_PORT_B && slave == EDID_SLAVE;
}

/* The one byte the EDID takes is the offset of the next read; further ones are swallowed. */
static void take_bytes(struct vreg_gmbus *g, uint32_t data)
{
    if (!g->pad) {
        g->offset = data & 0xff;
        g->pad = 1;
    }
    g->left = g->left > 4 ? g->left - 4 : 0;
}

static void start(struct mmio *m, uint32_t value)
{
    struct vreg_gmbus *g = &m->vreg->gmbus;

    g->slave = value >> 1 & 0x7f;
    if (!acknowledges(m, g->slave)) {
        g->state = BUS_NAK;
        return;
    }
    g->left = value >> 16 & 0x1ff;
    g->pad = 0;
    if (value & CYCLE_INDEX)
        g->offset = value >> 8 & 0xff;
    g->state = value & 1 ? BUS_READING : BUS_WRITING;
    /* The first bytes of a write are in the data register before the transfer starts. */
    if (g->state == BUS_WRITING && g->left)
        take_bytes(g, *mmio_reg(m, GMBUS3));
}

static int gmbus1_write(struct mmio *m, const struct mmio_write *w)
{
    struct vreg_gmbus *g = &m->vreg->gmbus;

    mmio_undo(m, g, sizeof *g);
    if (w->value & CLEAR_ERROR)
        *g = (struct vreg_gmbus){.offset = g->offset};
    else if (w->value & SW_READY && w->value & (CYCLE_WAIT | CYCLE_INDEX))
        start(m, w->value);
    else if (w->value & CYCLE_STOP && g->state != BUS_NAK)
        g->state = BUS_IDLE;
    *mmio_reg(m, GMBUS1) = w->value;
    return 0;
}

static uint32_t gmbus2_read(struct mmio *m, uint32_t offset)
{
    const struct vreg_gmbus *g = &m->vreg->gmbus;

    (void)offset;
    switch (g->state) {
    case BUS_READING:
    case BUS_WRITING:
        if (!g->left && *mmio_reg(m, GMBUS1) & CYCLE_STOP)
            return STATUS_READY; /* asked to stop by itself after the last byte */
        return STATUS_READY | STATUS_ACTIVE | (g->left ? 0 : STATUS_WAIT);
    case BUS_NAK:
        return STATUS_READY | STATUS_NAK;
    }
    return STATUS_READY;
}

/* Four bytes per read, least significant first; the EDID repeats after its end. */
static uint32_t gmbus3_read(struct mmio *m, uint32_t offset)
{
    struct vreg_gmbus *g = &m->vreg->gmbus;
    uint32_t value = 0;

    (void)offset;
    if (g->state != BUS_READING)
        return 0;
    mmio_undo(m, g, sizeof *g);
    for (unsigned i = 0; i < 4 && g->left; i++, g->left--, g->offset++)
        value |= (uint32_t)m->s.vgpu.edid[g->offset % EDID_SIZE] << (8 * i);
    return value;
}

static int gmbus3_write(struct mmio *m, const struct mmio_write *w)
{
    struct vreg_gmbus *g = &m->vreg->gmbus;

    mmio_undo(m, g, sizeof *g);
    *mmio_reg(m, GMBUS3) = w->value;
    if (g->state == BUS_WRITING && g->left)
        take_bytes(g, w->value);
    return 0;
}

/* The in-use bit is a lock between drivers of one guest: free again when it is written. */
static int gmbus2_write(struct mmio *m, const struct mmio_write *w)
{
    (void)m;
    (void)w;
    return 0;
}

static const struct mmio_handler gmbus1_handler = {"GMBUS1", NULL, gmbus1_write};
static const struct mmio_handler gmbus2_handler = {"GMBUS2", gmbus2_read, gmbus2_write};
static const struct mmio_handler gmbus3_handler = {"GMBUS3", gmbus3_read, gmbus3_write};

static void attach(struct mmio *m)
{
    static const struct mmio_regs regs[] = {
        {GMBUS1, 1, &gmbus1_handler},
        {GMBUS2, 1, &gmbus2_handler},
        {GMBUS3, 1, &gmbus3_handler},
    };

    mmio_register(m, regs, sizeof regs / sizeof regs[0]);
}

static void reset(struct mmio *m)
{
    m->vreg->gmbus = (struct vreg_gmbus){.state = BUS_IDLE};
}

const struct mmio_part mmio_part_gmbus = {attach, reset};
