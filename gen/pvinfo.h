/* SPDX-License-Identifier: MIT */
/*
 * The PVINFO page (BAR0 + 0x78000): how a guest's driver learns that it drives a virtual GPU and
 * which part of the graphics address space is its own. The layout is an interface of today's
 * guest drivers; services/mmio owns the page of its guest. Layout only, no functions.
 */
#pragma once

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#define PVINFO_BASE          0x78000u
#define PVINFO_SIZE          0x1000u
#define PVINFO_MAGIC         UINT64_C(0x4776544776544776) /* "vGTvGTvG" */
#define PVINFO_VERSION_MAJOR 1u
#define PVINFO_VERSION_MINOR 0u

/* vgt_caps */
#define PVINFO_CAP_FULL_PPGTT 0x4u  /* without it Haswell's and Broadwell's i915 refuse to load */
#define PVINFO_CAP_HWSP       0x8u  /* status page emulated; execlists need it */
#define PVINFO_CAP_HUGE_GTT   0x10u /* pages larger than 4 KiB may be used */

/* display_ready */
#define PVINFO_DISPLAY_NOT_READY 0u
#define PVINFO_DISPLAY_READY     1u
#define PVINFO_DISPLAY_VGA       2u

/* g2v_notify */
enum pvinfo_notify {
    PVINFO_DISPLAY_REFRESH = 0,
    PVINFO_CURSOR_SHAPE = 1,
    PVINFO_PPGTT_L3_CREATE = 2,
    PVINFO_PPGTT_L3_DESTROY = 3,
    PVINFO_PPGTT_L4_CREATE = 4,
    PVINFO_PPGTT_L4_DESTROY = 5,
    PVINFO_CONTEXT_CREATE = 6,
    PVINFO_CONTEXT_DESTROY = 7,
};

struct pvinfo {
    uint64_t magic;
    uint16_t version_major;
    uint16_t version_minor;
    uint32_t vgt_id;
    uint32_t caps;
    uint32_t reserved0[11];
    uint32_t low_base; /* bytes; the part inside the aperture */
    uint32_t low_size;
    uint32_t high_base; /* bytes; the part above the aperture */
    uint32_t high_size;
    uint32_t fences;
    uint32_t reserved1[491];
    /* From here on the guest writes. */
    uint16_t driver_major;
    uint16_t driver_minor;
    uint32_t display_ready;
    uint32_t insufficient; /* bit 2 low, bit 1 high, bit 0 fences */
    uint32_t min_low;
    uint32_t min_high;
    uint32_t min_fences;
    uint32_t g2v_notify;
    uint32_t v2g_notify;
    uint32_t gtt_base;
    uint32_t reserved2;
    uint32_t gtt_size;
    uint32_t reserved3;
    uint32_t cursor_x_hot;
    uint32_t cursor_y_hot;
    struct {
        uint32_t lo, hi;
    } pdp[4];
    uint32_t context_lo;
    uint32_t context_hi;
    uint32_t reserved4[488];
};

static_assert(sizeof(struct pvinfo) == PVINFO_SIZE, "PVINFO fills a page");
static_assert(offsetof(struct pvinfo, caps) == 0x10, "PVINFO caps");
static_assert(offsetof(struct pvinfo, low_base) == 0x40, "PVINFO low base");
static_assert(offsetof(struct pvinfo, fences) == 0x50, "PVINFO fences");
static_assert(offsetof(struct pvinfo, driver_major) == 0x800, "PVINFO driver version");
static_assert(offsetof(struct pvinfo, display_ready) == 0x804, "PVINFO display ready");
static_assert(offsetof(struct pvinfo, g2v_notify) == 0x818, "PVINFO notify");
static_assert(offsetof(struct pvinfo, gtt_base) == 0x820, "PVINFO GTT base");
static_assert(offsetof(struct pvinfo, gtt_size) == 0x828, "PVINFO GTT size");
static_assert(offsetof(struct pvinfo, cursor_x_hot) == 0x830, "PVINFO cursor");
static_assert(offsetof(struct pvinfo, pdp) == 0x838, "PVINFO PDPs");
static_assert(offsetof(struct pvinfo, context_lo) == 0x858, "PVINFO context");
