/* SPDX-License-Identifier: MIT */
#pragma once
/* The module's facts as the seam tells them; for the implementations that speak its interface. */
#include "gpu/gpu.h"
#include "kmod-stub/vgt_stub.h"

/* -EINVAL: another version of the interface, or a generation that nobody knows. */
int gpu_info_take(struct gpu_info *to, const struct vgt_stub_info *info);
