/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * The GPU seam over a socket: a program takes the place of vgt_stub.ko and a software GPU that of
 * the silicon, so that the real services run on a machine that has neither (docs/rig.md). The node
 * is a connection instead of an open file; everything else is as with gpu/stub, with these limits:
 * every call is a message (an entry written to the GTT is sent without waiting, as a posted write
 * is), and an aperture mapping is read-only and shows what was there when it was mapped.
 *
 * Threads: as gpu.h says; calls of one struct gpu take turns.
 * Errors: as gpu.h says, and -ENODEV from the moment the server has gone.
 */
#include "gpu/gpu.h"

/*
 * Connects to the server at path and opens a node of it: a row, or with GPU_ROWS the broker's. *fd
 * is the caller's, and plays the open file. -EBUSY: the node is open; -EINVAL: the server speaks
 * another version; or what socket and connect say.
 */
int gpu_soft_connect(const char *path, unsigned node, int *fd);

/* As the functions of the same names in gpu/stub/stub.h. */
int gpu_soft_open_fd(int fd, struct gpu **g);
int gpu_soft_info(int fd, struct gpu_info *info);
int gpu_soft_attach(int broker_fd, uint16_t domid);
int gpu_soft_detach(int broker_fd, uint16_t domid);
