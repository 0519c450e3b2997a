/* Functions of the C runtime whose work is for nothing in a binary with a std built by dist.sh. They replace those of the
 * libraries, since the linker takes them first. */

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <unwind.h>

/* The two functions of an unwinder that std calls, for RUST_BACKTRACE=1. The binary has no unwind tables, so every backtrace
 * is empty. LLVM's unwinder would add 20 KB of code. */
_Unwind_Reason_Code _Unwind_Backtrace(_Unwind_Trace_Fn trace, void *argument)
{
	(void)trace;
	(void)argument;
	return _URC_END_OF_STACK;
}

/* Never called: _Unwind_Backtrace passes no frame to its callback. */
uintptr_t _Unwind_GetIP(struct _Unwind_Context *frame)
{
	(void)frame;
	return 0;
}

/* The formatter of printf is 10 KB. libbpf alone calls it, for warnings to its own developers; corexdp reports the errno. */
int vfprintf(FILE *stream, const char *format, va_list arguments)
{
	(void)stream;
	(void)format;
	(void)arguments;
	return 0;
}

/* std names the calling thread. For other threads, musl would format a path in /proc. */
int pthread_setname_np(pthread_t thread, const char *name)
{
	if (thread != pthread_self())
		return ENOTSUP;
	return prctl(PR_SET_NAME, name) ? errno : 0;
}
