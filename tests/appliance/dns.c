// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The DNS server behind the appliance's filter: it answers every query with the
 * A record 198.51.100.80. BusyBox has no DNS server over UDP. The program uses no
 * C library, so that the test needs no cross C library.
 */
#if defined(__aarch64__)
enum { SENDTO = 206, RECVFROM = 207, SOCKET = 198, BIND = 200, EXIT = 93 };
__asm__(".globl _start\n_start:\n\tbl serve\n");
#elif defined(__x86_64__)
enum { SENDTO = 44, RECVFROM = 45, SOCKET = 41, BIND = 49, EXIT = 60 };
__asm__(".globl _start\n_start:\n\tand $-16, %rsp\n\tcall serve\n");
#else
#error "the system calls of this machine are missing"
#endif

enum { HEADER = 12, INTERNET = 2, DATAGRAM = 2 };

/* struct sockaddr_in, port and address in network byte order */
struct address {
	unsigned short family;
	unsigned char port[2];
	unsigned char ip4[4];
	unsigned char zero[8];
};

static const unsigned char ANSWER[] = {
	0xc0, HEADER,		/* pointer to QNAME */
	0, 1, 0, 1,		/* type A, class IN */
	0, 0, 0, 60,		/* TTL in seconds */
	0, 4, 198, 51, 100, 80,
};

static long call(long number, long a, const void *b, long c, long d,
		 const void *e, const void *f)
{
#if defined(__aarch64__)
	register long x8 __asm__("x8") = number;
	register long x0 __asm__("x0") = a;
	register const void *x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = d;
	register const void *x4 __asm__("x4") = e;
	register const void *x5 __asm__("x5") = f;

	__asm__ volatile("svc 0"
			 : "+r"(x0)
			 : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
			 : "memory");
	return x0;
#else
	register long r10 __asm__("r10") = d;
	register const void *r8 __asm__("r8") = e;
	register const void *r9 __asm__("r9") = f;

	__asm__ volatile("syscall"
			 : "+a"(number)
			 : "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return number;
#endif
}

/* Turns a query into a response; returns its length, or 0 for no query. */
static long answer(unsigned char *packet, long length)
{
	long at = HEADER;

	while (at < length && packet[at])
		at += packet[at] + 1;
	at += 5; /* root label, QTYPE and QCLASS */
	if (at > length || packet[2] & 0x80)
		return 0;
	packet[2] |= 0x80; /* QR: response */
	packet[3] = 0;
	packet[7] = 1; /* ANCOUNT; NSCOUNT and ARCOUNT are 0 */
	for (int count = 8; count < HEADER; count++)
		packet[count] = 0;
	for (unsigned int byte = 0; byte < sizeof(ANSWER); byte++)
		packet[at++] = ANSWER[byte];
	return at;
}

void serve(void)
{
	static unsigned char packet[512 + sizeof(ANSWER)];
	static struct address here = { .family = INTERNET, .port = { 0, 53 } };
	long server = call(SOCKET, INTERNET, (void *)DATAGRAM, 0, 0, 0, 0);

	if (server < 0 || call(BIND, server, &here, sizeof(here), 0, 0, 0) < 0)
		call(EXIT, 1, 0, 0, 0, 0, 0);
	for (;;) {
		struct address client;
		int size = sizeof(client);
		long length = call(RECVFROM, server, packet, 512, 0, &client,
				   &size);

		length = answer(packet, length);
		if (length)
			call(SENDTO, server, packet, length, 0, &client,
			     (void *)(long)size);
	}
}
