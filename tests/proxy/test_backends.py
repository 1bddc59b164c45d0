"""Mailboxes that live elsewhere: proxy and mx in front of somebody else's IMAP, POP3 and LMTP servers."""
import base64
import os
import poplib
import signal
import smtplib
import socketserver
import threading

import pytest

from lab import wait_for


class Server(socketserver.ThreadingTCPServer):
    """A small server of the test: seen keeps what was said to it."""
    allow_reuse_address = daemon_threads = True

    def __init__(self, handler, port=0):
        super().__init__(("127.0.0.1", port), handler)
        self.seen = []
        self.port = self.server_address[1]
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def end(self):
        self.shutdown()
        self.server_close()


class Lines(socketserver.StreamRequestHandler):
    def say(self, text):
        self.wfile.write(text.encode() + b"\r\n")

    def hear(self):
        line = self.rfile.readline()
        if not line:
            raise ConnectionAbortedError
        return line.decode().rstrip("\r\n")

    def handle(self):
        try:
            self.talk()
        except (ConnectionError, ValueError):
            pass


class Imap(Lines):
    def talk(self):
        self.say("* OK old system ready")
        tag, command, mechanism = self.hear().split()
        assert (command, mechanism) == ("AUTHENTICATE", "PLAIN")
        self.say("+ ")
        who = base64.b64decode(self.hear()).decode().split("\0")
        self.server.seen.append(who)
        if who[2] != "master-word" and who[2] != "old-secret":
            return self.say(f"{tag} NO [AUTHENTICATIONFAILED] no")
        self.say(f"{tag} OK [CAPABILITY IMAP4rev1 X-OLD] in")
        while True:
            tag, command = self.hear().split()[:2]
            self.say(f"{tag} OK {command} by the old system for {who[0] or who[1]}")


class Pop3(Lines):
    def talk(self):
        self.say("+OK old system")
        assert self.hear() == "AUTH PLAIN"
        self.say("+ ")
        self.server.seen.append(base64.b64decode(self.hear()).decode().split("\0"))
        self.say("+OK in")
        while True:
            self.say("+OK 7 700" if self.hear() == "STAT" else "+OK")


class Lmtp(Lines):
    def talk(self):
        self.say("220 old system")
        rcpts = []
        while True:
            verb = self.hear().upper()
            if verb.startswith("LHLO"):
                self.say("250-old\r\n250 PIPELINING")
            elif verb.startswith("RCPT"):
                rcpts.append(verb[8:].strip("<>").split(">")[0])
                self.say("250 ok")
            elif verb == "DATA":
                self.say("354 go")
                text = []
                while (line := self.hear()) != ".":
                    text.append(line)
                for r in rcpts:
                    self.server.seen.append((r, text))
                    self.say("250 kept")
                rcpts = []
            elif verb == "QUIT":
                return self.say("221 bye")
            else:
                self.say("250 ok")


@pytest.fixture
def old_system():
    servers = dict(imap=Server(Imap), pop3=Server(Pop3), lmtp=Server(Lmtp))
    yield servers
    for s in servers.values():
        s.end()


def start(own_platform, servers, master=True):
    extra = 'master_user = "master"; master_password = "master-word";' if master else ""
    lines = "".join(f'{kind} = "127.0.0.1:{s.port}"; ' for kind, s in servers.items())
    p = own_platform(f'backends: {{ old: {{ {lines} {extra} }}; }};').start()
    p.posta("user", "add", "olga@demo.test", "--password", "old-secret", "--backend", "old")
    return p


def login(p):
    import imaplib
    c = imaplib.IMAP4_SSL("127.0.0.1", p.port("imaps"), ssl_context=p.tls, timeout=30)
    try:
        c.login("olga", "old-secret")
        return c
    except imaplib.IMAP4.error:
        c.shutdown()
        return None


@pytest.mark.parametrize("master", [True, False])
def test_login_goes_where_the_directory_says(own_platform, old_system, master):
    p = start(own_platform, old_system, master)
    c = wait_for(lambda: login(p))
    want = ["olga@demo.test", "master", "master-word"] if master else ["", "olga@demo.test", "old-secret"]
    assert old_system["imap"].seen[-1] == want
    assert "X-OLD" in c.capabilities or "X-OLD" in str(c.capability())
    assert c._simple_command("NOOP")[1] == [b"NOOP by the old system for olga@demo.test"]
    pop = poplib.POP3_SSL("127.0.0.1", p.port("pop3s"), context=p.tls, timeout=30)
    pop.user("olga")
    pop.pass_("old-secret")
    assert pop.stat() == (7, 700) and old_system["pop3"].seen[-1] == want
    # A customer of our own store is not disturbed by it.
    p.imap("ana").logout()


def test_mail_goes_where_the_directory_says(own_platform, old_system):
    p = start(own_platform, old_system)

    def known():
        try:
            return p.send(["olga@demo.test", "ana@demo.test"], subject="to both")
        except smtplib.SMTPRecipientsRefused:  # the mx hears of olga within a second
            return None
    mid = wait_for(known)
    assert len(p.find(mid, "ana")) == 1

    def arrived():
        p.posta("queue", "flush")  # a server that was slow to answer is tried again later
        return any(to == "OLGA@DEMO.TEST" and f"Message-ID: {mid}" in text for to, text in old_system["lmtp"].seen)
    wait_for(arrived, 60, 1)
    # Away: kept in the mx's queue, delivered when it is back.
    port = old_system["lmtp"].port
    old_system["lmtp"].end()
    mid = p.send(["olga@demo.test", "ana@demo.test"], subject="to both again")
    assert len(p.find(mid, "ana")) == 1
    assert "olga@demo.test" in p.posta("queue", "list").stdout
    old_system["lmtp"] = Server(Lmtp, port)
    wait_for(arrived, 60, 1)
    assert len(p.find(mid, "ana")) == 1


def test_a_login_waits_for_its_store(own_platform):
    p = own_platform().start()
    p.imap("ana").logout()
    for pid in p.role_pid("store"):
        os.kill(pid, signal.SIGKILL)
    p.imap("ana").logout()


def test_a_moving_mailbox_is_not_available(own_platform):
    p = own_platform("proxy: { default_domain = \"demo.test\"; hold = \"0s\"; };").start()
    p.imap("ana").logout()
    p.posta("user", "set", "ana@demo.test", "--state", "moving")

    def refused():
        try:
            p.imap("ana").logout()
        except Exception as e:
            return str(e)
    assert "UNAVAILABLE" in wait_for(refused)

    def kept():
        try:
            return p.send("ana@demo.test")
        except smtplib.SMTPRecipientsRefused:  # store knew it before the mx: 451
            return None
    mid = wait_for(kept)
    p.posta("user", "set", "ana@demo.test", "--state", "home")
    p.posta("queue", "flush")

    def arrived():
        try:
            p.posta("queue", "flush")
            return p.find(mid)
        except Exception:
            return None
    wait_for(arrived, step=0.5)
