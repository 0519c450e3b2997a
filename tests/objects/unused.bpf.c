// Functions that cannot be linked, none of which the entry calls.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct task_struct {
	int pid;
} __attribute__((preserve_access_index));

extern int a_kernel_function(void) __ksym;
extern int nowhere(void);

SEC("tracepoint") int relocated(struct task_struct *task)
{
	return task->pid;
}

SEC("tracepoint") int outside(void *ctx)
{
	return a_kernel_function() + nowhere();
}

SEC("xdp") int xdp_prog(struct xdp_md *ctx)
{
	return __builtin_btf_type_id(*ctx, 0) ? XDP_PASS : XDP_DROP;
}

char _license[] SEC("license") = "GPL";
