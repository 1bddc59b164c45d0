"""A real rspamd in the place of posta's filter: its rules are its own, the verdicts are ours."""
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile

import pytest

from lab import wait_for
from test_verdict import GTUBE, fetch, place, quarantine

CONF = """
options {{ pidfile = "{dir}/pid"; filters = ""; tempdir = "{dir}"; dns {{ timeout = 100ms; nameserver = ["127.0.0.1:9"]; }} }}
logging {{ type = "file"; filename = "{dir}/log"; level = "error"; }}
actions {{ reject = 15; add_header = 6; greylist = 4; }}
worker "normal" {{ bind_socket = "127.0.0.1:{port}"; count = 1; }}
"""


def answers(port):
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
        return True
    except OSError:
        return False


@pytest.fixture(scope="module")
def rspamd():
    program = shutil.which("rspamd")
    if not program:
        pytest.skip("rspamd is not installed")
    folder = pathlib.Path(tempfile.mkdtemp(prefix="posta-rspamd-"))
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    (folder / "conf").write_text(CONF.format(dir=folder, port=port))
    p = subprocess.Popen([program, "-f", "-c", folder / "conf"] + (["--insecure"] if os.geteuid() == 0 else []),
                         stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for(lambda: p.poll() is not None or answers(port), 60)
        if p.poll() is not None:
            pytest.skip("rspamd does not run here")
        yield port
    finally:
        p.send_signal(signal.SIGTERM)
        p.wait(30)
        shutil.rmtree(folder, ignore_errors=True)


def test_rspamd_in_place_of_the_filter(own_platform, rspamd):
    p = own_platform(f'mx: {{ filters = ["127.0.0.1:{rspamd}"]; authenticate = false; }};')
    p.start()
    sent = p.send("ana@demo.test", text=GTUBE)
    assert place(p, sent, "ana") is None
    (mail,) = quarantine(p, "list", "ana@demo.test")
    assert mail["place"] == "quarantine (score)"
    plain = p.send("ana@demo.test")
    assert place(p, plain, "ana") == "INBOX"
    m = fetch(p, plain, "ana", "INBOX")
    assert m["X-Spam-Status"].startswith("No, score=") and "NOT_SCANNED" not in m["X-Spam-Status"]
    p.posta("user", "set", "ana@demo.test", "--spam-level", "off")

    def delivered():
        return place(p, p.send("ana@demo.test", text=GTUBE), "ana") == "INBOX"
    wait_for(delivered)
