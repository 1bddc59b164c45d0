#!/usr/bin/python3
"""Compares hits of posta with those of SpamAssassin over a corpus, per source, and lists each rule that differs.

filter_hits.py OURS.tsv ORACLE.tsv.gz [--rules N] [--ids N]
Both have lines "id, score, rules, subrules"; a rule that hit n times may be written NAME(n)."""
import argparse
import collections
import gzip
import re

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("ours")
parser.add_argument("oracle")
parser.add_argument("--rules", type=int, default=1000, help="how many differing rules to list")
parser.add_argument("--ids", type=int, default=3, help="how many messages to name for each")
args = parser.parse_args()


def rows(path):
    """id -> (score, set of rules, Counter of subrules)"""
    out = {}
    with (gzip.open if path.endswith(".gz") else open)(path, "rt", errors="replace") as f:
        for line in f:
            c = line.rstrip("\n").split("\t")
            if len(c) < 3 or c[0] == "id":
                continue
            names = {re.sub(r"\(.*", "", n) for n in c[2].split(",") if n}
            sub = {}
            for n in (c[3] if len(c) > 3 else "").split(","):
                m = re.match(r"(__\w+)(?:\((\d+)\))?", n)
                if m:
                    sub[m[1]] = int(m[2] or 1)
            out[c[0]] = (float(c[1]), names, sub)
    return out


ours, oracle = rows(args.ours), rows(args.oracle)
both = [i for i in oracle if i in ours]
missed, extra = collections.defaultdict(list), collections.defaultdict(list)
per = collections.defaultdict(lambda: [0, 0, 0, 0])  # messages, within 0.1, pairs of both, pairs of either
sub_missed, sub_extra = collections.defaultdict(list), collections.defaultdict(list)
for i in both:
    (score, names, sub), (want_score, want, want_sub) = ours[i], oracle[i]
    p = per[i.rsplit("-", 1)[0]]
    p[0] += 1
    p[1] += abs(score - want_score) <= 0.1001
    p[2] += len(names & want)
    p[3] += len(names | want)
    for n in want - names:
        missed[n].append(i)
    for n in names - want:
        extra[n].append(i)
    for n in set(sub) | set(want_sub):
        if n in want_sub and n not in sub:
            sub_missed[n].append(i)
        elif n in sub and n in want_sub and sub[n] != want_sub[n]:
            sub_extra[n].append(f"{i}={sub[n]}/{want_sub[n]}")
total = [sum(c) for c in zip(*per.values())]


def percent(a, b):
    return f"{100 * a / b:6.2f} %" if b else "       -"


print(f"{'source':<28}{'messages':>9}{'within 0.1':>12}{'pairs':>8}{'hit by both':>13}")
for name, p in sorted(per.items()) + [("all", total)]:
    print(f"{name:<28}{p[0]:>9}{percent(p[1], p[0]):>12}{p[3]:>8}{percent(p[2], p[3]):>13}")
print(f"\n{'rule':<36}{'missed':>7}{'extra':>7}  messages")
ranked = sorted(set(missed) | set(extra), key=lambda n: (-len(missed[n]) - len(extra[n]), n))
for n in ranked[:args.rules]:
    print(f"{n:<36}{len(missed[n]):>7}{len(extra[n]):>7}  " + " ".join(["-" + i for i in missed[n][:args.ids]] +
                                                                     ["+" + i for i in extra[n][:args.ids]]))
print(f"\n{'sub-rule':<36}{'missed':>7}{'counts':>7}  messages")
ranked = sorted(set(sub_missed) | set(sub_extra), key=lambda n: (-len(sub_missed[n]) - len(sub_extra[n]), n))
for n in ranked[:args.rules // 4]:
    print(f"{n:<36}{len(sub_missed[n]):>7}{len(sub_extra[n]):>7}  " + " ".join(sub_missed[n][:args.ids] + sub_extra[n][:args.ids]))
