// SPDX-License-Identifier: BSD-2-Clause
/* What boot made of the machine's memory. */
#include <twofold/boot.h>
#include <twofold/page.h>
#include <twofold/selftest.h>

static bool in_ram(pfn_t first, uint64_t count)
{
	uint64_t start = pfn_to_pa(first).pa, end = start + count * PAGE_SIZE, size;
	paddr_t ram;

	for (unsigned i = 0; frames_ram_range(i, &ram, &size); i++)
		if (start >= ram.pa && start < ram.pa + size) {
			/* Ranges may adjoin. */
			if (end <= ram.pa + size)
				return true;
			start = ram.pa + size;
		}
	return false;
}

/* One order's list of a zone: aligned, in RAM, marked, of this zone; adds up its frames. */
static bool list_sound(const struct zone *zone, unsigned order, uint64_t *frames)
{
	uint32_t count = 0;

	for (pfn_t pfn = zone->free[order].first; pfn; pfn = pfn_to_page(pfn)->next) {
		struct page *page = pfn_to_page(pfn);

		if (!pfn_valid(pfn) || !IS_ALIGNED(pfn, 1u << order) || page->order != order ||
		    !page_flag(page, PG_BUDDY) || page->refs || page_zone(page) != zone ||
		    !in_ram(pfn, BIT(order)))
			return false;
		count++;
	}
	*frames += (uint64_t)count << order;
	return count == zone->free[order].count;
}

SELFTEST(frames, free_lists_are_sound_and_add_up)
{
	for (struct zone *zone = zones; zone < zones + nr_zones; zone++) {
		uint64_t frames = 0;
		bool sound = true;

		spin_lock(&zone->lock);
		for (unsigned order = 0; order <= MAX_ORDER; order++)
			sound &= list_sound(zone, order, &frames);
		sound &= frames == zone->nr_free;
		spin_unlock(&zone->lock);
		EXPECT(sound);
	}
}

SELFTEST(frames, watermarks_ascend)
{
	EXPECT(nr_zones >= 1);
	for (struct zone *zone = zones; zone < zones + nr_zones; zone++) {
		EXPECT(zone->min <= zone->low && zone->low <= zone->high);
		EXPECT(zone->high < zone->managed);
		EXPECT(zone->managed <= zone->end - zone->start);
		EXPECT(zone->id != ZONE_DMA || zone->end <= SZ_1G >> PAGE_SHIFT);
	}
	EXPECT(frames_free() <= frames_managed());
}

SELFTEST(frames, conversions_are_inverse)
{
	paddr_t start;
	uint64_t size;

	for (unsigned i = 0; frames_ram_range(i, &start, &size); i++) {
		pfn_t ends[] = {pa_to_pfn(start), pa_to_pfn(pa_add(start, size - 1))};

		for (unsigned k = 0; k < ARRAY_SIZE(ends); k++) {
			struct page *page = pfn_to_page(ends[k]);

			EXPECT(pfn_valid(ends[k]));
			EXPECT(page_to_pfn(page) == ends[k]);
			EXPECT(virt_to_page(page_to_ptr(page)) == page);
			EXPECT(virt_to_page((char *)page_to_ptr(page) + PAGE_SIZE - 1) == page);
		}
	}
	EXPECT(!pfn_valid(max_pfn));
}

SELFTEST(frames, image_and_page_array_are_reserved)
{
	const void *parts[] = {_text, _rodata, _data};

	for (unsigned i = 0; i < ARRAY_SIZE(parts); i++)
		EXPECT(page_flag(pfn_to_page(pa_to_pfn(image_pa(parts[i]))), PG_RESERVED));
	EXPECT(page_flag(virt_to_page(pfn_to_page(min_pfn)), PG_RESERVED));
	EXPECT(page_flag(virt_to_page(pfn_to_page(max_pfn - 1)), PG_RESERVED));
}

SELFTEST(frames, zero_page_is_zero_and_never_freed)
{
	const uint64_t *words = page_to_ptr(zero_page);
	uint64_t any = 0;

	for (unsigned i = 0; i < PAGE_SIZE / sizeof(*words); i++)
		any |= words[i];
	EXPECT(!any);
	EXPECT(page_flag(zero_page, PG_RESERVED));
	get_page(zero_page);
	put_page(zero_page);
	EXPECT(zero_page->refs == 1);
}

SELFTEST(frames, page_lists_keep_their_order)
{
	struct page_list list = {0};
	struct page *p[4];

	for (unsigned i = 0; i < 4; i++)
		p[i] = alloc_page(GFP_KERNEL);
	REQUIRE(p[0] && p[1] && p[2] && p[3]);
	page_list_add(&list, p[1]);
	page_list_add(&list, p[0]);
	page_list_add_tail(&list, p[2]);
	page_list_add_tail(&list, p[3]);
	page_list_del(&list, p[1]);
	EXPECT(list.count == 3);
	EXPECT(page_list_pop_tail(&list) == p[3]);
	EXPECT(page_list_pop_tail(&list) == p[2]);
	EXPECT(page_list_pop_tail(&list) == p[0]);
	EXPECT(!page_list_pop_tail(&list) && !list.count);
	for (unsigned i = 0; i < 4; i++)
		free_pages(p[i], 0);
}
