"""DMARC through the filter: what a name server publishes decides, and what was seen is counted for its owner's report."""
import json
import pathlib
import subprocess
import sys
import xml.etree.ElementTree

import pytest
from lab import Platform, wait_for

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "relay"))
from dns_server import Dns  # noqa: E402

MESSAGE = b"From: ana@sender.test\r\nTo: ana@demo.test\r\nSubject: hello\r\nMessage-ID: <1@sender.test>\r\n\r\nhello\r\n"


@pytest.fixture(scope="module")
def platform():
    dns = Dns({("sender.test", "TXT"): ["v=spf1 ip4:192.0.2.1 -all"],
               ("_dmarc.sender.test", "TXT"): ["v=DMARC1; p=quarantine; rua=mailto:reports@sender.test"]})
    p = Platform(f'filter: {{ networks = ["127.0.0.1/32"]; resolvers = ["127.0.0.1:{dns.port}"]; }};').start()
    yield p
    p.remove()
    dns.close()


def scan(platform, ip):
    done = subprocess.run(["curl", "-s", "-m", "60", "--data-binary", "@-", "-H", "From: <ana@sender.test>", "-H", "Rcpt: ana@demo.test",
                           "-H", f"IP: {ip}", "-H", "Helo: mx.sender.test", f"http://127.0.0.1:{platform.port('filter')}/checkv2"],
                          input=MESSAGE, capture_output=True, timeout=90, check=True)
    return json.loads(done.stdout)


def test_results_are_counted_for_dmarc_reports(platform):
    for ip in ("192.0.2.1", "192.0.2.1", "192.0.2.66"):
        scan(platform, ip)

    def report():
        done = platform.posta("filter", "reports", "--xml", "--domain", "sender.test", check=False)
        return done.returncode == 0 and xml.etree.ElementTree.fromstring(done.stdout)

    ns = {"d": "urn:ietf:params:xml:ns:dmarc-2.0"}
    rows = {r.findtext("d:source_ip", None, ns): r for r in wait_for(lambda: report() or None, 30).findall("d:record/d:row", ns)}
    assert rows["192.0.2.1"].findtext("d:count", None, ns) == "2"
    assert rows["192.0.2.1"].findtext("d:policy_evaluated/d:disposition", None, ns) == "pass"
    assert rows["192.0.2.66"].findtext("d:policy_evaluated/d:spf", None, ns) == "fail"
    listed, = json.loads(platform.posta("filter", "reports", "--json").stdout)
    assert (listed["domain"], listed["messages"], listed["failed"]) == ("sender.test", 3, 1)
