"""A configuration of one node in a folder of its own, for the commands alone."""
import json
import os
import pathlib
import shutil
import subprocess
import tempfile

import lab

CONF = """data = "{dir}/data"; run = "{dir}/run";
tls: {{ certs = ( {{ cert = "{dir}/cert.pem"; key = "{dir}/key.pem"; }} ); }};
nodes: {{ one: {{ all_in_one = true; hostname = "mx.demo.test";
  mx: {{ smtp = ["192.0.2.25:25"]; }}; relay: {{ }};
  proxy: {{ imaps = ["192.0.2.143:993"]; pop3s = ["192.0.2.143:995"]; }};
  submission: {{ submission = ["192.0.2.25:587"]; submissions = ["192.0.2.25:465"]; }}; }}; }};
{more}
"""


def make_certificate(folder, name="mx.demo.test"):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-days", "30", "-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}",
                    "-keyout", folder / "key.pem", "-out", folder / "cert.pem"], check=True, capture_output=True)


class Commands:
    def __init__(self, more=""):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="posta-zones-"))
        make_certificate(self.dir)
        self.configure(more)

    def configure(self, more):
        (self.dir / "posta.conf").write_text(CONF.format(dir=self.dir, more=more))

    def run(self, *args, check=True, env=None, input=None):
        done = subprocess.run([lab.BUILD / "posta", *map(str, args), "--config", self.dir / "posta.conf"], text=True,
                              capture_output=True, timeout=120, input=input, env=dict(os.environ, **(env or {})))
        if check:
            assert done.returncode == 0, (args, done.stdout, done.stderr)
        return done

    def json(self, *args):
        return json.loads(self.run(*args, "--json").stdout)

    def file(self, name, text):
        path = self.dir / name
        path.write_text(text)
        return path

    def records(self, zone, made=None):
        """(name, type, data) of a zone; made: only those that the mail configuration gives, or only the others."""
        return {(r["name"], r["type"], r["data"]) for r in self.json("zone", "show", zone)["records"]
                if made is None or r["made"] == made}

    def serial(self, zone):
        return self.json("zone", "show", zone)["serial"]

    def remove(self):
        shutil.rmtree(self.dir, ignore_errors=True)
