// SPDX-License-Identifier: BSD-2-Clause
/*
 * execve: find the program (through #! lines), copy its arguments, build a new address space; then
 * the point of no return: other threads end, the old address space goes, and what still fails
 * kills the program. Last, the new stack is written from the inside.
 */
#include <asm/auxvec.h>
#include <linux/auxvec.h>
#include <linux/binfmts.h>
#include <linux/fcntl.h>
#include <linux/limits.h>
#include <linux/mman.h>
#include <twofold/elf.h>
#include <twofold/fs.h>
#include <twofold/random.h>
#include <twofold/slab.h>
#include <twofold/string.h>
#include <twofold/syscall.h>
#include <twofold/vmalloc.h>

#include "sched.h"

#define MAX_SCRIPTS 4
#define SCRIPT_LINE 256
#define STRINGS_FIRST 4096	     /* the strings' buffer starts with this many bytes ... */
#define STRINGS_MAX (2 * SZ_1M)	     /* ... and grows to this: Linux's limit for an 8 MiB stack */
#define STACK_TOP (USER_END - SZ_1M) /* above it the signal trampoline */
#define STACK_FIRST (128 * SZ_1K)    /* mapped at once, besides the arguments */
#define STACK_GAP_MIN (128 * SZ_1M)  /* between stack and mmap area, as in Linux */
#define PIE_BASE 0x555555550000ul
#define NR_AUX 20

/* Where argv and envp come from. */
struct arguments {
	bool kernel;
	uint64_t argv, envp;
};

struct exec {
	struct file *file;
	struct mm *mm;
	uint64_t base; /* what a PIE's addresses count from */

	const char *name; /* as execve was told */
	unsigned nr_scripts;
	/* What scripts put before the arguments, innermost interpreter first:
	 * prefix[first_prefix..]. */
	const char *prefix[2 * MAX_SCRIPTS + 1];
	unsigned first_prefix;

	char *strings; /* all arguments, all environment, the name: each with its NUL */
	size_t size, used, env_at, name_at;
	unsigned argc, envc;

	/* Not cleared: what is in them has been put there. */
	struct elf_image image;
	char lines[MAX_SCRIPTS][SCRIPT_LINE];
	char window[ELF_HEADER_WINDOW];
};

/* ---- strings ---- */

static void free_strings(char *strings, size_t size)
{
	if (size > 2 * PAGE_SIZE)
		vfree(strings);
	else
		kfree(strings);
}

static int grow_strings(struct exec *x)
{
	size_t size = x->size ? 2 * x->size : STRINGS_FIRST;
	char *strings;

	if (size > STRINGS_MAX)
		return -E2BIG;
	strings = size > 2 * PAGE_SIZE ? vmalloc(size) : kmalloc(size, GFP_KERNEL);
	if (!strings)
		return -ENOMEM;
	memcpy(strings, x->strings, x->used);
	free_strings(x->strings, x->size);
	x->strings = strings;
	x->size = size;
	return 0;
}

static int add_string(struct exec *x, bool kernel, uint64_t at)
{
	for (;;) {
		size_t room = x->size - x->used;
		ssize_t len = -ENAMETOOLONG;
		int err;

		if (room && kernel)
			len = (ssize_t)strlcpy(x->strings + x->used, (const char *)at, room);
		else if (room)
			len = strncpy_from_user(x->strings + x->used, UPTR(at), room);
		if (len >= 0 && (size_t)len < room) {
			x->used += (size_t)len + 1;
			return (size_t)len < MAX_ARG_STRLEN ? 0 : -E2BIG;
		}
		if (len < 0 && len != -ENAMETOOLONG)
			return (int)len;
		err = grow_strings(x);
		if (err)
			return err;
	}
}

/* The i-th pointer of argv or envp; 0 ends them, and a NULL array is an empty one. */
static int argument(const struct arguments *args, uint64_t array, unsigned i, uint64_t *value)
{
	if (!array) {
		*value = 0;
		return 0;
	}
	if (!args->kernel)
		return get_user_u64(value, UPTR(array + 8 * (uint64_t)i));
	*value = (uint64_t)((const char *const *)array)[i];
	return 0;
}

static int add_array(struct exec *x, const struct arguments *args, uint64_t array, unsigned i,
		     unsigned *count)
{
	for (;; i++) {
		uint64_t at;
		int err = argument(args, array, i, &at);

		if (err || !at)
			return err;
		err = add_string(x, args->kernel, at);
		if (err)
			return err;
		if (++*count > STRINGS_MAX / 16)
			return -E2BIG;
		cond_resched();
	}
}

static int copy_strings(struct exec *x, const struct arguments *args)
{
	int err = 0;

	for (unsigned i = x->first_prefix; i < ARRAY_SIZE(x->prefix) && !err; i++) {
		err = add_string(x, true, (uint64_t)x->prefix[i]);
		x->argc++;
	}
	if (!err)
		err = add_array(x, args, args->argv, x->argc ? 1 : 0, &x->argc);
	if (!err && !x->argc) { /* as Linux does: no program is without a name */
		err = add_string(x, true, (uint64_t) "");
		x->argc = 1;
	}
	x->env_at = x->used;
	if (!err)
		err = add_array(x, args, args->envp, 0, &x->envc);
	x->name_at = x->used;
	if (!err)
		err = add_string(x, true, (uint64_t)x->name);
	return err;
}

/* ---- the file ---- */

static int open_program(struct exec *x, const char *path)
{
	struct file *file = file_open_at(AT_FDCWD, path, O_RDONLY, 0);

	if (IS_ERR(file))
		return PTR_ERR(file);
	if (x->file)
		file_put(x->file);
	x->file = file;
	if (!S_ISREG(file->inode->mode) || !inode_permission(file->inode, 1))
		return -EACCES;
	return 0;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* Splits "#! interpreter argument" in place; NULL: there is no interpreter in it. */
static char *parse_script(char *line, char **argument)
{
	char *name = line + 2, *end, *p;

	end = strchr(line, '\n');
	if (end)
		*end = '\0';
	for (p = line + strlen(line); p > name && is_blank(p[-1]); p--)
		p[-1] = '\0';
	while (is_blank(*name))
		name++;
	if (!*name)
		return NULL;
	for (p = name; *p && !is_blank(*p); p++)
		;
	if (*p)
		*p++ = '\0';
	while (is_blank(*p))
		p++;
	*argument = *p ? p : NULL;
	return name;
}

static int open_interpreter(struct exec *x, size_t len)
{
	char *line = x->lines[x->nr_scripts], *argument, *name;

	if (x->nr_scripts == MAX_SCRIPTS)
		return -ELOOP;
	len = MIN(len, SCRIPT_LINE - 1ul);
	memcpy(line, x->window, len);
	line[len] = '\0';
	name = parse_script(line, &argument);
	if (!name)
		return -ENOEXEC;
	if (!x->nr_scripts++)
		x->prefix[--x->first_prefix] = x->name;
	if (argument)
		x->prefix[--x->first_prefix] = argument;
	x->prefix[--x->first_prefix] = name;
	return open_program(x, name);
}

/* Opens `path`, and interpreters as long as it is a script; then checks the ELF headers. */
static int find_program(struct exec *x, const char *path)
{
	int err = open_program(x, path);
	const char *error;
	ssize_t len;

	for (; !err; err = open_interpreter(x, (size_t)len)) {
		len = file_read_kernel(x->file, x->window, sizeof(x->window), 0);
		if (len < 0)
			return (int)len;
		if (len > 2 && x->window[0] == '#' && x->window[1] == '!')
			continue;
		error = elf_check(x->window, (size_t)len, x->file->inode->size, &x->image);
		if (!error)
			return 0;
		pr_info("%s: cannot execute: %s\n", x->name, error);
		return error == elf_needs_interpreter ? -ENOENT : -ENOEXEC;
	}
	return err;
}

/* ---- the address space ---- */

static int map_fixed(struct exec *x, uint64_t start, uint64_t end, struct map_request req)
{
	int64_t at;

	req.addr = start;
	req.len = end - start;
	req.flags |= MAP_PRIVATE | MAP_FIXED;
	at = mm_map(x->mm, &req);
	return at < 0 ? (int)at : 0;
}

static int map_segment(struct exec *x, const struct elf_segment *s)
{
	uint64_t start = ALIGN_DOWN(x->base + s->vaddr, PAGE_SIZE);
	uint64_t file_end = s->filesz ? ALIGN_UP(x->base + s->vaddr + s->filesz, PAGE_SIZE) : start;
	uint64_t end = ALIGN_UP(x->base + s->vaddr + s->memsz, PAGE_SIZE);
	int err = 0;

	if (file_end > start)
		err = map_fixed(x, start, file_end,
				(struct map_request){.prot = s->prot,
						     .file = x->file,
						     .pgoff = s->offset >> PAGE_SHIFT});
	if (!err && end > file_end)
		err = map_fixed(x, file_end, end,
				(struct map_request){.prot = s->prot, .flags = MAP_ANONYMOUS});
	return err;
}

static int map_stack(struct exec *x)
{
	uint64_t limit = current->process->rlimits[RLIMIT_STACK][0];
	uint64_t size = STACK_FIRST + ALIGN_UP(x->used + 8ul * (x->argc + x->envc), PAGE_SIZE);
	struct mm *mm = x->mm;

	mm->stack_top = STACK_TOP;
	mm->stack_limit = MIN(limit, (uint64_t)STACK_TOP / 2);
	mm->mmap_base = STACK_TOP - MAX(mm->stack_limit, STACK_GAP_MIN) - STACK_GAP_MIN / 64;
	return map_fixed(x, STACK_TOP - size, STACK_TOP,
			 (struct map_request){.prot = PROT_READ | PROT_WRITE,
					      .flags = MAP_ANONYMOUS,
					      .vma_flags = VMA_GROWSDOWN | VMA_STACK});
}

static int build_mm(struct exec *x)
{
	struct mm *mm = x->mm = mm_create();
	int err = 0;

	if (!mm)
		return -ENOMEM;
	if (x->image.pie)
		x->base = ALIGN_DOWN(PIE_BASE, x->image.align) - x->image.start;
	mm->brk_start = mm->brk = x->base + x->image.end;
	for (unsigned i = 0; i < x->image.nr_segments && !err; i++)
		err = map_segment(x, &x->image.segments[i]);
	if (!err)
		err = map_stack(x);
	if (!err)
		err = vdso_map(mm);
	if (err)
		return err;
	file_get(x->file);
	mm->exe = x->file;
	if (current->mm)
		mm->oom_score_adj = current->mm->oom_score_adj;
	return 0;
}

/* ---- from here on there is no way back ---- */

/* What a segment's last file page holds past the segment is not the program's. */
static int clear_tails(const struct exec *x)
{
	for (unsigned i = 0; i < x->image.nr_segments; i++) {
		const struct elf_segment *s = &x->image.segments[i];
		uint64_t from = x->base + s->vaddr + s->filesz;
		uint64_t to = MIN(ALIGN_UP(from, PAGE_SIZE), x->base + s->vaddr + s->memsz);

		if (s->filesz && to > from && clear_user(UPTR(from), to - from))
			return -EFAULT;
	}
	return 0;
}

/* Writes pointers to `count` strings, and the NULL after them; *string moves past the last. */
static int put_pointers(uint64_t *at, const struct exec *x, size_t *string, uint64_t strings_at,
			unsigned count)
{
	for (unsigned i = 0; i < count; i++, *at += 8) {
		if (put_user_u64(UPTR(*at), strings_at + *string))
			return -EFAULT;
		*string += strlen(x->strings + *string) + 1;
	}
	*at += 8;
	return put_user_u64(UPTR(*at - 8), 0);
}

static int put_auxv(uint64_t at, const struct exec *x, uint64_t name, uint64_t platform,
		    uint64_t random)
{
	const struct process *p = current->process;
	const uint64_t aux[NR_AUX][2] = {
		{AT_HWCAP, cpu_hwcap()},
		{AT_PAGESZ, PAGE_SIZE},
		{AT_CLKTCK, 100},
		{AT_PHDR, x->image.phdrs ? x->base + x->image.phdrs : 0},
		{AT_PHENT, 56},
		{AT_PHNUM, x->image.nr_phdrs},
		{AT_BASE, 0},
		{AT_FLAGS, 0},
		{AT_ENTRY, x->base + x->image.entry},
		{AT_UID, p->uid},
		{AT_EUID, p->uid},
		{AT_GID, p->gid},
		{AT_EGID, p->gid},
		{AT_SECURE, 0},
		{AT_RANDOM, random},
		{AT_HWCAP2, 0},
		{AT_EXECFN, name},
		{AT_PLATFORM, platform},
		{AT_MINSIGSTKSZ, MINSIGSTKSZ},
		{AT_NULL, 0},
	};

	return copy_to_user(UPTR(at), aux, sizeof(aux));
}

/*
 * From the top down: strings, platform and random bytes; auxv, envp, argv, argc (System V ABI for
 * the Arm 64-bit architecture, "process initialization"). *sp: where argc lies.
 */
static int write_stack(const struct exec *x, uint64_t *sp)
{
	static const char platform[] = "aarch64";
	struct mm *mm = current->mm;
	uint64_t strings = mm->stack_top - 8 - x->used;
	uint64_t platform_at = strings - sizeof(platform);
	uint64_t random_at = platform_at - 16;
	uint64_t words = 1 + x->argc + 1 + x->envc + 1, at;
	uint8_t random[16];
	size_t string = 0;

	*sp = ALIGN_DOWN(random_at - 8 * words - 16 * NR_AUX, 16);
	random_bytes(random, sizeof(random));
	if (copy_to_user(UPTR(strings), x->strings, x->used) ||
	    copy_to_user(UPTR(platform_at), platform, sizeof(platform)) ||
	    copy_to_user(UPTR(random_at), random, sizeof(random)) ||
	    put_user_u64(UPTR(*sp), x->argc))
		return -EFAULT;
	at = *sp + 8;
	if (put_pointers(&at, x, &string, strings, x->argc) ||
	    put_pointers(&at, x, &string, strings, x->envc))
		return -EFAULT;
	mm->arg_start = strings;
	mm->arg_end = mm->env_start = strings + x->env_at;
	mm->env_end = strings + x->name_at;
	return put_auxv(at, x, strings + x->name_at, platform_at, random_at);
}

static void switch_mm(struct exec *x)
{
	struct mm *old = current->mm;

	if (current->clear_child_tid || current->robust_list)
		task_release_user();
	spin_lock(&tasks_lock);
	current->mm = x->mm;
	spin_unlock(&tasks_lock);
	x->mm = NULL;
	mmu_switch(&current->mm->pt);
	vfork_release(current);
	if (old)
		mm_put(old);
}

static void set_comm(const char *name)
{
	const char *slash = strrchr(name, '/');

	strlcpy(current->comm, slash ? slash + 1 : name, sizeof(current->comm));
	strlcpy(current->process->comm, current->comm, sizeof(current->process->comm));
}

static int own_files(void)
{
	struct fd_table *old = current->files, *copy;

	if (!current->files_shared)
		return 0;
	copy = fd_table_copy(old);
	if (!copy)
		return -ENOMEM;
	current->files = copy; /* first: putting may sleep, and others look at us */
	fd_table_put(old);
	current->files_shared = false;
	return 0;
}

static int no_return(struct trapframe *tf, struct exec *x)
{
	uint64_t sp;

	switch_mm(x);
	signal_exec(current->process);
	current->altstack_sp = current->altstack_size = 0;
	current->altstack_flags = SS_DISABLE;
	current->process->did_exec = true;
	current->process->exit_signal = SIGCHLD;
	fd_table_exec(current->files);
	set_comm(x->name);
	if (clear_tails(x) || write_stack(x, &sp))
		return -EFAULT;
	arch_exec(tf, x->base + x->image.entry, sp);
	return 0;
}

static void exec_free(struct exec *x)
{
	if (x->file)
		file_put(x->file);
	if (x->mm)
		mm_put(x->mm);
	free_strings(x->strings, x->size);
	kfree(x);
}

static int exec(struct trapframe *tf, const char *path, const struct arguments *args)
{
	struct exec *x = kmalloc(sizeof(*x), GFP_KERNEL);
	int err;

	if (!x)
		return -ENOMEM;
	memset(x, 0, offsetof(struct exec, image));
	x->first_prefix = ARRAY_SIZE(x->prefix);
	x->name = path;
	err = find_program(x, path);
	if (!err)
		err = copy_strings(x, args);
	if (!err)
		err = build_mm(x);
	if (!err)
		err = own_files();
	if (!err)
		err = exit_other_threads();
	if (err) {
		exec_free(x);
		return err;
	}
	err = no_return(tf, x);
	exec_free(x);
	if (!err)
		return 0;
	pr_info("%s: its memory cannot be written: killed\n", current->comm);
	signal_task(current, SIGKILL, NULL);
	return err;
}

int exec_kernel(struct trapframe *tf, const char *path, const char *const *argv,
		const char *const *envp)
{
	struct arguments args = {.kernel = true, .argv = (uint64_t)argv, .envp = (uint64_t)envp};

	return exec(tf, path, &args);
}

int64_t sys_execve(uint64_t path, uint64_t argv, uint64_t envp)
{
	struct arguments args = {.argv = argv, .envp = envp};
	char *name = kmalloc(PATH_MAX, GFP_KERNEL);
	ssize_t err;

	if (!name)
		return -ENOMEM;
	err = strncpy_from_user(name, UPTR(path), PATH_MAX);
	if (err >= 0)
		err = err ? exec(task_trapframe(current), name, &args) : -ENOENT;
	kfree(name);
	return err;
}
