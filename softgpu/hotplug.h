/* SPDX-License-Identifier: MIT */
/*
 * hotplug.h: the monitors at ports B and C (HDMI) and what the device shows of them: live state
 * and hot-plug event of the south display, its hot-plug control (PCH_PORT_HOTPLUG 0xc4030), the
 * EDID at the port's pin pair, and the strap of port C (SFUSE_STRAP 0xc2014). State is guarded by
 * the register file's lock.
 */
#pragma once
#include "softgpu/edid.h"

#include <stdint.h>
#include <stdio.h>

struct gmbus;
struct hotplug;
struct irq;
struct regs;

enum hotplug_port { HOTPLUG_PORT_B, HOTPLUG_PORT_C, HOTPLUG_PORTS };

struct hotplug_monitor {
    char name[16];          /* "none", "default", WxH or WxH@HZ */
    uint8_t edid[EDID_MAX]; /* len bytes */
    uint32_t len;           /* 0: no monitor */
};

/* "B" or "C". 0 or -EINVAL. */
int hotplug_parse_port(const char *word, enum hotplug_port *out);
/* "none", "default" (edid_build()) or WxH or WxH@HZ (edid_build_size()). 0, -EINVAL when it is none
 * of these, -ERANGE of edid_build_size(). */
int hotplug_parse_monitor(const char *word, struct hotplug_monitor *out);

/* Port B has the default monitor, port C does not exist. NULL when out of memory. */
struct hotplug *hotplug_new(struct regs *r, struct irq *irq, struct gmbus *gmbus);
struct hotplug *hotplug_free(struct hotplug *h);
/* Monitors stay. After regs_reset(). */
void hotplug_reset(struct hotplug *h);
/* Plugs a monitor, after pulling the one that is there, or pulls it: each is a long pulse, an
 * interrupt when the port's detection is enabled. The first call for port C makes that port exist:
 * a driver that has read the strap before does not see it. */
void hotplug_set(struct hotplug *h, enum hotplug_port port, const struct hotplug_monitor *m);
/* JSON object: a member per port that exists, its monitor's name. */
void hotplug_print(struct hotplug *h, FILE *out);
