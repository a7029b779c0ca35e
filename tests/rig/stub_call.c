/* SPDX-License-Identifier: MIT */
/*
 * stub_call.c: which node may make which call, and who carries it out. Called by stub_node.c for
 * every message of a session.
 */
#include "tests/rig/stub.h"

#include <errno.h>

static int info(struct stub_call *c)
{
    const struct softstub *s = c->s;

    c->m->arg.info = (struct vgt_stub_info){
        .version = VGT_STUB_VERSION,
        .device = s->device,
        .revision = s->revision,
        .gen = s->access.gen,
        .row = (uint8_t)c->node->index,
        .pte_size = s->pte_size,
        .vcs2 = s->access.vcs2,
        .pv = 1, /* pins work */
        .ggc = s->ggc,
        .ggtt_entries = s->ggtt_entries,
        .gtt_offset = s->gtt_offset,
        .aperture_base = STUB_POOL_END, /* where no memory is */
        .aperture_size = s->aperture_size,
        .scratch_dma = STUB_SCRATCH,
        .generation = c->node->generation,
        .max_dma_pages = s->limits.dma_pages,
        .max_pins = c->node->index == VGT_ROW_GTT ? s->limits.pins : 0,
        .aperture_slice = s->slice,
        .aperture_slice_at = s->slice_at,
    };
    return 0;
}

#define GTT     (1u << VGT_ROW_GTT)
#define SCHED   (1u << VGT_ROW_SCHED)
#define DISPLAY (1u << VGT_ROW_DISPLAY)
#define ROWS    (GTT | SCHED | DISPLAY)
#define IRQS    (SCHED | DISPLAY)
#define BROKER  (1u << SOFT_BROKER)

static const struct entry {
    uint32_t command;
    unsigned nodes;
    int (*fn)(struct stub_call *c);
    bool posted;
} entries[] = {
    {VGT_IOC_REG, ROWS, stub_call_reg, false},
    {SOFT_GTT_WRITE, GTT, stub_call_gtt_write, true},
    {SOFT_GTT_READ, GTT, stub_call_gtt_read, false},
    {VGT_IOC_IRQ_FETCH, IRQS, stub_call_irq_fetch, false},
    {VGT_IOC_IRQ_SET, IRQS, stub_call_irq_set, false},
    {VGT_IOC_IRQ_GET, IRQS, stub_call_irq_get, false},
    {VGT_IOC_IRQ_EVENTFD, IRQS, stub_call_irq_eventfd, false},
    {VGT_IOC_PIN, GTT, stub_call_pin, false},
    {VGT_IOC_UNPIN, GTT, stub_call_unpin, false},
    {VGT_IOC_UNPIN_DOMAIN, GTT, stub_call_unpin_domain, false},
    {VGT_IOC_PIN_LIST, GTT, stub_call_pin_list, false},
    {VGT_IOC_DMA_ALLOC, ROWS, stub_call_dma_alloc, false},
    {VGT_IOC_DMA_FREE, ROWS, stub_call_dma_free, false},
    {VGT_IOC_DMA_QUERY, ROWS, stub_call_dma_query, false},
    {VGT_IOC_DMA_LIST, ROWS, stub_call_dma_list, false},
    {SOFT_APERTURE, DISPLAY, stub_call_aperture, false},
    {VGT_IOC_INFO, ROWS, info, false},
    {VGT_IOC_ATTACH, BROKER, stub_call_attach, false},
    {VGT_IOC_DETACH, BROKER, stub_call_detach, false},
};

static const struct entry *find(uint32_t command)
{
    for (unsigned i = 0; i < sizeof(entries) / sizeof(entries[0]); i++)
        if (entries[i].command == command)
            return &entries[i];
    return NULL;
}

/* With a device node a mapping is refused with -EACCES and a call with -ENOTTY. */
static int refused(uint32_t command)
{
    return command == SOFT_APERTURE || command == SOFT_GTT_READ ? -EACCES : -ENOTTY;
}

bool stub_call_run(struct stub_call *c)
{
    const struct entry *e = find(c->m->command);
    bool may = e && e->nodes & 1u << c->node->index;

    /* Handlers that take payload look at words; what they answer with is theirs to set. */
    if (may && c->m->command != VGT_IOC_PIN && c->m->command != VGT_IOC_UNPIN)
        c->m->words = 0;
    c->m->result = may ? e->fn(c) : refused(c->m->command);
    if (e && e->posted) {
        if (c->m->result)
            log_write(c->s->log, LOG_WARNING, "a posted write was refused", "node=%u error=%d",
                      c->node->index, c->m->result);
        return false;
    }
    if (c->m->result < 0 || !may)
        c->m->words = 0;
    return true;
}
