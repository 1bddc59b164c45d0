"""posta's own filter behind the mx: the same spam from a contact whom SPF confirms, and from a stranger."""
import sys

import pytest

from lab import ROOT, wait_for
from test_verdict import GTUBE, fetch, known, place, quarantine
sys.path.append(str(ROOT / "tests" / "relay"))
from dns_server import Dns  # noqa: E402


def test_contact_passes_stranger_does_not(own_platform):
    with Dns({("penpal.example", "TXT"): ["v=spf1 ip4:127.0.0.1 -all"]}) as names:
        p = own_platform(f'filter: {{ resolvers = ["127.0.0.1:{names.port}"]; dnssec = false; }};')
        p.start()
        p.posta("user", "add", "cora@demo.test", "--password-stdin", input="cora-secret\n")
        p.posta("user", "set", "cora@demo.test", "--spam-level", "off")
        p.posta("user", "contact", "ana@demo.test", "add", "pal@penpal.example")
        wait_for(lambda: known(p, "cora@demo.test"))
        plain = p.send("ana@demo.test")
        assert place(p, plain, "ana") in ("INBOX", "Spam")
        if "NOT_SCANNED" in fetch(p, plain, "ana", place(p, plain, "ana"))["X-Spam-Status"]:
            pytest.fail("the filter did not answer")
        sent = p.send(["ana@demo.test", "bruno@demo.test", "cora@demo.test"], text=GTUBE, sender="pal@penpal.example")
        m = fetch(p, sent, "cora", "INBOX")
        if "GTUBE" not in m["X-Spam-Status"]:
            pytest.skip("the filter has no rules here")
        assert m["Authentication-Results"].startswith("mx.demo.test;") and "spf=pass" in m["Authentication-Results"]
        assert place(p, sent, "ana") == "INBOX"
        assert fetch(p, sent, "ana", "INBOX")["X-Spam-Place"] == "inbox (contact)"
        assert place(p, sent, "bruno") is None and len(quarantine(p, "list", "bruno@demo.test")) == 1
        stranger = p.send("ana@demo.test", text=GTUBE)
        assert place(p, stranger, "ana") is None and len(quarantine(p, "list", "ana@demo.test")) == 1
