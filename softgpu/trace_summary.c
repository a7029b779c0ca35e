/* SPDX-License-Identifier: MIT */
/*
 * trace_summary.c: sums over a log (trace_print.h): per kind and source, per register, per command.
 * A small hash table holds the registers and commands that occur.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "softgpu/trace_print.h"

#define FIRST_SLOTS 1024u /* power of two */

struct item {
    uint64_t key; /* source above the register's offset or the header's opcode bits */
    uint64_t count[2];
    bool used;
};

struct table {
    struct item *items;
    uint32_t slots, used;
};

struct trace_summary {
    uint64_t count[TRACE_KINDS][TRACE_SOURCES];
    uint64_t records, first_ns, last_ns;
    struct table registers; /* reads, writes */
    struct table commands;  /* executed, skipped */
};

struct trace_summary *trace_summary_new(void)
{
    return calloc(1, sizeof(struct trace_summary));
}

struct trace_summary *trace_summary_free(struct trace_summary *s)
{
    if (!s)
        return NULL;
    free(s->registers.items);
    free(s->commands.items);
    free(s);
    return NULL;
}

static struct item *slot(struct item *items, uint32_t slots, uint64_t key)
{
    uint32_t at = (uint32_t)((key * 0x9e3779b97f4a7c15ull) >> 32);

    while (items[at & (slots - 1)].used && items[at & (slots - 1)].key != key)
        at++;
    return &items[at & (slots - 1)];
}

static bool grow(struct table *t)
{
    uint32_t slots = t->slots ? t->slots * 2 : FIRST_SLOTS;
    struct item *items = calloc(slots, sizeof(*items));

    if (!items)
        return false;
    for (uint32_t i = 0; i < t->slots; i++)
        if (t->items[i].used)
            *slot(items, slots, t->items[i].key) = t->items[i];
    free(t->items);
    t->items = items;
    t->slots = slots;
    return true;
}

static bool count(struct table *t, uint64_t key, unsigned which)
{
    struct item *i;

    if (t->used >= t->slots / 2 && !grow(t))
        return false;
    i = slot(t->items, t->slots, key);
    if (!i->used)
        t->used++;
    i->used = true;
    i->key = key;
    i->count[which]++;
    return true;
}

/* The bits of a header that say which command it is; a log may hold any header, so the number of
 * different keys is bounded by this too. */
static uint32_t opcode(uint32_t header)
{
    switch (header >> 29) {
    case 0:
        return header & 0xff800000u;
    case 2:
        return header & 0xffc00000u;
    case 3:
        return header & 0xffff0000u;
    default:
        return header & 0xe0000000u;
    }
}

bool trace_summary_add(struct trace_summary *s, const struct trace_record *r)
{
    if (!s->records++)
        s->first_ns = r->time_ns;
    s->last_ns = r->time_ns;
    s->count[r->kind][r->source]++;
    switch (r->kind) {
    case TRACE_REG_READ:
    case TRACE_REG_WRITE:
        return count(&s->registers, r->addr & 0xfffffcu, r->kind == TRACE_REG_WRITE);
    case TRACE_COMMAND:
        return count(&s->commands, (uint64_t)r->source << 32 | opcode(r->dw[0]),
                     r->flags & TRACE_F_SKIPPED ? 1 : 0);
    default:
        return true;
    }
}

static int most_first(const void *a, const void *b)
{
    const struct item *x = *(const struct item *const *)a, *y = *(const struct item *const *)b;
    uint64_t nx = x->count[0] + x->count[1], ny = y->count[0] + y->count[1];

    if (nx != ny)
        return nx < ny ? 1 : -1;
    return x->key < y->key ? -1 : x->key > y->key;
}

static void print_register(const struct item *i, const struct trace_names *names, FILE *out)
{
    char buf[64];

    fprintf(out, "%10" PRIu64 " %10" PRIu64 "  0x%06" PRIx64 " %s\n", i->count[0], i->count[1],
            i->key, trace_register(names, (uint32_t)i->key, buf, sizeof(buf)));
}

static void print_command(const struct item *i, const struct trace_names *names, FILE *out)
{
    unsigned source = (unsigned)(i->key >> 32);

    fprintf(out, "%10" PRIu64 " %10" PRIu64 "  %-4s %08x %s\n", i->count[0], i->count[1],
            trace_source_name(source), (uint32_t)i->key,
            trace_command(names, source, (uint32_t)i->key));
}

static void print_table(const struct table *t, const char *heading, const struct trace_names *names,
                        FILE *out,
                        void (*print)(const struct item *i, const struct trace_names *n, FILE *out))
{
    const struct item **sorted = calloc(t->used + 1, sizeof(*sorted));
    uint32_t n = 0;

    if (!t->used || !sorted) {
        free(sorted);
        return;
    }
    for (uint32_t i = 0; i < t->slots; i++)
        if (t->items[i].used)
            sorted[n++] = &t->items[i];
    qsort(sorted, n, sizeof(*sorted), most_first);
    fputs(heading, out);
    for (uint32_t i = 0; i < n; i++)
        print(sorted[i], names, out);
    free(sorted);
}

/* Few chips have a second video engine: its column is there when it did something. */
static bool is_shown(const struct trace_summary *s, unsigned source)
{
    bool any = source != TRACE_VCS2;

    for (unsigned k = 0; k < TRACE_KINDS; k++)
        any |= s->count[k][source] != 0;
    return any;
}

static void print_kinds(const struct trace_summary *s, FILE *out)
{
    fprintf(out, "%-16s", "kind");
    for (unsigned i = 0; i < TRACE_SOURCES; i++)
        if (is_shown(s, i))
            fprintf(out, " %10s", trace_source_name(i));
    fputc('\n', out);
    for (unsigned k = 0; k < TRACE_KINDS; k++) {
        uint64_t all = 0;

        for (unsigned i = 0; i < TRACE_SOURCES; i++)
            all += s->count[k][i];
        if (!all)
            continue;
        fprintf(out, "%-16s", trace_kind_name(k));
        for (unsigned i = 0; i < TRACE_SOURCES; i++)
            if (is_shown(s, i))
                fprintf(out, " %10" PRIu64, s->count[k][i]);
        fputc('\n', out);
    }
}

void trace_summary_print(const struct trace_summary *s, const struct trace_names *names, FILE *out)
{
    fprintf(out, "%" PRIu64 " records in %.6f s\n\n", s->records,
            (double)(s->last_ns - s->first_ns) / 1e9);
    print_kinds(s, out);
    print_table(&s->commands, "\n  executed    skipped  command\n", names, out, print_command);
    print_table(&s->registers, "\n     reads     writes  register\n", names, out, print_register);
}
