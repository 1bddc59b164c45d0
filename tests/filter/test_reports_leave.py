"""Reports of a day leave by mail: to whom, signed, once, also when everything is killed in the middle. A mail server and a name server
of the tests stand for the outside."""
import collections
import email
import email.policy
import gzip
import json
import pathlib
import sqlite3
import sys
import time
import xml.etree.ElementTree

import pytest
from lab import Platform, wait_for

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "relay"))
from dns_server import Dns  # noqa: E402
from smtp_sink import Sink  # noqa: E402

DAY = 86400
NS = {"d": "urn:ietf:params:xml:ns:dmarc-2.0"}
RUA = "mailto:reports@sender.test,mailto:in@consent.test,mailto:victim@victim.test,mailto:tiny@sender.test!10,https://sender.test/r"
MANY = 40


def today():
    return int(time.time()) // DAY


class Outside:
    def __init__(self):
        self.sink = Sink()
        records = {("mx.out.test", "A"): ["127.0.0.1"],
                   ("_dmarc.sender.test", "TXT"): ["v=DMARC1; p=quarantine; rua=" + RUA],
                   ("sender.test._report._dmarc.consent.test", "TXT"): ["v=DMARC1; rua=mailto:instead@consent.test"],
                   ("_smtp._tls.sender.test", "TXT"): ["v=TLSRPTv1; rua=mailto:tls@sender.test"],
                   ("_smtp._tls.sts.test", "TXT"): ["v=TLSRPTv1; rua=mailto:tls@sts.test"],
                   ("_mta-sts.sts.test", "TXT"): ["v=STSv1; id=1"]}
        for name in ["sender.test", "consent.test", "victim.test", "sts.test"] + [f"d{i}.test" for i in range(MANY)]:
            records[name, "MX"] = [(10, "mx.out.test")]
        self.dns = Dns(records)
        self.platform = self.make()

    def make(self, more=""):
        return Platform(f'''
filter: {{ networks = ["127.0.0.1/32"]; resolvers = ["127.0.0.1:{self.dns.port}"]; dnssec = false; rules = []; }};
relay: {{ schedule = ["1s"]; resolvers = ["127.0.0.1:{self.dns.port}"]; port = {self.sink.port}; allow_loopback = true; dnssec = false; }};
reports: {{ delay = "0s"; organization = "Us & Co"; {more} }};
''')

    def close(self):
        self.platform.remove()
        self.sink.close()
        self.dns.close()


@pytest.fixture(scope="module")
def outside():
    o = Outside()
    try:
        o.platform.start()
        yield o
    finally:
        o.close()


def count_dmarc(p, day, domain, rua, published=None):
    with sqlite3.connect(p.dir / "data" / "filter" / "reports.db", timeout=20) as db:
        db.execute("INSERT INTO dmarc VALUES (?,?,?,?,'192.0.2.1','q','q','n','n',?,?,'spf evil.test fail\n',7)",
                   (day, domain, published or "v=DMARC1; p=quarantine; rua=" + rua, rua, domain, domain))
    db.close()


def count_tls(p, day, domain):
    with sqlite3.connect(p.dir / "data" / "relay" / "reports.db", timeout=20) as db:
        db.execute("INSERT INTO tls VALUES (?,?,'no-policy-found','','','mx.out.test','127.0.0.1',5)", (day, domain))
    db.close()


def sent(p, role="filter"):
    db = sqlite3.connect(p.dir / "data" / role / "reports.db", timeout=20)
    try:
        return {(day, domain, address): what for day, domain, address, what in db.execute("SELECT day, domain, address, what FROM sent")}
    finally:
        db.close()


def restart(p):
    assert p.stop() == 0
    p.start()


def test_dmarc_reports(outside):
    p, day = outside.platform, today() - 1
    count_dmarc(p, day, "sender.test", RUA)
    restart(p)  # it looks at its start, then every ten minutes
    wait_for(lambda: sent(p).get((day, "", "")) == "done")
    assert {address: what for (_, domain, address), what in sent(p).items() if domain} == {
        "reports@sender.test": "sent", "in@consent.test": "sent", "victim@victim.test": "no consent", "tiny@sender.test": "too large"}
    raw = wait_for(lambda: outside.sink.to("reports@sender.test"))[0]
    assert raw["from"] == ""
    m = email.message_from_bytes(raw["data"], policy=email.policy.default)
    assert m["Subject"].startswith("Report Domain: sender.test Submitter: mx.demo.test Report-ID: <")
    assert m["From"] == "<postmaster@mx.demo.test>" or m["From"] == "postmaster@mx.demo.test"
    assert len(m.get_all("DKIM-Signature")) == 2 and "d=demo.test" in m["DKIM-Signature"]
    part = [x for x in m.walk() if x.get_content_type() == "application/gzip"][0]
    assert part.get_filename().startswith(f"mx.demo.test!sender.test!{day * DAY}!{day * DAY + DAY - 1}!")
    root = xml.etree.ElementTree.fromstring(gzip.decompress(part.get_content()))
    assert root.findtext("d:report_metadata/d:org_name", None, NS) == "Us & Co"
    assert root.findtext("d:record/d:row/d:count", None, NS) == "7"
    assert f"<{root.findtext('d:report_metadata/d:report_id', None, NS)}>" in m["Subject"]
    wait_for(lambda: outside.sink.to("instead@consent.test"))  # RFC 9990 4: it names another address
    for nobody in ("in@consent.test", "victim@victim.test", "tiny@sender.test"):
        assert not outside.sink.to(nobody)


def test_not_again(outside):
    p = outside.platform
    before = len(outside.sink.messages)
    restart(p)
    time.sleep(2)
    assert len(outside.sink.messages) == before


def test_tls_reports(outside):
    p, day = outside.platform, today() - 1
    for domain in ("sender.test", "sts.test", "silent.test"):
        count_tls(p, day, domain)
    restart(p)
    wait_for(lambda: sent(p, "relay").get((day, "", "")) == "done")
    assert {k[1:]: what for k, what in sent(p, "relay").items() if k[1]} == {
        ("sender.test", "tls@sender.test"): "sent", ("sts.test", ""): "has a policy", ("silent.test", ""): "not asked"}
    raw = wait_for(lambda: outside.sink.to("tls@sender.test"))[0]
    m = email.message_from_bytes(raw["data"], policy=email.policy.default)
    assert m.get_content_type() == "multipart/report" and m.get_param("report-type") == "tlsrpt"
    assert (m["TLS-Report-Domain"], m["TLS-Report-Submitter"]) == ("sender.test", "mx.demo.test")
    assert len(m.get_all("DKIM-Signature")) == 2
    part = [x for x in m.walk() if x.get_content_type() == "application/tlsrpt+gzip"][0]
    report = json.loads(gzip.decompress(part.get_content()))
    assert report["policies"][0]["summary"]["total-successful-session-count"] == 5
    assert report["policies"][0]["policy"]["policy-type"] == "no-policy-found"


def test_killed_in_the_middle(outside):
    p, day, names = outside.platform, today() - 2, [f"d{i}.test" for i in range(MANY)]

    def made():
        """Reports that were written for each domain: a mail that arrives twice has one Message-ID."""
        out = collections.defaultdict(set)
        for m in list(outside.sink.messages):
            if m["to"][0].startswith("killed@"):
                out[m["to"][0].split("@")[1]].add(email.message_from_bytes(m["data"])["Message-ID"])
        return out
    for name in names:
        count_dmarc(p, day, name, f"mailto:killed@{name}")
    assert p.stop() == 0
    for n in (3, 15, 25):
        p.start(wait=False)
        wait_for(lambda: len(made()) >= n, 60, 0.01)
        p.kill()
    p.start()
    wait_for(lambda: sent(p).get((day, "", "")) == "done")
    wait_for(lambda: not json.loads(p.posta("queue", "list", "--json").stdout))
    found, states = made(), sent(p)
    assert all(len(ids) == 1 for ids in found.values()), found
    unsure = [name for name in names if states[day, name, f"killed@{name}"] != "sent"]  # the kill came while they left
    assert len(unsure) <= 3 and set(names) - set(unsure) <= set(found)


def test_by_a_server_elsewhere(outside):
    """A node without submission logs in at one that has it, as a customer does."""
    p, day = outside.make(), today() - 1
    p.settings.write_text(p.settings.read_text().replace(
        "reports: {", f'''reports: {{ via = "127.0.0.1:{p.port("submission")}"; via_verify = false; user = "ana@demo.test"; password = "ana-secret";
        from = "dmarc@demo.test";'''))
    try:
        p.start()
        count_dmarc(p, day, "sender.test", "mailto:via@sender.test")
        restart(p)
        m = email.message_from_bytes(wait_for(lambda: outside.sink.to("via@sender.test"))[0]["data"], policy=email.policy.default)
        assert len(m.get_all("DKIM-Signature")) == 2 and "ESMTPSA" in " ".join(m.get_all("Received"))
        assert "dmarc@demo.test" in m["From"] and sent(p)[day, "sender.test", "via@sender.test"] == "sent"
    finally:
        p.remove()


def test_off(outside):
    p = outside.make("send = false;")
    try:
        p.start()
        count_dmarc(p, today() - 1, "sender.test", "mailto:off@sender.test")
        restart(p)
        time.sleep(2)
        assert not outside.sink.to("off@sender.test") and not sent(p)
    finally:
        p.remove()
