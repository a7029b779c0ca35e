/* SPDX-License-Identifier: MIT */
/*
 * cs_mi_alu.c: arithmetic of the command streamer: MI_MATH, MI_ATOMIC, predication (Broadwell PRM
 * vol. 2a). Engine's thread.
 */
#include "softgpu/cs_mi.h"
#include "softgpu/engine_kind.h"
#include "softgpu/engine_priv.h"
#include "softgpu/mem.h"

#define ALU_SRCA 0x20
#define ALU_SRCB 0x21
#define ALU_ACCU 0x31
#define ALU_ZF   0x32
#define ALU_CF   0x33

struct alu {
    uint64_t srca, srcb, accu;
    bool zf, cf;
};

static uint64_t alu_source(struct engine *e, const struct alu *a, uint32_t operand)
{
    if (operand < 16)
        return reg_get64(e, R_GPR + 8 * operand);
    switch (operand) {
    case ALU_ACCU:
        return a->accu;
    case ALU_ZF:
        return a->zf ? ~0ull : 0;
    case ALU_CF:
        return a->cf ? ~0ull : 0;
    default:
        return 0;
    }
}

static void alu_load(struct alu *a, uint32_t operand, uint64_t v)
{
    if (operand == ALU_SRCA)
        a->srca = v;
    else if (operand == ALU_SRCB)
        a->srcb = v;
}

static void alu_store(struct engine *e, uint32_t operand, uint64_t v)
{
    if (operand < 16)
        reg_set64(e, R_GPR + 8 * operand, v);
}

static void alu_compute(struct alu *a, uint32_t opcode)
{
    a->cf = false;
    switch (opcode) {
    case 0x100:
        a->accu = a->srca + a->srcb;
        a->cf = a->accu < a->srca;
        break;
    case 0x101:
        a->accu = a->srca - a->srcb;
        a->cf = a->srca < a->srcb;
        break;
    case 0x102:
        a->accu = a->srca & a->srcb;
        break;
    case 0x103:
        a->accu = a->srca | a->srcb;
        break;
    default:
        a->accu = a->srca ^ a->srcb;
    }
    a->zf = a->accu == 0;
}

static bool alu_step(struct engine *e, struct alu *a, uint32_t instruction)
{
    uint32_t opcode = instruction >> 20, op1 = instruction >> 10 & 0x3ff, op2 = instruction & 0x3ff;

    switch (opcode) {
    case 0x000: /* NOOP */
        return true;
    case 0x080: /* LOAD */
        alu_load(a, op1, alu_source(e, a, op2));
        return true;
    case 0x480: /* LOADINV */
        alu_load(a, op1, ~alu_source(e, a, op2));
        return true;
    case 0x081: /* LOAD0 */
        alu_load(a, op1, 0);
        return true;
    case 0x481: /* LOAD1 */
        alu_load(a, op1, ~0ull);
        return true;
    case 0x180: /* STORE */
        alu_store(e, op1, alu_source(e, a, op2));
        return true;
    case 0x580: /* STOREINV */
        alu_store(e, op1, ~alu_source(e, a, op2));
        return true;
    case 0x100:
    case 0x101:
    case 0x102:
    case 0x103:
    case 0x104:
        alu_compute(a, opcode);
        return true;
    default:
        return false;
    }
}

enum cs_result mi_math(struct engine *e, const uint32_t *cmd, uint32_t len)
{
    struct alu a = {0};

    for (uint32_t i = 1; i < len; i++) {
        if (!alu_step(e, &a, cmd[i]))
            return CS_BAD;
    }
    return CS_NEXT;
}

static uint64_t umin(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* Sign-extend a value of the operation's size. */
static int64_t sign(uint64_t v, bool quad)
{
    return quad ? (int64_t)v : (int32_t)v;
}

/* New value of memory. op: bits 4:0 of the command's ATOMIC OPCODE. False: no such operation. */
static bool atomic_compute(uint32_t op, bool quad, uint64_t m, uint64_t a, uint64_t b,
                           uint64_t *out)
{
    bool less = sign(m, quad) < sign(a, quad);

    switch (op) {
    case 0x04: /* MOVE */
        *out = a;
        break;
    case 0x05: /* INC */
        *out = m + 1;
        break;
    case 0x06: /* DEC */
    case 0x0f: /* PREDEC */
        *out = m - 1;
        break;
    case 0x07: /* ADD */
        *out = m + a;
        break;
    case 0x08: /* SUB */
        *out = m - a;
        break;
    case 0x09: /* RSUB */
        *out = a - m;
        break;
    case 0x0a: /* IMAX */
        *out = less ? a : m;
        break;
    case 0x0b: /* IMIN */
        *out = less ? m : a;
        break;
    case 0x0c: /* UMAX */
        *out = umin(m, a) == m ? a : m;
        break;
    case 0x0d: /* UMIN */
        *out = umin(m, a);
        break;
    case 0x0e: /* CMPWR: write b when memory equals a */
        *out = m == a ? b : m;
        break;
    case 0x10:
        *out = m & a;
        break;
    case 0x11:
        *out = m | a;
        break;
    case 0x12:
        *out = m ^ a;
        break;
    default:
        return false;
    }
    return true;
}

/* Bits 20:19 size (0 dword, 1 qword), 18 inline operands (dwords of the two operands alternate),
 * 16 return data into GPR 0, 15:8 operation (qword operations have bit 5 set). */
enum cs_result mi_atomic(struct engine *e, const uint32_t *cmd, uint32_t len)
{
    uint32_t size = cmd[0] >> 19 & 3, op = cmd[0] >> 8 & 0xff;
    bool quad = size == 1, inlined = cmd[0] & (1u << 18), ppgtt = cs_ppgtt_bit22(cmd[0]);
    uint64_t mask = quad ? ~0ull : 0xffffffffull, addr = cs_addr(cmd + 1) & (quad ? ~7ull : ~3ull);
    uint64_t a = reg_get64(e, R_GPR), b = reg_get64(e, R_GPR + 8), m, out;
    bool known;

    if (size > 1 || len != (inlined ? 11 : 3) || (op & 0x20) != (quad ? 0x20u : 0))
        return CS_BAD;
    if (inlined) {
        a = cmd[3] | (uint64_t)cmd[5] << 32;
        b = cmd[4] | (uint64_t)cmd[6] << 32;
    }
    pthread_mutex_lock(&e->owner->atomic_lock);
    m = quad ? mem_read64(e, ppgtt, addr) : mem_read32(e, ppgtt, addr);
    known = atomic_compute(op & 0x1f, quad, m, a & mask, b & mask, &out);
    if (known && quad)
        mem_write64(e, ppgtt, addr, out);
    else if (known)
        mem_write32(e, ppgtt, addr, (uint32_t)out);
    pthread_mutex_unlock(&e->owner->atomic_lock);
    if (!known)
        return CS_BAD;
    if (cmd[0] & (1u << 16))
        reg_set64(e, R_GPR, (op & 0x1f) == 0x0f ? out & mask : m);
    return CS_NEXT;
}

/* Load operation 7:6 (2 load, 3 load inverted), combine 4:3 (0 set, 1 and, 2 or, 3 xor), compare
 * 1:0 (0 true, 1 false, 2 sources equal, 3 deltas equal). */
enum cs_result mi_predicate(struct engine *e, const uint32_t *cmd, uint32_t len)
{
    uint64_t src0 = reg_get64(e, R_PREDICATE_SRC0), src1 = reg_get64(e, R_PREDICATE_SRC1);
    uint64_t delta = src0 - src1;
    uint32_t load = cmd[0] >> 6 & 3, combine = cmd[0] >> 3 & 3;
    bool old = reg_get(e, R_PREDICATE_RESULT) & 1;
    const bool compare[4] = {true, false, src0 == src1, delta == reg_get64(e, R_PREDICATE_DATA)};
    bool v = compare[cmd[0] & 3];

    (void)len;
    if (load < 2)
        return CS_NEXT;
    v ^= load == 3;
    const bool combined[4] = {v, old && v, old || v, old != v};

    reg_set64(e, R_PREDICATE_DATA, delta);
    reg_set(e, R_PREDICATE_RESULT, combined[combine]);
    return CS_NEXT;
}

/* 0 off, 1 skip while RESULT_2 is clear, 2 skip while it is set, 15 skip always. */
enum cs_result mi_set_predicate(struct engine *e, const uint32_t *cmd, uint32_t len)
{
    bool result = reg_get(e, e->owner->kind->predicate_result_2) & 1;
    uint32_t mode = cmd[0] & 15;

    (void)len;
    e->cs.skip = (mode == 1 && !result) || (mode == 2 && result) || mode == 15;
    return CS_NEXT;
}
