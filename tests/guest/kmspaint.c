/* SPDX-License-Identifier: MIT */
/*
 * kmspaint.c: sets the preferred mode of the first connected monitor and shows the picture of
 * --name (picture.h), optionally after --frames page flips; keeps it until a line comes on standard
 * input, SIGTERM, or --hold seconds. Runs in test guests, on the kernel's mode-setting ioctls
 * alone. One thread.
 */
#include "tests/guest/picture.h"
#include <drm.h>
#include <drm_mode.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define MAX_IDS 16

struct fb {
    uint32_t id, handle, pitch;
    uint64_t size;
    uint32_t *map;
};

struct screen {
    int fd;
    uint32_t connector, crtc;
    unsigned width, height; /* of the mode wanted; 0: the preferred one */
    struct drm_mode_modeinfo mode;
    struct fb fb[2];
};

static volatile sig_atomic_t stop;

static void on_term(int sig)
{
    (void)sig;
    stop = 1;
}

static int drm_ioctl(int fd, unsigned long request, void *arg)
{
    int rc;

    do {
        rc = ioctl(fd, request, arg);
    } while (rc < 0 && (errno == EINTR || errno == EAGAIN) && !stop);
    return rc < 0 ? -errno : 0;
}

static double now(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static bool wanted(const struct screen *s, const struct drm_mode_modeinfo *m)
{
    if (s->width)
        return m->hdisplay == s->width && m->vdisplay == s->height;
    return m->type & DRM_MODE_TYPE_PREFERRED;
}

/* Modes of one connector; 1 when something is plugged in, with the wanted mode in s->mode, or its
 * first one when none is preferred. -ENOENT: it has no mode of the wanted size. */
static int connector_mode(struct screen *s, uint32_t id)
{
    static struct drm_mode_modeinfo modes[128];
    struct drm_mode_get_connector c = {.connector_id = id};
    int rc = drm_ioctl(s->fd, DRM_IOCTL_MODE_GETCONNECTOR, &c); /* count 0: probes the monitor */

    if (rc)
        return rc;
    if (c.connection != 1 || !c.count_modes)
        return 0;
    c = (struct drm_mode_get_connector){
        .connector_id = id, .count_modes = 128, .modes_ptr = (uintptr_t)modes};
    rc = drm_ioctl(s->fd, DRM_IOCTL_MODE_GETCONNECTOR, &c);
    if (rc)
        return rc;
    s->mode = modes[0];
    s->connector = id;
    for (uint32_t i = 0; i < c.count_modes && i < 128; i++) {
        if (wanted(s, &modes[i])) {
            s->mode = modes[i];
            return 1;
        }
    }
    return s->width ? -ENOENT : 1;
}

static int find_monitor(struct screen *s)
{
    uint32_t connectors[MAX_IDS], crtcs[MAX_IDS];
    struct drm_mode_card_res res = {.connector_id_ptr = (uintptr_t)connectors,
                                    .crtc_id_ptr = (uintptr_t)crtcs,
                                    .count_connectors = MAX_IDS,
                                    .count_crtcs = MAX_IDS};
    int rc = drm_ioctl(s->fd, DRM_IOCTL_MODE_GETRESOURCES, &res);

    if (rc)
        return rc;
    if (!res.count_crtcs || res.count_crtcs > MAX_IDS || res.count_connectors > MAX_IDS)
        return -ENODEV;
    s->crtc = crtcs[0];
    for (uint32_t i = 0; i < res.count_connectors; i++) {
        rc = connector_mode(s, connectors[i]);
        if (rc)
            return rc < 0 ? rc : 0;
    }
    return -ENXIO;
}

static int fb_make(struct screen *s, struct fb *fb)
{
    struct drm_mode_create_dumb dumb = {
        .width = s->mode.hdisplay, .height = s->mode.vdisplay, .bpp = 32};
    int rc = drm_ioctl(s->fd, DRM_IOCTL_MODE_CREATE_DUMB, &dumb);

    if (rc)
        return rc;
    struct drm_mode_fb_cmd cmd = {.width = dumb.width,
                                  .height = dumb.height,
                                  .pitch = dumb.pitch,
                                  .bpp = 32,
                                  .depth = 24,
                                  .handle = dumb.handle};
    struct drm_mode_map_dumb map = {.handle = dumb.handle};
    rc = drm_ioctl(s->fd, DRM_IOCTL_MODE_ADDFB, &cmd);
    if (!rc)
        rc = drm_ioctl(s->fd, DRM_IOCTL_MODE_MAP_DUMB, &map);
    if (rc)
        return rc;
    fb->map = mmap(NULL, dumb.size, PROT_READ | PROT_WRITE, MAP_SHARED, s->fd, (off_t)map.offset);
    if (fb->map == MAP_FAILED)
        return -errno;
    fb->id = cmd.fb_id;
    fb->handle = dumb.handle;
    fb->pitch = dumb.pitch;
    fb->size = dumb.size;
    return 0;
}

/* Paint frame number frame; returns the picture's CRC. */
static uint32_t fb_paint(struct screen *s, struct fb *fb, const char *name, uint32_t frame,
                         uint32_t first_row, uint32_t rows)
{
    static uint32_t line[8192];
    struct picture p;
    uint32_t crc = 0, w = s->mode.hdisplay;

    picture_init(&p, name, w, s->mode.vdisplay, frame);
    for (uint32_t y = first_row; y < first_row + rows; y++) {
        for (uint32_t x = 0; x < w; x++)
            line[x] = picture_pixel(&p, x, y);
        memcpy((char *)fb->map + (size_t)y * fb->pitch, line, w * 4);
        crc = picture_crc(crc, line, w);
    }
    return crc;
}

static int set_mode(struct screen *s, struct fb *fb)
{
    struct drm_mode_crtc c = {.set_connectors_ptr = (uintptr_t)&s->connector,
                              .count_connectors = 1,
                              .crtc_id = s->crtc,
                              .fb_id = fb->id,
                              .mode_valid = 1,
                              .mode = s->mode};

    return drm_ioctl(s->fd, DRM_IOCTL_MODE_SETCRTC, &c);
}

/* Flip to fb and wait for the event the kernel sends when it is on the screen. */
static int flip(struct screen *s, struct fb *fb)
{
    struct drm_mode_crtc_page_flip f = {
        .crtc_id = s->crtc, .fb_id = fb->id, .flags = DRM_MODE_PAGE_FLIP_EVENT};
    struct pollfd pfd = {.fd = s->fd, .events = POLLIN};
    char event[256];
    int rc = drm_ioctl(s->fd, DRM_IOCTL_MODE_PAGE_FLIP, &f);

    if (rc)
        return rc;
    rc = poll(&pfd, 1, 10000);
    if (rc == 0)
        return -ETIMEDOUT;
    if (rc < 0 || read(s->fd, event, sizeof(event)) <= 0)
        return -errno;
    return 0;
}

/* Only the moving bar's rows differ between frames. */
static int animate(struct screen *s, const char *name, uint32_t frames)
{
    double t0 = now();

    for (uint32_t i = 1; i <= frames && !stop; i++) {
        struct fb *fb = &s->fb[i & 1];
        fb_paint(s, fb, name, i, 0, s->mode.vdisplay / 16);
        int rc = flip(s, fb);
        if (rc)
            return rc;
    }
    if (frames)
        printf("VGT: kms_flips=%u kms_fps=%.1f\n", frames, frames / (now() - t0));
    return 0;
}

static void hold(double seconds)
{
    double end = now() + seconds;
    char line[64];

    while (!stop && now() < end) {
        struct pollfd pfd = {.fd = 0, .events = POLLIN};
        if (poll(&pfd, 1, 200) > 0 && read(0, line, sizeof(line)) > 0)
            return;
    }
}

static int show(struct screen *s, const char *name, uint32_t frames, double seconds)
{
    uint32_t rows = s->mode.vdisplay;
    int rc = fb_make(s, &s->fb[0]);

    if (!rc)
        rc = fb_make(s, &s->fb[1]);
    if (rc)
        return rc;
    fb_paint(s, &s->fb[0], name, 0, 0, rows);
    fb_paint(s, &s->fb[1], name, 0, 0, rows);
    rc = set_mode(s, &s->fb[0]);
    if (rc)
        return rc;
    rc = animate(s, name, frames);
    if (rc)
        return rc;
    uint32_t crc = fb_paint(s, &s->fb[frames & 1], name, frames, 0, rows);
    printf("VGT: kms_mode=%ux%u@%u name=%s frame=%u picture_crc=%08x\n", s->mode.hdisplay, rows,
           s->mode.vrefresh, name, frames, crc);
    printf("VGT: kms_ready=1\n");
    hold(seconds);
    return 0;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {{"name", 1, NULL, 'n'}, {"frames", 1, NULL, 'f'},
                                            {"hold", 1, NULL, 'h'}, {"device", 1, NULL, 'd'},
                                            {"mode", 1, NULL, 'm'}, {0}};
    const char *name = "guest", *device = "/dev/dri/card0";
    uint32_t frames = 0;
    double seconds = 10;
    struct screen s = {0};
    int opt;

    while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (opt == 'n')
            name = optarg;
        else if (opt == 'f')
            frames = (uint32_t)strtoul(optarg, NULL, 0);
        else if (opt == 'h')
            seconds = strtod(optarg, NULL);
        else if (opt == 'd')
            device = optarg;
        else if (opt == 'm' && sscanf(optarg, "%ux%u", &s.width, &s.height) == 2)
            continue;
        else
            return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    signal(SIGTERM, on_term);
    s.fd = open(device, O_RDWR | O_CLOEXEC);
    int rc = s.fd < 0 ? -errno : find_monitor(&s);
    if (!rc)
        rc = show(&s, name, frames, seconds);
    if (rc)
        printf("VGT: kms_error=%s\n", strerror(-rc));
    return rc ? 1 : 0;
}
