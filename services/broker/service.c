/* SPDX-License-Identifier: MIT */
/*
 * service.c: who a connection is (Hello), what a service is sent when it comes up (its own
 * descriptors, then every guest it may know), and what happens when it goes away.
 */
#include "services/broker/priv.h"

#include "lib/crash.h"
#include "services/wire/names.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define RETRY_NS 5000000000ull

const char *const role_names[ROLES] = {
    [ROLE_GTT] = "vgt-gtt",
    [ROLE_SCHED] = "vgt-sched",
    [ROLE_DISPLAY] = "vgt-display",
    [ROLE_MMIO] = "vgt-mmio",
};

/* A service that comes and goes, or complains, all the time is not to fill the log. */
void service_init(struct service *s, enum role role, struct service_state *state)
{
    *s = (struct service){.role = role, .s = state, .down_ns = broker_now()};
    log_limit_init(&s->news, 64, 60);
}

const char *service_name(const struct service *s, char name[32])
{
    if (s->role == ROLE_MMIO)
        snprintf(name, 32, "vgt-mmio@%u", s->domid);
    else
        snprintf(name, 32, "%s", role_names[s->role]);
    return name;
}

/* ---- may this process say that it is this service? */

/* All vgt-mmio processes have one user; which domain one serves is told by its unit. */
static bool in_unit(int32_t pid, uint32_t domid)
{
    char path[32], text[512], unit[48];
    size_t n = 0;
    FILE *f;

    snprintf(path, sizeof(path), "/proc/%d/cgroup", pid);
    snprintf(unit, sizeof(unit), "/vgt-mmio@%u.service\n", domid);
    f = fopen(path, "re");
    if (f) {
        n = fread(text, 1, sizeof(text) - 1, f);
        fclose(f);
    }
    text[n] = 0;
    return strstr(text, unit) != NULL;
}

void service_learn_users(struct broker *b)
{
    const struct group *group = getgrnam("vgt");

    b->wire_gid = group ? group->gr_gid : UINT32_MAX;
    for (unsigned i = 0; i < ROLES; i++) {
        const struct passwd *user = getpwnam(role_names[i]);

        b->uid[i] = user ? user->pw_uid : UINT32_MAX;
    }
}

static bool may_be(const struct broker *b, struct chan_peer peer, enum role role, uint32_t domid)
{
    if (peer.uid == 0 || peer.uid == geteuid())
        return true;
    if (peer.uid == UINT32_MAX || b->uid[role] != peer.uid)
        return false;
    return role != ROLE_MMIO || in_unit(peer.pid, domid);
}

/* ---- what services are sent */

static void resources_of(const struct guest *g, Vgt__Resources *r)
{
    vgt__resources__init(r);
    r->low_base = g->s->low_base;
    r->low_size = g->s->low_size;
    r->high_base = g->s->high_base;
    r->high_size = g->s->high_size;
    r->fence_base = g->s->fence_base;
    r->fences = g->s->fences;
}

void guest_resources(const struct guest *g, Vgt__Resources *r)
{
    resources_of(g, r);
}

static void device_of(const struct broker *b, Vgt__Device *d)
{
    const struct broker_device *from = &b->config.device;

    vgt__device__init(d);
    d->device_id = from->device_id;
    d->revision = from->revision;
    d->gen = from->gen;
    d->aperture_base = from->aperture_base;
    d->aperture_size = from->aperture_size;
    d->ggtt_entries = from->ggtt_entries;
    d->engines = from->engines;
    d->slice_at = from->slice_at;
    d->slice_size = from->slice_size;
}

/* Descriptors of a guest, or (NULL) the service's own. */
static int send_wire(struct broker *b, struct service *s, const struct guest *g)
{
    Vgt__Wire wire = VGT__WIRE__INIT;
    const char *names[CHAN_MAX_FDS];
    int fds[CHAN_MAX_FDS], n, rc;
    Vgt__Device device;
    uint32_t copies;

    n = parts_for(g ? &g->parts : &b->parts, s->role, g != NULL, names, fds, &copies);
    if (n < 0)
        return n;
    device_of(b, &device);
    wire.domid = g ? g->s->domid : 0;
    wire.generation = g ? g->s->generation : 0;
    wire.fd_names = (char **)names;
    wire.n_fd_names = (size_t)n;
    wire.device = g ? NULL : &device;
    rc = chan_send(s->wire->chan, VGT__TYPE__TYPE_WIRE, chan_next_id(s->wire->chan), &wire.base,
                   fds, (unsigned)n);
    crash_point("broker.service.wired");
    for (int i = 0; i < n; i++)
        if (copies & (1u << i))
            close(fds[i]);
    return rc == CHAN_FULL ? -EAGAIN : rc;
}

static int send_add(struct service *s, struct guest *g, bool restart, call_done *done)
{
    Vgt__GuestAdd add = VGT__GUEST_ADD__INIT;
    Vgt__Monitor monitor = VGT__MONITOR__INIT;
    Vgt__Resources resources;
    Vgt__Device device;

    resources_of(g, &resources);
    device_of(g->broker, &device);
    add.domid = g->s->domid;
    add.vgpu = g->s->vgpu;
    add.name = g->s->name;
    add.type = g->s->type;
    add.resources = &resources;
    add.weight = g->s->weight;
    add.generation = g->s->generation;
    add.restart = restart;
    add.device = &device;
    if (s->role == ROLE_MMIO)
        add.edid = (ProtobufCBinaryData){.len = g->s->edid_size, .data = g->s->edid};
    monitor.width = g->s->width;
    monitor.height = g->s->height;
    monitor.refresh = g->s->refresh;
    if (s->role == ROLE_DISPLAY && monitor.refresh)
        add.monitor = &monitor;
    return call_start(g->broker, s, VGT__TYPE__TYPE_GUEST_ADD, VGT__TYPE__TYPE_GUEST_READY,
                      &add.base, g->broker->limit_ns, done, g);
}

int service_add(struct service *s, struct guest *g, bool restart, call_done *done)
{
    int rc = s->up ? send_wire(g->broker, s, g) : -ECONNRESET;

    return rc ? rc : send_add(s, g, restart, done);
}

/* ---- coming and going */

/* A restarted service serves all guests again. */
static void recovered(struct service *s)
{
    if (!s->restarted)
        return;
    s->restarted = false;
    s->s->recovered_s = (uint64_t)time(NULL);
    s->s->pause_ms = (uint32_t)((broker_now() - s->down_ns) / 1000000);
}

static void tell_guest(struct service *s, struct guest *g);

/* Regions that nobody has mapped any more may be converted now: whoever refused them is asked
 * again. asker (may be NULL) is being told of the guest just now. */
static void convert(struct broker *b, struct guest *g, const struct service *asker)
{
    uint32_t refused = asker ? g->refused & ~(1u << asker->role) : g->refused;

    if (!upgrade_parts(b, g, asker))
        return;
    for (unsigned role = 0; role < ROLES; role++)
        if (refused & (1u << role))
            tell_guest(guest_service(g, (enum role)role), g);
}

/* The guest stays what it is: what is short may come back, and another build may understand it. */
static void not_taken(struct broker *b, enum role role, struct guest *g, int err, const char *text)
{
    bool known = g->untaken & (1u << role);

    g->untaken |= 1u << role;
    snprintf(g->refusal, sizeof(g->refusal), "%s", text);
    g->retry = broker_now() + RETRY_NS;
    if (!known)
        log_write(b->log, LOG_ERR, "a guest did not resume at a restarted service",
                  "domid=%u error=%d text=\"%s\"", g->s->domid, err, text);
    if (err != EPROTONOSUPPORT && err != EBADMSG && err != EPERM && err != ENOENT)
        return;
    g->refused |= 1u << role;
    convert(b, g, NULL);
}

static bool resumed(struct broker *b, enum role role, struct guest *g, int err, const char *text)
{
    struct service *s = guest_service(g, role);

    crash_point("broker.service.resumed");
    if (s->resuming && !--s->resuming)
        recovered(s);
    if (!err)
        g->untaken &= ~(1u << role);
    if (!err || err == -ECONNRESET)
        g->refused &= ~(1u << role);
    else
        not_taken(b, role, g, err, err > 0 ? text : "it does not answer");
    return false;
}

static bool gtt_resumed(struct broker *b, void *owner, int err, const char *text,
                        const ProtobufCMessage *body)
{
    (void)body;
    return resumed(b, ROLE_GTT, owner, err, text);
}

static bool sched_resumed(struct broker *b, void *owner, int err, const char *text,
                          const ProtobufCMessage *body)
{
    (void)body;
    return resumed(b, ROLE_SCHED, owner, err, text);
}

static bool display_resumed(struct broker *b, void *owner, int err, const char *text,
                            const ProtobufCMessage *body)
{
    (void)body;
    return resumed(b, ROLE_DISPLAY, owner, err, text);
}

static bool mmio_resumed(struct broker *b, void *owner, int err, const char *text,
                         const ProtobufCMessage *body)
{
    (void)body;
    return resumed(b, ROLE_MMIO, owner, err, text);
}

static call_done *const on_resumed[ROLES] = {
    [ROLE_GTT] = gtt_resumed,
    [ROLE_SCHED] = sched_resumed,
    [ROLE_DISPLAY] = display_resumed,
    [ROLE_MMIO] = mmio_resumed,
};

static void tell_guest(struct service *s, struct guest *g)
{
    char text[120];
    int rc;

    if (!g || !(g->s->held & (1u << s->role)) || (s->guest && s->guest != g))
        return;
    convert(g->broker, g, s);
    g->refused &= ~(1u << s->role);
    rc = service_add(s, g, true, on_resumed[s->role]);
    crash_point("broker.service.told");
    if (!rc) {
        s->resuming++;
        return;
    }
    snprintf(text, sizeof(text), "vgt-broker cannot hand the guest to %s: %s", role_names[s->role],
             strerror(-rc));
    not_taken(g->broker, s->role, g, -rc, text);
}

void service_retry(struct broker *b, uint64_t now)
{
    for (unsigned i = 0; i < BROKER_MAX_GUESTS; i++) {
        struct guest *g = b->guest[i];

        if (!g || g->untaken == g->refused || now < g->retry)
            continue;
        g->retry = now + RETRY_NS;
        for (unsigned role = 0; role < ROLES; role++)
            if (g->untaken & ~g->refused & (1u << role) && guest_service(g, (enum role)role)->up)
                tell_guest(guest_service(g, (enum role)role), g);
    }
}

void service_refused(struct service *s, const char *text)
{
    char name[32], why[BROKER_WHY];

    log_clean(why, sizeof(why), text);
    if (!strcmp(why, s->refused))
        return; /* said already */
    snprintf(s->refused, sizeof(s->refused), "%s", why);
    log_limited(s->wire->broker->log, &s->news, LOG_ERR, "a service refuses",
                "service=%s why=\"%s\"", service_name(s, name), s->refused);
}

static void now_up(struct broker *b, struct service *s)
{
    char name[32];

    s->up = true;
    log_limited(b->log, &s->news, LOG_INFO, "service is up", "service=%s pid=%d starts=%u",
                service_name(s, name), chan_peer(s->wire->chan).pid, s->s->starts);
    for (unsigned i = 0; i < BROKER_MAX_GUESTS; i++)
        tell_guest(s, b->guest[i]);
    if (!s->resuming)
        recovered(s);
    guests_kick(b);
}

static void hello_reply(struct peer *p, uint32_t id)
{
    Vgt__Hello reply = VGT__HELLO__INIT;

    reply.version = WIRE_PROTOCOL;
    reply.role = (char *)"vgt-broker";
    peer_send(p, VGT__TYPE__TYPE_HELLO_REPLY, id, &reply.base);
}

static void refuse(struct peer *p, uint32_t id, int err, const char *text)
{
    peer_error(p, id, err, text);
    log_limited(p->broker->log, &p->broker->refusals, LOG_WARNING, "a service was refused",
                "reason=\"%s\" uid=%d pid=%d", text, (int)chan_peer(p->chan).uid,
                chan_peer(p->chan).pid);
    p->refused = true;
}

static struct service *find_service(struct broker *b, const Vgt__Hello *hello)
{
    struct guest *g;

    for (unsigned i = 0; i < CORE_ROLES; i++)
        if (!strcmp(hello->role, role_names[i]))
            return &b->service[i];
    g = strcmp(hello->role, role_names[ROLE_MMIO]) ? NULL : guest_find(b, hello->domid);
    return g && g->s->stage != GUEST_DETACHING ? &g->mmio : NULL;
}

static bool own_control(const struct broker *b, const struct service *s)
{
    return b->core && (s->role == ROLE_GTT || s->role == ROLE_SCHED);
}

/* A process that outlived the broker says Hello to the next one, too: that is no restart. */
static void note_start(struct service *s, int32_t pid)
{
    s->fresh = s->met || s->s->pid != pid;
    if (s->fresh) {
        s->restarted = s->s->starts > 0;
        s->s->starts++;
        s->refused[0] = 0;
    }
    s->s->pid = pid;
    s->met = true;
}

static void hello_wire(struct peer *p, uint32_t id, struct service *s)
{
    struct broker *b = p->broker;
    int rc = 0;

    if (s->wire) /* its death is not yet noticed */
        service_lost(s, NULL);
    p->service = s;
    s->wire = p;
    crash_point("broker.service.hello");
    note_start(s, chan_peer(p->chan).pid);
    hello_reply(p, id);
    crash_point("broker.service.welcome");
    if (s->role != ROLE_MMIO) {
        upgrade_parts(b, NULL, s);
        rc = send_wire(b, s, NULL);
    }
    if (rc) {
        log_limited(b->log, &b->refusals, LOG_ERR, "cannot hand a service its descriptors",
                    "service=%s error=%d why=\"%s\"", role_names[s->role], rc, strerror(-rc));
        peer_close(p);
        return;
    }
    if (!own_control(b, s))
        s->control = p;
    if (s->control)
        now_up(b, s);
}

static void hello_core(struct peer *p, uint32_t id, struct service *s)
{
    if (!own_control(p->broker, s)) {
        peer_cut(p, "this service has no place on the core channel");
        return;
    }
    if (s->control)
        service_lost(s, NULL);
    p->service = s;
    s->control = p;
    hello_reply(p, id);
    if (s->wire)
        now_up(p->broker, s);
}

/* Of a service that is known and away, vgtctl shows the reason. */
static void refuse_version(struct peer *p, uint32_t id, const Vgt__Hello *hello)
{
    struct service *s = p->kind == PEER_CTL ? NULL : find_service(p->broker, hello);
    char role[24], text[WIRE_WHY];

    log_clean(role, sizeof(role), hello->role);
    wire_versions(text, role, hello->version, "vgt-broker", WIRE_PROTOCOL);
    if (s && !s->wire && may_be(p->broker, chan_peer(p->chan), s->role, hello->domid))
        snprintf(s->refused, sizeof(s->refused), "%s", text);
    refuse(p, id, EPROTO, text);
}

void service_hello(struct peer *p, uint32_t id, const Vgt__Hello *hello)
{
    struct chan_peer who = chan_peer(p->chan);
    struct service *s;

    if (hello->version != WIRE_PROTOCOL) {
        refuse_version(p, id, hello);
        return;
    }
    if (p->kind == PEER_CTL) {
        hello_reply(p, id);
        return;
    }
    if (p->service) {
        peer_cut(p, "a second Hello");
        return;
    }
    s = find_service(p->broker, hello);
    if (!s)
        refuse(p, id, ENOENT, "no such service, or no vGPU for its domain");
    else if (p->kind == PEER_WIRE && !may_be(p->broker, who, s->role, hello->domid))
        refuse(p, id, EPERM, "this user is not that service's");
    else if (p->kind == PEER_WIRE)
        hello_wire(p, id, s);
    else
        hello_core(p, id, s);
}

void service_lost(struct service *s, struct peer *gone)
{
    struct peer *wire = s->wire, *control = s->control;
    struct broker *b = (wire ? wire : control)->broker;
    bool was_up = s->up;
    char name[32];

    s->up = false;
    s->refused[0] = 0;
    s->resuming = 0;
    s->wire = s->control = NULL;
    s->down_ns = broker_now();
    if (control == wire)
        control = NULL;
    if (wire)
        wire->service = NULL;
    if (control)
        control->service = NULL;
    if (wire && wire != gone)
        peer_close(wire);
    if (control && control != gone)
        peer_close(control);
    /* A broker that ends leaves the state page as it is. */
    if (!was_up || b->closing)
        return;
    log_limited(b->log, &s->news, LOG_NOTICE, "service went away", "service=%s",
                service_name(s, name));
    crash_point("broker.service.lost");
    calls_lost(b, s);
    guests_kick(b);
}
