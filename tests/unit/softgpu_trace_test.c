/* SPDX-License-Identifier: MIT */
/*
 * The log's file: every kind there and back, several writers, files that are cut off or damaged at
 * any place, filters and sums.
 */
#include "softgpu/trace.h"
#include "softgpu/trace_print.h"
#include "softgpu/trace_read.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

struct file {
    char path[40];
    uint8_t *data;
    size_t size;
};

static void file_new(struct file *f)
{
    int fd;

    strcpy(f->path, "/tmp/softgpu-trace-XXXXXX");
    fd = mkstemp(f->path);
    assert_true(fd >= 0);
    close(fd);
    f->data = NULL;
}

static void file_load(struct file *f)
{
    FILE *in = fopen(f->path, "rb");
    struct stat st;

    assert_non_null(in);
    assert_int_equal(fstat(fileno(in), &st), 0);
    f->size = (size_t)st.st_size;
    f->data = malloc(f->size);
    assert_non_null(f->data);
    assert_int_equal(fread(f->data, 1, f->size, in), f->size);
    fclose(in);
}

static void file_free(struct file *f)
{
    unlink(f->path);
    free(f->data);
}

struct seen {
    struct trace_record *r;
    size_t n, room;
    struct trace_header header;
};

static void on_begin(void *opaque, const struct trace_header *h)
{
    ((struct seen *)opaque)->header = *h;
}

static void on_record(void *opaque, const struct trace_record *r)
{
    struct seen *s = opaque;

    if (s->n == s->room) {
        s->room = s->room ? s->room * 2 : 64;
        s->r = realloc(s->r, s->room * sizeof(*s->r));
        assert_non_null(s->r);
    }
    s->r[s->n++] = *r;
}

static int read_bytes(const uint8_t *data, size_t size, struct seen *s, struct trace_problem *p)
{
    const struct trace_reader reader = {on_record, on_begin, s};
    FILE *in = fmemopen((void *)(uintptr_t)data, size, "rb");
    int ret;

    assert_non_null(in);
    memset(s, 0, sizeof(*s));
    ret = trace_read(in, &reader, p);
    fclose(in);
    return ret;
}

static struct trace *open_log(const char *path)
{
    int err = 0;
    struct trace *t = trace_open(path, TRACE_EVERY, &err);

    assert_non_null(t);
    return t;
}

/* Numbers that need all of their bytes, some small, some zero; what a kind does not have is 0. */
static struct trace_record sample(unsigned kind, unsigned n)
{
    static const uint64_t numbers[] = {
        0, 1, 0x7f, 0x80, 0x44200, 0xffffffff, 0x7fffffffffffffff, UINT64_MAX};
    struct trace_record r = {.kind = (uint8_t)kind, .source = (uint8_t)(n % TRACE_SOURCES)};
    uint64_t v = numbers[n % 8], w = numbers[n / 8 % 8];
    bool access = kind <= TRACE_APERTURE_WRITE, command = kind == TRACE_COMMAND;

    r.addr = trace_kind_has_addr(kind) ? v : 0;
    if (trace_kind_has_ctx(kind)) {
        r.ctx = (uint32_t)w;
        r.lrca = kind == TRACE_CTX_EVENT ? 0 : (uint32_t)v;
    }
    if (access || kind == TRACE_CTX_LOAD || kind == TRACE_CTX_EVENT || kind == TRACE_IRQ_RAISE ||
        kind == TRACE_IRQ_DELIVER || kind == TRACE_HANG)
        r.value = w;
    if (access || command)
        r.len = (uint32_t)v;
    if (kind <= TRACE_REG_WRITE || command || kind == TRACE_BATCH_START ||
        kind == TRACE_BATCH_END || kind == TRACE_IRQ_RAISE)
        r.flags = n & 0x7f;
    r.ndw = command ? (uint8_t)(n % (TRACE_DWORDS + 1)) : 0;
    for (unsigned i = 0; i < r.ndw; i++)
        r.dw[i] = (uint32_t)numbers[(n + i) % 6];
    return r;
}

static void expect_same(const struct trace_record *a, const struct trace_record *b)
{
    assert_int_equal(a->kind, b->kind);
    assert_int_equal(a->source, b->source);
    assert_int_equal(a->ctx, b->ctx);
    assert_int_equal(a->lrca, b->lrca);
    assert_true(a->addr == b->addr);
    assert_true(a->value == b->value);
    assert_int_equal(a->len, b->len);
    assert_int_equal(a->flags, b->flags);
    assert_int_equal(a->ndw, b->ndw);
    assert_memory_equal(a->dw, b->dw, sizeof(a->dw));
}

#define SAMPLES 64u

static void every_kind_comes_back(void **state)
{
    struct file f;
    struct seen s;
    struct trace_problem p;
    struct trace *t;
    size_t at = 0;

    (void)state;
    file_new(&f);
    t = open_log(f.path);
    for (unsigned kind = 1; kind < TRACE_KINDS; kind++) {
        for (unsigned n = 0; n < SAMPLES; n++) {
            struct trace_record r = sample(kind, n);

            trace_put(t, &r);
        }
    }
    assert_int_equal(trace_close(t), 0);
    file_load(&f);
    assert_int_equal(read_bytes(f.data, f.size, &s, &p), 0);
    assert_int_equal(s.header.classes, TRACE_EVERY);
    assert_int_equal(s.n, SAMPLES * (TRACE_KINDS - 1));
    for (unsigned kind = 1; kind < TRACE_KINDS; kind++) {
        for (unsigned n = 0; n < SAMPLES; n++, at++) {
            struct trace_record r = sample(kind, n);

            expect_same(&s.r[at], &r);
            assert_int_equal(s.r[at].seq, at);
            assert_true(s.r[at].time_ns >= (at ? s.r[at - 1].time_ns : s.header.monotonic_ns));
        }
    }
    free(s.r);
    file_free(&f);
}

#define THREADS 4u
#define EACH    40000u /* together more than both buffers hold */

struct writer {
    pthread_t thread;
    struct trace *t;
    unsigned id;
};

static void *write_many(void *arg)
{
    struct writer *w = arg;

    for (unsigned i = 0; i < EACH; i++)
        trace_access(w->t, TRACE_REG_WRITE, w->id, 0x2000 + w->id * 0x10000, 4, i, 0);
    return NULL;
}

/* Nothing is lost, each thread's records are in its order, times never go back. */
static void several_threads(void **state)
{
    struct writer w[THREADS];
    uint64_t next[THREADS] = {0};
    struct trace_problem p;
    struct trace *t;
    struct file f;
    struct seen s;

    (void)state;
    file_new(&f);
    t = open_log(f.path);
    for (unsigned i = 0; i < THREADS; i++) {
        w[i] = (struct writer){.t = t, .id = i};
        assert_int_equal(pthread_create(&w[i].thread, NULL, write_many, &w[i]), 0);
    }
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(w[i].thread, NULL);
    assert_int_equal(trace_close(t), 0);
    file_load(&f);
    assert_int_equal(read_bytes(f.data, f.size, &s, &p), 0);
    assert_int_equal(s.n, THREADS * EACH);
    for (size_t i = 0; i < s.n; i++) {
        assert_int_equal(s.r[i].value, next[s.r[i].source]++);
        assert_true(!i || s.r[i].time_ns >= s.r[i - 1].time_ns);
    }
    /* compact: kind, time, address, length, value, flags */
    assert_true(f.size < s.n * 14);
    free(s.r);
    file_free(&f);
}

static void small_log(struct file *f, unsigned n)
{
    struct trace *t;

    file_new(f);
    t = open_log(f->path);
    for (unsigned i = 0; i < n; i++)
        trace_access(t, TRACE_REG_WRITE, TRACE_CPU, 0x44200 + 4 * i, 4, i * 1000000, 0);
    assert_int_equal(trace_close(t), 0);
    file_load(f);
}

/* Whatever is missing at the end, all whole records before it are shown and the place is told. */
static void cut_off_anywhere(void **state)
{
    struct trace_problem p;
    size_t last = 0;
    struct file f;
    struct seen s;

    (void)state;
    small_log(&f, 20);
    for (size_t size = 1; size < f.size; size++) {
        int ret = read_bytes(f.data, size, &s, &p);

        assert_true(size == TRACE_HEADER_SIZE ? ret == 0 : ret == -ENODATA);
        if (ret)
            assert_int_equal(p.offset, size);
        assert_true(s.n == last || s.n == last + 1);
        last = s.n;
        for (size_t i = 0; i < s.n; i++)
            assert_int_equal(s.r[i].value, i * 1000000);
        free(s.r);
    }
    assert_int_equal(last, 19);
    file_free(&f);
}

static void damaged_anywhere(void **state)
{
    struct trace_problem p;
    struct file f;
    struct seen s;

    (void)state;
    small_log(&f, 20);
    for (size_t at = 0; at < f.size; at++) {
        int ret;

        f.data[at] ^= 0x24;
        ret = read_bytes(f.data, f.size, &s, &p);
        assert_true(ret < 0);
        assert_true(p.offset <= f.size && p.what[0]);
        /* before the damage everything is right */
        for (size_t i = 0; i < s.n && at > TRACE_HEADER_SIZE + TRACE_BLOCK_SIZE + 12 * (i + 2); i++)
            assert_int_equal(s.r[i].addr, 0x44200 + 4 * i);
        free(s.r);
        f.data[at] ^= 0x24;
    }
    file_free(&f);
}

static void tells_what_is_wrong(void **state)
{
    struct trace_problem p;
    struct file f;
    struct seen s;

    (void)state;
    small_log(&f, 3);
    f.data[0]++;
    assert_int_equal(read_bytes(f.data, f.size, &s, &p), -EINVAL);
    f.data[0]--;
    f.data[8]++;
    assert_int_equal(read_bytes(f.data, f.size, &s, &p), -ENOTSUP);
    assert_non_null(strstr(p.what, "version 2"));
    f.data[8]--;
    f.data[20]++;
    assert_int_equal(read_bytes(f.data, f.size, &s, &p), -EBADMSG);
    f.data[20]--;
    f.data[TRACE_HEADER_SIZE + 12]++; /* first record of the block */
    assert_int_equal(read_bytes(f.data, f.size, &s, &p), -EBADMSG);
    assert_int_equal(p.offset, TRACE_HEADER_SIZE);
    assert_non_null(strstr(p.what, "where 0 is due"));
    f.data[TRACE_HEADER_SIZE + 12]--;
    f.data[TRACE_HEADER_SIZE + TRACE_BLOCK_SIZE] = 0x1f; /* no such kind */
    assert_int_equal(read_bytes(f.data, f.size, &s, &p), -EBADMSG);
    assert_int_equal(p.offset, TRACE_HEADER_SIZE + TRACE_BLOCK_SIZE);
    assert_int_equal(s.n, 0);
    file_free(&f);
}

/* The reader of a pipe goes away: the device goes on, and is told at the end. */
static void broken_pipe(void **state)
{
    struct trace_stats stats = {0};
    struct trace *t;
    struct file f;
    int in;

    (void)state;
    file_new(&f);
    unlink(f.path);
    assert_int_equal(mkfifo(f.path, 0600), 0);
    in = open(f.path, O_RDONLY | O_NONBLOCK);
    t = open_log(f.path);
    close(in);
    while (!stats.lost) {
        trace_access(t, TRACE_REG_READ, TRACE_CPU, 0, 4, 0, 0);
        trace_get_stats(t, &stats);
    }
    assert_int_equal(stats.records, 0);
    assert_int_equal(trace_close(t), -EPIPE);
    file_free(&f);
}

static void cannot_open(void **state)
{
    int err = 0;

    (void)state;
    assert_null(trace_open("/nonexistent/trace", TRACE_EVERY, &err));
    assert_int_equal(err, -ENOENT);
    assert_null(trace_open("/dev/full", TRACE_EVERY, &err));
    assert_int_equal(err, -ENOSPC);
}

static void filters(void **state)
{
    struct trace_record reg = {.kind = TRACE_REG_WRITE, .source = TRACE_CPU, .addr = 0x2030};
    struct trace_record cmd = {.kind = TRACE_COMMAND, .source = 1, .ctx = 7, .lrca = 0x5000};
    struct trace_filter f = {0};

    (void)state;
    assert_true(trace_filter_passes(&f, &reg) && trace_filter_passes(&f, &cmd));
    assert_true(trace_filter_sources(&f, "rcs,bcs"));
    assert_true(!trace_filter_passes(&f, &reg) && trace_filter_passes(&f, &cmd));
    f = (struct trace_filter){0};
    assert_true(trace_filter_kinds(&f, "reg,batch-start"));
    assert_true(trace_filter_passes(&f, &reg) && !trace_filter_passes(&f, &cmd));
    f = (struct trace_filter){0};
    assert_true(trace_filter_range(&f, "0x2000-0x2030"));
    assert_true(trace_filter_passes(&f, &reg) && !trace_filter_passes(&f, &cmd));
    assert_true(trace_filter_range(&f, "8240"));
    assert_true(trace_filter_passes(&f, &reg));
    f = (struct trace_filter){0};
    assert_true(trace_filter_context(&f, "0x5000") && trace_filter_passes(&f, &cmd));
    assert_true(trace_filter_context(&f, "7") && trace_filter_passes(&f, &cmd));
    assert_true(trace_filter_context(&f, "8"));
    assert_true(!trace_filter_passes(&f, &reg) && !trace_filter_passes(&f, &cmd));
    assert_false(trace_filter_sources(&f, "gpu") || trace_filter_sources(&f, "") ||
                 trace_filter_sources(&f, "rcs,") || trace_filter_kinds(&f, "x") ||
                 trace_filter_range(&f, "5-4") || trace_filter_range(&f, "-") ||
                 trace_filter_range(&f, "1-2-3") || trace_filter_context(&f, "0x100000000") ||
                 trace_filter_context(&f, "-1"));
}

static char *text_of(const struct trace_record *r, struct trace_summary *s)
{
    struct trace_names *names = trace_names_new();
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    assert_non_null(names);
    assert_non_null(out);
    if (s)
        trace_summary_print(s, names, out);
    else
        trace_print(out, names, r, 1000000);
    fclose(out);
    trace_names_free(names);
    return text;
}

static void expect_text(struct trace_record r, const char *expected)
{
    char *text = text_of(&r, NULL);

    assert_string_equal(text, expected);
    free(text);
}

static void lines(void **state)
{
    (void)state;
    expect_text((struct trace_record){.seq = 5,
                                      .time_ns = 3500000,
                                      .kind = TRACE_REG_WRITE,
                                      .source = TRACE_CPU,
                                      .addr = 0x44200,
                                      .len = 4,
                                      .value = 0x80000000},
                "       5       2500.000 cpu  reg-write      0x044200 4 0x80000000 "
                "GEN8_MASTER_IRQ\n");
    expect_text((struct trace_record){.time_ns = 1000000, /* a register that only Haswell has */
                                      .kind = TRACE_REG_READ,
                                      .source = TRACE_CPU,
                                      .addr = 0x44008,
                                      .len = 4},
                "       0          0.000 cpu  reg-read       0x044008 4 0x00000000 DE_IIR\n");
    expect_text((struct trace_record){.time_ns = 1000000,
                                      .kind = TRACE_REG_READ,
                                      .source = 1,
                                      .addr = 0x22230,
                                      .len = 4,
                                      .flags = TRACE_F_DENIED},
                "       0          0.000 bcs  reg-read       0x022230 4 0x00000000 BCS_ELSP "
                "denied\n");
    expect_text((struct trace_record){.time_ns = 1000000,
                                      .kind = TRACE_COMMAND,
                                      .source = TRACE_VCS2,
                                      .addr = 0x1000,
                                      .len = 1,
                                      .ndw = 1,
                                      .dw = {0x68000000}},
                "       0          0.000 vcs2 command        ctx 0x0 lrca 0x00000000 at "
                "0x00001000 MFX_WAIT 1: 68000000\n");
    expect_text((struct trace_record){.time_ns = 1000000,
                                      .kind = TRACE_REG_WRITE,
                                      .source = TRACE_CPU,
                                      .addr = 0x1c230,
                                      .len = 4},
                "       0          0.000 cpu  reg-write      0x01c230 4 0x00000000 VCS2_ELSP\n");
    expect_text((struct trace_record){.time_ns = 1000000,
                                      .kind = TRACE_COMMAND,
                                      .source = 1,
                                      .ctx = 0x101,
                                      .lrca = 0x5000,
                                      .addr = 0x40000000,
                                      .flags = TRACE_F_PPGTT,
                                      .len = 10,
                                      .ndw = 2,
                                      .dw = {0x54f00008, 7}},
                "       0          0.000 bcs  command        ctx 0x101 lrca 0x00005000 at "
                "0x40000000 ppgtt XY_SRC_COPY_BLT 10: 54f00008 00000007 ...\n");
    expect_text(
        (struct trace_record){.time_ns = 1000000, .kind = TRACE_CTX_EVENT, .ctx = 3, .value = 0x18},
        "       0          0.000 rcs  context-event  ctx 0x3 status 0x00000018 "
        "active-to-idle complete\n");
}

static void sums(void **state)
{
    struct trace_summary *s = trace_summary_new();
    struct trace_record cmd = {.kind = TRACE_COMMAND, .source = 1, .ndw = 1, .dw = {0x54f00008}};
    char *text;

    (void)state;
    assert_non_null(s);
    for (unsigned i = 0; i < 5000; i++) { /* more registers than the table has room for at first */
        struct trace_record r = {.kind = i % 5 ? TRACE_REG_WRITE : TRACE_REG_READ,
                                 .source = TRACE_CPU,
                                 .addr = i % 5 > 2 ? 0x2230 : i * 4};

        assert_true(trace_summary_add(s, &r));
        assert_true(trace_summary_add(s, &cmd));
    }
    cmd.flags = TRACE_F_SKIPPED;
    assert_true(trace_summary_add(s, &cmd));
    text = text_of(NULL, s);
    assert_non_null(strstr(text, "       vecs        cpu\n")); /* no second video engine */
    assert_non_null(strstr(text, "10001 records"));
    assert_non_null(strstr(text, "      5000          1  bcs  54c00000 XY_SRC_COPY_BLT\n"));
    assert_non_null(strstr(text, "         0       2000  0x002230 RCS_ELSP\n"));
    free(text);
    cmd.source = TRACE_VCS2;
    assert_true(trace_summary_add(s, &cmd));
    text = text_of(NULL, s);
    assert_non_null(strstr(text, "       vecs        cpu       vcs2\n"));
    free(text);
    trace_summary_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_comes_back),
        cmocka_unit_test(several_threads),
        cmocka_unit_test(cut_off_anywhere),
        cmocka_unit_test(damaged_anywhere),
        cmocka_unit_test(tells_what_is_wrong),
        cmocka_unit_test(broken_pipe),
        cmocka_unit_test(cannot_open),
        cmocka_unit_test(filters),
        cmocka_unit_test(lines),
        cmocka_unit_test(sums),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
