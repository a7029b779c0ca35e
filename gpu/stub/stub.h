/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * The GPU seam over vgt_stub.ko: a row's node, opened by the broker (or by the service itself in a
 * test), its pages mapped, everything else an ioctl. Used by services at start.
 */
#include "gpu/gpu.h"

/*
 * Takes the row's open node fd (its number stays the caller's; the row lives as long as any copy of
 * it) and maps the row's windows. *g is the caller's to gpu_close(). -EINVAL if the node speaks
 * another version, -ENOMEM, or what mmap and ioctl say.
 */
int gpu_stub_open_fd(int fd, struct gpu **g);

/* The facts alone, without mapping anything. Errors as gpu_stub_open_fd(). */
int gpu_stub_info(int fd, struct gpu_info *info);

/* The node's path, /dev/vgt/gtt and so on. */
const char *gpu_stub_path(enum gpu_row row);

/* The broker's side: attach and detach domains on an open /dev/vgt/broker. -EBUSY from detach: row
 * gtt still holds pins of it; no new ones are made. */
int gpu_stub_attach(int broker_fd, uint16_t domid);
int gpu_stub_detach(int broker_fd, uint16_t domid);
