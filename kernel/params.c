// SPDX-License-Identifier: BSD-2-Clause
/* The kernel command line. */
#include <twofold/log.h>
#include <twofold/params.h>
#include <twofold/string.h>

#define LINE_SIZE 2048 /* arm64's COMMAND_LINE_SIZE in Linux */

static char line[LINE_SIZE];

void params_init(const char *bootargs)
{
	if (strlcpy(line, bootargs, sizeof(line)) >= sizeof(line))
		pr_warn("params: command line cut at %u bytes", LINE_SIZE - 1);
}

const char *params_line(void)
{
	return line;
}

/* The next word from *p, quotes kept; its length, 0 at the end. */
static size_t next_word(const char **p, const char **word)
{
	bool quoted = false;
	const char *s;

	while (**p == ' ')
		(*p)++;
	*word = s = *p;
	for (; *s && (quoted || *s != ' '); s++)
		if (*s == '"')
			quoted = !quoted;
	*p = s;
	return (size_t)(s - *word);
}

static void copy_unquoted(char *buf, size_t size, const char *from, size_t len)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++)
		if (from[i] != '"' && n + 1 < size)
			buf[n++] = from[i];
	buf[n] = '\0';
}

bool param_string(const char *name, char *buf, size_t size)
{
	size_t name_len = strlen(name), len;
	const char *p = line, *word;
	bool found = false;

	while ((len = next_word(&p, &word))) {
		if (len < name_len || strncmp(word, name, name_len))
			continue;
		if (len == name_len) {
			buf[0] = '\0';
			found = true;
		} else if (word[name_len] == '=') {
			copy_unquoted(buf, size, word + name_len + 1, len - name_len - 1);
			found = true;
		}
	}
	return found;
}

static bool is_one_of(const char *s, const char *const *words)
{
	for (; *words; words++)
		if (!strcmp(s, *words))
			return true;
	return false;
}

bool param_bool(const char *name, bool dflt)
{
	static const char *const yes[] = {"", "1", "on", "y", "yes", "true", NULL};
	static const char *const no[] = {"0", "off", "n", "no", "false", NULL};
	char value[16];

	if (!param_string(name, value, sizeof(value)))
		return dflt;
	if (is_one_of(value, yes))
		return true;
	if (!is_one_of(value, no)) {
		pr_warn("params: %s=%s is neither on nor off: %s", name, value, dflt ? "on" : "off");
		return dflt;
	}
	return false;
}

uint64_t parse_size(const char *s, const char **end)
{
	char *stop;
	uint64_t value = strtoul(s, &stop, 0);

	switch (*stop) {
	case 'G':
	case 'g':
		value <<= 10;
		__attribute__((fallthrough));
	case 'M':
	case 'm':
		value <<= 10;
		__attribute__((fallthrough));
	case 'K':
	case 'k':
		value <<= 10;
		stop++;
	}
	*end = stop;
	return value;
}

uint64_t param_size(const char *name, uint64_t dflt)
{
	char value[32];
	const char *end;
	uint64_t size;

	if (!param_string(name, value, sizeof(value)))
		return dflt;
	size = parse_size(value, &end);
	if (*end || end == value) {
		pr_warn("params: %s=%s is not a number", name, value);
		return dflt;
	}
	return size;
}
