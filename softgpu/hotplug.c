/* SPDX-License-Identifier: MIT */
/*
 * hotplug.c: monitors that come and go (hotplug.h). Called by the loop's thread; register handlers
 * run under the register file's lock on any thread. Facts: PRM BDW vol. 2c, SHOTPLUG_CTL, SDE
 * interrupt bits; SFUSE_STRAP.
 */
#include "softgpu/hotplug.h"

#include "softgpu/gmbus.h"
#include "softgpu/irq.h"
#include "softgpu/regs.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define SFUSE_STRAP 0xc2014u

/* One byte per port: pulse status (write one to clear), duration, enable. */
#define SHOTPLUG_CTL    0xc4030u
#define SHOTPLUG_LONG   2u
#define SHOTPLUG_STATUS 0x00030303u
#define SHOTPLUG_ENABLE (1u << 4)

struct port {
    const char *name;
    enum gmbus_pin pin;
    uint32_t live;  /* bit of the PCH bank */
    unsigned shift; /* of its byte in SHOTPLUG_CTL */
    uint32_t strap;
};

static const struct port ports[HOTPLUG_PORTS] = {
    [HOTPLUG_PORT_B] = {"B", GMBUS_PIN_B, IRQ_PCH_PORT_B, 0, 1u << 2},
    [HOTPLUG_PORT_C] = {"C", GMBUS_PIN_C, IRQ_PCH_PORT_C, 8, 1u << 1},
};

struct hotplug {
    struct regs *regs;
    struct irq *irq;
    struct gmbus *gmbus;
    struct hotplug_monitor monitor[HOTPLUG_PORTS];
    bool exists[HOTPLUG_PORTS];
};

int hotplug_parse_port(const char *word, enum hotplug_port *out)
{
    for (unsigned i = 0; i < HOTPLUG_PORTS; i++) {
        if (strcmp(word, ports[i].name))
            continue;
        *out = i;
        return 0;
    }
    return -EINVAL;
}

/* Up to four digits; where they end. */
static const char *side(const char *s, uint32_t *out)
{
    const char *start = s;

    for (*out = 0; *s >= '0' && *s <= '9' && s - start < 4; s++)
        *out = *out * 10 + (uint32_t)(*s - '0');
    return s > start ? s : NULL;
}

static int parse_size(const char *word, struct hotplug_monitor *out)
{
    uint32_t width, height, hz = 0;
    const char *at = side(word, &width);
    int ret;

    if (!at || *at != 'x')
        return -EINVAL;
    at = side(at + 1, &height);
    if (at && *at == '@') {
        at = side(at + 1, &hz);
        if (!hz)
            return -EINVAL;
    }
    if (!at || *at)
        return -EINVAL;
    ret = edid_build_size(out->edid, width, height, hz);
    if (ret)
        return ret;
    snprintf(out->name, sizeof(out->name), "%s", word);
    out->len = EDID_MAX;
    return 0;
}

int hotplug_parse_monitor(const char *word, struct hotplug_monitor *out)
{
    memset(out, 0, sizeof(*out));
    if (strcmp(word, "none") && strcmp(word, "default"))
        return parse_size(word, out);
    strcpy(out->name, word);
    if (!strcmp(word, "default")) {
        edid_build(out->edid);
        out->len = EDID_SIZE;
    }
    return 0;
}

static void shotplug_write(void *owner, uint32_t offset, uint32_t value)
{
    struct hotplug *h = owner;
    uint32_t status = regs_peek(h->regs, offset) & SHOTPLUG_STATUS & ~value;

    regs_poke(h->regs, offset, (value & ~SHOTPLUG_STATUS) | status);
}

static const struct regs_range table[] = {
    {SHOTPLUG_CTL, SHOTPLUG_CTL, "PCH_PORT_HOTPLUG", NULL, shotplug_write, 0},
};

/* What the registers show of a port, without an event. */
static void show(struct hotplug *h, enum hotplug_port port)
{
    const struct hotplug_monitor *m = &h->monitor[port];
    const struct port *p = &ports[port];

    gmbus_connect_locked(h->gmbus, p->pin, m->edid, m->len);
    irq_set_live_locked(h->irq, IRQ_PCH, p->live, m->len ? p->live : 0);
    if (h->exists[port])
        regs_poke(h->regs, SFUSE_STRAP, regs_peek(h->regs, SFUSE_STRAP) | p->strap);
}

static void pulse(struct hotplug *h, enum hotplug_port port)
{
    const struct port *p = &ports[port];
    uint32_t ctl = regs_peek(h->regs, SHOTPLUG_CTL);

    if (!(ctl & SHOTPLUG_ENABLE << p->shift))
        return;
    regs_poke(h->regs, SHOTPLUG_CTL, ctl | SHOTPLUG_LONG << p->shift);
    irq_raise_locked(h->irq, IRQ_PCH, p->live);
}

static void change(struct hotplug *h, enum hotplug_port port, const struct hotplug_monitor *m)
{
    h->monitor[port] = *m;
    show(h, port);
    pulse(h, port);
}

struct hotplug *hotplug_new(struct regs *r, struct irq *irq, struct gmbus *gmbus)
{
    struct hotplug *h = calloc(1, sizeof(*h));

    if (!h)
        return NULL;
    h->regs = r;
    h->irq = irq;
    h->gmbus = gmbus;
    hotplug_parse_monitor("default", &h->monitor[HOTPLUG_PORT_B]);
    hotplug_parse_monitor("none", &h->monitor[HOTPLUG_PORT_C]);
    h->exists[HOTPLUG_PORT_B] = true;
    if (regs_add(r, table, sizeof(table) / sizeof(table[0]), h))
        return hotplug_free(h);
    return h;
}

struct hotplug *hotplug_free(struct hotplug *h)
{
    free(h);
    return NULL;
}

void hotplug_reset(struct hotplug *h)
{
    regs_lock(h->regs);
    for (unsigned i = 0; i < HOTPLUG_PORTS; i++)
        show(h, i);
    regs_unlock(h->regs);
}

void hotplug_set(struct hotplug *h, enum hotplug_port port, const struct hotplug_monitor *m)
{
    struct hotplug_monitor none;

    hotplug_parse_monitor("none", &none);
    regs_lock(h->regs);
    h->exists[port] = true;
    if (h->monitor[port].len)
        change(h, port, &none);
    if (m->len)
        change(h, port, m);
    else
        show(h, port);
    regs_unlock(h->regs);
}

void hotplug_print(struct hotplug *h, FILE *out)
{
    const char *comma = "";

    regs_lock(h->regs);
    fputc('{', out);
    for (unsigned i = 0; i < HOTPLUG_PORTS; i++) {
        if (!h->exists[i])
            continue;
        fprintf(out, "%s\"%s\":\"%s\"", comma, ports[i].name, h->monitor[i].name);
        comma = ",";
    }
    fputc('}', out);
    regs_unlock(h->regs);
}
