"""A platform whose relay knows an outside of its own: a DNS server and mail servers of the tests."""
import email
import email.policy
import smtplib
import ssl
import subprocess

import pytest

from dns_server import Dns
from smtp_sink import Sink
from lab import Platform, wait_for

USER = "ana@demo.test"


class World:
    def __init__(self, folder):
        self.sink = Sink()
        self.tls = Sink(tls=server_tls(folder))
        self.broken = Sink(broken_tls=True)
        self.modern = Sink(extensions=("PIPELINING", "8BITMIME", "SMTPUTF8", "DSN", "ENHANCEDSTATUSCODES"))
        self.dns = Dns({
            ("outside.test", "MX"): [(20, "good.outside.test"), (10, "down.outside.test")],
            ("good.outside.test", "A"): ["127.0.0.1"],
            ("down.outside.test", "A"): ["127.0.0.9"],
            ("implicit.test", "A"): ["127.0.0.1"],
            ("null.test", "MX"): [(0, "")],
            ("loop.test", "MX"): [(5, "mx.demo.test"), (10, "good.outside.test")],
            ("backup.test", "MX"): [(5, "good.outside.test"), (10, "mx.demo.test"), (20, "down.outside.test")],
        })
        self.platform = Platform(f"""
relay: {{
  schedule = ["1s", "2s"]; lifetime = "1h"; per_destination = 4; connect_time = "2s";
  resolvers = ["127.0.0.1:{self.dns.port}"]; port = {self.sink.port}; allow_loopback = true;
  routes = (
    {{ domain = "tls.test"; to = "127.0.0.1:{self.tls.port}"; }},
    {{ domain = "must.test"; to = "127.0.0.1:{self.sink.port}"; tls = "must"; }},
    {{ domain = "broken.test"; to = "127.0.0.1:{self.broken.port}"; }},
    {{ domain = ".modern.test"; to = "smart.test:{self.modern.port}"; }},
    {{ domain = "away.test"; to = "127.0.0.1:1"; }}
  );
}};
""")
        self.dns.records[("smart.test", "A")] = ["127.0.0.1"]

    def close(self):
        for server in (self.sink, self.tls, self.broken, self.modern, self.dns):
            server.close()

    def login(self, user="ana"):
        s = smtplib.SMTP_SSL("127.0.0.1", self.platform.port("submissions"), context=self.platform.tls, timeout=60)
        s.login(user, f"{user}-secret")
        return s

    def submit(self, to, text="From: ana@demo.test\r\nSubject: out\r\n\r\nhello\r\n", sender=USER, user="ana", **how):
        with self.login(user) as s:
            return s.sendmail(sender, to, text.encode() if isinstance(text, str) else text, **how)

    def entries(self, *args):
        import json
        return json.loads(self.platform.posta("queue", "list", "--json", *args).stdout)

    def trace_has(self, address, text):
        """Waits for it: the trace is written behind."""
        return wait_for(lambda: text in self.platform.posta("trace", address, check=False).stdout)

    def reports(self, user="ana"):
        """The delivery reports in a user's INBOX, newest last."""
        c = self.platform.imap(user)
        try:
            c.select("INBOX", readonly=True)
            found = c.uid("search", None, "FROM", "MAILER-DAEMON")[1][0].split()
            return [email.message_from_bytes(c.uid("fetch", u, "(BODY.PEEK[])")[1][0][1], policy=email.policy.default)
                    for u in found]
        finally:
            c.logout()

    def report_about(self, address, user="ana"):
        def look():
            for m in self.reports(user):
                if m.get_content_type() == "multipart/report" and address in m.as_string():
                    return m
            return None
        return wait_for(look, 30)


def server_tls(folder):
    pem = folder / "sink.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-days", "2", "-subj", "/CN=sink.test", "-keyout", str(pem), "-out", str(folder / "cert.pem")],
                   check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", pem)
    return context


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    w = World(tmp_path_factory.mktemp("sink"))
    try:
        w.platform.start()
        yield w
        assert w.platform.stop() == 0
    finally:
        w.platform.remove()
        w.close()


def fields(report):
    """The per-recipient fields of a report's second part."""
    return report.get_payload()[1].get_payload()[1]
