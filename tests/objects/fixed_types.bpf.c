// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The context and a header as in vmlinux.h: each access has a CO-RE relocation,
 * though both structs are equal in all kernels. With -DKERNEL_TYPES the program
 * needs a type of the running kernel, too. Drops IPv6.
 */
typedef unsigned short __u16;
typedef unsigned int __u32;
typedef __u16 __be16;

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct xdp_md {
	__u32 data;
	__u32 data_end;
	__u32 data_meta;
	__u32 ingress_ifindex;
	__u32 rx_queue_index;
	__u32 egress_ifindex;
};

struct ethhdr {
	unsigned char h_dest[6];
	unsigned char h_source[6];
	__be16 h_proto;
};

struct task_struct {
	int pid;
};

#pragma clang attribute pop

#define SEC(name) __attribute__((section(name), used))
#define XDP_DROP 1
#define XDP_PASS 2

SEC("xdp")
int xdp_prog(struct xdp_md *ctx)
{
	struct ethhdr *eth = (void *)(long)ctx->data;

	if ((void *)(eth + 1) > (void *)(long)ctx->data_end)
		return XDP_DROP;
#ifdef KERNEL_TYPES
	if (!__builtin_preserve_field_info(((struct task_struct *)0)->pid, 2))
		return XDP_DROP;
#endif
	return eth->h_proto == 0xdd86 ? XDP_DROP : XDP_PASS;
}

char _license[] SEC("license") = "Dual BSD/GPL";
