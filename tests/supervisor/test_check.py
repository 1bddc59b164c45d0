"""posta check names file, line, what is wrong and what to write instead."""
import json
import subprocess

import pytest

from lab import BUILD, ROOT

NODE = 'nodes: { demo: { hostname = "mx.demo.test";\n%s }; };\n'
ROWS = [
    # the golden rules
    (NODE % ('mx: {}; relay: {};'), 1, "mx and relay on one node mix incoming and outgoing mail; move one to another "
     "node, or write all_in_one = true;"),
    (NODE % ('mx: {}; submission: {};'), 1, "mx and submission on one node mix incoming and outgoing mail"),
    # addresses
    (NODE % ('mx: { smtp = ["127.0.0.1:20025", "127.0.0.1:20025"]; };'), 1, "127.0.0.1:20025 is given twice"),
    (NODE % ('mx: { smtp = ["localhost"]; };'), 2, 'write an address such as "127.0.0.1:25" or "[::1]:25"'),
    (NODE % ('mx: { smpt = ["127.0.0.1:20025"]; };'), 2, 'the role mx has no listener "smpt"; it has "smtp"'),
    (NODE % ('mx: { max_connections = 0; };'), 2, '"max_connections" is out of range; write a value from 1 to 1000000'),
    (NODE % ('mxx: { };'), 2, 'unknown setting or role "mxx"; write "mx" instead'),
    (NODE % (''), 1, "the node has no role; write for example monitor: { };"),
    (NODE % ('monitor: {};') + "stroe: { };", 3, 'unknown setting or role "stroe"; write "store" instead'),
    # settings of a role
    (NODE % ('store: {};') + 'store: { reserve = "abc"; };', 3, '"reserve" cannot have this value; write a size such as'),
    (NODE % ('monitor: {};') + 'dkim: { rotate = "1h"; };', 3, '"rotate" is no longer than "wait"; write rotate = "180d"'),
    (NODE % ('monitor: {};') + 'dkim: { keep = "1s"; };', 3, '"keep" is out of range'),
    (NODE % ('filter: {};') + 'reports: { from = "a b@example.net"; };', 3, 'is no plain address'),
    (NODE % ('filter: {};') + 'reports: { via = "192.0.2.5:587"; user = "r@example.net"; password = "x"; };', 3, 'write via_name = "smtp.example.net"'),
    # which node
    ("nodes: { a: { monitor: {}; }; b: { monitor: {}; }; };", 1, 'which node is this? write node = ...; or --node, one of "a", "b"'),
    ('node = "c"; nodes: { a: { monitor: {}; }; };', 1, 'there is no node "c"; write one of "a"'),
    ("data = 3;", 1, '"data" cannot have this value; write text in double quotes'),
    ("", None, 'setting "nodes" is missing'),
    # certificates
    (NODE % ('proxy: { imaps = ["127.0.0.1:20993"]; };'), 1, "a listener needs TLS; write tls: { certs"),
    (NODE % ('monitor: {};') + 'tls: { certs = ( { cert = "/nowhere/a.pem"; key = "/nowhere/b.pem"; } ); };', 3,
     "there is no file /nowhere/a.pem; write the whole path of a PEM file"),
    (NODE % ('monitor: {};') + 'tls: { certs = ( { cert = "/a" } ); };', 3, 'setting "key" is missing'),
]


def check(path, *more):
    return subprocess.run([BUILD / "posta", "check", "--config", path, *more], capture_output=True, text=True, timeout=30)


@pytest.mark.parametrize("text,line,words", ROWS, ids=[str(i) for i in range(len(ROWS))])
def test_complaint(tmp_path, text, line, words):
    path = tmp_path / "posta.conf"
    path.write_text(text)
    done = check(path)
    where = f"{path}:{line}: " if line else ""
    assert done.returncode == 1
    assert any(at.startswith(where) and words in at for at in done.stderr.splitlines()), done.stderr


def test_good(tmp_path):
    path = tmp_path / "posta.conf"
    path.write_text('nodes: { a: { all_in_one = true; mx: {}; relay: {}; submission: {}; store: {}; }; b: { monitor: {}; }; };')
    assert check(path, "--node", "a").returncode == 0
    done = check(path, "--node", "b", "--json")
    assert done.returncode == 0 and json.loads(done.stdout)["ok"] is True


def test_settings_are_listed():
    done = subprocess.run([BUILD / "posta", "check", "--settings"], capture_output=True, text=True, check=True)
    for words in ("nodes.<node>.mx: addresses", "standard port 25", "message_max", "drain"):
        assert words in done.stdout


def test_manual_has_every_setting():
    """docs/man/posta.conf.5.md: a row of the right group for each setting, with its default."""
    manual = (ROOT / "docs/man/posta.conf.5.md").read_text().replace("`", "").split("## Every setting")[1]
    lines = subprocess.run([BUILD / "posta", "check", "--settings"], capture_output=True, text=True, check=True).stdout.splitlines()
    group = rows = None
    for line, below in zip(lines, lines[1:]):
        if line.endswith(":") and not line.startswith(" "):
            group = f"\n**{line[:-1].removesuffix(', each')}**"
            assert group in manual
            rows = manual.split(group)[1].split("\n**")[0]
        elif below.startswith(" " * 20) and not line.startswith(" " * 20):
            default = below.split("; ")[-1].removesuffix(" by default").replace("none", "")
            assert f"\n| {line.split()[0]} | {default} |" in rows, (group, line, default)


def test_command_line():
    def run(*args):
        return subprocess.run([BUILD / "posta", *args], capture_output=True, text=True)
    assert run().returncode == 2 and run("--help").returncode == 0 and run("--version").returncode == 0
    assert run("chekc").returncode == 2 and "`posta --help` lists them" in run("chekc").stderr
    assert run("check", "--config").returncode == 2
    assert run("check", "more").returncode == 2
    names = [line.split()[0] for line in run("--help").stdout.splitlines() if line.startswith("  ")]
    assert "run" in names and "role" not in names
    for name in names:
        text = run(name, "--help").stdout
        assert text.startswith("usage: posta " + name) and "example" in text, name
