/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Greatest numbers of members, for `corexdp check`, which warns of more. */
#ifndef COREXDP_LIMITS_H
#define COREXDP_LIMITS_H

/* A tag in BTF, which clang writes since release 14. */
#if __has_attribute(btf_decl_tag)
#define TAG_AT_MOST(max) __attribute__((btf_decl_tag("at most " #max)))
#else
#define TAG_AT_MOST(max)
#endif
/* Expands a macro that is given as `max`. */
#define AT_MOST(max) TAG_AT_MOST(max)

#endif
