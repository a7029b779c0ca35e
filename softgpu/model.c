/* SPDX-License-Identifier: MIT */
/*
 * model.c: the chips softgpu can be (model.h): every device id of Haswell and Broadwell that
 * Intel's drivers know. Any thread; everything here is constant.
 */
#include "softgpu/model.h"

#include <string.h>
#include <strings.h>

/* A Broadwell GT3 has two video engines (PRM BDW vol. 1, "Device Attributes"); of the reserved ids
 * 163x drivers expect one. */
#define HAS_VCS2(id) (((id) >> 4) == 0x162)
#define IS_ULX(id)   ((id) == 0x0a0e || (id) == 0x0a1e || ((id)&0xff0f) == 0x160e)

/* BAR0 of Haswell: 2 MiB of registers, 2 MiB of 4-byte entries (2 GiB); of Broadwell: registers,
 * and at 8 MiB 8 MiB of 8-byte entries (4 GiB). PRM HSW vol. 5 "GTTMMADR", BDW vol. 5. */
#define HASWELL(name, id, rev, gt, ult)                                                            \
    {                                                                                              \
        MODEL_HASWELL, name, id, rev, gt, ult, IS_ULX(id), 4, 4u << 20, 2u << 20, 2u << 20, 4      \
    }
#define BROADWELL(name, id, rev, gt, ult)                                                          \
    {                                                                                              \
        MODEL_BROADWELL, name, id, rev, gt, ult, IS_ULX(id), HAS_VCS2(id) ? 5 : 4, 16u << 20,      \
            8u << 20, 8u << 20, 8                                                                  \
    }

/* Haswell: the upper byte is the product line (04 standard, 0A the U and Y series in one package
 * with their PCH, 0C engineering samples, 0D with a GT3 beside the CPU, Crystal Well), bits 5:4 the
 * GT level, the low digit where it goes: 2 desktop, 6 mobile, A server, B and E reserved; 0A0E and
 * 0A1E are the Y series. */
#define H(id, rev, gt, ult) HASWELL(#id, 0x##id, rev, gt, ult)
#define HSW_LINE(p, rev, ult)                                                                      \
    H(p##06, rev, 1, ult), H(p##0a, rev, 1, ult), H(p##0b, rev, 1, ult), H(p##0e, rev, 1, ult),    \
        H(p##16, rev, 2, ult), H(p##1a, rev, 2, ult), H(p##1b, rev, 2, ult),                       \
        H(p##1e, rev, 2, ult), H(p##22, rev, 3, ult), H(p##26, rev, 3, ult),                       \
        H(p##2a, rev, 3, ult), H(p##2b, rev, 3, ult), H(p##2e, rev, 3, ult)
/* Broadwell: 6, B and E are the U and Y series, 2 is H, A server, D workstation. 163x are
 * reserved ids of GT3 parts. */
#define B(id, gt, ult) BROADWELL(#id, 0x##id, (ult) ? 9 : 10, gt, ult)

static const struct model models[] = {
    HASWELL("hsw", 0x0412, 6, 2, false),
    BROADWELL("bdw", 0x1616, 9, 2, true),
    H(0402, 6, 1, false),
    HSW_LINE(04, 6, false),
    H(0a02, 9, 1, true),
    H(0a12, 9, 2, true),
    HSW_LINE(0a, 9, true),
    H(0c02, 4, 1, false),
    H(0c12, 4, 2, false),
    HSW_LINE(0c, 4, false),
    H(0d02, 8, 1, false),
    H(0d12, 8, 2, false),
    HSW_LINE(0d, 8, false),
    B(1602, 1, false),
    B(1606, 1, true),
    B(160a, 1, false),
    B(160b, 1, true),
    B(160d, 1, false),
    B(160e, 1, true),
    B(1612, 2, false),
    B(161a, 2, false),
    B(161b, 2, true),
    B(161d, 2, false),
    B(161e, 2, true),
    B(1622, 3, false),
    B(1626, 3, true),
    B(162a, 3, false),
    B(162b, 3, true),
    B(162d, 3, false),
    B(162e, 3, true),
    B(1632, 3, false),
    B(1636, 3, true),
    B(163a, 3, false),
    B(163b, 3, true),
    B(163d, 3, false),
    B(163e, 3, true),
};

#define MODELS (sizeof(models) / sizeof(models[0]))

const struct model *model_at(unsigned i)
{
    return i < MODELS ? &models[i] : NULL;
}

/* Four hex digits and nothing behind them. */
static bool parse_id(const char *text, uint16_t *out)
{
    unsigned id = 0;

    for (unsigned i = 0; i < 4; i++) {
        const char *digits = "0123456789abcdef";
        char c = text[i] >= 'A' && text[i] <= 'F' ? (char)(text[i] - 'A' + 'a') : text[i];
        const char *at = c ? strchr(digits, c) : NULL;

        if (!at)
            return false;
        id = id << 4 | (unsigned)(at - digits);
    }
    *out = (uint16_t)id;
    return !text[4];
}

static const char *skip(const char *text, const char *prefix)
{
    size_t n = strlen(prefix);

    return strncasecmp(text, prefix, n) ? text : text + n;
}

const struct model *model_find(const char *name)
{
    uint16_t id = 0;
    bool by_id = parse_id(skip(skip(skip(name, "0x"), "8086:"), "0x"), &id);

    for (unsigned i = 0; i < MODELS; i++) {
        if (by_id ? models[i].device == id : !strcasecmp(models[i].name, name))
            return &models[i];
    }
    return NULL;
}

void model_list(FILE *out)
{
    for (unsigned i = 0; i < MODELS; i++) {
        const struct model *m = &models[i];
        bool hsw = m->family == MODEL_HASWELL;

        fprintf(out, "8086:%04x  %s GT%u%s%s%s\n", m->device, hsw ? "Haswell" : "Broadwell", m->gt,
                m->ult ? " ULT" : "", strlen(m->name) == 4 ? "" : "  = ",
                strlen(m->name) == 4 ? "" : m->name);
    }
}
