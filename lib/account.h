/* SPDX-License-Identifier: MIT */
/*
 * A guest's account: what it did wrong or what it cost, counted by kind. Nothing a guest does is an
 * error of ours; it is an event here. The first event of each kind is logged with the guest's
 * name, all are counted. Counters may be raised by any thread; the log line comes from the first.
 */
#pragma once
#include "lib/log.h"

#include <stdatomic.h>
#include <stdint.h>

enum account_event {
    ACCOUNT_BAD_ACCESS,     /* register or config access of impossible size or place */
    ACCOUNT_UNKNOWN_REG,    /* register no handler knows */
    ACCOUNT_BAD_GTT,        /* GGTT entry without memory, or outside the guest's ranges */
    ACCOUNT_BAD_PPGTT,      /* page-table entry that names no memory of the guest */
    ACCOUNT_BAD_COMMAND,    /* command refused by the audit */
    ACCOUNT_BAD_CONTEXT,    /* context image refused by the audit */
    ACCOUNT_BAD_DESCRIPTOR, /* ELSP or ring descriptor refused */
    ACCOUNT_BAD_DISPLAY,    /* impossible mode, plane or AUX transfer */
    ACCOUNT_BAD_GUEST_ADDR, /* guest address without memory */
    ACCOUNT_QUARANTINED,    /* input that killed a service twice */
    ACCOUNT_ENGINE_HANG,    /* engine reset on this guest's account */
    ACCOUNT_LANE_FULL,      /* an access had to wait for a full lane */
    ACCOUNT_LANE_BROKEN,    /* a lane of this guest was detached */
    ACCOUNT_NO_RESOURCE,    /* its own limit reached: pages, contexts, pins */
    ACCOUNT_EVENTS
};

struct account {
    uint32_t domid;
    char name[64];
    const struct log *log; /* borrowed, may be NULL */
    _Atomic uint64_t count[ACCOUNT_EVENTS];
};

/* name is copied, cleaned and cut to fit. */
void account_init(struct account *account, uint32_t domid, const char *name, const struct log *log);

/* Count one event; detail ("key=value ...") is used by the first of its kind only. */
void account_event(struct account *account, enum account_event event, const char *detail, ...)
    __attribute__((format(printf, 3, 4)));

/* Counters as they are now, ACCOUNT_EVENTS of them. */
void account_snapshot(const struct account *account, uint64_t out[ACCOUNT_EVENTS]);

/* "bad_gtt" and so on, for vgtctl; NULL for a number out of range. */
const char *account_event_name(unsigned event);
