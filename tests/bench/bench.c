/* SPDX-License-Identifier: MIT */
/* bench.c: see bench.h. */
#include "tests/bench/bench.h"

#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

void bench_fail(const char *format, ...)
{
    va_list args;

    fflush(stdout);
    fputs("bench: ", stderr);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    exit(1);
}

static double clock_ns(clockid_t clock)
{
    struct timespec t;

    clock_gettime(clock, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

double bench_now_ns(void)
{
    return clock_ns(CLOCK_MONOTONIC);
}

double bench_cpu_ns(void)
{
    return clock_ns(CLOCK_THREAD_CPUTIME_ID);
}

void bench_pin(int cpu)
{
    cpu_set_t set;

    CPU_ZERO(&set);
    CPU_SET((size_t)cpu, &set);
    if (sched_setaffinity(0, sizeof(set), &set))
        bench_fail("processor %d cannot be used: give --cpus two of those in /proc/self/status",
                   cpu);
}

uint64_t bench_random(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return *state >> 33;
}

static void usage(const char *name)
{
    bench_fail("usage: %s [--rounds N] [--quick] [--cpus A,B] [--list] [--case NAME [--exactly N]]",
               name);
}

/* The first two that we may use; the first twice if there is no other. */
static void choose_cpus(struct bench *b)
{
    cpu_set_t set;
    int found = 0;

    if (sched_getaffinity(0, sizeof(set), &set))
        bench_fail("sched_getaffinity() fails");
    for (int i = 0; i < CPU_SETSIZE && found < 2; i++)
        if (CPU_ISSET((size_t)i, &set))
            b->cpu[found++] = i;
    if (found == 1)
        b->cpu[1] = b->cpu[0];
}

static void with_value(struct bench *b, const char *option, const char *value)
{
    if (!strcmp(option, "--rounds"))
        b->rounds = (unsigned)atoi(value);
    else if (!strcmp(option, "--exactly"))
        b->exactly = strtoull(value, NULL, 0);
    else if (!strcmp(option, "--case"))
        b->only = value;
    else if (strcmp(option, "--cpus") || sscanf(value, "%d,%d", &b->cpu[0], &b->cpu[1]) != 2)
        usage(b->name);
}

void bench_init(struct bench *b, const char *name, int argc, char **argv)
{
    *b = (struct bench){.name = name, .rounds = 9};
    choose_cpus(b);
    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--quick"))
            b->quick = true;
        else if (!strcmp(argv[i], "--list"))
            b->list = true;
        else if (i + 1 < argc)
            with_value(b, argv[i], argv[i + 1]), i++;
        else
            usage(name);
    }
    if (!b->rounds || (b->exactly && !b->only))
        usage(name);
    setvbuf(stdout, NULL, _IOLBF, 0);
}

bool bench_wants(const struct bench *b, const struct bench_case *c)
{
    if (b->list)
        printf("%s\n", c->name);
    return !b->list && (!b->only || !strcmp(b->only, c->name));
}

void bench_head(const struct bench *b, const struct bench_case *c, const char *ours)
{
    printf("{\"bench\":\"%s\",\"case\":\"%s\",\"ours\":\"%s\",\"piece\":\"%s\",\"bytes\":%u,"
           "\"max_ratio\":%g,\"max_ns\":%g,\"max_instructions\":%g}\n",
           b->name, c->name, ours, c->piece, c->bytes, c->max_ratio, c->max_ns,
           c->max_instructions);
}

void bench_sample(const struct bench *b, const struct bench_case *c, const char *way,
                  unsigned round, double ns)
{
    printf("{\"bench\":\"%s\",\"case\":\"%s\",\"way\":\"%s\",\"round\":%u,\"ns\":%.6g}\n", b->name,
           c->name, way, round, ns);
}

void bench_case(const struct bench *b, const struct bench_case *c, const struct bench_way *way,
                unsigned ways)
{
    uint64_t n = b->quick ? (c->n + 99) / 100 : c->n;

    if (!bench_wants(b, c))
        return;
    if (b->exactly) {
        way[0].run(way[0].ctx, b->exactly);
        return;
    }
    bench_head(b, c, way[0].name);
    for (unsigned i = 0; i < ways; i++)
        way[i].run(way[i].ctx, n);
    for (unsigned round = 0; round < b->rounds; round++)
        for (unsigned i = 0; i < ways; i++)
            bench_sample(b, c, way[i].name, round, way[i].run(way[i].ctx, n) / (double)n);
}
