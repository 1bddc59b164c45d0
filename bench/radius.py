"""Logins at posta's role radius and at FreeRADIUS 3 with SQLite, both with the same SHA-512 crypt hashes; called by bench/radius.sh.

CPU is that of the server's processes (/proc/PID/stat), so that the driver's own cost does not count.
"""
import hashlib
import hmac
import os
import pathlib
import select
import signal
import socket
import sqlite3
import struct
import subprocess
import sys
import time

POSTA, FOLDER, USERS = pathlib.Path(os.environ["POSTA_BUILD"]) / "posta", pathlib.Path(sys.argv[1]), int(sys.argv[2])
SECRET, TICK = b"testing123", os.sysconf("SC_CLK_TCK")
HASH = subprocess.run(["openssl", "passwd", "-6", "-salt", "saltsalt", "secret"], capture_output=True, text=True, check=True).stdout.strip()
POSTA_PORT, FREE_PORT = 24912, 25912


def request(user, number):
    authenticator = os.urandom(16)
    pad = hashlib.md5(SECRET + authenticator).digest()
    hidden = bytes(a ^ b for a, b in zip(b"secret".ljust(16, b"\0"), pad))
    name = user.encode()
    body = bytes([1, len(name) + 2]) + name + b"\x02\x12" + hidden
    head = struct.pack(">BBH", 1, number, 38 + len(body)) + authenticator
    return head + b"\x50\x12" + hmac.new(SECRET, head + b"\x50\x12" + bytes(16) + body, "md5").digest() + body


def cpu(pids):
    total = 0
    for pid in pids:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        total += int(fields[11]) + int(fields[12])
    return total / TICK


def run(port, users, rate=None, window=64):
    """Every user once; gives (answers, seconds, sorted delays in ms). rate: a second, else as fast as the window lets."""
    sockets, waiting, delays, sent, accepted = [], {}, [], 0, 0
    for _ in range(window):
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.connect(("127.0.0.1", port))
        s.setblocking(False)
        sockets.append(s)
    idle, began = list(sockets), time.perf_counter()
    poll = select.epoll()
    by_fd = {s.fileno(): s for s in sockets}
    for s in sockets:
        poll.register(s, select.EPOLLIN)
    while len(delays) < len(users) and time.perf_counter() - began < 120:
        now = time.perf_counter()
        while idle and sent < len(users) and (not rate or sent <= (now - began) * rate):
            s = idle.pop()
            s.send(request(users[sent], sent & 255))
            waiting[s] = time.perf_counter()
            sent += 1
        for fd, _ in poll.poll(0.0005):
            s = by_fd[fd]
            try:
                packet = s.recv(4096)
            except ConnectionRefusedError:  # nobody is there yet
                packet = b"\0"
            if s in waiting:
                delays.append((time.perf_counter() - waiting.pop(s)) * 1000)
                accepted += packet[0] == 2
                idle.append(s)
        for s, at in list(waiting.items())[:1]:
            if time.perf_counter() - at > 5:
                del waiting[s]
                delays.append(5000)
                idle.append(s)
    for s in sockets:
        s.close()
    return accepted, time.perf_counter() - began, sorted(delays)


def measure(what, port, pids, users):
    before = cpu(pids)
    accepted, seconds, delays = run(port, users)
    used = cpu(pids) - before
    print(f"{what:34} {len(users) / seconds:8.0f}/s  {used / len(users) * 1e6:8.1f} us CPU each  {accepted}/{len(users)} accepted")
    return len(users) / seconds


def half(what, port, users, peak):
    _, _, delays = run(port, users, rate=peak / 2)
    print(f"{what:34} 99th percentile at half the peak: {delays[int(len(delays) * 0.99)]:.2f} ms")


def wait(port):
    for _ in range(200):
        if run(port, ["user0000000@demo.test"], window=1)[0]:
            return
        time.sleep(0.1)
    sys.exit(f"nothing answers at {port}")


def start_posta():
    conf = FOLDER / "posta.conf"
    conf.write_text(f"""data = "{FOLDER}/data"; run = "{FOLDER}/run";
nodes: {{ n: {{ all_in_one = true; radius: {{ access = ["127.0.0.1:{POSTA_PORT}"]; accounting = ["127.0.0.1:{POSTA_PORT + 1}"]; }}; }}; }};
radius: {{ nas = ( {{ name = "bench"; address = "127.0.0.1"; secret = "testing123"; }} ); }};
""")
    rows = FOLDER / "users.csv"
    rows.write_text("address,hash,dialup,dialup-sessions\n" + "".join(f"user{i:07d}@demo.test,{HASH},yes,0\n" for i in range(USERS)))
    for words in (["domain", "add", "demo.test"], ["user", "import", rows]):
        subprocess.run([POSTA, *words, "--config", conf], check=True, stdout=subprocess.DEVNULL)
    log = open(FOLDER / "posta.log", "w")
    p = subprocess.Popen([POSTA, "run", "--config", conf], stdout=log, stderr=log, start_new_session=True)
    time.sleep(1)
    children = subprocess.run(["ps", "-o", "pid=,args=", "--ppid", str(p.pid)], capture_output=True, text=True).stdout
    return p, [line.split()[0] for line in children.splitlines() if "radius" in line]


def start_freeradius(stored, value):
    folder = FOLDER / stored
    folder.mkdir()
    base = pathlib.Path("/etc/freeradius/3.0/mods-config/sql/main/sqlite")
    db = sqlite3.connect(folder / "radius.db")
    db.executescript((base / "schema.sql").read_text())
    db.executemany("INSERT INTO radcheck (username, attribute, op, value) VALUES (?, ?, ':=', ?)",
                   ((f"user{i:07d}@demo.test", stored, value) for i in range(USERS)))
    db.commit()
    db.close()
    (folder / "radiusd.conf").write_text(f"""
prefix = /usr
logdir = {folder}
raddbdir = {folder}
run_dir = {folder}
libdir = /usr/lib/freeradius
pidfile = {folder}/pid
max_requests = 65536
cleanup_delay = 1
log {{ destination = files
 file = {folder}/log }}
security {{ allow_vulnerable_openssl = yes }}
client bench {{ ipaddr = 127.0.0.1
 secret = testing123
 require_message_authenticator = yes }}
thread pool {{ start_servers = 4
 max_servers = 8
 min_spare_servers = 1
 max_spare_servers = 8 }}
instantiate {{
 expr
}}
modules {{
 expr {{ }}
 pap {{ }}
 sql {{
  driver = "rlm_sql_sqlite"
  dialect = "sqlite"
  sqlite {{ filename = "{folder}/radius.db" }}
  radius_db = "radius"
  authcheck_table = "radcheck"
  groupcheck_table = "radgroupcheck"
  authreply_table = "radreply"
  groupreply_table = "radgroupreply"
  usergroup_table = "radusergroup"
  acct_table1 = "radacct"
  acct_table2 = "radacct"
  postauth_table = "radpostauth"
  client_table = "nas"
  group_attribute = "SQL-Group"
  read_groups = no
  pool {{ start = 4
   min = 1
   max = 8 }}
  $INCLUDE {base}/queries.conf
 }}
}}
server default {{
 listen {{ type = auth
  ipaddr = 127.0.0.1
  port = {FREE_PORT} }}
 authorize {{
  sql
  pap
 }}
 authenticate {{
  Auth-Type PAP {{
   pap
  }}
 }}
}}
""")
    words = ["freeradius", "-f", "-d", str(folder), "-n", "radiusd"]
    if os.environ.get("BENCH_SHOW"):
        subprocess.run(["timeout", "2"] + words + ["-X"])
    p = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    return p, [str(p.pid)]


def stop(p):
    os.killpg(p.pid, signal.SIGTERM)
    p.wait(20)


def main():
    users = [f"user{i:07d}@demo.test" for i in range(USERS)]
    many = users * max(1, 20000 // USERS)
    p, pids = start_posta()
    try:
        wait(POSTA_PORT)
        measure("posta, first login (SHA-512 crypt)", POSTA_PORT, pids, users[1:])
        peak = measure("posta, again", POSTA_PORT, pids, many)
        half("posta", POSTA_PORT, many[:5000], peak)
    finally:
        stop(p)
    for stored, value in (("Crypt-Password", HASH), ("Cleartext-Password", "secret")):
        p, pids = start_freeradius(stored, value)
        try:
            wait(FREE_PORT)
            peak = measure(f"FreeRADIUS, {stored}", FREE_PORT, pids, users if stored[0:2] == "Cr" else many)
            half(f"FreeRADIUS, {stored}", FREE_PORT, many[:1000], peak)
        finally:
            stop(p)


main()
