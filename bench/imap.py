"""IMAP alone, on a unix socket, over mailboxes in memory (tests/imap/imap_serve.c): what a session and a command cost."""
import os
import pathlib
import re
import resource
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "imap"))
import conftest  # noqa: E402

SESSIONS = int(sys.argv[1]) if len(sys.argv) > 1 else 4000
MAILS = 5000
MAIL = b"From: a@b.test\r\nSubject: hello\r\nDate: Mon, 7 Feb 1994 21:52:25 -0800\r\n\r\n" + b"x" * 70 * 30 + b"\r\n"
COMMANDS = ["FETCH 1:* FLAGS", "FETCH 1:* (ENVELOPE BODYSTRUCTURE)", "FETCH 1:* BODY.PEEK[HEADER.FIELDS (SUBJECT FROM)]",
            "FETCH 1:* BODY.PEEK[]", "SEARCH UNSEEN SMALLER 9999", "SEARCH SUBJECT nope", "SEARCH BODY nope",
            r"STORE 1:* +FLAGS.SILENT (\Seen)", "COPY 1:* Archive"]


def rss(pid):
    return int(re.search(r"VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text())[1])


def idle(connect, pid):
    connect("ana").append("INBOX", MAIL)
    before, open_ = rss(pid), []
    for _ in range(SESSIONS):
        c = connect("ana")
        c.ok("SELECT INBOX")
        c.ok("FETCH 1 (ENVELOPE BODY.PEEK[])")
        c.send("i IDLE\r\n")
        c.line()
        open_.append(c)
    time.sleep(12)  # stacks are trimmed by then
    print(f"{SESSIONS} idle sessions: {(rss(pid) - before) / SESSIONS:.1f} KiB each")
    connect("ana").append("INBOX", MAIL)
    began = time.monotonic()
    for c in open_:
        c.line()
    print(f"one new mail told to all of them: {(time.monotonic() - began) * 1000:.0f} ms")


def commands(c):
    for _ in range(MAILS):
        c.append("INBOX", MAIL)
    c.ok("SELECT INBOX")
    print(f"a folder of {MAILS} mails of {len(MAIL)} octets:")
    for command in COMMANDS:
        began = time.monotonic()
        c.ok(command)
        print(f"  {command:<52} {(time.monotonic() - began) / MAILS * 1e6:7.1f} us a mail")


def main():
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    build = pathlib.Path(os.environ.get("POSTA_BUILD", ROOT / "build"))
    path = str(pathlib.Path(tempfile.mkdtemp()) / "s")
    server = subprocess.Popen([build / "tests/imap/imap-serve", path], stderr=subprocess.DEVNULL)
    try:
        while not os.path.exists(path):
            time.sleep(0.05)
        idle(lambda user: conftest.Raw(path, user), server.pid)
        commands(conftest.Raw(path, "bruno", timeout=120))
    finally:
        server.kill()


main()
