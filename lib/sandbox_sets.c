/* SPDX-License-Identifier: MIT */
/*
 * sandbox_sets.c: the lists that several services share; see sandbox.h. A call stands here because
 * the library named beside it, or our own code, makes it.
 */
#include "lib/sandbox.h"

#include "kmod-stub/vgt_stub.h"

#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <xen/xen.h>
/* its types are needed by the next */
#include <xen/sys/evtchn.h>
#include <xen/sys/gntalloc.h>
#include <xen/sys/gntdev.h>
#include <xen/sys/privcmd.h>

static const struct sandbox_rule base[] = {
    /* the loop */
    SANDBOX_CALL(epoll_wait), SANDBOX_CALL(epoll_pwait), SANDBOX_CALL(epoll_ctl),
    SANDBOX_CALL(timerfd_create), SANDBOX_CALL(timerfd_settime), SANDBOX_CALL(eventfd2),
    SANDBOX_CALL(read), SANDBOX_CALL(write), SANDBOX_CALL(readv), SANDBOX_CALL(writev),
    SANDBOX_CALL(pread64), SANDBOX_CALL(poll), SANDBOX_CALL(ppoll), SANDBOX_CALL(close),
    SANDBOX_CALL(fstat), SANDBOX_CALL(newfstatat), SANDBOX_CALL(lseek),
    SANDBOX_IS(fcntl, 1, F_GETFD), SANDBOX_IS(fcntl, 1, F_SETFD), SANDBOX_IS(fcntl, 1, F_GETFL),
    SANDBOX_IS(fcntl, 1, F_GET_SEALS), SANDBOX_IS(fcntl, 1, F_DUPFD_CLOEXEC),
    /* O_NONBLOCK stays: an eventfd's flags are shared with the peer, whom a wake must not block */
    SANDBOX_IF(fcntl, 1, F_SETFL, 2, O_NONBLOCK | O_ASYNC, O_NONBLOCK),
    /* memory */
    SANDBOX_NOT(mmap, 2, PROT_EXEC), SANDBOX_NOT(mprotect, 2, PROT_EXEC), SANDBOX_CALL(munmap),
    SANDBOX_CALL(mremap), SANDBOX_CALL(madvise), SANDBOX_CALL(brk),
    /* threads that are there, liburcu */
    SANDBOX_CALL(futex), SANDBOX_CALL(membarrier), SANDBOX_CALL(sched_yield), SANDBOX_CALL(getcpu),
    SANDBOX_CALL(restart_syscall),
    /* time, chance, who we are */
    SANDBOX_CALL(clock_gettime), SANDBOX_CALL(clock_nanosleep), SANDBOX_CALL(nanosleep),
    SANDBOX_CALL(gettimeofday), SANDBOX_CALL(time), SANDBOX_CALL(getrandom), SANDBOX_CALL(getpid),
    SANDBOX_CALL(gettid), SANDBOX_CALL(getuid), SANDBOX_CALL(geteuid), SANDBOX_CALL(getgid),
    SANDBOX_CALL(getegid), SANDBOX_CALL(sysinfo), /* qsort() asks how much memory there is */
    SANDBOX_NOT(prlimit64, 2, UINT64_MAX),        /* ask, not set */
    /* signals and the end */
    SANDBOX_CALL(rt_sigaction), SANDBOX_CALL(rt_sigprocmask), SANDBOX_CALL(rt_sigreturn),
    SANDBOX_CALL(exit), SANDBOX_CALL(exit_group),
    SANDBOX_IS(fcntl, 1, F_OFD_GETLK), /* vmm/shm: is a guest's process alive */
    SANDBOX_IOCTL(TCGETS),             /* isatty() of Xen's loggers */
};
const struct sandbox_set sandbox_base = SANDBOX_SET(base);

static const struct sandbox_rule unix_sockets[] = {
    SANDBOX_CALL(connect),     SANDBOX_IS(socket, 0, AF_UNIX), SANDBOX_CALL(sendmsg),
    SANDBOX_CALL(recvmsg),     SANDBOX_CALL(sendto),           SANDBOX_CALL(recvfrom),
    SANDBOX_CALL(getsockopt),  SANDBOX_CALL(setsockopt),       SANDBOX_CALL(shutdown),
    SANDBOX_CALL(getsockname), SANDBOX_CALL(getpeername),
};
const struct sandbox_set sandbox_unix = SANDBOX_SET(unix_sockets);

static const struct sandbox_rule open_files[] = {
    SANDBOX_NOT(openat, 2, O_CREAT | O_TRUNC | (O_TMPFILE & ~O_DIRECTORY)),
    SANDBOX_CALL(getdents64), SANDBOX_CALL(readlink),
    SANDBOX_CALL(access), /* libxenstore looks which way to xenstored there is */
};
const struct sandbox_set sandbox_open = SANDBOX_SET(open_files);

/* All of these make a thread, which no namespace flag can go with. */
#define THREAD_BITS (CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD)
static const struct sandbox_rule threads[] = {
    SANDBOX_WHERE(clone, 0, THREAD_BITS, THREAD_BITS),
    SANDBOX_IS(prctl, 0, PR_SET_NAME),
    SANDBOX_CALL(set_robust_list),
    SANDBOX_CALL(rseq),
    SANDBOX_CALL(sched_getaffinity),
    SANDBOX_CALL(sigaltstack),
};
const struct sandbox_set sandbox_threads = SANDBOX_SET(threads);

static const struct sandbox_rule xen_memory[] = {
    SANDBOX_IOCTL(IOCTL_PRIVCMD_HYPERCALL),
    SANDBOX_IOCTL(IOCTL_PRIVCMD_MMAPBATCH_V2),
    SANDBOX_IOCTL(IOCTL_PRIVCMD_MMAPBATCH), /* libxenforeignmemory, if V2 says EINVAL */
    SANDBOX_IOCTL(IOCTL_PRIVCMD_DM_OP),
    SANDBOX_IOCTL(IOCTL_PRIVCMD_MMAP_RESOURCE),
    SANDBOX_IOCTL(IOCTL_PRIVCMD_RESTRICT),
    SANDBOX_IOCTL(IOCTL_PRIVCMD_UNIMPLEMENTED),
    SANDBOX_CALL(mlock),
    SANDBOX_CALL(munlock),
};
const struct sandbox_set sandbox_xen_memory = SANDBOX_SET(xen_memory);

static const struct sandbox_rule xen_events[] = {
    SANDBOX_IOCTL(IOCTL_EVTCHN_BIND_INTERDOMAIN), SANDBOX_IOCTL(IOCTL_EVTCHN_BIND_UNBOUND_PORT),
    SANDBOX_IOCTL(IOCTL_EVTCHN_UNBIND),           SANDBOX_IOCTL(IOCTL_EVTCHN_NOTIFY),
    SANDBOX_IOCTL(IOCTL_EVTCHN_RESTRICT_DOMID),
};
const struct sandbox_set sandbox_xen_events = SANDBOX_SET(xen_events);

/* libxenvchan; libxenstore makes a pipe for its watches. */
static const struct sandbox_rule xen_grants[] = {
    SANDBOX_IOCTL(IOCTL_GNTDEV_MAP_GRANT_REF),
    SANDBOX_IOCTL(IOCTL_GNTDEV_UNMAP_GRANT_REF),
    SANDBOX_IOCTL(IOCTL_GNTDEV_GET_OFFSET_FOR_VADDR),
    SANDBOX_IOCTL(IOCTL_GNTDEV_SET_UNMAP_NOTIFY),
    SANDBOX_IOCTL(IOCTL_GNTALLOC_ALLOC_GREF),
    SANDBOX_IOCTL(IOCTL_GNTALLOC_DEALLOC_GREF),
    SANDBOX_IOCTL(IOCTL_GNTALLOC_SET_UNMAP_NOTIFY),
    SANDBOX_CALL(pipe),
    SANDBOX_CALL(pipe2),
};
const struct sandbox_set sandbox_xen_grants = SANDBOX_SET(xen_grants);

static const struct sandbox_rule row[] = {
    SANDBOX_IOCTL(VGT_IOC_INFO),      SANDBOX_IOCTL(VGT_IOC_REG),
    SANDBOX_IOCTL(VGT_IOC_DMA_ALLOC), SANDBOX_IOCTL(VGT_IOC_DMA_FREE),
    SANDBOX_IOCTL(VGT_IOC_DMA_QUERY), SANDBOX_IOCTL(VGT_IOC_DMA_LIST),
};
const struct sandbox_set sandbox_row = SANDBOX_SET(row);

static const struct sandbox_rule row_interrupts[] = {
    SANDBOX_IOCTL(VGT_IOC_IRQ_EVENTFD),
    SANDBOX_IOCTL(VGT_IOC_IRQ_SET),
    SANDBOX_IOCTL(VGT_IOC_IRQ_GET),
    SANDBOX_IOCTL(VGT_IOC_IRQ_FETCH),
};
const struct sandbox_set sandbox_row_interrupts = SANDBOX_SET(row_interrupts);
