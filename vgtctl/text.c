/* SPDX-License-Identifier: MIT */
/*
 * text.c: answers as text. Tables are filled row by row and printed when the width of every column
 * is known. Called by the commands; no state.
 */
#include "vgtctl/text.h"

#include "lib/account.h"
#include "lib/log.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MAX_COLUMNS 10u
#define CELL        32u /* longer names are cut */
#define SENTENCE    512u

/* A heading that starts with '>' is that of a column of numbers. */
struct table {
    unsigned columns, cells, room;
    const char *const *heads;
    char (*cell)[CELL];
};

static void cell(struct table *t, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void cell(struct table *t, const char *format, ...)
{
    char raw[CELL];
    va_list args;

    if (t->cells == t->room) {
        unsigned room = t->room ? t->room * 2 : 64;
        void *grown = realloc(t->cell, room * sizeof(*t->cell));

        if (!grown)
            return; /* a cell is missing: still no harm */
        t->cell = grown;
        t->room = room;
    }
    va_start(args, format);
    vsnprintf(raw, sizeof(raw), format, args);
    va_end(args);
    log_clean(t->cell[t->cells++], CELL, raw);
}

static unsigned width(const struct table *t, unsigned column)
{
    size_t most = strlen(t->heads[column]) - (*t->heads[column] == '>');

    for (unsigned i = column; i < t->cells; i += t->columns)
        if (strlen(t->cell[i]) > most)
            most = strlen(t->cell[i]);
    return (unsigned)most;
}

static void print_cell(FILE *out, const struct table *t, unsigned column, unsigned w,
                       const char *text)
{
    bool last = column == t->columns - 1;

    if (*t->heads[column] == '>')
        fprintf(out, "%*s", (int)w, text);
    else
        fprintf(out, "%-*s", last ? 0 : (int)w, text);
    fputs(last ? "\n" : "  ", out);
}

/* Prints and frees. */
static void print_table(FILE *out, struct table *t)
{
    unsigned w[MAX_COLUMNS];

    for (unsigned c = 0; c < t->columns; c++) {
        w[c] = width(t, c);
        print_cell(out, t, c, w[c], t->heads[c] + (*t->heads[c] == '>'));
    }
    for (unsigned i = 0; i < t->cells; i++)
        print_cell(out, t, i % t->columns, w[i % t->columns], t->cell[i]);
    if (t->cells % t->columns)
        fputc('\n', out);
    free(t->cell);
}

const char *text_size(char out[TEXT_UNIT], uint64_t bytes)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    unsigned u = 0;
    uint64_t unit = 1;

    /* A unit up where that loses nothing worth knowing: 1344 MiB stays. */
    while (u < 4 && bytes >= unit * 1024 && (!(bytes % (unit * 1024)) || bytes >= unit * 10240)) {
        unit *= 1024;
        u++;
    }
    if (bytes % unit)
        snprintf(out, TEXT_UNIT, "%.1f %s", (double)bytes / (double)unit, units[u]);
    else
        snprintf(out, TEXT_UNIT, "%" PRIu64 " %s", bytes / unit, units[u]);
    return out;
}

const char *text_time(char out[TEXT_UNIT], uint64_t us)
{
    uint64_t s = us / 1000000;

    if (us < 1000)
        snprintf(out, TEXT_UNIT, "%" PRIu64 " us", us);
    else if (s < 1)
        snprintf(out, TEXT_UNIT, "%" PRIu64 ".%" PRIu64 " ms", us / 1000, us / 100 % 10);
    else if (s < 60)
        snprintf(out, TEXT_UNIT, "%" PRIu64 ".%" PRIu64 " s", s, us / 100000 % 10);
    else if (s < 3600)
        snprintf(out, TEXT_UNIT, "%" PRIu64 "m%02" PRIu64 "s", s / 60, s % 60);
    else if (s < 86400)
        snprintf(out, TEXT_UNIT, "%" PRIu64 "h%02" PRIu64 "m", s / 3600, s / 60 % 60);
    else
        snprintf(out, TEXT_UNIT, "%" PRIu64 "d%02" PRIu64 "h", s / 86400, s / 3600 % 24);
    return out;
}

/* Services may put their name in front: "mmio.bad_access". */
static bool is_event(const char *name)
{
    const char *dot = strrchr(name, '.');

    for (unsigned i = 0; i < ACCOUNT_EVENTS; i++)
        if (!strcmp(dot ? dot + 1 : name, account_event_name(i)))
            return true;
    return false;
}

uint64_t text_events(const Vgt__Guest *guest)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < guest->n_counters; i++)
        if (is_event(guest->counters[i]->name))
            sum += guest->counters[i]->value;
    return sum;
}

static uint64_t gpu_time(const Vgt__Guest *guest)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < guest->n_gpu_time; i++)
        sum += guest->gpu_time[i]->time_us;
    return sum;
}

/* A state may go on: "refused: SENTENCE". Its first word stands in the table, the rest below. */
static void state_cell(struct table *t, const char *state)
{
    cell(t, "%.*s", (int)strcspn(state, ":"), state);
}

static void state_line(FILE *out, const char *who, const char *state)
{
    char clean[SENTENCE];

    if (!strchr(state, ':'))
        return;
    log_clean(clean, sizeof(clean), state);
    fprintf(out, "%s %s\n", who, clean);
}

static void guest_row(struct table *t, const Vgt__Guest *g)
{
    char unit[TEXT_UNIT];

    cell(t, "%u", g->domid);
    cell(t, "%s", g->name);
    state_cell(t, g->state);
    cell(t, "%s", g->type);
    cell(t, "%s", g->foreground ? "*" : "");
    if (g->resources)
        cell(t, "%" PRIu64 "+%" PRIu64, g->resources->low_size >> 20,
             g->resources->high_size >> 20);
    else
        cell(t, "-");
    cell(t, "%u", g->resources ? g->resources->fences : 0);
    cell(t, "%s", text_time(unit, gpu_time(g)));
    cell(t, "%" PRIu64, text_events(g));
    cell(t, "%u", g->quarantined_inputs);
}

static void throttled_line(FILE *out, const Vgt__Guest *g)
{
    char unit[TEXT_UNIT];

    if (g->throttled_ms)
        fprintf(out, "domain %u throttled for another %s: it hung engines %" PRIu64 " times\n",
                g->domid, text_time(unit, g->throttled_ms * 1000), g->hangs);
}

static void guest_table(FILE *out, size_t n, Vgt__Guest **guests)
{
    static const char *const heads[] = {">DOMID",  "NAME",        "STATE",   "TYPE",
                                        "FG",      ">MEM MiB",    ">FENCES", ">GPU TIME",
                                        ">EVENTS", ">QUARANTINED"};
    struct table t = {.columns = 10, .heads = heads};
    char who[24];

    if (!n) {
        fputs("no guest has a virtual GPU\n", out);
        return;
    }
    for (size_t i = 0; i < n; i++)
        guest_row(&t, guests[i]);
    print_table(out, &t);
    for (size_t i = 0; i < n; i++) {
        snprintf(who, sizeof(who), "domain %u", guests[i]->domid);
        state_line(out, who, guests[i]->state);
        throttled_line(out, guests[i]);
    }
}

void text_list(FILE *out, const Vgt__ListReply *reply)
{
    guest_table(out, reply->n_guests, reply->guests);
}

/* UTC; "-" for 0. */
static const char *text_moment(char out[TEXT_UNIT], uint64_t unix_s)
{
    time_t at = (time_t)unix_s;
    struct tm tm;

    if (!at || !gmtime_r(&at, &tm) || !strftime(out, TEXT_UNIT, "%Y-%m-%dT%H:%M:%SZ", &tm))
        strcpy(out, "-");
    return out;
}

/* When it last came back, how long that took, and what it found unfinished. */
static void recovery_cells(struct table *t, const Vgt__Service *s)
{
    char unit[TEXT_UNIT];

    cell(t, "%s", text_moment(unit, s->recovered_s));
    if (s->recovered_s)
        cell(t, "%u", s->recovery_ms);
    else
        cell(t, "-");
    cell(t, "%llu", (unsigned long long)s->replayed);
}

static void service_table(FILE *out, const Vgt__StatusReply *reply)
{
    static const char *const heads[] = {"SERVICE",   ">PID",   "STATE",    ">RESTARTS",
                                        "RECOVERED", ">IN MS", ">REPLAYED"};
    struct table t = {.columns = 7, .heads = heads};
    char who[CELL];

    for (size_t i = 0; i < reply->n_services; i++) {
        const Vgt__Service *s = reply->services[i];

        cell(&t, "%s", s->name);
        if (s->pid)
            cell(&t, "%u", s->pid);
        else
            cell(&t, "-");
        state_cell(&t, s->state);
        cell(&t, "%u", s->restarts);
        recovery_cells(&t, s);
    }
    print_table(out, &t);
    for (size_t i = 0; i < reply->n_services; i++) {
        log_clean(who, sizeof(who), reply->services[i]->name);
        state_line(out, who, reply->services[i]->state);
    }
}

static void engine_line(FILE *out, const char *label, size_t n, Vgt__EngineTime **times)
{
    char unit[TEXT_UNIT], name[CELL];

    fprintf(out, "%-10s", label);
    for (size_t i = 0; i < n; i++) {
        log_clean(name, sizeof(name), times[i]->engine);
        fprintf(out, "%s%s %s", i ? ", " : "  ", name, text_time(unit, times[i]->time_us));
    }
    fputs(n ? "\n" : "  none\n", out);
}

static void counter_lines(FILE *out, size_t n, Vgt__Counter **counters, bool zeroes)
{
    char name[40];

    for (size_t i = 0; i < n; i++) {
        if (!counters[i]->value && !zeroes)
            continue;
        log_clean(name, sizeof(name), counters[i]->name);
        fprintf(out, "  %-30s  %" PRIu64 "\n", name, counters[i]->value);
    }
}

static void memory_line(FILE *out, const char *label, uint64_t free_bytes, uint64_t total)
{
    char a[TEXT_UNIT], b[TEXT_UNIT];

    fprintf(out, "%-10s  %s free of %s\n", label, text_size(a, free_bytes), text_size(b, total));
}

static void room_lines(FILE *out, const Vgt__Gpu *gpu)
{
    memory_line(out, "aperture", gpu->low_free, gpu->low_total);
    memory_line(out, "high", gpu->high_free, gpu->high_total);
    fprintf(out, "%-10s  %u free of %u\n", "fences", gpu->fences_free, gpu->fences_total);
}

static void gpu_lines(FILE *out, const Vgt__Gpu *gpu)
{
    char name[64];

    if (!gpu) {
        fputs("gpu         not known\n", out);
        return;
    }
    log_clean(name, sizeof(name), gpu->name);
    fprintf(out, "%-10s  %s (8086:%04x)\n", "gpu", *name ? name : "Intel GPU", gpu->device_id);
    if (gpu->low_total) {
        room_lines(out, gpu);
    } else {
        fprintf(out, "%-10s  not known: vgt-gtt has not answered\n", "memory");
    }
    engine_line(out, "busy", gpu->n_busy, gpu->busy);
    counter_lines(out, gpu->n_counters, gpu->counters, false);
}

static void type_row(struct table *t, const Vgt__VgpuType *type, bool known)
{
    cell(t, "%s%s", type->name, type->usual ? "*" : "");
    cell(t, "%u", type->low_mb);
    cell(t, "%u", type->high_mb);
    cell(t, "%u", type->fences);
    cell(t, "%u", type->weight);
    if (known)
        cell(t, "%u", type->fit);
    else
        cell(t, "?");
}

void text_types(FILE *out, const Vgt__TypesReply *reply)
{
    static const char *const heads[] = {"TYPE",    ">APERTURE MiB", ">HIGH MiB",
                                        ">FENCES", ">WEIGHT",       ">MORE FIT"};
    struct table t = {.columns = 6, .heads = heads};

    for (size_t i = 0; i < reply->n_types; i++)
        type_row(&t, reply->types[i], reply->gpu);
    print_table(out, &t);
    fputs("* if a guest's configuration names none\n\n", out);
    if (reply->gpu)
        room_lines(out, reply->gpu);
    else
        fputs("what is free is not known: vgt-gtt has not answered\n", out);
    fputs("\nIn xl.cfg a type, or sizes of one's own (man vgt-dm):\n"
          "  device_model_args = [ \"-vgt\", \"type=small\" ]\n"
          "  device_model_args = [ \"-vgt\", \"low_mb=32,high_mb=64,fences=4,weight=2,"
          "monitor=1280x800@60\" ]\n",
          out);
}

void text_status(FILE *out, const Vgt__StatusReply *reply)
{
    service_table(out, reply);
    fputc('\n', out);
    gpu_lines(out, reply->gpu);
    fputc('\n', out);
    guest_table(out, reply->n_guests, reply->guests);
}

static void range_line(FILE *out, const char *label, uint64_t at, uint64_t size)
{
    char unit[TEXT_UNIT];

    fprintf(out, "%-10s  %s at 0x%08" PRIx64 "\n", label, text_size(unit, size), at);
}

static void word_line(FILE *out, const char *label, const char *text)
{
    char clean[SENTENCE];

    log_clean(clean, sizeof(clean), text);
    fprintf(out, "%-10s  %s\n", label, clean);
}

static void quarantined_line(FILE *out, const Vgt__Quarantined *q)
{
    char unit[TEXT_UNIT], service[16], kind[24], text[160];

    log_clean(service, sizeof(service), q->service);
    log_clean(kind, sizeof(kind), q->kind);
    log_clean(text, sizeof(text), q->text);
    fprintf(out, "  %s  %s  %s: %s; deaths %u, skipped %" PRIu64 "\n    ",
            text_moment(unit, q->at_s), service, kind, text, q->deaths, q->skipped);
    for (size_t i = 0; i < q->input.len; i++)
        fprintf(out, "%02x%s", q->input.data[i], i % 8 == 7 && i + 1 < q->input.len ? " " : "");
    fputc('\n', out);
}

void text_guest(FILE *out, const Vgt__Guest *g)
{
    const Vgt__Resources *r = g->resources;
    char unit[TEXT_UNIT];

    fprintf(out, "%-10s  %u\n", "domid", g->domid);
    word_line(out, "name", g->name);
    word_line(out, "state", g->state);
    word_line(out, "type", g->type);
    word_line(out, "foreground", g->foreground ? "yes" : "no");
    fprintf(out, "%-10s  %u\n", "weight", g->weight);
    if (r) {
        range_line(out, "aperture", r->low_base, r->low_size);
        range_line(out, "high", r->high_base, r->high_size);
        fprintf(out, "%-10s  %u from %u on\n", "fences", r->fences, r->fence_base);
    }
    if (g->monitor)
        fprintf(out, "%-10s  %ux%u@%u\n", "monitor", g->monitor->width, g->monitor->height,
                g->monitor->refresh);
    engine_line(out, "gpu time", g->n_gpu_time, g->gpu_time);
    fprintf(out, "%-10s  %" PRIu64 "\n", "batches", g->batches);
    fprintf(out, "%-10s  %" PRIu64 "\n", "events", text_events(g));
    fprintf(out, "%-10s  %" PRIu64 "\n", "hangs", g->hangs);
    if (g->throttled_ms)
        fprintf(out, "%-10s  for another %s\n", "throttled",
                text_time(unit, g->throttled_ms * 1000));
    if (g->n_quarantined)
        fputs("quarantined\n", out);
    for (size_t i = 0; i < g->n_quarantined; i++)
        quarantined_line(out, g->quarantined[i]);
    if (g->n_counters)
        fputs("counters\n", out);
    counter_lines(out, g->n_counters, g->counters, true);
}
