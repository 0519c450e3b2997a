// A map without a type.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct {
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} xdp_map SEC(".maps");

SEC("xdp") int xdp_prog(struct xdp_md *ctx)
{
	return bpf_map_delete_elem(&xdp_map, &(__u32){ 0 });
}
