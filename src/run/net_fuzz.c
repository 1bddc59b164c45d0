/* An address or a network that parses prints and parses to the same. */
#include <assert.h>
#include <string.h>

#include "run/net.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	str in = str_of(data, n);
	struct net_block block;
	struct net_addr a, again;
	struct buf out;

	if (net_block_parse(in, &block) == OK)
		assert(block.bits <= 128);
	if (net_parse(in, &a) != OK)
		return 0;
	buf_init(&out, 4096);
	net_print(&a, &out);
	assert(net_parse(buf_str(&out), &again) == OK);
	/* IPv4 inside IPv6 prints as IPv4. */
	assert(net_port(&a) == net_port(&again) && net_is_unix(&a) == net_is_unix(&again));
	if (a.ss.ss_family == again.ss.ss_family)
		assert(!memcmp(&a.ss, &again.ss, sizeof(a.ss)));
	buf_free(&out);
	return 0;
}
