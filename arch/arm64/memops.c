// SPDX-License-Identifier: BSD-2-Clause
/* memmove and memcmp, a word at a time: normal memory allows unaligned access. */
#include <stdint.h>
#include <twofold/string.h>

typedef uint64_t __attribute__((aligned(1), may_alias)) word_t;

/* memcpy() ascends, a block at a time: safe unless the target begins inside the source. */
void *memmove(void *to, const void *from, size_t n)
{
	unsigned char *t = (unsigned char *)to + n;
	const unsigned char *f = (const unsigned char *)from + n;

	if ((uintptr_t)to - (uintptr_t)from >= n)
		return memcpy(to, from, n);
	for (; n >= sizeof(word_t); n -= sizeof(word_t)) {
		t -= sizeof(word_t);
		f -= sizeof(word_t);
		*(word_t *)t = *(const word_t *)f;
	}
	while (n--)
		*--t = *--f;
	return to;
}

int memcmp(const void *a, const void *b, size_t n)
{
	const unsigned char *x = a, *y = b;

	for (; n >= sizeof(word_t); n -= sizeof(word_t)) {
		if (*(const word_t *)x != *(const word_t *)y)
			break;
		x += sizeof(word_t);
		y += sizeof(word_t);
	}
	for (; n && *x == *y; n--, x++, y++)
		;
	return n ? *x - *y : 0;
}
