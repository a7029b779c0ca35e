/* SPDX-License-Identifier: MIT */
/*
 * sched_eng_wire.c: see sched_eng_wire.h.
 */
#include "tests/unit/sched_eng_wire.h"

#include "lib/lane.h"
#include "lib/quarantine.h"
#include "lib/region.h"
#include "services/wire/gtt_map.h"
#include "services/wire/mmio_sched.h"
#include "services/wire/names.h"
#include "services/wire/sched_gtt.h"
#include "services/wire/sched_journal.h"
#include "services/wire/vggtt.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>

#include <cmocka.h>

void give(struct wire_fds *fds, const char *name, int fd)
{
    assert_true(fd >= 0);
    strcpy(fds->item[fds->count].name, name);
    fds->item[fds->count++].fd = fd;
}

void give_lane(struct wire_fds *fds, const char *name, uint32_t slots, uint32_t layout)
{
    char text[28];
    int fd;

    assert_int_equal(lane_create(name, LANE_STREAM, slots, layout, &fd), 0);
    give(fds, name, fd);
    snprintf(text, sizeof text, "%s.wake", name);
    give(fds, text, eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
    snprintf(text, sizeof text, "%s.room", name);
    give(fds, text, eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
}

void give_region(struct wire_fds *fds, const char *name, uint32_t type, uint32_t version,
                 uint64_t size)
{
    int fd;

    assert_int_equal(region_create(name, type, version, size, &fd), 0);
    give(fds, name, fd);
}

void give_own(struct wire_fds *fds, uint32_t slots)
{
    give_lane(fds, WIRE_SCHED_GTT, slots, SCHED_GTT_LAYOUT);
    give_lane(fds, WIRE_GTT_SCHED, slots, SCHED_GTT_LAYOUT);
    give_region(fds, WIRE_JOURNAL, WIRE_REGION_JOURNAL, SCHED_JOURNAL_LAYOUT,
                sizeof(struct sched_journal));
}

void give_guest(struct wire_fds *fds, uint32_t slots)
{
    give_region(fds, WIRE_VGGTT, WIRE_REGION_VGGTT, VGGTT_LAYOUT, sizeof(struct vggtt));
    give_region(fds, WIRE_GTT_MAP, WIRE_REGION_GTT_MAP, GTT_MAP_LAYOUT, sizeof(struct gtt_map));
    give_region(fds, WIRE_INVAL_SCHED, WIRE_REGION_INVAL, GTT_INVAL_LAYOUT,
                sizeof(struct gtt_inval));
    give_region(fds, WIRE_BAD_SCHED, WIRE_REGION_QUARANTINE, QUARANTINE_LAYOUT,
                sizeof(struct quarantine_table));
    give_lane(fds, WIRE_MMIO_SCHED, slots, MMIO_SCHED_LAYOUT);
    give_lane(fds, WIRE_SCHED_MMIO, slots, MMIO_SCHED_LAYOUT);
}

struct wire_fds copies(const struct wire_fds *fds)
{
    struct wire_fds copy = *fds;

    for (unsigned i = 0; i < copy.count; i++)
        copy.item[i].fd = fcntl(fds->item[i].fd, F_DUPFD_CLOEXEC, 3);
    return copy;
}
