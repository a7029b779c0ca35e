/* SPDX-License-Identifier: MIT */
/*
 * lib_crash_test.c: crash points in this program, which runs itself as the process that passes
 * them: counted, fired once at the passing asked for, never again; nothing without a table.
 */
#include "lib/crash.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char self[512];

static void second(void)
{
    crash_point("test.second");
}

/* Passes the first point twice, the second one three times; 7 when it lives. */
static int be_process(void)
{
    for (int i = 0; i < 2; i++)
        crash_point("test.first");
    for (int i = 0; i < 3; i++)
        second();
    return 7;
}

/* Its wait status. path NULL: it has no table. */
static int run(const char *path)
{
    pid_t pid = fork();
    int status;

    if (!pid) {
        if (path)
            setenv(CRASH_ENV, path, 1);
        else
            unsetenv(CRASH_ENV);
        execl(self, self, "--process", NULL);
        _exit(1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static bool killed(int status)
{
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

static bool lived(int status)
{
    return WIFEXITED(status) && WEXITSTATUS(status) == 7;
}

static struct crash_table *make(char path[32], size_t size)
{
    struct crash_table *t;
    int fd;

    strcpy(path, "/tmp/vgt-crash-XXXXXX");
    fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, (off_t)size), 0);
    t = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    assert_ptr_not_equal(t, MAP_FAILED);
    close(fd);
    return t;
}

static const struct crash_count *count_of(const struct crash_table *t, const char *name)
{
    for (unsigned i = 0; t->point[i].name[0]; i++)
        if (!strcmp(t->point[i].name, name))
            return &t->point[i];
    fail_msg("no point %s", name);
    return NULL;
}

static void arm(struct crash_table *t, const char *name, uint32_t left)
{
    strcpy(t->armed, name);
    t->left = left;
}

static void counts_and_lists(void **state)
{
    char path[32];
    struct crash_table *t = make(path, sizeof(*t));

    (void)state;
    assert_true(lived(run(path)));
    assert_int_equal(count_of(t, "test.first")->passed, 2);
    assert_int_equal(count_of(t, "test.second")->passed, 3);
    assert_true(lived(run(path)));
    assert_int_equal(count_of(t, "test.second")->passed, 6);
    assert_int_equal(t->fired, 0);
    assert_true(lived(run(NULL)));
    assert_int_equal(count_of(t, "test.second")->passed, 6);
    unlink(path);
}

static void fires_once(void **state)
{
    char path[32];
    struct crash_table *t = make(path, sizeof(*t));

    (void)state;
    arm(t, "test.second", 2);
    assert_true(killed(run(path)));
    assert_int_equal(count_of(t, "test.first")->passed, 2);
    assert_int_equal(count_of(t, "test.second")->passed, 2);
    assert_int_equal(count_of(t, "test.second")->fired, 1);
    assert_int_equal(t->fired, 1);
    assert_int_equal(t->left, 0);
    assert_true(lived(run(path)));
    unlink(path);
}

/* The passing it is armed for may be made by a later process. */
static void counts_over_processes(void **state)
{
    char path[32];
    struct crash_table *t = make(path, sizeof(*t));

    (void)state;
    arm(t, "test.first", 5);
    assert_true(lived(run(path)));
    assert_true(lived(run(path)));
    assert_int_equal(t->left, 1);
    assert_true(killed(run(path)));
    assert_int_equal(count_of(t, "test.first")->passed, 5);
    unlink(path);
}

static void other_names_and_files(void **state)
{
    char path[32];
    struct crash_table *t = make(path, sizeof(*t));

    (void)state;
    arm(t, "test.fir", 1);
    assert_true(lived(run(path)));
    assert_int_equal(t->left, 1);
    unlink(path);
    t = make(path, 4096);
    arm(t, "test.first", 1);
    assert_true(lived(run(path)));
    assert_true(lived(run("/nonexistent/table")));
    unlink(path);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_and_lists),
        cmocka_unit_test(fires_once),
        cmocka_unit_test(counts_over_processes),
        cmocka_unit_test(other_names_and_files),
    };

    if (argc == 2 && !strcmp(argv[1], "--process"))
        return be_process();
    if (!realpath("/proc/self/exe", self))
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
