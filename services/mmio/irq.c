/* SPDX-License-Identifier: MIT */
/*
 * irq.c: interrupts of the virtual device: from an event to the tree of the guest's generation
 * (irq7.c, irq8.c), and the MSI at its end. Called by events.c and display.c, and by the trees'
 * handlers.
 */
#include "services/mmio/priv.h"

#include "lib/crash.h"

/* Xen drops nothing on the way to the guest's local APIC; a masked MSI is simply not sent. */
int mmio_irq_send(struct mmio *m)
{
    uint64_t addr;
    uint32_t data;
    int rc;

    crash_point("mmio.irq.raised");
    rc = mmio_config_msi(m, &addr, &data) ? m->s.ops->inject_msi(m->s.vmm, addr, data) : 0;
    crash_point("mmio.irq.sent");
    return rc;
}

int mmio_irq_pipe(struct mmio *m, uint32_t pipe, uint32_t events)
{
    return m->model->irq->pipe(m, pipe, events) ? mmio_irq_send(m) : 0;
}

int mmio_irq_engine(struct mmio *m, uint32_t engine, uint32_t events)
{
    return m->model->irq->engine(m, engine, events) ? mmio_irq_send(m) : 0;
}

/* Error and status registers outside the tree: write one to clear. */
static int w1c_write(struct mmio *m, const struct mmio_write *w)
{
    *mmio_reg(m, w->offset) &= ~(w->value & w->mask);
    return 0;
}

static const struct mmio_handler w1c_handler = {"write one to clear", NULL, w1c_write};

void mmio_irq_attach(struct mmio *m)
{
    static const struct mmio_regs regs[] = {
        {0x42300, 1, &w1c_handler}, /* FPGA_DBG */
        {0x44040, 1, &w1c_handler}, /* ERR_INT */
        {0x64838, 1, &w1c_handler}, /* EDP_PSR_IIR */
        {0xc4040, 1, &w1c_handler}, /* SERR_INT */
    };

    mmio_register(m, regs, sizeof regs / sizeof regs[0]);
}
