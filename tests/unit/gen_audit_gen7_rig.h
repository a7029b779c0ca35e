/* SPDX-License-Identifier: MIT */
/*
 * A guest whose Haswell buffers are audited: its partition is 0x08000000..0x0bffffff, what is asked
 * and patched is kept. For tests/unit/gen_audit_gen7*_test.c; one thread.
 */
#pragma once

#include "gen/audit_gen7.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define OWN     0x08000000u
#define OWN_END 0x0c000000u
#define FOREIGN 0x04000000u

/* Of the last run(). */
extern struct audit_patch patches[64];
extern unsigned n_patches, n_asked;
extern struct asked {
    uint64_t addr, len;
    bool write;
} asked; /* the last question */

extern bool refuse_patches;

/* Audit an exact copy of dw[0..n); a patch is kept, not carried out. */
struct audit_verdict run(enum gen8_engine e, enum audit_where where, const uint32_t *dw, size_t n);

#define RUN(e, where, ...)                                                                         \
    ({                                                                                             \
        const uint32_t dw_[] = {__VA_ARGS__};                                                      \
        run(e, where, dw_, sizeof(dw_) / 4);                                                       \
    })
#define RING(e, ...)   RUN(e, AUDIT_RING, __VA_ARGS__)
#define BATCH(e, ...)  RUN(e, AUDIT_BATCH, __VA_ARGS__)
#define REASON(v, why) assert_string_equal(audit_reason_text((v).reason), audit_reason_text(why))
#define ASKED(a, l, w)                                                                             \
    do {                                                                                           \
        assert_int_equal(asked.addr, a);                                                           \
        assert_int_equal(asked.len, l);                                                            \
        assert_int_equal(asked.write, w);                                                          \
    } while (0)
#define SRM    0x12400001
#define LRM    0x14c00001
#define LRI1   0x11000001
#define BB_END 0x05000000
#define PC     0x7a000002 /* four dwords */
#define BBS    0x18800000
