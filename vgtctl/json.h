/* SPDX-License-Identifier: MIT */
/*
 * json.h: answers as one line of JSON, the stable form for scripts: keys are never renamed, only
 * added. Sizes are bytes, times microseconds or what the key says. Strings are cleaned to printable
 * ASCII. No state; any thread.
 */
#pragma once
#include "proto/vgt.pb-c.h"

#include <stdio.h>

void json_status(FILE *out, const Vgt__StatusReply *reply);
void json_list(FILE *out, const Vgt__ListReply *reply);
void json_types(FILE *out, const Vgt__TypesReply *reply);
void json_guest(FILE *out, const Vgt__Guest *guest);
void json_switch(FILE *out, uint32_t domid, uint32_t ms);
void json_screenshot(FILE *out, const char *file, uint32_t width, uint32_t height);
void json_error(FILE *out, const char *sentence);
