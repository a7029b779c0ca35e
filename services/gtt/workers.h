/* SPDX-License-Identifier: MIT */
/*
 * workers.h: a few threads for work the loop would wait for. A job runs in one of them, in the
 * order jobs came, and then comes back to the loop, which is woken by a descriptor. The threads are
 * readers of liburcu's memb flavour: its readers may sleep and block whenever they are not reading,
 * while with qsbr every sleep of a worker or of the loop would have to be announced.
 *
 * Called by the service's loop; only run() is called by the threads.
 */
#pragma once
#include <stdbool.h>
#include <sys/queue.h>
#include <urcu/wfcqueue.h>

#define WORKERS_MAX 16u

struct workers;

/* Embedded in what the job is about; the loop's, except from submit to done. */
struct job {
    void (*run)(struct job *j);  /* in a thread: no state of the loop */
    void (*done)(struct job *j); /* in the loop; may free the job */
    const void *owner;           /* for workers_cancel() */
    bool finished;
    TAILQ_ENTRY(job) link;
    struct cds_wfcq_node back;
};

/* count threads, up to WORKERS_MAX; 0: *out is NULL. 0 or -errno. */
int workers_new(unsigned count, struct workers **out);
/* No job is outstanding. NULL is fine. */
void workers_free(struct workers *w);

/* Readable when jobs came back: call workers_collect(). */
int workers_fd(const struct workers *w);
void workers_submit(struct workers *w, struct job *j);
/* done() of every job that came back. */
void workers_collect(struct workers *w);
/* Sleep until some job came back, then collect. One is outstanding. */
void workers_wait(struct workers *w);
/* done() of the owner's jobs that no thread has taken yet, without run(). */
void workers_cancel(struct workers *w, const void *owner);
