"""sessions/imap alone, on a unix socket, over mailboxes in memory."""
import subprocess
import time

import pytest

import lab
from raw import Raw


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    tool = lab.tool("tests/imap/imap-serve")
    path = tmp_path_factory.mktemp("imap") / "s"
    log = open(path.with_suffix(".log"), "wb")
    process = subprocess.Popen([tool, str(path)], stderr=log)
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
