/* base/test.h: a thin layer over cmocka, so that a test file holds tests alone.
 * TEST(name) { ... } in x_test.c; the build finds the tests by their section, no list is kept. */
#ifndef BASE_TEST_H
#define BASE_TEST_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/str.h"

struct test_case {
	const char *name, *file;
	void (*run)(void);
};

/* Defines a test and puts it where test_main finds it. */
#define TEST(id)                                                                                   \
	static void test_##id(void);                                                               \
	static const struct test_case case_##id = { #id, __FILE__, test_##id };                    \
	__attribute__((section("posta_tests"),                                                     \
		       used)) static const struct test_case *const ptr_##id = &case_##id;          \
	static void test_##id(void)

/* Ends the test with file and line when cond is false. */
#define CHECK(cond)		    test_check((cond), #cond, __FILE__, __LINE__, -1)
/* The same, naming the row of a table. */
#define CHECK_ROW(i, cond)	    test_check((cond), #cond, __FILE__, __LINE__, (long)(i))
#define CHECK_OK(expr)		    test_check_ok((expr), #expr, __FILE__, __LINE__)
#define CHECK_STR(got, want)	    test_check_str((got), (want), __FILE__, __LINE__, -1)
#define CHECK_STR_ROW(i, got, want) test_check_str((got), (want), __FILE__, __LINE__, (long)(i))
/* Ends the test as skipped, saying why. */
#define SKIP(why)		    test_skip(why)

void test_check(bool ok, const char *what, const char *file, int line, long row);
void test_check_ok(err e, const char *what, const char *file, int line);
void test_check_str(str got, str want, const char *file, int line, long row);
NORETURN void test_skip(const char *why);
#ifdef __clang_analyzer__ /* it looks into no other file, and must know that a test ends there */
#define test_check(cond, ...) ((cond) ? (void)0 : test_skip(""))
#define test_check_ok(e, ...) ((e) == OK ? (void)0 : test_skip(""))
#endif

#endif
