/* SPDX-License-Identifier: MIT */
/*
 * text.h: answers as text for people: aligned columns, at most 80 wide with ordinary names, sizes
 * and times in units. Strings from the broker (guests' names) are cleaned. No state; any thread.
 */
#pragma once
#include "proto/vgt.pb-c.h"

#include <stdio.h>

void text_status(FILE *out, const Vgt__StatusReply *reply);
void text_list(FILE *out, const Vgt__ListReply *reply);
void text_types(FILE *out, const Vgt__TypesReply *reply);
void text_guest(FILE *out, const Vgt__Guest *guest);

#define TEXT_UNIT 24u
/* "64 MiB", "1344 MiB", "10.5 GiB": exact, or at least two digits and one decimal. */
const char *text_size(char out[TEXT_UNIT], uint64_t bytes);
/* "850 us", "12.3 ms", "59.9 s", "1h02m", "3d04h". */
const char *text_time(char out[TEXT_UNIT], uint64_t us);
/* Sum of those counters that are account events (lib/account.h), whoever counted them. */
uint64_t text_events(const Vgt__Guest *guest);
