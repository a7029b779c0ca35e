/* SPDX-License-Identifier: MIT */
/* fetch.c: see fetch.h. What run() calls uses of the guest's pins only what pins.h allows to any
 * thread. */
#include "services/gtt/fetch.h"

#include "lib/crash.h"

#include <errno.h>
#include <stdlib.h>

#define ONE_CALL 512u /* frames gpu_pin() takes at once */
#define FEW      8u /* fewer present entries than this cost the loop less than a switch of threads */

struct fetch {
    struct job job; /* first */
    struct pins *pins;
    const struct gtt_format *format;
    fetch_done *done;
    void *ctx, *what;
    uint32_t entries, got;
    uint64_t calls;   /* of gpu_pin() */
    struct pin **pin; /* got of them are pinned and claimed */
    uint64_t word[];  /* entries; then the frames they name; behind them is room for pin */
};

/* ---- in a worker */

static int by_number(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

/* Entries become frame numbers, each once. */
static uint32_t frames_of(const struct gtt_format *format, uint64_t *word, uint32_t entries)
{
    uint32_t n = 0, once = 0;

    for (uint32_t i = 0; i < entries; i++) {
        struct gtt_entry e = format->entry(word[i], GTT_LEVEL_PTE);

        if (e.present && !e.bad)
            word[n++] = e.gfn;
    }
    qsort(word, n, sizeof(word[0]), by_number);
    for (uint32_t i = 0; i < n; i++) {
        if (!i || word[i] != word[i - 1])
            word[once++] = word[i];
    }
    return once;
}

/* One call; the records are f's afterwards, or freed. */
static int pin_once(struct fetch *f, const uint64_t *gfn, uint32_t n)
{
    uint64_t dma[ONE_CALL];
    struct pin **pin = &f->pin[f->got];
    int rc = 0;

    for (uint32_t i = 0; i < n; i++) {
        pin[i] = pins_record(gfn[i]);
        rc = pin[i] ? rc : -ENOMEM;
    }
    if (!rc) {
        f->calls++;
        rc = gpu_pin(f->pins->gpu, f->pins->domid, gfn, n, dma);
        crash_point("gtt.worker.pinned");
    }
    for (uint32_t i = 0; i < n; i++) {
        if (rc)
            free(pin[i]);
        else
            pins_record_dma(pin[i], dma[i]);
    }
    f->got += rc ? 0 : n;
    return rc;
}

/* Halves until the frames that are no RAM stand alone; they are left out. Nine deep at most. Any
 * other error ends the fetch, the fill will meet it again. */
static int pin_all(struct fetch *f, const uint64_t *gfn, uint32_t n)
{
    int rc = pin_once(f, gfn, n);

    if (rc != -ENXIO)
        return rc;
    if (n == 1)
        return 0;
    rc = pin_all(f, gfn, n / 2);
    return rc ? rc : pin_all(f, gfn + n / 2, n - n / 2);
}

static void run(struct job *job)
{
    struct fetch *f = (struct fetch *)job;
    uint32_t n = frames_of(f->format, f->word, f->entries), claimed;
    int rc = 0;

    n = pins_missing(f->pins, f->word, n);
    claimed = pins_claim(f->pins, n);
    for (uint32_t at = 0; at < claimed && !rc; at += ONE_CALL)
        rc = pin_all(f, f->word + at, claimed - at < ONE_CALL ? claimed - at : ONE_CALL);
    pins_unclaim(f->pins, claimed - f->got);
}

/* ---- in the loop */

static void finish(struct job *job)
{
    struct fetch *f = (struct fetch *)job;

    for (uint32_t i = 0; i < f->got; i++)
        pins_enter(f->pins, f->pin[i]);
    crash_point("gtt.worker.entered");
    f->pins->fetches--;
    f->pins->fetch_pins += f->got;
    f->pins->fetch_calls += f->calls;
    f->done(f->ctx, f->what);
    free(f);
}

int fetch_start(struct workers *w, struct pins *p, const struct gtt_format *format,
                const void *table, fetch_done *done, void *ctx, void *what)
{
    struct fetch *f =
        malloc(sizeof(*f) + format->entries * (sizeof(f->word[0]) + sizeof(f->pin[0])));

    if (!f)
        return -ENOMEM;
    f->entries = format->copy(table, f->word);
    if (f->entries < FEW) {
        free(f);
        return FETCH_FEW;
    }
    f->job = (struct job){.run = run, .done = finish, .owner = p};
    f->pins = p;
    f->format = format;
    f->pin = (struct pin **)(f->word + format->entries);
    f->done = done;
    f->ctx = ctx;
    f->what = what;
    f->got = 0;
    f->calls = 0;
    p->fetches++;
    p->fetch_jobs++;
    workers_submit(w, &f->job);
    return 0;
}

void fetch_cancel(struct workers *w, struct pins *p)
{
    if (w)
        workers_cancel(w, p);
}

void fetch_finish(struct workers *w, struct pins *p)
{
    fetch_cancel(w, p);
    while (p->fetches)
        workers_wait(w);
}
