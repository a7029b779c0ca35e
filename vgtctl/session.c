/* SPDX-License-Identifier: MIT */
/*
 * session.c: one conversation with the broker: connect, Hello, the request, its answer or an error,
 * a time-out. Called after the command line was understood; one thread, that of its own loop.
 */
#include "vgtctl/ctl.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>

#define SECOND_NS 1000000000ull

static uint64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * SECOND_NS + (uint64_t)t.tv_nsec;
}

void ctl_done(struct ctl *ctl)
{
    if (ctl->done)
        return;
    ctl->done = true;
    ctl->code = CTL_OK;
    loop_stop(ctl->loop, 0);
}

void ctl_fail(struct ctl *ctl, const char *format, ...)
{
    char raw[1024], sentence[1024];
    va_list args;

    if (ctl->done)
        return;
    va_start(args, format);
    vsnprintf(raw, sizeof(raw), format, args);
    va_end(args);
    log_clean(sentence, sizeof(sentence), raw);
    ctl->done = true;
    ctl->code = ctl_complain(ctl->out, ctl->err, ctl->options->json, CTL_FAILED, sentence);
    if (ctl->loop)
        loop_stop(ctl->loop, 0);
}

void ctl_progress(struct ctl *ctl)
{
    ctl->started_ns = now_ns();
    loop_timer_arm(ctl->timer, ctl->timeout * SECOND_NS, 0);
}

int ctl_request(struct ctl *ctl, uint32_t type, const ProtobufCMessage *body, uint32_t reply)
{
    ctl->id = chan_next_id(ctl->chan);
    ctl->waiting = reply;
    ctl_progress(ctl);
    return chan_send(ctl->chan, type, ctl->id, body, NULL, 0);
}

static void no_answer(struct ctl *ctl, uint64_t seconds)
{
    ctl_fail(ctl, "no answer from the broker at %s within %u s: is vgt.target running?",
             ctl->options->uri, (unsigned)seconds);
}

static void on_timeout(void *data, uint32_t events)
{
    struct ctl *ctl = data;

    (void)events;
    no_answer(ctl, ctl->timeout);
}

static void on_closed(struct chan *chan, int err, void *data)
{
    struct ctl *ctl = data;
    const char *uri = ctl->options->uri;

    ctl->chan = NULL;
    chan_close(chan);
    if (!err)
        ctl_fail(ctl,
                 "the broker at %s hung up without an answer: its log (journalctl -u "
                 "vgt-broker) may say why",
                 uri);
    else if (err == -EPROTO || err == -EBADMSG)
        ctl_fail(ctl,
                 "what answers at %s does not speak vgtctl's protocol: are both of one "
                 "version?",
                 uri);
    else if (err == -ETIMEDOUT) /* a vchan's own patience */
        no_answer(ctl, (now_ns() - ctl->started_ns + SECOND_NS / 2) / SECOND_NS);
    else
        ctl_fail(ctl, "the connection to the broker at %s broke: %s", uri, strerror(-err));
}

/* An error that belongs to no request (the broker refused our Hello) ends the run as well. */
static void on_error(struct chan *chan, const struct chan_message *m, void *data)
{
    const Vgt__Error *error = (const Vgt__Error *)m->body;
    struct ctl *ctl = data;

    (void)chan;
    if (*error->text)
        ctl_fail(ctl, "%s", error->text);
    else
        ctl_fail(ctl, "the broker refused: %s", strerror((int)(error->code & 0xfff)));
}

static void on_hello(struct chan *chan, const struct chan_message *m, void *data)
{
    const Vgt__Hello *hello = (const Vgt__Hello *)m->body;

    (void)chan;
    if (hello->version != 1)
        ctl_fail(data,
                 "the broker speaks version %u of the protocol, vgtctl version 1: update the "
                 "older one",
                 hello->version);
}

static bool is_name(const struct ctl *ctl, const char *name)
{
    return !strcmp(name, ctl->options->guest);
}

/* The list that was asked for to find a guest by its name. */
static void resolve(struct ctl *ctl, const Vgt__ListReply *list)
{
    const Vgt__Guest *found = NULL;
    int err;

    for (size_t i = 0; i < list->n_guests; i++) {
        if (!is_name(ctl, list->guests[i]->name))
            continue;
        if (found) {
            ctl_fail(ctl, "domains %u and %u are both named '%s': give the domain id", found->domid,
                     list->guests[i]->domid, ctl->options->guest);
            return;
        }
        found = list->guests[i];
    }
    if (!found) {
        ctl_fail(ctl, "no guest with a virtual GPU is named '%s': vgtctl list shows them",
                 ctl->options->guest);
        return;
    }
    ctl->domid = found->domid;
    err = ctl->options->command->send(ctl);
    if (err)
        ctl_fail(ctl, "cannot ask the broker: %s", strerror(-err));
}

static void on_reply(struct chan *chan, const struct chan_message *m, void *data)
{
    struct ctl *ctl = data;

    (void)chan;
    if (ctl->done || m->id != ctl->id)
        return;
    if (m->type != ctl->waiting)
        ctl_fail(ctl, "the broker answered something else than what was asked");
    else if (m->type != ctl->options->command->reply)
        resolve(ctl, (const Vgt__ListReply *)m->body);
    else
        ctl->options->command->answer(ctl, m->body);
}

static const struct chan_type types[] = {
    {VGT__TYPE__TYPE_ERROR, &vgt__error__descriptor, on_error},
    {VGT__TYPE__TYPE_HELLO, &vgt__hello__descriptor, on_hello},
    {VGT__TYPE__TYPE_HELLO_REPLY, &vgt__hello__descriptor, on_hello},
    {VGT__TYPE__TYPE_STATUS_REPLY, &vgt__status_reply__descriptor, on_reply},
    {VGT__TYPE__TYPE_LIST_REPLY, &vgt__list_reply__descriptor, on_reply},
    {VGT__TYPE__TYPE_TYPES_REPLY, &vgt__types_reply__descriptor, on_reply},
    {VGT__TYPE__TYPE_SHOW_REPLY, &vgt__show_reply__descriptor, on_reply},
    {VGT__TYPE__TYPE_SWITCH_REPLY, &vgt__switch_reply__descriptor, on_reply},
    {VGT__TYPE__TYPE_SCREENSHOT_REPLY, &vgt__screenshot_reply__descriptor, on_reply},
};
/* Why a channel broke is said once, by on_closed(). */
static const struct log quiet = {.fd = -1, .level = -1};
static const struct chan_user user = {
    .types = types, .count = sizeof(types) / sizeof(types[0]), .closed = on_closed, .log = &quiet};

/* -1: a name, to be looked up; else a domain id. */
static int64_t number_of(const char *guest)
{
    int64_t n = 0;

    if (!strcmp(guest, "dom0") || !strcmp(guest, "Domain-0"))
        return 0;
    for (; *guest; guest++) {
        if (*guest < '0' || *guest > '9' || n > UINT16_MAX)
            return -1;
        n = n * 10 + (*guest - '0');
    }
    return n;
}

static int ask(struct ctl *ctl)
{
    Vgt__Hello hello = VGT__HELLO__INIT;
    Vgt__ListRequest list = VGT__LIST_REQUEST__INIT;
    int64_t domid = ctl->options->guest ? number_of(ctl->options->guest) : 0;
    int err;

    hello.version = 1;
    hello.role = (char *)"vgtctl";
    err =
        chan_send(ctl->chan, VGT__TYPE__TYPE_HELLO, chan_next_id(ctl->chan), &hello.base, NULL, 0);
    if (err)
        return err;
    if (domid < 0)
        return ctl_request(ctl, VGT__TYPE__TYPE_LIST, &list.base, VGT__TYPE__TYPE_LIST_REPLY);
    ctl->domid = (uint32_t)domid;
    return ctl->options->command->send(ctl);
}

static void cannot_connect(struct ctl *ctl, int err)
{
    const char *uri = ctl->options->uri;

    if (err == -ENOENT || err == -ECONNREFUSED)
        ctl_fail(ctl, "there is no broker at %s: is vgt.target running?", uri);
    else if (err == -EACCES || err == -EPERM)
        ctl_fail(ctl, "the broker at %s may not be asked by this user: try as root", uri);
    else
        ctl_fail(ctl, "cannot reach the broker at %s: %s", uri, strerror(-err));
}

static int open_store(struct ctl *ctl)
{
    int err;

    if (strncmp(ctl->options->uri, "vchan:", 6))
        return 0;
    err = store_open(ctl->loop, "xen:", &ctl->store);
    if (err)
        ctl_fail(ctl, "cannot open xenstore: %s: vgtctl over vchan runs as root in a Xen domain",
                 strerror(-err));
    return err;
}

static void talk(struct ctl *ctl)
{
    int err = loop_timer(ctl->loop, on_timeout, ctl, &ctl->timer);

    if (err) {
        ctl_fail(ctl, "cannot make a timer: %s", strerror(-err));
        return;
    }
    if (open_store(ctl))
        return;
    err = chan_connect(ctl->loop, ctl->store, ctl->options->uri, &user, ctl, &ctl->chan);
    if (err) {
        cannot_connect(ctl, err);
        return;
    }
    err = ask(ctl);
    if (!err)
        err = loop_run(ctl->loop);
    if (err)
        ctl_fail(ctl, "cannot ask the broker: %s", strerror(-err));
}

int ctl_run(const struct ctl_options *options, FILE *out, FILE *err)
{
    struct ctl ctl = {.options = options, .out = out, .err = err, .code = CTL_FAILED};
    int ret = loop_new(&ctl.loop);

    ctl.timeout = options->timeout ? options->timeout : options->command->timeout;
    ctl.started_ns = now_ns();
    if (ret)
        ctl_fail(&ctl, "cannot make an event loop: %s", strerror(-ret));
    else
        talk(&ctl);
    chan_close(ctl.chan);
    store_close(ctl.store);
    loop_free(ctl.loop);
    shot_free(&ctl.shot);
    return ctl.code;
}
