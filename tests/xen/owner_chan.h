/* SPDX-License-Identifier: MIT */
/*
 * owner_chan.h: the walker's line to the judge (softgpu's --judge-chan, in dom0 the virtio port
 * vgt.judge): text lines out, one JSON line back for each. Single thread, blocking with deadlines.
 */
#pragma once
#include <stdint.h>

struct owner_chan;

/* -errno on failure. */
int owner_chan_open(const char *path, struct owner_chan **out);
void owner_chan_close(struct owner_chan *c);

/* Queue one line (printf style, no newline). -EPROTO when the judge refused an earlier one. */
int owner_chan_send(struct owner_chan *c, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* Send what is queued and await every reply; -ETIMEDOUT when the judge is silent for 20 s. The last
 * reply stays readable until the next call. */
int owner_chan_flush(struct owner_chan *c);
const char *owner_chan_reply(const struct owner_chan *c);
