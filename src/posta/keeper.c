/* DKIM keys take turns by themselves: now and then `posta domain dkim --rotate` runs as a child.
 * The directory and the secrets are written by commands alone (decision 0241), and making a key
 * takes longer than the supervisor may be away from its roles. */
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/limits.h"
#include "posta/supervisor.h"
#include "run/log.h"

#define FIRST 60000  /* milliseconds after a start, at most */
#define MOST  600000 /* that it may take */

void keeper_begin(struct supervisor *s)
{
	msec look = s->config->dkim.look;

	s->keeper.at = s->config->dkim.rotate ? clock_in(look < FIRST ? look : FIRST) : NEVER;
}

/* Between fork and exec: only what is safe there. */
static NORETURN void become_keeper(char **argv)
{
	sigset_t none;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)alarm(MOST / 1000);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	(void)execv("/proc/self/exe", argv);
	_exit(126);
}

static void start(struct supervisor *s)
{
	char program[] = "posta", command[] = "domain", dkim[] = "dkim", rotate[] = "--rotate",
	     served[] = "--served", log[] = "--log", config[] = "--config", node[] = "--node";
	char path[LIM_FILE_PATH], name[256];
	char *argv[] = {
		program, command, dkim, rotate, served, log, config, path, node, name, NULL
	};

	if (str_to_z(str_z(s->path), path, sizeof(path)) != OK ||
	    str_to_z(s->config->node, name, sizeof(name)) != OK)
		return;
	pid_t pid = fork();

	if (pid == 0)
		become_keeper(argv);
	if (pid < 0)
		LOG(LOG_WARN, "keeper.fork", KE(E_IO));
	else
		s->keeper.pid = pid;
}

msec keeper_tick(struct supervisor *s, msec now)
{
	if (s->stopping || s->keeper.pid)
		return NEVER;
	if (now >= s->keeper.at) {
		s->keeper.at = now + s->config->dkim.look;
		start(s);
	}
	return s->keeper.at;
}

bool keeper_exit(struct supervisor *s, pid_t pid, int status)
{
	if (!s->keeper.pid || pid != s->keeper.pid)
		return false;
	s->keeper.pid = 0;
	if (!WIFEXITED(status)) /* what it left half written stops those that only read */
		sup_databases(s->config);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		LOG(LOG_WARN, "keeper.exit",
		    KI("code", WIFEXITED(status) ? WEXITSTATUS(status) : -1),
		    KI("signal", WIFSIGNALED(status) ? WTERMSIG(status) : 0));
	return true;
}
