/* SPDX-License-Identifier: MIT */
/*
 * guest.c: vgt-rig-guest: a whole guest as a process (docs/rig.md). vCPU 0 drives the virtual GPU
 * (driver.h) with the verifying workload (blit.h); each further vCPU reads and writes registers of
 * its own choice and checks what it reads, so that an access is in flight on every vCPU most of
 * the time. Prints "VGT: rig_KEY=VALUE" lines; ends with 0 when nothing was lost or wrong.
 */
#include "gen/pvinfo.h"
#include "tests/rig/blit.h"
#include "tests/rig/poison.h"
#include "tests/rig/poison_guest.h"
#include "tests/rig/vcpu.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define MAX_NOISE 16u

struct options {
    const char *dir, *bare;
    uint32_t domid, mib, vcpus;
    double seconds, report, limit;
    uint64_t rounds, seed;
    bool screen, poison, rebind;
};

struct noise {
    struct rig_guest *g;
    uint16_t vcpu;
    pthread_t thread;
    uint64_t accesses, wrong;
    uint32_t frame, frames; /* the pipe's counter as last read; how often it was another */
    double frame_at, gap;   /* since when it is that; the longest time that it was one */
    int rc;
};

static volatile sig_atomic_t stop, go_on;

static void on_term(int sig)
{
    (void)sig;
    stop = 1;
}

static void on_usr1(int sig)
{
    (void)sig;
    go_on = 1;
}

static double now(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* Frames go on whether or not somebody shows them. */
static void watch_frames(struct noise *n)
{
    double t = now();
    uint64_t value;

    n->rc = vcpu_read(n->g, n->vcpu, DRIVER_BAR0 + DRIVER_FRMCOUNT_A, 4, &value);
    if (!n->rc && value != n->frame) {
        n->frame = (uint32_t)value;
        n->frames++;
        n->frame_at = t;
    }
    if (n->frames && t - n->frame_at > n->gap)
        n->gap = t - n->frame_at;
}

/* Three dwords of PVINFO that a guest may write and nothing else does: one for each vCPU. */
static void *make_noise(void *arg)
{
    struct noise *n = arg;
    uint64_t at = DRIVER_BAR0 + PVINFO_BASE, own = at + offsetof(struct pvinfo, min_low);
    uint64_t value;

    own += 4 * ((n->vcpu - 1) % 3);
    for (uint32_t i = 1; !stop && !n->rc; i++) {
        n->rc = vcpu_read(n->g, n->vcpu, at, 8, &value);
        n->wrong += !n->rc && value != PVINFO_MAGIC;
        if (!n->rc)
            n->rc = vcpu_write(n->g, n->vcpu, own, 4, i);
        if (!n->rc)
            n->rc = vcpu_read(n->g, n->vcpu, own, 4, &value);
        n->wrong += !n->rc && value != i;
        n->accesses += 3;
        if (!n->rc && n->vcpu == 1)
            watch_frames(n);
    }
    return NULL;
}

static void report(const char *name, struct blit *b)
{
    struct blit_count *c = &b->count;

    printf("VGT: rig_%s submissions=%" PRIu64 " completed=%" PRIu64 " lost=%" PRIu64
           " operations=%" PRIu64 " wrong_bytes=%" PRIu64 " wrong_batches=%" PRIu64
           " run_twice=%" PRIu64 " wrong_seqnos=%" PRIu64 " wrong_registers=%" PRIu64
           " csb_lost=%" PRIu64 " csb_odd=%" PRIu64 " never_idle=%" PRIu64 " interrupts=%" PRIu64
           " odd_interrupts=%" PRIu64 " pauses=%" PRIu64 " longest_ms=%" PRIu64 " since_ms=%" PRIu64
           " at=%.3f\n",
           name, c->submissions, c->completed, c->lost, c->operations, c->wrong_bytes,
           c->wrong_batches, c->run_twice, c->wrong_seqnos, c->wrong_registers, c->csb_lost,
           c->csb_odd, c->never_idle, b->d->interrupts, b->d->odd_interrupts, c->pauses,
           c->longest_ns / 1000000, c->since_ns / 1000000, now());
    c->since_ns = 0;
}

/* Twice: what was quarantined must not kill again. The engine stands still then; when somebody has
 * seen that, it is reset, as a driver does when nothing comes. */
static void maybe_poison(const struct options *o, struct blit *b)
{
    static struct poison poison;
    int time = b->round == POISON_ROUND ? 1 : 2;

    if (!o->poison || (b->round != POISON_ROUND && b->round != 2 * POISON_ROUND))
        return;
    poison_write(b->d);
    poison_submit(&poison, b->d);
    printf("VGT: rig_poisoned=%d\n", time);
    for (go_on = 0; !go_on && !stop && !b->d->failed;)
        driver_interrupt(b->d, 20);
    driver_reset(b->d);
    printf("VGT: rig_poison=%d\n", time);
}

static int work(const struct options *o, struct blit *b)
{
    double end = now() + o->seconds, next = now() + o->report;
    int rc = 0;

    while (!rc && !stop && (now() < end || b->round < o->rounds)) {
        rc = blit_round(b);
        maybe_poison(o, b);
        if (o->report > 0 && now() >= next) {
            report("so_far", b);
            next = now() + o->report;
        }
    }
    return rc;
}

static unsigned start_noise(struct rig_guest *g, struct noise *n)
{
    unsigned count = 0;

    while (count + 1u < g->nr_vcpus && count < MAX_NOISE) {
        n[count] = (struct noise){.g = g, .vcpu = (uint16_t)(count + 1)};
        if (pthread_create(&n[count].thread, NULL, make_noise, &n[count]))
            break;
        count++;
    }
    return count;
}

static int end_noise(struct noise *n, unsigned count)
{
    uint64_t accesses = 0, wrong = 0;
    int rc = 0;

    stop = 1;
    for (unsigned i = 0; i < count; i++) {
        pthread_join(n[i].thread, NULL);
        accesses += n[i].accesses;
        wrong += n[i].wrong;
        rc = rc ? rc : n[i].rc;
    }
    if (count)
        printf("VGT: rig_frames=%u longest_gap_ms=%.0f\n", n[0].frames, n[0].gap * 1000);
    printf("VGT: rig_other_vcpus=%u accesses=%" PRIu64 " wrong=%" PRIu64 "\n", count, accesses,
           wrong);
    return rc ? rc : wrong ? -EIO : 0;
}

static void say_error(int rc)
{
    printf("VGT: rig_error=%s\n", strerror(-rc));
}

/* The entries beside our piece are nobody's: writes are dropped, reads give all ones. */
static int beside_ours(struct rig_guest *g, const struct driver *d)
{
    uint64_t table = DRIVER_BAR0 + d->gen->gtt, first = d->low_base / SHM_PAGE;
    uint64_t beside[] = {0, first - 1, first + d->low_size / SHM_PAGE}, value;

    for (unsigned i = 0; i < 3; i++) {
        uint64_t at = table + d->gen->entry_bytes * beside[i];

        if (vcpu_write(g, d->vcpu, at, d->gen->entry_bytes, 1) != -ENXIO ||
            vcpu_read(g, d->vcpu, at, d->gen->entry_bytes, &value) != -ENXIO || value != ~0ull)
            return -EEXIST;
    }
    return 0;
}

static int bring_up(const struct options *o, struct machine *m, struct driver *d, struct blit *b)
{
    int rc = driver_init(d, m, 0);

    if (!rc && !o->bare)
        rc = beside_ours(m->self, d);
    if (!rc && o->poison && d->gen->number != 8)
        rc = -ENOTSUP;
    if (!rc && o->screen)
        rc = driver_screen(d);
    if (!rc)
        rc = blit_init(b, d, o->seed, (uint64_t)(o->limit * 1e9), o->rebind);
    if (rc) {
        say_error(rc);
        return rc;
    }
    printf("VGT: rig_gen=%u\n", d->gen->number);
    if (!o->bare)
        printf("VGT: rig_share high_base=%#x high_size=%#x fences=%u\n", d->high_base, d->high_size,
               d->fences);
    printf("VGT: rig_up low_base=%#x low_size=%#x\n", d->low_base, d->low_size);
    if (d->gen->number == 8)
        printf("VGT: rig_pt=%" PRIu64 "\n", d->g8.pt);
    return 0;
}

/* Until it is killed, an error, or enough. g: NULL without a virtual machine. */
static int run(const struct options *o, struct machine *m, struct rig_guest *g, struct blit *b)
{
    struct noise noise[MAX_NOISE];
    unsigned count;
    struct driver d;
    int rc = bring_up(o, m, &d, b), others;

    if (rc)
        return 1;
    count = g ? start_noise(g, noise) : 0;
    rc = work(o, b);
    others = end_noise(noise, count);
    report("result", b);
    if (rc || others)
        say_error(rc ? rc : others);
    if (g && rig_killed(g))
        printf("VGT: rig_killed=%s\n", rig_killed(g));
    return rc || others || !blit_good(b) ? 1 : 0;
}

static int run_guest(const struct options *o, struct blit *b)
{
    struct rig_guest g;
    struct machine m;
    int rc = rig_guest_new(&g, o->dir, o->domid, (uint64_t)o->mib << 8, (uint16_t)o->vcpus);

    if (rc) {
        say_error(rc);
        return 2;
    }
    printf("VGT: rig_files=%s\n", g.dir);
    machine_vm(&m, &g);
    rc = run(o, &m, &g, b);
    rig_guest_end(&g);
    return rc;
}

static int run_bare(const struct options *o, struct blit *b)
{
    struct machine m;
    int rc = machine_bare(&m, o->bare, (uint64_t)o->mib << 8);

    if (rc) {
        say_error(rc);
        return 2;
    }
    rc = run(o, &m, NULL, b);
    machine_bare_end(&m);
    return rc;
}

static int usage(FILE *out, int status)
{
    fputs(
        "usage: vgt-rig-guest --dir DIR --domid N [options]\n"
        "       vgt-rig-guest --bare PATH [options]\n"
        "A guest for services that run with --vmm shm:DIR (docs/rig.md). Makes DIR/N, leaves it.\n"
        "With --bare no guest: the same driver on softgpu itself, whose vfio-user socket PATH is.\n"
        "  --mib N       memory (32)\n"
        "  --vcpus N     1 to 17 (2)\n"
        "  --seconds S   work at least so long (0),\n"
        "  --rounds N    and at least so many submissions (10)\n"
        "  --limit S     a submission that takes longer is lost (60)\n"
        "  --report S    say how far it is every S seconds\n"
        "  --seed N      of what is drawn (1)\n"
        "  --screen      turn a pipe on and show a picture\n"
        "  --rebind      map what a batch writes to for it alone, somewhere else each time\n"
        "  --poison      write the inputs of poison.h, twice; each time it waits for SIGUSR1\n",
        out);
    return status;
}

/* 0: ok. */
static int set(struct options *o, int opt)
{
    switch (opt) {
    case 'd':
        o->dir = optarg;
        return 0;
    case 'i':
        return !(o->domid = (uint32_t)strtoul(optarg, NULL, 10));
    case 'm':
        return !(o->mib = (uint32_t)strtoul(optarg, NULL, 10));
    case 'v':
        return !(o->vcpus = (uint32_t)strtoul(optarg, NULL, 10)) || o->vcpus > MAX_NOISE + 1;
    case 's':
        o->seconds = strtod(optarg, NULL);
        return 0;
    case 'n':
        o->rounds = strtoull(optarg, NULL, 10);
        return 0;
    case 'l':
        o->limit = strtod(optarg, NULL);
        return 0;
    case 'r':
        o->report = strtod(optarg, NULL);
        return 0;
    case 'c':
        o->screen = true;
        return 0;
    case 'p':
        o->poison = true;
        return 0;
    case 'b':
        o->bare = optarg;
        return 0;
    case 'R':
        o->rebind = true;
        return 0;
    case 'e':
        o->seed = strtoull(optarg, NULL, 0);
        return 0;
    }
    return 1;
}

int main(int argc, char **argv)
{
    static const struct option longs[] = {
        {"dir", 1, NULL, 'd'},    {"domid", 1, NULL, 'i'},   {"mib", 1, NULL, 'm'},
        {"vcpus", 1, NULL, 'v'},  {"seconds", 1, NULL, 's'}, {"rounds", 1, NULL, 'n'},
        {"limit", 1, NULL, 'l'},  {"report", 1, NULL, 'r'},  {"seed", 1, NULL, 'e'},
        {"screen", 0, NULL, 'c'}, {"poison", 0, NULL, 'p'},  {"bare", 1, NULL, 'b'},
        {"rebind", 0, NULL, 'R'}, {"help", 0, NULL, 'h'},    {0}};
    struct options o = {.mib = 32, .vcpus = 2, .rounds = 10, .limit = 60, .seed = 1};
    static struct blit blit;
    int opt;

    while ((opt = getopt_long(argc, argv, "", longs, NULL)) != -1) {
        if (opt == 'h')
            return usage(stdout, 0);
        if (set(&o, opt))
            return usage(stderr, 2);
    }
    if ((o.bare ? o.dir != NULL : !o.dir || !o.domid) || optind != argc)
        return usage(stderr, 2);
    setvbuf(stdout, NULL, _IOLBF, 0);
    signal(SIGTERM, on_term);
    signal(SIGINT, on_term);
    signal(SIGUSR1, on_usr1);
    return o.bare ? run_bare(&o, &blit) : run_guest(&o, &blit);
}
