/* SPDX-License-Identifier: MIT */
/*
 * trace_print.c: one record as one line (trace_print.h). Every kind has its printer.
 */
#include "softgpu/trace_print.h"

#include <inttypes.h>

typedef void (*printer)(FILE *out, const struct trace_names *names, const struct trace_record *r);

static void print_flags(FILE *out, uint32_t flags)
{
    static const char *const names[] = {"ppgtt",   "workaround", "skipped", "second-level",
                                        "chained", "denied",     "masked"};

    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (flags & 1u << i)
            fprintf(out, " %s", names[i]);
}

static void print_reg(FILE *out, const struct trace_names *names, const struct trace_record *r)
{
    char buf[64];

    fprintf(out, "0x%06" PRIx64 " %u 0x%0*" PRIx64 " %s", r->addr, r->len,
            (int)(r->len < 8 ? r->len * 2 : 16), r->value,
            trace_register(names, (uint32_t)r->addr, buf, sizeof(buf)));
    print_flags(out, r->flags);
}

static void print_access(FILE *out, const struct trace_names *names, const struct trace_record *r)
{
    (void)names;
    fprintf(out, "0x%06" PRIx64 " %u 0x%0*" PRIx64 "%s", r->addr, r->len,
            (int)(r->len < 8 ? r->len * 2 : 16), r->value, r->len > 8 ? "..." : "");
}

static void print_place(FILE *out, const struct trace_record *r)
{
    fprintf(out, "ctx 0x%x lrca 0x%08x at 0x%08" PRIx64, r->ctx, r->lrca, r->addr);
    print_flags(out, r->flags);
}

static void print_command(FILE *out, const struct trace_names *names, const struct trace_record *r)
{
    print_place(out, r);
    fprintf(out, " %s %u:", trace_command(names, r->source, r->dw[0]), r->len);
    for (unsigned i = 0; i < r->ndw; i++)
        fprintf(out, " %08x", r->dw[i]);
    if (r->ndw < r->len)
        fputs(" ...", out);
}

static void print_batch(FILE *out, const struct trace_names *names, const struct trace_record *r)
{
    (void)names;
    print_place(out, r);
}

static void print_load(FILE *out, const struct trace_names *names, const struct trace_record *r)
{
    (void)names;
    print_place(out, r);
    fprintf(out, " descriptor 0x%016" PRIx64, r->value);
}

/* Bits of a context status entry (Broadwell PRM vol. 2d, "Context Status"). */
static void print_event(FILE *out, const struct trace_names *names, const struct trace_record *r)
{
    static const struct {
        uint32_t bit;
        const char *name;
    } bits[] = {
        {1u << 0, "idle-to-active"}, {1u << 1, "preempted"}, {1u << 2, "element-switch"},
        {1u << 3, "active-to-idle"}, {1u << 4, "complete"},  {1u << 7, "wait-on-semaphore"},
        {1u << 15, "lite-restore"},
    };

    (void)names;
    fprintf(out, "ctx 0x%x status 0x%08" PRIx64, r->ctx, r->value);
    for (unsigned i = 0; i < sizeof(bits) / sizeof(bits[0]); i++)
        if (r->value & bits[i].bit)
            fprintf(out, " %s", bits[i].name);
}

static void print_raise(FILE *out, const struct trace_names *names, const struct trace_record *r)
{
    char buf[64];

    fprintf(out, "%s 0x%08" PRIx64, trace_register(names, (uint32_t)r->addr, buf, sizeof(buf)),
            r->value);
    print_flags(out, r->flags);
}

static void print_deliver(FILE *out, const struct trace_names *names, const struct trace_record *r)
{
    (void)names;
    fputs(r->value ? "MSI" : "INTx", out);
}

static void print_nothing(FILE *out, const struct trace_names *names, const struct trace_record *r)
{
    (void)names;
    fputs(r->source == TRACE_CPU ? "function" : "engine", out);
}

static void print_hang(FILE *out, const struct trace_names *names, const struct trace_record *r)
{
    print_place(out, r);
    fprintf(out, " %s %08" PRIx64, trace_command(names, r->source, (uint32_t)r->value), r->value);
}

static const printer printers[TRACE_KINDS] = {
    [TRACE_REG_READ] = print_reg,
    [TRACE_REG_WRITE] = print_reg,
    [TRACE_CONFIG_READ] = print_access,
    [TRACE_CONFIG_WRITE] = print_access,
    [TRACE_GTT_READ] = print_access,
    [TRACE_GTT_WRITE] = print_access,
    [TRACE_APERTURE_READ] = print_access,
    [TRACE_APERTURE_WRITE] = print_access,
    [TRACE_COMMAND] = print_command,
    [TRACE_BATCH_START] = print_batch,
    [TRACE_BATCH_END] = print_batch,
    [TRACE_CTX_LOAD] = print_load,
    [TRACE_CTX_SAVE] = print_batch,
    [TRACE_CTX_EVENT] = print_event,
    [TRACE_IRQ_RAISE] = print_raise,
    [TRACE_IRQ_DELIVER] = print_deliver,
    [TRACE_RESET_ASKED] = print_nothing,
    [TRACE_RESET_DONE] = print_nothing,
    [TRACE_HANG] = print_hang,
};

void trace_print(FILE *out, const struct trace_names *names, const struct trace_record *r,
                 uint64_t begin_ns)
{
    int64_t t = (int64_t)(r->time_ns - begin_ns);

    fprintf(out, "%8" PRIu64 " %14.3f %-4s %-14s ", r->seq, (double)t / 1000,
            trace_source_name(r->source), trace_kind_name(r->kind));
    printers[r->kind](out, names, r);
    fputc('\n', out);
}
