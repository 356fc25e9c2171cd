// SPDX-License-Identifier: BSD-2-Clause
/*
 * The newc format (cpio(5)): a header of 6 + 13 * 8 ASCII characters, the name with its NUL,
 * padding to 4, the data, padding to 4. "TRAILER!!!" ends an archive; NULs may follow, and another
 * archive.
 */
#include "cpio.h"
#include <twofold/errno.h>
#include <twofold/string.h>

#define HEADER_SIZE 110u
#define MAGIC_SIZE 6u
#define FIELD_SIZE 8u
#define TRAILER "TRAILER!!!"

enum field {
	F_INO,
	F_MODE,
	F_UID,
	F_GID,
	F_NLINK,
	F_MTIME,
	F_FILESIZE,
	F_DEV_MAJOR,
	F_DEV_MINOR,
	F_RDEV_MAJOR,
	F_RDEV_MINOR,
	F_NAMESIZE,
	F_CHECK,
	NR_FIELDS
};

void cpio_start(struct cpio_reader *r, const void *base, size_t size)
{
	*r = (struct cpio_reader){.base = base, .size = size};
}

static int fail(struct cpio_reader *r, const char *why)
{
	r->error = why;
	r->error_at = r->pos;
	return -EINVAL;
}

static int hex_digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* False where a character is no hexadecimal digit. */
static bool parse_field(const uint8_t *text, uint32_t *value)
{
	*value = 0;
	for (unsigned i = 0; i < FIELD_SIZE; i++) {
		int digit = hex_digit(text[i]);

		if (digit < 0)
			return false;
		*value = *value << 4 | (uint32_t)digit;
	}
	return true;
}

static bool parse_fields(const uint8_t *header, uint32_t fields[NR_FIELDS])
{
	for (unsigned i = 0; i < NR_FIELDS; i++)
		if (!parse_field(header + MAGIC_SIZE + i * FIELD_SIZE, &fields[i]))
			return false;
	return true;
}

/* Between archives: over the NULs. At the end of the last one: false. */
static bool skip_padding(struct cpio_reader *r)
{
	while (r->pos < r->size && !r->base[r->pos])
		r->pos++;
	return r->pos < r->size;
}

static const char *strip_prefix(const char *name)
{
	for (;;) {
		if (name[0] == '/')
			name++;
		else if (name[0] == '.' && name[1] == '/')
			name += 2;
		else
			break;
	}
	return name[0] == '.' && !name[1] ? name + 1 : name;
}

/* Whether some component is "..": such a name could lead anywhere. */
static bool has_dotdot(const char *name)
{
	for (;;) {
		if (name[0] == '.' && name[1] == '.' && (!name[2] || name[2] == '/'))
			return true;
		name = strchr(name, '/');
		if (!name)
			return false;
		name++;
	}
}

static void fill_entry(struct cpio_entry *e, const uint32_t f[NR_FIELDS])
{
	e->ino = f[F_INO];
	e->mode = f[F_MODE];
	e->uid = f[F_UID];
	e->gid = f[F_GID];
	e->nlink = f[F_NLINK];
	e->mtime = f[F_MTIME];
	e->size = f[F_FILESIZE];
	e->dev_major = f[F_DEV_MAJOR];
	e->dev_minor = f[F_DEV_MINOR];
	e->rdev_major = f[F_RDEV_MAJOR];
	e->rdev_minor = f[F_RDEV_MINOR];
}

/* One member at r->pos, which moves behind it. Padding missing at the very end is forgiven. */
static int read_member(struct cpio_reader *r, struct cpio_entry *e)
{
	const uint8_t *header = r->base + r->pos;
	size_t left = r->size - r->pos, data_at;
	uint32_t f[NR_FIELDS];

	if (left < HEADER_SIZE)
		return fail(r, "header cut short");
	if (memcmp(header, "070701", MAGIC_SIZE) && memcmp(header, "070702", MAGIC_SIZE))
		return fail(r, "no newc header");
	if (!parse_fields(header, f))
		return fail(r, "header field is not a number");
	if (f[F_NAMESIZE] < 1 || f[F_NAMESIZE] > CPIO_NAME_MAX)
		return fail(r, "name too long or absent");
	if (f[F_NAMESIZE] > left - HEADER_SIZE)
		return fail(r, "name cut short");
	e->name = (const char *)header + HEADER_SIZE;
	if (e->name[f[F_NAMESIZE] - 1])
		return fail(r, "name without its end");
	data_at = ALIGN_UP((size_t)HEADER_SIZE + f[F_NAMESIZE], 4);
	if (f[F_FILESIZE] && (data_at > left || f[F_FILESIZE] > left - data_at))
		return fail(r, "data cut short");
	fill_entry(e, f);
	e->data = header + data_at;
	e->offset = r->pos;
	e->archive = r->archive;
	r->pos += MIN(ALIGN_UP(data_at + f[F_FILESIZE], 4), left);
	return 1;
}

int cpio_next(struct cpio_reader *r, struct cpio_entry *e)
{
	int ret;

	for (;;) {
		if (r->error)
			return -EINVAL;
		if (!r->inside && !skip_padding(r))
			return 0;
		if (r->pos == r->size)
			return fail(r, "no trailer");
		ret = read_member(r, e);
		if (ret < 0)
			return ret;
		r->inside = strcmp(e->name, TRAILER) != 0;
		if (r->inside)
			break;
		r->archive++;
	}
	e->name = strip_prefix(e->name);
	if (has_dotdot(e->name)) {
		r->pos = e->offset;
		return fail(r, "name with \"..\"");
	}
	return 1;
}
