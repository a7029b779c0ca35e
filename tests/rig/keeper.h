/* SPDX-License-Identifier: MIT */
/*
 * keeper.h: shared by the files of vgt-rig-keeper, which does for the rig's services what systemd
 * does for real ones: keeper.c (options, commands, schedule), keeper_unit.c (processes),
 * keeper_store.c (descriptors they leave here), keeper_crash.c (where they are to die),
 * keeper_ask.c (the client). One thread, its loop.
 */
#pragma once
#include "lib/crash.h"
#include "lib/log.h"
#include "lib/loop.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>
#include <sys/un.h>

#define KEEPER_UNITS 96u
#define KEEPER_ARGS  40u
#define KEEPER_FDS   4096u /* per unit, as FileDescriptorStoreMax= of vgt-broker.service */
#define KEEPER_NAME  64u

enum restart { RESTART_NEVER, RESTART_FAILURE, RESTART_ALWAYS };

/* Copies of descriptors, in the order they came. */
struct kept {
    struct kept_fd {
        char name[256];
        int fd;
    } * item;
    unsigned count;
};

struct keeper;

struct unit {
    struct keeper *k;
    char name[KEEPER_NAME];
    char *argv[KEEPER_ARGS + 1];
    enum restart restart;
    unsigned watchdog_ms; /* 0: none */
    pid_t pid;            /* 0: not running */
    int pidfd, notify_fd;
    struct loop_source *on_end, *on_notify, *again, *watchdog, *cont;
    bool ready, stopping, waiting; /* waiting: to be started again */
    bool held;                     /* down until it is told to start */
    char status[512];              /* what it last said of itself (STATUS=) */
    struct kept kept;
    struct crash_table *crash;  /* shared with its processes */
    unsigned starts, failures;  /* failures: ends that were no exit with 0 */
    uint64_t down_ns, worst_ms; /* since when, and the longest from an end to READY=1 */
};

struct keeper {
    struct loop *loop;
    const struct log *log;
    const char *dir; /* notification sockets and logs */
    struct unit *unit[KEEPER_UNITS];
    uint64_t rng;
};

/* keeper_store.c */
/* One notification's descriptors under one name; taken. A copy of what is there already is dropped.
 */
void kept_add(struct kept *kept, const char *name, int fd);
void kept_remove(struct kept *kept, const char *name);
void kept_free(struct kept *kept);
/* In a child before exec: descriptors to 3.., LISTEN_FDS and names to the environment. */
int kept_hand_over(const struct kept *kept);

/* keeper_crash.c */
/* The unit's table, empty. 0 or -errno. */
int crash_make(struct unit *u);
void crash_free(struct unit *u);
/* In a child before exec. */
void crash_environment(const struct unit *u);
/* To die at the count-th passing of point from now on; 0: nowhere. -EINVAL: it has no such point.
 */
int crash_arm(struct unit *u, const char *point, unsigned long count);
/* A line for each point of the program, as its processes made it known. */
void crash_list(const struct unit *u, FILE *out);

/* keeper_unit.c */
struct unit *unit_find(struct keeper *k, const char *name);
/* words: what follows "unit" (NAME RESTART COMMAND...); starts it. 0 or -errno. */
int unit_new(struct keeper *k, char **words, unsigned count);
/* Killed, and down until unit_start(): what it kept stays. */
int unit_hold(struct unit *u);
int unit_start(struct unit *u);
/* Another program from its next start on. */
int unit_program(struct unit *u, const char *path);
/* No restart from here on; what it kept goes with its process. */
void unit_stop(struct unit *u);
/* SIGNAL: KILL, SEGV, TERM, ABRT, or STOP:MS, which is continued after so long. -EINVAL, -ESRCH. */
int unit_signal(struct unit *u, const char *signal);
void unit_set_watchdog(struct unit *u, unsigned ms);
/* Ends the process, waits for it, forgets the unit. */
void unit_free(struct unit *u);
uint64_t keeper_now(void);

/* keeper_ask.c */
int keeper_address(struct sockaddr_un *a, const char *path);
/* Prints the answer. Exit status: 0, 1 (it was an error), 2 (nobody answers). */
int keeper_ask(const char *path, char **words);
/* words: SECONDS UNIT KEY=VALUE|KEY>=N... of the unit's line in status. 0: so it is; 1: too
 * late; 2. */
int keeper_wait(const char *path, char **words);
