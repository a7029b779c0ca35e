/* SPDX-License-Identifier: MIT */
/*
 * frames.h: the machine frames of each domain, as Xen has them. Xen 4.17 and later offer no page
 * list (XEN_DOMCTL_getmemlist is gone), so: for a PV domain every frame of the machine is put to
 * Xen ("is it this domain's?", XEN_DOMCTL_getpageframeinfo3); an HVM domain's guest frames are
 * mapped and the machine frames read from our own page table. Single thread, called by the walker.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct frame_reader;

struct frame_list {
    uint64_t *mfn; /* unordered, each once */
    size_t count, room;
};

/* -errno on failure. */
int frame_reader_open(struct frame_reader **out);
void frame_reader_close(struct frame_reader *r);

/* What Xen counts for a domain: its pages and whether its frame numbers are translated. */
struct domain_pages {
    uint16_t domid;
    bool hvm;
    uint64_t tot_pages;
};
/* All living domains, dom0 among them, at most max; their number or -errno. */
int frame_reader_domains(struct frame_reader *r, struct domain_pages *out, unsigned max);

/* Fill list (emptied first, kept by the caller, freed with free(list->mfn)); -errno on failure. */
int frame_reader_list(struct frame_reader *r, const struct domain_pages *d,
                      struct frame_list *list);
