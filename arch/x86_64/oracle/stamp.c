// SPDX-License-Identifier: BSD-2-Clause
/*
 * What programs wrote on the other machine, read by this one through the twin: that a mapping
 * leads to the frame that the program meant, no tree alone can show.
 */
#include "oracle.h"

static void judge_page(const struct probe *p, uint64_t wanted)
{
	struct outcome got = probe_make(p, NULL);
	bool absent = !got.ok && got.vector == VECTOR_PF && !got.error;
	bool right = got.ok && got.value == wanted;

	if (absent) /* swapped out, not touched since the fork, or PROT_NONE */
		return;
	session.score.probes++;
	session.score.agreed += right;
	session.score.stamps += right;
	if (!right)
		probe_differs(p, "stamp: %#lx, not %#lx; vector %u, error %#x", got.value, wanted,
			      got.vector, got.error);
}

void stamp_judge(const struct tree *tree, const struct stamp *stamp)
{
	struct controls controls = {.wp = true, .nxe = cpu.nx, .pge = true};
	struct probe p = {.access = MMU_READ};
	paddr_t root;

	CHECK(view_adopt(tree->root, &root));
	session_load(&controls, root);
	for (p.va = stamp->start; p.va < stamp->end; p.va += PAGE_SIZE)
		judge_page(&p, p.va ^ stamp->tag);
}
