/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Source table: a token bucket for each source network, in a fixed memory.
 *
 * A set of four ways is one cache line. A keyed hash of the network selects the
 * set and is the tag of the network's way. A new network replaces the way whose
 * bucket was full the earliest: that network has been quiet for longest, and a
 * network whose bucket is full loses nothing. A network over its rate stays, so
 * a flood of random sources does not give it a new bucket. A network that sent
 * only one packet counts as quiet for 18 minutes more: forged sources replace
 * each other, not those that came back. There is no list and no lock: a lookup
 * reads one line, and writes one word.
 *
 * Two networks have the same tag with a probability of 2^-32 if they are in the
 * same set. The keys are random numbers that the program draws for its first
 * packet, so nobody can choose addresses for one set.
 *
 * Races between CPUs favour the packet, as in bucket.h: a way that two CPUs
 * replace at the same time belongs to the last of them.
 */
#ifndef COREXDP_SOURCE_H
#define COREXDP_SOURCE_H

#include "bucket.h"
#include "prefix.h"

#define SOURCE_WAYS 4
/* 131,072 networks in 2 MiB. */
#define SOURCE_SETS 32768
/* 8,192 networks in 128 KiB, for tables that few networks need. */
#define SOURCE_FEW_SETS 2048
/* Offset of the last way. */
#define SOURCE_WAY_MASK 48
/* Bit of a tag: the network came back after its first packet. */
#define SOURCE_KNOWN 2
/* From that bit to 2^44 ticks, 18 minutes. */
#define SOURCE_KNOWN_SHIFT 43

/* 2^64 by the golden ratio. */
#define SOURCE_SPREAD 0x9e3779b97f4a7c15ULL

/* Default prefix lengths of a source network. */
#define SOURCE_IP4_BITS 24
#define SOURCE_IP6_BITS 56

/* Seconds of a proof, see proof.h. Keeps its end within 63 bits. */
#define MAX_PROOF 268435456

struct source_way {
	__u64 tag; /* 0: free */
	struct bucket bucket;
};

struct source_set {
	struct source_way way[SOURCE_WAYS];
};

/*
 * Defines a table. corexdp gives the map as many entries as the constant has,
 * which a Corefile can set: `entry @.rodata 0 sources_entries=8192`.
 */
#define SOURCE_TABLE(name, sets)                       \
	const volatile __u32 name##_entries = sets;    \
	struct {                                       \
		__uint(type, BPF_MAP_TYPE_ARRAY);      \
		__type(key, __u32);                    \
		__type(value, struct source_set);      \
		__uint(max_entries, sets);             \
	} name SEC(".maps")

/* Multilinear hash: a random number for each word, the kind and the start. */
struct source_keys {
	__u64 word[4];
	__u64 kind;
	__u64 start; /* 0: not drawn yet */
};

/* Networks of different kinds have different buckets in one table. */
enum source_kind {
	SOURCE_ADDRESS,
	SOURCE_LINK,
	SOURCE_NETWORK,
	SOURCE_SITE,
	SOURCE_PROVEN, /* by a TCP connection */
	SOURCE_COOKIE, /* with a cookie that is not verified */
};

/* The way of a network, or the way that the network takes if it is new. */
struct source {
	struct source_way *way;
	__u64 tag;
};

static __always_inline __u64 source_random(void)
{
	return (__u64)bpf_get_prandom_u32() << 32 | bpf_get_prandom_u32();
}

/* Draws the keys at the first packet. */
static __always_inline void source_keys_draw(struct source_keys *keys)
{
	if (*(volatile __u64 *)&keys->start)
		return;
	for (int i = 0; i < 4; i++)
		keys->word[i] = source_random() | 1;
	keys->kind = source_random() | 1;
	*(volatile __u64 *)&keys->start = source_random() | 1;
}

/* Mask of the first `bits` of a 64-bit word, in host byte order. */
static __always_inline __u64 source_mask(__u32 bits)
{
	return bits >= 64 ? ~0ULL : ~(~0ULL >> bits);
}

static __always_inline __u64 source_sum(const __u64 *keys, __u64 half)
{
	return (__u32)half * keys[0] + (half >> 32) * keys[1];
}

/* The tag of the packet's source network; 0 bits: the default length. */
static __always_inline __u64 source_tag(const struct source_keys *keys,
					const struct packet *packet,
					enum source_kind kind, __u32 ip4_bits,
					__u32 ip6_bits)
{
	__u64 tag = keys->start;
	__u32 bits;

	if (packet->version == 6) {
		bits = ip6_bits ? ip6_bits : SOURCE_IP6_BITS;
		tag += source_sum(keys->word,
				  bpf_be64_to_cpu(packet->source.ip6[0]) &
					  source_mask(bits));
		if (bits > 64)
			tag += source_sum(
				keys->word + 2,
				bpf_be64_to_cpu(packet->source.ip6[1]) &
					source_mask(bits - 64));
	} else {
		bits = ip4_bits ? ip4_bits : SOURCE_IP4_BITS;
		tag += (bpf_ntohl(packet->source.ip4) & prefix_mask(bits)) *
		       keys->word[0];
	}
	/* Networks of another family, length or kind have other tags. */
	tag += (bits << 8 | packet->version << 4 | kind) * keys->kind;
	/* Neighbours have equal steps, which must not end in few sets. */
	tag = (tag ^ tag >> 32) * SOURCE_SPREAD;
	/* An odd tag is not 0. The set is chosen by the high bits. */
	return tag | SOURCE_KNOWN | 1;
}

/* 1 if the way has this tag, known or not, else 0, without a branch. */
static __always_inline __u64 source_has(const volatile struct source_way *way,
					__u64 tag)
{
	__u64 difference = (way->tag | SOURCE_KNOWN) ^ tag;

	return ~(difference | -difference) >> 63;
}

/* The time since which a network is quiet, later if it is known. */
static __always_inline __u64
source_quiet_since(const volatile struct source_way *way)
{
	return way->bucket.full +
	       ((way->tag & SOURCE_KNOWN) << SOURCE_KNOWN_SHIFT);
}

/*
 * Finds the way of the network with this tag, or else the way that a new
 * network takes. Without branches: the verifier would follow the later code
 * once for each way.
 */
static __always_inline bool source_find(void *table, __u32 sets, __u64 tag,
					struct source *source)
{
	__u32 number = (tag >> 32) * sets >> 32;
	void *set = bpf_map_lookup_elem(table, &number);
	volatile struct source_way *way = set;
	__u64 least, since, offset, earlier;

	if (!set)
		return false;
	source->tag = tag;
	offset = source_has(&way[1], tag) << 4 | source_has(&way[2], tag) << 5 |
		 source_has(&way[3], tag) * 48;
	if (!offset && !source_has(&way[0], tag)) {
		least = source_quiet_since(&way[0]);
		for (int i = 1; i < SOURCE_WAYS; i++) {
			since = source_quiet_since(&way[i]);
			/* Times do not reach bit 63. */
			earlier = (since - least) >> 63;
			least += (since - least) & -earlier;
			offset += (i * sizeof(*way) - offset) & -earlier;
		}
	}
	source->way = set + (offset & SOURCE_WAY_MASK);
	return true;
}

/* Read from the table: the verifier would follow a known answer. */
static __always_inline bool source_is_new(const struct source *source)
{
	return !source_has(source->way, source->tag);
}

/* Gives the way to a new network, with a full bucket. */
static __always_inline void source_claim(const struct source *source)
{
	*(volatile __u64 *)&source->way->bucket.full = 0;
	*(volatile __u64 *)&source->way->tag = source->tag & ~(__u64)SOURCE_KNOWN;
}

/* Notes that a network came back. */
static __always_inline void source_keep(const struct source *source)
{
	*(volatile __u64 *)&source->way->tag = source->tag;
}

/* Takes a token of the network with this tag; false if its bucket is empty. */
static __always_inline bool source_admit(void *table, __u32 sets, __u64 tag,
					 const struct rate *rate)
{
	struct bucket_rate bucket_rate;
	struct source source;

	if (!source_find(table, sets, tag, &source))
		return true;
	if (source_is_new(&source))
		source_claim(&source);
	else
		source_keep(&source);
	bucket_rate = bucket_rate_of(rate->rate, rate->burst);
	return bucket_admit(&source.way->bucket, &bucket_rate);
}

#endif
