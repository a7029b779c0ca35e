/* SPDX-License-Identifier: MIT */
/*
 * EDID: checksum, fields of a monitor known by heart, and that what is built is read back for
 * every mode of a grid. One thread, no I/O.
 */
#include "gen/edid.h"
#include "gen/pvinfo.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static unsigned sum(const uint8_t *e)
{
    unsigned s = 0;

    for (unsigned i = 0; i < 128; i++)
        s += e[i];
    return s % 256;
}

/* CVT reduced blanking of 1920x1080@60 is 138.5 MHz, 2080 x 1111. */
static void full_hd(void **state)
{
    uint8_t e[EDID_SIZE];
    struct edid_timing t;

    (void)state;
    assert_int_equal(edid_build(e, 1920, 1080, 60, "vgt-1", 0x01020304), 0);
    assert_int_equal(sum(e), 0);
    assert_true(edid_valid(e));
    assert_int_equal(e[126], 0); /* no extension */
    assert_int_equal(e[12] | e[13] << 8 | e[14] << 16 | (unsigned)e[15] << 24, 0x01020304);
    assert_int_equal(edid_preferred(e, &t), 0);
    assert_int_equal(t.hactive, 1920);
    assert_int_equal(t.hblank, 160);
    assert_int_equal(t.vactive, 1080);
    assert_int_equal(t.vblank, 31);
    assert_in_range(t.clock_khz, 138400, 138800);
    assert_memory_equal(e + 54 + 36, "\0\0\0\xfc\0vgt-1\n       ", 18);
}

static void every_mode_reads_back(void **state)
{
    (void)state;
    for (uint32_t w = 320; w <= 3840; w += 40) {
        for (uint32_t h = 200; h <= 2400; h += 77) {
            uint8_t e[EDID_SIZE];
            struct edid_timing t, want;
            uint64_t mhz;

            if (edid_timing(w, h, 60, &want))
                continue;
            assert_int_equal(edid_build(e, w, h, 60, "a name longer than thirteen", 7), 0);
            assert_int_equal(sum(e), 0);
            assert_int_equal(edid_preferred(e, &t), 0);
            assert_memory_equal(&t, &want, sizeof(t));
            mhz = (uint64_t)t.clock_khz * 1000000 / (t.hactive + t.hblank) / (t.vactive + t.vblank);
            assert_in_range(mhz, 59000, 61200);
            assert_true(t.hsync_off + t.hsync_len < t.hblank);
            assert_true(t.vsync_off + t.vsync_len < t.vblank);
        }
    }
}

static void impossible_modes(void **state)
{
    struct edid_timing t;
    uint8_t e[EDID_SIZE];

    (void)state;
    assert_int_equal(edid_timing(0, 480, 60, &t), -EINVAL);
    assert_int_equal(edid_timing(641, 480, 60, &t), -EINVAL);
    assert_int_equal(edid_timing(640, 0, 60, &t), -EINVAL);
    assert_int_equal(edid_timing(4096, 480, 60, &t), -EINVAL);
    assert_int_equal(edid_timing(640, 4096, 60, &t), -EINVAL);
    assert_int_equal(edid_timing(640, 480, 0, &t), -EINVAL);
    assert_int_equal(edid_build(e, 3840, 2160, 120, "x", 0), -EINVAL); /* above 655 MHz */
}

static void modes_are_read(void **state)
{
    static const char *const wrong[] = {"",          "1280",         "1280x",      "x800",
                                        "1280x800@", "1280x800@60 ", " 1280x800",  "-1280x800",
                                        "1281x800",  "1280x800@121", "1280x800x3", "99999999x800"};
    uint32_t w, h, r;
    struct edid_timing t;

    (void)state;
    assert_int_equal(edid_parse_mode("1280x800@75", &w, &h, &r), 0);
    assert_int_equal(w, 1280);
    assert_int_equal(h, 800);
    assert_int_equal(r, 75);
    assert_int_equal(edid_timing(w, h, r, &t), 0);
    assert_int_equal(edid_refresh(&t), 75);
    assert_int_equal(edid_parse_mode("1920x1080", &w, &h, &r), 0);
    assert_int_equal(r, 60);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        assert_int_equal(edid_parse_mode(wrong[i], &w, &h, &r), -EINVAL);
}

static void a_wrong_byte_is_seen(void **state)
{
    uint8_t e[EDID_SIZE];

    (void)state;
    assert_int_equal(edid_build(e, 1024, 768, 60, "", 0), 0);
    for (unsigned i = 0; i < EDID_SIZE; i++) {
        e[i] ^= 1;
        assert_false(edid_valid(e));
        e[i] ^= 1;
    }
    assert_true(edid_valid(e));
}

static void pvinfo_layout(void **state)
{
    struct pvinfo p = {.magic = PVINFO_MAGIC};

    (void)state;
    assert_memory_equal(&p, "vGTvGTvG", 8);
    assert_int_equal(offsetof(struct pvinfo, pdp[3].hi), 0x854);
    assert_int_equal(offsetof(struct pvinfo, high_size), 0x4c);
    assert_int_equal(offsetof(struct pvinfo, min_fences), 0x814);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(full_hd),          cmocka_unit_test(every_mode_reads_back),
        cmocka_unit_test(impossible_modes), cmocka_unit_test(a_wrong_byte_is_seen),
        cmocka_unit_test(pvinfo_layout),    cmocka_unit_test(modes_are_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
