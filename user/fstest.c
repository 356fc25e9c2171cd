// SPDX-License-Identifier: BSD-2-Clause
/*
 * Files from a program's side: paths, directories, contents, descriptors, pipes, poll, /proc, /dev
 * and the terminal. Each check names the law; the last line is "fstest: N checks, N failed".
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/select.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

static int checks, failed;
static void *volatile wild = (void *)(1ul << 60); /* no address of ours */

static void check(bool holds, const char *what, int line)
{
	checks++;
	if (holds)
		return;
	failed++;
	printf("fstest: line %d: %s (errno %d)\n", line, what, errno);
}

#define CHECK(what, cond) check(cond, what, __LINE__)
/* The call fails with this errno. */
#define FAILS(call, error)                                                                         \
	check((errno = 0, (call) == -1) && errno == (error), #call " fails with " #error, __LINE__)

static void put_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	CHECK("a file can be made", fd >= 0);
	CHECK("and written", write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	close(fd);
}

static bool holds(const char *path, const char *text)
{
	char buf[256];
	int fd = open(path, O_RDONLY);
	ssize_t n = read(fd, buf, sizeof(buf));

	close(fd);
	return n == (ssize_t)strlen(text) && !memcmp(buf, text, n);
}

static void test_paths(void)
{
	char name[NAME_MAX + 2], deep[PATH_MAX + 10];
	struct stat st;

	mkdir("p", 0755);
	put_file("p/f", "x");
	CHECK("dots lead around", !stat("p/./../p//f", &st) && S_ISREG(st.st_mode));
	CHECK("the root's parent is the root", !stat("/../../tmp/../tmp", &st));
	FAILS(stat("p/f/", &st), ENOTDIR);
	FAILS(stat("p/f/x", &st), ENOTDIR);
	FAILS(stat("p/none", &st), ENOENT);
	FAILS(stat("none/x", &st), ENOENT);
	FAILS(stat("", &st), ENOENT);
	FAILS(stat((char *)8, &st), EFAULT);
	memset(name, 'n', sizeof(name));
	name[NAME_MAX + 1] = '\0';
	FAILS(open(name, O_RDONLY), ENAMETOOLONG);
	name[NAME_MAX] = '\0';
	put_file(name, "long");
	CHECK("255 bytes are a name", holds(name, "long"));
	memset(deep, '/', sizeof(deep));
	deep[sizeof(deep) - 1] = '\0';
	FAILS(stat(deep, &st), ENAMETOOLONG);
	unlink(name);
	unlink("p/f");
	CHECK("rmdir", !rmdir("p"));
}

static void test_open_flags(void)
{
	int fd;

	put_file("o", "12345");
	FAILS(open("o", O_CREAT | O_EXCL | O_RDWR, 0644), EEXIST);
	FAILS(open("o", O_RDONLY | O_DIRECTORY), ENOTDIR);
	FAILS(open(".", O_WRONLY), EISDIR);
	FAILS(open(".", O_RDONLY | O_CREAT, 0644), EISDIR);
	FAILS(open("new/", O_RDWR | O_CREAT, 0644), EISDIR);
	fd = open("o", O_WRONLY | O_APPEND);
	CHECK("append goes to the end", write(fd, "6", 1) == 1 && lseek(fd, 0, SEEK_SET) == 0 &&
						write(fd, "7", 1) == 1 && holds("o", "1234567"));
	FAILS(read(fd, &fd, 1), EBADF);
	close(fd);
	fd = open("o", O_RDONLY | O_TRUNC);
	CHECK("truncated at open", holds("o", ""));
	FAILS(write(fd, "x", 1), EBADF);
	close(fd);
	fd = open("o", O_PATH);
	FAILS(read(fd, &fd, 1), EBADF);
	close(fd);
	FAILS(read(fd, &fd, 1), EBADF);
	unlink("o");
}

static void test_links(void)
{
	char buf[PATH_MAX], name[32];
	struct stat st, other;
	int fd;

	put_file("t", "target");
	CHECK("symlink", !symlink("t", "l") && holds("l", "target"));
	FAILS(symlink("t", "l"), EEXIST);
	CHECK("readlink", readlink("l", buf, sizeof(buf)) == 1 && buf[0] == 't');
	CHECK("readlink cuts", readlink("l", buf, 1) == 1);
	FAILS(readlink("t", buf, sizeof(buf)), EINVAL);
	CHECK("lstat sees the link", !lstat("l", &st) && S_ISLNK(st.st_mode) && st.st_size == 1);
	FAILS(open("l", O_RDONLY | O_NOFOLLOW), ELOOP);
	symlink("loop", "loop");
	FAILS(open("loop", O_RDONLY), ELOOP);
	symlink("made", "dangling");
	fd = open("dangling", O_WRONLY | O_CREAT, 0644);
	CHECK("creating through a dangling link", fd >= 0 && !stat("made", &st));
	close(fd);
	FAILS(open("dangling", O_WRONLY | O_CREAT | O_EXCL, 0644), EEXIST);
	strcpy(buf, "t");
	for (int i = 0; i < 41; i++) {
		snprintf(name, sizeof(name), "chain%d", i);
		symlink(buf, name);
		strcpy(buf, name);
	}
	CHECK("40 links are followed", holds("chain39", "target"));
	FAILS(open("chain40", O_RDONLY), ELOOP);
	CHECK("hard link", !link("t", "h") && !stat("h", &st) && !stat("t", &other) &&
				   st.st_nlink == 2 && st.st_ino == other.st_ino);
	unlink("t");
	CHECK("contents stay until the last name goes", holds("h", "target"));
	FAILS(link(".", "d"), EPERM);
	FAILS(link("h", "/proc/x"), EXDEV);
	for (int i = 0; i < 41; i++) {
		snprintf(name, sizeof(name), "chain%d", i);
		unlink(name);
	}
	unlink("h"), unlink("l"), unlink("loop"), unlink("dangling"), unlink("made");
}

static void test_directories(void)
{
	enum { MANY = 300 };
	bool seen[MANY] = {false};
	char name[32], cwd[PATH_MAX];
	struct dirent *e;
	struct stat st;
	int found = 0, dots = 0;
	DIR *dir;

	CHECK("mkdir", !mkdir("d", 0755));
	FAILS(mkdir("d", 0755), EEXIST);
	FAILS(mkdir("none/d", 0755), ENOENT);
	for (int i = 0; i < MANY; i++) {
		snprintf(name, sizeof(name), "d/%d", i);
		put_file(name, "");
	}
	dir = opendir("d");
	while ((e = readdir(dir))) {
		dots += e->d_name[0] == '.';
		if (e->d_name[0] != '.' && !seen[atoi(e->d_name)]) {
			seen[atoi(e->d_name)] = true;
			found += e->d_type == DT_REG;
		}
	}
	CHECK("each entry is listed once", found == MANY && dots == 2);
	rewinddir(dir);
	CHECK("a directory can be read again", readdir(dir) != NULL);
	while ((e = readdir(dir))) {
		snprintf(name, sizeof(name), "d/%.29s", e->d_name);
		unlink(name);
	}
	closedir(dir);
	mkdir("d/sub", 0700);
	CHECK("links count subdirectories", !stat("d", &st) && st.st_nlink == 3);
	FAILS(rmdir("d"), ENOTEMPTY);
	FAILS(unlink("d"), EISDIR);
	FAILS(rmdir("d/."), EINVAL);
	CHECK("getcwd",
	      !chdir("d/sub") && getcwd(cwd, sizeof(cwd)) && !strcmp(cwd, "/tmp/fstest/d/sub"));
	FAILS(syscall(SYS_getcwd, cwd, 5), ERANGE);
	CHECK("a directory can go under us", !rmdir("../../d/sub"));
	FAILS(open("x", O_CREAT | O_RDWR, 0644), ENOENT);
	CHECK("which getcwd notices", !getcwd(cwd, sizeof(cwd)) && errno == ENOENT);
	chdir("/tmp/fstest");
	CHECK("rmdir", !rmdir("d"));
}

static void test_rename(void)
{
	struct stat st;
	char buf[64];

	put_file("a", "A");
	put_file("b", "B");
	mkdir("d1", 0755);
	mkdir("d1/in", 0755);
	mkdir("d2", 0755);
	CHECK("rename replaces", !rename("a", "b") && holds("b", "A"));
	FAILS(stat("a", &st), ENOENT);
	FAILS(rename("none", "b"), ENOENT);
	FAILS(rename("b", "d1"), EISDIR);
	FAILS(rename("d1", "b"), ENOTDIR);
	FAILS(rename("d1", "d1/in/x"), EINVAL);
	FAILS(rename("d1/in", "d1"), ENOTEMPTY);
	FAILS(rename("b", "/proc/b"), EXDEV);
	FAILS(renameat2(AT_FDCWD, "b", AT_FDCWD, "d1", RENAME_NOREPLACE), EEXIST);
	CHECK("to itself: nothing", !rename("b", "b") && holds("b", "A"));
	CHECK("a directory over an empty one", !rename("d1", "d2") && !stat("d2/in", &st));
	CHECK("into another directory", !rename("d2/in", "moved") && !stat("moved/..", &st));
	chdir("moved");
	CHECK("a moved directory knows its path",
	      getcwd(buf, sizeof(buf)) && !strcmp(buf, "/tmp/fstest/moved"));
	chdir("..");
	rmdir("moved"), rmdir("d2"), unlink("b");
}

/* Each byte tells where it stands. */
static unsigned char pattern(size_t at)
{
	return (unsigned char)(at ^ at >> 8 ^ at >> 16);
}

static void test_contents(void)
{
	enum { SIZE = 3 * 4096 + 123 };
	static unsigned char out[SIZE], in[SIZE];
	struct iovec iov[3] = {{in, 1}, {in + 1, 4096}, {in + 4097, SIZE - 4097}};
	struct stat st;
	int fd = open("c", O_RDWR | O_CREAT, 0600);
	bool zeros = true;
	unsigned char *map;

	for (size_t i = 0; i < SIZE; i++)
		out[i] = pattern(i);
	CHECK("write", write(fd, out, SIZE) == SIZE);
	CHECK("pread", pread(fd, in, SIZE, 0) == SIZE && !memcmp(in, out, SIZE));
	CHECK("short at the end", pread(fd, in, SIZE, 100) == SIZE - 100);
	CHECK("nothing past it", pread(fd, in, 1, SIZE) == 0);
	memset(in, 0, SIZE);
	CHECK("readv",
	      lseek(fd, 0, SEEK_SET) == 0 && readv(fd, iov, 3) == SIZE && !memcmp(in, out, SIZE));
	CHECK("pwrite in the middle", pwrite(fd, "xyz", 3, 4095) == 3 &&
					      pread(fd, in, 3, 4095) == 3 && !memcmp(in, "xyz", 3));
	CHECK("a shared mapping is the file",
	      (map = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0)) != MAP_FAILED &&
		      map[4095] == 'x');
	map[5000] = 0xee;
	CHECK("both ways", pread(fd, in, 1, 5000) == 1 && in[0] == 0xee);
	munmap(map, SIZE);
	CHECK("ftruncate shortens", !ftruncate(fd, 5001) && !fstat(fd, &st) && st.st_size == 5001);
	ftruncate(fd, SIZE);
	pread(fd, in, SIZE, 0);
	for (size_t i = 5001; i < SIZE; i++)
		zeros &= !in[i];
	CHECK("what was cut off reads as zeros", zeros && in[5000] == 0xee);
	CHECK("a sparse file", lseek(fd, 1 << 30, SEEK_SET) == 1 << 30 && write(fd, "e", 1) == 1 &&
				       !fstat(fd, &st) && st.st_size == (1 << 30) + 1 &&
				       st.st_blocks <= 40);
	CHECK("its hole is zeros", pread(fd, in, 4096, 1 << 29) == 4096 && !in[0] && !in[4095]);
	CHECK("and stays a hole", !fstat(fd, &st) && st.st_blocks <= 40);
	FAILS(lseek(fd, -1, SEEK_SET), EINVAL);
	FAILS(lseek(fd, 0, 99), EINVAL);
	FAILS(pread(fd, in, 1, -1), EINVAL);
	FAILS(ftruncate(fd, -1), EINVAL);
	lseek(fd, 0, SEEK_SET);
	FAILS(read(fd, wild, 10), EFAULT);
	FAILS(write(fd, wild, 10), EFAULT);
	CHECK("fallocate grows",
	      !fallocate(fd, 0, 0, 2l << 30) && !fstat(fd, &st) && st.st_size == 2l << 30);
	close(fd);
	unlink("c");
}

static void test_full(void)
{
	static char buf[65536];
	struct statfs fs;
	int fd;
	ssize_t n, done = 0;

	mkdir("m", 0755);
	CHECK("mount a small tmpfs", !mount("none", "m", "tmpfs", 0, "size=256k"));
	FAILS(mount("none", "m", "nofs", 0, NULL), ENODEV);
	fd = open("m/f", O_RDWR | O_CREAT, 0600);
	while ((n = write(fd, buf, sizeof(buf))) > 0)
		done += n;
	CHECK("it takes its size", done == 256 << 10 && n == -1 && errno == ENOSPC);
	CHECK("and says that it is full",
	      !statfs("m", &fs) && fs.f_blocks == 64 && fs.f_bfree == 0);
	FAILS(umount("m"), EBUSY);
	ftruncate(fd, 4096);
	CHECK("truncating makes room", !statfs("m", &fs) && fs.f_bfree == 63);
	close(fd);
	FAILS(rmdir("m"), EBUSY);
	CHECK("umount", !umount("m"));
	FAILS(umount("m"), EINVAL);
	FAILS(open("m/f", O_RDONLY), ENOENT);
	rmdir("m");
}

static void test_stat(void)
{
	struct timespec times[2] = {{1000, 5}, {2000, 7}};
	struct stat st;
	struct statx stx;

	umask(027);
	close(open("s", O_RDWR | O_CREAT, 0777));
	umask(022);
	CHECK("umask", !stat("s", &st) && (st.st_mode & 07777) == 0750);
	CHECK("chmod", !chmod("s", 04711) && !stat("s", &st) && (st.st_mode & 07777) == 04711);
	CHECK("chown", !chown("s", 5, 6) && !stat("s", &st) && st.st_uid == 5 && st.st_gid == 6);
	CHECK("utimensat", !utimensat(AT_FDCWD, "s", times, 0) && !stat("s", &st) &&
				   st.st_mtim.tv_sec == 2000 && st.st_mtim.tv_nsec == 7 &&
				   st.st_atim.tv_sec == 1000);
	CHECK("statx agrees", !statx(AT_FDCWD, "s", 0, STATX_BASIC_STATS, &stx) &&
				      stx.stx_ino == st.st_ino && stx.stx_mtime.tv_sec == 2000 &&
				      stx.stx_mode == st.st_mode);
	CHECK("access", !access("s", R_OK | W_OK | X_OK));
	chmod("s", 0644);
	FAILS(access("s", X_OK), EACCES);
	FAILS(stat("s", (struct stat *)8), EFAULT);
	CHECK("a device is what it is",
	      !stat("/dev/null", &st) && S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3));
	unlink("s");
}

static void test_descriptors(void)
{
	int fd = open("f", O_RDWR | O_CREAT, 0600), other;
	char buf[4] = "";

	other = dup(fd);
	CHECK("dup shares the position",
	      write(fd, "abc", 3) == 3 && lseek(other, 0, SEEK_CUR) == 3);
	CHECK("dup2", dup2(fd, 100) == 100 && fcntl(100, F_GETFD) == 0);
	CHECK("dup3 with cloexec",
	      dup3(fd, 101, O_CLOEXEC) == 101 && fcntl(101, F_GETFD) == FD_CLOEXEC);
	FAILS(dup3(fd, fd, 0), EINVAL);
	FAILS(dup2(fd, -1), EBADF);
	FAILS(dup(99), EBADF);
	CHECK("the lowest free one", close(other) == 0 && dup(fd) == other);
	CHECK("F_DUPFD", fcntl(fd, F_DUPFD, 200) == 200);
	CHECK("F_SETFD", !fcntl(200, F_SETFD, FD_CLOEXEC) && fcntl(200, F_GETFD) == FD_CLOEXEC);
	CHECK("F_GETFL", (fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDWR);
	CHECK("F_SETFL", !fcntl(fd, F_SETFL, O_APPEND) && (fcntl(fd, F_GETFL) & O_APPEND));
	CHECK("close_range", !syscall(SYS_close_range, 100, 300, 0) && fcntl(200, F_GETFD) == -1);
	CHECK("descriptors are copied by fork, positions shared", lseek(fd, 0, SEEK_SET) == 0);
	if (fork() == 0) {
		read(fd, buf, 2);
		_exit(0);
	}
	wait(NULL);
	CHECK("so the child moved ours", read(fd, buf, 4) == 1 && buf[0] == 'c');
	close(fd), close(other);
	unlink("f");
}

static void test_pipe(void)
{
	static char block[70000];
	char buf[16];
	int p[2], q[2], n, status;

	CHECK("pipe2", !pipe2(p, O_CLOEXEC) && fcntl(p[0], F_GETFD) == FD_CLOEXEC);
	CHECK("a byte goes through",
	      write(p[1], "x", 1) == 1 && read(p[0], buf, 16) == 1 && buf[0] == 'x');
	FAILS(lseek(p[0], 0, SEEK_SET), ESPIPE);
	fcntl(p[0], F_SETFL, O_NONBLOCK);
	fcntl(p[1], F_SETFL, O_NONBLOCK);
	FAILS(read(p[0], buf, 1), EAGAIN);
	CHECK("64 KiB fit", write(p[1], block, sizeof(block)) == 65536);
	FAILS(write(p[1], buf, 1), EAGAIN);
	CHECK("FIONREAD", !ioctl(p[0], FIONREAD, &n) && n == 65536);
	CHECK("room for less than a piece", read(p[0], block, 100) == 100);
	FAILS(write(p[1], block, 101), EAGAIN);
	CHECK("in one piece or not at all", write(p[1], block, 100) == 100);
	while (read(p[0], block, sizeof(block)) > 0)
		;
	close(p[1]);
	CHECK("end of file without writers", read(p[0], buf, 1) == 0);
	close(p[0]);
	pipe(p);
	close(p[0]);
	signal(SIGPIPE, SIG_IGN);
	FAILS(write(p[1], "x", 1), EPIPE);
	signal(SIGPIPE, SIG_DFL);
	if (fork() == 0) {
		write(p[1], "x", 1);
		_exit(0);
	}
	wait(&status);
	CHECK("SIGPIPE ends the writer", WIFSIGNALED(status) && WTERMSIG(status) == SIGPIPE);
	close(p[1]);
	pipe(p), pipe(q);
	if (fork() == 0) { /* echoes until there is no more, a byte at a time and in bulk */
		close(p[1]), close(q[0]);
		while ((n = read(p[0], block, sizeof(block))) > 0)
			if (write(q[1], block, n) != n)
				_exit(1);
		_exit(0);
	}
	close(p[0]), close(q[1]);
	for (n = 0; n < 1000; n++)
		if (write(p[1], &(char){(char)n}, 1) != 1 || read(q[0], buf, 1) != 1 ||
		    buf[0] != (char)n)
			break;
	CHECK("a thousand round trips", n == 1000);
	for (size_t i = 0; i < sizeof(block); i++)
		block[i] = (char)pattern(i);
	if (fork() == 0)
		_exit(write(p[1], block, sizeof(block)) != sizeof(block));
	close(p[1]);
	for (size_t got = 0; (n = read(q[0], block, 1000)) > 0; got += n)
		for (int i = 0; i < n; i++)
			if (block[i] != (char)pattern(got + i)) {
				CHECK("bulk data arrives as it was", false);
				got = 1 << 30;
				break;
			}
	close(q[0]);
	wait(&status);
	CHECK("writer", status == 0);
	wait(&status);
	CHECK("echoer", status == 0);
}

static void test_fifo(void)
{
	char buf[8];
	int fd, status;

	CHECK("mkfifo", !mkfifo("fifo", 0600));
	FAILS(open("fifo", O_WRONLY | O_NONBLOCK), ENXIO);
	if (fork() == 0) {
		fd = open("fifo", O_WRONLY);
		_exit(write(fd, "hello", 5) != 5);
	}
	fd = open("fifo", O_RDONLY);
	CHECK("both opens meet", read(fd, buf, 8) == 5 && !memcmp(buf, "hello", 5));
	wait(&status);
	CHECK("then the end", read(fd, buf, 8) == 0 && status == 0);
	close(fd);
	unlink("fifo");
}

static long now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void nothing(int sig)
{
	(void)sig;
}

static void test_poll(void)
{
	struct pollfd fds[20];
	struct sigaction action = {.sa_handler = nothing};
	struct timeval tv = {0, 20000};
	fd_set in;
	long start;
	int p[2];

	pipe(p);
	fds[0] = (struct pollfd){.fd = p[0], .events = POLLIN};
	fds[1] = (struct pollfd){.fd = p[1], .events = POLLOUT};
	CHECK("an empty pipe can be written",
	      poll(fds, 2, 0) == 1 && !fds[0].revents && fds[1].revents == POLLOUT);
	write(p[1], "x", 1);
	CHECK("a full one read", poll(fds, 1, -1) == 1 && fds[0].revents == POLLIN);
	read(p[0], &start, 1);
	start = now_ms();
	CHECK("a timeout passes", poll(fds, 1, 30) == 0 && now_ms() - start >= 30);
	if (fork() == 0) {
		usleep(20000);
		write(p[1], "y", 1);
		_exit(0);
	}
	CHECK("a sleeper is woken", poll(fds, 1, 5000) == 1 && fds[0].revents == POLLIN);
	wait(NULL);
	read(p[0], &start, 1);
	for (int i = 0; i < 20; i++)
		fds[i] = (struct pollfd){.fd = i == 19 ? p[1] : p[0], .events = POLLIN | POLLOUT};
	CHECK("many at once", poll(fds, 20, 1000) == 1 && fds[19].revents == POLLOUT);
	fds[0].fd = 99, fds[1].fd = -1;
	CHECK("a bad descriptor is said so, -1 is left out",
	      poll(fds, 2, 0) == 1 && fds[0].revents == POLLNVAL && !fds[1].revents);
	sigaction(SIGALRM, &action, NULL);
	fds[0].fd = p[0];
	ualarm(20000, 0);
	FAILS(poll(fds, 1, 5000), EINTR);
	ualarm(20000, 0);
	FAILS(poll(NULL, 0, 5000), EINTR);
	FD_ZERO(&in);
	FD_SET(p[0], &in);
	CHECK("select times out",
	      select(p[0] + 1, &in, NULL, NULL, &tv) == 0 && !FD_ISSET(p[0], &in));
	write(p[1], "z", 1);
	FD_SET(p[0], &in);
	CHECK("select finds", select(p[0] + 1, &in, NULL, NULL, NULL) == 1 && FD_ISSET(p[0], &in));
	FD_ZERO(&in);
	FD_SET(99, &in);
	FAILS(select(100, &in, NULL, NULL, NULL), EBADF);
	close(p[1]);
	read(p[0], &start, 1);
	CHECK("hang-up", poll(fds, 1, 1000) == 1 && fds[0].revents & POLLHUP);
	close(p[0]);
}

static void test_devices(void)
{
	char buf[64], other[64];
	int fd = open("/dev/zero", O_RDWR);

	memset(buf, 1, sizeof(buf));
	CHECK("zero", read(fd, buf, 64) == 64 && !buf[0] && !buf[63] && write(fd, buf, 64) == 64);
	close(fd);
	fd = open("/dev/null", O_RDWR);
	CHECK("null", read(fd, buf, 64) == 0 && write(fd, buf, 64) == 64);
	close(fd);
	fd = open("/dev/full", O_RDWR);
	FAILS(write(fd, buf, 1), ENOSPC);
	close(fd);
	fd = open("/dev/urandom", O_RDONLY);
	CHECK("random bytes differ",
	      read(fd, buf, 64) == 64 && read(fd, other, 64) == 64 && memcmp(buf, other, 64));
	close(fd);
	mknod("dev", S_IFCHR | 0600, makedev(1, 3));
	fd = open("dev", O_WRONLY);
	CHECK("a node made anywhere is the device", write(fd, buf, 3) == 3);
	close(fd);
	unlink("dev");
	mknod("dev", S_IFCHR | 0600, makedev(99, 99));
	FAILS(open("dev", O_RDONLY), ENXIO);
	unlink("dev");
	put_file("sf", "sendfile's text");
	fd = open("sf", O_RDONLY);
	{
		int p[2];

		pipe(p);
		CHECK("sendfile", sendfile(p[1], fd, NULL, 100) == 15 &&
					  read(p[0], buf, 64) == 15 &&
					  !memcmp(buf, "sendfile's text", 15));
		close(p[0]), close(p[1]);
	}
	close(fd);
	unlink("sf");
}

/* The number after `name` in a /proc file; -1. */
static long proc_number(const char *path, const char *name)
{
	char line[256];
	FILE *file = fopen(path, "r");
	long value = -1;

	while (file && fgets(line, sizeof(line), file))
		if (!strncmp(line, name, strlen(name)) && value < 0)
			value = atol(line + strlen(name));
	if (file)
		fclose(file);
	return value;
}

/* RAM is the kernel's: the page of its own root table, as /proc/contrast/roots tells. */
static void test_mem(void)
{
	int fd = open("/dev/mem", O_RDONLY);
	unsigned long ram = 0;
	FILE *roots = fopen("/proc/contrast/roots", "r");

	CHECK("a root table", roots && fscanf(roots, "%*d %*s %li", (long *)&ram) == 1);
	if (roots)
		fclose(roots);
	FAILS((long)mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, (off_t)ram), EPERM);
	FAILS((long)mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0), EINVAL);
	FAILS((long)mmap(NULL, 4096, PROT_WRITE, MAP_SHARED, fd, 0), EACCES);
	close(fd);
}

static void test_proc(void)
{
	char buf[4096], name[64];
	struct stat st;
	int fd;
	ssize_t n;

	CHECK("self is us", readlink("/proc/self", buf, sizeof(buf)) > 0 && atoi(buf) == getpid());
	n = readlink("/proc/self/exe", buf, sizeof(buf) - 1);
	CHECK("exe", n == 11 && !memcmp(buf, "/bin/fstest", 11));
	CHECK("exe leads to the file itself", !stat("/proc/self/exe", &st) && S_ISREG(st.st_mode));
	n = readlink("/proc/self/cwd", buf, sizeof(buf) - 1);
	CHECK("cwd", n == 11 && !memcmp(buf, "/tmp/fstest", 11));
	CHECK("MemTotal", proc_number("/proc/meminfo", "MemTotal:") > 1000);
	CHECK("status", proc_number("/proc/self/status", "Pid:") == getpid());
	CHECK("pgfault", proc_number("/proc/vmstat", "pgfault") > 0);
	fd = open("/proc/self/comm", O_RDONLY);
	CHECK("comm", read(fd, buf, 64) == 7 && !memcmp(buf, "fstest\n", 7));
	CHECK("read again",
	      !lseek(fd, 0, SEEK_SET) && read(fd, buf, 3) == 3 && read(fd, buf, 64) == 4);
	close(fd);
	fd = open("/proc/self/cmdline", O_RDONLY);
	CHECK("cmdline ends in NULs",
	      read(fd, buf, 64) > 6 && !memcmp(buf + strlen(buf) - 6, "fstest", 7));
	close(fd);
	fd = open("/proc/self/oom_score_adj", O_RDWR);
	CHECK("oom_score_adj",
	      write(fd, "100", 3) == 3 && pread(fd, buf, 64, 0) == 4 && !memcmp(buf, "100\n", 4));
	FAILS(write(fd, "2000", 4), EINVAL);
	write(fd, "0", 1);
	close(fd);
	put_file("gone", "still there");
	fd = open("gone", O_RDONLY);
	unlink("gone");
	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	n = readlink(name, buf, sizeof(buf) - 1);
	buf[n > 0 ? n : 0] = '\0';
	CHECK("fd names a deleted file", !strcmp(buf, "/tmp/fstest/gone (deleted)"));
	CHECK("and opens it", holds(name, "still there"));
	close(fd);
	fd = open("/proc/meminfo", O_WRONLY);
	FAILS(write(fd, "x", 1), EIO);
	close(fd);
	FAILS(mkdir("/proc/x", 0755), EPERM);
	FAILS(open("/proc/999999", O_RDONLY), ENOENT);
}

/* Reads a file of /proc again and again; whether each text is whole, of one printing. */
static bool reads_whole(int fd)
{
	static char text[1 << 16];

	for (int i = 0; i < 20; i++) {
		ssize_t n = pread(fd, text, sizeof(text) - 1, 0);

		if (n <= 0 || text[n - 1] != '\n' || strncmp(text, "format arm64\n", 13))
			return false;
		text[n] = '\0';
		if (strstr(text + 1, "format arm64"))
			return false;
	}
	return true;
}

/* The number of lines of a file of /proc that begin with `word`; -1: it could not be read. */
static long proc_lines(const char *path, const char *word)
{
	char line[256];
	long lines = 0;
	FILE *file = fopen(path, "r");

	if (!file)
		return -1;
	while (fgets(line, sizeof(line), file))
		lines += !strncmp(line, word, strlen(word));
	if (ferror(file))
		lines = -1;
	fclose(file);
	return lines;
}

/* Every second page is there, read and not written, so without frames: runs of one page each. */
static void test_proc_long(void)
{
	const size_t pages = 100000, page = 4096;
	char *p = mmap(NULL, pages * page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	unsigned sum = 0;

	CHECK("much address space", p != MAP_FAILED);
	for (size_t i = 0; i < pages; i += 2)
		sum += ((volatile unsigned char *)p)[i * page];
	CHECK("zeros", sum == 0);
	CHECK("a page table in pieces is listed whole",
	      proc_lines("/proc/self/pagetable", "run ") >= (long)pages);
	munmap(p, pages * page);
}

/* Two processes with one open file: what it prints into is not both's at once. */
static void test_proc_shared(void)
{
	bool whole = true;

	for (int i = 0; i < 10; i++) {
		int fd = open("/proc/contrast/kernel", O_RDONLY), status;

		if (fork() == 0)
			_exit(!reads_whole(fd));
		whole &= reads_whole(fd);
		wait(&status);
		whole &= status == 0;
		close(fd);
	}
	CHECK("a file of /proc read by two at once", whole);
}

static void test_terminal(void)
{
	struct termios t, raw;
	struct winsize size = {25, 90, 0, 0}, got;
	int fd = open("/dev/console", O_RDWR | O_NONBLOCK), n = -1;
	char c;

	CHECK("the console is a terminal", isatty(fd));
	CHECK("tcgetattr", !tcgetattr(fd, &t) && (t.c_lflag & ICANON) && t.c_cc[VINTR] == 3);
	raw = t;
	cfmakeraw(&raw);
	CHECK("raw mode can be set",
	      !tcsetattr(fd, TCSAFLUSH, &raw) && !tcgetattr(fd, &raw) && !(raw.c_lflag & ICANON));
	CHECK("no input is waiting", !ioctl(fd, FIONREAD, &n) && n == 0);
	FAILS(read(fd, &c, 1), EAGAIN);
	fcntl(fd, F_SETFL, 0);
	raw.c_cc[VMIN] = 0;
	raw.c_cc[VTIME] = 1;
	tcsetattr(fd, TCSANOW, &raw);
	CHECK("VTIME ends a read", read(fd, &c, 1) == 0);
	tcsetattr(fd, TCSANOW, &t);
	ioctl(fd, TIOCGWINSZ, &got);
	CHECK("the window's size is kept",
	      !ioctl(fd, TIOCSWINSZ, &size) && !ioctl(fd, TIOCGWINSZ, &size) && size.ws_col == 90);
	ioctl(fd, TIOCSWINSZ, &got);
	FAILS(ioctl(fd, 0x12345678, 0), ENOTTY);
	FAILS(lseek(fd, 0, SEEK_SET), ESPIPE);
	if (fork() == 0) { /* a session of its own has no terminal */
		setsid();
		_exit(open("/dev/tty", O_RDWR) != -1 || errno != ENXIO);
	}
	wait(&n);
	CHECK("/dev/tty needs a controlling terminal", n == 0);
	close(fd);
}

int main(void)
{
	mkdir("/tmp/fstest", 0755);
	if (chdir("/tmp/fstest"))
		perror("fstest: /tmp/fstest");
	test_paths();
	test_open_flags();
	test_links();
	test_directories();
	test_rename();
	test_contents();
	test_full();
	test_stat();
	test_descriptors();
	test_pipe();
	test_fifo();
	test_poll();
	test_devices();
	test_mem();
	test_proc();
	test_proc_long();
	test_proc_shared();
	test_terminal();
	chdir("/");
	CHECK("nothing is left behind", !rmdir("/tmp/fstest"));
	printf("fstest: %d checks, %d failed\n", checks, failed);
	return failed != 0;
}
