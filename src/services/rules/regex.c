#define PCRE2_CODE_UNIT_WIDTH 0
#include "services/rules/regex.h"

#include <pcre2.h>
#include <string.h>

#include "base/limits.h"
#include "services/rules/set.h"

enum {
	OPTIONS = PCRE2_DUPNAMES | PCRE2_NEVER_UTF | PCRE2_NEVER_UCP,
};

struct regex_room {
	pcre2_match_context_8 *ctx8;
	pcre2_match_context_32 *ctx32;
	pcre2_jit_stack_8 *stack8;
	pcre2_jit_stack_32 *stack32;
	pcre2_match_data_8 *data8; /* one pair: enough for all but captures */
	pcre2_match_data_32 *data32;
	uint32_t *wide; /* a text in wide form, and which one */
	size_t wide_cap;
	str wide_of;
};

struct regex_room *regex_room_new(void)
{
	struct regex_room *m = MEM_NEW(struct regex_room);

	m->ctx8 = pcre2_match_context_create_8(NULL);
	m->stack8 = pcre2_jit_stack_create_8(KIB(32), LIM_RULES_JIT_STACK, NULL);
	m->data8 = pcre2_match_data_create_8(1, NULL);
	pcre2_set_match_limit_8(m->ctx8, LIM_RULES_MATCH);
	pcre2_jit_stack_assign_8(m->ctx8, NULL, m->stack8);
	return m;
}

static void room_widen(struct regex_room *m, str text)
{
	if (!m->ctx32) {
		m->ctx32 = pcre2_match_context_create_32(NULL);
		m->stack32 = pcre2_jit_stack_create_32(KIB(32), LIM_RULES_JIT_STACK, NULL);
		m->data32 = pcre2_match_data_create_32(1, NULL);
		pcre2_set_match_limit_32(m->ctx32, LIM_RULES_MATCH);
		pcre2_jit_stack_assign_32(m->ctx32, NULL, m->stack32);
	}
	if (m->wide_of.p == text.p && m->wide_of.n == text.n && text.n)
		return;
	m->wide_of = text;
	if (m->wide_cap < text.n + 1) {
		mem_free(m->wide);
		m->wide_cap = text.n + 1024;
		m->wide = mem_get(size_mul(m->wide_cap, sizeof(*m->wide)));
	}
	for (size_t i = 0; i < text.n; i++)
		m->wide[i] = (unsigned char)text.p[i];
}

void regex_room_reset(struct regex_room *m)
{
	m->wide_of = str_of(NULL, 0);
}

void regex_room_free(struct regex_room *m)
{
	if (!m)
		return;
	pcre2_match_data_free_8(m->data8);
	pcre2_jit_stack_free_8(m->stack8);
	pcre2_match_context_free_8(m->ctx8);
	if (m->ctx32) {
		pcre2_match_data_free_32(m->data32);
		pcre2_jit_stack_free_32(m->stack32);
		pcre2_match_context_free_32(m->ctx32);
	}
	mem_free(m->wide);
	mem_free(m);
}

/* Octets over 127 have a case in Perl's /aa: Latin-1's. The table's layout is PCRE2's: lower case,
 * other case, then classes, none of which know octets over 127. */
static const unsigned char *latin_tables(void)
{
	static _Atomic(const unsigned char *) made; /* the one table of the process; never freed */
	const unsigned char *t = atomic_load(&made), *none = NULL;

	if (t)
		return t;

	unsigned char *fresh = mem_get(2048);
	const uint8_t *plain = pcre2_maketables_8(NULL);

	memcpy(fresh, plain, 1088); /* TABLES_LENGTH: 256 lower, 256 flip, 320 classes, 256 types */
	pcre2_maketables_free_8(NULL, plain);
	for (unsigned c = 0xC0; c <= 0xDE; c++) {
		if (c == 0xD7)
			continue;
		fresh[c] = (unsigned char)(c + 32);
		fresh[256 + c] = (unsigned char)(c + 32);
		fresh[256 + c + 32] = (unsigned char)c;
	}
	if (atomic_compare_exchange_strong(&made, &none, fresh))
		return fresh;
	mem_free(fresh);
	return none;
}

static pcre2_code_8 *compile8(str re, int *error, size_t *at)
{
	pcre2_compile_context_8 *c = pcre2_compile_context_create_8(NULL);
	pcre2_code_8 *code;

	pcre2_set_newline_8(c, PCRE2_NEWLINE_LF);
	pcre2_set_character_tables_8(c, latin_tables());
	code = pcre2_compile_8((PCRE2_SPTR8)re.p, re.n, OPTIONS, error, at, c);
	pcre2_compile_context_free_8(c);
	if (code)
		(void)pcre2_jit_compile_8(code, PCRE2_JIT_COMPLETE); /* without: interpreted */
	return code;
}

static pcre2_code_32 *compile32(str re, int *error, size_t *at)
{
	uint32_t *wide = mem_get(size_mul(re.n + 1, sizeof(*wide)));
	pcre2_compile_context_32 *c = pcre2_compile_context_create_32(NULL);
	pcre2_code_32 *code;

	for (size_t i = 0; i < re.n; i++)
		wide[i] = (unsigned char)re.p[i];
	pcre2_set_newline_32(c, PCRE2_NEWLINE_LF);
	pcre2_set_character_tables_32(c, latin_tables());
	code = pcre2_compile_32(wide, re.n, OPTIONS, error, at, c);
	pcre2_compile_context_free_32(c);
	mem_free(wide);
	if (code)
		(void)pcre2_jit_compile_32(code, PCRE2_JIT_COMPLETE);
	return code;
}

/* Its own words for what is too large for two octets a link. */
static bool is_too_large(int error)
{
	return error == PCRE2_ERROR_PATTERN_TOO_LARGE || error == PCRE2_ERROR_LOOKBEHIND_TOO_LONG ||
	       error == PCRE2_ERROR_PARENTHESES_NEST_TOO_DEEP ||
	       error == PCRE2_ERROR_PATTERN_TOO_COMPLICATED;
}

err regex_check(str re, bool *wide)
{
	int error = 0;
	size_t at = 0;
	pcre2_code_8 *code = pcre2_compile_8((PCRE2_SPTR8)re.p, re.n, OPTIONS, &error, &at, NULL);
	char text[128] = "";

	*wide = false;
	pcre2_code_free_8(code);
	if (code)
		return OK;
	if (is_too_large(error)) {
		pcre2_code_32 *w = compile32(re, &error, &at);

		*wide = true;
		pcre2_code_free_32(w);
		if (w)
			return OK;
	}
	(void)pcre2_get_error_message_8(error, (PCRE2_UCHAR8 *)text, sizeof(text));
	return fail(is_too_large(error) ? E_LIMIT : E_SYNTAX, "%s at octet %zu of the pattern",
		    text, at);
}

static bool is_wide(const struct regex *x)
{
	return x->fate & FATE_WIDE;
}

static void free_code(bool wide, void *code)
{
	if (wide)
		pcre2_code_free_32(code);
	else
		pcre2_code_free_8(code);
}

void regex_free(struct regex *x)
{
	free_code(is_wide(x), atomic_load(&x->code));
}

/* NULL: it cannot be had, which regex_check said when the set was compiled. */
static void *code_of(struct regex *x)
{
	void *code = atomic_load_explicit(&x->code, memory_order_acquire), *none = NULL;
	int error;
	size_t at;

	if (code)
		return code;
	code = is_wide(x) ? (void *)compile32(x->re, &error, &at)
			  : (void *)compile8(x->re, &error, &at);
	if (!code || atomic_compare_exchange_strong(&x->code, &none, code))
		return code;
	free_code(is_wide(x), code); /* another thread was first */
	return none;
}

static bool found(int rc, bool *ran_out)
{
	if (rc < PCRE2_ERROR_NOMATCH)
		*ran_out = true; /* a limit of matching; other errors there are none */
	return rc >= 0;
}

bool regex_find(struct regex *x, struct regex_room *m, str text, size_t from, bool not_empty,
		struct regex_match *out, bool *ran_out)
{
	void *code = code_of(x);
	uint32_t options = not_empty ? PCRE2_NOTEMPTY_ATSTART : 0;
	const size_t *at;
	int rc;

	if (!code)
		return false;
	if (is_wide(x)) {
		room_widen(m, text);
		rc = pcre2_match_32(code, m->wide, text.n, from, options, m->data32, m->ctx32);
		at = pcre2_get_ovector_pointer_32(m->data32);
	} else {
		rc = pcre2_match_8(code, (PCRE2_SPTR8)text.p, text.n, from, options, m->data8,
				   m->ctx8);
		at = pcre2_get_ovector_pointer_8(m->data8);
	}
	if (!found(rc, ran_out))
		return false;
	*out = (struct regex_match){ .begin = at[0], .end = at[1] };
	return true;
}

unsigned regex_count(struct regex *x, struct regex_room *m, str text, unsigned max, bool *ran_out)
{
	struct regex_match at = { 0 };
	unsigned n = 0;
	size_t from = 0;
	bool empty = false;

	while (from <= text.n && regex_find(x, m, text, from, empty, &at, ran_out)) {
		if (++n == max)
			break;
		from = at.end > from ? at.end : from;
		empty = at.end == at.begin;
	}
	return n;
}

bool regex_captures(struct regex *x, struct regex_room *m, str text,
		    void (*group)(void *arg, str name, str value), void *arg, bool *ran_out)
{
	pcre2_code_8 *code = is_wide(x) ? NULL : code_of(x);
	uint32_t names = 0, size = 0;
	PCRE2_SPTR8 table = NULL;

	if (!code)
		return false;

	pcre2_match_data_8 *data = pcre2_match_data_create_from_pattern_8(code, NULL);
	int rc = pcre2_match_8(code, (PCRE2_SPTR8)text.p, text.n, 0, 0, data, m->ctx8);
	const size_t *at = pcre2_get_ovector_pointer_8(data);

	(void)pcre2_pattern_info_8(code, PCRE2_INFO_NAMECOUNT, &names);
	(void)pcre2_pattern_info_8(code, PCRE2_INFO_NAMEENTRYSIZE, &size);
	(void)pcre2_pattern_info_8(code, PCRE2_INFO_NAMETABLE, &table);
	for (uint32_t i = 0; rc >= 0 && i < names; i++) {
		const unsigned char *entry = table + i * size;
		unsigned g = (unsigned)entry[0] << 8 | entry[1];

		if ((int)g < rc && at[2 * g] != PCRE2_UNSET && at[2 * g + 1] > at[2 * g])
			group(arg, str_z((const char *)entry + 2),
			      str_of(text.p + at[2 * g], at[2 * g + 1] - at[2 * g]));
	}
	pcre2_match_data_free_8(data);
	return found(rc, ran_out);
}
