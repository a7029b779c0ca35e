/* SPDX-License-Identifier: MIT */
/*
 * gmbus.c: the I2C controller and the EDID EEPROMs (gmbus.h). A transfer is finished as soon as it
 * is asked for: HW_RDY is always set, the wait phase is reached when the byte count is used up.
 * Handlers run under the register file's lock.
 */
#include "softgpu/gmbus.h"

#include "softgpu/edid.h"
#include "softgpu/irq.h"
#include "softgpu/regs.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define GMBUS0 0xc5100u /* pin pair in bits 2:0 */
#define GMBUS1 0xc5104u
#define GMBUS2 0xc5108u
#define GMBUS3 0xc510cu
#define GMBUS4 0xc5110u
#define GMBUS5 0xc5120u

#define CMD_CLEAR_INT   (1u << 31)
#define CMD_READY       (1u << 30)
#define CMD_STOP        (1u << 27)
#define CMD_INDEX       (1u << 26)
#define CMD_WAIT        (1u << 25)
#define CMD_COUNT(v)    ((v) >> 16 & 0x1ff)
#define CMD_INDEX_OF(v) ((v) >> 8 & 0xff)
#define CMD_SLAVE(v)    ((v) >> 1 & 0x7f)
#define CMD_READ        (1u << 0)

#define STAT_WAIT_PHASE (1u << 14)
#define STAT_HW_RDY     (1u << 11)
#define STAT_NAK        (1u << 10)
#define STAT_ACTIVE     (1u << 9)

/* Interrupt enables of GMBUS4. */
#define INT_NAK    (1u << 3)
#define INT_IDLE   (1u << 2)
#define INT_WAIT   (1u << 1)
#define INT_HW_RDY (1u << 0)

#define PINS       8u
#define SLAVE_EDID 0x50u

struct eeprom {
    uint8_t data[EDID_MAX];
    uint32_t len; /* 0: not connected */
};

struct gmbus {
    struct regs *regs;
    struct irq *irq;
    struct eeprom eeprom[PINS];
    uint8_t pointer; /* the EEPROM's address counter */
    uint32_t left;   /* bytes of the current transfer */
    bool reading;
    bool first; /* the next byte written sets the address counter */
    bool nak;
    bool active;
    bool wait_phase;
};

static void event(struct gmbus *g, uint32_t what)
{
    if (regs_peek(g->regs, GMBUS4) & what)
        irq_raise_locked(g->irq, IRQ_PCH, IRQ_PCH_GMBUS);
}

static void write_bytes(struct gmbus *g, uint32_t data)
{
    for (unsigned i = 0; i < 4 && g->left; i++, g->left--) {
        if (g->first)
            g->pointer = (uint8_t)(data >> 8 * i);
        g->first = false; /* the EEPROM is write protected */
    }
    g->wait_phase = !g->left;
}

static void stop(struct gmbus *g)
{
    g->active = false;
    g->wait_phase = false;
    g->left = 0;
    event(g, INT_IDLE);
}

static const struct eeprom *selected(const struct gmbus *g)
{
    return &g->eeprom[regs_peek(g->regs, GMBUS0) & (PINS - 1)];
}

static bool answers(const struct gmbus *g, uint32_t cmd)
{
    return selected(g)->len && CMD_SLAVE(cmd) == SLAVE_EDID;
}

/* Pulled in the middle of a transfer: the bus floats high. */
static uint8_t next_byte(struct gmbus *g)
{
    const struct eeprom *e = selected(g);

    return e->len ? e->data[g->pointer++ % e->len] : 0xff;
}

static void start(struct gmbus *g, uint32_t cmd)
{
    g->wait_phase = false;
    if (!answers(g, cmd)) {
        g->nak = true;
        g->active = false;
        event(g, INT_NAK);
        return;
    }
    g->active = true;
    g->left = CMD_COUNT(cmd);
    g->reading = cmd & CMD_READ;
    g->first = true;
    if (cmd & CMD_INDEX)
        g->pointer = (uint8_t)CMD_INDEX_OF(cmd);
    if (!g->reading)
        write_bytes(g, regs_peek(g->regs, GMBUS3));
    event(g, INT_HW_RDY | (g->wait_phase ? INT_WAIT : 0));
}

static void gmbus1_write(void *owner, uint32_t offset, uint32_t cmd)
{
    struct gmbus *g = owner;

    regs_poke(g->regs, offset, cmd);
    if (cmd & CMD_CLEAR_INT) {
        g->nak = false;
        stop(g);
        return;
    }
    if (!(cmd & CMD_READY))
        return;
    if (cmd & CMD_WAIT && !g->nak)
        start(g, cmd);
    /* A stop cycle without a start ends what is going on; with one it follows the last byte. */
    if (cmd & CMD_STOP && !(cmd & CMD_WAIT))
        stop(g);
}

static uint32_t gmbus2_read(void *owner, uint32_t offset)
{
    const struct gmbus *g = owner;

    (void)offset;
    return STAT_HW_RDY | (g->nak ? STAT_NAK : 0) | (g->active ? STAT_ACTIVE : 0) |
           (g->wait_phase ? STAT_WAIT_PHASE : 0) | (g->left & 0x1ff);
}

/* Up to four bytes, the first in bits 7:0. */
static uint32_t gmbus3_read(void *owner, uint32_t offset)
{
    struct gmbus *g = owner;
    uint32_t data = 0;

    (void)offset;
    if (!g->active || !g->reading)
        return 0;
    for (unsigned i = 0; i < 4 && g->left; i++, g->left--)
        data |= (uint32_t)next_byte(g) << 8 * i;
    g->wait_phase = !g->left;
    event(g, INT_HW_RDY | (g->wait_phase ? INT_WAIT : 0));
    /* With a stop cycle asked for together with the transfer, the bus goes idle by itself. */
    if (g->wait_phase && regs_peek(g->regs, GMBUS1) & CMD_STOP)
        stop(g);
    return data;
}

static void gmbus3_write(void *owner, uint32_t offset, uint32_t data)
{
    struct gmbus *g = owner;

    regs_poke(g->regs, offset, data);
    if (g->active && !g->reading && g->left) {
        write_bytes(g, data);
        event(g, INT_HW_RDY | (g->wait_phase ? INT_WAIT : 0));
    }
}

/* Enabling an interrupt whose cause is there raises it: the driver enables, then waits. */
static void gmbus4_write(void *owner, uint32_t offset, uint32_t value)
{
    struct gmbus *g = owner;

    regs_poke(g->regs, offset, value);
    event(g, (g->nak ? INT_NAK : 0) | (g->wait_phase ? INT_WAIT : 0) |
                 (g->active ? INT_HW_RDY : INT_IDLE));
}

static const struct regs_range table[] = {
    {GMBUS0, GMBUS0, "GMBUS0", NULL, NULL, 0},
    {GMBUS1, GMBUS1, "GMBUS1", NULL, gmbus1_write, 0},
    {GMBUS2, GMBUS2, "GMBUS2", gmbus2_read, regs_write_ignored, 0},
    {GMBUS3, GMBUS3, "GMBUS3", gmbus3_read, gmbus3_write, 0},
    {GMBUS4, GMBUS4, "GMBUS4", NULL, gmbus4_write, 0},
    {GMBUS5, GMBUS5, "GMBUS5", NULL, NULL, 0},
};

struct gmbus *gmbus_new(struct regs *r, struct irq *irq)
{
    struct gmbus *g = calloc(1, sizeof(*g));

    if (!g)
        return NULL;
    g->regs = r;
    g->irq = irq;
    if (regs_add(r, table, sizeof(table) / sizeof(table[0]), g))
        return gmbus_free(g);
    return g;
}

struct gmbus *gmbus_free(struct gmbus *g)
{
    free(g);
    return NULL;
}

void gmbus_reset(struct gmbus *g)
{
    regs_lock(g->regs);
    g->pointer = 0;
    g->left = 0;
    g->reading = g->first = g->nak = g->active = g->wait_phase = false;
    regs_unlock(g->regs);
}

void gmbus_connect_locked(struct gmbus *g, enum gmbus_pin pin, const uint8_t *edid, uint32_t len)
{
    struct eeprom *e = &g->eeprom[pin];

    assert(len <= EDID_MAX && len % EDID_SIZE == 0);
    if (len)
        memcpy(e->data, edid, len);
    e->len = len;
}
