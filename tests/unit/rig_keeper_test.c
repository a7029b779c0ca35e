/* SPDX-License-Identifier: MIT */
/*
 * rig_keeper_test.c: the rig's supervisor as a process, and this program again as the service it
 * runs: descriptors survive kill -9 of the service, names and removal count, what dies is started
 * again as its restart mode says, a service that does not feed its watchdog is ended, one that is
 * told to dies at a crash point, once.
 */
#include "lib/crash.h"

#include <errno.h>
#include <libgen.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include <cmocka.h>

extern char **environ;

static char self[512], keeper[600];

/* ---- the service */

/* Counts its lives in a memory file it leaves with the keeper; writes the count to path. */
static int be_counter(const char *path)
{
    char **names = NULL;
    int n = sd_listen_fds_with_names(0, &names), fd = -1;
    unsigned lives = 0;
    FILE *f;

    for (int i = 0; i < n; i++)
        if (!strcmp(names[i], "count"))
            fd = SD_LISTEN_FDS_START + i;
    if (fd < 0) {
        int other = memfd_create("other", 0);

        fd = memfd_create("count", 0);
        sd_pid_notify_with_fds(0, 0, "FDSTORE=1\nFDNAME=count\nFDPOLL=0", &fd, 1);
        sd_pid_notify_with_fds(0, 0, "FDSTORE=1\nFDNAME=count", &fd, 1);
        sd_pid_notify_with_fds(0, 0, "FDSTORE=1\nFDNAME=other", &other, 1);
        sd_pid_notify_with_fds(0, 0, "FDSTORE=1\nFDNAME=gone", &other, 1);
        other = memfd_create("gone", 0);
        sd_pid_notify_with_fds(0, 0, "FDSTORE=1\nFDNAME=gone", &other, 1);
        sd_notify(0, "FDSTOREREMOVE=1\nFDNAME=gone");
    }
    if (pread(fd, &lives, sizeof(lives), 0) < 0)
        return 1;
    lives++;
    if (pwrite(fd, &lives, sizeof(lives), 0) != sizeof(lives))
        return 1;
    f = fopen(path, "w");
    fprintf(f, "%u %d\n", lives, n);
    fclose(f);
    sd_notify(0, "READY=1");
    for (;;)
        pause();
}

/* Passes a crash point in each step of its life. */
__attribute__((noreturn)) static void be_fragile(void)
{
    crash_point("fragile.start");
    sd_notify(0, "READY=1");
    for (;;) {
        crash_point("fragile.work");
        usleep(1000);
    }
}

static int be_service(char **argv)
{
    if (!strcmp(argv[1], "--fragile"))
        be_fragile();
    if (!strcmp(argv[1], "--count"))
        return be_counter(argv[2]);
    if (!strcmp(argv[1], "--exit"))
        return atoi(argv[2]);
    return 2;
}

/* ---- the keeper */

struct fix {
    char dir[64], ctl[80];
    pid_t pid;
};

static void spawn(char **argv, pid_t *pid)
{
    assert_int_equal(posix_spawn(pid, argv[0], NULL, NULL, argv, environ), 0);
}

/* What the keeper answers to a command. */
static void ask(struct fix *f, char *out, size_t size, const char *format, ...)
{
    char line[2048], all[2800];
    va_list args;
    FILE *p;

    va_start(args, format);
    vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    snprintf(all, sizeof(all), "%s --ask %s %s 2>&1", keeper, f->ctl, line);
    p = popen(all, "r");
    assert_non_null(p);
    out[fread(out, 1, size - 1, p)] = 0;
    pclose(p);
}

static int setup(void **state)
{
    static struct fix f;
    char *argv[] = {keeper, "--dir", f.dir, "--ctl", f.ctl, NULL};
    struct stat st;

    strcpy(f.dir, "/tmp/vgt-keep-XXXXXX");
    assert_non_null(mkdtemp(f.dir));
    snprintf(f.ctl, sizeof(f.ctl), "%s/ctl", f.dir);
    spawn(argv, &f.pid);
    for (int i = 0; i < 1000 && stat(f.ctl, &st); i++)
        usleep(10000);
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    struct fix *f = *state;
    char text[256];
    int status;

    kill(f->pid, SIGTERM);
    assert_int_equal(waitpid(f->pid, &status, 0), f->pid);
    assert_int_equal(status, 0);
    snprintf(text, sizeof(text), "rm -r %s", f->dir);
    return system(text);
}

/* Until the line of the unit contains what; its pid. */
static int wait_status(struct fix *f, const char *unit, const char *what)
{
    char text[2048], *at;
    int pid = 0;

    for (int i = 0; i < 1000; i++, usleep(20000)) {
        ask(f, text, sizeof(text), "status");
        at = strstr(text, unit);
        if (!at)
            continue;
        *strchr(at, '\n') = 0;
        if (!strstr(at, what))
            continue;
        sscanf(strstr(at, "pid="), "pid=%d", &pid);
        return pid;
    }
    fail_msg("%s never showed %s; last: %s", unit, what, text);
    return 0;
}

static void descriptors_survive(void **state)
{
    struct fix *f = *state;
    char text[256], path[128], got[64];
    FILE *r;

    snprintf(path, sizeof(path), "%s/lives", f->dir);
    ask(f, text, sizeof(text), "unit count always %s --count %s", self, path);
    assert_string_equal(text, "ok\n");
    for (unsigned life = 1; life <= 5; life++) {
        char what[32];
        unsigned lives = 0;
        int fds = 0;

        snprintf(what, sizeof(what), "state=ready starts=%u ", life);
        wait_status(f, "count", what);
        r = fopen(path, "r");
        assert_non_null(r);
        assert_non_null(fgets(got, sizeof(got), r));
        fclose(r);
        assert_int_equal(sscanf(got, "%u %d", &lives, &fds), 2);
        assert_int_equal(lives, life);
        assert_int_equal(fds, life == 1 ? 0 : 2); /* count once, other; gone is gone */
        ask(f, text, sizeof(text), "kill count %s", life % 2 ? "KILL" : "SEGV");
        assert_string_equal(text, "ok\n");
    }
    wait_status(f, "count", "state=ready starts=6 failures=5 kept=2");
    ask(f, text, sizeof(text), "stop count");
    wait_status(f, "count", "state=down starts=6 failures=6 kept=0");
}

static void restart_modes(void **state)
{
    struct fix *f = *state;
    char text[256];

    ask(f, text, sizeof(text), "unit a never %s --exit 1", self);
    ask(f, text, sizeof(text), "unit b failure %s --exit 0", self);
    ask(f, text, sizeof(text), "unit c failure %s --exit 3", self);
    ask(f, text, sizeof(text), "unit d always %s --exit 0", self);
    wait_status(f, "c ", "starts=4");
    wait_status(f, "d ", "starts=4");
    wait_status(f, "a ", "state=down starts=1 failures=1");
    wait_status(f, "b ", "state=down starts=1 failures=0");
}

static void stops_and_watches(void **state)
{
    struct fix *f = *state;
    char text[256];
    int pid;

    ask(f, text, sizeof(text), "unit w always %s --count %s/w", self, f->dir);
    pid = wait_status(f, "w ", "state=ready");
    ask(f, text, sizeof(text), "kill w STOP:300");
    assert_string_equal(text, "ok\n");
    /* It never feeds a watchdog: the next one has one, and is ended. */
    ask(f, text, sizeof(text), "watchdog w 200");
    ask(f, text, sizeof(text), "kill w KILL");
    assert_true(wait_status(f, "w ", "starts=3") != pid);
}

static void schedule(void **state)
{
    struct fix *f = *state;
    char text[256];

    ask(f, text, sizeof(text), "unit s always %s --count %s/s", self, f->dir);
    ask(f, text, sizeof(text), "every 20 KILL s");
    assert_string_equal(text, "ok\n");
    wait_status(f, "s ", "starts=5");
    ask(f, text, sizeof(text), "calm");
    ask(f, text, sizeof(text), "unit t always %s --count %s/t", self, f->dir);
    wait_status(f, "s ", "state=ready");
    wait_status(f, "t ", "state=ready starts=1");
    ask(f, text, sizeof(text), "together 300 KILL s t nobody");
    assert_string_equal(text, "ok\n");
    wait_status(f, "t ", "starts=4");
    wait_status(f, "s ", "starts=8");
}

static void refuses(void **state)
{
    struct fix *f = *state;
    char text[256];

    ask(f, text, sizeof(text), "kill nobody KILL");
    assert_string_equal(text, "error No such process\n");
    ask(f, text, sizeof(text), "unit x sometimes /bin/true");
    assert_string_equal(text, "error Invalid argument\n");
    ask(f, text, sizeof(text), "dance");
    assert_string_equal(text, "error Function not implemented\n");
}

static int wait_for(struct fix *f, const char *words)
{
    char all[800];

    snprintf(all, sizeof(all), "%s --wait %s %s", keeper, f->ctl, words);
    return WEXITSTATUS(system(all));
}

static void dies_where_it_is_told(void **state)
{
    struct fix *f = *state;
    char text[512];

    ask(f, text, sizeof(text), "unit f always %s --fragile now", self);
    assert_int_equal(wait_for(f, "10 f state=ready starts=1 fired=0"), 0);
    ask(f, text, sizeof(text), "points f");
    assert_non_null(strstr(text, "fragile.start passed=1 fired=0\n"));
    ask(f, text, sizeof(text), "arm f fragile.work 20");
    assert_string_equal(text, "ok\n");
    assert_int_equal(wait_for(f, "10 f fired=1 state=ready starts=2 left=0"), 0);
    ask(f, text, sizeof(text), "arm f fragile.start 1");
    ask(f, text, sizeof(text), "kill f KILL");
    assert_int_equal(wait_for(f, "10 f 'fired>=2' state=ready starts=4"), 0);
    assert_int_equal(wait_for(f, "0.1 f 'fired>=3'"), 1);
    ask(f, text, sizeof(text), "arm f fragile.work 1000000");
    ask(f, text, sizeof(text), "disarm f");
    assert_int_equal(wait_for(f, "10 f left=0 state=ready"), 0);
    ask(f, text, sizeof(text), "arm f fragile.wor 1");
    assert_string_equal(text, "error Invalid argument\n");
    ask(f, text, sizeof(text), "arm f fragile.work");
    assert_string_equal(text, "error Invalid argument\n");
}

static void forgets_what_was_stopped(void **state)
{
    struct fix *f = *state;
    char text[512];

    ask(f, text, sizeof(text), "unit f always %s --fragile now", self);
    assert_int_equal(wait_for(f, "10 f state=ready"), 0);
    ask(f, text, sizeof(text), "forget f");
    assert_string_equal(text, "error Device or resource busy\n");
    ask(f, text, sizeof(text), "stop f");
    assert_int_equal(wait_for(f, "10 f state=down"), 0);
    ask(f, text, sizeof(text), "forget f");
    assert_string_equal(text, "ok\n");
    ask(f, text, sizeof(text), "unit f always %s --fragile now", self);
    assert_string_equal(text, "ok\n");
    assert_int_equal(wait_for(f, "10 f state=ready starts=1 fired=0"), 0);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        T(descriptors_survive),
        T(restart_modes),
        T(stops_and_watches),
        T(schedule),
        T(refuses),
        T(dies_where_it_is_told),
        T(forgets_what_was_stopped),
    };
    char copy[512];

    if (argc > 2)
        return be_service(argv);
    if (!realpath(argv[0], self))
        return 1;
    strcpy(copy, self);
    snprintf(keeper, sizeof(keeper), "%s/../rig/vgt-rig-keeper", dirname(copy));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
