/* SPDX-License-Identifier: MIT */
/*
 * ctl.c: commands of the control socket (ctl.h), one handler each. Lines come from people, tests
 * and the walker in dom0; words are checked before use. Loop's thread.
 */
#include "softgpu/ctl.h"

#include "softgpu/ctl_fault.h"
#include "softgpu/device.h"
#include "softgpu/engine.h"
#include "softgpu/fault.h"
#include "softgpu/irq.h"
#include "softgpu/judge.h"
#include "softgpu/power.h"
#include "softgpu/regs.h"
#include "softgpu/screen.h"
#include "softgpu/trace.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define MAX_WORDS   8
#define MAX_DOMAINS 64

struct domains {
    uint16_t id[MAX_DOMAINS];
    unsigned count;
};

struct ctl {
    struct device *device;
    bool client;
    bool loading;           /* between owners begin and commit */
    struct domains pending; /* named in the transaction */
    struct domains known;   /* in the map that is in force */
};

struct ctl *ctl_new(struct device *d)
{
    struct ctl *c = calloc(1, sizeof(*c));

    if (c)
        c->device = d;
    return c;
}

struct ctl *ctl_free(struct ctl *c)
{
    free(c);
    return NULL;
}

void ctl_set_client(struct ctl *c, bool connected)
{
    c->client = connected;
}

static void json_string(FILE *out, const char *s)
{
    fputc('"', out);
    for (; *s; s++) {
        unsigned char ch = (unsigned char)*s;

        if (ch == '"' || ch == '\\')
            fprintf(out, "\\%c", ch);
        else if (ch < 0x20 || ch >= 0x7f)
            fprintf(out, "\\u%04x", ch);
        else
            fputc(ch, out);
    }
    fputc('"', out);
}

static int fail(FILE *out, const char *what, const char *about)
{
    char text[CTL_LINE_MAX + 128];

    snprintf(text, sizeof(text), "%s%s%s", what, about ? ": " : "", about ? about : "");
    fputs("{\"ok\":false,\"error\":", out);
    json_string(out, text);
    fputs("}\n", out);
    return 0;
}

static int done(FILE *out)
{
    fputs("{\"ok\":true}\n", out);
    return 0;
}

/* A whole unsigned number, decimal or 0x hexadecimal, up to max. */
static bool number(const char *word, uint64_t max, uint64_t *out)
{
    char *end;

    if (*word < '0' || *word > '9')
        return false;
    errno = 0;
    *out = strtoull(word, &end, word[0] == '0' && (word[1] | 0x20) == 'x' ? 16 : 10);
    return !errno && !*end && *out <= max;
}

static uint64_t sum(const uint64_t count[ENGINE_COUNT])
{
    uint64_t all = 0;

    for (unsigned e = 0; e < ENGINE_COUNT; e++)
        all += count[e];
    return all;
}

static void print_engines(FILE *out, const struct engines_stats *s, unsigned count)
{
    static const char *const names[ENGINE_COUNT] = {"rcs", "bcs", "vcs", "vecs", "vcs2"};

    fputs("\"engines\":{", out);
    for (unsigned e = 0; e < count; e++)
        fprintf(out,
                "\"%s\":{\"batches\":%" PRIu64 ",\"contexts\":%" PRIu64 ",\"commands\":%" PRIu64
                ",\"unknown\":%" PRIu64 ",\"busy_ns\":%" PRIu64 ",\"slices\":%" PRIu64 "},",
                names[e], s->batches[e], s->contexts[e], s->commands[e], s->unknown[e],
                s->busy_ns[e], s->slices[e]);
    fprintf(out,
            "\"blit_bytes\":%" PRIu64 ",\"faults\":%" PRIu64 ",\"blits_skipped\":%" PRIu64
            "},\"batches\":%" PRIu64 ",\"slices\":%" PRIu64,
            s->blit_bytes, s->faults, s->blits_skipped, sum(s->batches), sum(s->slices));
}

static void print_judge(struct ctl *c, FILE *out)
{
    struct judge *j = device_judge(c->device);

    fprintf(out,
            "\"judge_ready\":%s,\"isolation_violations\":%" PRIu64 ",\"new_stub_pages\":%" PRIu64
            ",\"frames\":{",
            judge_ready(j) ? "true" : "false", judge_violations(j), judge_forgiven(j));
    for (unsigned i = 0; i < c->known.count; i++)
        fprintf(out, "%s\"%u\":%" PRIu64, i ? "," : "", c->known.id[i],
                judge_frames(j, c->known.id[i]));
    fputs("},\"offences\":", out);
    offences_dump_counts(judge_offences(j), out);
}

static void print_trace(struct ctl *c, FILE *out)
{
    struct trace *t = device_trace(c->device);
    struct trace_stats s;

    if (!t)
        return;
    trace_get_stats(t, &s);
    fprintf(out, ",\"trace\":{\"records\":%" PRIu64 ",\"bytes\":%" PRIu64 ",\"lost\":%" PRIu64 "}",
            s.records, s.bytes, s.lost);
}

static int cmd_status(struct ctl *c, char **words, unsigned n, FILE *out)
{
    struct engines_stats stats;
    struct regs_counts regs;
    struct device_counts dev;

    (void)words;
    (void)n;
    engines_get_stats(device_engines(c->device), &stats);
    regs_get_counts(device_regs(c->device), &regs);
    device_get_counts(c->device, &dev);
    fprintf(out,
            "{\"ok\":true,\"client\":%s,\"mmio\":{\"reads\":%" PRIu64 ",\"writes\":%" PRIu64
            "},\"gtt\":{\"reads\":%" PRIu64 ",\"writes\":%" PRIu64
            "},\"aperture\":{\"reads\":%" PRIu64 ",\"writes\":%" PRIu64
            "},\"config\":{\"reads\":%" PRIu64 ",\"writes\":%" PRIu64 "},\"interrupts\":%" PRIu64
            ",\"pcode_illegal\":%u,\"memory_losses\":%" PRIu64 ",",
            c->client ? "true" : "false", dev.mmio_reads, dev.mmio_writes, dev.gtt_reads,
            dev.gtt_writes, dev.aperture_reads, dev.aperture_writes, dev.config_reads,
            dev.config_writes, irq_sent(device_irq(c->device)),
            pcode_illegal(device_pcode(c->device)), dev.memory_losses);
    print_engines(out, &stats, engines_count(device_engines(c->device)));
    fputc(',', out);
    print_judge(c, out);
    fputc(',', out);
    screen_print(device_screen(c->device), out);
    print_trace(c, out);
    fprintf(out, ",\"unknown_accesses\":%" PRIu64 ",\"unknown\":", regs.unknown_access);
    regs_dump_unknown(device_regs(c->device), out);
    fprintf(out, ",\"strict\":%s,\"faults\":",
            engines_strict(device_engines(c->device)) ? "true" : "false");
    faults_dump(device_faults(c->device), out);
    fputs("}\n", out);
    return 0;
}

static int cmd_png(struct ctl *c, char **words, unsigned n, FILE *out)
{
    uint32_t width = 0, height = 0;
    uint64_t pipe;
    int ret;

    (void)n;
    if (!number(words[1], 2, &pipe))
        return fail(out, "pipe must be 0, 1 or 2", words[1]);
    ret = screen_shot(device_screen(c->device), (unsigned)pipe, words[2], &width, &height);
    if (ret == -ENODEV)
        return fail(out, "this pipe is off", words[1]);
    if (ret == -ENOTSUP)
        return fail(out, "the plane has a format that is not supported", NULL);
    if (ret)
        return fail(out, strerror(-ret), words[2]);
    fprintf(out, "{\"ok\":true,\"width\":%u,\"height\":%u}\n", width, height);
    return 0;
}

static int cmd_monitor(struct ctl *c, char **words, unsigned n, FILE *out)
{
    struct hotplug_monitor m;
    enum hotplug_port port;
    int ret;

    (void)n;
    if (hotplug_parse_port(words[1], &port))
        return fail(out, "port must be B or C", words[1]);
    ret = hotplug_parse_monitor(words[2], &m);
    if (ret == -ERANGE)
        return fail(out, "no HDMI mode of this size", words[2]);
    if (ret)
        return fail(out, "monitor must be none, default, WxH or WxH@HZ", words[2]);
    screen_set_monitor(device_screen(c->device), port, &m);
    return done(out);
}

static int owners_begin(struct ctl *c, FILE *out)
{
    int ret = judge_begin(device_judge(c->device));

    if (ret)
        return fail(out, "owners begin", strerror(-ret));
    c->loading = true;
    c->pending.count = 0;
    return done(out);
}

/* From what is known: only the stub's pages are told anew. */
static int owners_stub(struct ctl *c, FILE *out)
{
    int ret = judge_begin_stub(device_judge(c->device));

    if (ret)
        return fail(out, "owners stub", ret == -ENODATA ? "no owners are known" : strerror(-ret));
    c->loading = true;
    c->pending = c->known;
    return done(out);
}

static void remember(struct domains *d, uint16_t id)
{
    for (unsigned i = 0; i < d->count; i++)
        if (d->id[i] == id)
            return;
    if (d->count < MAX_DOMAINS)
        d->id[d->count++] = id;
}

static int owners_add(struct ctl *c, char **words, FILE *out)
{
    uint64_t mfn, count, domid;
    int ret;

    if (!number(words[2], UINT64_MAX >> 12, &mfn))
        return fail(out, "bad frame number", words[2]);
    if (!number(words[3], (UINT64_MAX >> 12) - mfn, &count) || !count)
        return fail(out, "bad count", words[3]);
    if (!number(words[4], JUDGE_DOM_STUB, &domid))
        return fail(out, "bad domain", words[4]);
    if (!c->loading)
        return fail(out, "owners add without owners begin", NULL);
    ret = judge_add(device_judge(c->device), mfn, count, (uint16_t)domid);
    if (ret)
        return fail(out, "owners add", strerror(-ret));
    remember(&c->pending, (uint16_t)domid);
    return done(out);
}

static int owners_commit(struct ctl *c, FILE *out)
{
    int ret;

    if (!c->loading)
        return fail(out, "owners commit without owners begin", NULL);
    c->loading = false;
    ret = judge_commit(device_judge(c->device));
    if (ret)
        return fail(out, "owners commit", strerror(-ret));
    c->known = c->pending;
    return done(out);
}

static int cmd_owners(struct ctl *c, char **words, unsigned n, FILE *out)
{
    if (!strcmp(words[1], "begin") && n == 2)
        return owners_begin(c, out);
    if (!strcmp(words[1], "stub") && n == 2)
        return owners_stub(c, out);
    if (!strcmp(words[1], "add") && n == 5)
        return owners_add(c, words, out);
    if (!strcmp(words[1], "commit") && n == 2)
        return owners_commit(c, out);
    return fail(out,
                "usage: owners begin | owners stub | owners add MFN COUNT DOMID | owners commit",
                NULL);
}

static int cmd_frames(struct ctl *c, char **words, unsigned n, FILE *out)
{
    uint64_t domid;

    (void)n;
    if (!number(words[1], JUDGE_DOM_STUB, &domid))
        return fail(out, "bad domain", words[1]);
    fprintf(out, "{\"ok\":true,\"frames\":%" PRIu64 "}\n",
            judge_frames(device_judge(c->device), (uint16_t)domid));
    return 0;
}

static int cmd_violations(struct ctl *c, char **words, unsigned n, FILE *out)
{
    struct judge *j = device_judge(c->device);

    (void)words;
    (void)n;
    fprintf(out, "{\"ok\":true,\"count\":%" PRIu64 ",\"violations\":", judge_violations(j));
    judge_dump(j, out);
    fputs(",\"offences\":", out);
    offences_dump(judge_offences(j), out);
    fputs("}\n", out);
    return 0;
}

static int cmd_fault(struct ctl *c, char **words, unsigned n, FILE *out)
{
    return ctl_fault(device_faults(c->device), engines_count(device_engines(c->device)), words, n,
                     out);
}

static int cmd_quit(struct ctl *c, char **words, unsigned n, FILE *out)
{
    (void)c;
    (void)words;
    (void)n;
    done(out);
    return CTL_QUIT;
}

struct command {
    const char *name;
    unsigned min, max; /* words, with the name */
    bool walker;       /* allowed on the walker's channel */
    int (*run)(struct ctl *c, char **words, unsigned n, FILE *out);
    const char *usage;
};

static const struct command commands[] = {
    {"status", 1, 1, true, cmd_status, "usage: status"},
    {"png", 3, 3, true, cmd_png, "usage: png PIPE FILE"},
    {"monitor", 3, 3, false, cmd_monitor, "usage: monitor PORT none|default|WxH[@HZ]"},
    {"owners", 2, 5, true, cmd_owners, "usage: owners begin|stub|add|commit"},
    {"frames", 2, 2, true, cmd_frames, "usage: frames DOMID"},
    {"violations", 1, 1, false, cmd_violations, "usage: violations"},
    {"fault", 2, 4, false, cmd_fault, "usage: fault NAME [ENGINE] [COUNT] | list | clear"},
    {"quit", 1, 1, false, cmd_quit, "usage: quit"},
};

static const struct command *find(const char *name)
{
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
        if (!strcmp(commands[i].name, name))
            return &commands[i];
    return NULL;
}

int ctl_line(struct ctl *c, const char *line, bool walker, FILE *out)
{
    char copy[CTL_LINE_MAX + 1];
    char *words[MAX_WORDS];
    const struct command *cmd;
    unsigned n = 0;
    char *save = NULL;

    if (strlen(line) >= sizeof(copy))
        return fail(out, "line too long", NULL);
    strcpy(copy, line);
    for (char *w = strtok_r(copy, " \t\r", &save); w; w = strtok_r(NULL, " \t\r", &save)) {
        if (n == MAX_WORDS)
            return fail(out, "too many words", NULL);
        words[n++] = w;
    }
    if (!n)
        return fail(out, "empty command", NULL);
    cmd = find(words[0]);
    if (!cmd)
        return fail(out, "unknown command", words[0]);
    if (walker && !cmd->walker)
        return fail(out, "not allowed on this channel", words[0]);
    if (n < cmd->min || n > cmd->max)
        return fail(out, cmd->usage, NULL);
    return cmd->run(c, words, n, out);
}
