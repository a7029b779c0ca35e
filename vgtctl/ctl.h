/* SPDX-License-Identifier: MIT */
/*
 * ctl.h: what the files of vgtctl share: the options, the state of one run, the table of commands.
 * A run is one request to the broker and its answer (before it a ListRequest where the guest was
 * given by name), then it ends. One thread. Whatever the broker sends is checked as if hostile.
 */
#pragma once
#include "lib/chan.h"
#include "proto/vgt.pb-c.h"
#include "vgtctl/shot.h"

#include <stdio.h>

#define CTL_VERSION      "0.1"
#define CTL_TIMEOUT      10u  /* seconds */
#define CTL_SHOT_TIMEOUT 120u /* a screenshot waits for a frame and a slice of the aperture */
#define CTL_MAX_TIMEOUT  86400u

/* Exit codes. */
enum { CTL_OK = 0, CTL_FAILED = 1, CTL_USAGE = 2 };

struct ctl;

struct ctl_command {
    const char *name, *args, *help;
    uint32_t reply;   /* frame type of the answer */
    unsigned timeout; /* seconds, unless --timeout says */
    bool guest;       /* takes N */
    bool output;      /* takes -o */
    /* Send the request for ctl->domid. 0 or -errno. */
    int (*send)(struct ctl *ctl);
    /* The answer came: print it, call ctl_done() or ctl_fail(), or wait for more. */
    void (*answer)(struct ctl *ctl, const ProtobufCMessage *body);
};

/* Terminated by an entry without name. */
extern const struct ctl_command ctl_commands[];
const struct ctl_command *ctl_find_command(const char *name);

struct ctl_options {
    const char *uri;
    const char *guest;  /* N as typed */
    const char *output; /* of a screenshot, NULL: a name made of N; "-": out */
    unsigned timeout;   /* seconds, 0: the command's */
    bool json;
    const struct ctl_command *command;
};

struct ctl {
    const struct ctl_options *options;
    FILE *out, *err;
    struct loop *loop;
    struct store *store;
    struct chan *chan;
    struct loop_source *timer;
    unsigned timeout; /* seconds */
    uint64_t started_ns;
    uint32_t id;      /* of the request that is out */
    uint32_t waiting; /* frame type of its answer */
    uint32_t domid;   /* whom N means */
    struct shot shot;
    bool done;
    int code;
};

/*
 * The whole program: parses argv, talks, prints to out and err. The exit code. getopt's state is
 * the only thing global. ctl_run() is the part after parsing.
 */
int ctl_main(int argc, char **argv, FILE *out, FILE *err);
int ctl_run(const struct ctl_options *options, FILE *out, FILE *err);

/* The run is over, well or with one sentence (to err; with --json to out as an object, too). */
void ctl_done(struct ctl *ctl);
void ctl_fail(struct ctl *ctl, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The same before a run: prints, returns code. */
int ctl_complain(FILE *out, FILE *err, bool json, int code, const char *sentence);

/* Send a request; its answer, a frame of type reply, is waited for from now on. 0 or -errno. */
int ctl_request(struct ctl *ctl, uint32_t type, const ProtobufCMessage *body, uint32_t reply);
/* The broker is alive and at it: start the time-out anew. */
void ctl_progress(struct ctl *ctl);
