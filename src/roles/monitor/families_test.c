#include "base/test.h"
#include "roles/monitor/monitor.h"

TEST(families_join)
{
	struct families *f = families_new();
	struct buf out;

	families_add(f, STR("# HELP a A.\n# TYPE a counter\na{role=\"x\"} 1\n# HELP b B.\n# TYPE b "
			    "gauge\nb 2\n"));
	families_add(f, STR("# HELP a A.\n# TYPE a counter\na{role=\"y\"} 3\n\n# c\n{} 4\n"));
	buf_init(&out, 4096);
	families_print(f, &out);
	CHECK_STR(buf_str(&out),
		  STR("# HELP a A.\n# TYPE a counter\na{role=\"x\"} 1\na{role=\"y\"} 3\n"
		      "# HELP b B.\n# TYPE b gauge\nb 2\n"));
	buf_free(&out);
	families_free(f);
}
