/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Parses a DNS query over UDP (RFC 1035 sections 4.1 and 4.2.1), and an OPT
 * record (RFC 6891) that is the first or the second record after its question.
 *
 * A query has opcode QUERY and QR=0, one question and no answers. Messages with
 * other opcodes have other sections (NOTIFY: RFC 1996, UPDATE: RFC 2136, DSO:
 * RFC 8490), and are left to the server, which answers an unknown opcode with
 * NOTIMP (RFC 8906 section 3.1.3). A query without a question that asks for a
 * cookie (RFC 7873 section 5.4) is left to the server, too.
 *
 * The name of the question has at most 255 bytes, in labels of at most 63 bytes
 * (section 2.3.4). It has no compression pointers, because it is the first name
 * of the message. Only IXFR has a record in the authority section (RFC 1995
 * section 3). The message ends where the UDP datagram ends. Any query may have
 * additional records. The first fragment of a query has its whole question.
 */
#ifndef COREXDP_DNS_H
#define COREXDP_DNS_H

#include <linux/udp.h>

#include "dns_message.h"
#include "launder.h"
#include "ports.h"

/* Masks for bounded_add. A question ends at byte 271 of a message at most. */
#define DNS_OFFSET_MASK 0x1ff
#define DNS_RECORD_MASK 0x7ff /* A SOA record has at most 795 bytes. */
#define UDP_LENGTH_MASK 0xffff

enum dns_error {
	DNS_OK = 0,
	DNS_FRAGMENT,
	DNS_BAD_LENGTH,
	DNS_BAD_QR,
	DNS_BAD_OPCODE,
	DNS_BAD_COUNTS,
	DNS_BAD_NAME,
	DNS_BAD_POINTER,
	/* Not errors: messages that are left to the server. */
	DNS_OTHER_OPCODE,
	DNS_NO_QUESTION,
};

struct dns_query {
	struct dns_header *header;
	void *data_end;     /* of the frame */
	__u32 length;       /* of the message */
	__u32 name_length;  /* of QNAME in wire format, with the root label */
	__u32 question_end; /* offset of the first record */
	__u16 qtype;
	__u16 qclass;
	/* The client's UDP payload size, and the flags; only with `edns`. */
	__u16 udp_size;
	__be16 edns_flags;
	bool edns;   /* the first or the second record is OPT */
	bool cookie; /* the first option is a COOKIE with a server cookie */
	__u32 option; /* offset of the first option, if there is one */
};

/* True for a message that is left to the server. */
static __always_inline bool is_unparsed(enum dns_error error)
{
	return error >= DNS_OTHER_OPCODE;
}

/* The byte at `offset` of the message. */
static __always_inline void *dns_at(const struct dns_query *query, __u32 offset)
{
	return bounded_add(query->header, offset, DNS_OFFSET_MASK);
}

/* `opcodes` has a bit for each allowed opcode other than QUERY; 0: all are. */
static __always_inline enum dns_error
parse_dns_header(const struct dns_header *dns, __u32 opcodes)
{
	__u8 opcode = dns->flags_high >> DNS_OPCODE_SHIFT & DNS_OPCODE_MASK;

	if (opcode != DNS_OPCODE_QUERY)
		return !opcodes || opcodes >> opcode & 1 ? DNS_OTHER_OPCODE :
							   DNS_BAD_OPCODE;
	if (dns->flags_high & DNS_QR)
		return DNS_BAD_QR;
	if (dns->ancount || bpf_ntohs(dns->nscount) > 1)
		return DNS_BAD_COUNTS;
	if (dns->qdcount == bpf_htons(1))
		return DNS_OK;
	return dns->qdcount ? DNS_BAD_COUNTS : DNS_NO_QUESTION;
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

static __always_inline bool is_dns_opt(const struct dns_opt *opt)
{
	return !opt->name && opt->type == bpf_htons(DNS_TYPE_OPT);
}

/* `offset`: of the OPT record in the message. */
static __always_inline void set_edns(struct dns_query *query,
				     const struct dns_opt *opt, __u32 offset)
{
	query->option = offset + sizeof(*opt);
	query->edns = true;
	query->udp_size = bpf_ntohs(opt->udp_size);
	query->edns_flags = opt->flags;
	query->cookie = has_server_cookie(query, opt);
}

/*
 * Parses the second record after the question, if it is an OPT record: the
 * first is the SOA record of IXFR. The name of `first` is a pointer, the root,
 * or as long as QNAME: a loop over its labels would cost the verifier as much as
 * the loop over QNAME. After another name, no OPT record is found.
 */
static __always_inline void parse_second_record(struct dns_query *query,
						const struct dns_opt *first,
						struct packet_scratch *scratch)
{
	struct dns_header *dns = query->header;
	__u32 offset = query->question_end;
	struct dns_opt *record;

	if (bpf_ntohs(dns->nscount) + bpf_ntohs(dns->arcount) < 2)
		return;
	/* The last byte of the name is in the place of an OPT record's name. */
	if (first->name >= DNS_POINTER)
		offset += 1;
	else if (first->name)
		offset += query->name_length - 1;
	record = bounded_add(dns, offset, DNS_RECORD_MASK);
	if ((void *)(record + 1) > query->data_end)
		return;
	offset += sizeof(*record) + bpf_ntohs(record->rdlength);
	if (offset > DNS_RECORD_MASK)
		return;
	offset = opaque(scratch, offset);
	record = bounded_add(dns, offset, DNS_RECORD_MASK);
	if ((void *)(record + 1) > query->data_end || !is_dns_opt(record) ||
	    offset + sizeof(*record) + bpf_ntohs(record->rdlength) >
		    query->length)
		return;
	set_edns(query, record, offset);
}

/* Records other than OPT are not parsed. */
static __always_inline enum dns_error
parse_dns_records(struct dns_query *query, struct packet_scratch *scratch)
{
	struct dns_opt *opt = dns_at(query, query->question_end);
	__u32 end = query->question_end + sizeof(*opt);

	query->edns = false;
	query->cookie = false;
	query->udp_size = 0;
	query->edns_flags = 0;
	query->option = 0;
	if (query->header->nscount && query->qtype != DNS_TYPE_IXFR)
		return DNS_BAD_COUNTS;
	if (!query->header->nscount && !query->header->arcount)
		return query->question_end == query->length ? DNS_OK :
							      DNS_BAD_LENGTH;
	/* No record is shorter than an OPT record without options. */
	if (end > query->length)
		return DNS_BAD_LENGTH;
	/* The record is in the next fragment. */
	if ((void *)(opt + 1) > query->data_end)
		return DNS_OK;
	if (query->header->nscount || !is_dns_opt(opt)) {
		parse_second_record(query, opt, scratch);
		return DNS_OK;
	}
	end += bpf_ntohs(opt->rdlength);
	if (end > query->length ||
	    (end < query->length && query->header->arcount == bpf_htons(1)))
		return DNS_BAD_LENGTH;
	set_edns(query, opt, query->question_end);
	return DNS_OK;
}

/* A query without a question must have an OPT record as its first record. */
static __always_inline enum dns_error
parse_no_question(const struct dns_query *query)
{
	struct dns_header *dns = query->header;
	struct dns_opt *opt = (void *)(dns + 1);

	if (dns->nscount || !dns->arcount)
		return DNS_BAD_COUNTS;
	if ((void *)(opt + 1) > query->data_end)
		return DNS_BAD_LENGTH;
	if (!is_dns_opt(opt))
		return DNS_BAD_COUNTS;
	if (query->length <
	    sizeof(*dns) + sizeof(*opt) + bpf_ntohs(opt->rdlength))
		return DNS_BAD_LENGTH;
	return DNS_NO_QUESTION;
}

/* Finds the header of the message in the UDP payload of a packet. */
static __always_inline enum dns_error
find_dns_header(const struct packet *packet, void *data_end,
		struct dns_query *query)
{
	struct cursor cursor = { .pos = packet->transport,
				 .data_end = data_end };
	struct udphdr *udp = cursor.pos;
	struct dns_header *dns = (void *)(udp + 1);
	__u32 length;

	if (!cursor_pull(&cursor, sizeof(*udp) + sizeof(*dns)))
		return packet->fragment ? DNS_FRAGMENT : DNS_BAD_LENGTH;
	length = bpf_ntohs(udp->len);
	if (length < sizeof(*udp) + sizeof(*dns) ||
	    (bounded_add(udp, length, UDP_LENGTH_MASK) > data_end &&
	     !packet->fragment))
		return DNS_BAD_LENGTH;
	query->header = dns;
	query->data_end = data_end;
	query->length = length - sizeof(*udp);
	return DNS_OK;
}

/*
 * Parses the UDP payload of a packet. `query` is valid only after DNS_OK:
 * clearing it on errors would add instructions to the loop over the name.
 */
static __always_inline enum dns_error
parse_dns_query(const struct packet *packet, void *data_end, __u32 opcodes,
		struct packet_scratch *scratch, struct dns_query *query)
{
	enum dns_error error = find_dns_header(packet, data_end, query);

	if (error)
		return error;
	error = parse_dns_header(query->header, opcodes);
	if (error == DNS_NO_QUESTION)
		return parse_no_question(query);
	if (error)
		return error;
	error = parse_dns_question(query, scratch);
	if (!error)
		error = parse_dns_records(query, scratch);
	if (error)
		return packet->fragment ? DNS_FRAGMENT : error;
	/*
	 * With two known booleans, the verifier would follow all later code four
	 * times.
	 */
	query->edns = opaque(scratch, query->edns);
	query->cookie = opaque(scratch, query->cookie);
	query->option = opaque(scratch, query->option);
	return DNS_OK;
}

#endif
