/* SPDX-License-Identifier: MIT */
/*
 * insn_count.c: a plugin of QEMU's TCG (-plugin insn_count.so,out=PREFIX) that counts the
 * instructions an emulated machine executes, by address, apart from those of guests that it runs
 * itself with SVM. It owns the table; the benchmark "submit" loads it into the machine with Xen and
 * into the one with KVM. A guest in the machine says when by the instruction
 * "nopl 0x74677631(%rax)" (tests/guest/bench_mark.c): counting begins with the first, for it costs
 * time; at each other the table is written to PREFIX.N, N from 0 on, one line "address
 * instructions-of-block instructions" for what was executed outside guests.
 *
 * A block of kernel or hypervisor code has an entry of its own, so that how often a function was
 * called is known: instructions divided by those of the block at its address. User space, which is
 * a different one in each process, has an entry for each page, whose block length is 0.
 *
 * Inside or outside: a processor is in a guest from VMRUN on until it executes the instruction
 * behind it. That of the first mark is in one, and what it does next outside is lost, up to its
 * next VMRUN. Interface: QEMU's for plugins, declared here for lack of a header in Debian's
 * package. Callbacks run in the vCPUs' threads; a count has one writer, the table a lock.
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PLUGIN_API 7 /* the oldest that QEMU 11 takes */
#define VCPUS      8
#define ENTRIES    (1u << 21)
#define PAGE_MASK  0xfffull
#define USER_END   0x0000800000000000ull

struct qemu_info;
struct qemu_plugin_tb;
struct qemu_plugin_insn;
typedef void trans_cb(struct qemu_plugin_tb *tb, void *user);
typedef void plain_cb(void *user);
typedef void exec_cb(unsigned vcpu, void *user);

extern void qemu_plugin_register_vcpu_tb_trans_cb(uint64_t id, trans_cb *cb, void *user);
extern void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *tb, exec_cb *cb, int flags,
                                                 void *user);
extern void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *insn, exec_cb *cb,
                                                   int flags, void *user);
extern void qemu_plugin_reset(uint64_t id, plain_cb *cb, void *user);
extern size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
extern uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *tb);
extern struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t i);
extern size_t qemu_plugin_insn_data(const struct qemu_plugin_insn *insn, void *to, size_t size);
extern size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *insn);
extern uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *insn);
extern void *qemu_plugin_insn_haddr(const struct qemu_plugin_insn *insn);

int qemu_plugin_version = PLUGIN_API;
int qemu_plugin_install(uint64_t id, const struct qemu_info *info, int argc, char **argv);

struct entry {
    uint64_t address;
    uint64_t length;       /* of the block, in instructions; 0: a page of user space */
    uint64_t count[VCPUS]; /* instructions outside guests */
};

/* One translation; QEMU never says that it has dropped one, so they stay. */
struct block {
    struct entry *entry;
    uint64_t address;
    uintptr_t at; /* the same, in this process: two programs may have an address in common */
    unsigned length;
};

struct processor {
    bool in_guest;
    uint64_t resume;
    uintptr_t resume_at;
};

static const uint8_t vmrun[] = {0x0f, 0x01, 0xd8};
static const uint8_t mark[] = {0x0f, 0x1f, 0x80, 0x31, 0x76, 0x67, 0x74};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct entry *table;
static unsigned used, marks;
static struct processor processors[VCPUS];
static char prefix[4096];
static uint64_t plugin;
static _Atomic bool begun;

static bool is(const struct qemu_plugin_insn *insn, const uint8_t *bytes, size_t size)
{
    uint8_t data[16];

    return qemu_plugin_insn_size(insn) == size &&
           qemu_plugin_insn_data(insn, data, sizeof(data)) == size && !memcmp(data, bytes, size);
}

/* Open addressing; entries are never taken out. The lock is held. */
static struct entry *entry_of(uint64_t address, uint64_t length)
{
    uint64_t hash = (address ^ length << 52) * 0x9e3779b97f4a7c15ull;

    for (unsigned i = (unsigned)(hash >> 43);; i++) {
        struct entry *e = &table[i % ENTRIES];

        if (e->address == address && e->length == length)
            return e;
        if (e->address)
            continue;
        if (++used > ENTRIES / 4 * 3) {
            fprintf(stderr, "insn_count: too much code for the table\n");
            abort();
        }
        e->address = address;
        e->length = length;
        return e;
    }
}

static void on_block(unsigned vcpu, void *user)
{
    struct block *b = user;
    struct processor *p = &processors[vcpu % VCPUS];

    if (p->in_guest) {
        if (b->address != p->resume || b->at != p->resume_at)
            return;
        p->in_guest = false;
    }
    b->entry->count[vcpu % VCPUS] += b->length;
}

/* The user's pointer is where VMRUN is, in this process. */
static void on_vmrun(unsigned vcpu, void *user)
{
    struct block *b = user;
    struct processor *p = &processors[vcpu % VCPUS];

    p->resume = b->address;
    p->resume_at = b->at;
    p->in_guest = true;
}

static void on_mark(unsigned vcpu, void *user)
{
    char name[sizeof(prefix) + 16];
    FILE *f;

    (void)vcpu, (void)user;
    pthread_mutex_lock(&lock);
    snprintf(name, sizeof(name), "%s.%u", prefix, marks++);
    f = fopen(name, "w");
    for (unsigned i = 0; f && i < ENTRIES; i++) {
        uint64_t sum = 0;

        for (unsigned v = 0; v < VCPUS; v++)
            sum += *(volatile uint64_t *)&table[i].count[v];
        if (sum)
            fprintf(f, "%016" PRIx64 " %" PRIu64 " %" PRIu64 "\n", table[i].address,
                    table[i].length, sum);
    }
    if (!f || fclose(f))
        fprintf(stderr, "insn_count: cannot write %s\n", name);
    pthread_mutex_unlock(&lock);
}

static void on_translation(struct qemu_plugin_tb *tb, void *user);

/* All translations are gone. */
static void begin(void *user)
{
    (void)user;
    qemu_plugin_register_vcpu_tb_trans_cb(plugin, on_translation, NULL);
}

static void on_first_mark(unsigned vcpu, void *user)
{
    (void)user;
    if (begun)
        return;
    begun = true;
    processors[vcpu % VCPUS].in_guest = true;
    qemu_plugin_reset(plugin, begin, NULL);
}

static struct block *block_new(uint64_t address, uintptr_t at, unsigned length)
{
    struct block *b = calloc(1, sizeof(*b));

    if (!b)
        abort();
    b->address = address;
    b->at = at;
    b->length = length;
    return b;
}

static void look_at(struct qemu_plugin_insn *insn)
{
    if (is(insn, mark, sizeof(mark)))
        qemu_plugin_register_vcpu_insn_exec_cb(insn, on_mark, 0, NULL);
    if (is(insn, vmrun, sizeof(vmrun))) {
        struct block *b = block_new(qemu_plugin_insn_vaddr(insn) + sizeof(vmrun),
                                    (uintptr_t)qemu_plugin_insn_haddr(insn) + sizeof(vmrun), 0);

        qemu_plugin_register_vcpu_insn_exec_cb(insn, on_vmrun, 0, b);
    }
}

static void on_translation(struct qemu_plugin_tb *tb, void *user)
{
    uint64_t address = qemu_plugin_tb_vaddr(tb);
    unsigned length = (unsigned)qemu_plugin_tb_n_insns(tb);
    bool paged = address < USER_END;
    struct block *b;

    (void)user;
    b = block_new(address, (uintptr_t)qemu_plugin_insn_haddr(qemu_plugin_tb_get_insn(tb, 0)),
                  length);
    pthread_mutex_lock(&lock);
    b->entry = paged ? entry_of((address & ~PAGE_MASK) | 1, 0) : entry_of(address, length);
    pthread_mutex_unlock(&lock);
    qemu_plugin_register_vcpu_tb_exec_cb(tb, on_block, 0, b);
    for (unsigned i = 0; i < length; i++)
        look_at(qemu_plugin_tb_get_insn(tb, i));
}

static void on_early_translation(struct qemu_plugin_tb *tb, void *user)
{
    (void)user;
    for (size_t i = 0; i < qemu_plugin_tb_n_insns(tb); i++)
        if (is(qemu_plugin_tb_get_insn(tb, i), mark, sizeof(mark)))
            qemu_plugin_register_vcpu_insn_exec_cb(qemu_plugin_tb_get_insn(tb, i), on_first_mark, 0,
                                                   NULL);
}

int qemu_plugin_install(uint64_t id, const struct qemu_info *info, int argc, char **argv)
{
    (void)info;
    if (argc != 1 || strncmp(argv[0], "out=", 4) != 0) {
        fprintf(stderr, "insn_count: out=PREFIX is missing\n");
        return -1;
    }
    snprintf(prefix, sizeof(prefix), "%s", argv[0] + 4);
    table = calloc(ENTRIES, sizeof(*table));
    if (!table)
        return -1;
    plugin = id;
    qemu_plugin_register_vcpu_tb_trans_cb(id, on_early_translation, NULL);
    return 0;
}
