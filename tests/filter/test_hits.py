"""A sample of the corpus through `posta scan --spamassassin`: what hits beside what SpamAssassin found in the same messages, and at what cost.
The whole of it is `bench/run filter_hits`."""
import collections
import gzip
import json
import pathlib
import re
import subprocess
import tarfile

import pytest

import lab

EACH = 30  # messages of each source: so many of the list that SpamAssassin's run gave, spread over it
CONFIG = "/nonexistent"  # the settings of a machine without any


@pytest.fixture(scope="module")
def oracle():
    """id -> (score, rules that hit), of the sample."""
    by_source = collections.defaultdict(dict)
    with gzip.open(lab.shared("corpus", "sa-hits-dev.tsv.gz"), "rt", errors="replace") as f:
        for line in f:
            name, score, rules, *_ = line.rstrip("\n").split("\t")
            if "/" in name:
                by_source[name.rsplit("-", 1)[0]][name] = float(score), {re.sub(r"\(.*", "", r) for r in rules.split(",") if r}
    out = {}
    for rows in by_source.values():
        names = sorted(rows)
        out |= {n: rows[n] for n in names[::max(1, len(names) // EACH)][:EACH]}
    return out


@pytest.fixture(scope="module")
def messages(oracle, tmp_path_factory):
    folder = tmp_path_factory.mktemp("corpus")
    for label in ("ham", "spam"):
        with tarfile.open(lab.shared("corpus", f"{label}.tar.xz")) as tar:
            for member in tar:
                if member.name.removesuffix(".eml") in oracle:
                    tar.extract(member, folder)
    return {name: folder / f"{name}.eml" for name in oracle}


@pytest.fixture(scope="module")
def found(messages, tmp_path_factory):
    """id -> what posta says of it."""
    rules = lab.BUILD / "rules"
    if not pathlib.Path("/usr/share/spamassassin").is_dir():
        pytest.skip("SpamAssassin's rules are not installed")
    if not list(rules.glob("*.cache")):
        pytest.skip(f"no compiled rules in {rules}: ./run --build makes those of build/")
    wanted = tmp_path_factory.mktemp("list") / "files"
    wanted.write_text("".join(f"{path}\n" for path in messages.values()))
    done = subprocess.run([lab.BUILD / "posta", "scan", "--json", "--spamassassin", "--jobs", "2", "--files-from", wanted, "--config", CONFIG],
                          capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    by_path = {str(path): name for name, path in messages.items()}
    return {by_path[row["file"]]: row for row in map(json.loads, done.stdout.splitlines())}


def test_same_rules_hit(oracle, found):
    assert found.keys() == oracle.keys()
    both, either, differ = 0, 0, collections.Counter()
    for name, (_, want) in oracle.items():
        have = {s["name"] for s in found[name]["symbols"]}
        both, either = both + len(have & want), either + len(have | want)
        differ.update(have ^ want)
    print(f"{len(oracle)} messages, {either} pairs, {100 * both / either:.2f} % hit by both; differing: {dict(differ.most_common(10))}")
    assert either > 1000 and both / either >= 0.985, differ.most_common(20)


def test_same_scores(oracle, found):
    near = sum(abs(found[name]["score"] - score) <= 0.1001 for name, (score, _) in oracle.items())
    assert near / len(oracle) >= 0.97


def test_all_were_looked_at_whole(found):
    assert [name for name, row in found.items() if row["incomplete"]] == []
