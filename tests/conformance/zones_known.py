"""Cases of others' master files that we judge otherwise, each with its reason; docs/design/dns-conformance.md has the table."""
WRAPS = "ldns cuts a number that is too large to its field's bits: wrong here"
UNQUOTED = "ldns refuses the value without quotation marks: wrong here"
UNKNOWN = "ldns takes a type that is none as type 0 of the bitmap: wrong here"
NEWER = "a type newer than ldns 1.8"
KNOT_DIFFERS = {
    "00-0_general": "they stop at parentheses inside parentheses; we read on",
    "00-2_general": "they refuse a line that ends with CR LF; we read it",
    "02_class": "CLASS1 is another way to write IN (RFC 3597); they refuse it",
    "04-2_ORIGIN": "they refuse a bare % in a name; we take it as the octet that it is",
    "06-0_INCLUDE": "$TTL of an included file stays in force, as in BIND; a backslash in a file's name is no escape; their @TMPDIR@ is not filled in",
    "06-8_INCLUDE": "a file that an included file names is looked for beside the zone's own file; they look beside the including one",
    "22_HINFO": "ldns refuses a second string that is \\#: wrong here",
    "25_SOA": "we take a serial with a unit, 1h, as 3600: wrong here",
    "27_NAPTR": WRAPS,
    "28_TYPE": "we refuse type 0, which is no type of a record (RFC 6895 3.1)",
    "29_CERT": "ldns refuses the certificate type 0, a reserved one, in number; we take \\# 0: wrong here",
    "31_DNSKEY": WRAPS + "; it takes base64 with a space before its padding",
    "34_SSHFP": WRAPS + "; it takes half an octet of hexadecimal",
    "35_IPSECKEY": WRAPS + "; it refuses a record without key and a key in two pieces, and takes a key of algorithm 0; we take \\# 0",
    "37_NSEC": "we refuse an NSEC without types: each names at least itself (RFC 4034 2.3); " + UNKNOWN,
    "38_DHCID": "ldns reads AA==, one octet of zero, as no octet; we take \\# 0: wrong here",
    "40_NSEC3PARAM": WRAPS,
    "43_EUI48": "ldns takes a last octet of one digit: wrong here",
    "44_EUI64": "ldns takes a last octet of one digit: wrong here",
    "51_URI": UNQUOTED + "; we take \\# 0",
    "52_CAA": UNQUOTED + "; it refuses a tag in quotation marks, too",
    "55_CSYNC": "ldns refuses a CSYNC without types; " + UNKNOWN,
    "59_WALLET": NEWER,
    "60_DSYNC": NEWER,
    "61_RESINFO": NEWER,
    "63_DELEG": NEWER,
}
BIND_DIFFERS = {
    "bad-svcb-alpn3.db": "ldns reads an alpn list that ends with an escaped comma; BIND refuses it",
    "good-generate-modifier.db": "an offset that takes $GENERATE below 0 is refused; BIND writes the negative number in two's complement",
}
