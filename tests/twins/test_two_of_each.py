"""Two nodes share the directory and nothing else. Under load one of them is killed at random, again and again; a client with the usual
configuration of two servers loses nothing."""
import json
import pathlib
import random
import sys
import threading
import time

import dns.exception
import dns.message
import dns.query
import dns.rcode
import pytest

from lab import SANITIZED, Platform, wait_for

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "radius"))
from radius_packets import Nas, accounting, attribute, pap  # noqa: E402

START, STOP = 1, 2
ROUNDS = 3
SHARED = ("directory", "secrets", "zonekeys", "accounting")


@pytest.fixture
def twins():
    """Two platforms; the second one's directory and accounting are the first one's."""
    first, second = Platform(), Platform()
    try:
        first.start()
        shared = second.dir / "data"
        shared.mkdir()
        for name in SHARED:
            (shared / name).symlink_to(first.dir / "data" / name)
        (shared / "seeded").touch()
        yield first, second.start()
    finally:
        second.remove()
        first.remove()


class Client(threading.Thread):
    """Asks until it is told to stop; counts what nobody answered."""

    def __init__(self, name, ask):
        super().__init__(name=name, daemon=True)
        self.ask, self.done, self.answered, self.lost = ask, threading.Event(), 0, []

    def run(self):
        while not self.done.is_set():
            began = time.time()
            try:
                if self.ask(self.answered):
                    self.answered += 1
                else:
                    self.lost.append(began)
            except Exception as e:  # a wrong answer is a loss as well
                self.lost.append(e)
            time.sleep(0.01)

    def stop(self):
        self.done.set()
        self.join(30)


def asks_names(servers, name):
    """A stub resolver as in resolv.conf: both servers, two rounds, a second each."""
    def ask(_):
        query = dns.message.make_query(name, "A")
        for _ in range(2):
            for port in servers:
                try:
                    answer = dns.query.udp(query, "127.0.0.1", port=port, timeout=1)
                except (dns.exception.Timeout, OSError):
                    continue
                if answer.rcode() == dns.rcode.NOERROR and answer.answer:
                    return True
        return False
    return ask


def test_a_client_with_two_servers_loses_nothing(twins):
    servers = {kind: [p.port(kind) for p in twins] for kind in ("dns", "resolver", "access", "accounting")}

    def as_nas(kind, packet, want):
        """What a NAS does: a second for each server, two rounds."""
        for _ in range(2):
            for port in servers[kind]:
                try:
                    answer = Nas(port).ask(packet, 1)
                except OSError:
                    continue
                if answer:
                    return answer.code == want
        return False

    def dials(_):
        return as_nas("access", pap("ana", "ana-secret"), "accept")

    def accounts(n):
        body = attribute(40, STOP if n % 2 else START) + attribute(44, f"s{n // 2}") + attribute(1, "ana")
        return as_nas("accounting", accounting(body), "response")

    clients = [Client("dns", asks_names(servers["dns"], "mx.demo.test")),
               Client("resolver", asks_names(servers["resolver"], "mx.demo.test")),
               Client("access", dials), Client("accounting", accounts)]
    for c in clients:
        c.start()
    for _ in range(ROUNDS):
        time.sleep(1)
        victim = random.choice(twins)
        victim.kill()
        time.sleep(1)
        victim.start()
    time.sleep(1)
    for c in clients:
        c.stop()
    assert {c.name: c.lost for c in clients} == {c.name: [] for c in clients}
    assert all(c.answered > (30 if SANITIZED else 100) for c in clients), {c.name: c.answered for c in clients}

    # Each acknowledged Start and Stop, whoever took it, is one session, and none is there twice.
    sessions = clients[3].answered // 2

    def counted():
        listed = json.loads(twins[0].posta("radius", "sessions", "--user", "ana@demo.test", "--max", 100000, "--json").stdout)
        rows = listed if isinstance(listed, list) else listed["sessions"]
        names = [row["session"] for row in rows]
        assert len(names) == len(set(names))
        return len(set(names) & {f"s{i}" for i in range(sessions)}) == sessions
    wait_for(counted, 60)
