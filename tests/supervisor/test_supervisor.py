"""The supervisor with one small role: crashes, reloads, upgrades, stops. Nothing here needs mail."""
import http.client
import os
import pathlib
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

import pytest

from lab import BUILD, STANDARD, free_port_base, no_sanitizer_report, wait_for

POSTA = BUILD / "posta"
ROOT = os.geteuid() == 0
USERS = all(u in [p.pw_name for p in pwd.getpwall()] for u in ("posta-monitor",))
needs_users = pytest.mark.skipif(ROOT and not USERS, reason="the users of the roles do not exist; ./run makes them")
pytestmark = needs_users


class Node:
    """posta run with the role monitor alone, in a process group of its own."""

    def __init__(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="posta-sup-"))
        self.dir.chmod(0o755)
        self.port = free_port_base() + STANDARD["metrics"]
        self.conf = self.dir / "posta.conf"
        self.log = self.dir / "log"
        self.program = POSTA
        self.process = None
        self.write()

    def write(self, node="", rest="", port=None):
        self.conf.write_text(f'data = "{self.dir}/data"; run = "{self.dir}/run";\n'
                             f'nodes: {{ demo: {{ hostname = "mx.demo.test"; drain = "5s"; {node}\n'
                             f'  monitor: {{ metrics = ["127.0.0.1:{port or self.port}"]; }};\n}}; }};\n{rest}')

    def start(self, wait=True):
        with open(self.log, "ab") as log:
            self.mark = log.tell()
            self.process = subprocess.Popen([self.program, "run", "--config", self.conf], stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=subprocess.STDOUT, start_new_session=True)
        if wait:
            self.saw("posta is ready")
        return self

    def text(self):
        return self.log.read_bytes()[self.mark:].decode(errors="replace")

    def saw(self, words, times=1, seconds=20):
        wait_for(lambda: self.text().count(words) >= times or self.dead(words), seconds)

    def dead(self, words):
        if self.process.poll() is not None and words not in self.text():
            raise AssertionError(f"no {words!r}:\n" + self.text()[-3000:])

    def roles(self):
        out = subprocess.run(["pgrep", "-P", str(self.process.pid)], text=True, capture_output=True).stdout
        return [int(p) for p in out.split()]

    def signal(self, number):
        self.process.send_signal(number)

    def get(self, path="/metrics", port=None, timeout=10):
        c = http.client.HTTPConnection("127.0.0.1", port or self.port, timeout=timeout)
        try:
            c.request("GET", path)
            r = c.getresponse()
            return r.status, r.read().decode()
        finally:
            c.close()

    def stop(self):
        self.signal(signal.SIGTERM)
        return self.process.wait(30)

    def kill(self):
        if self.process and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        if self.process:
            self.process.wait()

    def remove(self):
        self.kill()
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        print(text[-6000:])  # pytest shows it where a test failed
        shutil.rmtree(self.dir, ignore_errors=True)
        no_sanitizer_report(text)


@pytest.fixture
def node():
    n = Node()
    yield n
    n.remove()


def test_start_and_stop(node):
    node.start()
    status, text = node.get()
    assert status == 200 and 'posta_up{role="monitor"} 1' in text
    assert node.get("/elsewhere")[0] == 404
    pids = node.roles()
    assert node.stop() == 0
    assert not any(pathlib.Path(f"/proc/{p}").exists() for p in pids)


def test_rights_of_a_role(node):
    node.start()
    status = pathlib.Path(f"/proc/{node.roles()[0]}/status").read_text()
    fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert fields["NoNewPrivs"] == "1" and fields["Seccomp"] == "2"
    if ROOT:
        user = pwd.getpwnam("posta-monitor").pw_uid
        assert set(fields["Uid"].split()) == {str(user)} and int(fields["CapEff"], 16) == 0


def test_crash_while_connections_wait(node):
    """A role that dies is started again; a connection made meanwhile waits in the backlog and is served."""
    node.start()
    os.kill(node.roles()[0], signal.SIGKILL)
    wait_for(lambda: not node.roles(), 5, step=0.001)
    status, _ = node.get()
    assert status == 200
    assert len(node.roles()) == 1


def test_back_off(node):
    """Crashes in a row are answered more and more slowly."""
    node.start()
    for n in range(3):
        os.kill(node.roles()[0], signal.SIGKILL)
        node.saw("supervisor role.restart", n + 1)
        wait_for(node.roles)
        node.saw("supervisor role.ready", n + 2)
    assert [t for t in (100, 200, 400) if f"in_ms={t}" in node.text()] == [100, 200, 400]


def test_reload(node):
    node.start()
    before = node.roles()
    node.write(rest="bogus = 1;\n")
    node.signal(signal.SIGHUP)
    node.saw("config.refused")
    assert f'{node.conf}:5: unknown setting or role "bogus"' in node.text()
    assert node.roles() == before and node.get()[0] == 200

    node.write()
    node.signal(signal.SIGHUP)
    node.saw("config.reloaded")
    assert node.roles() == before

    # Another address is another process, and the old address is closed.
    other = free_port_base() + STANDARD["metrics"]
    node.write(port=other)
    node.signal(signal.SIGHUP)
    wait_for(lambda: node.roles() and node.roles() != before and len(node.roles()) == 1)
    assert node.get(port=other)[0] == 200
    with pytest.raises(OSError):
        node.get(timeout=2)


def test_log_level(node):
    node.write(rest='log = "warn";\n')
    node.start()
    assert " info " not in node.text()
    node.write(rest='log = "loud";\n')
    node.signal(signal.SIGHUP)
    node.saw("write debug, info, warn or error")
    node.write()
    node.signal(signal.SIGHUP)
    node.saw("info monitor role.ready")


def test_bad_start(node):
    node.write(rest="nodes = 3;\n")
    node.start(wait=False)
    assert node.process.wait(10) == 1
    node.write()
    node.conf.rename(node.dir / "elsewhere")
    node.start(wait=False)
    assert node.process.wait(10) == 1
    assert "name the configuration with --config FILE" in node.text()


def test_two_in_one_folder(node):
    node.start()
    second = subprocess.run([POSTA, "run", "--config", node.conf], capture_output=True, text=True, timeout=30)
    assert second.returncode == 1 and "another posta runs" in second.stderr
    assert node.get()[0] == 200


def test_upgrade_without_a_refused_connection(node):
    """SIGUSR2 again and again while a client connects all the time: each connection is answered."""
    node.program = node.dir / "posta"
    shutil.copy(POSTA, node.program)
    node.start()
    answers, errors, done = [], [], threading.Event()

    def client():
        while not done.is_set():
            try:
                answers.append(node.get()[0])
            except Exception as e:
                errors.append(repr(e))

    threads = [threading.Thread(target=client) for _ in range(2)]
    for t in threads:
        t.start()
    try:
        for n in range(3):
            before = node.roles()
            fresh = node.dir / "posta.new"
            shutil.copy(POSTA, fresh)
            fresh.rename(node.program)  # what a package manager does
            node.signal(signal.SIGUSR2)
            node.saw("upgrade.done", n + 1)
            wait_for(lambda: len(node.roles()) == 1 and node.roles() != before)
    finally:
        done.set()
        for t in threads:
            t.join()
    assert not errors and len(answers) > 20 and set(answers) == {200}
    assert node.stop() == 0


def test_upgrade_to_a_broken_program(node):
    node.program = node.dir / "posta"
    shutil.copy(POSTA, node.program)
    node.start()
    before = node.roles()
    (node.dir / "new").write_text("#!/bin/sh\nexit 1\n")
    (node.dir / "new").chmod(0o755)
    (node.dir / "new").rename(node.program)
    node.signal(signal.SIGUSR2)
    node.saw("upgrade.refused")
    assert node.roles() == before and node.get()[0] == 200


def test_stop_lets_a_session_end(node):
    node.start()
    with socket.create_connection(("127.0.0.1", node.port), timeout=10) as s:
        s.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n")
        time.sleep(0.3)
        node.signal(signal.SIGTERM)
        node.saw("role.drain")
        s.sendall(b"\r\n")
        assert s.recv(100).startswith(b"HTTP/1.1 200 OK")
    assert node.process.wait(20) == 0


def test_stop_does_not_wait_for_ever(node):
    """Who says nothing is cut off when the time to drain is over."""
    node.start()
    with socket.create_connection(("127.0.0.1", node.port), timeout=10) as s:
        s.sendall(b"GET /metr")
        time.sleep(0.3)
        began = time.monotonic()
        assert node.stop() == 0
        assert 4 < time.monotonic() - began < 12


def test_kill_of_the_group_and_again(node):
    node.start()
    os.killpg(node.process.pid, signal.SIGKILL)
    node.process.wait()
    node.start()
    assert node.get()[0] == 200


def runs(pid):
    """Whether there is such a process, and not merely one that nobody has waited for, as in a container without init."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_roles_end_with_the_supervisor(node):
    node.start()
    pids = node.roles()
    os.kill(node.process.pid, signal.SIGKILL)
    node.process.wait()
    wait_for(lambda: not any(runs(p) for p in pids), 5)


ASK = """
import socket, sys
s = socket.socket(socket.AF_UNIX)
s.settimeout(10)
s.connect(sys.argv[1])
s.sendall(b"GET %s HTTP/1.1\\r\\n\\r\\n" % sys.argv[2].encode())
print(s.recv(100).split(b"\\r\\n")[0].decode())
"""


def ask_as(user, group, path, what):
    command = ["setpriv", f"--reuid={user}", f"--regid={group}", "--clear-groups"] if user else []
    done = subprocess.run([*command, "/usr/bin/python3", "-c", ASK, str(path), what], capture_output=True, text=True)
    return done.stdout.strip() or done.stderr.strip().splitlines()[-1]


@pytest.mark.skipif(not ROOT, reason="other users can be tried as root only")
def test_strangers_on_an_internal_socket(node):
    node.start()
    path = node.dir / "run" / "monitor-control.sock"
    assert ask_as(None, None, path, "/health") == "HTTP/1.1 200 OK"
    assert ask_as(None, None, path, "/nothing") == "HTTP/1.1 404 Not Found"
    assert ask_as("posta-monitor", "posta", path, "/metrics") == "HTTP/1.1 200 OK"
    assert ask_as("posta-monitor", "posta", path, "/queue") == "HTTP/1.1 403 Forbidden"
    assert "PermissionError" in ask_as("nobody", "nogroup", path, "/health")
    # A member of the group whose role is no peer: closed before a byte is read.
    assert "HTTP" not in ask_as("nobody", "posta", path, "/health")
    assert 'posta_connections_refused_total{role="monitor",why="stranger"} 1' in node.get()[1]
