/* SPDX-License-Identifier: MIT */
/*
 * export.c: continuous export (export.h). The loop's thread hands over the planes' registers as of
 * a vertical blank; the export's thread draws and writes them. One slot lies between the two, so a
 * slow disk costs frames and nothing else.
 */
#include "softgpu/export.h"

#include "softgpu/png.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define SECOND_NS 1000000000ull
#define NAME_ROOM (sizeof(((struct export_options *)NULL)->pattern) + 32)

struct exporter {
    struct export_options o;
    display_fetch fetch;
    void *opaque;
    pthread_t thread;
    uint64_t next; /* ns: not before this; loop's thread only */
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool full; /* slot holds a picture that is not written yet */
    bool stop;
    struct display_picture slot;
    uint64_t written, dropped, failed;
};

/* The number's directive at s (after %): its width and what follows; NULL when it is none. */
static const char *directive(const char *s, unsigned *width)
{
    *width = 0;
    if (s[0] == '0' && s[1] >= '1' && s[1] <= '9') {
        *width = (unsigned)(s[1] - '0');
        s += 2;
    }
    return *s == 'd' ? s + 1 : NULL;
}

/* Puts n into the pattern; the number of places where it went, or -EINVAL. out has NAME_ROOM bytes
 * or is NULL. Not printf(), whose format would come from the command line. */
static int expand(const char *pattern, uint64_t n, char *out)
{
    int places = 0;

    while (*pattern) {
        unsigned width;

        if (pattern[0] == '%' && pattern[1] != '%') {
            pattern = directive(pattern + 1, &width);
            if (!pattern)
                return -EINVAL;
            if (out && !places)
                out += sprintf(out, "%0*" PRIu64, (int)width, n);
            places++;
            continue;
        }
        if (out)
            *out++ = *pattern;
        pattern += pattern[0] == '%' ? 2 : 1;
    }
    if (out)
        *out = 0;
    return places;
}

/* Cuts :FPS off the end; false when it is out of range. */
static bool cut_fps(char *pattern, unsigned *fps)
{
    char *colon = strrchr(pattern, ':');
    unsigned long n;

    if (!colon || !colon[1] || strspn(colon + 1, "0123456789") != strlen(colon + 1))
        return true;
    errno = 0;
    n = strtoul(colon + 1, NULL, 10);
    if (errno || n < 1 || n > EXPORT_FPS_MAX)
        return false;
    *colon = 0;
    *fps = (unsigned)n;
    return true;
}

int export_parse(const char *text, struct export_options *out)
{
    memset(out, 0, sizeof(*out));
    if (text[0] < '0' || text[0] >= '0' + DISPLAY_PIPES || text[1] != ':')
        return -EINVAL;
    out->pipe = (unsigned)(text[0] - '0');
    if (strlen(text + 2) >= sizeof(out->pattern))
        return -EINVAL;
    strcpy(out->pattern, text + 2);
    if (!cut_fps(out->pattern, &out->fps))
        return -EINVAL;
    return expand(out->pattern, 0, NULL) == 1 ? 0 : -EINVAL;
}

static int write_picture(struct exporter *e, const struct display_picture *pic, uint64_t number)
{
    char name[NAME_ROOM];
    uint8_t *rgb = calloc((size_t)pic->width * pic->height, 3);
    int ret;

    if (!rgb)
        return -ENOMEM;
    expand(e->o.pattern, number, name);
    ret = scanout_draw(pic, e->fetch, e->opaque, rgb);
    if (!ret)
        ret = png_save(name, pic->width, pic->height, rgb);
    free(rgb);
    return ret;
}

static void *run(void *arg)
{
    struct exporter *e = arg;

    pthread_mutex_lock(&e->lock);
    while (!e->stop) {
        struct display_picture pic;
        uint64_t number = e->written;
        int ret;

        if (!e->full) {
            pthread_cond_wait(&e->wake, &e->lock);
            continue;
        }
        pic = e->slot;
        pthread_mutex_unlock(&e->lock);
        ret = write_picture(e, &pic, number);
        pthread_mutex_lock(&e->lock);
        e->full = false;
        if (ret)
            e->failed++;
        else
            e->written++;
    }
    pthread_mutex_unlock(&e->lock);
    return NULL;
}

struct exporter *export_new(const struct export_options *o, display_fetch fetch, void *opaque)
{
    struct exporter *e = calloc(1, sizeof(*e));

    if (!e)
        return NULL;
    e->o = *o;
    e->fetch = fetch;
    e->opaque = opaque;
    pthread_mutex_init(&e->lock, NULL);
    pthread_cond_init(&e->wake, NULL);
    if (!pthread_create(&e->thread, NULL, run, e))
        return e;
    pthread_cond_destroy(&e->wake);
    pthread_mutex_destroy(&e->lock);
    free(e);
    return NULL;
}

struct exporter *export_free(struct exporter *e)
{
    if (!e)
        return NULL;
    pthread_mutex_lock(&e->lock);
    e->stop = true;
    pthread_cond_signal(&e->wake);
    pthread_mutex_unlock(&e->lock);
    pthread_join(e->thread, NULL);
    pthread_cond_destroy(&e->wake);
    pthread_mutex_destroy(&e->lock);
    free(e);
    return NULL;
}

unsigned export_pipe(const struct exporter *e)
{
    return e->o.pipe;
}

/* How many frames are wanted now. The time of the next one goes on from that of the last, not from
 * now, so that a rate that does not divide the refresh rate is kept on average. */
static uint32_t wanted(struct exporter *e, uint32_t blanks, uint64_t now)
{
    uint64_t period;

    if (!e->o.fps)
        return blanks;
    period = SECOND_NS / e->o.fps;
    if (now < e->next)
        return 0;
    e->next += period;
    if (e->next <= now)
        e->next = now + period;
    return 1;
}

void export_offer(struct exporter *e, const struct display_picture *pic, uint32_t blanks,
                  uint64_t now)
{
    uint32_t want = wanted(e, blanks, now);

    if (!want)
        return;
    pthread_mutex_lock(&e->lock);
    if (e->full) {
        e->dropped += want;
    } else {
        e->dropped += want - 1;
        e->slot = *pic;
        e->full = true;
        pthread_cond_signal(&e->wake);
    }
    pthread_mutex_unlock(&e->lock);
}

void export_print(struct exporter *e, FILE *out)
{
    pthread_mutex_lock(&e->lock);
    fprintf(out,
            "{\"pipe\":%u,\"written\":%" PRIu64 ",\"dropped\":%" PRIu64 ",\"failed\":%" PRIu64 "}",
            e->o.pipe, e->written, e->dropped, e->failed);
    pthread_mutex_unlock(&e->lock);
}
