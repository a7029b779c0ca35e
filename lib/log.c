/* SPDX-License-Identifier: MIT */
/*
 * Log lines and their rate limit; see log.h. Keeps no state of its own.
 */
#include "lib/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LINE_MAX_BYTES 1024
#define NS_PER_MINUTE  60000000000ull

void log_clean(char *out, uint32_t size, const char *text)
{
    uint32_t i;

    for (i = 0; i + 1 < size && text[i]; i++)
        out[i] = text[i] >= 0x20 && text[i] < 0x7f ? text[i] : '?';
    out[i] = 0;
}

static void emit(const struct log *log, int level, const char *text, const char *tail)
{
    char raw[LINE_MAX_BYTES], line[LINE_MAX_BYTES + 8];
    const char *name = log && log->name ? log->name : "";
    int head = snprintf(line, sizeof(line), "<%d>", level & 7);
    size_t length;

    /* Too long a line is cut. */
    if (snprintf(raw, sizeof(raw), "%s%s%s%s%s", name, *name ? ": " : "", text, *tail ? " " : "",
                 tail) < 0)
        return;
    log_clean(line + head, LINE_MAX_BYTES, raw);
    length = strlen(line);
    line[length++] = '\n';
    /* Nothing useful can be done when the journal does not take a line. */
    if (write(log ? log->fd : STDERR_FILENO, line, length) < 0)
        return;
}

static void vwrite(const struct log *log, int level, const char *text, uint64_t suppressed,
                   const char *tail, va_list args)
{
    char buffer[LINE_MAX_BYTES];
    int n = 0;

    if (level > (log ? log->level : LOG_INFO))
        return;
    buffer[0] = 0;
    if (tail)
        n = vsnprintf(buffer, sizeof(buffer), tail, args);
    if (suppressed && n >= 0 && n < (int)sizeof(buffer))
        snprintf(buffer + n, sizeof(buffer) - (size_t)n, "%ssuppressed=%llu", n ? " " : "",
                 (unsigned long long)suppressed);
    emit(log, level, text, buffer);
}

void log_write(const struct log *log, int level, const char *text, const char *tail, ...)
{
    va_list args;

    va_start(args, tail);
    vwrite(log, level, text, 0, tail, args);
    va_end(args);
}

void log_limit_init(struct log_limit *limit, uint32_t burst, uint32_t per_minute)
{
    *limit = (struct log_limit){
        .burst = burst, .per_minute = per_minute, .tokens = burst * NS_PER_MINUTE};
}

bool log_limit_pass(struct log_limit *limit, uint64_t now_ns)
{
    uint64_t full = limit->burst * NS_PER_MINUTE, passed = 0;

    if (limit->last_ns && now_ns > limit->last_ns)
        passed = now_ns - limit->last_ns;
    limit->last_ns = now_ns;
    /* A minute and more refills at least per_minute; clamp before multiplying. */
    if (limit->per_minute && passed > full / limit->per_minute)
        limit->tokens = full;
    else
        limit->tokens += passed * limit->per_minute;
    if (limit->tokens > full)
        limit->tokens = full;
    if (limit->tokens < NS_PER_MINUTE) {
        limit->suppressed++;
        return false;
    }
    limit->tokens -= NS_PER_MINUTE;
    return true;
}

bool log_limited(const struct log *log, struct log_limit *limit, int level, const char *text,
                 const char *tail, ...)
{
    struct timespec t;
    va_list args;

    clock_gettime(CLOCK_MONOTONIC, &t);
    if (!log_limit_pass(limit, (uint64_t)t.tv_sec * 1000000000ull + (uint64_t)t.tv_nsec))
        return false;
    va_start(args, tail);
    vwrite(log, level, text, limit->suppressed, tail, args);
    va_end(args);
    limit->suppressed = 0;
    return true;
}
