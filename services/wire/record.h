/* SPDX-License-Identifier: MIT */
/*
 * record.h: one ServiceStats in the making: counters and engine times with the storage they need,
 * so that a service only names values. Not to be copied once begun: it points into itself.
 */
#pragma once
#include "lib/account.h"
#include "proto/vgt.pb-c.h"
#include "services/wire/input.h"

#define WIRE_RECORD_COUNTERS (ACCOUNT_EVENTS + 16u)
#define WIRE_RECORD_TIMES    8u

struct wire_record {
    Vgt__ServiceStats stats;
    Vgt__Counter counter[WIRE_RECORD_COUNTERS], *counters[WIRE_RECORD_COUNTERS];
    Vgt__EngineTime time[WIRE_RECORD_TIMES], *times[WIRE_RECORD_TIMES];
    Vgt__Quarantined bad[QUARANTINE_ITEMS], *bads[QUARANTINE_ITEMS];
    struct quarantine_item item[QUARANTINE_ITEMS];
    char text[QUARANTINE_ITEMS][WIRE_INPUT_TEXT];
};

/* domid 0: of the service itself. */
void wire_record_begin(struct wire_record *r, uint32_t domid);
/* Names are borrowed. More than there is room for is our own mistake. */
void wire_record_count(struct wire_record *r, const char *name, uint64_t value);
void wire_record_time(struct wire_record *r, const char *engine, uint64_t ns);
/* Every kind of event of an account. */
void wire_record_account(struct wire_record *r, const struct account *account);
/* What is quarantined. */
void wire_record_quarantine(struct wire_record *r, const struct quarantine *q);
