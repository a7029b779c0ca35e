/* SPDX-License-Identifier: MIT */
/* display.c: see display.h. The loop's sources, guests coming and going, the TLB rule. */
#include "services/display/display_priv.h"

#include "lib/crash.h"
#include "services/display/regs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define VBLANK_NS    16000000ull  /* times slow: while something is on the screen */
#define POLL_NS      100000000ull /* else: a bell may have been lost */
#define DEAD_NS      500000000ull /* times slow: a pipe without frames for so long is turned off */
#define INVAL_FRAMES 2u           /* the frame under way and the next: the latter translates anew */

struct guest *display_find(struct display *d, uint32_t domid)
{
    for (unsigned i = 0; i < d->guests; i++)
        if (d->guest[i]->c.domid == domid && !d->guest[i]->removing)
            return d->guest[i];
    return NULL;
}

/* ---- TLB rule */

static void publish(struct guest *g, uint64_t seq)
{
    crash_point("display.inval.due");
    __atomic_store_n(&g->c.inval->done_seq, seq, __ATOMIC_RELEASE);
    crash_point("display.inval.published");
    g->waiting = false;
}

static void blank(struct display *d, const char *why)
{
    log_write(d->c.log, LOG_ERR, "the screen's pipe gives no frames and is turned off",
              "for=\"%s\"", why);
    screen_blank(&d->screen);
}

static void wait_frames(struct display *d, struct guest *g, uint64_t seq)
{
    g->waiting = true;
    g->wait_seq = seq;
    g->wait_frame = d->screen.last_frame;
    g->wait_deadline_ns = d->c.now_ns() + DEAD_NS * d->c.slow;
}

/* What gtt cleared up to a sequence number is no longer looked at by the planes. */
static void invalidate(struct display *d, struct guest *g)
{
    uint64_t seq = __atomic_load_n(&g->c.map->clear_seq, __ATOMIC_ACQUIRE);
    uint64_t done = __atomic_load_n(&g->c.inval->done_seq, __ATOMIC_RELAXED);

    if (g->waiting && screen_fetches(&d->screen, g)) {
        if (d->screen.last_frame - g->wait_frame >= INVAL_FRAMES)
            publish(g, done = g->wait_seq);
        else if (d->c.now_ns() >= g->wait_deadline_ns)
            blank(d, "a clear of graphics memory");
    }
    if (!screen_fetches(&d->screen, g)) {
        g->waiting = false;
        if (seq != done)
            publish(g, seq);
    } else if (!g->waiting && seq != done) {
        wait_frames(d, g, seq);
    }
}

static void go_on_removing(struct display *d, struct guest *g)
{
    if (!g->must_reply)
        return;
    if (screen_fetches(&d->screen, g)) {
        if (d->c.now_ns() < g->remove_deadline_ns)
            return;
        blank(d, "the removal of a guest");
    }
    g->must_reply = false;
    crash_point("display.remove.unseen");
    d->c.ops->removed(d->c.ctx, g->remove_id, g->c.domid);
    crash_point("display.remove.told");
}

/* ---- the loop */

static void pace(struct display *d)
{
    bool busy = screen_busy(&d->screen);
    uint64_t period = busy ? VBLANK_NS * d->c.slow : POLL_NS;

    for (unsigned i = 0; i < d->guests; i++)
        if (d->guest[i]->must_reply)
            period = VBLANK_NS;
    if (period > POLL_NS)
        period = POLL_NS;
    if (period == d->period_ns)
        return;
    d->period_ns = period;
    loop_timer_arm(d->timer, period, period);
}

static void settle(struct display *d)
{
    screen_step(&d->screen);
    for (unsigned i = 0; i < d->guests; i++) {
        invalidate(d, d->guest[i]);
        go_on_removing(d, d->guest[i]);
    }
    pace(d);
}

static void look(struct display *d, struct guest *g)
{
    guest_look(g, d->c.slow, g == d->screen.fg, d->c.now_ns());
}

void display_step(struct display *d)
{
    for (unsigned i = 0; i < d->guests; i++)
        look(d, d->guest[i]);
    settle(d);
}

static void on_timer(void *data, uint32_t events)
{
    (void)events;
    display_step(data);
}

static void drain(int fd)
{
    uint64_t n;
    ssize_t got = read(fd, &n, sizeof(n));

    (void)got; /* nothing there: somebody rang twice */
}

static void on_bell(void *data, uint32_t events)
{
    struct guest *g = data;
    struct display *d = g->display;

    (void)events;
    drain(g->c.bell);
    look(d, g);
    settle(d);
}

static void on_irq(void *data, uint32_t events)
{
    struct display *d = data;
    uint32_t pending[GPU_IRQ_BANKS] = {0};

    (void)events;
    drain(d->irq_fd);
    if (gpu_irq_pending(d->c.gpu, pending) <= 0)
        return;
    if (pending[GPU_IRQ_PCH] & SDE_PORT_B && phys_hotplug(&d->phys))
        screen_monitor(&d->screen);
    settle(d);
}

static int watch(struct display *d)
{
    int rc = loop_timer(d->c.loop, on_timer, d, &d->timer);

    if (rc)
        return rc;
    d->irq_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (d->irq_fd < 0)
        return -errno;
    rc = loop_fd(d->c.loop, d->irq_fd, EPOLLIN, on_irq, d, &d->irq);
    return rc ? rc : gpu_irq_eventfd(d->c.gpu, d->irq_fd);
}

int display_new(const struct display_config *config, struct display **display)
{
    struct display *d = calloc(1, sizeof(*d));
    int rc;

    if (!d)
        return -ENOMEM;
    d->c = *config;
    d->irq_fd = -1;
    rc = phys_start(&d->phys, d->c.gpu, d->c.log, d->c.slow);
    crash_point("display.start.pipe-off");
    if (!rc)
        rc = watch(d);
    if (!rc) {
        d->shot = shot_new(d);
        rc = d->shot ? 0 : -ENOMEM;
    }
    if (rc) {
        display_free(d);
        return rc;
    }
    screen_init(&d->screen, d, config->screen);
    pace(d);
    *display = d;
    return 0;
}

void display_free(struct display *d)
{
    for (unsigned i = 0; i < d->guests; i++)
        guest_free(d->guest[i]);
    shot_free(d->shot);
    gpu_irq_eventfd(d->c.gpu, -1);
    loop_remove(d->irq);
    loop_remove(d->timer);
    if (d->irq_fd >= 0)
        close(d->irq_fd);
    free(d);
}

/* ---- guests */

static struct guest **slot_of(struct display *d, uint32_t domid)
{
    for (unsigned i = 0; i < d->guests; i++)
        if (d->guest[i]->c.domid == domid)
            return &d->guest[i];
    return NULL;
}

int display_guest_add(struct display *d, const struct guest_config *config)
{
    struct guest *g;
    int rc;

    if (slot_of(d, config->domid))
        return -EEXIST;
    if (d->guests == DISPLAY_GUESTS)
        return -ENOSPC;
    rc = guest_new(config, d->c.log, &g);
    if (rc)
        return rc;
    g->display = d;
    if (config->bell >= 0)
        rc = loop_fd(d->c.loop, config->bell, EPOLLIN, on_bell, g, &g->bell);
    if (rc) {
        guest_free(g);
        return rc;
    }
    d->guest[d->guests++] = g;
    look(d, g);
    crash_point("display.attach.looked");
    screen_guest_added(&d->screen, g);
    settle(d);
    return 0;
}

/* The service forgets the guest's memory on return. */
static void forget(struct display *d, struct guest **slot)
{
    struct guest *g = *slot;

    if (screen_fetches(&d->screen, g))
        blank(d, "a guest that goes at once");
    invalidate(d, g);
    *slot = d->guest[--d->guests];
    guest_free(g);
}

void display_guest_remove(struct display *d, uint32_t domid, bool final, uint32_t id)
{
    struct guest **slot = slot_of(d, domid), *g;

    if (!slot) {
        if (!final)
            d->c.ops->removed(d->c.ctx, id, domid);
        return;
    }
    g = *slot;
    if (!g->removing) {
        g->removing = true;
        crash_point("display.remove.asked");
        shot_guest_gone(d->shot, g);
        screen_guest_gone(&d->screen, g);
    }
    if (!final) {
        g->must_reply = true;
        g->remove_id = id;
        g->remove_deadline_ns = d->c.now_ns() + DEAD_NS * d->c.slow;
    } else {
        screen_let_go(&d->screen, g);
        crash_point("display.remove.let-go");
        forget(d, slot);
        crash_point("display.remove.forgotten");
    }
    settle(d);
}

void display_switch(struct display *d, uint32_t domid, uint32_t id)
{
    screen_request(&d->screen, domid, id);
    settle(d);
}

void display_screenshot(struct display *d, uint32_t domid, uint32_t id)
{
    shot_request(d->shot, domid, id);
}

void display_slice(struct display *d, uint32_t id, int err)
{
    shot_slice(d->shot, id, err);
}
