/* SPDX-License-Identifier: MIT */
/*
 * Each service's list of system calls, entered by a child process: what a service may not do ends
 * it with SIGSYS. Calls that need Xen or the module are made on a pipe: what counts is who refuses.
 */
#include "kmod-stub/vgt_stub.h"
#include "tests/unit/sandbox_child.h"

#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xen/xen.h>
/* its types are needed by the next */
#include <xen/sys/gntdev.h>
#include <xen/sys/privcmd.h>
/* cmocka wants the headers above first */
#include <cmocka.h>

static int pipes[2];

/* Each returns only if it was let through */

static int run_program(void)
{
    char *argv[] = {"/bin/true", NULL};

    execv(argv[0], argv);
    return 1;
}

static int new_process(void)
{
    return fork() ? 1 : 0;
}

static int internet(void)
{
    socket(AF_INET, SOCK_STREAM, 0);
    return 1;
}

static int netlink(void)
{
    socket(AF_NETLINK, SOCK_RAW, 0);
    return 1;
}

static int code_mapped(void)
{
    mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return 1;
}

static int code_made(void)
{
    void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    mprotect(p, 4096, PROT_READ | PROT_EXEC);
    return 1;
}

static int trace_parent(void)
{
    ptrace(PTRACE_ATTACH, getppid(), NULL, NULL);
    return 1;
}

static int kill_parent(void)
{
    kill(getppid(), 0);
    return 1;
}

static int other_ioctl(void)
{
    ioctl(pipes[0], TIOCSTI, "x");
    return 1;
}

static int terminal(void)
{
    struct winsize size;

    ioctl(pipes[0], TIOCGWINSZ, &size);
    return 1;
}

static int create_file(void)
{
    open("/tmp/vgt-sandbox-test", O_RDWR | O_CREAT, 0600);
    return 1;
}

static int open_file(void)
{
    open("/dev/null", O_RDONLY);
    return 1;
}

static int thread_stub(void *arg)
{
    return arg != NULL;
}

static int new_thread(void)
{
    static char stack[65536];

    clone(thread_stub, stack + sizeof(stack),
          CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD, NULL);
    return 1;
}

static int new_namespace(void)
{
    static char stack[65536];

    clone(thread_stub, stack + sizeof(stack), CLONE_NEWUSER | SIGCHLD, NULL);
    return 1;
}

static int domain_call(void)
{
    ioctl(pipes[0], IOCTL_PRIVCMD_HYPERCALL, NULL);
    return 1;
}

static int pin(void)
{
    ioctl(pipes[0], VGT_IOC_PIN, NULL);
    return 1;
}

static int attach_domain(void)
{
    ioctl(pipes[0], VGT_IOC_ATTACH, NULL);
    return 1;
}

static int interrupts(void)
{
    ioctl(pipes[0], VGT_IOC_IRQ_SET, NULL);
    return 1;
}

static int registers(void)
{
    ioctl(pipes[0], VGT_IOC_REG, NULL);
    return 1;
}

static int grants(void)
{
    ioctl(pipes[0], IOCTL_GNTDEV_MAP_GRANT_REF, NULL);
    return 1;
}

static int take_connection(void)
{
    accept4(pipes[0], NULL, NULL, 0);
    return 1;
}

static int change_file(void)
{
    fchmod(pipes[0], 0600);
    return 1;
}

static int blocking_wakes(void)
{
    fcntl(pipes[0], F_SETFL, 0);
    return 1;
}

static int signalling_wakes(void)
{
    fcntl(pipes[0], F_SETFL, O_NONBLOCK | O_ASYNC);
    return 1;
}

static int waitless(void)
{
    return fcntl(pipes[0], F_SETFL, O_NONBLOCK);
}

static const struct {
    const char *what;
    int (*fn)(void);
    unsigned may; /* services that are let through */
} doings[] = {
    {"exec", run_program, 0},
    {"fork", new_process, 0},
    {"an internet socket", internet, 0},
    {"a netlink socket", netlink, 0},
    {"executable memory", code_mapped, 0},
    {"memory made executable", code_made, 0},
    {"ptrace", trace_parent, 0},
    {"kill", kill_parent, 0},
    {"an unknown ioctl", other_ioctl, 0},
    {"a terminal's ioctl", terminal, 0},
    {"a new file", create_file, 0},
    {"a new user namespace", new_namespace, 0},
    {"a descriptor that waits", blocking_wakes, 0},
    {"a descriptor that signals", signalling_wakes, 0},
    {"a descriptor that does not wait", waitless, ALL},
    {"open", open_file, GTT | SCHED | BROKER},
    {"a thread", new_thread, GTT | SCHED | BROKER},
    {"any hypercall", domain_call, GTT | SCHED | BROKER},
    {"grants", grants, GTT | SCHED | BROKER},
    {"pins", pin, GTT},
    {"attach at the module", attach_domain, BROKER},
    {"interrupts", interrupts, SCHED | DISPLAY},
    {"registers", registers, GTT | SCHED | DISPLAY},
    {"accept", take_connection, BROKER},
    {"chmod", change_file, BROKER},
};

static void test_forbidden(void **state)
{
    (void)state;
    for (size_t s = 0; s < SANDBOX_SERVICES; s++)
        for (size_t i = 0; i < sizeof(doings) / sizeof(doings[0]); i++) {
            int status = sandbox_child(sandbox_services[s].sandbox, doings[i].fn);
            bool may = doings[i].may & sandbox_services[s].bit;

            if (may ? sandbox_died_of(status, SIGSYS) : !sandbox_died_of(status, SIGSYS))
                fail_msg("%s and %s: %s, status 0x%x", sandbox_services[s].name, doings[i].what,
                         may ? "is killed" : "goes on", (unsigned)status);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forbidden),
    };

    if (pipe(pipes))
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
