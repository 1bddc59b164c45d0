/* bench/run dnsbl's floor: sends each datagram back, one by one, as the least that a server can do. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

int main(int argc, char **argv)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
				  .sin_port = htons((uint16_t)strtoul(argc > 1 ? argv[1] : "0", NULL, 10)),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	if (fd < 0 || bind(fd, (const void *)&at, sizeof(at)) != 0) {
		perror("bench-udp_echo");
		return 1;
	}
	for (;;) {
		char data[4096];
		struct sockaddr_in peer;
		socklen_t n = sizeof(peer);
		ssize_t got = recvfrom(fd, data, sizeof(data), 0, (void *)&peer, &n);

		if (got > 2) {
			data[2] = (char)(data[2] | 0x80); /* dnsperf takes it for an answer */
			(void)!sendto(fd, data, (size_t)got, 0, (const void *)&peer, n);
		}
	}
}
