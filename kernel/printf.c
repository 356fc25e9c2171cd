// SPDX-License-Identifier: BSD-2-Clause
/* Formatted text: the part of ISO C's vsnprintf() that a kernel uses. No floating point. */
#include <twofold/log.h>
#include <twofold/string.h>

struct out {
	char *buf;
	size_t size, len; /* len: what there would be with room for all */
};

struct spec {
	bool left, plus, space, alt, zero;
	int width, precision; /* -1: none */
	int bits;	      /* of an integer argument */
	char conv;
};

static void put(struct out *o, char c)
{
	if (o->len + 1 < o->size)
		o->buf[o->len] = c;
	o->len++;
}

static void pad(struct out *o, char c, int n)
{
	while (n-- > 0)
		put(o, c);
}

static void put_field(struct out *o, const struct spec *s, const char *prefix, int zeros,
		      const char *text, int len)
{
	int fill = s->width - (int)strlen(prefix) - zeros - len;

	if (!s->left)
		pad(o, ' ', fill);
	while (*prefix)
		put(o, *prefix++);
	pad(o, '0', zeros);
	for (int i = 0; i < len; i++)
		put(o, text[i]);
	if (s->left)
		pad(o, ' ', fill);
}

static void put_number(struct out *o, const struct spec *s, uint64_t value, const char *prefix)
{
	const char *digits = s->conv == 'X' ? "0123456789ABCDEF" : "0123456789abcdef";
	unsigned base = s->conv == 'x' || s->conv == 'X' || s->conv == 'p' ? 16
			: s->conv == 'o'				     ? 8
										     : 10;
	char text[24];
	int at = sizeof(text), len, zeros;

	do {
		text[--at] = digits[value % base];
		value /= base;
	} while (value);
	len = (int)sizeof(text) - at;
	zeros = s->precision - len;
	if (s->precision < 0 && s->zero && !s->left)
		zeros = s->width - (int)strlen(prefix) - len;
	put_field(o, s, prefix, MAX(zeros, 0), text + at, len);
}

static void put_signed(struct out *o, const struct spec *s, int64_t value)
{
	const char *sign = value < 0 ? "-" : s->plus ? "+" : s->space ? " " : "";

	put_number(o, s, value < 0 ? -(uint64_t)value : (uint64_t)value, sign);
}

static int64_t next_signed(const struct spec *s, va_list *args)
{
	if (s->bits == 64)
		return va_arg(*args, long);
	return s->bits == 8    ? (signed char)va_arg(*args, int)
	       : s->bits == 16 ? (short)va_arg(*args, int)
			       : va_arg(*args, int);
}

static uint64_t next_unsigned(const struct spec *s, va_list *args)
{
	if (s->bits == 64)
		return va_arg(*args, unsigned long);
	return va_arg(*args, unsigned) & GENMASK(s->bits - 1, 0);
}

static void put_string(struct out *o, const struct spec *s, const char *text)
{
	if (!text)
		text = "(null)";
	put_field(o, s, "", 0, text,
		  (int)(s->precision < 0 ? strlen(text) : strnlen(text, (size_t)s->precision)));
}

static void convert(struct out *o, const struct spec *s, va_list *args)
{
	uint64_t value;
	char c;

	switch (s->conv) {
	case 'd':
	case 'i':
		put_signed(o, s, next_signed(s, args));
		break;
	case 'x':
	case 'X':
	case 'o':
	case 'u':
		value = next_unsigned(s, args);
		put_number(o, s, value, s->alt && value && s->conv == 'x' ? "0x" : "");
		break;
	case 'p':
		put_number(o, s, (uintptr_t)va_arg(*args, void *), "0x");
		break;
	case 's':
		put_string(o, s, va_arg(*args, const char *));
		break;
	case 'c':
		c = (char)va_arg(*args, int);
		put_field(o, s, "", 0, &c, 1);
		break;
	default:
		put(o, s->conv);
	}
}

static const char *parse_number(const char *p, int *value, va_list *args)
{
	if (*p == '*') {
		*value = va_arg(*args, int);
		return p + 1;
	}
	for (*value = 0; *p >= '0' && *p <= '9'; p++)
		*value = *value * 10 + (*p - '0');
	return p;
}

static const char *parse_length(const char *p, int *bits)
{
	for (*bits = 32;; p++) {
		if (*p == 'l' || *p == 'z' || *p == 'j' || *p == 't')
			*bits = 64;
		else if (*p == 'h')
			*bits /= 2;
		else
			return p;
	}
}

static const char *parse_spec(const char *p, struct spec *s, va_list *args)
{
	*s = (struct spec){.precision = -1};
	for (;; p++) {
		if (*p == '-')
			s->left = true;
		else if (*p == '+')
			s->plus = true;
		else if (*p == ' ')
			s->space = true;
		else if (*p == '#')
			s->alt = true;
		else if (*p == '0')
			s->zero = true;
		else
			break;
	}
	p = parse_number(p, &s->width, args);
	if (s->width < 0) {
		s->left = true;
		s->width = -s->width;
	}
	if (*p == '.')
		p = parse_number(p + 1, &s->precision, args);
	p = parse_length(p, &s->bits);
	s->conv = *p;
	return *p ? p + 1 : p;
}

int vsnprintf(char *buf, size_t size, const char *fmt, va_list list)
{
	struct out o = {buf, size, 0};
	struct spec s;
	va_list args;

	va_copy(args, list);
	while (*fmt) {
		if (*fmt != '%') {
			put(&o, *fmt++);
			continue;
		}
		fmt = parse_spec(fmt + 1, &s, &args);
		if (s.conv)
			convert(&o, &s, &args);
	}
	va_end(args);
	if (size)
		buf[MIN(o.len, size - 1)] = '\0';
	return (int)o.len;
}

int snprintf(char *buf, size_t size, const char *fmt, ...)
{
	va_list args;
	int len;

	va_start(args, fmt);
	len = vsnprintf(buf, size, fmt, args);
	va_end(args);
	return len;
}
