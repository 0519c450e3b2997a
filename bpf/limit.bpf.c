// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * limit: so many packets per second from a subnet, and no more. The rules are
 * tried in order, the first one that speaks of the packet's source counts it,
 * for all of the subnet together; what exceeds its limit within one second is
 * dropped until the next begins. A packet that no rule speaks of passes, and
 * so does what is no IP packet.
 *
 * xdp_map is an array of 128 rules; the key is the rule's place (4 bytes, as in
 * memory: 02000000 is the third). The list ends at the first rule whose limit
 * is zero, so what the Corefile leaves unfilled does nothing. A rule, 72 bytes,
 * numbers little-endian, addresses as they are written:
 *
 *    0  4  limit     packets per second: E8030000 is 1000
 *    4  4  family    04000000 IPv4, 06000000 IPv6, 00000000 see subnet.h
 *    8  4  ip4_net
 *   12  4  ip4_mask
 *   16 16  ip6_net
 *   32 16  ip6_mask
 *   48  8  passed    packets, ever
 *   56  8  dropped   packets, ever
 *   64  8  window    the program's own; leave it zero
 *
 * A thousand packets per second from 10.11.0.0/16:
 *
 *    map E8030000.00000000.0A0B0000.FFFF0000.00000000000000000000000000000000.00000000000000000000000000000000.0000000000000000.0000000000000000.0000000000000000
 *
 * The seconds are the clock's, not the subnet's: around the turn of one, up to
 * twice the limit may pass within less than a second.
 */
#include "subnet.h"

#define RULES 128
#define NANOSECONDS 1000000000ULL

/* One second and its packets: 8 bytes, to be begun by one store. */
struct window {
	__u32 packets;
	__u32 second; /* since boot */
};

struct rule {
	__u32 limit;
	enum subnet_family family;
	__be32 ip4_net;
	__be32 ip4_mask;
	__u8 ip6_net[16];
	__u8 ip6_mask[16];
	__u64 passed;
	__u64 dropped;
	struct window window;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, struct rule);
	__uint(max_entries, RULES);
} xdp_map SEC(".maps");

/*
 * Counts the packet into the current second, if it still fits.
 *
 * CPUs share the window without a lock, as kernels before 5.12 have no
 * compare-and-swap for us. What can go wrong is small and in the packet's
 * favour: each other CPU may let one more pass at the limit, and those counted
 * while two CPUs begin the same second may be forgotten.
 */
static __always_inline bool admit(struct rule *rule)
{
	struct window fresh = {
		.packets = 1,
		.second = bpf_ktime_get_ns() / NANOSECONDS,
	};

	/* Only forward: another CPU may have begun the next one since. */
	if (rule->window.second < fresh.second) {
		/* Both halves at once, so that nobody meets the new second
		 * with the packets of the old. */
		*(volatile __u64 *)&rule->window = *(__u64 *)&fresh;
		return true;
	}
	if (rule->window.packets >= rule->limit)
		return false;
	__sync_fetch_and_add(&rule->window.packets, 1);
	return true;
}

SEC("xdp")
int xdp_prog(struct xdp_md *ctx)
{
	struct packet packet = parse_packet(ctx);

	if (!packet.version)
		return XDP_PASS;
	for (__u32 place = 0; place < RULES; place++) {
		/* Its own variable: older verifiers lose count of one whose
		 * address is taken, and then see no end to the loop. */
		__u32 key = place;
		struct rule *rule = bpf_map_lookup_elem(&xdp_map, &key);

		if (!rule || !rule->limit)
			break;
		if (!subnet_holds(&packet, rule->family, rule->ip4_net,
				  rule->ip4_mask, rule->ip6_net,
				  rule->ip6_mask))
			continue;
		if (admit(rule)) {
			__sync_fetch_and_add(&rule->passed, 1);
			return XDP_PASS;
		}
		__sync_fetch_and_add(&rule->dropped, 1);
		return XDP_DROP;
	}
	return XDP_PASS;
}

char _license[] SEC("license") = "Dual BSD/GPL";
