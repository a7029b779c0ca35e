/* SPDX-License-Identifier: MIT */
/*
 * sandbox.c: what vgt-sched may ask of the kernel while it serves. It opens Xen's nodes for each
 * guest that comes and for each new vchan; libxenstore starts a thread with its first watch.
 */
#include "services/sched/service.h"

const struct sandbox sched_sandbox = {{&sandbox_base, &sandbox_unix, &sandbox_open,
                                       &sandbox_threads, &sandbox_xen_memory, &sandbox_xen_events,
                                       &sandbox_xen_grants, &sandbox_row, &sandbox_row_interrupts}};
