/* The model: a start that all share and a user's own weights, added.
 *
 * A user's model as stored: "pL2\n", four u32 (lessons of spam, of ham, bias, spare), u64 of the
 * last lesson's time, then WEIGHTS 16-bit weights, big-endian, in 1/UNIT. One pass of
 * passive-aggressive steps (Crammer et al., 2006) found as much spam of unseen sources as a batch
 * regression over the same mail, and one lesson is enough to see its effect. */
#include <math.h>
#include <string.h>

#include "services/learning/models.h"

#define MAGIC	"pL2\n"
#define HEAD	28
#define WEIGHTS ((LEARNING_MODEL_MAX - HEAD) / 2)
#define UNIT	1024.0 /* so a weight reaches from -32 to 32 */
#define MARGIN	3.0    /* a lesson moves its own message this far to the right side, ... */
#define STEP	0.3    /* ... but no further than this in one step */
#define BIAS	0.1    /* of a step that goes into the bias */

/* Points for one unit of logit, from DOUBT on where it speaks of spam; and the limits within which
 * learning may move a score: those of the start alone, and those of a user who has taught enough.
 * Rules alone weigh newsletters too heavily, so what is known of ham must be able to outweigh them.
 */
#define POINTS	   4.0
#define DOUBT	   0.5
#define SPAM_FIRST 2.0
#define SPAM_LAST  10.0
#define HAM_FIRST  2.0
#define HAM_LAST   8.0
#define ENOUGH	   10 /* lessons of one kind */

struct head {
	unsigned spam, ham;
	double bias;
	int64_t at;
	const unsigned char *weights; /* NULL: never taught */
};

static size_t slot(uint32_t hash)
{
	return hash % WEIGHTS;
}

static int weight_at(const unsigned char *w, size_t i)
{
	return (int16_t)(w[2 * i] << 8 | w[2 * i + 1]);
}

static struct head head_read(str model)
{
	struct head h = { 0 };
	struct cur c = { .rest = model };

	if (model.n != HEAD + 2 * WEIGHTS || !str_eq(cur_bytes(&c, 4), STR(MAGIC)))
		return h;
	h.spam = cur_u32(&c);
	h.ham = cur_u32(&c);
	h.bias = (int32_t)cur_u32(&c) / UNIT;
	(void)cur_u32(&c);
	h.at = (int64_t)cur_u64(&c);
	h.weights = (const unsigned char *)c.rest.p;
	return h;
}

static double start_weight(const struct learning_start *s, uint32_t hash)
{
	return s->weights[hash & (s->n - 1)] * (double)s->scale;
}

static double own_weight(const struct head *h, uint32_t hash)
{
	return h->weights ? weight_at(h->weights, slot(hash)) / UNIT : 0;
}

/* The heaviest so far, kept in order. */
static void weigh(struct learning_judgement *out, const struct learning_feature *f, double logit)
{
	unsigned i = out->ntop;

	if (i == LEARNING_TOP && fabs(out->top[i - 1].logit) >= fabs(logit))
		return;
	if (i < LEARNING_TOP)
		out->ntop++;
	else
		i--;
	for (; i > 0 && fabs(out->top[i - 1].logit) < fabs(logit); i--)
		out->top[i] = out->top[i - 1];
	out->top[i] = (struct learning_reason){ f, logit };
}

static double limit(double first, double last, unsigned lessons)
{
	double share = lessons < ENOUGH ? lessons / (double)ENOUGH : 1;

	return first + (last - first) * share;
}

void learning_judge(const struct learning_start *start, str model,
		    const struct learning_features *f, struct learning_judgement *out)
{
	struct head h = head_read(model);
	double z = start->bias + h.bias, most;

	*out = (struct learning_judgement){ .spam = h.spam, .ham = h.ham };
	for (size_t i = 0; i < f->n; i++) {
		double w = (start_weight(start, f->v[i].hash) + own_weight(&h, f->v[i].hash)) *
			   f->v[i].value;

		z += w;
		weigh(out, &f->v[i], w);
	}
	out->logit = z;
	out->probability = 1 / (1 + exp(-z));
	most = z > 0 ? limit(SPAM_FIRST, SPAM_LAST, h.spam) : limit(HAM_FIRST, HAM_LAST, h.ham);
	if (z < 0)
		out->points = fmax(z * POINTS, -most);
	else
		out->points = fmin(fmax(z - DOUBT, 0) * POINTS, most);
}

static void weight_set(unsigned char *w, size_t i, double v)
{
	int16_t to = (int16_t)lrint(fmin(fmax(v, -32767), 32767));

	w[2 * i] = (unsigned char)((uint16_t)to >> 8);
	w[2 * i + 1] = (unsigned char)to;
}

/* Old lessons fade, so that a user may change his mind. */
static void decay(unsigned char *w, struct head *h, int64_t now)
{
	double keep = now > h->at && h->at ? exp2(-(double)(now - h->at) / LEARNING_HALF_LIFE) : 1;

	if (keep > 0.999)
		return; /* rounding would do more than time */
	for (size_t i = 0; i < WEIGHTS; i++)
		weight_set(w, i, weight_at(w, i) * keep);
	h->bias *= keep;
	h->at = now;
}

static void head_write(char *out, const struct head *h)
{
	CLEANUP(buf_free) struct buf b;

	buf_init(&b, HEAD);
	buf_add(&b, STR(MAGIC));
	buf_u32(&b, h->spam);
	buf_u32(&b, h->ham);
	buf_u32(&b, (uint32_t)(int32_t)lrint(h->bias * UNIT));
	buf_u32(&b, 0);
	buf_u64(&b, (uint64_t)h->at);
	memcpy(out, b.p, HEAD);
}

err learning_teach(const struct learning_start *start, str model, const struct learning_features *f,
		   bool spam, int64_t now, struct arena *a, str *out)
{
	struct head h = head_read(model);
	char *bytes = arena_try(a, HEAD + 2 * WEIGHTS, 1);
	unsigned char *w;
	struct learning_judgement j;
	double norm = 1, loss, step;

	if (!bytes)
		return fail(E_LIMIT, "no memory for a model");
	w = (unsigned char *)bytes + HEAD;
	if (h.weights)
		memcpy(w, h.weights, 2 * WEIGHTS);
	if (!h.at)
		h.at = now;
	decay(w, &h, now);
	head_write(bytes, &h);
	learning_judge(start, h.weights ? str_of(bytes, HEAD + 2 * WEIGHTS) : STR(""), f, &j);

	for (size_t i = 0; i < f->n; i++)
		norm += (double)f->v[i].value * f->v[i].value;
	loss = MARGIN - (spam ? j.logit : -j.logit);
	step = loss <= 0 ? 0 : fmin(STEP, loss / norm) * (spam ? 1 : -1);
	for (size_t i = 0; i < f->n; i++) {
		size_t at = slot(f->v[i].hash);

		weight_set(w, at, weight_at(w, at) + step * f->v[i].value * UNIT);
	}
	h.bias += step * BIAS;
	h.spam += spam;
	h.ham += !spam;
	head_write(bytes, &h);
	*out = str_of(bytes, HEAD + 2 * WEIGHTS);
	return OK;
}

void learning_lessons_of(str model, struct learning_lessons *out)
{
	struct head h = head_read(model);

	out->spam = h.spam;
	out->ham = h.ham;
	out->at = h.at;
}
