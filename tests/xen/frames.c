/* SPDX-License-Identifier: MIT */
/*
 * frames.c: see frames.h. Guest memory is mapped read-only in chunks and not looked at; only the
 * page-table entries of the mapping are read (own_tables.c).
 */
#include "tests/xen/frames.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <xenctrl.h>
#include <xenforeignmemory.h>

#include "tests/xen/own_tables.h"

#define PAGE  4096u
#define QUERY 1024u /* most that one XEN_DOMCTL_getpageframeinfo3 takes */
#define CHUNK 8192u /* guest pages mapped at a time */

struct frame_reader {
    xc_interface *xch;
    xenforeignmemory_handle *fmem;
    struct own_tables *tables;
    xen_pfn_t gfns[CHUNK]; /* of the chunk being translated */
    int errs[CHUNK];
};

int frame_reader_open(struct frame_reader **out)
{
    struct frame_reader *r = calloc(1, sizeof *r);
    if (!r)
        return -ENOMEM;
    r->xch = xc_interface_open(NULL, NULL, 0);
    r->fmem = xenforeignmemory_open(NULL, 0);
    int rc = r->xch && r->fmem ? own_tables_open(r->xch, r->fmem, &r->tables) : -ENODEV;
    if (rc) {
        frame_reader_close(r);
        return rc;
    }
    *out = r;
    return 0;
}

void frame_reader_close(struct frame_reader *r)
{
    own_tables_close(r->tables);
    if (r->fmem)
        xenforeignmemory_close(r->fmem);
    if (r->xch)
        xc_interface_close(r->xch);
    free(r);
}

int frame_reader_domains(struct frame_reader *r, struct domain_pages *out, unsigned max)
{
    xc_domaininfo_t *info = calloc(max, sizeof *info);
    if (!info)
        return -ENOMEM;
    int n = xc_domain_getinfolist(r->xch, 0, max, info);
    int kept = n < 0 ? -errno : 0;
    for (int i = 0; i < n; i++) {
        if (info[i].flags & XEN_DOMINF_dying)
            continue;
        out[kept++] = (struct domain_pages){.domid = info[i].domain,
                                            .hvm = info[i].flags & XEN_DOMINF_hvm_guest,
                                            .tot_pages = info[i].tot_pages};
    }
    free(info);
    return kept;
}

static int append(struct frame_list *list, uint64_t frame)
{
    if (list->count == list->room) {
        size_t room = list->room ? 2 * list->room : 65536;
        uint64_t *p = realloc(list->mfn, room * sizeof *p);
        if (!p)
            return -ENOMEM;
        list->mfn = p;
        list->room = room;
    }
    list->mfn[list->count++] = frame;
    return 0;
}

/* One query: which of num frames from first on does the domain have? Appends those. */
static int query(struct frame_reader *r, uint16_t domid, uint64_t first, unsigned num,
                 xc_hypercall_buffer_t *buffer, xen_pfn_t *types, struct frame_list *list)
{
    DECLARE_HYPERCALL_BUFFER_ARGUMENT(buffer);
    struct xen_domctl op = {.cmd = XEN_DOMCTL_getpageframeinfo3, .domain = domid};
    for (unsigned i = 0; i < num; i++)
        types[i] = first + i;
    op.u.getpageframeinfo3.num = num;
    set_xen_guest_handle(op.u.getpageframeinfo3.array, buffer);
    if (xc_domctl(r->xch, &op))
        return -errno;
    for (unsigned i = 0; i < num; i++) {
        uint32_t type = (uint32_t)types[i] & XEN_DOMCTL_PFINFO_LTAB_MASK;
        if (type == XEN_DOMCTL_PFINFO_XTAB || type == XEN_DOMCTL_PFINFO_BROKEN)
            continue;
        int rc = append(list, first + i);
        if (rc)
            return rc;
    }
    return 0;
}

/* The frames below end that are the domain's RAM: machine frames of a PV domain, guest frames of an
 * HVM one. An HVM guest has its RAM at the bottom and a few pages at the top with a wide hole
 * between them, so: the bottom upwards, then from the top down until all that Xen counts are found.
 */
static int present_frames(struct frame_reader *r, const struct domain_pages *d, uint64_t end,
                          struct frame_list *list)
{
    DECLARE_HYPERCALL_BUFFER(xen_pfn_t, types);
    types = xc_hypercall_buffer_alloc(r->xch, types, QUERY * sizeof *types);
    if (!types)
        return -ENOMEM;
    int rc = 0;
    uint64_t blocks = (end + QUERY - 1) / QUERY, low = d->tot_pages / QUERY + 1;
    for (uint64_t n = 0; n < blocks && !rc && list->count < d->tot_pages; n++) {
        uint64_t at = (n < low ? n : blocks - 1 - (n - low)) * QUERY;
        unsigned num = end - at < QUERY ? (unsigned)(end - at) : QUERY;
        rc = query(r, d->domid, at, num, HYPERCALL_BUFFER(types), types, list);
    }
    xc_hypercall_buffer_free(r->xch, types);
    return rc;
}

/* Replace num guest frames, in place, by their machine frames. A frame that went away in the
 * meantime becomes 0, which no guest owns. */
static int translate_chunk(struct frame_reader *r, uint16_t domid, uint64_t *frames, size_t num)
{
    for (size_t i = 0; i < num; i++)
        r->gfns[i] = frames[i];
    char *base = xenforeignmemory_map(r->fmem, domid, PROT_READ, num, r->gfns, r->errs);
    if (!base)
        return -errno;
    int rc = 0;
    for (size_t i = 0; i < num && !rc; i++) {
        frames[i] = 0;
        if (!r->errs[i])
            rc = own_tables_mfn(r->tables, base + i * PAGE, &frames[i]);
    }
    xenforeignmemory_unmap(r->fmem, base, num);
    return rc;
}

static int translate(struct frame_reader *r, uint16_t domid, struct frame_list *list)
{
    for (size_t at = 0; at < list->count; at += CHUNK) {
        size_t num = list->count - at < CHUNK ? list->count - at : CHUNK;
        int rc = translate_chunk(r, domid, list->mfn + at, num);
        if (rc)
            return rc;
    }
    size_t kept = 0;
    for (size_t i = 0; i < list->count; i++)
        if (list->mfn[i])
            list->mfn[kept++] = list->mfn[i];
    list->count = kept;
    return 0;
}

int frame_reader_list(struct frame_reader *r, const struct domain_pages *d, struct frame_list *list)
{
    list->count = 0;
    if (!d->hvm) {
        unsigned long max_mfn;
        if (xc_maximum_ram_page(r->xch, &max_mfn))
            return -errno;
        return present_frames(r, d, (uint64_t)max_mfn + 1, list);
    }
    xen_pfn_t max_gfn;
    if (xc_domain_maximum_gpfn(r->xch, d->domid, &max_gfn) < 0)
        return -errno;
    int rc = present_frames(r, d, (uint64_t)max_gfn + 1, list);
    return rc ? rc : translate(r, d->domid, list);
}
