/* SPDX-License-Identifier: MIT */
/*
 * conn.h: one connection that speaks the line protocol of ctl.h: gathers lines, runs them, sends
 * the answers. While answers are not taken, no further line is read. Loop's thread.
 */
#pragma once
#include <stdbool.h>

struct conn;
struct ctl;

/* fd is owned from now on and made non-blocking. walker: see ctl_line(). */
struct conn *conn_new(int fd, struct ctl *ctl, bool walker);
struct conn *conn_free(struct conn *c);
int conn_fd(const struct conn *c);
/* poll() events it waits for. */
short conn_events(const struct conn *c);
/* After poll(). 0, CTL_QUIT, -EPIPE when the peer has gone, or another negative errno. */
int conn_ready(struct conn *c);
