/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Upper limits of members. `corexdp check` warns about greater values. */
#ifndef COREXDP_LIMITS_H
#define COREXDP_LIMITS_H

/* BTF has the tag if the compiler is clang 14 or later. */
#if __has_attribute(btf_decl_tag)
#define TAG_AT_MOST(max) __attribute__((btf_decl_tag("at most " #max)))
#else
#define TAG_AT_MOST(max)
#endif
/* Expands `max`, which may be a macro, before TAG_AT_MOST quotes it. */
#define AT_MOST(max) TAG_AT_MOST(max)

#endif
