// SPDX-License-Identifier: BSD-2-Clause
/* Swap areas coming and going: swapon, swapoff, and what /proc/swaps shows. */
#include <twofold/errno.h>
#include <twofold/log.h>
#include <twofold/slab.h>
#include <twofold/string.h>
#include <twofold/swap_area.h>
#include <twofold/swap_header.h>
#include <twofold/task.h>
#include <twofold/time.h>
#include <twofold/vmalloc.h>

static struct mutex areas_mutex; /* swapon and swapoff, one at a time */
static int next_priority = -2;	 /* as Linux counts down */

void swap_init(void)
{
	reclaim_init();
	oom_init();
	mutex_init(&areas_mutex);
	for (unsigned i = 0; i < MAX_SWAP_AREAS; i++)
		spin_lock_init(&swap_areas[i].lock, RANK_SWAP);
}

static int read_header(struct block_device *dev, struct swap_header *h, const char *name)
{
	uint64_t pages = dev->sectors / (PAGE_SIZE / SECTOR_SIZE);
	const char *wrong;
	int err;

	if (pages < 2) {
		pr_err("swap: %s is too small", name);
		return -EINVAL;
	}
	err = block_rw(dev, BIO_READ, 0, h, sizeof(*h));
	if (err) {
		pr_err("swap: cannot read the header of %s: error %d", name, err);
		return err;
	}
	wrong = swap_header_check(h, pages);
	if (!wrong)
		return 0;
	pr_err("swap: %s refused: %s", name, wrong);
	return -EINVAL;
}

static struct swap_area *area_on(const struct block_device *dev)
{
	for (struct swap_area *a = swap_areas; a < swap_areas + MAX_SWAP_AREAS; a++)
		if (a->dev == dev)
			return a;
	return NULL;
}

/* Slots known by nobody any more, but for faults that come too late: they find the area empty. */
static void free_tables(struct swap_area *a)
{
	struct swap_slot *slots;
	uint16_t *cluster_free;

	spin_lock(&a->lock);
	slots = a->slots;
	cluster_free = a->cluster_free;
	a->slots = NULL;
	a->cluster_free = NULL;
	a->nr_slots = a->nr_free = a->nr_bad = 0;
	a->dev = NULL;
	spin_unlock(&a->lock);
	vfree(slots);
	vfree(cluster_free);
}

static void mark_bad(struct swap_slot *slots, uint32_t *nr_bad, uint32_t offset)
{
	if (slots[offset].count == COUNT_BAD)
		return;
	slots[offset].count = COUNT_BAD;
	++*nr_bad;
}

/* Slot tables as the header says: all free but the header's own page and the bad ones. */
static int make_tables(struct swap_area *a, const struct swap_header *h)
{
	uint32_t nr = MIN(h->last_page, (uint32_t)BIT(28) - 1) + 1, nr_bad = 0;
	struct swap_slot *slots = vzalloc((size_t)nr * sizeof(*slots));
	uint16_t *cluster_free = vzalloc(DIV_ROUND_UP(nr, SWAP_CLUSTER) * sizeof(*cluster_free));

	if (!slots || !cluster_free) {
		vfree(slots);
		vfree(cluster_free);
		return -ENOMEM;
	}
	mark_bad(slots, &nr_bad, 0);
	for (uint32_t i = 0; i < h->nr_badpages; i++)
		if (h->badpages[i] < nr)
			mark_bad(slots, &nr_bad, h->badpages[i]);
	spin_lock(&a->lock);
	a->slots = slots;
	a->cluster_free = cluster_free;
	a->nr_slots = nr;
	a->nr_bad = nr_bad;
	a->nr_free = a->nr_retired = 0;
	memset(a->next, 0, sizeof(a->next));
	for (uint32_t i = 1; i < nr; i++)
		if (slots[i].count == 0)
			slot_becomes_free(a, i);
	spin_unlock(&a->lock);
	return 0;
}

static int start_area(struct block_device *dev, const char *name, int priority,
		      const struct swap_header *h)
{
	struct swap_area *a = area_on(NULL);
	int err;

	if (!a)
		return -EPERM; /* Linux: too many */
	err = make_tables(a, h);
	if (err)
		return err;
	strlcpy(a->name, name, sizeof(a->name));
	a->priority = priority >= 0 ? priority : next_priority--;
	spin_lock(&a->lock);
	a->dev = dev;
	a->writable = true;
	spin_unlock(&a->lock);
	pr_info("swap: %s: %u KiB, priority %d", name, a->nr_free * 4, a->priority);
	return 0;
}

int swap_on(struct block_device *dev, const char *name, int priority)
{
	struct swap_header *h = kmalloc(sizeof(*h), GFP_KERNEL);
	int err;

	if (!h)
		return -ENOMEM;
	mutex_lock(&areas_mutex);
	if (area_on(dev))
		err = -EBUSY;
	else if (dev->read_only)
		err = -EROFS;
	else
		err = read_header(dev, h, name);
	if (!err)
		err = start_area(dev, name, priority, h);
	mutex_unlock(&areas_mutex);
	kfree(h);
	return err;
}

/* ---- swapoff ---- */

static uint32_t slots_used(const struct swap_area *a)
{
	return a->nr_slots - a->nr_bad - a->nr_free;
}

/* What is being written while we look is found in the next round. */
static int empty_area(struct swap_area *a)
{
	slot_t first = (slot_t)(a - swap_areas) << 28;
	int err;

	while (slots_used(a)) {
		if (signal_pending())
			return -EINTR;
		err = objects_swap_in(first, first + a->nr_slots - 1);
		if (err)
			return err;
		if (slots_used(a))
			sched_sleep_ns(NSEC_PER_MSEC);
	}
	return 0;
}

static void set_writable(struct swap_area *a, bool writable)
{
	spin_lock(&a->lock);
	a->writable = writable;
	spin_unlock(&a->lock);
}

static int stop_area(struct swap_area *a)
{
	int err;

	set_writable(a, false);
	err = slots_used(a) > frames_free() + swap_free_pages() ? -ENOMEM : empty_area(a);
	if (err)
		set_writable(a, true);
	else
		free_tables(a);
	return err;
}

int swap_off(struct block_device *dev)
{
	struct swap_area *a;
	int err = -EINVAL;

	mutex_lock(&areas_mutex);
	a = dev ? area_on(dev) : NULL;
	if (a)
		err = stop_area(a);
	mutex_unlock(&areas_mutex);
	return err;
}

/* ---- what /proc shows ---- */

bool swap_row(unsigned i, struct swap_row *row)
{
	for (struct swap_area *a = swap_areas; a < swap_areas + MAX_SWAP_AREAS; a++) {
		if (!a->dev || i--)
			continue;
		strlcpy(row->name, a->name, sizeof(row->name));
		row->size = a->nr_slots - 1;
		row->used = slots_used(a);
		row->priority = a->priority;
		return true;
	}
	return false;
}

uint64_t swap_total_pages(void)
{
	uint64_t n = 0;

	for (struct swap_area *a = swap_areas; a < swap_areas + MAX_SWAP_AREAS; a++)
		n += a->dev ? a->nr_slots - a->nr_bad : 0;
	return n;
}

uint64_t swap_free_pages(void)
{
	uint64_t n = 0;

	for (struct swap_area *a = swap_areas; a < swap_areas + MAX_SWAP_AREAS; a++)
		n += a->writable ? a->nr_free : 0;
	return n;
}
