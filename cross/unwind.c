/* What std asks a stack unwinder for, when there is nothing to unwind by: a panic aborts, and dist.sh leaves out the
 * tables that say where callers are. LLVM's unwinder would look for them with 20 KB of code, and find none either. */

#include <unwind.h>

_Unwind_Reason_Code _Unwind_Backtrace(_Unwind_Trace_Fn trace, void *argument)
{
	(void)trace;
	(void)argument;
	return _URC_END_OF_STACK;
}

/* Of a frame; none was given to anybody who could ask. */

uintptr_t _Unwind_GetIP(struct _Unwind_Context *frame)
{
	(void)frame;
	return 0;
}

uintptr_t _Unwind_GetIPInfo(struct _Unwind_Context *frame, int *before)
{
	(void)frame;
	*before = 0;
	return 0;
}

uintptr_t _Unwind_GetCFA(struct _Unwind_Context *frame)
{
	(void)frame;
	return 0;
}
