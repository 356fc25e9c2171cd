/* SPDX-License-Identifier: BSD-2-Clause */
/* Kinds of faults to provoke (provoke.c), and how they are told (fault.c). */
#ifndef CONTRAST_FAULT_H
#define CONTRAST_FAULT_H

#include "contrast.h"
#include <sys/types.h>

/* One fault to come, in memory that the child shares with us. */
struct attempt {
	volatile char *at; /* where it is to happen */
	pid_t pid;	   /* who makes the access */
	pid_t helper;	   /* a process that keeps a page shared; 0 */
	bool made;	   /* the access was made, or made the signal */
	int signo, code;   /* the signal that came; 0 */
	char why[96];	   /* it cannot be provoked here */
};

struct kind {
	const char *name, *what;
	/* Gets all ready; false: a->why. In a child of its own. */
	bool (*prepare)(struct attempt *a);
	/* The one access. */
	void (*access)(struct attempt *a);
};

extern const struct kind kinds[];
extern const size_t nr_kinds;

#endif
