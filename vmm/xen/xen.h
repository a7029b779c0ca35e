/* SPDX-License-Identifier: MIT */
/*
 * xen.h: the Xen back end, as the rest of the program sees it: one table. How it works is in
 * priv.h and the files beside it.
 */
#pragma once
#include "vmm/vmm.h"

extern const struct vmm_ops vmm_xen_ops;
