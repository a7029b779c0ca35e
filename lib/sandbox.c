/* SPDX-License-Identifier: MIT */
/*
 * sandbox.c: see sandbox.h. Makes a filter of a list with libseccomp and loads it.
 */
#include "lib/sandbox.h"

#include "lib/last_words.h"

#include <assert.h>
#include <errno.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <ucontext.h>
#include <unistd.h>

static int add_rule(scmp_filter_ctx filter, const struct sandbox_rule *rule)
{
    struct scmp_arg_cmp cmp[SANDBOX_ARGS];

    assert(rule->count <= SANDBOX_ARGS);
    for (uint32_t i = 0; i < rule->count; i++)
        cmp[i] =
            SCMP_CMP(rule->arg[i].index, SCMP_CMP_MASKED_EQ, rule->arg[i].mask, rule->arg[i].value);
    return seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, rule->call, rule->count, cmp);
}

/* The C library's way to raise a signal in itself: abort(), a cancelled thread. */
static int add_raise(scmp_filter_ctx filter)
{
    return seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1,
                            SCMP_A0(SCMP_CMP_MASKED_EQ, SANDBOX_WORD, (uint64_t)getpid()));
}

/* Its flags are in memory, where no filter sees them: the C library then takes clone. */
static int refuse_clone3(scmp_filter_ctx filter)
{
    return seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
}

static int fill(scmp_filter_ctx filter, const struct sandbox *sandbox)
{
    int rc = add_raise(filter);

    if (!rc)
        rc = refuse_clone3(filter);
    for (uint32_t s = 0; !rc && s < SANDBOX_SETS && sandbox->sets[s]; s++)
        for (uint32_t i = 0; !rc && i < sandbox->sets[s]->count; i++)
            rc = add_rule(filter, &sandbox->sets[s]->rules[i]);
    return rc;
}

/* Says which call it was, which the kernel's own log may not, and lets the signal end the process
 * as it would have: the handler is gone by now. */
static void say_and_die(int sig, siginfo_t *info, void *context)
{
    const greg_t *r = ((ucontext_t *)context)->uc_mcontext.gregs;
    char text[120];
    int n =
        snprintf(text, sizeof(text), "sandbox: system call %d (%#llx, %#llx) is not on the list\n",
                 info->si_syscall, (unsigned long long)r[REG_RDI], (unsigned long long)r[REG_RSI]);

    last_words_say();
    if (n > 0 && write(STDERR_FILENO, text, (size_t)n) < 0)
        _exit(128 + sig);
    raise(sig);
    _exit(128 + sig);
}

static int on_violation(void)
{
    struct sigaction act = {.sa_sigaction = say_and_die,
                            .sa_flags = (int)(SA_SIGINFO | SA_RESETHAND | SA_NODEFER)};

    return sigaction(SIGSYS, &act, NULL) ? -errno : 0;
}

/* Threads that run already, too. The binary tree is libseccomp's second way to order a filter: few
 * comparisons for each of the many calls of a trapped access. */
static int load(scmp_filter_ctx filter)
{
    int rc = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);

    if (!rc)
        rc = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
    if (!rc)
        rc = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
    return rc ? rc : seccomp_load(filter);
}

int sandbox_enter(const struct sandbox *sandbox)
{
    scmp_filter_ctx filter;
    int rc;

    if (!sandbox_available())
        return 0;
    filter = seccomp_init(SCMP_ACT_TRAP);
    if (!filter)
        return -ENOMEM;
    rc = on_violation();
    if (!rc)
        rc = fill(filter, sandbox);
    if (!rc)
        rc = load(filter);
    seccomp_release(filter);
    return rc;
}

static int enter(const void *data)
{
    return sandbox_enter(data);
}

void sandbox_when_ready(struct loop *loop, const struct sandbox *sandbox)
{
    loop_before_ready(loop, enter, sandbox);
}
