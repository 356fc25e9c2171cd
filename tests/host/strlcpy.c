// SPDX-License-Identifier: BSD-2-Clause
/* For hosts whose libc has none (glibc before 2.38). */
#include <string.h>
#include <twofold/string.h>

__attribute__((weak)) size_t strlcpy(char *to, const char *from, size_t size)
{
	size_t len = strlen(from), n = len < size ? len : size - 1;

	if (size) {
		memcpy(to, from, n);
		to[n] = '\0';
	}
	return len;
}
