/* SPDX-License-Identifier: MIT */
/* audit_data.c: see audit_data.h. */
#include "tests/bench/audit_data.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/bench/bench.h"

static enum gen8_engine engine_of(const struct audit_recording *r, const char *name)
{
    static const char *const names[GEN8_ENGINES] = {
        [GEN8_RCS] = "rcs",   [GEN8_BCS] = "bcs",   [GEN8_VCS] = "vcs",
        [GEN8_VECS] = "vecs", [GEN8_VCS2] = "vcs2",
    };

    for (unsigned e = 0; e < GEN8_ENGINES; e++)
        if (!strcmp(name, names[e]))
            return (enum gen8_engine)e;
    bench_fail("%s: no engine is called '%s'", r->path, name);
}

static struct audit_piece *add_piece(struct audit_recording *r, const char *kind,
                                     const char *engine)
{
    struct audit_piece *p;

    r->piece = realloc(r->piece, (r->pieces + 1) * sizeof(*r->piece));
    bench_check(r->piece);
    p = &r->piece[r->pieces++];
    *p = (struct audit_piece){.engine = engine_of(r, engine), .batch = !strcmp(kind, "batch")};
    p->dw = malloc(AUDIT_PIECE_MAX * 4);
    bench_check(p->dw);
    return p;
}

static void add_dwords(const struct audit_recording *r, struct audit_piece *p, const char *line)
{
    char *end;

    for (;; line = end) {
        unsigned long dw = strtoul(line, &end, 16);

        if (end == line)
            break;
        if (!p || p->n == AUDIT_PIECE_MAX)
            bench_fail("%s: a command outside a piece, or a piece too long", r->path);
        p->dw[p->n++] = (uint32_t)dw;
    }
    if (*end != '\n' && *end)
        bench_fail("%s: not a line of dwords: %s", r->path, line);
}

void audit_data_load(struct audit_recording *r, const char *path, unsigned gen)
{
    FILE *f = fopen(path, "r");
    struct audit_piece *p = NULL;
    char line[4096], kind[8], engine[8];

    *r = (struct audit_recording){.path = path, .gen = gen};
    if (!f)
        bench_fail("%s: cannot be read (run this at the top of the tree)", path);
    while (fgets(line, sizeof(line), f)) {
        if (*line == '#' || *line == '\n')
            continue;
        if (sscanf(line, "%7s %7s", kind, engine) == 2 &&
            (!strcmp(kind, "ring") || !strcmp(kind, "batch")))
            p = add_piece(r, kind, engine);
        else
            add_dwords(r, p, line);
    }
    fclose(f);
}

void audit_data_free(struct audit_recording *r)
{
    for (uint32_t i = 0; i < r->pieces; i++)
        free(r->piece[i].dw);
    free(r->piece);
}
