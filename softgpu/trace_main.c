/* SPDX-License-Identifier: MIT */
/*
 * trace_main.c: softgpu-trace: prints what softgpu --trace wrote. One thread.
 */
#include "softgpu/trace_names.h"
#include "softgpu/trace_print.h"
#include "softgpu/trace_read.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
    "usage: softgpu-trace [options] FILE\n"
    "Prints a log of softgpu --trace; FILE may be - for standard input.\n"
    "\n"
    "  -e, --engine LIST     only of these: rcs, bcs, vcs, vcs2, vecs, cpu\n"
    "  -k, --kind LIST       only these kinds (reg-write, command, ...) or classes (reg, irq, "
    "...)\n"
    "  -o, --offset A[-B]    only with an address in this range: registers by BAR0 offset,\n"
    "                        commands and batches by GPU address\n"
    "  -c, --context N       only of this context, by id or LRCA\n"
    "  -s, --summary         counts per engine, command and register instead of lines\n"
    "  -h, --help            show this text\n"
    "\n"
    "Kinds:";

static const struct option options[] = {
    {"engine", required_argument, NULL, 'e'},
    {"kind", required_argument, NULL, 'k'},
    {"offset", required_argument, NULL, 'o'},
    {"context", required_argument, NULL, 'c'},
    {"summary", no_argument, NULL, 's'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

struct program {
    struct trace_filter filter;
    struct trace_names *names;
    struct trace_summary *summary; /* NULL: print lines */
    uint64_t begin_ns;
    bool out_of_memory;
};

static void help(void)
{
    fputs(usage, stdout);
    for (unsigned k = 0; k < TRACE_KINDS; k++)
        if (trace_kind_name(k))
            printf(" %s", trace_kind_name(k));
    fputs(".\nClasses:", stdout);
    for (unsigned i = 0; trace_class_name(i); i++)
        printf(" %s", trace_class_name(i));
    fputs(".\n", stdout);
}

static bool filter_option(struct trace_filter *f, int opt, const char *text)
{
    static const struct {
        int opt;
        bool (*add)(struct trace_filter *f, const char *text);
        const char *what;
    } table[] = {
        {'e', trace_filter_sources, "--engine takes rcs, bcs, vcs, vcs2, vecs, cpu"},
        {'k', trace_filter_kinds, "--kind takes kinds and classes of --help"},
        {'o', trace_filter_range, "--offset takes a number or FIRST-LAST"},
        {'c', trace_filter_context, "--context takes a number of 32 bits"},
    };

    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        if (table[i].opt != opt)
            continue;
        if (table[i].add(f, text))
            return true;
        fprintf(stderr, "softgpu-trace: %s, not '%s'\n", table[i].what, text);
    }
    return false;
}

/* 0: go on; 1: help was asked for; -1: wrong. */
static int parse(int argc, char **argv, struct program *p, bool *summary)
{
    int opt;

    while ((opt = getopt_long(argc, argv, "e:k:o:c:sh", options, NULL)) != -1) {
        if (opt == 'h')
            return 1;
        if (opt == 's')
            *summary = true;
        else if (opt == '?' || !filter_option(&p->filter, opt, optarg))
            return -1;
    }
    if (optind + 1 == argc)
        return 0;
    fprintf(stderr, optind == argc ? "softgpu-trace: FILE is missing\n"
                                   : "softgpu-trace: there is more than one FILE\n");
    return -1;
}

static void begin(void *opaque, const struct trace_header *h)
{
    ((struct program *)opaque)->begin_ns = h->monotonic_ns;
}

static void visit(void *opaque, const struct trace_record *r)
{
    struct program *p = opaque;

    if (!trace_filter_passes(&p->filter, r))
        return;
    if (!p->summary)
        trace_print(stdout, p->names, r, p->begin_ns);
    else if (!trace_summary_add(p->summary, r))
        p->out_of_memory = true;
}

static int show(struct program *p, const char *path)
{
    const struct trace_reader reader = {.visit = visit, .begin = begin, .opaque = p};
    struct trace_problem problem;
    FILE *in = strcmp(path, "-") ? fopen(path, "rb") : stdin;
    int ret;

    if (!in) {
        fprintf(stderr, "softgpu-trace: %s: %s\n", path, strerror(errno));
        return -errno;
    }
    ret = trace_read(in, &reader, &problem);
    if (p->summary)
        trace_summary_print(p->summary, p->names, stdout);
    if (fflush(stdout) || ferror(stdout)) {
        fprintf(stderr, "softgpu-trace: cannot write: %s\n", strerror(errno));
        ret = -EIO;
    } else if (ret) {
        fprintf(stderr, "softgpu-trace: %s: offset %" PRIu64 ": %s\n", path, problem.offset,
                problem.what);
    }
    if (p->out_of_memory)
        fprintf(stderr, "softgpu-trace: out of memory: the summary is not complete\n");
    if (in != stdin)
        fclose(in);
    return ret ? ret : p->out_of_memory ? -ENOMEM : 0;
}

int main(int argc, char **argv)
{
    struct program p = {0};
    bool summary = false;
    int ret = parse(argc, argv, &p, &summary);

    if (ret > 0) {
        help();
        return EXIT_SUCCESS;
    }
    if (ret < 0) {
        fprintf(stderr, "Try 'softgpu-trace --help'.\n");
        return 2;
    }
    p.names = trace_names_new();
    p.summary = summary ? trace_summary_new() : NULL;
    if (!p.names || (summary && !p.summary)) {
        fprintf(stderr, "softgpu-trace: out of memory\n");
        ret = -ENOMEM;
    } else {
        ret = show(&p, argv[optind]);
    }
    trace_summary_free(p.summary);
    trace_names_free(p.names);
    return ret ? EXIT_FAILURE : EXIT_SUCCESS;
}
