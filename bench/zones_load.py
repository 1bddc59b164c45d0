"""bench/run zones: from sources to answers. Prints what the role's own log and /proc say."""
import calendar
import pathlib
import re
import signal
import socket
import sqlite3
import struct
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests/dns")]
import lab  # noqa: E402
from zones import Commands  # noqa: E402

N = int(sys.argv[1])
FILE = "$TTL 300\n@ SOA ns.test. hostmaster.test. 1 3600 600 86400 300\n@ NS ns.test.\n@ MX 10 mail\nwww A 192.0.2.1\nmail A 192.0.2.2\n"


def stamp(line):
    return calendar.timegm(time.strptime(line[:19], "%Y-%m-%dT%H:%M:%S")) + float(line[19:23])


def ask(port, name):
    wire = b"".join(bytes([len(label)]) + label for label in name.encode().split(b".")) + b"\0"
    with socket.socket(type=socket.SOCK_DGRAM) as s:
        s.settimeout(1)
        s.sendto(struct.pack("!6H", 1, 0, 1, 0, 0, 0) + wire + struct.pack("!2H", 1, 1), ("127.0.0.1", port))
        answer = s.recv(512)
        return answer[-4:] if answer[7] else b""


def main():
    posta = Commands()
    posta.dir.chmod(0o755)
    posta.run("domain", "add", "x.test")
    with sqlite3.connect(posta.dir / "data/directory/directory.db") as db:
        for i in range(N):
            zone = db.execute("INSERT INTO zones (name, created) VALUES (?, 0)", (f"d{i}.test",)).lastrowid
            db.executemany("INSERT INTO records (zone_id, name, type, data) VALUES (?, ?, ?, ?)", [
                (zone, "@", "NS", "mx.demo.test."), (zone, "www", "A", "192.0.2.1"), (zone, "mail", "A", "192.0.2.2")])
            db.execute("INSERT INTO domains (name, zone_id, created) VALUES (?, ?, 0)", (f"d{i}.test", zone))
    files = posta.dir / "zones"
    files.mkdir()
    for i in range(N):
        (files / f"f{i}.test.zone").write_text(FILE)
    port = lab.free_port_base() + 53
    conf = posta.dir / "posta.conf"
    conf.write_text(conf.read_text().split("nodes:")[0] + f"""
        nodes: {{ one: {{ hostname = "mx.demo.test"; dns: {{ dns = ["127.0.0.1:{port}"]; }}; }}; }};
        dns: {{ zone_folder = "{files}"; }};\n""")
    log = posta.dir / "log"
    start = time.time()
    process = subprocess.Popen([lab.BUILD / "posta", "run", "--config", conf], stdout=log.open("w"), stderr=subprocess.STDOUT)
    try:
        lab.wait_for(lambda: "posta is ready" in log.read_text(), 120)
        time.sleep(1)
        lines = [line for line in log.read_text().splitlines() if " dns " in line]
        ready = next(stamp(line) for line in lines if " dns role.ready" in line)
        directory = next(line for line in lines if "dns.directory " in line)
        print(f"{2 * N} zones from the start of the program to the first answer: {ready - start:.2f} s "
              f"({re.search('built=[0-9]+', directory).group()} of the directory)")
        children = subprocess.run(["pgrep", "-P", str(process.pid)], text=True, capture_output=True).stdout.split()
        for pid in children:
            rss = int(re.search(r"VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text()).group(1))
            print(f"memory of the role: {rss // 1024} MiB, {rss * 1024 // (2 * N)} octets a zone")
        took = []
        for i in range(5):
            posta.run("zone", "record", "add", f"d{i}.test", "new", "A", "192.0.2.9")
            begin = time.monotonic()
            lab.wait_for(lambda: ask(port, f"new.d{i}.test") == bytes([192, 0, 2, 9]), 20, 0.005)
            took.append(time.monotonic() - begin)
        print(f"a changed zone is served {sorted(took)[2] * 1000:.0f} ms after its command ended (looked at every 250 ms)")
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)
        posta.remove()


main()
