/* SPDX-License-Identifier: MIT */
/*
 * main.c: the command line of softgpu, a software Haswell or Broadwell GPU behind vfio-user.
 */
#include "softgpu/display.h"
#include "softgpu/model.h"
#include "softgpu/server.h"
#include "softgpu/trace_format.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
    "usage: softgpu --socket PATH [options]\n"
    "A software Intel GPU, Haswell or Broadwell, as a vfio-user device.\n"
    "\n"
    "  -s, --socket PATH         listen here for the virtual machine (vfio-user-pci)\n"
    "  -c, --ctl PATH            listen here for control commands\n"
    "  -g, --gpu MODEL           hsw (8086:0412), bdw (8086:1616, the default) or a device id;\n"
    "                            list: print all\n"
    "  -j, --judge-chan PATH     listen here for the page walker's channel\n"
    "      --judge-connect PATH  connect the walker's channel to a socket that listens\n"
    "      --slow-display N      let the pipes run N times slower (1 to 256)\n"
    "      --fault NAME[:ENGINE[:COUNT]]  let a fault happen (repeatable; see fault list)\n"
    "      --strict              refuse work for engines before their initialisation\n"
    "      --swizzle MODE        the machine's memory channels: none (unlike), 9 or 9_10 (alike)\n"
    "      --monitor PORT:MODE   what is plugged at port B or C: none, default or WxH[@HZ]\n"
    "      --export PIPE:PATTERN[:FPS]\n"
    "                            write what pipe 0, 1 or 2 shows to PNG files (%d in PATTERN), "
    "one\n"
    "                            per vertical blank or at most FPS per second\n"
    "      --cost FILE           let work take the time that this cost model says (man page)\n"
    "      --trace FILE          log accesses, commands, interrupts (softgpu-trace reads it)\n"
    "      --trace-events LIST   what to log: reg,config,gtt,aperture,command,batch,context,\n"
    "                            irq,reset or all (default: all but gtt and aperture)\n"
    "      --once                end when the virtual machine has gone\n"
    "  -v, --verbose             report connections on standard error\n"
    "  -h, --help                show this text\n"
    "\n"
    "Control commands: status, png PIPE FILE, monitor PORT MODE, owners begin|stub|add MFN COUNT\n"
    "DOMID|commit, frames DOMID, violations, fault NAME [ENGINE] [COUNT], fault list, fault "
    "clear,\n"
    "quit.\n"
    "One line each, one line of JSON as answer. ENGINE: rcs, bcs, vcs, vecs, vcs2 (where there\n"
    "is one) or any (unless given). COUNT: times (1 unless given), or forever.\n";

enum {
    OPT_ONCE = 256,
    OPT_CONNECT,
    OPT_SLOW,
    OPT_FAULT,
    OPT_STRICT,
    OPT_MONITOR,
    OPT_EXPORT,
    OPT_COST,
    OPT_TRACE,
    OPT_EVENTS,
    OPT_SWIZZLE,
};

static const struct option options[] = {
    {"socket", required_argument, NULL, 's'},
    {"ctl", required_argument, NULL, 'c'},
    {"gpu", required_argument, NULL, 'g'},
    {"judge-chan", required_argument, NULL, 'j'},
    {"judge-connect", required_argument, NULL, OPT_CONNECT},
    {"slow-display", required_argument, NULL, OPT_SLOW},
    {"fault", required_argument, NULL, OPT_FAULT},
    {"strict", no_argument, NULL, OPT_STRICT},
    {"swizzle", required_argument, NULL, OPT_SWIZZLE},
    {"monitor", required_argument, NULL, OPT_MONITOR},
    {"export", required_argument, NULL, OPT_EXPORT},
    {"cost", required_argument, NULL, OPT_COST},
    {"trace", required_argument, NULL, OPT_TRACE},
    {"trace-events", required_argument, NULL, OPT_EVENTS},
    {"once", no_argument, NULL, OPT_ONCE},
    {"verbose", no_argument, NULL, 'v'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static bool gpu(const char *text, const struct model **out)
{
    const struct model *m;

    *out = model_find(text);
    if (*out)
        return true;
    fprintf(stderr, "softgpu: --gpu: there is no '%s', only hsw, bdw and the device ids", text);
    for (unsigned i = 0; (m = model_at(i)); i++)
        fprintf(stderr, "%s%04x", i % 16 ? " " : "\n  ", m->device);
    fputs("\nsoftgpu: --gpu list says what they are\n", stderr);
    return false;
}

static bool factor(const char *text, unsigned *out)
{
    char *end;
    unsigned long n = strtoul(text, &end, 10);

    if (*text < '0' || *text > '9' || *end || n < 1 || n > DISPLAY_MAX_SLOWDOWN) {
        fprintf(stderr, "softgpu: --slow-display takes 1 to %u, not '%s'\n", DISPLAY_MAX_SLOWDOWN,
                text);
        return false;
    }
    *out = (unsigned)n;
    return true;
}

static bool add_fault(const char *text, struct server_options *o)
{
    int ret;

    if (o->faults == SERVER_MAX_FAULTS) {
        fprintf(stderr, "softgpu: --fault may be given %u times\n", SERVER_MAX_FAULTS);
        return false;
    }
    ret = fault_parse_text(text, &o->fault[o->faults]);
    if (ret) {
        fprintf(stderr, "softgpu: --fault %s: ", text);
        fault_explain(ret, stderr);
        fputc('\n', stderr);
        return false;
    }
    o->faults++;
    return true;
}

static bool monitor(const char *text, struct server_options *o)
{
    char name[2] = {text[0]};
    enum hotplug_port port;
    int ret = -EINVAL;

    if (name[0] && text[1] == ':' && !hotplug_parse_port(name, &port))
        ret = hotplug_parse_monitor(text + 2, &o->monitor[port]);
    if (ret == -ERANGE)
        fprintf(stderr, "softgpu: --monitor: there is no HDMI mode for '%s'\n", text + 2);
    else if (ret)
        fprintf(stderr, "softgpu: --monitor takes B:MODE or C:MODE, not '%s'\n", text);
    return !ret;
}

static bool add_export(const char *text, struct server_options *o)
{
    if (o->export_count == EXPORT_MAX) {
        fprintf(stderr, "softgpu: more than %u --export options\n", EXPORT_MAX);
        return false;
    }
    if (export_parse(text, &o->exports[o->export_count])) {
        fprintf(stderr,
                "softgpu: --export takes PIPE:PATTERN[:FPS] with a %%d in PATTERN, not '%s'\n",
                text);
        return false;
    }
    o->export_count++;
    return true;
}

/* Names of classes with commas between them. Changes list. */
static bool events(char *list, unsigned *classes)
{
    char *save = NULL;

    *classes = 0;
    for (char *w = strtok_r(list, ",", &save); w; w = strtok_r(NULL, ",", &save)) {
        unsigned class = strcmp(w, "all") ? trace_class(w) : TRACE_EVERY;

        if (!class) {
            fprintf(stderr, "softgpu: --trace-events knows");
            for (unsigned i = 0; trace_class_name(i); i++)
                fprintf(stderr, " %s,", trace_class_name(i));
            fprintf(stderr, " all, not '%s'\n", w);
            return false;
        }
        *classes |= class;
    }
    if (!*classes)
        fprintf(stderr, "softgpu: --trace-events names nothing\n");
    return *classes;
}

static bool swizzle(const char *text, enum tile_swizzle *out)
{
    if (!tile_swizzle_parse(text, out) && *out <= TILE_SWIZZLE_9_10)
        return true;
    fprintf(stderr, "softgpu: --swizzle takes none, 9 or 9_10, not '%s'\n", text);
    return false;
}

/* 0: run; 1: help was asked for; 2: the list of GPUs was; -1: wrong. */
static int parse(int argc, char **argv, struct server_options *o)
{
    int opt;

    while ((opt = getopt_long(argc, argv, "s:c:g:j:vh", options, NULL)) != -1) {
        switch (opt) {
        case 's':
            o->socket = optarg;
            break;
        case 'c':
            o->ctl = optarg;
            break;
        case 'g':
            if (!strcmp(optarg, "list"))
                return 2;
            if (!gpu(optarg, &o->model))
                return -1;
            break;
        case 'j':
            o->judge_chan = optarg;
            break;
        case OPT_CONNECT:
            o->judge_connect = optarg;
            break;
        case OPT_SLOW:
            if (!factor(optarg, &o->slowdown))
                return -1;
            break;
        case OPT_FAULT:
            if (!add_fault(optarg, o))
                return -1;
            break;
        case OPT_STRICT:
            o->strict = true;
            break;
        case OPT_MONITOR:
            if (!monitor(optarg, o))
                return -1;
            break;
        case OPT_EXPORT:
            if (!add_export(optarg, o))
                return -1;
            break;
        case OPT_SWIZZLE:
            if (!swizzle(optarg, &o->swizzle))
                return -1;
            break;
        case OPT_COST:
            o->cost = optarg;
            break;
        case OPT_TRACE:
            o->trace = optarg;
            break;
        case OPT_EVENTS:
            if (!events(optarg, &o->trace_classes))
                return -1;
            break;
        case OPT_ONCE:
            o->once = true;
            break;
        case 'v':
            o->verbose = true;
            break;
        case 'h':
            return 1;
        default:
            return -1;
        }
    }
    if (optind != argc) {
        fprintf(stderr, "softgpu: unexpected argument '%s'\n", argv[optind]);
        return -1;
    }
    if (!o->socket) {
        fprintf(stderr, "softgpu: --socket PATH is missing\n");
        return -1;
    }
    return 0;
}

int main(int argc, char **argv)
{
    struct server_options o = {.trace_classes = TRACE_EVERY & ~TRACE_BY_CHOICE};
    int ret = parse(argc, argv, &o);

    if (ret > 0) {
        if (ret == 1)
            fputs(usage, stdout);
        else
            model_list(stdout);
        return EXIT_SUCCESS;
    }
    if (ret < 0) {
        fprintf(stderr, "Try 'softgpu --help'.\n");
        return 2;
    }
    return server_run(&o) ? EXIT_FAILURE : EXIT_SUCCESS;
}
