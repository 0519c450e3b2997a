/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Defines a function that must never be called: the function prints its name and aborts the process. */
#include <stdlib.h>
#include <unistd.h>

#define STUB(name)                                                             \
	void name(void);                                                       \
	void name(void)                                                        \
	{                                                                      \
		static const char text[] =                                     \
			"corexdp: " #name " is not linked in\n";               \
		if (write(2, text, sizeof(text) - 1) < 0)                      \
			_exit(70);                                             \
		abort();                                                       \
	}
