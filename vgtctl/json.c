/* SPDX-License-Identifier: MIT */
/*
 * json.c: answers as JSON, built with json-c. Called by the commands when --json was given. Names
 * of counters and engines are the broker's: a name that comes twice is added up, so that a key
 * stands once in an object.
 */
#include "vgtctl/json.h"

#include "lib/log.h"

#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

static json_object *string(const char *text)
{
    uint32_t size = (uint32_t)strlen(text) + 1;
    char *clean = malloc(size);
    json_object *o;

    if (!clean)
        return json_object_new_string("");
    log_clean(clean, size, text);
    o = json_object_new_string(clean);
    free(clean);
    return o;
}

static void number(json_object *o, const char *key, uint64_t value)
{
    json_object_object_add(o, key, json_object_new_uint64(value));
}

/* A key from outside. */
static void add(json_object *o, const char *key, uint64_t value)
{
    uint32_t size = (uint32_t)strlen(key) + 1;
    char *clean = malloc(size);
    json_object *old;

    if (!clean)
        return;
    log_clean(clean, size, key);
    if (json_object_object_get_ex(o, clean, &old))
        value += json_object_get_uint64(old);
    number(o, clean, value);
    free(clean);
}

static json_object *counters(size_t n, Vgt__Counter **list)
{
    json_object *o = json_object_new_object();

    for (size_t i = 0; i < n; i++)
        add(o, list[i]->name, list[i]->value);
    return o;
}

static json_object *times(size_t n, Vgt__EngineTime **list)
{
    json_object *o = json_object_new_object();

    for (size_t i = 0; i < n; i++)
        add(o, list[i]->engine, list[i]->time_us);
    return o;
}

static json_object *resources(const Vgt__Resources *r)
{
    static const Vgt__Resources none = VGT__RESOURCES__INIT;
    json_object *o = json_object_new_object();

    if (!r)
        r = &none;
    number(o, "low_base", r->low_base);
    number(o, "low_size", r->low_size);
    number(o, "high_base", r->high_base);
    number(o, "high_size", r->high_size);
    number(o, "fence_base", r->fence_base);
    number(o, "fences", r->fences);
    return o;
}

static json_object *hex(const ProtobufCBinaryData *bytes)
{
    char *text = malloc(2 * bytes->len + 1);
    json_object *o;

    if (!text)
        return json_object_new_string("");
    *text = 0;
    for (size_t i = 0; i < bytes->len; i++)
        snprintf(text + 2 * i, 3, "%02x", bytes->data[i]);
    o = json_object_new_string(text);
    free(text);
    return o;
}

static json_object *quarantined(size_t n, Vgt__Quarantined **list)
{
    json_object *array = json_object_new_array();

    for (size_t i = 0; i < n; i++) {
        json_object *o = json_object_new_object();

        json_object_object_add(o, "service", string(list[i]->service));
        json_object_object_add(o, "kind", string(list[i]->kind));
        json_object_object_add(o, "text", string(list[i]->text));
        json_object_object_add(o, "bytes", hex(&list[i]->input));
        number(o, "deaths", list[i]->deaths);
        number(o, "skipped", list[i]->skipped);
        number(o, "at_s", list[i]->at_s);
        json_object_array_add(array, o);
    }
    return array;
}

static json_object *monitor(const Vgt__Monitor *m)
{
    json_object *o;

    if (!m)
        return NULL; /* null */
    o = json_object_new_object();
    number(o, "width", m->width);
    number(o, "height", m->height);
    number(o, "refresh", m->refresh);
    return o;
}

static json_object *guest_object(const Vgt__Guest *g)
{
    json_object *o = json_object_new_object();

    number(o, "domid", g->domid);
    json_object_object_add(o, "name", string(g->name));
    json_object_object_add(o, "state", string(g->state));
    json_object_object_add(o, "type", string(g->type));
    json_object_object_add(o, "foreground", json_object_new_boolean(g->foreground));
    number(o, "weight", g->weight);
    number(o, "batches", g->batches);
    json_object_object_add(o, "gpu_time_us", times(g->n_gpu_time, g->gpu_time));
    json_object_object_add(o, "resources", resources(g->resources));
    json_object_object_add(o, "counters", counters(g->n_counters, g->counters));
    number(o, "quarantined_inputs", g->quarantined_inputs);
    number(o, "hangs", g->hangs);
    number(o, "throttled_ms", g->throttled_ms);
    json_object_object_add(o, "monitor", monitor(g->monitor));
    return o;
}

static json_object *guests(size_t n, Vgt__Guest **list)
{
    json_object *o = json_object_new_array();

    for (size_t i = 0; i < n; i++)
        json_object_array_add(o, guest_object(list[i]));
    return o;
}

static json_object *services(size_t n, Vgt__Service **list)
{
    json_object *array = json_object_new_array();

    for (size_t i = 0; i < n; i++) {
        json_object *o = json_object_new_object();

        json_object_object_add(o, "name", string(list[i]->name));
        number(o, "pid", list[i]->pid);
        json_object_object_add(o, "state", string(list[i]->state));
        number(o, "restarts", list[i]->restarts);
        number(o, "recovered_s", list[i]->recovered_s);
        number(o, "recovery_ms", list[i]->recovery_ms);
        number(o, "replayed", list[i]->replayed);
        json_object_array_add(array, o);
    }
    return array;
}

static json_object *gpu(const Vgt__Gpu *g)
{
    json_object *o;

    if (!g)
        return NULL; /* null */
    o = json_object_new_object();
    json_object_object_add(o, "name", string(g->name));
    number(o, "device_id", g->device_id);
    number(o, "low_total", g->low_total);
    number(o, "low_free", g->low_free);
    number(o, "high_total", g->high_total);
    number(o, "high_free", g->high_free);
    number(o, "fences_total", g->fences_total);
    number(o, "fences_free", g->fences_free);
    json_object_object_add(o, "busy_us", times(g->n_busy, g->busy));
    json_object_object_add(o, "counters", counters(g->n_counters, g->counters));
    return o;
}

/* Takes o. */
static void print(FILE *out, json_object *o)
{
    const char *text =
        json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);

    if (text)
        fprintf(out, "%s\n", text);
    json_object_put(o);
}

void json_status(FILE *out, const Vgt__StatusReply *reply)
{
    json_object *o = json_object_new_object();

    json_object_object_add(o, "services", services(reply->n_services, reply->services));
    json_object_object_add(o, "gpu", gpu(reply->gpu));
    json_object_object_add(o, "guests", guests(reply->n_guests, reply->guests));
    print(out, o);
}

void json_list(FILE *out, const Vgt__ListReply *reply)
{
    json_object *o = json_object_new_object();

    json_object_object_add(o, "guests", guests(reply->n_guests, reply->guests));
    print(out, o);
}

static json_object *type_object(const Vgt__VgpuType *t, bool known)
{
    json_object *o = json_object_new_object();

    json_object_object_add(o, "name", string(t->name));
    number(o, "low_size", (uint64_t)t->low_mb << 20);
    number(o, "high_size", (uint64_t)t->high_mb << 20);
    number(o, "fences", t->fences);
    number(o, "weight", t->weight);
    json_object_object_add(o, "default", json_object_new_boolean(t->usual));
    json_object_object_add(o, "fit", known ? json_object_new_uint64(t->fit) : NULL);
    return o;
}

void json_types(FILE *out, const Vgt__TypesReply *reply)
{
    json_object *o = json_object_new_object(), *array = json_object_new_array();

    for (size_t i = 0; i < reply->n_types; i++)
        json_object_array_add(array, type_object(reply->types[i], reply->gpu));
    json_object_object_add(o, "types", array);
    json_object_object_add(o, "gpu", gpu(reply->gpu));
    print(out, o);
}

void json_guest(FILE *out, const Vgt__Guest *guest)
{
    json_object *o = guest_object(guest);

    json_object_object_add(o, "quarantined", quarantined(guest->n_quarantined, guest->quarantined));
    print(out, o);
}

void json_switch(FILE *out, uint32_t domid, uint32_t ms)
{
    json_object *o = json_object_new_object();

    number(o, "to", domid);
    number(o, "ms", ms);
    print(out, o);
}

void json_screenshot(FILE *out, const char *file, uint32_t width, uint32_t height)
{
    json_object *o = json_object_new_object();

    /* The caller's own name, unchanged: it is to be opened. */
    json_object_object_add(o, "file", json_object_new_string(file));
    number(o, "width", width);
    number(o, "height", height);
    print(out, o);
}

void json_error(FILE *out, const char *sentence)
{
    json_object *o = json_object_new_object();

    json_object_object_add(o, "error", string(sentence));
    print(out, o);
}
