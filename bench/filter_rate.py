"""Messages a second, delay and CPU of the filter over HTTP, of rspamd over HTTP and of spamd over SPAMC, one after the other on one machine,
without the DNS and without lists: what each costs by itself.

filter_rate.py [FOLDER] [SECONDS] [CONNECTIONS]: messages of FOLDER (default: 200 of its own making), 10 s and 4 connections each.
"""
import http.client
import os
import pathlib
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests/filter")]
from lab import Platform, wait_for  # noqa: E402


def messages(folder):
    if folder:
        files = sorted(p for p in pathlib.Path(folder).rglob("*") if p.is_file())
        random.Random(1).shuffle(files)
        return [p.read_bytes() for p in files[:2000]]
    words = "invoice meeting offer winter garden report team budget train letter window question answer morning".split()
    rnd = random.Random(1)
    return [(f"From: s{i}@example.net\r\nTo: ana@demo.test\r\nSubject: {rnd.choice(words)} {i}\r\nDate: Sat, 28 Nov 2026 12:00:00 +0000\r\n"
             f"Message-ID: <{i}@example.net>\r\n\r\n" + "\r\n".join(" ".join(rnd.choices(words, k=10)) for _ in range(60)) + "\r\n").encode()
            for i in range(200)]


def ask_http(port):
    c = http.client.HTTPConnection("127.0.0.1", port, timeout=60)

    def ask(body):
        c.request("POST", "/checkv2", body)
        answer = c.getresponse()
        answer.read()
        assert answer.status == 200
        if answer.will_close:
            c.close()
    return ask


def ask_spamd(port):
    def ask(body):
        with socket.create_connection(("127.0.0.1", port), timeout=120) as s:
            s.sendall(b"CHECK SPAMC/1.5\r\nContent-length: %d\r\n\r\n" % len(body) + body)
            while s.recv(65536):
                pass
    return ask


def cpu(pids):
    """Seconds of CPU of these processes and their children."""
    ticks = 0
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            words = stat.read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        if int(stat.parent.name) in pids or int(words[1]) in pids:
            ticks += int(words[11]) + int(words[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def measure(name, make, port, pids, mails, seconds, connections):
    times, end = [], time.monotonic() + seconds

    def run(k):
        ask, i = make(port), k
        while time.monotonic() < end:
            began = time.monotonic()
            ask(mails[i % len(mails)])
            times.append(time.monotonic() - began)
            i += connections

    make(port)(mails[0])
    before = cpu(pids)
    threads = [threading.Thread(target=run, args=(k,)) for k in range(connections)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    used = cpu(pids) - before
    times.sort()
    print(f"{name:10} {len(times) / seconds:8.1f}/s  median {times[len(times) // 2] * 1e3:7.2f} ms  99 % {times[len(times) * 99 // 100] * 1e3:8.2f} ms"
          f"  CPU {used / len(times) * 1e3:7.2f} ms a message", flush=True)


def posta(mails, seconds, connections):
    p = Platform('filter: { networks = ["127.0.0.1/32"]; auth = false; }; blacklists: { lists = (); };')
    try:
        p.start()
        measure("posta", ask_http, p.port("filter"), set(p.role_pid("filter")), mails, seconds, connections)
    finally:
        p.remove()


def rspamd(mails, seconds, connections):
    from test_rspamd import Rspamd
    if not shutil.which("rspamd"):
        return print("rspamd is not installed")
    r = Rspamd()
    try:
        wait_for(r.answers, 180)
        measure("rspamd", ask_http, r.port, {r.process.pid}, mails, seconds, connections)
    finally:
        r.stop()


def spamd(mails, seconds, connections):
    if not shutil.which("spamd"):
        return print("spamd is not installed")
    with socket.socket() as s, tempfile.TemporaryDirectory() as home:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
        s.close()
        os.chmod(home, 0o777)
        process = subprocess.Popen(["spamd", "-L", "-x", "-i", "127.0.0.1", "-p", str(port), "-m", str(connections), "--min-children",
                                    str(connections), "-H", home, "-u", "nobody"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

        def up():
            try:
                return socket.create_connection(("127.0.0.1", port), timeout=1).close() is None
            except OSError:
                return False
        try:
            wait_for(up, 60)
            measure("spamd", ask_spamd, port, {process.pid}, mails, seconds, connections)
        finally:
            process.terminate()
            process.wait(30)


if __name__ == "__main__":
    mails = messages(sys.argv[1] if len(sys.argv) > 1 else None)
    seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 10
    connections = int(sys.argv[3]) if len(sys.argv) > 3 else 4
    print(f"{len(mails)} messages, {sum(map(len, mails)) // len(mails)} octets each on average, {connections} connections")
    for what in (posta, rspamd, spamd):
        what(mails, seconds, connections)
