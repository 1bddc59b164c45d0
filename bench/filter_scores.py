#!/usr/bin/python3
"""Fits the rules' scores anew, near the ones that SpamAssassin ships, and judges them honestly.

  build/posta scan --spamassassin --json --files-from LIST | bench/filter_scores.py [--write FILE] [--base 72_scores.cf]

Each line of the input is a message: {"file": ".../ham/SOURCE-00001.eml", "symbols": [{"name", "score"}], ...}.
A score is what logistic regression says, held to its old value by a penalty, with its old sign and at most CAP points
(or the old value; those that speak for ham do not grow); each source of spam weighs the same. What is written is
fitted on no source of NONCOMMERCIAL. The method is judged on what it has not seen: one source of spam and halves of the
ham sources held out, cut in three ways; whole sources of both held out. Needs python3-scipy.
"""
import argparse
import json
import re
import sys

import numpy as np
from scipy.optimize import minimize

NONCOMMERCIAL = {"phishing_pot"}
REQUIRED = 5.0
CAP = 2.0          # no rule alone makes spam of a message, nor do two
PENALTY = 0.3      # of a point away from the old score, squared
HAM_WEIGHT = 6.0   # a false positive costs as much as so many misses


def scores(path):
    found = {}
    for line in open(path):
        w = line.split()
        if len(w) >= 3 and w[0] == "score":
            found[w[1]] = float(w[2])
    return found


def known_halves(source):
    """Ways to cut each source in halves: what they are called, and which messages are unseen."""
    place, size = np.zeros(len(source), int), np.ones(len(source), int)
    for s in set(source):
        place[source == s] = np.arange((source == s).sum())
        size[source == s] = (source == s).sum()
    later = place >= size // 2
    return (("first halves of ham known", later), ("second halves known", ~later), ("every other one known", place % 2 == 1))


def read(lines, base):
    messages, names = [], {}
    old, installed = {}, {}
    for line in lines:
        m = json.loads(line)
        where = re.search(r"(ham|spam)/([^/]+)-\d+\.eml$", m["file"])
        if not where:
            sys.exit(f"{m['file']}: no .../ham/SOURCE-NUMBER.eml or .../spam/...")
        hits = []
        for s in m["symbols"]:
            hits.append(names.setdefault(s["name"], len(names)))
            old[s["name"]] = base.get(s["name"], s["score"])
            installed[s["name"]] = s["score"]
        messages.append((where[1] == "spam", where[2], hits))
    return messages, list(names), np.array([old[n] for n in names]), np.array([installed[n] for n in names])


def bounds(old):
    return np.where(old < 0, np.minimum(old, -0.5), 0), np.where(old < 0, 0, np.maximum(CAP, old))


def weights(spam, source):
    """Of the messages: a collection of thousands must not teach its own habits louder than the others."""
    weight = np.where(spam, 1.0, HAM_WEIGHT)
    sources = set(source[spam])
    for s in sources:
        weight[spam & (source == s)] = spam.sum() / len(sources) / (source == s).sum()
    return weight


def fit(hits, spam, source, old):
    weight = weights(spam, source)
    low, high = bounds(old)

    def loss(s):
        z = hits @ s - REQUIRED
        p = 1 / (1 + np.exp(-z))
        return ((weight * (np.logaddexp(0, z) - spam * z)).sum() + PENALTY * ((s - old) ** 2).sum(),
                hits.T @ (weight * (p - spam)) + 2 * PENALTY * (s - old))

    return minimize(loss, np.clip(old, low, high), jac=True, method="L-BFGS-B", bounds=list(zip(low, high)),
                    options=dict(maxiter=300)).x


def found(score, spam, false_positives):
    ham = np.sort(score[~spam])[::-1]
    return 100 * np.mean(score[spam] > ham[int(false_positives * len(ham))])


def report(name, score, spam, source):
    at = 100 * np.mean(score[spam] >= REQUIRED), 100 * np.mean(score[~spam] >= REQUIRED)
    print(f"{name:40} at {REQUIRED:.0f}: {at[0]:5.1f} % of spam, {at[1]:5.2f} % of ham;"
          f" spam found at 0.3 % of ham: {found(score, spam, 0.003):5.1f} %, at 0.5 %: {found(score, spam, 0.005):5.1f} %")
    for s in sorted(set(source)):
        here = source == s
        print(f"    {s:30} {100 * np.mean(score[here] >= REQUIRED):6.2f} % of {here.sum()} {'spam' if spam[here][0] else 'ham'}")


def apart(name, hits, spam, source, old, unseen):
    """Each source of spam by the scores that were fitted without it, beside the ham that they have not seen; means by message."""
    rows, over = [], {}
    for out in sorted(set(source[spam])):
        known = np.where(spam, source != out, ~unseen) & ~np.isin(source, list(NONCOMMERCIAL))
        judged = np.where(spam, source == out, unseen)
        score = hits[judged] @ fit(hits[known], spam[known], source[known], old)
        here, n = spam[judged], (source == out).sum()
        rows.append((n, found(score, here, 0.003), found(score, here, 0.005), 100 * np.mean(score[here] >= REQUIRED), 100 * np.mean(score[~here] >= REQUIRED)))
        for s in set(source[judged]):
            over.setdefault(s, []).append((n, 100 * np.mean(score[source[judged] == s] >= REQUIRED)))
    n, *means = np.array(rows).T
    three, five, spam_over, ham_over = (np.average(m, weights=n) for m in means)
    print(f"{name:40} at {REQUIRED:.0f}: {spam_over:5.1f} % of spam, {ham_over:5.2f} % of ham;"
          f" spam found at 0.3 % of ham: {three:5.1f} %, at 0.5 %: {five:5.1f} %")
    for s, v in sorted(over.items()):
        print(f"    {s:30} {np.average([x for _, x in v], weights=[k for k, _ in v]):6.2f} % over {REQUIRED:.0f}")


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("--base", help="a file of scores that counts before the installed ones")
    p.add_argument("--write", help="the file of scores to make")
    o = p.parse_args()
    base = scores(o.base) if o.base else {}
    messages, names, old, installed = read(sys.stdin, base)
    spam = np.array([m[0] for m in messages])
    source = np.array([m[1] for m in messages])
    hits = np.zeros((len(messages), len(names)), np.float32)
    for i, m in enumerate(messages):
        hits[i, m[2]] = 1
    report("scores as they are", hits @ old, spam, source)

    usable = ~np.isin(source, list(NONCOMMERCIAL))
    for name, unseen in known_halves(source):
        apart(f"one spam out, {name}", hits, spam, source, old, unseen)
    whole = np.full(len(messages), np.nan)
    for out in sorted(set(source)):
        train = usable & (source != out)
        judged = source == out
        whole[judged] = hits[judged] @ fit(hits[train], spam[train], source[train], old)
    report("each source out in its turn", whole, spam, source)
    if not o.write:
        return
    s = fit(hits[usable], spam[usable], source[usable], old)
    with open(o.write, "w") as f:
        f.write("# Scores of the stock rules, fitted by bench/filter_scores.py (decision 0281); sources that forbid commercial use were left out.\n")
        for name, value, before in sorted(zip(names, s, installed)):
            if abs(value - before) >= 0.05:
                f.write(f"score {name} {value:.2f}\n")
    print(f"{o.write}: {sum(abs(s - installed) >= 0.05)} scores")


if __name__ == "__main__":
    main()
