/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The wire format of a DNS message: header, question, OPT record and option. */
#ifndef COREXDP_DNS_MESSAGE_H
#define COREXDP_DNS_MESSAGE_H

#include <linux/types.h>

/* Bits of the header, RFC 1035 section 4.1.1. */
#define DNS_QR 0x80
#define DNS_OPCODE_SHIFT 3
#define DNS_OPCODE_MASK 0x0f
#define DNS_RCODE_MASK 0x0f
#define DNS_OPCODE_QUERY 0

/* RFC 1035 section 2.3.4; 0xc0 starts a pointer, section 4.1.4. */
#define DNS_MAX_NAME 255
#define DNS_MAX_LABEL 63
#define DNS_POINTER 0xc0
/* 127 labels of one byte, and the root. */
#define DNS_MAX_LABELS 128

/* RFC 6891, RFC 1995, RFC 1035 sections 3.2.4 and 3.2.5. */
#define DNS_TYPE_OPT 41
#define DNS_TYPE_IXFR 251
#define DNS_CLASS_IN 1
#define DNS_CLASS_CH 3
#define DNS_CLASS_ANY 255

/*
 * RFC 7873 section 4: a COOKIE option has the client's 8 bytes, and 8 to 32
 * bytes more if the server has sent a cookie before.
 */
#define DNS_OPTION_COOKIE 10
#define DNS_MIN_COOKIE 16
#define DNS_MAX_COOKIE 40

/* RFC 1035 section 4.1.1; AD and CD: RFC 4035 section 3. */
struct dns_header {
	__be16 id;
	__u8 flags_high; /* QR, OPCODE, AA, TC, RD */
	__u8 flags_low;  /* RA, Z, AD, CD, RCODE */
	__be16 qdcount;
	__be16 ancount;
	__be16 nscount;
	__be16 arcount;
};

/* The fields after QNAME, RFC 1035 section 4.1.2. */
struct dns_question {
	__be16 qtype;
	__be16 qclass;
};

/* An OPT record without its options, RFC 6891 section 6.1.2. */
struct dns_opt {
	__u8 name;
	__be16 type;
	__be16 udp_size;
	__u8 extended_rcode;
	__u8 version;
	__be16 flags;
	__be16 rdlength;
} __attribute__((packed));

/* The head of an option in RDATA, RFC 6891 section 6.1.2. */
struct dns_option {
	__be16 code;
	__be16 length;
};

#endif
