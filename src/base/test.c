/* The main program of every unit test binary. */
#include "base/test.h"

#include <setjmp.h> /* cmocka.h asks for it */
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/mem.h"

extern const struct test_case *const __start_posta_tests[];
extern const struct test_case *const __stop_posta_tests[];

#undef test_check
#undef test_check_ok

static void say_where(const char *file, int line, long row)
{
	print_error("%s:%d: ", file, line);
	if (row >= 0)
		print_error("row %ld: ", row);
}

void test_check(bool ok, const char *what, const char *file, int line, long row)
{
	if (ok)
		return;
	say_where(file, line, row);
	print_error("not so: %s\n", what);
	_fail(file, line);
}

void test_check_ok(err e, const char *what, const char *file, int line)
{
	if (e == OK)
		return;
	say_where(file, line, -1);
	print_error("%s: %s (last: %s)\n", what, err_name(e), err_last()->text);
	_fail(file, line);
}

void test_check_str(str got, str want, const char *file, int line, long row)
{
	if (str_eq(got, want))
		return;
	say_where(file, line, row);
	print_error("got  \"%.*s\"\nwant \"%.*s\"\n", STRF(got), STRF(want));
	_fail(file, line);
}

void test_skip(const char *why)
{
	print_message("skipped: %s\n", why);
	_skip(__FILE__, __LINE__);
	abort(); /* not reached: _skip jumps */
}

static void run_case(void **state)
{
	const struct test_case *t = *state;

	t->run();
}

/* An argument names the tests to run: those whose name contains it. */
int main(int argc, char **argv)
{
	size_t n = (size_t)(__stop_posta_tests - __start_posta_tests), chosen = 0;
	struct CMUnitTest *tests = mem_get(size_mul(n, sizeof(*tests)));
	str only = argc > 1 ? str_z(argv[1]) : STR("");

	for (size_t i = 0; i < n; i++) {
		const struct test_case *t = __start_posta_tests[i];
		str name = str_z(t->name);

		if (str_search(name, only) == name.n && only.n)
			continue;
		tests[chosen++] = (struct CMUnitTest){ .name = t->name,
						       .test_func = run_case,
						       .initial_state = (void *)(uintptr_t)t };
	}
	int failed = _cmocka_run_group_tests("posta", tests, chosen, NULL, NULL);

	mem_free(tests);
	return failed ? 1 : 0;
}
