// SPDX-License-Identifier: BSD-2-Clause
/* System calls about memory: arguments are checked and named here, the work is mm/'s. */
#include <linux/fcntl.h>
#include <linux/limits.h>
#include <linux/mman.h>
#include <twofold/fs.h>
#include <twofold/slab.h>
#include <twofold/string.h>
#include <twofold/swap.h>
#include <twofold/syscall.h>
#include <twofold/task.h>

#define SWAP_FLAG_PREFER 0x8000u /* swapon(2) */
#define SWAP_FLAG_PRIO_MASK 0x7fffu
#define SWAP_FLAGS_VALID 0x7ffffu

static int check_file(const struct file *file, uint64_t prot, uint64_t flags)
{
	unsigned mode = file->flags & O_ACCMODE;
	bool shared = (flags & MAP_TYPE) != MAP_PRIVATE;

	if (file->flags & O_PATH)
		return -EBADF;
	if (mode == O_WRONLY)
		return -EACCES;
	return shared && (prot & PROT_WRITE) && mode != O_RDWR ? -EACCES : 0;
}

int64_t sys_mmap(uint64_t addr, uint64_t len, uint64_t prot, uint64_t flags, uint64_t fd,
		 uint64_t offset)
{
	struct map_request req = {
		.addr = addr,
		.len = len,
		.prot = (int)prot,
		.flags = (int)flags,
		.pgoff = offset >> PAGE_SHIFT,
	};
	int64_t result;

	if (offset & (PAGE_SIZE - 1))
		return -EINVAL;
	if (flags & MAP_ANONYMOUS)
		return mm_map(current->mm, &req);
	req.file = fd_get((int)fd);
	if (!req.file)
		return -EBADF;
	result = check_file(req.file, prot, flags);
	if (!result)
		result = mm_map(current->mm, &req);
	file_put(req.file);
	return result;
}

int64_t sys_munmap(uint64_t addr, uint64_t len)
{
	return mm_unmap(current->mm, addr, len);
}

int64_t sys_mprotect(uint64_t addr, uint64_t len, uint64_t prot)
{
	return mm_protect(current->mm, addr, len, (int)prot);
}

int64_t sys_mremap(uint64_t old, uint64_t old_len, uint64_t new_len, uint64_t flags,
		   uint64_t new_addr)
{
	return mm_remap(current->mm, old, old_len, new_len, (int)flags, new_addr);
}

int64_t sys_madvise(uint64_t addr, uint64_t len, uint64_t advice)
{
	return mm_advise(current->mm, addr, len, (int)advice);
}

int64_t sys_mincore(uint64_t addr, uint64_t len, uint64_t vec)
{
	return mm_mincore(current->mm, addr, len, UPTR(vec));
}

int64_t sys_msync(uint64_t addr, uint64_t len, uint64_t flags)
{
	return mm_msync(current->mm, addr, len, (int)flags);
}

/* Locks or unlocks the pages that hold [addr, addr + len). */
static int64_t lock_range(uint64_t addr, uint64_t len, bool lock)
{
	uint64_t start = ALIGN_DOWN(addr, PAGE_SIZE);
	uint64_t end = ALIGN_UP(addr + len, PAGE_SIZE);

	if (addr + len < addr || end < start)
		return -EINVAL;
	return end == start ? 0 : mm_lock_range(current->mm, start, end - start, lock);
}

int64_t sys_mlock(uint64_t addr, uint64_t len)
{
	return lock_range(addr, len, true);
}

int64_t sys_mlock2(uint64_t addr, uint64_t len, uint64_t flags)
{
	return flags & ~(uint64_t)MLOCK_ONFAULT ? -EINVAL : lock_range(addr, len, true);
}

int64_t sys_munlock(uint64_t addr, uint64_t len)
{
	return lock_range(addr, len, false);
}

int64_t sys_brk(uint64_t brk)
{
	return mm_brk(current->mm, brk);
}

/* The block device behind a path of the user's, its name in `name`; ERR_PTR. */
static struct block_device *user_device(uint64_t path, char *name)
{
	struct block_device *dev;
	struct inode *inode;
	ssize_t len = strncpy_from_user(name, UPTR(path), PATH_MAX);
	bool block;

	if (len < 0)
		return ERR_PTR(len);
	inode = path_lookup(AT_FDCWD, name, true);
	if (IS_ERR(inode))
		return ERR_PTR(PTR_ERR(inode));
	block = S_ISBLK(inode->mode);
	inode_put(inode);
	dev = block ? block_find(name) : NULL;
	return dev ? dev : ERR_PTR(-EINVAL);
}

static int64_t with_device(uint64_t path, int64_t (*fn)(struct block_device *, const char *, int),
			   int arg)
{
	struct block_device *dev;
	char *name;
	int64_t result;

	if (current->process->uid)
		return -EPERM;
	name = kmalloc(PATH_MAX, GFP_KERNEL);
	if (!name)
		return -ENOMEM;
	dev = user_device(path, name);
	result = IS_ERR(dev) ? PTR_ERR(dev) : fn(dev, name, arg);
	kfree(name);
	return result;
}

static int64_t do_swapon(struct block_device *dev, const char *name, int priority)
{
	return swap_on(dev, name, priority);
}

static int64_t do_swapoff(struct block_device *dev, const char *name, int unused)
{
	(void)name;
	(void)unused;
	return swap_off(dev);
}

int64_t sys_swapon(uint64_t path, uint64_t flags)
{
	int priority = flags & SWAP_FLAG_PREFER ? (int)(flags & SWAP_FLAG_PRIO_MASK) : -1;

	return flags & ~(uint64_t)SWAP_FLAGS_VALID ? -EINVAL
						   : with_device(path, do_swapon, priority);
}

int64_t sys_swapoff(uint64_t path)
{
	return with_device(path, do_swapoff, 0);
}
