"""What a stranger, a customer with bad intentions, or a role that was taken over may not do."""
import base64
import imaplib
import os
import pathlib
import smtplib
import socket
import subprocess
import sys
import time

import pytest

from lab import SANITIZED, wait_for


class Lines:
    """A raw conversation with a listener."""

    def __init__(self, platform, port, tls=False):
        self.s = socket.create_connection(("127.0.0.1", platform.port(port)), 30)
        if tls:
            self.s = platform.tls.wrap_socket(self.s)
        self.f = self.s.makefile("rb")
        self.greeting = self.f.readline()

    def say(self, text):
        self.s.sendall(text if isinstance(text, bytes) else text.encode())

    def ask(self, text):
        """One line, one line back."""
        self.say(text + "\r\n")
        return self.f.readline()

    def reply(self):
        """The last line of an SMTP reply."""
        while True:
            line = self.f.readline()
            if line[3:4] != b"-":
                return line

    def smtp(self, text):
        self.say(text + "\r\n")
        return self.reply()


def b64(text):
    return base64.b64encode(text.encode()).decode()


def test_a_name_that_is_not_there_looks_like_a_wrong_password(platform):
    answers = {"imap": set(), "pop3": set(), "smtp": set()}
    for name in ("ana", "nobody-here"):
        c = Lines(platform, "imaps", tls=True)
        answers["imap"].add(c.ask(f"a LOGIN {name} wrong"))
        c = Lines(platform, "pop3s", tls=True)
        c.ask(f"USER {name}")
        answers["pop3"].add(c.ask("PASS wrong"))
        c = Lines(platform, "submissions", tls=True)
        c.smtp("EHLO me.example.net")
        answers["smtp"].add(c.smtp("AUTH PLAIN " + b64(f"\0{name}\0wrong")))
    assert all(len(a) == 1 for a in answers.values()), answers


def test_nobody_logs_in_as_another(platform):
    """PLAIN's authorization identity and EXTERNAL are a proxy's, not a customer's."""
    other = b64("bruno@demo.test\0ana@demo.test\0ana-secret")
    c = Lines(platform, "imaps", tls=True)
    assert b"EXTERNAL" not in c.greeting
    assert c.ask(f"a AUTHENTICATE PLAIN {other}").startswith(b"a NO")
    assert c.ask(f"b AUTHENTICATE EXTERNAL {b64('ana')}").startswith(b"b NO")
    c = Lines(platform, "pop3s", tls=True)
    assert c.ask(f"AUTH PLAIN {other}").startswith(b"-ERR")
    assert c.ask(f"AUTH EXTERNAL {b64('ana')}").startswith(b"-ERR")
    c = Lines(platform, "submissions", tls=True)
    c.smtp("EHLO me.example.net")
    assert c.smtp(f"AUTH PLAIN {other}").startswith(b"535")
    assert c.smtp(f"AUTH EXTERNAL {b64('ana')}").startswith(b"504")


@pytest.mark.parametrize("port, command, injected", [
    ("imap", "a STARTTLS", "b LOGIN ana ana-secret"),
    ("pop3", "STLS", "USER ana"),
    ("submission", "EHLO x.example.net\r\nSTARTTLS", "EHLO injected.example.net"),
])
def test_nothing_before_tls_is_heard_after_it(platform, port, command, injected):
    c = Lines(platform, port)
    c.say(f"{command}\r\n{injected}\r\n")
    while not c.f.readline().startswith((b"a OK", b"+OK", b"220")):
        pass
    try:
        s = platform.tls.wrap_socket(c.s)
        s.settimeout(1)
        assert s.recv(100) == b""
    except (OSError, ValueError):
        pass  # closed, or silence


@pytest.mark.parametrize("sender", [
    "BRUNO@demo.test", '"bruno"@demo.test', "@x.example,@demo.test:bruno@DEMO.TEST", "bruno+x@demo.test", '"ana@demo.test"@x.test',
    "ana%x.test@demo.test", "ana@demo.test.x.test", "abuse@demo.test", "ana@sub.demo.test", "\uff42runo@demo.test"])
def test_senders_that_are_not_mine(platform, sender):
    c = Lines(platform, "submissions", tls=True)
    c.smtp("EHLO me.example.net")
    assert c.smtp("AUTH PLAIN " + b64("\0ana\0ana-secret")).startswith(b"235")
    assert c.smtp(f"MAIL FROM:<{sender}> SMTPUTF8")[:1] == b"5"
    assert c.smtp('MAIL FROM:<"ana"@Demo.Test>').startswith(b"250")  # my own, however it is written


def test_a_mail_cannot_end_early_on_its_way_out(platform):
    """APPEND takes any octets: what POP3 sends of them has dots doubled and no bare CR or LF."""
    c = platform.imap("bruno")
    c.append("INBOX", None, None, b"Subject: smuggle\r\n\r\na\n.\nb\r.\rc\r\n.\r\nd\n.\r\n+OK not mine\r\n")
    uid = c.select()[1][0].decode()
    p = Lines(platform, "pop3s", tls=True)
    p.ask("USER bruno")
    assert p.ask("PASS bruno-secret").startswith(b"+OK")
    assert p.ask(f"RETR {uid}").startswith(b"+OK")
    body = b""
    while not body.endswith(b"\r\n.\r\n"):
        body += p.f.readline()
    assert body.count(b"\r\n..\r\n") == 4 and b"not mine" in body, body
    assert body.replace(b"\r\n", b"").strip(b".").find(b"\n") < 0 and b"\r" not in body.replace(b"\r\n", b"")
    assert p.ask("NOOP").startswith(b"+OK")
    c.store("1:*", "+FLAGS", r"\Deleted")
    c.expunge()
    c.logout()


def test_trace_and_queue_do_not_speak_to_the_terminal(platform):
    """C1 controls and turned writing pass RFC 6531's grammar."""
    c = Lines(platform, "smtp")
    c.smtp("EHLO \u009b31m\u202e.example.net")
    evil = "x\u009b2J\u202ey@example.net"
    assert c.smtp(f"MAIL FROM:<{evil}> SMTPUTF8").startswith(b"250")
    assert c.smtp("RCPT TO:<ana@demo.test>").startswith(b"250")
    c.smtp("DATA")
    assert c.smtp("Subject: x\r\n\r\nx\r\n.").startswith(b"250")
    for args in ((), ("--json",)):
        def shown():
            out = platform.posta("trace", evil, *args, check=False).stdout
            return out if "store.saved" in out else ""
        text = wait_for(shown)
        assert not any(ch in text for ch in "\u009b\u202e\x1b"), text


def test_a_disabled_user_is_out_although_remembered(platform):
    platform.posta("user", "add", "gone@demo.test", "--password", "gone-secret")

    def login():
        c = imaplib.IMAP4_SSL("127.0.0.1", platform.port("imaps"), ssl_context=platform.tls, timeout=30)
        try:
            c.login("gone@demo.test", "gone-secret")
            return True
        except imaplib.IMAP4.error:
            return False
        finally:
            c.shutdown()
    wait_for(login)
    assert login()  # remembered
    platform.posta("user", "set", "gone@demo.test", "--disabled")
    wait_for(lambda: not login())
    platform.posta("user", "remove", "gone@demo.test")


def test_submission_waits_for_a_login_and_for_one_author(own_platform):
    p = own_platform('submission: { login_time = "2s"; check_from = true; };').start()
    idle = Lines(p, "submission")
    start = time.monotonic()
    try:
        while time.monotonic() - start < 20 and idle.smtp("NOOP")[:3] == b"250":
            time.sleep(0.3)
    except OSError:
        pass
    assert time.monotonic() - start < 15, "whoever says NOOP holds a connection without a login"
    with smtplib.SMTP_SSL("127.0.0.1", p.port("submissions"), context=p.tls, timeout=30) as s:
        s.login("ana", "ana-secret")
        time.sleep(3)  # the short time was for the login
        with pytest.raises(smtplib.SMTPDataError) as e:
            s.sendmail("ana@demo.test", ["bruno@demo.test"],
                       "From: ana@demo.test\r\nFrom: bruno@demo.test\r\nSubject: x\r\n\r\nx\r\n")
        assert e.value.smtp_code == 550
        s.sendmail("ana@demo.test", ["bruno@demo.test"], "From: ana@demo.test\r\nSubject: x\r\n\r\nx\r\n")


# ---- a role that was taken over ----

TRY = """
import sys
for name in sys.argv[2:]:
    try:
        open(name, sys.argv[1]).close()
        print(name)
    except OSError:
        pass
"""


def opened(status, mode, files):
    """Which of the files a process with this one's user and groups can open."""
    fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    uid, gid = int(fields["Uid"].split()[0]), int(fields["Gid"].split()[0])
    done = subprocess.run([sys.executable, "-c", TRY, mode, *map(str, files)], user=uid, group=gid,
                          extra_groups=[int(g) for g in fields["Groups"].split()], text=True, capture_output=True)
    assert done.returncode == 0, done.stderr
    return {str(f) for f in done.stdout.split("\n") if f}


@pytest.mark.skipif(os.geteuid() != 0, reason="roles share one user without root")
@pytest.mark.parametrize("role, secrets", [
    ("mx", False), ("store", False), ("relay", False), ("monitor", False), ("proxy", True), ("submission", True)])
def test_a_role_reaches_its_own_files_alone(platform, role, secrets):
    pids = platform.role_pid(role)
    assert pids
    status = pathlib.Path(f"/proc/{pids[0]}/status").read_text()
    data = platform.dir / "data"
    files = [f for f in data.rglob("*") if f.is_file() and f.parent != data]
    own = {str(f) for f in files if f.parts[len(data.parts)] == role}
    trace = {str(f) for f in files if "trace" in f.parts[len(data.parts)]}
    hidden = {str(f) for f in files if f.parts[len(data.parts)] == "secrets"}
    directory = {str(f) for f in files if f.parts[len(data.parts)] == "directory"}
    assert hidden and directory
    read, written = opened(status, "rb", files), opened(status, "r+b", files)
    assert (hidden & read == set()) or secrets
    assert not written & directory, "a role writes the directory"
    others = {str(f) for f in files} - own - trace - directory - hidden
    assert not read & others
    assert not written & others
    keys = [f for f in platform.dir.rglob("*key*") if f.is_file() and "secrets" not in f.parts and str(f) not in own]
    assert keys and not opened(status, "rb", keys), "a private key is readable"


@pytest.mark.skipif(os.geteuid() != 0 or SANITIZED, reason="another process's memory is root's, and a sanitizer's too large")
def test_a_role_does_not_know_the_secrets_of_another(own_platform):
    """Decision 0100: a smart host's password is relay's alone."""
    secret = "kept-from-all-but-relay"
    p = own_platform(f"""relay: {{ routes = ( {{ domain = "x.test"; to = "127.0.0.1:9"; tls = "must"; user = "u";
        password = "{secret}"; }} ); }};""").start()
    assert not [r for r in ("mx", "store", "proxy", "submission", "monitor") if knows(p, r, secret)]
    assert knows(p, "relay", secret)  # so that the test can see it at all


def knows(platform, role, secret):
    """Whether the secret stands in the writable memory of the role's process."""
    pid = platform.role_pid(role)[0]
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", 0) as mem:
        for line in maps:
            span, rights = line.split()[:2]
            start, end = (int(x, 16) for x in span.split("-"))
            if not rights.startswith("rw") or end - start > 1 << 30:
                continue
            try:
                mem.seek(start)
                if secret.encode() in mem.read(end - start):
                    return True
            except OSError:
                continue
    return False


def test_one_network_does_not_take_all_connections(own_platform):
    p = own_platform("proxy: { waiting_network = 5; };\nsubmission: { connections_network = 5; };").start()
    for port, ok, no in (("imap", b"* OK", b"* BYE"), ("pop3", b"+OK", b"-ERR"), ("submission", b"220", b"421")):
        waiting = [Lines(p, port) for _ in range(5)]
        assert all(c.greeting.startswith(ok) for c in waiting)
        for _ in range(3):  # being turned away does not count
            assert Lines(p, port).greeting.startswith(no)
        for c in waiting:
            c.f.close()
            c.s.close()
        wait_for(lambda: Lines(p, port).greeting.startswith(ok))
        time.sleep(0.3)
    logged_in = [p.imap("ana") for _ in range(8)]  # those who have logged in count no more
    for c in logged_in:
        c.logout()
