#include "run/program.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "run/fiber.h"
#include "run/stream.h"

enum { LOOK = 5, LINE = 4096 }; /* milliseconds between looks at its end; octets of a line */

struct program {
	pid_t pid;
	struct stream *said;
};

/* Between fork and exec: only what is safe there. Descriptors above 2 are close-on-exec all. */
static NORETURN void become(char *const argv[], int output, pid_t role)
{
	static char path[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin", lang[] = "LC_ALL=C.UTF-8";
	char *const environment[] = { path, lang, NULL };
	sigset_t none;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != role)
		_exit(125);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	for (int s = 1; s < NSIG; s++)
		(void)signal(s, s == SIGPIPE ? SIG_IGN : SIG_DFL);
	(void)dup2(output, 1);
	(void)dup2(output, 2);
	(void)execve(argv[0], argv, environment);
	_exit(126);
}

err program_start(char *const argv[], struct program **out)
{
	int ends[2];
	pid_t role = getpid();

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
		return fail(E_IO, "socketpair: %s", strerror(errno));
	pid_t pid = fork();

	if (pid == 0)
		become(argv, ends[1], role);
	(void)close(ends[1]);
	if (pid < 0) {
		(void)close(ends[0]);
		return fail(E_IO, "fork: %s", strerror(errno));
	}
	(void)fcntl(ends[0], F_SETFL,
		    O_NONBLOCK); /* the program's own end blocks, as programs expect */
	struct program *p = MEM_NEW(struct program);
	const struct net_addr nobody = { .ss.ss_family = AF_UNIX, .n = sizeof(sa_family_t) };

	p->pid = pid;
	p->said = stream_open(ends[0], &nobody);
	*out = p;
	return OK;
}

pid_t program_pid(const struct program *p)
{
	return p->pid;
}

void program_signal(const struct program *p, int sig)
{
	(void)kill(p->pid, sig);
}

WAITS err program_line(struct program *p, str *line)
{
	err e;

	do {
		e = stream_line(p->said, LINE, LINE_LENIENT, line);
	} while (e == E_LIMIT); /* the rest of a line that is too long is skipped */
	return e == E_IO ? E_EOF : e;
}

WAITS int program_end(struct program *p, msec deadline)
{
	int status = 0;

	for (;;) {
		pid_t got = waitpid(p->pid, &status, WNOHANG);

		if (got != 0 && !(got < 0 && errno == EINTR))
			break;
		if (clock_now() >= deadline || fiber_sleep(clock_in(LOOK)) != OK) {
			program_signal(p, SIGKILL);
			(void)waitpid(p->pid, &status, 0);
			break;
		}
	}
	stream_close(p->said);
	mem_free(p);
	return status;
}
