// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pins of guest frames. Only Xen can keep a guest's frame from being given to someone else, and it
 * does so while a page-table entry of dom0 maps it. The module therefore keeps a kernel mapping of
 * its own per pinned frame, read-only and never looked through, in areas reserved with vmap and
 * filled by mmu_update with the guest as foreign domain: Xen translates the gfn, takes a reference,
 * and leaves the machine frame in the entry. PV dom0 only.
 */
#include <linux/moduleparam.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>
#include <xen/interface/xen.h>
#include <xen/page.h>
#include <xen/xen.h>
#include <asm/xen/hypercall.h>

#include "stub.h"

#define CHUNK		512
#define MAX_DOMID	0x7fef	/* below DOMID_FIRST_RESERVED */
#define GFN_LIMIT	(1ULL << 40)

unsigned int vgt_max_pins = 4u << 20;
module_param_named(max_pins, vgt_max_pins, uint, 0444);
MODULE_PARM_DESC(max_pins, "guest frames that may be pinned at once, all domains together");

/* 512 slots, each a page-table entry; addr is 0 in a free one. */
struct vgt_pin_chunk {
	void *va;
	unsigned int used;
	u64 addr[CHUNK];
};

struct vgt_pin_domain {
	bool attached;
	struct xarray gfns;	/* gfn -> slot number, as a value entry */
};

/* vmap of single pages makes 4 KiB entries, and they stay until vunmap. */
static pte_t *slot_pte(struct vgt_pin_chunk *chunk, unsigned int i)
{
	unsigned int level;
	pte_t *pte = lookup_address((unsigned long)chunk->va + i * PAGE_SIZE, &level);

	BUG_ON(!pte || level != PG_LEVEL_4K);
	return pte;
}

static int update(struct mmu_update *req, int count, domid_t domid)
{
	return count ? HYPERVISOR_mmu_update(req, count, NULL, domid) : 0;
}

static void clear_slots(struct vgt_pins *p, const u32 *slots, u32 count, struct mmu_update *req)
{
	u32 i;

	for (i = 0; i < count; i++) {
		struct vgt_pin_chunk *chunk = p->chunks[slots[i] / CHUNK];
		pte_t *pte = slot_pte(chunk, slots[i] % CHUNK);

		req[i].ptr = arbitrary_virt_to_machine(pte).maddr | MMU_NORMAL_PT_UPDATE;
		req[i].val = 0;
		chunk->addr[slots[i] % CHUNK] = 0;
		chunk->used--;
		p->used--;
	}
	/* Cannot fail for entries of our own; if it does, the frames stay held: safe, but say so. */
	WARN_ON_ONCE(update(req, count, DOMID_SELF));
}

static int add_chunk(struct vgt_pins *p)
{
	struct vgt_pin_chunk *chunk;
	struct page **pages;
	unsigned int i;

	if (p->nchunks == p->room)
		return -ENOSPC;
	chunk = kvzalloc(sizeof(*chunk), GFP_KERNEL);
	pages = kvmalloc_array(CHUNK, sizeof(*pages), GFP_KERNEL);
	if (!chunk || !pages)
		goto err;
	for (i = 0; i < CHUNK; i++)
		pages[i] = virt_to_page(p->placeholder);
	chunk->va = vmap(pages, CHUNK, VM_MAP, PAGE_KERNEL_RO);
	if (!chunk->va)
		goto err;
	kvfree(pages);
	p->chunks[p->nchunks++] = chunk;
	return 0;
err:
	kvfree(pages);
	kvfree(chunk);
	return -ENOMEM;
}

/* Finds count free slots, adding areas as needed; they are marked used with address 1. */
static int take_slots(struct vgt_pins *p, u32 *slots, u32 count)
{
	u32 n = 0, c = 0, i;
	int ret;

	if (count > vgt_max_pins || p->used > vgt_max_pins - count)
		return -ENOSPC;
	for (c = 0; n < count; c++) {
		if (c == p->nchunks) {
			ret = add_chunk(p);
			if (ret)
				goto err;
		}
		if (p->chunks[c]->used == CHUNK)
			continue;
		for (i = 0; i < CHUNK && n < count; i++) {
			if (p->chunks[c]->addr[i])
				continue;
			p->chunks[c]->addr[i] = 1;
			p->chunks[c]->used++;
			p->used++;
			slots[n++] = c * CHUNK + i;
		}
	}
	return 0;
err:
	while (n--) {
		p->chunks[slots[n] / CHUNK]->addr[slots[n] % CHUNK] = 0;
		p->chunks[slots[n] / CHUNK]->used--;
		p->used--;
	}
	return ret;
}

/* Room for one call, so that nothing large stands on the stack. */
struct pin_work {
	u64 gfns[VGT_PIN_MAX_COUNT];
	u64 addrs[VGT_PIN_MAX_COUNT];
	u64 new_gfns[VGT_PIN_MAX_COUNT];
	u32 slots[VGT_PIN_MAX_COUNT];
	struct mmu_update req[VGT_PIN_MAX_COUNT];
};

static int map_slots(struct vgt_pins *p, struct pin_work *w, u32 count, domid_t domid)
{
	u64 flags = _PAGE_PRESENT | _PAGE_ACCESSED | (__supported_pte_mask & _PAGE_NX);
	u32 i;

	for (i = 0; i < count; i++) {
		pte_t *pte = slot_pte(p->chunks[w->slots[i] / CHUNK], w->slots[i] % CHUNK);

		w->req[i].ptr = arbitrary_virt_to_machine(pte).maddr | MMU_NORMAL_PT_UPDATE;
		w->req[i].val = (w->new_gfns[i] << PAGE_SHIFT) | flags;
	}
	if (update(w->req, count, domid))
		return -ENXIO;
	for (i = 0; i < count; i++) {
		struct vgt_pin_chunk *chunk = p->chunks[w->slots[i] / CHUNK];
		pte_t pte = READ_ONCE(*slot_pte(chunk, w->slots[i] % CHUNK));

		chunk->addr[w->slots[i] % CHUNK] = pte.pte & PTE_PFN_MASK;
	}
	return 0;
}

static u64 slot_addr(struct vgt_pins *p, void *entry)
{
	u32 slot = xa_to_value(entry);

	return p->chunks[slot / CHUNK]->addr[slot % CHUNK];
}

/* Makes the entry of every gfn that has none; a gfn given twice gets one. */
static int enter_gfns(struct vgt_pin_domain *d, struct pin_work *w, u32 count, u32 *fresh)
{
	u32 i;

	for (*fresh = 0, i = 0; i < count; i++) {
		int ret = xa_insert(&d->gfns, w->gfns[i], xa_mk_value(w->slots[*fresh]),
				    GFP_KERNEL);

		if (ret == -EBUSY)
			continue;
		if (ret)
			return ret;
		w->new_gfns[(*fresh)++] = w->gfns[i];
	}
	return 0;
}

static int pin_locked(struct vgt_pins *p, struct vgt_pin_domain *d, domid_t domid,
		      struct pin_work *w, u32 count)
{
	u32 fresh, i;
	int ret;

	ret = take_slots(p, w->slots, count);
	if (ret)
		return ret;
	ret = enter_gfns(d, w, count, &fresh);
	if (!ret)
		ret = map_slots(p, w, fresh, domid);
	if (ret)
		goto err;
	clear_slots(p, w->slots + fresh, count - fresh, w->req);
	for (i = 0; i < count; i++)
		w->addrs[i] = slot_addr(p, xa_load(&d->gfns, w->gfns[i]));
	return 0;
err:
	for (i = 0; i < fresh; i++)
		xa_erase(&d->gfns, w->new_gfns[i]);
	clear_slots(p, w->slots, count, w->req);
	return ret;
}

static int get_work(const struct vgt_stub_pin *arg, struct pin_work **out)
{
	struct pin_work *w;
	u32 i;

	if (arg->reserved || arg->domid > MAX_DOMID || !arg->count ||
	    arg->count > VGT_PIN_MAX_COUNT)
		return -EINVAL;
	w = kvmalloc(sizeof(*w), GFP_KERNEL);
	if (!w)
		return -ENOMEM;
	*out = w;
	if (copy_from_user(w->gfns, u64_to_user_ptr(arg->gfns), arg->count * sizeof(u64)))
		return -EFAULT;
	for (i = 0; i < arg->count; i++) {
		if (w->gfns[i] >= GFN_LIMIT)
			return -EINVAL;
	}
	return 0;
}

int vgt_pin(struct vgt_stub *vs, const struct vgt_stub_pin *arg)
{
	struct vgt_pins *p = &vs->pins;
	struct pin_work *w = NULL;
	struct vgt_pin_domain *d;
	int ret;

	if (!xen_pv_domain())
		return -EOPNOTSUPP;
	ret = get_work(arg, &w);
	if (ret)
		goto out;
	mutex_lock(&p->lock);
	d = xa_load(&p->domains, arg->domid);
	ret = d && d->attached ? pin_locked(p, d, arg->domid, w, arg->count) : -EACCES;
	mutex_unlock(&p->lock);
	if (!ret && copy_to_user(u64_to_user_ptr(arg->addrs), w->addrs, arg->count * sizeof(u64)))
		ret = -EFAULT;
out:
	kvfree(w);
	return ret;
}

int vgt_unpin(struct vgt_stub *vs, const struct vgt_stub_pin *arg)
{
	struct vgt_pins *p = &vs->pins;
	struct pin_work *w = NULL;
	struct vgt_pin_domain *d;
	u32 i, n = 0;
	int ret;

	ret = arg->addrs ? -EINVAL : get_work(arg, &w);
	if (ret)
		goto out;
	mutex_lock(&p->lock);
	d = xa_load(&p->domains, arg->domid);
	for (i = 0; d && i < arg->count; i++) {
		void *entry = xa_erase(&d->gfns, w->gfns[i]);

		if (entry)
			w->slots[n++] = xa_to_value(entry);
	}
	clear_slots(p, w->slots, n, w->req);
	mutex_unlock(&p->lock);
	ret = n;
out:
	kvfree(w);
	return ret;
}

/* Under p->lock. */
static int release_pins(struct vgt_pins *p, struct vgt_pin_domain *d)
{
	u32 slots[64], n = 0;
	struct mmu_update req[64];
	unsigned long gfn;
	int released = 0;
	void *entry;

	xa_for_each(&d->gfns, gfn, entry) {
		xa_erase(&d->gfns, gfn);
		slots[n++] = xa_to_value(entry);
		released++;
		if (n == ARRAY_SIZE(slots)) {
			clear_slots(p, slots, n, req);
			n = 0;
			cond_resched();
		}
	}
	clear_slots(p, slots, n, req);
	return released;
}

static int drop_domain(struct vgt_pins *p, domid_t domid, struct vgt_pin_domain *d)
{
	int released = release_pins(p, d);

	xa_erase(&p->domains, domid);
	xa_destroy(&d->gfns);
	kfree(d);
	return released;
}

static bool good_domain(const struct vgt_stub_domain *arg)
{
	return arg->domid && arg->domid <= MAX_DOMID &&
	       !memchr_inv(arg->reserved, 0, sizeof(arg->reserved));
}

int vgt_unpin_domain(struct vgt_stub *vs, const struct vgt_stub_domain *arg)
{
	struct vgt_pin_domain *d;
	int ret;

	if (!good_domain(arg))
		return -EINVAL;
	mutex_lock(&vs->pins.lock);
	d = xa_load(&vs->pins.domains, arg->domid);
	ret = d ? drop_domain(&vs->pins, arg->domid, d) : 0;
	mutex_unlock(&vs->pins.lock);
	return ret;
}

int vgt_pin_list(struct vgt_stub *vs, const struct vgt_stub_pin_list *arg)
{
	struct vgt_stub_pin_entry *entries;
	struct vgt_pin_domain *d;
	unsigned long gfn;
	void *entry;
	u32 n = 0;

	if (arg->reserved || !arg->max || arg->max > VGT_PIN_MAX_COUNT ||
	    (arg->after >= GFN_LIMIT && arg->after != U64_MAX))
		return -EINVAL;
	entries = kvmalloc_array(arg->max, sizeof(*entries), GFP_KERNEL);
	if (!entries)
		return -ENOMEM;
	mutex_lock(&vs->pins.lock);
	d = xa_load(&vs->pins.domains, arg->domid);
	if (d) {
		xa_for_each_start(&d->gfns, gfn, entry, arg->after + 1) {
			if (n == arg->max)
				break;
			entries[n].gfn = gfn;
			entries[n++].addr = slot_addr(&vs->pins, entry);
		}
	}
	mutex_unlock(&vs->pins.lock);
	if (copy_to_user(u64_to_user_ptr(arg->entries), entries, n * sizeof(*entries)))
		n = -EFAULT;
	kvfree(entries);
	return n;
}

int vgt_attach(struct vgt_stub *vs, const struct vgt_stub_domain *arg)
{
	struct vgt_pin_domain *d;
	int ret = 0;

	if (!good_domain(arg))
		return -EINVAL;
	mutex_lock(&vs->pins.lock);
	d = xa_load(&vs->pins.domains, arg->domid);
	if (!d) {
		d = kzalloc(sizeof(*d), GFP_KERNEL);
		ret = -ENOMEM;
		if (!d)
			goto out;
		xa_init(&d->gfns);
		ret = xa_err(xa_store(&vs->pins.domains, arg->domid, d, GFP_KERNEL));
		if (ret) {
			kfree(d);
			goto out;
		}
	}
	d->attached = true;
out:
	mutex_unlock(&vs->pins.lock);
	return ret;
}

int vgt_detach(struct vgt_stub *vs, const struct vgt_stub_domain *arg)
{
	struct vgt_pin_domain *d;
	int ret = -ENOENT;

	if (!good_domain(arg))
		return -EINVAL;
	mutex_lock(&vs->pins.lock);
	d = xa_load(&vs->pins.domains, arg->domid);
	if (d) {
		d->attached = false;
		ret = xa_empty(&d->gfns) ? drop_domain(&vs->pins, arg->domid, d) : -EBUSY;
	}
	mutex_unlock(&vs->pins.lock);
	return ret;
}

/* How many frames are pinned, for how many areas of 512 there is address space, and whose they may be. */
ssize_t vgt_pins_text(struct vgt_stub *vs, char *buf)
{
	struct vgt_pin_domain *d;
	unsigned long domid;
	int at;

	mutex_lock(&vs->pins.lock);
	at = sysfs_emit(buf, "pins %u\nareas %u\ndomains", vs->pins.used, vs->pins.nchunks);
	xa_for_each(&vs->pins.domains, domid, d)
		at += sysfs_emit_at(buf, at, " %lu", domid);
	at += sysfs_emit_at(buf, at, "\n");
	mutex_unlock(&vs->pins.lock);
	return at;
}

/* The broker is gone for good: no further pins, those held stay until row gtt lets go. */
void vgt_detach_all(struct vgt_stub *vs)
{
	struct vgt_pin_domain *d;
	unsigned long domid;

	mutex_lock(&vs->pins.lock);
	xa_for_each(&vs->pins.domains, domid, d) {
		d->attached = false;
		if (xa_empty(&d->gfns))
			drop_domain(&vs->pins, domid, d);
	}
	mutex_unlock(&vs->pins.lock);
}

/* Row gtt's last close, after the GGTT was pointed at scratch. Attachments stay the broker's. */
void vgt_unpin_all(struct vgt_stub *vs)
{
	struct vgt_pin_domain *d;
	unsigned long domid;

	mutex_lock(&vs->pins.lock);
	xa_for_each(&vs->pins.domains, domid, d) {
		if (d->attached)
			release_pins(&vs->pins, d);
		else
			drop_domain(&vs->pins, domid, d);
	}
	mutex_unlock(&vs->pins.lock);
}

int vgt_pins_init(struct vgt_stub *vs)
{
	struct vgt_pins *p = &vs->pins;

	mutex_init(&p->lock);
	xa_init(&p->domains);
	p->room = DIV_ROUND_UP(vgt_max_pins, CHUNK);
	p->chunks = kvcalloc(p->room, sizeof(*p->chunks), GFP_KERNEL);
	p->placeholder = (void *)get_zeroed_page(GFP_KERNEL);
	if (p->chunks && p->placeholder)
		return 0;
	vgt_pins_fini(vs);
	return -ENOMEM;
}

void vgt_pins_fini(struct vgt_stub *vs)
{
	struct vgt_pins *p = &vs->pins;
	unsigned int i;

	for (i = 0; p->chunks && i < p->nchunks; i++) {
		WARN_ON(p->chunks[i]->used);
		vunmap(p->chunks[i]->va);
		kvfree(p->chunks[i]);
	}
	xa_destroy(&p->domains);
	kvfree(p->chunks);
	free_page((unsigned long)p->placeholder);
}
