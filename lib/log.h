/* SPDX-License-Identifier: MIT */
/*
 * Logging to stderr in journald's format: "<N>name: text key=value ...", one write per line, with
 * control characters replaced, so that a guest can neither forge nor break lines. A log_limit
 * keeps one source from filling the log. struct log is read-only after set-up: any thread.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <syslog.h> /* LOG_ERR, LOG_WARNING, LOG_NOTICE, LOG_INFO, LOG_DEBUG */

struct log {
    int fd;           /* 2 */
    int level;        /* LOG_*: messages above it are dropped */
    const char *name; /* of the service or guest */
};

/* Token bucket. Zero-initialised it must be set up with log_limit_init(); one thread. */
struct log_limit {
    uint32_t burst, per_minute;
    uint64_t tokens; /* in 1/60e9 of a message: exact arithmetic */
    uint64_t last_ns;
    uint64_t suppressed; /* since the last message let through */
};

/* log may be NULL everywhere: stderr, level info, no name. tail is "key=value key=%d" or NULL. */
void log_write(const struct log *log, int level, const char *text, const char *tail, ...)
    __attribute__((format(printf, 4, 5)));

/* As log_write() if the limit lets it through; then "suppressed=N" follows if some were lost. */
bool log_limited(const struct log *log, struct log_limit *limit, int level, const char *text,
                 const char *tail, ...) __attribute__((format(printf, 5, 6)));

void log_limit_init(struct log_limit *limit, uint32_t burst, uint32_t per_minute);

/* May a message pass at this CLOCK_MONOTONIC time? Counts it if not. */
bool log_limit_pass(struct log_limit *limit, uint64_t now_ns);

/* Copy text, replacing everything but printable ASCII by '?', always terminated. */
void log_clean(char *out, uint32_t size, const char *text);
