/* SPDX-License-Identifier: MIT */
/*
 * trace_read.c: walks over the blocks and records of a trace file, which may be cut off or damaged
 * anywhere (trace_read.h). No state outlives a call.
 */
#include "softgpu/trace_read.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>

struct walk {
    FILE *in;
    const struct trace_reader *reader;
    struct trace_problem *problem;
    uint64_t offset; /* of the block at hand */
    uint64_t seq;    /* of the next record */
    uint8_t *records;
};

__attribute__((format(printf, 4, 5))) static int fail(struct trace_problem *p, uint64_t offset,
                                                      int ret, const char *format, ...)
{
    va_list args;

    p->offset = offset;
    va_start(args, format);
    vsnprintf(p->what, sizeof(p->what), format, args);
    va_end(args);
    return ret;
}

static int read_header(struct walk *w)
{
    uint8_t buf[TRACE_HEADER_SIZE];
    struct trace_header h;
    unsigned version;
    size_t n = fread(buf, 1, sizeof(buf), w->in);
    int ret;

    if (ferror(w->in))
        return fail(w->problem, n, -EIO, "cannot be read");
    if (n < sizeof(buf))
        return fail(w->problem, n, n ? -ENODATA : -EINVAL, "ends inside the file header");
    ret = trace_header_decode(&h, buf, &version);
    if (ret == -EINVAL)
        return fail(w->problem, 0, ret, "this is not a softgpu trace");
    if (ret == -ENOTSUP)
        return fail(w->problem, 8, ret, "version %u; this program reads version %u", version,
                    TRACE_VERSION);
    if (ret)
        return fail(w->problem, 0, ret, "the file header is damaged");
    if (w->reader->begin)
        w->reader->begin(w->reader->opaque, &h);
    w->offset = sizeof(buf);
    return 0;
}

/* Visits the records of n bytes, which may be fewer than the block has. */
static int visit_records(struct walk *w, const struct trace_block *b, size_t n)
{
    struct trace_codec codec;
    struct trace_record r;
    size_t at = 0;

    trace_codec_begin(&codec, b->time_ns);
    for (uint32_t i = 0; i < b->records; i++) {
        size_t len = trace_decode(&codec, &r, w->records + at, n - at);

        if (!len && n < b->bytes)
            break; /* cut off: the caller says so */
        if (!len)
            return fail(w->problem, w->offset + TRACE_BLOCK_SIZE + at, -EBADMSG,
                        "record %llu is damaged", (unsigned long long)w->seq);
        r.seq = w->seq++;
        w->reader->visit(w->reader->opaque, &r);
        at += len;
    }
    if (at < n && n == b->bytes)
        return fail(w->problem, w->offset + TRACE_BLOCK_SIZE + at, -EBADMSG,
                    "bytes behind the last record of the block");
    return 0;
}

static int check_block(struct walk *w, struct trace_block *b, const uint8_t *head)
{
    if (trace_block_decode(b, head))
        return fail(w->problem, w->offset, -EBADMSG, "the header of a block is damaged");
    if (b->first != w->seq)
        return fail(w->problem, w->offset, -EBADMSG,
                    "a block begins with record %llu where %llu is due",
                    (unsigned long long)b->first, (unsigned long long)w->seq);
    return 0;
}

/* 1 at the end of the file. */
static int read_block(struct walk *w)
{
    uint8_t head[TRACE_BLOCK_SIZE];
    struct trace_block b;
    size_t n = fread(head, 1, sizeof(head), w->in);
    bool intact;
    int ret;

    if (ferror(w->in))
        return fail(w->problem, w->offset + n, -EIO, "cannot be read");
    if (n < sizeof(head))
        return n ? fail(w->problem, w->offset + n, -ENODATA, "ends inside the header of a block")
                 : 1;
    ret = check_block(w, &b, head);
    if (ret)
        return ret;
    n = fread(w->records, 1, b.bytes, w->in);
    if (ferror(w->in))
        return fail(w->problem, w->offset + sizeof(head) + n, -EIO, "cannot be read");
    intact = trace_block_intact(head, w->records, n);
    ret = visit_records(w, &b, n);
    if (ret)
        return ret;
    if (n < b.bytes)
        return fail(w->problem, w->offset + sizeof(head) + n, -ENODATA, "ends inside a block");
    if (!intact)
        return fail(w->problem, w->offset, -EBADMSG,
                    "the checksum of this block is wrong: its records are not certain");
    w->offset += sizeof(head) + n;
    return 0;
}

int trace_read(FILE *in, const struct trace_reader *reader, struct trace_problem *problem)
{
    struct walk w = {.in = in, .reader = reader, .problem = problem};
    int ret;

    w.records = malloc(TRACE_BLOCK_MAX);
    if (!w.records)
        return fail(problem, 0, -ENOMEM, "out of memory");
    ret = read_header(&w);
    while (!ret)
        ret = read_block(&w);
    free(w.records);
    return ret == 1 ? 0 : ret;
}
