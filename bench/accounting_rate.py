"""Accounting-Requests a second through the role radius (answered when synced) and through FreeRADIUS 3 with its SQL module on SQLite, the same
driver in turn. posta's role is killed with -9 at the end of the load: every session whose Stop was answered must be in SQL, once. Then
the 99th percentile at half of each one's peak. FreeRADIUS: package freeradius; left out where it is not installed."""
import os
import pathlib
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))
import lab  # noqa: E402

SECONDS = int(sys.argv[1]) if len(sys.argv) > 1 else 10
SOCKETS, WINDOW = 16, 64
DRIVER = lab.BUILD / "bench/bench-radius_accounting"
SETTINGS = """
radius: { default_domain = "demo.test"; nas = ( { name = "bench"; address = "127.0.0.1"; secret = "testing123"; } ); };
"""
FREERADIUS = """
prefix = /usr
exec_prefix = /usr
sysconfdir = /etc
localstatedir = {dir}
libdir = /usr/lib/freeradius
raddbdir = /etc/freeradius/3.0
logdir = {dir}
run_dir = {dir}
pidfile = {dir}/pid
db_dir = {dir}
modconfdir = /etc/freeradius/3.0/mods-config
max_request_time = 30
max_requests = 16384
cleanup_delay = 1
hostname_lookups = no
log {{
  destination = files
 file = {dir}/log
 }}
security {{
  allow_core_dumps = no
 max_attributes = 200
 status_server = yes
 }}
client localhost {{
  ipaddr = 127.0.0.1
 secret = testing123
 require_message_authenticator = no
 }}
thread pool {{
  start_servers = 5
 max_servers = 32
 min_spare_servers = 3
 max_spare_servers = 10
 max_requests_per_server = 0
 auto_limit_acct = no
 }}
modules {{
 expr {{
 }}
 sql {{
  dialect = "sqlite"
  driver = "rlm_sql_sqlite"
  sqlite {{
  filename = "{dir}/radius.db"
   busy_timeout = 2000
   bootstrap = "/etc/freeradius/3.0/mods-config/sql/main/sqlite/schema.sql"
 }}
  radius_db = "radius"
  acct_table1 = "radacct"
  acct_table2 = "radacct"
  postauth_table = "radpostauth"
  authcheck_table = "radcheck"
  groupcheck_table = "radgroupcheck"
  authreply_table = "radreply"
  groupreply_table = "radgroupreply"
  usergroup_table = "radusergroup"
  group_attribute = "SQL-Group"
  delete_stale_sessions = yes
  pool {{
  start = 5
   min = 3
   max = 32
   spare = 10
   uses = 0
   lifetime = 0
   idle_timeout = 60
 }}
  client_table = "nas"
  $INCLUDE /etc/freeradius/3.0/mods-config/sql/main/sqlite/queries.conf
 }}
}}
server default {{
 listen {{
  type = acct
  ipaddr = 127.0.0.1
  port = {port}
 }}
 preacct {{
  update request {{
   &Acct-Unique-Session-Id := "%{{md5:%{{User-Name}},%{{Acct-Session-Id}},%{{NAS-IP-Address}},%{{NAS-Port}}}}"
  }}
 }}
 accounting {{
  sql
 }}
}}
"""


def drive(port, seconds, rate=0):
    """answered, a second, p50, p99 in microseconds, sessions that ended"""
    out = subprocess.run([DRIVER, str(port), str(seconds), str(SOCKETS), str(WINDOW), str(int(rate))],
                         capture_output=True, text=True, check=True).stdout
    return [int(v) for v in out.split()]


def cpu(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def show(name, peak, half, used):
    print(f"{name:<12} {peak[1]:>8} packets/s  {used / max(peak[0], 1) * 1e6:7.1f} us CPU a packet  "
          f"p50 {peak[2] / 1000:.1f} ms  p99 {peak[3] / 1000:.1f} ms;  at half: {half[1]} packets/s, "
          f"p50 {half[2] / 1000:.1f} ms, p99 {half[3] / 1000:.1f} ms")


def posta():
    p = lab.Platform(SETTINGS).start()
    try:
        port = p.port("accounting")
        drive(port, 1)
        (pid,) = p.role_pid("radius")
        before = cpu(pid)
        peak = drive(port, SECONDS)
        used = cpu(pid) - before
        half = drive(port, SECONDS, peak[1] / 2)
        last = drive(port, 2)
        os.kill(pid, signal.SIGKILL)
        show("posta", peak, half, used)
        read_back(p, port, last)
        return peak
    finally:
        p.stop()


def read_back(p, port, last):
    """What was answered in the last run before the kill, and in all."""
    began, n = time.monotonic(), -1
    lab.wait_for(lambda: drive(port, 1)[0] > 0, 60)
    while True:
        db = sqlite3.connect(f"file:{p.dir}/data/accounting/accounting.db?mode=ro", uri=True, timeout=30)
        have = db.execute("SELECT count(*), count(DISTINCT session) FROM live WHERE stop>0 AND incoming=1000").fetchone()
        db.close()
        if have[0] == n:
            break
        n = have[0]
        time.sleep(3)
    print(f"             after kill -9: {have[0]} sessions in SQL, {have[0] - have[1]} of them twice, "
          f"{'none lost' if have[0] >= last[4] else 'LOST'}; folded within {time.monotonic() - began:.0f} s")


def freeradius():
    if not shutil.which("freeradius") or not pathlib.Path("/usr/lib/freeradius/rlm_sql_sqlite.so").exists():
        print("freeradius is not installed: left out")
        return None
    where = pathlib.Path(tempfile.mkdtemp(prefix="posta-bench-"))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    (where / "radiusd.conf").write_text(FREERADIUS.format(dir=where, port=port))
    with open(where / "out", "wb") as out:
        process = subprocess.Popen(["freeradius", "-f", "-d", where], stdout=out, stderr=out)
    try:
        lab.wait_for(lambda: process.poll() is None and drive(port, 1)[0] > 0, 20)
        before = cpu(process.pid)
        peak = drive(port, SECONDS)
        used = cpu(process.pid) - before
        half = drive(port, SECONDS, max(peak[1] / 2, 1))
        show("freeradius", peak, half, used)
        return peak
    except AssertionError:
        print("freeradius did not answer:", (where / "out").read_text()[-500:])
        return None
    finally:
        process.terminate()
        process.wait(20)
        shutil.rmtree(where)


print(f"{SECONDS} s each, {SOCKETS} NASes with {WINDOW} packets under way, a Start and a Stop for each session")
ours, theirs = posta(), freeradius()
if theirs:
    print(f"posta : freeradius = {ours[1] / max(theirs[1], 1):.1f}")
