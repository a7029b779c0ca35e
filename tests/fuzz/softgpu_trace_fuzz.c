/* SPDX-License-Identifier: MIT */
/*
 * Fuzz target for the reader of softgpu's logs. The first byte chooses: the rest is a file as it
 * stands; or the records of a block whose headers are right, so that decoding is reached at once.
 * Oracle: reading ends, every visited record can be printed and counted, and encodes again to
 * something that decodes to itself; a problem is told with a place inside the file.
 */
#include "softgpu/trace_print.h"
#include "softgpu/trace_read.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct run {
    struct trace_names *names;
    struct trace_summary *summary;
    FILE *out;
    uint64_t seq;
};

static void check_encoding(const struct trace_record *r)
{
    uint8_t buf[TRACE_RECORD_MAX];
    struct trace_codec to, from;
    struct trace_record back;
    size_t n;

    trace_codec_begin(&to, 0);
    trace_codec_begin(&from, 0);
    n = trace_encode(&to, r, buf);
    assert(n <= sizeof(buf));
    assert(trace_decode(&from, &back, buf, n) == n);
    back.seq = r->seq;
    assert(!memcmp(&back, r, sizeof(back)));
}

static void visit(void *opaque, const struct trace_record *r)
{
    struct run *run = opaque;

    assert(r->seq == run->seq++);
    check_encoding(r);
    trace_print(run->out, run->names, r, 0);
    assert(trace_summary_add(run->summary, r));
}

/* A file with right headers around the records, with at most max bytes of them. */
static uint8_t *wrap(const uint8_t *records, size_t size, uint8_t count, size_t *total)
{
    uint8_t *file = malloc(TRACE_HEADER_SIZE + TRACE_BLOCK_SIZE + size);
    struct trace_header h = {.classes = TRACE_EVERY};
    struct trace_block b = {.bytes = (uint32_t)size, .records = count};

    assert(file);
    trace_header_encode(&h, file);
    trace_block_encode(&b, records, file + TRACE_HEADER_SIZE);
    memcpy(file + TRACE_HEADER_SIZE + TRACE_BLOCK_SIZE, records, size);
    *total = TRACE_HEADER_SIZE + TRACE_BLOCK_SIZE + size;
    return file;
}

static void read_file(struct run *run, const uint8_t *data, size_t size)
{
    const struct trace_reader reader = {.visit = visit, .opaque = run};
    struct trace_problem p = {0};
    FILE *in = fmemopen((void *)(uintptr_t)data, size, "rb");

    assert(in);
    if (trace_read(in, &reader, &p))
        assert(p.offset <= size && p.what[0]);
    trace_summary_print(run->summary, run->names, run->out);
    fclose(in);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct trace_names *names; /* tables: made once */
    static FILE *null;
    struct run run;
    uint8_t *file;
    size_t total;

    if (size < 3 || size > 8192)
        return 0;
    names = names ? names : trace_names_new();
    null = null ? null : fopen("/dev/null", "w");
    run = (struct run){.names = names, .out = null, .summary = trace_summary_new()};
    assert(names && null && run.summary);
    if (data[0] & 1) {
        file = wrap(data + 2, size - 2, data[1], &total);
        read_file(&run, file, total);
        free(file);
    } else {
        read_file(&run, data + 1, size - 1);
    }
    trace_summary_free(run.summary);
    return 0;
}
