// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * count: counts the packets that arrive, by protocol, and passes all of them.
 *
 * MAPS
 *
 * xdp_map is an array. The key is a value of `enum traffic`, 4 bytes in
 * little-endian order: 03000000 is UDP over IPv4. The value is 16 bytes:
 *
 *    0  8  packets
 *    8  8  bytes     of frames, with their Ethernet headers
 *
 * The counters start at zero, so a Corefile needs no `map` lines, only a
 * `counter` line for each counter of interest:
 *
 *    counter ip4_udp_packets_total 3 packets "UDP packets over IPv4."
 */
#include "packet.h"
#include "ports.h"

enum traffic {
	TRAFFIC_OTHER = 0,
	TRAFFIC_ARP = 1,
	TRAFFIC_IP4_TCP = 2,
	TRAFFIC_IP4_UDP = 3,
	TRAFFIC_IP4_ICMP = 4,
	TRAFFIC_IP4_OTHER = 5,
	TRAFFIC_IP6_TCP = 6,
	TRAFFIC_IP6_UDP = 7,
	TRAFFIC_IP6_ICMP = 8,
	TRAFFIC_IP6_OTHER = 9,
	/* Packets to port 53 over IPv4 and IPv6, which are also counted above. */
	TRAFFIC_DNS_TCP = 10,
	TRAFFIC_DNS_UDP = 11,
	TRAFFIC_KINDS,
};

struct counter {
	__u64 packets;
	__u64 bytes;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, struct counter);
	__uint(max_entries, TRAFFIC_KINDS);
} xdp_map SEC(".maps");

static __always_inline enum traffic ip4_traffic(__u8 protocol)
{
	if (protocol == IPPROTO_TCP)
		return TRAFFIC_IP4_TCP;
	if (protocol == IPPROTO_UDP)
		return TRAFFIC_IP4_UDP;
	if (protocol == IPPROTO_ICMP)
		return TRAFFIC_IP4_ICMP;
	return TRAFFIC_IP4_OTHER;
}

static __always_inline enum traffic ip6_traffic(__u8 protocol)
{
	if (protocol == IPPROTO_TCP)
		return TRAFFIC_IP6_TCP;
	if (protocol == IPPROTO_UDP)
		return TRAFFIC_IP6_UDP;
	if (protocol == IPPROTO_ICMPV6)
		return TRAFFIC_IP6_ICMP;
	return TRAFFIC_IP6_OTHER;
}

static __always_inline void count(enum traffic traffic, __u64 bytes)
{
	__u32 key = traffic;
	struct counter *counter = bpf_map_lookup_elem(&xdp_map, &key);

	if (!counter)
		return;
	/* Atomic, because all CPUs share the counter. */
	__sync_fetch_and_add(&counter->packets, 1);
	__sync_fetch_and_add(&counter->bytes, bytes);
}

SEC("xdp")
int xdp_prog(struct xdp_md *ctx)
{
	__u64 bytes = frame_bytes(ctx);
	struct packet packet = parse_packet(ctx);

	if (packet.version == 4)
		count(ip4_traffic(packet.protocol), bytes);
	else if (packet.version == 6)
		count(ip6_traffic(packet.protocol), bytes);
	else if (packet.ethertype == ETH_P_ARP)
		count(TRAFFIC_ARP, bytes);
	else
		count(TRAFFIC_OTHER, bytes);

	if (packet.dest_port == DNS_PORT)
		count(packet.protocol == IPPROTO_TCP ? TRAFFIC_DNS_TCP :
						       TRAFFIC_DNS_UDP,
		      bytes);
	return XDP_PASS;
}

char _license[] SEC("license") = "Dual BSD/GPL";
