/* SPDX-License-Identifier: MIT */
/*
 * mmio_entries.h: the GGTT as a guest sees it through BAR0, of either generation: which entries are
 * its own, and what vgt-gtt hears of them. For mmio_core_test.c and mmio7_core_test.c.
 */
#pragma once
#include "tests/unit/mmio_fixture.h"

/* The next message to vgt-gtt: an entry, counted from the guest's first. */
void entries_expect(struct fix *f, uint64_t own, uint64_t value, uint64_t epoch);

/* Tests; *state is a struct fix. */
void entries_edges(void **state);
void entries_of_nobody(void **state);
