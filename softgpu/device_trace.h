/* SPDX-License-Identifier: MIT */
/*
 * device_trace.h: the client's accesses as records of the log (trace.h). Loop's thread.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct trace;

/* What a device's accesses are understood by. */
struct device_trace_place {
    uint32_t gtt_start; /* of BAR0 */
    uint32_t io_index;  /* the register that BAR4's data register stands for */
};

/* One access to a region of vfio-pci. buf: what is written, or has been read. */
void device_trace_access(struct trace *t, struct device_trace_place at, bool write, unsigned region,
                         uint64_t offset, const void *buf, uint32_t len);
/* A reset of the whole function begins; t may be NULL. */
void device_trace_reset(struct trace *t);
