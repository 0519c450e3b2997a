// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * CO-RE relocations, one in each program. With -DKERNEL the file has the types of
 * a kernel with members that are moved, resized or removed.
 */
#include <linux/bpf.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;

#ifdef KERNEL

enum verdict { REFUSED = 3, LATE, ACCEPTED = 70 };

struct order {
	u8 before[16];
	u64 amount;
	u32 number;
	u8 kind : 3, ready : 4;
	union {
		struct {
			u16 port;
		};
	};
	u16 list[8];
	int grown;
	long long signed_number;
};

struct twin {
	u32 one;
};

enum verdict a_verdict;
struct order an_order;
struct twin a_twin;

#else

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

enum verdict { REFUSED, ACCEPTED, UNHEARD_OF };

struct order {
	u32 number;
	u32 amount;
	u8 ready : 2, kind : 3;
	u16 port;
	u16 list[4];
	u32 gone;
	short signed_number;
};

/* A second view of the same struct. */
struct order___large {
	u64 number;
};

struct unheard_of {
	u32 number;
};

/* The TCP header, equal in all kernels, and another struct of that name. */
struct udphdr {
	u16 source;
	u16 dest;
	u16 len;
	u16 check;
};

struct tcphdr {
	u16 dest;
};

#pragma clang attribute pop

#define ORDER(ctx) ((struct order *)(long)(ctx)->data)
#define PROGRAM(name, expression)           \
	SEC("xdp/" #name)                   \
	int name(struct xdp_md *ctx)        \
	{                                   \
		return (int)(expression);   \
	}

PROGRAM(offset, bpf_core_field_offset(struct order, number))
PROGRAM(size, bpf_core_field_size(struct order, list))
PROGRAM(element, bpf_core_field_offset(struct order, list[3]))
PROGRAM(anonymous, bpf_core_field_offset(struct order, port))
PROGRAM(exists, bpf_core_field_exists(struct order, number))
PROGRAM(gone, bpf_core_field_exists(struct order, gone))
PROGRAM(type_exists, bpf_core_type_exists(struct order))
PROGRAM(type_gone, bpf_core_type_exists(struct unheard_of))
PROGRAM(type_size, bpf_core_type_size(struct order))
PROGRAM(enumerator, bpf_core_enum_value(enum verdict, ACCEPTED))
PROGRAM(no_enumerator, bpf_core_enum_value_exists(enum verdict, UNHEARD_OF))
PROGRAM(load, ORDER(ctx)->number)
PROGRAM(wider, ORDER(ctx)->amount)
PROGRAM(narrower, ((struct order___large *)ORDER(ctx))->number)
PROGRAM(load_of_gone, ORDER(ctx)->gone)
PROGRAM(grown_signed, ORDER(ctx)->signed_number)
PROGRAM(bit_field, BPF_CORE_READ_BITFIELD(ORDER(ctx), kind))
PROGRAM(header, ((struct udphdr *)(long)ctx->data)->dest)
PROGRAM(other_header, ((struct tcphdr *)(long)ctx->data)->dest)

#endif

char _license[] SEC("license") = "Dual BSD/GPL";
