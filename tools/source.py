"""What the gates share: the C files of the tree, and enough of C's grammar to find functions in our style.

A function's body begins with a "{" and ends with a "}" in the first column (clang-format sees to it).
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
SRC = ROOT / "src"


def files(*suffixes):
    return sorted(p for p in SRC.rglob("*") if p.suffix in (suffixes or (".c", ".h")))


def name(path):
    return path.relative_to(ROOT).as_posix()


def is_test(path):
    return path.stem.endswith(("_test", "_fuzz"))


def blank(text):
    """The text with comments and literals replaced by spaces: places stay the same."""
    pattern = r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\''
    return re.sub(pattern, lambda m: re.sub(r"[^\n]", " ", m.group()), text, flags=re.S)


def functions(text):
    """(name, header, body, line) of each function defined in blanked text."""
    for m in re.finditer(r"^\{\n(.*?)^\}", text, flags=re.S | re.M):
        start = max(text.rfind(c, 0, m.start()) for c in ";}")
        header = re.sub(r"^\s*#[^\n]*(\\\n[^\n]*)*", "", text[start + 1:m.start()], flags=re.M)
        named = re.search(r"(\w+)\s*\((?:[^()]|\([^()]*(?:\([^()]*\))*[^()]*\))*\)\s*$", header)
        if named and "=" not in header:
            yield named.group(1), header, m.group(1), text.count("\n", 0, m.start()) + 1


def finish(gate, complaints, seen):
    """Prints what is wrong and ends the gate's process."""
    for c in complaints:
        print(c)
    print(f"{gate}: {len(complaints)} complaints in {seen} files" if complaints else f"{gate}: {seen} files are fine")
    sys.exit(1 if complaints else 0)
