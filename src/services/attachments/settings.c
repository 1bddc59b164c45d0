/* posta.conf's group "attachments". */
#include "base/limits.h"
#include "services/attachments/attachments.h"

struct group {
	struct conf_strs programs, documents, forbidden, allowed;
	str act[ATTACHMENT_WHYS];
	double score;
	int64_t ratio, depth, unpacked;
};
#define IF(name, why, dflt, help)                                                                  \
	{                                                                                          \
		"if_" name, CONF_STR, offsetof(struct group, act[why]), 0, 0, dflt, help           \
	}
static const struct conf_key keys[] = {
	{ "programs", CONF_STRS, offsetof(struct group, programs), 0, 0,
	  "ade, adp, apk, appx, bat, cab, chm, cmd, com, cpl, diagcab, dll, dmg, exe, gadget, hta, "
	  "img, inf, ins, iso, isp, jar, jnlp, js, jse, lnk, mde, mjs, msc, msi, msix, msp, mst, "
	  "pif, ps1, psm1, reg, scr, sct, shb, shs, sys, vb, vbe, vbs, vhd, vhdx, vxd, wsc, "
	  "wsf, wsh, xll",
	  "extensions of files that are programs where they are opened" },
	{ "documents", CONF_STRS, offsetof(struct group, documents), 0, 0,
	  "avi, csv, doc, docx, gif, htm, html, jpeg, jpg, mp3, mp4, odp, ods, odt, pdf, png, ppt, "
	  "pptx, rtf, txt, wav, xls, xlsx, xml, zip",
	  "extensions that a program hides behind: invoice.pdf.exe" },
	{ "forbidden", CONF_STRS, offsetof(struct group, forbidden), 0, 0, "",
	  "other extensions that nobody may send" },
	{ "allowed", CONF_STRS, offsetof(struct group, allowed), 0, 0, "",
	  "extensions that are none of programs, for those who need them" },
	IF("program", ATTACHMENT_PROGRAM, "refuse", "a program by its name: refuse, mark or pass"),
	IF("content", ATTACHMENT_CONTENT, "refuse", "a program by what it begins with"),
	IF("double", ATTACHMENT_DOUBLE, "refuse", "a program that is named as a document"),
	IF("direction", ATTACHMENT_DIRECTION, "refuse",
	   "a name that a change of direction shows otherwise"),
	IF("forbidden", ATTACHMENT_FORBIDDEN, "refuse", "a forbidden extension"),
	IF("encrypted", ATTACHMENT_ENCRYPTED, "mark", "an archive under a password"),
	IF("bomb", ATTACHMENT_BOMB, "refuse", "an archive that grows too much"),
	IF("test", ATTACHMENT_TEST, "refuse",
	   "EICAR's file, with which antivirus programs are tested, clamd or not"),
	IF("nested", ATTACHMENT_NESTED, "mark", "archives inside one another, deeper than depth"),
	IF("broken", ATTACHMENT_BROKEN, "mark",
	   "an archive that cannot be read, or that programs read differently"),
	{ "score", CONF_REAL, offsetof(struct group, score), 0, 100, "2",
	  "what each mark adds to a message's score" },
	{ "ratio", CONF_INT, offsetof(struct group, ratio), 10, 100000, "200",
	  "how many times its size a file of an archive may grow, from 10 MiB up" },
	{ "depth", CONF_INT, offsetof(struct group, depth), 1, LIM_ZIP_DEPTH, "3",
	  "archives inside one another that are looked into" },
	{ "unpacked", CONF_SIZE, offsetof(struct group, unpacked), 1 << 20, 1 << 30, "32M",
	  "octets of one message's inner archives that are unpacked" },
};

void attachments_describe(struct buf *out)
{
	for (size_t i = 0; i < COUNT(keys); i++)
		conf_describe(&keys[i], out);
}

static bool read_act(str text, enum attachment_act *out)
{
	static const struct {
		str name;
		enum attachment_act act;
	} acts[] = { { S("refuse"), ATTACHMENT_REFUSE },
		     { S("mark"), ATTACHMENT_MARK },
		     { S("pass"), ATTACHMENT_PASS } };

	for (size_t i = 0; i < COUNT(acts); i++)
		if (str_eq(text, acts[i].name)) {
			*out = acts[i].act;
			return true;
		}
	return false;
}

err attachments_read(const struct role_env *env, struct buf *complaints,
		     struct attachments_settings *out)
{
	const struct conf_node *n = conf_find(env->root, "attachments");
	struct group g;

	TRY(conf_read(n, keys, COUNT(keys), &g, env->arena, complaints));
	*out = (struct attachments_settings){ .programs = g.programs,
					      .documents = g.documents,
					      .forbidden = g.forbidden,
					      .allowed = g.allowed,
					      .score = g.score,
					      .ratio = g.ratio,
					      .depth = g.depth,
					      .unpacked = g.unpacked };
	for (size_t i = 0; i < ATTACHMENT_WHYS; i++)
		if (!read_act(g.act[i], &out->act[i])) {
			conf_complain(n, complaints,
				      "\"%.*s\" does not fit; write refuse, mark or pass",
				      STRF(g.act[i]));
			return E_SYNTAX;
		}
	return OK;
}
