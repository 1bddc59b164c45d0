/* base/limits.h: every limit has its name here: unit, source, and the setting that changes it (if
 * any). Nothing that is sized by input exists without one. */
#ifndef BASE_LIMITS_H
#define BASE_LIMITS_H

/* One line each, so that a search shows all of it. */
/* clang-format off */

#define KIB(n) ((size_t)(n) << 10)
#define MIB(n) ((size_t)(n) << 20)

/* SMTP, LMTP */
#define LIM_SMTP_LINE 1000       /* octets of a command line with CRLF; RFC 5321 4.5.3.1.4 asks 512, 998+2 for parameters */
#define LIM_SMTP_LOCAL 64        /* octets, RFC 5321 4.5.3.1.1 */
#define LIM_SMTP_DOMAIN 255      /* octets, RFC 5321 4.5.3.1.2 */
#define LIM_SMTP_PATH 256        /* octets with brackets, RFC 5321 4.5.3.1.3 */
#define LIM_SMTP_RCPTS 1000      /* recipients a transaction; RFC 5321 4.5.3.1.8 asks 100; smtp.rcpts_max */
#define LIM_SMTP_ENVID 100       /* octets, RFC 3461 4.4; XDELIVERYID too */
#define LIM_SMTP_ORCPT 500       /* octets, RFC 3461 4.2 */
#define LIM_SMTP_AUTH 500        /* octets of the AUTH parameter, RFC 4954 5 */
#define LIM_SMTP_REPLY KIB(4)    /* octets of one reply, all its lines */
#define LIM_SMTP_TX MIB(4)       /* octets of memory of one transaction, the message aside */
#define LIM_SMTP_PROGRESS KIB(4) /* octets of a message that must come within smtp.data_timeout */
#define LIM_SMTP_EXCESS MIB(100) /* octets over the message limit that are read before we hang up */
#define LIM_SMTP_REPLY_LINES 100 /* lines of one reply that a client reads */
#define LIM_MESSAGE MIB(50)      /* octets of a message, RFC 1870; smtp.message_max */
#define LIM_MESSAGE_RAM KIB(256) /* octets of a message kept in memory while it arrives; the rest goes to an unlinked file */
#define LIM_RECEIVED 50          /* Received fields before it is a loop, RFC 5321 6.3 asks at least 100 hops or 25 trace fields */

/* Filter */
#define LIM_HTML_ATTRS 32        /* attributes of one tag that are looked at */
#define LIM_SCAN_ARENA MIB(96)   /* octets of memory for one message's views */
#define LIM_SCAN_PART 50000    /* octets of one part's rendered text; as SpamAssassin's body_part_scan_size */
#define LIM_SCAN_RAW 500000    /* octets of one part's decoded text; as SpamAssassin's rawbody_part_scan_size */
#define LIM_SCAN_LINE 2048       /* octets of a line of text; as SpamAssassin's MAX_BODY_LINE_LENGTH */
#define LIM_SCAN_URI 8192        /* octets of a URI; as SpamAssassin's MAX_URI_LENGTH */
#define LIM_SCAN_URIS 2000       /* URIs of one message */
#define LIM_SCAN_NAME 256        /* octets of a field's name; as SpamAssassin's MAX_HEADER_KEY_LENGTH */
#define LIM_SCAN_VALUE 8192      /* octets of a field's value; as SpamAssassin's MAX_HEADER_VALUE_LENGTH */
#define LIM_SCAN_HEADER KIB(64)  /* octets of all fields together in "ALL"; as SpamAssassin's MAX_HEADER_LENGTH */
#define LIM_SCAN_RECEIVED_STEPS 5000 /* of matching one form of a Received field */
#define LIM_SCAN_RELAYS 200      /* Received fields that are looked at */
#define LIM_SCAN_BLANKS 20       /* empty lines in a row; as SpamAssassin */
#define LIM_SCAN_DEPTH 20        /* parts in parts; as SpamAssassin's subparse */
#define LIM_SCAN_SUBPARTS 1000   /* parts of one multipart; as SpamAssassin */
#define LIM_SCAN_PARTS 2000      /* parts of a message, those of messages in it included */
#define LIM_SCAN_FIELDS 4000     /* fields of one header */
#define LIM_SCAN_VARIANTS 32     /* of one URI, redirectors' targets included */
#define LIM_SCAN_STYLES 16384    /* styles of HTML open at once; deeper ones change nothing */
#define LIM_SCAN_TAG_NAMES 1000  /* different names of HTML tags in one part */

/* Learning */
#define LIM_LEARNING_FEATURES 4000 /* of one message */

/* IMAP, POP3 */
#define LIM_IMAP_LINE KIB(64)    /* octets of a command without its literals; imap.line_max */
#define LIM_IMAP_COMMAND KIB(256) /* octets of a command with its small literals, APPEND's message aside */
#define LIM_IMAP_SET 10000       /* ranges in a sequence set */
#define LIM_IMAP_DEPTH 32        /* nested lists and search keys */
#define LIM_IMAP_PRELOGIN KIB(8) /* octets of a command before login */
#define LIM_IMAP_TAG 256         /* octets of a command's tag */
#define LIM_IMAP_KEYS 2000       /* keys of one SEARCH */
#define LIM_IMAP_ITEMS 200       /* items of one FETCH */
#define LIM_IMAP_FIELDS 1000     /* header fields of one FETCH section */
#define LIM_IMAP_PATTERNS 100    /* patterns of one LIST */
#define LIM_IMAP_ID 30           /* fields of ID, RFC 2971 3.3 */
#define LIM_IMAP_VALUES 100000   /* values of one response, at the calling end */
#define LIM_IMAP_RESPONSE MIB(8) /* octets of a response line without message text */
#define LIM_IMAP_ARENA MIB(128)  /* octets that one command may use for what it works out */
#define LIM_IMAP_SEARCH MIB(16)  /* octets of a message, and of its text, that SEARCH BODY looks at */
#define LIM_IMAP_QUOTED 1000     /* octets of a quoted string; longer ones are written as literals */
#define LIM_POP3_LINE 255        /* octets with CRLF, RFC 2449 4 */
#define LIM_FOLDER_NAME 1000     /* octets of a folder's name in UTF-8 */
#define LIM_FOLDERS 10000        /* folders of one user */
#define LIM_KEYWORDS 64          /* keywords in one folder */
#define LIM_DELIVERY_ID 200      /* octets of a delivery id */
#define LIM_DELIVERIES 10000     /* delivery ids that one user's partition remembers */
#define LIM_CACHE_HEADER KIB(16) /* octets of a mail's header kept beside its envelope */
#define LIM_CACHE_TEXT KIB(512)  /* octets of an envelope or body structure that is kept; larger ones are made anew */
#define LIM_THREAD_REFS 20       /* message ids of a mail that are looked at for its thread */
#define LIM_PREFIX KIB(4)        /* octets of header lines put before a delivered message */
#define LIM_QUARANTINE MIB(256)  /* octets of one user's quarantine, which is outside the quota */
#define LIM_KEYWORD 64           /* octets of one keyword */
#define LIM_SASL KIB(8)          /* octets of one SASL message after decoding */

/* MIME */
#define LIM_MIME_DEPTH 64        /* nested parts; deeper ones are kept as their raw bytes */
#define LIM_MIME_PARTS 1000      /* parts of a message; the rest belongs to the last one's raw bytes */
#define LIM_MIME_HEADER MIB(1)   /* octets of one part's header that are looked at */
#define LIM_MIME_FIELDS 2000     /* header fields of a part that are looked at */
#define LIM_MIME_ADDRESSES 2000  /* addresses of one field */
#define LIM_MIME_PARAMS 64       /* parameters of one field */
#define LIM_MIME_ARENA MIB(8)    /* octets of one message's tree of parts and decoded values; beyond it values are missing */

/* Verdicts: what is written before a message */
#define LIM_SPAM_TESTS 200       /* names of rules in X-Spam-Status */
#define LIM_SPAM_TEST 80         /* octets of one of them */
#define LIM_AUTH_RESULTS KIB(8)  /* octets of an Authentication-Results value of a filter */
#define LIM_SPAM_HEADER KIB(64)  /* octets of all fields that are put before one message */

/* Accounts */
#define LIM_USER 255             /* octets of a login name */
#define LIM_PASSWORD 512         /* octets; a longer one costs crypt(3) time and is refused */
#define LIM_ALIAS_TARGETS 1000   /* addresses that one alias leads to */
#define LIM_ALIAS_DEPTH 10       /* aliases of aliases */
#define LIM_DIR_TEXT KIB(16)     /* octets of one text setting of a user: a vacation answer */
#define LIM_DIR_LIST 10000       /* contacts, allowed or blocked senders of one user, each */
#define LIM_APP_PASSWORDS 50     /* app passwords of one user; each costs a fast hash at a login */
#define LIM_SEALED_KEY KIB(8)    /* octets of one private key of the platform, PEM */
#define LIM_FEED_ROWS 100000     /* changes that the directory's feed keeps; who is further behind loads all */
#define LIM_CSV_LINE KIB(256)    /* octets of a record of an imported file */
#define LIM_CSV_FIELDS 64        /* fields of a record */
#define LIM_SCRAM_ITERATIONS 1000000 /* that a client half computes for a server */
#define LIM_SNAPSHOT ((size_t)4 << 30) /* octets of the snapshot of all addresses */
#define LIM_BRAKE 65536          /* addresses and accounts whose failed logins are counted; the least guilty give way */
#define LIM_REMEMBERED 65536     /* verified passwords remembered; the oldest of a set gives way */

/* Queue, DSN, trace, names */
#define LIM_QUEUE_NOTE 64        /* octets that a queue's owner keeps with a recipient */
#define LIM_QUEUE_LOT 100        /* recipients tried in one transaction; RFC 5321 4.5.3.1.8: every server takes 100 */
#define LIM_QUEUE_READY 100      /* lots of one destination in memory; the others wait in the store */
#define LIM_QUEUE_DESTINATIONS 20000 /* destinations in memory; the others wait in the store */
#define LIM_QUEUE_LIST 200       /* entries in one page of a listing */
#define LIM_DSN_RETURN KIB(50)   /* octets of a message that a DSN returns whole; of a longer one the header */
#define LIM_DSN_HEADER KIB(64)   /* octets of a returned header */
#define LIM_TRACE_PENDING MIB(4) /* octets of events waiting to be written; more are dropped and counted */
#define LIM_TRACE_DETAIL 1000    /* octets of an event's text */
#define LIM_RELAY_HOPS 6	     /* addresses of one destination that an attempt tries */
#define LIM_RELAY_IDLE 200	     /* idle connections that wait for the next mail */
#define LIM_DNS_RECORDS 100      /* records of one answer that are looked at */

#define LIM_ZONE_COPY ((size_t)2 << 30) /* octets of a zone's copy on disk */
#define LIM_CATALOG 200000       /* members of a catalog zone */
#define LIM_NOTIFY_TARGETS 1000  /* servers that are told of changes */

/* The machine */
#define LIM_CONF MIB(1)          /* octets of posta.conf */
#define LIM_CONF_DEPTH 16        /* groups and lists inside one another in posta.conf */
#define LIM_CONF_COMPLAINTS KIB(64) /* octets of complaints about one posta.conf; the rest is left out */
#define LIM_ADDRESSES 64         /* addresses of one kind of listener on a node */
#define LIM_CERTS 256            /* certificates of a node */
#define LIM_CHANNEL KIB(8)       /* octets of a message between supervisor and role */
#define LIM_CERT_PEM MIB(1)      /* octets of a certificate chain or key file */
#define LIM_LOOPS 64             /* loops (threads with sessions) of a process; nodes.<node>.<role>.loops */
#define LIM_FILE_PATH 1024       /* octets of the path of a file or folder of ours */
#define LIM_ROLE_READS 64        /* folders outside its data that a role may read */
#define LIM_METRICS 2000         /* families of figures that monitor joins */
#define LIM_HTTP_ANSWER MIB(16)  /* octets of an answer of a control socket or the metrics port */
#define LIM_HTTP_HEAD KIB(16)    /* octets of a request line and header of the control and metrics listeners */
#define LIM_HTTP_BODY MIB(1)     /* octets of a control request */
#define LIM_LOG_LINE KIB(4)      /* octets of one log line; longer values are cut */
#define LIM_STREAM_IN KIB(64)    /* octets that a stream buffers of its input at most */
#define LIM_STREAM_OUT KIB(64)   /* octets that a stream buffers of its output before a write waits */
#if POSTA_SANITIZED
#define LIM_FIBER_STACK MIB(1)   /* octets of address space; frames are larger there */
#else
#define LIM_FIBER_STACK KIB(256) /* octets of address space of one fiber's stack */
/* resolver */
#define LIM_RESOLVER_ZONES MIB(4)    /* octets of the names of our own zones, which Unbound is told */
#define LIM_RESOLVER_CONFIG MIB(32)  /* octets of the configuration that is written for Unbound */
#define LIM_RESOLVER_FIGURES KIB(256) /* octets of Unbound's statistics */

#endif
#define LIM_FIBER_RUN 10         /* ms that a fiber may run between two waits without a line in the log */
#define LIM_FIBER_POOL 256       /* stacks that a loop keeps for its next fibers */
#define LIM_REPORT MIB(16)       /* octets of what posta store verify says */
#define LIM_KV_KEY KIB(2)        /* octets of a key in a partition */
#define LIM_KV_VALUE MIB(4)      /* octets of a value; larger ones are blobs */
#define LIM_KV_BATCH MIB(16)     /* octets of one commit */
#define LIM_KV_FLOOR MIB(32)     /* octets that stay free of a disk whatever is written: RocksDB does not survive a log that is cut */
#define LIM_KV_GROUP MIB(32)     /* octets of commits that share one sync */
#define LIM_KV_TAG KIB(64)       /* octets of a blob's tag: the users that a body is for */
#define LIM_KV_BLOB_ID 64        /* octets of a blob's id */

/* resolver */
#define LIM_RESOLVER_ZONES MIB(4)    /* octets of the names of our own zones, which Unbound is told */
#define LIM_RESOLVER_CONFIG MIB(32)  /* octets of the configuration that is written for Unbound */
#define LIM_RESOLVER_FIGURES KIB(256) /* octets of Unbound's statistics */

/* Zones */
#define LIM_ZONE_ENTRY KIB(128)  /* octets of one entry of a master file: 64 KiB of data, as hex */
#define LIM_ZONE_ERRORS 20       /* errors of a master file that are told */
#define LIM_ZONE_INCLUDES 10     /* files that include each other */
#define LIM_ZONE_GENERATE (1 << 20) /* records of one $GENERATE */
#define LIM_ZONE_RECORDS 50000000    /* records of one zone */
#define LIM_ZONE_RDATA 65535     /* octets of one record's data, RFC 1035 3.2.1 */
#define LIM_ZONE_RDATA_TEXT KIB(300) /* octets of one record as text: 4 for an octet */
#define LIM_ZONE_FILE ((size_t)1 << 30) /* octets of a zone's master file with all that it includes */
#define LIM_ZONE_FILES 100       /* files that one zone's master file includes */
#define LIM_MAIL_DNS KIB(64)     /* octets of the records that every mail domain gets */
#define LIM_ZONE_OCTETS MIB(3072)    /* octets of one compiled zone, and of what one is built from */
#define LIM_ZONE_SET 65000           /* octets of a record set in a message, its question and header aside; its RRSIGs alike */
#define LIM_ZONE_COMPLAINTS 1000     /* errors, and warnings, of one zone that are told */
#define LIM_DNS_ALIASES 8             /* CNAMEs and DNAMEs that one answer follows within its zone */
#define LIM_ACCT_TEXT 253        /* octets of one text of an accounting event, RFC 2865 5 */
#define LIM_ACCT_RECORD KIB(6)   /* octets of one event in the log */
#define LIM_ACCT_LOG ((uint64_t)4 << 30) /* octets of unfolded log; radius.accounting_log */
#define LIM_ACCT_SEGMENT MIB(64) /* octets of one file of the log */
#define LIM_ACCT_PENDING MIB(16) /* octets of events that wait for one sync */
#define LIM_ACCT_BATCH MIB(2)    /* octets of log that one transaction folds */
#define LIM_ACCT_SEEN 200000     /* unfolded events that simultaneous use remembers */
#define LIM_RRL_SLOTS (1 << 18)      /* networks, kinds and names that response-rate limits remember, 8 octets each; a power of two */
#define LIM_SIGN_OCTETS MIB(8)       /* octets that one RRSIG signs: LIM_ZONE_SET, with the owner at each record */
#define LIM_NSEC3_ITERATIONS 150     /* of a zone that is served; RFC 9276 3.1 asks 0, and validators treat more as unsigned */

/* RADIUS */
#define LIM_RADIUS_ATTRIBUTES 500    /* attributes of one packet; 4096 octets hold 2038 empty ones */
#define LIM_RADIUS_DEPTH 8           /* attributes inside one another */
#define LIM_RADIUS_MEMBERS 32        /* fields of a struct */
#define LIM_RADIUS_INCLUDES 8        /* dictionary files that include each other */
#define LIM_RADIUS_DICT_FILES 1000   /* dictionary files that are read */
#define LIM_RADIUS_DICT MIB(16)      /* octets of a dictionary in memory */
#define LIM_RADIUS_DICT_TEXT MIB(32) /* octets of the files of a dictionary */
#define LIM_RADIUS_PAIRS 1000        /* attributes of one text */
#define LIM_ACCESS_USERS 200000      /* users whose access is in memory */
#define LIM_CHAP_SECRETS 100000      /* CHAP secrets in memory */
#define LIM_RADIUS_DELAYED 20000     /* rejects of one loop that wait to be sent */
#define LIM_RADIUS_REQUEST KIB(256)  /* octets of memory that a request may take besides its packet */
#define LIM_RADIUS_NETWORKS 10000    /* networks of access servers */
#define LIM_RADIUS_PLACE 320         /* octets that stand for where a login came from */
#define LIM_RADIUS_CHALLENGES 20000  /* EAP exchanges under way */
#define LIM_RADIUS_TEXT KIB(64)      /* octets of attributes as text */
#define LIM_CLAMD_REPLY 1000     /* octets of an answer of clamd */
#define LIM_REALM_SERVERS 8          /* home servers of one realm */
/* attachments */
#define LIM_ZIP_ENTRIES 10000    /* entries of one archive that are looked at */
#define LIM_ZIP_DEPTH 8          /* archives inside one another; attachments.depth */
#define LIM_ATTACHMENTS_ARENA KIB(64) /* octets of what is found in one message */
/* black lists */
#define LIM_RBL_FILE ((size_t)1 << 30) /* octets of a list's files together, uncompressed */
#define LIM_RBL_ENTRIES 100000000 /* entries of one file */
#define LIM_RBL_BAD 10000        /* bad lines of a file, above which it is no list at all */
#define LIM_RBL_COMPLAINTS KIB(64) /* octets of complaints about one list that are kept */
#define LIM_RBL_LISTS 1000       /* lists of posta.conf */
#define LIM_BLACKLISTS 64        /* black lists that are asked */
#define LIM_BLACKLIST_RESULTS 64 /* meanings of one list's codes */
#define LIM_BLACKLIST_QUESTIONS 1000 /* look-ups of one message; blacklists.questions */
#define LIM_RBL_DATASETS 1000    /* datasets of one combined list */

/* Sender authentication */
#define LIM_MAILAUTH_ARENA MIB(2) /* octets that SPF, and DMARC, may use for one message: answers of strangers' name servers */
#define LIM_SPF_TERMS 1000       /* terms of one record */
#define LIM_SPF_LOOKUPS 10       /* terms of one evaluation that ask the DNS, RFC 7208 4.6.4 */
#define LIM_SPF_VOID 2           /* questions of one evaluation that have no answer, RFC 7208 4.6.4 */
#define LIM_SPF_NAMES 10         /* hosts of one mx term, and names of one address, that are looked up, RFC 7208 4.6.4 */
#define LIM_SPF_EXPANDED KIB(4)  /* octets of a macro-string that is expanded */
#define LIM_SPF_NAME 253         /* octets of a name that came from macros, RFC 7208 7.3 */
#define LIM_DMARC_WALK 8         /* questions of one tree walk, RFC 9989 4.10 */
#define LIM_DMARC_AUTHORS 4      /* domains of From that are judged; a message with more has none */
#define LIM_REPORT_ADDRESS 320   /* octets of an address that reports go to, RFC 5321 4.5.3.1 */
#define LIM_REPORT_URIS	   5	 /* addresses of one record that get a report */
#define LIM_REPORTS_SENT   10000 /* domains that get a report of one day */
#define LIM_REPORT_TEXT MIB(32) /* octets of one report before it is packed */
#define LIM_REPORTS_PENDING MIB(4) /* octets of counts that wait to be written; more are dropped and counted */
#define LIM_REPORTS_ROWS 500000  /* rows of one day's counts; further ones are left out */
#define LIM_DKIM_SIGNATURES 10   /* DKIM-Signature fields of a message that are judged, from the top (RFC 6376 8.4) */
#define LIM_DKIM_TAGS 64         /* tags of one list */
#define LIM_DKIM_NAMES 256       /* field names of one h= */
#define LIM_DKIM_FIELDS 2000     /* fields of a header; no signature of a message with more is judged */
#define LIM_DKIM_HEADER MIB(1)   /* octets of a header; likewise */
#define LIM_DKIM_FIELD KIB(64)   /* octets of one signature's field */
#define LIM_DKIM_ARENA MIB(16)   /* octets that judging the signatures of one message takes at most */
#define LIM_DKIM_RECORDS 4       /* TXT records at a key's name that are looked at */
#define LIM_DKIM_RSA_BITS 8192   /* of a key; RFC 8301 3.2 asks for 4096 at least */
#define LIM_DKIM_DOMAINS 5000    /* domains whose signing keys a process remembers */
#define LIM_ARC_INSTANCES 50     /* RFC 8617 4.2.1 */
#define LIM_AUTHRES_RESULTS 100  /* results of one Authentication-Results field */
#define LIM_AUTHRES_PROPS 32     /* properties of one result */
#define LIM_AUTHRES_VALUE 320     /* octets of a property that we write: an address (64 + 1 + 255); longer ones are left out */
#define LIM_AUTHRES_FIELD KIB(16) /* octets of a field that we write */
/* the filter */
#define LIM_FILTERS 16           /* filters of all nodes that an mx or store asks */
#define LIM_LESSON MIB(1)        /* octets of a mail that a store tells a filter of, when a user moves it */
#define LIM_LESSON_MAILS 100     /* mails of one lesson: moved together, or attached to one message */
#define LIM_DIGEST MIB(2)        /* octets of the mail that lists what was held back */
#define LIM_DIGEST_MAILS 200     /* mails in it, the newest */
#define LIM_QUARANTINE_LIST 2000 /* mails of one user that a listing of the quarantine shows, the newest */
#define LIM_FILTER_ANSWER MIB(1) /* octets of a filter's JSON answer */
#define LIM_FILTER_SYMBOLS 2000  /* symbols of one answer */
#define LIM_FILTER_JSON_DEPTH 16 /* levels of an answer; rspamd's have 4 */
#define LIM_FILTER_TEXT 400      /* octets of one symbol's text */
#define LIM_FILTER_STEPS 32      /* steps whose times one answer tells */
#define LIM_FILTER_IDLE 32       /* connections to one filter that a process keeps */
#define LIM_FILTER_HEAD KIB(512) /* octets of a question's head: all recipients */
#define LIM_FILTER_ARENA MIB(2)  /* octets of one answer in memory */
#define LIM_SPAMD_LINE 1000      /* octets of a line of spamc's head */
#define LIM_MILTER_PACKET MIB(1) /* octets of a packet; mail servers send pieces of 64 KiB, and header fields whole */
#define LIM_MILTER_FORGED 100    /* fields of a mail that are taken out */
/* Rule files of the filter (SpamAssassin's) */
#define LIM_RULES_LINE KIB(64)     /* octets of a line */
#define LIM_RULES_FILE MIB(16)     /* octets of one file */
#define LIM_RULES_FILES 1000       /* files of a set */
#define LIM_RULES_IFS 64           /* ifs inside each other */
#define LIM_RULES_DEPTH 32         /* brackets inside each other, in conditions and metas */
#define LIM_RULES_PATTERN KIB(32)  /* octets of a pattern as written */
#define LIM_RULES_EXPANDED KIB(256) /* octets of a pattern whose tags are replaced */
#define LIM_RULES_PASSES 6         /* times that tags in replacements are replaced, as SpamAssassin does */
#define LIM_RULES_NAME 128         /* octets of a rule's name */
#define LIM_RULES_OPS 4096         /* operations of a meta rule */
#define LIM_RULES_STACK 128        /* operands of a meta rule that are open at once */
#define LIM_RULES 50000            /* rules of a set */
#define LIM_RULES_ARENA MIB(64)    /* octets of memory of a set, its databases aside */
#define LIM_RULES_VALUES 500000    /* values in lists of a set */
#define LIM_RULES_ADDRESSES 1000   /* addresses or fields of a message that an eval function looks at */
#define LIM_RULES_MATCH 1000000    /* steps of PCRE2 for one pattern on one text */
#define LIM_RULES_JIT_STACK KIB(512) /* octets of stack for PCRE2's compiled patterns */
#define LIM_RULES_CACHE MIB(512)   /* octets of a serialised set */
#define LIM_RULES_CAPTURES 20      /* values that named groups keep for other rules */

#endif
