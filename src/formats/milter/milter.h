/* formats/milter/milter.h: packets of the milter protocol, versions 2 to 6, as Sendmail and Postfix
 * speak it (no RFC; Postfix's src/milter/milter8.c and Sendmail's mfdef.h name the numbers). A
 * packet is four octets of length, one of command, data. Pure. Views point into the input. */
#ifndef FORMATS_MILTER_MILTER_H
#define FORMATS_MILTER_MILTER_H

#include "base/buf.h"

enum milter_command { /* from the mail server */
		      MILTER_ABORT = 'A',
		      MILTER_BODY = 'B',
		      MILTER_CONNECT = 'C',
		      MILTER_MACRO = 'D',
		      MILTER_EOM = 'E',
		      MILTER_HELO = 'H',
		      MILTER_QUIT_NEW = 'K', /* another connection follows */
		      MILTER_HEADER = 'L',
		      MILTER_MAIL = 'M',
		      MILTER_EOH = 'N',
		      MILTER_OPTIONS = 'O',
		      MILTER_QUIT = 'Q',
		      MILTER_RCPT = 'R',
		      MILTER_DATA = 'T',
		      MILTER_UNKNOWN = 'U',
};
enum milter_answer { /* to it */
		     MILTER_CONTINUE = 'c',
		     MILTER_ACCEPT = 'a',
		     MILTER_DISCARD = 'd',
		     MILTER_REJECT = 'r',
		     MILTER_TEMPFAIL = 't',
		     MILTER_REPLY = 'y', /* "550 5.7.1 text" */
		     MILTER_ADD_HEADER = 'h',
		     MILTER_INSERT_HEADER = 'i',
		     MILTER_CHANGE_HEADER = 'm',
		     MILTER_QUARANTINE = 'q',
};
enum { /* actions that we may take */
       MILTER_MAY_ADD = 0x01,
       MILTER_MAY_CHANGE = 0x10,
       MILTER_MAY_QUARANTINE = 0x20,
};
enum { /* what need not be sent (NO_), answered (NR_), and how */
       MILTER_NO_UNKNOWN = 0x100,
       MILTER_NO_DATA = 0x200,
       MILTER_NR_HEADER = 0x80,
       MILTER_NR_CONNECT = 0x1000,
       MILTER_NR_HELO = 0x2000,
       MILTER_NR_MAIL = 0x4000,
       MILTER_NR_RCPT = 0x8000,
       MILTER_NR_EOH = 0x40000,
       MILTER_NR_BODY = 0x80000,
       MILTER_LEADING_SPACE = 0x100000, /* of header values is kept */
};
struct milter_options {
	uint32_t version, actions, steps;
};
struct milter_connect {
	str host;    /* name of the client, or its address in brackets */
	char family; /* '4', '6', 'L' (unix), 'U' (unknown) */
	unsigned port;
	str addr; /* "" when unknown */
};

/* The length in a packet's first four octets, without them. */
uint32_t milter_length(const char four[4]);
MUST_USE err milter_parse_options(str data, struct milter_options *out);
MUST_USE err milter_parse_connect(str data, struct milter_connect *out);
/* The next string with a NUL behind it. False: none is left (or its NUL is missing). */
bool milter_next(str *rest, str *out);
/* Name and value of a header field. E_SYNTAX. */
MUST_USE err milter_parse_header(str data, str *name, str *value);
/* Of a MACRO's pairs (behind its command) the value of that name, with or without braces; "" =
 * none. */
str milter_macro(str data, str name);

void milter_print(struct buf *out, char command, str data);
void milter_print_options(struct buf *out, const struct milter_options *o);
/* ADD, or with an index (from 0) INSERT. */
void milter_print_add(struct buf *out, str name, str value);
void milter_print_insert(struct buf *out, uint32_t at, str name, str value);
/* The index-th field of that name, from 1; an empty value takes it out. */
void milter_print_change(struct buf *out, uint32_t index, str name, str value);
/* A REPLY or a QUARANTINE. */
void milter_print_text(struct buf *out, char command, str text);

#endif
