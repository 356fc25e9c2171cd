/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The kernel command line: space-separated name or name=value, "double quotes" around spaces.
 * kernel/params.c
 */
#ifndef TWOFOLD_PARAMS_H
#define TWOFOLD_PARAMS_H

#include <twofold/types.h>

void params_init(const char *bootargs); /* copies it; logs what is over-long */
const char *params_line(void);		/* for /proc/cmdline */
/* Copies the last value of `name` ("" for a bare name); false where it is not given. */
bool param_string(const char *name, char *buf, size_t size);
/* on/off, 1/0, y/n; a bare name is true. A malformed value is logged and gives the default. */
bool param_bool(const char *name, bool dflt);
/* A number with Linux's K, M, G suffixes. */
uint64_t param_size(const char *name, uint64_t dflt);
/* Parses digits with a suffix, as memparse(); *end past what was read. */
uint64_t parse_size(const char *s, const char **end);

#endif
