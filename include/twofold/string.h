/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The standard string functions that the kernel and libfdt use; ISO C's contracts. kernel/string.c
 */
#ifndef TWOFOLD_STRING_H
#define TWOFOLD_STRING_H

#include <stddef.h>

void *memcpy(void *restrict to, const void *restrict from, size_t n);
void *memmove(void *to, const void *from, size_t n);
void *memset(void *p, int byte, size_t n);
int memcmp(const void *a, const void *b, size_t n);
void *memchr(const void *p, int byte, size_t n);
size_t strlen(const char *s);
size_t strnlen(const char *s, size_t max);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t n);
char *strchr(const char *s, int c);
char *strrchr(const char *s, int c);
char *strstr(const char *s, const char *what);
unsigned long strtoul(const char *s, char **end, int base);
/* Copies with a terminating NUL always; returns strlen(from), so >= size means truncated. */
size_t strlcpy(char *to, const char *from, size_t size);

#endif
