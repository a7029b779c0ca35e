/* SPDX-License-Identifier: MIT */
/*
 * cost.c: the cost model's file and arithmetic (cost.h). Read once by the main thread, then only
 * looked at, by engine threads; a meter belongs to its engine's thread.
 */
#include "softgpu/cost.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "softgpu/cs_names.h"

#define OPCODES     0x10000u /* upper half of a header: no command is told apart by less */
#define MAX_ENTRIES 256u
#define MAX_WORDS   4u
#define DEFAULT_HZ  1e9
#define NOOP_ID     (1u << 22)
#define PS_PER_US   1000000ull

struct entry {
    char name[48];
    double cycles;
    unsigned line;
};

struct cost {
    double hz, blit_rate; /* blit_rate 0: blits cost nothing by their size */
    bool busy;
    uint64_t ps[ENGINE_COUNT][OPCODES];
};

struct parser {
    const char *path;
    FILE *errors;
    unsigned line;
    struct cost *cost;
    struct cs_names *names;
    unsigned count;
    struct entry entries[MAX_ENTRIES];
};

__attribute__((format(printf, 2, 3))) static bool fail(const struct parser *p, const char *format,
                                                       ...)
{
    va_list args;

    fprintf(p->errors, "softgpu: %s:%u: ", p->path, p->line);
    va_start(args, format);
    vfprintf(p->errors, format, args);
    va_end(args);
    fputc('\n', p->errors);
    return false;
}

/* A number of the file: finite, at least min. */
static bool number(const struct parser *p, const char *word, double min, const char *what,
                   double *out)
{
    char *end;

    *out = strtod(word, &end);
    if ((!isdigit((unsigned char)*word) && *word != '.') || *end || !isfinite(*out) || *out < min)
        return fail(p, "expected %s, not '%s'", what, word);
    return true;
}

/* --- names --- */

static const char *const classes[] = {"mi", "blt", "3d", "media", "any"};

#define CLASSES (sizeof(classes) / sizeof(classes[0]))

static const char *class_of(enum engine_id id, uint32_t header)
{
    switch (header >> 29) {
    case 0:
        return "mi";
    case 2:
        return "blt";
    default:
        return id == ENGINE_RCS ? "3d" : "media";
    }
}

static bool known(const struct parser *p, const char *name)
{
    for (unsigned i = 0; i < CLASSES; i++)
        if (!strcmp(classes[i], name))
            return true;
    for (unsigned id = 0; id < ENGINE_COUNT; id++) {
        for (uint32_t op = 0; op < OPCODES; op++) {
            const char *other = cs_name(p->names, id, op << 16);

            if (other && !strcmp(other, name))
                return true;
        }
    }
    return false;
}

/* --- statements --- */

static bool add_clock(struct parser *p, char **words)
{
    return number(p, words[1], 1, "cycles per second, 1 or more", &p->cost->hz);
}

static bool add_blit(struct parser *p, char **words)
{
    return number(p, words[1], 1, "bytes per second, 1 or more", &p->cost->blit_rate);
}

static bool add_busy(struct parser *p, char **words)
{
    p->cost->busy = !strcmp(words[1], "on");
    if (p->cost->busy || !strcmp(words[1], "off"))
        return true;
    return fail(p, "expected on or off, not '%s'", words[1]);
}

static struct entry *find(struct parser *p, const char *name)
{
    for (unsigned i = 0; i < p->count; i++)
        if (!strcmp(p->entries[i].name, name))
            return &p->entries[i];
    return NULL;
}

static bool add_command(struct parser *p, char **words)
{
    struct entry *e = find(p, words[1]);
    double cycles;

    if (!number(p, words[2], 0, "cycles, 0 or more", &cycles))
        return false;
    if (!e) {
        if (!known(p, words[1]))
            return fail(p, "expected a command of this GPU, or mi, blt, 3d, media or any, not '%s'",
                        words[1]);
        if (p->count == MAX_ENTRIES || strlen(words[1]) >= sizeof(e->name))
            return fail(p, "expected no more than %u different commands", MAX_ENTRIES);
        e = &p->entries[p->count++];
        strcpy(e->name, words[1]);
    }
    e->cycles = cycles;
    e->line = p->line;
    return true;
}

static bool statement(struct parser *p, char **words, unsigned n)
{
    static const struct {
        const char *name;
        unsigned words;
        bool (*add)(struct parser *p, char **words);
        const char *form;
    } table[] = {
        {"clock", 2, add_clock, "clock HZ"},
        {"command", 3, add_command, "command NAME CYCLES"},
        {"blit", 2, add_blit, "blit BYTES_PER_SECOND"},
        {"busy-batch", 2, add_busy, "busy-batch on|off"},
    };

    for (unsigned i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        if (strcmp(table[i].name, words[0]))
            continue;
        if (n != table[i].words)
            return fail(p, "expected %s", table[i].form);
        return table[i].add(p, words);
    }
    return fail(p, "expected clock, command, blit or busy-batch, not '%s'", words[0]);
}

static bool read_line(struct parser *p, char *line)
{
    char *words[MAX_WORDS], *save = NULL;
    unsigned n = 0;

    line[strcspn(line, "#")] = 0;
    for (char *w = strtok_r(line, " \t\r\n", &save); w && n < MAX_WORDS;
         w = strtok_r(NULL, " \t\r\n", &save))
        words[n++] = w;
    return !n || statement(p, words, n);
}

static bool read_lines(struct parser *p, FILE *in)
{
    char *line = NULL;
    size_t size = 0;
    bool ok = true;

    while (ok && getline(&line, &size, in) >= 0) {
        p->line++;
        ok = read_line(p, line);
    }
    free(line);
    if (ok && ferror(in)) {
        fprintf(p->errors, "softgpu: %s: %s\n", p->path, strerror(errno));
        return false;
    }
    return ok;
}

/* --- the model --- */

/* Cycles in picoseconds, which only the whole file can say. */
static bool price(struct parser *p, const struct entry *e)
{
    if (e->cycles / p->cost->hz * 1e12 <= (double)COST_MAX_PS)
        return true;
    p->line = e->line;
    return fail(p, "expected %s to take no more than an hour", e->name);
}

static uint64_t price_of(struct parser *p, enum engine_id id, uint32_t op)
{
    const char *name = cs_name(p->names, id, op << 16);
    const struct entry *e = name ? find(p, name) : NULL;

    if (name && !e)
        e = find(p, class_of(id, op << 16));
    if (name && !e)
        e = find(p, "any");
    return e ? (uint64_t)(e->cycles / p->cost->hz * 1e12) : 0;
}

static bool finish(struct parser *p)
{
    for (unsigned i = 0; i < p->count; i++)
        if (!price(p, &p->entries[i]))
            return false;
    for (unsigned id = 0; p->count && id < ENGINE_COUNT; id++)
        for (uint32_t op = 0; op < OPCODES; op++)
            p->cost->ps[id][op] = price_of(p, id, op);
    return true;
}

struct cost *cost_read(FILE *in, const char *path, FILE *errors)
{
    struct parser *p = calloc(1, sizeof(*p));
    struct cost *c = calloc(1, sizeof(*c));
    struct cs_names *names = cs_names_new();

    if (p && c && names) {
        *p = (struct parser){.path = path, .errors = errors, .cost = c, .names = names};
        c->hz = DEFAULT_HZ;
        if (!read_lines(p, in) || !finish(p))
            c = cost_free(c);
    } else {
        fprintf(errors, "softgpu: %s: %s\n", path, strerror(ENOMEM));
        c = cost_free(c);
    }
    cs_names_free(names);
    free(p);
    return c;
}

struct cost *cost_load(const char *path, FILE *errors)
{
    FILE *in = fopen(path, "re");
    struct cost *c;

    if (!in) {
        fprintf(errors, "softgpu: cannot read the cost model %s: %s\n", path, strerror(errno));
        return NULL;
    }
    c = cost_read(in, path, errors);
    fclose(in);
    return c;
}

struct cost *cost_free(struct cost *c)
{
    free(c);
    return NULL;
}

uint64_t cost_command(const struct cost *c, enum engine_id id, uint32_t header)
{
    uint64_t ps = c->ps[id][header >> 16];

    if (c->busy && header >> 23 == 0 && (header & NOOP_ID))
        ps += (header & (NOOP_ID - 1)) * PS_PER_US;
    return ps;
}

uint64_t cost_blit(const struct cost *c, uint64_t bytes)
{
    double ps = c->blit_rate > 0 ? (double)bytes / c->blit_rate * 1e12 : 0;

    return ps < (double)COST_MAX_PS ? (uint64_t)ps : COST_MAX_PS;
}

/* --- the meter --- */

void cost_meter_start(struct cost_meter *m, uint64_t now)
{
    m->due_ns = now + m->owed_ns;
    m->owed_ns = 0;
}

void cost_meter_stop(struct cost_meter *m, uint64_t now)
{
    m->owed_ns = m->due_ns > now ? m->due_ns - now : 0;
}

void cost_meter_add(struct cost_meter *m, uint64_t ps)
{
    ps += m->due_ps;
    m->due_ns += ps / 1000;
    m->due_ps = (uint32_t)(ps % 1000);
}

void cost_meter_idle(struct cost_meter *m, uint64_t now)
{
    if (m->due_ns < now)
        m->due_ns = now;
}

uint64_t cost_meter_wait(struct cost_meter *m, uint64_t now, uint64_t slack)
{
    if (m->due_ns + COST_LAG_NS < now)
        m->due_ns = now - COST_LAG_NS;
    return m->due_ns > now + slack ? m->due_ns : 0;
}
