"""bench/run dns [ZONES [SECONDS]]: NSD, Knot and posta, each in turn in one run, with the same zones (10000, of ten records)
and the same questions: the server on core 0, dnsperf on core 1 over loopback.

Rates: questions a second that dnsperf had answered, and the CPU of the server's processes for each (/proc/PID/stat: the
kernel's part of receiving and sending is most of it, and is shown apart). Memory: what all processes of the server take
together (PSS), less that of the same server with one zone, by zone. Loading: until the last zone answers.

Where q/s times us/q is well below a second, dnsperf's core was the limit, not the server's: a server that answers quickly hands
it fewer answers at a time, which costs it more. us/q is what can be compared on a machine that is not quiet."""
import os
import pathlib
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests/dns")]
import dns.exception  # noqa: E402
import dns.message  # noqa: E402
import servers  # noqa: E402

ZONES = int(sys.argv[1]) if len(sys.argv) > 1 else 10000
SECONDS = int(sys.argv[2]) if len(sys.argv) > 2 else 10
TICK = os.sysconf("SC_CLK_TCK")
ZONE = """$TTL 3600
@ SOA ns1.provider.example. hostmaster.provider.example. 2026010101 3600 600 864000 300
@ NS ns1.provider.example.
@ NS ns2.provider.example.
@ MX 10 mail
@ A 192.0.2.{n}
@ TXT "v=spf1 mx -all"
www A 192.0.2.{n}
mail A 192.0.2.{m}
mail AAAA 2001:db8::{n}
_dmarc TXT "v=DMARC1; p=quarantine"
"""


def write_zones(folder):
    zones = {}
    for i in range(ZONES):
        path = folder / "zones" / f"domain{i}.example.zone"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"$ORIGIN domain{i}.example.\n" + ZONE.format(n=i % 250, m=(i + 1) % 250))
        zones[f"domain{i}.example."] = path
    return zones


QUESTIONS = {
    "mixed": [("www", "A", 40), ("", "MX", 15), ("mail", "A", 10), ("mail", "AAAA", 10), ("", "TXT", 5), ("", "NS", 5),
              ("nothing", "A", 10), ("www", "AAAA", 5)],
    "exact": [("www", "A", 1)],
    "absent": [("no", "A", 1)],
}


def write_questions(folder, kind):
    r = random.Random(7)
    rows = QUESTIONS[kind]
    path = folder / f"{kind}.questions"
    with open(path, "w") as f:
        for _ in range(100000):
            name, rtype, _ = r.choices(rows, [w for _, _, w in rows])[0]
            f.write(f"{name + '.' if name else ''}domain{r.randrange(ZONES)}.example. {rtype}\n")
    return path


def family(pid):
    """The processes of a server: its own and what it forked."""
    out = [pid]
    for task in pathlib.Path(f"/proc/{pid}/task").glob("*"):
        try:
            for child in (task / "children").read_text().split():
                out += family(int(child))
        except OSError:
            pass
    return out


def pss(pid):
    total = 0
    for p in family(pid):
        text = pathlib.Path(f"/proc/{p}/smaps_rollup").read_text()
        total += int(re.search(r"^Pss:\s+(\d+)", text, re.M)[1])
    return total * 1024


def cpu(pid):
    """Seconds of user and system time."""
    user = system = 0
    for p in family(pid):
        fields = pathlib.Path(f"/proc/{p}/stat").read_text().rsplit(")", 1)[1].split()
        user += int(fields[11])
        system += int(fields[12])
    return user / TICK, system / TICK


class Bench:
    """One of tests/dns's servers, pinned to core 0."""

    def command(self):
        return ["taskset", "-c", "0", *super().command()]


class Posta(Bench, servers.Posta):
    """With one loop, and a folder of zones: no line of posta.conf for each."""

    def command(self):
        command = super().command()
        folder = next(iter(self.zones.values())).parent
        text = (self.dir / "posta.conf").read_text().replace("dns = { dns =", "dns = { loops = 1; dns =")
        text = re.sub(r"zones = \(.*?\);", f'zone_folder = "{folder}";', text, flags=re.S)
        (self.dir / "posta.conf").write_text(text)
        return command


class Nsd(Bench, servers.Nsd):
    pass


class Knot(Bench, servers.Knot):
    pass


def start(kind, zones):
    began = time.monotonic()
    server = kind(zones)
    server.__enter__()
    last = list(zones)[-1]
    while True:
        try:
            if server.udp(dns.message.make_query(last, "SOA"), timeout=1).answer:
                return server, time.monotonic() - began
        except dns.exception.Timeout:
            pass
        time.sleep(0.05)


def dnsperf(server, questions):
    before = cpu(server.process.pid)
    out = subprocess.run(["taskset", "-c", "1", "dnsperf", "-s", "127.0.0.1", "-p", str(server.port), "-d", questions,
                          "-l", str(SECONDS), "-q", "200", "-e"], capture_output=True, text=True, check=True).stdout
    after = cpu(server.process.pid)
    answered = int(re.search(r"Queries completed:\s+(\d+)", out)[1])
    lost = int(re.search(r"Queries lost:\s+(\d+)", out)[1])
    rate = float(re.search(r"Queries per second:\s+([\d.]+)", out)[1])
    user, system = ((b - a) * 1e6 / answered for a, b in zip(before, after))
    return rate, user, system, lost


def main():
    if os.cpu_count() < 2:
        sys.exit("two cores are needed: one for the server, one for dnsperf")
    servers.need("taskset", "dnsperf")
    with tempfile.TemporaryDirectory(prefix="posta-bench-dns-") as name:
        folder = pathlib.Path(name)
        folder.chmod(0o755)
        zones = write_zones(folder)
        one = {"domain0.example.": folder / "one" / "domain0.example.zone"}
        one["domain0.example."].parent.mkdir()
        shutil.copy(zones["domain0.example."], one["domain0.example."])
        questions = {kind: write_questions(folder, kind) for kind in QUESTIONS}
        print(f"zones:   {ZONES} of 10 records; questions with EDNS, {SECONDS} s each\n")
        print(f"{'':8}{'loads':>8}{'memory':>12}   " + "".join(f"{kind:>30}" for kind in QUESTIONS))
        print(f"{'':8}{'s':>8}{'octets/zone':>12}   " + f"{'q/s':>10}{'us/q = user + system':>20}" * len(QUESTIONS))
        for kind in (Nsd, Knot, Posta):
            server, _ = start(kind, one)
            try:
                time.sleep(1)
                empty = pss(server.process.pid)
            finally:
                server.__exit__()
            server, loaded = start(kind, zones)
            try:
                time.sleep(1)
                row = f"{kind.__name__.lower():8}{loaded:8.2f}{(pss(server.process.pid) - empty) / ZONES:12.0f}   "
                for path in questions.values():
                    rate, user, system, lost = dnsperf(server, path)
                    row += f"{rate:10.0f}{user + system:7.2f} ={user:5.2f} +{system:5.2f}" + (f" lost {lost}" if lost else "")
                print(row, flush=True)
            finally:
                server.__exit__()


main()
