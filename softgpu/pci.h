/* SPDX-License-Identifier: MIT */
/*
 * pci.h: configuration space of the graphics function 00:02.0 (conventional PCI, 256 bytes): ids,
 * three BARs, MSI and power management capabilities, and the graphics registers GGC, BSM, ASLS.
 * Used by the transport thread only. PRM HSW and BDW vol. 5, "GGC", "GTTMMADR", "GMADR", "IOBAR".
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#define PCI_CONFIG_SIZE 256u
#define PCI_BAR2_SIZE   (256u << 20) /* aperture */
#define PCI_BAR4_SIZE   64u          /* I/O: index and data */

struct model;

struct pci {
    uint8_t config[PCI_CONFIG_SIZE];
    uint8_t writable[PCI_CONFIG_SIZE]; /* mask per byte */
};

/* As after power-on, of the chip m: its ids and the size of its BAR0 (model.h). */
void pci_reset(struct pci *p, const struct model *m);
/* len bytes at offset; the caller has checked offset + len <= PCI_CONFIG_SIZE. */
void pci_read(const struct pci *p, uint32_t offset, void *buf, uint32_t len);
void pci_write(struct pci *p, uint32_t offset, const void *buf, uint32_t len);
/* COMMAND bit 10: INTx is off. */
bool pci_intx_disabled(const struct pci *p);
/* STATUS bit 3 as INTx stands. */
void pci_show_intx(struct pci *p, bool pending);
