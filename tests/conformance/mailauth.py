"""mailauth-dump as an object: zone data in, results out."""
import subprocess

import lab

TYPES = {"A": 1, "NS": 2, "CNAME": 5, "PTR": 12, "MX": 15, "TXT": 16, "AAAA": 28}


def as_hex(text):
    """Bytes that stand as Latin-1 in YAML stay those bytes."""
    raw = text if isinstance(text, bytes) else text.encode("latin-1" if all(ord(c) < 256 for c in text) else "utf-8")
    return raw.hex() or "-"


class Dump:
    def __init__(self):
        self.p = subprocess.Popen([lab.tool("tests/conformance/mailauth-dump")], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def tell(self, line):
        self.p.stdin.write(line.encode() + b"\n")

    def ask(self, line):
        self.tell(line)
        self.p.stdin.flush()
        return self.p.stdout.readline().decode("latin-1").rstrip("\n").split("\t")

    def close(self):
        self.p.stdin.close()
        self.p.wait()

    def zone(self, rows):
        """rows: (name, type, text); the text TIMEOUT is no answer, the type None any."""
        self.tell("clear")
        for name, kind, text in rows:
            self.tell(f"row {as_hex(name)} {TYPES[kind] if kind else 0} {as_hex(text)}")

    def spf(self, ip, helo, sender):
        """(result, explanation, why)"""
        return self.ask(f"spf {ip} {as_hex(helo)} {as_hex(sender)}")

    def psl(self, domain):
        """The organisational domain, "" when there is none."""
        return self.ask(f"psl {as_hex(domain.encode())}")[0]

    def dkim(self, path, now=1700000000):
        """[(result, domain, selector, identity, "partial" or "", why)]"""
        return [tuple(one.split("|", 5)) for one in self.ask(f"dkim {path} {now}") if one]

    def arc(self, path, now=1700000000):
        """(result, instances, sealer, why)"""
        return self.ask(f"arc {path} {now}")

    def sign(self, path, domain, selector, pem, forms="rr", now=1700000000, seal=False):
        """The fields that go before the message."""
        answer = "\t".join(self.ask(f"{'seal' if seal else 'sign'} {forms} {now} {domain} {selector} {pem} {path}"))
        assert not answer.startswith("ERROR"), answer
        return bytes.fromhex(answer)

    def live(self, server, ms, ip, helo, sender, message):
        """(the field, milliseconds): all of it, asking a name server."""
        answer = self.ask(f"live {server} {ms} {ip} {as_hex(helo)} {as_hex(sender)} {as_hex(message)}")
        assert len(answer) == 2, answer
        return bytes.fromhex(answer[0]).decode(), int(answer[1])
