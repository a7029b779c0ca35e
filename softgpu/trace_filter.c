/* SPDX-License-Identifier: MIT */
/*
 * trace_filter.c: which records softgpu-trace shows (trace_print.h).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "softgpu/trace_print.h"

static bool each_word(struct trace_filter *f, const char *list,
                      bool (*add)(struct trace_filter *f, const char *word))
{
    char word[32];
    size_t n;

    for (;; list += n + 1) {
        n = strcspn(list, ",");
        if (!n || n >= sizeof(word))
            return false;
        memcpy(word, list, n);
        word[n] = 0;
        if (!add(f, word))
            return false;
        if (!list[n])
            return true;
    }
}

static bool add_source(struct trace_filter *f, const char *word)
{
    for (unsigned i = 0; i < TRACE_SOURCES; i++) {
        if (!strcmp(trace_source_name(i), word)) {
            f->sources |= 1u << i;
            return true;
        }
    }
    return false;
}

bool trace_filter_sources(struct trace_filter *f, const char *list)
{
    return each_word(f, list, add_source);
}

static bool add_kind(struct trace_filter *f, const char *word)
{
    unsigned class = trace_class(word);
    bool found = false;

    for (unsigned k = 0; k < TRACE_KINDS; k++) {
        const char *name = trace_kind_name(k);

        if (name && (!strcmp(name, word) || trace_kind_class(k) == class)) {
            f->kinds |= 1u << k;
            found = true;
        }
    }
    return found;
}

bool trace_filter_kinds(struct trace_filter *f, const char *list)
{
    return each_word(f, list, add_kind);
}

/* A number up to end, decimal or 0x hexadecimal; *rest is what follows it. */
static bool number(const char *text, const char **rest, uint64_t *out)
{
    char *end;

    if (*text < '0' || *text > '9')
        return false;
    errno = 0;
    *out = strtoull(text, &end, text[0] == '0' && (text[1] | 0x20) == 'x' ? 16 : 10);
    *rest = end;
    return !errno;
}

bool trace_filter_range(struct trace_filter *f, const char *text)
{
    f->by_addr = true;
    if (!number(text, &text, &f->first))
        return false;
    f->last = f->first;
    if (*text == '-' && !number(text + 1, &text, &f->last))
        return false;
    return !*text && f->first <= f->last;
}

bool trace_filter_context(struct trace_filter *f, const char *text)
{
    uint64_t v;

    if (!number(text, &text, &v) || *text || v > UINT32_MAX)
        return false;
    f->by_ctx = true;
    f->ctx = (uint32_t)v;
    return true;
}

bool trace_filter_passes(const struct trace_filter *f, const struct trace_record *r)
{
    if (f->kinds && !(f->kinds & 1u << r->kind))
        return false;
    if (f->sources && !(f->sources & 1u << r->source))
        return false;
    if (f->by_addr && (!trace_kind_has_addr(r->kind) || r->addr < f->first || r->addr > f->last))
        return false;
    if (f->by_ctx &&
        !(trace_kind_has_ctx(r->kind) && (r->ctx == f->ctx || (r->lrca && r->lrca == f->ctx))))
        return false;
    return true;
}
