/* SPDX-License-Identifier: BSD-2-Clause */
/* Going through all families of objects, for swapoff. One search at a time. */
#ifndef MM_FAMILIES_H
#define MM_FAMILIES_H

struct rmap;

void families_search(void); /* starts a search */
/* A family not yet seen in this search, referenced: family_put() it. NULL: that was all. Families
 * made since the search began are not seen: they hold no slot older than that. */
struct rmap *families_next(void);
void family_put(struct rmap *family);

#endif
