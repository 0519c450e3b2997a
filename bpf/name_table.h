/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Name table: a list of domain names, the longest name first, that corexdp
 * compiles into plain arrays. A query for a name that is not listed costs one
 * test however many labels it has, and the list may have a million names.
 *
 *    NAME_TABLE(xdp_map, struct qname_rule);
 *
 *    struct name_table_match match;
 *
 *    match = name_table_find(xdp_map, message, data_end, offset, length,
 *                            scratch);
 *
 * declares the table `xdp_map` and its parts, and looks up the name at `offset`
 * (8 to 255) of a DNS message. `length` is that of the name in wire format,
 * without the root label and without compression. The program has checked the
 * name. `scratch` is a `struct name_table_scratch` of the program's own, in a
 * per-CPU array. A Corefile sees one map: KEY is a name, and an entry is the
 * given struct. corexdp-programs(7) has a whole program with its compile line.
 *
 * VALUES
 *
 * The first member of the struct is the action: an enum or an integer of 1, 2
 * or 4 bytes. A member `__u64 packets` is the hit counter. A member `exact`, a
 * bool or an `enum name_scope`, says which names an entry matches. An entry is
 * light if all other members are 0, the action is at most 15 and no metric
 * reads another member; it has only its action and its counter in memory.
 * Another entry is full: its struct is in the part `_rules`.
 *
 *    match.value   the struct of a full entry or of a decision, else NULL
 *    match.leaf    of a light entry: name_table_action() has its action, and
 *                  name_table_count() counts the packet; 0: no entry
 *
 * PARTS
 *
 *    xdp_map            lines of eight entries
 *    xdp_map_bloom      Bloom filter: all listed names and all suffixes of them
 *    xdp_map_records    names and counters
 *    xdp_map_rules      full entries, by number
 *    xdp_map_shape      secrets of the hash, sizes, number of decisions
 *    xdp_map_decisions  decisions: entries added at run time
 *
 * corexdp sets the sizes of the parts, except of `_shape`. A decision takes
 * precedence over entries of `list` lines, and over other entries with a
 * shorter or the same name. From its time `until` on, a decision does not
 * exist.
 *
 * LOOKUP
 *
 * A name is read once, from its end, in words of 8 bytes in lower case. A keyed
 * hash runs along. Each label, from the right, closes the hash of a suffix,
 * which the Bloom filter is asked for. The first miss ends the search: nothing
 * longer is listed. Of the suffixes found, the longest one is looked for first.
 *
 *    entry    bits 63 to 32: print, of the hash; 30 to 0: record, 0: no entry;
 *             bit 31 of a line's first entry: go on in the second line
 *    record   head word, counter word, the name's words from its end, and the
 *             second counter word of a pair
 *    head     bits 0 to 7: bytes of the name; then for the name itself bit 8:
 *             present, 9: full, 10 to 13: action, 24 to 31: source; the same 8
 *             bits higher for the names below; bit 40: pair, which counts them
 *             in the second counter word; 41 to 63: more bits of the hash
 *
 * The counter word of a full entry has the number of its rule in bits 23 to 0.
 * src/table/names/ of corexdp writes all this.
 */
#ifndef COREXDP_NAME_TABLE_H
#define COREXDP_NAME_TABLE_H

#include "clock.h"
#include "dns_message.h"
#include "frame.h"

#define NAME_TABLE_DECISIONS 65536
#define NAME_TABLE_LINE 8 /* entries */
#define NAME_TABLE_TEXT 256
/* Bytes, labels and words of the longest name, without the root label. */
#define NAME_TABLE_SIZE 254
#define NAME_TABLE_LABELS 127
#define NAME_TABLE_WORDS 32
/* Masks for bounded_add. */
#define NAME_TABLE_OFFSET_MASK 0x1ff
#define NAME_TABLE_WORD_MASK 0xf8
#define NAME_TABLE_LABEL_MASK 0x7f
#define NAME_TABLE_HASH_MASK 0x3f8

#define NAME_TABLE_RECORD 0x7fffffff
#define NAME_TABLE_OVERFLOW 0x80000000
#define NAME_TABLE_NUMBER 0xffffff
#define NAME_TABLE_PRESENT (1ULL << 8)
#define NAME_TABLE_FULL (1ULL << 9)
#define NAME_TABLE_PAIR (1ULL << 40)
#define NAME_TABLE_CHECK 41 /* first of the head's bits of the hash */
#define NAME_TABLE_LEAF_FULL (1U << 28)
/* From the golden ratio; src/table/names/lines.rs has the same number. */
#define NAME_TABLE_SECOND 0x9e3779b1U

/* Names that an entry matches. */
enum name_scope {
	NAME_TREE = 0,	/* the name and all names below it */
	NAME_EXACT = 1, /* the name */
	NAME_BELOW = 2, /* the names below it */
};

/* KEY of an entry: a name, padded with zeros. */
struct qname {
	char text[NAME_TABLE_TEXT];
};

/* The type of the lines makes corexdp recognize a table. */
struct name_table_line {
	__u64 entry[NAME_TABLE_LINE];
};

struct name_table_secrets {
	__u64 start;
	__u64 step;
	__u64 last;
};

struct name_table_shape {
	struct name_table_secrets secrets;
	struct name_table_secrets digest_secrets;
	__u64 bloom_words;
	__u64 lines;
	__u64 least; /* labels of the shortest suffix in the Bloom filter */
	__u64 decisions; /* 0: no lookup */
	__u64 zero; /* which the verifier does not know */
	/* Of the daemon. */
	__u64 records;
	__u64 rules;
	__u64 suffixes;
	__u64 entries;
	__u64 reserved;
};

/* Two independent hashes of a name. */
struct name_digest {
	__u64 word[2];
};

struct name_table_match {
	__u32 leaf;
	void *value;
};

/* The entry of a suffix. */
struct name_table_hit {
	__u64 head; /* 0: no entry */
	__u64 label; /* at which the suffix begins */
	__u32 record;
};

/*
 * The name of the packet that is looked up. Numbers that outlive a loop are
 * here, because the verifier follows each value of a variable.
 */
struct name_table_scratch {
	__u64 length;
	__u64 count; /* of labels */
	__u64 first; /* label of the longest suffix in the Bloom filter */
	__u64 end;   /* label behind the shortest one */
	__u64 decided; /* label of the suffix of a decision; `end`: none */
	__u64 hashes[NAME_TABLE_LABELS + 1]; /* of the suffix at each label */
	__u64 words[NAME_TABLE_WORDS];       /* the name's last bytes first */
	__u64 states[NAME_TABLE_WORDS];      /* of the hash before each word */
	__u64 digests[NAME_TABLE_WORDS];     /* the same for decisions */
	__u8 labels[NAME_TABLE_LABELS + 1];  /* where each label begins */
	struct name_digest digest;
	struct name_table_hit hit;
};

#define NAME_TABLE_ARRAY(name, value_type)         \
	struct {                                   \
		__uint(type, BPF_MAP_TYPE_ARRAY);  \
		__type(key, __u32);                \
		__type(value, value_type);         \
		__uint(max_entries, 1);            \
		__uint(map_flags, BPF_F_MMAPABLE); \
	} name SEC(".maps")

#define NAME_TABLE(table, value_type)                             \
	struct table##_decision {                                 \
		__u64 until; /* nanoseconds since boot; 0: no end */ \
		value_type value;                                 \
		__u8 size;                                        \
		__u8 scope; /* enum name_scope */                 \
		__u8 name[NAME_TABLE_SIZE];                       \
	};                                                        \
	NAME_TABLE_ARRAY(table, struct name_table_line);          \
	NAME_TABLE_ARRAY(table##_bloom, __u64);                   \
	NAME_TABLE_ARRAY(table##_records, __u64);                 \
	NAME_TABLE_ARRAY(table##_rules, value_type);              \
	NAME_TABLE_ARRAY(table##_shape, struct name_table_shape); \
	struct {                                                  \
		__uint(type, BPF_MAP_TYPE_HASH);                  \
		__type(key, struct name_digest);                  \
		__type(value, struct table##_decision);           \
		__uint(max_entries, NAME_TABLE_DECISIONS);        \
		__uint(map_flags, BPF_F_NO_PREALLOC);             \
	} table##_decisions SEC(".maps")

/* The parts of a table, and the name that is looked up. */
struct name_table_search {
	void *lines;
	void *bloom;
	void *records;
	void *decisions;
	__u32 value_size;
	struct name_table_shape *shape;
	volatile struct name_table_scratch *scratch;
};

#define NAME_TABLE_REPEAT(byte) (0x0101010101010101ULL * (byte))

/* Eight bytes in lower case. */
static __always_inline __u64 name_table_lower(__u64 word)
{
	__u64 low = word & NAME_TABLE_REPEAT(0x7f);
	__u64 from_a = low + NAME_TABLE_REPEAT(0x80 - 'A');
	__u64 above_z = low + NAME_TABLE_REPEAT(0x80 - 'Z' - 1);
	__u64 upper = from_a & ~above_z & ~word & NAME_TABLE_REPEAT(0x80);

	return word | upper >> 2;
}

/*
 * The hash multiplies both halves of a secret state, so nobody can find names
 * with equal hashes without the secrets.
 */
static __always_inline __u64
name_table_step(const struct name_table_secrets *secrets, __u64 state,
		__u64 word)
{
	state ^= word;
	return (state & 0xffffffff) * (state >> 32) + secrets->step;
}

static __always_inline __u64
name_table_last(const struct name_table_secrets *secrets, __u64 state)
{
	state = (state ^ state >> 32) * secrets->last;
	return state ^ state >> 32;
}

/* The `count` bytes of a word that come last in the name, 0 to 7. */
static __always_inline __u64 name_table_end(__u64 word, __u64 count)
{
	return word & ~(~0ULL >> 8 * (count & 7));
}

static __always_inline __u64 name_table_at(volatile __u64 *words, __u64 offset,
					   __u32 mask)
{
	return *(volatile __u64 *)bounded_add((void *)words, offset, mask);
}

/* Hash of the suffix of `size` bytes; `states` belongs to `secrets`. */
static __always_inline __u64
name_table_hash(const struct name_table_search *search,
		const struct name_table_secrets *secrets,
		volatile __u64 *states,
		__u64 size)
{
	__u64 at = size & ~7ULL;
	__u64 word = name_table_at(search->scratch->words, at,
				   NAME_TABLE_WORD_MASK);
	__u64 state = name_table_at(states, at, NAME_TABLE_WORD_MASK);

	word = name_table_end(word, size) ^ size;
	return name_table_last(secrets, name_table_step(secrets, state, word));
}

static __always_inline __u64
name_table_suffix_size(const struct name_table_search *search, __u64 label)
{
	volatile __u8 *begin = bounded_add((void *)search->scratch->labels,
					   label, NAME_TABLE_LABEL_MASK);

	return search->scratch->length - *begin;
}

/* Stores where each label begins, and the number of labels. */
static __always_inline void
name_table_labels(volatile struct name_table_scratch *scratch, void *message,
		  void *data_end, __u64 offset)
{
	__u64 length = scratch->length;
	__u64 at = 0;
	int i;

	for (i = 0; i < NAME_TABLE_LABELS && at < length; i++) {
		__u8 *label = bounded_add(message, offset + at,
					  NAME_TABLE_OFFSET_MASK);

		if ((void *)(label + 1) > data_end)
			break;
		scratch->labels[i] = at;
		at += *label + 1;
	}
	scratch->count = i;
}

/* Stores the words of the name, and beside each the hash of what follows. */
static __always_inline void
name_table_words(const struct name_table_search *search, void *message,
		 void *data_end, __u64 offset)
{
	const struct name_table_secrets *secrets = &search->shape->secrets;
	volatile struct name_table_scratch *scratch = search->scratch;
	__u64 left = scratch->length;
	__u64 state = secrets->start;

	for (int n = 0; n < NAME_TABLE_WORDS; n++) {
		/* Bytes in front of the name are masked out later. */
		__u64 *from = bounded_add(message, offset + left - 8,
					  NAME_TABLE_OFFSET_MASK);
		__u64 word;

		if ((void *)(from + 1) > data_end)
			break;
		word = name_table_lower(*(volatile __u64 *)from);
		scratch->words[n] = word;
		scratch->states[n] = state;
		if (left < 8)
			break;
		left -= 8;
		state = name_table_step(secrets, state, word);
	}
}

/* Asks the Bloom filter, and stores the first label that it has. */
static __always_inline void
name_table_filter(const struct name_table_search *search)
{
	struct name_table_shape *shape = search->shape;
	volatile struct name_table_scratch *scratch = search->scratch;
	__u64 i = scratch->count;

	scratch->first = scratch->end = 0;
	if (i < shape->least)
		return;
	i -= shape->least - 1;
	scratch->first = scratch->end = i;
	for (int n = 0; n < NAME_TABLE_LABELS && i; n++) {
		__u64 hash, want, *bits;
		__u32 number;

		i -= 1;
		hash = name_table_hash(search, &shape->secrets,
				       scratch->states,
				       name_table_suffix_size(search, i));
		number = (hash >> 32) * shape->bloom_words >> 32;
		bits = bpf_map_lookup_elem(search->bloom, &number);
		want = 1ULL << (hash & 63) | 1ULL << (hash >> 6 & 63) |
		       1ULL << (hash >> 12 & 63) | 1ULL << (hash >> 18 & 63);
		if (!bits || want & ~*(volatile __u64 *)bits)
			break;
		*(volatile __u64 *)bounded_add((void *)scratch->hashes, 8 * i,
					       NAME_TABLE_HASH_MASK) = hash;
		scratch->first = i;
	}
}

/* Returns the record of a suffix at this place; 0 if there is none. */
static __always_inline __u32
name_table_probe(const struct name_table_search *search, __u64 place)
{
	__u64 lines = search->shape->lines;
	__u64 print = place >> 32;
	__u32 number = (place & 0xffffffff) * lines >> 32;

	for (int i = 0; i < 2; i++) {
		volatile __u64 *line =
			bpf_map_lookup_elem(search->lines, &number);
		__u64 found = 0;

		if (!line)
			return 0;
#pragma unroll
		for (int j = 0; j < NAME_TABLE_LINE; j++) {
			__u64 entry = line[j];

			/* All ones if the prints are equal. */
			found |= entry & ((entry >> 32 ^ print) - 1) >> 32;
		}
		found &= NAME_TABLE_RECORD;
		if (found)
			return found;
		if (!(line[0] & NAME_TABLE_OVERFLOW))
			return 0;
		number = (__u64)((__u32)print * NAME_TABLE_SECOND) * lines >>
			 32;
	}
	return 0;
}

/* True if the record has the suffix of `size` bytes. */
static __always_inline bool
name_table_is_same(const struct name_table_search *search, __u32 record,
		   __u64 size)
{
	volatile __u64 *words = search->scratch->words;
	__u64 different = 0, at = 0;
	__u64 *word;

	record += 2;
	for (int n = 0; n < NAME_TABLE_WORDS && size >= 8; n++) {
		word = bpf_map_lookup_elem(search->records, &record);
		if (!word)
			return false;
		different |= *(volatile __u64 *)word ^
			     name_table_at(words, at, NAME_TABLE_WORD_MASK);
		record++;
		at += 8;
		size -= 8;
	}
	if (!size)
		return !different;
	word = bpf_map_lookup_elem(search->records, &record);
	if (!word)
		return false;
	different |= *(volatile __u64 *)word ^
		     name_table_end(name_table_at(words, at,
						  NAME_TABLE_WORD_MASK),
				    size);
	return !different;
}

/*
 * The half of a head word for the name at `label` itself, or for the names
 * below: its bits from bit 0 on. Without a branch: known labels would make the
 * verifier follow each of them.
 */
static __always_inline __u64 name_table_half(__u64 head, __u64 label)
{
	return head >> ((label + NAME_TABLE_LABELS) >> 4 & 8);
}

/*
 * Stores the longest suffix whose record has its hash; the head 0 if there is
 * none. Stored in scratch memory, because the verifier follows each value of a
 * variable.
 */
static __always_inline void
name_table_candidate(const struct name_table_search *search)
{
	volatile struct name_table_scratch *scratch = search->scratch;
	volatile struct name_table_hit *hit = &scratch->hit;

	hit->head = 0;
	hit->label = scratch->first;
	for (int n = 0; n < NAME_TABLE_LABELS; n++) {
		__u64 label = hit->label;
		__u64 place, *head, bits, wrong;
		__u32 record;

		if (label >= scratch->end)
			break;
		place = name_table_at(scratch->hashes, 8 * label,
				      NAME_TABLE_HASH_MASK) *
			search->shape->secrets.last;
		record = name_table_probe(search, place);
		head = bpf_map_lookup_elem(search->records, &record);
		if (!head)
			break;
		bits = *(volatile __u64 *)head;
		wrong = (bits & 0xff) ^ name_table_suffix_size(search, label);
		wrong |= ~name_table_half(bits, label) & NAME_TABLE_PRESENT;
		wrong |= (bits >> NAME_TABLE_CHECK ^ place) &
			 ~0ULL >> NAME_TABLE_CHECK;
		hit->record = record;
		if (!wrong) {
			hit->head = bits;
			break;
		}
		hit->label = label + 1;
	}
}

/*
 * Stores the longest suffix with an entry. Another name with the same print and
 * the same 23 bits in its record would end the search. Nobody can find one
 * without the secrets, and by chance one in 2^47 suffixes has one.
 */
static __always_inline void
name_table_longest(const struct name_table_search *search)
{
	volatile struct name_table_hit *hit = &search->scratch->hit;

	name_table_candidate(search);
	if (hit->head &&
	    !name_table_is_same(search, hit->record, hit->head & 0xff))
		hit->head = 0;
}

/* True for a decision that matches the suffix at `label`, and is not over. */
static __always_inline bool
name_table_decides(const struct name_table_search *search, void *decision,
		   __u64 label, __u64 now)
{
	/* 0 means that there is no end. */
	__u64 last = *(__u64 *)decision - 1;
	__u8 scope = *(__u8 *)(decision + 8 + search->value_size + 1);
	/* Without a branch, as in name_table_half. */
	__u64 is_below = (label + NAME_TABLE_LABELS) >> 7 & 1;

	return scope != NAME_BELOW - is_below * (NAME_BELOW - NAME_EXACT) &&
	       now <= last;
}

/*
 * Stores the label of the longest suffix with a decision, and the digest of the
 * suffix.
 */
static __always_inline void
name_table_decision(const struct name_table_search *search)
{
	const struct name_table_secrets *secrets =
		&search->shape->digest_secrets;
	volatile struct name_table_scratch *scratch = search->scratch;
	__u64 state = secrets->start;
	__u64 now = clock_now_coarse() / TICKS_PER_NANOSECOND;

	for (int n = 0; n < NAME_TABLE_WORDS; n++) {
		scratch->digests[n] = state;
		state = name_table_step(secrets, state, scratch->words[n]);
	}
	scratch->decided = scratch->first;
	for (int n = 0; n < NAME_TABLE_LABELS; n++) {
		__u64 label = scratch->decided;
		void *decision;

		if (label >= scratch->end)
			break;
		scratch->digest.word[0] = name_table_at(scratch->hashes,
							8 * label,
							NAME_TABLE_HASH_MASK);
		scratch->digest.word[1] = name_table_hash(
			search, secrets, scratch->digests,
			name_table_suffix_size(search, label));
		decision = bpf_map_lookup_elem(search->decisions,
					       (void *)&scratch->digest);
		if (decision &&
		    name_table_decides(search, decision, label, now))
			break;
		scratch->decided = label + 1;
	}
}

/* The leaf of the entry that was found. */
static __always_inline __u32
name_table_leaf(const struct name_table_search *search)
{
	volatile struct name_table_hit *hit = &search->scratch->hit;
	__u64 half = name_table_half(hit->head, hit->label);
	__u64 size = hit->head & 0xff;
	__u32 at = hit->record + 1;
	__u64 *counter;

	if (hit->head & NAME_TABLE_PAIR && hit->label)
		at += 1 + (size + 7) / 8;
	if (!(half & NAME_TABLE_FULL))
		return (at & NAME_TABLE_NUMBER) | (half >> 10 & 15) << 24;
	counter = bpf_map_lookup_elem(search->records, &at);
	if (!counter)
		return 0;
	return (*(volatile __u64 *)counter & NAME_TABLE_NUMBER) |
	       NAME_TABLE_LEAF_FULL;
}

/*
 * True if a decision takes precedence over the entry that was found: over
 * those of lists, and over a name that is not longer.
 */
static __always_inline bool
name_table_is_decided(volatile struct name_table_scratch *scratch)
{
	__u64 head = scratch->hit.head;
	__u64 label = scratch->hit.label;

	if (scratch->decided >= scratch->end)
		return false;
	return !head || name_table_half(head, label) >> 24 & 0xff ||
	       scratch->decided <= label;
}

static __always_inline struct name_table_match
name_table_lookup(const struct name_table_search *search, void *rules,
		  void *message, void *data_end, __u64 offset)
{
	volatile struct name_table_scratch *scratch = search->scratch;
	struct name_table_match match = {};
	void *decision;
	__u32 number;

	name_table_words(search, message, data_end, offset);
	name_table_labels(scratch, message, data_end, offset);
	name_table_filter(search);
	if (scratch->first >= scratch->end)
		return match;
	scratch->decided = scratch->end;
	if (search->shape->decisions)
		name_table_decision(search);
	name_table_longest(search);
	if (name_table_is_decided(scratch)) {
		decision = bpf_map_lookup_elem(search->decisions,
					       (void *)&scratch->digest);
		if (!decision)
			return match;
		/* Clang would move the addition in front of the test. */
		asm volatile("" : "+r"(decision));
		/* Behind the time at which the decision ends. */
		match.value = decision + sizeof(__u64);
		return match;
	}
	if (!scratch->hit.head)
		return match;
	match.leaf = name_table_leaf(search);
	if (match.leaf & NAME_TABLE_LEAF_FULL) {
		number = match.leaf & NAME_TABLE_NUMBER;
		match.leaf = 0;
		match.value = bpf_map_lookup_elem(rules, &number);
	}
	return match;
}

/* Looks up a name; see the head of this file. */
#define name_table_find(table, message, data_end, offset, size, memory)       \
	({                                                                    \
		struct name_table_match match_##table = {};                   \
		__u32 first_##table = 0;                                      \
		struct name_table_search search_##table = {                   \
			.lines = &table,                                      \
			.bloom = &table##_bloom,                              \
			.records = &table##_records,                          \
			.decisions = &table##_decisions,                      \
			.value_size = sizeof(                                 \
				((struct table##_decision *)0)->value),       \
			.shape = bpf_map_lookup_elem(&table##_shape,          \
						     &first_##table),         \
			.scratch = memory,                                    \
		};                                                            \
		search_##table.scratch->length = size;                        \
		if (search_##table.shape)                                     \
			match_##table = name_table_lookup(                    \
				&search_##table, &table##_rules, message,     \
				data_end, offset);                            \
		match_##table;                                                \
	})

/* After a match: true if its entry has the whole name, not a suffix. */
static __always_inline bool
name_table_is_whole(volatile struct name_table_scratch *scratch)
{
	return !(name_table_is_decided(scratch) ? scratch->decided :
						  scratch->hit.label);
}

/* The action of a light entry; 0 for a leaf of no entry. */
static __always_inline __u32 name_table_action(__u32 leaf)
{
	return leaf >> 24 & 15;
}

static __always_inline void name_table_add(void *records, __u32 leaf)
{
	__u32 number = leaf & NAME_TABLE_NUMBER;
	__u64 *counter = bpf_map_lookup_elem(records, &number);

	if (counter)
		__sync_fetch_and_add(counter, 1);
}

/* Counts a packet for a light entry. */
#define name_table_count(table, leaf) name_table_add(&table##_records, leaf)

#endif
