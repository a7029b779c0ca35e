/* SPDX-License-Identifier: MIT */
/*
 * Fuzz target for the audit of context images. The input is laid over a driver's image, dwords at
 * positions it names, so that it gets past the layout. What passed is harmless after sanitising:
 * no batch resumes and no page directory is the guest's, and it still passes.
 */
#include "gen/ctx_gen8.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void overlay(uint32_t *image, size_t n, const uint8_t *data, size_t size)
{
    /* Two bytes of position, four of value. */
    for (; size >= 6; data += 6, size -= 6) {
        uint32_t at = (data[0] | (uint32_t)data[1] << 8) % (uint32_t)n, value;

        memcpy(&value, data + 2, 4);
        image[at] = value;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ctx_gen8_verdict v;
    struct ctx_gen8_state st;
    enum gen8_engine engine;
    uint32_t *image;
    size_t n;

    if (size < 1)
        return 0;
    engine = (enum gen8_engine)(data[0] % GEN8_ENGINES);
    n = ctx_gen8_dwords(engine);
    image = malloc(n * 4);
    assert(image);
    ctx_gen8_init(engine, image);
    ctx_gen8_set_ring(image, 0x08000000, 0x4000, 0, 0);
    overlay(image, n, data + 1, size - 1);
    if (!ctx_gen8_audit(engine, image, n, &st, &v)) {
        uint32_t *s = image + CTX_GEN8_STATE;

        assert(st.head < st.ring_size && st.tail < st.ring_size && !(st.ring_start & 4095));
        ctx_gen8_sanitise(engine, image);
        assert(!s[CTX_BB_STATE] && !s[CTX_BB_HEAD_LDW] && !s[CTX_BB2_STATE]);
        assert(!ctx_gen8_audit(engine, image, n, &st, &v));
        assert(!st.pdp[0] && !st.pdp[3] && !st.per_ctx && !st.indirect);
    } else {
        assert(v.reason == CTX_BAD_SIZE || v.at <= n);
    }
    free(image);
    return 0;
}
