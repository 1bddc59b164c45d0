"""The same zones in posta, NSD and Knot: thousands of random questions, the same answers."""
import os
import random

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import pytest

import zonegen
from servers import Knot, Nsd, Posta

TYPES = "A AAAA TXT MX NS SOA CNAME SRV DS DNAME CAA SVCB HTTPS DNSKEY NSEC NSEC3PARAM TYPE65400".split()
KINDS = dict(plain=None, nsec=[], nsec3=["-n"], nsec3salt=["-n", "-t", "5", "-s", "abcd"], optout=["-n", "-p"])
SEED = int(os.environ.get("POSTA_SEED", 20261128))


@pytest.fixture(scope="module")
def zones(tmp_path_factory):
    folder = tmp_path_factory.mktemp("zones")
    folder.chmod(0o755)
    for up in folder.parents[:3]:
        try:
            up.chmod(up.stat().st_mode | 0o055)
        except PermissionError:
            pass
    made = {}
    for kind, how in KINDS.items():
        origin = f"{kind}.example."
        if how is None:
            path = folder / f"{origin}zone"
            path.write_text(f"$ORIGIN {origin}\n{zonegen.text(SEED)}")
        else:
            path = zonegen.sign(folder, origin, zonegen.text(SEED), how)
        made[origin] = path
    return made


def rrsets(section):
    """Each set as text; a set's records have no order."""
    out = set()
    for s in section:
        for r in s:
            out.add(f"{s.name.to_text().lower()} {s.ttl} {dns.rdatatype.to_text(s.rdtype)} {r.to_text().lower()}")
    return out


def summary(answer):
    flags = answer.flags & (dns.flags.AA | dns.flags.TC | dns.flags.QR | dns.flags.RD)
    return dict(rcode=dns.rcode.to_text(answer.rcode()), flags=dns.flags.to_text(flags),
                answer=rrsets(answer.answer), authority=rrsets(answer.authority), additional=rrsets(answer.additional))


def is_referral(answer):
    return not answer.answer and any(s.rdtype == dns.rdatatype.NS for s in answer.authority)


def compare(zones, ours, theirs, count, skip=lambda name, kind, a, b: False):
    r = random.Random(SEED)
    differences = []
    for origin in zones:
        for name in zonegen.names(SEED, origin, count):
            kind = r.choice(TYPES)
            query = dns.message.make_query(name, kind, use_edns=0, payload=4096, want_dnssec=r.random() < 0.7, flags=0)
            a, b = ours.udp(query), theirs.udp(query)
            x, y = summary(a), summary(b)
            # Glue must be the same. Other addresses are a help: NSD, told to be brief, sends none, and Knot sends such as
            # stand below a delegation too (RFC 2181 5.4.1 has them ranked low).
            if not is_referral(a) and (isinstance(theirs, Nsd) or x["additional"] <= y["additional"]):
                x["additional"] = y["additional"]
            if x != y and not skip(name, kind, a, b):
                differences.append((name, kind, bool(query.ednsflags & dns.flags.DO),
                                    {k: (x[k], y[k]) for k in x if x[k] != y[k]}))
    return differences


def show(differences):
    lines = [f"{len(differences)} answers differ"]
    for name, kind, do, what in differences[:15]:
        lines.append(f"{name} {kind}{' DO' if do else ''}:")
        for key, (ours, theirs) in what.items():
            if isinstance(ours, set) and isinstance(theirs, set):
                lines += [f"  {key} only posta: {t}" for t in sorted(ours - theirs)]
                lines += [f"  {key} only other: {t}" for t in sorted(theirs - ours)]
            else:
                lines.append(f"  {key}: {ours} / {theirs}")
    return "\n".join(lines)


def nsd_proofs(name, kind, ours, theirs):
    """NSD proves more than it needs to when "*" itself is asked for, and less when a wildcard's NSEC is."""
    if name.startswith("*.") and not ours.answer:
        return rrsets(ours.authority) < rrsets(theirs.authority)
    return kind == "NSEC" and rrsets(ours.authority) > rrsets(theirs.authority)


def knot_knows_no_alias_for_nsec(name, kind, ours, theirs):
    """A CNAME is followed for each type but those that may stand beside it (RFC 1034 3.6.2, 4034 4): where there is no
    NSEC, Knot says so. A wildcard's NSEC that was asked for is not proved anew."""
    if kind == "NSEC" and ours.answer and not theirs.answer:
        return True
    return kind == "NSEC" and rrsets(ours.authority) > rrsets(theirs.authority)


@pytest.mark.parametrize("other, skip", [(Nsd, nsd_proofs), (Knot, knot_knows_no_alias_for_nsec)])
def test_same_answers(zones, other, skip):
    with Posta(zones, udp_size=4096) as ours, other(zones) as theirs:
        differences = compare(zones, ours, theirs, 600, skip)
        assert not differences, show(differences)
