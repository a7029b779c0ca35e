/* SPDX-License-Identifier: MIT */
/*
 * The control channel over libxenvchan, both ends in dom0, through the rendezvous in xenstore.
 * Needs Xen, so it is a program of its own that the Xen test runs as root: exit status 0 means that
 * three clients were served at once, that small and large messages were echoed, a bad client was
 * cut off while the others went on, and the nodes were removed. One thread, one loop.
 */
#include "lib/chan.h"
#include "proto/vgt.pb-c.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BASE    "/local/domain/0/vgt-test"
#define CLIENTS 3
#define ROUNDS  50

struct client {
    struct chan *chan;
    unsigned got, closed;
    int err;
};

struct test {
    struct client clients[CLIENTS];
    unsigned accepted, server_closed, refused;
};

static void fail(const char *what, int err)
{
    fprintf(stderr, "chan_vchan_test: %s: %s\n", what, strerror(err < 0 ? -err : err));
    exit(1);
}

/* The server: echo. */
static void on_request(struct chan *chan, const struct chan_message *m, void *data)
{
    const Vgt__AttachRequest *request = (const Vgt__AttachRequest *)m->body;
    Vgt__Error reply = VGT__ERROR__INIT;
    int err;

    (void)data;
    reply.code = request->domid;
    reply.text = request->name;
    err = chan_send(chan, VGT__TYPE__TYPE_ERROR, m->id, &reply.base, NULL, 0);
    if (err)
        fail("server cannot send", err);
}

static void on_server_closed(struct chan *chan, int err, void *data)
{
    struct test *test = data;

    test->server_closed++;
    test->refused += err == -EPROTO;
    chan_close(chan);
}

static void on_accepted(struct chan *chan, void *data)
{
    if (chan_peer(chan).domid != 0)
        fail("wrong peer", EPERM);
    ((struct test *)data)->accepted++;
}

/* Round n sends n, and a name that grows past the size of the vchan's ring. */
static void send_round(struct client *client)
{
    Vgt__AttachRequest request = VGT__ATTACH_REQUEST__INIT;
    size_t size = client->got * 4000u;
    char *name = calloc(1, size + 1);
    int err;

    if (!name)
        fail("no memory", ENOMEM);
    memset(name, 'a' + (int)(client->got % 26), size);
    request.domid = client->got;
    request.name = name;
    err = chan_send(client->chan, VGT__TYPE__TYPE_ATTACH, client->got, &request.base, NULL, 0);
    if (err)
        fail("client cannot send", err);
    free(name);
}

static void on_reply(struct chan *chan, const struct chan_message *m, void *data)
{
    const Vgt__Error *reply = (const Vgt__Error *)m->body;
    struct client *client = data;
    size_t size = strlen(reply->text);

    (void)chan;
    if (m->id != client->got || reply->code != client->got || size != client->got * 4000u)
        fail("wrong echo", EBADMSG);
    for (size_t i = 0; i < size; i++)
        if (reply->text[i] != 'a' + (char)(client->got % 26))
            fail("damaged echo", EBADMSG);
    if (++client->got < ROUNDS)
        send_round(client);
}

static void on_client_closed(struct chan *chan, int err, void *data)
{
    struct client *client = data;

    client->closed++;
    client->err = err;
    client->chan = NULL;
    chan_close(chan);
}

static const struct chan_type server_types[] = {
    {VGT__TYPE__TYPE_ATTACH, &vgt__attach_request__descriptor, on_request},
};
static const struct chan_type client_types[] = {
    {VGT__TYPE__TYPE_ERROR, &vgt__error__descriptor, on_reply},
};
static const struct chan_user server_user = {
    .types = server_types, .count = 1, .closed = on_server_closed};
static const struct chan_user client_user = {
    .types = client_types, .count = 1, .closed = on_client_closed};

static int64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000ll + t.tv_nsec / 1000000;
}

static void until(struct loop *loop, const unsigned *value, unsigned want, const char *what)
{
    int64_t deadline = now_ms() + 60000;

    while (*value < want)
        if (now_ms() > deadline || loop_turn(loop, 1000))
            fail(what, ETIMEDOUT);
}

int main(void)
{
    struct chan_listener *listener;
    struct test test = {0};
    struct store *store;
    struct loop *loop;
    char **names;
    unsigned left;
    Vgt__ListRequest bad = VGT__LIST_REQUEST__INIT;
    int err;

    if ((err = loop_new(&loop)))
        fail("loop", err);
    if ((err = store_open(loop, "xen:", &store)))
        fail("xenstore", err);
    err = chan_listen(loop, store, "vchan:" BASE, &server_user, on_accepted, &test, &listener);
    if (err)
        fail("listen", err);
    for (unsigned i = 0; i < CLIENTS; i++) {
        struct client *client = &test.clients[i];

        err = chan_connect(loop, store, "vchan:" BASE, &client_user, client, &client->chan);
        if (err)
            fail("connect", err);
        send_round(client);
    }
    until(loop, &test.accepted, CLIENTS, "clients not accepted");
    /* The first one breaks the protocol: cut off, and told so by the closed vchan. */
    until(loop, &test.clients[0].got, 1, "no first echo");
    chan_send(test.clients[0].chan, VGT__TYPE__TYPE_LIST, 0, &bad.base, NULL, 0);
    until(loop, &test.clients[0].closed, 1, "bad client not cut off");
    for (unsigned i = 1; i < CLIENTS; i++)
        until(loop, &test.clients[i].got, ROUNDS, "echoes missing");
    for (unsigned i = 1; i < CLIENTS; i++)
        chan_close(test.clients[i].chan);
    until(loop, &test.server_closed, CLIENTS, "server missed a close");
    if (test.refused != 1)
        fail("refused the wrong number of clients", EPROTO);
    if (store_list(store, BASE "/clients", &names, &left) || left)
        fail("nodes left behind", EEXIST);
    free(names);
    chan_unlisten(listener);
    if (store_remove(store, BASE))
        fail("cannot clean up", EIO);
    store_close(store);
    loop_free(loop);
    puts("chan_vchan_test: ok");
    return 0;
}
