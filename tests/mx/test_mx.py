"""The mx from outside: whose mail it takes, whose it refuses, and what it says when others are away."""
import os
import signal
import smtplib
import socket
import ssl
import subprocess
import threading
import time

import pytest

from lab import wait_for

OPEN = 'mx: { rate_recipient = 0; rate_pair = 0; };'


class Talk:
    """A raw conversation."""

    def __init__(self, platform, name="smtp", timeout=30, source=None):
        self.s = socket.create_connection(("127.0.0.1", platform.port(name)), timeout, source)
        self.f = self.s.makefile("rb")

    def reply(self):
        lines = []
        while True:
            line = self.f.readline().decode(errors="replace").rstrip("\r\n")
            lines.append(line)
            if line[3:4] != "-":
                return "\n".join(lines)

    def ask(self, text):
        self.s.sendall((text if isinstance(text, bytes) else text.encode()) + b"\r\n")
        return self.reply()

    def close(self):
        self.f.close()
        self.s.close()


@pytest.fixture
def smtp(platform):
    t = Talk(platform)
    assert t.reply().startswith("220 mx.demo.test ")
    assert t.ask("EHLO client.example.net").startswith("250")
    yield t
    t.close()


@pytest.fixture
def lmtp(platform):
    t = Talk(platform, "lmtp")
    assert t.reply().startswith("220")
    assert t.ask("LHLO client.example.net").startswith("250")
    yield t
    t.close()


RELAYS = [
    "x@elsewhere.example", "x%elsewhere.example@demo.test", '"x@elsewhere.example"@demo.test',
    "@demo.test:x@elsewhere.example", "@a,@demo.test:x@elsewhere.example", "elsewhere.example!x@demo.test",
    '"x%elsewhere.example"@demo.test', "x@elsewhere.example@demo.test", "x@[127.0.0.1]", "x@demo.test.elsewhere.example",
    "x@[IPv6:::1]", "<x@elsewhere.example>", "x@demo.test@elsewhere.example", "x@localhost", "x@elsewhere.example\0@demo.test",
    '"<x@elsewhere.example>"@demo.test', "x%[127.0.0.1]@demo.test", "x@elsewhere.example%demo.test",
]


@pytest.mark.parametrize("sender", ["x@example.net", "", "ana@demo.test"])
def test_no_open_relay(smtp, sender):
    assert smtp.ask(f"MAIL FROM:<{sender}>").startswith("250")
    for to in RELAYS:
        reply = smtp.ask(f"RCPT TO:<{to}>")
        assert reply[:2] in ("55", "50"), (to, reply)
        assert "421" not in reply
    assert smtp.ask("DATA").startswith("554")
    smtp.ask("RSET")


def test_extensions_announced(smtp):
    said = smtp.ask("EHLO again")
    for word in ("PIPELINING", "SIZE 52428800", "8BITMIME", "SMTPUTF8", "CHUNKING", "STARTTLS", "ENHANCEDSTATUSCODES", "DSN"):
        assert f"250-{word}\n" in said + "\n" or f"250 {word}" in said, word
    assert "AUTH" not in said


def test_addresses(smtp):
    smtp.ask("MAIL FROM:<>")
    for to in ("ana@demo.test", "ANA@Demo.Test", '"ana"@demo.test', "ana+tag@demo.test", "@relay.example:ana@demo.test",
               "postmaster", "Postmaster@demo.test"):
        assert smtp.ask(f"RCPT TO:<{to}>").startswith("250"), to
    assert smtp.ask("RCPT TO:<nobody@demo.test>").startswith("550 5.1.1")
    assert smtp.ask("RCPT TO:<x@elsewhere.example>").startswith("550 5.7.1")
    assert smtp.ask("RCPT TO:<jos\u00e9@demo.test>").startswith("553 5.6.7")


def test_message_with_everything(platform, smtp):
    mid = f"<every.{time.time_ns()}@example.net>"
    body = f"Message-ID: {mid}\r\nSubject: x\r\n\r\n.\r\n..dots\r\n\u00fc\r\nno line end"
    raw = body.encode()
    assert smtp.ask(f"MAIL FROM:<jos\u00e9@example.net> SIZE={len(raw)} BODY=8BITMIME SMTPUTF8 RET=HDRS ENVID=1").startswith("250")
    assert smtp.ask("RCPT TO:<ana@demo.test> NOTIFY=NEVER ORCPT=rfc822;a+2Bb@x").startswith("250")
    assert smtp.ask("RCPT TO:<bruno@demo.test>").startswith("250")
    smtp.s.sendall(b"BDAT 20\r\n" + raw[:20])
    assert smtp.reply().startswith("250")
    smtp.s.sendall(f"BDAT {len(raw) - 20} LAST\r\n".encode() + raw[20:])
    assert smtp.reply().startswith("250 2.0.0")
    for user in ("ana", "bruno"):
        uid = platform.find(mid, user)[0].decode()
        c = platform.imap(user)
        c.select()
        got = c.uid("fetch", uid, "(BODY.PEEK[])")[1][0][1]
        c.logout()
        assert got.endswith(raw) or got.endswith(raw + b"\r\n")
        assert got.startswith("Return-Path: <jos\u00e9@example.net>".encode())
        assert b"with UTF8SMTP id " in got


def test_bdat_and_pipelining_in_one_piece(platform):
    mid = f"<pipe.{time.time_ns()}@example.net>"
    t = Talk(platform)
    t.reply()
    t.ask("EHLO x")
    text = f"Message-ID: {mid}\r\n\r\nx\r\n".encode()
    t.s.sendall(b"MAIL FROM:<p@example.net>\r\nRCPT TO:<nobody@demo.test>\r\nRCPT TO:<ana@demo.test>\r\n"
                b"BDAT %d LAST\r\n%sNOOP\r\nQUIT\r\n" % (len(text), text))
    assert [t.reply()[:3] for _ in range(6)] == ["250", "550", "250", "250", "250", "221"]
    t.close()
    assert platform.find(mid)


def test_size(smtp):
    assert smtp.ask("MAIL FROM:<x@example.net> SIZE=52428801").startswith("552 5.3.4")
    assert smtp.ask("MAIL FROM:<x@example.net> SIZE=1").startswith("250")


def test_loop(smtp):
    smtp.ask("MAIL FROM:<x@example.net>")
    smtp.ask("RCPT TO:<ana@demo.test>")
    smtp.ask("DATA")
    assert smtp.ask("Received: from a by b; date\r\n" * 60 + "\r\n\r\n.").startswith("554 5.4.6")


@pytest.mark.parametrize("text", ["a\nb", "a\rb", "a\n.\nb", "a\r\n.\nb"])
def test_bare_line_ends(smtp, text):
    smtp.ask("MAIL FROM:<x@example.net>")
    smtp.ask("RCPT TO:<ana@demo.test>")
    smtp.ask("DATA")
    assert smtp.ask(f"Subject: x\r\n\r\n{text}\r\n.").startswith("554 5.6.0")
    smtp.ask("MAIL FROM:<x@example.net>")
    smtp.ask("RCPT TO:<ana@demo.test>")
    smtp.s.sendall(f"BDAT {len(text)} LAST\r\n{text}".encode())
    assert smtp.reply().startswith("554 5.6.0")


def test_bare_lf_in_a_command(platform):
    t = Talk(platform)
    t.reply()
    t.s.sendall(b"EHLO x\nMAIL FROM:<x@example.net>\r\n")
    assert t.reply().startswith("554 5.5.2")
    assert t.f.readline() == b""
    t.close()


def test_starttls_forgets(platform):
    t = Talk(platform)
    t.reply()
    t.ask("EHLO x")
    t.ask("MAIL FROM:<x@example.net>")
    assert t.ask("STARTTLS").startswith("503")
    t.ask("RSET")
    t.s.sendall(b"STARTTLS\r\nMAIL FROM:<evil@example.net>\r\nRCPT TO:<ana@demo.test>\r\n")
    assert t.reply().startswith("220")
    try:
        t.f.close()
        tls = platform.tls.wrap_socket(t.s)
        tls.sendall(b"MAIL FROM:<x@example.net>\r\n")
        assert tls.recv(1000).startswith(b"503")
        tls.close()
    except (ssl.SSLError, ConnectionError):
        pass  # the octets in clear broke the handshake, which is as good


def test_http_is_told_once(platform):
    t = Talk(platform)
    t.reply()
    t.s.sendall(b"POST / HTTP/1.1\r\nHost: x\r\n\r\nMAIL FROM:<x@example.net>\r\n")
    assert t.reply().startswith("554")
    assert t.f.readline() == b""
    t.close()


def test_lmtp_answers_each(platform, lmtp):
    mid = f"<lmtp.{time.time_ns()}@example.net>"
    assert lmtp.ask("EHLO x").startswith("500")
    assert lmtp.ask("MAIL FROM:<x@example.net>").startswith("250")
    assert lmtp.ask("RCPT TO:<ana@demo.test>").startswith("250")
    assert lmtp.ask("RCPT TO:<nobody@demo.test>").startswith("550 5.1.1")
    assert lmtp.ask("RCPT TO:<bruno+x@demo.test>").startswith("250")
    assert lmtp.ask("DATA").startswith("354")
    assert lmtp.ask(f"Message-ID: {mid}\r\n\r\nx\r\n.").startswith("250")
    assert lmtp.reply().startswith("250")
    assert platform.find(mid) and platform.find(mid, "bruno")


def test_delivery_id_makes_one_copy(platform, lmtp):
    """A retry after a lost answer: the partition remembers the id."""
    mid = f"<once.{time.time_ns()}@example.net>"
    token = f"T{time.time_ns()}"[:20]
    for _ in range(3):
        assert lmtp.ask(f"MAIL FROM:<x@example.net> XDELIVERYID={token}").startswith("250")
        assert lmtp.ask("RCPT TO:<ana@demo.test>").startswith("250")
        assert lmtp.ask("DATA").startswith("354")
        assert lmtp.ask(f"Message-ID: {mid}\r\n\r\nx\r\n.").startswith("250")
    assert len(platform.find(mid)) == 1


def test_smtp_does_not_take_a_delivery_id(smtp):
    assert smtp.ask("MAIL FROM:<x@example.net> XDELIVERYID=abc").startswith("555")


def test_alias_and_elsewhere(own_platform):
    p = own_platform(OPEN).start()
    p.posta("alias", "add", "team@demo.test", "ana@demo.test", "bruno@demo.test")
    wait_for(lambda: rcpt(p, "team@demo.test") == 250)
    mid = p.send(["team@demo.test", "ana@demo.test"])
    wait_for(lambda: p.find(mid) and p.find(mid, "bruno"))
    assert len(p.find(mid)) == 1


def rcpt(platform, address, sender="x@example.net"):
    with smtplib.SMTP("127.0.0.1", platform.port("smtp"), timeout=30) as s:
        s.ehlo()
        s.mail(sender)
        return s.rcpt(address)[0]


def test_dictionary_attack(own_platform):
    p = own_platform('mx: { unknown_slow = 5; unknown_refuse = 12; tarpit = "400ms"; };').start()
    t = Talk(p)
    t.reply()
    t.ask("EHLO x")
    t.ask("MAIL FROM:<x@example.net>")
    seen = []
    for i in range(40):
        began = time.monotonic()
        reply = t.ask(f"RCPT TO:<guess{i}@demo.test>")
        seen.append((reply[:3], time.monotonic() - began))
        if reply[:3] == "421":
            break
    assert [c for c, _ in seen] == ["550"] * 12 + ["421"]
    assert max(d for _, d in seen[:5]) < 0.3 and min(d for _, d in seen[6:12]) > 0.35
    t.close()
    t = Talk(p)
    assert t.reply().startswith("421 4.7.0")
    t.close()


def test_mail_bomb(own_platform):
    p = own_platform("mx: { rate_recipient = 6; rate_pair = 3; };").start()
    codes = [rcpt(p, "ana@demo.test", "bomb@example.net") for _ in range(5)]
    assert codes == [250] * 3 + [452] * 2
    assert rcpt(p, "bruno@demo.test", "bomb@example.net") == 250
    assert rcpt(p, "ana@demo.test", "other@example.net") == 250
    assert rcpt(p, "ana@demo.test", "third@example.net") == 452


def test_connection_limits(own_platform):
    p = own_platform("mx: { connections_network = 3; connection_rate = 20; };").start()
    talks = [Talk(p) for _ in range(4)]
    assert sorted(t.reply()[:3] for t in talks) == ["220"] * 3 + ["421"]
    for t in talks:
        t.close()
    codes = []
    for _ in range(30):
        t = Talk(p)
        codes.append(t.reply()[:3])
        t.close()
        time.sleep(0.02)
    assert "220" in codes and codes[-1] == "421"


def test_over_quota(own_platform):
    p = own_platform('mx: { rate_recipient = 0; rate_pair = 0; }; store: { over_quota_permanent = false; };').start()
    p.posta("user", "set", "bruno@demo.test", "--quota", "100k")
    text = "x" * 70 + "\r\n"

    def fill():
        p.send("bruno@demo.test", text * 600)

    with pytest.raises((smtplib.SMTPRecipientsRefused, smtplib.SMTPDataError)) as refused:
        for _ in range(20):
            fill()
            time.sleep(0.2)
    assert "4.2.2" in str(refused.value)
    # One has room, the other has not: the sender is told at RCPT.
    with smtplib.SMTP("127.0.0.1", p.port("smtp"), timeout=30) as s:
        bad = s.sendmail("x@example.net", ["ana@demo.test", "bruno@demo.test"], "Subject: x\r\n\r\n" + text * 600)
    assert list(bad) == ["bruno@demo.test"] and bad["bruno@demo.test"][0] == 452


def test_many_at_once(own_platform):
    """Two hundred clients at a time; each 250 is in its mailbox."""
    p = own_platform("mx: { rate_recipient = 0; rate_pair = 0; connections_network = 1000; };").start()
    sent, lock = [], threading.Lock()

    def client(i):
        for _ in range(3):
            mid = p.send("ana@demo.test", sender=f"s{i}@example.net")
            with lock:
                sent.append(mid)
    threads = [threading.Thread(target=client, args=(i,)) for i in range(50)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert len(sent) == 150
    c = p.imap()
    assert int(c.select()[1][0]) == 150
    c.logout()


def queued(platform, role):
    return platform.posta("queue", "list", "--role", role).stdout


def test_alias_to_elsewhere_goes_to_relay(own_platform):
    """One trace id from mx to relay's queue; with relay away the mx keeps it."""
    p = own_platform('mx: { rate_recipient = 0; rate_pair = 0; backend_timeout = "1s"; backend_pause = "1s"; };').start()
    p.posta("alias", "add", "out@demo.test", "ana@demo.test", "friend@elsewhere.invalid")
    wait_for(lambda: rcpt(p, "out@demo.test") == 250)
    mid = p.send("out@demo.test")
    wait_for(lambda: p.find(mid))
    wait_for(lambda: "mx.relayed" in p.posta("trace", "friend@elsewhere.invalid", check=False).stdout)
    wait_for(lambda: "relay.queued" in p.posta("trace", "friend@elsewhere.invalid").stdout)  # written behind
    trace = p.posta("trace", "friend@elsewhere.invalid").stdout
    assert "relay." in trace and trace.count("mx.mail") == 1
    for pid in p.role_pid("relay"):
        os.kill(pid, signal.SIGSTOP)
    try:
        mid = p.send("out@demo.test")
        wait_for(lambda: p.find(mid))
        assert "friend@elsewhere.invalid" in queued(p, "mx") and "ana@demo.test" not in queued(p, "mx")
    finally:
        for pid in p.role_pid("relay"):
            os.kill(pid, signal.SIGCONT)
    p.posta("queue", "flush")
    wait_for(lambda: "friend@elsewhere.invalid" not in queued(p, "mx"))
    assert len(p.find(mid)) == 1


def test_user_who_moves(own_platform):
    """`moving` means hold: 250, kept here, delivered when the move is over."""
    p = own_platform(OPEN).start()
    p.posta("user", "set", "bruno@demo.test", "--state", "moving")
    time.sleep(1)
    mid = p.send("bruno@demo.test")
    assert "bruno@demo.test" in queued(p, "mx")
    time.sleep(3)
    assert "bruno@demo.test" in queued(p, "mx")
    p.posta("user", "set", "bruno@demo.test", "--state", "home")
    time.sleep(1)
    p.posta("queue", "flush")
    wait_for(lambda: p.find(mid, "bruno"), 90)
    assert len(p.find(mid, "bruno")) == 1


def test_user_on_a_backend_that_is_not_there(own_platform):
    """Another box has the mailbox; nobody answers there: kept, and delivered when the user is back here."""
    p = own_platform(OPEN + ' backends: { old: { lmtp = "127.0.0.1:1"; }; };').start()
    p.posta("user", "set", "bruno@demo.test", "--backend", "old")
    time.sleep(1)
    mid = p.send(["bruno@demo.test", "ana@demo.test"])
    assert p.find(mid)
    assert "bruno@demo.test" in queued(p, "mx") and "ana@demo.test" not in queued(p, "mx")
    p.posta("user", "set", "bruno@demo.test", "--backend", "")
    time.sleep(1)
    p.posta("queue", "flush")
    wait_for(lambda: p.find(mid, "bruno"), 60)


def test_foreign_backend_by_lmtp(own_platform):
    """mx delivers to somebody else's store: each answer of it reaches the client."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        got = []

        def answer(c):
            f = c.makefile("rwb")

            def say(text):
                f.write(text.encode() + b"\r\n")
                f.flush()
            say("220 old LMTP")
            while True:
                line = f.readline().decode().strip()
                if not line or line.upper() == "QUIT":
                    return
                if line.upper().startswith("LHLO"):
                    say("250-old\r\n250 PIPELINING")
                elif line.upper().startswith("RCPT TO:<BRUNO"):
                    say("552 5.2.2 full")
                elif line.upper() == "DATA":
                    say("354 go")
                    while f.readline() != b".\r\n":
                        pass
                    got.append("mail")
                    say("250 2.0.0 old has it")
                else:
                    say("250 2.0.0 OK")

        def serve():
            while True:
                try:
                    c, _ = server.accept()
                except OSError:
                    return
                threading.Thread(target=answer, args=(c,), daemon=True).start()
        threading.Thread(target=serve, daemon=True).start()
        p = own_platform(OPEN + f' backends: {{ old: {{ lmtp = "127.0.0.1:{port}"; }}; }};').start()
        for user in ("ana", "bruno"):
            p.posta("user", "set", f"{user}@demo.test", "--backend", "old")
        wait_for(lambda: rcpt(p, "bruno@demo.test") == 552)
        assert rcpt(p, "ana@demo.test") == 250
        p.send("ana@demo.test")
        assert got == ["mail"]


def test_disabled_user(own_platform):
    p = own_platform(OPEN).start()
    p.posta("user", "set", "bruno@demo.test", "--disabled")
    wait_for(lambda: rcpt(p, "bruno@demo.test") == 550)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs another user than root")
def test_internal_sockets_refuse_strangers(platform):
    """No role trusts an address alone: another user on this machine gets nothing from the unix sockets."""
    sockets = [s for s in platform.dir.glob("run/*.sock")]
    assert sockets
    code = ("import socket, sys\n"
            "s = socket.socket(socket.AF_UNIX); s.settimeout(5)\n"
            "try:\n    s.connect(sys.argv[1]); s.sendall(b'LHLO x\\r\\n'); print(repr(s.recv(100)))\n"
            "except OSError as e:\n    print('refused', e)\n")
    # A role that is not listed is a stranger too: proxy has no business at LMTP.
    tries = [("nobody", path) for path in sockets] + [("posta-proxy", platform.dir / "run/store-lmtp.sock")]
    for user, path in tries:
        done = subprocess.run(["runuser", "-u", user, "--", "/usr/bin/python3", "-c", code, str(path)],
                              text=True, capture_output=True, timeout=30)
        assert done.stdout.startswith("refused") or done.stdout.strip() == "b''", (path, done.stdout, done.stderr)
