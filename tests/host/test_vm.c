// SPDX-License-Identifier: BSD-2-Clause
/*
 * Address spaces against a byte-level shadow. The real mm/ sources run; what is memory to a program
 * is compared with what plain arrays say it should be, through fork, copy-on-write, eviction, and
 * with allocations failing one after another.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <linux/fcntl.h>
#include <linux/mman.h>
#include <twofold/errno.h>
#include <twofold/fs.h>
#include <twofold/log.h>

#include "shim.h"
#include "tlb_model.h"
#include "vm_model.h"

#define BASE 0x10000000000ull
#define PAGES 160u
#define PROCS 5u
#define FILE_PAGES 64u
#define RWX (PROT_READ | PROT_WRITE | PROT_EXEC)

/* ---- the shadow ---- */

/* A page's contents; NULL: zeros. Shared by pointer: `cow` users copy before they write. */
struct bytes {
	unsigned refs;
	uint8_t at[PAGE_SIZE];
};

struct shadow_page {
	bool mapped, shared;
	uint8_t prot;
	int file; /* or -1 */
	uint32_t file_page;
	struct bytes **home; /* shared memory: where all find it */
	struct bytes *own;   /* private: what was written, or NULL */
};

static struct proc {
	struct mm *mm;
	struct shadow_page pages[PAGES];
} procs[PROCS];

static struct bytes *file_bytes[NR_MODEL_FILES][FILE_PAGES];
static uint64_t file_pages[NR_MODEL_FILES];
/* Shared anonymous memory: each mapping makes a row. */
static struct bytes *shared_bytes[4096][PAGES];
static unsigned nr_shared;

static struct bytes *new_bytes(void)
{
	struct bytes *b = calloc(1, sizeof(*b));

	b->refs = 1;
	return b;
}

static void put_bytes(struct bytes *b)
{
	if (b && --b->refs == 0)
		free(b);
}

static uint64_t page_addr(unsigned i)
{
	return BASE + i * PAGE_SIZE;
}

static void shadow_unmap(struct shadow_page *p)
{
	put_bytes(p->own);
	*p = (struct shadow_page){.file = -1};
}

static uint8_t initial(const struct shadow_page *p, unsigned off)
{
	return p->file == FILE_FILLED
		       ? model_file_byte(((uint64_t)p->file_page << PAGE_SHIFT) + off)
		       : 0;
}

static uint8_t shadow_read(const struct shadow_page *p, unsigned off)
{
	if (p->own)
		return p->own->at[off];
	if (p->home && *p->home)
		return (*p->home)->at[off];
	return initial(p, off);
}

static void shadow_write(struct shadow_page *p, unsigned off, uint8_t value)
{
	struct bytes *b = p->shared ? *p->home : p->own, *copy;

	if (!b || (!p->shared && b->refs > 1)) {
		copy = new_bytes();
		for (unsigned i = 0; i < PAGE_SIZE; i++)
			copy->at[i] = shadow_read(p, i);
		if (p->shared) {
			*p->home = copy;
		} else {
			put_bytes(p->own);
			p->own = copy;
		}
		b = copy;
	}
	b->at[off] = value;
}

static bool past_file(const struct shadow_page *p)
{
	return p->file >= 0 && p->file_page >= file_pages[p->file];
}

/* What an access should end in: 0, or a signal and code. */
static int expected_signal(const struct shadow_page *p, bool write, int *code)
{
	if (!p->mapped) {
		*code = SEGV_MAPERR;
		return SIGSEGV;
	}
	if (write ? !(p->prot & PROT_WRITE) : !p->prot) {
		*code = SEGV_ACCERR;
		return SIGSEGV;
	}
	*code = BUS_ADRERR;
	return past_file(p) ? SIGBUS : 0;
}

/* ---- accesses, checked ---- */

static void check_signal(int err, const struct fault_signal *sig, int signo, int code)
{
	assert_int_equal(err, -EFAULT);
	assert_int_equal(sig->signo, signo);
	assert_int_equal(sig->code, code);
	assert_non_null(sig->why);
}

static void check_read(struct proc *proc, unsigned page, unsigned off)
{
	const struct shadow_page *p = &proc->pages[page];
	struct fault_signal sig;
	int code, signo = expected_signal(p, false, &code), err;
	uint8_t value;

	err = cpu_read(proc->mm, page_addr(page) + off, &value, &sig);
	if (signo) {
		check_signal(err, &sig, signo, code);
		return;
	}
	assert_int_equal(err, 0);
	assert_int_equal(value, shadow_read(p, off));
}

static void check_write(struct proc *proc, unsigned page, unsigned off, uint8_t value)
{
	struct shadow_page *p = &proc->pages[page];
	struct fault_signal sig;
	int code, signo = expected_signal(p, true, &code), err;

	err = cpu_write(proc->mm, page_addr(page) + off, value, &sig);
	if (signo) {
		check_signal(err, &sig, signo, code);
		return;
	}
	assert_int_equal(err, 0);
	shadow_write(p, off, value);
}

static void check_everything(void)
{
	for (unsigned i = 0; i < PROCS; i++)
		for (unsigned page = 0; procs[i].mm && page < PAGES; page++) {
			check_read(&procs[i], page, (unsigned)shim_random(PAGE_SIZE));
			check_read(&procs[i], page, 0);
		}
}

/* ---- operations on both ---- */

struct range {
	unsigned first, n;
	uint64_t addr, len;
};

static struct range random_range(void)
{
	struct range r = {.first = (unsigned)shim_random(PAGES)};

	r.n = 1 + (unsigned)shim_random(MIN(PAGES - r.first, shim_random(4) ? 12u : PAGES));
	r.addr = page_addr(r.first);
	r.len = r.n * PAGE_SIZE;
	return r;
}

static int random_prot(void)
{
	static const int prots[] = {PROT_READ,
				    PROT_READ | PROT_WRITE,
				    PROT_READ | PROT_WRITE,
				    PROT_READ | PROT_WRITE,
				    PROT_NONE,
				    RWX,
				    PROT_READ | PROT_EXEC};

	return prots[shim_random(ARRAY_SIZE(prots))];
}

static void map(struct proc *proc, const struct range *r, int prot, int flags, int file,
		unsigned file_page)
{
	struct map_request req = {.addr = r->addr,
				  .len = r->len,
				  .prot = prot,
				  .flags = flags | MAP_FIXED | (file < 0 ? MAP_ANONYMOUS : 0),
				  .file = file < 0 ? NULL : model_file((enum model_file)file),
				  .pgoff = file_page};
	bool shared = (flags & MAP_TYPE) == MAP_SHARED;
	unsigned row = shared && file < 0 ? nr_shared++ : 0;

	assert_true(nr_shared < ARRAY_SIZE(shared_bytes));
	assert_int_equal(mm_map(proc->mm, &req), r->addr);
	for (unsigned i = 0; i < r->n; i++) {
		struct shadow_page *p = &proc->pages[r->first + i];

		shadow_unmap(p);
		*p = (struct shadow_page){.mapped = true,
					  .shared = shared,
					  .prot = (uint8_t)prot,
					  .file = file,
					  .file_page = file_page + i};
		if (file >= 0)
			p->home = &file_bytes[file][file_page + i];
		else if (shared)
			p->home = &shared_bytes[row][i];
	}
}

static void op_map(struct proc *proc)
{
	struct range r = random_range();
	int flags = shim_random(4) ? MAP_PRIVATE : MAP_SHARED;

	if (shim_random(3) || r.n > FILE_PAGES)
		map(proc, &r, random_prot(), flags, -1, 0);
	else
		map(proc, &r, random_prot(), flags, (int)shim_random(NR_MODEL_FILES),
		    (unsigned)shim_random(FILE_PAGES - r.n + 1));
}

static void op_unmap(struct proc *proc)
{
	struct range r = random_range();

	assert_int_equal(mm_unmap(proc->mm, r.addr, r.len), 0);
	for (unsigned i = 0; i < r.n; i++)
		shadow_unmap(&proc->pages[r.first + i]);
}

/* How many pages from the first of a range on are mapped. */
static unsigned mapped_prefix(const struct proc *proc, const struct range *r)
{
	unsigned n = 0;

	while (n < r->n && proc->pages[r->first + n].mapped)
		n++;
	return n;
}

static void op_protect(struct proc *proc)
{
	struct range r = random_range();
	unsigned n = mapped_prefix(proc, &r);
	int prot = random_prot();

	assert_int_equal(mm_protect(proc->mm, r.addr, r.len, prot), n == r.n ? 0 : -ENOMEM);
	for (unsigned i = 0; i < n; i++)
		proc->pages[r.first + i].prot = (uint8_t)prot;
}

static void op_dont_need(struct proc *proc)
{
	struct range r = random_range();
	bool holes = mapped_prefix(proc, &r) != r.n;

	assert_int_equal(mm_advise(proc->mm, r.addr, r.len, MADV_DONTNEED), holes ? -ENOMEM : 0);
	for (unsigned i = 0; i < r.n; i++) {
		struct shadow_page *p = &proc->pages[r.first + i];

		put_bytes(p->own);
		p->own = NULL;
	}
}

/* Whether the range is surely one area: same kind, consecutive. */
static bool uniform(const struct proc *proc, const struct range *r)
{
	const struct shadow_page *p = &proc->pages[r->first];
	struct vm_area *area = area_find(proc->mm, r->addr);

	return p->mapped && area && area->start <= r->addr && area->end >= r->addr + r->len;
}

static void op_move(struct proc *proc)
{
	struct range from = random_range(), to = random_range();
	struct shadow_page moved[PAGES];

	if (from.n > to.n)
		from.n = to.n;
	from.len = from.n * PAGE_SIZE;
	if (!uniform(proc, &from) ||
	    (from.first < to.first + from.n && to.first < from.first + from.n))
		return;
	assert_int_equal(mm_remap(proc->mm, from.addr, from.len, from.len,
				  MREMAP_MAYMOVE | MREMAP_FIXED, to.addr),
			 to.addr);
	memcpy(moved, &proc->pages[from.first], from.n * sizeof(moved[0]));
	for (unsigned i = 0; i < from.n; i++) {
		proc->pages[from.first + i] = (struct shadow_page){.file = -1};
		shadow_unmap(&proc->pages[to.first + i]);
		proc->pages[to.first + i] = moved[i];
	}
}

/* Grows the last page of an area by one, where that is possible. */
static void op_grow(struct proc *proc)
{
	struct range r = random_range();
	struct shadow_page *p = &proc->pages[r.first], *next = p + 1;
	int64_t ret;

	if (r.first + 1 >= PAGES || !p->mapped || next->mapped || (p->shared && p->file < 0) ||
	    (p->file >= 0 && p->file_page + 1 >= FILE_PAGES))
		return;
	ret = mm_remap(proc->mm, r.addr, PAGE_SIZE, 2 * PAGE_SIZE, 0, 0);
	assert_int_equal(ret, r.addr);
	*next = *p;
	next->own = NULL;
	next->file_page++;
	if (p->file >= 0)
		next->home = &file_bytes[p->file][next->file_page];
}

static void op_fork(struct proc *proc)
{
	struct proc *child = &procs[shim_random(PROCS)];

	if (child->mm)
		return;
	child->mm = model_fork(proc->mm);
	assert_non_null(child->mm);
	memcpy(child->pages, proc->pages, sizeof(child->pages));
	for (unsigned i = 0; i < PAGES; i++)
		if (child->pages[i].own)
			child->pages[i].own->refs++;
}

static void end_proc(struct proc *proc)
{
	mm_put(proc->mm);
	proc->mm = NULL;
	for (unsigned i = 0; i < PAGES; i++)
		shadow_unmap(&proc->pages[i]);
}

static void op_exit(struct proc *proc)
{
	unsigned alive = 0;

	for (unsigned i = 0; i < PROCS; i++)
		alive += procs[i].mm != NULL;
	if (alive > 1)
		end_proc(proc);
}

static void op_evict(struct proc *proc)
{
	for (unsigned i = 0; i < 16; i++)
		model_evict(proc->mm, page_addr((unsigned)shim_random(PAGES)));
}

static void op_truncate(struct proc *proc)
{
	unsigned file = (unsigned)shim_random(NR_MODEL_FILES);
	uint64_t pages = FILE_PAGES / 2 + shim_random(FILE_PAGES / 2 + 1);

	(void)proc;
	model_set_size((enum model_file)file, pages * PAGE_SIZE);
	for (uint64_t i = pages; i < FILE_PAGES; i++) {
		put_bytes(file_bytes[file][i]);
		file_bytes[file][i] = NULL;
	}
	file_pages[file] = pages;
}

/* As exec and /proc/PID/mem do. */
static void op_kernel_access(struct proc *proc)
{
	struct range r = random_range();
	bool write = shim_random(2);
	struct page *page = mm_get_page(proc->mm, r.addr, write);
	int code;

	if (expected_signal(&proc->pages[r.first], write, &code)) {
		assert_null(page);
		return;
	}
	assert_non_null(page);
	assert_int_equal(*(uint8_t *)page_to_ptr(page), shadow_read(&proc->pages[r.first], 0));
	if (write) {
		*(uint8_t *)page_to_ptr(page) = 0x5a;
		page_set_flag(page, PG_DIRTY);
		shadow_write(&proc->pages[r.first], 0, 0x5a);
	}
	put_page(page);
}

/* The highest free place is what mmap finds; asked without taking it. */
static void check_gap(const struct proc *proc)
{
	unsigned n = 1 + (unsigned)shim_random(20), run = 0;
	struct map_request req = {0, n * PAGE_SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, NULL, 0,
				  0};
	uint64_t expected = 0, top = proc->mm->mmap_base;
	int64_t at;

	for (unsigned i = PAGES; i-- && !expected;) {
		run = proc->pages[i].mapped ? 0 : run + 1;
		if (run == n)
			expected = page_addr(i);
	}
	if (!expected)
		return;
	proc->mm->mmap_base = page_addr(PAGES);
	at = mm_map(proc->mm, &req);
	proc->mm->mmap_base = top;
	assert_int_equal(at, expected);
	assert_int_equal(mm_unmap(proc->mm, expected, n * PAGE_SIZE), 0);
}

/* Every node knows the greatest gap of its subtree. */
static uint64_t check_gaps(const struct vm_area *a)
{
	uint64_t left, right;

	if (!a)
		return 0;
	left = check_gaps(RB_LEFT(a, node));
	right = check_gaps(RB_RIGHT(a, node));
	assert_int_equal(a->max_gap, MAX(a->gap, MAX(left, right)));
	return a->max_gap;
}

/* Every node knows the greatest end of its subtree. */
static uint32_t check_spans(const struct span *s)
{
	uint32_t left, right;

	if (!s)
		return 0;
	left = check_spans(RB_LEFT(s, node));
	right = check_spans(RB_RIGHT(s, node));
	assert_int_equal(s->max, MAX(s->last, MAX(left, right)));
	return s->max;
}

static void check_objects(const struct vm_area *a)
{
	uint32_t pages = (uint32_t)((a->end - a->start) >> PAGE_SHIFT);

	if (a->anon) {
		assert_int_equal(a->anon_span.last - a->anon_span.first, pages - 1);
		check_spans(RB_ROOT(&a->anon->areas));
	}
	if (a->object) {
		assert_int_equal(a->object_span.last - a->object_span.first, pages - 1);
		check_spans(RB_ROOT(&a->object->areas));
	}
}

/* The areas describe the same as the shadow, in order and without overlap. */
static void check_areas(const struct proc *proc)
{
	uint64_t last = 0, total = 0;
	unsigned n = 0;

	check_gaps(RB_ROOT(&proc->mm->areas));
	for (struct vm_area *a = area_first(proc->mm); a; a = area_next(a), n++) {
		assert_int_equal(a->gap, a->start - last);
		assert_true(a->start >= last && a->start < a->end);
		check_objects(a);
		last = a->end;
		total += (a->end - a->start) >> PAGE_SHIFT;
	}
	assert_int_equal(n, proc->mm->nr_areas);
	assert_int_equal(total, proc->mm->total_vm);
	for (unsigned i = 0; i < PAGES; i++) {
		struct vm_area *a = area_find(proc->mm, page_addr(i));
		bool mapped = a && a->start <= page_addr(i);

		assert_int_equal(mapped, proc->pages[i].mapped);
		if (mapped)
			assert_int_equal(a->prot, proc->pages[i].prot);
	}
}

/* ---- leaks ---- */

static const char *const caches[] = {"mm",	  "vm_area",	  "vm_object",	 "anon_rmap",
				     "file_rmap", "pagemap_leaf", "pagemap_node"};

static uint64_t objects_before;

static int setup(void **state)
{
	(void)state;
	shim_fail_alloc_after(-1);
	cpu_sets_dirty = model_swap_broken = false;
	model_while_writing = NULL;
	for (unsigned i = 0; i < NR_MODEL_FILES; i++) {
		file_pages[i] = FILE_PAGES;
		model_set_size((enum model_file)i, FILE_PAGES * PAGE_SIZE);
	}
	objects_before = model_objects(caches, ARRAY_SIZE(caches));
	for (unsigned i = 0; i < PROCS; i++)
		for (unsigned page = 0; page < PAGES; page++)
			procs[i].pages[page].file = -1;
	procs[0].mm = model_mm();
	assert_non_null(procs[0].mm);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	for (unsigned i = 0; i < PROCS; i++)
		if (procs[i].mm)
			end_proc(&procs[i]);
	for (unsigned i = 0; i < NR_MODEL_FILES; i++)
		for (unsigned page = 0; page < FILE_PAGES; page++) {
			put_bytes(file_bytes[i][page]);
			file_bytes[i][page] = NULL;
		}
	for (unsigned i = 0; i < nr_shared; i++)
		for (unsigned page = 0; page < PAGES; page++)
			put_bytes(shared_bytes[i][page]);
	memset(shared_bytes, 0, sizeof(shared_bytes));
	nr_shared = 0;
	model_drop_files();
	if (model_objects(caches, ARRAY_SIZE(caches)) != objects_before || model_slots_used() ||
	    model_file_refs() || vm_gauges[NR_ANON] || vm_gauges[NR_FILE] || vm_gauges[NR_SHMEM] ||
	    vm_gauges[NR_TABLES] || pagemap_nodes()) {
		print_error("leak: objects %llu -> %llu, slots %ld, files %ld, anon %ld, file %ld, "
			    "shmem %ld, tables %ld, nodes %llu\n",
			    (unsigned long long)objects_before,
			    (unsigned long long)model_objects(caches, ARRAY_SIZE(caches)),
			    model_slots_used(), model_file_refs(), (long)vm_gauges[NR_ANON],
			    (long)vm_gauges[NR_FILE], (long)vm_gauges[NR_SHMEM],
			    (long)vm_gauges[NR_TABLES], (unsigned long long)pagemap_nodes());
		return -1;
	}
	return 0;
}

/* ---- random operations ---- */

static void (*const operations[])(struct proc *proc) = {
	op_map,	 op_map,  op_unmap, op_protect, op_dont_need, op_move,	   op_grow,
	op_fork, op_exit, op_evict, op_evict,	op_evict,     op_truncate, op_kernel_access,
};

static void random_step(void)
{
	struct proc *proc = &procs[shim_random(PROCS)];
	uint64_t what = shim_random(40);

	if (!proc->mm)
		return;
	if (what < ARRAY_SIZE(operations)) {
		operations[what](proc);
		tlb_check();
		assert_null(tlb_complaint());
		if (proc->mm) {
			check_areas(proc);
			check_gap(proc);
		}
	} else if (what < 26) {
		check_read(proc, (unsigned)shim_random(PAGES), (unsigned)shim_random(PAGE_SIZE));
	} else {
		check_write(proc, (unsigned)shim_random(PAGES), (unsigned)shim_random(PAGE_SIZE),
			    (uint8_t)shim_random(256));
	}
}

static void random_operations(uint64_t seed, unsigned steps)
{
	shim_seed(seed);
	for (unsigned i = 0; i < steps; i++) {
		random_step();
		if (i % 1000 == 0)
			check_everything();
	}
	check_everything();
}

static void memory_matches_the_shadow(void **state)
{
	(void)state;
	random_operations(1, 50000);
}

static void memory_matches_the_shadow_with_hardware_dirt(void **state)
{
	(void)state;
	cpu_sets_dirty = true;
	random_operations(2, 50000);
}

/* ---- each case of the table in fault.c ---- */

static uint64_t place(unsigned page)
{
	return page_addr(page);
}

static void map_simple(unsigned first, unsigned n, int prot, int flags)
{
	struct range r = {first, n, page_addr(first), n * PAGE_SIZE};

	map(&procs[0], &r, prot, flags, -1, 0);
}

static struct pt_leaf leaf_at(struct mm *mm, uint64_t addr)
{
	struct pt_leaf leaf = {.level = -1};

	if (pt_query(&mm->pt, VADDR(addr), &leaf) != PTE_LEAF)
		leaf.level = -1;
	return leaf;
}

static void reading_maps_the_zero_page(void **state)
{
	struct pt_leaf leaf;
	int32_t refs = zero_page->refs;

	(void)state;
	map_simple(0, 4, PROT_READ | PROT_WRITE, MAP_PRIVATE);
	check_read(&procs[0], 1, 9);
	leaf = leaf_at(procs[0].mm, place(1));
	assert_int_equal(leaf.pa.pa, page_to_pa(zero_page).pa);
	assert_false(leaf.prot & PT_WRITE);
	assert_int_equal(vm_gauges[NR_ANON], 0);
	check_write(&procs[0], 1, 9, 77);
	check_read(&procs[0], 1, 9);
	check_read(&procs[0], 1, 10);
	leaf = leaf_at(procs[0].mm, place(1));
	assert_int_not_equal(leaf.pa.pa, page_to_pa(zero_page).pa);
	assert_int_equal(leaf.prot & (PT_WRITE | PT_DIRTY | PT_YOUNG),
			 PT_WRITE | PT_DIRTY | PT_YOUNG);
	assert_int_equal(vm_gauges[NR_ANON], 1);
	assert_int_equal(zero_page->refs, refs);
}

static void the_last_holder_writes_in_place(void **state)
{
	struct pt_leaf before, after;

	(void)state;
	map_simple(0, 4, PROT_READ | PROT_WRITE, MAP_PRIVATE);
	check_write(&procs[0], 0, 0, 1);
	before = leaf_at(procs[0].mm, place(0));
	shim_seed(5);
	while (!procs[1].mm)
		op_fork(&procs[0]);
	for (unsigned i = 2; i < PROCS; i++)
		if (procs[i].mm)
			end_proc(&procs[i]);
	assert_false(leaf_at(procs[0].mm, place(0)).prot & PT_WRITE);
	end_proc(&procs[1]);
	check_write(&procs[0], 0, 0, 2);
	after = leaf_at(procs[0].mm, place(0));
	assert_int_equal(before.pa.pa, after.pa.pa);
}

static void a_write_after_fork_copies(void **state)
{
	(void)state;
	map_simple(0, 8, PROT_READ | PROT_WRITE, MAP_PRIVATE);
	for (unsigned i = 0; i < 8; i++)
		check_write(&procs[0], i, i, (uint8_t)(i + 1));
	shim_seed(5);
	while (!procs[1].mm)
		op_fork(&procs[0]);
	assert_int_equal(leaf_at(procs[1].mm, place(3)).level, -1);
	check_read(&procs[1], 3, 3);
	/* Neighbours came along, and all of them are the parent's, read-only. */
	for (unsigned i = 0; i < 8; i++) {
		assert_int_equal(leaf_at(procs[1].mm, place(i)).pa.pa,
				 leaf_at(procs[0].mm, place(i)).pa.pa);
		assert_false(leaf_at(procs[1].mm, place(i)).prot & PT_WRITE);
	}
	check_write(&procs[1], 3, 3, 99);
	assert_int_not_equal(leaf_at(procs[1].mm, place(3)).pa.pa,
			     leaf_at(procs[0].mm, place(3)).pa.pa);
	check_everything();
	assert_int_equal(vm_gauges[NR_ANON], 9);
}

static void a_stack_grows_to_its_limit(void **state)
{
	uint64_t top = BASE + 0x40000000, limit = procs[0].mm->stack_limit;
	struct map_request req = {.addr = top - PAGE_SIZE,
				  .len = PAGE_SIZE,
				  .prot = PROT_READ | PROT_WRITE,
				  .flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_GROWSDOWN};
	struct fault_signal sig;

	(void)state;
	assert_int_equal(mm_map(procs[0].mm, &req), req.addr);
	assert_int_equal(cpu_write(procs[0].mm, top - 1, 1, &sig), 0);
	assert_int_equal(cpu_write(procs[0].mm, top - 100 * PAGE_SIZE, 1, &sig), 0);
	assert_int_equal(cpu_write(procs[0].mm, top - limit, 1, &sig), 0);
	check_signal(cpu_write(procs[0].mm, top - limit - 1, 1, &sig), &sig, SIGSEGV, SEGV_MAPERR);
	assert_int_equal(mm_unmap(procs[0].mm, top - limit, limit), 0);
}

static void a_stack_keeps_its_distance(void **state)
{
	uint64_t top = BASE + 0x40000000, below = top - 300 * PAGE_SIZE;
	struct map_request req = {.addr = top - PAGE_SIZE,
				  .len = PAGE_SIZE,
				  .prot = PROT_READ | PROT_WRITE,
				  .flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_GROWSDOWN};
	struct fault_signal sig;

	(void)state;
	assert_int_equal(mm_map(procs[0].mm, &req), req.addr);
	req.addr = below - PAGE_SIZE;
	req.flags &= ~MAP_GROWSDOWN;
	assert_int_equal(mm_map(procs[0].mm, &req), req.addr);
	assert_int_equal(cpu_write(procs[0].mm, below + 256 * PAGE_SIZE, 1, &sig), 0);
	check_signal(cpu_write(procs[0].mm, below + 256 * PAGE_SIZE - 1, 1, &sig), &sig, SIGSEGV,
		     SEGV_MAPERR);
}

static void a_childs_stack_grows_past_its_parents(void **state)
{
	uint64_t top = BASE + 0x40000000;
	struct map_request req = {.addr = top - PAGE_SIZE,
				  .len = PAGE_SIZE,
				  .prot = PROT_READ | PROT_WRITE,
				  .flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_GROWSDOWN};
	struct fault_signal sig;
	struct mm *child;
	uint8_t value;

	(void)state;
	assert_int_equal(mm_map(procs[0].mm, &req), req.addr);
	assert_int_equal(cpu_write(procs[0].mm, top - 1, 1, &sig), 0);
	child = model_fork(procs[0].mm);
	assert_int_equal(cpu_write(procs[0].mm, top - 2 * PAGE_SIZE, 11, &sig), 0);
	assert_int_equal(cpu_read(child, top - 2 * PAGE_SIZE, &value, &sig), 0);
	assert_int_equal(value, 0);
	assert_int_equal(cpu_write(child, top - 2 * PAGE_SIZE, 22, &sig), 0);
	assert_int_equal(cpu_read(procs[0].mm, top - 2 * PAGE_SIZE, &value, &sig), 0);
	assert_int_equal(value, 11);
	mm_put(child);
}

static void what_cannot_be_read_back_is_a_bus_error(void **state)
{
	struct fault_signal sig;
	uint8_t value;

	(void)state;
	map_simple(0, 1, PROT_READ | PROT_WRITE, MAP_PRIVATE);
	check_write(&procs[0], 0, 0, 42);
	assert_true(model_evict(procs[0].mm, place(0)));
	model_swap_broken = true;
	check_signal(cpu_read(procs[0].mm, place(0), &value, &sig), &sig, SIGBUS, BUS_ADRERR);
	model_swap_broken = false;
	check_read(&procs[0], 0, 0);
	assert_int_equal(procs[0].mm->maj_faults, 1);
}

static void locked_pages_stay(void **state)
{
	(void)state;
	map_simple(0, 2, PROT_READ | PROT_WRITE, MAP_PRIVATE);
	assert_int_equal(mm_lock_range(procs[0].mm, place(0), PAGE_SIZE, true), 0);
	assert_true(leaf_at(procs[0].mm, place(0)).prot & PT_DIRTY);
	assert_false(model_evict(procs[0].mm, place(0)));
	assert_int_equal(mm_lock_range(procs[0].mm, place(0), PAGE_SIZE, false), 0);
	assert_int_equal(procs[0].mm->nr_areas, 1);
	assert_true(model_evict(procs[0].mm, place(0)));
}

static void a_page_shared_by_fork_is_evicted_once(void **state)
{
	(void)state;
	map_simple(0, 2, PROT_READ | PROT_WRITE, MAP_PRIVATE);
	check_write(&procs[0], 0, 0, 42);
	check_write(&procs[0], 1, 0, 43);
	shim_seed(5);
	while (!procs[1].mm)
		op_fork(&procs[0]);
	check_write(&procs[1], 1, 1, 44); /* the child's own object, page 0 in both */
	check_read(&procs[1], 0, 0);
	assert_true(model_evict(procs[0].mm, place(0)));
	assert_int_equal(leaf_at(procs[1].mm, place(0)).level, -1);
	assert_int_equal(model_slots_used(), 1);
	check_write(&procs[1], 0, 1, 45);
	check_everything();
}

static void swapoff_brings_all_back(void **state)
{
	(void)state;
	map_simple(0, PAGES, PROT_READ | PROT_WRITE, MAP_PRIVATE);
	for (unsigned i = 0; i < PAGES; i++)
		check_write(&procs[0], i, i, (uint8_t)i);
	shim_seed(5);
	while (!procs[1].mm)
		op_fork(&procs[0]);
	check_write(&procs[1], 0, 0, 1);
	for (unsigned i = 0; i < PAGES; i++)
		model_evict(procs[0].mm, place(i));
	assert_true(model_slots_used() > 100);
	assert_int_equal(objects_swap_in(1, 0x7fffffff), 0);
	assert_int_equal(model_slots_used(), 0);
	check_everything();
}

static void adopted_frames_are_never_freed(void **state)
{
	const pfn_t pfn = max_pfn - 4; /* what boot reserved */
	struct page *page = pfn_to_page(pfn);
	struct vm_object *object = object_create(NULL, page);
	struct page *found;

	(void)state;
	assert_true(page_flag(page, PG_RESERVED));
	assert_int_equal(object_adopt(object, 3, pfn_to_pa(pfn), 2), 0);
	found = object_get_page(object, 4);
	assert_ptr_equal(found, page + 1);
	put_page(found);
	object_release(object);
	assert_true(page->refs > 0 && !page->rmap && page_flag(page, PG_RESERVED));
}

/* ---- system calls' results ---- */

static int64_t try_map(uint64_t addr, uint64_t len, int prot, int flags, struct file *file,
		       uint64_t pgoff)
{
	struct map_request req = {addr, len, prot, flags, file, pgoff, 0};

	return mm_map(procs[0].mm, &req);
}

static void errors_are_linuxs(void **state)
{
	struct mm *mm = procs[0].mm;
	struct file *file = model_file(FILE_FILLED);
	const int anon = MAP_PRIVATE | MAP_ANONYMOUS;

	(void)state;
	assert_int_equal(try_map(0, 0, PROT_READ, anon, NULL, 0), -EINVAL);
	assert_int_equal(try_map(0, PAGE_SIZE, PROT_READ, MAP_ANONYMOUS, NULL, 0), -EINVAL);
	assert_int_equal(try_map(BASE + 1, PAGE_SIZE, PROT_READ, anon | MAP_FIXED, NULL, 0),
			 -EINVAL);
	assert_int_equal(try_map(0, PAGE_SIZE, PROT_READ, anon | MAP_FIXED, NULL, 0), -EPERM);
	assert_int_equal(try_map(USER_END, PAGE_SIZE, PROT_READ, anon | MAP_FIXED, NULL, 0),
			 -ENOMEM);
	assert_int_equal(try_map(0, 1ull << 50, PROT_READ, anon, NULL, 0), -ENOMEM);
	assert_int_equal(try_map(0, 1ull << 40, PROT_READ | PROT_WRITE, anon, NULL, 0), -ENOMEM);
	assert_true(try_map(0, 1ull << 40, PROT_READ | PROT_WRITE, anon | MAP_NORESERVE, NULL, 0) >
		    0);
	assert_int_equal(try_map(0, PAGE_SIZE, PROT_READ, MAP_PRIVATE, file, UINT64_MAX),
			 -EOVERFLOW);
	file->flags = O_RDONLY;
	assert_int_equal(try_map(0, PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0),
			 -EACCES);
	assert_int_equal(try_map(BASE, PAGE_SIZE, PROT_READ, MAP_SHARED | MAP_FIXED, file, 0),
			 BASE);
	assert_int_equal(mm_protect(mm, BASE, PAGE_SIZE, PROT_WRITE), -EACCES);
	file->flags = O_RDWR;
	assert_int_equal(try_map(BASE, PAGE_SIZE, PROT_READ, anon | MAP_FIXED_NOREPLACE, NULL, 0),
			 -EEXIST);
	assert_int_equal(mm_unmap(mm, BASE + 1, PAGE_SIZE), -EINVAL);
	assert_int_equal(mm_unmap(mm, BASE, 0), -EINVAL);
	assert_int_equal(mm_unmap(mm, BASE + SZ_1M, PAGE_SIZE), 0);
	assert_int_equal(mm_protect(mm, BASE + 1, PAGE_SIZE, PROT_READ), -EINVAL);
	assert_int_equal(mm_protect(mm, BASE + SZ_1M, PAGE_SIZE, PROT_READ), -ENOMEM);
	assert_int_equal(mm_protect(mm, BASE, 0, PROT_READ), 0);
	assert_int_equal(mm_advise(mm, BASE, PAGE_SIZE, 1234), -EINVAL);
	assert_int_equal(mm_advise(mm, BASE, PAGE_SIZE, MADV_FREE), -EINVAL);
	assert_int_equal(mm_advise(mm, BASE + SZ_1M, PAGE_SIZE, MADV_DONTNEED), -ENOMEM);
	assert_int_equal(mm_remap(mm, BASE + SZ_1M, PAGE_SIZE, PAGE_SIZE, 0, 0), -EFAULT);
	assert_int_equal(mm_remap(mm, BASE, PAGE_SIZE, 0, 0, 0), -EINVAL);
	assert_int_equal(mm_remap(mm, BASE, PAGE_SIZE, PAGE_SIZE, MREMAP_FIXED, BASE), -EINVAL);
	assert_int_equal(mm_msync(mm, BASE, PAGE_SIZE, MS_SYNC | MS_ASYNC), -EINVAL);
	assert_int_equal(mm_msync(mm, BASE, PAGE_SIZE, MS_SYNC), 0);
	assert_int_equal(mm_msync(mm, BASE, SZ_1M, MS_SYNC), -ENOMEM);
}

static void mincore_tells_what_is_in_memory(void **state)
{
	uint8_t vec[4] = {9, 9, 9, 9};

	(void)state;
	map_simple(0, 4, PROT_READ | PROT_WRITE, MAP_PRIVATE);
	check_write(&procs[0], 1, 0, 1);
	check_write(&procs[0], 2, 0, 1);
	assert_true(model_evict(procs[0].mm, place(2)));
	assert_int_equal(
		mm_mincore(procs[0].mm, place(0), sizeof(vec) * PAGE_SIZE, UPTR((uintptr_t)vec)),
		0);
	assert_int_equal(vec[0] << 3 | vec[1] << 2 | vec[2] << 1 | vec[3], 4);
	assert_int_equal(mm_mincore(procs[0].mm, place(PAGES), PAGE_SIZE, UPTR((uintptr_t)vec)),
			 -ENOMEM);
}

static void the_heap_grows_and_shrinks(void **state)
{
	struct mm *mm = procs[0].mm;
	uint64_t start = BASE + SZ_1M;
	struct fault_signal sig;
	uint8_t value;

	(void)state;
	mm->brk_start = mm->brk = start;
	assert_int_equal(mm_brk(mm, 0), start);
	assert_int_equal(mm_brk(mm, start + 5 * PAGE_SIZE + 1), start + 5 * PAGE_SIZE + 1);
	assert_int_equal(cpu_write(mm, start + 5 * PAGE_SIZE, 3, &sig), 0);
	assert_int_equal(mm_brk(mm, start + 9 * PAGE_SIZE), start + 9 * PAGE_SIZE);
	assert_int_equal(mm->nr_areas, 1);
	assert_int_equal(mm_brk(mm, start + PAGE_SIZE), start + PAGE_SIZE);
	check_signal(cpu_read(mm, start + PAGE_SIZE, &value, &sig), &sig, SIGSEGV, SEGV_MAPERR);
	assert_int_equal(mm_brk(mm, start + 9 * PAGE_SIZE), start + 9 * PAGE_SIZE);
	assert_int_equal(cpu_read(mm, start + 5 * PAGE_SIZE, &value, &sig), 0);
	assert_int_equal(value, 0);
	assert_int_equal(mm_brk(mm, start - 1), start + 9 * PAGE_SIZE);
	assert_int_equal(mm_brk(mm, start + (1ull << 45)), start + 9 * PAGE_SIZE);
}

static void a_childs_heap_does_not_show_its_parents(void **state)
{
	struct mm *mm = procs[0].mm, *child;
	uint64_t start = BASE + SZ_1M;
	struct fault_signal sig;
	uint8_t value;

	(void)state;
	mm->brk_start = mm->brk = start;
	mm_brk(mm, start + 8 * PAGE_SIZE);
	for (unsigned i = 0; i < 8; i++)
		assert_int_equal(cpu_write(mm, start + i * PAGE_SIZE, 7, &sig), 0);
	child = model_fork(mm);
	mm_brk(child, start + 2 * PAGE_SIZE);
	mm_brk(child, start + 8 * PAGE_SIZE);
	for (unsigned i = 0; i < 8; i++) {
		assert_int_equal(cpu_read(child, start + i * PAGE_SIZE, &value, &sig), 0);
		assert_int_equal(value, i < 2 ? 7 : 0);
	}
	mm_put(child);
}

static void an_area_grows_where_its_other_part_was(void **state)
{
	(void)state;
	map_simple(0, 4, PROT_READ | PROT_WRITE, MAP_PRIVATE);
	for (unsigned i = 0; i < 4; i++)
		check_write(&procs[0], i, 0, (uint8_t)(i + 1));
	assert_int_equal(mm_remap(procs[0].mm, place(2), 2 * PAGE_SIZE, 2 * PAGE_SIZE,
				  MREMAP_MAYMOVE | MREMAP_FIXED, place(10)),
			 place(10));
	assert_int_equal(mm_remap(procs[0].mm, place(0), 2 * PAGE_SIZE, 4 * PAGE_SIZE, 0, 0),
			 place(0));
	for (unsigned i = 0; i < 2; i++) {
		procs[0].pages[10 + i] = procs[0].pages[2 + i];
		procs[0].pages[2 + i].own = NULL;
	}
	check_everything();
}

/* Neighbours that are mapped along with a page stop at the end of the file, private copies too. */
static void nothing_past_the_end_comes_along(void **state)
{
	struct range r = {0, 8, page_addr(0), 8 * PAGE_SIZE};

	(void)state;
	map(&procs[0], &r, PROT_READ | PROT_WRITE, MAP_PRIVATE, FILE_TMPFS, 0);
	check_write(&procs[0], 3, 0, 1);
	check_write(&procs[0], 4, 0, 1);
	model_set_size(FILE_TMPFS, 4 * PAGE_SIZE);
	file_pages[FILE_TMPFS] = 4;
	check_read(&procs[0], 3, 0);
	check_read(&procs[0], 4, 0);
}

/* The child's object and the parent's, each with the same pages. */
static void fork_apart(unsigned first, unsigned n)
{
	shim_seed(5);
	while (!procs[1].mm)
		op_fork(&procs[0]);
	for (unsigned i = 2; i < PROCS; i++)
		if (procs[i].mm)
			end_proc(&procs[i]);
	check_write(&procs[1], first + n - 1, 1, 0x11);
}

static void a_slot_that_another_names_is_not_rewritten(void **state)
{
	(void)state;
	cpu_sets_dirty = true;
	map_simple(0, 2, PROT_READ | PROT_WRITE, MAP_PRIVATE);
	check_write(&procs[0], 0, 0, 42);
	fork_apart(0, 2);
	check_write(&procs[0], 1, 2, 44); /* nobody else's object any more: it may map to write */
	check_read(&procs[0], 0, 0);
	assert_true(model_evict(procs[0].mm, place(0)));
	check_read(&procs[0], 0, 0); /* from the slot, which the child names as well */
	check_write(&procs[0], 0, 0, 43);
	model_evict(procs[0].mm, place(0));
	check_everything();
}

static void write_page_0(void)
{
	check_write(&procs[0], 0, 5, 0x77);
}

static void write_and_forget_page_0(void)
{
	check_write(&procs[0], 0, 5, 0x78);
	assert_int_equal(mm_protect(procs[0].mm, place(0), PAGE_SIZE, PROT_NONE), 0);
	assert_int_equal(mm_protect(procs[0].mm, place(0), PAGE_SIZE, PROT_READ | PROT_WRITE), 0);
}

static void what_is_written_during_writeout_is_kept(void **state)
{
	(void)state;
	for (unsigned hardware = 0; hardware < 2; hardware++) {
		cpu_sets_dirty = hardware;
		map_simple(0, 1, PROT_READ | PROT_WRITE, MAP_PRIVATE);
		check_write(&procs[0], 0, 0, 42);
		model_while_writing = write_page_0;
		assert_false(model_evict(procs[0].mm, place(0)));
		check_read(&procs[0], 0, 5);
		model_while_writing = write_and_forget_page_0;
		assert_false(model_evict(procs[0].mm, place(0)));
		check_read(&procs[0], 0, 5);
		model_while_writing = NULL;
		assert_true(model_evict(procs[0].mm, place(0)));
		check_read(&procs[0], 0, 5);
	}
}

static void a_page_in_the_kernels_hands_stays(void **state)
{
	struct page *page;

	(void)state;
	map_simple(0, 1, PROT_READ | PROT_WRITE, MAP_PRIVATE);
	page = mm_get_page(procs[0].mm, place(0), true);
	assert_non_null(page);
	assert_false(model_evict(procs[0].mm, place(0)));
	check_read(&procs[0], 0, 0);
	put_page(page);
	assert_true(model_evict(procs[0].mm, place(0)));
}

/* A file's page goes; a private copy at the same place of a mapping has nothing to do with it. */
static void a_private_copy_is_not_the_files_page(void **state)
{
	struct range private = {0, 4, page_addr(0), 4 * PAGE_SIZE};
	struct range shared = {8, 4, page_addr(8), 4 * PAGE_SIZE};
	struct pt_leaf leaf;

	(void)state;
	map(&procs[0], &private, PROT_READ | PROT_WRITE, MAP_PRIVATE, FILE_FILLED, 0);
	map(&procs[0], &shared, PROT_READ, MAP_SHARED, FILE_FILLED, 0);
	check_write(&procs[0], 1, 0, 9);
	check_read(&procs[0], 9, 0);
	assert_true(model_evict(procs[0].mm, place(9)));
	leaf = leaf_at(procs[0].mm, place(1));
	assert_int_equal(leaf.level, 0);
	assert_true(leaf.prot & PT_DIRTY);
	check_everything();
}

/* Nor do neighbours of the file's come to lie where a private copy is, though that is swapped out.
 */
static void neighbours_do_not_hide_private_copies(void **state)
{
	struct range r = {0, 4, page_addr(0), 4 * PAGE_SIZE};

	(void)state;
	map(&procs[0], &r, PROT_READ | PROT_WRITE, MAP_PRIVATE, FILE_FILLED, 0);
	for (unsigned i = 0; i < 4; i++)
		put_page(object_get_page(model_object(FILE_FILLED), i));
	check_write(&procs[0], 1, 0, 9);
	assert_true(model_evict(procs[0].mm, place(1)));
	check_read(&procs[0], 0, 0);
	assert_int_equal(leaf_at(procs[0].mm, place(2)).level, 0);
	assert_int_equal(leaf_at(procs[0].mm, place(1)).level, -1);
	check_read(&procs[0], 1, 0);
}

static void areas_do_not_join_over_anothers_indices(void **state)
{
	(void)state;
	map_simple(0, 4, PROT_READ | PROT_WRITE, MAP_PRIVATE);
	for (unsigned i = 0; i < 4; i++)
		check_write(&procs[0], i, 0, (uint8_t)(i + 1));
	assert_int_equal(mm_remap(procs[0].mm, place(2), 2 * PAGE_SIZE, 2 * PAGE_SIZE,
				  MREMAP_MAYMOVE | MREMAP_FIXED, place(10)),
			 place(10));
	for (unsigned i = 0; i < 2; i++) {
		procs[0].pages[10 + i] = procs[0].pages[2 + i];
		procs[0].pages[2 + i] = (struct shadow_page){.file = -1};
	}
	map_simple(2, 2, PROT_READ, MAP_PRIVATE);
	assert_int_equal(mm_protect(procs[0].mm, place(2), 2 * PAGE_SIZE, PROT_READ | PROT_WRITE),
			 0);
	procs[0].pages[2].prot = procs[0].pages[3].prot = PROT_READ | PROT_WRITE;
	check_everything();
}

static void flags_for_fork_are_obeyed(void **state)
{
	struct fault_signal sig;
	struct mm *child;
	uint8_t value;

	(void)state;
	map_simple(0, 3, PROT_READ | PROT_WRITE, MAP_PRIVATE);
	for (unsigned i = 0; i < 3; i++)
		check_write(&procs[0], i, 0, 5);
	assert_int_equal(mm_advise(procs[0].mm, place(0), PAGE_SIZE, MADV_DONTFORK), 0);
	assert_int_equal(mm_advise(procs[0].mm, place(1), PAGE_SIZE, MADV_WIPEONFORK), 0);
	assert_int_equal(procs[0].mm->nr_areas, 3);
	child = model_fork(procs[0].mm);
	check_signal(cpu_read(child, place(0), &value, &sig), &sig, SIGSEGV, SEGV_MAPERR);
	assert_int_equal(cpu_read(child, place(1), &value, &sig), 0);
	assert_int_equal(value, 0);
	assert_int_equal(cpu_read(child, place(2), &value, &sig), 0);
	assert_int_equal(value, 5);
	mm_put(child);
	assert_int_equal(mm_advise(procs[0].mm, place(0), PAGE_SIZE, MADV_DOFORK), 0);
	assert_int_equal(mm_advise(procs[0].mm, place(1), PAGE_SIZE, MADV_KEEPONFORK), 0);
	assert_int_equal(procs[0].mm->nr_areas, 1);
}

static void maps_lines_are_linuxs(void **state)
{
	struct range r = {4, 2, page_addr(4), 2 * PAGE_SIZE};
	char line[200];

	(void)state;
	map_simple(0, 1, PROT_READ | PROT_WRITE, MAP_PRIVATE);
	map(&procs[0], &r, PROT_READ | PROT_EXEC, MAP_PRIVATE, FILE_FILLED, 3);
	area_describe(area_find(procs[0].mm, place(0)), line, sizeof(line));
	assert_string_equal(line, "10000000000-10000001000 rw-p 00000000 00:00 0 \n");
	area_describe(area_find(procs[0].mm, place(4)), line, sizeof(line));
	assert_string_equal(line, "10000004000-10000006000 r-xp 00003000 00:00 100"
				  "                          /file0\n");
}

static void shared_pages_are_told_from_private_ones(void **state)
{
	struct mm *mm = model_mm();
	struct map_request req = {.addr = BASE,
				  .len = 8 * PAGE_SIZE,
				  .prot = PROT_READ | PROT_WRITE,
				  .flags = MAP_PRIVATE | MAP_FIXED,
				  .file = model_file(FILE_FILLED)};
	struct fault_signal sig;
	uint64_t before;

	(void)state;
	model_set_size(FILE_FILLED, 8 * PAGE_SIZE);
	assert_int_equal(mm_map(mm, &req), BASE);
	assert_int_equal(cpu_write(mm, page_addr(0), 7, &sig), 0);
	assert_int_equal(mm_shared_pages(mm), 0); /* a copy of its own */
	assert_int_equal(cpu_read(mm, page_addr(3), &(uint8_t){0}, &sig), 0);
	before = mm_shared_pages(mm);
	assert_true(before >= 1);
	assert_int_equal(mm_rss(mm), before + 1);
	mm_put(mm);
}

static void pageout_and_cold(void **state)
{
	struct mm *mm = model_mm();
	struct map_request req = {.addr = BASE,
				  .len = 8 * PAGE_SIZE,
				  .prot = PROT_READ | PROT_WRITE,
				  .flags = MAP_PRIVATE | MAP_FIXED | MAP_ANONYMOUS};
	struct fault_signal sig;
	struct pt_leaf leaf;

	(void)state;
	assert_int_equal(mm_map(mm, &req), BASE);
	for (unsigned i = 0; i < 8; i += 2)
		assert_int_equal(cpu_write(mm, page_addr(i), 7, &sig), 0);
	assert_int_equal(mm_advise(mm, BASE, 2 * PAGE_SIZE, MADV_COLD), 0);
	assert_int_equal(pt_query(&mm->pt, VADDR(BASE), &leaf), PTE_LEAF);
	assert_false(leaf.prot & PT_YOUNG);
	assert_int_equal(mm_advise(mm, BASE, 6 * PAGE_SIZE, MADV_PAGEOUT), 0);
	for (unsigned i = 0; i < 8; i += 2)
		assert_int_equal(pt_query(&mm->pt, VADDR(page_addr(i)), &leaf),
				 i < 6 ? PTE_SOFT : PTE_LEAF);
	assert_int_equal(mm_lock_range(mm, BASE, 8 * PAGE_SIZE, true), 0);
	assert_int_equal(mm_advise(mm, BASE, PAGE_SIZE, MADV_PAGEOUT), -EINVAL);
	assert_int_equal(mm_advise(mm, BASE, PAGE_SIZE, MADV_COLD), -EINVAL);
	mm_put(mm);
}

static void device_frames_come_back_when_forgotten(void **state)
{
	const pfn_t pfn = max_pfn - 1024;
	struct mm *mm = procs[0].mm;
	int64_t at = remap_pfn_range(mm, 0, pfn, 4 * PAGE_SIZE, PT_WRITE | PT_DEVICE);
	struct pt_leaf leaf;
	struct fault_signal sig;

	(void)state;
	assert_true(at > 0);
	leaf = leaf_at(mm, (uint64_t)at + PAGE_SIZE);
	assert_int_equal(leaf.pa.pa, pfn_to_pa(pfn + 1).pa);
	assert_int_equal(leaf.prot & PT_TYPE, PT_DEVICE);
	assert_int_equal(mm_protect(mm, (uint64_t)at, 2 * PAGE_SIZE, PROT_NONE), 0);
	assert_int_equal(mm_protect(mm, (uint64_t)at, 2 * PAGE_SIZE, PROT_READ | PROT_WRITE), 0);
	assert_int_equal(mm_fault(mm, (uint64_t)at + PAGE_SIZE, FAULT_WRITE, &sig), 0);
	assert_int_equal(leaf_at(mm, (uint64_t)at + PAGE_SIZE).pa.pa, leaf.pa.pa);
	assert_int_equal(leaf_at(mm, (uint64_t)at + PAGE_SIZE).prot & PT_TYPE, PT_DEVICE);
	assert_int_equal(mm_unmap(mm, (uint64_t)at, 4 * PAGE_SIZE), 0);
}

/* ---- many areas ---- */

static void sixty_thousand_areas_work(void **state)
{
	const uint64_t n = 65000;
	struct mm *mm = procs[0].mm, *child;
	struct fault_signal sig;
	uint8_t value;
	int64_t at = try_map(0, n * PAGE_SIZE, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, NULL, 0);
	uint64_t base = (uint64_t)at;

	(void)state;
	assert_true(at > 0);
	assert_int_equal(cpu_write(mm, base, 1, &sig), 0);
	for (uint64_t i = 1; i < n; i += 2)
		assert_int_equal(mm_protect(mm, base + i * PAGE_SIZE, PAGE_SIZE, PROT_READ), 0);
	assert_int_equal(mm->nr_areas, n);
	for (uint64_t i = 0; i < n; i += 64)
		assert_int_equal(cpu_write(mm, base + i * PAGE_SIZE, (uint8_t)i, &sig), 0);
	child = model_fork(mm);
	assert_non_null(child);
	for (uint64_t i = 0; i < n; i += 64) {
		assert_int_equal(cpu_write(mm, base + i * PAGE_SIZE, 0xee, &sig), 0);
		assert_int_equal(cpu_read(child, base + i * PAGE_SIZE, &value, &sig), 0);
		assert_int_equal(value, (uint8_t)i);
	}
	mm_put(child);
	for (uint64_t i = 0; i < n; i += 64)
		assert_int_equal(mm_unmap(mm, base + i * PAGE_SIZE, PAGE_SIZE), 0);
	/* The highest hole is the first one found. */
	at = try_map(0, PAGE_SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, NULL, 0);
	assert_int_equal(at, base + (n - 1) / 64 * 64 * PAGE_SIZE);
	assert_int_equal(mm_protect(mm, base, n * PAGE_SIZE, PROT_READ), -ENOMEM);
	assert_int_equal(mm_unmap(mm, base, n * PAGE_SIZE), 0);
	assert_int_equal(mm->nr_areas, 0);
}

static void areas_have_a_limit(void **state)
{
	struct mm *mm = procs[0].mm;
	uint64_t n = 0;

	(void)state;
	while (try_map(BASE + 2 * n * PAGE_SIZE, PAGE_SIZE, PROT_READ,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, NULL, 0) > 0)
		n++;
	assert_int_equal(n, 65530);
	assert_int_equal(mm_unmap(mm, BASE, 2 * n * PAGE_SIZE), 0);
}

/* ---- allocations that fail, one after another ---- */

struct scenario {
	const char *name;
	int (*run)(struct proc *proc); /* 0, or -ENOMEM with nothing changed */
};

/* What every operation starts from: private, shared and file memory, some of it swapped out. */
static void prepare(struct proc *proc)
{
	struct range r = {0, 20, page_addr(0), 20 * PAGE_SIZE};

	map(proc, &r, PROT_READ | PROT_WRITE, MAP_PRIVATE, -1, 0);
	for (unsigned i = 0; i < 12; i++)
		check_write(proc, i, i, (uint8_t)(i + 1));
	r = (struct range){30, 4, page_addr(30), 4 * PAGE_SIZE};
	map(proc, &r, PROT_READ | PROT_WRITE, MAP_SHARED, -1, 0);
	check_write(proc, 30, 0, 30);
	r = (struct range){40, 4, page_addr(40), 4 * PAGE_SIZE};
	map(proc, &r, PROT_READ | PROT_WRITE, MAP_PRIVATE, FILE_FILLED, 8);
	procs[1].mm = model_fork(proc->mm);
	assert_non_null(procs[1].mm);
	memcpy(procs[1].pages, proc->pages, sizeof(proc->pages));
	for (unsigned i = 0; i < PAGES; i++)
		if (proc->pages[i].own)
			proc->pages[i].own->refs++;
	model_evict(proc->mm, place(2));
	model_evict(proc->mm, place(3));
	model_evict(proc->mm, place(30));
}

static int write_byte(struct proc *proc, unsigned page)
{
	struct fault_signal sig;
	int err = cpu_write(proc->mm, page_addr(page), 0xab, &sig);

	if (!err)
		shadow_write(&proc->pages[page], 0, 0xab);
	return err;
}

static int read_byte(struct proc *proc, unsigned page)
{
	struct fault_signal sig;
	uint8_t value;

	return cpu_read(proc->mm, page_addr(page), &value, &sig);
}

static int run_map(struct proc *proc)
{
	struct map_request req = {
		place(50), PAGE_SIZE, PROT_READ, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED,
		NULL,	   0,	      0};
	int64_t ret = mm_map(proc->mm, &req);

	return ret > 0 ? mm_unmap(proc->mm, place(50), PAGE_SIZE) : (int)ret;
}

static int run_unmap_middle(struct proc *proc)
{
	int err = mm_unmap(proc->mm, place(8), PAGE_SIZE);

	if (!err)
		shadow_unmap(&proc->pages[8]);
	return err;
}

static int run_protect_middle(struct proc *proc)
{
	int err = mm_protect(proc->mm, place(8), PAGE_SIZE, PROT_READ);

	if (!err)
		proc->pages[8].prot = PROT_READ;
	return err;
}

static int run_dont_need(struct proc *proc)
{
	int err = mm_advise(proc->mm, place(4), PAGE_SIZE, MADV_DONTNEED);

	if (!err) {
		put_bytes(proc->pages[4].own);
		proc->pages[4].own = NULL;
	}
	return err;
}

static int run_remap(struct proc *proc)
{
	int64_t ret = mm_remap(proc->mm, place(5), 2 * PAGE_SIZE, 2 * PAGE_SIZE,
			       MREMAP_MAYMOVE | MREMAP_FIXED, place(60));

	if (ret < 0)
		return (int)ret;
	for (unsigned i = 0; i < 2; i++) {
		proc->pages[60 + i] = proc->pages[5 + i];
		proc->pages[5 + i] = (struct shadow_page){.file = -1};
	}
	return 0;
}

static int run_fork(struct proc *proc)
{
	struct mm *child = model_fork(proc->mm);

	if (!child)
		return -ENOMEM;
	mm_put(child);
	return 0;
}

static int run_create(struct proc *proc)
{
	struct mm *mm = mm_create();

	(void)proc;
	if (!mm)
		return -ENOMEM;
	mm_put(mm);
	return 0;
}

static int run_fresh_write(struct proc *proc)
{
	return write_byte(proc, 15);
}

static int run_cow_write(struct proc *proc)
{
	return write_byte(proc, 1);
}

static int run_swapped_write(struct proc *proc)
{
	return write_byte(proc, 2);
}

static int run_swapped_read(struct proc *proc)
{
	return read_byte(proc, 3);
}

static int run_shared_swapped(struct proc *proc)
{
	return read_byte(proc, 30);
}

static int run_shared_fresh(struct proc *proc)
{
	return write_byte(proc, 31);
}

static int run_file_read(struct proc *proc)
{
	return read_byte(proc, 40);
}

static int run_file_write(struct proc *proc)
{
	return write_byte(proc, 41);
}

static const struct scenario scenarios[] = {
	{"map", run_map},
	{"unmap the middle", run_unmap_middle},
	{"protect the middle", run_protect_middle},
	{"dontneed", run_dont_need},
	{"remap", run_remap},
	{"fork", run_fork},
	{"create", run_create},
	{"fresh write", run_fresh_write},
	{"cow write", run_cow_write},
	{"swapped write", run_swapped_write},
	{"swapped read", run_swapped_read},
	{"shared swapped", run_shared_swapped},
	{"shared fresh", run_shared_fresh},
	{"file read", run_file_read},
	{"file write", run_file_write},
};

static void end_all(void)
{
	for (unsigned i = 0; i < PROCS; i++)
		if (procs[i].mm)
			end_proc(&procs[i]);
	model_drop_files();
}

static void fail_in_turn(const struct scenario *s)
{
	bool failed = true;
	int err;

	for (long n = 0; failed; n++) {
		if (!procs[0].mm)
			procs[0].mm = model_mm();
		prepare(&procs[0]);
		shim_fail_alloc_after(n);
		err = s->run(&procs[0]);
		failed = shim_alloc_failed();
		shim_fail_alloc_after(-1);
		if (err != (failed ? -ENOMEM : 0)) {
			print_error("%s, allocation %ld: %d\n", s->name, n, err);
			/* A failed GFP_NOWAIT that could be made good is no failure. */
			assert_true(failed && !err);
		}
		tlb_check();
		assert_null(tlb_complaint());
		check_areas(&procs[0]);
		check_everything();
		end_all();
		assert_true(n < 200);
	}
}

static void each_failed_allocation_changes_nothing(void **state)
{
	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(scenarios); i++)
		fail_in_turn(&scenarios[i]);
}

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(reading_maps_the_zero_page),
		CASE(the_last_holder_writes_in_place),
		CASE(a_write_after_fork_copies),
		CASE(a_stack_grows_to_its_limit),
		CASE(a_stack_keeps_its_distance),
		CASE(a_childs_stack_grows_past_its_parents),
		CASE(what_cannot_be_read_back_is_a_bus_error),
		CASE(locked_pages_stay),
		CASE(a_page_shared_by_fork_is_evicted_once),
		CASE(swapoff_brings_all_back),
		CASE(adopted_frames_are_never_freed),
		CASE(errors_are_linuxs),
		CASE(mincore_tells_what_is_in_memory),
		CASE(the_heap_grows_and_shrinks),
		CASE(a_childs_heap_does_not_show_its_parents),
		CASE(an_area_grows_where_its_other_part_was),
		CASE(nothing_past_the_end_comes_along),
		CASE(a_slot_that_another_names_is_not_rewritten),
		CASE(what_is_written_during_writeout_is_kept),
		CASE(a_page_in_the_kernels_hands_stays),
		CASE(a_private_copy_is_not_the_files_page),
		CASE(neighbours_do_not_hide_private_copies),
		CASE(areas_do_not_join_over_anothers_indices),
		CASE(flags_for_fork_are_obeyed),
		CASE(maps_lines_are_linuxs),
		CASE(shared_pages_are_told_from_private_ones),
		CASE(pageout_and_cold),
		CASE(device_frames_come_back_when_forgotten),
		CASE(each_failed_allocation_changes_nothing),
		CASE(memory_matches_the_shadow),
		CASE(memory_matches_the_shadow_with_hardware_dirt),
		CASE(sixty_thousand_areas_work),
		CASE(areas_have_a_limit),
	};

	frames_reserve(PADDR(SHIM_RAM_BASE + 256 * SZ_1M - 8 * PAGE_SIZE), 8 * PAGE_SIZE);
	model_boot(256 * SZ_1M);
	return cmocka_run_group_tests_name("vm", tests, NULL, NULL);
}
