// SPDX-License-Identifier: BSD-2-Clause
/* Doubly linked lists of frames, by frame number. */
#include <twofold/log.h>
#include <twofold/page.h>

void page_list_add(struct page_list *list, struct page *page)
{
	pfn_t pfn = page_to_pfn(page);

	page->prev = 0;
	page->next = list->first;
	if (list->first)
		pfn_to_page(list->first)->prev = pfn;
	else
		list->last = pfn;
	list->first = pfn;
	list->count++;
}

void page_list_add_tail(struct page_list *list, struct page *page)
{
	pfn_t pfn = page_to_pfn(page);

	page->next = 0;
	page->prev = list->last;
	if (list->last)
		pfn_to_page(list->last)->next = pfn;
	else
		list->first = pfn;
	list->last = pfn;
	list->count++;
}

void page_list_del(struct page_list *list, struct page *page)
{
	DCHECK(list->count > 0);
	if (page->prev)
		pfn_to_page(page->prev)->next = page->next;
	else
		list->first = page->next;
	if (page->next)
		pfn_to_page(page->next)->prev = page->prev;
	else
		list->last = page->prev;
	page->next = page->prev = 0;
	list->count--;
}

struct page *page_list_pop_tail(struct page_list *list)
{
	struct page *page;

	if (!list->last)
		return NULL;
	page = pfn_to_page(list->last);
	page_list_del(list, page);
	return page;
}
