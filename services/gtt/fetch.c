/* SPDX-License-Identifier: MIT */
/* fetch.c: see fetch.h. What run() calls uses of the guest's pins only what pins.h allows to any
 * thread. */
#include "services/gtt/fetch.h"

#include "gen/gen8_pte.h"
#include "lib/crash.h"

#include <errno.h>
#include <stdlib.h>

#define FEW 8u /* fewer present entries than this cost the loop less than a switch of threads */

struct fetch {
    struct job job; /* first */
    struct pins *pins;
    fetch_done *done;
    void *ctx, *what;
    uint32_t entries, got;
    uint64_t calls;                   /* of gpu_pin() */
    uint64_t word[GEN8_PT_ENTRIES];   /* entries; then the frames they name */
    struct pin *pin[GEN8_PT_ENTRIES]; /* got of them are pinned and claimed */
};

/* ---- in a worker */

static int by_number(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

/* Entries become frame numbers, each once. */
static uint32_t frames_of(uint64_t *word, uint32_t entries)
{
    uint32_t n = 0, once = 0;

    for (uint32_t i = 0; i < entries; i++) {
        struct gen8_entry e = gen8_entry_decode(word[i], GEN8_LEVEL_PTE, false);

        if (e.present && !e.reserved)
            word[n++] = e.addr / GEN8_PAGE_SIZE;
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
    uint64_t dma[GEN8_PT_ENTRIES];
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
    uint32_t n = frames_of(f->word, f->entries), claimed;

    n = pins_missing(f->pins, f->word, n);
    claimed = pins_claim(f->pins, n);
    if (claimed)
        pin_all(f, f->word, claimed);
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

/* Present entries of a table, each word read once. */
static uint32_t copy(uint64_t *word, const uint64_t *table)
{
    uint32_t n = 0;

    for (unsigned i = 0; i < GEN8_PT_ENTRIES; i++) {
        uint64_t raw = __atomic_load_n(&table[i], __ATOMIC_RELAXED);

        if (raw & GEN8_PTE_PRESENT)
            word[n++] = raw;
    }
    return n;
}

int fetch_start(struct workers *w, struct pins *p, const uint64_t *table, fetch_done *done,
                void *ctx, void *what)
{
    struct fetch *f = malloc(sizeof(*f));

    if (!f)
        return -ENOMEM;
    f->entries = copy(f->word, table);
    if (f->entries < FEW) {
        free(f);
        return FETCH_FEW;
    }
    f->job = (struct job){.run = run, .done = finish, .owner = p};
    f->pins = p;
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
