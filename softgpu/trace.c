/* SPDX-License-Identifier: MIT */
/*
 * trace.c: writes the log (trace.h). trace_put() is called by every thread of the device; one
 * thread of this module's own turns full buffers into blocks of the file.
 */
#include "softgpu/trace.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define BUFFER   (1u << 17) /* bytes; at most TRACE_BLOCK_MAX */
#define FLUSH_NS 200000000  /* a record is in the file after about this long */

struct buffer {
    struct trace_block block;
    uint8_t data[BUFFER];
};

struct trace {
    unsigned classes;
    int fd;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t work; /* the writer waits here */
    pthread_cond_t room; /* threads that found both buffers full */
    bool stop;
    int broken;    /* -errno that ended the log */
    unsigned fill; /* buffer that takes records; the other is empty or being written */
    uint64_t seq;
    struct trace_codec codec;
    struct trace_stats stats;
    struct buffer buffer[2];
};

static uint64_t now(clockid_t clock)
{
    struct timespec ts;

    clock_gettime(clock, &ts);
    return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static int write_all(int fd, const uint8_t *p, size_t len)
{
    while (len) {
        ssize_t n = write(fd, p, len);

        if (n < 0 && errno != EINTR)
            return -errno;
        if (n > 0) {
            p += n;
            len -= (size_t)n;
        }
    }
    return 0;
}

static int write_block(struct trace *t, struct buffer *b)
{
    uint8_t head[TRACE_BLOCK_SIZE];
    int ret;

    trace_block_encode(&b->block, b->data, head);
    ret = write_all(t->fd, head, sizeof(head));
    return ret ? ret : write_all(t->fd, b->data, b->block.bytes);
}

static void wait_for_work(struct trace *t)
{
    struct timespec until;
    int rc = 0;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += FLUSH_NS;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    while (!t->stop && !rc && t->buffer[t->fill].block.bytes < BUFFER / 2)
        rc = pthread_cond_timedwait(&t->work, &t->lock, &until);
}

/* Lock held on entry and exit, not while writing. */
static void flush(struct trace *t)
{
    struct buffer *b = &t->buffer[t->fill];
    int ret;

    if (!b->block.bytes || t->broken)
        return;
    t->fill ^= 1;
    pthread_cond_broadcast(&t->room);
    pthread_mutex_unlock(&t->lock);
    ret = write_block(t, b);
    pthread_mutex_lock(&t->lock);
    if (ret) {
        t->broken = ret;
        t->stats.lost += b->block.records + t->buffer[t->fill].block.records;
        pthread_cond_broadcast(&t->room);
        fprintf(stderr, "softgpu: the trace ends after %llu records: %s\n",
                (unsigned long long)t->stats.records, strerror(-ret));
        return;
    }
    t->stats.records += b->block.records;
    t->stats.bytes += TRACE_BLOCK_SIZE + b->block.bytes;
    memset(&b->block, 0, sizeof(b->block));
}

static void *writer(void *arg)
{
    struct trace *t = arg;
    sigset_t all;

    /* A pipe whose reader has gone is an error to report, not a reason to end the device. */
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, NULL);
    pthread_mutex_lock(&t->lock);
    while (!t->stop && !t->broken) {
        wait_for_work(t);
        flush(t);
    }
    flush(t);
    pthread_mutex_unlock(&t->lock);
    return NULL;
}

static int write_header(struct trace *t)
{
    struct trace_header h = {.classes = t->classes,
                             .realtime_ns = now(CLOCK_REALTIME),
                             .monotonic_ns = now(CLOCK_MONOTONIC)};
    uint8_t buf[TRACE_HEADER_SIZE];

    trace_header_encode(&h, buf);
    t->stats.bytes = sizeof(buf);
    return write_all(t->fd, buf, sizeof(buf));
}

static void init_locks(struct trace *t)
{
    pthread_condattr_t attr;

    pthread_mutex_init(&t->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&t->work, &attr);
    pthread_cond_init(&t->room, &attr);
    pthread_condattr_destroy(&attr);
}

static void destroy(struct trace *t)
{
    if (t->fd >= 0)
        close(t->fd);
    pthread_cond_destroy(&t->room);
    pthread_cond_destroy(&t->work);
    pthread_mutex_destroy(&t->lock);
    free(t);
}

struct trace *trace_open(const char *path, unsigned classes, int *err)
{
    struct trace *t = calloc(1, sizeof(*t));

    *err = -ENOMEM;
    if (!t)
        return NULL;
    init_locks(t);
    t->classes = classes;
    t->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    *err = t->fd < 0 ? -errno : write_header(t);
    if (!*err)
        *err = -pthread_create(&t->thread, NULL, writer, t);
    if (!*err)
        return t;
    destroy(t);
    return NULL;
}

int trace_close(struct trace *t)
{
    int ret;

    if (!t)
        return 0;
    pthread_mutex_lock(&t->lock);
    t->stop = true;
    pthread_cond_signal(&t->work);
    pthread_mutex_unlock(&t->lock);
    pthread_join(t->thread, NULL);
    ret = t->broken;
    destroy(t);
    return ret;
}

void trace_get_stats(struct trace *t, struct trace_stats *out)
{
    pthread_mutex_lock(&t->lock);
    *out = t->stats;
    pthread_mutex_unlock(&t->lock);
}

bool trace_wants(const struct trace *t, unsigned class)
{
    return t->classes & class;
}

/* The buffer with room for one more record, NULL when the log has ended. Lock held. */
static struct buffer *buffer_with_room(struct trace *t)
{
    while (!t->broken) {
        struct buffer *b = &t->buffer[t->fill];

        if (b->block.bytes + TRACE_RECORD_MAX <= BUFFER)
            return b;
        pthread_cond_wait(&t->room, &t->lock);
    }
    t->stats.lost++;
    return NULL;
}

void trace_put(struct trace *t, const struct trace_record *record)
{
    struct trace_record r = *record;
    struct buffer *b;

    assert(trace_kind_name(r.kind) && r.source < TRACE_SOURCES && r.ndw <= TRACE_DWORDS);
    pthread_mutex_lock(&t->lock);
    b = buffer_with_room(t);
    if (b) {
        uint32_t before = b->block.bytes;

        r.time_ns = now(CLOCK_MONOTONIC); /* with the lock held: times are in order too */
        if (!before) {
            b->block.first = t->seq;
            b->block.time_ns = r.time_ns;
            trace_codec_begin(&t->codec, r.time_ns);
        }
        b->block.bytes += (uint32_t)trace_encode(&t->codec, &r, b->data + before);
        b->block.records++;
        t->seq++;
        if (before < BUFFER / 2 && b->block.bytes >= BUFFER / 2)
            pthread_cond_signal(&t->work);
    }
    pthread_mutex_unlock(&t->lock);
}

void trace_access(struct trace *t, enum trace_kind kind, unsigned source, uint64_t addr,
                  uint32_t len, uint64_t value, uint32_t flags)
{
    struct trace_record r = {.kind = (uint8_t)kind,
                             .source = (uint8_t)source,
                             .addr = addr,
                             .len = len,
                             .value = value,
                             .flags = flags};

    trace_put(t, &r);
}
