/* Scores for the stock rules that are nearer to today's mail than the package's: fitted.cf beside
 * this file, made by bench/filter_scores.py (decision 0281), is part of the program. They count
 * after the package's own and before what the administrator wrote, and are no part of a set's
 * digest, since no pattern hangs on them. */
#include "formats/rules/test.h"
#include "services/rules/set.h"

__asm__(".pushsection .rodata\n"
	"posta_rules_fitted: .incbin \"" POSTA_SRC "/services/rules/fitted.cf\"\n"
	"posta_rules_fitted_end:\n"
	".popsection\n");
extern const char posta_rules_fitted[], posta_rules_fitted_end[];

/* "score NAME 1.25" */
static void fit_line(struct rules *r, str line)
{
	struct rule_scores s;
	struct rule *u;
	str word, name;

	if (!str_word(&line, &word) || !str_eq(word, STR("score")) || !str_word(&line, &name))
		return;
	u = rules_find(r, name);
	if (!u || u->own_score || rule_scores_parse(str_trim_ws(line), &s))
		return;
	for (int i = 0; i < 4; i++) {
		if (u->score[i] != 0) /* what is switched off stays so */
			u->score[i] = s.v[i];
	}
}

void rules_fit(struct rules *r)
{
	str rest =
		str_of(posta_rules_fitted, (size_t)(posta_rules_fitted_end - posta_rules_fitted));
	str line;

	while (str_next(&rest, '\n', &line))
		fit_line(r, line);
}
