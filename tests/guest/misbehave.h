/* SPDX-License-Identifier: MIT */
/*
 * misbehave.h: what misbehave.c has of one generation alone. One caller, one thread.
 */
#pragma once
#include "tests/guest/bare.h"

/* Everything wrong that a Haswell is open to; how many things that were. */
unsigned misbehave_gen7(const struct bare *v);
