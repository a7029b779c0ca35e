/* SPDX-License-Identifier: MIT */
/*
 * journal.h: changes of the journal that are made whole or not at all, however the process dies:
 * what is to change is written down first, then done; the next process does it again if it was not
 * finished. Only a dying process matters, not a dying machine: program order is enough, and
 * release stores keep the compiler to it. Called by sched.c; one thread.
 */
#pragma once
#include "services/wire/sched_journal.h"

/* Add to the change: at home (inside the region) there shall be these bytes. Nothing if there are
 * already. len: at most 4096. */
void journal_put(struct sched_journal *j, void *home, const void *value, uint32_t len);
/* Make the change. */
void journal_commit(struct sched_journal *j);
/* First, in a new process: what the last one did not finish. 0, or -EBADMSG: damaged. */
int journal_redo(struct sched_journal *j);
