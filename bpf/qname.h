/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Converts the name of a DNS question to text, for the lookup of the name and
 * of all its parent domains.
 *
 * The text has lower-case letters, dots between labels, and no dot at its end.
 * A dot or a zero byte within a label, which the text cannot express, becomes
 * 0xff, which no listed name has.
 */
#ifndef COREXDP_QNAME_H
#define COREXDP_QNAME_H

#include "dns.h"

#define QNAME_SIZE 64 /* bytes of a key: a name, padded with zeros */
/* The longest name, and zeros so that a whole key can start at any label. */
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

/* 0x80 in each byte that is zero in `word`. */
static __always_inline __u32 zero_byte_mask(__u32 word)
{
	__u32 low = REPEAT_BYTE(0x7f);

	return ~(((word & low) + low) | word | low);
}

/*
 * Four bytes of a name, with capitals in lower case, and with dots and zeros
 * as 0xff. Four bytes at once take fewer instructions than a loop over bytes.
 */
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

/*
 * Returns the byte at `offset` of the name in wire format. If a label starts at
 * this offset of the text, this byte is the length of the label: the text has a
 * dot for each length byte except the first.
 */
static __always_inline __u8 *qname_at(const struct dns_query *query,
				      __u32 offset)
{
	return dns_at(query, sizeof(struct dns_header) + offset);
}

/*
 * Copies the labels and the length bytes between labels, which
 * qname_insert_dots replaces. Returns the length of the text.
 */
static __always_inline __u32 qname_copy(const struct dns_query *query,
					struct qname_text *text)
{
	/* Neither the first length byte nor the root label is in the text. */
	__u32 size = query->name_length - 2;
	void *rest;

	for (__u32 i = 0; i < QNAME_MAX_WORDS && 4 * i < size; i++) {
		/* The last word may have 3 bytes of root label and type. */
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

/* Replaces the length bytes in the text with dots. */
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

/*
 * Writes the text of a valid query's name and returns its length. The name must
 * not be the root.
 */
static __always_inline __u32 qname_to_text(const struct dns_query *query,
					   struct qname_text *text)
{
	__u32 size = qname_copy(query, text);

	qname_insert_dots(query, text, size);
	return size;
}

#endif
