/* SPDX-License-Identifier: MIT */
/*
 * poison.h: inputs that kill vgt-gtt-poisoned, vgt-mmio-poisoned and vgt-sched-poisoned, and nobody
 * else: between the rig's guest, which writes them (--poison, poison_guest.c), and what is linked
 * into those three (poison_gtt.c, poison_mmio.c, poison_sched.c). The services in earnest refuse
 * them as they refuse any nonsense.
 */
#pragma once

#define POISON_GGTT    0xbad00001ull /* an entry of the GGTT: a frame that is no memory */
#define POISON_ENTRY   0xbad01003ull /* an entry of a page table */
#define POISON_ROOT    0xbad02000ull /* a PML4 */
#define POISON_REG     0x7300u       /* HDC_CHICKEN0, which has a mask, */
#define POISON_VALUE   0xbad03u      /* and what is written to it */
#define POISON_COMMAND 0x11800001u   /* MI_UPDATE_GTT, in a ring, */
#define POISON_AT      0xbad04000u   /* with this address */
#define POISON_ROUND   3u            /* after this one of its rounds the guest writes them, */
#define POISON_SLOT    6u            /* where the bad entry stands; blit.c leaves it alone */
