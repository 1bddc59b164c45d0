"""What scanning adds to a delivery: two platforms on this machine, one whose mx asks its filter and one whose mx asks nobody, get the
same messages by turns, one at a time, over a connection that stays. Each time is from the final dot to the 250 (or 550).
bench/run filter_delay [N]. Messages: N of ../shared/corpus, spread over its sources, or made ones where that is absent. Black lists are
those of the demonstration, answered by its own dnsbl role; every other name is asked of a server here that knows none of them, so that no
network is waited for."""
import itertools
import os
import pathlib
import re
import smtplib
import statistics
import sys
import tarfile
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests/relay")]
from dns_server import Dns  # noqa: E402
from lab import Platform  # noqa: E402

N = int(sys.argv[1]) if len(sys.argv) > 1 else 500
SHARED = pathlib.Path(os.environ.get("POSTA_SHARED", ROOT.parent / "shared")) / "corpus"


def corpus():
    """Every k-th message of ham and spam in turn, so that all sources come in."""
    if not SHARED.exists():
        for i in range(N):
            yield f"From: x@example.net\r\nSubject: {i}\r\n\r\n".encode() + b"Some words of a line.\r\n" * (10 + i % 400)
        return
    for archive, all_of_it in (("ham", 6079), ("spam", 3454)):
        step, taken = max(1, all_of_it * 2 // N), 0
        with tarfile.open(SHARED / f"{archive}.tar.xz", "r|xz") as tar:
            for i, member in enumerate(m for m in tar if m.isfile()):
                if i % step == 0 and taken < N // 2:
                    taken += 1
                    yield tar.extractfile(member).read()


def clean(message):
    """As SMTP takes it: CRLF alone ends a line."""
    return re.sub(rb"\r?\n|\r", b"\r\n", message).replace(b"\r\n.", b"\r\n..")


def one(s, message, to):
    """Milliseconds from the final dot to the answer."""
    s.mail("sender@example.net")
    assert s.rcpt(to)[0] == 250
    assert s.docmd("DATA")[0] == 354
    s.send(message)
    begun = time.perf_counter()
    s.send(b"\r\n.\r\n")
    s.getreply()
    return (time.perf_counter() - begun) * 1000


def quantile(v, q):
    return sorted(v)[min(len(v) - 1, int(len(v) * q))]


def show(name, v):
    print(f"{name:24} median {statistics.median(v):7.2f} ms   99th percentile {quantile(v, 0.99):7.2f} ms   worst {max(v):7.2f} ms")


def histogram(p):
    text = urllib.request.urlopen(f"http://127.0.0.1:{p.port('metrics')}/metrics", timeout=10).read().decode()
    for line in text.splitlines():
        if line.startswith('posta_mx_scan_milliseconds_bucket{role="mx"') or line.startswith('posta_mx_scans_total{role="mx"'):
            print("  " + line)


def main():
    free = "rate_recipient = 0; rate_pair = 0; transactions_max = 1000000;"
    dns = Dns({})
    names = f'resolvers = ["127.0.0.1:{dns.port}"]; dnssec = false;'
    free += f' resolvers = ["127.0.0.1:{dns.port}"];'
    with_it = Platform(f"mx: {{ {free} }}; filter: {{ {names} }};")
    without = Platform(f'mx: {{ {free} filters = "none"; authenticate = false; }};')
    took = {with_it: [], without: []}
    try:
        for p in took:
            p.start()
        lines = {p: smtplib.SMTP("127.0.0.1", p.port("smtp"), timeout=60) for p in took}
        for s in lines.values():
            s.ehlo("client.example.net")
        users = itertools.cycle(("ana@demo.test", "bruno@demo.test"))
        n = octets = 0
        for message in corpus():
            message, to = clean(message), next(users)
            for p in (with_it, without) if n % 2 else (without, with_it):
                took[p].append(one(lines[p], message, to))
            n, octets = n + 1, octets + len(message)
        print(f"{n} messages, {octets / n / 1000:.1f} kB each")
        warm = n // 10
        show("without a filter", took[without][warm:])
        show("with the filter", took[with_it][warm:])
        show("what scanning adds", [a - b for a, b in zip(took[with_it][warm:], took[without][warm:])])
        time.sleep(1.5)
        histogram(with_it)
    finally:
        for p in took:
            p.remove()
        dns.close()


main()
