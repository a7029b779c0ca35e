/* SPDX-License-Identifier: MIT */
/*
 * cs_names.h: commands looked up outside an engine: what their headers are called (softgpu-trace)
 * and which there are (cost.c). One thread at a time.
 */
#pragma once
#include <stdint.h>

#include "softgpu/engine.h"

struct cs_names;

struct cs_names *cs_names_new(void); /* NULL when out of memory */
struct cs_names *cs_names_free(struct cs_names *n);
/* Name of a command by its header, NULL when that engine would hang on its opcode on Haswell and on
 * Broadwell. */
const char *cs_name(const struct cs_names *n, enum engine_id id, uint32_t header);
