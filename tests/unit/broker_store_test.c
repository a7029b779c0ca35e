/* SPDX-License-Identifier: MIT */
/*
 * xenstored hangs while a vchan client asks for a channel: the broker's loop goes on, and vgtctl at
 * the socket has its answer, guests attached or not.
 */
#include "services/broker/priv.h"
#include "tests/unit/broker_fixture.h"
#include "tests/unit/slow_store.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#define LIMIT_MS 200u

static int64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000ll + t.tv_nsec / 1000000;
}

/* The fixture's broker, with a store and a vchan besides. */
static void take_store(struct rig *r, struct slow_store *server, struct store **store)
{
    slow_store_init(server, r->loop);
    assert_int_equal(store_calm_open(&server->store, LIMIT_MS, store), 0);
    chan_close(r->client.chan);
    r->config.store = *store;
    r->config.ctl[1] = "vchan:/vgt/ctl";
    r->config.ctl_count = 2;
    r->client.chan = NULL;
}

static void test_answers_while_it_hangs(void **state)
{
    Vgt__StatusRequest request = VGT__STATUS_REQUEST__INIT;
    struct slow_store server;
    struct store *store;
    struct rig r;
    int64_t before;

    (void)state;
    rig_start(&r, 0);
    rig_services(&r);
    rig_attach(&r);
    take_store(&r, &server, &store);
    broker_free(r.broker);
    for (unsigned i = 0; i < BROKER_DEVS; i++)
        r.config.dev[i] = dup(0);
    assert_int_equal(broker_new(r.loop, &r.config, &r.broker), 0);
    rig_turns(&r, 20);
    client_connect(&r, r.loop);
    slow_store_hang(&server, true);
    /* Ten clients at once: each would hold the loop for as long as the server hangs. */
    for (unsigned token = 0; token < 10; token++)
        store_changed(&server.store, "1", "/vgt/ctl/requests/0000000a");
    before = now_ms();
    client_send(&r, VGT__TYPE__TYPE_STATUS, &request.base);
    rig_until(&r, r.client.type);
    assert_int_equal(r.client.type, VGT__TYPE__TYPE_STATUS_REPLY);
    assert_true(now_ms() - before < 5000);
    assert_true(slow_store_inside(&server) > 0); /* it hangs still */
    slow_store_hang(&server, false);
    rig_stop(&r);
    store_close(store);
    slow_store_wait_closed(&server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_answers_while_it_hangs)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
