"""What mail domains have in the DNS writes itself: from posta.conf and the directory into the served zone."""
import hashlib
import json
import shutil
import subprocess

import pytest

import lab
from zones import Commands, make_certificate

EX = """$TTL 600
@ SOA ns1 hostmaster 1 3600 600 86400 300
@ NS ns1
ns1 A 192.0.2.53
"""


@pytest.fixture
def posta():
    c = Commands()
    yield c
    c.remove()


def spki(folder):
    pem = subprocess.run(["openssl", "x509", "-in", folder / "cert.pem", "-noout", "-pubkey"], capture_output=True,
                         check=True).stdout
    der = subprocess.run(["openssl", "pkey", "-pubin", "-outform", "DER"], input=pem, capture_output=True,
                         check=True).stdout
    return hashlib.sha256(der).hexdigest()


def test_all_of_a_domain(posta):
    posta.configure('mail_dns: { autoconfig = "web.example.net"; mta_sts = "web.example.net"; };')
    posta.run("domain", "add", "demo.test")
    posta.run("zone", "add", "demo.test", "--ns", "mx.demo.test")
    made = posta.records("demo.test", made=True)
    sts = {r for r in made if r[0] == "_mta-sts"}
    assert len(sts) == 1 and sts.pop()[2].startswith('"v=STSv1; id=')
    assert {r for r in made if r[0] != "_mta-sts"} == {
        ("@", "MX", "10 mx.demo.test."),
        ("@", "TXT", '"v=spf1 mx a:mx.demo.test ~all"'),
        ("_dmarc", "TXT", '"v=DMARC1; p=none; rua=mailto:postmaster@demo.test"'),
        ("_smtp._tls", "TXT", '"v=TLSRPTv1; rua=mailto:postmaster@demo.test"'),
        ("mta-sts", "CNAME", "web.example.net."),
        ("autoconfig", "CNAME", "web.example.net."),
        ("autodiscover", "CNAME", "web.example.net."),
        ("_imaps._tcp", "SRV", "0 1 993 mx.demo.test."),
        ("_pop3s._tcp", "SRV", "0 1 995 mx.demo.test."),
        ("_submissions._tcp", "SRV", "0 1 465 mx.demo.test."),
        ("_submission._tcp", "SRV", "0 1 587 mx.demo.test."),
        ("mx", "A", "192.0.2.25"),
        ("mx", "A", "192.0.2.143"),
        ("_25._tcp.mx", "TLSA", f"3 1 1 {spki(posta.dir)}"),
    }


def test_what_the_operator_wrote_wins(posta):
    posta.configure('mail_dns: { autoconfig = "web.example.net"; };')
    posta.run("domain", "add", "example.org")
    posta.run("zone", "load", "example.org", posta.file("z", EX + """
@ MX 5 elsewhere.example.net.
@ TXT "v=spf1 -all"
@ TXT "some-verification=1"
_dmarc CNAME dmarc.example.net.
autoconfig A 192.0.2.80
sub NS ns.example.net.
"""))
    posta.run("domain", "add", "sub.example.org")
    made = posta.records("example.org", made=True)
    assert not [r for r in made if r[0] in ("@", "_dmarc", "autoconfig") or r[0].endswith("sub")], made
    assert ("_smtp._tls", "TXT", '"v=TLSRPTv1; rua=mailto:postmaster@example.org"') in made
    assert ("autodiscover", "CNAME", "web.example.net.") in made
    posta.run("zone", "record", "remove", "example.org", "@", "TXT", '"v=spf1 -all"')
    assert ("@", "TXT", '"v=spf1 mx a:mx.demo.test ~all"') in posta.records("example.org", made=True)
    assert posta.run("zone", "check", "example.org").returncode == 0


def test_a_domain_lies_in_the_closest_zone(posta):
    posta.run("zone", "load", "example.org", posta.file("z", EX))
    posta.run("domain", "add", "a.b.example.org")
    posta.run("domain", "add", "other.test")
    assert ("a.b", "MX", "10 mx.demo.test.") in posta.records("example.org")
    before = posta.serial("example.org")
    posta.run("zone", "load", "b.example.org", posta.file("z", EX))
    assert ("a.b", "MX", "10 mx.demo.test.") not in posta.records("example.org")
    assert ("a", "MX", "10 mx.demo.test.") in posta.records("b.example.org")
    assert posta.serial("example.org") == before + 1
    posta.run("zone", "delete", "b.example.org")
    assert ("a.b", "MX", "10 mx.demo.test.") in posta.records("example.org")
    assert posta.serial("example.org") == before + 2


def test_the_serial_follows_everything_that_is_seen(posta):
    posta.run("zone", "load", "example.org", posta.file("z", EX))
    posta.run("zone", "load", "other.test", posta.file("z", EX))
    posta.run("domain", "add", "elsewhere.test")

    def step(*args):
        before, other = posta.serial("example.org"), posta.serial("other.test")
        posta.run(*args)
        assert posta.serial("other.test") == other, args
        return posta.serial("example.org") - before
    assert step("domain", "add", "example.org") == 1
    assert step("domain", "set", "example.org", "--quota", "1G") == 0
    assert step("domain", "dkim", "example.org", "--add") == 2
    assert step("alias", "add", "x@example.org", "y@elsewhere.example") == 0
    selector = posta.json("domain", "dkim", "example.org")[0]["selector"]
    assert step("domain", "dkim", "example.org", "--remove", selector) == 1
    posta.configure('mail_dns: { mx = [ "mx1.example.net", "20 mx2.example.net" ]; };')
    assert step("domain", "set", "elsewhere.test", "--quota", "1G") == 1  # any command takes the new lines along
    assert {r for r in posta.records("example.org") if r[1] == "MX"} == {
        ("@", "MX", "10 mx1.example.net."), ("@", "MX", "20 mx2.example.net.")}
    assert step("domain", "set", "elsewhere.test", "--quota", "1G") == 0


def test_two_nodes_with_one_directory_say_the_same(posta):
    """Each of two copies of a directory is changed alike: the same records under the same serial."""
    posta.run("zone", "load", "example.org", posta.file("z", EX))
    other = Commands()
    try:
        shutil.copy(posta.dir / "data/directory/directory.db", posta.dir / "copy.db")
        (other.dir / "data/directory").mkdir(parents=True)
        shutil.copy(posta.dir / "copy.db", other.dir / "data/directory/directory.db")
        for name in ("cert.pem", "key.pem"):
            shutil.copy(posta.dir / name, other.dir / name)
        for node in (posta, other):
            node.run("domain", "add", "example.org")
            node.configure('mail_dns: { spf = "v=spf1 -all"; };')
            node.run("domain", "set", "example.org", "--quota", "1G")
        assert posta.run("zone", "export", "example.org").stdout == other.run("zone", "export", "example.org").stdout
    finally:
        other.remove()


def test_a_new_certificate_is_a_new_tlsa(posta):
    posta.run("zone", "add", "demo.test", "--ns", "mx.demo.test")
    first, serial = spki(posta.dir), posta.serial("demo.test")
    assert ("_25._tcp.mx", "TLSA", f"3 1 1 {first}") in posta.records("demo.test")
    make_certificate(posta.dir)
    posta.run("domain", "add", "else.test")
    assert {r for r in posta.records("demo.test") if r[1] == "TLSA"} == {
        ("_25._tcp.mx", "TLSA", f"3 1 1 {spki(posta.dir)}")}
    assert posta.serial("demo.test") == serial + 1


@pytest.mark.parametrize("line, like", [
    ('mx = "mx"', "10 mx.example.net"), ('mx = "70000 mx.example.net"', "10 mx.example.net"),
    ('imaps = "mail.example.net"', "mail.example.net:993"), ('addresses = "mx.example.net"', "192.0.2.1"),
    ('autoconfig = "web"', "www.example.net"), ('nosuch = 1', "nosuch"), ('ns = "one"', "ns1.example.net")])
def test_posta_check_judges_the_settings(posta, line, like):
    posta.configure(f"mail_dns: {{ {line}; }};")
    done = posta.run("check", check=False)
    assert done.returncode == 1 and "posta.conf:" in done.stderr and like in done.stderr, done.stderr


def test_dkim_keys(posta):
    posta.run("domain", "add", "example.org")
    assert posta.json("domain", "dkim", "example.org") == []
    added = posta.json("domain", "dkim", "example.org", "--add")
    assert [a["done"] for a in added] == ["added", "added"]
    keys = {k["algorithm"]: k for k in posta.json("domain", "dkim", "example.org")}
    assert set(keys) == {"rsa", "ed25519"} and len(keys["ed25519"]["public"]) == 44 and len(keys["rsa"]["public"]) == 392
    assert keys["rsa"]["public"].startswith("MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A")
    posta.run("domain", "dkim", "example.org", "--add", "--ed25519", "--selector", "mail")
    done = posta.run("domain", "dkim", "example.org", "--add", "--selector", "mail", check=False)
    assert done.returncode == 1 and "already" in done.stderr
    assert posta.run("domain", "dkim", "example.org", "--add", "--selector", "a_b", check=False).returncode == 1
    lines = posta.run("domain", "dns", "example.org").stdout
    assert "mail._domainkey.example.org." in lines and "v=DKIM1; k=ed25519; p=" in lines
    # private keys are sealed, and gone with the domain
    secrets = (posta.dir / "data/secrets/secrets.db").read_bytes()
    assert b"PRIVATE KEY" not in secrets and b"dkim:mail._domainkey.example.org" in secrets
    posta.run("domain", "remove", "example.org")
    posta.run("domain", "add", "example.org")
    assert posta.json("domain", "dkim", "example.org") == []
    posta.run("domain", "dkim", "example.org", "--add", "--selector", "mail")


@pytest.fixture(scope="module")
def served():
    p = lab.Platform('dns: { };\nmail_dns: { tls_rpt = "none"; };\n')
    try:
        yield p.start()
    finally:
        p.remove()


def ask(p, name, kind):
    return sorted(subprocess.run(["dig", "+short", "+norec", "@127.0.0.1", "-p", str(p.port("dns")), name, kind],
                                 text=True, capture_output=True).stdout.splitlines())


def test_a_domain_appears_in_the_served_zone(served):
    assert ask(served, "demo.test", "MX") == ["10 mx.demo.test."]
    assert ask(served, "mx.demo.test", "A") == ["127.0.0.1"]
    served.posta("domain", "add", "new.demo.test")
    lab.wait_for(lambda: ask(served, "new.demo.test", "MX") == ["10 mx.demo.test."])
    assert ask(served, "_imaps._tcp.new.demo.test", "SRV") == [f"0 1 {served.port('imaps')} mx.demo.test."]
    served.posta("domain", "remove", "new.demo.test")
    lab.wait_for(lambda: ask(served, "new.demo.test", "MX") == [])


def test_check_compares_what_is_published(served):
    def check(name):
        done = served.posta("domain", "dns", name, "--check", "--json", "--resolver",
                            f"127.0.0.1:{served.port('dns')}", check=False)
        return done.returncode, {(r["name"].split(f".{name}")[0], r["type"]): r["state"]
                                 for r in json.loads(done.stdout)}
    code, states = check("demo.test")
    assert code == 0 and set(states.values()) == {"OK"}, states
    served.posta("domain", "add", "far.test")
    # somebody else's server: here a zone of ours in which the operator wrote other things
    served.posta("zone", "add", "far.test", "--ns", "mx.demo.test")
    served.posta("zone", "record", "add", "far.test", "@", "MX", "1 mx.far.example.")
    served.posta("zone", "record", "add", "far.test", "@", "TXT", '"v=spf1 " "-all"')
    served.posta("zone", "record", "add", "far.test", "_dmarc", "CNAME", "nowhere.far.test.")
    lab.wait_for(lambda: ask(served, "_dmarc.far.test", "CNAME"))
    code, states = check("far.test")
    assert code == 1
    assert states[("far.test.", "MX")] == "differs" and states[("far.test.", "TXT")] == "differs"
    assert states[("_dmarc", "TXT")] == "missing" and states[("_imaps._tcp", "SRV")] == "OK"


def test_a_reload_of_posta_conf_changes_the_served_zone(served):
    served.settings.write_text('dns: { };\nmail_dns: { spf = "v=spf1 mx -all"; };\n')
    text = served.conf.read_text()
    served.conf.write_text(text.replace('tls_rpt = "none"', 'spf = "v=spf1 mx -all"'))
    import os
    import signal
    os.kill(served.process.pid, signal.SIGHUP)
    lab.wait_for(lambda: '"v=spf1 mx -all"' in ask(served, "demo.test", "TXT"))
    assert ask(served, "_smtp._tls.demo.test", "TXT")
