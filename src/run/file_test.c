#include "run/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/test.h"

static char folder[] = "/tmp/posta-file-XXXXXX";

TEST(file_replace_and_read)
{
	char path[64];
	struct buf b;
	struct stat st;

	CHECK(mkdtemp(folder) != NULL);
	(void)snprintf(path, sizeof(path), "%s/a", folder);
	buf_init(&b, 5);
	CHECK(file_read(path, &b) == E_NOTFOUND);
	CHECK_OK(file_replace(path, STR("old"), 0600));
	CHECK_OK(file_replace(path, STR("12345"), 0640));
	CHECK(stat(path, &st) == 0 && (st.st_mode & 0777) == 0640);
	buf_reset(&b);
	CHECK_OK(file_read(path, &b)); /* exactly its maximum */
	CHECK_STR(buf_str(&b), STR("12345"));
	CHECK_OK(file_replace(path, STR("123456"), 0600));
	buf_reset(&b);
	CHECK(file_read(path, &b) == E_LIMIT);
	CHECK_OK(file_replace(path, STR(""), 0600));
	buf_reset(&b);
	CHECK_OK(file_read(path, &b));
	CHECK(b.n == 0);
	buf_free(&b);
	(void)unlink(path);
	(void)rmdir(folder);
}

TEST(file_replace_failure_changes_nothing)
{
	CHECK(file_replace("/proc/nowhere/file", STR("x"), 0600) == E_NOTFOUND);
}
