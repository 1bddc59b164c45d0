"""A real rspamd in the filter's place: mx asks it, and delivers without it when it is gone."""
import os
import pathlib
import pwd
import shutil
import socket
import subprocess
import tempfile

import pytest
from lab import Platform, wait_for


class Rspamd:
    """One worker with rspamd's own settings, as a plain user, without redis or the network."""

    def __init__(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="posta-rspamd-"))
        self.dir.chmod(0o755)
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]
        user = "nobody" if os.geteuid() == 0 else None
        for name in ("db", "log", "run"):
            (self.dir / name).mkdir()
            if user:
                os.chown(self.dir / name, pwd.getpwnam(user).pw_uid, -1)
        (self.dir / "rspamd.conf").write_text(f"""
.include "/etc/rspamd/common.conf"
options {{ pidfile = "{self.dir}/run/pid"; filters = "chartable,dkim,regexp"; control_socket = "{self.dir}/run/control";
  dns {{ nameserver = ["127.0.0.1:9"]; timeout = 0.1s; retransmits = 1; }} }}
logging {{ type = "file"; filename = "{self.dir}/log/rspamd.log"; }}
worker "normal" {{ bind_socket = "127.0.0.1:{self.port}"; count = 1; task_timeout = 8s; }}
""")
        command = ["rspamd", "-f", "-i", "-c", self.dir / "rspamd.conf", f"--var=DBDIR={self.dir}/db", f"--var=RUNDIR={self.dir}/run",
                   f"--var=LOGDIR={self.dir}/log"]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                        cwd=self.dir, user=user)

    def answers(self):
        done = subprocess.run(["curl", "-s", "-m", "20", f"http://127.0.0.1:{self.port}/ping"], capture_output=True)
        return done.stdout.startswith(b"pong")

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


@pytest.fixture(scope="module")
def rspamd():
    if not shutil.which("rspamd"):
        pytest.skip("rspamd is not installed")
    r = Rspamd()
    try:
        wait_for(r.answers, 180)
        yield r
    finally:
        r.stop()
        shutil.rmtree(r.dir, ignore_errors=True)


@pytest.fixture(scope="module")
def platform(rspamd):
    p = Platform(f"""mx: {{ filters = ["127.0.0.1:{rspamd.port}"]; filter_pause = "1s"; }};
        filter: {{ networks = ["127.0.0.1/32"]; rules = []; auth = false; }};""").start()
    yield p
    p.remove()


def fetch(platform, message_id, folder="INBOX"):
    uid = wait_for(lambda: platform.find(message_id, folder=folder), 30)[0]
    c = platform.imap()
    try:
        c.select(folder, readonly=True)
        return c.uid("fetch", uid, "(BODY.PEEK[])")[1][0][1].decode(errors="replace")
    finally:
        c.logout()


def test_rspamd_judges(platform):
    text = fetch(platform, platform.send("ana@demo.test", subject="plain words"))
    status = text.split("X-Spam-Status: ", 1)[1].split("\r\n\r\n")[0]
    assert "NOT_SCANNED" not in status and "MIME_" in status, text[:2000]  # symbols that only rspamd has


def test_rspamd_gone(rspamd, platform):
    rspamd.stop()
    text = fetch(platform, platform.send("ana@demo.test", subject="without it"))
    assert "NOT_SCANNED" in text, text[:2000]
