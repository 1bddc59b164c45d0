"""Cases of others' master files that we judge otherwise, each with its reason."""
LDNS = "data that ldns reads otherwise"
KNOT_DIFFERS = {
    "00-0_general": LDNS,
    "00-2_general": LDNS,
    "02_class": LDNS,
    "04-2_ORIGIN": LDNS,
    "06-0_INCLUDE": LDNS,
    "06-8_INCLUDE": LDNS,
    "22_HINFO": LDNS,
    "25_SOA": LDNS,
    "27_NAPTR": LDNS,
    "28_TYPE": LDNS,
    "29_CERT": LDNS,
    "31_DNSKEY": LDNS,
    "34_SSHFP": LDNS,
    "35_IPSECKEY": LDNS,
    "37_NSEC": LDNS,
    "38_DHCID": LDNS,
    "40_NSEC3PARAM": LDNS,
    "43_EUI48": LDNS,
    "44_EUI64": LDNS,
    "51_URI": LDNS,
    "52_CAA": LDNS,
    "55_CSYNC": LDNS,
    "59_WALLET": LDNS,
    "60_DSYNC": LDNS,
    "61_RESINFO": LDNS,
    "63_DELEG": LDNS,
}
BIND_DIFFERS = {
    "bad-svcb-alpn3.db": "ldns reads an alpn list that ends with an escaped comma; BIND refuses it",
    "good-generate-modifier.db": "an offset that takes $GENERATE below 0 is refused; BIND writes the negative number in two's complement",
}
