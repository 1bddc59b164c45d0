#!/usr/bin/python3
"""How much learning finds, trained on some sources and judged on others: bench/learning.py CORPUS [HITS.json [SCORES.cf]]

CORPUS holds ham/SOURCE-NUMBER.eml and spam/SOURCE-NUMBER.eml. For each source of spam that is left out: the start is fitted on the first half of
each source of ham and on the other sources of spam that allow commercial use; one user then teaches the first half of ham and the other sources of
spam, in a mixed order; the second half of ham and the source that was left out are judged.
HITS.json: what `posta scan --json --spamassassin` printed, added to the points of learning; SCORES.cf: scores that count before its own.
"""
import json
import pathlib
import random
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
NONCOMMERCIAL = {"phishing_pot"}


def source(path):
    return path.name.rsplit("-", 1)[0]


def quantile(ham, share):
    return sorted(ham, reverse=True)[int(share * len(ham))]


def run(lines):
    out = subprocess.run([ROOT / "build/bench/bench-learning_try"], input="\n".join(lines) + "\n", text=True, capture_output=True, check=True).stdout
    return [line.split("\t") for line in out.splitlines()]


def line(verb, path):
    return f"{verb} {path.parent.name} {path}"


def judge(rows, value, show=True):
    ham = [value(r) for r in rows if r[1] == "ham"]
    spam = [value(r) for r in rows if r[1] == "spam"]
    at = [100 * sum(v > quantile(ham, f) for v in spam) / len(spam) for f in (0.002, 0.005, 0.01)]
    limit = quantile(ham, 0.005)
    wrong = {}
    for r in rows:
        if r[1] == "ham":
            s = wrong.setdefault(source(pathlib.Path(r[0])), [0, 0])
            s[0] += value(r) > limit
            s[1] += 1
    return at, {k: f"{a}/{n}" for k, (a, n) in sorted(wrong.items()) if a}


def main():
    corpus = pathlib.Path(sys.argv[1])
    rules = {}
    scores = {}
    for text in open(sys.argv[3]) if len(sys.argv) > 3 else []:
        w = text.split()
        if len(w) >= 3 and w[0] == "score":
            scores[w[1]] = float(w[2])
    for text in open(sys.argv[2]) if len(sys.argv) > 2 else []:
        m = json.loads(text)
        rules[pathlib.Path(m["file"]).name] = sum(scores.get(s["name"], s["score"]) for s in m["symbols"])
    ham, spam = ({}, {})
    for label, into in (("ham", ham), ("spam", spam)):
        for p in sorted((corpus / label).glob("*.eml")):
            into.setdefault(source(p), []).append(p)
    first = [p for v in ham.values() for p in v[:len(v) // 2]]
    second = [p for v in ham.values() for p in v[len(v) // 2:]]
    for left_out in sorted(spam):
        others = [p for s, v in spam.items() if s != left_out for p in v]
        fit = [line("fit", p) for p in first + [p for p in others if source(p) not in NONCOMMERCIAL]]
        teach = [line("teach", p) for p in first + others]
        random.Random(1).shuffle(teach)
        rows = run(fit + teach + [line("judge", p) for p in second + spam[left_out]])
        print(f"left out: {left_out} ({len(spam[left_out])} spam, {len(second)} ham)")
        values = [("start alone", lambda r: float(r[2])), ("taught", lambda r: float(r[3]))]
        if rules:
            values.append(("rules", lambda r: rules[pathlib.Path(r[0]).name]))
            values.append(("rules and points", lambda r: rules[pathlib.Path(r[0]).name] + float(r[4])))
        for name, value in values:
            at, wrong = judge(rows, value)
            print(f"  {name:17} found at 0.2 / 0.5 / 1 %% of ham: %5.1f %5.1f %5.1f; ham over it at 0.5 %%: {wrong}" % tuple(at))
        if rules:
            total = values[-1][1]
            for limit in (5.0,):
                f = sum(total(r) >= limit for r in rows if r[1] == "ham") / len(second)
                t = sum(total(r) >= limit for r in rows if r[1] == "spam") / len(spam[left_out])
                print(f"  at {limit:.0f} points: {100 * t:.1f} % of spam, {100 * f:.2f} % of ham")


main()
