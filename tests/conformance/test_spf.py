"""The test suite of RFC 7208 (../shared/conformance/spf-rfc7208): every case, its zone as the DNS.

A case may have several acceptable results; the first is preferred. docs/design/mailauth-conformance.md has the table.
"""
import os
import pathlib

import pytest

import lab
from mailauth import Dump

yaml = pytest.importorskip("yaml")
SUITE = pathlib.Path(os.environ.get("POSTA_SHARED", lab.ROOT.parent / "shared"), "conformance/spf-rfc7208/rfc7208-tests.yml")
DEFAULT = ""  # the suite's "DEFAULT": no explanation by the domain's owner
# case -> why we differ
KNOWN = {}


def scenarios():
    if not SUITE.exists():
        return []
    return [s for s in yaml.safe_load_all(SUITE.read_bytes()) if s]


def record(kind, value):
    if kind == "MX":
        return f"{value[0]} {value[1]}"
    return "".join(value) if isinstance(value, list) else value


def rows(zonedata):
    """An entry "SPF" stands for TXT unless the name lists TXT as well."""
    for name, entries in zonedata.items():
        explicit = any(isinstance(e, dict) and "TXT" in e for e in entries)
        for entry in entries:
            if entry == "TIMEOUT":
                yield name, None, "TIMEOUT"
                continue
            (kind, value), = entry.items()
            if kind == "SPF" and explicit or value == "NONE":
                continue
            yield name, "TXT" if kind == "SPF" else kind, record(kind, value)


CASES = [(s, name) for s in scenarios() for name in s["tests"]]


@pytest.fixture(scope="module")
def dump():
    d = Dump()
    yield d
    d.close()


@pytest.mark.skipif(not CASES, reason="no ../shared/conformance/spf-rfc7208")
@pytest.mark.parametrize("scenario,name", CASES, ids=[n for _, n in CASES])
def test_rfc7208_suite(dump, scenario, name):
    case = scenario["tests"][name]
    dump.zone(rows(scenario["zonedata"]))
    result, explanation, why = dump.spf(case["host"], case.get("helo") or "", case.get("mailfrom") or "")
    wanted = case["result"] if isinstance(case["result"], list) else [case["result"]]
    assert result in wanted, why
    if result == "fail" and case.get("explanation") is not None:
        want = case["explanation"]
        assert explanation == (DEFAULT if want == "DEFAULT" else want)
