/* SPDX-License-Identifier: MIT */
/*
 * load_main.c: vgt-rig-load: a guest (or, with --bare, softgpu's only driver) that works when it is
 * told to, for benchmarks (load.h, docs/rig.md). It reads lines
 *
 *   run LENGTHS DEPTH FROM TO    batches of so many microseconds ("100", "100,1000,5000"), so many
 *                                queued; what counts lies between these times of CLOCK_MONOTONIC,
 * ns quit
 *
 * and answers each run with one, "load domid=N KEY=VALUE ...", with status=0 if all of it was done
 * and right. With --now it says what time that is. One thread.
 */
#include "tests/rig/load.h"
#include "tests/rig/vcpu.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct options {
    const char *dir, *bare, *in, *out;
    uint32_t domid, mib;
    double limit;
    bool screen;
};

static bool parse_run(const char *line, struct load_run *r)
{
    char lengths[100], *next = lengths;

    *r = (struct load_run){0};
    if (sscanf(line, "run %99s %u %" SCNu64 " %" SCNu64, lengths, &r->depth, &r->from_ns,
               &r->to_ns) != 4)
        return false;
    while (next && r->lengths < LOAD_LENGTHS) {
        char *word = strsep(&next, ",");

        r->us[r->lengths] = (uint32_t)strtoul(word, NULL, 10);
        if (!r->us[r->lengths] || r->us[r->lengths] >= 1u << 22)
            return false;
        r->lengths++;
    }
    return !next && r->depth >= 2 && r->depth % 2 == 0 && r->depth <= LOAD_DEPTH &&
           r->from_ns < r->to_ns;
}

/* One line in one write, for others write to the same pipe. */
static void answer(FILE *out, const struct options *o, const struct load *l, int rc)
{
    const struct load_result *r = &l->result;

    fprintf(out,
            "load domid=%u status=%d gpu_ns=%" PRIu64 " batches=%" PRIu64 " in_window=%" PRIu64
            " lost=%u wrong=%" PRIu64 " odd=%" PRIu64 " submissions=%" PRIu64 "\n",
            o->domid,
            rc                   ? rc
            : r->wrong || r->odd ? -EIO
                                 : 0,
            r->gpu_ns, r->batches, r->in_window, l->emitted - l->seen, r->wrong, r->odd,
            r->submissions);
    fflush(out);
}

static int serve(const struct options *o, struct load *l, FILE *in, FILE *out)
{
    char line[200];
    int rc = 0;

    while (!rc && fgets(line, sizeof(line), in) && strcmp(line, "quit\n")) {
        struct load_run run;

        if (!parse_run(line, &run)) {
            fprintf(out, "load domid=%u status=%d what=%s", o->domid, -EINVAL, line);
            fflush(out);
            continue;
        }
        rc = load_go(l, &run, (uint64_t)(o->limit * 1e9));
        answer(out, o, l, rc);
    }
    return rc;
}

static int run(const struct options *o, struct machine *m, struct load *l)
{
    FILE *in = fopen(o->in, "r+e"), *out = fopen(o->out, "r+e");
    struct driver d;
    int rc = in && out ? driver_init(&d, m, 0) : -errno;

    if (!rc && o->screen)
        rc = driver_screen(&d);
    if (!rc)
        rc = load_init(l, &d);
    if (rc) {
        printf("VGT: rig_error=%s\n", strerror(-rc));
        return 1;
    }
    printf("VGT: rig_up low_base=%#x low_size=%#x\n", d.low_base, d.low_size);
    rc = serve(o, l, in, out);
    if (rc)
        printf("VGT: rig_error=%s\n", strerror(-rc));
    return rc ? 1 : 0;
}

static int run_guest(const struct options *o, struct load *l)
{
    struct rig_guest g;
    struct machine m;
    int rc = rig_guest_new(&g, o->dir, o->domid, (uint64_t)o->mib << 8, 1);

    if (rc) {
        printf("VGT: rig_error=%s\n", strerror(-rc));
        return 2;
    }
    printf("VGT: rig_files=%s\n", g.dir);
    machine_vm(&m, &g);
    rc = run(o, &m, l);
    rig_guest_end(&g);
    return rc;
}

static int run_bare(const struct options *o, struct load *l)
{
    struct machine m;
    int rc = machine_bare(&m, o->bare, (uint64_t)o->mib << 8);

    if (rc) {
        printf("VGT: rig_error=%s\n", strerror(-rc));
        return 2;
    }
    rc = run(o, &m, l);
    machine_bare_end(&m);
    return rc;
}

static int usage(void)
{
    fputs("usage: vgt-rig-load (--dir DIR --domid N | --bare PATH) --in FIFO --out FIFO "
          "[--mib N] [--limit S] [--screen]\n"
          "       vgt-rig-load --now\n",
          stderr);
    return 2;
}

static int say_now(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    printf("%llu\n", ts.tv_sec * 1000000000ull + (unsigned long long)ts.tv_nsec);
    return 0;
}

int main(int argc, char **argv)
{
    static const struct option longs[] = {{"dir", 1, NULL, 'd'},    {"domid", 1, NULL, 'i'},
                                          {"mib", 1, NULL, 'm'},    {"in", 1, NULL, 'I'},
                                          {"out", 1, NULL, 'O'},    {"limit", 1, NULL, 'l'},
                                          {"bare", 1, NULL, 'b'},   {"now", 0, NULL, 'n'},
                                          {"screen", 0, NULL, 's'}, {0}};
    struct options o = {.mib = 16, .limit = 60};
    static struct load load;
    int opt;

    while ((opt = getopt_long(argc, argv, "", longs, NULL)) != -1)
        switch (opt) {
        case 'd':
            o.dir = optarg;
            break;
        case 'i':
            o.domid = (uint32_t)strtoul(optarg, NULL, 10);
            break;
        case 'm':
            o.mib = (uint32_t)strtoul(optarg, NULL, 10);
            break;
        case 'I':
            o.in = optarg;
            break;
        case 'O':
            o.out = optarg;
            break;
        case 'l':
            o.limit = strtod(optarg, NULL);
            break;
        case 'b':
            o.bare = optarg;
            break;
        case 's':
            o.screen = true;
            break;
        case 'n':
            return say_now();
        default:
            return usage();
        }
    if ((o.bare ? o.dir != NULL : !o.dir || !o.domid) || !o.in || !o.out || optind != argc)
        return usage();
    setvbuf(stdout, NULL, _IOLBF, 0);
    return o.bare ? run_bare(&o, &load) : run_guest(&o, &load);
}
