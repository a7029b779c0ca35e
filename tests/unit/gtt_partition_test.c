/* SPDX-License-Identifier: MIT */
/*
 * The division of graphics memory: random takes, frees and claims against a model that keeps one
 * owner per granule and finds first-fit by looking at each start.
 */
#include "services/gtt/partition.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MIB       (1ull << 20)
#define APERTURE  64u
#define HIGH      192u
#define FENCES    16u
#define NOBODY    255u
#define MAX_UNITS 192u

struct model {
    uint8_t owner[PARTITION_KINDS][MAX_UNITS];
};

static const unsigned units[PARTITION_KINDS] = {APERTURE, HIGH, FENCES};

static uint64_t to_unit(int kind, uint64_t value)
{
    return kind == PARTITION_FENCE ? value : value / MIB - (kind == PARTITION_HIGH ? APERTURE : 0);
}

static int model_fit(const struct model *m, int kind, unsigned size)
{
    for (unsigned at = 0; size && at + size <= units[kind]; at++) {
        unsigned n = 0;

        while (n < size && m->owner[kind][at + n] == NOBODY)
            n++;
        if (n == size)
            return (int)at;
    }
    return -1;
}

static void model_free(struct model *m, unsigned owner)
{
    for (int kind = 0; kind < PARTITION_KINDS; kind++) {
        for (unsigned i = 0; i < units[kind]; i++) {
            if (m->owner[kind][i] == owner)
                m->owner[kind][i] = NOBODY;
        }
    }
}

static void check_room(const struct partition *p, const struct model *m)
{
    for (int kind = 0; kind < PARTITION_KINDS; kind++) {
        uint64_t largest, u = kind == PARTITION_FENCE ? 1 : MIB, n = 0, run = 0, most = 0;
        uint64_t room = partition_room(p, kind, &largest);

        for (unsigned i = 0; i < units[kind]; i++) {
            run = m->owner[kind][i] == NOBODY ? run + 1 : 0;
            n += run > 0;
            most = run > most ? run : most;
        }
        assert_int_equal(room, n * u);
        assert_int_equal(largest, most * u);
    }
}

static void take_both(struct partition *p, struct model *m, unsigned owner)
{
    unsigned want[PARTITION_KINDS] = {1 + (unsigned)rand() % 24, (unsigned)rand() % 70,
                                      (unsigned)rand() % 6};
    struct partition_grant got;
    char why[256] = "";
    int at[PARTITION_KINDS], fits = 1;
    /* Any size within the last granule is rounded up to it. */
    int rc = partition_take(p, owner, want[0] * MIB - (unsigned)rand() % 4096, want[1] * MIB,
                            want[2], &got, why, sizeof why);

    for (int kind = 0; kind < PARTITION_KINDS; kind++) {
        at[kind] = model_fit(m, kind, want[kind]);
        fits &= at[kind] >= 0 || !want[kind];
    }
    assert_int_equal(rc, fits ? 0 : -ENOSPC);
    if (!fits) {
        assert_non_null(strstr(why, "not enough"));
        return;
    }
    for (int kind = 0; kind < PARTITION_KINDS; kind++) {
        if (!want[kind]) {
            assert_int_equal(got.range[kind].size, 0);
            continue;
        }
        assert_int_equal(to_unit(kind, got.range[kind].base), at[kind]);
        memset(&m->owner[kind][at[kind]], (int)owner, want[kind]);
    }
}

static void like_brute_force(void **state)
{
    struct partition p;
    struct model m;

    (void)state;
    srand(7);
    memset(&m, NOBODY, sizeof m);
    assert_int_equal(partition_init(&p, APERTURE * MIB, (APERTURE + HIGH) * MIB, FENCES), 0);
    for (int i = 0; i < 20000; i++) {
        unsigned owner = (unsigned)rand() % 8;

        if (partition_find(&p, owner)) {
            assert_int_equal(partition_free(&p, owner), 0);
            model_free(&m, owner);
        } else {
            take_both(&p, &m, owner);
        }
        check_room(&p, &m);
    }
}

static void refusal_is_explained(void **state)
{
    struct partition p;
    struct partition_grant g;
    char why[256], tiny[12];

    (void)state;
    assert_int_equal(partition_init(&p, 64 * MIB, 256 * MIB, 8), 0);
    assert_int_equal(partition_take(&p, PARTITION_HOST, 16 * MIB, MIB, 2, &g, NULL, 0), 0);
    assert_int_equal(partition_take(&p, 5, 40 * MIB, MIB, 2, &g, NULL, 0), 0);
    assert_int_equal(partition_take(&p, 6, 16 * MIB, MIB, 2, &g, why, sizeof why), -ENOSPC);
    assert_string_equal(
        why, "not enough low graphics memory: 16 MiB wanted, 8 MiB free (largest "
             "piece 8 MiB): take a smaller type or stop a guest; host holds 16 MiB; domain 5 "
             "holds 40 MiB");
    assert_null(partition_find(&p, 6));
    assert_int_equal(partition_take(&p, 6, MIB, MIB, 5, &g, why, sizeof why), -ENOSPC);
    assert_string_equal(why, "not enough fences: 5 wanted, 4 free (largest piece 4): take a "
                             "smaller type or stop a guest; host holds 2; "
                             "domain 5 holds 2");
    assert_int_equal(partition_take(&p, 6, UINT64_MAX, 0, 0, &g, tiny, sizeof tiny), -ENOSPC);
    assert_string_equal(tiny, "not enough ");
    assert_int_equal(partition_take(&p, 5, 0, 0, 0, &g, NULL, 0), -EEXIST);
    assert_int_equal(partition_free(&p, 6), -ENOENT);
}

/* A 256 MiB aperture as the host leaves it: its slice at the end, nothing at address 0. */
static void seven_guests_fit(void **state)
{
    struct partition_grant host = {.owner = PARTITION_HOST,
                                   .range = {{240 * MIB, 16 * MIB}, {2040 * MIB, 8 * MIB}}};
    struct partition_grant zero = {.owner = PARTITION_NOBODY, .range = {{0, MIB}}}, g;
    uint64_t piece[PARTITION_PIECES];
    struct partition p;
    char why[512];

    (void)state;
    assert_int_equal(partition_init(&p, 256 * MIB, 2048 * MIB, 32), 0);
    assert_int_equal(partition_claim(&p, &host), 0);
    assert_int_equal(partition_claim(&p, &zero), 0);
    for (uint32_t domid = 101; domid < 108; domid++)
        assert_int_equal(partition_take(&p, domid, 32 * MIB, 64 * MIB, 4, &g, NULL, 0), 0);
    assert_int_equal(partition_take(&p, 108, 32 * MIB, 64 * MIB, 4, &g, why, sizeof why), -ENOSPC);
    assert_string_equal(
        why, "not enough low graphics memory: 32 MiB wanted, 15 MiB free (largest piece 15 MiB): "
             "take a smaller type or stop a guest; host holds 16 MiB; domain 101 holds 32 MiB; "
             "domain 102 holds 32 MiB; domain 103 holds 32 MiB; domain 104 holds 32 MiB; domain "
             "105 holds 32 MiB; domain 106 holds 32 MiB; domain 107 holds 32 MiB");
    assert_int_equal(partition_free(&p, 103), 0);
    assert_int_equal(partition_pieces(&p, PARTITION_LOW, piece, PARTITION_PIECES), 2);
    assert_int_equal(piece[0], 32 * MIB);
    assert_int_equal(piece[1], 15 * MIB);
    assert_int_equal(partition_pieces(&p, PARTITION_LOW, piece, 1), 1);
    assert_int_equal(partition_take(&p, 108, 32 * MIB, 64 * MIB, 4, &g, why, sizeof why), 0);
    assert_int_equal(g.range[PARTITION_LOW].base, 65 * MIB);
}

static void claims_are_checked(void **state)
{
    struct partition p;
    struct partition_grant g = {.owner = 3, .range = {{4 * MIB, 4 * MIB}, {64 * MIB, MIB}, {6, 2}}};

    (void)state;
    assert_int_equal(partition_init(&p, 64 * MIB, 65 * MIB + 1, 8), -EINVAL);
    assert_int_equal(partition_init(&p, 64 * MIB, 256 * MIB, 8), 0);
    assert_int_equal(partition_claim(&p, &g), 0);
    assert_int_equal(partition_claim(&p, &g), -EEXIST);
    g.owner = 4;
    assert_int_equal(partition_claim(&p, &g), -EBUSY);
    g.range[PARTITION_LOW] = (struct partition_range){60 * MIB, 8 * MIB};
    assert_int_equal(partition_claim(&p, &g), -EINVAL);
    g.range[PARTITION_LOW] = (struct partition_range){-MIB, 2 * MIB};
    assert_int_equal(partition_claim(&p, &g), -EINVAL);
    assert_int_equal(p.count, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(like_brute_force),
        cmocka_unit_test(refusal_is_explained),
        cmocka_unit_test(seven_guests_fit),
        cmocka_unit_test(claims_are_checked),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
