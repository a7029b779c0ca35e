/* SPDX-License-Identifier: MIT */
/*
 * vgtctl's output: golden text and JSON of a status, units, screenshots from pieces, PNG files.
 */
#include "gen/fb.h"
#include "vgtctl/json.h"
#include "vgtctl/png.h"
#include "vgtctl/text.h"

#include <errno.h>
#include <png.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#define MIB     (1ull << 20)
#define S(text) ((char *)(text))

/* One of everything: two guests, one with a name that would break a terminal and JSON. */
struct sample {
    Vgt__Service service[3], *services[3];
    Vgt__EngineTime time[3], *times[3];
    Vgt__Counter counter[4], *counters[4];
    Vgt__Resources resources;
    Vgt__Monitor monitor;
    Vgt__Quarantined bad[2], *bads[2];
    Vgt__Guest guest[2], *guests[2];
    Vgt__Gpu gpu;
    Vgt__StatusReply reply;
};

static void fill_service(struct sample *s, unsigned i, const char *name, uint32_t pid,
                         const char *state, uint32_t restarts)
{
    vgt__service__init(&s->service[i]);
    s->services[i] = &s->service[i];
    s->service[i].name = S(name);
    s->service[i].pid = pid;
    s->service[i].state = S(state);
    s->service[i].restarts = restarts;
}

static void fill_lists(struct sample *s)
{
    static const char *const engines[] = {"rcs", "bcs", "rcs"};
    static const uint64_t us[] = {12345678, 850, 4000000000};
    static const char *const names[] = {"bad_gtt", "mmio.unknown_reg", "mmio_gtt.full", "lane\nx"};

    for (unsigned i = 0; i < 3; i++) {
        vgt__engine_time__init(&s->time[i]);
        s->times[i] = &s->time[i];
        s->time[i].engine = S(engines[i]);
        s->time[i].time_us = us[i];
    }
    for (unsigned i = 0; i < 4; i++) {
        vgt__counter__init(&s->counter[i]);
        s->counters[i] = &s->counter[i];
        s->counter[i].name = S(names[i]);
        s->counter[i].value = i + 2;
    }
}

static void fill_quarantined(struct sample *s)
{
    static uint8_t bytes[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10};

    for (unsigned i = 0; i < 2; i++) {
        vgt__quarantined__init(&s->bad[i]);
        s->bads[i] = &s->bad[i];
        s->bad[i].service = S(i ? "mmio" : "gtt");
        s->bad[i].kind = S(i ? "access" : "ggtt-entry");
        s->bad[i].deaths = 2;
    }
    s->bad[0].text = S("entry 5\n");
    s->bad[0].input = (ProtobufCBinaryData){sizeof(bytes), bytes};
    s->bad[0].skipped = 9;
    s->bad[0].at_s = 1772360430;
    s->guest[0].quarantined_inputs = 2;
    s->guest[0].n_quarantined = 2;
    s->guest[0].quarantined = s->bads;
}

static void fill_guests(struct sample *s)
{
    static const char *const names[] = {"alice", "b\"o\\b\033[31m\n"};

    vgt__resources__init(&s->resources);
    s->resources.low_base = 64 * MIB;
    s->resources.low_size = 64 * MIB;
    s->resources.high_base = 512 * MIB;
    s->resources.high_size = 384 * MIB;
    s->resources.fence_base = 4;
    s->resources.fences = 4;
    for (unsigned i = 0; i < 2; i++) {
        vgt__guest__init(&s->guest[i]);
        s->guests[i] = &s->guest[i];
        s->guest[i].domid = 7 + i * 9;
        s->guest[i].name = S(names[i]);
        s->guest[i].state = S(i ? "attaching" : "running");
        s->guest[i].type = S("medium");
        s->guest[i].weight = 256;
    }
    s->guest[0].resources = &s->resources;
    vgt__monitor__init(&s->monitor);
    s->monitor.width = 1280;
    s->monitor.height = 800;
    s->monitor.refresh = 60;
    s->guest[0].monitor = &s->monitor;
    s->guest[0].foreground = 1;
    s->guest[0].batches = 1ull << 40;
    s->guest[0].n_gpu_time = 2;
    s->guest[0].gpu_time = s->times;
    s->guest[0].n_counters = 4;
    s->guest[0].counters = s->counters;
    s->guest[1].hangs = 5;
    s->guest[1].throttled_ms = 12300;
}

static void fill(struct sample *s)
{
    memset(s, 0, sizeof(*s));
    fill_service(s, 0, "vgt-broker", 811, "running", 0);
    fill_service(s, 1, "vgt-gtt", 812, "running", 2);
    s->service[1].recovered_s = 1772360430;
    s->service[1].recovery_ms = 340;
    s->service[1].replayed = 17;
    fill_service(s, 2, "vgt-display", 0, "failed", 5);
    fill_lists(s);
    fill_guests(s);
    fill_quarantined(s);
    vgt__gpu__init(&s->gpu);
    s->gpu.name = S("Broadwell GT2");
    s->gpu.device_id = 0x1616;
    s->gpu.low_total = 256 * MIB;
    s->gpu.low_free = 191 * MIB;
    s->gpu.high_total = 1792 * MIB;
    s->gpu.high_free = 1344 * MIB;
    s->gpu.fences_total = 32;
    s->gpu.fences_free = 28;
    s->gpu.n_busy = 3;
    s->gpu.busy = s->times;
    vgt__status_reply__init(&s->reply);
    s->reply.n_services = 3;
    s->reply.services = s->services;
    s->reply.gpu = &s->gpu;
    s->reply.n_guests = 2;
    s->reply.guests = s->guests;
}

struct sink {
    FILE *file;
    char *text;
    size_t size;
};

static FILE *sink(struct sink *s)
{
    s->file = open_memstream(&s->text, &s->size);
    assert_non_null(s->file);
    return s->file;
}

static void expect(struct sink *s, const char *text)
{
    fclose(s->file);
    assert_string_equal(s->text, text);
    free(s->text);
}

static void test_status_text(void **state)
{
    struct sample s;
    struct sink out;

    (void)state;
    fill(&s);
    text_status(sink(&out), &s.reply);
    expect(&out, "SERVICE      PID  STATE    RESTARTS  RECOVERED             IN MS  REPLAYED\n"
                 "vgt-broker   811  running         0  -                         -         0\n"
                 "vgt-gtt      812  running         2  2026-03-01T10:20:30Z    340        17\n"
                 "vgt-display    -  failed          5  -                         -         0\n"
                 "\n"
                 "gpu         Broadwell GT2 (8086:1616)\n"
                 "aperture    191 MiB free of 256 MiB\n"
                 "high        1344 MiB free of 1792 MiB\n"
                 "fences      28 free of 32\n"
                 "busy        rcs 12.3 s, bcs 850 us, rcs 1h06m\n"
                 "\n"
                 "DOMID  NAME         STATE      TYPE    FG  MEM MiB  FENCES  GPU TIME  EVENTS  "
                 "QUARANTINED\n"
                 "    7  alice        running    medium  *    64+384       4    12.3 s       5  "
                 "          2\n"
                 "   16  b\"o\\b?[31m?  attaching  medium            -       0      0 us       0  "
                 "          0\n"
                 "domain 16 throttled for another 12.3 s: it hung engines 5 times\n");
}

static void test_status_json(void **state)
{
    struct sample s;
    struct sink out;

    (void)state;
    fill(&s);
    json_status(sink(&out), &s.reply);
    expect(
        &out,
        "{\"services\":[{\"name\":\"vgt-broker\",\"pid\":811,\"state\":\"running\",\"restarts\":0,"
        "\"recovered_s\":0,\"recovery_ms\":0,\"replayed\":0},"
        "{\"name\":\"vgt-gtt\",\"pid\":812,\"state\":\"running\",\"restarts\":2,"
        "\"recovered_s\":1772360430,\"recovery_ms\":340,\"replayed\":17},"
        "{\"name\":\"vgt-display\",\"pid\":0,\"state\":\"failed\",\"restarts\":5,"
        "\"recovered_s\":0,\"recovery_ms\":0,\"replayed\":0}],"
        "\"gpu\":{\"name\":\"Broadwell GT2\",\"device_id\":5654,\"low_total\":268435456,"
        "\"low_free\":200278016,\"high_total\":1879048192,\"high_free\":1409286144,"
        "\"fences_total\":32,\"fences_free\":28,\"busy_us\":{\"rcs\":4012345678,\"bcs\":850},"
        "\"counters\":{}},"
        "\"guests\":[{\"domid\":7,\"name\":\"alice\",\"state\":\"running\",\"type\":\"medium\","
        "\"foreground\":true,\"weight\":256,\"batches\":1099511627776,"
        "\"gpu_time_us\":{\"rcs\":12345678,\"bcs\":850},"
        "\"resources\":{\"low_base\":67108864,\"low_size\":67108864,\"high_base\":536870912,"
        "\"high_size\":402653184,\"fence_base\":4,\"fences\":4},"
        "\"counters\":{\"bad_gtt\":2,\"mmio.unknown_reg\":3,\"mmio_gtt.full\":4,\"lane?x\":5},"
        "\"quarantined_inputs\":2,\"hangs\":0,\"throttled_ms\":0,"
        "\"monitor\":{\"width\":1280,\"height\":800,\"refresh\":60}},"
        "{\"domid\":16,\"name\":\"b\\\"o\\\\b?[31m?\",\"state\":\"attaching\",\"type\":\"medium\","
        "\"foreground\":false,\"weight\":256,\"batches\":0,\"gpu_time_us\":{},"
        "\"resources\":{\"low_base\":0,\"low_size\":0,\"high_base\":0,\"high_size\":0,"
        "\"fence_base\":0,\"fences\":0},\"counters\":{},\"quarantined_inputs\":0,"
        "\"hangs\":5,\"throttled_ms\":12300,\"monitor\":null}]}\n");
}

static void test_types_text(void **state)
{
    Vgt__TypesReply reply = VGT__TYPES_REPLY__INIT;
    Vgt__VgpuType type[2], *types[2] = {&type[0], &type[1]};
    struct sample s;
    struct sink out;

    (void)state;
    fill(&s);
    for (unsigned i = 0; i < 2; i++) {
        vgt__vgpu_type__init(&type[i]);
        type[i].name = S(i ? "medium" : "small");
        type[i].usual = i;
        type[i].low_mb = i ? 64 : 16;
        type[i].high_mb = i ? 384 : 48;
        type[i].fences = 4;
        type[i].weight = 1;
        type[i].fit = i ? 2 : 7;
    }
    reply.n_types = 2;
    reply.types = types;
    reply.gpu = &s.gpu;
    text_types(sink(&out), &reply);
    expect(&out, "TYPE     APERTURE MiB  HIGH MiB  FENCES  WEIGHT  MORE FIT\n"
                 "small              16        48       4       1         7\n"
                 "medium*            64       384       4       1         2\n"
                 "* if a guest's configuration names none\n"
                 "\n"
                 "aperture    191 MiB free of 256 MiB\n"
                 "high        1344 MiB free of 1792 MiB\n"
                 "fences      28 free of 32\n"
                 "\n"
                 "In xl.cfg a type, or sizes of one's own (man vgt-dm):\n"
                 "  device_model_args = [ \"-vgt\", \"type=small\" ]\n"
                 "  device_model_args = [ \"-vgt\", \"low_mb=32,high_mb=64,fences=4,weight=2,"
                 "monitor=1280x800@60\" ]\n");
    reply.gpu = NULL;
    reply.n_types = 1;
    text_types(sink(&out), &reply);
    fclose(out.file);
    assert_non_null(strstr(out.text, "         ?\n"));
    assert_non_null(strstr(out.text, "what is free is not known: vgt-gtt has not answered\n"));
    free(out.text);
}

static void test_guest_text(void **state)
{
    struct sample s;
    struct sink out;

    (void)state;
    fill(&s);
    text_guest(sink(&out), &s.guest[0]);
    expect(&out, "domid       7\n"
                 "name        alice\n"
                 "state       running\n"
                 "type        medium\n"
                 "foreground  yes\n"
                 "weight      256\n"
                 "aperture    64 MiB at 0x04000000\n"
                 "high        384 MiB at 0x20000000\n"
                 "fences      4 from 4 on\n"
                 "monitor     1280x800@60\n"
                 "gpu time    rcs 12.3 s, bcs 850 us\n"
                 "batches     1099511627776\n"
                 "events      5\n"
                 "hangs       0\n"
                 "quarantined\n"
                 "  2026-03-01T10:20:30Z  gtt  ggtt-entry: entry 5?; deaths 2, skipped 9\n"
                 "    0001020304050607 08090a\n"
                 "  -  mmio  access: ; deaths 2, skipped 0\n"
                 "    \n"
                 "counters\n"
                 "  bad_gtt                         2\n"
                 "  mmio.unknown_reg                3\n"
                 "  mmio_gtt.full                   4\n"
                 "  lane?x                          5\n");
}

/* A throttled one is named as such. */
static void test_throttled_text(void **state)
{
    struct sample s;
    struct sink out;

    (void)state;
    fill(&s);
    text_guest(sink(&out), &s.guest[1]);
    fflush(out.file);
    assert_non_null(strstr(out.text, "\nhangs       5\nthrottled   for another 12.3 s\n"));
    fclose(out.file);
    free(out.text);
}

static void test_guest_json(void **state)
{
    struct sample s;
    struct sink out;

    (void)state;
    fill(&s);
    s.guest[0].n_counters = s.guest[0].n_gpu_time = 0;
    json_guest(sink(&out), &s.guest[0]);
    expect(&out,
           "{\"domid\":7,\"name\":\"alice\",\"state\":\"running\",\"type\":\"medium\","
           "\"foreground\":true,\"weight\":256,\"batches\":1099511627776,\"gpu_time_us\":{},"
           "\"resources\":{\"low_base\":67108864,\"low_size\":67108864,\"high_base\":536870912,"
           "\"high_size\":402653184,\"fence_base\":4,\"fences\":4},\"counters\":{},"
           "\"quarantined_inputs\":2,\"hangs\":0,\"throttled_ms\":0,\"monitor\":{\"width\":1280,"
           "\"height\":800,\"refresh\":60},\"quarantined\":["
           "{\"service\":\"gtt\",\"kind\":\"ggtt-entry\",\"text\":\"entry 5?\","
           "\"bytes\":\"000102030405060708090a\",\"deaths\":2,\"skipped\":9,\"at_s\":1772360430},"
           "{\"service\":\"mmio\",\"kind\":\"access\",\"text\":\"\",\"bytes\":\"\","
           "\"deaths\":2,\"skipped\":0,\"at_s\":0}]}\n");
}

/* A broker that has heard nothing yet. */
static void test_empty(void **state)
{
    Vgt__StatusReply reply = VGT__STATUS_REPLY__INIT;
    Vgt__ListReply list = VGT__LIST_REPLY__INIT;
    Vgt__Gpu gpu = VGT__GPU__INIT;
    struct sink out;

    (void)state;
    json_status(sink(&out), &reply);
    expect(&out, "{\"services\":[],\"gpu\":null,\"guests\":[]}\n");
    text_status(sink(&out), &reply);
    expect(&out, "SERVICE  PID  STATE  RESTARTS  RECOVERED  IN MS  REPLAYED\n\n"
                 "gpu         not known\n\n"
                 "no guest has a virtual GPU\n");
    gpu.device_id = 0x1616;
    reply.gpu = &gpu;
    text_status(sink(&out), &reply);
    expect(&out, "SERVICE  PID  STATE  RESTARTS  RECOVERED  IN MS  REPLAYED\n\n"
                 "gpu         Intel GPU (8086:1616)\n"
                 "memory      not known: vgt-gtt has not answered\n"
                 "busy        none\n\n"
                 "no guest has a virtual GPU\n");
    json_list(sink(&out), &list);
    expect(&out, "{\"guests\":[]}\n");
    json_error(sink(&out), "no \"x\"\n");
    expect(&out, "{\"error\":\"no \\\"x\\\"?\"}\n");
    json_switch(sink(&out), 7, 40);
    expect(&out, "{\"to\":7,\"ms\":40}\n");
    json_screenshot(sink(&out), "/a/b.png", 3, 2);
    expect(&out, "{\"file\":\"/a/b.png\",\"width\":3,\"height\":2}\n");
}

static void test_units(void **state)
{
    char u[TEXT_UNIT];

    (void)state;
    assert_string_equal(text_size(u, 0), "0 B");
    assert_string_equal(text_size(u, 4096), "4 KiB");
    assert_string_equal(text_size(u, 3 * MIB / 2), "1536 KiB");
    assert_string_equal(text_size(u, 2048 * MIB), "2 GiB");
    assert_string_equal(text_size(u, 10 * 1024 * MIB + 512 * MIB), "10.5 GiB");
    assert_string_equal(text_size(u, UINT64_MAX), "16777216.0 TiB");
    assert_string_equal(text_time(u, 999), "999 us");
    assert_string_equal(text_time(u, 12345), "12.3 ms");
    assert_string_equal(text_time(u, 59999999), "59.9 s");
    assert_string_equal(text_time(u, 3599000000), "59m59s");
    assert_string_equal(text_time(u, 86399000000), "23h59m");
    assert_string_equal(text_time(u, 90000000000), "1d01h");
}

static int feed(struct shot *shot, uint32_t w, uint32_t h, uint32_t stride, uint32_t format,
                uint64_t offset, size_t len, bool last)
{
    static uint8_t bytes[65536];
    Vgt__ScreenshotReply piece = VGT__SCREENSHOT_REPLY__INIT;
    const char *why = NULL;
    int ret;

    piece.width = w;
    piece.height = h;
    piece.stride = stride;
    piece.format = format;
    piece.offset = offset;
    piece.pixels.len = len;
    piece.pixels.data = bytes;
    piece.last = last;
    ret = shot_piece(shot, &piece, &why);
    if (ret < 0)
        assert_non_null(why);
    return ret;
}

/* One bad piece after good ones of an 8x2 picture. */
static void expect_bad(uint64_t offset, size_t len, bool last, uint32_t w)
{
    struct shot shot = {0};

    assert_int_equal(feed(&shot, 8, 2, 32, FB_XRGB8888, 0, 32, false), 0);
    assert_int_equal(feed(&shot, w, w ? 2 : 0, w ? 32 : 0, w ? FB_XRGB8888 : 0, offset, len, last),
                     -EBADMSG);
    shot_free(&shot);
}

static void test_shot_hostile(void **state)
{
    struct shot shot = {0};

    (void)state;
    assert_int_equal(feed(&shot, 8, 2, 32, 0x20203843, 0, 64, true), -ENOTSUP);
    assert_int_equal(feed(&shot, 0, 2, 32, FB_XRGB8888, 0, 64, true), -ENOTSUP);
    assert_int_equal(feed(&shot, 8, 0, 32, FB_XRGB8888, 0, 64, true), -ENOTSUP);
    assert_int_equal(feed(&shot, 8, 2, 31, FB_XRGB8888, 0, 64, true), -ENOTSUP);
    assert_int_equal(feed(&shot, 1u << 30, 2, 0, FB_XRGB8888, 0, 64, true), -ENOTSUP);
    assert_int_equal(feed(&shot, 8, 16384, UINT32_MAX, FB_XRGB8888, 0, 64, true), -ENOTSUP);
    assert_null(shot.pixels);
    expect_bad(31, 32, true, 8);              /* overlaps */
    expect_bad(33, 31, true, 8);              /* leaves a gap */
    expect_bad(32, 33, true, 8);              /* beyond the end */
    expect_bad(UINT64_MAX - 15, 32, true, 8); /* wraps */
    expect_bad(32, 31, true, 8);              /* ends too early */
    expect_bad(32, 0, false, 8);              /* brings nothing */
    expect_bad(32, 32, true, 9);              /* of another picture */
    assert_int_equal(feed(&shot, 8, 2, 40, FB_XRGB8888, 0, 40, false), 0);
    assert_int_equal(feed(&shot, 0, 0, 0, 0, 40, 32, true), 1); /* last row ends at its pixels */
    shot_free(&shot);
}

static void expect_pixel(uint32_t format, uint32_t value, uint32_t rgb)
{
    uint8_t pixel[4] = {(uint8_t)value, (uint8_t)(value >> 8), (uint8_t)(value >> 16),
                        (uint8_t)(value >> 24)};
    struct shot shot = {.width = 1, .height = 1, .stride = 4, .format = format, .pixels = pixel};
    uint8_t out[3];

    shot_row(&shot, 0, out);
    assert_int_equal(out[0] << 16 | out[1] << 8 | out[2], rgb);
}

static void test_shot_formats(void **state)
{
    (void)state;
    expect_pixel(FB_XRGB8888, 0xff102030, 0x102030);
    expect_pixel(FB_XBGR8888, 0xff102030, 0x302010);
    expect_pixel(FB_RGB565, 0xf800, 0xff0000);
    expect_pixel(FB_RGB565, 0x07e0, 0x00ff00);
    expect_pixel(FB_RGB565, 0x0010, 0x000084);
    expect_pixel(FB_XRGB2101010, 0x3ff00000, 0xff0000);
    expect_pixel(FB_XRGB2101010, 0x00080200, 0x008080);
    expect_pixel(FB_XBGR2101010, 0x3ff00000, 0x0000ff);
}

/* Read a PNG back with libpng's own reader. */
static void expect_png(const char *path, uint32_t w, uint32_t h, const uint8_t *rgb)
{
    png_image image = {.version = PNG_IMAGE_VERSION};
    uint8_t *pixels = malloc((size_t)w * h * 3);

    assert_true(png_image_begin_read_from_file(&image, path));
    assert_int_equal(image.width, w);
    assert_int_equal(image.height, h);
    image.format = PNG_FORMAT_RGB;
    assert_true(png_image_finish_read(&image, NULL, pixels, 0, NULL));
    assert_memory_equal(pixels, rgb, (size_t)w * h * 3);
    free(pixels);
}

static void test_png(void **state)
{
    enum { W = 5, H = 3 };
    uint32_t pixels[H][W + 1];
    uint8_t rgb[H][W][3];
    struct shot shot = {.width = W,
                        .height = H,
                        .stride = sizeof(pixels[0]),
                        .format = FB_XRGB8888,
                        .pixels = (uint8_t *)pixels};
    char dir[] = "/tmp/vgtctl-png-XXXXXX", path[64];
    struct stat st;

    (void)state;
    for (unsigned y = 0; y < H; y++)
        for (unsigned x = 0; x < W; x++) {
            rgb[y][x][0] = (uint8_t)(x * 50);
            rgb[y][x][1] = (uint8_t)(y * 90);
            rgb[y][x][2] = (uint8_t)(x ^ y);
            pixels[y][x] = 0xa5000000u | (uint32_t)rgb[y][x][0] << 16 |
                           (uint32_t)rgb[y][x][1] << 8 | rgb[y][x][2];
        }
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof(path), "%s/a.png", dir);
    umask(022);
    for (int i = 0; i < 2; i++) /* the second replaces the first */
        assert_int_equal(png_save_shot(path, &shot), 0);
    expect_png(path, W, H, &rgb[0][0][0]);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0644);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(dir), 0); /* nothing left beside it */
    assert_int_equal(png_save_shot(path, &shot), -ENOENT);
    assert_int_equal(png_save_shot("/dev/null", &shot), -EEXIST);
}

static void test_png_full(void **state)
{
    uint32_t pixel = 0;
    struct shot shot = {
        .width = 1, .height = 1, .stride = 4, .format = FB_XRGB8888, .pixels = (uint8_t *)&pixel};
    FILE *full = fopen("/dev/full", "w");

    (void)state;
    assert_non_null(full);
    assert_int_equal(png_write_shot(full, &shot), -ENOSPC);
    fclose(full);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_status_text),  cmocka_unit_test(test_status_json),
        cmocka_unit_test(test_guest_text),   cmocka_unit_test(test_throttled_text),
        cmocka_unit_test(test_guest_json),   cmocka_unit_test(test_empty),
        cmocka_unit_test(test_units),        cmocka_unit_test(test_shot_hostile),
        cmocka_unit_test(test_shot_formats), cmocka_unit_test(test_png),
        cmocka_unit_test(test_png_full),     cmocka_unit_test(test_types_text),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
