/* SPDX-License-Identifier: MIT */
/*
 * journal.c: see journal.h. A change that is being collected stands in the redo area, too; it
 * counts from the store to redo.bytes on.
 */
#include "services/sched/journal.h"

#include "lib/crash.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

struct piece {
    uint32_t at, len;
};

static uint32_t size_of(uint32_t len)
{
    return (uint32_t)sizeof(struct piece) + ((len + 7) & ~7u);
}

void journal_put(struct sched_journal *j, void *home, const void *value, uint32_t len)
{
    struct sched_journal_redo *r = &j->redo;
    struct piece p = {(uint32_t)((uint8_t *)home - (uint8_t *)j), len};

    assert(!r->bytes && r->fill + size_of(len) <= SCHED_JOURNAL_REDO);
    if (!memcmp(home, value, len))
        return;
    memcpy(r->data + r->fill, &p, sizeof p);
    memcpy(r->data + r->fill + sizeof p, value, len);
    r->fill += size_of(len);
}

/* False: it names what is not there. */
static bool apply(struct sched_journal *j, uint32_t bytes)
{
    struct piece p;

    for (uint32_t at = 0; at < bytes; at += size_of(p.len)) {
        if (bytes - at < sizeof p)
            return false;
        memcpy(&p, j->redo.data + at, sizeof p);
        if (p.len > 4096 || bytes - at < size_of(p.len) || p.at > sizeof *j - p.len)
            return false;
        memcpy((uint8_t *)j + p.at, j->redo.data + at + sizeof p, p.len);
        crash_point("sched.journal.piece");
    }
    return true;
}

static void forget(struct sched_journal_redo *r)
{
    __atomic_store_n(&r->bytes, 0, __ATOMIC_RELEASE);
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    r->fill = 0;
}

void journal_commit(struct sched_journal *j)
{
    struct sched_journal_redo *r = &j->redo;
    bool good;

    if (!r->fill)
        return;
    __atomic_store_n(&r->bytes, r->fill, __ATOMIC_RELEASE);
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    crash_point("sched.journal.noted");
    good = apply(j, r->fill);
    crash_point("sched.journal.done");
    assert(good);
    forget(r);
}

int journal_redo(struct sched_journal *j)
{
    uint32_t bytes = j->redo.bytes;

    if (bytes > SCHED_JOURNAL_REDO || !apply(j, bytes))
        return -EBADMSG;
    forget(&j->redo);
    return 0;
}
