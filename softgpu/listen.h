/* SPDX-License-Identifier: MIT */
/* listen.h: UNIX stream sockets by path. No state. */
#pragma once

/* Listens at path (mode 0600); a socket file that nobody serves any more is replaced. The
 * descriptor, or -errno (-EADDRINUSE: somebody serves it). */
int listen_unix(const char *path);
/* Connects to path. The descriptor, or -errno. */
int connect_unix(const char *path);
