"""The real rbldnsd beside posta, on the same files; raw questions by the thousand over one socket."""
import os
import pathlib
import pwd
import random
import shutil
import socket
import struct
import subprocess
import tempfile
import time

import pytest

TYPES = {"A": 1, "TXT": 16, "ANY": 255, "SOA": 6, "NS": 2}


def encode(name):
    return b"".join(bytes([len(label)]) + label.encode() for label in name.split(".") if label) + b"\0"


def question(number, name, kind="A"):
    return struct.pack(">HHHHHH", number, 0x0100, 1, 0, 0, 0) + encode(name) + struct.pack(">HH", TYPES[kind], 1)


def skip_name(m, at):
    while m[at] and m[at] < 0xC0:
        at += m[at] + 1
    return at + (2 if m[at] >= 0xC0 else 1)


def read_name(m, at):
    """A name's labels in lower case, whole, and where it ends."""
    out, end = b"", None
    while m[at]:
        if m[at] >= 0xC0:
            end = end or at + 2
            at = (m[at] & 0x3F) << 8 | m[at + 1]
        else:
            out += m[at:at + 1 + m[at]].lower()
            at += 1 + m[at]
    return out + b"\0", end or at + 1


def data(m, kind, at, n):
    """Record data without compression."""
    if kind == 6:
        first, at = read_name(m, at)
        second, at = read_name(m, at)
        return first + second + m[at:at + 20]
    if kind == 2:
        return read_name(m, at)[0]
    if kind == 15:
        return m[at:at + 2] + read_name(m, at + 2)[0]
    return m[at:at + n]


def parse(m):
    """(rcode, set of (type, ttl, data) of the answer section)."""
    counts, at, out = struct.unpack(">HHHH", m[4:12]), skip_name(m, 12) + 4, set()
    for _ in range(counts[1]):
        at = skip_name(m, at)
        kind, _, ttl, n = struct.unpack(">HHIH", m[at:at + 10])
        out.add((kind, ttl, data(m, kind, at + 10, n)))
        at += 10 + n
    return m[3] & 15, out


def ask_all(port, questions, window=64):
    """Answers to all of [(name, type)], in order; None where none came."""
    answers, waiting, at = [None] * len(questions), set(), 0
    with socket.socket(type=socket.SOCK_DGRAM) as s:
        s.connect(("127.0.0.1", port))
        s.settimeout(2)
        while at < len(questions) or waiting:
            while at < len(questions) and len(waiting) < window:
                s.send(question(at & 0xFFFF, *questions[at]))
                waiting.add(at)
                at += 1
            try:
                m = s.recv(4096)
            except socket.timeout:
                break
            number, = struct.unpack(">H", m[:2])
            for i in [w for w in waiting if w & 0xFFFF == number]:
                answers[i] = parse(m)
                waiting.discard(i)
    return answers


class Rbldnsd:
    """zones: {"bl.test": [("ip4set", text or path), ...]}."""

    def __init__(self, zones):
        if not shutil.which("rbldnsd"):
            pytest.skip("no rbldnsd")
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="rbldnsd-"))
        self.dir.chmod(0o755)
        with socket.socket(type=socket.SOCK_DGRAM) as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]
        specs = []
        for zone, sets in zones.items():
            for i, (kind, text) in enumerate(sets):
                file = self.dir / f"{zone}-{i}"
                file.write_text(text)
                specs.append(f"{zone}:{kind}:{file}")
        # It refuses to run as root; its own user comes with the package.
        user = ["-u", "rbldns"] if os.getuid() == 0 else ["-u", pwd.getpwuid(os.getuid()).pw_name]
        began = time.monotonic()
        self.process = subprocess.Popen(["rbldnsd", "-n", *user, "-b", f"127.0.0.1/{self.port}", "-a", "-c", "0", *specs],
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        for _ in range(600):
            assert self.process.poll() is None, self.process.stdout.read().decode()
            try:
                if ask_all(self.port, [(next(iter(zones)), "A")])[0]:
                    break
            except OSError:
                pass
            time.sleep(0.05)
        self.loading = time.monotonic() - began

    def close(self):
        self.process.kill()
        self.process.communicate()
        shutil.rmtree(self.dir, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def reverse(ip):
    return ".".join(reversed(ip.split(".")))


def random_ip(r):
    return ".".join(str(r.randrange(256)) for _ in range(4))


def nibbles(packed):
    return ".".join(reversed(packed.hex()))


def big_ip4set(entries, seed=1):
    """A list of so many networks, exclusions among them, and addresses that are in, out and at the edges."""
    r, lines, asked = random.Random(seed), [":127.0.0.2:Listed: $"], []
    for i in range(entries):
        kind = r.random()
        ip = random_ip(r)
        a, b, c, _ = ip.split(".")
        if kind < 0.80:
            line, probe = ip, ip
        elif kind < 0.90:
            line, probe = f"{a}.{b}.{c}.0/24", ip
        elif kind < 0.93:
            line, probe = f"{a}.{b}.{c}.{r.randrange(8) * 32}/27", ip
        elif kind < 0.95:
            line, probe = f"{a}.{b}.{c}.3-{r.randrange(4, 256)}", f"{a}.{b}.{c}.4"
        elif kind < 0.98:
            line, probe = f"{ip} :{r.randrange(2, 12)}:One of {r.randrange(50)}: $", ip
        else:
            line, probe = f"!{ip}", ip
        lines.append(line)
        if i % max(1, entries // 5000) == 0:
            asked.append(probe)
    asked += [random_ip(r) for _ in range(5000)]
    return "\n".join(lines) + "\n", [(reverse(ip), r.choice(["A", "A", "A", "TXT", "ANY"])) for ip in asked]


def big_dnset(entries, seed=2):
    r, lines, asked = random.Random(seed), [":127.0.0.2:$ is listed"], []
    for i in range(entries):
        name = f"h{r.randrange(10 * entries):x}.d{r.randrange(entries):x}.example"
        mark = r.choice(["", "", "", ".", "*.", "!"])
        lines.append(mark + name)
        if i % max(1, entries // 3000) == 0:
            asked += [name, "a." + name]
    asked += [f"h{r.randrange(10 * entries):x}.d{r.randrange(entries):x}.example" for _ in range(4000)]
    return "\n".join(lines) + "\n", [(n, r.choice(["A", "A", "TXT"])) for n in asked]
