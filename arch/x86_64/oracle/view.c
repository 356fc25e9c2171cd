// SPDX-License-Identifier: BSD-2-Clause
/* Physical memory through the view, and the frames that trees of the oracle's own are made of. */
#include <twofold/string.h>

#include "oracle.h"

#define LOW_END 0xa0000	      /* video memory and ROM begin */
#define POOL_START 0x10000000 /* to POOL_END: tables of trees that are made here */
#define POOL_END 0x11000000

extern const uint64_t view_pml4, view_pt, user_page;
extern const char image_end[];

static uint64_t top; /* end of the RAM below 4 GiB */
static uint64_t pool = POOL_START;
static uint64_t adopted[PT_ENTRIES] __aligned(PAGE_SIZE);

static paddr_t image_pa(const void *p)
{
	return PADDR((uintptr_t)p - VIEW_BASE);
}

void view_init(uint64_t ram_end)
{
	top = ram_end;
	CHECK(top > POOL_END && top <= VIEW_SIZE);
	view(PADDR(view_pt))[user_page >> PAGE_SHIFT] |= BIT(2);
	cpu_leave();
}

bool view_has(paddr_t pa)
{
	return pa.pa < LOW_END || (pa.pa >= IMAGE_PA && pa.pa < top);
}

bool view_safe(paddr_t pa)
{
	return view_has(pa) && !(pa.pa >= IMAGE_PA && pa.pa < image_pa(image_end).pa);
}

static bool load(void *arg, paddr_t pa, uint64_t *value)
{
	(void)arg;
	if (!view_has(pa))
		return false;
	*value = *(volatile uint64_t *)view(pa);
	return true;
}

const struct mmu_memory view_memory = {.load = load};

paddr_t pool_frame(void)
{
	paddr_t frame = PADDR(pool);

	CHECK(pool < POOL_END);
	memset(view(frame), 0, PAGE_SIZE);
	pool += PAGE_SIZE;
	return frame;
}

void pool_reset(void)
{
	pool = POOL_START;
}

bool view_adopt(paddr_t root, paddr_t *copy)
{
	CHECK(view_has(root));
	cpu_leave();
	memcpy(adopted, view(root), PAGE_SIZE);
	*copy = image_pa(adopted);
	if (adopted[OWN_SLOT])
		return false;
	adopted[OWN_SLOT] = view(PADDR(view_pml4))[OWN_SLOT];
	return true;
}
