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
#define QNAME_TEXT_SIZE 320
#define QNAME_MAX_WORDS 64

#define REPEAT_BYTE(byte) (0x01010101U * (byte))

struct qname {
	char text[QNAME_SIZE];
};

struct qname_text {
	struct packet_scratch scratch;
	union {
		__u8 bytes[QNAME_TEXT_SIZE];
		__u32 words[QNAME_TEXT_SIZE / 4];
	};
};

/* 0x80 in each byte of a word that is zero. */
static __always_inline __u32 zero_byte_mask(__u32 word)
{
	__u32 low = REPEAT_BYTE(0x7f);

	return ~(((word & low) + low) | word | low);
}

/* Four bytes of a name in lower case, without dots and zeros. */
static __always_inline __u32 canonicalize(__u32 word)
{
	__u32 low = word & REPEAT_BYTE(0x7f);
	__u32 from_a = low + REPEAT_BYTE(0x80 - 'A');
	__u32 above_z = low + REPEAT_BYTE(0x80 - 'Z' - 1);
	__u32 upper = (from_a ^ above_z) & ~word & REPEAT_BYTE(0x80);
	__u32 forbidden = zero_byte_mask(word) |
			  zero_byte_mask(word ^ REPEAT_BYTE('.'));

	return word | upper >> 2 | (forbidden >> 7) * 0xff;
}

/* The byte of the name in front of which so many of the text's are. */
static __always_inline __u8 *qname_at(const struct dns_query *query,
				      __u32 offset)
{
	return dns_at(query, sizeof(struct dns_header) + offset);
}

/* The labels and what is between them; returns how long the text is. */
static __always_inline __u32 qname_copy(const struct dns_query *query,
					struct qname_text *text)
{
	/* All but the first label's length and the root. */
	__u32 size = query->name_length - 2;
	void *rest;

	for (__u32 i = 0; i < QNAME_MAX_WORDS && 4 * i < size; i++) {
		/* What is too much is of type and class. */
		__u32 *word = (void *)qname_at(query, 4 * i + 1);

		if ((void *)(word + 1) > query->data_end)
			break;
		text->words[i] = canonicalize(*word);
	}
	size = opaque(&text->scratch, size);
	rest = bounded_add(text->bytes, size, DNS_MAX_NAME);
	for (int i = 0; i < QNAME_SIZE / 8; i++)
		((volatile __u64 *)rest)[i] = 0;
	return size;
}

/* Puts dots where the lengths of labels were. */
static __always_inline void qname_insert_dots(const struct dns_query *query,
					      struct qname_text *text,
					      __u32 size)
{
	__u32 offset = 0;

	for (int i = 0; i < DNS_MAX_LABELS; i++) {
		__u8 *label = qname_at(query, offset);

		if ((void *)(label + 1) > query->data_end)
			return;
		offset += *label + 1;
		if (offset > size)
			return;
		*(__u8 *)bounded_add(text->bytes, offset - 1, DNS_MAX_NAME) =
			'.';
	}
}

/* The text of a good query's name, which must not be the root; its length. */
static __always_inline __u32 qname_to_text(const struct dns_query *query,
					   struct qname_text *text)
{
	__u32 size = qname_copy(query, text);

	qname_insert_dots(query, text, size);
	return size;
}

#endif
