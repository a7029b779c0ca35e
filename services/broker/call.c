/* SPDX-License-Identifier: MIT */
/*
 * call.c: requests of the broker to services that wait for their reply. A call ends by its reply,
 * by the loss of its service, by its time limit or by its owner's wish; done() is called for the
 * first three. done() may start and cancel calls, so calls are only marked while the list is
 * walked.
 */
#include "services/broker/priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void sweep(struct broker *b)
{
    struct call **link = &b->calls, *c;

    while ((c = *link)) {
        if (!c->over) {
            link = &c->next;
            continue;
        }
        *link = c->next;
        free(c);
    }
}

int call_start(struct broker *b, struct service *s, uint32_t type, uint32_t reply,
               const ProtobufCMessage *body, uint64_t limit_ns, call_done *done, void *owner)
{
    struct call *c;
    int rc;

    if (!s->up)
        return -ECONNRESET;
    c = calloc(1, sizeof(*c));
    if (!c)
        return -ENOMEM;
    *c = (struct call){.service = s,
                       .id = chan_next_id(s->control->chan),
                       .reply = reply,
                       .limit = limit_ns,
                       .deadline = broker_now() + limit_ns,
                       .done = done,
                       .owner = owner};
    rc = chan_send(s->control->chan, type, c->id, body, NULL, 0);
    if (rc) {
        free(c);
        return rc == CHAN_FULL ? -EAGAIN : rc;
    }
    c->next = b->calls;
    b->calls = c;
    return 0;
}

static void end(struct broker *b, struct call *c, int err, const char *text,
                const ProtobufCMessage *body)
{
    bool more;

    c->over = true;
    more = c->done(b, c->owner, err, text, body);
    if (more && !err && c->service->up) {
        c->over = false;
        c->deadline = broker_now() + c->limit;
    }
}

bool call_answer(struct broker *b, struct service *s, const struct chan_message *m)
{
    const Vgt__Error *e = (const Vgt__Error *)m->body;
    bool error = m->type == VGT__TYPE__TYPE_ERROR;
    char text[400];
    struct call *c;

    for (c = b->calls; c; c = c->next)
        if (!c->over && c->service == s && c->id == m->id && (error || c->reply == m->type))
            break;
    if (!c)
        return false;
    if (error) {
        log_clean(text, sizeof(text), e->text);
        end(b, c, e->code && e->code < 4096 ? (int)e->code : EIO, text, NULL);
    } else {
        end(b, c, 0, "", m->body);
    }
    sweep(b);
    return true;
}

void calls_cancel(struct broker *b, const void *owner)
{
    for (struct call *c = b->calls; c; c = c->next)
        if (c->owner == owner)
            c->over = true;
}

/* New calls go to the front: the walk does not meet them. */
void calls_lost(struct broker *b, const struct service *s)
{
    for (struct call *c = b->calls; c; c = c->next)
        if (!c->over && c->service == s)
            end(b, c, -ECONNRESET, "", NULL);
}

void calls_tick(struct broker *b, uint64_t now)
{
    for (struct call *c = b->calls; c; c = c->next)
        if (!c->over && now >= c->deadline)
            end(b, c, -ETIMEDOUT, "", NULL);
    sweep(b);
}

void calls_free(struct broker *b)
{
    for (struct call *c = b->calls; c; c = c->next)
        c->over = true;
    sweep(b);
}
