/* SPDX-License-Identifier: MIT */
/*
 * shm.h: the back end for guests that live in files (layout.h), as the rest of the program sees it:
 * one table and the choice of the directory. For machines without a hypervisor: process-level tests
 * run the real services on it. Its name is "shm:DIR".
 */
#pragma once
#include "vmm/vmm.h"

extern const struct vmm_ops vmm_shm_ops;

/* Where the guests are; called once at start, before any handle is opened. -ENAMETOOLONG. */
int shm_select(const char *dir);
