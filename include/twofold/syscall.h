/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * System calls: one function each, declared here with the arguments that Linux/arm64 gives it (x0
 * to x5, each a raw 64-bit register: narrow it yourself, `(int)fd`). They run as the current task,
 * interrupts on, no lock held, may sleep, and return the result or a negative errno. Pointers among
 * them go through UPTR() and <arch/uaccess.h>. What needs the caller's registers asks
 * task_trapframe(current).
 *
 * A sleep that a signal cuts short returns -ERESTARTSYS (read, write, wait4, ...) or
 * -ERESTARTNOHAND (ppoll, pselect6, ...) instead of -EINTR where Linux would restart the call;
 * signal delivery (kernel/signal.c) turns them into a restart or -EINTR.
 */
#ifndef TWOFOLD_SYSCALL_H
#define TWOFOLD_SYSCALL_H

#include <twofold/errno.h>
#include <twofold/types.h>

/* ---- files: fs/syscalls.c ---- */
int64_t sys_read(uint64_t fd, uint64_t buf, uint64_t count);
int64_t sys_write(uint64_t fd, uint64_t buf, uint64_t count);
int64_t sys_readv(uint64_t fd, uint64_t iov, uint64_t nr);
int64_t sys_writev(uint64_t fd, uint64_t iov, uint64_t nr);
int64_t sys_pread64(uint64_t fd, uint64_t buf, uint64_t count, uint64_t pos);
int64_t sys_pwrite64(uint64_t fd, uint64_t buf, uint64_t count, uint64_t pos);
int64_t sys_openat(uint64_t dirfd, uint64_t path, uint64_t flags, uint64_t mode);
int64_t sys_close(uint64_t fd);
int64_t sys_close_range(uint64_t first, uint64_t last, uint64_t flags);
int64_t sys_lseek(uint64_t fd, uint64_t offset, uint64_t whence);
int64_t sys_fstat(uint64_t fd, uint64_t stat);
int64_t sys_newfstatat(uint64_t dirfd, uint64_t path, uint64_t stat, uint64_t flags);
int64_t sys_statx(uint64_t dirfd, uint64_t path, uint64_t flags, uint64_t mask, uint64_t statx);
int64_t sys_readlinkat(uint64_t dirfd, uint64_t path, uint64_t buf, uint64_t size);
int64_t sys_getdents64(uint64_t fd, uint64_t dirent, uint64_t size);
int64_t sys_mkdirat(uint64_t dirfd, uint64_t path, uint64_t mode);
int64_t sys_mknodat(uint64_t dirfd, uint64_t path, uint64_t mode, uint64_t dev);
int64_t sys_unlinkat(uint64_t dirfd, uint64_t path, uint64_t flags);
int64_t sys_renameat(uint64_t olddir, uint64_t oldpath, uint64_t newdir, uint64_t newpath);
int64_t sys_renameat2(uint64_t olddir, uint64_t oldpath, uint64_t newdir, uint64_t newpath,
		      uint64_t flags);
int64_t sys_symlinkat(uint64_t target, uint64_t dirfd, uint64_t path);
int64_t sys_linkat(uint64_t olddir, uint64_t oldpath, uint64_t newdir, uint64_t newpath,
		   uint64_t flags);
int64_t sys_faccessat(uint64_t dirfd, uint64_t path, uint64_t mode);
int64_t sys_faccessat2(uint64_t dirfd, uint64_t path, uint64_t mode, uint64_t flags);
int64_t sys_chdir(uint64_t path);
int64_t sys_fchdir(uint64_t fd);
int64_t sys_chroot(uint64_t path);
int64_t sys_getcwd(uint64_t buf, uint64_t size);
int64_t sys_umask(uint64_t mask);
int64_t sys_dup(uint64_t fd);
int64_t sys_dup3(uint64_t oldfd, uint64_t newfd, uint64_t flags);
int64_t sys_fcntl(uint64_t fd, uint64_t cmd, uint64_t arg);
int64_t sys_flock(uint64_t fd, uint64_t op);
int64_t sys_ioctl(uint64_t fd, uint64_t cmd, uint64_t arg);
int64_t sys_pipe2(uint64_t fds, uint64_t flags);
int64_t sys_ppoll(uint64_t fds, uint64_t nr, uint64_t timeout, uint64_t mask, uint64_t mask_size);
int64_t sys_pselect6(uint64_t nr, uint64_t in, uint64_t out, uint64_t ex, uint64_t timeout,
		     uint64_t mask);
int64_t sys_sendfile(uint64_t out, uint64_t in, uint64_t offset, uint64_t count);
int64_t sys_truncate(uint64_t path, uint64_t size);
int64_t sys_ftruncate(uint64_t fd, uint64_t size);
int64_t sys_fallocate(uint64_t fd, uint64_t mode, uint64_t offset, uint64_t len);
int64_t sys_fadvise64(uint64_t fd, uint64_t offset, uint64_t len, uint64_t advice);
int64_t sys_fsync(uint64_t fd);
int64_t sys_fdatasync(uint64_t fd);
int64_t sys_sync(void);
int64_t sys_syncfs(uint64_t fd);
int64_t sys_statfs(uint64_t path, uint64_t buf);
int64_t sys_fstatfs(uint64_t fd, uint64_t buf);
int64_t sys_fchmod(uint64_t fd, uint64_t mode);
int64_t sys_fchmodat(uint64_t dirfd, uint64_t path, uint64_t mode);
int64_t sys_fchown(uint64_t fd, uint64_t uid, uint64_t gid);
int64_t sys_fchownat(uint64_t dirfd, uint64_t path, uint64_t uid, uint64_t gid, uint64_t flags);
int64_t sys_utimensat(uint64_t dirfd, uint64_t path, uint64_t times, uint64_t flags);
int64_t sys_mount(uint64_t source, uint64_t target, uint64_t type, uint64_t flags, uint64_t data);
int64_t sys_umount2(uint64_t target, uint64_t flags);

/* ---- memory: kernel/sys_mem.c ---- */
int64_t sys_mmap(uint64_t addr, uint64_t len, uint64_t prot, uint64_t flags, uint64_t fd,
		 uint64_t offset);
int64_t sys_munmap(uint64_t addr, uint64_t len);
int64_t sys_mprotect(uint64_t addr, uint64_t len, uint64_t prot);
int64_t sys_mremap(uint64_t old, uint64_t old_len, uint64_t new_len, uint64_t flags,
		   uint64_t new_addr);
int64_t sys_madvise(uint64_t addr, uint64_t len, uint64_t advice);
int64_t sys_mincore(uint64_t addr, uint64_t len, uint64_t vec);
int64_t sys_msync(uint64_t addr, uint64_t len, uint64_t flags);
int64_t sys_mlock(uint64_t addr, uint64_t len);
int64_t sys_mlock2(uint64_t addr, uint64_t len, uint64_t flags);
int64_t sys_munlock(uint64_t addr, uint64_t len);
int64_t sys_brk(uint64_t brk);
int64_t sys_swapon(uint64_t path, uint64_t flags);
int64_t sys_swapoff(uint64_t path);

/* ---- processes: kernel/fork.c, exec.c, exit.c ---- */
int64_t sys_clone(uint64_t flags, uint64_t stack, uint64_t parent_tid, uint64_t tls,
		  uint64_t child_tid);
int64_t sys_clone3(uint64_t args, uint64_t size);
int64_t sys_execve(uint64_t path, uint64_t argv, uint64_t envp);
int64_t sys_exit(uint64_t code);
int64_t sys_exit_group(uint64_t code);
int64_t sys_wait4(uint64_t pid, uint64_t status, uint64_t options, uint64_t rusage);
int64_t sys_waitid(uint64_t which, uint64_t id, uint64_t info, uint64_t options, uint64_t rusage);
int64_t sys_set_tid_address(uint64_t tidptr);
int64_t sys_set_robust_list(uint64_t head, uint64_t len);
int64_t sys_get_robust_list(uint64_t pid, uint64_t head, uint64_t len);

/* ---- ids: kernel/sys_ids.c ---- */
int64_t sys_getpid(void);
int64_t sys_getppid(void);
int64_t sys_gettid(void);
int64_t sys_getuid(void);
int64_t sys_geteuid(void);
int64_t sys_getgid(void);
int64_t sys_getegid(void);
int64_t sys_setuid(uint64_t uid);
int64_t sys_setgid(uint64_t gid);
int64_t sys_setreuid(uint64_t ruid, uint64_t euid);
int64_t sys_setregid(uint64_t rgid, uint64_t egid);
int64_t sys_setresuid(uint64_t ruid, uint64_t euid, uint64_t suid);
int64_t sys_setresgid(uint64_t rgid, uint64_t egid, uint64_t sgid);
int64_t sys_getresuid(uint64_t ruid, uint64_t euid, uint64_t suid);
int64_t sys_getresgid(uint64_t rgid, uint64_t egid, uint64_t sgid);
int64_t sys_setfsuid(uint64_t uid);
int64_t sys_setfsgid(uint64_t gid);
int64_t sys_getgroups(uint64_t size, uint64_t list);
int64_t sys_setgroups(uint64_t size, uint64_t list);
int64_t sys_setpgid(uint64_t pid, uint64_t pgid);
int64_t sys_getpgid(uint64_t pid);
int64_t sys_getsid(uint64_t pid);
int64_t sys_setsid(void);

/* ---- signals: kernel/sys_signal.c ---- */
int64_t sys_kill(uint64_t pid, uint64_t sig);
int64_t sys_tkill(uint64_t tid, uint64_t sig);
int64_t sys_tgkill(uint64_t tgid, uint64_t tid, uint64_t sig);
int64_t sys_rt_sigaction(uint64_t sig, uint64_t act, uint64_t old, uint64_t size);
int64_t sys_rt_sigprocmask(uint64_t how, uint64_t set, uint64_t old, uint64_t size);
int64_t sys_rt_sigpending(uint64_t set, uint64_t size);
int64_t sys_rt_sigsuspend(uint64_t set, uint64_t size);
int64_t sys_rt_sigtimedwait(uint64_t set, uint64_t info, uint64_t timeout, uint64_t size);
int64_t sys_rt_sigqueueinfo(uint64_t pid, uint64_t sig, uint64_t info);
int64_t sys_rt_tgsigqueueinfo(uint64_t tgid, uint64_t tid, uint64_t sig, uint64_t info);
int64_t sys_rt_sigreturn(void);
int64_t sys_sigaltstack(uint64_t stack, uint64_t old);
int64_t sys_restart_syscall(void);
int64_t sys_setitimer(uint64_t which, uint64_t value, uint64_t old);
int64_t sys_getitimer(uint64_t which, uint64_t value);

/* ---- futexes: kernel/futex.c ---- */
int64_t sys_futex(uint64_t addr, uint64_t op, uint64_t val, uint64_t timeout, uint64_t addr2,
		  uint64_t val3);

/* ---- scheduling: kernel/sys_sched.c ---- */
int64_t sys_sched_yield(void);
int64_t sys_sched_setaffinity(uint64_t pid, uint64_t len, uint64_t mask);
int64_t sys_sched_getaffinity(uint64_t pid, uint64_t len, uint64_t mask);
int64_t sys_sched_setscheduler(uint64_t pid, uint64_t policy, uint64_t param);
int64_t sys_sched_getscheduler(uint64_t pid);
int64_t sys_sched_setparam(uint64_t pid, uint64_t param);
int64_t sys_sched_getparam(uint64_t pid, uint64_t param);
int64_t sys_sched_get_priority_max(uint64_t policy);
int64_t sys_sched_get_priority_min(uint64_t policy);
int64_t sys_sched_rr_get_interval(uint64_t pid, uint64_t interval);
int64_t sys_setpriority(uint64_t which, uint64_t who, uint64_t nice);
int64_t sys_getpriority(uint64_t which, uint64_t who);
int64_t sys_getcpu(uint64_t cpu, uint64_t node);
int64_t sys_membarrier(uint64_t cmd, uint64_t flags);

/* ---- time: kernel/sys_time.c ---- */
int64_t sys_clock_gettime(uint64_t clock, uint64_t ts);
int64_t sys_clock_settime(uint64_t clock, uint64_t ts);
int64_t sys_clock_getres(uint64_t clock, uint64_t ts);
int64_t sys_clock_nanosleep(uint64_t clock, uint64_t flags, uint64_t request, uint64_t rest);
int64_t sys_nanosleep(uint64_t request, uint64_t rest);
int64_t sys_gettimeofday(uint64_t tv, uint64_t tz);
int64_t sys_settimeofday(uint64_t tv, uint64_t tz);
int64_t sys_times(uint64_t tms);
int64_t sys_getrusage(uint64_t who, uint64_t usage);

/* ---- the machine and the rest: kernel/sys_misc.c ---- */
int64_t sys_uname(uint64_t buf);
int64_t sys_sethostname(uint64_t name, uint64_t len);
int64_t sys_sysinfo(uint64_t info);
int64_t sys_syslog(uint64_t type, uint64_t buf, uint64_t len);
int64_t sys_reboot(uint64_t magic1, uint64_t magic2, uint64_t cmd, uint64_t arg);
int64_t sys_prctl(uint64_t option, uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4);
int64_t sys_personality(uint64_t persona);
int64_t sys_prlimit64(uint64_t pid, uint64_t resource, uint64_t new_limit, uint64_t old_limit);
int64_t sys_getrlimit(uint64_t resource, uint64_t limit);
int64_t sys_setrlimit(uint64_t resource, uint64_t limit);
int64_t sys_getrandom(uint64_t buf, uint64_t len, uint64_t flags);
/* Expected to be missing by every libc; ENOSYS without a log line. */
int64_t sys_rseq(uint64_t area, uint64_t len, uint64_t flags, uint64_t sig);

/* ---- what the cores count: kernel/sys_perf.c ---- */
int64_t sys_perf_event_open(uint64_t attr, uint64_t pid, uint64_t cpu, uint64_t group,
			    uint64_t flags);

/* ---- what fs/ needs of signals and time, for ppoll and pselect6 (kernel/sys_signal.c, sys_time.c)
 * ---- */
/* Puts the user's mask in place until the call ends (size must be 8, else -EINVAL); ua 0: no
 * change. */
int signal_set_temporary_mask(uint64_t ua, uint64_t size);
/* Before a call that set one returns without a signal: the old mask comes back. On -ERESTARTNOHAND
 * leave it. */
void signal_restore_mask(void);
/* A user's timespec as nanoseconds, saturating. -EFAULT, -EINVAL. */
int timespec_from_user(uint64_t *ns, uint64_t ua);
int timespec_to_user(uint64_t ua, uint64_t ns);

#endif
