/* SPDX-License-Identifier: MIT */
/*
 * vgtctl as a whole, against a broker in a process of its own: every command, errors of the broker,
 * a broker that is silent, gone or speaks something else, and wrong command lines.
 */
#include "gen/fb.h"
#include "vgtctl/ctl.h"

#include <png.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
/* cmocka wants the four above first */
#include <cmocka.h>

enum { W = 64, H = 40, PIECE = 1000 };
/* Domains that make the broker behave in a particular way. */
enum { ALICE = 7, SILENT = 66, LEAVES = 67, BABBLES = 68, BAD_PIECE = 69, STRANGER = 70 };

static char uri[80], path[64];
static pid_t broker;
static const struct log quiet = {.fd = -1, .level = -1};

static void fill_guest(Vgt__Guest *guest, uint32_t domid, const char *name)
{
    vgt__guest__init(guest);
    guest->domid = domid;
    guest->name = (char *)name;
    guest->state = (char *)"running";
}

static void send(struct chan *chan, const struct chan_message *m, const ProtobufCMessage *body)
{
    (void)chan_send(chan, m->type + 1, m->id, body, NULL, 0);
}

static void refuse(struct chan *chan, uint32_t id, const char *text)
{
    Vgt__Error error = VGT__ERROR__INIT;

    error.code = 2;
    error.text = (char *)text;
    (void)chan_send(chan, VGT__TYPE__TYPE_ERROR, id, &error.base, NULL, 0);
}

static void on_hello(struct chan *chan, const struct chan_message *m, void *data)
{
    const Vgt__Hello *hello = (const Vgt__Hello *)m->body;
    Vgt__Hello reply = VGT__HELLO__INIT;

    (void)data;
    reply.version = 1;
    if (hello->version == 1 && !strcmp(hello->role, "vgtctl"))
        send(chan, m, &reply.base);
    else
        refuse(chan, m->id, "who are you?");
}

static void on_status(struct chan *chan, const struct chan_message *m, void *data)
{
    Vgt__StatusReply reply = VGT__STATUS_REPLY__INIT;
    Vgt__Service service = VGT__SERVICE__INIT, *services = &service;

    (void)data;
    service.name = (char *)"vgt-gtt";
    reply.n_services = 1;
    reply.services = &services;
    send(chan, m, &reply.base);
}

static void on_list(struct chan *chan, const struct chan_message *m, void *data)
{
    Vgt__ListReply reply = VGT__LIST_REPLY__INIT;
    Vgt__Guest guest[3], *guests[3] = {&guest[0], &guest[1], &guest[2]};

    (void)data;
    fill_guest(&guest[0], ALICE, "alice");
    fill_guest(&guest[1], 8, "twin");
    fill_guest(&guest[2], 9, "twin");
    reply.n_guests = 3;
    reply.guests = guests;
    send(chan, m, &reply.base);
}

static void on_types(struct chan *chan, const struct chan_message *m, void *data)
{
    Vgt__TypesReply reply = VGT__TYPES_REPLY__INIT;
    Vgt__VgpuType type = VGT__VGPU_TYPE__INIT, *types = &type;

    (void)data;
    type.name = (char *)"small";
    type.low_mb = 16;
    type.high_mb = 48;
    type.fences = 4;
    type.weight = 1;
    type.usual = true;
    reply.n_types = 1;
    reply.types = &types;
    send(chan, m, &reply.base);
}

static void on_show(struct chan *chan, const struct chan_message *m, void *data)
{
    uint32_t domid = ((const Vgt__ShowRequest *)m->body)->domid;
    Vgt__ShowReply reply = VGT__SHOW_REPLY__INIT;
    Vgt__Guest guest;

    (void)data;
    if (domid == STRANGER) {
        refuse(chan, m->id, "domain 70 has no\nvirtual GPU");
        return;
    }
    fill_guest(&guest, domid, "alice");
    reply.guest = &guest;
    send(chan, m, &reply.base);
}

static void on_switch(struct chan *chan, const struct chan_message *m, void *data)
{
    uint32_t domid = ((const Vgt__SwitchRequest *)m->body)->domid;
    Vgt__SwitchReply reply = VGT__SWITCH_REPLY__INIT;
    Vgt__ListReply list = VGT__LIST_REPLY__INIT;

    (void)data;
    reply.ms = 30 + domid;
    if (domid == LEAVES)
        chan_close(chan);
    else if (domid == BABBLES) /* the right id, a wrong type */
        (void)chan_send(chan, VGT__TYPE__TYPE_LIST_REPLY, m->id, &list.base, NULL, 0);
    else if (domid != SILENT)
        send(chan, m, &reply.base);
}

static uint32_t pixel_at(uint32_t i)
{
    return (i * 0x010305u) & 0xffffff;
}

static void on_screenshot(struct chan *chan, const struct chan_message *m, void *data)
{
    uint32_t domid = ((const Vgt__ScreenshotRequest *)m->body)->domid;
    Vgt__ScreenshotReply piece = VGT__SCREENSHOT_REPLY__INIT;
    static uint32_t pixels[W * H];

    (void)data;
    for (uint32_t i = 0; i < W * H; i++)
        pixels[i] = pixel_at(i);
    piece.width = W;
    piece.height = H;
    piece.stride = W * 4;
    piece.format = FB_XRGB8888;
    for (size_t at = 0; at < sizeof(pixels); at += PIECE) {
        piece.offset = domid == BAD_PIECE && at ? 1u << 30 : at;
        piece.pixels.data = (uint8_t *)pixels + at;
        piece.pixels.len = sizeof(pixels) - at < PIECE ? sizeof(pixels) - at : PIECE;
        piece.last = at + PIECE >= sizeof(pixels);
        send(chan, m, &piece.base);
    }
}

static void on_closed(struct chan *chan, int err, void *data)
{
    (void)err;
    (void)data;
    chan_close(chan);
}

static void on_accept(struct chan *chan, void *data)
{
    (void)chan;
    (void)data;
}

static const struct chan_type types[] = {
    {VGT__TYPE__TYPE_HELLO, &vgt__hello__descriptor, on_hello},
    {VGT__TYPE__TYPE_STATUS, &vgt__status_request__descriptor, on_status},
    {VGT__TYPE__TYPE_LIST, &vgt__list_request__descriptor, on_list},
    {VGT__TYPE__TYPE_TYPES, &vgt__types_request__descriptor, on_types},
    {VGT__TYPE__TYPE_SHOW, &vgt__show_request__descriptor, on_show},
    {VGT__TYPE__TYPE_SWITCH, &vgt__switch_request__descriptor, on_switch},
    {VGT__TYPE__TYPE_SCREENSHOT, &vgt__screenshot_request__descriptor, on_screenshot},
};
static const struct chan_user user = {
    .types = types, .count = sizeof(types) / sizeof(types[0]), .closed = on_closed, .log = &quiet};

static void broker_main(int ready)
{
    struct chan_listener *listener;
    struct loop *loop;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (!loop_new(&loop) && !chan_listen(loop, NULL, uri, &user, on_accept, NULL, &listener) &&
        write(ready, "", 1) == 1)
        loop_run(loop);
    _exit(1);
}

static int start_broker(void **state)
{
    int ready[2];
    char byte;

    (void)state;
    snprintf(path, sizeof(path), "/tmp/vgtctl-test-%d", (int)getpid());
    snprintf(uri, sizeof(uri), "unix:%s", path);
    if (pipe(ready))
        return -1;
    broker = fork();
    if (!broker)
        broker_main(ready[1]);
    close(ready[1]);
    if (read(ready[0], &byte, 1) != 1)
        return -1;
    close(ready[0]);
    return setenv("VGT_CTL", uri, 1);
}

static int stop_broker(void **state)
{
    (void)state;
    kill(broker, SIGKILL);
    waitpid(broker, NULL, 0);
    return unlink(path);
}

/* What one run printed. */
struct result {
    char *out, *err;
    size_t out_size, err_size;
};

/* line: arguments with one space between. */
static int run(struct result *r, const char *line)
{
    char words[256], *argv[16] = {(char *)"vgtctl"}, *save;
    FILE *out = open_memstream(&r->out, &r->out_size), *err = open_memstream(&r->err, &r->err_size);
    int argc = 1, code;

    snprintf(words, sizeof(words), "%s", line);
    for (char *w = strtok_r(words, " ", &save); w; w = strtok_r(NULL, " ", &save))
        argv[argc++] = w;
    code = ctl_main(argc, argv, out, err);
    fclose(out);
    fclose(err);
    return code;
}

static void expect(const char *line, int code, const char *out, const char *err)
{
    struct result r;

    assert_int_equal(run(&r, line), code);
    assert_string_equal(r.out, out);
    assert_string_equal(r.err, err);
    free(r.out);
    free(r.err);
}

/* As expect() for sentences that carry the broker's place. */
static void expect_failure(const char *line, const char *format)
{
    char sentence[256], err[300], out[300];

    snprintf(sentence, sizeof(sentence), format, uri);
    snprintf(err, sizeof(err), "vgtctl: %s\n", sentence);
    expect(line, CTL_FAILED, "", err);
    snprintf(out, sizeof(out), "{\"error\":\"%s\"}\n", sentence);
    snprintf(sentence, sizeof(sentence), "--json %s", line);
    expect(sentence, CTL_FAILED, out, err);
}

static void test_commands(void **state)
{
    (void)state;
    expect("--json status", 0,
           "{\"services\":[{\"name\":\"vgt-gtt\",\"pid\":0,\"state\":\"\",\"restarts\":0,"
           "\"recovered_s\":0,\"recovery_ms\":0,\"replayed\":0}],"
           "\"gpu\":null,\"guests\":[]}\n",
           "");
    expect("list", 0,
           "DOMID  NAME   STATE    TYPE  FG  MEM MiB  FENCES  GPU TIME  EVENTS  "
           "QUARANTINED\n"
           "    7  alice  running                  -       0      0 us       0            0\n"
           "    8  twin   running                  -       0      0 us       0            0\n"
           "    9  twin   running                  -       0      0 us       0            0\n",
           "");
    expect("--json types", 0,
           "{\"types\":[{\"name\":\"small\",\"low_size\":16777216,\"high_size\":50331648,"
           "\"fences\":4,\"weight\":1,\"default\":true,\"fit\":null}],\"gpu\":null}\n",
           "");
    expect("switch 7", 0, "guest 7 is in the foreground after 37 ms\n", "");
    expect("switch alice --json", 0, "{\"to\":7,\"ms\":37}\n", "");
    expect("switch dom0", 0, "dom0's console is in the foreground after 30 ms\n", "");
    expect("--json switch 0", 0, "{\"to\":0,\"ms\":30}\n", "");
}

static void test_show(void **state)
{
    struct result r;

    (void)state;
    assert_int_equal(run(&r, "show alice"), 0);
    assert_memory_equal(r.out, "domid       7\nname        alice\n", 32);
    free(r.out);
    free(r.err);
    expect_failure("show 70", "domain 70 has no?virtual GPU");
    expect_failure("show nobody", "no guest with a virtual GPU is named 'nobody': vgtctl list "
                                  "shows them");
    expect_failure("show twin", "domains 8 and 9 are both named 'twin': give the domain id");
}

static void expect_picture(const char *file)
{
    png_image image = {.version = PNG_IMAGE_VERSION};
    uint8_t rgb[W * H * 3];

    assert_true(png_image_begin_read_from_file(&image, file));
    assert_int_equal(image.width, W);
    assert_int_equal(image.height, H);
    image.format = PNG_FORMAT_RGB;
    assert_true(png_image_finish_read(&image, NULL, rgb, 0, NULL));
    for (uint32_t i = 0; i < W * H; i++)
        assert_int_equal((uint32_t)rgb[i * 3] << 16 | rgb[i * 3 + 1] << 8 | rgb[i * 3 + 2],
                         pixel_at(i));
}

static void test_screenshot(void **state)
{
    char file[96], line[160], out[300];
    struct result r;

    (void)state;
    snprintf(file, sizeof(file), "%s.png", path);
    snprintf(line, sizeof(line), "screenshot alice -o %s", file);
    snprintf(out, sizeof(out), "%s: 64x40\n", file);
    expect(line, 0, out, "");
    expect_picture(file);
    snprintf(line, sizeof(line), "--json screenshot 0 --output=%s", file);
    snprintf(out, sizeof(out), "{\"file\":\"%s\",\"width\":64,\"height\":40}\n", file);
    expect(line, 0, out, "");
    unlink(file);
    assert_int_equal(run(&r, "screenshot 7 -o -"), 0);
    assert_true(r.out_size > 8);
    assert_int_equal(png_sig_cmp((png_const_bytep)r.out, 0, 8), 0);
    free(r.out);
    free(r.err);
    snprintf(line, sizeof(line), "screenshot 69 -o %s", file);
    expect_failure(line, "the broker sent a screenshot whose pieces contradict each other");
    assert_int_equal(access(file, F_OK), -1);
    expect_failure("screenshot 7 -o /dev/null",
                   "/dev/null is not a regular file: --output - writes to standard output");
    expect_failure("screenshot 7 -o /nowhere/a.png",
                   "cannot write /nowhere/a.png: No such file or directory");
}

/* In the current folder, under a name made of the guest's. */
static void test_screenshot_name(void **state)
{
    char dir[] = "/tmp/vgtctl-shot-XXXXXX";

    (void)state;
    assert_non_null(mkdtemp(dir));
    assert_int_equal(chdir(dir), 0);
    expect("screenshot 7", 0, "screenshot-7.png: 64x40\n", "");
    expect_picture("screenshot-7.png");
    assert_int_equal(unlink("screenshot-7.png"), 0);
    assert_int_equal(chdir("/"), 0);
    assert_int_equal(rmdir(dir), 0);
}

static void test_bad_brokers(void **state)
{
    (void)state;
    expect_failure("-t 1 switch 66",
                   "no answer from the broker at %s within 1 s: is vgt.target running?");
    expect_failure("switch 67", "the broker at %s hung up without an answer: its log (journalctl "
                                "-u vgt-broker) may say why");
    expect_failure("switch 68", "the broker answered something else than what was asked");
}

static void test_no_broker(void **state)
{
    char line[160];

    (void)state;
    snprintf(line, sizeof(line), "--connect %s.not list", uri);
    expect_failure(line, "there is no broker at %s.not: is vgt.target running?");
}

static void test_usage(void **state)
{
    struct result r;

    (void)state;
    expect("", 2, "", "vgtctl: a command is missing: vgtctl --help shows them\n");
    expect("dance", 2, "",
           "vgtctl: there is no command 'dance': vgtctl --help shows those there are\n");
    expect("list 7", 2, "", "vgtctl: '7' is one word too many: list takes none\n");
    expect("show", 2, "",
           "vgtctl: show needs a domain id or a guest's name: vgtctl list shows them\n");
    expect("show 7 8", 2, "", "vgtctl: '8' is one word too many: show takes one guest\n");
    expect("--timeout 0 list", 2, "", "vgtctl: --timeout takes 1 to 86400 seconds, not '0'\n");
    expect("-t 1s list", 2, "", "vgtctl: --timeout takes 1 to 86400 seconds, not '1s'\n");
    expect("list --frob", 2, "",
           "vgtctl: there is no option '--frob': vgtctl --help shows those there are\n");
    expect("list -c", 2, "", "vgtctl: -c needs a value: vgtctl --help shows which\n");
    expect("-c tcp:1 list", 2, "",
           "vgtctl: 'tcp:1' is no place of a broker: write unix:PATH or vchan:PATH\n");
    expect("list -o a", 2, "", "vgtctl: list writes no file: leave --output out\n");
    expect("screenshot 7 -o - --json", 2,
           "{\"error\":\"--json and the picture cannot share standard output: give --output "
           "FILE\"}\n",
           "vgtctl: --json and the picture cannot share standard output: give --output FILE\n");
    expect("--version", 0, "vgtctl " CTL_VERSION "\n", "");
    assert_int_equal(run(&r, "--help"), 0);
    assert_non_null(strstr(r.out, "\n  screenshot N [-o FILE]"));
    free(r.out);
    free(r.err);
}

static void test_output_full(void **state)
{
    char *argv[] = {(char *)"vgtctl", (char *)"list", NULL};
    FILE *full = fopen("/dev/full", "w");
    struct result r;
    FILE *err = open_memstream(&r.err, &r.err_size);

    (void)state;
    assert_int_equal(ctl_main(2, argv, full, err), CTL_FAILED);
    fclose(err);
    assert_string_equal(r.err, "vgtctl: cannot write to standard output\n");
    free(r.err);
    fclose(full);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_commands),    cmocka_unit_test(test_show),
        cmocka_unit_test(test_screenshot),  cmocka_unit_test(test_screenshot_name),
        cmocka_unit_test(test_bad_brokers), cmocka_unit_test(test_no_broker),
        cmocka_unit_test(test_usage),       cmocka_unit_test(test_output_full),
    };

    return cmocka_run_group_tests(tests, start_broker, stop_broker);
}
