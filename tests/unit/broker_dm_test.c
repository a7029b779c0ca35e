/* SPDX-License-Identifier: MIT */
/*
 * vgt-dm's command line: what it reads of libxl's and what the real device model gets.
 */
#include "services/broker/dm_args.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#define COUNT(a) ((int)(sizeof(a) / sizeof((a)[0])) - 1)

static void joined(const struct dm_args *a, char *out, size_t size)
{
    size_t at = 0;

    out[0] = 0;
    for (unsigned i = 0; i < a->count; i++)
        at += (size_t)snprintf(out + at, size - at, "%s%s", i ? " " : "", a->argv[i]);
    assert_null(a->argv[a->count]);
}

static int run(char **argv, int argc, struct dm_args *a, char *line, char *why)
{
    int rc = dm_args_read(argc, argv, a, why, 256);

    if (!rc)
        joined(a, line, 1024);
    return rc;
}

/* As libxl 4.20 starts a guest with vga="none" and device_model_args=["-vgt","type=large"]. */
static void test_stock(void **state)
{
    char *argv[] = {"/usr/libexec/vgt/vgt-dm",
                    "-xen-domid",
                    "12",
                    "-no-shutdown",
                    "-nodefaults",
                    "-name",
                    "guest-1",
                    "-vga",
                    "none",
                    "-vgt",
                    "type=large,weight=50,monitor=1280x800@60",
                    "-device",
                    "rtl8139,id=nic0,netdev=net0,mac=00:16:3e:00:00:01",
                    "-machine",
                    "xenfv,suppress-vmdesc=on",
                    "-m",
                    "504",
                    NULL};
    char line[1024], why[256] = "";
    struct dm_args a;

    (void)state;
    assert_int_equal(run(argv, COUNT(argv), &a, line, why), 0);
    assert_true(a.domain);
    assert_int_equal(a.domid, 12);
    assert_string_equal(a.name, "guest-1");
    assert_string_equal(a.type, "large");
    assert_int_equal(a.weight, 50);
    assert_string_equal(a.monitor, "1280x800@60");
    assert_int_equal(a.low_mb, 0);
    assert_string_equal(line,
                        "/usr/libexec/vgt/vgt-dm -xen-domid 12 -no-shutdown -nodefaults -name "
                        "guest-1 -vga none -device rtl8139,id=nic0,netdev=net0,"
                        "mac=00:16:3e:00:00:01,addr=0x5 -machine pc,accel=xen,suppress-vmdesc=on "
                        "-m 504 -device xen-platform,addr=0x4");
    dm_args_free(&a);
}

/* The administrator did by hand what vgt-dm does: nothing changes, nothing comes twice. */
static void test_by_hand(void **state)
{
    char *argv[] = {
        "dm", "-xen-domid", "3", "-machine", "pc,accel=xen", "-device", "xen-platform,addr=0x4",
        NULL};
    char line[1024], why[256] = "";
    struct dm_args a;

    (void)state;
    assert_int_equal(run(argv, COUNT(argv), &a, line, why), 0);
    assert_string_equal(line,
                        "dm -xen-domid 3 -machine pc,accel=xen -device xen-platform,addr=0x4");
    dm_args_free(&a);
}

static void test_no_platform(void **state)
{
    char *argv[] = {"dm", "-xen-domid", "3", "-M", "pc,accel=xen", NULL};
    char line[1024], why[256] = "";
    struct dm_args a;

    (void)state;
    assert_int_equal(run(argv, COUNT(argv), &a, line, why), 0);
    assert_string_equal(line, "dm -xen-domid 3 -M pc,accel=xen");
    assert_string_equal(a.type, "");
    dm_args_free(&a);
}

static void test_slots(void **state)
{
    char *argv[] = {"dm",
                    "-xen-domid",
                    "3",
                    "-machine",
                    "xenfv-4.2",
                    "-device",
                    "xen-platform",
                    "-device",
                    "e1000,netdev=a",
                    "-device",
                    "ahci,id=ahci0",
                    "-device",
                    "ich9-usb-ehci1,bus=pci.0,addr=0x1d.0x7",
                    "-device",
                    "e1000,addr=0x5",
                    "-device",
                    "ide-cd,bus=ide.0",
                    NULL};
    char line[1024], why[256] = "";
    struct dm_args a;

    (void)state;
    assert_int_equal(run(argv, COUNT(argv), &a, line, why), 0);
    assert_string_equal(line, "dm -xen-domid 3 -machine pc,accel=xen -device xen-platform,addr=0x4 "
                              "-device e1000,netdev=a,addr=0x6 -device ahci,id=ahci0,addr=0x7 "
                              "-device ich9-usb-ehci1,bus=pci.0,addr=0x1d.0x7 "
                              "-device e1000,addr=0x5 -device ide-cd,bus=ide.0");
    dm_args_free(&a);
}

static void refused(char *option, char *value, const char *text)
{
    char *argv[] = {"dm", "-xen-domid", "3", option, value, NULL};
    char line[1024], why[256] = "";
    struct dm_args a;

    assert_int_equal(run(argv, value ? 5 : 4, &a, line, why), -EINVAL);
    assert_string_equal(why, text);
    dm_args_free(&a);
}

static void test_refused(void **state)
{
    (void)state;
    refused("-vga", "cirrus", "vga=\"cirrus\" and a vGPU do not go together; set vga=\"none\"");
    refused("-device", "VGA,vgamem_mb=16",
            "the device \"VGA,vgamem_mb=16\" and a vGPU do not go together; set vga=\"none\"");
    refused("-vgt", "size=1",
            "-vgt knows type, low_mb, high_mb, fences, weight and monitor, not \"size\"");
    refused("-vgt", "monitor=1280x800@60.000000000001",
            "monitor=1280x800@60.000000000001 is no mode of a monitor; write WxH or WxH@HZ");
    refused("-vgt", "large", "-vgt wants KEY=VALUE, not \"large\"");
    refused("-vgt", "fences=0", "-vgt fences needs a number above 0");
    refused("-vgt", NULL, "-vgt has no value");
    refused("-xen-domid", "x", "-xen-domid x is no domain id");
}

/* What is not for a domain is recognised, so that it can be passed on untouched. */
static void test_probe(void **state)
{
    char *argv[] = {"dm", "-M", "none", "-help", NULL};
    char line[1024], why[256] = "";
    struct dm_args a;

    (void)state;
    assert_int_equal(run(argv, COUNT(argv), &a, line, why), 0);
    assert_false(a.domain);
    dm_args_free(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stock),       cmocka_unit_test(test_by_hand),
        cmocka_unit_test(test_no_platform), cmocka_unit_test(test_slots),
        cmocka_unit_test(test_refused),     cmocka_unit_test(test_probe),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
