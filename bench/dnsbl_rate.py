"""bench/run dnsbl [NETWORKS [NAMES [SECONDS]]]: a bare UDP echo, rbldnsd, posta with one loop and with two, each in turn in one run, with
the same lists (1000000 networks, 500000 names) and the same questions over loopback: the server on core 0 (posta with two loops: on
both), dnsperf on core 1.

CPU a question: user and system time of the server's processes (/proc/PID/stat) by the questions that dnsperf had answered; above the
echo's is what the server itself costs. Memory: PSS of all processes, less that of the same server with an empty list. Loading: until
the first answer, less the same of an empty list. Swap: the lists are replaced by others under load, and what dnsperf lost."""
import os
import pathlib
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = pathlib.Path(os.environ.get("POSTA_BUILD", ROOT / "build"))
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests/dnsbl")]
import rbl  # noqa: E402

NETWORKS = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
NAMES = int(sys.argv[2]) if len(sys.argv) > 2 else 500_000
SECONDS = int(sys.argv[3]) if len(sys.argv) > 3 else 10
TICK = os.sysconf("SC_CLK_TCK")
HEAD = "$SOA 0 ns.bl.test host.bl.test 7 1h 10m 1w 5m\n$NS 0 ns.bl.test\n"


def free_port():
    with socket.socket(type=socket.SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def family(pid):
    out = [pid]
    for task in pathlib.Path(f"/proc/{pid}/task").glob("*"):
        try:
            for child in (task / "children").read_text().split():
                out += family(int(child))
        except OSError:
            pass
    return out


def pss(pid):
    return 1024 * sum(int(re.search(r"^Pss:\s+(\d+)", pathlib.Path(f"/proc/{p}/smaps_rollup").read_text(), re.M)[1])
                      for p in family(pid))


def cpu(pid):
    user = system = 0
    for p in family(pid):
        fields = pathlib.Path(f"/proc/{p}/stat").read_text().rsplit(")", 1)[1].split()
        user, system = user + int(fields[11]), system + int(fields[12])
    return user / TICK, system / TICK


class Server:
    cores = "0"

    def __init__(self, folder, files):
        self.dir, self.files, self.port = folder, files, free_port()
        began = time.monotonic()
        self.process = subprocess.Popen(["taskset", "-c", self.cores, *self.command()], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while not self.answers():
            assert self.process.poll() is None, f"{type(self).__name__} ended"
            time.sleep(0.01)
        self.loading = time.monotonic() - began

    def answers(self):
        with socket.socket(type=socket.SOCK_DGRAM) as s:
            s.connect(("127.0.0.1", self.port))
            s.settimeout(0.05)
            try:
                s.send(rbl.question(1, "2.0.0.127.bl.test"))
                return s.recv(512)
            except OSError:
                return None

    def stop(self):
        self.process.terminate()
        self.process.wait(20)


class Echo(Server):
    def command(self):
        return [BUILD / "bench/bench-udp_echo", str(self.port)]


class Rbldnsd(Server):
    def command(self):
        user = ["-u", "rbldns"] if os.getuid() == 0 else []
        return ["rbldnsd", "-n", *user, "-b", f"127.0.0.1/{self.port}", "-a", "-f", "-c", "1",
                f"bl.test:ip4set:{self.files[0]}", f"dbl.test:dnset:{self.files[1]}"]


class Posta(Server):
    loops = 1

    def command(self):
        conf = self.dir / f"posta-{self.port}.conf"
        conf.write_text(f"""data = "{self.dir}/data-{self.port}"; run = "{self.dir}/run-{self.port}"; log = "error";
            nodes = {{ n = {{ dnsbl = {{ loops = {self.loops}; dnsbl = ["127.0.0.1:{self.port}"]; }}; }}; }};
            dnsbl = {{ check = "1s"; settle = "0"; lists = (
              {{ zone = "bl.test"; type = "ip4set"; files = ["{self.files[0]}"]; }},
              {{ zone = "dbl.test"; type = "dnset"; files = ["{self.files[1]}"]; }} ); }};""")
        return [BUILD / "posta", "run", "--config", conf]


class Posta2(Posta):
    loops, cores = 2, "0,1"


def dnsperf(server, questions, seconds=SECONDS):
    before = cpu(server.process.pid)
    out = subprocess.run(["taskset", "-c", "1", "dnsperf", "-s", "127.0.0.1", "-p", str(server.port), "-d", questions, "-l", str(seconds),
                          "-q", "200", "-c", "4"], capture_output=True, text=True, check=True).stdout
    after = cpu(server.process.pid)
    answered = int(re.search(r"Queries completed:\s+(\d+)", out)[1])
    lost = int(re.search(r"Queries lost:\s+(\d+)", out)[1])
    rate = float(re.search(r"Queries per second:\s+([\d.]+)", out)[1])
    user, system = ((b - a) * 1e6 / answered for a, b in zip(before, after))
    return rate, user, system, lost


def swap_under_load(server, questions, texts):
    """Replaces the networks' file three times while dnsperf runs."""
    def swap():
        for i in range(3):
            time.sleep(2)
            new = server.dir / "new"
            new.write_text(texts[i % 2])
            new.rename(server.files[0])
    thread = threading.Thread(target=swap)
    thread.start()
    lost = dnsperf(server, questions, 9)[3]
    thread.join()
    return lost


def main():
    if os.cpu_count() < 2:
        sys.exit("two cores are needed: one for the server, one for dnsperf")
    with tempfile.TemporaryDirectory(prefix="posta-bench-dnsbl-") as name:
        folder = pathlib.Path(name)
        folder.chmod(0o755)
        networks, asked4 = rbl.big_ip4set(NETWORKS)
        other, _ = rbl.big_ip4set(NETWORKS, seed=9)
        names, asked = rbl.big_dnset(NAMES)
        files, empty = (folder / "networks", folder / "names"), (folder / "no-networks", folder / "no-names")
        for file, text in zip(files + empty, (networks, names, "127.0.0.2\n", "test\n")):
            file.write_text(HEAD + text)
        sets = {"networks": [f"{n}.bl.test A\n" for n, _ in asked4], "names": [f"{n}.dbl.test A\n" for n, _ in asked]}
        for kind, lines in sets.items():
            (folder / f"{kind}.questions").write_text("".join(lines * (1 + 100_000 // len(lines))))
        print(f"lists:   {NETWORKS} networks and addresses (ip4set), {NAMES} names (dnset); {SECONDS} s each\n")
        print(f"{'':9}{'loads':>8}{'memory':>9}   " + "".join(f"{kind:>43}" for kind in sets) + "   lost in")
        print(f"{'':9}{'s':>8}{'MiB':>9}   " + f"{'q/s':>10}{'us/q = user + system':>21}{'above echo':>12}" * 2 + "   3 swaps")
        floor = {}
        for kind in (Echo, Rbldnsd, Posta, Posta2):
            small = kind(folder, empty)
            base, quick = pss(small.process.pid), small.loading
            small.stop()
            server = kind(folder, files)
            try:
                time.sleep(1)
                row = f"{kind.__name__.lower():9}{server.loading - quick:8.2f}{(pss(server.process.pid) - base) / 2**20:9.1f}   "
                for what in sets:
                    rate, user, system, lost = dnsperf(server, folder / f"{what}.questions")
                    floor.setdefault(what, user + system)
                    row += f"{rate:10.0f}{user + system:7.2f} ={user:5.2f} +{system:6.2f}{user + system - floor[what]:12.2f}"
                    row += f" LOST {lost}" if lost else ""
                if kind is not Echo:
                    row += f"{swap_under_load(server, folder / 'networks.questions', (HEAD + other, HEAD + networks)):10}"
                print(row, flush=True)
            finally:
                server.stop()


main()
