// SPDX-License-Identifier: BSD-2-Clause
/* Files of /proc, a line at a time. */
#include "contrast.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* All that is left to read, '\0' behind it; NULL: errno. */
static char *read_all(int fd)
{
	size_t size = 0, used = 0;
	char *text = NULL, *more;
	ssize_t n = 1;

	while (n > 0) {
		if (used + 1 >= size) {
			more = realloc(text, size = 2 * size + 4096);
			if (!more)
				break;
			text = more;
		}
		n = read(fd, text + used, size - 1 - used);
		used += n > 0 ? (size_t)n : 0;
	}
	if (n == 0) {
		text[used] = '\0';
		return text;
	}
	free(text);
	return NULL;
}

static bool split(struct lines *lines)
{
	size_t n = 0;
	char *at;

	for (at = lines->text; *at; at++)
		n += *at == '\n';
	lines->line = malloc((n + 1) * sizeof(char *));
	if (!lines->line)
		return false;
	lines->n = 0;
	for (at = lines->text; *at; at += strlen(at) + 1) {
		char *end = strchr(at, '\n');

		lines->line[lines->n++] = at;
		if (!end)
			break;
		*end = '\0';
	}
	return true;
}

static bool write_text(int fd, const char *what)
{
	size_t size = strlen(what);
	ssize_t n = write(fd, what, size);

	if (n >= 0 && (size_t)n != size)
		errno = EIO;
	return n >= 0 && (size_t)n == size;
}

bool lines_read(struct lines *lines, const char *path, const char *what)
{
	int fd = open(path, (what ? O_RDWR : O_RDONLY) | O_CLOEXEC), error;

	if (fd < 0)
		return false;
	*lines = (struct lines){0};
	if (!what || write_text(fd, what))
		lines->text = read_all(fd);
	error = errno;
	close(fd);
	errno = error;
	if (!lines->text)
		return false;
	if (split(lines))
		return true;
	free(lines->text);
	return false;
}

bool file_write(const char *path, const char *what)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), error;
	bool ok;

	if (fd < 0)
		return false;
	ok = write_text(fd, what);
	error = errno;
	close(fd);
	errno = error;
	return ok;
}

void lines_free(struct lines *lines)
{
	free(lines->text);
	free(lines->line);
}

const char *line_value(const char *line, const char *key)
{
	size_t n = strlen(key);

	return strncmp(line, key, n) == 0 && line[n] == ' ' ? line + n + 1 : NULL;
}
