/* SPDX-License-Identifier: MIT */
/*
 * warn.c: the counted warnings of the display (warn.h). Its lock is the last that is taken.
 */
#include "softgpu/warn.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

struct text {
    char text[WARN_TEXT];
    uint64_t count;
};

struct warn {
    pthread_mutex_t lock;
    struct text list[WARN_TEXTS];
    unsigned count;
    uint64_t others;
};

struct warn *warn_new(void)
{
    struct warn *w = calloc(1, sizeof(*w));

    if (w && pthread_mutex_init(&w->lock, NULL)) {
        free(w);
        return NULL;
    }
    return w;
}

struct warn *warn_free(struct warn *w)
{
    if (!w)
        return NULL;
    pthread_mutex_destroy(&w->lock);
    free(w);
    return NULL;
}

/* NULL: the list is full. */
static struct text *find(struct warn *w, const char *text)
{
    for (unsigned i = 0; i < w->count; i++)
        if (!strcmp(w->list[i].text, text))
            return &w->list[i];
    if (w->count == WARN_TEXTS)
        return NULL;
    strcpy(w->list[w->count].text, text);
    return &w->list[w->count++];
}

void warn_count(struct warn *w, const char *format, ...)
{
    char text[WARN_TEXT];
    struct text *t;
    va_list ap;

    va_start(ap, format);
    vsnprintf(text, sizeof(text), format, ap);
    va_end(ap);
    pthread_mutex_lock(&w->lock);
    t = find(w, text);
    if (t)
        t->count++;
    else
        w->others++;
    pthread_mutex_unlock(&w->lock);
}

/* The texts are the program's own: there is nothing to escape. */
void warn_print(struct warn *w, FILE *out)
{
    const char *comma = "";

    pthread_mutex_lock(&w->lock);
    fputc('[', out);
    for (unsigned i = 0; i < w->count; i++, comma = ",")
        fprintf(out, "%s{\"text\":\"%s\",\"count\":%" PRIu64 "}", comma, w->list[i].text,
                w->list[i].count);
    if (w->others)
        fprintf(out, ",{\"text\":\"other warnings\",\"count\":%" PRIu64 "}", w->others);
    fputc(']', out);
    pthread_mutex_unlock(&w->lock);
}
