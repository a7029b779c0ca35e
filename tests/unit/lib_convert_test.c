/* SPDX-License-Identifier: MIT */
/*
 * Conversion of regions that an earlier build left: over several layouts at once, with another
 * size, and where there is no way.
 */
#include "lib/region.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#define TYPE 4

/* Layouts of a counter with a name: 1 has 32 bits, 2 has 64, 3 has a unit besides. */
struct v1 {
    uint32_t count;
    char name[12];
};
struct v2 {
    uint64_t count;
    char name[12];
};
struct v3 {
    uint64_t count, unit;
    char name[24];
    char more[9000]; /* another number of pages */
};

static int v1_to_v2(const void *old, uint64_t old_size, void *new, uint64_t new_size)
{
    const struct v1 *from = old;
    struct v2 *to = new;

    assert_int_equal(new_size, sizeof(*to));
    if (old_size < sizeof(*from))
        return -EBADMSG;
    to->count = from->count;
    memcpy(to->name, from->name, sizeof(to->name));
    return 0;
}

static int v2_to_v3(const void *old, uint64_t old_size, void *new, uint64_t new_size)
{
    const struct v2 *from = old;
    struct v3 *to = new;

    assert_int_equal(old_size, sizeof(*from));
    assert_int_equal(new_size, sizeof(*to));
    if (from->name[sizeof(from->name) - 1])
        return -EBADMSG;
    to->count = from->count;
    to->unit = 1000;
    strcpy(to->name, from->name);
    to->more[8999] = 1;
    return 0;
}

static const struct region_step step[] = {{TYPE + 1, 1, sizeof(struct v2), v2_to_v3},
                                          {TYPE, 2, sizeof(struct v3), v2_to_v3},
                                          {TYPE, 1, sizeof(struct v2), v1_to_v2}};
static const struct region_steps steps = {step, 3};

static int make(uint32_t version, const void *contents, size_t size)
{
    struct region region;
    int fd;

    assert_int_equal(region_create("old", TYPE, version, size, &fd), 0);
    assert_int_equal(region_map(fd, TYPE, version, size, true, &region), 0);
    memcpy(region.data, contents, size);
    region_unmap(&region);
    return fd;
}

static void test_two_steps(void **state)
{
    struct v1 old = {.count = 0xfffffff0, .name = "frames"};
    int fd = make(1, &old, sizeof(old)), made = -1;
    struct region region;
    const struct v3 *now;

    (void)state;
    assert_int_equal(region_convert(fd, "new", TYPE, 3, &steps, &made), 0);
    assert_int_equal(region_map(made, TYPE, 3, sizeof(*now), false, &region), 0);
    now = region.data;
    assert_int_equal(region.version, 3);
    assert_int_equal(now->count, 0xfffffff0);
    assert_int_equal(now->unit, 1000);
    assert_string_equal(now->name, "frames");
    assert_int_equal(now->more[8999], 1);
    region_unmap(&region);
    /* The old one is as it was, for those who have it. */
    assert_int_equal(region_map(fd, TYPE, 1, 0, false, &region), 0);
    assert_memory_equal(region.data, &old, sizeof(old));
    region_unmap(&region);
    close(fd);
    close(made);
}

static void test_no_way(void **state)
{
    struct v1 old = {.name = "frames"};
    struct v2 odd = {.name = "not ending!!"};
    int fd = make(1, &old, sizeof(old)), newer = make(4, &old, sizeof(old)),
        damaged = make(2, &odd, sizeof(odd)), made = -1;
    uint64_t nonsense = 0;

    (void)state;
    assert_int_equal(region_convert(fd, "new", TYPE, 4, &steps, &made), -ENOENT);
    assert_int_equal(region_convert(newer, "new", TYPE, 3, &steps, &made), -EPROTONOSUPPORT);
    assert_int_equal(region_convert(damaged, "new", TYPE, 3, &steps, &made), -EBADMSG);
    assert_int_equal(region_convert(fd, "new", TYPE + 1, 3, &steps, &made), -EBADMSG);
    assert_int_equal(pwrite(fd, &nonsense, 8, 0), 8);
    assert_int_equal(region_convert(fd, "new", TYPE, 3, &steps, &made), -EBADMSG);
    assert_int_equal(made, -1);
    close(fd);
    close(newer);
    close(damaged);
}

/* What was found is told when it is newer than what is known. */
static void test_version_found(void **state)
{
    struct v1 old = {0};
    int fd = make(9, &old, sizeof(old));
    struct region region;

    (void)state;
    assert_int_equal(region_map(fd, TYPE, 3, 0, false, &region), -EPROTONOSUPPORT);
    assert_int_equal(region.version, 9);
    assert_null(region.data);
    assert_int_equal(region_map(fd, TYPE + 1, 9, 0, false, &region), -EBADMSG);
    assert_int_equal(region.version, 0);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_two_steps),
        cmocka_unit_test(test_no_way),
        cmocka_unit_test(test_version_found),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
