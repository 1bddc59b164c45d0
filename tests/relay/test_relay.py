"""Deliveries to the outside: RFC 5321 5.1, 3464, 7505."""
import json
import os
import signal
import subprocess
import threading

import pytest

from lab import wait_for
from relay_world import world  # noqa: F401

REPORT = "message/delivery-status"


def status_of(report):
    part = report.get_payload()[1]
    assert part.get_content_type() == REPORT
    return part.get_payload()[1]


def test_dead_address_comes_back(world):
    world.submit(["dead1@outside.test", "alive1@outside.test"],
                 "From: ana@demo.test\r\nSubject: to the dead\r\n\r\nhello\r\n")
    report = world.report_about("dead1@outside.test")
    assert report["Auto-Submitted"] == "auto-replied"
    assert report["To"] == "<ana@demo.test>" or "ana@demo.test" in report["To"]
    rcpt = status_of(report)
    assert rcpt["Action"] == "failed" and rcpt["Status"] == "5.1.1"
    assert "dead1@outside.test" in rcpt["Final-Recipient"]
    assert "550 5.1.1" in rcpt["Diagnostic-Code"]
    assert "to the dead" in report.get_payload()[2].as_string()
    assert "alive1@outside.test" not in report.as_string().split("message/rfc822")[0]
    wait_for(lambda: world.sink.to("alive1@outside.test"))


@pytest.mark.parametrize("address,status", [
    ("x1@null.test", "5.1.10"),            # RFC 7505
    ("x2@no.such.domain.test", "5.1.2"),
    ("x3@loop.test", "5.4.6"),             # RFC 5321 5.1: our own name is the best MX
    ("bigx4@outside.test", "5.3.4"),
])
def test_reports_say_why(world, address, status):
    world.submit([address])
    rcpt = status_of(world.report_about(address))
    assert rcpt["Status"] == status and rcpt["Action"] == "failed"


def test_implicit_mx_and_backup(world):
    world.submit(["a@implicit.test", "a@backup.test"])
    wait_for(lambda: world.sink.to("a@implicit.test") and world.sink.to("a@backup.test"))


def test_opportunistic_tls(world):
    world.submit(["a@tls.test"])
    assert wait_for(lambda: world.tls.to("a@tls.test"))[0]["tls"]
    world.trace_has("a@tls.test", "TLSv1")


def test_broken_tls_falls_back(world):
    world.submit(["a@broken.test"])
    assert not wait_for(lambda: world.broken.to("a@broken.test"))[0]["tls"]
    world.trace_has("a@broken.test", "in clear although it offers TLS")


def test_tls_must(world):
    world.submit(["a@must.test"])
    entry = wait_for(lambda: [e for e in world.entries("--destination", f"127.0.0.1:{world.sink.port}")
                              if e["recipients"][0]["attempts"] > 0])[0]
    assert "STARTTLS" in entry["recipients"][0]["text"]
    world.platform.posta("queue", "remove", entry["id"])
    assert not world.sink.to("a@must.test")


def test_dsn_parameters_are_handed_on(world):
    with world.login() as s:
        s.ehlo()
        s.mail("ana@demo.test", ["ENVID=env-7", "RET=HDRS"])
        s.rcpt("a@x.modern.test", ["NOTIFY=SUCCESS,FAILURE", "ORCPT=rfc822;first@x.modern.test"])
        assert s.data(b"Subject: x\r\n\r\nx\r\n")[0] == 250
    lines = " ".join(wait_for(lambda: world.modern.to("a@x.modern.test"))[0]["lines"])
    assert "ENVID=env-7" in lines and "RET=HDRS" in lines and "NOTIFY=SUCCESS,FAILURE" in lines
    assert "ORCPT=rfc822;first@x.modern.test" in lines


def test_relayed_report_where_dsn_ends(world):
    with world.login() as s:
        s.ehlo()
        s.mail("ana@demo.test")
        s.rcpt("asked@outside.test", ["NOTIFY=SUCCESS"])
        assert s.data(b"Subject: x\r\n\r\nx\r\n")[0] == 250
    assert status_of(world.report_about("asked@outside.test"))["Action"] == "relayed"


def test_smtputf8_where_it_is_not_known(world):
    with world.login() as s:
        s.ehlo()
        s.sock.sendall("MAIL FROM:<ana@demo.test> SMTPUTF8\r\nRCPT TO:<ñandú@outside.test>\r\nDATA\r\n".encode())
        assert s.getreply()[0] == 250 and s.getreply()[0] == 250 and s.getreply()[0] == 354
        s.sock.sendall(b"Subject: x\r\n\r\nx\r\n.\r\n")
        assert s.getreply()[0] == 250
    wait_for(lambda: any("5.6.7" in m.as_string() for m in world.reports()), 30)


def test_limits_and_reuse(world):
    before = world.sink.connections
    for k in range(12):
        world.submit([f"slow{k}@outside.test"])
    wait_for(lambda: all(world.sink.to(f"slow{k}@outside.test") for k in range(12)), 40)
    assert world.sink.most <= 8  # 4 a destination: outside.test and implicit or backup
    assert world.sink.connections - before < 12


# ---- posta queue ----
def held_back(world, address):
    def look():
        return [e for e in world.entries("--address", address) if e["recipients"][0]["attempts"] > 0]
    return wait_for(look)[0]


def test_queue_command(world):
    posta = world.platform.posta
    world.submit(["later1@outside.test"])
    entry = held_back(world, "later1@outside.test")
    assert entry["from"] == "ana@demo.test" and entry["recipients"][0]["status"] == "4.2.0"
    shown = posta("queue", "show", entry["id"]).stdout
    assert "Subject: out" in shown and "451 4.2.0 Come back later" in shown
    wait_for(lambda: posta("queue", "hold", entry["id"], check=False).returncode == 0)
    assert world.entries("--address", "later1@outside.test")[0]["recipients"][0]["state"] == "held"
    posta("queue", "release", entry["id"])
    assert world.entries("--address", "later1@outside.test")[0]["recipients"][0]["state"] == "waiting"
    wait_for(lambda: posta("queue", "retry", entry["id"], check=False).returncode == 0)
    wait_for(lambda: posta("queue", "remove", entry["id"], check=False).returncode == 0)
    assert not world.entries("--address", "later1@outside.test")
    assert posta("queue", "show", entry["id"], check=False).returncode == 1
    assert posta("queue", "frobnicate", check=False).returncode == 2


def test_flush_after_an_outage(world):
    world.submit(["a@away.test"])
    entry = held_back(world, "a@away.test")
    assert entry["recipients"][0]["status"].startswith("4.4")
    world.platform.posta("queue", "flush", "127.0.0.1:1")
    world.platform.posta("queue", "remove", entry["id"], check=False)


# ---- trust ----
@pytest.mark.skipif(os.geteuid() != 0, reason="roles have users of their own only when started as root")
def test_strangers_cannot_use_relay(world):
    path = world.platform.dir / "run" / "relay-smtp.sock"
    code = (f"import socket; s = socket.socket(socket.AF_UNIX); s.settimeout(5); s.connect({str(path)!r}); "
            "print(s.recv(100))")
    out = subprocess.run(["runuser", "-u", "nobody", "--", "/usr/bin/python3", "-c", code], text=True,
                         capture_output=True)
    assert "220" not in out.stdout


def test_reload_takes_new_routes(own_platform):
    import smtplib
    from smtp_sink import Sink
    with Sink() as sink:
        p = own_platform('relay: { routes = ( { domain = "first.test"; to = "127.0.0.1:1"; } ); };').start()
        conf = p.conf.read_text()
        p.conf.write_text(conf.replace('"first.test"; to = "127.0.0.1:1"',
                                       f'"second.test"; to = "127.0.0.1:{sink.port}"'))
        os.kill(p.process.pid, signal.SIGHUP)

        def sent():
            with smtplib.SMTP_SSL("127.0.0.1", p.port("submissions"), context=p.tls, timeout=30) as s:
                s.login("ana", "ana-secret")
                s.sendmail("ana@demo.test", ["a@second.test"], "Subject: x\r\n\r\nx\r\n")
            try:
                return wait_for(lambda: sink.to("a@second.test"), 2)
            except AssertionError:
                return None
        assert wait_for(sent, 20)


# ---- crashes ----
def test_kill_of_relay_loses_nothing(world):
    """Each 250 of submission is delivered although relay is killed again and again."""
    acknowledged, stop = [], threading.Event()

    def submit(k):
        n = 0
        while not stop.is_set():
            address = f"crash{k}.{n}@outside.test"
            n += 1
            try:
                with world.login() as s:
                    for _ in range(20):
                        if stop.is_set():
                            break
                        s.sendmail("ana@demo.test", [address], "Subject: crash\r\n\r\nx\r\n")
                        acknowledged.append(address)
                        address = f"crash{k}.{n}@outside.test"
                        n += 1
            except Exception:
                pass

    threads = [threading.Thread(target=submit, args=(k,)) for k in range(4)]
    for t in threads:
        t.start()
    for _ in range(3):
        stop.wait(1.5)
        for pid in world.platform.role_pid("relay"):
            os.kill(pid, signal.SIGKILL)
    stop.wait(2)
    stop.set()
    for t in threads:
        t.join(60)
    assert len(acknowledged) > 20
    missing = []

    def all_there():
        with world.sink.lock:
            there = {a for m in world.sink.messages for a in m["to"]}
        missing[:] = [a for a in acknowledged if a not in there]
        return not missing
    wait_for(all_there, 60)


def test_sessions_are_counted_for_tls_reports(world):
    """RFC 8460 4: of domains whose servers the DNS names; those of our own routes have no report."""
    world.submit(["tls-report@implicit.test"], text="From: bruno@demo.test\r\nSubject: out\r\n\r\nhello\r\n", sender="bruno@demo.test",
                 user="bruno")  # ana may have used up her hour in the test before
    wait_for(lambda: world.sink.to("tls-report@implicit.test"))

    def report():
        done = world.platform.posta("filter", "reports", "--tls", "--domain", "implicit.test", check=False)
        return done.returncode == 0 and json.loads(done.stdout)

    got = wait_for(report, 30)
    policy, = got["policies"]
    assert policy["policy"] == {"policy-type": "no-policy-found", "policy-domain": "implicit.test"}
    assert policy["summary"]["total-failure-session-count"] >= 1
    assert policy["failure-details"][0]["result-type"] == "starttls-not-supported"
