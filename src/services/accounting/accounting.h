/* services/accounting/accounting.h: who was on the line, when and how much (RFC 2866, 2869).
 * An event is in the append log, synced, before its answer leaves; a thread folds the log into the
 * SQL file behind it (accounting.db), where `posta radius sessions` and `usage` read. A slow or
 * absent database delays no answer: the log grows, up to its limit.
 *
 * One struct acct serves all loops of a process. Two servers may share the SQL file; each has a log
 * of its own. Events may come in any order, twice, at either server: docs/design/accounting.md. */
#ifndef SERVICES_ACCOUNTING_ACCOUNTING_H
#define SERVICES_ACCOUNTING_ACCOUNTING_H

#include "base/arena.h"
#include "run/clock.h"

enum acct_kind { /* Acct-Status-Type */
		 ACCT_START = 1,
		 ACCT_STOP = 2,
		 ACCT_INTERIM = 3,
		 ACCT_ON = 7,
		 ACCT_OFF = 8,
};

/* One Accounting-Request. Strings borrow, "" for an absent attribute, at most LIM_ACCT_TEXT octets
 * each (acct_append says E_LIMIT). Seconds are Unix time or a duration, octets are octets. */
struct acct_event {
	enum acct_kind kind;
	int64_t arrived; /* by our clock; 0: now */
	int64_t stamp;	 /* Event-Timestamp (RFC 2869 5.3), 0: none */
	uint32_t delay;	 /* Acct-Delay-Time (RFC 2866 5.2) */

	/* What names the NAS the same way at every server: the name of its settings, where it has
	 * one. "": its identifier does, else its address. */
	str nas;
	str nas_address, nas_identifier; /* NAS-IP(v6)-Address as text, or the packet's source */
	uint32_t port;			 /* NAS-Port */
	str port_id;			 /* NAS-Port-Id */

	str session; /* Acct-Session-Id; not "" but for On and Off */
	str multi;   /* Acct-Multi-Session-Id */

	str login;    /* as the directory has it ("ana@demo.test"), else User-Name */
	int64_t user; /* the directory's number, 0: unknown there */
	str realm;

	uint32_t ip;	       /* Framed-IP-Address in host order, 0: none */
	unsigned char ip6[16]; /* Framed-IPv6-Address (RFC 6911) */
	bool has_ip6;
	unsigned char prefix[16];  /* Framed- or Delegated-IPv6-Prefix */
	unsigned char prefix_bits; /* 0: none */
	str called, calling;	   /* Called-Station-Id, Calling-Station-Id */

	uint32_t seconds; /* Acct-Session-Time */
	uint64_t in, out; /* Acct-Input-Octets (from the user), Acct-Output-Octets (to the
			     user), with their Gigawords (RFC 2869 5.1, 5.2) */
	bool gigawords;	  /* one of those was in the packet: then a smaller number is no wrap */
	uint64_t packets_in, packets_out;
	uint32_t cause; /* Acct-Terminate-Cause, 0: none */
	str class;	/* Class (RFC 2865 5.25), as we gave it out */
};

/* Which company's line a call came over: the first row that fits. */
struct acct_telco {
	str name;   /* "telecom" */
	str nas;    /* begins a NAS's name, "": any */
	str called; /* begins the called number, "": any */
};

struct acct_options {
	const char *dir;      /* the log's folder: <data>/radius/accounting, made when absent */
	const char *database; /* path of accounting.db, made when absent; may be shared by two
				 servers */
	uint64_t log_max;     /* octets of unfolded log; 0: LIM_ACCT_LOG */
	uint64_t reserve;     /* octets that stay free on the log's file system; 0: none */
	/* An open session whose NAS sent Interims is closed after so many seconds without one; 0:
	 * never. */
	uint32_t silent;
	/* The same for a session of which nothing but its Start was heard; 0: never. */
	uint32_t longest;
	uint32_t settle;    /* seconds that a closed session stays before it is rolled up */
	uint32_t keep_days; /* of single sessions; sums are kept; 0: for ever */
	msec fold_every;    /* how long events may wait for their batch; 0: 500 */
	const struct acct_telco *telcos;
	size_t ntelcos; /* copied */
};

struct acct;

/* Reads what is left in the log (a torn tail, never answered, is dropped) and starts the two
 * threads. The database may be away: then it is tried again and again. E_IO, E_DENIED: the log. */
MUST_USE err acct_open(const struct acct_options *o, struct acct **out); /* blocks */
/* After the last acct_append has returned. What is not folded stays in the log. */
void acct_close(struct acct *a); /* blocks; NULL allowed */
/* New settings: silent, longest, settle, keep_days, log_max, reserve and telcos of o count from now
 * on. */
void acct_set(struct acct *a, const struct acct_options *o);

/* Durable on return, so that the answer may be sent. Any loop; concurrent calls share one sync.
 * E_FULL: the disk or the log's limit; E_IO; E_LIMIT, E_SYNTAX (no session, no NAS): the event is
 * refused. On every error nothing is answered (RFC 2866 4.1: a server that cannot record the packet
 * must not acknowledge it). */
WAITS MUST_USE err acct_append(struct acct *a, const struct acct_event *e);
/* A NAS has started or is about to stop: its sessions are over. e: kind ACCT_ON or ACCT_OFF. As
 * acct_append, which takes these as well. */
WAITS MUST_USE err acct_on_off(struct acct *a, const struct acct_event *e);

/* An open session, for simultaneous use. */
struct acct_open {
	str nas, session, login, calling;
	uint32_t port, ip;
	int64_t start, heard; /* heard: the last event */
};
/* The user's open sessions, those of the log's events that are not folded yet included, without
 * those of this process that a Stop ended. Right, with two servers that share the file, to
 * ACCT_RIGHT_TO_SECONDS while the database can be written: an event of the other server may wait as
 * long in its log. E_AGAIN: the database is away: what only this server has seen since is in
 * out. Logins are compared without case. At most max, the newest. */
#define ACCT_RIGHT_TO_SECONDS 2
WAITS MUST_USE err acct_sessions_of(struct acct *a, str login, size_t max, struct arena *arena,
				    struct acct_open **out, size_t *n);

/* For control and tests. */
struct acct_state {
	uint64_t appended, folded, repeated; /* events since the start; repeated: seen before */
	uint64_t log_octets;		     /* not folded */
	int64_t behind;			     /* seconds that the oldest unfolded event waits */
	bool database;			     /* the last batch went in */
};
void acct_state(struct acct *a, struct acct_state *out);
/* Waits until all that is in the log now is folded. E_TIMEOUT. */
WAITS MUST_USE err acct_settled(struct acct *a, msec deadline);

#endif
