"""Accounting-Requests against a whole platform: every record that was answered is in SQL, once, whatever happens."""
import json
import os
import signal
import sqlite3
import struct
import threading
import time

import pytest

import lab
from radius_packets import Nas, accounting, attribute

SETTINGS = """
radius: {
  default_domain = "demo.test";
  nas = (
    { name = "pop1"; address = "127.0.0.1"; secret = "testing123"; },
    { name = "pops"; address = "127.0.2.0/24"; secret = "testing123"; }
  );
  telcos = ( { name = "telecom"; called = "0610"; }, { name = "other"; } );
};
"""
START, STOP, INTERIM, ON = 1, 2, 3, 7


@pytest.fixture(scope="module")
def platform():
    p = lab.Platform(SETTINGS).start()
    yield p
    p.stop()


def packet(kind, session, seconds=0, octets=0, more=b"", user="ana", **kw):
    return accounting(attribute(40, kind) + attribute(44, session) + attribute(1, user) + attribute(5, 7) +
                      attribute(30, "06105550100") + attribute(31, "5551234") + attribute(46, seconds) +
                      attribute(42, octets & 0xffffffff) + attribute(52, octets >> 32) +
                      (attribute(49, 1) if kind == STOP else b"") + more, **kw)


def answered(nas, request):
    answer = nas.ask(request)
    return answer is not None and answer.code == "response"


def posta(p, *words):
    return p.posta(*words).stdout


def path(p):
    return p.dir / "data/accounting/accounting.db"


def sql(p, text, *values):
    db = sqlite3.connect(f"file:{path(p)}?mode=ro", uri=True, timeout=10)
    try:
        return db.execute(text, values).fetchall()
    finally:
        db.close()


def folded(p, text, want, seconds=20):
    def is_there():
        try:
            return sql(p, text)[0][0] == want
        except sqlite3.OperationalError:
            return False
    lab.wait_for(is_there, seconds)


def test_a_session_from_start_to_stop(platform):
    nas = Nas(platform.port("accounting"))
    assert answered(nas, packet(START, "A1"))
    folded(platform, "SELECT count(*) FROM live WHERE session='A1' AND stop=0", 1)
    (row,) = json.loads(posta(platform, "radius", "sessions", "--user", "ana@demo.test", "--open", "--json"))
    assert (row["nas"], row["session"], row["telco"], row["stop"]) == ("pop1", "A1", "telecom", "")
    assert answered(nas, packet(INTERIM, "A1", 300, 1000))
    stop = packet(STOP, "A1", 600, 5 << 32)
    assert answered(nas, stop)
    assert answered(nas, stop)  # RFC 5080 2.2.2: the answer again, from memory
    assert answered(nas, packet(STOP, "A1", 600, 5 << 32, attribute(41, 3)))  # sent again with Acct-Delay-Time: a new packet
    folded(platform, "SELECT count(*) FROM live WHERE session='A1' AND stop>0", 1)
    assert sql(platform, "SELECT seconds, incoming FROM live WHERE session='A1'") == [(600, 5 << 32)]
    assert json.loads(posta(platform, "radius", "usage", "--user", "ana@demo.test", "--by", "cause", "--json")) == [
        {"cause": "User-Request", "sessions": 1, "minutes": 10, "seconds": 600, "octets_in": 5 << 32, "octets_out": 0}]
    assert "ana@demo.test,pop1,7,A1," in posta(platform, "radius", "sessions", "--user", "ana@demo.test", "--csv")


def test_each_nas_of_a_network_by_itself(platform):
    one, two = (Nas(platform.port("accounting"), f"127.0.2.{i}") for i in (1, 2))
    assert answered(one, packet(START, "00000001", user="bruno"))
    assert answered(two, packet(START, "00000001", user="bruno"))
    assert answered(one, accounting(attribute(40, ON)))
    folded(platform, "SELECT count(*) FROM live WHERE session='00000001' AND stop>0 AND cause=11", 1)
    assert sql(platform, "SELECT name FROM live JOIN nas ON nas.id=nas WHERE session='00000001' AND stop=0") == [
        ("pops/127.0.2.2",)]


def test_bad_packets_get_no_answer(platform):
    nas = Nas(platform.port("accounting"))
    for bad in (packet(START, "B1", secret=b"wrong"), accounting(attribute(40, START) + attribute(1, "ana")),
                packet(START, "B1")[:-3], struct.pack(">BBH", 4, 1, 20) + bytes(16)):
        nas.send(bad)
        assert nas.receive(0.3) is None
    assert answered(nas, packet(START, "B2"))
    folded(platform, "SELECT count(*) FROM live WHERE session='B2'", 1)
    assert sql(platform, "SELECT count(*) FROM live WHERE session='B1'") == [(0,)]


def load(p, name, until, acknowledged):
    """A NAS with a session after the other, as fast as it is answered."""
    nas, n = Nas(p.port("accounting")), 0
    while not until.is_set():
        session, n = f"{name}.{n}", n + 1
        for request in (packet(START, session, user="bruno"), packet(STOP, session, 60, 1, user="bruno")):
            nas.send(request)
            answer = nas.receive(1)
            if not answer:
                break
        else:
            acknowledged.append(session)


def test_kill_under_load_loses_nothing_and_counts_nothing_twice(platform):
    for life in range(3):
        until, acknowledged = threading.Event(), []
        nases = [threading.Thread(target=load, args=(platform, f"k{life}.{i}", until, acknowledged), daemon=True)
                 for i in range(8)]
        for n in nases:
            n.start()
        lab.wait_for(lambda: len(acknowledged) > 100)
        for pid in platform.role_pid("radius"):
            os.kill(pid, signal.SIGKILL)
        until.set()
        for n in nases:
            n.join()
        probe = Nas(platform.port("accounting"))
        lab.wait_for(lambda: answered(probe, packet(START, f"again{life}")), 30)
        folded(platform, f"SELECT count(*) FROM live WHERE session='again{life}'", 1)
        rows = dict(sql(platform, "SELECT session, count(*) FROM live WHERE session LIKE ? AND stop>0 AND incoming=1"
                        " GROUP BY 1", f"k{life}.%"))
        assert [s for s in acknowledged if rows.get(s) != 1] == []
        assert set(rows.values()) == {1}


def test_the_database_locked_or_away_delays_no_answer(platform):
    nas = Nas(platform.port("accounting"))
    lock = sqlite3.connect(path(platform), isolation_level=None)
    lock.execute("BEGIN IMMEDIATE")
    began = time.monotonic()
    assert all(answered(nas, packet(STOP, f"locked{i}", 60, 1)) for i in range(50))
    assert time.monotonic() - began < 5
    time.sleep(3)
    assert sql(platform, "SELECT count(*) FROM live WHERE session LIKE 'locked%'") == [(0,)]
    lock.execute("ROLLBACK")
    lock.close()
    folded(platform, "SELECT count(*) FROM live WHERE session LIKE 'locked%'", 50)
    names = [f for f in os.listdir(path(platform).parent) if f.startswith("accounting.db")]
    for f in names:
        os.rename(path(platform).parent / f, platform.dir / f)
    assert all(answered(nas, packet(STOP, f"away{i}", 60, 1)) for i in range(50))
    time.sleep(2)
    assert not path(platform).exists()  # none is made in its place
    for f in names:
        if (platform.dir / f).exists():
            os.rename(platform.dir / f, path(platform).parent / f)
    folded(platform, "SELECT count(*) FROM live WHERE session LIKE 'away%'", 50)
    lab.wait_for(lambda: "accounting.database_again" in platform.log_text())
    assert "accounting.database " in platform.log_text()
    posta(platform, "radius", "usage", "--by", "telco")


def test_a_full_disk_gives_no_answer():
    p = lab.Platform(SETTINGS.replace("default_domain", 'accounting_reserve = "8000000G"; default_domain')).start()
    try:
        nas = Nas(p.port("accounting"))
        nas.send(packet(START, "F1"))
        assert nas.receive(1) is None
        assert "accounting.log_failed" in p.log_text()
    finally:
        p.stop()
