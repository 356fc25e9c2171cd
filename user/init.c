// SPDX-License-Identifier: BSD-2-Clause
/*
 * PID 1: turns swap on, then runs one command (from /etc/twofold/cmd, which `make run CMD=...` puts
 * there) or shows what this machine is for and gives you a shell. Its exit is the machine's.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/swap.h>
#include <sys/sysinfo.h>
#include <sys/wait.h>
#include <unistd.h>

#define CMD_FILE "/etc/twofold/cmd"
#define DEFAULT_SWAP "/dev/vda"
/* What the program at boot may touch: it should take seconds under emulation. */
#define DEMO_LIMIT "144M"

static char *environment[] = {"PATH=/bin:/sbin:/usr/bin:/usr/sbin",
			      "HOME=/root",
			      "TERM=vt100",
			      "USER=root",
			      "SHELL=/bin/sh",
			      NULL};

/* Reads at most size - 1 bytes of a file and ends them with a nul; -1 and errno when it cannot. */
static ssize_t read_file(const char *path, char *buf, size_t size)
{
	size_t done = 0;
	ssize_t n;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -1;
	while ((n = read(fd, buf + done, size - 1 - done)) > 0)
		done += n;
	close(fd);
	buf[done] = 0;
	return n < 0 ? -1 : (ssize_t)done;
}

/* The value of the last `name=value` on the kernel's command line, or NULL. */
static const char *kernel_parameter(const char *name)
{
	static char line[4096];
	size_t length = strlen(name);
	const char *value = NULL;

	if (read_file("/proc/cmdline", line, sizeof(line)) < 0)
		return NULL;
	for (char *word = strtok(line, " \n"); word; word = strtok(NULL, " \n"))
		if (!strncmp(word, name, length) && word[length] == '=')
			value = word + length + 1;
	return value;
}

/* Does the device carry what mkswap writes? Its signature ends the first page. */
static bool has_swap_header(const char *device)
{
	static char page[4097];

	return read_file(device, page, sizeof(page)) == 4096 &&
	       !memcmp(page + 4096 - 10, "SWAPSPACE2", 10);
}

static void turn_on(const char *device)
{
	if (swapon(device, 0))
		fprintf(stderr, "init: swapon %s: %s\n", device, strerror(errno));
}

/* Turns on a device that may be swap only by its place: what it holds must say so as well. */
static void turn_on_if_swap(const char *device)
{
	if (has_swap_header(device))
		turn_on(device);
	else
		fprintf(stderr, "init: %s is not swap: no swap header (mkswap)\n", device);
}

/* A partition's type, as /proc/partitions has it behind the name. */
static bool is_swap_type(const char *type)
{
	return !strcmp(type, "0x82") || !strcmp(type, "0657fd6d-a4ab-43c4-84e5-0933c84b4f4f");
}

/* What /proc/partitions lists. */
struct disks {
	char first[40]; /* disk; "": there is none */
	int partitions, swaps;
};

/* Turns on all partitions whose type is Linux swap. */
static struct disks enable_partitions(void)
{
	char line[128], name[32], type[48], device[40];
	FILE *list = fopen("/proc/partitions", "re");
	struct disks found = {0};

	while (list && fgets(line, sizeof(line), list)) {
		int words = sscanf(line, " %*u %*u %*u %31s %47s", name, type);

		if (words < 1)
			continue;
		snprintf(device, sizeof(device), "/dev/%s", name);
		if (words == 1 && !found.first[0])
			strcpy(found.first, device);
		found.partitions += words == 2;
		if (words == 2 && is_swap_type(type)) {
			found.swaps++;
			turn_on_if_swap(device);
		}
	}
	if (list)
		fclose(list);
	return found;
}

/*
 * What `swap=` names, whatever it is; else all swap partitions. A disk as a whole is swap only
 * where that is the one that `make run` made.
 */
static void enable_swap(void)
{
	const char *named = kernel_parameter("swap");
	struct disks found;

	if (named) {
		if (strcmp(named, "none"))
			turn_on(named);
		return;
	}
	found = enable_partitions();
	if (!found.partitions && !access(DEFAULT_SWAP, F_OK))
		turn_on_if_swap(DEFAULT_SWAP);
	else if (found.first[0] && !found.swaps)
		fprintf(stderr, "init: no swap: %s has no partition %s\n", found.first,
			found.partitions ? "of type Linux swap" : "table");
}

/* Waits for one child, taking in whatever else has been orphaned; the shell's idea of a status. */
static int wait_for(pid_t child)
{
	int status;
	pid_t pid;

	do {
		pid = wait(&status);
		if (pid < 0 && errno != EINTR)
			return 127;
	} while (pid != child);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* Runs a program in a session of its own, with the console as its controlling terminal. */
static int run(char *const argv[])
{
	pid_t child = fork();

	if (child < 0) {
		fprintf(stderr, "init: fork: %s\n", strerror(errno));
		return 126;
	}
	if (child == 0) {
		setsid();
		if (ioctl(STDIN_FILENO, TIOCSCTTY, 1))
			fprintf(stderr, "init: no controlling terminal: %s\n", strerror(errno));
		execve(argv[0], argv, environment);
		fprintf(stderr, "init: %s: %s\n", argv[0], strerror(errno));
		_exit(127);
	}
	return wait_for(child);
}

/* The whole command file, however long; NULL when there is none. */
static char *command(void)
{
	static char text[128 << 10];

	return read_file(CMD_FILE, text, sizeof(text)) < 0 ? NULL : text;
}

static void open_console(void)
{
	int fd = open("/dev/console", O_RDWR);

	if (fd < 0)
		fd = open("/dev/ttyAMA0", O_RDWR);
	for (int std = 0; std < 3 && fd >= 0; std++)
		if (fd != std)
			dup2(fd, std);
	if (fd > 2)
		close(fd);
}

static void banner(void)
{
	printf("\ntwofold: a kernel about virtual memory, at a shell on the UART.\n"
	       "  outgrow [SIZE]     touch, verify and keep more memory than this machine has\n"
	       "  contrast           ARM and x86 paging side by side\n"
	       "  cat /proc/meminfo  and vmstat, buddyinfo, slabinfo, swaps, self/maps\n"
	       "  exit               powers off; Ctrl-A x leaves QEMU at once\n\n");
	fflush(stdout);
}

/* One run of the program that this is about; only where there is swap to outgrow into. */
static void demonstrate(void)
{
	struct sysinfo info;

	if (sysinfo(&info) || !info.totalswap)
		printf("There is no swap to outgrow into: outgrow is not run.\n");
	else
		run((char *[]){"/bin/outgrow", "-m", DEMO_LIMIT, NULL});
	putchar('\n');
	fflush(stdout);
}

int main(void)
{
	char *text;

	open_console();
	enable_swap();
	if (chdir("/root"))
		perror("init: /root");
	text = command();
	if (text)
		return run((char *[]){"/bin/sh", "-c", text, NULL});
	banner();
	demonstrate();
	run((char *[]){"/bin/sh", "-l", NULL});
	return 0;
}
