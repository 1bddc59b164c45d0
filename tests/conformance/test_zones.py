"""Master files written by others: libzscanner's test data (records in hexadecimal, bad lines among them) and BIND's checkzone
zones (must load, must not). Every case that differs stands in zones_known.py, with its reason; docs/design/dns-conformance.md has the table."""
import json
import subprocess

import pytest

from lab import ROOT, shared, tool
from zones_known import BIND_DIFFERS, KNOT_DIFFERS


@pytest.fixture(scope="module")
def dump():
    return tool("tests/conformance/zone-dump")


def items(text):
    """Records as they are printed; "bad" for a bad line; "end" where the reading ended."""
    out = []
    for block in text.split("------\n"):
        block = block.strip()
        if block.startswith(("BAD", "WARNG")):
            out.append("bad")
        elif block.startswith("ERROR"):
            out.append("end")
        elif block:
            out.append(block)
    return out


def knot_cases():
    folder = ROOT.parent / "shared/conformance/dns-knot-zscanner"
    return sorted(p.stem for p in folder.glob("*.in")) or ["absent"]


@pytest.mark.parametrize("case", knot_cases())
def test_zscanner(dump, case):
    folder = shared("conformance", "dns-knot-zscanner")
    want = items((folder / f"{case}.out").read_text())
    done = subprocess.run([dump, "records", ".", "0", folder / f"{case}.in"], capture_output=True, text=True)
    got = items(done.stdout)
    if "end" in want:  # they stop at such a line; we tell it and go on
        end = want.index("end")
        want, got = want[:end] + ["bad"], got[:end + 1]
    different = [i for i in range(max(len(want), len(got))) if want[i:i + 1] != got[i:i + 1]]
    if case in KNOT_DIFFERS:
        assert different, f"{case} agrees now: take it out of zones_known.py"
        return
    assert not different, f"item {different[0]}: want {want[different[0]:][:1]} got {got[different[0]:][:1]}\n{done.stdout[-1500:]}"


def bind_cases():
    try:
        return sorted(json.loads((ROOT.parent / "shared/conformance/dns-bind-checkzone/expected.json").read_text()))
    except OSError:
        return ["absent"]


@pytest.mark.parametrize("case", bind_cases())
def test_checkzone(dump, case):
    folder = shared("conformance", "dns-bind-checkzone")
    row = json.loads((folder / "expected.json").read_text())[case]
    good = row["upstream"].startswith("good")
    if good != (row["named-checkzone-9.18"] == "ok"):
        pytest.skip("BIND's own versions differ on it")
    done = subprocess.run([dump, "check", "example.", folder / case],
                          capture_output=True, text=True, errors="backslashreplace")
    assert done.returncode in (0, 1), done.stderr
    same = (done.returncode == 0) == good
    if case in BIND_DIFFERS:
        assert not same, f"{case} agrees now: take it out of zones_known.py"
        return
    assert same, (row, done.stdout[:600])
