"""DNSSEC: zones that posta signs, judged by BIND's, NLnet's and Knot's tools and by validating resolvers."""
import grp
import os
import re
import shutil
import subprocess
import time

import dns.flags
import dns.message
import dns.query
import dns.rcode
import dns.rdatatype
import dns.zone
import pytest

from lab import BUILD, wait_for
from servers import free_port, need
from zones import Commands

RECORDS = """$TTL 120
@ SOA ns1 root 1 3600 600 86400 60
@ NS ns1
ns1 A 192.0.2.1
@ MX 10 mail
mail A 192.0.2.2
mail AAAA 2001:db8::2
*.wild TXT "any"
a.b.c TXT "deep"
sub NS ns.sub
ns.sub A 192.0.2.4
safe NS ns1
safe DS 1 13 2 b4c8c1fe2e7477127b27115656ad6256f424625bf5c1e2770ce6d6e37df61d17
odd TYPE65280 \\# 3 010203
alias CNAME mail
tree DNAME mail
"""


class Posta(Commands):
    """One dns role alone, with a directory."""

    def __init__(self, more=""):
        super().__init__()
        self.dir.chmod(0o755)
        self.port = free_port()
        (self.dir / "posta.conf").write_text(f"""data = "{self.dir}/data"; run = "{self.dir}/run";
            nodes = {{ n = {{ dns = {{ dns = ["127.0.0.1:{self.port}"]; }}; }}; }}; {more}""")
        self.process = None

    def start(self):
        if os.getuid() == 0:
            try:
                grp.getgrnam("posta-zonekeys")
            except KeyError:
                pytest.skip("no group posta-zonekeys: ./run makes it")
        self.log = open(self.dir / "log", "ab")
        self.process = subprocess.Popen([BUILD / "posta", "run", "--config", self.dir / "posta.conf"],
                                        stdin=subprocess.DEVNULL, stdout=self.log, stderr=subprocess.STDOUT)
        wait_for(lambda: b"posta is ready" in (self.dir / "log").read_bytes(), 30)
        return self

    def load(self, zone, text=RECORDS, *options):
        self.run("zone", "load", zone, self.file("z", text))
        self.run("zone", "set", zone, "--transfer", "127.0.0.0/8", *options)

    def ask(self, name, kind="A", **how):
        return dns.query.udp(dns.message.make_query(name, kind, want_dnssec=True, **how), "127.0.0.1", port=self.port,
                             timeout=5)

    def signed(self, zone):
        def there():
            try:
                return any(s.rdtype == dns.rdatatype.RRSIG for s in self.ask(zone, "SOA").answer)
            except (dns.exception.Timeout, OSError):
                return False
        wait_for(there, 20)

    def axfr(self, zone, path=None):
        z = dns.zone.from_xfr(dns.query.xfr("127.0.0.1", zone, port=self.port, relativize=False), relativize=False)
        if path:
            lines = sorted(f"{name} {rds.ttl} IN {dns.rdatatype.to_text(rds.rdtype)} {rd.to_text()}\n"
                           for name, node in z.items() for rds in node for rd in rds)
            path.write_text("".join(sorted(lines, key=lambda line: " IN SOA " not in line)))
        return z

    def anchors(self, zone):
        lines = self.run("zone", "ds", zone).stdout.splitlines()
        text = "".join('"{}" static-ds {} {} {} "{}";'.format(f[0], *f[4:7], "".join(f[7:]))
                       for f in map(str.split, lines))
        return self.file("anchors", f"trust-anchors {{ {text} }};")

    def delv(self, zone, name, kind="A"):
        return subprocess.run(["delv", "@127.0.0.1", "-p", str(self.port), "-a", self.anchors(zone),
                               f"+root={zone}", "+nocrypto", name, kind], text=True, capture_output=True, timeout=30).stdout

    def remove(self):
        if self.process:
            self.process.terminate()
            self.process.wait(20)
            self.log.close()
            text = (self.dir / "log").read_text(errors="replace")
            assert "ERROR: AddressSanitizer" not in text and "runtime error:" not in text, text[-6000:]
        super().remove()


@pytest.fixture
def posta():
    p = Posta()
    yield p.start()
    p.remove()


def signatures(zone):
    """(owner, covered type) -> the signatures' octets."""
    out = {}
    for name, node in zone.items():
        for rds in node:
            if rds.rdtype == dns.rdatatype.RRSIG:
                for rd in rds:
                    out.setdefault((name.to_text(), dns.rdatatype.to_text(rd.type_covered)), set()).add(rd.to_text())
    return out


@pytest.mark.parametrize("options", [
    [], ["--nsec3"], ["--split"], ["--algorithm", "ED25519", "--nsec3", "--split"], ["--algorithm", "14"],
    ["--algorithm", "RSASHA256", "--nsec3"]], ids=lambda o: " ".join(o) or "default")
def test_every_tool_accepts_the_zone(posta, options):
    need("dnssec-verify", "ldns-verify-zone", "delv", "kzonecheck")
    posta.load("example.org")
    ds = posta.run("zone", "sign", "example.org", *options).stdout
    assert re.fullmatch(r"example\.org\. 86400 IN DS \d+ \d+ 2 [0-9a-f]{64}\n", ds)
    posta.signed("example.org")
    path = posta.dir / "signed"
    posta.axfr("example.org", path)
    for tool in (["dnssec-verify", *([] if "--split" in options else ["-z"]), "-o", "example.org", path], ["ldns-verify-zone", path],
                 ["kzonecheck", "-d", "on", "-o", "example.org", path]):  # validns (2016) knows no CDS
        done = subprocess.run(tool, text=True, capture_output=True, timeout=60,
                              env=dict(os.environ, PATH=os.environ["PATH"] + ":/usr/sbin:/sbin"))
        assert done.returncode == 0, (tool[0], done.stdout, done.stderr)
    for name, kind, want in (("mail.example.org", "AAAA", "fully validated"), ("x.y.wild.example.org", "TXT", "fully val"),
                             ("a.b.c.example.org", "TXT", "fully validated"), ("odd.example.org", "TYPE65280", "fully val"),
                             ("nosuch.example.org", "A", "negative response, fully validated"),
                             ("b.c.example.org", "A", "negative response, fully validated"),
                             ("mail.example.org", "TXT", "negative response, fully validated"),
                             ("sub.example.org", "DS", "negative response, fully validated"),
                             ("alias.example.org", "A", "fully validated"), ("x.tree.example.org", "A", "validated")):
        assert want in posta.delv("example.org", name, kind), (name, kind)


def test_drill_follows_the_chain(posta):
    need("drill")
    posta.load("example.org")
    posta.run("zone", "sign", "example.org")
    posta.signed("example.org")
    anchor = posta.file("anchor.key", posta.run("zone", "ds", "example.org").stdout)
    done = subprocess.run(["drill", "-D", "-k", anchor, "-p", str(posta.port), "-S", "mail.example.org", "@127.0.0.1",
                           "AAAA"], text=True, capture_output=True, timeout=30)
    assert done.returncode == 0 and "trusted" in done.stdout.lower(), done.stdout + done.stderr


def test_only_what_changed_is_signed_again(posta):
    posta.load("example.org")
    posta.run("zone", "sign", "example.org")
    posta.signed("example.org")
    before = posta.axfr("example.org")
    posta.run("zone", "record", "add", "example.org", "mail", "A", "192.0.2.77")
    wait_for(lambda: len(posta.ask("mail.example.org").answer[0]) == 2)
    after = posta.axfr("example.org")
    old, new = signatures(before), signatures(after)
    assert {k for k in new if new[k] != old.get(k)} == {("example.org.", "SOA"), ("mail.example.org.", "A")}
    posta.run("zone", "record", "add", "example.org", "mailer", "A", "192.0.2.78")
    wait_for(lambda: posta.ask("mailer.example.org").answer)
    third = signatures(posta.axfr("example.org"))
    assert {k for k in third if third[k] != new.get(k)} == {
        ("example.org.", "SOA"), ("mail.example.org.", "NSEC"), ("mailer.example.org.", "A"),
        ("mailer.example.org.", "NSEC")}
    metrics = [line for line in (posta.dir / "log").read_text().splitlines() if "dns.signed" in line]
    assert re.search(r"made=4$", metrics[-1]), metrics


def test_two_nodes_make_the_same_zone(posta):
    """The same directory and keys, another history: the same octets, the same serial."""
    posta.load("example.org")
    posta.run("zone", "sign", "example.org")
    posta.signed("example.org")
    posta.run("zone", "record", "add", "example.org", "later", "A", "192.0.2.78")
    wait_for(lambda: posta.ask("later.example.org").answer)
    other = Posta()
    try:
        for folder in "directory", "zonekeys":
            shutil.copytree(posta.dir / "data" / folder, other.dir / "data" / folder)
        other.start().signed("example.org")
        a, b = posta.dir / "a", posta.dir / "b"
        posta.axfr("example.org", a)
        other.axfr("example.org", b)
        assert a.read_text() == b.read_text()
    finally:
        other.remove()


def test_a_file_is_signed(posta):
    path = posta.file("file.zone", RECORDS)
    conf = (posta.dir / "posta.conf").read_text()
    line = 'dns = {{ zones = ( {{ name = "file.test"; file = "{}"; {} transfer = ["127.0.0.1"]; }} ); }};'
    (posta.dir / "posta.conf").write_text(conf + line.format(path, ""))
    assert "signed = true" in posta.run("zone", "sign", "file.test").stderr
    (posta.dir / "posta.conf").write_text(conf + line.format(path, "signed = true;"))
    other = posta
    other.process.terminate()
    other.process.wait(20)
    other.log.close()
    (other.dir / "log").unlink()
    other.start().signed("file.test")
    assert "fully validated" in other.delv("file.test", "mail.file.test", "AAAA")


def test_the_dns_role_sees_no_passwords(posta):
    if os.getuid():
        pytest.skip("only root gives roles their own users")
    posta.load("example.org")
    posta.run("zone", "sign", "example.org")
    posta.signed("example.org")
    pid = re.search(r"role=dns pid=(\d+)", (posta.dir / "log").read_text()).group(1)
    groups = [line for line in open(f"/proc/{pid}/status") if line.startswith("Groups:")][0].split()[1:]
    names = {grp.getgrgid(int(g)).gr_name for g in groups}
    assert "posta-zonekeys" in names and "posta-secrets" not in names


# ---- roll-overs, with a parent of our own and a resolver that validates and caches ----

QUICK = ["--key-ttl", "2s", "--ds-ttl", "2s", "--max-ttl", "3s", "--propagation", "1s", "--validity", "64s"]
SMALL = ["--ttl", "2", "--ttl-min", "1", "--ttl-max", "3", "--minimum", "2"]


class Unbound:
    def __init__(self, posta):
        need("unbound")
        self.posta, self.port = posta, free_port()
        anchor = posta.file("parent.ds", posta.run("zone", "ds", "parent.test").stdout)
        conf = posta.file("unbound.conf", f"""server:
  interface: 127.0.0.1@{self.port}
  access-control: 127.0.0.0/8 allow
  chroot: ""
  username: ""
  pidfile: "{posta.dir}/unbound.pid"
  use-syslog: no
  do-not-query-localhost: no
  do-daemonize: no
  local-zone: "test." nodefault
  trust-anchor-file: "{anchor}"
  val-log-level: 2
  module-config: "validator iterator"
  val-clean-additional: yes
remote-control:
  control-enable: no
stub-zone:
  name: "parent.test"
  stub-addr: 127.0.0.1@{posta.port}
""")
        self.log = open(posta.dir / "unbound.log", "wb")
        self.process = subprocess.Popen(["unbound", "-d", "-c", conf], stdin=subprocess.DEVNULL, stdout=self.log,
                                        stderr=subprocess.STDOUT,
                                        env=dict(os.environ, PATH=os.environ["PATH"] + ":/usr/sbin:/sbin"))
        wait_for(lambda: self.state("parent.test", "SOA") == "secure", 20)

    def state(self, name, kind):
        query = dns.message.make_query(name, kind, want_dnssec=True)
        try:
            answer = dns.query.udp(query, "127.0.0.1", port=self.port, timeout=5)
        except (dns.exception.Timeout, OSError):
            return "none"
        if answer.rcode() == dns.rcode.SERVFAIL:
            return "bogus"
        return "secure" if answer.flags & dns.flags.AD else "insecure"

    def remove(self):
        self.process.terminate()
        self.process.wait(20)
        self.log.close()


@pytest.fixture
def family(posta):
    """parent.test and child.parent.test, signed with short times, and an Unbound that trusts the parent alone."""
    text = "$TTL 2\n@ SOA ns1 root 1 3600 600 86400 2\n@ NS ns1\nns1 A 127.0.0.1\n"
    posta.run("zone", "add", "parent.test", "--ns", "ns1.parent.test", *SMALL)
    posta.run("zone", "load", "parent.test", posta.file("p", text + "child NS ns1.child\nns1.child A 127.0.0.1\n"))
    posta.run("zone", "add", "child.parent.test", "--ns", "ns1.child.parent.test", *SMALL)
    posta.run("zone", "load", "child.parent.test", posta.file("c", text + "www A 192.0.2.1\n*.w A 192.0.2.2\n"))
    posta.run("zone", "sign", "parent.test", *QUICK)
    posta.signed("parent.test")
    resolver = Unbound(posta)
    yield posta, resolver
    resolver.remove()


class Watch:
    """Asks the resolver all the time; all answers must be what they should be."""

    def __init__(self, resolver, zone):
        self.resolver, self.zone, self.seen = resolver, zone, []

    def until(self, what, seconds=40):
        end = time.monotonic() + seconds
        while True:
            for name, kind in (("www", "A"), ("www", "TXT"), ("nosuch", "A"), ("q.w", "A")):
                state = self.resolver.state(f"{name}.{self.zone}", kind)
                self.seen.append(state)
                assert state == "secure", (name, kind, state, (self.resolver.posta.dir / "unbound.log").read_text()[-2000:])
            if what():
                return
            assert time.monotonic() < end, "waited in vain"
            time.sleep(0.2)


def put_ds(posta, child="child"):
    """What a registry does with CDS: the parent's DS set becomes what it says."""
    posta.run("zone", "record", "remove", "parent.test", child, "DS", check=False)
    for line in posta.run("zone", "ds", f"{child}.parent.test").stdout.splitlines():
        posta.run("zone", "record", "add", "parent.test", child, "DS", *line.split()[4:])


def states(posta, zone="child.parent.test"):
    return {k["key_tag"]: (k["use"], k["state"]) for k in posta.json("zone", "keys", zone)["keys"]}


@pytest.mark.parametrize("split", [[], ["--split", "--zsk-lifetime", "12s"]], ids=["csk", "ksk and zsk"])
def test_roll_over_validates_at_each_step(family, split):
    posta, resolver = family
    child = "child.parent.test"
    assert resolver.state(f"www.{child}", "A") == "insecure"
    posta.run("zone", "sign", child, *QUICK, *split)
    posta.signed(child)
    put_ds(posta)
    wait_for(lambda: resolver.state(f"www.{child}", "A") == "secure", 20)
    watch = Watch(resolver, child)
    first = {tag for tag, (use, _) in states(posta).items() if use != "ZSK"}
    posta.run("zone", "roll", child)
    assert posta.run("zone", "roll", child, check=False).returncode == 1
    watch.until(lambda: any(state == "ready" for _, state in states(posta).values()))
    done = posta.run("zone", "ds-seen", child, "--resolver", f"127.0.0.1:{resolver.port}", check=False)
    assert done.returncode == 1 and "no DS of key" in done.stderr
    cds = posta.ask(child, "CDS").answer[0]
    put_ds(posta)
    assert {rd.to_text() for rd in cds} == {" ".join(line.split()[4:]) for line in
                                            posta.run("zone", "ds", child).stdout.splitlines()}
    watch.until(lambda: posta.run("zone", "ds-seen", child, "--resolver", f"127.0.0.1:{resolver.port}",
                                  check=False).returncode == 0)
    watch.until(lambda: not first & set(states(posta)))
    zsks = {tag for tag, (use, _) in states(posta).items() if use == "ZSK"}
    if split:
        watch.until(lambda: not zsks & set(states(posta)), 60)
    end = time.monotonic() + 4
    watch.until(lambda: time.monotonic() > end)
    assert len(watch.seen) > 40
    serials = [int(m) for m in re.findall(rf"dns.signed zone={child} serial=(\d+)", (posta.dir / "log").read_text())]
    assert serials == sorted(serials)


def test_unsigning_waits_for_the_parent(family):
    posta, resolver = family
    child, at = "child.parent.test", ["--resolver", f"127.0.0.1:{resolver.port}"]
    posta.run("zone", "sign", child, *QUICK)
    posta.signed(child)
    put_ds(posta)
    wait_for(lambda: resolver.state(f"www.{child}", "A") == "secure", 20)
    done = posta.run("zone", "unsign", child, *at, check=False)
    assert done.returncode == 1 and "bogus" in done.stderr
    wait_for(lambda: [rd.to_text() for rd in posta.ask(child, "CDS").answer[0]] == ["0 0 0 00"], 20)
    assert [rd.to_text() for rd in posta.ask(child, "CDNSKEY").answer[0]] == ["0 3 0 AA=="]
    before = posta.ask(child, "SOA").answer[0][0].serial
    posta.run("zone", "record", "remove", "parent.test", "child", "DS")
    wait_for(lambda: posta.run("zone", "unsign", child, *at, check=False).returncode == 0, 20)
    wait_for(lambda: len(posta.ask(child, "SOA").answer) == 1, 20)
    assert posta.ask(child, "SOA").answer[0][0].serial > before
    assert resolver.state(f"www.{child}", "A") == "insecure"
    assert posta.run("zone", "keys", child, check=False).returncode == 1


@pytest.mark.parametrize("args, why", [
    (["sign", "nosuch.example"], "no zone"), (["sign", "example.org", "--algorithm", "RSASHA1"], "ECDSAP256SHA256"),
    (["sign", "example.org", "--validity", "soon"], "14d"), (["sign", "example.org", "--validity", "1d"], "twice"),
    (["unsign", "example.org"], "not signed"), (["roll", "example.org"], "not signed"), (["keys", "example.org"], "not"),
    (["ds-seen", "example.org", "--force"], "not signed")])
def test_what_cannot_be(args, why):
    c = Commands()
    try:
        c.run("zone", "load", "example.org", c.file("z", RECORDS))
        done = c.run("zone", *args, check=False)
        assert done.returncode and why in done.stderr, done.stderr
    finally:
        c.remove()
