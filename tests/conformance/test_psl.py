"""The public suffix list's own cases (../shared/conformance/psl-tests) against services/mailauth/psl, with the list that Debian's
libpsl carries: cases of rules that are younger than it differ.
"""
import lab
from mailauth import Dump

# domain -> why
KNOWN = {}


def a_labels(domain):
    return ".".join(label.encode("idna").decode() for label in domain.split("."))


def test_public_suffix_list():
    folder = lab.shared("conformance", "psl-tests")
    dump, n, differ = Dump(), 0, []
    for line in (folder / "tests.txt").read_text().splitlines():
        words = line.split()
        if len(words) != 2 or line.startswith("//") or words[0] == "null":
            continue
        n += 1
        got, want = dump.psl(words[0]), "" if words[1] == "null" else a_labels(words[1])
        if got != want and words[0] not in KNOWN:
            differ.append((words[0], got, want))
    dump.close()
    assert n > 70 and not differ, differ
