"""Name servers for the tests of the DNS: posta alone, NSD and Knot, each serving the same zone files."""
import os
import pathlib
import pwd
import shutil
import socket
import subprocess
import tempfile

import dns.exception
import dns.flags
import dns.message
import dns.query
import dns.rdatatype
import pytest

from lab import BUILD, wait_for


def need(*programs):
    for program in programs:
        if not shutil.which(program, path=os.environ["PATH"] + ":/usr/sbin:/sbin"):
            pytest.skip(f"no {program} here")


def free_port():
    for _ in range(100):
        with socket.socket() as t, socket.socket(type=socket.SOCK_DGRAM) as u:
            t.bind(("127.0.0.1", 0))
            port = t.getsockname()[1]
            try:
                u.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue
    raise RuntimeError("no free port")


class Server:
    """zones: name -> path of its master file. Ends with the with statement."""

    def __init__(self, zones, **settings):
        self.zones, self.settings = zones, settings
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="posta-dns-"))
        self.dir.chmod(0o755)
        self.port = free_port()
        self.process = None

    def __enter__(self):
        with open(self.dir / "log", "wb") as log:
            self.process = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=subprocess.STDOUT)
        first = next(iter(self.zones))
        try:
            wait_for(lambda: self.answers(first), 30)
        except BaseException:
            print((self.dir / "log").read_text(errors="replace")[-4000:])
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        text = (self.dir / "log").read_text(errors="replace")
        shutil.rmtree(self.dir, ignore_errors=True)
        assert "ERROR: AddressSanitizer" not in text and "runtime error:" not in text, text[-6000:]

    def answers(self, zone):
        assert self.process.poll() is None, (self.dir / "log").read_text(errors="replace")[-4000:]
        try:
            return self.tcp(dns.message.make_query(zone, "SOA"), timeout=1).answer
        except (dns.exception.Timeout, OSError, EOFError):
            return False

    def udp(self, query, timeout=5):
        return dns.query.udp(query, "127.0.0.1", port=self.port, timeout=timeout, ignore_unexpected=True)

    def tcp(self, query, timeout=5):
        return dns.query.tcp(query, "127.0.0.1", port=self.port, timeout=timeout)

    def ask(self, name, kind="A", tcp=False, flags=0, **how):
        query = dns.message.make_query(name, kind, flags=flags, **how)
        return self.tcp(query) if tcp else self.udp(query)


class Posta(Server):
    def command(self):
        if os.getuid() == 0:
            try:
                pwd.getpwnam("posta-dns")
            except KeyError:
                pytest.skip("no user posta-dns: ./run makes it")
        zones = ", ".join(f'{{ name = "{name}"; file = "{path}"; }}' for name, path in self.zones.items())
        settings = " ".join(f"{k} = {v};" for k, v in self.settings.items())
        (self.dir / "posta.conf").write_text(f"""data = "{self.dir}/data"; run = "{self.dir}/run";
            nodes = {{ n = {{ dns = {{ dns = ["127.0.0.1:{self.port}"]; }}; }}; }};
            dns = {{ zones = ( {zones} ); {settings} }};""")
        return [BUILD / "posta", "run", "--config", self.dir / "posta.conf"]


class Nsd(Server):
    def command(self):
        need("nsd")
        text = f"""server:
  ip-address: 127.0.0.1@{self.port}
  server-count: 1
  username: ""
  chroot: ""
  zonesdir: "{self.dir}"
  database: ""
  pidfile: "{self.dir}/pid"
  xfrdfile: "{self.dir}/xfrd"
  zonelistfile: "{self.dir}/zonelist"
  xfrdir: "{self.dir}"
  rrl-ratelimit: 0
  minimal-responses: yes
  ipv4-edns-size: 4096
remote-control:
  control-enable: no
"""
        text += "".join(f'zone:\n  name: "{name}"\n  zonefile: "{path}"\n' for name, path in self.zones.items())
        (self.dir / "nsd.conf").write_text(text)
        return ["nsd", "-d", "-c", self.dir / "nsd.conf"]


class Knot(Server):
    def command(self):
        need("knotd")
        text = f"""server:
  listen: 127.0.0.1@{self.port}
  rundir: {self.dir}
  udp-workers: 1
  tcp-workers: 1
  background-workers: 1
  udp-max-payload: 4096
database:
  storage: {self.dir}
log:
  - target: stderr
    any: warning
template:
  - id: default
    semantic-checks: off
    zonefile-sync: -1
    journal-content: none
zone:
"""
        text += "".join(f'  - domain: {name}\n    file: {path}\n' for name, path in self.zones.items())
        (self.dir / "knot.conf").write_text(text)
        return ["knotd", "-c", self.dir / "knot.conf"]
