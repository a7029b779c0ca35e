/* SPDX-License-Identifier: MIT */
/*
 * trace_format.c: encoding of trace files (trace_format.h). One table says which numbers a kind
 * has; writing and reading follow it in the same order. Pure functions, used by the writer
 * (trace.c) and the reader (trace_read.c).
 */
#include "softgpu/trace_format.h"

#include <errno.h>
#include <string.h>

enum { HAS_CTX = 1, HAS_LRCA = 2, HAS_ADDR = 4, HAS_LEN = 8, HAS_VALUE = 16, HAS_FLAGS = 32 };
enum {
    HAS_DW = 64,
    ACCESS = HAS_ADDR | HAS_LEN | HAS_VALUE,
    WHERE = HAS_CTX | HAS_LRCA | HAS_ADDR
};

static const struct {
    const char *name;
    unsigned class, has;
} kinds[TRACE_KINDS] = {
    [TRACE_REG_READ] = {"reg-read", TRACE_REGS, ACCESS | HAS_FLAGS},
    [TRACE_REG_WRITE] = {"reg-write", TRACE_REGS, ACCESS | HAS_FLAGS},
    [TRACE_CONFIG_READ] = {"config-read", TRACE_CONFIG, ACCESS},
    [TRACE_CONFIG_WRITE] = {"config-write", TRACE_CONFIG, ACCESS},
    [TRACE_GTT_READ] = {"gtt-read", TRACE_GTT, ACCESS},
    [TRACE_GTT_WRITE] = {"gtt-write", TRACE_GTT, ACCESS},
    [TRACE_APERTURE_READ] = {"aperture-read", TRACE_APERTURE, ACCESS},
    [TRACE_APERTURE_WRITE] = {"aperture-write", TRACE_APERTURE, ACCESS},
    [TRACE_COMMAND] = {"command", TRACE_COMMANDS, WHERE | HAS_FLAGS | HAS_LEN | HAS_DW},
    [TRACE_BATCH_START] = {"batch-start", TRACE_BATCHES, WHERE | HAS_FLAGS},
    [TRACE_BATCH_END] = {"batch-end", TRACE_BATCHES, WHERE | HAS_FLAGS},
    [TRACE_CTX_LOAD] = {"context-load", TRACE_CONTEXTS, WHERE | HAS_VALUE},
    [TRACE_CTX_SAVE] = {"context-save", TRACE_CONTEXTS, WHERE},
    [TRACE_CTX_EVENT] = {"context-event", TRACE_CONTEXTS, HAS_CTX | HAS_VALUE},
    [TRACE_IRQ_RAISE] = {"irq-raise", TRACE_IRQS, HAS_ADDR | HAS_VALUE | HAS_FLAGS},
    [TRACE_IRQ_DELIVER] = {"irq-deliver", TRACE_IRQS, HAS_VALUE},
    [TRACE_RESET_ASKED] = {"reset-asked", TRACE_RESETS, 0},
    [TRACE_RESET_DONE] = {"reset-done", TRACE_RESETS, 0},
    [TRACE_HANG] = {"hang", TRACE_RESETS, WHERE | HAS_VALUE},
};

static const char *const classes[] = {"reg",   "config",  "gtt", "aperture", "command",
                                      "batch", "context", "irq", "reset"};

#define CLASSES (sizeof(classes) / sizeof(classes[0]))

const char *trace_kind_name(unsigned kind)
{
    return kind < TRACE_KINDS ? kinds[kind].name : NULL;
}

unsigned trace_kind_class(unsigned kind)
{
    return kind < TRACE_KINDS ? kinds[kind].class : 0;
}

bool trace_kind_has_addr(unsigned kind)
{
    return kind < TRACE_KINDS && (kinds[kind].has & HAS_ADDR);
}

bool trace_kind_has_ctx(unsigned kind)
{
    return kind < TRACE_KINDS && (kinds[kind].has & HAS_CTX);
}

const char *trace_source_name(unsigned source)
{
    static const char *const names[TRACE_SOURCES] = {"rcs", "bcs", "vcs", "vecs", "cpu", "vcs2"};

    return source < TRACE_SOURCES ? names[source] : NULL;
}

unsigned trace_class(const char *name)
{
    for (unsigned i = 0; i < CLASSES; i++)
        if (!strcmp(classes[i], name))
            return 1u << i;
    return 0;
}

const char *trace_class_name(unsigned i)
{
    return i < CLASSES ? classes[i] : NULL;
}

/* --- numbers --- */

static uint8_t *put(uint8_t *p, uint64_t v)
{
    for (; v >= 0x80; v >>= 7)
        *p++ = (uint8_t)v | 0x80;
    *p++ = (uint8_t)v;
    return p;
}

/* Differences are of either sign: the sign goes to the lowest bit, so that small ones stay short.
 */
static uint8_t *put_diff(uint8_t *p, uint64_t v, uint64_t last)
{
    uint64_t d = v - last;

    return put(p, d >> 63 ? ~(d << 1) : d << 1);
}

struct input {
    const uint8_t *p, *end;
    bool bad;
};

static uint64_t get(struct input *in, uint64_t max)
{
    uint64_t v = 0;

    for (unsigned shift = 0; in->p < in->end && shift < 64; shift += 7) {
        uint8_t b = *in->p++;

        if (shift == 63 && b > 1)
            break;
        v |= (uint64_t)(b & 0x7f) << shift;
        if (b & 0x80)
            continue;
        if (v > max)
            break;
        return v;
    }
    in->bad = true;
    return 0;
}

static uint64_t get_diff(struct input *in, uint64_t last)
{
    uint64_t z = get(in, UINT64_MAX);

    return last + ((z >> 1) ^ (0 - (z & 1)));
}

/* --- records --- */

void trace_codec_begin(struct trace_codec *c, uint64_t time_ns)
{
    memset(c, 0, sizeof(*c));
    c->time_ns = time_ns;
}

static void remember(struct trace_codec *c, const struct trace_record *r, unsigned has)
{
    c->time_ns = r->time_ns;
    if (has & HAS_CTX)
        c->last[r->source].ctx = r->ctx;
    if (has & HAS_LRCA)
        c->last[r->source].lrca = r->lrca;
    if (has & HAS_ADDR)
        c->last[r->source].addr = r->addr;
}

size_t trace_encode(struct trace_codec *c, const struct trace_record *r, uint8_t *buf)
{
    unsigned has = kinds[r->kind].has;
    uint8_t *p = buf;

    *p++ = (uint8_t)(r->kind | r->source << 5);
    p = put(p, r->time_ns - c->time_ns);
    if (has & HAS_CTX)
        p = put_diff(p, r->ctx, c->last[r->source].ctx);
    if (has & HAS_LRCA)
        p = put_diff(p, r->lrca, c->last[r->source].lrca);
    if (has & HAS_ADDR)
        p = put_diff(p, r->addr, c->last[r->source].addr);
    if (has & HAS_LEN)
        p = put(p, r->len);
    if (has & HAS_VALUE)
        p = put(p, r->value);
    if (has & HAS_FLAGS)
        p = put(p, r->flags);
    if (has & HAS_DW) {
        p = put(p, r->ndw);
        for (unsigned i = 0; i < r->ndw; i++)
            p = put(p, r->dw[i]);
    }
    remember(c, r, has);
    return (size_t)(p - buf);
}

static void get_fields(struct trace_codec *c, struct trace_record *r, struct input *in)
{
    unsigned has = kinds[r->kind].has;

    r->time_ns = c->time_ns + get(in, UINT64_MAX);
    if (has & HAS_CTX)
        r->ctx = (uint32_t)get_diff(in, c->last[r->source].ctx);
    if (has & HAS_LRCA)
        r->lrca = (uint32_t)get_diff(in, c->last[r->source].lrca);
    if (has & HAS_ADDR)
        r->addr = get_diff(in, c->last[r->source].addr);
    if (has & HAS_LEN)
        r->len = (uint32_t)get(in, UINT32_MAX);
    if (has & HAS_VALUE)
        r->value = get(in, UINT64_MAX);
    if (has & HAS_FLAGS)
        r->flags = (uint32_t)get(in, UINT32_MAX);
    if (has & HAS_DW) {
        r->ndw = (uint8_t)get(in, TRACE_DWORDS);
        for (unsigned i = 0; i < r->ndw; i++)
            r->dw[i] = (uint32_t)get(in, UINT32_MAX);
    }
}

size_t trace_decode(struct trace_codec *c, struct trace_record *r, const uint8_t *buf, size_t len)
{
    struct input in = {buf + 1, buf + len, false};

    if (!len || !trace_kind_name(buf[0] & 0x1f) || buf[0] >> 5 >= TRACE_SOURCES)
        return 0;
    memset(r, 0, sizeof(*r));
    r->kind = buf[0] & 0x1f;
    r->source = buf[0] >> 5;
    get_fields(c, r, &in);
    if (in.bad)
        return 0;
    remember(c, r, kinds[r->kind].has);
    return (size_t)(in.p - buf);
}

/* --- headers --- */

static void store(uint8_t *p, uint64_t v, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        p[i] = (uint8_t)(v >> 8 * i);
}

static uint64_t load(const uint8_t *p, unsigned bytes)
{
    uint64_t v = 0;

    for (unsigned i = 0; i < bytes; i++)
        v |= (uint64_t)p[i] << 8 * i;
    return v;
}

/* The CRC of Ethernet, four bits at a step: the writer's own thread has the time. */
static uint32_t crc(uint32_t c, const uint8_t *p, size_t len)
{
    static const uint32_t step[16] = {0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac,
                                      0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c,
                                      0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
                                      0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c};

    c = ~c;
    while (len--) {
        c ^= *p++;
        c = step[c & 15] ^ c >> 4;
        c = step[c & 15] ^ c >> 4;
    }
    return ~c;
}

/* 0 magic, 8 version, 10 size, 12 classes, 16 realtime, 24 monotonic, 32 zero, 36 checksum. */
void trace_header_encode(const struct trace_header *h, uint8_t buf[TRACE_HEADER_SIZE])
{
    memset(buf, 0, TRACE_HEADER_SIZE);
    memcpy(buf, TRACE_MAGIC, 8);
    store(buf + 8, TRACE_VERSION, 2);
    store(buf + 10, TRACE_HEADER_SIZE, 2);
    store(buf + 12, h->classes, 4);
    store(buf + 16, h->realtime_ns, 8);
    store(buf + 24, h->monotonic_ns, 8);
    store(buf + 36, crc(0, buf, 36), 4);
}

int trace_header_decode(struct trace_header *h, const uint8_t buf[TRACE_HEADER_SIZE],
                        unsigned *version)
{
    *version = (unsigned)load(buf + 8, 2);
    if (memcmp(buf, TRACE_MAGIC, 8))
        return -EINVAL;
    if (*version != TRACE_VERSION)
        return -ENOTSUP;
    if (load(buf + 10, 2) != TRACE_HEADER_SIZE || load(buf + 36, 4) != crc(0, buf, 36))
        return -EBADMSG;
    h->classes = (uint32_t)load(buf + 12, 4);
    h->realtime_ns = load(buf + 16, 8);
    h->monotonic_ns = load(buf + 24, 8);
    return 0;
}

static uint32_t block_crc(const uint8_t *head, const uint8_t *records, size_t bytes)
{
    return crc(crc(0, head, TRACE_BLOCK_SIZE - 4), records, bytes);
}

/* 0 magic, 4 bytes, 8 records, 12 first, 20 time, 28 checksum. */
void trace_block_encode(const struct trace_block *b, const uint8_t *records,
                        uint8_t buf[TRACE_BLOCK_SIZE])
{
    store(buf, TRACE_BLOCK_MAGIC, 4);
    store(buf + 4, b->bytes, 4);
    store(buf + 8, b->records, 4);
    store(buf + 12, b->first, 8);
    store(buf + 20, b->time_ns, 8);
    store(buf + 28, block_crc(buf, records, b->bytes), 4);
}

int trace_block_decode(struct trace_block *b, const uint8_t buf[TRACE_BLOCK_SIZE])
{
    b->bytes = (uint32_t)load(buf + 4, 4);
    b->records = (uint32_t)load(buf + 8, 4);
    b->first = load(buf + 12, 8);
    b->time_ns = load(buf + 20, 8);
    /* A record has two bytes at least. */
    if (load(buf, 4) != TRACE_BLOCK_MAGIC || b->bytes > TRACE_BLOCK_MAX ||
        b->records > b->bytes / 2 || !b->records)
        return -EBADMSG;
    return 0;
}

bool trace_block_intact(const uint8_t buf[TRACE_BLOCK_SIZE], const uint8_t *records, size_t bytes)
{
    return load(buf + TRACE_BLOCK_SIZE - 4, 4) == block_crc(buf, records, bytes);
}
