/* SPDX-License-Identifier: MIT */
/*
 * shm.c: handles of the shm back end: which files are opened for which kind, what is checked before
 * they are believed, locks, pausing and killing; and the table. Called through vmm_find().
 */
#include "vmm/shm/priv.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define BARRIER_NS 1000000000ull

/* Which machine this process runs on: the seam's calls name only a domain. Set once at start. */
static char machine[PATH_MAX - 64];

int shm_select(const char *dir)
{
    if (strlen(dir) >= sizeof machine)
        return -ENAMETOOLONG;
    strcpy(machine, dir);
    return 0;
}

void shm_wake(uint32_t *word)
{
    syscall(SYS_futex, word, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

static int open_file(uint32_t domid, const char *name, int flags)
{
    char path[PATH_MAX];
    int fd;

    snprintf(path, sizeof path, "%s/%u/%s", machine, domid, name);
    fd = open(path, flags | O_CLOEXEC);
    if (fd >= 0)
        return fd;
    return errno == ENOENT ? -ESRCH : -errno;
}

static uint64_t bytes_of(int fd)
{
    struct stat st;

    return fstat(fd, &st) ? 0 : (uint64_t)st.st_size;
}

/* The header is read once; sizes count for this handle from here on. */
static int check_state(struct vmm *v, uint32_t domid)
{
    const volatile struct shm_guest *g = v->g;
    uint64_t pages = g->pages;
    uint32_t vcpus = g->nr_vcpus;

    if (g->magic != SHM_MAGIC || g->version != SHM_VERSION || g->domid != domid)
        return -EBADMSG;
    if (!pages || pages > SHM_MAX_PAGES || !vcpus || vcpus > VMM_MAX_VCPUS)
        return -EBADMSG;
    if (v->bytes < shm_state_bytes(pages))
        return -EBADMSG;
    v->pages = pages;
    v->nr_vcpus = (uint16_t)vcpus;
    return 0;
}

static int map_state(struct vmm *v, uint32_t domid)
{
    v->state_fd = open_file(domid, "state", O_RDWR);
    if (v->state_fd < 0)
        return v->state_fd;
    v->bytes = bytes_of(v->state_fd);
    if (v->bytes <= SHM_FRAMES_AT || v->bytes > shm_state_bytes(SHM_MAX_PAGES))
        return -EBADMSG;
    v->g = mmap(NULL, v->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, v->state_fd, 0);
    if (v->g == MAP_FAILED) {
        v->g = NULL;
        return -errno;
    }
    v->frame = (uint8_t *)v->g + SHM_FRAMES_AT;
    return check_state(v, domid);
}

static int open_ram(struct vmm *v, uint32_t domid)
{
    v->ram_fd = open_file(domid, "ram", O_RDWR);
    if (v->ram_fd < 0)
        return v->ram_fd;
    return bytes_of(v->ram_fd) < v->pages * SHM_PAGE ? -EBADMSG : 0;
}

static struct flock lock_at(int byte)
{
    return (struct flock){
        .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1, .l_pid = 0};
}

static int claim(struct vmm *v)
{
    struct flock lock = lock_at(SHM_LOCK_DEVICE);

    if (!fcntl(v->state_fd, F_OFD_SETLK, &lock))
        return 0;
    return errno == EAGAIN || errno == EACCES ? -EBUSY : -errno;
}

bool shm_gone(struct vmm *v)
{
    struct flock lock = lock_at(SHM_LOCK_LIFE);

    if (__atomic_load_n(&v->g->killed, __ATOMIC_ACQUIRE))
        return true;
    return !fcntl(v->state_fd, F_OFD_GETLK, &lock) && lock.l_type == F_UNLCK;
}

static int shm_alive(struct vmm *v)
{
    return shm_gone(v) ? -ESHUTDOWN : 0;
}

static void shm_close(struct vmm *v)
{
    if (v->g)
        munmap(v->g, v->bytes);
    if (v->wake_fd >= 0)
        close(v->wake_fd);
    if (v->ram_fd >= 0)
        close(v->ram_fd);
    if (v->state_fd >= 0)
        close(v->state_fd);
    release_free(&v->release);
    free(v);
}

static int new_handle(uint32_t domid, enum shm_handle kind, struct vmm **out)
{
    struct vmm *v = calloc(1, sizeof *v);
    int rc;

    if (!v)
        return -ENOMEM;
    v->kind = kind;
    v->state_fd = v->ram_fd = v->wake_fd = -1;
    rc = map_state(v, domid);
    if (!rc && kind != SHM_CONTROL)
        rc = open_ram(v, domid);
    if (rc)
        shm_close(v);
    else
        *out = v;
    return rc;
}

static int set_up_device(struct vmm *v, uint32_t domid, uint16_t nr_vcpus, struct vmm_resume *keep)
{
    bool resumed = keep->claimed;
    int rc = nr_vcpus > v->nr_vcpus ? -EINVAL : claim(v);

    if (rc)
        return rc;
    if (nr_vcpus)
        v->nr_vcpus = nr_vcpus;
    v->keep = keep;
    v->wake_fd = open_file(domid, "wake", O_RDWR | O_NONBLOCK);
    if (v->wake_fd < 0)
        return v->wake_fd;
    shm_restore_ranges(v);
    keep->claimed = keep->ready = 1;
    shm_pick_up(v, resumed);
    return 0;
}

static int shm_open_device(uint32_t domid, uint16_t nr_vcpus, struct vmm_resume *keep,
                           struct vmm **out)
{
    struct vmm *v;
    int rc = new_handle(domid, SHM_DEVICE, &v);

    if (rc)
        return rc;
    rc = set_up_device(v, domid, nr_vcpus, keep);
    if (rc)
        shm_close(v);
    else
        *out = v;
    return rc;
}

static int shm_open_memory(uint32_t domid, struct vmm **out)
{
    return new_handle(domid, SHM_MEMORY, out);
}

static int shm_open_control(uint32_t domid, struct vmm **out)
{
    return new_handle(domid, SHM_CONTROL, out);
}

static uint64_t now_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* One whose slot is taken waits for the emulator and looks at everything anew after the answer. */
static bool moves(struct shm_slot *s, uint32_t inside)
{
    return __atomic_load_n(&s->inside, __ATOMIC_SEQ_CST) == inside &&
           __atomic_load_n(&s->state, __ATOMIC_ACQUIRE) == SHM_FREE;
}

int shm_barrier(struct vmm *v)
{
    uint64_t limit = now_ns() + BARRIER_NS;

    for (uint16_t i = 0; i < v->nr_vcpus; i++) {
        struct shm_slot *s = &v->g->slot[i];
        uint32_t inside = __atomic_load_n(&s->inside, __ATOMIC_SEQ_CST);

        while (inside & 1 && moves(s, inside)) {
            if (now_ns() > limit)
                return shm_gone(v) ? 0 : -ETIMEDOUT;
            sched_yield();
        }
    }
    return 0;
}

static int shm_inject_msi(struct vmm *v, uint64_t msi_addr, uint32_t msi_data)
{
    struct shm_guest *g = v->g;
    uint32_t tail, waiting;

    if (v->kind != SHM_DEVICE)
        return -EPERM;
    tail = __atomic_load_n(&g->msi_tail, __ATOMIC_RELAXED);
    waiting = tail - __atomic_load_n(&g->msi_head, __ATOMIC_ACQUIRE);
    if (waiting >= SHM_MSIS) {
        /* A vector that is pending cannot become more so. Its guest is far behind, or lies. */
        __atomic_fetch_add(&g->msi_merged, 1, __ATOMIC_RELAXED);
        return 0;
    }
    g->msi[tail % SHM_MSIS] = (struct shm_msi){.addr = msi_addr, .data = msi_data};
    __atomic_store_n(&g->msi_tail, tail + 1, __ATOMIC_RELEASE);
    shm_wake(&g->msi_tail);
    return 0;
}

static int shm_pause(struct vmm *v, bool on)
{
    if (v->kind != SHM_CONTROL)
        return -EPERM;
    __atomic_store_n(&v->g->paused, on, __ATOMIC_SEQ_CST);
    if (on)
        return shm_barrier(v);
    shm_wake(&v->g->paused);
    return 0;
}

static int shm_kill(struct vmm *v, const char *why)
{
    struct shm_guest *g = v->g;

    if (v->kind == SHM_MEMORY)
        return -EPERM;
    snprintf(g->why, sizeof g->why, "%s", *why ? why : "no reason given");
    __atomic_store_n(&g->killed, 1, __ATOMIC_SEQ_CST);
    shm_wake(&g->paused);
    shm_wake(&g->msi_tail);
    for (uint16_t i = 0; i < v->nr_vcpus; i++)
        shm_wake(&g->slot[i].state);
    return 0;
}

const struct vmm_ops vmm_shm_ops = {
    .name = "shm",
    .open_device = shm_open_device,
    .open_memory = shm_open_memory,
    .open_control = shm_open_control,
    .close = shm_close,
    .fd = shm_fd,
    .next = shm_next,
    .complete = shm_complete,
    .alive = shm_alive,
    .trap = shm_trap,
    .protect = shm_protect,
    .settle = shm_settle,
    .map = shm_map,
    .unmap = shm_unmap,
    .inject_msi = shm_inject_msi,
    .map_machine = shm_map_machine,
    .pause = shm_pause,
    .kill = shm_kill,
};
