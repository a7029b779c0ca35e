/* SPDX-License-Identifier: MIT */
/*
 * bench.h: what every benchmark does alike: it measures ours and what an engineer would use
 * otherwise in turns (A B C A B C ...), after a warm-up, and prints each measurement as a line of
 * JSON, which tests/bench/run-bench makes medians, spreads and ratios of. A way of doing the work
 * checks its own results and ends the program with bench_fail() when one is wrong. One thread.
 *
 * options: --rounds N   measurements of each way (9)
 *          --quick      a hundredth of the work: does it run, is it right?
 *          --cpus A,B   the processors to use
 *          --list       the cases
 *          --exactly N --case NAME   nothing but N pieces of our own way's work, once, for tools
 * that count instructions: the difference of two such runs
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#define BENCH_WAYS 8u

struct bench {
    const char *name;
    unsigned rounds;
    bool quick, list;
    int cpu[2];
    uint64_t exactly; /* 0: not asked for */
    const char *only; /* NULL: every case */
};

/* One way to do a case's work. */
struct bench_way {
    const char *name;
    /* n pieces, results checked; nanoseconds that they took. */
    double (*run)(void *ctx, uint64_t n);
    void *ctx;
};

struct bench_case {
    const char *name;
    const char *piece; /* what is done n times: "message" */
    uint32_t bytes;    /* of one, where bytes per second say something; 0 */
    uint64_t n;        /* pieces in one measurement: some ten milliseconds */
    double max_ratio;  /* target: our time, divided by the best other's; 0: none */
    double max_ns;     /* target: our time for a piece, for a byte if there are bytes; 0: none */
    double max_instructions; /* target: ours for a piece; 0: nobody counts */
};

void bench_init(struct bench *b, const char *name, int argc, char **argv);
/* way[0] is ours. */
void bench_case(const struct bench *b, const struct bench_case *c, const struct bench_way *way,
                unsigned ways);
/* A measurement made elsewhere: a case with its lines, for those that need other loops. */
void bench_head(const struct bench *b, const struct bench_case *c, const char *ours);
void bench_sample(const struct bench *b, const struct bench_case *c, const char *way,
                  unsigned round, double ns);
bool bench_wants(const struct bench *b, const struct bench_case *c);

double bench_now_ns(void);
/* Of the processor, spent by this thread: without what other programs took away. */
double bench_cpu_ns(void);
/* This thread to one processor. */
void bench_pin(int cpu);
/* A pseudo-random sequence that is the same each time. */
uint64_t bench_random(uint64_t *state);
_Noreturn void bench_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Fails with the text of what was expected. */
#define bench_check(what)                                                                          \
    ((what) ? (void)0 : bench_fail("%s:%d: not true: %s", __FILE__, __LINE__, #what))
