/* SPDX-License-Identifier: MIT */
/*
 * refuse.c: what a service finds and does not understand (regions, lanes, messages of another
 * version, or damaged) is said to everybody: the log, systemd, the broker and so vgtctl. Called by
 * client.c and guests.c; one thread.
 */
#include "services/wire/client_priv.h"

#include <errno.h>
#include <stdio.h>
#include <systemd/sd-daemon.h>

void wire_note_begin(struct wire_client *c, uint32_t domid)
{
    c->note = (struct wire_note){.who = c->config->role, .domid = domid};
}

void wire_tell_refusal(struct wire_client *c)
{
    Vgt__Refused r = VGT__REFUSED__INIT;

    r.text = c->refusal;
    wire_request(c, VGT__TYPE__TYPE_REFUSED, &r.base);
}

/* The process lives on, so that nobody starts it over and over, and takes nothing: it begins anew
 * when it is offered something else (see wire_start_anew()). */
void wire_refuse_all(struct wire_client *c, const char *why)
{
    bool first = !*c->refusal;

    snprintf(c->refusal, sizeof(c->refusal), "%s", why);
    c->refusal_error = EPROTONOSUPPORT;
    sd_notifyf(0, "STATUS=refused: %s", c->refusal);
    if (!first)
        return;
    log_write(c->config->log, LOG_ERR, "refused", "why=\"%s\"", c->refusal);
    loop_ready(c->loop);
}

/* Nothing is left of the try before in a new process. */
void wire_start_anew(struct wire_client *c)
{
    log_write(c->config->log, LOG_NOTICE, "starting anew after a refusal", NULL);
    loop_stop(c->loop, -ERESTART);
}

/* A guest was taken or not: our status is about the last one that was not. */
void wire_note_guest(struct wire_client *c, uint32_t domid)
{
    if (wire_note_refusal(&c->note)) {
        if (c->status_domid != domid)
            log_write(c->config->log, LOG_ERR, "refused", "domid=%u why=\"%s\"", domid,
                      c->note.text);
        c->status_domid = domid;
        sd_notifyf(0, "STATUS=refused: domain %u: %s", domid, c->note.text);
    } else if (c->status_domid == domid) {
        c->status_domid = 0;
        sd_notify(0, "STATUS=");
    }
    c->note.text[0] = 0;
}

bool wire_refused(const struct wire_client *client)
{
    return client && wire_note_refusal(&client->note);
}
