/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A DNS query over UDP: whether it is one, and what it asks.
 *
 * A query has one question and no answers, a name of at most 255 bytes in labels
 * of at most 63, without pointers (there is nothing in front of it to point to),
 * and ends where UDP says that it ends. It is never a fragment. IXFR has a SOA in
 * its authority section; any query may have additional records.
 */
#ifndef COREXDP_DNS_H
#define COREXDP_DNS_H

#include <linux/udp.h>

#include "launder.h"

#define DNS_PORT 53
/* How many ports a program may be told of. */
#define DNS_PORTS 4

#define DNS_QR 0x80
#define DNS_OPCODE_SHIFT 3
#define DNS_OPCODE_MASK 0x0f
#define DNS_RCODE_MASK 0x0f
#define DNS_OPCODE_QUERY 0

#define DNS_MAX_NAME 255
#define DNS_MAX_LABEL 63
#define DNS_POINTER 0xc0
/* 127 labels of one letter, and the root. */
#define DNS_MAX_LABELS 128

#define DNS_TYPE_OPT 41
#define DNS_TYPE_IXFR 251
#define DNS_CLASS_IN 1
#define DNS_CLASS_CH 3
#define DNS_CLASS_ANY 255

/* A cookie that the server has given: the client's 8 bytes, and 8 to 32 more. */
#define DNS_OPTION_COOKIE 10
#define DNS_MIN_COOKIE 16
#define DNS_MAX_COOKIE 40

/* No question reaches farther, and what is read behind it neither. */
#define DNS_OFFSET_MASK 0x1ff
#define UDP_LENGTH_MASK 0xffff

struct dns_header {
	__be16 id;
	__u8 flags_high; /* QR, opcode, AA, TC, RD */
	__u8 flags_low;	 /* RA, Z, AD, CD, response code */
	__be16 qdcount;
	__be16 ancount;
	__be16 nscount;
	__be16 arcount;
};

/* What follows the name in a question. */
struct dns_question {
	__be16 qtype;
	__be16 qclass;
};

/* An OPT record (RFC 6891). */
struct dns_opt {
	__u8 name;
	__be16 type;
	__be16 udp_size;
	__u8 extended_rcode;
	__u8 version;
	__be16 flags;
	__be16 rdlength;
} __attribute__((packed));

struct dns_option {
	__be16 code;
	__be16 length;
};

enum dns_error {
	DNS_OK = 0,
	DNS_FRAGMENT,
	DNS_BAD_LENGTH,
	DNS_BAD_QR,
	DNS_BAD_OPCODE,
	DNS_BAD_COUNTS,
	DNS_BAD_NAME,
	DNS_BAD_POINTER,
	/* No fault, but another opcode that is allowed: not looked into. */
	DNS_OTHER_OPCODE,
};

struct dns_query {
	struct dns_header *header;
	void *data_end;	    /* of the frame */
	__u32 length;	    /* of the message */
	__u32 name_length;  /* length of the name, its root included */
	__u32 question_end; /* where what follows the question begins */
	__u16 qtype;
	__u16 qclass;
	__u16 udp_size; /* that the client takes, if it says so */
	bool edns;	/* it does, right behind the question */
	bool cookie;	/* from the server, as the first option */
};

/* What stands so far behind the beginning of the message. */
static __always_inline void *dns_at(const struct dns_query *query, __u32 offset)
{
	return bounded_add(query->header, offset, DNS_OFFSET_MASK);
}

/* Whether a port is among those; none is given: whether it is DNS's own. */
static __always_inline bool is_dns_port(const __u16 *ports, __u16 port)
{
	__u32 any = 0;

	for (int i = 0; i < DNS_PORTS; i++) {
		if (ports[i] && ports[i] == port)
			return true;
		any |= ports[i];
	}
	return !any && port == DNS_PORT;
}

/* `opcodes` has a bit for each opcode that is let through beside QUERY. */
static __always_inline enum dns_error
parse_dns_header(const struct dns_header *dns, __u32 opcodes)
{
	__u8 opcode = dns->flags_high >> DNS_OPCODE_SHIFT & DNS_OPCODE_MASK;

	if (dns->flags_high & DNS_QR)
		return DNS_BAD_QR;
	if (opcode != DNS_OPCODE_QUERY)
		return opcodes >> opcode & 1 ? DNS_OTHER_OPCODE :
					       DNS_BAD_OPCODE;
	if (dns->qdcount != bpf_htons(1) || dns->ancount ||
	    bpf_ntohs(dns->nscount) > 1)
		return DNS_BAD_COUNTS;
	return DNS_OK;
}

static __always_inline enum dns_error parse_dns_name(struct dns_query *query)
{
	__u32 offset = sizeof(struct dns_header);

	for (int i = 0; i < DNS_MAX_LABELS; i++) {
		__u8 *label = dns_at(query, offset);

		if (offset >= query->length ||
		    (void *)(label + 1) > query->data_end)
			return DNS_BAD_NAME;
		if (!*label) {
			query->name_length =
				offset + 1 - sizeof(struct dns_header);
			return DNS_OK;
		}
		if (*label >= DNS_POINTER)
			return DNS_BAD_POINTER;
		if (*label > DNS_MAX_LABEL)
			return DNS_BAD_NAME;
		offset += *label + 1;
		if (offset >= sizeof(struct dns_header) + DNS_MAX_NAME)
			return DNS_BAD_NAME;
	}
	return DNS_BAD_NAME;
}

static __always_inline enum dns_error
parse_dns_question(struct dns_query *query, struct packet_scratch *scratch)
{
	enum dns_error error = parse_dns_name(query);
	struct dns_question *question;
	__u32 offset;

	if (error)
		return error;
	query->name_length = opaque(scratch, query->name_length) & DNS_MAX_NAME;
	offset = sizeof(struct dns_header) + query->name_length;
	question = dns_at(query, offset);
	query->question_end = offset + sizeof(*question);
	if (query->question_end > query->length ||
	    (void *)(question + 1) > query->data_end)
		return DNS_BAD_LENGTH;
	query->qtype = bpf_ntohs(question->qtype);
	query->qclass = bpf_ntohs(question->qclass);
	if (query->header->nscount && query->qtype != DNS_TYPE_IXFR)
		return DNS_BAD_COUNTS;
	return DNS_OK;
}

static __always_inline bool has_server_cookie(const struct dns_query *query,
					      const struct dns_opt *opt)
{
	struct dns_option *option = (void *)(opt + 1);
	__u16 size;

	if (bpf_ntohs(opt->rdlength) < sizeof(*option) + DNS_MIN_COOKIE ||
	    (void *)(option + 1) > query->data_end)
		return false;
	size = bpf_ntohs(option->length);
	return option->code == bpf_htons(DNS_OPTION_COOKIE) &&
	       size >= DNS_MIN_COOKIE && size <= DNS_MAX_COOKIE &&
	       bpf_ntohs(opt->rdlength) >= sizeof(*option) + size;
}

/* What follows the question: nothing, an OPT record, or other records. */
static __always_inline enum dns_error parse_dns_opt(struct dns_query *query)
{
	struct dns_opt *opt = dns_at(query, query->question_end);
	__u32 end = query->question_end + sizeof(*opt);

	if (!query->header->nscount && !query->header->arcount)
		return query->question_end == query->length ? DNS_OK :
							      DNS_BAD_LENGTH;
	/* No record is shorter. */
	if (end > query->length || (void *)(opt + 1) > query->data_end)
		return DNS_BAD_LENGTH;
	if (query->header->nscount || opt->name ||
	    opt->type != bpf_htons(DNS_TYPE_OPT))
		return DNS_OK;
	end += bpf_ntohs(opt->rdlength);
	if (end > query->length ||
	    (end < query->length && query->header->arcount == bpf_htons(1)))
		return DNS_BAD_LENGTH;
	query->edns = true;
	query->udp_size = bpf_ntohs(opt->udp_size);
	query->cookie = has_server_cookie(query, opt);
	return DNS_OK;
}

/* Reads what UDP carries in a packet; `query` must be zeros. */
static __always_inline enum dns_error
parse_dns_query(const struct packet *packet, void *data_end, __u32 opcodes,
		struct packet_scratch *scratch, struct dns_query *query)
{
	struct cursor cursor = { .pos = packet->transport, .end = data_end };
	struct udphdr *udp = cursor_pull(&cursor, sizeof(*udp));
	struct dns_header *dns = cursor_pull(&cursor, sizeof(*dns));
	enum dns_error error;
	__u32 length;

	if (packet->fragment)
		return DNS_FRAGMENT;
	if (!udp || !dns)
		return DNS_BAD_LENGTH;
	length = bpf_ntohs(udp->len);
	if (length < sizeof(*udp) + sizeof(*dns) ||
	    bounded_add(udp, length, UDP_LENGTH_MASK) > data_end)
		return DNS_BAD_LENGTH;
	query->header = dns;
	query->data_end = data_end;
	query->length = length - sizeof(*udp);
	error = parse_dns_header(dns, opcodes);
	if (!error)
		error = parse_dns_question(query, scratch);
	if (!error)
		error = parse_dns_opt(query);
	/* Else all that follows is looked at once for each. */
	query->edns = opaque(scratch, query->edns);
	query->cookie = opaque(scratch, query->cookie);
	return error;
}

#endif
