/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The access list: its rules, and the lookup. */
#ifndef COREXDP_ACL_H
#define COREXDP_ACL_H

#include "prefix_table.h"

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

PREFIX_TABLE(xdp_map, struct acl_rule);

/* Returns the action of a rule for a packet, and counts the packet. */
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

/* Returns the action of the list for a packet, and counts the packet. */
static __always_inline enum acl_action
acl_decide(const struct packet *packet, __u64 bytes)
{
	struct address source = source_address(packet);
	struct prefix_table_match match = prefix_table_find(xdp_map, &source);

	if (match.value)
		return acl_apply(match.value, packet, bytes);
	if (match.leaf)
		prefix_table_count(xdp_map, match.leaf);
	return prefix_table_action(match.leaf);
}

#endif
