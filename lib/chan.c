/* SPDX-License-Identifier: MIT */
/*
 * Framing, queueing and unpacking of control messages. Owns its transport and the queue. Nothing
 * a peer sends makes it allocate more than one frame and CHAN_MAX_UNPACK.
 */
#include "lib/chan_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#define FRAMES_PER_TURN 16

struct out_frame {
    struct out_frame *next;
    size_t size, sent;
    unsigned nfds;
    int fds[CHAN_MAX_FDS];
    uint8_t bytes[];
};

struct chan {
    struct chan_transport *transport;
    const struct chan_user *user;
    void *data;
    struct loop *loop;
    struct loop_source *source, *defer;
    struct out_frame *first, **last;
    size_t queued;
    struct chan_header header; /* of the frame being received */
    size_t header_got, body_got;
    uint8_t *body;
    int fds[CHAN_MAX_FDS];
    unsigned nfds;
    uint32_t next_id;
    int err;
    bool busy, dead, failed, told, was_full;
};

static void close_fds(int *fds, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        if (fds[i] >= 0)
            close(fds[i]);
}

static void drop_frame(struct chan *chan)
{
    struct out_frame *frame = chan->first;

    chan->first = frame->next;
    if (!chan->first)
        chan->last = &chan->first;
    chan->queued -= frame->size;
    close_fds(frame->fds, frame->nfds);
    free(frame);
}

static void reset_input(struct chan *chan)
{
    close_fds(chan->fds, chan->nfds);
    free(chan->body);
    chan->body = NULL;
    chan->nfds = 0;
    chan->header_got = chan->body_got = 0;
}

static void destroy(struct chan *chan)
{
    loop_remove(chan->source);
    loop_remove(chan->defer);
    while (chan->first)
        drop_frame(chan);
    reset_input(chan);
    chan->transport->ops->close(chan->transport);
    free(chan);
}

void chan_close(struct chan *chan)
{
    if (!chan)
        return;
    chan->dead = true;
    if (!chan->busy)
        destroy(chan);
}

static void log_cut(const struct chan *chan, const char *why)
{
    const struct chan_peer *p = &chan->transport->peer;
    struct log_limit all = {0}, *limit = chan->user->limit;

    if (!limit)
        log_limit_init(limit = &all, 1, 1);
    log_limited(chan->user->log, limit, LOG_WARNING, "control channel cut off",
                "reason=\"%s\" domid=%u uid=%d pid=%d", why, p->domid, (int)p->uid, p->pid);
}

void chan_fail(struct chan *chan, int err, const char *why)
{
    if (chan->failed)
        return;
    chan->failed = true;
    chan->err = err;
    if (err)
        log_cut(chan, why);
    loop_remove(chan->source);
    chan->source = NULL;
    loop_trigger(chan->defer);
}

/* Sockets say when they are writable; a vchan's event fd covers both directions. */
static void update_events(struct chan *chan, bool blocked)
{
    if (chan->source && chan->transport->sockets)
        loop_fd_events(chan->source, EPOLLIN | (blocked ? EPOLLOUT : 0u));
}

static void pump_out(struct chan *chan)
{
    struct out_frame *frame;
    bool fresh;
    ssize_t n;

    while (!chan->failed && (frame = chan->first)) {
        fresh = frame->sent == 0;
        n = chan->transport->ops->send(chan->transport, frame->bytes + frame->sent,
                                       frame->size - frame->sent, frame->fds,
                                       fresh ? frame->nfds : 0);
        if (n == -EAGAIN) {
            update_events(chan, true);
            return;
        }
        if (n < 0) {
            /* A peer that left is told apart from a broken one by what is still to be read. */
            chan_fail(chan, n == -EPIPE || n == -ECONNRESET ? 0 : (int)n, "cannot send");
            return;
        }
        frame->sent += (size_t)n;
        if (frame->sent == frame->size)
            drop_frame(chan);
    }
    update_events(chan, false);
    if (chan->was_full && !chan->failed) {
        chan->was_full = false;
        if (chan->user->drained)
            chan->user->drained(chan, chan->data);
    }
}

/* Allocator for unpacking: a list of pieces, freed together, with a limit on their sum. */
struct arena {
    struct piece *pieces;
    size_t left;
};
struct piece {
    struct piece *next;
    _Alignas(16) uint8_t bytes[];
};

static void *arena_alloc(void *data, size_t size)
{
    struct arena *arena = data;
    struct piece *piece;

    if (size > arena->left || arena->left - size < sizeof(*piece))
        return NULL;
    piece = malloc(sizeof(*piece) + size);
    if (!piece)
        return NULL;
    arena->left -= size + sizeof(*piece);
    piece->next = arena->pieces;
    arena->pieces = piece;
    return piece->bytes;
}

static void arena_free(void *data, void *pointer)
{
    (void)data;
    (void)pointer;
}

static void arena_release(struct arena *arena)
{
    struct piece *piece;

    while ((piece = arena->pieces)) {
        arena->pieces = piece->next;
        free(piece);
    }
}

static const struct chan_type *find_type(const struct chan *chan, uint32_t type)
{
    for (unsigned i = 0; i < chan->user->count; i++)
        if (chan->user->types[i].type == type)
            return &chan->user->types[i];
    return NULL;
}

static void deliver(struct chan *chan)
{
    struct arena arena = {.left = CHAN_MAX_UNPACK};
    ProtobufCAllocator allocator = {arena_alloc, arena_free, &arena};
    const struct chan_type *type = find_type(chan, chan->header.type);
    struct chan_message message = {
        .id = chan->header.id, .type = chan->header.type, .fds = chan->fds, .nfds = chan->nfds};

    message.body = protobuf_c_message_unpack(type->descriptor, &allocator, chan->header.length,
                                             chan->body ? chan->body : (const uint8_t *)"");
    if (message.body)
        type->handle(chan, &message, chan->data);
    else
        chan_fail(chan, -EBADMSG, "payload does not unpack");
    arena_release(&arena);
    reset_input(chan);
}

static const char *bad_header(const struct chan *chan)
{
    if (chan->header.magic != CHAN_MAGIC)
        return (chan->header.magic ^ CHAN_MAGIC) < 0x100 ? "other protocol version" : "bad magic";
    if (chan->header.length > CHAN_MAX_PAYLOAD)
        return "frame too long";
    if (!find_type(chan, chan->header.type))
        return "unexpected message type";
    return NULL;
}

/* Never reads past the frame, so descriptors that arrive are this frame's. >0: got some. */
static ssize_t read_some(struct chan *chan)
{
    bool head = chan->header_got < sizeof(chan->header);
    uint8_t *to = head ? (uint8_t *)&chan->header + chan->header_got : chan->body + chan->body_got;
    size_t want =
        head ? sizeof(chan->header) - chan->header_got : chan->header.length - chan->body_got;
    unsigned nfds = chan->user->no_fds ? 0 : CHAN_MAX_FDS - chan->nfds;
    ssize_t n;

    n = chan->transport->ops->recv(chan->transport, to, want, chan->fds + chan->nfds, &nfds);
    if (n <= 0)
        return n ? n : -EPIPE;
    chan->nfds += nfds;
    if (head)
        chan->header_got += (size_t)n;
    else
        chan->body_got += (size_t)n;
    return n;
}

/* Header just completed: check it and get memory for the payload. */
static void begin_body(struct chan *chan)
{
    const char *why = bad_header(chan);

    if (why) {
        chan_fail(chan, -EPROTO, why);
        return;
    }
    if (!chan->header.length)
        return;
    chan->body = malloc(chan->header.length);
    if (!chan->body)
        chan_fail(chan, -ENOMEM, "no memory for a frame");
}

static void input_over(struct chan *chan, int err)
{
    if (err != -EPIPE && err != -ECONNRESET)
        chan_fail(chan, err, err == -EPROTO ? "too many descriptors" : "cannot receive");
    else if (chan->header_got)
        chan_fail(chan, -EPROTO, "left in the middle of a frame");
    else
        chan_fail(chan, 0, "");
}

static void pump_in(struct chan *chan)
{
    unsigned frames = 0;
    ssize_t n;

    while (!chan->failed && !chan->dead) {
        if (frames == FRAMES_PER_TURN) {
            loop_trigger(chan->defer); /* let others have their turn */
            return;
        }
        n = read_some(chan);
        if (n == -EAGAIN)
            return;
        if (n < 0) {
            input_over(chan, (int)n);
            return;
        }
        if (chan->header_got < sizeof(chan->header))
            continue;
        if (!chan->body && !chan->body_got)
            begin_body(chan);
        if (chan->failed || chan->body_got < chan->header.length)
            continue;
        deliver(chan);
        frames++;
    }
}

static void pump(struct chan *chan)
{
    chan->busy = true;
    if (chan->transport->fd >= 0 && !chan->failed) {
        pump_in(chan);
        if (!chan->dead)
            pump_out(chan);
    }
    if (chan->failed && !chan->told && !chan->dead) {
        chan->told = true;
        chan->user->closed(chan, chan->err, chan->data);
    }
    chan->busy = false;
    if (chan->dead)
        destroy(chan);
}

static void on_event(void *data, uint32_t events)
{
    struct chan *chan = data;

    (void)events;
    if (chan->transport->ops->acknowledge)
        chan->transport->ops->acknowledge(chan->transport);
    pump(chan);
}

static void on_defer(void *data, uint32_t events)
{
    (void)events;
    pump(data);
}

int chan_new(struct loop *loop, struct chan_transport *t, const struct chan_user *user, void *data,
             struct chan **chan)
{
    struct chan *c = calloc(1, sizeof(*c));
    int err = c ? loop_defer(loop, on_defer, c, &c->defer) : -ENOMEM;

    if (err) {
        t->ops->close(t);
        free(c);
        return err;
    }
    c->transport = t;
    c->user = user;
    c->data = data;
    c->loop = loop;
    c->last = &c->first;
    /* A late answer to a request of an earlier channel must not fit one of this. */
    if (getrandom(&c->next_id, sizeof(c->next_id), 0) != sizeof(c->next_id))
        c->next_id = 1;
    t->chan = c;
    if (t->fd >= 0)
        chan_connected(c);
    *chan = c;
    return 0;
}

void chan_connected(struct chan *chan)
{
    int err = loop_fd(chan->loop, chan->transport->fd, EPOLLIN, on_event, chan, &chan->source);

    if (err)
        chan_fail(chan, err, "cannot poll");
    /* What was queued meanwhile goes out; what a vchan already holds comes in. */
    loop_trigger(chan->defer);
}

int chan_adopt(struct loop *loop, int fd, const struct chan_user *user, void *data,
               struct chan **chan)
{
    struct chan_transport *t;
    int err = chan_socket_adopt(fd, &t);

    return err ? err : chan_new(loop, t, user, data, chan);
}

int chan_connect(struct loop *loop, struct store *store, const char *uri,
                 const struct chan_user *user, void *data, struct chan **chan)
{
    struct chan_transport *t;
    int err = -EINVAL;

    if (!strncmp(uri, "unix:", 5))
        err = chan_socket_connect(uri + 5, &t);
    else if (!strncmp(uri, "vchan:", 6) && store)
        err = chan_vchan_connect(loop, store, uri + 6, &t);
    return err ? err : chan_new(loop, t, user, data, chan);
}

int chan_listen(struct loop *loop, struct store *store, const char *uri,
                const struct chan_user *user, chan_accepted *accepted, void *data,
                struct chan_listener **listener)
{
    struct chan_listener template = {
        .loop = loop, .store = store, .user = user, .accepted = accepted, .data = data};

    if (!strncmp(uri, "unix:", 5))
        return chan_socket_listen(uri + 5, &template, listener);
    if (!strncmp(uri, "vchan:", 6) && store)
        return chan_vchan_listen(uri + 6, &template, listener);
    return -EINVAL;
}

int chan_listen_allow(struct chan_listener *listener, uint32_t domid)
{
    return listener->ops->allow(listener, domid);
}

void chan_unlisten(struct chan_listener *listener)
{
    if (listener)
        listener->ops->close(listener);
}

void chan_accept(struct chan_listener *listener, struct chan_transport *t)
{
    struct chan *chan;

    if (chan_new(listener->loop, t, listener->user, listener->data, &chan))
        log_write(listener->user->log, LOG_WARNING, "control client refused: no memory", NULL);
    else
        listener->accepted(chan, listener->data);
}

static int copy_fds(struct out_frame *frame, const int *fds, unsigned nfds)
{
    for (frame->nfds = 0; frame->nfds < nfds; frame->nfds++) {
        int fd = fcntl(fds[frame->nfds], F_DUPFD_CLOEXEC, 3);

        if (fd < 0)
            return -errno;
        frame->fds[frame->nfds] = fd;
    }
    return 0;
}

static int make_frame(uint32_t type, uint32_t id, const ProtobufCMessage *body, size_t length,
                      const int *fds, unsigned nfds, struct out_frame **out)
{
    struct chan_header header = {
        .magic = CHAN_MAGIC, .length = (uint32_t)length, .id = id, .type = type};
    struct out_frame *frame = calloc(1, sizeof(*frame) + sizeof(header) + length);
    int err = frame ? copy_fds(frame, fds, nfds) : -ENOMEM;

    if (err) {
        if (frame)
            close_fds(frame->fds, frame->nfds);
        free(frame);
        return err;
    }
    frame->size = sizeof(header) + length;
    memcpy(frame->bytes, &header, sizeof(header));
    protobuf_c_message_pack(body, frame->bytes + sizeof(header));
    *out = frame;
    return 0;
}

int chan_send(struct chan *chan, uint32_t type, uint32_t id, const ProtobufCMessage *body,
              const int *fds, unsigned nfds)
{
    size_t length = protobuf_c_message_get_packed_size(body);
    struct out_frame *frame;
    int err;

    if (chan->failed || chan->dead)
        return -EPIPE;
    if (length > CHAN_MAX_PAYLOAD || nfds > CHAN_MAX_FDS)
        return -EMSGSIZE;
    if (nfds && !chan->transport->sockets)
        return -EOPNOTSUPP;
    if (chan->queued + sizeof(struct chan_header) + length > CHAN_MAX_QUEUE) {
        chan->was_full = true;
        return CHAN_FULL;
    }
    err = make_frame(type, id, body, length, fds, nfds, &frame);
    if (err)
        return err;
    *chan->last = frame;
    chan->last = &frame->next;
    chan->queued += frame->size;
    loop_trigger(chan->defer); /* once per turn, before the loop sleeps */
    return 0;
}

uint32_t chan_next_id(struct chan *chan)
{
    if (!chan->next_id) /* 0 means none */
        chan->next_id++;
    return chan->next_id++;
}

void chan_set_data(struct chan *chan, void *data)
{
    chan->data = data;
}

struct chan_peer chan_peer(const struct chan *chan)
{
    return chan->transport->peer;
}
