"""FreeRADIUS's unit cases (../shared/conformance/radius-freeradius) against formats/radius.

Each `match` is a case: what posta does otherwise stands in KNOWN with its reason, and docs/design/radius-conformance.md lists it.
"""
import pathlib
import re
import subprocess

import lab

HERE = pathlib.Path(__file__).parent
# file:line of the match -> why
SECRET = "the hidden values' secret, which the cases do not name, is another"
KEYED = "structs whose key chooses what follows are FreeRADIUS 4's own, no RADIUS packet has them"
KNOWN = {
    "eapol_msg.txt:10": SECRET,
    "packet_rfc3162.txt:96": SECRET,
    "tunnel.txt:90": "the salt is a number of chance",
    "tag.txt:40": "Tmp-Group-0 is a variable of FreeRADIUS, no attribute",
    "struct.txt:81": KEYED,
    "struct.txt:91": KEYED,
    "struct.txt:100": KEYED,
    "struct.txt:103": KEYED,
    "struct.txt:111": KEYED,
}


class Dump:
    def __init__(self):
        self.p = subprocess.Popen([lab.tool("tests/conformance/radius-dump"), HERE / "radius.dictionary"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, line):
        self.p.stdin.write(line + "\n")
        self.p.stdin.flush()
        return self.p.stdout.readline().strip()


def same(got, want):
    if want.startswith("ERROR"):
        return got.startswith("ERROR")
    if re.fullmatch(r"[0-9a-f ]*", want):
        return got == want.replace(" ", "")
    return got == want


def proto(tool, hexes):
    """A whole packet: the code and the authenticator are said as attributes."""
    raw = bytes.fromhex(hexes)
    code = {1: "Access-Request", 2: "Access-Accept", 11: "Access-Challenge"}[raw[0]]
    rest = tool.ask("proto " + raw.hex())
    return f"Packet-Type = ::{code}, Packet-Authentication-Vector = 0x{raw[4:20].hex()}" + (", " + rest if rest else "")


def cases(path):
    tool, last, out = Dump(), "", []
    for number, line in enumerate(path.read_text().splitlines(), 1):
        verb, _, rest = line.partition(" ")
        rest = rest.strip()
        if verb in ("encode-pair", "decode-pair", "pair"):
            text = (last or "") if rest == "-" else rest
            if verb == "decode-pair":
                text = text.replace(" ", "")
            last = tool.ask({"encode-pair": "encode", "decode-pair": "decode", "pair": "pair"}[verb] + " " + text)
        elif verb == "decode-proto" and (rest != "-" or last is not None):
            last = proto(tool, (last if rest == "-" else rest).replace(" ", ""))
        elif verb in ("encode-proto", "decode-proto", "count", "returned"):
            last = None
        elif verb == "match" and last is not None:
            out.append((f"{path.name}:{number}", same(last, rest), last, rest))
        elif verb == "match":
            out.append((f"{path.name}:{number}", None, "", rest))
    tool.p.stdin.close()
    tool.p.wait(10)
    return out


def test_cases():
    folder = lab.shared("conformance", "radius-freeradius")
    every = [c for path in sorted(folder.glob("*.txt")) for c in cases(path)]
    wrong = [c for c in every if c[1] is False and c[0] not in KNOWN]
    asked = [c for c in every if c[1] is not None]
    stale = [k for k in KNOWN if k not in {c[0] for c in asked if c[1] is False}]
    print(f"{sum(c[1] for c in asked)} of {len(every)} as FreeRADIUS; {len(every) - len(asked)} not asked")
    assert not wrong, "\n".join(f"{w[0]}\n  got  {w[2][:300]}\n  want {w[3][:300]}" for w in wrong)
    assert not stale, stale
    assert len(asked) > 120
