"""A real clamd, asked by clients/clamd: what it finds, and what is left when it is killed, silent or away."""
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import threading

import pytest

import lab

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from clamd import EICAR, WORD, Clamd, available  # noqa: E402

TESTFILES = pathlib.Path("/usr/share/clamav-testfiles")
MAIL = "From: a@example.net\nTo: b@example.org\nSubject: test\n\n"


@pytest.fixture(scope="session")
def tool():
    return lab.tool("tests/clamd/clamd-ask")


@pytest.fixture
def folder():
    with tempfile.TemporaryDirectory(prefix="posta-clamd-") as path:
        os.chmod(path, 0o755)
        yield pathlib.Path(path)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


@pytest.fixture
def clamd(folder):
    """clamd(name, tcp=False, **options) gives one that runs."""
    if not available():
        pytest.skip("no clamd here (Debian: clamav-daemon)")
    made = []

    def make(name="a", tcp=False, **options):
        (folder / name).mkdir()
        made.append(Clamd(folder / name, free_port() if tcp else None, **options))
        return made[-1].start()
    yield make
    for c in made:
        if c.process:
            c.process.send_signal(signal.SIGCONT)
        c.kill()


class Asker:
    def __init__(self, tool, *addresses, pause=300, most=25 << 20, deadline=5000):
        self.p = subprocess.Popen([tool, *map(str, (pause, most, deadline)), *map(str, addresses)], text=True,
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def __call__(self, path):
        """(answer, milliseconds)"""
        self.p.stdin.write(f"{path}\n")
        self.p.stdin.flush()
        line = self.p.stdout.readline()
        assert line, self.p.stderr.read()
        answer, ms = line.rsplit(" ", 1)
        return answer, int(ms)

    def close(self):
        self.p.stdin.close()
        assert self.p.wait(20) == 0, self.p.stderr.read()


@pytest.fixture
def ask(tool):
    made = []

    def make(*addresses, **options):
        made.append(Asker(tool, *addresses, **options))
        return made[-1]
    yield make
    for a in made:
        if a.p.poll() is None:
            a.p.kill()
        a.p.wait()


@pytest.fixture
def mails(folder):
    def write(name, text):
        (folder / name).write_text(text)
        return folder / name
    return dict(clean=write("clean", MAIL + "hello\n"), eicar=write("eicar", MAIL + EICAR + "\n"), word=write("word", MAIL + WORD + "\n"))


def test_what_it_finds(clamd, ask, mails):
    c = clamd(tcp=True)
    for address in (f"unix:{c.socket}", f"127.0.0.1:{c.tcp}"):
        a = ask(address)
        for _ in range(3):
            assert a(mails["clean"])[0] == "OK"
            assert a(mails["eicar"])[0].startswith("FOUND Eicar-Test-Signature")
            assert a(mails["word"])[0].startswith("FOUND Posta.Test.Word")
        a.close()


def test_files_of_clamav_testfiles(clamd, ask):
    if not TESTFILES.is_dir():
        pytest.skip("no clamav-testfiles here")
    a = ask(f"unix:{clamd().socket}", deadline=30000)
    files = sorted(TESTFILES.iterdir())
    assert len(files) > 30
    missed = [f.name for f in files if not a(f)[0].startswith("FOUND ClamAV-Test-File")]
    assert not missed
    a.close()


def test_one_session_serves_many(clamd, ask, mails):
    """Idle sessions are used again: clamd sees one connection."""
    c = clamd()
    a = ask(f"unix:{c.socket}")
    for _ in range(20):
        assert a(mails["clean"])[0] == "OK"
    links = [os.readlink(f"/proc/{a.p.pid}/fd/{fd}") for fd in os.listdir(f"/proc/{a.p.pid}/fd")]
    assert sum(link.startswith("socket:") for link in links) == 1
    a.close()


def test_stream_max_length(clamd, ask, folder):
    """clamd's own limit is smaller than ours: the message counts as not seen whole, and the next one is scanned."""
    c = clamd(stream_max="100K")
    big, end = folder / "big", folder / "end"
    big.write_text(MAIL + "x" * (3 << 20))
    end.write_text(MAIL + "x" * 50000 + EICAR)
    a = ask(f"unix:{c.socket}")
    assert a(big)[0] == "BIG"
    assert a(end)[0].startswith("FOUND")
    a.close()
    a = ask(f"unix:{c.socket}", most=60000)  # ours is smaller: what was sent was scanned
    assert a(big)[0] == "BIG"
    assert a(end)[0].startswith("FOUND")
    a.close()


def test_killed_in_the_middle(clamd, ask, mails):
    """The next one takes over at once; when it is back, it is asked again."""
    first, second = clamd("a"), clamd("b", tcp=True)
    a = ask(f"unix:{first.socket}", f"127.0.0.1:{second.tcp}")
    for _ in range(4):
        assert a(mails["eicar"])[0].startswith("FOUND")
    first.kill()
    for _ in range(6):
        answer, ms = a(mails["eicar"])
        assert answer.startswith("FOUND") and ms < 1000
    second.kill()
    assert a(mails["eicar"])[0] == "NONE"
    first.start()
    threading.Event().wait(0.5)  # its pause
    assert a(mails["eicar"])[0].startswith("FOUND")
    a.close()


def test_stopped_in_the_middle(clamd, ask, mails):
    """One that takes connections and says nothing: the other one answers in the second half of the time."""
    first, second = clamd("a"), clamd("b")
    first.process.send_signal(signal.SIGSTOP)
    a = ask(f"unix:{first.socket}", f"unix:{second.socket}", deadline=2000, pause=60000)
    answer, ms = a(mails["eicar"])
    assert answer.startswith("FOUND") and ms < 1900
    for _ in range(3):
        answer, ms = a(mails["eicar"])
        assert answer.startswith("FOUND") and ms < 500
    a.close()


def test_away(ask, mails, folder):
    """None at all: an answer, and soon."""
    a = ask(f"unix:{folder}/nobody", "127.0.0.1:1", pause=60000)
    for limit in (1000, 50, 50):
        answer, ms = a(mails["clean"])
        assert answer == "NONE" and ms < limit
    a.close()
