/* SPDX-License-Identifier: MIT */
/*
 * xen.c: the table of the Xen back end. Called through vmm_find("xen").
 */
#include "vmm/xen/xen.h"

#include "vmm/xen/priv.h"

const struct vmm_ops vmm_xen_ops = {
    .name = "xen",
    .open_device = xen_open_device,
    .open_memory = xen_open_memory,
    .open_control = xen_open_control,
    .close = xen_close,
    .fd = xen_fd,
    .next = xen_next,
    .complete = xen_complete,
    .alive = xen_alive,
    .trap = xen_trap,
    .protect = xen_protect,
    .settle = xen_settle,
    .map = xen_map,
    .unmap = xen_unmap,
    .inject_msi = xen_inject_msi,
    .map_machine = xen_map_machine,
    .pause = xen_pause,
    .kill = xen_kill,
};
