/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Prefix table: a list of networks of both families, the longest prefix first,
 * that corexdp compiles into plain arrays. A lookup takes a fraction of the
 * time of BPF_MAP_TYPE_LPM_TRIE, and the list may have a million networks.
 *
 *    PREFIX_TABLE(xdp_map, struct acl_rule);
 *
 *    struct prefix_table_match match;
 *
 *    match = prefix_table_find(xdp_map, &address);
 *
 * declares the table `xdp_map` and its parts, and looks up an address. A
 * Corefile sees one map: KEY is ADDRESS/BITS, and an entry is the given struct.
 * corexdp-programs(7) has a whole program with its compile line.
 *
 * VALUES
 *
 * The first member of the struct is the action: an enum or an integer of 1, 2
 * or 4 bytes. A member `__u64 packets` is the hit counter. An entry is light if
 * all other members are 0, the action is at most 15 and no metric reads another
 * member; it has only its action and its counter in memory. Another entry is
 * full: its struct is in the part `_rules`.
 *
 *    match.value   the struct of a full entry or of a decision, else NULL
 *    match.leaf    of a light entry: prefix_table_action() has its action, and
 *                  prefix_table_count() counts the packet; 0: no entry
 *
 * PARTS
 *
 *    xdp_map            lines, see below
 *    xdp_map_packets    hit counters of light entries, by number
 *    xdp_map_keys       network and source of each number
 *    xdp_map_rules      full entries, by number
 *    xdp_map_addresses  decisions about addresses: entries added at run time
 *    xdp_map_networks   decisions about networks
 *
 * corexdp sets the sizes of all parts. A decision takes precedence over
 * entries of `list` lines, and over other entries with a shorter or the same
 * prefix. From its time `until` on, a decision does not exist.
 *
 * LINES
 *
 * A line has 64 bytes. Lines 0 to 4095 are the roots of IPv4, by the first 16
 * bits of the address, lines 4096 to 8191 those of IPv6, and line 8192 is the
 * header. A root is a code of 32 bits. A code has its kind in bits 31 to 29:
 *
 *    LEAF (0)   bits 0 to 23: number; 24 to 27: action; 28: full entry
 *    SAME (1)   range line over the 16 bits that led here
 *    NEXT (2)   range line over the next 16 bits
 *    SMALL (3)  small range line over the next 16 bits
 *    HOSTS (4)  up to three IPv6 addresses
 *
 * and, for all kinds but LEAF, the number of a half line of 32 bytes below.
 *
 *    range line         u32 code[11], u16 start[10]
 *    small range line   u32 code[5], u32 unused, u16 start[4]
 *    hosts line         u64 address[3][2] in host order, u32 code[3], u32 code
 *                       of all other addresses
 *
 * The code of a value is code[number of starts that are not above the value].
 * src/table/prefix/ of corexdp writes these lines.
 */
#ifndef COREXDP_PREFIX_TABLE_H
#define COREXDP_PREFIX_TABLE_H

#include "clock.h"
#include "prefix.h"

#define PREFIX_TABLE_DECISIONS 65536
#define PREFIX_TABLE_LINE_SIZE 64
/* Words of the lines at which the roots of IPv6 begin. */
#define PREFIX_TABLE_ROOTS_IP6 65536
#define PREFIX_TABLE_HEADER 8192 /* line */
/*
 * Nodes from a root to a leaf. 16 bits have at most 65,536 runs, which a tree
 * of 11 codes a line holds in 5 levels. IPv4 has one such tree, IPv6 seven.
 */
#define PREFIX_TABLE_NODES_IP4 5
#define PREFIX_TABLE_NODES_IP6 35
/*
 * Decisions whose time is over that may hide one about a larger network, until
 * corexdp deletes them: the lengths of IPv4 networks. One more for each length
 * of IPv6 would take 2 MB of the memory that the verifier needs.
 */
#define PREFIX_TABLE_OVER 33

enum prefix_table_kind {
	PREFIX_TABLE_LEAF,
	PREFIX_TABLE_SAME,
	PREFIX_TABLE_NEXT,
	PREFIX_TABLE_SMALL,
	PREFIX_TABLE_HOSTS,
};

/* The type of the lines makes corexdp recognize a table. */
struct prefix_table_line {
	__u32 word[PREFIX_TABLE_LINE_SIZE / 4];
};

struct prefix_table_header {
	__u32 magic;
	__u32 version;
	__u32 addresses; /* decisions; 0: no lookup */
	__u32 networks;
	__u32 light_ip4; /* numbers of light entries: first those of IPv4, */
	__u32 light_ip6; /* then those of IPv6 */
	__u32 full; /* numbers of full entries */
	__u32 entries;
};

struct prefix_table_match {
	__u32 leaf;
	void *value;
};

/* A decision begins with these members; the value follows. */
struct prefix_table_deadline {
	__u64 until; /* nanoseconds since boot; 0: no end */
	__u32 length; /* of the prefix; IPv4: 96 to 128 */
	__u32 reserved;
};

#define PREFIX_TABLE_ARRAY(name, value_type)                \
	struct {                                            \
		__uint(type, BPF_MAP_TYPE_ARRAY);           \
		__type(key, __u32);                         \
		__type(value, value_type);                  \
		__uint(max_entries, 1);                     \
		__uint(map_flags, BPF_F_MMAPABLE);          \
	} name SEC(".maps")

#define PREFIX_TABLE_MAP(name, map_type, key_type, value_type)     \
	struct {                                                   \
		__uint(type, map_type);                            \
		__type(key, key_type);                             \
		__type(value, value_type);                         \
		__uint(max_entries, PREFIX_TABLE_DECISIONS);       \
		__uint(map_flags, BPF_F_NO_PREALLOC);              \
	} name SEC(".maps")

#define PREFIX_TABLE(name, value_type)                                        \
	struct name##_decision {                                              \
		struct prefix_table_deadline deadline;                        \
		value_type value;                                             \
	};                                                                    \
	PREFIX_TABLE_ARRAY(name, struct prefix_table_line);                   \
	PREFIX_TABLE_ARRAY(name##_packets, __u64);                            \
	PREFIX_TABLE_ARRAY(name##_keys, __u64);                               \
	PREFIX_TABLE_ARRAY(name##_rules, value_type);                         \
	PREFIX_TABLE_MAP(name##_addresses, BPF_MAP_TYPE_HASH, struct address, \
			 struct name##_decision);                             \
	PREFIX_TABLE_MAP(name##_networks, BPF_MAP_TYPE_LPM_TRIE,              \
			 struct prefix, struct name##_decision)

/* Two 16-bit numbers of a u64, with a bit above each for the carry. */
#define PREFIX_TABLE_STARTS 0x0000ffff0000ffffULL
#define PREFIX_TABLE_CARRIES 0x0001000000010000ULL

/* Carries of those of two starts that are not above the value in `values`. */
static __always_inline __u64 prefix_table_not_above(__u64 values, __u64 starts)
{
	return (values - (starts & PREFIX_TABLE_STARTS)) & PREFIX_TABLE_CARRIES;
}

/* The code at byte `at` of a line. */
static __always_inline __u32 prefix_table_code(void *line, __u64 at)
{
	at &= PREFIX_TABLE_LINE_SIZE - 4;
	/* Kernels before 5.12 lose the bound of a number that clang copies. */
	asm volatile("" : "+r"(at));
	return *(volatile __u32 *)(line + (at & (PREFIX_TABLE_LINE_SIZE - 4)));
}

static __always_inline __u32 prefix_table_root(void *lines, __u32 word)
{
	__u32 number = word >> 4;
	void *line = bpf_map_lookup_elem(lines, &number);

	return line ? prefix_table_code(line, word * 4) : 0;
}

/* The code for 16 bits of an address in a range line, or in its half. */
static __always_inline __u32 prefix_table_range(void *line, __u32 code,
						__u64 value)
{
	__u64 values = (value | value << 32) | PREFIX_TABLE_CARRIES;
	__u64 starts, sum = 0, at = 0;

	if (code >> 29 == PREFIX_TABLE_SMALL) {
		at = (code & 1) * (PREFIX_TABLE_LINE_SIZE / 2);
		starts = code & 1 ? *(volatile __u64 *)(line + 56) :
				    *(volatile __u64 *)(line + 24);
	} else {
		starts = *(volatile __u64 *)(line + 48);
		sum = prefix_table_not_above(values, starts) +
		      prefix_table_not_above(values, starts >> 16);
		starts = *(volatile __u32 *)(line + 44);
		sum += prefix_table_not_above(values, starts | starts << 16);
		starts = *(volatile __u64 *)(line + 56);
	}
	sum += prefix_table_not_above(values, starts) +
	       prefix_table_not_above(values, starts >> 16);
	sum += sum >> 32;
	return prefix_table_code(line, at + (sum >> 16 & 15) * 4);
}

static __always_inline __u32 prefix_table_host(void *line, __u64 high,
					       __u64 low)
{
	volatile __u64 *address = line;
	volatile __u32 *code = line + 48;

	if (address[0] == high && address[1] == low)
		return code[0];
	if (address[2] == high && address[3] == low)
		return code[1];
	if (address[4] == high && address[5] == low)
		return code[2];
	return code[3];
}

static __always_inline void *prefix_table_node(void *lines, __u32 code)
{
	__u32 number = (code & 0x1fffffff) >> 1;

	return bpf_map_lookup_elem(lines, &number);
}

/* The leaf of an IPv4 address in host order. */
static __always_inline __u32 prefix_table_leaf_ip4(void *lines, __u32 address)
{
	__u32 code = prefix_table_root(lines, address >> 16);

	for (int i = 0; i < PREFIX_TABLE_NODES_IP4 && code >> 29; i++) {
		void *line = prefix_table_node(lines, code);

		if (!line)
			return 0;
		code = prefix_table_range(line, code, address & 0xffff);
	}
	return code >> 29 ? 0 : code;
}

/* The leaf of an IPv6 address in two halves in host order. */
static __always_inline __u32 prefix_table_leaf_ip6(void *lines, __u64 high,
						   __u64 low)
{
	__u32 code = prefix_table_root(lines,
				       PREFIX_TABLE_ROOTS_IP6 + (high >> 48));
	__u64 all_high = high, all_low = low, first;

	for (int i = 0; i < PREFIX_TABLE_NODES_IP6 && code >> 29; i++) {
		void *line = prefix_table_node(lines, code);

		if (!line)
			return 0;
		if (code >> 29 == PREFIX_TABLE_HOSTS)
			return prefix_table_host(line, all_high, all_low);
		if (code >> 29 != PREFIX_TABLE_SAME) {
			/*
			 * Rotated, not shifted: by the zeros that a shift
			 * brings in, the verifier would tell each level from
			 * the others.
			 */
			first = high >> 48;
			high = high << 16 | low >> 48;
			low = low << 16 | first;
		}
		code = prefix_table_range(line, code, high >> 48);
	}
	return code >> 29 ? 0 : code;
}

static __always_inline __u32 prefix_table_leaf(void *lines,
					       const struct address *address)
{
	const __be32 *word = address->word;
	__u64 high = (__u64)bpf_ntohl(word[0]) << 32 | bpf_ntohl(word[1]);
	__u64 low = (__u64)bpf_ntohl(word[2]) << 32 | bpf_ntohl(word[3]);
	__u64 is_ip6 = high | (low >> 32 ^ 0xffff);

	/*
	 * One comparison for all of the first 96 bits: a word known to be zero
	 * would make the verifier tell the levels apart, too.
	 */
	asm volatile("" : "+r"(is_ip6));
	if (is_ip6)
		return prefix_table_leaf_ip6(lines, high, low);
	return prefix_table_leaf_ip4(lines, low);
}

/* True if the time of a decision is over; `now` is in nanoseconds. */
static __always_inline bool
prefix_table_is_over(const struct prefix_table_deadline *decision, __u64 now)
{
	return decision->until - 1 < now;
}

/* The decision about the longest network; NULL if there is none. */
static __always_inline struct prefix_table_deadline *
prefix_table_network(void *networks, const struct address *address, __u64 now)
{
	struct prefix prefix = { .bits = ADDRESS_BITS, .address = *address };

	/* A decision whose time is over may hide one about a larger network. */
	for (int i = 0; i <= PREFIX_TABLE_OVER; i++) {
		struct prefix_table_deadline *decision =
			bpf_map_lookup_elem(networks, &prefix);

		if (!decision || !prefix_table_is_over(decision, now))
			return decision;
		if (!decision->length || decision->length > prefix.bits)
			return NULL;
		prefix.bits = decision->length - 1;
	}
	return NULL;
}

/*
 * True if the leaf is of an `entry` line and its prefix is longer than
 * `length`. Word of a key: bits 48 to 55 length, 40 to 47 source. A light IPv4
 * entry has one word, a light IPv6 entry three, a full entry four.
 */
static __always_inline bool
prefix_table_is_longer(void *keys, const struct prefix_table_header *header,
		       __u32 leaf, __u32 length)
{
	__u32 at = (leaf & 0xffffff) - 1;
	__u64 *key;

	if (leaf >> 28 & 1)
		at = header->light_ip4 + header->light_ip6 * 3 + at * 4;
	else if (at >= header->light_ip4)
		at = header->light_ip4 + (at - header->light_ip4) * 3;
	key = bpf_map_lookup_elem(keys, &at);
	return key && !(*key >> 40 & 0xff) && (*key >> 48 & 0xff) > length;
}

/* The decision about an address that takes precedence over an entry. */
static __always_inline void *
prefix_table_decision(void *keys, void *addresses, void *networks,
		      const struct prefix_table_header *header, __u32 leaf,
		      const struct address *address)
{
	__u64 now = clock_now_coarse() / TICKS_PER_NANOSECOND;
	struct prefix_table_deadline *decision;

	if (header->addresses) {
		decision = bpf_map_lookup_elem(addresses, address);
		if (decision && !prefix_table_is_over(decision, now))
			return decision + 1;
	}
	if (!header->networks)
		return NULL;
	decision = prefix_table_network(networks, address, now);
	if (!decision || (leaf && prefix_table_is_longer(keys, header, leaf,
							 decision->length)))
		return NULL;
	return decision + 1;
}

static __always_inline struct prefix_table_match
prefix_table_lookup(void *lines, void *keys, void *rules, void *addresses,
		    void *networks, const struct address *address)
{
	__u32 number = PREFIX_TABLE_HEADER;
	struct prefix_table_header *header =
		bpf_map_lookup_elem(lines, &number);
	struct prefix_table_match match = {
		.leaf = prefix_table_leaf(lines, address),
	};

	if (header && (header->addresses | header->networks)) {
		match.value = prefix_table_decision(keys, addresses, networks,
						    header, match.leaf,
						    address);
		if (match.value) {
			match.leaf = 0;
			return match;
		}
	}
	if (match.leaf >> 28 & 1) {
		number = match.leaf & 0xffffff;
		match.leaf = 0;
		match.value = bpf_map_lookup_elem(rules, &number);
	}
	return match;
}

/* Looks up an address, of type `const struct address *`. */
#define prefix_table_find(name, address)                                \
	prefix_table_lookup(&name, &name##_keys, &name##_rules,         \
			    &name##_addresses, &name##_networks, address)

/* The action of a light entry; 0 for a leaf of no entry. */
static __always_inline __u32 prefix_table_action(__u32 leaf)
{
	return leaf >> 24 & 15;
}

static __always_inline void prefix_table_add(void *packets, __u32 leaf)
{
	__u32 number = leaf & 0xffffff;
	__u64 *counter = bpf_map_lookup_elem(packets, &number);

	if (counter)
		__sync_fetch_and_add(counter, 1);
}

/* Counts a packet for a light entry. */
#define prefix_table_count(name, leaf) prefix_table_add(&name##_packets, leaf)

#endif
