"""formats/scan's views of a message beside SpamAssassin's own, kind by kind."""
import collections
import pathlib
import shutil
import subprocess
import tarfile

import pytest

import lab

HERE = pathlib.Path(__file__).resolve().parent
SAMPLE = 100  # messages of each class: every nth
# Kinds of lines and how many of the messages may differ: each has its reason in docs/design/filter.md.
MAY_DIFFER = {"uri": 0.15, "get": 0.10, "body": 0.10, "hidden": 0.05, "raw": 0.05, "html": 0.08}


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


def by_kind(text):
    """{file: {kind: [lines]}}"""
    out = {}
    for line in text.split(b"\n"):
        if line.startswith(b"FILE "):
            here = out[line[5:].decode()] = collections.defaultdict(list)
        elif line:
            kind = "uri" if line.startswith((b"uri", b"  ")) else line.split(b" ")[0].decode()
            here[kind].append(line)
    return out


def test_views_agree(messages):
    subprocess.run(["ninja", "-C", lab.BUILD, "tests/filter/scan-dump"], check=True, capture_output=True)
    ours = subprocess.run([lab.BUILD / "tests/filter/scan-dump", *messages], capture_output=True, check=True)
    theirs = subprocess.run(["perl", HERE / "views.pl", *messages], capture_output=True, check=True)
    ours, theirs = by_kind(ours.stdout), by_kind(theirs.stdout)
    assert set(ours) == set(theirs) == set(messages)
    for kind, share in MAY_DIFFER.items():
        differ = [m for m in messages if ours[m][kind] != theirs[m][kind]]
        assert len(differ) <= share * len(messages), (kind, len(differ), differ[:5])
