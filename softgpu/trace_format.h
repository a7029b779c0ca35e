/* SPDX-License-Identifier: MIT */
/*
 * trace_format.h: the file that softgpu --trace writes and softgpu-trace reads: what a record
 * holds and how it stands in the file. Pure functions; any thread.
 *
 * The file is a header and blocks; all fixed fields are little endian. A block has a header with a
 * checksum and records whose numbers are variable-length (7 bits a byte, low ones first) and mostly
 * differences to the record before, of the same source where that is likelier to be near. The
 * differences begin anew with every block, so a block can be read without the ones before it.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TRACE_MAGIC       "SGPUTRC"   /* with its NUL the first 8 bytes */
#define TRACE_BLOCK_MAGIC 0x4b4c4254u /* "TBLK" */
#define TRACE_VERSION     1u
#define TRACE_HEADER_SIZE 40u
#define TRACE_BLOCK_SIZE  32u        /* of a block's header */
#define TRACE_BLOCK_MAX   (1u << 18) /* bytes of records in one block */
#define TRACE_RECORD_MAX  192u       /* bytes of one encoded record */
#define TRACE_DWORDS      16u        /* of a command, at most so many are kept */

/* Who caused a record: an engine (enum engine_id up to 3, then
 * TRACE_VCS2), or the client's CPU and the device itself. The
 * numbers are the file's. */
#define TRACE_CPU     4u
#define TRACE_VCS2    5u
#define TRACE_SOURCES 6u

/* The numbers are the file's: new kinds are added at the end. */
enum trace_kind {
    TRACE_REG_READ = 1, /* addr, len bytes, value, flags */
    TRACE_REG_WRITE,
    TRACE_CONFIG_READ, /* addr, len bytes, value: of the first 8 at most */
    TRACE_CONFIG_WRITE,
    TRACE_GTT_READ, /* addr from the start of the GTT half, len, value */
    TRACE_GTT_WRITE,
    TRACE_APERTURE_READ, /* addr, len, value: of the first 8 bytes at most */
    TRACE_APERTURE_WRITE,
    TRACE_COMMAND,     /* ctx, lrca, addr, flags, len dwords, dw[ndw] */
    TRACE_BATCH_START, /* ctx, lrca, addr of the batch, flags */
    TRACE_BATCH_END,   /* ctx, lrca, addr of the command that ended it, flags */
    TRACE_CTX_LOAD,    /* ctx, lrca, addr: START + HEAD of the ring, value: descriptor */
    TRACE_CTX_SAVE,    /* ctx, lrca, addr: START + HEAD of the ring */
    TRACE_CTX_EVENT,   /* ctx, value: status, as in the context status buffer */
    TRACE_IRQ_RAISE,   /* addr: ISR of the bank, value: bits, flags */
    TRACE_IRQ_DELIVER, /* value: enum irq_line */
    TRACE_RESET_ASKED, /* of an engine; source TRACE_CPU: the function */
    TRACE_RESET_DONE,
    TRACE_HANG, /* ctx, lrca, addr, value: header of the command it hangs on */
    TRACE_KINDS
};

/* What may be switched on and off; bits. */
#define TRACE_REGS      (1u << 0)
#define TRACE_CONFIG    (1u << 1)
#define TRACE_GTT       (1u << 2)
#define TRACE_APERTURE  (1u << 3)
#define TRACE_COMMANDS  (1u << 4)
#define TRACE_BATCHES   (1u << 5)
#define TRACE_CONTEXTS  (1u << 6)
#define TRACE_IRQS      (1u << 7)
#define TRACE_RESETS    (1u << 8) /* and hangs */
#define TRACE_EVERY     0x1ffu
#define TRACE_BY_CHOICE (TRACE_GTT | TRACE_APERTURE) /* only when asked for */

#define TRACE_F_PPGTT   (1u << 0) /* addr is a per-process one */
#define TRACE_F_WA      (1u << 1) /* in, or is, a workaround batch */
#define TRACE_F_SKIPPED (1u << 2) /* retired without effect: unprivileged, predicated */
#define TRACE_F_SECOND  (1u << 3) /* second-level batch */
#define TRACE_F_CHAINED (1u << 4) /* a batch start that does not come back */
#define TRACE_F_DENIED  (1u << 5) /* register access without privilege: no effect */
#define TRACE_F_MASKED  (1u << 6) /* interrupt stopped by the bank's mask */

struct trace_record {
    uint64_t seq;     /* place in the log, from 0 */
    uint64_t time_ns; /* CLOCK_MONOTONIC */
    uint8_t kind;     /* enum trace_kind */
    uint8_t source;   /* below TRACE_SOURCES */
    uint8_t ndw;
    uint32_t ctx;  /* context id of the descriptor */
    uint32_t lrca; /* GGTT address of the context image */
    uint32_t len;
    uint32_t flags; /* TRACE_F_ */
    uint64_t addr, value;
    uint32_t dw[TRACE_DWORDS];
};

struct trace_header {
    uint32_t classes;      /* that were switched on */
    uint64_t realtime_ns;  /* when the log began, by CLOCK_REALTIME */
    uint64_t monotonic_ns; /* and CLOCK_MONOTONIC */
};

struct trace_block {
    uint32_t bytes, records;
    uint64_t first; /* seq of the first record */
    uint64_t time_ns;
};

/* What differences are taken against. */
struct trace_codec {
    uint64_t time_ns;
    struct {
        uint64_t addr;
        uint32_t ctx, lrca;
    } last[TRACE_SOURCES];
};

/* Name of a kind and its class; NULL and 0 when there is no such kind. */
const char *trace_kind_name(unsigned kind);
unsigned trace_kind_class(unsigned kind);
/* True when the kind has these numbers. */
bool trace_kind_has_addr(unsigned kind);
bool trace_kind_has_ctx(unsigned kind);
const char *trace_source_name(unsigned source);
/* Bit of a class by its name ("reg", "config", ...), 0 when there is none; the i-th name or NULL.
 */
unsigned trace_class(const char *name);
const char *trace_class_name(unsigned i);

void trace_codec_begin(struct trace_codec *c, uint64_t time_ns);
/* Bytes written to buf, which has room for TRACE_RECORD_MAX. seq is not part of it. */
size_t trace_encode(struct trace_codec *c, const struct trace_record *r, uint8_t *buf);
/* Bytes taken from buf; 0 when they are no record or end too early. */
size_t trace_decode(struct trace_codec *c, struct trace_record *r, const uint8_t *buf, size_t len);

void trace_header_encode(const struct trace_header *h, uint8_t buf[TRACE_HEADER_SIZE]);
/* 0, -EINVAL: no such file, -ENOTSUP: another version, put into *version, -EBADMSG: damaged. */
int trace_header_decode(struct trace_header *h, const uint8_t buf[TRACE_HEADER_SIZE],
                        unsigned *version);
/* records: bytes of them, for the checksum. */
void trace_block_encode(const struct trace_block *b, const uint8_t *records,
                        uint8_t buf[TRACE_BLOCK_SIZE]);
/* 0, or -EBADMSG when this is no block's header. */
int trace_block_decode(struct trace_block *b, const uint8_t buf[TRACE_BLOCK_SIZE]);
/* The records are the ones the header was written for. */
bool trace_block_intact(const uint8_t buf[TRACE_BLOCK_SIZE], const uint8_t *records, size_t bytes);
