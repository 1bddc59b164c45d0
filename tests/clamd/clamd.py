#!/usr/bin/env python3
"""A clamd with a database of its own of three signatures, so that nothing is downloaded: in a folder, as nobody, on a unix
socket and on TCP.

    tests/clamd/clamd.py FOLDER [--tcp PORT]      runs one until Ctrl-C; its socket is FOLDER/clamd.sock

The signatures: EICAR's test file (from its text), the test file of Debian's clamav-testfiles (its MD5 and length), and a
word of ours.
"""
import argparse
import contextlib
import os
import pathlib
import pwd
import shutil
import socket
import subprocess
import sys
import time

# In two halves, so that this file is none.
EICAR = r"X5O!P%@AP[4\PZX54(P^)7CC)7}$" + "EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"
WORD = "posta-clamd-" + "test-word"

# https://docs.clamav.net/manual/Signatures.html: NAME:TARGET:OFFSET:HEX, and MD5:LENGTH:NAME
NDB = f"Eicar-Test-Signature:0:*:{EICAR.encode().hex()}\nPosta.Test.Word:0:*:{WORD.encode().hex()}\n"
HDB = "aa15bcf478d165efd2065190eb473bcb:544:ClamAV-Test-File\n"

CONF = """LocalSocket {folder}/clamd.sock
LocalSocketMode 666
DatabaseDirectory {folder}/db
TemporaryDirectory {folder}
Foreground yes
LogFile {folder}/clamd.log
LogTime yes
SelfCheck 0
MaxThreads 4
StreamMaxLength {stream_max}
{more}
"""


def available():
    return shutil.which("clamd", path=os.environ.get("PATH", "") + ":/usr/sbin") is not None


class Clamd:
    def __init__(self, folder, tcp=None, stream_max="25M"):
        self.folder = pathlib.Path(folder)
        self.socket = self.folder / "clamd.sock"
        self.tcp = tcp
        db = self.folder / "db"
        db.mkdir(parents=True, exist_ok=True)
        (db / "posta.ndb").write_text(NDB)
        (db / "posta.hdb").write_text(HDB)
        more = f"TCPAddr 127.0.0.1\nTCPSocket {tcp}" if tcp else ""
        (self.folder / "clamd.conf").write_text(CONF.format(folder=self.folder, stream_max=stream_max, more=more))
        self.process = None

    def start(self, seconds=60):
        drop = {}
        if os.getuid() == 0:  # it needs no rights: it has none
            nobody = pwd.getpwnam("nobody")
            for path in (self.folder, self.folder / "db"):
                os.chown(path, nobody.pw_uid, nobody.pw_gid)
                path.chmod(0o755)
            drop = dict(user=nobody.pw_uid, group=nobody.pw_gid, extra_groups=[])
        with contextlib.suppress(FileNotFoundError):
            self.socket.unlink()
        self.process = subprocess.Popen(["/usr/sbin/clamd", "--config-file", self.folder / "clamd.conf"],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **drop)
        end = time.monotonic() + seconds
        while not self.answers():
            if self.process.poll() is not None or time.monotonic() > end:
                raise RuntimeError("clamd did not start:\n" + self.log())
            time.sleep(0.05)
        return self

    def answers(self):
        """Both sockets: TCP comes after the unix one, or before."""
        try:
            for family, address in [(socket.AF_UNIX, str(self.socket))] + \
                    ([(socket.AF_INET, ("127.0.0.1", self.tcp))] if self.tcp else []):
                with socket.socket(family) as s:
                    s.settimeout(5)
                    s.connect(address)
                    s.sendall(b"zPING\0")
                    if s.recv(10) != b"PONG\0":
                        return False
            return True
        except OSError:
            return False

    def log(self):
        path = self.folder / "clamd.log"
        return path.read_text(errors="replace")[-3000:] if path.exists() else ""

    def kill(self):
        """kill -9, in the middle of whatever it does."""
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None

    stop = kill


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("folder")
    options.add_argument("--tcp", type=int)
    options = options.parse_args()
    if not available():
        sys.exit("no clamd here: apt install clamav-daemon")
    clamd = Clamd(pathlib.Path(options.folder).absolute(), options.tcp).start()
    print(f"clamd answers at {clamd.socket}", flush=True)
    with contextlib.suppress(KeyboardInterrupt):
        clamd.process.wait()
    clamd.kill()
