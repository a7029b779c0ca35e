/* SPDX-License-Identifier: MIT */
/*
 * command.c: the table of commands: what each asks and what it does with the answer. Called by the
 * session, one thread.
 */
#include "vgtctl/ctl.h"
#include "vgtctl/json.h"
#include "vgtctl/png.h"
#include "vgtctl/text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int send_status(struct ctl *ctl)
{
    Vgt__StatusRequest request = VGT__STATUS_REQUEST__INIT;

    return ctl_request(ctl, VGT__TYPE__TYPE_STATUS, &request.base, VGT__TYPE__TYPE_STATUS_REPLY);
}

static void answer_status(struct ctl *ctl, const ProtobufCMessage *body)
{
    const Vgt__StatusReply *reply = (const Vgt__StatusReply *)body;

    if (ctl->options->json)
        json_status(ctl->out, reply);
    else
        text_status(ctl->out, reply);
    ctl_done(ctl);
}

static int send_list(struct ctl *ctl)
{
    Vgt__ListRequest request = VGT__LIST_REQUEST__INIT;

    return ctl_request(ctl, VGT__TYPE__TYPE_LIST, &request.base, VGT__TYPE__TYPE_LIST_REPLY);
}

static void answer_list(struct ctl *ctl, const ProtobufCMessage *body)
{
    const Vgt__ListReply *reply = (const Vgt__ListReply *)body;

    if (ctl->options->json)
        json_list(ctl->out, reply);
    else
        text_list(ctl->out, reply);
    ctl_done(ctl);
}

static int send_types(struct ctl *ctl)
{
    Vgt__TypesRequest request = VGT__TYPES_REQUEST__INIT;

    return ctl_request(ctl, VGT__TYPE__TYPE_TYPES, &request.base, VGT__TYPE__TYPE_TYPES_REPLY);
}

static void answer_types(struct ctl *ctl, const ProtobufCMessage *body)
{
    const Vgt__TypesReply *reply = (const Vgt__TypesReply *)body;

    if (ctl->options->json)
        json_types(ctl->out, reply);
    else
        text_types(ctl->out, reply);
    ctl_done(ctl);
}

static int send_show(struct ctl *ctl)
{
    Vgt__ShowRequest request = VGT__SHOW_REQUEST__INIT;

    request.domid = ctl->domid;
    return ctl_request(ctl, VGT__TYPE__TYPE_SHOW, &request.base, VGT__TYPE__TYPE_SHOW_REPLY);
}

static void answer_show(struct ctl *ctl, const ProtobufCMessage *body)
{
    const Vgt__Guest *guest = ((const Vgt__ShowReply *)body)->guest;

    if (!guest) {
        ctl_fail(ctl, "the broker knows nothing of guest %s", ctl->options->guest);
        return;
    }
    if (ctl->options->json)
        json_guest(ctl->out, guest);
    else
        text_guest(ctl->out, guest);
    ctl_done(ctl);
}

static int send_switch(struct ctl *ctl)
{
    Vgt__SwitchRequest request = VGT__SWITCH_REQUEST__INIT;

    request.domid = ctl->domid;
    return ctl_request(ctl, VGT__TYPE__TYPE_SWITCH, &request.base, VGT__TYPE__TYPE_SWITCH_REPLY);
}

static void answer_switch(struct ctl *ctl, const ProtobufCMessage *body)
{
    uint32_t ms = ((const Vgt__SwitchReply *)body)->ms;

    if (ctl->options->json)
        json_switch(ctl->out, ctl->domid, ms);
    else if (ctl->domid)
        fprintf(ctl->out, "guest %u is in the foreground after %u ms\n", ctl->domid, ms);
    else
        fprintf(ctl->out, "dom0's console is in the foreground after %u ms\n", ms);
    ctl_done(ctl);
}

static int send_screenshot(struct ctl *ctl)
{
    Vgt__ScreenshotRequest request = VGT__SCREENSHOT_REQUEST__INIT;

    request.domid = ctl->domid;
    return ctl_request(ctl, VGT__TYPE__TYPE_SCREENSHOT, &request.base,
                       VGT__TYPE__TYPE_SCREENSHOT_REPLY);
}

/* A file name of the guest that was asked for. */
static void default_name(const char *guest, char *out, size_t size)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyz"
                                  "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";

    snprintf(out, size, "screenshot-%.100s.png", guest);
    for (; *out; out++)
        if (!strchr(allowed, *out))
            *out = '_';
}

static void save(struct ctl *ctl, const char *path)
{
    const struct shot *shot = &ctl->shot;
    int err = png_save_shot(path, shot);

    if (err == -EEXIST)
        ctl_fail(ctl, "%s is not a regular file: --output - writes to standard output", path);
    else if (err)
        ctl_fail(ctl, "cannot write %s: %s", path, strerror(-err));
    else if (ctl->options->json)
        json_screenshot(ctl->out, path, shot->width, shot->height);
    else
        fprintf(ctl->out, "%s: %ux%u\n", path, shot->width, shot->height);
    ctl_done(ctl);
}

static void complete(struct ctl *ctl)
{
    const char *path = ctl->options->output;
    char name[128];
    int err;

    if (!path) {
        default_name(ctl->options->guest, name, sizeof(name));
        path = name;
    }
    if (strcmp(path, "-")) {
        save(ctl, path);
        return;
    }
    err = png_write_shot(ctl->out, &ctl->shot);
    if (err)
        ctl_fail(ctl, "cannot write the picture: %s", strerror(-err));
    ctl_done(ctl);
}

static void answer_screenshot(struct ctl *ctl, const ProtobufCMessage *body)
{
    const char *why;
    int ret = shot_piece(&ctl->shot, (const Vgt__ScreenshotReply *)body, &why);

    if (ret < 0)
        ctl_fail(ctl, "the broker sent a screenshot %s", why);
    else if (ret)
        complete(ctl);
    else
        ctl_progress(ctl);
}

const struct ctl_command ctl_commands[] = {
    {.name = "status",
     .args = "",
     .help = "services, GPU and guests",
     .reply = VGT__TYPE__TYPE_STATUS_REPLY,
     .timeout = CTL_TIMEOUT,
     .send = send_status,
     .answer = answer_status},
    {.name = "list",
     .args = "",
     .help = "guests: share of graphics memory, GPU time, events",
     .reply = VGT__TYPE__TYPE_LIST_REPLY,
     .timeout = CTL_TIMEOUT,
     .send = send_list,
     .answer = answer_list},
    {.name = "types",
     .args = "",
     .help = "what a guest's vGPU can be, and how many more fit",
     .reply = VGT__TYPE__TYPE_TYPES_REPLY,
     .timeout = CTL_TIMEOUT,
     .send = send_types,
     .answer = answer_types},
    {.name = "show",
     .args = "N",
     .help = "one guest with all its counters",
     .reply = VGT__TYPE__TYPE_SHOW_REPLY,
     .timeout = CTL_TIMEOUT,
     .guest = true,
     .send = send_show,
     .answer = answer_show},
    {.name = "switch",
     .args = "N",
     .help = "show this guest on the monitor",
     .reply = VGT__TYPE__TYPE_SWITCH_REPLY,
     .timeout = CTL_TIMEOUT,
     .guest = true,
     .send = send_switch,
     .answer = answer_switch},
    {.name = "screenshot",
     .args = "N [-o FILE]",
     .help = "save what a guest shows, in the foreground or not, as PNG",
     .reply = VGT__TYPE__TYPE_SCREENSHOT_REPLY,
     .timeout = CTL_SHOT_TIMEOUT,
     .guest = true,
     .output = true,
     .send = send_screenshot,
     .answer = answer_screenshot},
    {.name = NULL},
};

const struct ctl_command *ctl_find_command(const char *name)
{
    for (const struct ctl_command *c = ctl_commands; c->name; c++)
        if (!strcmp(c->name, name))
            return c;
    return NULL;
}
