"""Sessions of one user that do everything at once: each one's picture, kept from the untagged replies alone, stays true."""
import random
import re
import threading
import time

MAIL = b"From: a@b.test\r\nSubject: %d\r\n\r\nbody %d\r\n"
SECONDS = 4


class Client(threading.Thread):
    """Keeps the list of UIDs by sequence number (None where unknown)."""

    def __init__(self, conn, seed):
        super().__init__()
        self.c, self.random, self.view, self.failure, self.done = conn, random.Random(seed), [], None, 0

    def run(self):
        try:
            self.follow("SELECT INBOX", self.c.ok("SELECT INBOX")[0])
            end = time.monotonic() + SECONDS
            while time.monotonic() < end:
                getattr(self, self.random.choice(["append", "fetch", "store", "expunge", "search", "copy", "noop", "idle", "move"]))()
                self.done += 1
            self.check()
        except Exception as e:  # noqa: BLE001 - shown by the test
            self.failure = e

    def follow(self, command, lines):
        for line in lines:
            m = re.match(rb"\* (\d+) (EXISTS|EXPUNGE|FETCH)(?: \(UID (\d+))?", line)
            if not m:
                continue
            n = int(m[1])
            if m[2] == b"EXISTS":
                assert n >= len(self.view), (command, line, len(self.view))
                self.view += [None] * (n - len(self.view))
            elif m[2] == b"EXPUNGE":
                assert 1 <= n <= len(self.view), (command, line, len(self.view))
                assert not command.startswith(("FETCH", "STORE", "SEARCH")), command
                del self.view[n - 1]
            else:
                assert 1 <= n <= len(self.view), (command, line, len(self.view))
                uid = int(m[3])
                assert self.view[n - 1] in (None, uid), (command, line, self.view[n - 1])
                self.view[n - 1] = uid

    def ask(self, command):
        lines, tagged = self.c.cmd(command)
        self.follow(command if isinstance(command, str) else "APPEND", lines)
        assert tagged.startswith((b"OK", b"NO [EXPUNGEISSUED]")), (command, tagged)
        return lines

    def some(self):
        a, b = (self.random.randint(1, len(self.view)) for _ in "ab")
        return f"{min(a, b)}:{max(a, b)}"

    def append(self):
        m = MAIL % (self.done, self.done)
        self.ask(b"APPEND INBOX {%d+}\r\n%s" % (len(m), m))

    def fetch(self):
        if self.view:
            self.ask(f"FETCH {self.some()} (UID FLAGS BODY.PEEK[TEXT])")
        self.ask("UID FETCH 1:* (FLAGS)")

    def store(self):
        if self.view:
            self.ask(f"STORE {self.some()} {self.random.choice('+-')}FLAGS ({self.random.choice([chr(92) + 'Deleted', 'x', chr(92) + 'Seen'])})")

    def expunge(self):
        self.ask("EXPUNGE")

    def search(self):
        for line in self.ask("SEARCH DELETED"):
            if line.startswith(b"* SEARCH"):
                assert all(int(n) <= len(self.view) for n in line.split()[2:])

    def copy(self):
        if self.view:
            self.ask(f"COPY {self.random.randint(1, len(self.view))} Archive")

    def move(self):
        if self.view:
            self.ask(f"MOVE {self.random.randint(1, len(self.view))} Trash")

    def noop(self):
        self.ask("NOOP")

    def idle(self):
        self.c.send("i IDLE\r\n")
        time.sleep(self.random.random() / 50)
        self.c.send("DONE\r\n")
        self.follow("IDLE", self.c.until("i")[0])

    def check(self):
        self.ask("NOOP")
        self.ask("NOOP")
        known = list(self.view)
        got = [(int(m[1]), int(m[2])) for m in (re.match(rb"\* (\d+) FETCH \(UID (\d+)", x) for x in self.c.ok("FETCH 1:* UID")[0]
                                                if self.view) if m] if self.view else []
        assert [n for n, _ in got] == list(range(1, len(known) + 1))
        assert all(k in (None, uid) for k, (_, uid) in zip(known, got))


def test_many_sessions_at_once(connect, user):
    clients = [Client(connect(user, timeout=60), i) for i in range(8)]
    for c in clients:
        c.start()
    for c in clients:
        c.join()
    assert [c.failure for c in clients if c.failure] == []
    assert sum(c.done for c in clients) > 50
    uids = []
    for c in clients:
        c.c.ok("NOOP")
        uids.append([re.search(rb"UID (\d+)", x)[1] for x in c.c.ok("UID FETCH 1:* UID")[0] if b"FETCH" in x])
    assert all(u == uids[0] for u in uids)
