/* SPDX-License-Identifier: MIT */
/*
 * trace_names.h: what registers and commands of a log are called. softgpu-trace's only thread.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

struct trace_names;

struct trace_names *trace_names_new(void); /* NULL when out of memory */
struct trace_names *trace_names_free(struct trace_names *n);
/* Register at a BAR0 offset, in buf when it has to be put together; "" when it has no name. */
const char *trace_register(const struct trace_names *n, uint32_t offset, char *buf, size_t size);
/* Command of a source by its header; "unknown" when the engine would hang on it. */
const char *trace_command(const struct trace_names *n, unsigned source, uint32_t header);
