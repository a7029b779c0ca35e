/* SPDX-License-Identifier: MIT */
/*
 * Machine memory of the software GPU: ranges, rights, overlap, copies that cross ranges, an unmap
 * while another thread copies, and files that are cut short after they were announced.
 */
#include "softgpu/dma.h"
#include "softgpu/vfu.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static int memory(size_t size, uint8_t fill)
{
    int fd = memfd_create("dma", MFD_CLOEXEC);
    uint8_t *page = malloc(size);

    assert_true(fd >= 0);
    assert_non_null(page);
    memset(page, fill, size);
    assert_int_equal(write(fd, page, size), size);
    free(page);
    return fd;
}

static void test_rights(void **state)
{
    struct dma *d = dma_new();
    uint32_t word = 0;

    (void)state;
    assert_int_equal(dma_add(d, 0x1000, 0x1000, memory(0x1000, 0x11), 0, 3), 0);
    assert_int_equal(dma_add(d, 0x2000, 0x1000, memory(0x1000, 0x22), 0, 1), 0);
    assert_int_equal(dma_add(d, 0x3000, 0x1000, -1, 0, 3), 0);
    assert_int_equal(dma_read(d, 0x1004, &word, 4), 0);
    assert_int_equal(word, 0x11111111);
    assert_int_equal(dma_write(d, 0x2000, &word, 4), -EFAULT);
    assert_int_equal(dma_read(d, 0x2000, &word, 4), 0);
    assert_int_equal(word, 0x22222222);
    assert_int_equal(dma_read(d, 0x3000, &word, 4), -EFAULT);
    assert_int_equal(dma_read(d, 0x0ffe, &word, 4), -EFAULT);
    assert_int_equal(dma_read(d, UINT64_MAX - 1, &word, 4), -EFAULT);
    assert_int_equal(dma_read(d, 0x9000, NULL, 0), 0);
    assert_null(dma_free(d));
}

static void test_crossing(void **state)
{
    struct dma *d = dma_new();
    uint8_t buf[0x100];

    (void)state;
    assert_int_equal(dma_add(d, 0x2000, 0x1000, memory(0x1000, 0x22), 0, 3), 0);
    assert_int_equal(dma_add(d, 0x1000, 0x1000, memory(0x3000, 0x11), 0x2000, 3), 0);
    memset(buf, 0x5a, sizeof(buf));
    assert_int_equal(dma_write(d, 0x1f80, buf, sizeof(buf)), 0);
    memset(buf, 0, sizeof(buf));
    assert_int_equal(dma_read(d, 0x1f80, buf, sizeof(buf)), 0);
    assert_int_equal(buf[0], 0x5a);
    assert_int_equal(buf[0xff], 0x5a);
    assert_int_equal(dma_read(d, 0x2080, buf, 1), 0);
    assert_int_equal(buf[0], 0x22);
    /* the last byte is missing: nothing is written */
    memset(buf, 0x77, sizeof(buf));
    assert_int_equal(dma_write(d, 0x2f01, buf, sizeof(buf)), -EFAULT);
    assert_int_equal(dma_read(d, 0x2f01, buf, 1), 0);
    assert_int_equal(buf[0], 0x22);
    dma_free(d);
}

static void test_copy(void **state)
{
    struct dma *d = dma_new();
    uint8_t buf[0x100];

    (void)state;
    assert_int_equal(dma_add(d, 0x1000, 0x1000, memory(0x1000, 0x11), 0, 3), 0);
    assert_int_equal(dma_add(d, 0x2000, 0x1000, memory(0x1000, 0x22), 0, 1), 0);
    assert_int_equal(dma_copy(d, 0x1003, 0x2001, 0x85), 0); /* no side aligned */
    assert_int_equal(dma_copy(d, 0x1100, 0x2000, 0x4c), 0);
    assert_int_equal(dma_read(d, 0x1000, buf, 0x100), 0);
    for (int i = 0; i < 0x100; i++)
        assert_int_equal(buf[i], i >= 3 && i < 0x88 ? 0x22 : 0x11);
    assert_int_equal(dma_read(d, 0x1100, buf, 0x100), 0);
    for (int i = 0; i < 0x100; i++)
        assert_int_equal(buf[i], i < 0x4c ? 0x22 : 0x11);
    assert_int_equal(dma_copy(d, 0x2000, 0x1000, 8), -EFAULT); /* read-only */
    assert_int_equal(dma_copy(d, 0x1000, 0x2ffc, 8), -EFAULT); /* past the end */
    assert_int_equal(dma_copy(d, 0x1000, 0x1ffc, 8), -EFAULT); /* two ranges */
    assert_int_equal(dma_copy(d, 0x1000, UINT64_MAX - 3, 8), -EFAULT);
    assert_int_equal(dma_copy(d, 0x9000, 0x9000, 0), 0);
    assert_null(dma_free(d));
}

static void test_bounds(void **state)
{
    struct dma *d = dma_new();
    uint8_t b;

    (void)state;
    assert_int_equal(dma_add(d, 0x1000, 0, -1, 0, 3), -EINVAL);
    assert_int_equal(dma_add(d, UINT64_MAX, 2, -1, 0, 3), -EINVAL);
    assert_int_equal(dma_add(d, 0, 0x2000, memory(0x1000, 0), 0, 3), -EINVAL);
    assert_int_equal(dma_add(d, 0, 0x1000, memory(0x1000, 0), UINT64_MAX - 10, 3), -EINVAL);
    assert_int_equal(dma_add(d, 0x1000, 0x2000, memory(0x2000, 1), 0, 3), 0);
    assert_int_equal(dma_add(d, 0x2fff, 0x1000, -1, 0, 3), -EEXIST);
    assert_int_equal(dma_add(d, 0x0, 0x1001, -1, 0, 3), -EEXIST);
    assert_int_equal(dma_add(d, 0x1800, 0x10, -1, 0, 3), -EEXIST);
    assert_int_equal(dma_add(d, 0x3000, 0x1000, -1, 0, 3), 0);
    assert_int_equal(dma_add(d, UINT64_MAX, 1, -1, 0, 3), 0);
    assert_int_equal(dma_remove(d, 0x1000, 0x1000), -ENOENT);
    assert_int_equal(dma_remove(d, 0x1001, 0x2000), -ENOENT);
    assert_int_equal(dma_read(d, 0x1000, &b, 1), 0);
    assert_int_equal(dma_remove(d, 0x1000, 0x2000), 0);
    assert_int_equal(dma_read(d, 0x1000, &b, 1), -EFAULT);
    dma_remove_all(d);
    assert_int_equal(dma_remove(d, 0x3000, 0x1000), -ENOENT);
    dma_free(d);
}

/* As SeaBIOS does: one map split in four and joined again, many times. */
/* A client that announces without end is stopped, and may go on when it has taken something back.
 */
static void test_limit(void **state)
{
    struct dma *d = dma_new();

    (void)state;
    for (uint64_t i = 0; i < VFU_MAX_MAPS; i++)
        assert_int_equal(dma_add(d, i << 12, 0x1000, -1, 0, 3), 0);
    assert_int_equal(dma_add(d, 1ull << 40, 0x1000, -1, 0, 3), -ENOSPC);
    assert_int_equal(dma_add(d, 1ull << 40, 0x1000, memory(0x1000, 0), 0, 3), -ENOSPC);
    assert_int_equal(dma_remove(d, 0, 0x1000), 0);
    assert_int_equal(dma_add(d, 1ull << 40, 1ull << 60, -1, 0, 3), 0);
    dma_free(d);
}

static void test_many(void **state)
{
    struct dma *d = dma_new();
    uint64_t word;

    (void)state;
    for (uint64_t i = 0; i < 200; i++)
        assert_int_equal(dma_add(d, (199 - i) << 12, 0x1000, memory(0x1000, (uint8_t)i), 0, 3), 0);
    for (uint64_t i = 0; i < 200; i += 2)
        assert_int_equal(dma_remove(d, i << 12, 0x1000), 0);
    for (uint64_t i = 0; i < 200; i++) {
        int want = i % 2 ? 0 : -EFAULT;

        assert_int_equal(dma_read(d, (i << 12) + 8, &word, 8), want);
        if (!want)
            assert_int_equal(word & 0xff, 199 - i);
    }
    dma_free(d);
}

struct race {
    struct dma *d;
    atomic_bool stop;
    unsigned good;
    atomic_uint whole; /* copies of everything there is */
};

static void *reader(void *arg)
{
    struct race *r = arg;
    uint32_t buf[64];

    while (!atomic_load(&r->stop))
        if (!dma_read(r->d, 0x1000, buf, sizeof(buf)) && buf[63] == 0x33333333)
            r->good++;
    return NULL;
}

static void test_unmap_race(void **state)
{
    struct race r = {.d = dma_new()};
    pthread_t t;

    (void)state;
    assert_int_equal(pthread_create(&t, NULL, reader, &r), 0);
    for (int i = 0; i < 500; i++) {
        assert_int_equal(dma_add(r.d, 0x1000, 0x1000, memory(0x1000, 0x33), 0, 3), 0);
        assert_int_equal(dma_remove(r.d, 0x1000, 0x1000), 0);
    }
    atomic_store(&r.stop, true);
    pthread_join(t, NULL);
    dma_free(r.d);
}

/* ---- who maps memory does not wait for readers that come later */

struct turn {
    struct dma *d;
    sem_t inside, leave;
    atomic_int tid[2]; /* of the writer and of the late reader */
    atomic_bool read;
};

static void stay(void *ctx, uint8_t *host)
{
    struct turn *t = ctx;

    (void)host;
    sem_post(&t->inside);
    while (sem_wait(&t->leave))
        ;
}

static void *first_reader(void *arg)
{
    struct turn *t = arg;

    assert_int_equal(dma_visit(t->d, 0, 8, 1, stay, t), 0);
    return NULL;
}

static void *writer(void *arg)
{
    struct turn *t = arg;

    atomic_store(&t->tid[0], gettid());
    assert_int_equal(dma_add(t->d, 0x2000, 0x1000, -1, 0, 3), 0);
    return NULL;
}

static void *late_reader(void *arg)
{
    struct turn *t = arg;
    uint64_t word;

    atomic_store(&t->tid[1], gettid());
    assert_int_equal(dma_read(t->d, 0, &word, 8), 0);
    atomic_store(&t->read, true);
    return NULL;
}

static bool sleeps(int tid)
{
    char path[64], state = 0;
    FILE *f;

    snprintf(path, sizeof(path), "/proc/self/task/%d/stat", tid);
    f = tid ? fopen(path, "re") : NULL;
    if (f && fscanf(f, "%*d (%*[^)]) %c", &state) != 1)
        state = 0;
    if (f)
        fclose(f);
    return state == 'S';
}

/* At the lock: there is nothing else it would sleep at for long. */
static bool waits(const atomic_int *tid)
{
    for (unsigned i = 0; i < 100; i++) {
        if (!sleeps(atomic_load(tid)))
            return false;
        sched_yield();
    }
    return true;
}

static void test_writer_first(void **state)
{
    struct turn t = {.d = dma_new()};
    pthread_t thread[3];

    (void)state;
    assert_int_equal(dma_add(t.d, 0, 0x1000, memory(0x1000, 0x33), 0, 3), 0);
    sem_init(&t.inside, 0, 0);
    sem_init(&t.leave, 0, 0);
    assert_int_equal(pthread_create(&thread[0], NULL, first_reader, &t), 0);
    while (sem_wait(&t.inside))
        ;
    assert_int_equal(pthread_create(&thread[1], NULL, writer, &t), 0);
    while (!waits(&t.tid[0]))
        sched_yield();
    assert_int_equal(pthread_create(&thread[2], NULL, late_reader, &t), 0);
    while (!waits(&t.tid[1]) && !atomic_load(&t.read))
        sched_yield();
    assert_false(atomic_load(&t.read));
    sem_post(&t.leave);
    for (unsigned i = 0; i < 3; i++)
        pthread_join(thread[i], NULL);
    assert_true(atomic_load(&t.read));
    dma_free(t.d);
}

/* ---- files that are cut short after they were announced */

static void nothing(void *ctx, uint8_t *host)
{
    *(uint8_t *)ctx = __atomic_load_n(host, __ATOMIC_RELAXED);
}

/* Memory ends where an access first missed some; what is before that stays as it was. */
static void test_cut(void **state)
{
    struct dma *d = dma_new();
    int fd = memory(0x5000, 0x44);
    uint8_t buf[0x1000], b = 0;

    (void)state;
    assert_int_equal(dma_add(d, 0x10000, 0x4000, dup(fd), 0x1000, 3), 0);
    assert_int_equal(dma_add(d, 0x14000, 0x1000, memory(0x1000, 0x55), 0, 3), 0);
    assert_int_equal(ftruncate(fd, 0x2000), 0); /* one page of the four */
    assert_int_equal(dma_losses(d), 0);
    assert_int_equal(dma_read(d, 0x12ff0, buf, 0x20), -EFAULT);
    assert_int_equal(dma_losses(d), 1);
    assert_int_equal(dma_write(d, 0x13000, buf, 4), -EFAULT); /* behind it: known by now */
    assert_int_equal(dma_read(d, 0x13ff8, buf, 16), -EFAULT); /* into the next range */
    assert_int_equal(dma_losses(d), 1);
    assert_int_equal(dma_write(d, 0x10ff8, buf, 0x10), -EFAULT);
    assert_int_equal(dma_losses(d), 2);
    assert_int_equal(dma_visit(d, 0x11000, 8, 1, nothing, &b), -EFAULT);
    assert_int_equal(dma_copy(d, 0x10000, 0x11000, 8), -EFAULT);
    assert_int_equal(dma_losses(d), 2);
    assert_int_equal(dma_read(d, 0x10000, buf, 0xff8), 0);
    assert_int_equal(buf[0], 0x44);
    assert_int_equal(dma_write(d, 0x10000, buf, 0x1000), 0);
    assert_int_equal(dma_read(d, 0x14000, buf, 8), 0);
    assert_int_equal(buf[0], 0x55);
    assert_int_equal(dma_remove(d, 0x10000, 0x4000), 0);
    assert_int_equal(ftruncate(fd, 0x5000), 0);
    assert_int_equal(dma_add(d, 0x10000, 0x4000, dup(fd), 0x1000, 3), 0);
    assert_int_equal(dma_read(d, 0x13000, buf, 0x1000), 0); /* announced anew, it is there */
    close(fd);
    dma_free(d);
}

/* The first to miss it may be a copy or a visit, of a range whose start is in the midst of a page,
 * or that may only be read. */
static void test_cut_otherwise(void **state)
{
    struct dma *d = dma_new();
    int fd = memory(0x4000, 0x44);
    uint8_t b = 1;

    (void)state;
    assert_int_equal(dma_add(d, 0x100, 0x2f00, dup(fd), 0x100, 3), 0);
    assert_int_equal(dma_add(d, 0x8000, 0x4000, dup(fd), 0, 1), 0);
    assert_int_equal(ftruncate(fd, 0), 0);
    assert_int_equal(dma_visit(d, 0x2000, 8, 2, nothing, &b), -EFAULT);
    assert_int_equal(b, 0);
    assert_int_equal(dma_losses(d), 1);
    assert_int_equal(dma_copy(d, 0x100, 0xb000, 8), -EFAULT); /* both ends */
    assert_int_equal(dma_losses(d), 3);
    assert_int_equal(dma_read(d, 0x100, &b, 1), -EFAULT);
    assert_int_equal(dma_read(d, 0x8000, &b, 1), -EFAULT);
    assert_int_equal(dma_losses(d), 4);
    close(fd);
    dma_free(d);
}

#define CUT_PAGES   64u
#define CUT_READERS 3u

static void *copier(void *arg)
{
    struct race *r = arg;
    uint8_t *buf = malloc(CUT_PAGES * 4096);

    assert_non_null(buf);
    while (!atomic_load(&r->stop)) {
        if (!dma_read(r->d, 0x100000, buf, CUT_PAGES * 4096))
            atomic_fetch_add(&r->whole, 1);
        dma_write(r->d, 0x100000 + 4096, buf, (CUT_PAGES - 1) * 4096);
        dma_copy(r->d, 0x100000, 0x100000 + CUT_PAGES / 2 * 4096, CUT_PAGES / 2 * 4096);
    }
    free(buf);
    return NULL;
}

/* Threads copy while the file shrinks and the range comes and goes: it is they who find it gone. */
static void test_cut_race(void **state)
{
    struct race r = {.d = dma_new()};
    pthread_t t[CUT_READERS];

    (void)state;
    for (unsigned i = 0; i < CUT_READERS; i++)
        assert_int_equal(pthread_create(&t[i], NULL, copier, &r), 0);
    for (int i = 0; i < 30; i++) {
        unsigned whole = atomic_load(&r.whole);
        uint64_t lost = dma_losses(r.d);
        int fd = memory(CUT_PAGES * 4096, 0x33);

        assert_int_equal(dma_add(r.d, 0x100000, CUT_PAGES * 4096, dup(fd), 0, 3), 0);
        while (atomic_load(&r.whole) == whole)
            sched_yield();
        for (int at = CUT_PAGES - 1; at > 0; at -= 1 + i % 7) {
            assert_int_equal(ftruncate(fd, at * 4096), 0);
            sched_yield();
        }
        while (dma_losses(r.d) == lost)
            sched_yield();
        assert_int_equal(dma_remove(r.d, 0x100000, CUT_PAGES * 4096), 0);
        close(fd);
    }
    atomic_store(&r.stop, true);
    for (unsigned i = 0; i < CUT_READERS; i++)
        pthread_join(t[i], NULL);
    dma_free(r.d);
}

/* A page of ours that is not dma.c's. */
static volatile uint8_t *broken_page(void)
{
    int fd = memory(0x1000, 0);
    void *p = mmap(NULL, 0x1000, PROT_READ, MAP_SHARED, fd, 0);

    if (p == MAP_FAILED || ftruncate(fd, 0))
        _exit(2);
    return p;
}

static void touch(void *ctx, uint8_t *host)
{
    (void)host;
    (void)*(volatile uint8_t *)ctx;
}

static void die_outside(struct dma *d)
{
    (void)d;
    (void)*broken_page();
}

/* Within an access of dma.c's. */
static void die_inside(struct dma *d)
{
    dma_visit(d, 0x1000, 8, 1, touch, (void *)(uintptr_t)broken_page());
}

static void die_sent(struct dma *d)
{
    (void)d;
    raise(SIGBUS);
}

/* Every other SIGBUS ends the program as it always did. */
static void test_other_bus(void **state)
{
    static void (*const die[])(struct dma *) = {die_outside, die_inside, die_sent};
    struct dma *d;

    (void)state;
    signal(SIGBUS, SIG_DFL); /* cmocka's handler would go back into the test */
    d = dma_new();
    assert_int_equal(dma_add(d, 0x1000, 0x1000, memory(0x1000, 1), 0, 3), 0);
    for (size_t i = 0; i < sizeof(die) / sizeof(die[0]); i++) {
        pid_t pid = fork();
        int status = 0;

        if (!pid) {
            die[i](d);
            _exit(0);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status));
        assert_int_equal(WTERMSIG(status), SIGBUS);
    }
    dma_free(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rights),     cmocka_unit_test(test_crossing),
        cmocka_unit_test(test_bounds),     cmocka_unit_test(test_copy),
        cmocka_unit_test(test_many),       cmocka_unit_test(test_limit),
        cmocka_unit_test(test_unmap_race), cmocka_unit_test(test_writer_first),
        cmocka_unit_test(test_cut),        cmocka_unit_test(test_cut_otherwise),
        cmocka_unit_test(test_cut_race),   cmocka_unit_test(test_other_bus),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
