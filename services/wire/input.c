/* SPDX-License-Identifier: MIT */
/* input.c: see input.h. Called by services when they attach and when they are asked for their
 * statistics. */
#include "services/wire/input.h"

#include "lib/last_words.h"
#include "vmm/vmm.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define BAR0_SIZE (UINT64_C(16) << 20)

static void text_access(const uint64_t *w, char *out, size_t size)
{
    uint64_t how = w[WIRE_ACCESS_HOW], at = w[WIRE_ACCESS_ADDR];
    unsigned count = (uint32_t)how, space = how >> 32 & 0xff, bytes = how >> 40 & 0xff;
    bool write = how >> 48 & 0xff,
         in_bar0 = space == VMM_MMIO && w[WIRE_ACCESS_BAR0] && at - w[WIRE_ACCESS_BAR0] < BAR0_SIZE;
    const char *where = in_bar0               ? "BAR0+"
                        : space == VMM_CONFIG ? "config "
                        : space == VMM_GUEST  ? "memory "
                                              : "";
    int n = snprintf(out, size, "%s of %u bytes at %s0x%" PRIx64, write ? "write" : "read", bytes,
                     where, in_bar0 ? at - w[WIRE_ACCESS_BAR0] : at);

    if (count != 1 && n > 0 && (size_t)n < size)
        n += snprintf(out + n, size - n, ", %u times", count);
    if (w[WIRE_ACCESS_DATA] && n > 0 && (size_t)n < size)
        snprintf(out + n, size - n, ", data 0x%" PRIx64, w[WIRE_ACCESS_DATA]);
}

static void text_message(const uint64_t *w, char *out, size_t size)
{
    snprintf(out, size, "kind %u, epoch %" PRIu64, (uint32_t)w[0], w[1]);
}

static void text_ggtt(const uint64_t *w, char *out, size_t size)
{
    snprintf(out, size, "entry %" PRIu64 " = 0x%" PRIx64, w[0], w[1]);
}

static void text_fence(const uint64_t *w, char *out, size_t size)
{
    snprintf(out, size, "fence %" PRIu64 " = 0x%" PRIx64, w[0], w[1]);
}

static void text_root(const uint64_t *w, char *out, size_t size)
{
    snprintf(out, size, "%" PRIu64 " levels, root 0x%" PRIx64, w[0], w[1]);
}

static void text_table_entry(const uint64_t *w, char *out, size_t size)
{
    snprintf(out, size, "frame 0x%" PRIx64 ", level %u, entry %u = 0x%" PRIx64, w[0],
             (unsigned)(w[1] >> 32), (unsigned)(uint32_t)w[1], w[2]);
}

static void text_ahead(const uint64_t *w, char *out, size_t size)
{
    snprintf(out, size, "frame 0x%" PRIx64, w[0]);
}

static void text_request(const uint64_t *w, char *out, size_t size)
{
    snprintf(out, size,
             "kind %u, engine %u, number %" PRIu64 ", descriptors 0x%" PRIx64 " 0x%" PRIx64,
             (uint32_t)w[0], (uint32_t)(w[0] >> 32), w[2], w[3], w[4]);
}

static void text_context(const uint64_t *w, char *out, size_t size)
{
    snprintf(out, size, "engine %" PRIu64 ", descriptor 0x%" PRIx64, w[0], w[1]);
}

static void text_image(const uint64_t *w, char *out, size_t size)
{
    uint32_t ring = (uint32_t)w[WIRE_IMAGE_START_CTL];
    uint64_t at = w[WIRE_IMAGE_HEAD_TAIL];

    snprintf(
        out, size,
        "engine %u, descriptor 0x%" PRIx64 ", ring 0x%x head 0x%x tail 0x%x, root 0x%" PRIx64 "%s",
        (uint8_t)w[WIRE_IMAGE_ENGINE], w[WIRE_IMAGE_DESC], ring, (uint32_t)at, (uint32_t)(at >> 32),
        w[WIRE_IMAGE_ROOT], w[WIRE_IMAGE_ENGINE] & WIRE_IMAGE_APPEND ? ", running" : "");
}

static void text_command(const uint64_t *w, char *out, size_t size)
{
    static const char *const where[] = {"ring", "batch", "inner batch", "context batch"};
    uint64_t how = w[WIRE_COMMAND_HOW];
    unsigned place = how >> 8 & 0xff;

    snprintf(out, size, "engine %u, %s, %u dwords: 0x%08x 0x%08x ...", (uint8_t)how,
             place < sizeof(where) / sizeof(where[0]) ? where[place] : "?", (unsigned)(how >> 32),
             (uint32_t)w[WIRE_COMMAND_BYTES], (uint32_t)(w[WIRE_COMMAND_BYTES] >> 32));
}

static void text_save(const uint64_t *w, char *out, size_t size)
{
    snprintf(out, size, "engine %" PRIu64 ", descriptor 0x%" PRIx64 ", ring 0x%x tail 0x%" PRIx64,
             w[WIRE_SAVE_ENGINE], w[WIRE_SAVE_DESC], (uint32_t)w[WIRE_SAVE_RING],
             w[WIRE_SAVE_TAIL]);
}

static void text_status(const uint64_t *w, char *out, size_t size)
{
    snprintf(out, size, "engine %" PRIu64 ", page 0x%" PRIx64 ", entry 0x%" PRIx64, w[0], w[1],
             w[2]);
}

static const struct {
    const char *name;
    void (*text)(const uint64_t *w, char *out, size_t size);
} kinds[WIRE_INPUTS] = {
    [WIRE_INPUT_ACCESS] = {"access", text_access},
    [WIRE_INPUT_MESSAGE] = {"message", text_message},
    [WIRE_INPUT_GGTT_ENTRY] = {"ggtt-entry", text_ggtt},
    [WIRE_INPUT_FENCE] = {"fence", text_fence},
    [WIRE_INPUT_ROOT] = {"root", text_root},
    [WIRE_INPUT_TABLE_ENTRY] = {"table-entry", text_table_entry},
    [WIRE_INPUT_TABLE_AHEAD] = {"table-ahead", text_ahead},
    [WIRE_INPUT_REQUEST] = {"request", text_request},
    [WIRE_INPUT_CONTEXT] = {"context", text_context},
    [WIRE_INPUT_IMAGE] = {"image", text_image},
    [WIRE_INPUT_COMMAND] = {"command", text_command},
    [WIRE_INPUT_SAVE] = {"save", text_save},
    [WIRE_INPUT_STATUS] = {"status-page", text_status},
    [WIRE_INPUT_RECORD] = {"record", text_save},
};

const char *wire_input_name(uint32_t kind)
{
    return kind < WIRE_INPUTS && kinds[kind].name ? kinds[kind].name : "unknown";
}

void wire_input_text(const struct quarantine_input *input, char out[WIRE_INPUT_TEXT])
{
    *out = 0;
    if (input->kind < WIRE_INPUTS && kinds[input->kind].text)
        kinds[input->kind].text(input->word, out, WIRE_INPUT_TEXT);
}

static void hex(const struct quarantine_input *input, char *out)
{
    const uint8_t *bytes = (const uint8_t *)input->word;

    *out = 0;
    for (unsigned i = 0; i < input->words * sizeof(input->word[0]); i++)
        snprintf(out + 2 * i, 3, "%02x", bytes[i]);
}

void wire_input_tell(struct quarantine *q, const struct log *log, uint32_t domid)
{
    char text[WIRE_INPUT_TEXT], bytes[2 * sizeof(((struct quarantine_input *)0)->word) + 1];
    struct quarantine_item item;

    while (quarantine_news(q, &item)) {
        wire_input_text(&item.input, text);
        hex(&item.input, bytes);
        log_write(log, LOG_ERR, "an input that kills is quarantined",
                  "domid=%u kind=%s deaths=%u what=\"%s\" bytes=%s", domid,
                  wire_input_name(item.input.kind), quarantine_deaths(&item), text, bytes);
    }
}

void wire_input_attach(struct quarantine *q, struct quarantine_table *table, const struct log *log,
                       uint32_t domid)
{
    quarantine_attach(q, table);
    if (last_words_add(quarantine_fatal(q), q->life))
        quarantine_announce(q);
    wire_input_tell(q, log, domid);
    if (quarantine_full(q))
        log_write(log, LOG_ERR, "a guest is given up: too many inputs that kill", "domid=%u",
                  domid);
}

void wire_input_detach(struct quarantine *q)
{
    if (q->table)
        last_words_drop(quarantine_fatal(q));
    *q = (struct quarantine){0};
}
