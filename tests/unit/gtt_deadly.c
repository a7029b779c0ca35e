/* SPDX-License-Identifier: MIT */
/* gtt_deadly.c: see gtt_deadly.h. */
#include "tests/unit/gtt_deadly.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

struct quarantine deadly_quarantine;
struct quarantine_table *deadly_table;
bool deadly_pins;
const struct gpu_ops *deadly_under;

static struct gpu_ops wrapped;
static void (*wrap_more)(struct gpu_ops *ops);
static uint64_t frame_that_kills;

static int pin(struct gpu *g, uint16_t domid, const uint64_t *gfns, uint32_t count, uint64_t *dma)
{
    for (uint32_t i = 0; deadly_pins && i < count; i++)
        if (gfns[i] == frame_that_kills)
            raise(SIGKILL);
    return deadly_under->pin(g, domid, gfns, count, dma);
}

void deadly_begin(uint64_t gfn, void (*wrap)(struct gpu_ops *ops))
{
    size_t size = sizeof(*deadly_table);

    deadly_pins = false;
    frame_that_kills = gfn;
    wrap_more = wrap;
    deadly_table = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(deadly_table, MAP_FAILED);
}

void deadly_end(struct rig *r)
{
    deadly_pins = false;
    teardown(r);
    munmap(deadly_table, sizeof(*deadly_table));
}

void deadly_born(struct rig *r)
{
    gtt_guest_forget(r->g);
    restart_service(r);
    deadly_under = r->gpu->ops;
    wrapped = *deadly_under;
    wrapped.pin = pin;
    if (wrap_more)
        wrap_more(&wrapped);
    r->gpu->ops = &wrapped;
    quarantine_attach(&deadly_quarantine, deadly_table);
    restart_guest(r);
}

bool deadly_dies(struct rig *r, void (*what)(struct rig *r))
{
    pid_t pid = fork();
    int status;

    assert_true(pid >= 0);
    if (!pid) {
        deadly_born(r);
        settle(r);
        what(r);
        settle(r);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) || !WEXITSTATUS(status));
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

void deadly_nothing(struct rig *r)
{
    (void)r;
}

struct quarantine_item deadly_only_item(void)
{
    struct quarantine_item item, other;

    assert_true(quarantine_get(&deadly_quarantine, 0, &item));
    for (unsigned i = 1; i < QUARANTINE_ITEMS; i++)
        assert_false(quarantine_get(&deadly_quarantine, i, &other));
    return item;
}
