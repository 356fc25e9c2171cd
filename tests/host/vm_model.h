/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Around the real mm/ sources: a CPU that accesses user memory through the tables and takes
 * faults, two files, swap in host memory, and a reclaimer that evicts what the test names.
 */
#ifndef VM_MODEL_H
#define VM_MODEL_H

#include <twofold/vm.h>

void model_boot(uint64_t ram);

/* ---- the CPU ---- */
/* Accesses one byte, faulting as often as it takes; mm_fault()'s error, with *sig. */
int cpu_read(struct mm *mm, uint64_t addr, uint8_t *value, struct fault_signal *sig);
int cpu_write(struct mm *mm, uint64_t addr, uint8_t value, struct fault_signal *sig);
extern bool cpu_sets_dirty; /* FEAT_HAFDBS: a clean writable leaf becomes dirty without a fault */
struct mm *model_mm(void);  /* mm_create(), watched by the TLB model; NULL */
struct mm *model_fork(struct mm *mm);

/* ---- files ---- */
enum model_file { FILE_FILLED, FILE_TMPFS, NR_MODEL_FILES };
struct file *model_file(enum model_file which);
struct vm_object *model_object(enum model_file which);
void model_set_size(enum model_file which, uint64_t bytes); /* as ftruncate() */
uint8_t model_file_byte(uint64_t pos);			    /* what FILE_FILLED holds at first */
long model_file_refs(void);				    /* references that areas hold */
void model_drop_files(void);				    /* drops all their pages */

/* ---- swap and reclaim ---- */
/* Evicts the page at an address, to swap if it goes there; false where there is none or it is kept.
 */
bool model_evict(struct mm *mm, uint64_t addr);
extern void (*model_while_writing)(
	void); /* happens between the page being written out and let go */
long model_slots_used(void);
extern bool model_swap_broken; /* reads fail with -EIO */

/* Objects in use of the caches named, summed. */
uint64_t model_objects(const char *const names[], unsigned n);

#endif
