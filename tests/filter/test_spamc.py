"""spamc, SpamAssassin's own client, at the filter."""
import os
import shutil
import socket
import subprocess

import pytest
from lab import Platform

MESSAGE = b"From: a@example.net\nTo: ana@demo.test\nSubject: hello\nMessage-ID: <1@example.net>\nX-Spam-Status: No, forged\n\nhello\n"


@pytest.fixture(scope="module")
def platform():
    if not shutil.which("spamc"):
        pytest.skip("spamc is not installed")
    p = Platform().start()
    yield p
    p.remove()


def spamc(platform, *args, body=MESSAGE):
    done = subprocess.run(["spamc", "-d", "127.0.0.1", "-p", str(platform.port("spamd")), *args], input=body,
                          capture_output=True, timeout=90)
    return done.returncode, done.stdout


def test_process(platform):
    code, text = spamc(platform, "-x")
    assert code == 0
    assert text.startswith(b"X-Spam-"), text
    assert b"X-Spam-Status: No, score=" in text and text.endswith(b"\n\nhello\n")
    assert b"forged" not in text and b"\r" not in text


def test_headers(platform):
    code, text = spamc(platform, "-x", "--headers")
    assert code == 0 and b"X-Spam-Status: " in text and text.endswith(b"\n\nhello\n")  # spamc adds the body it has


def test_check_symbols_report(platform):
    code, text = spamc(platform, "-c")
    assert code == 0 and text.split(b"/")[1].strip() == b"5.0", text
    assert spamc(platform, "-y")[0] == 0
    code, text = spamc(platform, "-R")
    assert code in (0, 1) and b"points" in text
    assert spamc(platform, "-K")[0] == 0  # ping


def test_long_message(platform):
    """Over spamc's own bound it is not even sent; with a larger one it comes through whole."""
    body = MESSAGE + os.urandom(3000).hex().encode() * 300
    code, text = spamc(platform, "-x", "-s", "10000000", body=body)
    assert code == 0 and text.endswith(body[-1000:]) and text.startswith(b"X-Spam-")


def ask(platform, request, shut=False):
    with socket.create_connection(("127.0.0.1", platform.port("spamd")), timeout=30) as s:
        s.sendall(request)
        if shut:
            s.shutdown(socket.SHUT_WR)
        got = b""
        while piece := s.recv(65536):
            got += piece
        return got


def test_protocol(platform):
    assert ask(platform, b"PING SPAMC/1.2\r\n\r\n").startswith(b"SPAMD/1.5 0 PONG\r\n")
    assert b"Spam: False ; " in ask(platform, b"CHECK SPAMC/1.2\r\n\r\n" + MESSAGE, shut=True)
    assert ask(platform, b"NONSENSE SPAMC/1.5\r\n\r\n").startswith(b"SPAMD/1.5 76 ")
    assert ask(platform, b"CHECK SPAMC/1.5\r\nContent-length: 9999999999\r\n\r\n").startswith(b"SPAMD/1.5 65 ")
