"""rspamd's HTTP protocol at the filter: what curl and rspamd's own client are told."""
import json
import socket
import subprocess

import pytest
from lab import Platform, wait_for

MESSAGE = b"From: a@example.net\r\nTo: ana@demo.test\r\nSubject: hello\r\nMessage-ID: <1@example.net>\r\n\r\nhello\r\n"


@pytest.fixture(scope="module")
def platform():
    p = Platform('filter: { networks = ["127.0.0.1/32"]; message_max = "8M"; };').start()
    yield p
    p.remove()


def curl(platform, path, *args, body=None):
    """The status and the body."""
    done = subprocess.run(["curl", "-s", "-m", "60", "-w", "\n%{http_code}", *args, f"http://127.0.0.1:{platform.port('filter')}{path}"],
                          input=body, capture_output=True, timeout=90)
    text, status = done.stdout.rsplit(b"\n", 1)
    return int(status), text


def check(platform, body=MESSAGE, *args):
    status, text = curl(platform, "/checkv2", "--data-binary", "@-", *args, body=body)
    assert status == 200, text
    return json.loads(text)


def test_checkv2(platform):
    answer = check(platform, MESSAGE, "-H", "From: <a@example.net>", "-H", "Rcpt: ana@demo.test", "-H", "Rcpt: bruno@demo.test",
                   "-H", "IP: 192.0.2.1", "-H", "Helo: mx.example.net")
    assert answer["is_skipped"] is False
    assert isinstance(answer["score"], (int, float)) and answer["required_score"] == 5
    assert answer["action"] in ("no action", "add header")
    assert isinstance(answer["symbols"], dict)


def test_chunks(platform):
    status, text = curl(platform, "/checkv2", "-T", "-", "-X", "POST", body=MESSAGE)
    assert status == 200 and json.loads(text)["symbols"] == check(platform)["symbols"]


def test_other_paths(platform):
    assert curl(platform, "/ping") == (200, b"pong\r\n")
    assert curl(platform, "/nothing")[0] == 404
    assert curl(platform, "/checkv2", "-X", "POST")[0] == 400
    assert curl(platform, "/checkv2", "-H", "Compression: zstd", "--data-binary", "@-", body=MESSAGE)[0] == 400


def test_too_long(platform):
    """Said before it is read, where the length is given; and when it is over, where it comes in chunks."""
    big = MESSAGE + b"x" * (9 << 20)
    assert curl(platform, "/checkv2", "-H", "Expect:", "--data-binary", "@-", body=big)[0] in (0, 413)  # or the reset came first
    assert curl(platform, "/checkv2", "--data-binary", "@-", body=big)[0] == 413  # Expect: 100-continue
    assert curl(platform, "/ping")[0] == 200


def test_hundred_megabytes(own_platform):
    p = own_platform('filter: { networks = ["127.0.0.1/32"]; auth = false; };').start()
    body = MESSAGE + (b"word " * 14 + b"\r\n") * ((100 << 20) // 72)
    assert "symbols" in check(p, body)


def test_connection_stays(platform):
    with socket.create_connection(("127.0.0.1", platform.port("filter")), timeout=30) as s:
        request = b"POST /checkv2 HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(MESSAGE) + MESSAGE
        s.sendall(request * 3)
        got = b""
        while got.count(b"HTTP/1.1 200 OK") < 3 or not got.endswith(b"}"):
            piece = s.recv(65536)
            assert piece, got
            got += piece


def test_slow_client_holds_nobody_up(platform):
    with socket.create_connection(("127.0.0.1", platform.port("filter")), timeout=30) as s:
        s.sendall(b"POST /checkv2 HTTP/1.1\r\nHost: x\r\nContent-Length: 5000\r\n\r\nFrom: ")
        for _ in range(3):
            check(platform)
        s.sendall(b"x")


def test_rspamc(platform):
    done = subprocess.run(["rspamc", "-h", f"127.0.0.1:{platform.port('filter')}", "-j", "symbols"], input=MESSAGE,
                          capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert b'"required_score"' in done.stdout, done.stdout


def test_reload_while_serving(platform):
    text = platform.conf.read_text()
    platform.conf.write_text(text.replace('message_max = "8M";', 'message_max = "8M"; required = 7.5;'))
    import os
    import signal
    os.kill(platform.process.pid, signal.SIGHUP)
    wait_for(lambda: check(platform)["required_score"] == 7.5, 20)
    platform.conf.write_text(text)
    os.kill(platform.process.pid, signal.SIGHUP)
    wait_for(lambda: check(platform)["required_score"] == 5, 20)


def test_strangers_are_refused():
    p = Platform('filter: { networks = ["192.0.2.0/24"]; };').start()
    try:
        for kind in ("filter", "spamd", "milter"):
            with socket.create_connection(("127.0.0.1", p.port(kind)), timeout=30) as s:
                assert s.recv(100) == b""
    finally:
        p.remove()
