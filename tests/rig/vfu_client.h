/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * The client side of the vfio-user protocol, as much of it as a driver without a virtual machine
 * needs (QEMU's docs/interop/vfio-user.rst). One request at a time, answered before the call
 * returns, posted writes excepted; what was sent takes effect in order. Used by softstub; one
 * thread.
 *
 * Errors: the server's -errno; -ENODEV once it has gone or broken the protocol, and from then on.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VFU_CLIENT_MAX (1u << 20) /* bytes of one read or write */

struct vfu_client;

/* Connects to the socket at path and agrees on a version. */
int vfu_client_new(const char *path, struct vfu_client **out);
void vfu_client_free(struct vfu_client *c);
/* To be watched for the server's end; borrowed. */
int vfu_client_fd(const struct vfu_client *c);

/* It has gone. */
bool vfu_client_broken(const struct vfu_client *c);

int vfu_client_region_size(struct vfu_client *c, uint32_t region, uint64_t *size);
int vfu_client_read(struct vfu_client *c, uint32_t region, uint64_t offset, void *buf,
                    uint32_t len);
int vfu_client_write(struct vfu_client *c, uint32_t region, uint64_t offset, const void *buf,
                     uint32_t len);
/* A write that is not waited for. */
int vfu_client_post(struct vfu_client *c, uint32_t region, uint64_t offset, const void *buf,
                    uint32_t len);
/* The same for plain memory behind a region, where neighbours may be written in one go: kept back
 * until vfu_client_push(), or any other request, which comes after it. */
int vfu_client_gather(struct vfu_client *c, uint32_t region, uint64_t offset, const void *buf,
                      uint32_t len);
int vfu_client_push(struct vfu_client *c);
/* The device reaches [iova, iova + size) at offset of the file, to read and write. fd is borrowed.
 */
int vfu_client_map(struct vfu_client *c, uint64_t iova, uint64_t size, int fd, uint64_t offset);
/* Exactly as it was mapped. */
int vfu_client_unmap(struct vfu_client *c, uint64_t iova, uint64_t size);
/* MSI is signalled on the eventfd, borrowed. */
int vfu_client_msi(struct vfu_client *c, int event);
int vfu_client_reset(struct vfu_client *c);
