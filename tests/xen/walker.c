/* SPDX-License-Identifier: MIT */
/*
 * walker.c: tells softgpu's judge which machine frame belongs to which domain, as Xen sees it at
 * this moment; runs in dom0 as root, once per call, and shares nothing with the services that are
 * judged. Prints "frames DOMID COUNT TOTAL" per domain, TOTAL being Xen's own count of its pages;
 * a domain whose two numbers differ after RETRIES looks is an error. One thread (plus own_tables'
 * short-lived one).
 *
 * usage: walker [--stub FILE [--only-stub]] [--chan PORT] [--ask LINE]
 * FILE lists dom0 pages handed to the GPU, "mfn count" (hexadecimal, decimal) per line; PORT is the
 * judge's port. With --only-stub the judge is told these only, and keeps what it knows otherwise.
 * With --ask nothing is walked: LINE goes to the judge ("status", "png 0 FILE") and its answer is
 * shown.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/xen/frames.h"
#include "tests/xen/owner_chan.h"

#define MAX_DOMAINS 64u
#define RETRIES     5
#define DOMID_STUB  0x7ff1u /* softgpu/judge.h's number for pages the kernel stub handed out */

struct walker {
    struct frame_reader *reader;
    struct owner_chan *chan; /* NULL: count only */
    struct frame_list list;  /* of the domain at hand */
    struct frame_list stub;  /* sorted */
    const char *question;    /* of --ask */
    bool only_stub;
    unsigned long ranges; /* sent */
};

static int by_frame(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static bool is_stub(const struct walker *w, uint64_t mfn)
{
    return w->stub.count && bsearch(&mfn, w->stub.mfn, w->stub.count, sizeof mfn, by_frame) != NULL;
}

/* Sorted frames as merged ranges; dom0's leave the stub's pages out. */
static int send_ranges(struct walker *w, const struct frame_list *list, unsigned domid)
{
    int rc = 0;
    for (size_t i = 0, n; i < list->count && !rc; i += n) {
        n = 1;
        if (!domid && is_stub(w, list->mfn[i]))
            continue;
        while (i + n < list->count && list->mfn[i + n] == list->mfn[i] + n &&
               (domid || !is_stub(w, list->mfn[i + n])))
            n++;
        rc = owner_chan_send(w->chan, "owners add %llu %zu %u", (unsigned long long)list->mfn[i], n,
                             domid);
        w->ranges++;
    }
    return rc;
}

/* Xen's count now: the list is only as good as the moment it was taken at. */
static int count_now(struct walker *w, struct domain_pages *d)
{
    struct domain_pages all[MAX_DOMAINS];
    int n = frame_reader_domains(w->reader, all, MAX_DOMAINS);
    for (int i = 0; i < n; i++)
        if (all[i].domid == d->domid) {
            d->tot_pages = all[i].tot_pages;
            return 0;
        }
    return n < 0 ? n : -ESRCH;
}

/* 0, or 1 when the domain went away, or -errno. */
static int walk_domain(struct walker *w, struct domain_pages *d)
{
    int rc = 0;
    for (int n = 0; n < RETRIES; n++) {
        rc = frame_reader_list(w->reader, d, &w->list);
        int gone = count_now(w, d);
        if (gone == -ESRCH)
            return 1;
        if (!rc && w->list.count == d->tot_pages)
            break;
    }
    if (rc)
        return rc;
    printf("frames %u %zu %llu\n", d->domid, w->list.count, (unsigned long long)d->tot_pages);
    if (w->list.count != d->tot_pages)
        return -ERANGE;
    qsort(w->list.mfn, w->list.count, sizeof *w->list.mfn, by_frame);
    for (size_t i = 1; i < w->list.count; i++)
        if (w->list.mfn[i] == w->list.mfn[i - 1])
            return -EEXIST;
    return w->chan ? send_ranges(w, &w->list, d->domid) : 0;
}

static int walk_all(struct walker *w)
{
    struct domain_pages all[MAX_DOMAINS];
    int n = frame_reader_domains(w->reader, all, MAX_DOMAINS);
    if (n <= 0)
        return n ? n : -ENODEV;
    int rc = w->chan ? owner_chan_send(w->chan, "owners begin") : 0;
    for (int i = 0; i < n && rc >= 0; i++) {
        rc = walk_domain(w, &all[i]);
        if (rc < 0)
            fprintf(stderr, "walker: domain %u: %s\n", all[i].domid, strerror(-rc));
    }
    if (rc < 0 || !w->chan)
        return rc < 0 ? rc : 0;
    rc = send_ranges(w, &w->stub, DOMID_STUB);
    if (!rc)
        rc = owner_chan_send(w->chan, "owners commit");
    return rc ? rc : owner_chan_flush(w->chan);
}

/* What the stub has now, in a moment: nothing of Xen is asked. */
static int tell_stub(struct walker *w)
{
    int rc = owner_chan_send(w->chan, "owners stub");

    rc = rc ? rc : send_ranges(w, &w->stub, DOMID_STUB);
    rc = rc ? rc : owner_chan_send(w->chan, "owners commit");
    rc = rc ? rc : owner_chan_flush(w->chan);
    printf("stub %zu frames reply %s\n", w->stub.count, owner_chan_reply(w->chan));
    if (rc)
        fprintf(stderr, "walker: the stub's frames: %s\n", strerror(-rc));
    return rc ? 1 : 0;
}

static int add_stub_range(struct frame_list *list, uint64_t mfn, uint64_t count)
{
    if (!count || count > 1u << 20)
        return -EINVAL;
    uint64_t *p = realloc(list->mfn, (list->count + count) * sizeof *p);
    if (!p)
        return -ENOMEM;
    list->mfn = p;
    for (uint64_t i = 0; i < count; i++)
        list->mfn[list->count++] = mfn + i;
    return 0;
}

/* As the module prints them: hexadecimal frame, decimal count. */
static int read_stub(const char *path, struct frame_list *list)
{
    FILE *f = fopen(path, "re");
    if (!f)
        return -errno;
    unsigned long long mfn, count;
    int rc = 0, got;
    while (!rc && (got = fscanf(f, "%llx %llu", &mfn, &count)) == 2)
        rc = add_stub_range(list, mfn, count);
    if (!rc && got != EOF)
        rc = -EINVAL;
    fclose(f);
    if (list->count)
        qsort(list->mfn, list->count, sizeof *list->mfn, by_frame);
    return rc;
}

static int parse(struct walker *w, int argc, char **argv)
{
    for (int i = 1; i < argc; i += 2) {
        int rc = -EINVAL;
        if (!strcmp(argv[i], "--only-stub")) {
            w->only_stub = true;
            i--;
            continue;
        }
        if (i + 1 < argc && !strcmp(argv[i], "--stub"))
            rc = read_stub(argv[i + 1], &w->stub);
        else if (i + 1 < argc && !strcmp(argv[i], "--chan"))
            rc = owner_chan_open(argv[i + 1], &w->chan);
        else if (i + 1 < argc && !strcmp(argv[i], "--ask")) {
            w->question = argv[i + 1];
            rc = 0;
        }
        if (rc) {
            fprintf(stderr, "walker: %s: %s\n", argv[i + 1] ? argv[i + 1] : argv[i], strerror(-rc));
            return rc;
        }
    }
    return 0;
}

static int ask(struct walker *w)
{
    int rc = w->chan ? owner_chan_send(w->chan, "%s", w->question) : -ENOTCONN;
    if (!rc)
        rc = owner_chan_flush(w->chan);
    printf("%s\n", rc ? strerror(-rc) : owner_chan_reply(w->chan));
    return rc ? 1 : 0;
}

static int walk(struct walker *w)
{
    int rc = frame_reader_open(&w->reader);
    if (rc) {
        fprintf(stderr, "walker: cannot read frames from Xen: %s%s\n", strerror(-rc),
                rc == -ENODEV ? " (needs a PV dom0 with two CPUs)" : "");
        return 1;
    }
    rc = walk_all(w);
    if (w->chan)
        printf("ranges %lu reply %s\n", w->ranges, owner_chan_reply(w->chan));
    if (rc)
        fprintf(stderr, "walker: %s\n", strerror(-rc));
    frame_reader_close(w->reader);
    free(w->list.mfn);
    return rc ? 1 : 0;
}

int main(int argc, char **argv)
{
    struct walker w = {0};
    int rc = parse(&w, argc, argv);
    if (rc)
        return 2;
    rc = w.question ? ask(&w) : w.only_stub && w.chan ? tell_stub(&w) : walk(&w);
    if (w.chan)
        owner_chan_close(w.chan);
    free(w.stub.mfn);
    return rc;
}
