/* SPDX-License-Identifier: MIT */
/*
 * stub_judge.c: tells softgpu's judge who owns which frame, over softgpu's control socket: our own
 * pages, and each domain's memory. The whole map is sent anew once per turn of the loop in which
 * something changed; what the GPU does with a page before that, the judge takes back when it hears
 * (softgpu/judge.h).
 */
#include "tests/rig/stub.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define STUB_OWN 0x7ff1u /* JUDGE_DOM_STUB */
#define BATCH    64u     /* lines on their way before their answers are read */

struct stub_judge {
    struct softstub *s;
    int fd;
    FILE *out;
    struct loop_source *turn;
    unsigned waiting; /* lines not answered */
    bool refused;
};

/* An answer is {"ok":true} or says why not; lines are told apart by their ends. */
static int read_answers(struct stub_judge *j)
{
    char text[1024];

    if (fflush(j->out))
        return -errno;
    while (j->waiting) {
        ssize_t n = recv(j->fd, text, sizeof(text) - 1, 0);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n ? -errno : -ENODEV;
        text[n] = 0;
        j->refused |= strstr(text, "false") != NULL;
        for (ssize_t i = 0; i < n; i++)
            j->waiting -= text[i] == '\n' && j->waiting;
    }
    return 0;
}

__attribute__((format(printf, 2, 3))) static int line(struct stub_judge *j, const char *format, ...)
{
    va_list list;

    va_start(list, format);
    vfprintf(j->out, format, list);
    va_end(list);
    return ++j->waiting == BATCH ? read_answers(j) : 0;
}

static int add(struct stub_judge *j, uint64_t bus, uint64_t pages, unsigned domid)
{
    return line(j, "owners add %llu %llu %u\n", (unsigned long long)(bus / STUB_PAGE),
                (unsigned long long)pages, domid);
}

/* Without the frames that the domain gave back, unless a pin keeps them. */
static int add_domain(struct stub_judge *j, const struct stub_domain *d)
{
    uint64_t first, end = 0;
    int r = 0;

    if (!d->holes)
        return add(j, d->base, d->frames, d->domid);
    while (!r && end < d->frames) {
        for (first = end; first < d->frames && stub_domain_lost(d, first);)
            first++;
        for (end = first; end < d->frames && !stub_domain_lost(d, end);)
            end++;
        if (end > first)
            r = add(j, d->base + first * STUB_PAGE, end - first, d->domid);
    }
    return r;
}

static int tell(struct stub_judge *j)
{
    const struct stub_block *b;
    const struct stub_domain *d;
    int r = line(j, "owners begin\n");

    if (!r)
        r = add(j, STUB_SCRATCH, 1, STUB_OWN);
    LIST_FOREACH(b, &j->s->all, all)
    r = r ? r : add(j, b->bus, b->count, STUB_OWN);
    LIST_FOREACH(d, &j->s->domains, link)
    if (d->fd >= 0)
        r = r ? r : add_domain(j, d);
    if (!r)
        r = line(j, "owners commit\n");
    return r ? r : read_answers(j);
}

static void on_turn(void *data, uint32_t events)
{
    struct stub_judge *j = data;
    int r;

    (void)events;
    j->refused = false;
    r = tell(j);
    if (!r && !j->refused)
        return;
    /* A judge with an old map judges wrongly. */
    log_write(j->s->log, LOG_ERR, r ? "the judge has gone" : "the judge does not take the owners",
              "error=%d", r);
    loop_stop(j->s->loop, r ? r : -EPROTO);
}

void stub_judge_changed(struct softstub *s)
{
    if (s->judge)
        loop_trigger(s->judge->turn);
}

int stub_judge_start(struct softstub *s, const char *path)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    struct stub_judge *j = calloc(1, sizeof(*j));
    int r = 0;

    if (!j)
        return -ENOMEM;
    if (strlen(path) >= sizeof(addr.sun_path)) {
        free(j);
        return -ENAMETOOLONG;
    }
    strcpy(addr.sun_path, path);
    j->s = s;
    j->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (j->fd < 0 || connect(j->fd, (struct sockaddr *)&addr, sizeof(addr)) ||
        !(j->out = fdopen(j->fd, "w")))
        r = -errno;
    if (!r)
        r = loop_defer(s->loop, on_turn, j, &j->turn);
    if (!r) {
        s->judge = j;
        return tell(j);
    }
    if (j->out)
        fclose(j->out);
    else if (j->fd >= 0)
        close(j->fd);
    free(j);
    return r;
}

void stub_judge_end(struct softstub *s)
{
    if (!s->judge)
        return;
    loop_remove(s->judge->turn);
    fclose(s->judge->out);
    free(s->judge);
    s->judge = NULL;
}
