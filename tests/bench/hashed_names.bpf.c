// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * qname as it was before name tables: its list is a hash map, whose key is the
 * text of a name, and each suffix of a query's name takes a lookup. The peer of
 * qname in the benchmark.
 */
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

#include "reply.h"

#define QNAME_MAX_RULES 2097152

enum qname_action {
	QNAME_PASS = 0,
	QNAME_DROP = 1,
	QNAME_REFUSE = 2,
	QNAME_NXDOMAIN = 3,
};

struct qname_rule {
	enum qname_action action;
	bool exact;
	__u64 packets;
};

struct settings {
	__u16 port[DNS_PORTS] DNS_PORTS_ALIGNED;
	bool monitor;
};

struct totals {
	__u64 passed;
	__u64 dropped;
	__u64 refused;
	__u64 nxdomain;
	__u64 unread;
	__u64 other;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, struct qname);
	__type(value, struct qname_rule);
	__uint(max_entries, QNAME_MAX_RULES);
	__uint(map_flags, BPF_F_NO_PREALLOC);
} xdp_map SEC(".maps");

#include "state.h"

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__type(key, __u32);
	__type(value, struct qname_text);
	__uint(max_entries, 1);
} scratch SEC(".maps");

/*
 * The rule for the longest suffix of the name, by whole labels; NULL if there
 * is none.
 */
static __always_inline struct qname_rule *
longest_match(const struct dns_query *query, struct qname_text *text,
	      __u32 size)
{
	struct qname_rule *rule;
	__u32 offset = 0;

	for (int i = 0; i < DNS_MAX_LABELS && offset < size; i++) {
		__u8 *label = qname_at(query, offset);

		if ((void *)(label + 1) > query->data_end)
			break;
		if (size - offset <= QNAME_SIZE) {
			void *key =
				bounded_add(text->bytes, offset, DNS_MAX_NAME);

			rule = bpf_map_lookup_elem(&xdp_map, key);
			if (rule && !(rule->exact && offset))
				return rule;
		}
		offset += *label + 1;
	}
	return NULL;
}

static __always_inline enum qname_action decide(const struct dns_query *query,
						struct qname_text *text)
{
	struct qname_rule *rule;

	/* The text of the root name is empty, and no rule can match it. */
	if (query->name_length < 2)
		return QNAME_PASS;
	rule = longest_match(query, text, qname_to_text(query, text));
	if (!rule)
		return QNAME_PASS;
	__sync_fetch_and_add(&rule->packets, 1);
	return rule->action;
}

static __always_inline int
apply_action(struct xdp_md *ctx, const struct packet *packet,
	     const struct dns_query *query, struct packet_scratch *scratch,
	     enum qname_action action, bool monitor, struct totals *totals)
{
	if ((action == QNAME_REFUSE || action == QNAME_NXDOMAIN) &&
	    !may_reply(ctx, packet))
		action = QNAME_DROP;
	if (action == QNAME_DROP) {
		totals->dropped++;
		return monitor ? XDP_PASS : XDP_DROP;
	}
	if (action == QNAME_REFUSE) {
		totals->refused++;
	} else if (action == QNAME_NXDOMAIN) {
		totals->nxdomain++;
	} else {
		totals->passed++;
		return XDP_PASS;
	}
	if (monitor)
		return XDP_PASS;
	return send_reply(ctx, packet, query, scratch,
			  action == QNAME_REFUSE ? DNS_RCODE_REFUSED :
						   DNS_RCODE_NXDOMAIN,
			  0);
}

static __always_inline int filter(struct xdp_md *ctx, struct packet *packet,
				  struct qname_text *text,
				  const struct settings *settings,
				  struct totals *totals)
{
	void *data_end = (void *)(long)ctx->data_end;
	struct dns_query query;

	launder(ctx, &text->scratch, packet);
	if (!is_dns_port(settings->port, packet->dest_port)) {
		totals->other++;
		return XDP_PASS;
	}
	if (packet->fragment ||
	    parse_dns_query(packet, data_end, 0, &text->scratch, &query)) {
		totals->unread++;
		return XDP_PASS;
	}
	return apply_action(ctx, packet, &query, &text->scratch,
			    decide(&query, text), settings->monitor, totals);
}

SEC("xdp")
int xdp_prog(struct xdp_md *ctx)
{
	struct packet packet = parse_packet(ctx);
	__u32 key = 0;
	struct settings *settings_entry = bpf_map_lookup_elem(&settings, &key);
	struct totals *totals_entry = bpf_map_lookup_elem(&totals, &key);
	struct qname_text *text = bpf_map_lookup_elem(&scratch, &key);

	if (!settings_entry || !totals_entry || !text)
		return XDP_PASS;
	if (packet.protocol != IPPROTO_UDP || !packet.transport) {
		totals_entry->other++;
		return XDP_PASS;
	}
	return filter(ctx, &packet, text, settings_entry, totals_entry);
}

char _license[] SEC("license") = "Dual BSD/GPL";
