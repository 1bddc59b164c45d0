"""10,000 zones: one changes while the others answer; sources that are wrong or away leave what is served."""
import os
import random
import shutil
import signal
import socket
import sqlite3
import struct
import subprocess
import threading
import time

import pytest

import lab

FILES, ROWS = 5000, 5000
ZONE = """$TTL 300
@ SOA ns1.test. hostmaster.test. {serial} 3600 600 86400 300
@ NS ns1.test.
@ MX 10 mail
www A {address}
mail A 192.0.2.2
"""


def query(name, number, kind=1):
    wire = b"".join(bytes([len(label)]) + label for label in name.encode().split(b".")) + b"\0"
    return struct.pack("!6H", number, 0, 1, 0, 0, 0) + wire + struct.pack("!2H", kind, 1)


class Client(threading.Thread):
    """Asks for www of random zones, one after the other, until told to stop; counts what is not answered."""

    def __init__(self, port, names):
        super().__init__(daemon=True)
        self.port, self.names, self.ended = port, names, threading.Event()
        self.asked = self.lost = self.wrong = 0

    def run(self):
        with socket.socket(type=socket.SOCK_DGRAM) as s:
            s.connect(("127.0.0.1", self.port))
            s.settimeout(2)
            while not self.ended.is_set():
                self.asked += 1
                try:
                    s.send(query("www." + random.choice(self.names), self.asked & 0xffff))
                    answer = s.recv(512)
                    self.wrong += answer[3] & 15 != 0 or answer[7] != 1
                except OSError:
                    self.lost += 1

    def stop(self):
        self.ended.set()
        self.join()
        assert self.asked > 100 and (self.lost, self.wrong) == (0, 0), (self.asked, self.lost, self.wrong)


def www(p, zone):
    return subprocess.run(["dig", "+short", "+norec", "@127.0.0.1", "-p", str(p.port("dns")), f"www.{zone}", "A"],
                          text=True, capture_output=True).stdout.strip()


@pytest.fixture(scope="module")
def many():
    p = lab.Platform()
    zones = p.dir / "zones"
    zones.mkdir()
    zones.chmod(0o755)
    for i in range(FILES):
        (zones / f"f{i}.test.zone").write_text(ZONE.format(serial=1, address="192.0.2.1"))
    p.settings.write_text(f'dns: {{ zone_folder = "{zones}"; zone_poll = "300ms"; }};\n')
    try:
        p.start()
        with sqlite3.connect(p.dir / "data/directory/directory.db") as db:
            for i in range(ROWS):
                zone = db.execute("INSERT INTO zones (name, created) VALUES (?, 0)", (f"d{i}.test",)).lastrowid
                db.executemany("INSERT INTO records (zone_id, name, type, data) VALUES (?, ?, ?, ?)", [
                    (zone, "@", "NS", "ns1.test."), (zone, "@", "MX", f"10 mail.d{i}.test."),
                    (zone, "www", "A", "192.0.2.1"), (zone, "mail", "A", "192.0.2.2")])
            db.execute("UPDATE counters SET value = value + 1 WHERE name = 'change'")
            db.execute("INSERT INTO changes SELECT value, 0, 'all', 0 FROM counters WHERE name = 'change'")
        started = time.monotonic()
        lab.wait_for(lambda: www(p, f"d{ROWS - 1}.test"), 60)
        lab.wait_for(lambda: f"built={ROWS}" in p.log_text(), 60)
        print(f"{ROWS} zones of the directory in {time.monotonic() - started:.1f} s")
        p.names = [f"f{i}.test" for i in range(FILES)] + [f"d{i}.test" for i in range(ROWS)]
        yield p
    finally:
        p.remove()


@pytest.fixture
def client(many):
    c = Client(many.port("dns"), many.names[10:FILES] + many.names[FILES + 10:])
    c.start()
    yield c
    c.stop()


def test_a_change_of_one_zone_of_the_directory(many, client):
    many.posta("zone", "record", "add", "d0.test", "www", "A", "192.0.2.9")
    lab.wait_for(lambda: "192.0.2.9" in www(many, "d0.test"))
    before = many.log_text().count("dns.zone")
    assert www(many, "d1.test") == "192.0.2.1" and before == many.log_text().count("dns.zone")


def test_a_changed_file(many, client):
    path = many.dir / "zones" / "f0.test.zone"
    path.write_text(ZONE.format(serial=2, address="192.0.2.7"))
    lab.wait_for(lambda: www(many, "f0.test") == "192.0.2.7")


def test_a_broken_file_keeps_the_zone(many, client):
    path = many.dir / "zones" / "f1.test.zone"
    path.write_text(ZONE.format(serial=2, address="192.0.2.256"))
    lab.wait_for(lambda: f'{path}:5: ' in many.log_text())
    assert www(many, "f1.test") == "192.0.2.1"
    path.write_text(ZONE.format(serial=3, address="192.0.2.3")[:-20])  # half written: its last line is cut
    time.sleep(1)
    assert www(many, "f1.test") in ("192.0.2.1", "192.0.2.3")
    path.write_text(ZONE.format(serial=4, address="192.0.2.4"))
    lab.wait_for(lambda: www(many, "f1.test") == "192.0.2.4")


def test_an_included_file_changes(many, client):
    zones = many.dir / "zones"
    (zones / "hosts.inc").write_text("www A 192.0.2.1\n")
    (zones / "inc.test.zone").write_text("$TTL 60\n@ SOA a.test. b.test. 1 1 1 1 1\n@ NS a.test.\n$INCLUDE hosts.inc\n")
    lab.wait_for(lambda: www(many, "inc.test") == "192.0.2.1")
    (zones / "hosts.inc").write_text("www A 192.0.2.\n")
    lab.wait_for(lambda: "hosts.inc:1: " in many.log_text())
    assert www(many, "inc.test") == "192.0.2.1"
    (zones / "hosts.inc").unlink()
    time.sleep(1)
    (zones / "hosts.inc").write_text("www A 192.0.2.2\n")
    lab.wait_for(lambda: www(many, "inc.test") == "192.0.2.2")


def test_files_come_and_go(many, client):
    zones = many.dir / "zones"
    (zones / "fresh.test.zone").write_text(ZONE.format(serial=1, address="192.0.2.1"))
    lab.wait_for(lambda: www(many, "fresh.test"))
    (zones / "fresh.test.zone").unlink()
    lab.wait_for(lambda: not www(many, "fresh.test"))
    (zones / "not a zone.zone").write_text("x")
    (zones / ".hidden.test.zone").write_text(ZONE.format(serial=1, address="192.0.2.1"))
    time.sleep(1)
    assert not www(many, "hidden.test")


def test_a_file_wins_over_the_directory(many, client):
    zones = many.dir / "zones"
    (zones / "d2.test.zone").write_text(ZONE.format(serial=9, address="192.0.2.88"))
    lab.wait_for(lambda: www(many, "d2.test") == "192.0.2.88")
    many.posta("zone", "record", "add", "d2.test", "www", "A", "192.0.2.99")
    time.sleep(1)
    assert www(many, "d2.test") == "192.0.2.88"
    (zones / "d2.test.zone").unlink()
    lab.wait_for(lambda: "192.0.2.99" in www(many, "d2.test"))


def test_a_zone_that_is_removed_or_disabled(many, client):
    many.posta("zone", "set", "d3.test", "--disabled")
    many.posta("zone", "delete", "d4.test")
    lab.wait_for(lambda: not www(many, "d3.test") and not www(many, "d4.test"))
    many.posta("zone", "set", "d3.test", "--disabled=no")
    lab.wait_for(lambda: www(many, "d3.test"))


def test_sighup_reads_all_files_again(many, client):
    os.kill(many.process.pid, signal.SIGHUP)
    lab.wait_for(lambda: many.log_text().count("role.reload") >= 1)
    time.sleep(2)
    assert www(many, "f5.test") == "192.0.2.1"


def test_the_directory_is_away(many, client):
    db = many.dir / "data/directory/directory.db"
    db.rename(db.with_suffix(".away"))
    try:
        lab.wait_for(lambda: "dns.directory_away" in many.log_text())
        assert www(many, "d5.test") == "192.0.2.1" and www(many, "f5.test") == "192.0.2.1"
    finally:
        db.with_suffix(".away").rename(db)
    lab.wait_for(lambda: "dns.directory_back" in many.log_text())


def test_a_start_without_the_directory_serves_the_snapshot(many):
    """The last one: it stops the platform."""
    lab.wait_for(lambda: (many.dir / "data/dns/zones.db").exists())
    many.stop()
    folder = many.dir / "data/directory"
    shutil.move(folder / "directory.db", many.dir / "away.db")
    many.start(wait=False)
    # mx and others wait for the directory: the name server does not
    lab.wait_for(lambda: "dns.from_snapshot" in many.log_text()[many.log_start:], 60)
    lab.wait_for(lambda: www(many, "d6.test") == "192.0.2.1", 30)
    assert www(many, "demo.test") and www(many, "f6.test") == "192.0.2.1"
    shutil.move(many.dir / "away.db", folder / "directory.db")
    lab.wait_for(lambda: "dns.directory_back" in many.log_text()[many.log_start:], 30)
    many.posta("zone", "record", "add", "d6.test", "www", "A", "192.0.2.66")
    lab.wait_for(lambda: "192.0.2.66" in www(many, "d6.test"))
