// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Looks up the address at the start of the frame, and writes the match behind it. */
#include "prefix_table.h"

struct value {
	__u8 action;
	__u8 protocol;
	__u16 port;
	__u32 mark;
	__u64 packets;
};

PREFIX_TABLE(xdp_map, struct value);

struct answer {
	struct address address;
	__u32 leaf;
	__u32 has_value;
	struct value value;
};

SEC("xdp")
int xdp_prog(struct xdp_md *ctx)
{
	struct answer *answer = (void *)(long)ctx->data;
	struct prefix_table_match match;
	struct address address;

	if ((void *)(answer + 1) > (void *)(long)ctx->data_end)
		return XDP_ABORTED;
	address = answer->address;
	match = prefix_table_find(xdp_map, &address);
	answer->leaf = match.leaf;
	answer->has_value = !!match.value;
	if (match.value)
		answer->value = *(struct value *)match.value;
	else if (match.leaf)
		prefix_table_count(xdp_map, match.leaf);
	return XDP_PASS;
}

char _license[] SEC("license") = "Dual BSD/GPL";
