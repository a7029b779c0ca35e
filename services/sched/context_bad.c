/* SPDX-License-Identifier: MIT */
/*
 * context_bad.c: what of a guest's contexts is noted in its table of inputs that kill
 * (lib/quarantine.h) before it is worked on. Outer: the context that is being prepared, first by
 * its name, then by its registers; inner: one command of it, or what is written back, or a former
 * process's record. Called by the files of context_priv.h; the set's thread.
 */
#include "gen/gen8_pte.h"
#include "services/sched/context_priv.h"

#include <inttypes.h>
#include <string.h>

static bool may(struct context_set *s, unsigned slot, uint32_t kind, const uint64_t *word,
                unsigned words)
{
    if (quarantine_begin(s->c.quarantine, slot, kind, word, words))
        return true;
    account_event(s->c.account, ACCOUNT_QUARANTINED, "kind=%u engine=%u what=0x%" PRIx64, kind,
                  (unsigned)(word[0] & 0xff), word[1]);
    return false;
}

static uint64_t pair(uint32_t low, uint32_t high)
{
    return (uint64_t)high << 32 | low;
}

void context_bad_end(struct context_set *s, unsigned slot)
{
    quarantine_end(s->c.quarantine, slot);
}

bool context_may_read(struct context_set *s, enum gen8_engine engine, uint64_t desc)
{
    const uint64_t word[] = {engine, desc};

    return may(s, QUARANTINE_OUTER, WIRE_INPUT_CONTEXT, word, 2);
}

bool context_may_take(struct context *c, uint64_t desc, const uint32_t *state, bool append)
{
    const uint64_t word[WIRE_IMAGE_WORDS] = {
        [WIRE_IMAGE_ENGINE] = c->engine | (append ? WIRE_IMAGE_APPEND : 0),
        [WIRE_IMAGE_DESC] = desc,
        [WIRE_IMAGE_HEAD_TAIL] = pair(state[CTX_RING_HEAD], state[CTX_RING_TAIL]),
        [WIRE_IMAGE_START_CTL] = pair(state[CTX_RING_START], state[CTX_RING_CTL]),
        [WIRE_IMAGE_ROOT] = pair(state[CTX_PDP_LDW(0)], state[CTX_PDP_UDW(0)]),
        [WIRE_IMAGE_CONTROL_BB] = pair(state[CTX_CONTROL], state[CTX_BB_STATE]),
        [WIRE_IMAGE_BB] = pair(state[CTX_BB_HEAD_LDW], state[CTX_BB_HEAD_UDW]),
        [WIRE_IMAGE_WA] =
            c->engine == GEN8_RCS ? pair(state[CTX_BB_PER_CTX_PTR], state[CTX_INDIRECT_CTX]) : 0,
    };

    context_bad_end(c->set, QUARANTINE_OUTER); /* its name was harmless */
    return may(c->set, QUARANTINE_OUTER, WIRE_INPUT_IMAGE, word, WIRE_IMAGE_WORDS);
}

static uint32_t hash(const uint32_t *dw, uint32_t n)
{
    uint32_t h = 2166136261u;

    for (uint32_t i = 0; i < n; i++)
        h = (h ^ dw[i]) * 16777619u;
    return h;
}

void context_command_input(struct context *c, enum audit_where where, const uint32_t *dw,
                           uint32_t len, struct quarantine_input *out)
{
    uint32_t kept = len < WIRE_COMMAND_DWORDS ? len : WIRE_COMMAND_DWORDS;

    out->kind = WIRE_INPUT_COMMAND;
    out->words = WIRE_COMMAND_BYTES + (kept + 1) / 2;
    out->word[WIRE_COMMAND_HOW] = WIRE_COMMAND_PACK(c->engine, where, len);
    out->word[WIRE_COMMAND_HASH] = kept < len ? hash(dw, len) : 0;
    out->word[out->words - 1] = 0;
    memcpy(&out->word[WIRE_COMMAND_BYTES], dw, kept * sizeof(*dw));
}

void context_command_note(struct context *c, enum audit_where where, const uint32_t *dw,
                          uint32_t len)
{
    struct quarantine *q = c->set->c.quarantine;
    uint32_t kept = len < WIRE_COMMAND_DWORDS ? len : WIRE_COMMAND_DWORDS;
    unsigned words = WIRE_COMMAND_BYTES + (kept + 1) / 2;
    uint64_t *word = quarantine_open(q, QUARANTINE_INNER, WIRE_INPUT_COMMAND, words);
    uint32_t *bytes = (uint32_t *)&word[WIRE_COMMAND_BYTES];

    word[WIRE_COMMAND_HOW] = WIRE_COMMAND_PACK(c->engine, where, len);
    word[WIRE_COMMAND_HASH] = kept < len ? hash(dw, len) : 0;
    word[words - 1] = 0;
    for (uint32_t i = 0; i < kept; i++)
        bytes[i] = dw[i];
    quarantine_go(q, QUARANTINE_INNER);
}

bool context_may_run(struct context *c, const struct quarantine_input *command)
{
    struct context_set *s = c->set;

    if (quarantine_begin(s->c.quarantine, QUARANTINE_INNER, command->kind, command->word,
                         command->words))
        return true;
    account_event(s->c.account, ACCOUNT_QUARANTINED, "command engine=%u header=0x%x",
                  (unsigned)c->engine, (uint32_t)command->word[WIRE_COMMAND_BYTES]);
    return false;
}

/* A batch that it led to has had the slot meanwhile. */
void context_command_end(struct context *c, const struct quarantine_input *command, bool allowed)
{
    struct quarantine *q = c->set->c.quarantine;

    if (allowed && q && q->known)
        quarantine_begin(q, QUARANTINE_INNER, command->kind, command->word, command->words);
    quarantine_end(q, QUARANTINE_INNER);
}

static void save_words(const struct sched_journal_context *r, uint64_t *word)
{
    word[WIRE_SAVE_ENGINE] = r->engine;
    word[WIRE_SAVE_DESC] = r->guest_desc;
    word[WIRE_SAVE_RING] = pair(r->ring_start, r->ring_size);
    word[WIRE_SAVE_TAIL] = r->tail;
}

bool context_may_save(struct context *c)
{
    uint64_t word[WIRE_SAVE_WORDS];

    save_words(c->r, word);
    return may(c->set, QUARANTINE_INNER, WIRE_INPUT_SAVE, word, WIRE_SAVE_WORDS);
}

bool context_may_restore(struct context_set *s, uint32_t slot)
{
    const struct sched_journal_context *r = &s->c.records[slot];
    uint64_t word[WIRE_RECORD_WORDS];

    save_words(r, word);
    word[WIRE_RECORD_MEM] = pair(r->mem, r->mem_pages);
    word[WIRE_RECORD_SLOT] = slot;
    return may(s, QUARANTINE_INNER, WIRE_INPUT_RECORD, word, WIRE_RECORD_WORDS);
}

bool context_may_show(struct context_set *s, enum gen8_engine engine, uint32_t hwsp)
{
    uint32_t index = hwsp / GEN8_PAGE_SIZE;
    const uint64_t word[] = {
        engine, hwsp,
        index < VGGTT_ENTRIES ? __atomic_load_n(&s->c.vggtt->pte[index], __ATOMIC_RELAXED) : 0};

    return may(s, QUARANTINE_INNER, WIRE_INPUT_STATUS, word, 3);
}
