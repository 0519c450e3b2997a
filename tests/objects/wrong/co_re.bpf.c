// A CO-RE relocation of a field offset, in a function that the entry calls.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct task_struct {
	int pid;
} __attribute__((preserve_access_index));

static __attribute__((noinline)) int reads(struct task_struct *task)
{
	return task->pid;
}

SEC("xdp") int xdp_prog(struct xdp_md *ctx)
{
	return reads((void *)(long)ctx->data);
}
