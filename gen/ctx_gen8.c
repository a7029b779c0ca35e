/* SPDX-License-Identifier: MIT */
/* Logical ring contexts of gen8; see ctx_gen8.h. Pure functions, any thread. */
#include "gen/ctx_gen8.h"

#include "gen/cmdregs_gen8.h"
#include "gen/cmds_gen8.h"

#include <assert.h>
#include <string.h>

#define LRI(count)      (MI_LRI | (2 * (count)-1))
#define LRI_POSTED      (1u << 12)
#define RING_HEAD_MASK  0x001ffffcu
#define RING_TAIL_MASK  0x001ffff8u
#define RING_CTL_PAGES  0x001ff000u
#define RING_CTL_VALID  1u
#define BATCH_PTR_LOW   0x3eu
#define INDIRECT_OFFSET (0x17u << 6) /* where the hardware saves it on Broadwell */
#define BATCH_PTR_VALID 1u
#define INDIRECT_LINES  0x3fu
#define CTX_CONTROL_GUEST                                                                          \
    (CTX_CONTROL_RESTORE_INHIBIT | CTX_CONTROL_RS_ENABLE | CTX_CONTROL_INHIBIT_SYNC)

/*
 * The ring's part of the state: every dword that is not a value. Registers relative to the
 * engine's base; gaps between the lists are MI_NOOP.
 */
struct list {
    uint32_t at; /* dword of the header */
    uint32_t n;
    bool optional; /* drivers before 2019 leave it to the hardware to write */
    uint16_t reg[14];
};

static const uint16_t max_lists = 3;
static const struct list rcs_lists[] = {
    {0x01,
     14,
     false,
     {0x244, 0x34, 0x30, 0x38, 0x3c, 0x168, 0x140, 0x110, 0x11c, 0x114, 0x118, 0x1c0, 0x1c4,
      0x1c8}},
    {0x21, 9, false, {0x3a8, 0x28c, 0x288, 0x284, 0x280, 0x27c, 0x278, 0x274, 0x270}},
    {0x41, 1, true, {0xc8}},
};
static const struct list xcs_lists[] = {
    {0x01, 11, false, {0x244, 0x34, 0x30, 0x38, 0x3c, 0x168, 0x140, 0x110, 0x11c, 0x114, 0x118}},
    {0x21, 9, false, {0x3a8, 0x28c, 0x288, 0x284, 0x280, 0x27c, 0x278, 0x274, 0x270}},
    {0x41, 2, true, {0x200, 0x28}},
};

static const struct list *lists(enum gen8_engine engine)
{
    return engine == GEN8_RCS ? rcs_lists : xcs_lists;
}

size_t ctx_gen8_pages(enum gen8_engine engine)
{
    return engine == GEN8_RCS ? CTX_GEN8_RCS_PAGES : CTX_GEN8_XCS_PAGES;
}

/* The audit's running state. */
struct walk {
    enum gen8_engine engine;
    const uint32_t *s;    /* register state */
    size_t n;             /* its dwords */
    uint32_t at;          /* where it stopped */
    uint32_t engine_part; /* first dword behind the ring's part */
};

static bool noops(struct walk *w, uint32_t end)
{
    for (; w->at < end; w->at++) {
        if (w->s[w->at] != MI_NOOP)
            return false;
    }
    return true;
}

static bool list_ok(struct walk *w, const struct list *l)
{
    uint32_t base = gen8_engine_base(w->engine);

    if (!noops(w, l->at))
        return false;
    if (l->optional && w->s[l->at] == MI_NOOP)
        return true;
    if ((w->s[l->at] & ~LRI_POSTED) != LRI(l->n))
        return false;
    for (uint32_t i = 0; i < l->n; i++) {
        w->at = l->at + 1 + 2 * i;
        if (w->s[w->at] != base + l->reg[i])
            return false;
    }
    w->at = l->at + 1 + 2 * l->n;
    return true;
}

static enum ctx_gen8_reason check_layout(struct walk *w)
{
    for (unsigned i = 0; i < max_lists; i++) {
        if (!list_ok(w, &lists(w->engine)[i]))
            return CTX_BAD_LAYOUT;
    }
    w->engine_part = w->at;
    return CTX_OK;
}

static enum ctx_gen8_reason read_ring(struct walk *w, struct ctx_gen8_state *st)
{
    uint32_t ctl = w->s[CTX_RING_CTL];

    st->control = w->s[CTX_CONTROL] & (w->s[CTX_CONTROL] >> 16) & CTX_CONTROL_GUEST;
    st->head = w->s[CTX_RING_HEAD] & RING_HEAD_MASK;
    st->tail = w->s[CTX_RING_TAIL] & RING_TAIL_MASK;
    st->ring_start = w->s[CTX_RING_START];
    st->ring_size = (ctl & RING_CTL_PAGES) + 4096;
    for (unsigned i = 0; i < 4; i++)
        st->pdp[i] = (uint64_t)w->s[CTX_PDP_UDW(i)] << 32 | w->s[CTX_PDP_LDW(i)];
    w->at = CTX_RING_HEAD;
    if (!(ctl & RING_CTL_VALID) || st->head >= st->ring_size || st->tail >= st->ring_size)
        return CTX_BAD_RING;
    w->at = CTX_RING_START;
    if ((st->ring_start & 4095) || st->ring_start > UINT32_MAX - st->ring_size + 1)
        return CTX_BAD_RING;
    return CTX_OK;
}

/* Only the render engine has context batches. */
static enum ctx_gen8_reason read_batches(struct walk *w, struct ctx_gen8_state *st)
{
    uint32_t per_ctx, indirect;

    st->per_ctx = st->indirect = st->indirect_len = 0;
    if (w->engine != GEN8_RCS)
        return CTX_OK;
    per_ctx = w->s[CTX_BB_PER_CTX_PTR];
    indirect = w->s[CTX_INDIRECT_CTX];
    w->at = CTX_BB_PER_CTX_PTR;
    if (per_ctx & BATCH_PTR_LOW)
        return CTX_BAD_BATCH;
    if (per_ctx & BATCH_PTR_VALID)
        st->per_ctx = per_ctx & ~63u;
    w->at = CTX_INDIRECT_CTX;
    st->indirect = indirect & ~(uint32_t)INDIRECT_LINES;
    st->indirect_len = (indirect & INDIRECT_LINES) * 64;
    if (!st->indirect_len != !st->indirect)
        return CTX_BAD_BATCH;
    return CTX_OK;
}

static bool image_registers(enum gen8_engine engine, const uint32_t *lri, const struct cmd *c)
{
    if (c->len % 2 == 0 || (lri[0] & c->info->mbz))
        return false;
    for (uint32_t i = 1; i < c->len; i += 2) {
        const struct cmdreg *r = cmdregs_gen8_find(engine, lri[i]);

        if (!r || !(r->access & CMDREG_IMAGE))
            return false;
        if ((r->access & CMDREG_MASKED) && !cmdregs_gen8_may_write(r, &lri[i + 1]))
            return false;
    }
    return true;
}

/* State commands are those of the 3D and media pipes that can reach the PPGTT only. */
static bool state_command(const struct cmd *c)
{
    if (c->info->flags & (CMD_REFUSE | CMD_POST | CMD_NOTIFY))
        return false;
    return c->info->header >> 29 == 3 || c->info->header == MI_NOOP;
}

static enum ctx_gen8_reason check_engine_part(struct walk *w)
{
    while (w->at < w->n) {
        struct cmd c;

        if (w->s[w->at] == MI_NOOP) { /* most of an image */
            w->at++;
            continue;
        }
        if (cmds_gen8_decode(w->engine, w->s + w->at, w->n - w->at, &c))
            return CTX_BAD_COMMAND;
        if (c.info->flags & CMD_END)
            return CTX_OK;
        if (c.info->kind == CMD_LRI) {
            if (!image_registers(w->engine, w->s + w->at, &c))
                return CTX_BAD_REGISTER;
        } else if (!state_command(&c)) {
            return CTX_BAD_COMMAND;
        }
        w->at += c.len;
    }
    return CTX_OK;
}

int ctx_gen8_audit(enum gen8_engine engine, const uint32_t *image, size_t n,
                   struct ctx_gen8_state *st, struct ctx_gen8_verdict *v)
{
    struct walk w = {.engine = engine};

    *v = (struct ctx_gen8_verdict){.reason = CTX_OK};
    if (engine >= GEN8_ENGINES || n != ctx_gen8_dwords(engine)) {
        v->reason = CTX_BAD_SIZE;
        return 1;
    }
    w.s = image + CTX_GEN8_STATE;
    w.n = n - CTX_GEN8_STATE;
    v->reason = check_layout(&w);
    if (!v->reason)
        v->reason = read_ring(&w, st);
    if (!v->reason)
        v->reason = read_batches(&w, st);
    if (!v->reason) {
        w.at = w.engine_part;
        v->reason = check_engine_part(&w);
        v->engine_part = v->reason != CTX_OK;
    }
    v->at = CTX_GEN8_STATE + w.at;
    return v->reason != CTX_OK;
}

/* The upper half names the bits to change: all of ours, so that nothing is inherited. */
static uint32_t guest_control(uint32_t value)
{
    return CTX_CONTROL_GUEST << 16 | (value & value >> 16 & CTX_CONTROL_GUEST);
}

void ctx_gen8_sanitise(enum gen8_engine engine, uint32_t *image)
{
    uint32_t *s = image + CTX_GEN8_STATE;
    static const uint8_t resume[] = {CTX_BB_HEAD_UDW,  CTX_BB_HEAD_LDW,  CTX_BB_STATE,
                                     CTX_BB2_HEAD_UDW, CTX_BB2_HEAD_LDW, CTX_BB2_STATE};

    s[CTX_CONTROL] = guest_control(s[CTX_CONTROL]);
    for (unsigned i = 0; i < sizeof(resume); i++)
        s[resume[i]] = 0;
    if (engine == GEN8_RCS)
        ctx_gen8_set_batches(image, 0, 0, 0);
    for (unsigned i = 0; i < 4; i++)
        ctx_gen8_set_pdp(image, i, 0);
}

void ctx_gen8_init(enum gen8_engine engine, uint32_t *image)
{
    uint32_t *s = image + CTX_GEN8_STATE;
    uint32_t base = gen8_engine_base(engine);

    memset(image, 0, ctx_gen8_dwords(engine) * sizeof(*image));
    for (unsigned i = 0; i < max_lists; i++) {
        const struct list *l = &lists(engine)[i];

        s[l->at] = LRI(l->n) | (engine == GEN8_RCS && i < 2 ? LRI_POSTED : 0);
        for (uint32_t j = 0; j < l->n; j++)
            s[l->at + 1 + 2 * j] = base + l->reg[j];
    }
    s[CTX_CONTROL] = guest_control(CTX_CONTROL_INHIBIT_SYNC << 16 | CTX_CONTROL_INHIBIT_SYNC |
                                   CTX_CONTROL_RESTORE_INHIBIT << 16 | CTX_CONTROL_RESTORE_INHIBIT);
}

void ctx_gen8_set_pdp(uint32_t *image, unsigned n, uint64_t root)
{
    assert(n < 4);
    image[CTX_GEN8_STATE + CTX_PDP_UDW(n)] = (uint32_t)(root >> 32);
    image[CTX_GEN8_STATE + CTX_PDP_LDW(n)] = (uint32_t)root;
}

void ctx_gen8_set_ring(uint32_t *image, uint32_t start, uint32_t size, uint32_t head, uint32_t tail)
{
    uint32_t *s = image + CTX_GEN8_STATE;

    assert(!(start & 4095) && size >= 4096 && size % 4096 == 0 && size <= 2u << 20);
    assert(head < size && tail < size && !(head & 3) && !(tail & 7));
    s[CTX_RING_START] = start;
    s[CTX_RING_CTL] = (size - 4096) | RING_CTL_VALID;
    s[CTX_RING_HEAD] = head;
    s[CTX_RING_TAIL] = tail;
}

void ctx_gen8_set_tail(uint32_t *image, uint32_t tail)
{
    assert(!(tail & ~RING_TAIL_MASK));
    image[CTX_GEN8_STATE + CTX_RING_TAIL] = tail;
}

void ctx_gen8_set_batches(uint32_t *image, uint32_t per_ctx, uint32_t indirect, uint32_t bytes)
{
    uint32_t *s = image + CTX_GEN8_STATE;

    assert(!(per_ctx & 4095) && !(indirect & 63) && bytes % 64 == 0 &&
           bytes / 64 <= INDIRECT_LINES);
    assert(!bytes == !indirect);
    s[CTX_BB_PER_CTX_PTR] = per_ctx ? per_ctx | BATCH_PTR_VALID : 0;
    s[CTX_INDIRECT_CTX] = indirect | bytes / 64;
    s[CTX_INDIRECT_CTX_OFFSET] = indirect ? INDIRECT_OFFSET : 0;
}

struct ctx_gen8_desc ctx_gen8_desc_decode(uint64_t raw)
{
    return (struct ctx_gen8_desc){
        .valid = raw & 1,
        .force_pd = raw >> 1 & 1,
        .force_restore = raw >> 2 & 1,
        .mode = (enum ctx_gen8_mode)(raw >> 3 & 3),
        .coherent = raw >> 5 & 1,
        .privileged = raw >> 8 & 1,
        .priority = (uint8_t)(raw >> 9 & 7),
        .lrca = (uint32_t)raw & ~4095u,
        .id = (uint32_t)(raw >> 32),
    };
}

uint64_t ctx_gen8_desc_encode(const struct ctx_gen8_desc *d)
{
    uint32_t lo = d->lrca;

    assert(!(d->lrca & 4095) && d->priority < 8);
    lo |= (uint32_t)d->valid | (uint32_t)d->force_pd << 1 | (uint32_t)d->force_restore << 2;
    lo |= (uint32_t)d->mode << 3 | (uint32_t)d->coherent << 5 | (uint32_t)d->privileged << 8;
    lo |= (uint32_t)d->priority << 9;
    return (uint64_t)d->id << 32 | lo;
}

bool ctx_gen8_elsp_write(struct ctx_gen8_elsp *port, uint32_t value, uint64_t desc[2])
{
    assert(port->n < 4);
    port->dw[port->n++] = value;
    if (port->n < 4)
        return false;
    port->n = 0;
    desc[1] = (uint64_t)port->dw[0] << 32 | port->dw[1];
    desc[0] = (uint64_t)port->dw[2] << 32 | port->dw[3];
    return true;
}

unsigned ctx_gen8_csb_next(unsigned pointer)
{
    return pointer >= CSB_ENTRIES - 1 ? 0 : pointer + 1;
}
