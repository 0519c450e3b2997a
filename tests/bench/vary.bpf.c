/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Changes each packet and tail-calls the program under test, so that its map
 * lookups miss the CPU caches as in a flood. Changes the source of an IPv4
 * packet, with -DIP6 that of an IPv6 packet or, with -DNAME, the digits of the
 * DNS name blocked-01234.example.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/udp.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

/* Number of sources or names. */
#ifndef PACKETS
#define PACKETS 100000
#endif
/* Offset of the first digit: after the DNS header, a length byte and "blocked-". */
#define DIGITS (sizeof(struct ethhdr) + sizeof(struct iphdr) + sizeof(struct udphdr) + 12 + 1 + 8)

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__type(key, __u32);
	__type(value, __u32);
	__uint(max_entries, 1);
} jump SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, __u32);
	__uint(max_entries, 1);
} turn SEC(".maps");

SEC("xdp")
int xdp_prog(struct xdp_md *ctx)
{
	__u8 *data = (void *)(long)ctx->data, *data_end = (void *)(long)ctx->data_end;
	__u32 zero = 0, *turns = bpf_map_lookup_elem(&turn, &zero), number;

	if (!turns)
		return XDP_ABORTED;
	number = *turns < PACKETS ? *turns : 0;
	*turns = number + 1;
#ifdef NAME
	/* Ascending numbers are as random as any order, since a hash map finds the names. */
	if (data + DIGITS + 5 > data_end)
		return XDP_ABORTED;
	for (int i = 4; i >= 0; i--, number /= 10)
		data[DIGITS + i] = '0' + number % 10;
#elif defined(IP6)
	struct ipv6hdr *ip = (void *)(data + sizeof(struct ethhdr));

	if ((void *)(ip + 1) > (void *)data_end)
		return XDP_ABORTED;
	/* As below, behind the /32: each in another /56. */
	ip->saddr.s6_addr32[1] = bpf_htonl(number * 0x9e3779b1);
#else
	struct iphdr *ip = (void *)(data + sizeof(struct ethhdr));

	if ((void *)(ip + 1) > (void *)data_end)
		return XDP_ABORTED;
	/*
	 * The sequence of the list in shipped.rs: neighbours far apart, each in
	 * another /24.
	 */
	ip->saddr = bpf_htonl(number * 0x9e3779b1);
#endif
	bpf_tail_call(ctx, &jump, 0);
	return XDP_ABORTED;
}

char _license[] SEC("license") = "Dual BSD/GPL";
