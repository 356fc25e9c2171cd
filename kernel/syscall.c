// SPDX-License-Identifier: BSD-2-Clause
/* The system call table, by Linux's generic numbers, and dispatch. */
#include <arch/asm.h>
#include <asm/unistd.h>
#include <twofold/log.h>
#include <twofold/syscall.h>
#include <twofold/task.h>

/*
 * What the table holds: every call takes up to six registers, and one that takes fewer leaves the
 * rest alone (AAPCS64 6.8.2: arguments beyond its own are scratch registers to the callee).
 */
typedef int64_t (*syscall_fn)(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t);
#define SYSCALL(name) [__NR_##name] = (syscall_fn)(void (*)(void))sys_##name
/* Calls whose number goes by another name in the generic table. */
#define SYSCALL_AS(number, name) [number] = (syscall_fn)(void (*)(void))sys_##name

/* entry.S reads it. */
const syscall_fn syscalls[NR_CALLS] = {
	SYSCALL(read),
	SYSCALL(write),
	SYSCALL(readv),
	SYSCALL(writev),
	SYSCALL(pread64),
	SYSCALL(pwrite64),
	SYSCALL(openat),
	SYSCALL(close),
	SYSCALL(close_range),
	SYSCALL(lseek),
	SYSCALL(fstat),
	SYSCALL(newfstatat),
	SYSCALL(statx),
	SYSCALL(readlinkat),
	SYSCALL(getdents64),
	SYSCALL(mkdirat),
	SYSCALL(mknodat),
	SYSCALL(unlinkat),
	SYSCALL_AS(38, renameat), /* hidden unless a libc asks for it */
	SYSCALL(renameat2),
	SYSCALL(symlinkat),
	SYSCALL(linkat),
	SYSCALL(faccessat),
	SYSCALL(faccessat2),
	SYSCALL(chdir),
	SYSCALL(fchdir),
	SYSCALL(chroot),
	SYSCALL(getcwd),
	SYSCALL(umask),
	SYSCALL(dup),
	SYSCALL(dup3),
	SYSCALL(fcntl),
	SYSCALL(flock),
	SYSCALL(ioctl),
	SYSCALL(pipe2),
	SYSCALL(ppoll),
	SYSCALL(pselect6),
	SYSCALL(sendfile),
	SYSCALL(truncate),
	SYSCALL(ftruncate),
	SYSCALL(fallocate),
	SYSCALL(fadvise64),
	SYSCALL(fsync),
	SYSCALL(fdatasync),
	SYSCALL(sync),
	SYSCALL(syncfs),
	SYSCALL(statfs),
	SYSCALL(fstatfs),
	SYSCALL(fchmod),
	SYSCALL(fchmodat),
	SYSCALL(fchown),
	SYSCALL(fchownat),
	SYSCALL(utimensat),
	SYSCALL(mount),
	SYSCALL(umount2),

	SYSCALL(mmap),
	SYSCALL(munmap),
	SYSCALL(mprotect),
	SYSCALL(mremap),
	SYSCALL(madvise),
	SYSCALL(mincore),
	SYSCALL(msync),
	SYSCALL(mlock),
	SYSCALL(mlock2),
	SYSCALL(munlock),
	SYSCALL(brk),
	SYSCALL(swapon),
	SYSCALL(swapoff),

	SYSCALL(clone),
	SYSCALL(clone3),
	SYSCALL(execve),
	SYSCALL(exit),
	SYSCALL(exit_group),
	SYSCALL(wait4),
	SYSCALL(waitid),
	SYSCALL(set_tid_address),
	SYSCALL(set_robust_list),
	SYSCALL(get_robust_list),

	SYSCALL(getpid),
	SYSCALL(getppid),
	SYSCALL(gettid),
	SYSCALL(getuid),
	SYSCALL(geteuid),
	SYSCALL(getgid),
	SYSCALL(getegid),
	SYSCALL(setuid),
	SYSCALL(setgid),
	SYSCALL(setreuid),
	SYSCALL(setregid),
	SYSCALL(setresuid),
	SYSCALL(setresgid),
	SYSCALL(getresuid),
	SYSCALL(getresgid),
	SYSCALL(setfsuid),
	SYSCALL(setfsgid),
	SYSCALL(getgroups),
	SYSCALL(setgroups),
	SYSCALL(setpgid),
	SYSCALL(getpgid),
	SYSCALL(getsid),
	SYSCALL(setsid),

	SYSCALL(kill),
	SYSCALL(tkill),
	SYSCALL(tgkill),
	SYSCALL(rt_sigaction),
	SYSCALL(rt_sigprocmask),
	SYSCALL(rt_sigpending),
	SYSCALL(rt_sigsuspend),
	SYSCALL(rt_sigtimedwait),
	SYSCALL(rt_sigqueueinfo),
	SYSCALL(rt_tgsigqueueinfo),
	SYSCALL(rt_sigreturn),
	SYSCALL(sigaltstack),
	SYSCALL(restart_syscall),
	SYSCALL(setitimer),
	SYSCALL(getitimer),

	SYSCALL(futex),

	SYSCALL(sched_yield),
	SYSCALL(sched_setaffinity),
	SYSCALL(sched_getaffinity),
	SYSCALL(sched_setscheduler),
	SYSCALL(sched_getscheduler),
	SYSCALL(sched_setparam),
	SYSCALL(sched_getparam),
	SYSCALL(sched_get_priority_max),
	SYSCALL(sched_get_priority_min),
	SYSCALL(sched_rr_get_interval),
	SYSCALL(setpriority),
	SYSCALL(getpriority),
	SYSCALL(getcpu),
	SYSCALL(membarrier),

	SYSCALL(clock_gettime),
	SYSCALL(clock_settime),
	SYSCALL(clock_getres),
	SYSCALL(clock_nanosleep),
	SYSCALL(nanosleep),
	SYSCALL(gettimeofday),
	SYSCALL(settimeofday),
	SYSCALL(times),
	SYSCALL(getrusage),

	SYSCALL(uname),
	SYSCALL(sethostname),
	SYSCALL(sysinfo),
	SYSCALL(syslog),
	SYSCALL(reboot),
	SYSCALL(prctl),
	SYSCALL(personality),
	SYSCALL(prlimit64),
	SYSCALL_AS(163, getrlimit), /* hidden, as renameat */
	SYSCALL_AS(164, setrlimit),
	SYSCALL(getrandom),
	SYSCALL(rseq),
	SYSCALL(perf_event_open),
};

/* Says once for each number that somebody wanted it. */
int64_t syscall_unknown(uint64_t nr)
{
	static uint64_t said[NR_CALLS / 64 + 1];
	unsigned bit = nr < NR_CALLS ? (unsigned)nr : NR_CALLS; /* all larger ones count as one */

	if (!(__atomic_fetch_or(&said[bit / 64], BIT(bit % 64), __ATOMIC_RELAXED) & BIT(bit % 64)))
		pr_info("%s[%d]: system call %lu is not there\n", current->comm, current->tid,
			(unsigned long)nr);
	return -ENOSYS;
}

/*
 * A restart code must not reach the program, even if another thread took the signal: signal
 * delivery looks at it on the way out.
 */
void syscall_restarts(void)
{
	current->work = true;
}
