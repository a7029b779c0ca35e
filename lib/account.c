/* SPDX-License-Identifier: MIT */
/*
 * Per-guest counted events; see account.h. Owned by whichever service serves the guest.
 */
#include "lib/account.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char *const event_names[ACCOUNT_EVENTS] = {
    [ACCOUNT_BAD_ACCESS] = "bad_access",
    [ACCOUNT_UNKNOWN_REG] = "unknown_reg",
    [ACCOUNT_BAD_GTT] = "bad_gtt",
    [ACCOUNT_BAD_PPGTT] = "bad_ppgtt",
    [ACCOUNT_BAD_COMMAND] = "bad_command",
    [ACCOUNT_BAD_CONTEXT] = "bad_context",
    [ACCOUNT_BAD_DESCRIPTOR] = "bad_descriptor",
    [ACCOUNT_BAD_DISPLAY] = "bad_display",
    [ACCOUNT_BAD_GUEST_ADDR] = "bad_guest_addr",
    [ACCOUNT_QUARANTINED] = "quarantined",
    [ACCOUNT_ENGINE_HANG] = "engine_hang",
    [ACCOUNT_LANE_FULL] = "lane_full",
    [ACCOUNT_LANE_BROKEN] = "lane_broken",
    [ACCOUNT_NO_RESOURCE] = "no_resource",
};

void account_init(struct account *account, uint32_t domid, const char *name, const struct log *log)
{
    memset(account, 0, sizeof(*account));
    account->domid = domid;
    account->log = log;
    log_clean(account->name, sizeof(account->name), name);
}

void account_event(struct account *account, enum account_event event, const char *detail, ...)
{
    char text[256] = "";
    va_list args;

    if (atomic_fetch_add_explicit(&account->count[event], 1, memory_order_relaxed))
        return;
    if (detail) {
        va_start(args, detail);
        vsnprintf(text, sizeof(text), detail, args);
        va_end(args);
    }
    log_write(account->log, LOG_WARNING, "first event of its kind", "event=%s domid=%u name=%s%s%s",
              event_names[event], account->domid, account->name, *text ? " " : "", text);
}

void account_snapshot(const struct account *account, uint64_t out[ACCOUNT_EVENTS])
{
    for (unsigned i = 0; i < ACCOUNT_EVENTS; i++)
        out[i] = atomic_load_explicit(&account->count[i], memory_order_relaxed);
}

const char *account_event_name(unsigned event)
{
    return event < ACCOUNT_EVENTS ? event_names[event] : NULL;
}
