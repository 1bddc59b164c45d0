/* Learning, tried: reads lines from standard input, one a message, and does what each says, in
 * order:
 *   fit ham|spam PATH     a message that the start is fitted on
 *   teach ham|spam PATH   a lesson of the one user
 *   judge ham|spam PATH   prints "PATH<TAB>ham|spam<TAB>logit of the start alone<TAB>logit<TAB>points of
 *                         the start alone<TAB>points"
 * Without a fit line the shipped start is taken. "-o FILE": writes the start that was fitted, in
 * the form of services/learning/start.model. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "services/learning/learning.h"

#define START_BITS 16
#define START_N	   (1u << START_BITS)
#define EPOCHS	   3
#define STEP	   0.3
#define MARGIN	   2.0

struct sample {
	bool spam;
	size_t n;
	uint32_t *hash;
	float *value;
};
static struct {
	struct sample *v;
	size_t n, room;
} fits;
static float weight[START_N];
static double bias;
static char *start_bytes;
static struct learning_start start;
static unsigned char model[LEARNING_MODEL_MAX];
static size_t model_n;

static char *read_file(const char *path, size_t *n)
{
	FILE *f = fopen(path, "rb");
	char *p = NULL;
	long size;

	if (!f || fseek(f, 0, SEEK_END) || (size = ftell(f)) < 0 || fseek(f, 0, SEEK_SET)) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		exit(1);
	}
	p = mem_get((size_t)size + 1);
	*n = fread(p, 1, (size_t)size, f);
	fclose(f);
	return p;
}

static void keep(const struct learning_features *f, bool spam)
{
	struct sample *s;

	if (fits.n == fits.room) {
		fits.room = fits.room ? 2 * fits.room : 1024;
		fits.v = mem_resize(fits.v, fits.room * sizeof *fits.v);
	}
	s = &fits.v[fits.n++];
	s->spam = spam;
	s->n = f->n;
	s->hash = mem_get(f->n * sizeof *s->hash + 1);
	s->value = mem_get(f->n * sizeof *s->value + 1);
	for (size_t i = 0; i < f->n; i++) {
		s->hash[i] = f->v[i].hash;
		s->value[i] = f->v[i].value;
	}
}

static void step(const struct sample *s)
{
	double z = bias, norm = 1, loss, by;

	for (size_t i = 0; i < s->n; i++) {
		z += weight[s->hash[i] & (START_N - 1)] * s->value[i];
		norm += s->value[i] * s->value[i];
	}
	loss = MARGIN - (s->spam ? z : -z);
	if (loss <= 0)
		return;
	by = fmin(STEP, loss / norm) * (s->spam ? 1 : -1);
	for (size_t i = 0; i < s->n; i++)
		weight[s->hash[i] & (START_N - 1)] += (float)by * s->value[i];
	bias += by * 0.1;
}

/* A fixed order that looks random, so that a run can be repeated. */
static void shuffle(void)
{
	uint64_t x = 88172645463325252u;

	for (size_t i = fits.n; i > 1; i--) {
		struct sample t = fits.v[i - 1];
		size_t k;

		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		k = x % i;
		fits.v[i - 1] = fits.v[k];
		fits.v[k] = t;
	}
}

static void fit(void)
{
	struct buf b;
	float most = 0;

	for (int e = 0; e < EPOCHS; e++) {
		shuffle();
		for (size_t i = 0; i < fits.n; i++)
			step(&fits.v[i]);
	}
	for (size_t i = 0; i < START_N; i++)
		most = fmaxf(most, fabsf(weight[i]));
	buf_init(&b, MIB(1));
	buf_add(&b, STR("pLS\n"));
	buf_u32(&b, START_N);
	buf_u32(&b, (uint32_t)lrint(most / 127 * 1e6));
	buf_u32(&b, (uint32_t)(int32_t)lrint(bias * 1e3));
	for (size_t i = 0; i < START_N; i++)
		buf_u8(&b, (unsigned char)(signed char)lrint(weight[i] / most * 127));
	start_bytes = b.p;
	if (learning_start_read(buf_str(&b), &start)) {
		fprintf(stderr, "nothing was fitted\n");
		exit(1);
	}
}

static void one(const char *verb, bool spam, const char *path)
{
	static const struct learning_start none = { .weights = (const signed char *)"", .n = 1 };
	struct scan_envelope env = { .now = 1795000000 };
	struct learning_features f;
	struct learning_judgement first, j;
	struct arena a;
	size_t n;
	char *p = read_file(path, &n);
	str now = str_of(model, model_n), next;

	arena_init(&a, MIB(64));
	learning_features(scan_mail_new(&a, str_of(p, n), &env, NULL), &f);
	if (!strcmp(verb, "fit")) {
		keep(&f, spam);
	} else if (!strcmp(verb, "teach")) {
		if (learning_teach(&start, now, &f, spam, env.now, &a, &next) == OK) {
			memcpy(model, next.p, next.n);
			model_n = next.n;
		}
	} else {
		learning_judge(start.n ? &start : &none, STR(""), &f, &first);
		learning_judge(&start, now, &f, &j);
		printf("%s\t%s\t%.3f\t%.3f\t%.3f\t%.3f\n", path, spam ? "spam" : "ham", first.logit,
		       j.logit, first.points, j.points);
	}
	arena_free(&a);
	mem_free(p);
}

int main(int argc, char **argv)
{
	static char line[4096], path[4000];
	char verb[8], label[8];
	bool fitted = false;

	learning_shipped(&start);
	while (fgets(line, sizeof line, stdin)) {
		if (sscanf(line, "%7s %7s %3999[^\n]", verb, label, path) != 3) {
			fprintf(stderr, "what is this: %s", line);
			return 1;
		}
		if (strcmp(verb, "fit") && fits.n && !fitted) {
			fit();
			fitted = true;
		}
		one(verb, !strcmp(label, "spam"), path);
	}
	if (fits.n && !fitted)
		fit();
	if (argc == 3 && !strcmp(argv[1], "-o")) {
		FILE *f = fopen(argv[2], "wb");

		if (!f || fwrite(start_bytes, 1, 16 + START_N, f) != 16 + START_N || fclose(f)) {
			perror(argv[2]);
			return 1;
		}
	}
	return 0;
}
