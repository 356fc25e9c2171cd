// SPDX-License-Identifier: BSD-2-Clause
/* Reading partition tables. Numbers in them are little-endian, as we are. */
#include <twofold/errno.h>
#include <twofold/log.h>
#include <twofold/partition.h>
#include <twofold/slab.h>
#include <twofold/string.h>

/* ---- the tables, as they lie on the disk ---- */

#define MBR_MAGIC 0xaa55u
#define TYPE_EMPTY 0x00
#define TYPE_EXTENDED 0x05
#define TYPE_EXTENDED_LBA 0x0f
#define TYPE_EXTENDED_LINUX 0x85
#define TYPE_GPT 0xee
#define FIRST_LOGICAL 5
/* A chain of extended boot records that is longer is of no use, or goes in a circle. */
#define MAX_EXTENDED (MAX_PARTITIONS - FIRST_LOGICAL + 1)

struct mbr_entry {
	uint8_t active; /* 0x80, or 0 */
	uint8_t chs_first[3];
	uint8_t type;
	uint8_t chs_last[3];
	uint32_t start, sectors;
} __packed;

struct mbr {
	uint8_t code[446];
	struct mbr_entry entries[4];
	uint16_t magic;
} __packed;

#define GPT_SIGNATURE "EFI PART"
#define GPT_MIN_HEADER 92u
#define GPT_MIN_ENTRY 128u
#define GPT_MAX_TABLE (512 * SZ_1K) /* that we read; 16 KiB is usual */

struct gpt_header {
	char signature[8];
	uint32_t revision, header_size, header_crc, reserved;
	uint64_t my_lba, other_lba, first_usable, last_usable;
	uint8_t disk_guid[16];
	uint64_t entries_lba;
	uint32_t nr_entries, entry_size, entries_crc;
} __packed;

struct gpt_entry {
	uint8_t type[16], guid[16];
	uint64_t first, last, attributes;
	uint16_t name[36];
} __packed;

/* Both in blocks of the disk, not in sectors. */
struct reader {
	struct block_device *disk;
	uint8_t *buf; /* PAGE_SIZE */
	struct partitions *found;
};

static int read_block(struct reader *r, uint64_t lba)
{
	uint32_t size = r->disk->block_size;

	return block_rw(r->disk, BIO_READ, lba * (size / SECTOR_SIZE), r->buf, size);
}

static uint64_t nr_blocks(const struct reader *r)
{
	return r->disk->sectors / (r->disk->block_size / SECTOR_SIZE);
}

/* ---- what is found ---- */

static bool overlaps(const struct partitions *found, uint64_t start, uint64_t sectors)
{
	for (unsigned i = 0; i < found->nr; i++) {
		const struct partition *p = &found->list[i];

		if (start < p->start + p->sectors && p->start < start + sectors)
			return true;
	}
	return false;
}

/* Adds a partition, in blocks, if it can be one. */
static void add(struct reader *r, unsigned number, uint64_t start, uint64_t blocks,
		const char *type)
{
	struct partitions *found = r->found;
	uint64_t factor = r->disk->block_size / SECTOR_SIZE;
	const char *wrong = NULL;

	if (!start || !blocks)
		wrong = "is not where one can be";
	else if (start >= nr_blocks(r) || blocks > nr_blocks(r) - start)
		wrong = "reaches past the end of the disk";
	else if (overlaps(found, start * factor, blocks * factor))
		wrong = "overlaps another one";
	else if (found->nr == MAX_PARTITIONS || number > MAX_PARTITIONS)
		wrong = "is one too many";
	if (wrong) {
		pr_warn("%s: partition %u %s: ignored", r->disk->name, number, wrong);
		return;
	}
	found->list[found->nr] = (struct partition){number, start * factor, blocks * factor, ""};
	strlcpy(found->list[found->nr++].type, type, sizeof(found->list[0].type));
}

/* ---- MBR ---- */

static void add_mbr(struct reader *r, unsigned number, uint64_t start, const struct mbr_entry *e)
{
	char type[8];

	snprintf(type, sizeof(type), "0x%02x", e->type);
	add(r, number, start, e->sectors, type);
}

static bool is_extended(const struct mbr_entry *e)
{
	return e->type == TYPE_EXTENDED || e->type == TYPE_EXTENDED_LBA ||
	       e->type == TYPE_EXTENDED_LINUX;
}

/*
 * An extended partition is a chain of records, each with a partition (from the record on) and
 * where the next record is (from the extended partition's start on).
 */
static int read_extended(struct reader *r, const struct mbr_entry *extended)
{
	uint64_t start = extended->start, record = start;
	unsigned number = FIRST_LOGICAL;
	struct mbr mbr;

	for (unsigned i = 0; i < MAX_EXTENDED; i++) {
		int err = record < nr_blocks(r) ? read_block(r, record) : -EINVAL;

		if (err && err != -EINVAL)
			return err;
		memcpy(&mbr, r->buf, sizeof(mbr));
		if (err || mbr.magic != MBR_MAGIC)
			break;
		if (mbr.entries[0].type != TYPE_EMPTY)
			add_mbr(r, number++, record + mbr.entries[0].start, &mbr.entries[0]);
		if (!is_extended(&mbr.entries[1]))
			return 0;
		record = start + mbr.entries[1].start;
	}
	pr_warn("%s: the extended partition's chain is broken: what comes before stays",
		r->disk->name);
	return 0;
}

/* The boot sector of a file system without a table has the same magic: but no such entries. */
static bool is_mbr(const struct mbr *mbr)
{
	bool any = false;

	if (mbr->magic != MBR_MAGIC)
		return false;
	for (unsigned i = 0; i < ARRAY_SIZE(mbr->entries); i++) {
		if (mbr->entries[i].active & 0x7f)
			return false;
		any |= mbr->entries[i].type != TYPE_EMPTY;
	}
	return any;
}

static bool is_protective(const struct mbr *mbr)
{
	for (unsigned i = 0; i < ARRAY_SIZE(mbr->entries); i++)
		if (mbr->entries[i].type == TYPE_GPT)
			return true;
	return false;
}

static int read_mbr(struct reader *r, const struct mbr *mbr)
{
	const struct mbr_entry *extended = NULL;

	r->found->table = TABLE_MBR;
	for (unsigned i = 0; i < ARRAY_SIZE(mbr->entries); i++) {
		const struct mbr_entry *e = &mbr->entries[i];

		if (is_extended(e) && !extended)
			extended = e;
		else if (e->type != TYPE_EMPTY)
			add_mbr(r, i + 1, e->start, e);
	}
	return extended ? read_extended(r, extended) : 0;
}

/* ---- GPT ---- */

/* CRC-32 as in zip: the reflected polynomial of IEEE 802.3; *crc is ~0 at first, inverted at last.
 */
static void crc32(uint32_t *crc, const uint8_t *p, size_t len)
{
	while (len--) {
		*crc ^= *p++;
		for (int bit = 0; bit < 8; bit++)
			*crc = *crc >> 1 ^ (*crc & 1 ? 0xedb88320 : 0);
	}
}

/* Of what the header says of itself, in the block at r->buf. */
static bool header_ok(struct reader *r, uint64_t lba, struct gpt_header *h)
{
	uint32_t crc = ~0u, said;

	memcpy(h, r->buf, sizeof(*h));
	if (memcmp(h->signature, GPT_SIGNATURE, sizeof(h->signature)) ||
	    h->header_size < GPT_MIN_HEADER || h->header_size > r->disk->block_size)
		return false;
	said = h->header_crc;
	memset(r->buf + offsetof(struct gpt_header, header_crc), 0, sizeof(h->header_crc));
	crc32(&crc, r->buf, h->header_size);
	return ~crc == said && h->my_lba == lba && h->first_usable <= h->last_usable &&
	       h->last_usable < nr_blocks(r) && h->entries_lba < nr_blocks(r) &&
	       h->entry_size >= GPT_MIN_ENTRY && h->entry_size <= r->disk->block_size &&
	       !(h->entry_size & (h->entry_size - 1)) && h->nr_entries &&
	       h->nr_entries <= GPT_MAX_TABLE / h->entry_size;
}

/* Calls fn for each entry, a block of them at a time. */
static int for_each_entry(struct reader *r, const struct gpt_header *h,
			  void (*fn)(struct reader *r, const struct gpt_header *h, unsigned i,
				     const uint8_t *entry, void *arg),
			  void *arg)
{
	uint32_t in_block = r->disk->block_size / h->entry_size;

	for (uint32_t i = 0; i < h->nr_entries; i++) {
		int err = i % in_block ? 0 : read_block(r, h->entries_lba + i / in_block);

		if (err)
			return err;
		fn(r, h, i, r->buf + (size_t)(i % in_block) * h->entry_size, arg);
	}
	return 0;
}

static void sum_entry(struct reader *r, const struct gpt_header *h, unsigned i,
		      const uint8_t *entry, void *crc)
{
	(void)r;
	(void)i;
	crc32(crc, entry, h->entry_size);
}

/* 0: header and entries are whole; -EINVAL: they are not. */
static int check_gpt(struct reader *r, uint64_t lba, struct gpt_header *h)
{
	uint32_t crc = ~0u;
	int err = read_block(r, lba);

	if (!err && !header_ok(r, lba, h))
		err = -EINVAL;
	if (!err)
		err = for_each_entry(r, h, sum_entry, &crc);
	if (!err && ~crc != h->entries_crc)
		err = -EINVAL;
	return err;
}

/* The first three fields are little-endian numbers, the rest is bytes (UEFI, appendix A). */
static void guid_text(char *to, size_t size, const uint8_t g[16])
{
	snprintf(to, size, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x",
		 g[3], g[2], g[1], g[0], g[5], g[4], g[7], g[6], g[8], g[9], g[10], g[11], g[12],
		 g[13], g[14], g[15]);
}

static void add_entry(struct reader *r, const struct gpt_header *h, unsigned i,
		      const uint8_t *entry, void *unused)
{
	static const uint8_t empty[16];
	struct gpt_entry e;
	char type[40];

	(void)unused;
	memcpy(&e, entry, sizeof(e));
	if (!memcmp(e.type, empty, sizeof(empty)))
		return;
	guid_text(type, sizeof(type), e.type);
	if (e.first < h->first_usable || e.last > h->last_usable || e.last < e.first)
		add(r, i + 1, 0, 0, type);
	else
		add(r, i + 1, e.first, e.last - e.first + 1, type);
}

/* The table at the start, else its copy at the end. */
static int read_gpt(struct reader *r)
{
	struct gpt_header h;
	bool damaged = check_gpt(r, 1, &h);
	int err = damaged ? check_gpt(r, nr_blocks(r) - 1, &h) : 0;

	if (err == -EINVAL) {
		r->found->table = TABLE_BROKEN;
		pr_err("%s: the GPT and its copy are damaged: no partitions", r->disk->name);
		return 0;
	}
	if (err)
		return err;
	if (damaged)
		pr_warn("%s: the GPT is damaged: its copy at the end of the disk is used",
			r->disk->name);
	r->found->table = TABLE_GPT;
	return for_each_entry(r, &h, add_entry, NULL);
}

/* ---- both ---- */

static int read_table(struct reader *r)
{
	struct mbr mbr;
	int err = read_block(r, 0);

	if (err)
		return err;
	memcpy(&mbr, r->buf, sizeof(mbr));
	if (!is_mbr(&mbr))
		return 0;
	return is_protective(&mbr) ? read_gpt(r) : read_mbr(r, &mbr);
}

int partitions_read(struct block_device *disk, struct partitions *found)
{
	struct reader r = {.disk = disk, .found = found};
	int err;

	found->nr = 0;
	found->table = TABLE_NONE;
	if (disk->sectors * SECTOR_SIZE < 4 * disk->block_size)
		return 0;
	r.buf = kmalloc(PAGE_SIZE, GFP_KERNEL);
	if (!r.buf)
		return -ENOMEM;
	err = read_table(&r);
	kfree(r.buf);
	return err;
}

static void make_device(struct block_device *disk, const struct partition *p)
{
	struct block_device *dev = kzalloc(sizeof(*dev), GFP_KERNEL);
	char last = disk->name[strlen(disk->name) - 1];

	if (!dev) {
		pr_err("%s: no memory for partition %u", disk->name, p->number);
		return;
	}
	snprintf(dev->name, sizeof(dev->name), "%.10s%s%u", disk->name,
		 last >= '0' && last <= '9' ? "p" : "", p->number);
	strlcpy(dev->type, p->type, sizeof(dev->type));
	dev->whole = disk;
	dev->start = p->start;
	dev->sectors = p->sectors;
	dev->read_only = disk->read_only;
	dev->max_segs = disk->max_segs;
	dev->max_seg_len = disk->max_seg_len;
	dev->block_size = disk->block_size;
	dev->rdev = disk->rdev + p->number;
	block_register(dev);
	pr_info("%s: %lu MiB, type %s", dev->name,
		(unsigned long)(dev->sectors / (SZ_1M / SECTOR_SIZE)), dev->type);
}

void partitions_find(struct block_device *disk)
{
	struct partitions *found = kmalloc(sizeof(*found), GFP_KERNEL);
	int err = found ? partitions_read(disk, found) : -ENOMEM;

	if (err)
		pr_err("%s: cannot read the partition table: error %d", disk->name, err);
	else if (found->table == TABLE_NONE)
		pr_debug("%s: no partition table", disk->name);
	for (unsigned i = 0; !err && i < found->nr; i++)
		make_device(disk, &found->list[i]);
	kfree(found);
}
