"""sessions/imap alone, on a unix socket, over mailboxes in memory."""
import base64
import os
import pathlib
import socket
import subprocess
import time

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BUILD = pathlib.Path(os.environ.get("POSTA_BUILD", ROOT / "build"))


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    if subprocess.run(["ninja", "-C", str(BUILD), "tests/imap/imap-serve"], capture_output=True).returncode:
        pytest.fail("imap-serve does not build")
    path = tmp_path_factory.mktemp("imap") / "s"
    log = open(path.with_suffix(".log"), "wb")
    process = subprocess.Popen([BUILD / "tests/imap/imap-serve", str(path)], stderr=log)
    for _ in range(200):
        if path.exists():
            break
        time.sleep(0.05)
    Raw.server_pid = process.pid
    yield str(path)
    alive = process.poll() is None
    process.kill()
    process.wait()
    text = path.with_suffix(".log").read_text(errors="replace")
    assert alive and "ERROR:" not in text, text[-4000:]


class Raw:
    """A connection that speaks lines; logged in as user unless user is None."""

    def __init__(self, path, user="ana", timeout=20):
        self.s = socket.socket(socket.AF_UNIX)
        self.s.settimeout(timeout)
        self.s.connect(path)
        self.f = self.s.makefile("rb")
        self.n = 0
        self.greeting = self.line()
        if user is not None:
            self.ok("AUTHENTICATE EXTERNAL " + base64.b64encode(user.encode()).decode())

    def line(self):
        """One response, its literals in place, without the last CRLF."""
        out = b""
        while True:
            line = self.f.readline()
            if not line:
                raise EOFError(out)
            out += line
            if line.endswith(b"}\r\n"):
                digits = line[line.rindex(b"{") + 1:-3]
                if digits.isdigit():
                    out += self.f.read(int(digits))
                    continue
            return out[:-2]

    def send(self, data):
        self.s.sendall(data if isinstance(data, bytes) else data.encode())

    def cmd(self, text, tag=None):
        """Sends a command; gives the untagged responses and the tagged one without its tag."""
        if tag is None:
            self.n += 1
            tag = f"t{self.n}"
        self.send(tag.encode() + b" " + (text if isinstance(text, bytes) else text.encode()) + b"\r\n")
        return self.until(tag)

    def until(self, tag):
        untagged = []
        while True:
            line = self.line()
            if line.startswith(tag.encode() + b" "):
                return untagged, line[len(tag) + 1:]
            untagged.append(line)

    def ok(self, text):
        untagged, tagged = self.cmd(text)
        assert tagged.startswith(b"OK"), (text, untagged, tagged)
        return untagged, tagged

    def append(self, folder, message, args=""):
        return self.ok(b"APPEND %s %s{%d+}\r\n%s" % (folder.encode(), args.encode(), len(message), message))

    def close(self):
        self.f.close()
        self.s.close()


@pytest.fixture
def connect(server):
    made = []

    def make(user="ana", **kw):
        made.append(Raw(server, user, **kw))
        return made[-1]
    yield make
    for c in made:
        c.close()


_counter = iter(range(10**9))


@pytest.fixture
def user():
    """A fresh, empty mailbox."""
    return f"user{next(_counter)}@demo.test"
