"""What others sign posta verifies, and what posta signs they verify: dkimpy, Mail::DKIM, OpenDKIM; each canonicalisation, each kind of
message. Nobody asks the DNS: dkimpy gets a function, Mail::DKIM another query(), OpenDKIM a file.
"""
import base64
import pathlib
import re
import shutil
import subprocess

import pytest

from mailauth import Dump

DOMAIN = "b.example"
HERE = pathlib.Path(__file__).parent
FORMS = [f"{h}/{b}" for h in ("simple", "relaxed") for b in ("simple", "relaxed")]
HEAD = (b"From: Ana <a@b.example>\r\nTo: c@d.example,\r\n\te@f.example\r\nSubject:  two  words \r\n"
        b"Date: Sat, 28 Nov 2026 10:00:00 +0000\r\nMessage-ID: <1@b.example>\r\nX-Twice: 1\r\nX-Twice: 2\r\n\r\n")
MESSAGES = {
    "plain": HEAD + b"Hello\r\n",
    "spaces": HEAD + b" a  b\tc \t \r\n\r\n \r\nx\r\n\r\n\r\n",
    "empty": HEAD,
    "empty_lines": HEAD + b"\r\n\r\n",
    "8bit": HEAD + "caf\u00e9 \u20ac\r\n".encode() * 3,
    "long": HEAD + b"word " * 20000 + b"\r\n" + b"line\r\n" * 5000,
    "dots": HEAD + b".\r\n..\r\n.x\r\n",
}


@pytest.fixture(scope="module")
def dump():
    d = Dump()
    yield d
    d.close()


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    """algorithm -> (PEM file, record)"""
    folder = tmp_path_factory.mktemp("keys")

    def ssl(*args):
        return subprocess.run(["openssl", *args], check=True, capture_output=True).stdout
    rsa, ed = folder / "rsa.pem", folder / "ed.pem"
    ssl("genrsa", "-traditional", "-out", rsa, "2048")
    ssl("genpkey", "-algorithm", "ed25519", "-out", ed)
    spki = ssl("pkey", "-in", rsa, "-pubout", "-outform", "der")
    raw = ssl("pkey", "-in", ed, "-pubout", "-outform", "der")[-32:]
    return {"rsa": (rsa, "v=DKIM1; k=rsa; p=" + base64.b64encode(spki).decode()),
            "ed25519": (ed, "v=DKIM1; k=ed25519; p=" + base64.b64encode(raw).decode())}


class Peer:
    def messages(self):
        return MESSAGES


class Dkimpy(Peer):
    algorithms = ("rsa", "ed25519")

    def __init__(self, folder):
        self.dkim = pytest.importorskip("dkim")

    def key(self, algorithm, pem):
        if algorithm == "rsa":
            return pem.read_bytes()
        pytest.importorskip("nacl")
        der = subprocess.run(["openssl", "pkey", "-in", pem, "-outform", "der"], check=True, capture_output=True).stdout
        return base64.b64encode(der[-32:])

    def sign(self, algorithm, form, pem, message, **how):
        return self.dkim.sign(message, b"k", DOMAIN.encode(), self.key(algorithm, pem), signature_algorithm=f"{algorithm}-sha256".encode(),
                              canonicalize=tuple(form.encode().split(b"/")), **how)

    def verify(self, record, message):
        if "ed25519" in record:
            pytest.importorskip("nacl")
        return self.dkim.verify(message, dnsfunc=lambda name, timeout=5: record.encode())


class Perl(Peer):
    algorithms = ("rsa",)  # Debian's 1.20230212 knows no Ed25519

    def __init__(self, folder):
        if not shutil.which("perl") or subprocess.run(["perl", "-MMail::DKIM", "-e1"], capture_output=True).returncode:
            pytest.skip("perl has no Mail::DKIM")

    def run(self, message, *args):
        return subprocess.run(["perl", HERE / "dkim_peer.pl", *args], input=message, check=True, capture_output=True).stdout.decode().strip()

    def sign(self, algorithm, form, pem, message):
        field = self.run(message, "sign", f"{algorithm}-sha256", form, DOMAIN, "k", pem)
        return field.replace("\r\n", "\n").replace("\n", "\r\n").encode() + b"\r\n"

    def verify(self, record, message):
        return self.run(message, "verify", f"k._domainkey.{DOMAIN}", record).startswith("pass")


class OpenDkim(Peer):
    algorithms = ("rsa",)  # Debian's names ed25519 and signs nothing with it

    def __init__(self, folder):
        self.folder = folder
        if not shutil.which("opendkim"):
            pytest.skip("no opendkim")

    def messages(self):
        """Its test mode, like a milter, does not see white space behind a colon."""
        return {name: m.replace(b":  ", b": ") for name, m in MESSAGES.items()}

    def run(self, message, conf):
        (self.folder / "m").write_bytes(message.replace(b"\r\n", b"\n"))
        (self.folder / "conf").write_text(conf)
        done = subprocess.run(["opendkim", "-x", "conf", "-t", "m"], cwd=self.folder, capture_output=True, timeout=60)
        return (done.stdout + done.stderr).decode("latin-1")

    def sign(self, algorithm, form, pem, message):
        out = self.run(message, f"Mode s\nDomain {DOMAIN}\nSelector k\nKeyFile {pem}\nCanonicalization {form}\nRequireSafeKeys no\n"
                       f"SignatureAlgorithm {algorithm}-sha256\n")
        field = re.search(r"DKIM-Signature: .*?(?=\n\S|\n*\Z)", out, re.S)
        assert field, out
        return field.group().replace("\r", "").strip().replace("\n", "\r\n").encode() + b"\r\n"

    def verify(self, record, message):
        (self.folder / "dns").write_text(f"k._domainkey.{DOMAIN} {record}\n")
        out = self.run(message, f"Mode v\nTestDNSData {self.folder}/dns\n")
        return "succeeded" in out


PEERS = [Dkimpy, Perl, OpenDkim]
CASES = [(peer, algorithm, form) for peer in PEERS for algorithm in peer.algorithms for form in FORMS]
IDS = [f"{p.__name__}-{a}-{f}" for p, a, f in CASES]


@pytest.mark.parametrize("peer,algorithm,form", CASES, ids=IDS)
def test_they_sign_we_verify(dump, keys, tmp_path, peer, algorithm, form):
    peer, (pem, record) = peer(tmp_path), keys[algorithm]
    dump.zone([(f"k._domainkey.{DOMAIN}", "TXT", record)])
    for name, message in peer.messages().items():
        whole = peer.sign(algorithm, form, pem, message) + message
        for ends in (whole, whole.replace(b"\r\n", b"\n")):
            (tmp_path / "w").write_bytes(ends)
            (result,) = dump.dkim(tmp_path / "w")
            assert result[0] == "pass", (name, result)
        (tmp_path / "w").write_bytes(whole.replace(b"two", b"six"))
        assert dump.dkim(tmp_path / "w")[0][0] == "fail", name


@pytest.mark.parametrize("peer,algorithm,form", CASES, ids=IDS)
def test_we_sign_they_verify(dump, keys, tmp_path, peer, algorithm, form):
    peer, (pem, record) = peer(tmp_path), keys[algorithm]
    for name, message in peer.messages().items():
        (tmp_path / "w").write_bytes(message)
        forms = "".join(word[0] for word in form.split("/"))
        whole = dump.sign(tmp_path / "w", DOMAIN, "k", pem, forms) + message
        assert peer.verify(record, whole), name
        assert not peer.verify(record, whole.replace(b"two", b"six")), name


def test_length(dump, keys, tmp_path):
    """l=, RFC 6376 8.2: what was added behind it passes and is told."""
    pem, record = keys["rsa"]
    dump.zone([(f"k._domainkey.{DOMAIN}", "TXT", record)])
    for form in FORMS:
        whole = Dkimpy(tmp_path).sign("rsa", form, pem, MESSAGES["spaces"], length=True) + MESSAGES["spaces"]
        (tmp_path / "w").write_bytes(whole)
        assert dump.dkim(tmp_path / "w")[0][::4] == ("pass", "")
        (tmp_path / "w").write_bytes(whole.rstrip(b"\r\n") + b"\r\nmore\r\n")
        assert dump.dkim(tmp_path / "w")[0][::4] == ("pass", "partial")
        (tmp_path / "w").write_bytes(whole[:whole.index(b"\r\n\r\n")] + b"\r\n\r\n a")
        assert dump.dkim(tmp_path / "w")[0][0] == "permerror"


def test_strict_identity(dump, keys, tmp_path):
    """t=s of a key: no i= below d= (RFC 6376 3.6.1)."""
    pem, record = keys["rsa"]
    message = MESSAGES["plain"]
    whole = Dkimpy(tmp_path).sign("rsa", "relaxed/relaxed", pem, message, identity=b"x@sub.b.example") + message
    (tmp_path / "w").write_bytes(whole)
    for flags, want in (("", "pass"), ("t=s; ", "permerror"), ("t=y; ", "pass")):
        dump.zone([(f"k._domainkey.{DOMAIN}", "TXT", record.replace("p=", flags + "p="))])
        assert dump.dkim(tmp_path / "w")[0][0] == want, flags


def test_arc_with_dkimpy(dump, keys, tmp_path):
    """Each seals what the other one has sealed."""
    dkim = pytest.importorskip("dkim")
    pem, record = keys["rsa"]
    dump.zone([(f"k._domainkey.{DOMAIN}", "TXT", record)])
    message = b"Authentication-Results: mx.b.example; arc=none; spf=pass\r\n" + MESSAGES["spaces"]
    for turn in range(1, 7):
        (tmp_path / "w").write_bytes(message)
        if turn % 2:
            fields = dump.sign(tmp_path / "w", DOMAIN, "k", pem, seal=True)
        else:
            fields = b"".join(dkim.arc_sign(message, b"k", DOMAIN.encode(), pem.read_bytes(), b"mx.b.example", dkim.CV_Pass))
        message = fields + message.replace(b"arc=none", b"arc=pass")
        (tmp_path / "w").write_bytes(message)
        result, instances, sealer, why = dump.arc(tmp_path / "w")
        assert (result, instances, sealer) == ("pass", str(turn), DOMAIN), why
        cv, _, reason = dkim.arc_verify(message, dnsfunc=lambda name, timeout=5: record.encode())
        assert cv == dkim.CV_Pass, reason
    (tmp_path / "w").write_bytes(message.replace(b"two", b"six"))
    assert dump.arc(tmp_path / "w")[0] == "fail"
