"""What was answered with 250 is there, whatever dies."""
import os
import signal
import smtplib
import sqlite3
import threading
import time

import pytest

from lab import SANITIZED, wait_for

USERS = ("ana", "bruno", "admin")


def deliver_until(platform, stop, acknowledged, name):
    """Sends message after message and keeps what was acknowledged: (message id, users)."""
    n = 0
    while not stop.is_set():
        try:
            with smtplib.SMTP("127.0.0.1", platform.port("smtp"), timeout=20) as s:
                while not stop.is_set():
                    n += 1
                    users = USERS[:1 + n % 3]
                    mid = f"<crash.{name}.{n}.{time.time_ns()}@example.net>"
                    body = "x" * (n * 997 % 30000)
                    refused = s.sendmail(f"sender{n}@example.net", [f"{u}@demo.test" for u in users],
                                         f"Message-ID: {mid}\r\nSubject: {n}\r\n\r\n{body}\r\n")
                    acknowledged.append((mid, [u for u in users if f"{u}@demo.test" not in refused]))
        except (OSError, smtplib.SMTPException):
            time.sleep(0.05)


def copies(platform):
    """How many mails of each Message-ID every user has."""
    found = {}
    for user in USERS:
        c = platform.imap(user)
        try:
            n = int(c.select("INBOX", readonly=True)[1][0])
            if n:
                for row in c.fetch("1:*", "(BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])")[1]:
                    if isinstance(row, tuple):
                        mid = row[1].decode().split(":", 1)[1].strip()
                        found[mid, user] = found.get((mid, user), 0) + 1
        finally:
            c.logout()
    return found


def senders(platform, stop, acknowledged, n=4):
    threads = [threading.Thread(target=deliver_until, args=(platform, stop, acknowledged, i)) for i in range(n)]
    for t in threads:
        t.start()
    return threads


def missing(platform, acknowledged):
    found = copies(platform)
    return [(m, u) for m, users in acknowledged for u in users if (m, u) not in found]


def test_kill_everything_in_the_middle(own_platform):
    # The filter waits for no DNS, which a machine without a network does not have: mail is to flow while it dies.
    p = own_platform("mx: { rate_recipient = 0; rate_pair = 0; authenticate = false; }; filter: { auth = false; rules = []; };").start()
    acknowledged = []
    for round in range(3):
        stop = threading.Event()
        threads = senders(p, stop, acknowledged)
        time.sleep(2 if SANITIZED else 1.5)
        p.kill()
        stop.set()
        for t in threads:
            t.join()
        p.start()
    assert len(acknowledged) > 20
    wait_for(lambda: not missing(p, acknowledged), 60, 1)
    twice = {k: n for k, n in copies(p).items() if n > 1 and any(k[0] == m for m, _ in acknowledged)}
    assert not twice
    assert p.stop() == 0
    assert "0 findings" in p.posta("store", "verify").stdout


@pytest.mark.parametrize("how", ["killed", "hung"])
def test_store_away_while_mail_arrives(own_platform, how):
    p = own_platform("mx: { rate_recipient = 0; rate_pair = 0; };").start()
    acknowledged = []
    stop = threading.Event()
    threads = senders(p, stop, acknowledged, 2)
    time.sleep(1)
    before = len(acknowledged)
    if how == "killed":
        for _ in range(4):
            for pid in p.role_pid("store"):
                os.kill(pid, signal.SIGKILL)
            time.sleep(0.7)
    else:
        pids = p.role_pid("store")
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        wait_for(lambda: len(acknowledged) > before + 3, 60)  # kept in the mx's queue
        for pid in pids:
            os.kill(pid, signal.SIGCONT)
    stop.set()
    for t in threads:
        t.join()
    assert len(acknowledged) > before
    p.posta("queue", "flush")
    wait_for(lambda: not missing(p, acknowledged), 90, 1)
    twice = {k: n for k, n in copies(p).items() if n > 1}
    assert not twice


def rcpt(platform, address):
    with smtplib.SMTP("127.0.0.1", platform.port("smtp"), timeout=30) as s:
        s.ehlo()
        s.mail("x@example.net")
        return s.rcpt(address)[0]


def test_directory_locked(own_platform):
    p = own_platform().start()
    assert rcpt(p, "ana@demo.test") == 250
    db = next(p.dir.rglob("directory.db"))
    lock = sqlite3.connect(db, isolation_level=None)
    lock.execute("PRAGMA locking_mode=EXCLUSIVE")
    lock.execute("BEGIN EXCLUSIVE")
    try:
        assert rcpt(p, "ana@demo.test") == 250
        assert rcpt(p, "nobody@demo.test") == 550
        for pid in p.role_pid("mx"):
            os.kill(pid, signal.SIGKILL)

        def again():
            try:
                return rcpt(p, "ana@demo.test")
            except (OSError, smtplib.SMTPException):
                return None
        assert wait_for(again, 30) in (250, 451)
        assert rcpt(p, "nobody@demo.test") in (550, 451)
    finally:
        lock.execute("ROLLBACK")
        lock.close()
    wait_for(lambda: rcpt(p, "ana@demo.test") == 250)


def test_directory_away_without_snapshot(own_platform):
    """Never a 550 out of ignorance."""
    p = own_platform().start()
    db = next(p.dir.rglob("directory.db"))
    for snapshot in p.dir.rglob("*snapshot*"):
        if snapshot.is_file():
            snapshot.unlink()
    hidden = []
    for f in list(db.parent.glob("directory.db*")):
        f.rename(f.with_name("hidden-" + f.name))
        hidden.append(f)
    for pid in p.role_pid("mx"):
        os.kill(pid, signal.SIGKILL)

    def answer():
        try:
            return rcpt(p, "ana@demo.test"), rcpt(p, "nobody@demo.test")
        except (OSError, smtplib.SMTPException):
            return None
    assert wait_for(answer, 30) == (451, 451)
    for f in hidden:
        f.with_name("hidden-" + f.name).rename(f)
    wait_for(lambda: rcpt(p, "ana@demo.test") == 250, 30)


def test_disk_reserve(own_platform):
    """A disk that is nearly full: 452 early, expunge still works."""
    p = own_platform().start()
    mid = p.send("ana@demo.test")
    assert p.stop() == 0
    p.settings.write_text('store: { reserve = "1000000G"; }; mx: { queue_reserve = "1000000G"; };')
    p.start()
    with smtplib.SMTP("127.0.0.1", p.port("smtp"), timeout=30) as s:
        s.ehlo()
        s.mail("x@example.net")
        code, text = s.rcpt("ana@demo.test")
        if code == 250:
            code, text = s.data("Subject: no room\r\n\r\n")
        assert code == 452 and b"4.3.1" in text
    c = p.imap()
    c.select()
    uid = c.uid("search", None, "HEADER", "Message-ID", mid)[1][0]
    assert c.uid("store", uid.decode(), "+FLAGS", r"(\Deleted)")[0] == "OK"
    assert c.expunge()[1] != [None]
    assert c.append("INBOX", None, None, b"Subject: no room\r\n\r\n")[0] == "NO"
    c.logout()
