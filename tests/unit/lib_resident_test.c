/* SPDX-License-Identifier: MIT */
/*
 * What a service touches is locked, what it does not touch takes no memory; nothing is locked
 * where the limit would make later mappings fail; what was a large block is not kept. Each case is
 * a process of its own: memory once locked stays so.
 */
#include "lib/resident.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define SIZE  (64u << 20)
#define BLOCK (24u << 20)
#define SAYS  3 /* exit status of a child whose check failed */

static const struct log quiet = {.fd = -1, .level = LOG_EMERG, .name = "resident"};

static long status_kb(const char *key)
{
    FILE *f = fopen("/proc/self/status", "re");
    char line[128];
    long kb = -1;

    while (f && fgets(line, sizeof(line), f))
        if (!strncmp(line, key, strlen(key)))
            kb = atol(line + strlen(key));
    if (f)
        fclose(f);
    return kb;
}

static void limit_to(rlim_t bytes)
{
    struct rlimit limit = {bytes, bytes};

    if (setrlimit(RLIMIT_MEMLOCK, &limit))
        _exit(SAYS);
}

static void check(int ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "not so: %s (VmLck %ld kB, VmRSS %ld kB)\n", what, status_kb("VmLck:"),
            status_kb("VmRSS:"));
    _exit(SAYS);
}

static void *later_mapping(void)
{
    void *p = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    check(p != MAP_FAILED, "a mapping can be made");
    return p;
}

static void keeps(void)
{
    char *p;

    limit_to(RLIM_INFINITY);
    check(resident_keep(&quiet) == 0, "memory is locked");
    p = later_mapping();
    check(status_kb("VmLck:") >= (long)(SIZE >> 10), "a later mapping is locked, too");
    check(status_kb("VmRSS:") < (long)(SIZE >> 11), "what nobody touches takes no memory");
    p[0] = 1;
}

static void limited(void)
{
    limit_to(8u << 20);
    check(resident_keep(&quiet) == RESIDENT_NOT_ALLOWED, "a limit is no reason to try");
    later_mapping();
    check(status_kb("VmLck:") == 0, "nothing is locked");
}

/* A block that is freed and made again, as a guest's tables are. */
static void gives_back(void)
{
    limit_to(8u << 20);
    resident_keep(&quiet);
    for (int i = 0; i < 4; i++) {
        char *p = malloc(BLOCK);

        check(p != NULL, "there is memory");
        explicit_bzero(p, BLOCK); /* touched, which no compiler may leave out */
        check(status_kb("RssAnon:") >= (long)(BLOCK >> 10), "it is there");
        free(p);
        check(status_kb("RssAnon:") < (long)(BLOCK >> 10),
              "a large block goes back when it is freed");
    }
}

static void in_child(void (*fn)(void))
{
    pid_t pid = fork();
    int status;

    assert_true(pid >= 0);
    if (!pid) {
        fn();
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void test_keeps(void **state)
{
    struct rlimit limit = {RLIM_INFINITY, RLIM_INFINITY};

    (void)state;
    if (setrlimit(RLIMIT_MEMLOCK, &limit))
        skip(); /* not even for root; xen-pressure looks at the services themselves */
    in_child(keeps);
}

static void test_limited(void **state)
{
    (void)state;
    in_child(limited);
}

static void test_gives_back(void **state)
{
    (void)state;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    skip(); /* another malloc, which keeps what is freed on purpose */
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
    skip();
#endif
#endif
    in_child(gives_back);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keeps),
        cmocka_unit_test(test_limited),
        cmocka_unit_test(test_gives_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
