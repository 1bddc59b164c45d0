"""Sender authentication whole, asking a real name server: Unbound with local data, through libunbound as a role does."""
import random
import shutil
import socket
import subprocess
import time

import pytest

import lab
from mailauth import Dump

DATA = r"""
server:
  interface: 127.0.0.1@{port}
  port: {port}
  do-daemonize: no
  username: ""
  chroot: ""
  directory: "{dir}"
  pidfile: ""
  use-syslog: no
  logfile: "{dir}/log"
  module-config: "iterator"
  do-not-query-localhost: no
  local-zone: "example." static
  local-zone: "example." nodefault
  local-zone: "b.example." static
  local-data: 'b.example. TXT "v=spf1 include:_spf" ".b.example -all"'
  local-data: '_spf.b.example. TXT "v=spf1 mx:mail.b.example ~all"'
  local-data: 'mail.b.example. MX 10 out.b.example.'
  local-data: 'out.b.example. A 192.0.2.1'
  local-data: '_dmarc.b.example. TXT "v=DMARC1; p=reject; rua=mailto:r@b.example"'
  local-zone: "helo.example." static
  local-data: 'helo.example. TXT "v=spf1 a -all"'
  local-data: 'helo.example. A 192.0.2.1'
  local-zone: "silent.example." deny
remote-control:
  control-enable: no
"""
MESSAGE = "From: Ana <ana@{0}>\r\nSubject: x\r\n\r\nx\r\n"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    program = shutil.which("unbound") or "/usr/sbin/unbound"
    folder = tmp_path_factory.mktemp("unbound")
    if not shutil.which(program):
        pytest.skip("no unbound")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    (folder / "conf").write_text(DATA.format(port=port, dir=folder))
    process = subprocess.Popen([program, "-d", "-c", folder / "conf"], stderr=subprocess.DEVNULL)
    try:
        lab.wait_for(lambda: answers(port), 10)
        yield f"127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


def answers(port):
    """Any answer at all to a question for helo.example's address."""
    ask = random.randbytes(2) + b"\x01\x00\x00\x01\0\0\0\0\0\0\x04helo\x07example\0\0\x01\0\x01"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(0.2)
        s.sendto(ask, ("127.0.0.1", port))
        try:
            return s.recv(512)[:2] == ask[:2]
        except OSError:
            return False


@pytest.fixture
def dump():
    d = Dump()
    yield d
    d.close()


def results(field):
    """["spf=pass", ...] of a field."""
    return [r.split()[0] for r in field.replace("\r\n", "").split(";")[1:]]


def test_a_sender_is_confirmed(server, dump):
    field, _ = dump.live(server, 3000, "192.0.2.1", "helo.example", "ana@b.example", MESSAGE.format("b.example"))
    assert results(field) == ["spf=pass", "spf=pass", "dkim=none", "dmarc=pass"]
    assert "policy.dmarc=reject header.from=b.example" in field


def test_a_forger_is_not(server, dump):
    field, _ = dump.live(server, 3000, "192.0.2.66", "helo.example", "ana@b.example", MESSAGE.format("b.example"))
    assert results(field) == ["spf=fail", "spf=fail", "dkim=none", "dmarc=fail"]


def test_a_silent_name_server_costs_the_deadline_and_no_more(server, dump):
    began = time.monotonic()
    field, took = dump.live(server, 400, "192.0.2.1", "helo.example", "ana@silent.example", MESSAGE.format("silent.example"))
    assert results(field) == ["spf=temperror", "spf=pass", "dkim=none", "dmarc=temperror"]
    assert took < 800 and time.monotonic() - began < 5
