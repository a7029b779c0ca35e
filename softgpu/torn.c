/* SPDX-License-Identifier: MIT */
/*
 * torn.c: the SIGBUS handler of torn.h. What a thread is prepared for stands in its own storage, so
 * that the handler needs no lock and a touch by a thread that is not prepared is nobody's to mend.
 */
#include "softgpu/torn.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>

static struct sigaction before; /* what a SIGBUS did without us */

static _Thread_local torn_mend_fn mend_fn;
static _Thread_local void *mend_ctx;

/* As if this handler were not there. With no handler before: back to the instruction that failed,
 * which then ends the program; a signal that was sent has to be sent again for that. */
static void pass_on(int sig, siginfo_t *info, void *context)
{
    if (before.sa_flags & SA_SIGINFO) {
        before.sa_sigaction(sig, info, context);
        return;
    }
    if (before.sa_handler != SIG_DFL && before.sa_handler != SIG_IGN) {
        before.sa_handler(sig);
        return;
    }
    signal(sig, SIG_DFL);
    if (info->si_code <= 0)
        raise(sig);
}

/* BUS_ADRERR: there is no memory at the address (mmap(2): "an attempt to access a page of the
 * buffer that lies beyond the end of the mapped file"). */
static void on_bus(int sig, siginfo_t *info, void *context)
{
    int saved = errno;

    if (info->si_code != BUS_ADRERR || !mend_fn || !mend_fn(mend_ctx, (uintptr_t)info->si_addr))
        pass_on(sig, info, context);
    errno = saved;
}

int torn_prepare(void)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    struct sigaction act = {.sa_sigaction = on_bus, .sa_flags = SA_SIGINFO | SA_ONSTACK}, now;
    int ret;

    sigemptyset(&act.sa_mask);
    pthread_mutex_lock(&lock);
    ret = sigaction(SIGBUS, NULL, &now) ? -errno : 0;
    if (!ret && (!(now.sa_flags & SA_SIGINFO) || now.sa_sigaction != on_bus)) {
        before = now;
        ret = sigaction(SIGBUS, &act, NULL) ? -errno : 0;
    }
    pthread_mutex_unlock(&lock);
    return ret;
}

/* The handler looks at these from the very next instruction on, and no longer after the last. */
void torn_enter(torn_mend_fn mend, void *ctx)
{
    mend_ctx = ctx;
    mend_fn = mend;
    atomic_signal_fence(memory_order_seq_cst);
}

void torn_leave(void)
{
    atomic_signal_fence(memory_order_seq_cst);
    mend_fn = NULL;
}
