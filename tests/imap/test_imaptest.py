"""The scripts of Dovecot's imaptest. docs/design/imap-conformance.md has the totals and the reasons."""
import os
import pathlib

import pytest

import lab
from imaptest import Runner, Script
from raw import Raw

SHARED = pathlib.Path(os.environ.get("POSTA_SHARED", lab.ROOT.parent / "shared"))
FOLDER = SHARED / "conformance" / "imap-imaptest" / "tests"
NAMES = sorted(p.name for p in FOLDER.iterdir() if p.suffix != ".mbox") if FOLDER.exists() else []

# Commands where we differ: (script, line): why.
KNOWN = {
    # Its size says 7 octets, which we give; its text has one line end less than what it appended.
    ("append-binary", 35): "the script's literal is shorter than its own size",
}


@pytest.mark.skipif(not NAMES, reason="no conformance/imap-imaptest beside the checkout")
@pytest.mark.parametrize("name", NAMES)
def test_script(server, name):
    conn = Raw(server, f"caps@{name}.test")
    capabilities = conn.ok("CAPABILITY")[0][0].decode().upper().split()
    conn.close()
    script = Script(FOLDER / name)
    runner = Runner(server, f"ana@{name}.test", script, capabilities)
    if runner.missing:
        pytest.skip(f"needs {' '.join(runner.missing)}")
    results = runner.run()
    wrong = [(name, line, command, why) for line, command, why in results if why]
    for row in wrong:
        print(*row, sep=" | ")
    print(f"{name}: {len(results) - len(wrong)} of {len(results)} commands agree")
    assert {(n, line) for n, line, _, _ in wrong} == {k for k in KNOWN if k[0] == name}
