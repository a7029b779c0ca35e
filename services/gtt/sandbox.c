/* SPDX-License-Identifier: MIT */
/*
 * sandbox.c: what vgt-gtt may ask of the kernel while it serves. It opens Xen's nodes for each
 * guest that comes and for each new vchan; libxenstore starts a thread with its first watch.
 */
#include "services/gtt/service.h"

#include "kmod-stub/vgt_stub.h"

#include <seccomp.h>

static const struct sandbox_rule own[] = {
    SANDBOX_IOCTL(VGT_IOC_PIN),
    SANDBOX_IOCTL(VGT_IOC_UNPIN),
    SANDBOX_IOCTL(VGT_IOC_UNPIN_DOMAIN),
    SANDBOX_IOCTL(VGT_IOC_PIN_LIST),
};
static const struct sandbox_set own_set = SANDBOX_SET(own);

const struct sandbox gtt_sandbox = {{&sandbox_base, &sandbox_unix, &sandbox_open, &sandbox_threads,
                                     &sandbox_xen_memory, &sandbox_xen_events, &sandbox_xen_grants,
                                     &sandbox_row, &own_set}};
