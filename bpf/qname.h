/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The name of a DNS question as the text that it is usually written as, and all
 * ends of it that a list might have.
 *
 * Lower-case letters, dots between labels, no dot at the end. A dot or a zero
 * inside of a label, which no such text can say, becomes a byte that is in none.
 */
#ifndef COREXDP_QNAME_H
#define COREXDP_QNAME_H

#include "dns.h"

/* What a listed name may have, filled up with zeros. */
#define QNAME_SIZE 64
/* The bytes of the longest name, and zeros behind it for a whole key. */
#define QNAME_TEXT 320
#define QNAME_MAX_WORDS 64

#define EACH_BYTE 0x01010101U

struct qname {
	char text[QNAME_SIZE];
};

struct qname_text {
	struct settled settled;
	union {
		__u8 bytes[QNAME_TEXT];
		__u32 words[QNAME_TEXT / 4];
	};
};

/* 0x80 in each byte of a word that is zero. */
static __always_inline __u32 zero_bytes(__u32 word)
{
	__u32 low = 0x7f * EACH_BYTE;

	return ~(((word & low) + low) | word | low);
}

/* Four bytes of a name in lower case, without dots and zeros. */
static __always_inline __u32 canonical(__u32 word)
{
	__u32 low = word & 0x7f * EACH_BYTE;
	__u32 from_a = low + (0x80 - 'A') * EACH_BYTE;
	__u32 behind_z = low + (0x80 - 'Z' - 1) * EACH_BYTE;
	__u32 capital = (from_a ^ behind_z) & ~word & 0x80 * EACH_BYTE;
	__u32 odd = zero_bytes(word) | zero_bytes(word ^ '.' * EACH_BYTE);

	return word | capital >> 2 | (odd >> 7) * 0xff;
}

/* The byte of the name in front of which so many of the text's are. */
static __always_inline __u8 *qname_byte(const struct dns_query *query,
					__u32 before)
{
	return dns_at(query, sizeof(struct dns_header) + before);
}

/* The labels and what is between them; returns how long the text is. */
static __always_inline __u32 qname_copy(const struct dns_query *query,
					struct qname_text *text)
{
	/* All but the first label's length and the root. */
	__u32 size = query->name - 2;
	void *rest;

	for (__u32 i = 0; i < QNAME_MAX_WORDS && 4 * i < size; i++) {
		/* What is too much is of type and class. */
		__u32 *word = (void *)qname_byte(query, 4 * i + 1);

		if ((void *)(word + 1) > query->end)
			break;
		text->words[i] = canonical(*word);
	}
	size = forget(&text->settled, size);
	rest = behind(text->bytes, size, DNS_MAX_NAME);
	for (int i = 0; i < QNAME_SIZE / 8; i++)
		((volatile __u64 *)rest)[i] = 0;
	return size;
}

/* Puts dots where the lengths of labels were. */
static __always_inline void qname_dots(const struct dns_query *query,
				       struct qname_text *text, __u32 size)
{
	__u32 at = 0;

	for (int i = 0; i < DNS_MAX_LABELS; i++) {
		__u8 *label = qname_byte(query, at);

		if ((void *)(label + 1) > query->end)
			return;
		at += *label + 1;
		if (at > size)
			return;
		*(__u8 *)behind(text->bytes, at - 1, DNS_MAX_NAME) = '.';
	}
}

/* The text of a good query's name, which must not be the root; its length. */
static __always_inline __u32 qname_read(const struct dns_query *query,
					struct qname_text *text)
{
	__u32 size = qname_copy(query, text);

	qname_dots(query, text, size);
	return size;
}

#endif
