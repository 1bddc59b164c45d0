"""Cases of others' master files that we judge otherwise, each with its reason; docs/design/dns-conformance.md has the table."""
LOOSE = "ldns accepts the data of a line that they refuse"
STRICT = "ldns refuses data that they accept"
BOTH = "ldns refuses some data that they accept, and accepts some that they refuse"
NEWER = "ldns 1.8 does not know the type's name"
KNOT_DIFFERS = {
    "00-0_general": "they stop at parentheses inside parentheses; we read on",
    "00-2_general": "they refuse a line that ends with CR LF; we read it",
    "02_class": "CLASS1 is another way to write IN (RFC 3597); they refuse it",
    "04-2_ORIGIN": "they refuse a bare % in a name; we take it as the octet that it is",
    "06-0_INCLUDE": "$TTL of an included file stays in force, as in BIND; a backslash in a file's name is no escape; their @TMPDIR@ is not filled in",
    "06-8_INCLUDE": "a file that an included file names is looked for beside that file; they look beside the first one",
    "22_HINFO": STRICT,
    "25_SOA": "ours: a serial written as a time, 1h, is taken as 3600",
    "27_NAPTR": LOOSE,
    "28_TYPE": "ours: TYPE0 is refused",
    "29_CERT": BOTH,
    "31_DNSKEY": LOOSE,
    "34_SSHFP": LOOSE,
    "35_IPSECKEY": BOTH,
    "37_NSEC": BOTH,
    "38_DHCID": "ldns reads AA==, one octet of zero, as no octet, and accepts empty data",
    "40_NSEC3PARAM": LOOSE,
    "43_EUI48": LOOSE,
    "44_EUI64": LOOSE,
    "51_URI": BOTH,
    "52_CAA": STRICT,
    "55_CSYNC": BOTH,
    "59_WALLET": NEWER,
    "60_DSYNC": NEWER,
    "61_RESINFO": NEWER,
    "63_DELEG": NEWER,
}
BIND_DIFFERS = {
    "bad-svcb-alpn3.db": "ldns reads an alpn list that ends with an escaped comma; BIND refuses it",
    "good-generate-modifier.db": "an offset that takes $GENERATE below 0 is refused; BIND writes the negative number in two's complement",
}
