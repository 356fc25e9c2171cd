// SPDX-License-Identifier: BSD-2-Clause
/* Processes: fork and copy-on-write, vfork, exec, wait, pipes, orphans, time slices. Each check
 * names the law; prints "forktest: ok" where all hold. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CHECK(what, cond)                                                                          \
	do {                                                                                       \
		if (!(cond)) {                                                                     \
			printf("forktest: line %d: %s (errno %d)\n", __LINE__, what, errno);       \
			failures++;                                                                \
		}                                                                                  \
	} while (0)

static int failures;
static const char *self;

static int status_of(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) != pid)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void test_cow(void)
{
	enum { PAGES = 256 };
	char *memory = mmap(NULL, PAGES * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			    -1, 0);
	bool same = true;
	pid_t pid;

	for (int i = 0; i < PAGES; i++)
		memory[i * 4096] = (char)i;
	pid = fork();
	if (pid == 0) {
		for (int i = 0; i < PAGES; i++)
			same &= memory[i * 4096] == (char)i;
		for (int i = 0; i < PAGES; i++)
			memory[i * 4096] = (char)~i;
		_exit(!same);
	}
	CHECK("the child sees the parent's memory", status_of(pid) == 0);
	for (int i = 0; i < PAGES; i++)
		same &= memory[i * 4096] == (char)i;
	CHECK("the child's writes are its own", same);
	munmap(memory, PAGES * 4096);
}

static void test_shared(void)
{
	volatile int *memory =
		mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t pid = fork();

	if (pid == 0) {
		*memory = 1234;
		_exit(0);
	}
	CHECK("the child ends", status_of(pid) == 0);
	CHECK("shared memory is shared", *memory == 1234);
}

static void test_vfork(void)
{
	volatile int order = 0;
	pid_t pid = vfork();

	if (pid == 0) {
		order = 1;
		execl(self, self, "exit", "23", (char *)NULL);
		_exit(1);
	}
	CHECK("vfork's parent waits for exec", order == 1);
	CHECK("exec passes arguments and status", status_of(pid) == 23);
}

static void test_spawn(void)
{
	char *argv[] = {(char *)self, "environment", NULL}, *envp[] = {"COLOUR=green", NULL};
	pid_t pid;

	CHECK("posix_spawn", posix_spawn(&pid, self, NULL, NULL, argv, envp) == 0);
	CHECK("exec passes the environment", status_of(pid) == 0);
}

/* Ping-pong over two pipes: two processes, some thousand switches. */
static void test_pipes(void)
{
	int there[2], back[2], n = 0;
	pid_t pid;

	if (pipe(there) || pipe(back))
		exit(1);
	pid = fork();
	if (pid == 0) {
		close(there[1]);
		while (read(there[0], &n, sizeof(n)) == sizeof(n)) {
			n++;
			if (write(back[1], &n, sizeof(n)) != sizeof(n))
				_exit(1);
		}
		_exit(0);
	}
	close(there[0]);
	for (int i = 0; i < 1000 && n == 2 * i; i++) {
		n++;
		if (write(there[1], &n, sizeof(n)) != sizeof(n) ||
		    read(back[0], &n, sizeof(n)) != sizeof(n))
			break;
	}
	CHECK("numbers go round", n == 2000);
	close(there[1]);
	CHECK("a closed pipe ends the reader", status_of(pid) == 0);
	close(back[0]);
	close(back[1]);
}

static void test_errors(void)
{
	char path[] = "/tmp/forktest.XXXXXX";
	int fd = mkstemp(path);
	pid_t pid;

	CHECK("nobody to wait for", wait(NULL) == -1 && errno == ECHILD);
	CHECK("exec of nothing", execl("/nowhere", "x", (char *)NULL) == -1 && errno == ENOENT);
	CHECK("exec of a directory", execl("/tmp", "x", (char *)NULL) == -1 && errno == EACCES);
	CHECK("exec without permission", execl(path, "x", (char *)NULL) == -1 && errno == EACCES);
	fchmod(fd, 0755);
	CHECK("write", write(fd, "\177ELF\2\1\1garbage", 14) == 14);
	close(fd);
	CHECK("exec of a broken file", execl(path, "x", (char *)NULL) == -1 && errno == ENOEXEC);
	fd = open(path, O_WRONLY | O_TRUNC);
	CHECK("write", dprintf(fd, "#!%s exit\n", self) > 0);
	close(fd);
	pid = fork();
	if (pid == 0)
		execl(path, path, "5", (char *)NULL);
	/* exit is told the script's name, which is no number, and ends with 99. */
	CHECK("a script's interpreter gets its argument and name", status_of(pid) == 99);
	unlink(path);
}

/* An orphan gets a new parent, which is init. */
static void test_orphan(void)
{
	int fds[2];
	pid_t parent = 0, pid;

	if (pipe(fds))
		exit(1);
	pid = fork();
	if (pid == 0) {
		pid_t middle = getpid();

		if (fork() == 0) {
			while (getppid() == middle)
				usleep(1000);
			parent = getppid();
			_exit(write(fds[1], &parent, sizeof(parent)) != sizeof(parent));
		}
		_exit(0);
	}
	CHECK("the middle one ends", status_of(pid) == 0);
	CHECK("an orphan is init's",
	      read(fds[0], &parent, sizeof(parent)) == sizeof(parent) && parent == 1);
	close(fds[0]);
	close(fds[1]);
}

/* Two that never sleep share one core: without time slices the second would not get on. */
static void test_slices(void)
{
	volatile int *flag =
		mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	cpu_set_t one;
	pid_t pid;

	CPU_ZERO(&one);
	CPU_SET(0, &one);
	CHECK("affinity", sched_setaffinity(0, sizeof(one), &one) == 0);
	pid = fork();
	if (pid == 0) {
		while (!flag[0])
			;
		flag[1] = 1;
		_exit(0);
	}
	flag[0] = 1;
	while (!flag[1])
		;
	CHECK("both got on", status_of(pid) == 0);
}

static void test_usage(void)
{
	struct rusage usage;
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		char *memory = mmap(NULL, 4 << 20, PROT_READ | PROT_WRITE,
				    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		memset(memory, 1, 4 << 20);
		_exit(0);
	}
	CHECK("wait4", wait4(pid, &status, 0, &usage) == pid);
	CHECK("faults are counted", usage.ru_minflt >= 1024);
	CHECK("peak memory is counted", usage.ru_maxrss >= 4096);
}

/* What a child waited for counts as its own: `time` shows the work of a program's workers. */
static void test_inherited_usage(void)
{
	struct rusage usage;
	struct timespec now = {0};
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		if ((pid = fork()) == 0) {
			while (now.tv_sec == 0 && now.tv_nsec < 30000000)
				clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
			_exit(0);
		}
		_exit(status_of(pid));
	}
	CHECK("wait4", wait4(pid, &status, 0, &usage) == pid && status == 0);
	CHECK("a grandchild's time is counted",
	      usage.ru_utime.tv_sec || usage.ru_utime.tv_usec >= 25000);
}

/* What this program does when it runs itself. */
static int as_child(int argc, char **argv)
{
	char *end;
	long code;

	if (!strcmp(argv[1], "environment"))
		return !getenv("COLOUR") || strcmp(getenv("COLOUR"), "green");
	code = argc > 2 ? strtol(argv[2], &end, 10) : 98;
	return argc > 2 && *end ? 99 : (int)code;
}

int main(int argc, char **argv)
{
	if (argc > 1)
		return as_child(argc, argv);
	self = argv[0][0] == '/' ? argv[0] : "/bin/forktest";
	test_cow();
	test_shared();
	test_vfork();
	test_spawn();
	test_pipes();
	test_errors();
	test_orphan();
	test_slices();
	test_usage();
	test_inherited_usage();
	if (failures)
		return 1;
	puts("forktest: ok");
	return 0;
}
