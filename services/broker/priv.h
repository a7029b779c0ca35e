/* SPDX-License-Identifier: MIT */
/*
 * priv.h: what the broker's files share. The pieces, each in the file of its name: parts (named
 * descriptors), fdstore (their copies at systemd, and the state page), peer (one connection),
 * service (a service's Hello and what it is sent), call (a request waiting for its reply), guest
 * (the step engine), attach and remove (the steps), ctl (vgtctl's requests), stats (merging).
 */
#pragma once
#include "proto/vgt.pb-c.h"
#include "services/broker/broker.h"
#include "services/wire/fds.h"

#include <stddef.h>

#define STEP_NS    30000000000ull
#define TICK_NS    250000000ull
#define MAX_PART   32u /* parts of one guest, or of the broker itself */
#define GUEST_NAME 64u
#define BROKER_WHY 400u /* a sentence for whoever runs the host */

enum role { ROLE_GTT, ROLE_SCHED, ROLE_DISPLAY, ROLE_MMIO, ROLES };
#define CORE_ROLES 3u /* the first three: one process each */

/* ---- parts.c: named descriptors */
struct part {
    char name[28]; /* as on the wire; "dev" of a row is "vgt-gtt.dev" and so on */
    int fd;
    unsigned copy; /* how often its contents were converted: "NAME@copy" in the fd store */
};
struct parts {
    unsigned count;
    struct part item[MAX_PART];
};

struct broker;
struct guest;
struct service;

/* ---- the state page, which outlives the broker in systemd's fd store; native layout */
#define STATE_MAGIC   0x76677462u
#define STATE_VERSION 2u

enum guest_stage { GUEST_FREE, GUEST_ATTACHING, GUEST_RUNNING, GUEST_DETACHING };

/* Who may know of a guest: bit 1 << role, and: */
enum {
    HELD_MODULE = 1 << ROLES,
    HELD_UNIT = 2 << ROLES,
    HELD_TRIED = 4 << ROLES, /* vgt-gtt died while it attached the guest: it may have begun */
};

/* Of one service: how often it started, and how it came back the last time. */
struct service_state {
    uint32_t starts;
    int32_t pid;          /* of the last start */
    uint64_t recovered_s; /* Unix time; 0: never had to */
    uint32_t pause_ms;    /* from its loss until it served all guests again */
    uint32_t pad;
};

struct guest_state {
    uint32_t stage; /* enum guest_stage */
    uint32_t domid, vgpu, weight;
    uint32_t held;    /* bits */
    uint32_t refresh; /* of the monitor wanted, Hz; 0: none was named */
    struct service_state mmio;
    uint64_t generation;
    uint64_t low_base, low_size, high_base, high_size;
    uint32_t fence_base, fences;
    uint64_t aperture_at; /* shown there; 0: nowhere */
    uint32_t edid_size;
    uint16_t width, height; /* of the monitor wanted */
    uint8_t edid[256];
    char name[GUEST_NAME], type[16];
};

struct broker_state {
    uint32_t magic, version;
    uint64_t generation; /* of the last attach */
    uint64_t alive_ns;   /* the broker's last tick; CLOCK_MONOTONIC */
    struct service_state broker, service[CORE_ROLES];
    struct guest_state guest[BROKER_MAX_GUESTS];
};
static_assert(sizeof(struct guest_state) == 448, "layout");
static_assert(offsetof(struct broker_state, guest) == 120, "layout");

/* ---- connections and services */
enum peer_kind { PEER_WIRE, PEER_CORE, PEER_CTL, PEER_KINDS };

struct held_frame; /* a reply that waits until the channel has room */

struct peer {
    struct broker *broker;
    struct peer *next;
    struct chan *chan;
    enum peer_kind kind;
    struct service *service; /* after Hello */
    struct held_frame *first, **last;
    size_t held;
    bool refused;     /* closed at the next tick, when the reason is out */
    unsigned relayed; /* requests of it that another service has to answer yet */
    uint64_t since_ns;
};

struct service {
    enum role role;
    uint32_t domid;      /* vgt-mmio's */
    struct guest *guest; /* vgt-mmio's */
    struct peer *wire, *control;
    struct service_state *s; /* in the state page */
    uint64_t down_ns;        /* since when it is away */
    unsigned resuming;       /* guests it has still to take up after a restart */
    uint64_t lanes_broken;
    bool met;                 /* said Hello to this broker before */
    bool fresh;               /* a process that has not mapped anything yet when it said Hello */
    char refused[BROKER_WHY]; /* why it serves nothing; empty: it does */
    bool restarted;           /* and has not yet taken up all guests */
    bool up;                  /* both channels said Hello */
    struct log_limit news;    /* of what is logged on its behalf */
};

/* ---- call.c */
/* err 0: body is the reply. Positive: the service's Error, text says why. -ECONNRESET: the service
 * went away; -ETIMEDOUT. True: keep waiting for more replies to the same request. */
typedef bool call_done(struct broker *broker, void *owner, int err, const char *text,
                       const ProtobufCMessage *body);

struct call {
    struct call *next;
    struct service *service;
    uint32_t id, reply;
    uint64_t deadline, limit;
    call_done *done;
    void *owner;
    bool over;
};

/* ---- guest.c */
enum step_result { STEP_DONE, STEP_WAIT, STEP_POLL }; /* or -errno with guest_because() said */

struct step {
    const char *what; /* "vgt-gtt grants graphics memory": also the text when its time is over */
    int (*start)(struct guest *guest);
};

/* What happened to the running step; acted on at the end of the turn, never inside a handler. */
enum step_outcome { STEP_RUNS, STEP_BEGINS, STEP_SUCCEEDED, STEP_FAILED, STEP_RETRIES };

struct guest {
    struct broker *broker;
    struct guest_state *s;
    struct parts parts;
    struct vmm *vmm;
    struct service mmio;
    const struct step *steps; /* NULL: running */
    unsigned at;
    uint64_t deadline;
    enum step_outcome outcome; /* taken up by the next turn */
    bool polls;                /* start() of this step is called again when something changes */
    bool told;                 /* said once in this step */
    uint64_t not_before;       /* a polling step that was answered with an error waits so long */
    uint32_t untaken;          /* bits 1 << role: services that could not resume this guest, */
    uint32_t refused;          /* of these, for good, as long as neither side is another build */
    char refusal[BROKER_WHY];  /* the last reason */
    uint64_t retry;            /* when the others are asked again */
    enum role asked;           /* in this step of a removal, */
    bool asked_final;          /* to forget the guest */
    bool resumed; /* in this step the service was lost: it resumes what it may have begun */
    struct peer *asker, *detacher; /* who waits for AttachReply, DetachReply */
    uint32_t ask_id, detach_id;
    struct unit_job *job;
    int error; /* positive errno of because */
    char because[512];
};

struct ask;   /* stats.c */
struct relay; /* ctl.c */
void ctl_request(struct peer *p, const struct chan_message *m);

struct listener_of {
    struct broker *broker;
    enum peer_kind kind;
};

struct broker {
    struct loop *loop;
    struct broker_config config;
    const struct log *log;
    uint64_t limit_ns;
    struct broker_state *state;
    int state_fd;
    struct parts parts;
    struct chan_user user[PEER_KINDS];
    struct listener_of of[PEER_KINDS];
    struct chan_listener *wire, *core, *ctl[BROKER_MAX_CTL];
    struct peer *peers;
    struct service service[CORE_ROLES];
    uint32_t uid[ROLES];                    /* of each role's user; UINT32_MAX: there is none */
    uint32_t wire_gid;                      /* of group vgt; UINT32_MAX: there is none */
    struct guest *guest[BROKER_MAX_GUESTS]; /* index as in the state page */
    struct call *calls;
    struct ask *asks;
    struct relay *relays;
    struct loop_source *tick, *turn;
    struct store_watch *release;
    unsigned ticks;
    bool deaf; /* some sockets could not be made yet */
    struct log_limit refusals, cuts;
    char refusal[BROKER_WHY]; /* the kept state is not ours to read: only vgtctl is answered */
    bool closing;
};

uint64_t broker_now(void);

int parts_fd(const struct parts *parts, const char *name);
int parts_close_mode(int fd); /* of a memory file: the broker's user's alone */
/* Takes fd, error or not. */
int parts_add(struct parts *parts, const char *name, int fd);
void parts_close(struct parts *parts);
/* Make what is missing. 0 or -errno. */
int parts_make_guest(struct parts *parts);
int parts_make_service(struct parts *parts);
/* A Wire's names and descriptors for a role: of a guest, or (guest false) its own. fds that are
 * extra read-only copies are marked in *copies. Returns their number or -errno. */
int parts_for(const struct parts *parts, enum role role, bool guest, const char **names, int *fds,
              uint32_t *copies);

/* May this role map this region (of a guest or a service)? */
bool parts_granted(enum role role, bool guest, const char *name);

enum part_kind { PART_REGION, PART_LANE, PART_EVENT };

struct part_def {
    const char *name;
    enum part_kind kind;
    uint32_t type;   /* of a region */
    uint32_t layout; /* version of a region, layout of a lane */
    uint64_t size;   /* bytes of a region, slots of a lane */
};
/* The regions of a guest or of the services, one after the other; NULL after the last. */
const struct part_def *parts_region(bool guest, unsigned n);

/* upgrade.c: regions that an earlier build made become this build's where nobody has them mapped.
 * True: one did. of NULL: the services' own. asker (may be NULL) is about to be handed them. */
bool upgrade_parts(struct broker *b, struct guest *of, const struct service *asker);

/* fdstore.c. prefix: "s." or "g.N."; put: the parts from first on. */
void fdstore_put(struct broker *b, const char *prefix, const struct parts *parts, unsigned first);
void fdstore_drop(struct broker *b, const char *prefix, const struct parts *parts);
/* One part was replaced by its next copy. */
void fdstore_replace(struct broker *b, const char *prefix, const struct part *part);
/* The state page and what came back; guests' parts go into b->guest[]. -EPROTONOSUPPORT: the page
 * is damaged or another build's, b->refusal says what; everything is left where it is. */
int fdstore_restore(struct broker *b);
/* A state page of our own that is not kept, to answer vgtctl with. 0 or -errno. */
int fdstore_refused(struct broker *b);

/* peer.c */
int peers_listen(struct broker *b);
void peers_unlisten(struct broker *b);
/* Send; what does not fit now follows when there is room. */
void peer_send(struct peer *p, uint32_t type, uint32_t id, const ProtobufCMessage *body);
void peer_error(struct peer *p, uint32_t id, int err, const char *text);
/* It broke the rules: log and close. Nothing of p may be used afterwards. */
void peer_cut(struct peer *p, const char *why);
void peer_close(struct peer *p);
void peers_tick(struct broker *b);

/* service.c */
/* Once, at the start: looking users up later would load libraries. */
void service_learn_users(struct broker *b);
extern const char *const role_names[ROLES];
void service_init(struct service *s, enum role role, struct service_state *state);
void service_hello(struct peer *p, uint32_t id, const Vgt__Hello *hello);
/* One of its channels is gone: so is the other. */
void service_lost(struct service *s, struct peer *gone);
/* Ask services again that could not resume a guest for want of something. */
void service_retry(struct broker *b, uint64_t now);
/* Its notice that it serves nothing. */
void service_refused(struct service *s, const char *text);
/* Wire and GuestAdd; owner of the call is the guest. 0 or -errno. */
int service_add(struct service *s, struct guest *g, bool restart, call_done *done);
const char *service_name(const struct service *s, char name[32]);

/* call.c. 0 or -errno (then done is not called). */
int call_start(struct broker *b, struct service *s, uint32_t type, uint32_t reply,
               const ProtobufCMessage *body, uint64_t limit_ns, call_done *done, void *owner);
/* A reply of this service came; false: nobody waits for it. */
bool call_answer(struct broker *b, struct service *s, const struct chan_message *m);
void calls_cancel(struct broker *b, const void *owner);
void calls_lost(struct broker *b, const struct service *s);
void calls_tick(struct broker *b, uint64_t now);
void calls_free(struct broker *b);

/* guest.c */
struct guest *guest_find(struct broker *b, uint32_t domid);
struct guest *guest_new(struct broker *b, unsigned slot);
/* Its memory and channels only; fd store and state page stay as they are. */
void guest_free(struct guest *g);
void guest_begin(struct guest *g, const struct step *steps);
/* The step that returned STEP_WAIT ended well, or not (guest_because() said why). */
void guest_step_done(struct guest *g);
void guest_step_failed(struct guest *g);
/* The step is to start again when something changes. */
void guest_step_again(struct guest *g);
/* Reason for a failure; returns -err for a step's return. */
int guest_because(struct guest *g, int err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Something changed: try polling steps again. */
void guests_kick(struct broker *b);
void guests_turn(struct broker *b);
void guests_tick(struct broker *b, uint64_t now);
void guests_check_alive(struct broker *b);
void guest_resources(const struct guest *g, Vgt__Resources *r);
struct service *guest_service(struct guest *g, enum role role);

/* attach.c, remove.c */
extern const struct step attach_steps[], remove_steps[];
void attach_request(struct peer *p, const struct chan_message *m);
void attach_failed(struct guest *g);
void remove_begin(struct guest *g);
/* The last step is over: answer and forget. */
void remove_over(struct guest *g);

/* unit.c: verb is "start" or "stop"; done(0 or -errno) when systemd has queued the job. */
struct unit_job;
int unit_start(struct guest *g, const char *verb, void (*done)(struct guest *g, int err));
/* Nobody waits for the end any more; what was asked is done all the same. NULL is fine. */
void unit_cancel(struct unit_job *job);

/* aperture.c */
void aperture_request(struct peer *p, const struct chan_message *m);

/* ctl.c */
void ctl_request(struct peer *p, const struct chan_message *m);
void slice_request(struct peer *p, const struct chan_message *m);
void relays_lost(struct broker *b, const struct peer *p);
void relays_free(struct broker *b);

/* stats.c */
void stats_request(struct peer *p, const struct chan_message *m);
void stats_lost(struct broker *b, const struct peer *p);

/* device.c: the GPU's name, empty for a device of neither family. Returns name. */
#define DEVICE_NAME_SIZE 32u
const char *device_name(uint32_t id, char name[DEVICE_NAME_SIZE]);

/* types.c: sizes wanted and the name of the type. 0, or positive errno with the sentence. */
int vgpu_type(const Vgt__AttachRequest *request, struct guest_state *s, char *why, size_t size);
/* Type n as vgtctl shows it, with how many more of it fit (gpu NULL: not known). False: there are
 * no more. Names are the caller's to keep: they live for ever. */
#define VGPU_TYPES 3u
bool vgpu_describe(unsigned n, const Vgt__Gpu *gpu, Vgt__VgpuType *out);
/* The monitor of a guest, as its EDID has it; false: it has none. */
bool vgpu_monitor(const struct guest_state *s, Vgt__Monitor *out);
