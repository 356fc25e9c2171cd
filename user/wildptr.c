// SPDX-License-Identifier: BSD-2-Clause
/*
 * Calls every system call that takes a pointer with pointers that lead nowhere, one argument at a
 * time, the others being right. The answer must be EFAULT, and the kernel must live on. Prints
 * "wildptr: N calls, 0 wrong".
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define USER_END 0x7ffffffff000ul

/* How a call uses a pointer. */
enum use {
	NO,   /* no pointer: pass the value */
	IN,   /* reads through it */
	OUT,  /* writes through it */
	IN_0, /* as IN and OUT, and NULL is legal: not tried */
	OUT_0,
	PART_IN, /* moves as much as it can: at the edge of a mapping a short count is right */
	PART_OUT,
};

struct call {
	const char *name;
	long number;
	long args[6];
	enum use use[6];
};

static char *page;	/* readable and writable, followed by a page that is neither */
static char *read_only; /* a page */
static int calls, wrong;

static const char *sound_path;
static int file, directory, tty, pipes[2];
static struct stat status;
static struct timespec instant = {0, 1};
static struct itimerval no_timer;
static struct pollfd poll_entry;
static siginfo_t info;
static sigset_t no_signals;
static uint64_t word;
static char buffer[4096];
static char *no_strings[1];

static void complain(const struct call *c, int arg, const char *kind, long result)
{
	printf("wildptr: %s, argument %d, %s: %ld (%s)\n", c->name, arg, kind, result,
	       result < 0 ? strerror(errno) : "success");
	wrong++;
}

static long make_call(const struct call *c, int arg, const void *pointer)
{
	long a[6];

	memcpy(a, c->args, sizeof(a));
	a[arg] = (long)pointer;
	calls++;
	return syscall(c->number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

static void expect_fault(const struct call *c, int arg, const void *pointer, const char *kind)
{
	long result = make_call(c, arg, pointer);

	if (result != -1 || errno != EFAULT)
		complain(c, arg, kind, result);
}

static bool writes(enum use use)
{
	return use == OUT || use == OUT_0 || use == PART_OUT;
}

static void try_argument(const struct call *c, int arg)
{
	enum use use = c->use[arg];
	char *edge = page + 4095;
	long result;

	if (use != IN_0 && use != OUT_0)
		expect_fault(c, arg, NULL, "NULL");
	expect_fault(c, arg, (void *)8, "almost NULL");
	expect_fault(c, arg, (void *)0xffff800040000000, "the kernel's direct map");
	expect_fault(c, arg, (void *)0xffffffff80000000, "the kernel's text");
	expect_fault(c, arg, (void *)0x0000900000000000, "a non-canonical address");
	expect_fault(c, arg, (void *)-16ul, "the last address");
	expect_fault(c, arg, (void *)(USER_END - 8), "the end of user space");
	expect_fault(c, arg, (void *)USER_END, "past the end of user space");
	expect_fault(c, arg, page + 4096, "PROT_NONE");
	if (writes(use))
		expect_fault(c, arg, read_only, "a read-only page");
	/* One byte is there, the next is not. */
	*edge = 'x';
	result = make_call(c, arg, edge);
	if ((result != -1 || errno != EFAULT) &&
	    !((use == PART_IN || use == PART_OUT) && result == 1))
		complain(c, arg, "the edge of a page", result);
}

#define AT AT_FDCWD
#define PATH ((long)sound_path)
#define BUF ((long)buffer)

static void try_files(void)
{
	const struct call table[] = {
		{"read", SYS_read, {file, 0, 16}, {NO, PART_OUT}},
		{"write", SYS_write, {pipes[1], 0, 16}, {NO, PART_IN}},
		{"readv", SYS_readv, {file, 0, 1}, {NO, IN}},
		{"writev", SYS_writev, {pipes[1], 0, 1}, {NO, IN}},
		{"pread64", SYS_pread64, {file, 0, 16, 0}, {NO, PART_OUT}},
		{"pwrite64", SYS_pwrite64, {file, 0, 16, 0}, {NO, PART_IN}},
		{"openat", SYS_openat, {AT, 0, O_RDONLY}, {NO, IN}},
		{"fstat", SYS_fstat, {file, 0}, {NO, OUT}},
		{"newfstatat", SYS_newfstatat, {AT, PATH, (long)&status}, {NO, IN, OUT}},
		{"statx", SYS_statx, {AT, PATH, 0, 0x7ff, BUF}, {NO, IN, NO, NO, OUT}},
		{"readlinkat",
		 SYS_readlinkat,
		 {AT, (long)"/proc/self/exe", BUF, 64},
		 {NO, IN, OUT}},
		{"getdents64", SYS_getdents64, {directory, 0, 4096}, {NO, OUT}},
		{"mkdirat", SYS_mkdirat, {AT, 0, 0755}, {NO, IN}},
		{"mknodat", SYS_mknodat, {AT, 0, S_IFIFO | 0644, 0}, {NO, IN}},
		{"unlinkat", SYS_unlinkat, {AT, 0, 0}, {NO, IN}},
		{"renameat2", SYS_renameat2, {AT, PATH, AT, PATH, 0}, {NO, IN, NO, IN}},
		{"symlinkat", SYS_symlinkat, {PATH, AT, PATH}, {IN, NO, IN}},
		{"linkat", SYS_linkat, {AT, PATH, AT, PATH, 0}, {NO, IN, NO, IN}},
		{"faccessat", SYS_faccessat, {AT, 0, R_OK}, {NO, IN}},
		{"chdir", SYS_chdir, {0}, {IN}},
		{"chroot", SYS_chroot, {0}, {IN}},
		{"getcwd", SYS_getcwd, {0, 4096}, {OUT}},
		{"pipe2", SYS_pipe2, {0, 0}, {OUT}},
		{"ppoll",
		 SYS_ppoll,
		 {(long)&poll_entry, 1, (long)&instant, 0, 8},
		 {IN, NO, IN_0, IN_0}},
		{"pselect6",
		 SYS_pselect6,
		 {1, 0, 0, 0, (long)&instant, 0},
		 {NO, IN_0, IN_0, IN_0, IN_0}},
		{"sendfile", SYS_sendfile, {pipes[1], file, 0, 1}, {NO, NO, IN_0}},
		{"truncate", SYS_truncate, {0, 0}, {IN}},
		{"statfs", SYS_statfs, {PATH, BUF}, {IN, OUT}},
		{"fstatfs", SYS_fstatfs, {file, 0}, {NO, OUT}},
		{"fchmodat", SYS_fchmodat, {AT, 0, 0600}, {NO, IN}},
		{"fchownat", SYS_fchownat, {AT, 0, 0, 0, 0}, {NO, IN}},
		{"utimensat", SYS_utimensat, {AT, PATH, 0, 0}, {NO, IN_0, IN_0}},
		{"umount2", SYS_umount2, {0, 0}, {IN}},
		{"TCGETS", SYS_ioctl, {tty, 0x5401, 0}, {NO, NO, OUT}},
		{"TIOCGWINSZ", SYS_ioctl, {tty, 0x5413, 0}, {NO, NO, OUT}},
		{"FIONREAD", SYS_ioctl, {pipes[0], 0x541b, 0}, {NO, NO, OUT}},
		{"swapon", SYS_swapon, {0, 0}, {IN}},
		{"swapoff", SYS_swapoff, {0}, {IN}},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++)
		for (int arg = 0; arg < 6; arg++)
			if (table[i].use[arg] != NO)
				try_argument(&table[i], arg);
}

static void try_processes(void)
{
	long self = getpid(), set = (long)&no_signals;
	const struct call table[] = {
		{"execve",
		 SYS_execve,
		 {(long)"/proc/self/exe", (long)no_strings, (long)no_strings},
		 {IN, IN_0, IN_0}},
		{"clone3", SYS_clone3, {0, sizeof(struct clone_args)}, {IN}},
		{"get_robust_list",
		 SYS_get_robust_list,
		 {0, (long)&word, (long)&word},
		 {NO, OUT, OUT}},
		{"getresuid", SYS_getresuid, {BUF, BUF, BUF}, {OUT, OUT, OUT}},
		{"getresgid", SYS_getresgid, {BUF, BUF, BUF}, {OUT, OUT, OUT}},
		{"setgroups", SYS_setgroups, {1, 0}, {NO, IN}},
		{"rt_sigaction", SYS_rt_sigaction, {SIGUSR1, 0, 0, 8}, {NO, IN_0, OUT_0}},
		{"rt_sigprocmask", SYS_rt_sigprocmask, {SIG_BLOCK, set, 0, 8}, {NO, IN_0, OUT_0}},
		{"rt_sigpending", SYS_rt_sigpending, {0, 8}, {OUT}},
		{"rt_sigsuspend", SYS_rt_sigsuspend, {0, 8}, {IN}},
		{"rt_sigtimedwait",
		 SYS_rt_sigtimedwait,
		 {set, (long)&info, (long)&instant, 8},
		 {IN, NO, IN_0}},
		{"rt_sigqueueinfo", SYS_rt_sigqueueinfo, {self, SIGUSR1, 0}, {NO, NO, IN}},
		{"sigaltstack", SYS_sigaltstack, {0, 0}, {IN_0, OUT_0}},
		{"setitimer", SYS_setitimer, {ITIMER_REAL, (long)&no_timer, 0}, {NO, IN_0, OUT_0}},
		{"getitimer", SYS_getitimer, {ITIMER_REAL, 0}, {NO, OUT}},
		{"sched_setaffinity", SYS_sched_setaffinity, {0, 8, 0}, {NO, NO, IN}},
		{"sched_getaffinity", SYS_sched_getaffinity, {0, 8, 0}, {NO, NO, OUT}},
		{"sched_setscheduler", SYS_sched_setscheduler, {0, SCHED_OTHER, 0}, {NO, NO, IN}},
		{"sched_getparam", SYS_sched_getparam, {0, 0}, {NO, OUT}},
		{"sched_rr_get_interval", SYS_sched_rr_get_interval, {0, 0}, {NO, OUT}},
		{"getcpu", SYS_getcpu, {0, 0}, {OUT_0, OUT_0}},
		{"mincore", SYS_mincore, {(long)page, 4096 * 2, 0}, {NO, NO, OUT}},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++)
		for (int arg = 0; arg < 6; arg++)
			if (table[i].use[arg] != NO)
				try_argument(&table[i], arg);
}

static void try_machine(void)
{
	long ts = (long)&instant;
	const struct call table[] = {
		{"clock_gettime", SYS_clock_gettime, {CLOCK_MONOTONIC, 0}, {NO, OUT}},
		{"clock_settime", SYS_clock_settime, {CLOCK_REALTIME, 0}, {NO, IN}},
		{"clock_getres", SYS_clock_getres, {CLOCK_MONOTONIC, 0}, {NO, OUT_0}},
		{"clock_nanosleep", SYS_clock_nanosleep, {CLOCK_MONOTONIC, 0, ts, 0}, {NO, NO, IN}},
		{"nanosleep", SYS_nanosleep, {ts, 0}, {IN}},
		{"gettimeofday", SYS_gettimeofday, {0, 0}, {OUT_0, OUT_0}},
		{"settimeofday", SYS_settimeofday, {0, 0}, {IN_0}},
		{"times", SYS_times, {0}, {OUT_0}},
		{"getrusage", SYS_getrusage, {RUSAGE_SELF, 0}, {NO, OUT}},
		{"uname", SYS_uname, {0}, {OUT}},
		{"sethostname", SYS_sethostname, {0, 8}, {IN}},
		{"sysinfo", SYS_sysinfo, {0}, {OUT}},
		{"PR_SET_NAME", SYS_prctl, {PR_SET_NAME, 0}, {NO, IN}},
		{"PR_GET_NAME", SYS_prctl, {PR_GET_NAME, 0}, {NO, OUT}},
		{"prlimit64", SYS_prlimit64, {0, RLIMIT_NOFILE, 0, 0}, {NO, NO, IN_0, OUT_0}},
		{"getrlimit", 163, {RLIMIT_NOFILE, 0}, {NO, OUT}},
		{"setrlimit", 164, {RLIMIT_NOFILE, 0}, {NO, IN}},
		{"getrandom", SYS_getrandom, {0, 16, 0}, {OUT}},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++)
		for (int arg = 0; arg < 6; arg++)
			if (table[i].use[arg] != NO)
				try_argument(&table[i], arg);
}

/* Calls whose pointers may be anything that is aligned, or that need a child. */
static void try_others(void)
{
	static const uint64_t bad[] = {0x10, 0xffff800040000000, 0x0000900000000000, USER_END};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		calls += 3;
		if (syscall(SYS_futex, bad[i], FUTEX_WAIT, 0, &instant) != -1 || errno != EFAULT) {
			printf("wildptr: futex at %#lx: %s\n", bad[i], strerror(errno));
			wrong++;
		}
		if (syscall(SYS_futex, bad[i] + 1, FUTEX_WAKE, 1) != -1 || errno != EINVAL) {
			printf("wildptr: unaligned futex at %#lx: %s\n", bad[i], strerror(errno));
			wrong++;
		}
		if (fork() == 0)
			_exit(0);
		if (syscall(SYS_wait4, -1, bad[i], 0, NULL) != -1 || errno != EFAULT) {
			printf("wildptr: wait4 at %#lx: %s\n", bad[i], strerror(errno));
			wrong++;
		}
	}
}

/* What lies across two pages that are both there is as good as any other. */
static void try_unaligned(void)
{
	char *p = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	for (int offset = 4096 - 20; offset < 4096; offset++) {
		calls += 2;
		if (syscall(SYS_clock_gettime, CLOCK_REALTIME, p + offset) ||
		    syscall(SYS_uname, p + offset)) {
			printf("wildptr: unaligned at offset %d: %s\n", offset, strerror(errno));
			wrong++;
		}
	}
	munmap(p, 8192);
}

static void prepare(void)
{
	static char name[] = "/tmp/wildptr.XXXXXX";

	file = mkstemp(name);
	sound_path = name;
	directory = open("/", O_RDONLY | O_DIRECTORY);
	tty = open("/dev/console", O_RDWR | O_NOCTTY);
	page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	read_only = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (file < 0 || directory < 0 || tty < 0 || page == MAP_FAILED || read_only == MAP_FAILED ||
	    pipe(pipes) || write(file, buffer, sizeof(buffer)) != sizeof(buffer) ||
	    write(pipes[1], "x", 1) != 1 || mprotect(page + 4096, 4096, PROT_NONE)) {
		perror("wildptr: cannot prepare");
		exit(2);
	}
	lseek(file, 0, SEEK_SET);
	poll_entry = (struct pollfd){.fd = pipes[0], .events = POLLIN};
	sigemptyset(&no_signals);
}

int main(void)
{
	prepare();
	try_files();
	try_processes();
	try_machine();
	try_others();
	try_unaligned();
	unlink(sound_path);
	printf("wildptr: %d calls, %d wrong\n", calls, wrong);
	return wrong != 0;
}
