#include "formats/spamd/spamd.h"

static const struct {
	str name;
	enum spamd_method method;
} methods[] = {
	{ S("CHECK"), SPAMD_CHECK },	 { S("SYMBOLS"), SPAMD_SYMBOLS },
	{ S("REPORT"), SPAMD_REPORT },	 { S("REPORT_IFSPAM"), SPAMD_REPORT_IFSPAM },
	{ S("PROCESS"), SPAMD_PROCESS }, { S("HEADERS"), SPAMD_HEADERS },
	{ S("PING"), SPAMD_PING },	 { S("SKIP"), SPAMD_SKIP },
	{ S("TELL"), SPAMD_TELL },
};

static err parse_line(str line, struct spamd_request *out)
{
	str method, version, minor;
	uint64_t n;

	if (!str_cut(line, ' ', &method, &version) || !str_starts(version, STR("SPAMC/1.")))
		return fail(E_SYNTAX, "write METHOD SPAMC/1.5");
	minor = str_skip(version, 8);
	if (str_u64(minor, 99, &n) != OK)
		return fail(E_SYNTAX, "write METHOD SPAMC/1.5");
	out->version = (unsigned)n;
	for (size_t i = 0; i < COUNT(methods); i++)
		if (str_eq(method, methods[i].name)) {
			out->method = methods[i].method;
			return OK;
		}
	return fail(E_SYNTAX, "there is no method %.*s", STRF(str_take(method, 40)));
}

/* "local, remote" */
static unsigned bases(str value)
{
	unsigned got = 0;
	str one;

	while (value.n && str_next(&value, ',', &one)) {
		one = str_trim(one);
		if (str_eqi(one, STR("local")))
			got |= SPAMD_LOCAL;
		else if (str_eqi(one, STR("remote")))
			got |= SPAMD_REMOTE;
	}
	return got;
}

static err parse_field(str name, str value, struct spamd_request *out)
{
	if (str_eqi(name, STR("Content-length"))) {
		if (out->has_length || str_u64(value, INT64_MAX, &out->length) != OK)
			return fail(E_SYNTAX, "Content-length is no number, or there are two");
		out->has_length = true;
	} else if (str_eqi(name, STR("User"))) {
		out->user = value;
	} else if (str_eqi(name, STR("Message-class"))) {
		out->class = str_eqi(value, STR("spam"))  ? SPAMD_SPAM
			     : str_eqi(value, STR("ham")) ? SPAMD_HAM
							  : SPAMD_NO_CLASS;
	} else if (str_eqi(name, STR("Set"))) {
		out->set = bases(value);
	} else if (str_eqi(name, STR("Remove"))) {
		out->remove = bases(value);
	} else if (str_eqi(name, STR("Compress"))) {
		return fail(E_SYNTAX, "send the message as it is, without Compress");
	}
	return OK;
}

static bool next_line(str *rest, str *line)
{
	if (!rest->n || !str_next(rest, '\n', line))
		return false;
	if (line->n && line->p[line->n - 1] == '\r')
		*line = str_take(*line, line->n - 1);
	return true;
}

static bool plain(str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < ' ' && s.p[i] != '\t')
			return false;
	return true;
}

err spamd_parse_request(str head, struct spamd_request *out)
{
	struct spamd_request r = { .user = STR("") };
	str line, name, value;

	if (!next_line(&head, &line))
		return fail(E_SYNTAX, "no request");
	TRY(parse_line(line, &r));
	while (next_line(&head, &line) && line.n) {
		if (!str_cut(line, ':', &name, &value) || !plain(line))
			return fail(E_SYNTAX, "a header line without a name and a value");
		TRY(parse_field(str_trim(name), str_trim(value), &r));
	}
	*out = r;
	return OK;
}

const char *spamd_method_name(enum spamd_method m)
{
	for (size_t i = 0; i < COUNT(methods); i++)
		if (methods[i].method == m)
			return methods[i].name.p;
	return "";
}

static void print_bases(struct buf *out, const char *name, unsigned v)
{
	static const char *const names[] = { "", "local", "remote", "local, remote" };

	if (v)
		buf_fmt(out, "%s: %s\r\n", name, names[v & 3]);
}

void spamd_print_request(struct buf *out, const struct spamd_request *r)
{
	buf_fmt(out, "%s SPAMC/1.%u\r\n", spamd_method_name(r->method), r->version);
	if (r->has_length)
		buf_fmt(out, "Content-length: %llu\r\n", (unsigned long long)r->length);
	if (r->user.n)
		buf_fmt(out, "User: %.*s\r\n", STRF(r->user));
	if (r->class != SPAMD_NO_CLASS)
		buf_fmt(out, "Message-class: %s\r\n", r->class == SPAMD_SPAM ? "spam" : "ham");
	print_bases(out, "Set", r->set);
	print_bases(out, "Remove", r->remove);
	buf_add(out, STR("\r\n"));
}

void spamd_print_status(struct buf *out, int code, str text)
{
	buf_fmt(out, "SPAMD/1.5 %d %.*s\r\n", code, STRF(text));
}

void spamd_print_spam(struct buf *out, bool spam, double score, double required)
{
	buf_fmt(out, "Spam: %s ; %.1f / %.1f\r\n", spam ? "True" : "False", score, required);
}
