/* SPDX-License-Identifier: BSD-2-Clause */
/* Error numbers: Linux's own, from its UAPI headers. Functions return them negated. */
#ifndef TWOFOLD_ERRNO_H
#define TWOFOLD_ERRNO_H

#include <linux/errno.h>

/* Restart codes, never seen by programs: signal delivery turns them into a restart or -EINTR. */
#define ERESTARTSYS 512		  /* restart if the handler has SA_RESTART, or there is none */
#define ERESTARTNOINTR 513	  /* restart always */
#define ERESTARTNOHAND 514	  /* restart only where no handler runs */
#define ERESTART_RESTARTBLOCK 516 /* go on by restart_syscall() where no handler runs */

#endif
