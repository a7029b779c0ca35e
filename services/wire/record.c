/* SPDX-License-Identifier: MIT */
/* record.c: see record.h. */
#include "services/wire/record.h"

#include <assert.h>

void wire_record_begin(struct wire_record *r, uint32_t domid)
{
    vgt__service_stats__init(&r->stats);
    r->stats.domid = domid;
    r->stats.counters = r->counters;
    r->stats.gpu_time = r->times;
    r->stats.quarantined = r->bads;
}

void wire_record_count(struct wire_record *r, const char *name, uint64_t value)
{
    Vgt__Counter *c = &r->counter[r->stats.n_counters];

    assert(r->stats.n_counters < WIRE_RECORD_COUNTERS);
    vgt__counter__init(c);
    c->name = (char *)name;
    c->value = value;
    r->counters[r->stats.n_counters++] = c;
}

void wire_record_time(struct wire_record *r, const char *engine, uint64_t ns)
{
    Vgt__EngineTime *t = &r->time[r->stats.n_gpu_time];

    assert(r->stats.n_gpu_time < WIRE_RECORD_TIMES);
    vgt__engine_time__init(t);
    t->engine = (char *)engine;
    t->time_us = ns / 1000;
    r->times[r->stats.n_gpu_time++] = t;
}

void wire_record_account(struct wire_record *r, const struct account *account)
{
    uint64_t events[ACCOUNT_EVENTS];

    account_snapshot(account, events);
    for (unsigned i = 0; i < ACCOUNT_EVENTS; i++)
        wire_record_count(r, account_event_name(i), events[i]);
}

static void fill_bad(struct wire_record *r, size_t n)
{
    const struct quarantine_item *item = &r->item[n];
    Vgt__Quarantined *b = &r->bad[n];

    vgt__quarantined__init(b);
    wire_input_text(&item->input, r->text[n]);
    b->kind = (char *)wire_input_name(item->input.kind);
    b->text = r->text[n];
    b->input.data = (uint8_t *)item->input.word;
    b->input.len = item->input.words * sizeof(item->input.word[0]);
    b->deaths = quarantine_deaths(item);
    b->skipped = item->skipped;
    b->at_s = item->at_s;
    r->bads[n] = b;
}

void wire_record_quarantine(struct wire_record *r, const struct quarantine *q)
{
    for (unsigned i = 0; i < QUARANTINE_ITEMS; i++)
        if (quarantine_get(q, i, &r->item[r->stats.n_quarantined]))
            fill_bad(r, r->stats.n_quarantined++);
}
