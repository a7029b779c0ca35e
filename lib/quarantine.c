/* SPDX-License-Identifier: MIT */
/*
 * quarantine.c: see quarantine.h. Called by vgt-gtt and vgt-sched (slots) and vgt-mmio (which has a
 * journal and uses the table alone). An item's mark is its last word written and the first taken
 * away, so a death anywhere in here leaves whole items; it holds the life it was last counted for,
 * so that a death while deaths are counted counts nothing twice.
 */
#include "lib/quarantine.h"

#include <string.h>
#include <time.h>

unsigned quarantine_deaths(const struct quarantine_item *item)
{
    return (uint32_t)item->mark;
}

static void set(uint64_t *word, uint64_t value)
{
    __atomic_store_n(word, value, __ATOMIC_RELEASE);
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
}

static uint32_t slot_of(const struct quarantine_item *item)
{
    return item->slot & 0xffff;
}

static uint32_t half_of(const struct quarantine_item *item)
{
    return item->slot >> 16;
}

static bool quarantined(const struct quarantine_item *item)
{
    return quarantine_deaths(item) >= QUARANTINE_DEATHS;
}

static bool suspected(const struct quarantine_item *item)
{
    return item->mark && !quarantined(item);
}

static void count_items(struct quarantine *q)
{
    q->known = q->suspects = q->doubts = 0;
    for (unsigned i = 0; i < QUARANTINE_ITEMS; i++) {
        const struct quarantine_item *item = &q->table->item[i];

        q->known += item->mark != 0;
        q->suspects += suspected(item);
        q->doubts += suspected(item) && slot_of(item) < QUARANTINE_BESIDE;
    }
}

static bool is(const struct quarantine_input *a, uint32_t kind, const uint64_t *word,
               unsigned words)
{
    return a->kind == kind && a->words == words && !memcmp(a->word, word, words * sizeof(*word));
}

static struct quarantine_item *find(const struct quarantine *q, uint32_t kind, const uint64_t *word,
                                    unsigned words)
{
    for (unsigned i = 0; i < QUARANTINE_ITEMS; i++)
        if (q->table->item[i].mark && is(&q->table->item[i].input, kind, word, words))
            return &q->table->item[i];
    return NULL;
}

/* A new item takes the place of one that is worth no more than itself: so what was only worked on
 * beside never pushes out a suspect, and no suspect what is quarantined. */
enum worth { WORTH_NOTHING, WORTH_BESIDE, WORTH_SUSPECT, WORTH_QUARANTINED };

static enum worth worth_of(const struct quarantine_item *item)
{
    if (!item->mark)
        return WORTH_NOTHING;
    if (quarantined(item))
        return WORTH_QUARANTINED;
    return slot_of(item) < QUARANTINE_BESIDE ? WORTH_SUSPECT : WORTH_BESIDE;
}

/* The oldest of those worth least, up to most; NULL. */
static struct quarantine_item *room(struct quarantine *q, enum worth most)
{
    struct quarantine_item *best = NULL;

    for (unsigned i = 0; i < QUARANTINE_ITEMS; i++) {
        struct quarantine_item *item = &q->table->item[i];
        enum worth worth = worth_of(item);

        if (worth > most)
            continue;
        if (!best || worth < worth_of(best) || (worth == worth_of(best) && item->at_s < best->at_s))
            best = item;
    }
    return best;
}

static void store(struct quarantine_item *item, unsigned slot, const struct quarantine_input *input,
                  uint64_t mark)
{
    set(&item->mark, 0);
    item->input = *input;
    item->slot = slot;
    item->skipped = 0;
    item->told = 0;
    item->at_s = (uint64_t)time(NULL);
    set(&item->mark, mark);
}

/* A death among these stores can count a half twice, nothing else. */
static void again(struct quarantine_item *item, uint64_t life, bool half)
{
    uint32_t halves = half_of(item) + half;

    if (item->mark >> 32 == (uint32_t)life)
        return; /* counted, before this one's predecessor died of something else */
    item->at_s = (uint64_t)time(NULL);
    item->slot = slot_of(item) | (halves % 2) << 16;
    set(&item->mark, life << 32 | (quarantine_deaths(item) + (half ? halves / 2 : 1)));
}

static void blame(struct quarantine *q, unsigned slot)
{
    struct quarantine_slot *s = &q->table->slot[slot];
    bool half = s->life == q->table->announced && s->life != q->table->fatal;
    struct quarantine_item *item;

    if (s->input.words > QUARANTINE_WORDS)
        return;
    item = find(q, s->input.kind, s->input.word, s->input.words);
    if (item)
        again(item, s->life, half);
    else if ((item = room(q, slot < QUARANTINE_BESIDE ? WORTH_SUSPECT : WORTH_BESIDE)))
        store(item, slot | (uint32_t)half << 16, &s->input, s->life << 32 | !half);
}

void quarantine_attach(struct quarantine *q, struct quarantine_table *table)
{
    bool inner = table->slot[QUARANTINE_INNER].life != 0;

    *q = (struct quarantine){.table = table};
    for (unsigned i = 0; i < QUARANTINE_SLOTS; i++)
        if (table->slot[i].life && !(i == QUARANTINE_OUTER && inner))
            blame(q, i);
    /* The inner one goes last: a death in between must not turn to the outer one. */
    for (unsigned i = QUARANTINE_SLOTS; i-- > 0;)
        if (i != QUARANTINE_INNER)
            set(&table->slot[i].life, 0);
    set(&table->slot[QUARANTINE_INNER].life, 0);
    set(&table->life, (uint32_t)table->life + 1 ? (uint32_t)table->life + 1 : 1);
    q->life = table->life;
    count_items(q);
}

uint64_t *quarantine_fatal(struct quarantine *q)
{
    return &q->table->fatal;
}

void quarantine_announce(struct quarantine *q)
{
    set(&q->table->announced, q->life);
}

static bool meets(struct quarantine *q, uint32_t kind, const uint64_t *word, unsigned words)
{
    struct quarantine_item *item = find(q, kind, word, words);

    if (!item || !quarantined(item))
        return false;
    item->skipped++;
    return true;
}

bool quarantine_begin(struct quarantine *q, unsigned slot, uint32_t kind, const uint64_t *word,
                      unsigned words)
{
    struct quarantine_slot *s;

    assert(slot < QUARANTINE_SLOTS && words <= QUARANTINE_WORDS);
    if (!q || !q->table)
        return true;
    s = &q->table->slot[slot];
    s->input.kind = kind;
    s->input.words = words;
    memcpy(s->input.word, word, words * sizeof(*word));
    set(&s->life, q->life);
    return !q->known || !meets(q, kind, word, words);
}

void quarantine_go(struct quarantine *q, unsigned slot)
{
    set(&q->table->slot[slot].life, q->life);
}

static void drop(struct quarantine *q, struct quarantine_item *item)
{
    set(&item->mark, 0);
    count_items(q);
}

/* This process lives, so deaths of former ones, while they did not even apply it, were by chance.
 */
static void got_through(struct quarantine *q, const struct quarantine_input *input)
{
    struct quarantine_item *item = find(q, input->kind, input->word, input->words);

    if (!item)
        return;
    if (suspected(item))
        drop(q, item);
    else if (quarantine_deaths(item) > QUARANTINE_DEATHS)
        set(&item->mark, q->life << 32 | QUARANTINE_DEATHS);
}

void quarantine_end(struct quarantine *q, unsigned slot)
{
    struct quarantine_slot *s;

    if (!q || !q->table)
        return;
    s = &q->table->slot[slot];
    if (q->known)
        got_through(q, &s->input);
    set(&s->life, 0);
}

void quarantine_settled(struct quarantine *q)
{
    if (!q || !q->suspects)
        return;
    for (unsigned i = 0; i < QUARANTINE_ITEMS; i++)
        if (suspected(&q->table->item[i]))
            drop(q, &q->table->item[i]);
}

bool quarantine_doubts(const struct quarantine *q)
{
    return q && q->doubts;
}

bool quarantine_full(const struct quarantine *q)
{
    unsigned n = 0;

    if (!q || !q->table)
        return false;
    for (unsigned i = 0; i < QUARANTINE_ITEMS; i++) {
        n += quarantined(&q->table->item[i]);
        if (quarantine_deaths(&q->table->item[i]) >= 2 * QUARANTINE_DEATHS)
            return true;
    }
    return n == QUARANTINE_ITEMS;
}

void quarantine_put(struct quarantine *q, uint32_t kind, const uint64_t *word, unsigned words)
{
    struct quarantine_input input = {.kind = kind, .words = words};

    assert(words <= QUARANTINE_WORDS);
    if (!q || !q->table || find(q, kind, word, words))
        return;
    memcpy(input.word, word, words * sizeof(*word));
    store(room(q, WORTH_QUARANTINED), QUARANTINE_OUTER, &input, q->life << 32 | QUARANTINE_DEATHS);
    count_items(q);
}

bool quarantine_meets(struct quarantine *q, uint32_t kind, const uint64_t *word, unsigned words)
{
    return q && q->known && meets(q, kind, word, words);
}

bool quarantine_get(const struct quarantine *q, unsigned i, struct quarantine_item *out)
{
    if (!q->table || i >= QUARANTINE_ITEMS || !quarantined(&q->table->item[i]))
        return false;
    *out = q->table->item[i];
    return out->input.words <= QUARANTINE_WORDS;
}

bool quarantine_news(struct quarantine *q, struct quarantine_item *out)
{
    for (unsigned i = 0; q->known && i < QUARANTINE_ITEMS; i++) {
        if (q->table->item[i].told || !quarantine_get(q, i, out))
            continue;
        q->table->item[i].told = 1;
        return true;
    }
    return false;
}
