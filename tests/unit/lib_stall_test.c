/* SPDX-License-Identifier: MIT */
/*
 * A store behind which a server hangs: calls end in time, the loop goes on, and when the server is
 * back so is the store. What was given up is cleaned up.
 */
#include "tests/unit/slow_store.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#define LIMIT_MS 100u

static struct slow_store server;
static struct loop *loop;
static struct store *store;

static int begin(void **state)
{
    (void)state;
    assert_int_equal(loop_new(&loop), 0);
    slow_store_init(&server, loop);
    return store_calm_open(&server.store, LIMIT_MS, &store);
}

static int end(void **state)
{
    (void)state;
    slow_store_hang(&server, false);
    store_close(store);
    slow_store_wait_closed(&server);
    assert_int_equal(server.watches, 0);
    loop_free(loop);
    return 0;
}

static int64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000ll + t.tv_nsec / 1000000;
}

static unsigned events;

static void on_event(void *data, const char *path)
{
    (void)data;
    assert_string_equal(path, "/a");
    events++;
}

static void test_passes_through(void **state)
{
    struct store_watch *watch;
    char value[64], **names;
    uint32_t domid = 0;
    unsigned count;

    (void)state;
    events = 0;
    assert_int_equal(store_read(store, "/a", value, sizeof(value)), 11);
    assert_string_equal(value, "value of /a");
    assert_int_equal(store_write(store, "/a", "x"), 0);
    assert_int_equal(store_remove(store, "/a"), 0);
    assert_int_equal(store_list(store, "/a", &names, &count), 0);
    assert_int_equal(count, 1);
    free(names);
    assert_int_equal(store_owner(store, "/a", &domid), 0);
    assert_int_equal(domid, 7);
    assert_int_equal(store_watch(store, "/a", on_event, NULL, &watch), 0);
    assert_int_equal(server.watches, 1);
    store_changed(&server.store, "0", "/a"); /* as the server's end reports it */
    assert_int_equal(events, 1);
    store_unwatch(watch);
    store_changed(&server.store, "0", "/a");
    assert_int_equal(events, 1);
}

/* The first call is waited for, the others are not; then all is well again. */
static void test_hangs(void **state)
{
    struct store_watch *watch;
    char value[64], **names;
    unsigned count;
    int64_t before;
    int rc;

    (void)state;
    slow_store_hang(&server, true);
    before = now_ms();
    assert_int_equal(store_list(store, "/a", &names, &count), -ETIMEDOUT);
    assert_true(now_ms() - before >= (int64_t)LIMIT_MS - 1);
    for (unsigned i = 0; i < 100; i++)
        assert_int_equal(store_read(store, "/b", value, sizeof(value)), -ETIMEDOUT);
    assert_int_equal(store_watch(store, "/a", on_event, NULL, &watch), -ETIMEDOUT);
    assert_true(now_ms() - before < 50 * (int64_t)LIMIT_MS);
    assert_int_equal(slow_store_calls(&server), 1);
    slow_store_hang(&server, false);
    do
        rc = store_read(store, "/b", value, sizeof(value));
    while (rc == -ETIMEDOUT && now_ms() - before < 20000);
    assert_int_equal(rc, 11);
    assert_string_equal(value, "value of /b");
}

/* A watch that is made after all is taken back: nobody has its token. */
static void test_late_watch(void **state)
{
    struct store_watch *watch;
    char value[64];
    int64_t before = now_ms();

    (void)state;
    slow_store_hang(&server, true);
    assert_int_equal(store_watch(store, "/a", on_event, NULL, &watch), -ETIMEDOUT);
    slow_store_hang(&server, false);
    while (store_read(store, "/b", value, sizeof(value)) == -ETIMEDOUT && now_ms() - before < 20000)
        ;
    assert_int_equal(server.watches, 0); /* also checked at the end */
}

static void test_closed_while_it_hangs(void **state)
{
    struct store_watch *watch;

    (void)state;
    assert_int_equal(store_watch(store, "/a", on_event, NULL, &watch), 0);
    slow_store_hang(&server, true);
    assert_int_equal(store_write(store, "/a", "x"), -ETIMEDOUT);
    /* end() lets it go on, and closes with the watch still there */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_passes_through, begin, end),
        cmocka_unit_test_setup_teardown(test_hangs, begin, end),
        cmocka_unit_test_setup_teardown(test_late_watch, begin, end),
        cmocka_unit_test_setup_teardown(test_closed_while_it_hangs, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
