/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The access list: its rules, its two maps, and the lookup. */
#ifndef COREXDP_ACL_H
#define COREXDP_ACL_H

#include "prefix.h"

#define ACL_MAX_RULES 262144 /* prefixes */
#define ACL_MAX_HOSTS 131072 /* single addresses */

enum __attribute__((packed)) acl_action {
	ACL_UNLISTED = 0, /* as if no rule matched the source */
	ACL_PASS = 1,
	ACL_DROP = 2,
};

/* Any IP protocol number is valid; these have names. */
enum __attribute__((packed)) acl_protocol {
	ACL_ANY = 0,
	ACL_ICMP = IPPROTO_ICMP,
	ACL_TCP = IPPROTO_TCP,
	ACL_UDP = IPPROTO_UDP,
	ACL_ICMPV6 = IPPROTO_ICMPV6,
};

struct acl_rule {
	enum acl_action action;
	enum acl_protocol protocol;
	__u16 port;
	enum acl_action otherwise;
	__u64 packets;
	__u64 bytes;
	__u64 others;
};

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__type(key, struct prefix);
	__type(value, struct acl_rule);
	__uint(max_entries, ACL_MAX_RULES);
	__uint(map_flags, BPF_F_NO_PREALLOC);
} xdp_map SEC(".maps");

/* Looked up first: no prefix is longer than a whole address. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, struct address);
	__type(value, struct acl_rule);
	__uint(max_entries, ACL_MAX_HOSTS);
	__uint(map_flags, BPF_F_NO_PREALLOC);
} hosts SEC(".maps");

/* The rule that matches a source; NULL if there is none. */
static __always_inline struct acl_rule *acl_lookup(struct prefix *source)
{
	struct acl_rule *rule = bpf_map_lookup_elem(&hosts, &source->address);

	return rule ? rule : bpf_map_lookup_elem(&xdp_map, source);
}

/* Returns the action of the rule for a packet, and counts the packet. */
static __always_inline enum acl_action
acl_apply(struct acl_rule *rule, const struct packet *packet, __u64 bytes)
{
	if ((rule->protocol && rule->protocol != packet->protocol) ||
	    (rule->port && rule->port != packet->dest_port)) {
		__sync_fetch_and_add(&rule->others, 1);
		return rule->otherwise;
	}
	__sync_fetch_and_add(&rule->packets, 1);
	__sync_fetch_and_add(&rule->bytes, bytes);
	return rule->action;
}

#endif
