/* SPDX-License-Identifier: MIT */
/*
 * What a service does with regions, lanes and messages of another version, and with damaged ones:
 * it says so to systemd, to the broker and in its log, maps nothing, and stays.
 */
#include "lib/lane.h"
#include "lib/region.h"
#include "services/wire/names.h"
#include "tests/unit/wire_fixture.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#define TYPE 9

/* ---- the sentences */

static char *sentence(uint32_t domid, const char *name, int fd, uint32_t type, uint64_t min,
                      int expect)
{
    static struct wire_note note;
    struct wire_fds fds = {.count = 1, .note = &note};
    struct region region;

    note = (struct wire_note){.who = "vgt-test", .domid = domid};
    snprintf(fds.item[0].name, sizeof(fds.item[0].name), "%s", name);
    fds.item[0].fd = fd;
    assert_int_equal(wire_region(&fds, "map", type, 2, min, false, &region), expect);
    assert_null(region.data);
    return note.text;
}

static int make_region(uint32_t version)
{
    int fd;

    assert_int_equal(region_create("map", TYPE, version, 5000, &fd), 0);
    return fd;
}

static void test_region_sentences(void **state)
{
    int newer = make_region(3), older = make_region(1), same = make_region(2), damaged;
    uint64_t nonsense = 1;

    (void)state;
    assert_string_equal(sentence(7, "map", newer, TYPE, 0, -EPROTONOSUPPORT),
                        "region map has layout 3, newer than 2, which this vgt-test knows: install "
                        "the vgt that made it, or restart the guest");
    assert_string_equal(sentence(0, "map", older, TYPE, 0, -EPROTONOSUPPORT),
                        "region map has layout 1, older than 2, which this vgt-test knows: install "
                        "the vgt that made it, or stop vgt.target and start it again, which ends "
                        "the guests' vGPUs");
    assert_string_equal(sentence(7, "map", same, TYPE + 1, 0, -EBADMSG),
                        "region map is damaged: restart the guest");
    assert_string_equal(sentence(7, "map", same, TYPE, 5001, -EBADMSG),
                        "region map is damaged: restart the guest");
    damaged = make_region(2);
    assert_int_equal(pwrite(damaged, &nonsense, 8, offsetof(struct region_header, size)), 8);
    assert_string_equal(sentence(7, "map", damaged, TYPE, 0, -EBADMSG),
                        "region map is damaged: restart the guest");
    assert_string_equal(sentence(7, "other", same, TYPE, 0, -ENOENT),
                        "vgt-broker has no region map for this vgt-test: install both from one "
                        "version of vgt and restart both");
    close(newer);
    close(older);
    close(same);
    close(damaged);
}

static void test_lane_sentences(void **state)
{
    struct wire_note note = {.who = "vgt-test", .domid = 7};
    struct wire_fds fds = {.count = 3, .note = &note};
    static const char *const names[] = {"up", "up.wake", "up.room"};
    uint32_t version = LANE_VERSION + 1;
    struct lane_tx tx;
    struct lane_rx rx;

    (void)state;
    for (int i = 0; i < 3; i++) {
        snprintf(fds.item[i].name, sizeof(fds.item[i].name), "%s", names[i]);
        fds.item[i].fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    }
    close(fds.item[0].fd);
    assert_int_equal(lane_create("up", LANE_STREAM, 16, 4, &fds.item[0].fd), 0);
    assert_int_equal(wire_producer(&fds, "up", 3, &tx), -EPROTONOSUPPORT);
    assert_null(tx.mem.shared);
    assert_string_equal(note.text, "lane up has layout 4, newer than 3, which this vgt-test knows: "
                                   "install the vgt that made it, or restart the guest");
    wire_note_drop(&fds);
    assert_int_equal(wire_consumer(&fds, "up", 5, &rx), -EPROTONOSUPPORT);
    assert_non_null(strstr(note.text, "lane up has layout 4, older than 5"));
    note.text[0] = 0;
    assert_int_equal(pwrite(fds.item[0].fd, &version, 4, offsetof(struct lane_config, version)), 4);
    assert_int_equal(wire_consumer(&fds, "up", 4, &rx), -EPROTONOSUPPORT);
    assert_non_null(strstr(note.text, "the frame of lane up has layout 3, newer than 2"));
    wire_fds_close(&fds);
}

/* ---- systemd's end */

static int systemd = -1;
static struct sockaddr_un address;

static int make_systemd(void **state)
{
    address = (struct sockaddr_un){.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof(address.sun_path), "/tmp/vgt-wire-sd-%d", (int)getpid());
    unlink(address.sun_path);
    systemd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    assert_int_equal(bind(systemd, (struct sockaddr *)&address, sizeof(address)), 0);
    setenv("NOTIFY_SOCKET", address.sun_path, 1);
    return make_world(state);
}

static int end_systemd(void **state)
{
    int rc = end_world(state);

    unsetenv("NOTIFY_SOCKET");
    unlink(address.sun_path);
    close(systemd);
    return rc;
}

/* True: among what was said since is this line. */
static bool told_systemd(const char *line)
{
    char text[1024];
    bool found = false;
    ssize_t n;

    while ((n = recv(systemd, text, sizeof(text) - 1, 0)) >= 0) {
        text[n] = 0;
        found |= !strncmp(text, line, strlen(line));
    }
    return found;
}

/* ---- the service */

static int map(const struct wire_fds *fds)
{
    struct region region;
    int rc = wire_region(fds, "map", TYPE, 2, 0, false, &region);

    if (!rc)
        region_unmap(&region);
    return rc;
}

static void give(uint32_t version)
{
    if (w->give)
        close(w->give);
    w->give = make_region(version);
    w->give_name = "map";
    w->map = map;
}

/* Own descriptors that it does not understand: it stays, answers everybody with the reason, and
 * begins anew when it is offered others. */
static void test_service(void **state)
{
    uint32_t id;

    (void)state;
    start(false);
    give(3);
    send_wire(0, 0);
    until(&w->refusals, 1);
    assert_non_null(strstr(w->last_text, "region map has layout 3, newer than 2"));
    assert_true(told_systemd("STATUS=refused: region map has layout 3, newer than 2"));
    settle();
    assert_int_equal(w->closed, 0);
    w->last_text[0] = 0;
    id = send_add(7, 1);
    until(&w->errors, 1);
    assert_int_equal(w->last_id, id);
    assert_int_equal(w->last_code, EPROTONOSUPPORT);
    assert_non_null(strstr(w->last_text, "region map has layout 3"));
    id = send_remove(7, true);
    until(&w->errors, 2);
    assert_int_equal(w->last_id, id);
    id = request(VGT__TYPE__TYPE_STATS, &(Vgt__StatsRequest)VGT__STATS_REQUEST__INIT.base);
    until(&w->stats_replies, 1);
    assert_int_equal(w->last_id, id);
    assert_int_equal(w->adds + w->removes + w->stats, 0);
    give(2);
    send_wire(0, 0);
    assert_int_equal(loop_run(w->loop), -ERESTART);
    assert_int_equal(w->devices, 1);
    close(w->give);
}

/* One guest's region: that guest is refused, with the sentence; the next one is served. */
static void test_guest(void **state)
{
    (void)state;
    start(false);
    give(1);
    send_wire(7, 1);
    send_add(7, 1);
    until(&w->errors, 1);
    assert_int_equal(w->last_code, EPROTONOSUPPORT);
    assert_non_null(strstr(w->last_text, "region map has layout 1, older than 2"));
    assert_true(told_systemd("STATUS=refused: domain 7: region map has layout 1"));
    assert_int_equal(w->refusals, 0);
    give(2);
    send_wire(8, 2);
    send_add(8, 2);
    until(&w->ready, 1);
    assert_false(told_systemd("STATUS="));
    send_wire(7, 1); /* converted meanwhile */
    send_add(7, 1);
    until(&w->ready, 2);
    assert_true(told_systemd("STATUS="));
    close(w->give);
}

/* What is short now is not refused: the process ends a little later, to be started again. */
static int no_memory(const struct wire_fds *fds)
{
    (void)fds;
    return -ENOMEM;
}

static void test_short(void **state)
{
    (void)state;
    start(false);
    w->map = no_memory;
    send_wire(0, 0);
    until(&w->devices, 1);
    send_add(7, 1);
    until(&w->errors, 1);
    assert_int_equal(w->last_code, EAGAIN);
    assert_string_equal(w->last_text, "Cannot allocate memory");
    assert_true(told_systemd("STATUS=cannot start: Cannot allocate memory"));
    assert_int_equal(loop_run(w->loop), -ENOMEM);
    assert_int_equal(w->refusals, 0);
}

/* ---- removals of what was not taken */

static struct {
    int count;
    uint32_t domid, id;
    bool final;
} stale;

/* Its answer is an error: it holds something still. */
static void guest_stale(void *ctx, uint32_t domid, bool final, uint32_t id)
{
    (void)ctx;
    stale.count++;
    stale.domid = domid;
    stale.final = final;
    stale.id = id;
    wire_error(w->client, id, EBUSY, "pins");
}

static void with_stale(struct wire_ops *ops)
{
    *ops = *w->config.ops;
    ops->guest_stale = guest_stale;
    w->config.ops = ops;
    memset(&stale, 0, sizeof(stale));
    start(true);
    send_wire(0, 0);
    until(&w->devices, 1);
}

/* The service is asked itself, also if the removal had to wait for descriptors. */
static void test_stale(void **state)
{
    struct wire_ops ops;
    uint32_t id;

    (void)state;
    with_stale(&ops);
    w->refuse = true;
    send_add(7, 1);
    id = send_remove_unseen(7, true, 2);
    settle();
    assert_int_equal(stale.count, 0);
    send_wire(7, 1);
    until(&w->errors, 2);
    assert_int_equal(w->last_id, id);
    assert_int_equal(w->last_code, EBUSY);
    assert_string_equal(w->last_text, "pins");
    assert_int_equal(stale.count, 1);
    assert_int_equal(stale.domid, 7);
    assert_int_equal(stale.id, id);
    assert_true(stale.final);
    assert_int_equal(w->unseen, 2);
    id = send_remove(7, false);
    until(&w->errors, 3);
    assert_int_equal(w->last_id, id);
    assert_int_equal(stale.count, 2);
    assert_false(stale.final);
    assert_int_equal(w->adds, 1);
    assert_int_equal(w->removes + w->removed, 0);
}

/* No descriptors will come that it could wait for: the kernel dropped them. */
static void test_stale_without_descriptors(void **state)
{
    static char name[] = "one", *names[] = {name};
    Vgt__Wire wire = VGT__WIRE__INIT;
    struct wire_ops ops;
    uint32_t id;

    (void)state;
    with_stale(&ops);
    send_add(7, 1);
    id = send_remove(7, true);
    settle();
    wire.domid = 7;
    wire.generation = 1;
    wire.n_fd_names = 1;
    wire.fd_names = names;
    assert_int_equal(chan_send(w->chan[SOCKET], VGT__TYPE__TYPE_WIRE, chan_next_id(w->chan[SOCKET]),
                               &wire.base, NULL, 0),
                     0);
    until(&w->errors, 2);
    assert_int_equal(stale.count, 1);
    assert_int_equal(stale.id, id);
    assert_int_equal(w->adds, 0);
    /* Nothing of it is left: the same guest may come once more. */
    send_wire(7, 1);
    send_add(7, 1);
    until(&w->ready, 1);
    assert_int_equal(stale.count, 1);
}

/* ---- messages of another version */

static void test_broker_is_newer(void **state)
{
    (void)state;
    w->version = 2;
    start(false);
    until(&w->refusals, 1);
    assert_string_equal(w->last_text,
                        "vgt-test speaks version 1 of the messages, vgt-broker version "
                        "2: install both from one version of vgt and restart both");
    assert_true(told_systemd("STATUS=refused: vgt-test speaks version 1"));
    w->give = 0;
    send_wire(0, 0);
    assert_int_equal(loop_run(w->loop), -ERESTART);
    assert_int_equal(w->devices, 0);
}

/* The broker does not want our version: no more than a look every few seconds, and a new process as
 * soon as one does. */
static void test_broker_refuses(void **state)
{
    (void)state;
    w->no_hello = "vgt-broker is another one";
    start(false);
    settle();
    assert_true(told_systemd("STATUS=refused: vgt-broker is another one"));
    broker_down();
    broker_up();
    for (int i = 0; i < 10; i++)
        settle();
    assert_int_equal(w->hellos, 1);
    w->no_hello = NULL;
    assert_int_equal(loop_run(w->loop), -ERESTART);
    assert_int_equal(w->hellos, 2);
}

#define T(name) cmocka_unit_test_setup_teardown(name, make_systemd, end_systemd)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_region_sentences),
        cmocka_unit_test(test_lane_sentences),
        T(test_service),
        T(test_guest),
        T(test_short),
        T(test_stale),
        T(test_stale_without_descriptors),
        T(test_broker_is_newer),
        T(test_broker_refuses),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
