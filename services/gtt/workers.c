/* SPDX-License-Identifier: MIT */
/* workers.c: see workers.h. Jobs go out under a lock, for a thread must be able to sleep for one;
 * they come back through a queue whose producers never wait. */
#include "services/gtt/workers.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <urcu/urcu-memb.h>

TAILQ_HEAD(job_list, job);

struct workers {
    pthread_mutex_t lock; /* of jobs and stop */
    pthread_cond_t more;
    struct job_list jobs; /* not yet taken */
    bool stop;
    struct __cds_wfcq_head head; /* came back; only the loop takes from it */
    struct cds_wfcq_tail tail;
    int fd;
    unsigned count;
    pthread_t thread[WORKERS_MAX];
};

/* NULL: the thread ends. */
static struct job *take(struct workers *w)
{
    struct job *j;

    pthread_mutex_lock(&w->lock);
    while (!(j = TAILQ_FIRST(&w->jobs)) && !w->stop)
        pthread_cond_wait(&w->more, &w->lock);
    if (j)
        TAILQ_REMOVE(&w->jobs, j, link);
    pthread_mutex_unlock(&w->lock);
    return j;
}

static void give_back(struct workers *w, struct job *j)
{
    int rc;

    __atomic_store_n(&j->finished, true, __ATOMIC_RELEASE);
    cds_wfcq_enqueue(&w->head, &w->tail, &j->back);
    /* j is the loop's now. The counter cannot overflow: the loop empties it. */
    rc = eventfd_write(w->fd, 1);
    assert(!rc);
    (void)rc;
}

static void *serve(void *arg)
{
    struct workers *w = arg;
    struct job *j;

    pthread_setname_np(pthread_self(), "gtt-worker");
    urcu_memb_register_thread();
    while ((j = take(w))) {
        j->run(j);
        give_back(w, j);
    }
    urcu_memb_unregister_thread();
    return NULL;
}

/* Signals are the loop's thread's. */
static int start(struct workers *w, unsigned count)
{
    sigset_t all, old;
    int rc = 0;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    while (!rc && w->count < count) {
        rc = pthread_create(&w->thread[w->count], NULL, serve, w);
        w->count += !rc;
    }
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return -rc;
}

int workers_new(unsigned count, struct workers **out)
{
    struct workers *w;
    int rc;

    *out = NULL;
    if (!count)
        return 0;
    if (count > WORKERS_MAX)
        return -EINVAL;
    w = calloc(1, sizeof(*w));
    if (!w)
        return -ENOMEM;
    w->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (w->fd < 0) {
        rc = -errno;
        free(w);
        return rc;
    }
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->more, NULL);
    TAILQ_INIT(&w->jobs);
    __cds_wfcq_init(&w->head, &w->tail);
    rc = start(w, count);
    if (rc)
        workers_free(w);
    else
        *out = w;
    return rc;
}

void workers_free(struct workers *w)
{
    if (!w)
        return;
    pthread_mutex_lock(&w->lock);
    assert(TAILQ_EMPTY(&w->jobs));
    w->stop = true;
    pthread_cond_broadcast(&w->more);
    pthread_mutex_unlock(&w->lock);
    for (unsigned i = 0; i < w->count; i++)
        pthread_join(w->thread[i], NULL);
    assert(cds_wfcq_empty(&w->head, &w->tail));
    pthread_cond_destroy(&w->more);
    pthread_mutex_destroy(&w->lock);
    close(w->fd);
    free(w);
}

int workers_fd(const struct workers *w)
{
    return w->fd;
}

void workers_submit(struct workers *w, struct job *j)
{
    j->finished = false;
    cds_wfcq_node_init(&j->back);
    pthread_mutex_lock(&w->lock);
    TAILQ_INSERT_TAIL(&w->jobs, j, link);
    pthread_cond_signal(&w->more);
    pthread_mutex_unlock(&w->lock);
}

/* NULL: none now. A producer that is half-way wakes us again when it is through. */
static struct job *came_back(struct workers *w)
{
    struct cds_wfcq_node *n = __cds_wfcq_dequeue_nonblocking(&w->head, &w->tail);
    struct job *j;
    bool finished;

    if (!n || n == CDS_WFCQ_WOULDBLOCK)
        return NULL;
    j = caa_container_of(n, struct job, back);
    finished = __atomic_load_n(&j->finished, __ATOMIC_ACQUIRE);
    assert(finished);
    (void)finished;
    return j;
}

void workers_collect(struct workers *w)
{
    eventfd_t n;
    struct job *j;

    eventfd_read(w->fd, &n);
    while ((j = came_back(w)))
        j->done(j);
}

void workers_wait(struct workers *w)
{
    struct pollfd p = {.fd = w->fd, .events = POLLIN};

    poll(&p, 1, -1);
    workers_collect(w);
}

void workers_cancel(struct workers *w, const void *owner)
{
    struct job_list mine = TAILQ_HEAD_INITIALIZER(mine);
    struct job *j, *next;

    pthread_mutex_lock(&w->lock);
    for (j = TAILQ_FIRST(&w->jobs); j; j = next) {
        next = TAILQ_NEXT(j, link);
        if (j->owner != owner)
            continue;
        TAILQ_REMOVE(&w->jobs, j, link);
        TAILQ_INSERT_TAIL(&mine, j, link);
    }
    pthread_mutex_unlock(&w->lock);
    while ((j = TAILQ_FIRST(&mine))) {
        TAILQ_REMOVE(&mine, j, link);
        j->done(j);
    }
}
