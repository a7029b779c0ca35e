/* SPDX-License-Identifier: MIT */
/*
 * Control commands on a whole device, the connections that carry them, and routing of accesses to
 * the regions.
 */
#include "softgpu/conn.h"
#include "softgpu/ctl.h"
#include "softgpu/device.h"
#include "softgpu/engine.h"
#include "softgpu/judge.h"
#include "softgpu/model.h"
#include "softgpu/regs.h"
#include "softgpu/screen.h"
#include "softgpu/vfu.h"

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/softgpu_ctl_rig.h"

#define GTT (8u << 20)
#define MEM 0x100000u /* bus address of the test's memory */

static void test_owners(void **state)
{
    struct ctl_rig *r = *state;
    struct judge *j = device_judge(r->device);

    ctl_rig_bad(r, "owners add 1 1 1", "without owners begin");
    ctl_rig_bad(r, "owners commit", "without owners begin");
    ctl_rig_good(r, "owners begin");
    ctl_rig_good(r, "owners add 0x1000 0x100 1");
    ctl_rig_good(r, "owners add 8192 16 2");
    assert_false(judge_ready(j));
    ctl_rig_bad(r, "owners add x 1 1", "bad frame number: x");
    ctl_rig_bad(r, "owners add -1 1 1", "bad frame number");
    ctl_rig_bad(r, "owners add 1 0 1", "bad count");
    ctl_rig_bad(r, "owners add 0xfffffffffffff 2 1", "bad count");
    ctl_rig_bad(r, "owners add 1 1 70000", "bad domain");
    ctl_rig_bad(r, "owners add 1 1 1z", "bad domain");
    ctl_rig_bad(r, "owners add 1 1", "usage");
    ctl_rig_bad(r, "owners", "usage");
    ctl_rig_bad(r, "owners begin now", "usage");
    ctl_rig_good(r, "owners commit");
    assert_true(judge_ready(j));
    assert_int_equal(judge_owner(j, 0x10ff), 1);
    assert_int_equal(judge_owner(j, 8192), 2);
    assert_string_equal(ctl_rig_ask(r, "frames 1"), "{\"ok\":true,\"frames\":256}\n");
    assert_string_equal(ctl_rig_ask(r, "frames 7"), "{\"ok\":true,\"frames\":0}\n");
    assert_non_null(strstr(ctl_rig_ask(r, "status"), "\"frames\":{\"1\":256,\"2\":16}"));
    /* a transaction that is not committed changes nothing; the next one replaces all */
    ctl_rig_good(r, "owners begin");
    ctl_rig_good(r, "owners add 1 1 9");
    assert_int_equal(judge_owner(j, 1), JUDGE_DOM_NONE);
    ctl_rig_good(r, "owners begin");
    ctl_rig_good(r, "owners add 5 5 3");
    ctl_rig_good(r, "owners commit");
    assert_int_equal(judge_owner(j, 0x10ff), JUDGE_DOM_NONE);
    assert_non_null(strstr(ctl_rig_ask(r, "status"), "\"frames\":{\"3\":5}"));
}

static void test_bad_lines(void **state)
{
    struct ctl_rig *r = *state;
    char line[CTL_LINE_MAX + 2];

    ctl_rig_bad(r, "", "empty command");
    ctl_rig_bad(r, " \t", "empty command");
    ctl_rig_bad(r, "nonsense", "unknown command: nonsense");
    ctl_rig_bad(r, "no\"nse\\nse\x01", "no\\\"nse\\\\nse\\u0001");
    ctl_rig_bad(r, "status now", "usage: status");
    ctl_rig_bad(r, "png 0", "usage: png");
    ctl_rig_bad(r, "png 3 /tmp/x", "pipe must be");
    ctl_rig_bad(r, "png -1 /tmp/x", "pipe must be");
    ctl_rig_bad(r, "png 0 /tmp/x", "this pipe is off");
    ctl_rig_bad(r, "frames", "usage: frames");
    ctl_rig_bad(r, "frames 70000", "bad domain");
    ctl_rig_bad(r, "a b c d e f g h i", "too many words");
    memset(line, 'a', sizeof(line) - 1);
    line[sizeof(line) - 1] = 0;
    ctl_rig_bad(r, line, "line too long");
    line[CTL_LINE_MAX] = 0;
    ctl_rig_bad(r, line, "unknown command");
}

static void test_channels(void **state)
{
    struct ctl_rig *r = *state;

    assert_non_null(strstr(ctl_rig_run(r, "quit", true, 0), "not allowed on this channel"));
    assert_non_null(strstr(ctl_rig_run(r, "violations", true, 0), "not allowed on this channel"));
    assert_non_null(strstr(ctl_rig_run(r, "status", true, 0), "\"ok\":true"));
    assert_string_equal(ctl_rig_run(r, "owners begin", true, 0), "{\"ok\":true}\n");
    assert_string_equal(ctl_rig_ask(r, "violations"),
                        "{\"ok\":true,\"count\":0,\"violations\":[],\"offences\":[]}\n");
    assert_string_equal(ctl_rig_run(r, "quit", false, CTL_QUIT), "{\"ok\":true}\n");
}

/* --- regions --- */

static void wr(struct ctl_rig *r, unsigned region, uint64_t off, uint64_t v, uint32_t len)
{
    assert_int_equal(device_vfu_ops(r->device)->region_write(r->device, region, off, &v, len), 0);
}

static uint64_t rd(struct ctl_rig *r, unsigned region, uint64_t off, uint32_t len)
{
    uint64_t v = 0;

    assert_int_equal(device_vfu_ops(r->device)->region_read(r->device, region, off, &v, len), 0);
    return v;
}

static void test_config(void **state)
{
    struct ctl_rig *r = *state;

    assert_int_equal(rd(r, 7, 0, 4), 0x16168086);
    assert_int_equal(rd(r, 7, 8, 4), 0x03000009);
    assert_int_equal(rd(r, 7, 0x50, 2), 0x00c0);
    assert_int_equal(rd(r, 7, 0x5c, 4), 0);
    assert_int_equal(rd(r, 7, 0xfc, 4), 0);
    /* sizes show when all ones are written */
    wr(r, 7, 0x10, 0xffffffffffffffff, 8);
    assert_true(rd(r, 7, 0x10, 8) == 0xffffffffff000004);
    wr(r, 7, 0x18, 0xffffffffffffffff, 8);
    assert_true(rd(r, 7, 0x18, 8) == 0xfffffffff000000c);
    wr(r, 7, 0x20, 0xffffffff, 4);
    assert_int_equal(rd(r, 7, 0x20, 4), 0xffffffc1);
    wr(r, 7, 0x24, 0xffffffff, 4);
    assert_int_equal(rd(r, 7, 0x24, 4), 0);
    wr(r, 7, 0, 0, 4);
    assert_int_equal(rd(r, 7, 0, 4), 0x16168086);
    wr(r, 7, 4, 0xffffffff, 4);
    assert_int_equal(rd(r, 7, 4, 4), 0x00100407);
    /* capabilities: MSI, then power management, then no more */
    assert_int_equal(rd(r, 7, 0x34, 1), 0x90);
    assert_int_equal(rd(r, 7, 0x90, 4), 0x0000d005);
    assert_int_equal(rd(r, 7, 0xd0, 2), 0x0001);
    wr(r, 7, 0x92, 0xffff, 2);
    assert_int_equal(rd(r, 7, 0x92, 2), 1);
    device_vfu_ops(r->device)->reset(r->device);
    assert_int_equal(rd(r, 7, 4, 4), 0x00100000);
}

static void test_registers(void **state)
{
    struct ctl_rig *r = *state;

    /* fences are plain: every size */
    wr(r, 0, 0x100000, 0x1122334455667788, 8);
    assert_true(rd(r, 0, 0x100000, 8) == 0x1122334455667788);
    wr(r, 0, 0x100002, 0xabcd, 2);
    assert_int_equal(rd(r, 0, 0x100000, 4), 0xabcd7788);
    wr(r, 0, 0x100007, 0xee, 1);
    assert_int_equal(rd(r, 0, 0x100004, 4), 0xee223344);
    assert_int_equal(rd(r, 0, 0x100005, 1), 0x33);
    assert_int_equal(rd(r, 0, 0x100003, 2), 0x44ab); /* not aligned */
    assert_int_equal(rd(r, 0, 0x78000, 8), 0);
    assert_int_equal(rd(r, 0, 0x400000, 4), 0); /* between registers and GTT */
    assert_int_equal(rd(r, 0, 0xc4000, 4), 1u << 21);
    /* an engine's register, and the same through the I/O pair */
    wr(r, 0, 0x2080, 0x12345000, 4);
    assert_int_equal(rd(r, 0, 0x2080, 4), 0x12345000);
    wr(r, 4, 0, 0x2080, 4);
    assert_int_equal(rd(r, 4, 0, 4), 0x2080);
    assert_int_equal(rd(r, 4, 4, 4), 0x12345000);
    wr(r, 4, 4, 0x12346000, 4);
    assert_int_equal(rd(r, 0, 0x2080, 4), 0x12346000);
    device_vfu_ops(r->device)->reset(r->device);
    assert_int_equal(rd(r, 0, 0x100000, 4), 0);
    assert_int_equal(rd(r, 0, 0xc4000, 4), 1u << 21); /* the monitor stays plugged */
}

static uint8_t *memory(struct ctl_rig *r, uint32_t pages)
{
    int fd = memfd_create("mem", MFD_CLOEXEC);
    uint8_t *p;

    assert_int_equal(ftruncate(fd, pages * 4096), 0);
    p = mmap(NULL, pages * 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    assert_true(p != MAP_FAILED);
    assert_int_equal(device_vfu_ops(r->device)->dma_map(r->device, MEM, pages * 4096, fd, 0, 3), 0);
    return p;
}

static void test_aperture(void **state)
{
    struct ctl_rig *r = *state;
    uint8_t *mem = memory(r, 2);

    wr(r, 0, GTT + 8 * 5, MEM | 1, 8);
    wr(r, 0, GTT + 8 * 6, (MEM + 4096) | 1, 8);
    assert_true(rd(r, 0, GTT + 8 * 6, 8) == ((MEM + 4096) | 1));
    wr(r, 2, 0x5ffc, 0x1122334455667788, 8); /* across two pages */
    assert_int_equal(mem[4092], 0x88);
    assert_int_equal(mem[4096], 0x44);
    assert_true(rd(r, 2, 0x5ffc, 8) == 0x1122334455667788);
    assert_int_equal(rd(r, 2, 0x9000, 4), 0);
    munmap(mem, 2 * 4096);
}

/* A small picture from memory at GGTT 0, pipe A on. */
static void show(struct ctl_rig *r)
{
    for (uint32_t i = 0; i < 16; i++)
        wr(r, 0, GTT + 8 * i, (MEM + i * 4096) | 1, 8);
    wr(r, 0, 0x6001c, 63 << 16 | 31, 4);
    wr(r, 0, 0x70188, 256, 4);
    wr(r, 0, 0x70180, 0x98000000, 4);
    wr(r, 0, 0x7019c, 0, 4);
    wr(r, 0, 0x70008, 1u << 31, 4);
}

/* A picture from programming to file, and after a reset no more. */
static void test_screenshot(void **state)
{
    struct ctl_rig *r = *state;
    char dir[] = "/tmp/softgpu-ctl-XXXXXX", line[128], path[64];
    uint8_t *mem = memory(r, 16);
    struct stat st;

    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof(path), "%s/shot.png", dir);
    snprintf(line, sizeof(line), "png 0 %s", path);
    show(r);
    assert_string_equal(ctl_rig_ask(r, line), "{\"ok\":true,\"width\":64,\"height\":32}\n");
    assert_int_equal(access(path, R_OK), 0);
    unlink(path);
    snprintf(line, sizeof(line), "png 0 %s/no/where.png", dir);
    ctl_rig_bad(r, line, "No such file");
    snprintf(line, sizeof(line), "png 0 %s", path);
    assert_int_equal(mkfifo(path, 0600), 0); /* as a device would be, it is left alone */
    ctl_rig_bad(r, line, "File exists");
    assert_int_equal(stat(path, &st), 0);
    assert_true(S_ISFIFO(st.st_mode));
    unlink(path);
    wr(r, 0, 0x70180, 0x80000000, 4);
    ctl_rig_bad(r, line, "format");
    device_vfu_ops(r->device)->reset(r->device);
    ctl_rig_bad(r, line, "off");
    rmdir(dir);
    munmap(mem, 16 * 4096);
}

/* An export goes on while the machine's memory comes and goes, and ends with the device: teardown
 * frees it while a frame may be under way. */
static void test_export(void **state)
{
    struct ctl_rig *r = *state;
    struct export_options o = {.pattern = "/nonexistent/%d"};
    uint8_t *mem = memory(r, 16);
    unsigned tried = 0;

    assert_int_equal(screen_export(device_screen(r->device), &o), 0);
    show(r);
    for (unsigned i = 0; i < 2000 && tried < 3; i++) {
        const char *at;

        poll(NULL, 0, 5);
        device_tick(r->device);
        if (i % 4 == 3) {
            assert_int_equal(device_vfu_ops(r->device)->dma_unmap(r->device, MEM, 16 * 4096), 0);
            munmap(mem, 16 * 4096);
            mem = memory(r, 16);
        }
        at = strstr(ctl_rig_ask(r, "status"), "\"failed\":"); /* nothing can be written there */
        assert_non_null(at);
        tried = (unsigned)strtoul(at + 9, NULL, 10);
    }
    assert_true(tried >= 3);
    device_attach(r->device);
    show(r);
    poll(NULL, 0, 20);
    device_tick(r->device);
    munmap(mem, 16 * 4096);
}

static void test_status(void **state)
{
    struct ctl_rig *r = *state;

    rd(r, 0, 0x1fff0, 4);
    wr(r, 0, 0x1fff0, 1, 4);
    rd(r, 0, 0x78000, 8);
    wr(r, 0, 0x138124, 0x80000077, 4);
    ctl_set_client(r->ctl, true);
    ctl_rig_ask(r, "status");
    assert_non_null(strstr(r->answer, "\"client\":true"));
    assert_non_null(strstr(r->answer, "\"mmio\":{\"reads\":3,\"writes\":2}"));
    assert_non_null(strstr(r->answer,
                           "{\"offset\":\"0x01fff0\",\"reads\":1,\"writes\":1,\"count\":2,"
                           "\"first\":\"read\",\"first_value\":0}"));
    wr(r, 0, 0x1fff4, 0x1234, 4);
    wr(r, 0, 0x1fff4, 0x5678, 4);
    ctl_rig_ask(r, "status");
    assert_non_null(strstr(r->answer,
                           "{\"offset\":\"0x01fff4\",\"reads\":0,\"writes\":2,\"count\":2,"
                           "\"first\":\"write\",\"first_value\":4660}"));
    assert_non_null(strstr(r->answer, "\"offences\":{\"stale-tlb\":0,"));
    assert_non_null(strstr(r->answer, "\"strict\":false,\"faults\":[{\"name\":\"missing-ack\","));
    assert_non_null(strstr(r->answer, "\"pcode_illegal\":1"));
    assert_non_null(strstr(r->answer, "\"judge_ready\":false,\"isolation_violations\":0"));
    assert_non_null(strstr(r->answer, "\"rcs\":{\"batches\":0"));
    assert_non_null(strstr(r->answer, "\"busy_ns\":0,\"slices\":0}"));
    assert_non_null(strstr(r->answer, "},\"batches\":0,\"slices\":0,\"judge_ready\""));
}

/* Chips with a second video engine show it and take faults for it; the others know nothing of it.
 */
static void test_second_video(void **state)
{
    struct ctl_rig *r = *state;
    bool gt3 = engines_count(device_engines(r->device)) == 5;
    struct regs_counts before, after;

    regs_get_counts(r->regs, &before);
    wr(r, 0, 0x1c080, 0x12345000, 4);
    rd(r, 0, 0x1c080, 4);
    regs_get_counts(r->regs, &after);
    assert_int_equal(after.unknown_access - before.unknown_access, gt3 ? 0 : 2);
    assert_int_equal(!!strstr(ctl_rig_ask(r, "status"), "\"vcs2\":{\"batches\":0"), gt3);
    assert_int_equal(!!strstr(ctl_rig_ask(r, "fault late-reset vcs2"), "{\"vcs2\":1}"), gt3);
    assert_int_equal(!!strstr(r->answer, "rcs, bcs, vcs, vecs and any, vcs2 on chips that"), !gt3);
}

static void test_fault(void **state)
{
    struct ctl_rig *r = *state;

    ctl_rig_bad(r, "fault", "usage: fault");
    ctl_rig_bad(r, "fault no-such", "no such fault; there are missing-ack, missing-ack-forcewake,");
    ctl_rig_bad(r, "fault late-reset vcs2", "rcs, bcs, vcs, vecs and any");
    ctl_rig_bad(r, "fault late-reset vcs 0", "the count is 1 to");
    assert_non_null(strstr(ctl_rig_run(r, "fault list", true, 0), "not allowed on this channel"));
    assert_non_null(
        strstr(ctl_rig_ask(r, "fault list"), "{\"name\":\"stuck-engine\",\"fired\":0,"));
    ctl_rig_ask(r, "fault stuck-engine vcs 2");
    assert_non_null(strstr(r->answer, "\"stuck-engine\",\"fired\":0,\"armed\":{\"vcs\":2}"));
    assert_null(strstr(ctl_rig_ask(r, "fault clear"), "\"vcs\":2"));
    /* of three forcewake requests the second is not answered */
    wr(r, 0, 0xa188, 0x00010001, 4);
    assert_int_equal(rd(r, 0, 0x130044, 4), 1);
    wr(r, 0, 0xa188, 0x00010000, 4);
    ctl_rig_ask(r, "fault missing-ack-forcewake");
    assert_int_equal(rd(r, 0, 0x130044, 4), 0); /* a release is no request */
    wr(r, 0, 0xa188, 0x00010001, 4);
    assert_int_equal(rd(r, 0, 0x130044, 4), 0);
    assert_int_equal(rd(r, 0, 0xa188, 4) & 1, 1);
    wr(r, 0, 0xa188, 0x00010000, 4);
    wr(r, 0, 0xa188, 0x00010001, 4);
    assert_int_equal(rd(r, 0, 0x130044, 4), 1);
    assert_non_null(
        strstr(ctl_rig_ask(r, "status"), "\"missing-ack-forcewake\",\"fired\":1,\"armed\":{}"));
}

/* With --strict the GPU works only for who has brought it up, which a device reset undoes. */
static void test_strict(void **state)
{
    struct ctl_rig *r = *state;

    engines_set_strict(device_engines(r->device), true);
    for (unsigned round = 0; round < 2; round++) {
        for (unsigned up = 0; up < 2; up++) {
            for (unsigned dword = 0; dword < 4; dword++)
                wr(r, 0, 0x2230, 0, 4);
            ctl_rig_ask(r, "violations");
            assert_int_equal(strstr(r->answer, "forcewake has never") != NULL, 1);
            ctl_rig_ask(r, "status");
            assert_non_null(
                strstr(r->answer, round ? "\"not-initialised\":8}" : "\"not-initialised\":4}"));
            wr(r, 0, 0xa188, 0x00010001, 4);
            wr(r, 0, 0xa188, 0x00010000, 4);
            wr(r, 0, 0x40e0, 0x000a0907, 4);
            wr(r, 0, 0x2080, 0x1000, 4);
            wr(r, 0, 0x229c, 0x80008000, 4);
        }
        device_vfu_ops(r->device)->reset(r->device);
    }
    assert_non_null(strstr(ctl_rig_ask(r, "status"), "\"strict\":true"));
}

/* --- connections --- */

struct wire {
    struct conn *conn;
    int client;
};

static struct wire wire(struct ctl_rig *r)
{
    struct wire w;
    int sv[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, sv), 0);
    w.conn = conn_new(sv[1], r->ctl, false);
    w.client = sv[0];
    assert_non_null(w.conn);
    return w;
}

static size_t received(struct wire *w, char *buf, size_t room)
{
    ssize_t n = recv(w->client, buf, room - 1, MSG_DONTWAIT);

    buf[n > 0 ? n : 0] = 0;
    return n > 0 ? (size_t)n : 0;
}

static void test_pieces(void **state)
{
    struct ctl_rig *r = *state;
    struct wire w = wire(r);
    static const char text[] = "frames 1\r\n\nxyz\nframes 2\n";
    char buf[512], all[512] = "";

    for (const char *p = text; *p; p++) {
        assert_int_equal(send(w.client, p, 1, 0), 1);
        assert_int_equal(conn_ready(w.conn), 0);
        received(&w, buf, sizeof(buf));
        strcat(all, buf);
    }
    assert_string_equal(all, "{\"ok\":true,\"frames\":0}\n"
                             "{\"ok\":false,\"error\":\"empty command\"}\n"
                             "{\"ok\":false,\"error\":\"unknown command: xyz\"}\n"
                             "{\"ok\":true,\"frames\":0}\n");
    close(w.client);
    assert_int_equal(conn_ready(w.conn), -EPIPE);
    conn_free(w.conn);
}

static void test_long_line(void **state)
{
    struct ctl_rig *r = *state;
    struct wire w = wire(r);
    char buf[9000];

    memset(buf, 'a', sizeof(buf));
    buf[sizeof(buf) - 1] = '\n';
    assert_int_equal(send(w.client, buf, sizeof(buf), 0), sizeof(buf));
    assert_int_equal(send(w.client, "fr\0mes\nframes 1\n", 16, 0), 16);
    for (int i = 0; i < 8; i++)
        assert_int_equal(conn_ready(w.conn), 0);
    received(&w, buf, sizeof(buf));
    assert_string_equal(buf, "{\"ok\":false,\"error\":\"line too long\"}\n"
                             "{\"ok\":false,\"error\":\"empty command\"}\n"
                             "{\"ok\":true,\"frames\":0}\n");
    close(w.client);
    conn_free(w.conn);
}

/* A peer that sends without reading is not read either, and loses nothing. */
static void test_slow_peer(void **state)
{
    struct ctl_rig *r = *state;
    struct wire w = wire(r);
    unsigned sent = 0, got = 0;
    char buf[4096];

    while (conn_events(w.conn) == POLLIN && sent < 1000000) {
        assert_int_equal(send(w.client, "frames 1\n", 9, MSG_DONTWAIT), 9);
        sent++;
        assert_int_equal(conn_ready(w.conn), 0);
    }
    assert_int_equal(conn_events(w.conn), POLLOUT);
    while (got < sent * strlen("{\"ok\":true,\"frames\":0}\n")) {
        size_t n = received(&w, buf, sizeof(buf));

        got += (unsigned)n;
        if (!n && conn_ready(w.conn))
            break;
    }
    assert_int_equal(got, sent * strlen("{\"ok\":true,\"frames\":0}\n"));
    close(w.client);
    conn_free(w.conn);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, ctl_rig_setup, ctl_rig_teardown)
    const struct CMUnitTest tests[] = {
        T(test_owners),
        T(test_bad_lines),
        T(test_channels),
        T(test_config),
        T(test_registers),
        T(test_aperture),
        T(test_screenshot),
        T(test_status),
        T(test_fault),
        T(test_strict),
        T(test_pieces),
        T(test_long_line),
        T(test_slow_peer),
        T(test_export),
        T(test_second_video),
        cmocka_unit_test_setup_teardown(test_second_video, ctl_rig_setup_gt3, ctl_rig_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
