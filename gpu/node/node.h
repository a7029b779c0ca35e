/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * Which implementation of the seam is behind a node that a process was handed: a device node is the
 * kernel module's (gpu/stub), a socket leads to a program in its place (gpu/soft). Services and the
 * broker call these and need not know.
 */
#include "gpu/gpu.h"

/* As the functions of the same names in gpu/stub/stub.h; -ENOTTY: fd is neither. */
int gpu_node_open_fd(int fd, struct gpu **g);
int gpu_node_info(int fd, struct gpu_info *info);
int gpu_node_attach(int broker_fd, uint16_t domid);
int gpu_node_detach(int broker_fd, uint16_t domid);
