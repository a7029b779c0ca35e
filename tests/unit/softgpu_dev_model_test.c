/* SPDX-License-Identifier: MIT */
/*
 * The chips softgpu can be: device ids and how they are named, and the configuration space of each.
 */
#include "softgpu/model.h"
#include "softgpu/pci.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* --- ids --- */

static void names(void **state)
{
    static const struct {
        const char *name;
        uint16_t device; /* 0: there is none */
    } t[] = {
        {"hsw", 0x0412},
        {"HSW", 0x0412},
        {"bdw", 0x1616},
        {"0412", 0x0412},
        {"0x0412", 0x0412},
        {"8086:0412", 0x0412},
        {"0x8086:0x0412", 0x0412},
        {"8086:0a2E", 0x0a2e},
        {"0A2E", 0x0a2e},
        {"0X0a2e", 0x0a2e},
        {"163e", 0x163e},
        {"", 0},
        {"hs", 0},
        {"hsw2", 0},
        {"412", 0},
        {"04120", 0},
        {"0413", 0},
        {"8086", 0},
        {"8087:0412", 0},
        {"1002:0412", 0},
        {"0x", 0},
        {"04 2", 0},
        {"041g", 0},
        {"1916", 0}, /* Skylake */
        {"0166", 0}, /* Ivy Bridge */
        {"0f31", 0}, /* Bay Trail */
    };

    (void)state;
    for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
        const struct model *m = model_find(t[i].name);

        if (m ? m->device != t[i].device : t[i].device)
            fail_msg("'%s' gives %04x", t[i].name, m ? m->device : 0);
    }
}

/* Every id that Intel's drivers know: four lines of Haswell, each with five of three levels; six of
 * each level of Broadwell and the reserved ones. */
static void ids(void **state)
{
    static const uint8_t line[] = {0x04, 0x0a, 0x0c, 0x0d}, low[] = {0x2, 0x6, 0xa, 0xb, 0xe};
    static const uint8_t bdw_low[] = {0x2, 0x6, 0xa, 0xb, 0xd, 0xe};
    char name[8];
    unsigned n = 0;

    (void)state;
    for (unsigned i = 0; i < 4 * 3 * 5; i++) {
        unsigned gt = i / 5 % 3;
        const struct model *m;

        snprintf(name, sizeof(name), "%02x%x%x", line[i / 15], gt, low[i % 5]);
        m = model_find(name);
        assert_non_null(m);
        assert_int_equal(m->family, MODEL_HASWELL);
        assert_int_equal(m->gt, gt + 1);
        assert_int_equal(m->ult, line[i / 15] == 0x0a);
        assert_int_equal(m->ulx, !strcmp(name, "0a0e") || !strcmp(name, "0a1e"));
        assert_int_equal(m->engines, 4);
    }
    for (unsigned i = 0; i < 4 * 6; i++) {
        unsigned digit = bdw_low[i % 6];
        const struct model *m;

        snprintf(name, sizeof(name), "16%x%x", i / 6, digit);
        m = model_find(name);
        assert_non_null(m);
        assert_int_equal(m->family, MODEL_BROADWELL);
        assert_int_equal(m->gt, i / 6 < 3 ? i / 6 + 1 : 3);
        assert_int_equal(m->ult, digit == 0x6 || digit == 0xb || digit == 0xe);
        assert_int_equal(m->ulx, digit == 0xe);
        assert_int_equal(m->engines, i / 6 == 2 ? 5 : 4); /* 162x */
    }
    while (model_at(n)) /* no more than these, and none twice */
        n++;
    assert_int_equal(n, 60 + 24);
    for (unsigned i = 0; i < n; i++)
        for (unsigned k = 0; k < i; k++)
            assert_int_not_equal(model_at(i)->device, model_at(k)->device);
}

static void list(void **state)
{
    char *text;
    size_t len, lines = 0;
    FILE *out = open_memstream(&text, &len);

    (void)state;
    model_list(out);
    fclose(out);
    for (const char *at = text; (at = strchr(at, '\n')); at++)
        lines++;
    assert_int_equal(lines, 84);
    assert_non_null(strstr(text, "8086:0412  Haswell GT2  = hsw\n"));
    assert_non_null(strstr(text, "8086:1616  Broadwell GT2 ULT  = bdw\n"));
    assert_non_null(strstr(text, "8086:0a06  Haswell GT1 ULT\n"));
    assert_non_null(strstr(text, "8086:1622  Broadwell GT3\n"));
    free(text);
}

/* --- configuration space --- */

static uint32_t get(const struct pci *p, uint32_t at, uint32_t len)
{
    uint32_t v = 0;

    pci_read(p, at, &v, len);
    return v;
}

static void config(void **state)
{
    static const uint32_t ones = 0xffffffff;
    const struct model *m;

    (void)state;
    for (unsigned i = 0; (m = model_at(i)); i++) {
        bool hsw = m->family == MODEL_HASWELL;
        struct pci p;

        pci_reset(&p, m);
        assert_int_equal(get(&p, 0x00, 4), 0x8086u | (uint32_t)m->device << 16);
        assert_int_equal(get(&p, 0x2c, 4), 0x8086u | (uint32_t)m->device << 16);
        assert_int_equal(get(&p, 0x08, 4), 0x03000000u | m->revision);
        assert_int_not_equal(m->revision, 0);
        /* GGC: 2 MiB (GGMS bits 9:8) or 8 MiB (bits 7:6) of GTT, no stolen memory */
        assert_int_equal(get(&p, 0x50, 2), hsw ? 0x0200 : 0x00c0);
        assert_int_equal(get(&p, 0x5c, 4), 0);
        pci_write(&p, 0x10, &ones, 4);
        assert_int_equal(get(&p, 0x10, 4), hsw ? 0xffc00004u : 0xff000004u);
        pci_write(&p, 0x50, &ones, 2);
        assert_int_equal(get(&p, 0x50, 2), hsw ? 0x0200 : 0x00c0);
    }
    assert_int_equal(model_find("0412")->revision, 6);
    assert_int_equal(model_find("1616")->revision, 9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names),
        cmocka_unit_test(ids),
        cmocka_unit_test(list),
        cmocka_unit_test(config),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
