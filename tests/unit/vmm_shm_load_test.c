/* SPDX-License-Identifier: MIT */
/*
 * vmm_shm_load_test.c: vCPUs write to a page without a pause while it is protected and let go again
 * and again: no write is lost, none passes by while the page is protected, and no page stops
 * trapping under an access.
 */
#include "tests/unit/vmm_shm_rig.h"

#include <sched.h>
#include <string.h>

#define ROUNDS 100u

struct writer {
    struct rig_guest *g;
    uint16_t vcpu;
    pthread_t thread;
    uint64_t failed, count;
    bool *stop, *hold;
    bool over;
};

static void *write_on(void *arg)
{
    struct writer *w = arg;

    while (!__atomic_load_n(w->stop, __ATOMIC_ACQUIRE)) {
        if (__atomic_load_n(w->hold, __ATOMIC_ACQUIRE))
            sched_yield();
        else
            w->failed += vcpu_write(w->g, w->vcpu, 5 * PAGE + 8u * w->vcpu, 8, ++w->count) != 0;
    }
    __atomic_store_n(&w->over, true, __ATOMIC_RELEASE);
    return NULL;
}

/* Trapped ones are applied here; while the page is protected nobody else may have written. */
static uint64_t serve(struct fix *f, uint64_t seen[2], bool protected, uint64_t *traps)
{
    struct vmm_access a;
    uint64_t wrong = 0;

    for (unsigned i = 0; i < 2; i++) {
        uint64_t now;

        memcpy(&now, f->g.ram + 5 * PAGE + 8 * i, 8);
        wrong += protected && now != seen[i];
        seen[i] = now;
    }
    while (OPS.next(f->v, &a) == 1) {
        vmm_copy_to(&OPS, f->v, a.addr, &a.data, a.size);
        seen[a.vcpu] = a.data;
        ++*traps;
        assert_int_equal(OPS.complete(f->v, a.vcpu, 0), 0);
    }
    return wrong;
}

static void release_under_load(void **state)
{
    struct fix *f = *state;
    bool stop = false, hold = false, stopping;
    struct writer w[2] = {{.g = &f->g, .vcpu = 0, .stop = &stop, .hold = &hold},
                          {.g = &f->g, .vcpu = 1, .stop = &stop, .hold = &hold}};
    uint64_t seen[2] = {0}, wrong = 0, traps = 0, rounds = 0;

    for (unsigned i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&w[i].thread, NULL, write_on, &w[i]), 0);
    while (!__atomic_load_n(&w[0].over, __ATOMIC_ACQUIRE) ||
           !__atomic_load_n(&w[1].over, __ATOMIC_ACQUIRE)) {
        assert_int_equal(OPS.protect(f->v, 5, true), 0);
        serve(f, seen, false, &traps);
        for (unsigned i = 0; i < 4; i++) {
            readable(f, 1);
            wrong += serve(f, seen, true, &traps);
        }
        assert_int_equal(OPS.protect(f->v, 5, false), 0);
        /* A page that is written without a break is never let go, here as on Xen. */
        for (unsigned i = 0; OPS.settle(f->v) == 1; i++) {
            serve(f, seen, false, &traps);
            __atomic_store_n(&hold, i >= 3, __ATOMIC_RELEASE);
            sched_yield();
        }
        __atomic_store_n(&hold, false, __ATOMIC_RELEASE);
        for (unsigned i = 0; i < 4; i++)
            serve(f, seen, false, &traps);
        stopping = rig_killed(&f->g) || (++rounds >= ROUNDS && traps >= ROUNDS);
        __atomic_store_n(&stop, stopping, __ATOMIC_RELEASE);
    }
    assert_null(rig_killed(&f->g));
    for (unsigned i = 0; i < 2; i++) {
        pthread_join(w[i].thread, NULL);
        assert_int_equal(w[i].failed, 0);
        assert_memory_equal(f->g.ram + 5 * PAGE + 8 * i, &w[i].count, 8);
    }
    assert_int_equal(wrong, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(release_under_load, shm_setup, shm_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
