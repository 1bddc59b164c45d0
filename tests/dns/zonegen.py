"""A zone with everything in it, made from a seed; and the same signed by ldns-signzone."""
import pathlib
import random
import subprocess

from servers import need

FIXED = """$TTL 3600
@ SOA ns1 hostmaster 2026010101 3600 600 864000 300
@ NS ns1
@ NS ns2.other.example.net.
@ MX 10 mail
@ MX 20 mail.other.example.net.
@ A 192.0.2.10
@ TXT "v=spf1 mx -all"
@ CAA 0 issue "ca.example.net"
ns1 A 192.0.2.1
ns1 AAAA 2001:db8::1
mail A 192.0.2.2
www CNAME mail
www2 CNAME www
loop1 CNAME loop2
loop2 CNAME loop1
out CNAME www.example.net.
dangling CNAME nothing.here
intosub CNAME host.sub
_imaps._tcp SRV 0 1 993 mail
svc SVCB 1 mail alpn=h2
@ HTTPS 1 . alpn=h2
unknown TYPE65400 \\# 4 01020304
*.wild A 192.0.2.77
*.wild TXT "wild"
there.wild A 192.0.2.78
below.there.wild A 192.0.2.79
*.wc CNAME mail
*.wcx CNAME nothing.at.all
*.deep.ent.wild2 A 192.0.2.80
sub NS ns.sub
sub NS ns.sub2
ns.sub A 192.0.2.4
ns.sub AAAA 2001:db8::4
sub2 NS ns.sub2
ns.sub2 A 192.0.2.5
secure NS ns1
secure DS 12345 13 2 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
outer NS ns.elsewhere.example.net.
renamed DNAME target
www.target A 192.0.2.6
target A 192.0.2.66
renamedout DNAME example.net.
a.b.c.d TXT "below empty non-terminals"
\\000zero TXT "odd"
UPPER A 192.0.2.8
_dot\\.ted TXT "dot"
"""
WORDS = "a b c mail www ns1 ns.sub sub x y.x host target wild deep ent z1 z2 loop out".split()


def text(seed):
    r = random.Random(seed)
    lines = [FIXED]
    taken = {"mail", "www", "ns1", "sub", "out", "target", "wild"}
    for i in range(200):
        name = ".".join(r.choice(WORDS + [f"h{r.randrange(60)}"]) for _ in range(r.choice((1, 1, 1, 2, 3))))
        if any(part in taken for part in name.split(".")):
            continue
        kind = r.choice(("A", "A", "AAAA", "TXT", "MX"))
        data = dict(A=f"192.0.2.{r.randrange(256)}", AAAA=f"2001:db8::{r.randrange(65536):x}", TXT=f'"t{i}"',
                    MX=f"{r.randrange(100)} {r.choice(WORDS)}")[kind]
        lines.append(f"{name} 600 {kind} {data}")
    return "\n".join(lines) + "\n"


def names(seed, origin, count):
    """Names to ask for: such that exist, such that nearly do, and others."""
    r = random.Random(seed)
    known = [line.split()[0] for line in text(seed).splitlines()[1:] if line and line[0] != "$"]
    for _ in range(count):
        name = r.choice(known)
        how = r.random()
        if name == "@":
            name = ""
        if how < 0.25:
            name = f"{r.choice(WORDS)}.{name}"
        elif how < 0.4:
            name = f"{r.choice(WORDS)}.{r.choice(WORDS)}"
        elif how < 0.5 and "." in name:
            name = name.split(".", 1)[1]
        elif how < 0.6:
            name = name.replace("*", r.choice(WORDS))
        elif how < 0.65:
            name = name.upper()
        elif how < 0.7:
            name = f"*.{name}"
        yield f"{name.strip('.')}.{origin}".lstrip(".")


def sign(folder, origin, zone_text, nsec3):
    """The path of a signed master file."""
    need("ldns-keygen", "ldns-signzone")
    folder = pathlib.Path(folder)
    plain = folder / f"{origin}plain"
    plain.write_text(f"$ORIGIN {origin}\n{zone_text}")
    key = subprocess.run(["ldns-keygen", "-a", "ECDSAP256SHA256", "-k", origin], cwd=folder, check=True, text=True,
                         capture_output=True).stdout.strip()
    signed = folder / f"{origin}zone"
    subprocess.run(["ldns-signzone", "-e", "20370101000000", "-f", signed, *nsec3, "-o", origin, plain, key],
                   cwd=folder, check=True, capture_output=True, text=True)
    return signed
