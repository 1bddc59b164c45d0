/* services/verdict/word.h: words of a folded field, for the files of this folder. */
#ifndef SERVICES_VERDICT_WORD_H
#define SERVICES_VERDICT_WORD_H

#include "formats/mime/lex.h"
#include "services/verdict/verdict.h"

/* The next run without white space or line ends; false at the end. */
static inline bool verdict_word(str *rest, str *word)
{
	while (mime_ws(mime_peek(*rest)))
		*rest = str_skip(*rest, 1);
	*word = mime_run(rest, STR(""));
	return word->n > 0;
}

#endif
