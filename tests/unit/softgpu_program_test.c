/* SPDX-License-Identifier: MIT */
/*
 * The executables softgpu and softgpu-trace, as they are called: which chip, a log, a cost model.
 */
#include "softgpu/vfu.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/softgpu_client_rig.h"

struct place {
    char bin[PATH_MAX]; /* where the executables are: beside the tests of this build */
    char dir[32];
};

static int setup(void **state)
{
    struct place *p = calloc(1, sizeof(*p));
    ssize_t n;

    assert_non_null(p);
    n = readlink("/proc/self/exe", p->bin, sizeof(p->bin) - 1);
    assert_true(n > 0);
    *strrchr(p->bin, '/') = 0;
    assert_true(strlen(p->bin) + 16 < sizeof(p->bin));
    strcat(p->bin, "/../../softgpu");
    strcpy(p->dir, "/tmp/softgpu-prg-XXXXXX");
    assert_non_null(mkdtemp(p->dir));
    *state = p;
    return 0;
}

static int teardown(void **state)
{
    struct place *p = *state;
    char command[64];

    snprintf(command, sizeof(command), "rm -r %s", p->dir);
    assert_int_equal(system(command), 0);
    free(p);
    return 0;
}

/* Runs "PROGRAM ARGS" in the directory, with what it prints in its file out, as the shell would;
 * its exit status. */
__attribute__((format(printf, 2, 3))) static int run(struct place *p, const char *format, ...)
{
    char args[256], command[2 * PATH_MAX];
    va_list list;
    int status;

    va_start(list, format);
    vsnprintf(args, sizeof(args), format, list);
    va_end(list);
    snprintf(command, sizeof(command), "cd %s && timeout 60 %s/%s >out 2>&1", p->dir, p->bin, args);
    status = system(command);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void path_of(struct place *p, const char *name, char *path, size_t size)
{
    snprintf(path, size, "%s/%s", p->dir, name);
}

static void put(struct place *p, const char *name, const char *text)
{
    char path[64];
    FILE *f;

    path_of(p, name, path, sizeof(path));
    f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    assert_int_equal(fclose(f), 0);
}

static void expect_out(struct place *p, const char *part)
{
    char path[64], text[8192] = "";
    FILE *f;

    path_of(p, "out", path, sizeof(path));
    f = fopen(path, "r");
    assert_non_null(f);
    text[fread(text, 1, sizeof(text) - 1, f)] = 0;
    fclose(f);
    if (!strstr(text, part))
        fail_msg("'%s' is not in '%s'", part, text);
}

static void wrong_lines(void **state)
{
    struct place *p = *state;

    assert_int_equal(run(p, "softgpu --help"), 0);
    expect_out(p, "--trace FILE");
    expect_out(p, "--cost FILE");
    expect_out(p, "--gpu MODEL");
    assert_int_equal(run(p, "softgpu --gpu list"), 0);
    expect_out(p, "8086:0412  Haswell GT2  = hsw\n");
    expect_out(p, "8086:163e  Broadwell GT3 ULT\n");
    assert_int_equal(run(p, "softgpu -s gpu --gpu 0413"), 2);
    expect_out(p, "there is no '0413', only hsw, bdw and the device ids\n  0412 1616 ");
    expect_out(p, " 163e\nsoftgpu: --gpu list says what they are\n");
    assert_int_equal(run(p, "softgpu -s gpu --swizzle 9_11"), 2);
    expect_out(p, "--swizzle takes none, 9 or 9_10, not '9_11'");
    assert_int_equal(run(p, "softgpu -s gpu --trace-events reg,xyz"), 2);
    expect_out(p, "reset, all, not 'xyz'");
    assert_int_equal(run(p, "softgpu -s gpu --trace-events ,"), 2);
    assert_int_equal(run(p, "softgpu -s gpu --trace no/such/place"), 1);
    expect_out(p, "no/such/place: No such file");
    assert_int_equal(run(p, "softgpu -s gpu --cost model"), 1);
    expect_out(p, "cannot read the cost model model");
    put(p, "model", "clock 1e9\nblit\n");
    assert_int_equal(run(p, "softgpu -s gpu --cost model"), 1);
    expect_out(p, "softgpu: model:2: expected blit BYTES_PER_SECOND");
    assert_int_equal(run(p, "softgpu-trace --help"), 0);
    expect_out(p, "batch-start");
    assert_int_equal(run(p, "softgpu-trace"), 2);
    assert_int_equal(run(p, "softgpu-trace a b"), 2);
    assert_int_equal(run(p, "softgpu-trace -e gpu a"), 2);
    expect_out(p, "not 'gpu'");
    assert_int_equal(run(p, "softgpu-trace nowhere"), 1);
    assert_int_equal(run(p, "softgpu-trace model"), 1);
}

/* A client comes, for which the device is reset, and goes. */
static void record(struct place *p)
{
    char socket[64];
    int status;
    pid_t pid;

    path_of(p, "gpu", socket, sizeof(socket));
    put(p, "model", "command any 10\nbusy-batch on\n");
    pid = fork();
    if (!pid)
        _exit(run(p, "softgpu -s gpu --once --cost model --trace log --trace-events all"));
    close(client_connect(socket));
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status) && !WEXITSTATUS(status));
}

/* What the client finds at 0 and 8 of configuration space: ids, revision. */
static void ids_of(struct place *p, const char *option, uint32_t ids, uint32_t revision)
{
    char socket[64];
    int fd, status;
    pid_t pid;

    path_of(p, "gpu", socket, sizeof(socket));
    pid = fork();
    if (!pid)
        _exit(run(p, "softgpu -s gpu --once %s", option));
    fd = client_connect(socket);
    client_agree(fd);
    assert_int_equal(client_read32(fd, VFU_REGION_CFG, 0), ids);
    assert_int_equal(client_read32(fd, VFU_REGION_CFG, 8), 0x03000000 | revision);
    close(fd);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status) && !WEXITSTATUS(status));
}

static void chosen(void **state)
{
    ids_of(*state, "", 0x16168086, 9);
    ids_of(*state, "--gpu hsw", 0x04128086, 6);
    ids_of(*state, "--gpu 8086:0A16", 0x0a168086, 9);
    ids_of(*state, "-g 1622", 0x16228086, 10);
}

static void recorded(void **state)
{
    struct place *p = *state;
    char path[64];

    record(p);
    assert_int_equal(run(p, "softgpu-trace log"), 0);
    expect_out(p, "cpu  reset-asked    function\n");
    assert_int_equal(run(p, "softgpu-trace -e bcs -k reset log"), 0);
    expect_out(p, "bcs  reset-done     engine\n");
    assert_int_equal(run(p, "softgpu-trace --summary - <log"), 0);
    expect_out(p, "reset-asked               1          1          1          1          1\n");
    path_of(p, "log", path, sizeof(path));
    assert_int_equal(truncate(path, 90), 0);
    assert_int_equal(run(p, "softgpu-trace log"), 1);
    expect_out(p, "cpu  reset-asked    function\n");
    expect_out(p, "softgpu-trace: log: offset 90: ends inside a block");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(wrong_lines, setup, teardown),
        cmocka_unit_test_setup_teardown(chosen, setup, teardown),
        cmocka_unit_test_setup_teardown(recorded, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
