#include "posta/cmd_password.h"

#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "base/mem.h"

/* One line of f without its end. False: none, or longer than a password may be. */
static bool read_line(FILE *f, char *out, size_t cap)
{
	if (!fgets(out, (int)cap, f))
		return false;
	str line = str_z(out);
	bool whole = line.n && line.p[line.n - 1] == '\n';

	if (whole)
		out[--line.n] = '\0';
	if (line.n && out[line.n - 1] == '\r')
		out[line.n - 1] = '\0';
	return whole || feof(f);
}

static bool prompt(const char *text, char *out, size_t cap)
{
	struct termios was, quiet;
	bool tty = tcgetattr(STDIN_FILENO, &was) == 0;

	fputs(text, stderr);
	if (tty) {
		quiet = was;
		quiet.c_lflag &= ~(tcflag_t)ECHO;
		(void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
	}
	bool ok = read_line(stdin, out, cap);

	if (tty)
		(void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &was);
	fputc('\n', stderr);
	return ok;
}

static int from_terminal(struct dircmd *c, char *out, size_t cap)
{
	char again[LIM_PASSWORD + 2];

	if (!prompt("password: ", out, cap) || !prompt("again: ", again, sizeof(again)))
		return cmd_failed(c->env, "no password was read");
	bool same = str_eq(str_z(out), str_z(again));

	mem_wipe(again, sizeof(again));
	return same ? CMD_OK : cmd_failed(c->env, "the two passwords differ");
}

static int get_clear(struct dircmd *c, bool ask, struct cmd_password *out)
{
	const struct dircmd_option *given = dircmd_given(c, "--password");

	out->has = true;
	if (given) {
		fputs("posta: a password on the command line can be seen by others; "
		      "--password-stdin hides it\n",
		      stderr);
		if (str_to_z(given->value, out->clear, sizeof(out->clear)))
			return cmd_usage(c->env, "the password has more than %d octets",
					 LIM_PASSWORD);
		return CMD_OK;
	}
	if (dircmd_given(c, "--password-stdin"))
		return read_line(stdin, out->clear, sizeof(out->clear))
			       ? CMD_OK
			       : cmd_failed(c->env,
					    "no password on standard input, or one of more than %d "
					    "octets",
					    LIM_PASSWORD);
	if (ask && isatty(STDIN_FILENO))
		return from_terminal(c, out->clear, sizeof(out->clear));
	out->has = false;
	return CMD_OK;
}

static int take_hash(struct dircmd *c, str hash, struct cmd_password *out)
{
	str clear;

	if (dircmd_given(c, "--password") || dircmd_given(c, "--password-stdin") || out->chap)
		return cmd_usage(c->env, "--hash stands alone: a password cannot be made of it");
	out->has = true;
	if (password_in_clear(hash, &clear))
		return cmd_usage(c->env,
				 "--hash: that is a password, give it with --password-stdin");
	if (!password_form_known(hash) || str_to_z(hash, out->hash, sizeof(out->hash)))
		return cmd_usage(
			c->env,
			"--hash: no form of hash that posta knows; see `posta user --help`");
	return CMD_OK;
}

static int make_hashes(struct dircmd *c, struct cmd_password *out)
{
	str clear = str_z(out->clear);
	err e = password_hash(clear, out->hash);

	if (!e)
		e = password_scram(clear, &out->scram);
	out->has_scram = !e;
	return e ? dircmd_error(c, e) : CMD_OK;
}

int cmd_password_get(struct dircmd *c, bool ask, struct cmd_password *out)
{
	const struct dircmd_option *hash = dircmd_given(c, "--hash");

	*out = (struct cmd_password){ .chap = dircmd_given(c, "--chap") != NULL };
	if (hash)
		return take_hash(c, hash->value, out);
	int code = get_clear(c, ask, out);

	if (!code && !out->has && out->chap)
		return cmd_usage(c->env, "--chap needs a password");
	return code || !out->has ? code : make_hashes(c, out);
}

err cmd_password_put(struct dircmd *c, uint64_t user, const struct cmd_password *p, bool keep_chap)
{
	return secrets_put(c->s, user, str_z(p->hash), p->has_scram ? &p->scram : NULL,
			   p->chap || keep_chap ? str_z(p->clear) : STR(""));
}
