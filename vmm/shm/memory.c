/* SPDX-License-Identifier: MIT */
/*
 * memory.c: mapping a guest's frames: neighbours in one piece, the others beside each other in one
 * reserved stretch. gtt's workers call this from several threads: only constants of the handle and
 * the frame bytes are looked at.
 */
#include "vmm/shm/priv.h"

#include <errno.h>
#include <sys/mman.h>

static bool present(struct vmm *v, const uint64_t *gfns, size_t nr)
{
    for (size_t i = 0; i < nr; i++)
        if (gfns[i] >= v->pages ||
            __atomic_load_n(&v->frame[gfns[i]], __ATOMIC_ACQUIRE) & SHM_FRAME_ABSENT)
            return false;
    return true;
}

static size_t run_at(const uint64_t *gfns, size_t left)
{
    size_t n = 1;

    while (n < left && gfns[n] == gfns[0] + n)
        n++;
    return n;
}

void *shm_map(struct vmm *v, const uint64_t *gfns, size_t nr, bool writable)
{
    int prot = PROT_READ | (writable ? PROT_WRITE : 0);
    uint8_t *at;

    if (v->ram_fd < 0 || !nr || !present(v, gfns, nr)) {
        errno = v->ram_fd < 0 ? EPERM : EFAULT;
        return NULL;
    }
    at = mmap(NULL, nr * SHM_PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (at == MAP_FAILED)
        return NULL;
    for (size_t i = 0, n; i < nr; i += n) {
        n = run_at(gfns + i, nr - i);
        if (mmap(at + i * SHM_PAGE, n * SHM_PAGE, prot, MAP_SHARED | MAP_FIXED, v->ram_fd,
                 (off_t)(gfns[i] * SHM_PAGE)) == MAP_FAILED) {
            int saved = errno;

            munmap(at, nr * SHM_PAGE);
            errno = saved;
            return NULL;
        }
    }
    return at;
}

void shm_unmap(struct vmm *v, void *addr, size_t nr)
{
    (void)v;
    munmap(addr, nr * SHM_PAGE);
}
