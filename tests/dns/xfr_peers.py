"""Other people's name servers beside posta: BIND, NSD and Knot, on 127.0.0.1 with a port and a folder of their own.

A peer follows posta (secondaries=) or is followed (primaries=). A zone is a name; keys are (name, algorithm, secret in base64).
"""
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile

import dns.exception
import dns.flags
import dns.message
import dns.query
import dns.rcode
import dns.rdatatype
import pytest

from lab import wait_for

KEY = ("xfer.example.", "hmac-sha256", "c2VjcmV0IG9mIHRoZSB0cmFuc2ZlciB0ZXN0cyEhISE=")


def free_port():
    while True:
        with socket.socket() as s, socket.socket(type=socket.SOCK_DGRAM) as u:
            s.bind(("127.0.0.1", 0))
            try:
                u.bind(s.getsockname())
            except OSError:
                continue
            return s.getsockname()[1]


def ask(port, name, kind, tcp=False, host="127.0.0.1", **flags):
    """One question; the answer as dnspython has it, None without one."""
    q = dns.message.make_query(name, kind, **flags)
    try:
        return (dns.query.tcp if tcp else dns.query.udp)(q, host, port=port, timeout=3)
    except (OSError, EOFError, dns.exception.Timeout):
        return None


def serial(port, zone):
    """The serial that a server answers with authority, else None."""
    answer = ask(port, zone, "SOA")
    if answer is None or answer.rcode() != dns.rcode.NOERROR or not answer.answer or not answer.flags & dns.flags.AA:
        return None
    return answer.answer[0][0].serial


def wait_serial(port, zone, wanted, seconds=60):
    def is_there():
        return serial(port, zone) == wanted
    try:
        return wait_for(is_there, seconds)
    except AssertionError:
        raise AssertionError(f"{zone} at {port}: serial {serial(port, zone)}, not {wanted}") from None


class Peer:
    """A program with a folder; subclasses say its name, its command and its configuration."""
    program = ""

    def __init__(self, posta_port=0, zones=(), key=None, primary=None, notify=(), catalog=None, **more):
        path = shutil.which(self.program, path="/usr/sbin:/sbin:/usr/bin:/usr/local/sbin")
        if path is None:
            pytest.skip(f"no {self.program} here")
        self.path = path
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="posta-peer-"))
        self.dir.chmod(0o777)
        self.port = free_port()
        self.posta_port = posta_port
        self.zones, self.key, self.notify, self.catalog, self.more = list(zones), key, list(notify), catalog, more
        self.primary = primary or {}  # zone -> text of its file
        self.process = None
        self.log_path = self.dir / "log"
        for zone, text in self.primary.items():
            self.write_zone(zone, text)

    def zone_file(self, zone):
        return self.dir / (zone.rstrip(".") + ".zone")

    def write_zone(self, zone, text):
        self.zone_file(zone).write_text(text)

    def start(self):
        (self.dir / "db").mkdir(exist_ok=True)
        (self.dir / "conf").write_text(self.configuration())
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                                            cwd=self.dir)

        def answers():
            assert self.process.poll() is None, self.log()
            return ask(self.port, "version.bind", "TXT") is not None
        wait_for(answers, 20)
        return self

    def log(self):
        return self.log_path.read_text(errors="replace")

    def signal(self, number):
        self.process.send_signal(number)

    def reload(self):
        self.signal(signal.SIGHUP)

    def stop(self):
        if self.process is not None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
            self.process = None

    def remove(self):
        self.stop()
        shutil.rmtree(self.dir, ignore_errors=True)


class Bind(Peer):
    program = "named"

    def command(self):
        return [self.path, "-g", "-n", "1", "-c", self.dir / "conf"]

    def configuration(self):
        key = f' key "{self.key[0]}"' if self.key else ""
        out = [f'options {{ directory "{self.dir}"; pid-file "{self.dir}/pid"; session-keyfile "{self.dir}/session";',
               f'  listen-on port {self.port} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }}; recursion no; dnssec-validation no;',
               '  min-refresh-time 1; min-retry-time 1; allow-new-zones no; ixfr-from-differences yes; notify-delay 0;',
               '  tcp-listen-queue 10; minimal-responses yes; serial-query-rate 100; startup-notify-rate 100; notify-rate 100;']
        if self.catalog and not self.primary:
            out.append(f'  catalog-zones {{ zone "{self.catalog}" default-primaries port {self.posta_port} '
                       f'{{ 127.0.0.1{key}; }} in-memory yes min-update-interval 1; }};')
        out.append('};\ncontrols { };')
        out.append('logging { channel all { stderr; severity debug 3; print-category yes; };'
                   ' category xfer-in { all; }; category notify { all; }; category default { default_stderr; }; };')
        if self.key:
            out.append(f'key "{self.key[0]}" {{ algorithm {self.key[1]}; secret "{self.key[2]}"; }};')
        zones = self.zones + ([self.catalog] if self.catalog and not self.primary else [])
        for zone in zones:
            out.append(f'zone "{zone}" {{ type secondary; file "{self.zone_file(zone)}.got"; masterfile-format text;'
                       f' primaries port {self.posta_port} {{ 127.0.0.1{key}; }}; notify no; }};')
        allow = f'key "{self.key[0]}"' if self.key else "127.0.0.1"
        to = " ".join(f"127.0.0.1 port {p}{key};" for p in self.notify)
        for zone in self.primary:
            out.append(f'zone "{zone}" {{ type primary; file "{self.zone_file(zone)}"; allow-transfer {{ {allow}; }};'
                       f' notify explicit; also-notify {{ {to} }}; journal "{self.zone_file(zone)}.jnl"; }};')
        return "\n".join(out) + "\n"


class Nsd(Peer):
    program = "nsd"

    def command(self):
        return [self.path, "-d", "-c", self.dir / "conf"]

    def configuration(self):
        key = self.key[0].rstrip(".") if self.key else "NOKEY"
        out = ["server:", f"  ip-address: 127.0.0.1@{self.port}", '  username: ""', '  chroot: ""', "  verbosity: 3",
               f'  zonesdir: "{self.dir}"', f'  pidfile: "{self.dir}/pid"', f'  xfrdfile: "{self.dir}/xfrd.state"',
               f'  zonelistfile: "{self.dir}/zone.list"', f'  xfrdir: "{self.dir}"', '  database: ""', "  server-count: 1",
               "  hide-version: no", f'  logfile: "{self.dir}/nsd.log"', "  xfrd-reload-timeout: 0",
               "remote-control:", "  control-enable: no"]
        if self.key:
            out += ["key:", f"  name: {key}", f"  algorithm: {self.key[1]}", f'  secret: "{self.key[2]}"']
        for zone in self.zones:
            out += ["zone:", f"  name: {zone}", f'  zonefile: "{self.zone_file(zone)}.got"',
                    f"  request-xfr: 127.0.0.1@{self.posta_port} {key}", f"  allow-notify: 127.0.0.1 {key}",
                    "  min-retry-time: 1", "  min-refresh-time: 1"]
        return "\n".join(out) + "\n"

    def log(self):
        path = self.dir / "nsd.log"
        return super().log() + (path.read_text(errors="replace") if path.exists() else "")


class Knot(Peer):
    program = "knotd"

    def command(self):
        return [self.path, "-c", self.dir / "conf"]

    def configuration(self):
        key = self.key[0].rstrip(".") if self.key else None
        use = [f"    key: {key}"] if key else []
        out = ["server:", f"    listen: 127.0.0.1@{self.port}", f'    rundir: "{self.dir}"', "    udp-workers: 1", "    tcp-workers: 1",
               "    background-workers: 1", "database:", f'    storage: "{self.dir}/db"',
               "log:", "  - target: stderr", "    any: debug"]
        if key:
            out += ["key:", f"  - id: {key}", f"    algorithm: {self.key[1]}", f'    secret: "{self.key[2]}"']
        out += ["remote:", "  - id: posta", f"    address: 127.0.0.1@{self.posta_port or 1}", *use]
        for i, port in enumerate(self.notify):
            out += [f"  - id: to{i}", f"    address: 127.0.0.1@{port}", *use]
        out += ["acl:", "  - id: notify", "    address: 127.0.0.1", "    action: notify", *use,
                "  - id: give", "    address: 127.0.0.1", "    action: transfer", *use]
        out += ["template:", "  - id: default", f'    storage: "{self.dir}"', '    file: "%s.zone"', "    zonefile-load: difference-no-serial",
                "    journal-content: all",
                "  - id: member", f'    storage: "{self.dir}"', "    master: posta", "    acl: [notify]", "    zonefile-sync: -1",
                "zone:"]
        for zone in self.zones:
            out += [f"  - domain: {zone}", "    master: posta", "    acl: [notify]", "    zonefile-load: none", "    zonefile-sync: -1",
                    "    refresh-min-interval: 2", "    retry-min-interval: 1"]
        if self.catalog and not self.primary:
            out += [f"  - domain: {self.catalog}", "    master: posta", "    acl: [notify]", "    catalog-role: interpret",
                    "    catalog-template: member", "    zonefile-load: none", "    zonefile-sync: -1"]
        to = ["    notify: [" + ", ".join(f"to{i}" for i in range(len(self.notify))) + "]"] if self.notify else []
        for zone in self.primary:
            out += [f"  - domain: {zone}", "    acl: [give]", *to]
            if self.catalog:
                out += ["    catalog-role: member", f"    catalog-zone: {self.catalog}"]
        if self.catalog and self.primary:
            out += [f"  - domain: {self.catalog}", "    acl: [give]", *to, "    catalog-role: generate"]
        return "\n".join(out) + "\n"


PEERS = {"bind": Bind, "nsd": Nsd, "knot": Knot}


def zone_text(name, number, hosts="", refresh=3600, retry=600, expire=86400, ttl=300):
    """A zone's master file: its hosts have addresses 192.0.2.x."""
    lines = [f"$ORIGIN {name}", f"$TTL {ttl}", f"@ SOA ns hostmaster {number} {refresh} {retry} {expire} {ttl}", "@ NS ns",
             "ns A 192.0.2.1"]
    lines += [f"{h} A 192.0.2.{10 + i % 240}" for i, h in enumerate(hosts.split())]
    return "\n".join(lines) + "\n"
