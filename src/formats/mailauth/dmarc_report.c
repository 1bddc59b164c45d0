#include "formats/mailauth/dmarc_report.h"

#include "base/enc.h"
#include "formats/mailauth/dmarc.h"

static void add_text(struct buf *out, str s)
{
	int32_t c;

	while ((c = utf8_next(&s)) >= 0) {
		if (c == '&')
			buf_add(out, STR("&amp;"));
		else if (c == '<')
			buf_add(out, STR("&lt;"));
		else if (c == '>')
			buf_add(out, STR("&gt;"));
		else if (c == 0xfffd || !utf8_shown(c) || (c & 0xfffe) == 0xfffe)
			buf_addc(out, '?');
		else
			utf8_add(out, c);
	}
}

static void element(struct buf *out, unsigned depth, const char *name, str text)
{
	buf_fmt(out, "%*s<%s>", (int)(2 * depth), "", name);
	add_text(out, text);
	buf_fmt(out, "</%s>\n", name);
}

static void number(struct buf *out, unsigned depth, const char *name, uint64_t v)
{
	buf_fmt(out, "%*s<%s>%llu</%s>\n", (int)(2 * depth), "", name, (unsigned long long)v, name);
}

static str policy_name(char c)
{
	return c == 'p'	  ? STR("pass")
	       : c == 'q' ? STR("quarantine")
	       : c == 'r' ? STR("reject")
			  : STR("none");
}

static void add_published(struct buf *out, const struct dmarc_report *r)
{
	struct dmarc_record record;

	buf_add(out, STR("  <policy_published>\n"));
	element(out, 2, "domain", r->domain);
	if (dmarc_parse(r->published, &record)) {
		element(out, 2, "p", policy_name(record.policy));
		element(out, 2, "sp", policy_name(record.sub ? record.sub : record.policy));
		if (record.missing)
			element(out, 2, "np", policy_name(record.missing));
		element(out, 2, "adkim", record.strict_dkim ? STR("s") : STR("r"));
		element(out, 2, "aspf", record.strict_spf ? STR("s") : STR("r"));
		element(out, 2, "testing", record.test ? STR("y") : STR("n"));
		element(out, 2, "fo", record.fo);
	}
	element(out, 2, "discovery_method", STR("treewalk"));
	buf_add(out, STR("  </policy_published>\n"));
}

void dmarc_report_begin(struct buf *out, const struct dmarc_report *r)
{
	buf_add(out, STR("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
			 "<feedback xmlns=\"urn:ietf:params:xml:ns:dmarc-2.0\">\n"
			 "  <version>1.0</version>\n"
			 "  <report_metadata>\n"));
	element(out, 2, "org_name", r->organization);
	element(out, 2, "email", r->email);
	element(out, 2, "report_id", r->id);
	buf_add(out, STR("    <date_range>\n"));
	number(out, 3, "begin", (uint64_t)r->begin);
	number(out, 3, "end", (uint64_t)r->end);
	buf_add(out, STR("    </date_range>\n"));
	element(out, 2, "generator", STR("posta"));
	buf_add(out, STR("  </report_metadata>\n"));
	add_published(out, r);
}

/* Why something else was done than the policy asks for. */
static void add_reason(struct buf *out, const struct dmarc_report *r,
		       const struct dmarc_report_row *row)
{
	struct dmarc_record record;
	bool test = dmarc_parse(r->published, &record) && record.test;

	if (row->disposition == 'p' || (row->disposition == row->asked && !test))
		return;
	buf_add(out, STR("        <reason>\n"));
	element(out, 5, "type",
		row->disposition == row->asked ? STR("policy_test_mode") : STR("local_policy"));
	buf_add(out, STR("        </reason>\n"));
}

static str field(str *line)
{
	str word = STR("-");

	(void)str_word(line, &word);
	return str_eq(word, STR("-")) ? STR("") : word;
}

static void add_result(struct buf *out, str line)
{
	bool dkim = str_eq(field(&line), STR("dkim"));
	str domain = field(&line);
	const char *name = dkim ? "dkim" : "spf";

	buf_fmt(out, "      <%s>\n", name);
	element(out, 4, "domain", domain);
	if (dkim)
		element(out, 4, "selector", field(&line));
	else
		element(out, 4, "scope", STR("mfrom"));
	element(out, 4, "result", field(&line));
	buf_fmt(out, "      </%s>\n", name);
}

void dmarc_report_row(struct buf *out, const struct dmarc_report *r,
		      const struct dmarc_report_row *row)
{
	str rest = row->results, line;

	buf_add(out, STR("  <record>\n    <row>\n"));
	element(out, 3, "source_ip", row->ip);
	number(out, 3, "count", row->count);
	buf_add(out, STR("      <policy_evaluated>\n"));
	element(out, 4, "disposition", policy_name(row->disposition));
	element(out, 4, "dkim", row->dkim ? STR("pass") : STR("fail"));
	element(out, 4, "spf", row->spf ? STR("pass") : STR("fail"));
	add_reason(out, r, row);
	buf_add(out, STR("      </policy_evaluated>\n    </row>\n    <identifiers>\n"));
	if (row->envelope_from.n)
		element(out, 3, "envelope_from", row->envelope_from);
	element(out, 3, "header_from", row->header_from);
	buf_add(out, STR("    </identifiers>\n    <auth_results>\n"));
	while (str_next(&rest, '\n', &line))
		if (line.n)
			add_result(out, line);
	buf_add(out, STR("    </auth_results>\n  </record>\n"));
}

void dmarc_report_end(struct buf *out)
{
	buf_add(out, STR("</feedback>\n"));
}
