"""The recursive DNS server: a real Unbound that the role configures, watches and starts again."""
import os
import pathlib
import signal
import smtplib
import ssl
import sys
import time
import urllib.request

import dns.exception
import dns.message
import dns.query
import dns.rcode
import pytest

from lab import wait_for

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "relay"))
from dns_server import Dns  # noqa: E402

ALIVE = "alive.posta.invalid"


def ask(p, name, kind="A", source=None, timeout=1.0, tcp=False):
    query = dns.message.make_query(name, kind)
    how = dns.query.tcp if tcp else dns.query.udp
    return how(query, "127.0.0.1", port=p.port("resolver"), timeout=timeout, source=source)


def addresses(answer):
    return [r.to_text() for s in answer.answer for r in s]


def unbound(p):
    """The process id of this platform's Unbound."""
    mine = f"{p.dir}/data/resolver/unbound.conf"
    for entry in pathlib.Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and mine in (entry / "cmdline").read_text().split("\0"):
                return int(entry.name)
        except OSError:
            continue
    return None


def metric(p, name):
    text = urllib.request.urlopen(f"http://127.0.0.1:{p.port('metrics')}/metrics", timeout=10).read().decode()
    for line in text.splitlines():
        if line.startswith(f'{name}{{role="resolver"'):
            return int(line.split()[-1])
    raise AssertionError(f"no {name}")


def comes_back(p, seconds):
    """Asks without a pause until there is an answer; how long that took."""
    began = time.monotonic()
    while time.monotonic() - began < seconds:
        try:
            if addresses(ask(p, ALIVE, timeout=0.1)) == ["127.0.0.1"]:
                return time.monotonic() - began
        except (dns.exception.Timeout, OSError):
            pass
    raise AssertionError(f"no answer within {seconds} s:\n{p.log_text()[-3000:]}")


@pytest.fixture
def resolving(own_platform):
    """A platform whose resolver asks a small server of ours for lab.test; gives both."""
    with Dns({("www.lab.test", "A"): ["192.0.2.7"]}) as server:
        p = own_platform(f"""resolver: {{ insecure = ["test"]; networks = ["127.0.0.1/32"]; probe = "100ms";
            probe_time = "1s"; expired_after = "300ms";
            stubs = ( {{ name = "lab.test"; servers = ["127.0.0.1:{server.port}"]; }} ); }};""").start()
        yield p, server


def test_answers_customers_and_refuses_others(resolving):
    p, _ = resolving
    assert addresses(ask(p, "www.lab.test")) == ["192.0.2.7"]
    assert addresses(ask(p, "www.lab.test", tcp=True)) == ["192.0.2.7"]
    assert ask(p, "none.lab.test").rcode() == dns.rcode.NXDOMAIN
    assert ask(p, "www.lab.test", source="127.0.0.9").rcode() == dns.rcode.REFUSED
    wait_for(lambda: metric(p, "posta_resolver_queries_total") > 3)
    assert metric(p, "posta_resolver_up") == 1


def test_killed_under_load_comes_back_within_a_second(resolving):
    p, _ = resolving
    for _ in range(3):
        first = wait_for(lambda: unbound(p))
        os.kill(first, signal.SIGKILL)
        assert comes_back(p, 5) < 1
        assert wait_for(lambda: unbound(p)) != first
        time.sleep(2.1)  # one that lived for two seconds is started again at once
    assert metric(p, "posta_resolver_starts_total") == 4


def test_role_killed_takes_its_unbound_along_and_comes_back(resolving):
    p, _ = resolving
    first = unbound(p)
    role = int(pathlib.Path(f"/proc/{first}/stat").read_text().rsplit(")", 1)[1].split()[1])
    os.kill(role, signal.SIGKILL)
    wait_for(lambda: unbound(p) not in (None, first))
    comes_back(p, 5)


def test_frozen_one_is_replaced(resolving):
    p, _ = resolving
    first = unbound(p)
    os.kill(first, signal.SIGSTOP)
    try:
        wait_for(lambda: unbound(p) not in (None, first))
        comes_back(p, 5)
        assert metric(p, "posta_resolver_kills_total") == 1
    finally:
        try:
            os.kill(first, signal.SIGCONT)
        except ProcessLookupError:
            pass


def test_expired_answers_while_nobody_else_answers(own_platform):
    """RFC 8767: the small server gives TTLs of one second, and then is gone."""
    with Dns({("www.lab.test", "A"): ["192.0.2.7"]}) as server:
        p = own_platform(f"""resolver: {{ insecure = ["test"]; expired_after = "200ms";
            stubs = ( {{ name = "lab.test"; servers = ["127.0.0.1:{server.port}"]; }} ); }};""").start()
        assert addresses(ask(p, "www.lab.test")) == ["192.0.2.7"]
    time.sleep(2)
    assert addresses(ask(p, "www.lab.test", timeout=5)) == ["192.0.2.7"]


def test_zones_of_the_directory_are_asked_at_our_own_servers(own_platform):
    """A zone that is added while the resolver runs: its configuration follows, its cache stays."""
    with Dns({("www.ours.test", "A"): ["192.0.2.8"], ("www.lab.test", "A"): ["192.0.2.7"]}) as server:
        p = own_platform(f"""resolver: {{ insecure = ["test"]; stubs = (
            {{ name = "lab.test"; servers = ["127.0.0.1:{server.port}"]; }} ); }};""").start()
        assert addresses(ask(p, "www.lab.test")) == ["192.0.2.7"]
        process = unbound(p)
        settings = p.dir / "data" / "resolver" / "unbound.conf"
        p.posta("zone", "add", "ours.test")
        wait_for(lambda: 'name: "ours.test"' in settings.read_text())
        assert unbound(p) == process
        comes_back(p, 5)
    assert f"stub-addr: 127.0.0.1@{p.port('dns')}" in settings.read_text()


def test_relay_asks_the_resolver_of_its_node(resolving):
    p, _ = resolving
    asked = metric(p, "posta_resolver_queries_total")
    with smtplib.SMTP_SSL("127.0.0.1", p.port("submissions"), context=ssl._create_unverified_context()) as s:
        s.login("ana", "ana-secret")
        s.sendmail("ana@demo.test", ["x@none.lab.test"], "Subject: one\r\n\r\nText\r\n")
    wait_for(lambda: metric(p, "posta_resolver_queries_total") > asked, 30)
