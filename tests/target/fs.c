// SPDX-License-Identifier: BSD-2-Clause
/* Files from inside: the initramfs, tmpfs pages, texts of /proc, the line discipline. */
#include <fs/tty.h>
#include <twofold/selftest.h>
#include <twofold/swap.h>

#define ARCHIVE_PAGES_ORDER 3
#define ARCHIVE_SIZE (PAGE_SIZE << ARCHIVE_PAGES_ORDER)

/* An archive under construction, in frames of its own. */
struct archive {
	struct page *frames;
	char *bytes;
	size_t len;
};

static bool archive_begin(struct archive *a)
{
	a->frames = alloc_pages(GFP_KERNEL | GFP_ZERO, ARCHIVE_PAGES_ORDER);
	a->bytes = a->frames ? page_to_ptr(a->frames) : NULL;
	a->len = 0;
	/* As the loader's memory is: the page cache holds such frames but never frees them. */
	for (unsigned i = 0; a->frames && i < 1u << ARCHIVE_PAGES_ORDER; i++)
		page_set_flag(a->frames + i, PG_RESERVED);
	return a->frames != NULL;
}

static void archive_end(struct archive *a)
{
	for (unsigned i = 0; i < 1u << ARCHIVE_PAGES_ORDER; i++)
		page_clear_flag(a->frames + i, PG_RESERVED);
	free_pages(a->frames, ARCHIVE_PAGES_ORDER);
}

/* A regular file, or what mode says; name_size may be larger than the name to align the data. */
static void add(struct archive *a, const char *name, size_t name_size, uint32_t mode, uint32_t ino,
		uint32_t nlink, const char *data, size_t size)
{
	a->len += (size_t)snprintf(a->bytes + a->len, ARCHIVE_SIZE - a->len,
				   "070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x",
				   ino, mode, 0u, 0u, nlink, 0u, (unsigned)size, 0u, 0u, 0u, 0u,
				   (unsigned)name_size, 0u);
	memcpy(a->bytes + a->len, name, strlen(name));
	memset(a->bytes + a->len + strlen(name), 0, name_size - strlen(name));
	a->len = ALIGN_UP(a->len + name_size, 4);
	memcpy(a->bytes + a->len, data, size);
	a->len = ALIGN_UP(a->len + size, 4);
}

static void add_text(struct archive *a, const char *name, const char *text)
{
	add(a, name, strlen(name) + 1, S_IFREG | 0644, 1, 1, text, strlen(text));
}

static void add_trailer(struct archive *a)
{
	add_text(a, "TRAILER!!!", "");
}

static bool holds(const char *path, const char *text)
{
	struct file *file = file_open(path, O_RDONLY, 0);
	char buf[64];
	ssize_t n;

	if (IS_ERR(file))
		return false;
	n = file_read_kernel(file, buf, sizeof(buf), 0);
	file_put(file);
	return n == (ssize_t)strlen(text) && !memcmp(buf, text, (size_t)n);
}

static int remove_name(const char *name)
{
	return root_inode->ops->unlink(root_inode, name, false);
}

SELFTEST(fs, initramfs_data_on_a_page_is_mapped_where_it_lies)
{
	static char data[PAGE_SIZE + 10];
	struct archive a;
	struct inode *inode;
	struct page *first, *last;

	REQUIRE(archive_begin(&a));
	memset(data, 'd', sizeof(data));
	add(&a, "test-adopt", PAGE_SIZE - 110, S_IFREG | 0644, 1, 1, data, sizeof(data));
	add_trailer(&a);
	EXPECT(initramfs_unpack(a.bytes, a.len, true) == 0);
	inode = path_lookup(AT_FDCWD, "/test-adopt", true);
	REQUIRE(!IS_ERR(inode));
	EXPECT(inode->size == sizeof(data));
	first = object_get_page(inode->object, 0);
	last = object_get_page(inode->object, 1);
	REQUIRE(!IS_ERR(first) && !IS_ERR(last));
	EXPECT(page_to_ptr(first) == a.bytes + PAGE_SIZE);
	EXPECT(page_to_ptr(last) != a.bytes + 2 * PAGE_SIZE);
	EXPECT(((char *)page_to_ptr(last))[9] == 'd' && ((char *)page_to_ptr(last))[10] == 0);
	put_page(first);
	put_page(last);
	EXPECT(remove_name("test-adopt") == 0);
	inode_put(inode);
	archive_end(&a);
}

SELFTEST(fs, initramfs_keeps_what_came_before_the_damage)
{
	struct archive a;

	REQUIRE(archive_begin(&a));
	add_text(&a, "test-good", "good");
	add_text(&a, "test-cut", "this one is cut short");
	EXPECT(initramfs_unpack(a.bytes, a.len - 8, false) == -EINVAL);
	EXPECT(holds("/test-good", "good"));
	EXPECT(!holds("/test-cut", ""));
	EXPECT(remove_name("test-good") == 0);
	EXPECT(remove_name("test-cut") == -ENOENT);
	archive_end(&a);
}

SELFTEST(fs, initramfs_archives_follow_and_replace)
{
	struct archive a;
	struct inode *inode;

	REQUIRE(archive_begin(&a));
	add_text(&a, "test-file", "old and longer");
	add_trailer(&a);
	a.len = ALIGN_UP(a.len, 512);
	add_text(&a, "./test-file", "new");
	add(&a, "test-one", 9, S_IFREG | 0600, 7, 2, "", 0);
	add(&a, "test-two", 9, S_IFREG | 0600, 7, 2, "shared", 6);
	add(&a, "test-link", 10, S_IFLNK | 0777, 8, 1, "test-two", 8);
	add_trailer(&a);
	EXPECT(initramfs_unpack(a.bytes, a.len, false) == 0);
	EXPECT(holds("/test-file", "new"));
	EXPECT(holds("/test-one", "shared"));
	EXPECT(holds("/test-link", "shared"));
	inode = path_lookup(AT_FDCWD, "/test-one", true);
	REQUIRE(!IS_ERR(inode));
	EXPECT(inode->nlink == 2 && (inode->mode & 0777) == 0600);
	inode_put(inode);
	EXPECT(!remove_name("test-file") && !remove_name("test-one") && !remove_name("test-two") &&
	       !remove_name("test-link"));
	archive_end(&a);
}

/* Writes `text` at pos of an open file; what that returned. */
static ssize_t write_at(struct file *file, const char *text, uint64_t pos)
{
	struct iobuf io = {.kernel = true, .base = (uintptr_t)text, .left = strlen(text)};

	return file_write_iobuf(file, &io, &pos);
}

SELFTEST(fs, frames_come_back_when_a_file_goes)
{
	struct file *file;
	uint64_t before;

	file = file_open("/tmp/test-frames", O_RDWR | O_CREAT, 0600);
	REQUIRE(!IS_ERR(file));
	before = file->inode->sb->used_bytes;
	for (unsigned i = 0; i < 100; i++)
		EXPECT(write_at(file, "x", i * 10 * PAGE_SIZE) == 1);
	EXPECT(file->inode->object->nr_pages + file->inode->object->nr_slots == 100);
	EXPECT(file->inode->sb->used_bytes == before + 100 * PAGE_SIZE);
	EXPECT(inode_truncate(file->inode, 500 * PAGE_SIZE) == 0);
	EXPECT(file->inode->object->nr_pages + file->inode->object->nr_slots == 50);
	EXPECT(inode_truncate(file->inode, 0) == 0);
	EXPECT(file->inode->sb->used_bytes == before);
	EXPECT(file->inode->object->nr_pages == 0);
	file_put(file);
	file = file_open("/tmp", O_RDONLY, 0);
	REQUIRE(!IS_ERR(file));
	EXPECT(file->inode->ops->unlink(file->inode, "test-frames", false) == 0);
	file_put(file);
}

/* The first disk that carries a swap header, in use now; or NULL. */
static struct block_device *start_swap(void)
{
	for (struct block_device *d = block_next(NULL); d; d = block_next(d))
		if (swap_on(d, d->name, -1) == 0)
			return d;
	return NULL;
}

#define SWAPPED_PAGES 256u

static const char *page_text(char *buf, size_t size, unsigned round, unsigned page)
{
	snprintf(buf, size, "round %u page %04u", round, page);
	return buf;
}

/* Writes to every page, has them evicted, reads them back; how many differ. */
static unsigned swap_round(struct file *file, unsigned round)
{
	char text[32], back[32];
	unsigned wrong = 0;

	for (unsigned i = 0; i < SWAPPED_PAGES; i++)
		wrong += write_at(file, page_text(text, sizeof(text), round, i),
				  i * (PAGE_SIZE + 1)) <= 0;
	for (unsigned i = 0; i < 64; i++)
		reclaim_direct(GFP_KERNEL, 0);
	EXPECT(file->inode->object->nr_slots > 0);
	for (unsigned i = 0; i < SWAPPED_PAGES; i++) {
		page_text(text, sizeof(text), round, i);
		file_read_kernel(file, back, strlen(text), i * (PAGE_SIZE + 1));
		wrong += memcmp(text, back, strlen(text)) != 0;
	}
	return wrong;
}

SELFTEST(fs, contents_survive_reclaim)
{
	struct block_device *disk = start_swap();
	struct file *file;

	if (!disk) {
		selftest_skip("no disk with a swap header");
		return;
	}
	file = file_open("/tmp/test-swap", O_RDWR | O_CREAT | O_TRUNC, 0600);
	REQUIRE(!IS_ERR(file));
	for (unsigned round = 0; round < 3; round++)
		EXPECT(swap_round(file, round) == 0);
	EXPECT(inode_truncate(file->inode, 0) == 0);
	file_put(file);
	EXPECT(swap_off(disk) == 0);
}

static unsigned show_calls;

static int show_lines(struct seq *s, void *arg)
{
	show_calls++;
	for (unsigned i = 0; i < *(unsigned *)arg; i++)
		seq_printf(s, "line %06u\n", i);
	return 0;
}

SELFTEST(fs, a_text_of_proc_grows_to_its_length)
{
	unsigned lines = 20000;
	struct seq *s = seq_open(show_lines, &lines);
	uint64_t pos = 0;
	unsigned wrong = 0;
	char text[13] = "", want[13];

	REQUIRE(s);
	for (unsigned i = 0; i < lines; i++) {
		struct iobuf io = {.kernel = true, .base = (uintptr_t)text, .left = 12};

		snprintf(want, sizeof(want), "line %06u\n", i);
		wrong += seq_read(s, &io, &pos) != 12 || memcmp(text, want, 12);
	}
	EXPECT(wrong == 0);
	EXPECT(show_calls ==
	       7); /* 4 KiB, doubled until 240,000 bytes fit, and no more after that */
	seq_close(s);
}

/* ---- the line discipline, without echo ---- */

static struct tty test_tty;

static void tty_setup(unsigned lflag)
{
	memset(&test_tty, 0, sizeof(test_tty));
	mutex_init(&test_tty.lock);
	mutex_init(&test_tty.out_lock);
	wait_queue_init(&test_tty.read_wq);
	wait_queue_init(&test_tty.write_wq);
	test_tty.termios = console_tty.termios;
	test_tty.termios.c_iflag = ICRNL;
	test_tty.termios.c_lflag = lflag;
}

static void type(const char *text)
{
	while (*text)
		ldisc_receive(&test_tty, (uint8_t)*text++);
}

/* One read gives exactly this text. */
static bool reads(const char *text, size_t room)
{
	char buf[64] = "";
	struct iobuf io = {.kernel = true, .base = (uintptr_t)buf, .left = room};
	bool eof;
	ssize_t n = ldisc_read(&test_tty, &io, &eof);

	return n == (ssize_t)strlen(text) && !memcmp(buf, text, (size_t)n);
}

SELFTEST(fs, lines_are_edited_before_they_are_read)
{
	tty_setup(ICANON | IEXTEN);
	type("helk\x7flo");
	EXPECT(!ldisc_readable(&test_tty));
	type("\r");
	EXPECT(ldisc_readable(&test_tty));
	EXPECT(reads("hello\n", 64));
	type("one two\x17three\n");
	EXPECT(reads("one three\n", 64));
	type("gone\x15kept\n\x7f\x7f\n");
	EXPECT(reads("kept\n", 64));
	EXPECT(reads("\n", 64));
	type("a\x16\x7f\x16\x03z\n"); /* Ctrl-V takes the next byte as it is */
	EXPECT(reads("a\x7f\x03z\n", 64));
	type("long line\n");
	EXPECT(reads("long", 4));
	EXPECT(reads(" line\n", 64));
}

SELFTEST(fs, end_of_file_ends_one_read)
{
	struct iobuf io = {.kernel = true, .left = 0};
	bool eof;

	tty_setup(ICANON);
	type("abc\x04"
	     "def\n\x04"
	     "x\n");
	EXPECT(reads("abc", 3)); /* takes the mark along */
	EXPECT(reads("def\n", 64));
	io.base = (uintptr_t)&eof, io.left = 1;
	EXPECT(ldisc_read(&test_tty, &io, &eof) == 0 && eof);
	EXPECT(reads("x\n", 64));
	EXPECT(!ldisc_readable(&test_tty));
}

SELFTEST(fs, raw_bytes_come_as_they_are)
{
	tty_setup(0);
	test_tty.termios.c_iflag = 0;
	test_tty.termios.c_cc[VMIN] = 3;
	type("a\x7f");
	EXPECT(!ldisc_readable(&test_tty));
	type("\x04");
	EXPECT(ldisc_readable(&test_tty));
	EXPECT(reads("a\x7f\x04", 64));
	type("left");
	test_tty.termios.c_lflag = ICANON;
	ldisc_set_canonical(&test_tty, true);
	EXPECT(reads("left", 64)); /* what was typed before counts as a line */
}

SELFTEST(fs, a_full_line_takes_its_end_still)
{
	uint64_t at;

	tty_setup(ICANON);
	for (unsigned i = 0; i < 2 * TTY_BUF; i++)
		ldisc_receive(&test_tty, 'x');
	at = test_tty.head;
	EXPECT(at == TTY_BUF - 1);
	type("\n");
	EXPECT(ldisc_readable(&test_tty) && test_tty.head == TTY_BUF);
	for (unsigned i = 0; i < TTY_BUF / 64 - 1; i++)
		EXPECT(!reads("", 64));
	type("y\n");
	EXPECT(reads("xxx", 3));
}
