"""DKIM and ARC cases written by others, in place: ../shared/conformance/{dkim-mail-dkim,dkim-arc-mail-auth,arc-valimail}.

docs/design/dkim-conformance.md has the table.
"""
import json
import os
import pathlib
import re

import pytest

import lab
from mailauth import Dump

SHARED = pathlib.Path(os.environ.get("POSTA_SHARED", lab.ROOT.parent / "shared"), "conformance")
PERL, RUST, ARC = SHARED / "dkim-mail-dkim", SHARED / "dkim-arc-mail-auth", SHARED / "arc-valimail"


@pytest.fixture(scope="module")
def dump():
    d = Dump()
    yield d
    d.close()


def crlf(raw):
    return raw.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


# ---- Mail::DKIM's corpus ----
def perl_zone():
    for line in (PERL / "FAKE_DNS.dat").read_text("latin-1").splitlines():
        name, _, text = line.partition(" ")
        text = text.strip()
        if not name or name.startswith("#") or text == "NXDOMAIN":
            continue
        yield name, "TXT", "TIMEOUT" if text.startswith("~~") else text


PERL_CASES = json.loads((PERL / "expected.json").read_text()) if PERL.exists() else {}


@pytest.mark.skipif(not PERL_CASES, reason="no ../shared/conformance/dkim-mail-dkim")
@pytest.mark.parametrize("name", PERL_CASES)
def test_mail_dkim(dump, tmp_path, name):
    case = PERL_CASES[name]
    raw = (PERL / "corpus" / name).read_bytes()
    dump.zone(perl_zone())
    got = {}
    for form in (crlf(raw), crlf(raw).replace(b"\r\n", b"\n")):
        (tmp_path / "m").write_bytes(form)
        got[form] = dump.dkim(tmp_path / "m", 1100000000)
    first, second = got.values()
    assert first == second  # CRLF or LF
    results = [r[0] for r in first]
    # RFC 8301, RFC 6376 3.5: what uses rsa-sha1 or has no v=1 must not pass
    if case["result"] == "pass" and case["modern"]:
        assert "pass" in results, first
    else:
        assert results and "pass" not in results, first


# ---- the RFCs' own examples, as mail-auth keeps them ----
@pytest.mark.skipif(not RUST.exists(), reason="no ../shared/conformance/dkim-arc-mail-auth")
@pytest.mark.parametrize("name", ["001.txt", "002.txt"])
def test_mail_auth(dump, tmp_path, name):
    zone, _, message = (RUST / "dkim" / name).read_text("latin-1").partition("\n\n")
    dump.zone([(line.split(" ", 1)[0], "TXT", line.split(" ", 1)[1]) for line in zone.splitlines()])
    (tmp_path / "m").write_bytes(crlf(message.encode("latin-1")))
    results = dump.dkim(tmp_path / "m", 1620000000)
    assert results and all(r[0] == "pass" for r in results), results


# ---- ValiMail's ARC suite ----
def arc_cases(name):
    if not ARC.exists():
        return []
    yaml = pytest.importorskip("yaml")
    docs = [d for d in yaml.safe_load_all((ARC / name).read_text()) if d]
    return [(doc, test) for doc in docs for test in doc["tests"]]


# case -> why we differ
ARC_KNOWN = {
    # the suite leaves it open; RFC 8617 5.2 step 2: a chain whose newest seal says cv=fail has failed
    "cv_fail_i1_as_cv_fail": "fail",
}
VALIDATION = arc_cases("arc-draft-validation-tests.yml")


@pytest.mark.skipif(not VALIDATION, reason="no ../shared/conformance/arc-valimail")
@pytest.mark.parametrize("doc,name", VALIDATION, ids=[n for _, n in VALIDATION])
def test_arc_validation(dump, tmp_path, doc, name):
    case = doc["tests"][name]
    dump.zone([(host, "TXT", text) for host, text in (doc.get("txt-records") or {}).items()])
    (tmp_path / "m").write_bytes(crlf(case["message"].encode()))
    want = {"pass": "pass", "fail": "fail"}.get(str(case["cv"]).lower(), "none")
    got = dump.arc(tmp_path / "m", 12345)
    assert got[0] == ARC_KNOWN.get(name, want), got[3]


SIGNING = arc_cases("arc-draft-sign-tests.yml")


def their_set(case):
    """The lists show b= in lines; it was signed without white space."""
    fields = [("ARC-Seal", "AS"), ("ARC-Message-Signature", "AMS"), ("ARC-Authentication-Results", "AAR")]
    for field, key in fields:
        value = re.sub(r"\s*\n\s*", "\r\n  ", case[key].strip())
        if key == "AMS":
            value = re.sub(r"b=[^;]*", lambda m: re.sub(r"\s", "", m.group()), value)
        yield f"{field}: {value}\r\n".encode()


@pytest.mark.skipif(not SIGNING, reason="no ../shared/conformance/arc-valimail")
@pytest.mark.parametrize("doc,name", SIGNING, ids=[n for _, n in SIGNING])
def test_arc_sealing(dump, tmp_path, doc, name):
    """Our order of tags is another than the suite's, so its bytes cannot be had: its set validates, and so does ours."""
    case = doc["tests"][name]
    m, key = tmp_path / "m", tmp_path / "k"
    dump.zone([(host, "TXT", text) for host, text in (doc.get("txt-records") or {}).items()])
    message = crlf(case["message"].encode())
    key.write_text(doc["privatekey"])
    m.write_bytes(message)
    if not case["AS"]:  # RFC 8617 5.1.2: a chain that says itself that it has failed gets no other set
        with pytest.raises(AssertionError):
            dump.sign(m, doc["domain"], doc["sel"], key, now=case["t"], seal=True)
        return
    ours = dump.sign(m, doc["domain"], doc["sel"], key, now=case["t"], seal=True)
    failed = b"cv=fail" in ours
    assert failed == ("cv=fail" in case["AS"])
    for one in (ours, b"".join(their_set(case))):
        m.write_bytes(one + message)
        result, _, _, why = dump.arc(m, 12345)
        assert result == ("fail" if failed else "pass"), why
