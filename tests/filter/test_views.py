"""formats/scan's views of a message beside SpamAssassin's own, kind by kind."""
import collections
import pathlib
import shutil
import subprocess
import tarfile

import pytest

import lab

HERE = pathlib.Path(__file__).resolve().parent
RULES = pathlib.Path("/usr/share/spamassassin")
SAMPLE = 100  # messages of each class: every nth
# How many of the messages may differ in a kind of view, in per cent; see docs/decisions/0200-views.md.
MAY_DIFFER = collections.defaultdict(float, {
    "html-anchor": 1, "header-X-Spam-Relays-Untrusted": 1, "header-X-Spam-Relays-External": 1, "header-Message-Id:host": 5,
    "header-Received:first:ip": 20, "rawbody": 1, "header-ALL-EXTERNAL": 1, "header-From": 1, "header-From:name": 1, "header-ALL": 1,
    "html-title": 1, "uri-clean": 1,
    "invisible": 2,
})


@pytest.fixture(scope="module")
def messages(tmp_path_factory):
    corpus = lab.shared("corpus")
    if not shutil.which("spamassassin"):
        pytest.skip("spamassassin is not installed")
    folder = tmp_path_factory.mktemp("corpus")
    for label in ("ham", "spam"):
        with tarfile.open(corpus / f"{label}.tar.xz") as tar:
            names = sorted(n for n in tar.getnames() if n.endswith(".eml"))
            for name in names[::max(1, len(names) // SAMPLE)]:
                tar.extract(name, folder)
    return sorted(str(p) for p in folder.glob("*/*.eml"))


@pytest.fixture(scope="module")
def lists(tmp_path_factory):
    """The registries of the installed rules, in scan-dump's form."""
    levels = {"util_rb_tld": 1, "util_rb_2tld": 2, "util_rb_3tld": 3}
    path = tmp_path_factory.mktemp("lists") / "registries"
    with open(path, "w") as out:
        for file in RULES.glob("*.cf"):
            for line in file.read_text(errors="replace").splitlines():
                words = line.lower().split()
                if words and words[0] in levels:
                    out.writelines(f"{levels[words[0]]} {w}\n" for w in words[1:])
    return path


def by_kind(text):
    """{file: {kind: [lines]}}"""
    out = {}
    for line in text.split(b"\n"):
        kind, _, value = line.partition(b" ")
        if kind == b"==":
            here = out[value.decode()] = collections.defaultdict(list)
        elif kind:
            here[kind.decode()].append(value)
    for views in out.values():
        for kind in [k for k in views if k.startswith("uri")]:
            views[kind].sort()
    return out


def test_views_agree(messages, lists):
    tool = lab.tool("tests/filter/scan-dump")
    paths = "".join(m + "\n" for m in messages).encode()
    ours = subprocess.run([tool, lists], input=paths, capture_output=True, check=True)
    theirs = subprocess.run(["perl", HERE / "views.pl"], input=paths, capture_output=True, check=True)
    ours, theirs = by_kind(ours.stdout), by_kind(theirs.stdout)
    assert set(ours) == set(theirs) == set(messages)
    kinds = sorted({k for m in messages for k in [*ours[m], *theirs[m]]})
    assert len(kinds) > 40
    too_many = {}
    for kind in kinds:
        differ = [m for m in messages if ours[m][kind] != theirs[m][kind]]
        if len(differ) * 100 > MAY_DIFFER[kind] * len(messages):
            too_many[kind] = (len(differ), differ[:3])
    assert not too_many


def test_odd_mime_passes(lists):
    """Messages that MIME parsers stumble over: nothing falls, and nothing takes long."""
    found = [p for name in ("mime-mail-parser", "mime-mime4j", "mime-python")
             for p in sorted(lab.shared("conformance").glob(f"{name}/**/*")) if p.is_file()]
    assert len(found) > 100
    tool = lab.tool("tests/filter/scan-dump")
    for path in found:
        done = subprocess.run([tool, lists], input=f"{path}\n".encode(), capture_output=True,
                              timeout=30)
        assert done.returncode == 0, (path, done.stderr)
