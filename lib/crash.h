/* SPDX-License-Identifier: MIT */
/*
 * crash.h: named places in a service at which a test may kill it: crash_point("gtt.pin.made"). In
 * the build variant "crash" (variants/crash.ninja) a process counts its passings in a table it
 * shares with its supervisor, tests/rig/keeper, which arms a point; in every other build a point is
 * nothing at all. Any thread.
 */
#pragma once
#include <assert.h>
#include <stdint.h>

#define CRASH_ENV    "VGT_CRASH_TABLE" /* path of the table; without it nothing ever fires */
#define CRASH_NAME   48u
#define CRASH_POINTS 255u

struct crash_count {
    char name[CRASH_NAME]; /* of points in the order of the program; ends with an empty one */
    uint64_t passed;
    uint32_t fired, pad;
};

/*
 * A file of the supervisor, one per unit, that outlives the unit's processes. The point armed fires
 * once, at the left-th passing from then on, in whichever process of the unit makes it: it is
 * disarmed before the process dies, so the next one lives.
 */
struct crash_table {
    char armed[CRASH_NAME];
    uint32_t left; /* passings to go; 0: nothing is armed. Written after armed */
    uint32_t fired;
    uint64_t pad;
    struct crash_count point[CRASH_POINTS];
};
static_assert(sizeof(struct crash_count) == 64 && sizeof(struct crash_table) == 16384, "layout");

#ifdef VGT_CRASH
struct crash_point {
    const char *name;
};

/* One of these for each point stands in a section of its own, whose ends the linker knows. */
#define crash_point(text)                                                                          \
    do {                                                                                           \
        static const struct crash_point here __attribute__((section("vgt_crash"), used)) = {text}; \
                                                                                                   \
        static_assert(sizeof(text) <= CRASH_NAME, "a shorter name");                               \
        crash_pass(&here);                                                                         \
    } while (0)

/* Dies by SIGKILL, with nothing cleaned up, if this is the passing the point is armed for. */
void crash_pass(const struct crash_point *point);
#else
#define crash_point(text) ((void)0)
#endif
