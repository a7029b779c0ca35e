/* SPDX-License-Identifier: MIT */
/*
 * audit_twice.h: an audit of a buffer for the fuzz targets of either generation: once with its
 * patches carried out, and, if it passed, once more, when no patch may come that should have done
 * its work. Used by gen_audit_fuzz.c and gen_audit_gen7_fuzz.c. One thread.
 */
#pragma once
#include "gen/audit.h"

struct twice;

struct twice_kind {
    unsigned engines, places; /* numbers of engines and of enum audit_where */
    int (*audit)(struct twice *t, const struct audit_ops *ops, struct audit_verdict *v);
    /* What a patch must be. */
    void (*check)(const struct audit_patch *p);
    /* It is carried out. The command at hand was read already. */
    void (*apply)(struct twice *t, const struct audit_patch *p);
};

struct twice {
    const struct twice_kind *kind;
    enum gen8_engine engine;
    enum audit_where where;
    uint32_t *dw;
    size_t n;
    uint32_t last;       /* dword index of the last patch: they come in order */
    unsigned again;      /* patches that must not come twice */
    bool first, outside; /* first: patches are carried out; outside: an address was refused */
};

#define TWICE_OWN     0x08000000u /* the guest's partition */
#define TWICE_OWN_END 0x0c000000u

/* The first byte says engine and place, the rest is the buffer. */
void twice_run(const struct twice_kind *kind, const uint8_t *data, size_t size);
