/* SPDX-License-Identifier: MIT */
/*
 * softgpu_client_rig.h: a vfio-user client by hand, for tests that meet softgpu at its socket:
 * connects, sends requests, takes answers. Everything waits at most RIG_DEADLINE_MS; what goes
 * wrong fails the test. The test's thread.
 */
#pragma once
#include <stdint.h>

#define RIG_DEADLINE_MS 20000

/* Connects as soon as somebody listens there. */
int client_connect(const char *path);
/* One request. flags: VFU_NO_REPLY or 0. */
void client_send(int fd, uint16_t command, uint32_t flags, const void *body, uint32_t len);
/* The next answer, whose body has to fit into room; its error number, 0 for success. */
uint32_t client_reply(int fd, void *body, uint32_t room);
/* Both. */
uint32_t client_ask(int fd, uint16_t command, const void *body, uint32_t len, void *reply,
                    uint32_t room);
/* VERSION, as a client that knows nothing more. */
void client_agree(int fd);
/* One dword of a region. */
uint32_t client_read32(int fd, uint32_t region, uint64_t offset);
/* The other end closes the connection, with whatever it sends before. */
void client_dropped(int fd);
