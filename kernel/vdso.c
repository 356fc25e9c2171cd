// SPDX-License-Identifier: BSD-2-Clause
/* The page of code that signal handlers return to, as a file of its own that every program maps. */
#include <linux/fcntl.h>
#include <linux/mman.h>
#include <twofold/fs.h>

#include "sched.h"

#define VDSO_AT (USER_END - SZ_1M / 2)

static uint64_t vdso_size(const struct vm_object *object)
{
	(void)object;
	return PAGE_SIZE;
}

static const struct object_ops vdso_ops = {.size = vdso_size};
/* Each keeps the reference that it starts with: neither is ever freed. */
static struct inode vdso_inode = {.mode = S_IFREG | 0555, .nlink = 1, .refs = 1, .size = PAGE_SIZE};
static struct file vdso_file = {.refs = 1, .flags = O_RDONLY, .inode = &vdso_inode};

void vdso_init(void)
{
	vdso_inode.object = object_create(&vdso_ops, &vdso_inode);
	if (!vdso_inode.object || object_adopt(vdso_inode.object, 0, image_pa(arch_vdso_page()), 1))
		panic("vdso: no memory");
	mutex_init(&vdso_inode.lock);
	mutex_init(&vdso_file.pos_lock);
}

int vdso_map(struct mm *mm)
{
	struct map_request req = {
		.addr = VDSO_AT,
		.len = PAGE_SIZE,
		.prot = PROT_READ | PROT_EXEC,
		.flags = MAP_PRIVATE | MAP_FIXED,
		.file = &vdso_file,
		.vma_flags = VMA_VDSO,
	};
	int64_t at = mm_map(mm, &req);

	if (at < 0)
		return (int)at;
	mm->vdso = VDSO_AT;
	return 0;
}
