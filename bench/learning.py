#!/usr/bin/python3
"""How much learning finds, trained on some sources and judged on others: bench/learning.py CORPUS HITS.json [SCORES.cf]

CORPUS holds ham/SOURCE-NUMBER.eml and spam/SOURCE-NUMBER.eml; HITS.json is what `posta scan --json --spamassassin`
printed of all of them; SCORES.cf: scores that count before its own. For each source of spam that is left out, and three
ways to cut each source of ham in a half that is known and one that is not: the start and the rules' scores are fitted on
what is known, sources that forbid commercial use left out; one user then teaches the known ham and the other sources of
spam, in a mixed order; the unknown ham and the source that was left out are judged. Found: at 0.2, 0.5 and 1 % of the
unknown ham. Needs python3-scipy.
"""
import pathlib
import random
import subprocess
import sys

import numpy as np

import filter_scores

ROOT = pathlib.Path(__file__).resolve().parent.parent
RATES = (0.002, 0.005, 0.01)
LOGITS = ("start alone", "taught")
NEWSLETTERS, BOUNCES = "sa-hard-ham-1", "bounce-sisimai"


def run(lines):
    out = subprocess.run([ROOT / "build/bench/bench-learning_try"], input="\n".join(lines) + "\n", text=True, capture_output=True, check=True).stdout
    return {pathlib.Path(w[0]).name: [float(x) for x in w[2:]] for w in (line.split("\t") for line in out.splitlines())}


def found(value, spam):
    ham = np.sort(value[~spam])[::-1]
    return [100 * np.mean(value[spam] > ham[int(f * len(ham))]) for f in RATES]


def at_five(value, spam, source):
    over = value >= filter_scores.REQUIRED
    return [100 * np.mean(over[m]) for m in (spam, ~spam, source == NEWSLETTERS, source == BOUNCES)]


def show(name, rows):
    for way in rows[0][1]:
        at, five = (np.array([r[1][way][k] for r in rows]) for k in (0, 1))
        n = np.array([r[0] for r in rows])
        for what, weight in (("mean", np.ones(len(n))), ("by message", n)):
            if len(n) > 1 or what == "mean":
                print(f"  {name} {way:25} {what if len(n) > 1 else '':10} found %5.1f %5.1f %5.1f" % tuple(np.average(at, axis=0, weights=weight)), end="")
                print("" if way in LOGITS else "; at 5 points %5.1f %% of spam, %.2f of ham, %.1f of newsletters, %.1f of bounces"
                      % tuple(np.average(five, axis=0, weights=weight)))


def main():
    corpus = pathlib.Path(sys.argv[1])
    base = filter_scores.scores(sys.argv[3]) if len(sys.argv) > 3 else {}
    files = []
    lines = open(sys.argv[2]).read().splitlines()
    messages, names, old, _ = filter_scores.read(lines, base)
    for label in ("ham", "spam"):
        files += sorted((corpus / label).glob("*.eml"))
    if [p.name for p in files] != [pathlib.Path(filter_scores.json.loads(t)["file"]).name for t in lines]:
        sys.exit(f"{sys.argv[2]}: not the messages of {corpus}, in their order")
    spam = np.array([m[0] for m in messages])
    source = np.array([m[1] for m in messages])
    usable = ~np.isin(source, list(filter_scores.NONCOMMERCIAL))
    hits = np.zeros((len(messages), len(names)), np.float32)
    for i, m in enumerate(messages):
        hits[i, m[2]] = 1

    def ask(verb, which):
        return [f"{verb} {files[i].parent.name} {files[i]}" for i in np.where(which)[0]]

    for name, unseen in filter_scores.known_halves(source):
        print(name)
        every = []
        for out in sorted(set(source[spam])):
            judged = np.where(spam, source == out, unseen)
            known = np.where(spam, source != out, ~unseen)
            teach = ask("teach", known)
            random.Random(1).shuffle(teach)
            told = run(ask("fit", known & usable) + teach + ask("judge", judged))
            first, taught, first_points, points = np.array([told[files[i].name] for i in np.where(judged)[0]]).T
            fitted = filter_scores.fit(hits[known & usable], spam[known & usable], source[known & usable], old)
            stock, mine = hits[judged] @ old, hits[judged] @ fitted
            ways = {"start alone": first, "taught": taught, "rules": stock, "rules, fitted": mine,
                    "rules and points": stock + points, "fitted and points": mine + points, "fitted and start's points": mine + first_points}
            row = (int((spam & judged).sum()), {way: (found(v, spam[judged]), at_five(v, spam[judged], source[judged])) for way, v in ways.items()})
            show(f"{out:13}", [row])
            every.append(row)
        show("all          ", every)


main()
