/* SPDX-License-Identifier: MIT */
/*
 * device_trace.h: the client's accesses as records of the log (trace.h). Loop's thread.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct trace;

/* One access to a region of vfio-pci. buf: what is written, or has been read. io_index: the
 * register that BAR4's data register stands for. */
void device_trace_access(struct trace *t, bool write, unsigned region, uint64_t offset,
                         const void *buf, uint32_t len, uint32_t io_index);
/* A reset of the whole function begins; t may be NULL. */
void device_trace_reset(struct trace *t);
