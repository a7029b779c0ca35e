/* SPDX-License-Identifier: MIT */
/*
 * cs.h: the command streamer: fetch, decode and run commands of one engine's loaded context.
 * Engine's thread only.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#define CS_CMD_MAX 264 /* dwords of a command that a handler may look at */

struct engine;

/* What a handler asks the run loop to do. */
enum cs_result {
    CS_NEXT,  /* go to the following command */
    CS_ARB,   /* the same, and this is an arbitration point */
    CS_JUMP,  /* the handler has set the position itself */
    CS_WAIT,  /* not satisfied yet: run the same command again; arbitration point */
    CS_EVENT, /* the same, but not a reason to switch to another context meanwhile */
    CS_BAD,   /* unknown or malformed: the engine hangs here */
    CS_END,   /* end of a workaround batch */
};

/* Why cs_run() came back. */
enum cs_stop {
    CS_STOP_TAIL,      /* ring is empty */
    CS_STOP_ARBITRATE, /* a new execlist waits and arbitration is allowed here */
    CS_STOP_SWITCH,    /* waits for a semaphore and the context allows switching meanwhile */
    CS_STOP_ATTENTION, /* stop, reset or quit */
    CS_STOP_HANG,
    CS_STOP_END, /* end of a workaround batch */
};

enum cs_level { CS_RING, CS_BATCH, CS_BATCH2, CS_LEVELS };

struct cs {
    enum cs_level level;
    uint64_t ip[CS_LEVELS]; /* ring: offset from its start; batches: address */
    bool ppgtt[CS_LEVELS];  /* batch in the per-process space */
    bool user[CS_LEVELS];   /* batch without privilege */
    uint64_t wa_end;        /* end of an indirect-context batch; 0: until BATCH_BUFFER_END */
    bool in_wa;             /* running a workaround batch */
    bool arb_off;           /* MI_ARB_ON_OFF */
    bool skip;              /* MI_SET_PREDICATE: commands become NOOPs */
    bool again;             /* the command at the position has run and was not satisfied */
    uint64_t loop_addr;     /* of the batch that was last chained to */
    uint64_t loop_commands; /* the engine's count then */
    unsigned loops;         /* times in a row that it was the same, with little done in between */
    uint32_t tail;          /* of the ring, when the fetch buffer was last filled from it */

    /* Display commands (cs_display.c). */
    uint32_t scan_window[3]; /* of each pipe, from MI_LOAD_SCAN_LINES */
    uint32_t frame[3];       /* counted when the wait for a blank began */

    uint64_t cmd_addr; /* of the command in cmd */
    uint32_t cmd[CS_CMD_MAX];
    uint32_t len; /* of the command, dwords */

    uint8_t line[64]; /* fetch buffer */
    uint64_t line_addr;
    bool line_ppgtt, line_valid;
};

/* Forget all positions (reset, context load). */
void cs_init(struct engine *e);
void cs_drop_line(struct engine *e);
/* Run the loaded context. e->lock not held. */
enum cs_stop cs_run(struct engine *e);
/* Run a privileged workaround batch at a GGTT address: size bytes, or until BATCH_BUFFER_END when
 * size is 0. Returns CS_STOP_END when it came to its end. */
enum cs_stop cs_run_wa(struct engine *e, uint64_t addr, uint32_t size);

/* The ring's position, and with it RING_HEAD, moves on by so many dwords. */
void cs_advance_ring(struct engine *e, uint32_t dwords);
/* Where a batch that the running command of len dwords starts comes back to: behind it. */
void cs_leave_behind(struct engine *e, uint32_t len);

/* True when the running command may use privilege (ring, or batch that has it). */
bool cs_privileged(const struct engine *e);

/* Length of a command in dwords, 0 when its opcode is not known on this engine. */
uint32_t cs_length(const struct engine *e, uint32_t header);

/* Register access by a command; addr is the absolute MMIO offset. A write, or read, that a
 * non-privileged batch may not do has no effect and gives false. */
bool cs_reg_write(struct engine *e, uint32_t addr, uint32_t value);
bool cs_reg_read(struct engine *e, uint32_t addr, uint32_t *value);
/* The same without a look at privilege, for context images. */
void cs_reg_write_raw(struct engine *e, uint32_t addr, uint32_t value);
uint32_t cs_reg_read_raw(struct engine *e, uint32_t addr);

typedef enum cs_result (*cs_handler)(struct engine *e, const uint32_t *cmd, uint32_t len);

#define CS_ON(id)     (1u << (id))
#define CS_ON_ALL     ((1u << ENGINE_COUNT) - 1)
#define CS_PRIVILEGED 1u /* becomes a NOOP in a non-privileged batch */
#define CS_GGTT_BIT22 2u /* becomes a NOOP there when bit 22 asks for the global space */

/* One known command. */
struct cs_command {
    const char *name;
    uint32_t len_mask;         /* field in the header; 0: fixed length */
    uint32_t len_min, len_max; /* dwords, inclusive */
    uint8_t engines;
    uint8_t flags;
    cs_handler run; /* NULL: retired by its length */
};

/* Look-ups of the three command types; NULL when the opcode is unknown. */
const struct cs_command *cs_mi_command(const struct engine *e, uint32_t header);
const struct cs_command *cs_blt_command(const struct engine *e, uint32_t header);
const struct cs_command *cs_3d_command(const struct engine *e, uint32_t header);
/* The one of them that the header belongs to. */
const struct cs_command *cs_command(const struct engine *e, uint32_t header);

/* The bit 22 choice of most MI commands: true for per-process addresses. */
static inline bool cs_ppgtt_bit22(uint32_t header)
{
    return !(header & (1u << 22));
}

static inline uint64_t cs_addr(const uint32_t *dw)
{
    return dw[0] | (uint64_t)(dw[1] & 0xffff) << 32;
}
