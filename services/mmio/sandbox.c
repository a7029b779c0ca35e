/* SPDX-License-Identifier: MIT */
/*
 * sandbox.c: what vgt-mmio may ask of the kernel while it serves a guest. Entered when the guest's
 * device is open and confined to its domain: nothing is opened, no thread started and no hypercall
 * made after that but for the one domain.
 */
#include "services/mmio/service.h"

#include <seccomp.h>
#include <sys/ioctl.h>
#include <xen/xen.h>
/* its types are needed by the next */
#include <xen/sys/evtchn.h>
#include <xen/sys/privcmd.h>

static const struct sandbox_rule own[] = {
    SANDBOX_IOCTL(IOCTL_PRIVCMD_DM_OP),     SANDBOX_IOCTL(IOCTL_PRIVCMD_MMAPBATCH_V2),
    SANDBOX_IOCTL(IOCTL_PRIVCMD_MMAPBATCH), /* libxenforeignmemory, if V2 says EINVAL */
    SANDBOX_IOCTL(IOCTL_EVTCHN_NOTIFY),     SANDBOX_IOCTL(IOCTL_EVTCHN_UNBIND),
};
static const struct sandbox_set own_set = SANDBOX_SET(own);

const struct sandbox mmio_sandbox = {{&sandbox_base, &sandbox_unix, &own_set}};
