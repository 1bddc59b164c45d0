"""A whole platform for the black-box tests: ./run in a folder and on ports of its own.

POSTA_BUILD     the build folder whose `posta` is tested (./test sets it), build/ otherwise
"""
import fcntl
import itertools
import os
import pathlib
import random
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import time

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = pathlib.Path(os.environ.get("POSTA_BUILD", ROOT / "build"))
SANITIZED = "asan" in BUILD.name
STANDARD = dict(smtp=25, submission=587, submissions=465, imap=143, imaps=993, pop3=110, pop3s=995,
                lmtp=24, metrics=9100, dns=53, dnsbl=54, resolver=55, access=1812, accounting=1813, radsec=2083,
                coa=3799, filter=11333, spamd=783, milter=11332)


def shared(*parts):
    """A path in ../shared (POSTA_SHARED), or a skip where it is absent."""
    path = pathlib.Path(os.environ.get("POSTA_SHARED", ROOT.parent / "shared")).joinpath(*parts)
    if not path.exists():
        pytest.skip(f"no {'/'.join(parts)} beside the checkout")
    return path


def tool(target):
    """The path of a program that only tests call, built from what stands: by one process at a time, since ninja over ninja writes
    a program that the other one is running."""
    with open(BUILD / ".test-tools", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = subprocess.run(["ninja", "-C", BUILD, target], text=True, capture_output=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return BUILD / target


held = {}  # port bases of this process -> what holds their ports


def hold(base):
    """True when no other run of tests on this machine has one of these ports: posta's sockets could share them without a complaint,
    and two bases that differ by 1300 meet (radsec of one is spamd of the other)."""
    sockets = []
    for port in STANDARD.values():
        s = socket.socket(socket.AF_UNIX)
        sockets.append(s)
        try:
            s.bind(f"\0posta-test-port-{base + port}")  # an abstract name: gone with the process
        except OSError:
            for s in sockets:
                s.close()
            return False
    held[base] = sockets
    return True


def release(base):
    for s in held.pop(base, ()):
        s.close()


def free_port_base():
    # All of them lie below the ports that the kernel gives to connections (32768 and up).
    for base in random.sample(range(10000, 21400, 100), 114):
        if not hold(base):
            continue
        try:
            for port in STANDARD.values():
                with socket.socket() as s, socket.socket(type=socket.SOCK_DGRAM) as u:
                    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    s.bind(("127.0.0.1", base + port))
                    u.bind(("127.0.0.1", base + port))
            return base
        except OSError:
            release(base)
    raise RuntimeError("no free ports")


def wait_for(what, seconds=20, step=0.05):
    """Calls what() until it gives something true, which is returned."""
    end = time.monotonic() + seconds
    while True:
        got = what()
        if got:
            return got
        if time.monotonic() > end:
            raise AssertionError(f"waited {seconds} s in vain for {getattr(what, '__name__', what)}")
        time.sleep(step)


def no_sanitizer_report(log):
    for word in ("ERROR: AddressSanitizer", "runtime error:", "ERROR: LeakSanitizer", "LeakSanitizer has encountered"):
        assert word not in log, log[max(0, log.index(word) - 200):][:6000]


class Platform:
    """./run in a folder of its own. settings: text of posta.conf groups that replace the demonstration's."""

    def __init__(self, settings=""):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="posta-test-"))
        self.dir.chmod(0o755)
        self.base = free_port_base()
        self.log = self.dir / "log"
        self.conf = self.dir / "posta.conf"
        self.settings = self.dir / "settings.conf"
        self.settings.write_text(settings)
        self.process = None

    def port(self, name):
        return self.base + STANDARD[name]

    def start(self, wait=True):
        with open(self.log, "ab") as log:
            self.log_start = log.tell()
            self.process = subprocess.Popen(
                [ROOT / "run", "--dir", self.dir, "--port-base", str(self.base), "--settings", self.settings],
                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
                env=dict(os.environ, POSTA_BUILD=str(BUILD)))
        if wait:
            self.wait_ready()
        return self

    def wait_ready(self, seconds=90):
        def ready():
            if self.process.poll() is not None:
                raise AssertionError("./run ended:\n" + self.log_text()[-4000:])
            return b"posta is ready" in self.log.read_bytes()[self.log_start:]
        wait_for(ready, seconds)

    def log_text(self):
        return self.log.read_text(errors="replace")

    def stop(self, seconds=60):
        """Ctrl-C; gives the exit code."""
        if self.process is None:
            return None
        os.killpg(self.process.pid, signal.SIGINT)
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise
        finally:
            self.process = None

    def kill(self):
        """kill -9 of everything at once."""
        if self.process is not None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.process = None

    def remove(self):
        try:
            if SANITIZED and self.process is not None and self.process.poll() is None:
                self.stop()  # leaks are looked for at the end of a process
        except subprocess.TimeoutExpired:
            pass
        finally:
            self.kill()
            text = self.log_text() if self.log.exists() else ""
            shutil.rmtree(self.dir, ignore_errors=True)
            release(self.base)
        no_sanitizer_report(text)

    def posta(self, *args, check=True, input=None):
        """Runs a posta command on this platform; gives the finished process."""
        done = subprocess.run([BUILD / "posta", *map(str, args), "--config", self.conf], text=True, input=input,
                              capture_output=True, timeout=120)
        if check:
            assert done.returncode == 0, (args, done.stdout, done.stderr)
        return done

    def role_pid(self, role):
        """The process of a role, a child of this platform's supervisor."""
        out = subprocess.run(["pgrep", "-g", str(os.getpgid(self.process.pid)), "-f", f"posta: {role}$|role {role}"],
                             text=True, capture_output=True).stdout.split()
        return [int(p) for p in out]

    @property
    def tls(self):
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context

    # ---- the shortest ways to send and to read ----
    def send(self, to, text="hello", subject="test", sender="stranger@example.net", **headers):
        """One message through the mx; gives the Message-ID."""
        import smtplib
        message_id = f"<{next(counter)}.{os.getpid()}.{time.time_ns()}@example.net>"
        to = [to] if isinstance(to, str) else to
        lines = [f"From: {sender}", f"To: {', '.join(to)}", f"Subject: {subject}", f"Message-ID: {message_id}"]
        lines += [f"{k.replace('_', '-')}: {v}" for k, v in headers.items()]
        with smtplib.SMTP("127.0.0.1", self.port("smtp"), timeout=30) as s:
            refused = s.sendmail(sender, to, "\r\n".join(lines) + "\r\n\r\n" + text + "\r\n")
            if refused:
                raise smtplib.SMTPRecipientsRefused(refused)
        return message_id

    def imap(self, user="ana"):
        import imaplib
        c = imaplib.IMAP4_SSL("127.0.0.1", self.port("imaps"), ssl_context=self.tls, timeout=30)
        c.login(user, f"{user}-secret")
        return c

    def find(self, message_id, user="ana", folder="INBOX"):
        """UIDs of the mails with this Message-ID."""
        c = self.imap(user)
        try:
            c.select(folder, readonly=True)
            return c.uid("search", None, "HEADER", "Message-ID", message_id)[1][0].split()
        finally:
            c.logout()


counter = itertools.count()
