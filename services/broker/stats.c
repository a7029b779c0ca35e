/* SPDX-License-Identifier: MIT */
/*
 * stats.c: status, list, show and types: every running service is asked for its statistics, and
 * what came within a second is merged into one answer, counters with the service's name in front. A
 * service that does not answer is only missing in it. What vgt-mmio says counts for its own guest
 * alone.
 */
#include "services/broker/priv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LIMIT_NS    1000000000ull
#define MAX_ANSWERS (CORE_ROLES + BROKER_MAX_GUESTS)
#define FAILED_NS   30000000000ull /* a service away longer than this has failed */

struct answer {
    struct ask *ask;
    enum role role;
    uint32_t domid; /* of vgt-mmio */
    Vgt__StatsReply *reply;
};

struct ask {
    struct ask *next;
    struct peer *peer;
    uint32_t id, type, domid;
    unsigned pending, count;
    struct answer answer[MAX_ANSWERS];
};

/* Bytes of one answer; 0: as many as a message holds. */
static const size_t most[ROLES] = {[ROLE_MMIO] = 4096, [ROLE_DISPLAY] = 64u << 10};

/* Memory of one merged reply, freed together. */
struct pool {
    struct piece *pieces;
    bool failed;
};
struct piece {
    struct piece *next;
    _Alignas(16) char bytes[];
};

static void *take(struct pool *pool, size_t size)
{
    struct piece *piece = calloc(1, sizeof(*piece) + size);

    if (!piece) {
        pool->failed = true;
        return NULL;
    }
    piece->next = pool->pieces;
    pool->pieces = piece;
    return piece->bytes;
}

static void drain(struct pool *pool)
{
    struct piece *piece;

    while ((piece = pool->pieces)) {
        pool->pieces = piece->next;
        free(piece);
    }
}

/* ---- merging. Lists are made as long as all answers could make them. */

static const char *const prefix[ROLES] = {"gtt", "sched", "display", "mmio"};

/* The entry of an answer that is about this domid (0: the service itself), from *at on. */
static const Vgt__ServiceStats *next_about(const struct answer *a, uint32_t domid, size_t *at)
{
    while (a->reply && *at < a->reply->n_stats) {
        const Vgt__ServiceStats *s = a->reply->stats[(*at)++];

        if (a->role == ROLE_MMIO ? domid == a->domid : s->domid == domid)
            return s;
    }
    return NULL;
}

static Vgt__Counter *prefixed(struct pool *pool, enum role role, const Vgt__Counter *from)
{
    size_t size = strlen(prefix[role]) + strlen(from->name) + 2;
    Vgt__Counter *c = take(pool, sizeof(*c));
    char *name = take(pool, size);

    if (!c || !name)
        return NULL;
    vgt__counter__init(c);
    snprintf(name, size, "%s.%s", prefix[role], from->name);
    c->name = name;
    c->value = from->value;
    return c;
}

static size_t count_counters(const struct ask *ask, uint32_t domid)
{
    const Vgt__ServiceStats *s;
    size_t n = 0;

    for (unsigned i = 0; i < ask->count; i++)
        for (size_t at = 0; (s = next_about(&ask->answer[i], domid, &at));)
            n += s->n_counters;
    return n;
}

static void merge_counters(struct pool *pool, const struct ask *ask, uint32_t domid, size_t *n,
                           Vgt__Counter ***list)
{
    Vgt__Counter **out = take(pool, (count_counters(ask, domid) + 1) * sizeof(*out));
    const Vgt__ServiceStats *s;
    size_t used = 0;

    for (unsigned i = 0; out && i < ask->count; i++)
        for (size_t at = 0; (s = next_about(&ask->answer[i], domid, &at));)
            for (size_t k = 0; k < s->n_counters; k++) {
                out[used] = prefixed(pool, ask->answer[i].role, s->counters[k]);
                used += out[used] != NULL;
            }
    *n = used;
    *list = out;
}

/* A copy of the struct; what it points to is borrowed from the answer. */
static Vgt__Quarantined *quarantined_by(struct pool *pool, enum role role,
                                        const Vgt__Quarantined *from)
{
    Vgt__Quarantined *out = take(pool, sizeof(*out));

    if (!out)
        return NULL;
    *out = *from;
    out->service = (char *)prefix[role];
    return out;
}

static void merge_quarantined(struct pool *pool, const struct ask *ask, Vgt__Guest *g)
{
    const Vgt__ServiceStats *s;
    Vgt__Quarantined **out;

    for (unsigned i = 0; i < ask->count; i++)
        for (size_t at = 0; (s = next_about(&ask->answer[i], g->domid, &at));)
            g->quarantined_inputs += (uint32_t)s->n_quarantined;
    if (ask->type != VGT__TYPE__TYPE_SHOW)
        return;
    out = take(pool, (g->quarantined_inputs + 1) * sizeof(*out));
    for (unsigned i = 0; out && i < ask->count; i++)
        for (size_t at = 0; (s = next_about(&ask->answer[i], g->domid, &at));)
            for (size_t k = 0; k < s->n_quarantined; k++) {
                out[g->n_quarantined] =
                    quarantined_by(pool, ask->answer[i].role, s->quarantined[k]);
                g->n_quarantined += out[g->n_quarantined] != NULL;
            }
    g->quarantined = out;
}

static void merge_guest_stats(struct pool *pool, const struct ask *ask, Vgt__Guest *g)
{
    const Vgt__ServiceStats *s;

    for (unsigned i = 0; i < ask->count; i++)
        for (size_t at = 0; (s = next_about(&ask->answer[i], g->domid, &at));) {
            if (ask->answer[i].role == ROLE_DISPLAY)
                g->foreground |= s->foreground;
            if (ask->answer[i].role != ROLE_SCHED)
                continue;
            g->batches += s->batches;
            g->n_gpu_time = s->n_gpu_time; /* borrowed from the answer */
            g->gpu_time = s->gpu_time;
            g->hangs = s->hangs;
            g->throttled_ms = s->throttled_ms;
            if (s->hung && !strcmp(g->state, "running"))
                g->state = (char *)"hung";
        }
    merge_counters(pool, ask, g->domid, &g->n_counters, &g->counters);
    merge_quarantined(pool, ask, g);
}

static const char *refused(struct pool *pool, const char *why)
{
    char *text = take(pool, strlen(why) + 16);

    if (text)
        sprintf(text, "refused: %s", why);
    return text ? text : "refused";
}

static const char *stage_name(uint32_t stage)
{
    return stage == GUEST_RUNNING     ? "running"
           : stage == GUEST_ATTACHING ? "attaching"
                                      : "detaching";
}

static Vgt__Guest *merge_guest(struct pool *pool, const struct ask *ask, const struct guest *g)
{
    Vgt__Guest *out = take(pool, sizeof(*out));
    Vgt__Resources *resources = take(pool, sizeof(*resources));
    Vgt__Monitor *monitor = take(pool, sizeof(*monitor));

    if (!out || !resources || !monitor)
        return NULL;
    vgt__guest__init(out);
    guest_resources(g, resources);
    out->domid = g->s->domid;
    out->name = g->s->name;
    out->type = g->s->type;
    out->weight = g->s->weight;
    out->state = (char *)(g->untaken && g->s->stage == GUEST_RUNNING ? refused(pool, g->refusal)
                                                                     : stage_name(g->s->stage));
    out->resources = resources;
    out->monitor = vgpu_monitor(g->s, monitor) ? monitor : NULL;
    merge_guest_stats(pool, ask, out);
    return out;
}

static size_t merge_guests(struct pool *pool, const struct ask *ask, Vgt__Guest ***list)
{
    struct broker *b = ask->peer->broker;
    Vgt__Guest **out = take(pool, BROKER_MAX_GUESTS * sizeof(*out));
    size_t n = 0;

    for (unsigned i = 0; out && i < BROKER_MAX_GUESTS; i++) {
        if (!b->guest[i] || (ask->domid && b->guest[i]->s->domid != ask->domid))
            continue;
        out[n] = merge_guest(pool, ask, b->guest[i]);
        n += out[n] != NULL;
    }
    *list = out;
    return n;
}

static Vgt__Gpu *merge_gpu(struct pool *pool, const struct ask *ask)
{
    const struct broker_device *device = &ask->peer->broker->config.device;
    Vgt__Gpu *gpu = take(pool, sizeof(*gpu));
    char *name = take(pool, DEVICE_NAME_SIZE);
    const Vgt__ServiceStats *s;

    if (!gpu || !name)
        return NULL;
    vgt__gpu__init(gpu);
    for (unsigned i = 0; i < ask->count; i++)
        for (size_t at = 0; (s = next_about(&ask->answer[i], 0, &at));) {
            if (ask->answer[i].role == ROLE_GTT && s->gpu)
                *gpu = *s->gpu; /* its lists are borrowed from the answer, or replaced below */
            if (ask->answer[i].role == ROLE_SCHED && s->n_gpu_time) {
                gpu->n_busy = s->n_gpu_time;
                gpu->busy = s->gpu_time;
            }
        }
    gpu->device_id = device->device_id;
    gpu->name = (char *)device_name(device->device_id, name);
    merge_counters(pool, ask, 0, &gpu->n_counters, &gpu->counters);
    return gpu;
}

static const char *service_state(struct pool *pool, const struct service *s)
{
    if (s->refused[0])
        return refused(pool, s->refused);
    if (s->up)
        return "running";
    return broker_now() - s->down_ns < FAILED_NS ? "restarting" : "failed";
}

/* What a service says it found unfinished when it started: of itself and of all guests. */
static uint64_t replayed(const struct ask *ask, const struct service *s)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < ask->count; i++) {
        const struct answer *a = &ask->answer[i];

        if (a->role != s->role || a->domid != s->domid || !a->reply)
            continue;
        for (size_t k = 0; k < a->reply->n_stats; k++)
            for (size_t c = 0; c < a->reply->stats[k]->n_counters; c++)
                if (!strcmp(a->reply->stats[k]->counters[c]->name, "replayed"))
                    sum += a->reply->stats[k]->counters[c]->value;
    }
    return sum;
}

static void describe_start(Vgt__Service *out, const struct service_state *s)
{
    out->restarts = s->starts ? s->starts - 1 : 0;
    out->recovered_s = s->recovered_s;
    out->recovery_ms = s->pause_ms;
}

static Vgt__Service *describe(struct pool *pool, const struct ask *ask, const struct service *s)
{
    Vgt__Service *out = take(pool, sizeof(*out));
    char *name = take(pool, 32);

    if (!out || !name)
        return NULL;
    vgt__service__init(out);
    out->name = (char *)service_name(s, name);
    out->pid = s->wire ? (uint32_t)chan_peer(s->wire->chan).pid : 0;
    describe_start(out, s->s);
    out->replayed = replayed(ask, s);
    out->state = (char *)service_state(pool, s);
    return out;
}

static Vgt__Service *describe_broker(struct pool *pool, const struct broker *b)
{
    Vgt__Service *out = take(pool, sizeof(*out));

    if (!out)
        return NULL;
    vgt__service__init(out);
    out->name = (char *)"vgt-broker";
    out->pid = (uint32_t)getpid();
    describe_start(out, &b->state->broker);
    out->state = (char *)(*b->refusal ? refused(pool, b->refusal) : "running");
    return out;
}

static size_t merge_services(struct pool *pool, const struct ask *ask, Vgt__Service ***list)
{
    struct broker *b = ask->peer->broker;
    Vgt__Service **out = take(pool, (1 + MAX_ANSWERS) * sizeof(*out));
    size_t n = 0;

    *list = out;
    if (!out)
        return 0;
    out[n] = describe_broker(pool, b);
    n += out[n] != NULL;
    for (unsigned i = 0; i < CORE_ROLES; i++) {
        out[n] = describe(pool, ask, &b->service[i]);
        n += out[n] != NULL;
    }
    for (unsigned i = 0; i < BROKER_MAX_GUESTS; i++) {
        out[n] = b->guest[i] ? describe(pool, ask, &b->guest[i]->mmio) : NULL;
        n += out[n] != NULL;
    }
    return n;
}

/* ---- the answers */

static void answer_status(struct pool *pool, struct ask *ask)
{
    Vgt__StatusReply reply = VGT__STATUS_REPLY__INIT;

    reply.n_services = merge_services(pool, ask, &reply.services);
    reply.n_guests = merge_guests(pool, ask, &reply.guests);
    reply.gpu = merge_gpu(pool, ask);
    peer_send(ask->peer, VGT__TYPE__TYPE_STATUS_REPLY, ask->id, &reply.base);
}

static void answer_list(struct pool *pool, struct ask *ask)
{
    Vgt__ListReply reply = VGT__LIST_REPLY__INIT;

    reply.n_guests = merge_guests(pool, ask, &reply.guests);
    peer_send(ask->peer, VGT__TYPE__TYPE_LIST_REPLY, ask->id, &reply.base);
}

static void answer_show(struct pool *pool, struct ask *ask)
{
    Vgt__ShowReply reply = VGT__SHOW_REPLY__INIT;
    Vgt__Guest **guests = NULL;

    if (!merge_guests(pool, ask, &guests)) {
        peer_error(ask->peer, ask->id, ENOENT, "the vGPU of this domain just went away");
        return;
    }
    reply.guest = guests[0];
    peer_send(ask->peer, VGT__TYPE__TYPE_SHOW_REPLY, ask->id, &reply.base);
}

static void answer_types(struct pool *pool, struct ask *ask)
{
    Vgt__TypesReply reply = VGT__TYPES_REPLY__INIT;
    Vgt__VgpuType type[VGPU_TYPES], *list[VGPU_TYPES];
    Vgt__Gpu *gpu = merge_gpu(pool, ask);

    reply.gpu = gpu && gpu->low_total ? gpu : NULL;
    reply.types = list;
    while (vgpu_describe((unsigned)reply.n_types, reply.gpu, &type[reply.n_types])) {
        list[reply.n_types] = &type[reply.n_types];
        reply.n_types++;
    }
    peer_send(ask->peer, VGT__TYPE__TYPE_TYPES_REPLY, ask->id, &reply.base);
}

static void end_ask(struct broker *b, struct ask *ask)
{
    struct ask **link = &b->asks;

    while (*link != ask)
        link = &(*link)->next;
    *link = ask->next;
    for (unsigned i = 0; i < ask->count; i++) {
        calls_cancel(b, &ask->answer[i]);
        if (ask->answer[i].reply)
            vgt__stats_reply__free_unpacked(ask->answer[i].reply, NULL);
    }
    free(ask);
}

static void finish(struct broker *b, struct ask *ask)
{
    struct pool pool = {0};

    if (ask->type == VGT__TYPE__TYPE_STATUS)
        answer_status(&pool, ask);
    else if (ask->type == VGT__TYPE__TYPE_LIST)
        answer_list(&pool, ask);
    else if (ask->type == VGT__TYPE__TYPE_TYPES)
        answer_types(&pool, ask);
    else
        answer_show(&pool, ask);
    drain(&pool);
    end_ask(b, ask);
}

static Vgt__StatsReply *copy_of(const Vgt__StatsReply *reply)
{
    size_t size = vgt__stats_reply__get_packed_size(reply);
    uint8_t *packed = malloc(size ? size : 1);
    Vgt__StatsReply *copy = NULL;

    if (packed) {
        vgt__stats_reply__pack(reply, packed);
        copy = vgt__stats_reply__unpack(NULL, size, packed);
    }
    free(packed);
    return copy;
}

/* The merged reply has to fit one message, whatever a service that is not trusted says of itself.
 */
static bool too_long(struct broker *b, const struct answer *a, const ProtobufCMessage *body)
{
    size_t size = protobuf_c_message_get_packed_size(body);
    struct guest *g = a->role == ROLE_MMIO ? guest_find(b, a->domid) : NULL;

    if (!most[a->role] || size <= most[a->role])
        return false;
    log_limited(b->log, g ? &g->mmio.news : &b->service[ROLE_DISPLAY].news, LOG_WARNING,
                "statistics are too long and left out", "service=%s domid=%u bytes=%zu",
                role_names[a->role], a->domid, size);
    return true;
}

static bool answered(struct broker *b, void *owner, int err, const char *text,
                     const ProtobufCMessage *body)
{
    struct answer *a = owner;

    (void)text;
    if (!err && !too_long(b, a, body))
        a->reply = copy_of((const Vgt__StatsReply *)body);
    if (!--a->ask->pending)
        finish(b, a->ask);
    return false;
}

static void ask_service(struct broker *b, struct ask *ask, struct service *s)
{
    Vgt__StatsRequest request = VGT__STATS_REQUEST__INIT;
    struct answer *a = &ask->answer[ask->count];

    if (!s->up)
        return;
    *a = (struct answer){.ask = ask, .role = s->role, .domid = s->domid};
    if (call_start(b, s, VGT__TYPE__TYPE_STATS, VGT__TYPE__TYPE_STATS_REPLY, &request.base,
                   LIMIT_NS, answered, a))
        return;
    ask->count++;
    ask->pending++;
}

void stats_request(struct peer *p, const struct chan_message *m)
{
    struct broker *b = p->broker;
    struct ask *ask = calloc(1, sizeof(*ask));

    if (!ask) {
        peer_error(p, m->id, ENOMEM, "out of memory");
        return;
    }
    *ask = (struct ask){.next = b->asks, .peer = p, .id = m->id, .type = m->type};
    if (m->type == VGT__TYPE__TYPE_SHOW)
        ask->domid = ((const Vgt__ShowRequest *)m->body)->domid;
    b->asks = ask;
    for (unsigned i = 0; i < CORE_ROLES; i++)
        ask_service(b, ask, &b->service[i]);
    for (unsigned i = 0; m->type != VGT__TYPE__TYPE_TYPES && i < BROKER_MAX_GUESTS; i++)
        if (b->guest[i] && (!ask->domid || b->guest[i]->s->domid == ask->domid))
            ask_service(b, ask, &b->guest[i]->mmio);
    if (!ask->pending)
        finish(b, ask);
}

void stats_lost(struct broker *b, const struct peer *p)
{
    struct ask *next;

    for (struct ask *ask = b->asks; ask; ask = next) {
        next = ask->next;
        if (ask->peer == p)
            end_ask(b, ask);
    }
}
