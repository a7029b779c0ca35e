/* SPDX-License-Identifier: MIT */
/*
 * A control channel fed by a hostile peer over a socket. The first byte chooses raw bytes or frames
 * with a right header, which get the fuzzer behind the header check. Oracle: what was delivered
 * packs again to something that unpacks (but for one quirk); the channel is cut off at most once,
 * and ends when the peer hangs up; ASan and LeakSanitizer see the rest.
 */
#include "lib/chan.h"
#include "proto/vgt.pb-c.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok)
{
    if (!ok)
        abort();
}

static bool has_field_zero(const ProtobufCMessage *m);

static bool member_has_field_zero(const ProtobufCMessage *m, const ProtobufCFieldDescriptor *f)
{
    const char *at = (const char *)m + f->offset;
    ProtobufCMessage *const *one = (ProtobufCMessage *const *)(const void *)at;
    size_t n;

    if (f->type != PROTOBUF_C_TYPE_MESSAGE)
        return false;
    if (f->label != PROTOBUF_C_LABEL_REPEATED)
        return *one && has_field_zero(*one);
    n = *(const size_t *)(const void *)((const char *)m + f->quantifier_offset);
    one = *(ProtobufCMessage *const *const *)(const void *)at;
    for (size_t i = 0; i < n; i++)
        if (has_field_zero(one[i]))
            return true;
    return false;
}

/* protobuf-c takes the illegal field number 0 if its tag is longer than need be, only then. */
static bool has_field_zero(const ProtobufCMessage *m)
{
    for (unsigned i = 0; i < m->n_unknown_fields; i++)
        if (!m->unknown_fields[i].tag)
            return true;
    for (unsigned i = 0; i < m->descriptor->n_fields; i++)
        if (member_has_field_zero(m, &m->descriptor->fields[i]))
            return true;
    return false;
}

static void on_message(struct chan *chan, const struct chan_message *m, void *data)
{
    size_t size = protobuf_c_message_get_packed_size(m->body);
    uint8_t *bytes = malloc(size + 1);
    ProtobufCMessage *again;

    (void)chan;
    (void)data;
    check(bytes && protobuf_c_message_pack(m->body, bytes) == size);
    again = protobuf_c_message_unpack(m->body->descriptor, NULL, size, bytes);
    check(again || has_field_zero(m->body));
    if (again)
        protobuf_c_message_free_unpacked(again, NULL);
    free(bytes);
}

static void on_closed(struct chan *chan, int err, void *data)
{
    int *closed = data;

    (void)err;
    check((*closed)++ == 0);
    chan_close(chan);
}

static const struct chan_type types[] = {
    {VGT__TYPE__TYPE_HELLO, &vgt__hello__descriptor, on_message},
    {VGT__TYPE__TYPE_ATTACH, &vgt__attach_request__descriptor, on_message},
    {VGT__TYPE__TYPE_STATUS_REPLY, &vgt__status_reply__descriptor, on_message},
    {VGT__TYPE__TYPE_SCREENSHOT_REPLY, &vgt__screenshot_reply__descriptor, on_message},
    {VGT__TYPE__TYPE_GUEST_ADD, &vgt__guest_add__descriptor, on_message},
    {VGT__TYPE__TYPE_STATS_REPLY, &vgt__service_stats__descriptor, on_message},
};
static const struct log quiet = {.fd = -1, .level = -1};
static const struct chan_user user = {
    .types = types, .count = 6, .closed = on_closed, .log = &quiet};

/* [type][length][payload ...] again and again. */
static void send_framed(int fd, const uint8_t *data, size_t size)
{
    struct chan_header header = {.magic = CHAN_MAGIC};

    while (size >= 2) {
        header.type = types[data[0] % 6].type;
        header.length = data[1] < size - 2 ? data[1] : (uint32_t)(size - 2);
        header.id++;
        if (write(fd, &header, sizeof(header)) < 0 || write(fd, data + 2, header.length) < 0)
            return;
        data += 2 + header.length;
        size -= 2 + header.length;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct chan *chan;
    struct loop *loop;
    int fds[2], closed = 0;

    if (size < 1 || size > 16384)
        return 0;
    check(!loop_new(&loop));
    check(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds));
    check(!chan_adopt(loop, fds[0], &user, &closed, &chan));
    if (data[0] & 1)
        send_framed(fds[1], data + 1, size - 1);
    else
        check(write(fds[1], data + 1, size - 1) == (ssize_t)(size - 1));
    close(fds[1]);
    /* Each turn takes at least one of at most size/16 + 1 frames. */
    for (size_t i = 0; i < size + 4 && !closed; i++)
        check(!loop_turn(loop, 0));
    check(closed == 1);
    loop_free(loop);
    return 0;
}
