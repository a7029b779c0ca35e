/* SPDX-License-Identifier: MIT */
/*
 * options.c: the words of the command line. Called by main, before anything else; one thread.
 */
#include "vgtctl/ctl.h"
#include "vgtctl/json.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define URI_SOCKET "unix:/run/vgt/ctl.sock"
#define URI_VCHAN  "vchan:/local/domain/0/vgt/ctl"

static const struct option long_options[] = {
    {"connect", required_argument, NULL, 'c'},
    {"json", no_argument, NULL, 'j'},
    {"timeout", required_argument, NULL, 't'},
    {"output", required_argument, NULL, 'o'},
    {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, 'V'},
    {NULL, 0, NULL, 0},
};

struct parser {
    struct ctl_options *o;
    FILE *out, *err;
    bool finished; /* --help or --version did all there was to do */
};

int ctl_complain(FILE *out, FILE *err, bool json, int code, const char *sentence)
{
    if (json)
        json_error(out, sentence);
    fprintf(err, "vgtctl: %s\n", sentence);
    return code;
}

static int wrong(struct parser *p, const char *format, ...) __attribute__((format(printf, 2, 3)));

static int wrong(struct parser *p, const char *format, ...)
{
    char raw[512], sentence[512];
    va_list args;

    va_start(args, format);
    vsnprintf(raw, sizeof(raw), format, args);
    va_end(args);
    log_clean(sentence, sizeof(sentence), raw);
    return ctl_complain(p->out, p->err, p->o->json, CTL_USAGE, sentence);
}

static void help(FILE *out)
{
    fputs("usage: vgtctl [options] COMMAND\n"
          "Ask vgt, which shares the GPU among virtual machines, or tell it what to show.\n\n",
          out);
    for (const struct ctl_command *c = ctl_commands; c->name; c++)
        fprintf(out, "  %-10s %-11s %s\n", c->name, c->args, c->help);
    fprintf(
        out,
        "\nN is a domain id or a guest's name; 0 or dom0 is dom0's console.\n\n"
        "  -c, --connect URI  unix:PATH or vchan:PATH of the broker (default: $VGT_CTL, else\n"
        "                     %s in dom0,\n"
        "                     else %s)\n"
        "  -j, --json         one line of JSON instead of text\n"
        "  -t, --timeout S    wait so many seconds for an answer (default %u; screenshot %u)\n"
        "  -o, --output FILE  of a screenshot (default screenshot-N.png); - is standard output\n"
        "  -h, --help         show this text\n"
        "  -V, --version      show the version\n",
        URI_VCHAN, URI_SOCKET, CTL_TIMEOUT, CTL_SHOT_TIMEOUT);
}

static bool in_dom0(void)
{
    char line[256] = "";
    FILE *f = fopen("/proc/xen/capabilities", "re");

    if (f) {
        if (!fgets(line, sizeof(line), f))
            *line = 0;
        fclose(f);
    }
    return strstr(line, "control_d") || !access("/dev/xen/xenbus", F_OK);
}

static const char *default_uri(void)
{
    const char *uri = getenv("VGT_CTL");

    if (uri && *uri)
        return uri;
    return in_dom0() ? URI_VCHAN : URI_SOCKET;
}

/* Options that take effect alone. 0 or an exit code. */
static int take(struct parser *p, int opt, const char *word)
{
    char *end;
    unsigned long n;

    switch (opt) {
    case 'c':
        p->o->uri = optarg;
        return 0;
    case 'j':
        p->o->json = true;
        return 0;
    case 'o':
        p->o->output = optarg;
        return 0;
    case 't':
        n = strtoul(optarg, &end, 10);
        p->o->timeout = (unsigned)n;
        if (*optarg < '0' || *optarg > '9' || *end || !n || n > CTL_MAX_TIMEOUT)
            return wrong(p, "--timeout takes 1 to %u seconds, not '%s'", CTL_MAX_TIMEOUT, optarg);
        return 0;
    case ':':
        return wrong(p, "%s needs a value: vgtctl --help shows which", word);
    default:
        return wrong(p, "there is no option '%s': vgtctl --help shows those there are", word);
    }
}

static int show_and_finish(struct parser *p, int opt)
{
    p->finished = true;
    if (opt == 'h')
        help(p->out);
    else
        fprintf(p->out, "vgtctl %s\n", CTL_VERSION);
    return CTL_OK;
}

/* The word getopt stumbled over: a short option in a group stands alone. */
static const char *culprit(char **argv, char letter[3])
{
    const char *word = argv[optind - 1];

    if (optopt && optopt < 256 && strncmp(word, "--", 2)) {
        snprintf(letter, 3, "-%c", optopt);
        return letter;
    }
    return word;
}

static int parse_options(struct parser *p, int argc, char **argv)
{
    char letter[3];
    int opt, code;

    /* Usage errors are objects too, wherever --json stands. */
    for (int i = 1; i < argc; i++)
        p->o->json |= !strcmp(argv[i], "--json") || !strcmp(argv[i], "-j");
    optind = 0; /* start afresh, also when called a second time */
    opterr = 0;
    while ((opt = getopt_long(argc, argv, ":c:jt:o:hV", long_options, NULL)) != -1) {
        if (opt == 'h' || opt == 'V')
            return show_and_finish(p, opt);
        code = take(p, opt, opt == '?' || opt == ':' ? culprit(argv, letter) : "");
        if (code)
            return code;
    }
    return 0;
}

static int check_screenshot(struct parser *p)
{
    if (!p->o->command->output)
        return p->o->output ? wrong(p, "%s writes no file: leave --output out", p->o->command->name)
                            : 0;
    if (!p->o->output || strcmp(p->o->output, "-"))
        return p->o->output && !*p->o->output ? wrong(p, "--output needs the name of a file") : 0;
    if (p->o->json)
        return wrong(p, "--json and the picture cannot share standard output: give --output FILE");
    if (isatty(fileno(p->out)))
        return wrong(p, "standard output is a terminal: redirect it or give --output FILE");
    return 0;
}

static int parse_words(struct parser *p, int argc, char **argv)
{
    const char *name = optind < argc ? argv[optind++] : NULL;

    if (!name)
        return wrong(p, "a command is missing: vgtctl --help shows them");
    p->o->command = ctl_find_command(name);
    if (!p->o->command)
        return wrong(p, "there is no command '%s': vgtctl --help shows those there are", name);
    if (p->o->command->guest) {
        p->o->guest = optind < argc ? argv[optind++] : NULL;
        if (!p->o->guest || !*p->o->guest)
            return wrong(p, "%s needs a domain id or a guest's name: vgtctl list shows them", name);
    }
    if (optind < argc)
        return wrong(p, "'%s' is one word too many: %s takes %s", argv[optind], name,
                     p->o->command->guest ? "one guest" : "none");
    if (strncmp(p->o->uri, "unix:", 5) && strncmp(p->o->uri, "vchan:", 6))
        return wrong(p, "'%s' is no place of a broker: write unix:PATH or vchan:PATH", p->o->uri);
    return check_screenshot(p);
}

int ctl_main(int argc, char **argv, FILE *out, FILE *err)
{
    struct ctl_options options = {.uri = default_uri()};
    struct parser p = {.o = &options, .out = out, .err = err};
    int code = parse_options(&p, argc, argv);

    if (!code && !p.finished)
        code = parse_words(&p, argc, argv);
    if (!code && !p.finished)
        code = ctl_run(&options, out, err);
    if (fflush(out) || ferror(out)) {
        fputs("vgtctl: cannot write to standard output\n", err);
        code = code ? code : CTL_FAILED;
    }
    return code;
}
