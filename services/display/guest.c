/* SPDX-License-Identifier: MIT */
/* guest.c: see guest.h. */
#include "services/display/guest.h"

#include "services/display/vtiming.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int guest_new(const struct guest_config *config, const struct log *log, struct guest **guest)
{
    struct guest *g = calloc(1, sizeof(*g));

    if (!g)
        return -ENOMEM;
    g->c = *config;
    g->pipe = -1;
    account_init(&g->account, config->domid, config->name, log);
    g->c.name = g->account.name;
    *guest = g;
    return 0;
}

void guest_free(struct guest *g)
{
    if (!g)
        return;
    loop_remove(g->bell);
    free(g);
}

bool guest_owns(const struct guest *g, uint64_t base, uint64_t bytes)
{
    for (unsigned i = 0; i < 2; i++)
        if (base >= g->c.part[i].base && bytes <= g->c.part[i].size &&
            base - g->c.part[i].base <= g->c.part[i].size - bytes)
            return true;
    return false;
}

static bool same_mode(const struct view_pipe *a, const struct view_pipe *b)
{
    return a->conf == b->conf && !memcmp(&a->mode, &b->mode, sizeof(a->mode));
}

static void publish(struct guest *g, unsigned pipe, const struct view_pipe *view, unsigned slow,
                    bool foreground, uint64_t now_ns)
{
    struct vtiming t;

    if (vtiming_decode(view, slow, &t) && (!g->looked || !same_mode(view, &g->seen[pipe])))
        account_event(&g->account, ACCOUNT_BAD_DISPLAY, "pipe=%u htotal=0x%x vtotal=0x%x", pipe,
                      view->mode.htotal, view->mode.vtotal);
    t.foreground = foreground && g->pipe == (int)pipe && t.enabled;
    t.crc_of = t.foreground ? g->crc_of : 0;
    t.crc = t.foreground ? g->crc : 0;
    vtiming_publish(&g->c.timing->pipe[pipe], &t, now_ns);
}

static void remake(struct guest *g, const struct view_pipe *view)
{
    struct picture old = g->picture;

    memset(&g->picture, 0, sizeof(g->picture));
    if (view)
        picture_make(g, view, &g->picture);
    if (memcmp(&old, &g->picture, sizeof(old)))
        g->changed = true;
}

void guest_look(struct guest *g, unsigned slow, bool foreground, uint64_t now_ns)
{
    struct view_pipe view[VIEW_PIPES];
    int before = g->pipe;
    bool same;

    g->pipe = -1;
    for (unsigned i = VIEW_PIPES; i-- > 0;) {
        view_read(g->c.vreg, i, &view[i]);
        if (view_running(&view[i]))
            g->pipe = (int)i;
    }
    if (g->pipe < 0 || view_crc_of(&view[g->pipe]) != g->crc_of)
        g->crc_of = 0;
    for (unsigned i = 0; i < VIEW_PIPES; i++)
        publish(g, i, &view[i], slow, foreground, now_ns);
    same = g->looked && before == g->pipe &&
           (g->pipe < 0 || !memcmp(&view[g->pipe], &g->seen[g->pipe], sizeof(view[0])));
    memcpy(g->seen, view, sizeof(view));
    g->looked = true;
    if (!same)
        remake(g, g->pipe < 0 ? NULL : &view[g->pipe]);
}

void guest_crc(struct guest *g, uint64_t crc_of, uint32_t crc)
{
    if (g->crc_of == crc_of && g->crc == crc)
        return;
    g->crc_of = crc_of;
    g->crc = crc;
    vtiming_crc(&g->c.timing->pipe[g->pipe < 0 ? 0 : g->pipe], crc_of, crc);
}

int guest_surface(struct guest *g, struct fb *fb)
{
    int rc;

    if (g->pipe < 0)
        return 1;
    rc = fb_decode(&g->seen[g->pipe].plane, fb);
    if (rc)
        return rc;
    return guest_owns(g, fb->base, fb->bytes) ? 0 : -EINVAL;
}
