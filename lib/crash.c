/* SPDX-License-Identifier: MIT */
/*
 * crash.c: see crash.h. Linked only by programs that have points, so never outside the variant
 * "crash" and its own test. The table is mapped before main(): points pass in the earliest steps,
 * and later a sandbox would not let us open it.
 */
#include "lib/crash.h"

#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

extern const struct crash_point __start_vgt_crash[], __stop_vgt_crash[];

/* The one thing a point can find without being handed anything. NULL: no supervisor. */
static struct crash_table *table;

static struct crash_table *map(const char *path)
{
    int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    void *p = MAP_FAILED;
    struct stat st;

    if (fd >= 0 && !fstat(fd, &st) && st.st_size == (off_t)sizeof(*table))
        p = mmap(NULL, sizeof(*table), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (fd >= 0)
        close(fd);
    return p == MAP_FAILED ? NULL : p;
}

__attribute__((constructor)) static void open_table(void)
{
    size_t count = (size_t)(__stop_vgt_crash - __start_vgt_crash);

    if (count >= CRASH_POINTS)
        abort(); /* the last name of a table is empty */
    table = map(getenv(CRASH_ENV));
    for (size_t i = 0; table && i < count; i++)
        strcpy(table->point[i].name, __start_vgt_crash[i].name);
}

/* True for one caller: the one that makes the passing it was armed for. */
static bool last_one(const char *name)
{
    uint32_t left = __atomic_load_n(&table->left, __ATOMIC_ACQUIRE);

    if (!left || strcmp(table->armed, name))
        return false;
    while (left && !__atomic_compare_exchange_n(&table->left, &left, left - 1, false,
                                                __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
        ;
    return left == 1;
}

void crash_pass(const struct crash_point *point)
{
    struct crash_count *c;

    if (!table)
        return;
    c = &table->point[point - __start_vgt_crash];
    __atomic_fetch_add(&c->passed, 1, __ATOMIC_RELAXED);
    if (!last_one(point->name))
        return;
    __atomic_fetch_add(&c->fired, 1, __ATOMIC_RELAXED);
    __atomic_fetch_add(&table->fired, 1, __ATOMIC_RELEASE);
    /* As raise() would, which any sandbox allows. */
    syscall(SYS_tgkill, getpid(), gettid(), SIGKILL);
    abort();
}
