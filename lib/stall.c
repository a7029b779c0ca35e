/* SPDX-License-Identifier: MIT */
/*
 * stall.c: see stall.h. Jobs are in a list under one lock; whoever is last to need a job frees it:
 * the caller when it has the result, the thread when nobody waits.
 */
#include "lib/stall.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct job {
    struct job *next;
    int (*fn)(void *arg);
    void (*late)(void *arg);
    int result;
    bool done;
    bool given_up;  /* nobody waits (any more) */
    bool late_call; /* ... but somebody did */
    size_t size;
    _Alignas(16) char arg[];
};

struct stall {
    pthread_mutex_t lock;
    pthread_cond_t posted, done;
    struct job *first, **last; /* not begun */
    unsigned limit_ms;
    bool late;   /* a call that was given up still runs */
    bool ending; /* the owner is gone: the thread frees this */
};

static void finish(struct stall *s, struct job *job, int result)
{
    if (job->given_up) {
        if (job->late_call)
            s->late = false;
        pthread_mutex_unlock(&s->lock);
        if (job->late)
            job->late(job->arg);
        free(job);
        pthread_mutex_lock(&s->lock);
        return;
    }
    job->result = result;
    job->done = true;
    pthread_cond_signal(&s->done);
}

static void run_first(struct stall *s)
{
    struct job *job = s->first;
    int result;

    s->first = job->next;
    if (!s->first)
        s->last = &s->first;
    pthread_mutex_unlock(&s->lock);
    result = job->fn(job->arg);
    pthread_mutex_lock(&s->lock);
    finish(s, job, result);
}

static void destroy(struct stall *s)
{
    pthread_cond_destroy(&s->posted);
    pthread_cond_destroy(&s->done);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

static void *thread(void *data)
{
    struct stall *s = data;

    pthread_mutex_lock(&s->lock);
    while (s->first || !s->ending) {
        if (s->first)
            run_first(s);
        else
            pthread_cond_wait(&s->posted, &s->lock);
    }
    pthread_mutex_unlock(&s->lock);
    destroy(s);
    return NULL;
}

static int init(struct stall *s)
{
    pthread_condattr_t attr;
    sigset_t all, before;
    pthread_t id;
    int rc;

    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->posted, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&s->done, &attr);
    pthread_condattr_destroy(&attr);
    /* Signals are the loop's. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    rc = pthread_create(&id, NULL, thread, s);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (!rc)
        pthread_detach(id);
    return -rc;
}

int stall_new(unsigned limit_ms, struct stall **stall)
{
    struct stall *s = calloc(1, sizeof(*s));
    int rc;

    if (!s)
        return -ENOMEM;
    s->last = &s->first;
    s->limit_ms = limit_ms;
    rc = init(s);
    if (rc) {
        destroy(s);
        return rc;
    }
    *stall = s;
    return 0;
}

void stall_free(struct stall *stall)
{
    if (!stall)
        return;
    pthread_mutex_lock(&stall->lock);
    stall->ending = true;
    pthread_cond_signal(&stall->posted);
    pthread_mutex_unlock(&stall->lock);
}

static struct job *add(struct stall *s, int (*fn)(void *arg), const void *arg, size_t size)
{
    struct job *job = calloc(1, sizeof(*job) + size);

    if (!job)
        return NULL;
    job->fn = fn;
    job->size = size;
    memcpy(job->arg, arg, size);
    *s->last = job;
    s->last = &job->next;
    pthread_cond_signal(&s->posted);
    return job;
}

static struct timespec deadline(const struct stall *s)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_sec += s->limit_ms / 1000;
    t.tv_nsec += (long)(s->limit_ms % 1000) * 1000000;
    if (t.tv_nsec >= 1000000000) {
        t.tv_sec++;
        t.tv_nsec -= 1000000000;
    }
    return t;
}

static int wait_for(struct stall *s, struct job *job, void *arg)
{
    struct timespec until = deadline(s);
    int rc = 0;

    while (!job->done && rc != ETIMEDOUT)
        rc = pthread_cond_timedwait(&s->done, &s->lock, &until);
    if (!job->done) {
        job->given_up = job->late_call = s->late = true;
        return -ETIMEDOUT;
    }
    rc = job->result;
    memcpy(arg, job->arg, job->size);
    free(job);
    return rc;
}

int stall_call(struct stall *stall, int (*fn)(void *arg), void *arg, size_t size,
               void (*late)(void *arg))
{
    struct job *job;
    int rc = -ETIMEDOUT;

    pthread_mutex_lock(&stall->lock);
    if (!stall->late) {
        job = add(stall, fn, arg, size);
        if (job)
            job->late = late;
        rc = job ? wait_for(stall, job, arg) : -ENOMEM;
    }
    pthread_mutex_unlock(&stall->lock);
    return rc;
}

int stall_post(struct stall *stall, int (*fn)(void *arg), const void *arg, size_t size)
{
    struct job *job;

    pthread_mutex_lock(&stall->lock);
    job = add(stall, fn, arg, size);
    if (job)
        job->given_up = true;
    pthread_mutex_unlock(&stall->lock);
    return job ? 0 : -ENOMEM;
}
