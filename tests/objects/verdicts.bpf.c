/* Returns as its verdict the last byte of a packet's IPv4 source address. Options change the shape of the program. */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#ifndef SECTION
#define SECTION "xdp"
#endif

/* In an Ethernet frame with an IPv4 packet. */
#define SOURCE_END 30

#ifdef CALLS
static __attribute__((noinline)) int last_byte(const void *data, const void *data_end)
{
	const unsigned char *bytes = data;

	return data + SOURCE_END <= data_end ? bytes[SOURCE_END - 1] : -1;
}

__attribute__((noinline)) int verdict(struct xdp_md *ctx)
{
	return last_byte((void *)(long)ctx->data, (void *)(long)ctx->data_end);
}
#else
static __always_inline int verdict(struct xdp_md *ctx)
{
	const void *data = (void *)(long)ctx->data, *data_end = (void *)(long)ctx->data_end;
	const unsigned char *bytes = data;

	return data + SOURCE_END <= data_end ? bytes[SOURCE_END - 1] : -1;
}
#endif

#ifdef TAIL_CALL
struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} programs SEC(".maps");
#endif

/* An exit of its own, which the compiler does not merge with others. */
#define EXIT(verdict)                                    \
	do {                                             \
		asm volatile("r0 = " #verdict "; exit"); \
		__builtin_unreachable();                 \
	} while (0)

/* Keeps the compiler from replacing an array by registers. */
#define KEEP(array) asm volatile("" : : "r"(array) : "memory")

#ifdef CALLEE_BYTES
/* A function with a stack of its own. */
static __attribute__((noinline)) int deep(int number)
{
	char bytes[CALLEE_BYTES];

	bytes[0] = number;
	KEEP(bytes);
	return bytes[0];
}
#endif

SEC(SECTION)
int xdp_prog(struct xdp_md *ctx)
{
#ifdef BYTES
	char bytes[BYTES];

	bytes[0] = 1;
	KEEP(bytes);
#endif
#ifdef CALLEE_BYTES
	if (deep(ctx->rx_queue_index) < 0)
		return XDP_PASS;
#endif
#ifdef TAIL_CALL
	/* The array is empty, so the program goes on. */
	bpf_tail_call(ctx, &programs, 0);
#endif
#ifdef EXITS
	switch (verdict(ctx)) {
	case XDP_ABORTED:
		EXIT(0);
	case XDP_DROP:
		EXIT(1);
	case XDP_PASS:
		EXIT(2);
	case XDP_TX:
		EXIT(3);
	}
#endif
	return verdict(ctx);
}

char _license[] SEC("license") = "Dual BSD/GPL";
