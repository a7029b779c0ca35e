/* SPDX-License-Identifier: MIT */
/*
 * last_words.c: see last_words.h. The table is the process's own and static: a signal's handler is
 * handed nothing. Any thread may run the handler while the loop's thread changes an entry, so an
 * entry's value stands before its word is set.
 */
#include "lib/last_words.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>

static const int signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};

#define SIGNALS (sizeof(signals) / sizeof(*signals))

static struct {
    uint64_t *word; /* NULL: free */
    uint64_t value;
} said[LAST_WORDS];

static struct sigaction before[SIGNALS];
static bool installed;
static _Alignas(16) uint8_t stack[16384]; /* of the handler: the thread's own may be what is full */

void last_words_say(void)
{
    for (unsigned i = 0; i < LAST_WORDS; i++) {
        uint64_t *word = __atomic_load_n(&said[i].word, __ATOMIC_ACQUIRE);

        if (word)
            __atomic_store_n(word, said[i].value, __ATOMIC_RELEASE);
    }
}

/* A fault comes again when we return, and then ends the process; what was sent has to be sent
 * again. abort() and the watchdog send theirs, other senders' are nobody's fault here. */
static void on_signal(int sig, siginfo_t *info, void *context)
{
    bool sent = info->si_code <= 0;

    (void)context;
    if (!sent || sig == SIGABRT)
        last_words_say();
    for (unsigned i = 0; i < SIGNALS; i++)
        if (signals[i] == sig)
            sigaction(sig, &before[i], NULL);
    if (sent)
        raise(sig);
}

static int own_stack(void)
{
    stack_t now, ours = {.ss_sp = stack, .ss_size = sizeof(stack)};

    if (sigaltstack(NULL, &now))
        return -errno;
    if (!(now.ss_flags & SS_DISABLE))
        return 0; /* a sanitizer's */
    return sigaltstack(&ours, NULL) ? -errno : 0;
}

int last_words_install(void)
{
    struct sigaction act = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    int rc = own_stack();

    if (rc)
        return rc;
    for (unsigned i = 0; i < SIGNALS; i++)
        if (sigaction(signals[i], &act, &before[i]))
            return -errno;
    installed = true;
    return 0;
}

bool last_words_add(uint64_t *word, uint64_t value)
{
    for (unsigned i = 0; installed && i < LAST_WORDS; i++) {
        if (said[i].word)
            continue;
        said[i].value = value;
        __atomic_store_n(&said[i].word, word, __ATOMIC_RELEASE);
        return true;
    }
    return false;
}

void last_words_drop(const uint64_t *word)
{
    for (unsigned i = 0; i < LAST_WORDS; i++)
        if (said[i].word == word)
            __atomic_store_n(&said[i].word, NULL, __ATOMIC_RELEASE);
}
