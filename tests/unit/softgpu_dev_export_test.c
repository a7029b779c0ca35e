/* SPDX-License-Identifier: MIT */
/*
 * Continuous export: the words of the option, files and what is in them, the rate, frames dropped
 * while a file is being written, and failures.
 */
#include "softgpu/export.h"
#include "softgpu_screen_rig.h"

#include <errno.h>
#include <png.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static void test_words(void **state)
{
    static const char *const wrong[] = {
        "",           "0",       "3:a%d",   "A:a%d",
        "0a%d",       "0:a",     "0:a%d%d", "0:a%s",
        "0:a%",       "0:a%d:0", "0:%5d",   "0:%010d",
        "0:a%d:1001", "0:%n%d",  "-1:%d",   "0:%d:99999999999999999999999"};
    struct export_options o;
    char text[2000];

    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        assert_int_equal(export_parse(wrong[i], &o), -EINVAL);
    assert_int_equal(export_parse("2:a%05d.png:25", &o), 0);
    assert_int_equal(o.pipe, 2);
    assert_int_equal(o.fps, 25);
    assert_string_equal(o.pattern, "a%05d.png");
    assert_int_equal(export_parse("0:/x:y/100%%-%d", &o), 0);
    assert_int_equal(o.fps, 0);
    assert_string_equal(o.pattern, "/x:y/100%%-%d");
    memset(text, 'a', sizeof(text));
    memcpy(text, "0:%d", 4);
    text[2 + sizeof(o.pattern)] = 0;
    assert_int_equal(export_parse(text, &o), -EINVAL);
    text[2 + sizeof(o.pattern) - 1] = 0;
    assert_int_equal(export_parse(text, &o), 0);
}

static void export_to(struct rig *r, const char *dir, const char *what, unsigned fps)
{
    struct export_options o = {.fps = fps};

    assert_true((size_t)snprintf(o.pattern, sizeof(o.pattern), "%s/%s", dir, what) <
                sizeof(o.pattern));
    assert_int_equal(screen_export(r->screen, &o), 0);
}

/* status's part about the first export, once it has dealt with so many frames. */
static void expect(struct rig *r, unsigned written, unsigned dropped, unsigned failed)
{
    char want[128], *text;
    size_t len;

    snprintf(want, sizeof(want),
             "\"exports\":[{\"pipe\":0,\"written\":%u,\"dropped\":%u,\"failed\":%u}", written,
             dropped, failed);
    for (unsigned i = 0; i < 10000; i++) {
        FILE *out = open_memstream(&text, &len);
        bool found;

        screen_print(r->screen, out);
        fclose(out);
        found = strstr(text, want);
        if (!found && i == 9999)
            print_error("%s lacks %s\n", text, want);
        free(text);
        if (found)
            return;
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    fail();
}

static void check_file(const char *dir, const char *name, uint32_t seed)
{
    png_image img = {.version = PNG_IMAGE_VERSION};
    uint8_t rgb[RIG_PIXELS * 3];
    char path[128];

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    assert_true(png_image_begin_read_from_file(&img, path));
    assert_int_equal(img.width, RIG_WIDTH);
    assert_int_equal(img.height, RIG_HEIGHT);
    img.format = PNG_FORMAT_RGB;
    assert_true(png_image_finish_read(&img, NULL, rgb, 0, NULL));
    for (uint32_t i = 0; i < RIG_PIXELS; i++)
        assert_int_equal(rgb[i * 3] << 16 | rgb[i * 3 + 1] << 8 | rgb[i * 3 + 2],
                         rig_colour(i, seed) & 0xffffff);
    unlink(path);
}

static void test_files(void **state)
{
    struct rig *r = *state;
    char dir[] = "/tmp/softgpu-export-XXXXXX";

    assert_non_null(mkdtemp(dir));
    export_to(r, dir, "%%f%03d.png", 0);
    rig_start(r, 0);
    rig_paint(r, RIG_SURFACE, 1);
    rig_paint(r, 0x80000, 2);
    screen_tick(r->screen);
    expect(r, 0, 0, 0);
    rig_frame(r, 0);
    expect(r, 1, 0, 0);
    rig_wr(r, 0x7019c, 0x80000);
    rig_frame(r, 0);
    expect(r, 2, 0, 0);
    screen_tick(r->screen); /* no blank, no file */
    rig_start(r, 1);        /* nor for another pipe */
    rig_frame(r, 1);
    expect(r, 2, 0, 0);
    check_file(dir, "%f000.png", 1);
    check_file(dir, "%f001.png", 2);
    assert_int_equal(rmdir(dir), 0);
}

/* A file that takes long costs frames, not time, and leaves no gap in the numbers. */
static void test_slow(void **state)
{
    struct rig *r = *state;
    char dir[] = "/tmp/softgpu-export-XXXXXX";

    assert_non_null(mkdtemp(dir));
    export_to(r, dir, "%d", 0);
    rig_start(r, 0);
    rig_paint(r, RIG_SURFACE, 1);
    pthread_mutex_lock(&r->gate);
    for (unsigned i = 0; i < 5; i++)
        rig_frame(r, 0);
    expect(r, 0, 4, 0);
    pthread_mutex_unlock(&r->gate);
    expect(r, 1, 4, 0);
    r->now += 3 * RIG_FRAME; /* the loop was late: the blanks it missed are lost as well */
    screen_tick(r->screen);
    expect(r, 2, 6, 0);
    check_file(dir, "0", 1);
    check_file(dir, "1", 1);
    assert_int_equal(rmdir(dir), 0);
}

static void test_rate(void **state)
{
    struct rig *r = *state;
    char dir[] = "/tmp/softgpu-export-XXXXXX", path[64];

    assert_non_null(mkdtemp(dir));
    export_to(r, dir, "%d", 25);
    rig_start(r, 0);
    for (unsigned i = 0, n = 0; i < 59; i++) {
        rig_frame(r, 0);
        n += r->now >= (uint64_t)n * 40000000; /* one each 40 ms */
        expect(r, n, 0, 0);
    }
    for (unsigned i = 0; i < 25; i++) {
        snprintf(path, sizeof(path), "%s/%u", dir, i);
        assert_int_equal(unlink(path), 0);
    }
    assert_int_equal(rmdir(dir), 0);
}

static void test_failures(void **state)
{
    struct rig *r = *state;
    char dir[] = "/tmp/softgpu-export-XXXXXX";

    assert_non_null(mkdtemp(dir));
    export_to(r, dir, "no/%d", 0);
    rig_start(r, 0);
    rig_frame(r, 0);
    expect(r, 0, 0, 1);
    rig_wr(r, 0x70180, 0x80000000);
    rig_frame(r, 0);
    expect(r, 0, 0, 2);
    assert_int_equal(rmdir(dir), 0);
    for (unsigned i = 1; i < EXPORT_MAX; i++)
        export_to(r, dir, "%d", 0);
    assert_int_equal(screen_export(r->screen, &(struct export_options){.pattern = "%d"}), -ENOSPC);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, rig_setup, rig_teardown)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words), T(test_files), T(test_slow), T(test_rate), T(test_failures),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
