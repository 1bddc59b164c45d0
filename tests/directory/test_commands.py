"""posta tenant, domain, alias, user: what an operator types. No platform runs here: the commands alone."""
import csv
import fcntl
import io
import json
import os
import pathlib
import pty
import shutil
import sqlite3
import subprocess
import tempfile

import pytest

from lab import BUILD

HASH = "$y$j9T$F5Jx5fExrKuPp53xLKQ..1$X3DX6M94c7o.9agCG9G317fhZg9SqC.5i5rd.RhAtQ7"


class Commands:
    def __init__(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="posta-cmd-"))
        self.conf = self.dir / "posta.conf"
        self.conf.write_text(f'data = "{self.dir}/data"; run = "{self.dir}/run";\n'
                             'nodes: { n: { all_in_one = true; monitor: { }; }; };\n')

    def __call__(self, *args, input="", code=0):
        """Standard output of a command that ends with this code."""
        done = subprocess.run([BUILD / "posta", *map(str, args)], text=True, input=input, capture_output=True,
                              timeout=120, env=dict(os.environ, POSTA_CONF=str(self.conf)))
        assert done.returncode == code, (args, done.stdout, done.stderr)
        self.complaint = done.stderr
        return done.stdout

    def json(self, *args, **kw):
        return json.loads(self(*args, "--json", **kw))

    @property
    def changes(self):
        with sqlite3.connect(self.dir / "data/directory/directory.db") as db:
            return db.execute("SELECT value FROM counters").fetchone()[0]


@pytest.fixture
def posta():
    c = Commands()
    yield c
    shutil.rmtree(c.dir)


@pytest.fixture
def demo(posta):
    posta("domain", "add", "demo.test")
    posta("user", "add", "ana@demo.test", "--password-stdin", input="ana-secret\n")
    return posta


def test_a_domain_from_nothing_to_nothing(posta):
    posta("domain", "list", code=1)
    assert "begin with: posta domain add" in posta.complaint
    posta("domain", "add", "Demo.Test", "--quota", "1G")
    assert posta.json("domain", "show", "demo.test")["quota"] == 1 << 30
    posta("user", "add", "ana@demo.test")
    assert posta.json("user", "show", "ana@demo.test")["quota"] == 1 << 30
    posta("domain", "remove", "demo.test", code=1)
    assert "still has 1 users" in posta.complaint
    posta("user", "remove", "ana@demo.test")
    posta("domain", "remove", "demo.test")
    assert posta.json("domain", "list") == []


@pytest.mark.parametrize("args, code, says", [
    (["user", "add", "bruno@demo.test", "--quota", "abc"], 1, "is not a size"),
    (["user", "set", "ana@demo.test", "--quota", "-5"], 1, "is not a size"),
    (["user", "set", "ana@demo.test", "--spam-level", "99"], 1, "very-strict"),
    (["user", "set", "ana@demo.test", "--state", "gone"], 1, "home, moving"),
    (["user", "set", "ana@demo.test", "--epoch", "4"], 1, "kept by posta itself"),
    (["user", "set", "ana@demo.test"], 2, "say what to set"),
    (["user", "set", "ana@demo.test", "--quot", "1G"], 2, "no option --quot"),
    (["user", "set", "ana@demo.test", "--quota"], 2, "lacks its value"),
    (["user", "set", "nobody@demo.test", "--quota", "1G"], 1, "no user nobody@demo.test"),
    (["user", "add", "ana@nowhere.test"], 1, "no domain nowhere.test"),
    (["user", "add", "ANA@demo.test"], 1, "already"),
    (["user", "add", "not an address"], 1, "is not an address"),
    (["user", "add", "x@demo.test", "--hash", "garbage"], 2, "no form of hash"),
    (["user", "add", "x@demo.test", "--chap"], 2, "needs a password"),
    (["user", "add", "x@demo.test", "y@demo.test"], 2, "does not take"),
    (["user", "password", "ana@demo.test"], 2, "give a password"),
    (["user", "list", "nowhere.test"], 1, "no domain nowhere.test"),
    (["user", "contact", "ana@demo.test", "add", "x"], 1, "is not an address"),
    (["user", "allow", "ana@demo.test", "remove", "x@y.example"], 1, "is not in the list"),
    (["user", "frobnicate"], 2, 'no "user frobnicate"'),
    (["domain", "add", "demo.test"], 1, "already"),
    (["domain", "add", "-x-.test"], 1, "not a domain name"),
    (["domain", "set", "demo.test", "--tenant", "north"], 1, "no tenant north"),
    (["domain", "set", "demo.test", "--alias-of", "demo.test"], 1, "alias itself"),
    (["alias", "add", "sales@demo.test"], 2, "needs more"),
    (["alias", "add", "sales@demo.test", "gone@demo.test"], 1, "does not exist"),
    (["alias", "add", "ana@demo.test", "x@y.example"], 1, "there is a user"),
    (["alias", "remove", "sales@demo.test"], 1, "no alias"),
    (["tenant", "add", "a@b"], 1, "not a name"),
])
def test_bad_input_gets_a_line_and_changes_nothing(demo, args, code, says):
    before = demo.changes
    assert demo(*args, code=code) == ""
    assert says in demo.complaint
    assert len(demo.complaint.splitlines()) == (2 if code == 2 else 1)
    assert demo.changes == before
    if code == 1:
        assert says in demo.json(*args, code=1)["error"]


def test_settings_of_a_user(demo):
    demo("user", "set", "ana@demo.test", "--name", "Ana Ñandú", "--quota", "2G", "--admin", "--forward",
         "x@y.example,z@y.example", "--vacation", "--vacation-text", "gone\nfishing", "--vacation-from", "2026-12-24",
         "--dialup", "--dialup-address", "192.0.2.1")
    u = demo.json("user", "show", "ana@demo.test")
    assert (u["name"], u["quota"], u["admin"], u["vacation"]) == ("Ana Ñandú", 2 << 30, True, True)
    assert u["forward"] == "x@y.example,z@y.example" and u["vacation-text"] == "gone\nfishing"
    assert u["vacation-from"] == "2026-12-24" and u["dialup-address"] == "192.0.2.1" and u["epoch"] == 1
    demo("user", "set", "ana@demo.test", "--admin", "no", "--backend", "old-cyrus")
    u = demo.json("user", "show", "ana@demo.test")
    assert not u["admin"] and u["epoch"] == 2
    demo("user", "set", "ana@demo.test", "--backend", "old-cyrus")
    assert demo.json("user", "show", "ana@demo.test")["epoch"] == 2  # the same place is no move


def test_lists(demo):
    demo("user", "contact", "ana@demo.test", "add", "Friend@x.example", "A Friend")
    demo("user", "block", "ana@demo.test", "add", "@spam.example")
    demo("user", "allow", "ana@demo.test", "add", "ok@spam.example")
    assert demo.json("user", "contact", "ana@demo.test", "list") == [{"entry": "friend@x.example", "name": "A Friend"}]
    assert demo("user", "block", "ana@demo.test", "list") == "@spam.example\n"
    demo("user", "allow", "ana@demo.test", "add", "@spam.example")  # the later one stands
    assert demo("user", "block", "ana@demo.test", "list") == ""
    demo("user", "contact", "ana@demo.test", "remove", "friend@x.example")
    assert demo.json("user", "contact", "ana@demo.test", "list") == []


def test_aliases(demo):
    demo("alias", "add", "sales@demo.test", "ana@demo.test", "out@x.example")
    demo("alias", "add", "@demo.test", "ana@demo.test")
    assert demo.json("alias", "list", "demo.test") == [
        {"alias": "@demo.test", "targets": ["ana@demo.test"]},
        {"alias": "sales@demo.test", "targets": ["ana@demo.test", "out@x.example"]}]
    demo("alias", "set", "sales@demo.test", "ana@demo.test")
    assert demo.json("alias", "show", "sales@demo.test")["targets"] == ["ana@demo.test"]
    demo("alias", "remove", "@demo.test")
    assert len(demo.json("alias", "list")) == 1


def test_passwords(demo):
    secrets = demo.dir / "data/secrets/secrets.db"

    def crypt():
        with sqlite3.connect(secrets) as db:
            return db.execute("SELECT crypt FROM passwords WHERE user_id = 1").fetchone()

    first = crypt()[0]
    assert first.startswith("$y$")
    demo("user", "password", "ana@demo.test", "--password-stdin", input="other\n")
    assert crypt()[0] not in (first, "other")
    demo("user", "password", "ana@demo.test", "--hash", HASH)
    assert crypt()[0] == HASH
    with sqlite3.connect(secrets) as db:  # a ready hash has no verifier until a login shows the password
        assert db.execute("SELECT COUNT(*) FROM scram").fetchone() == (0,)
    demo("user", "password", "ana@demo.test", "--password", "visible")
    assert "can be seen" in demo.complaint
    demo("user", "password", "ana@demo.test", "--remove")
    assert crypt() is None
    demo("user", "password", "ana@demo.test", "--password-stdin", input="x" * 600 + "\n", code=1)
    for path in (demo.dir / "data").rglob("*.db"):
        assert b"ana-secret" not in path.read_bytes()


def test_app_passwords(demo):
    word = demo("user", "app-password", "ana@demo.test", "add", "phone", "imap").strip()
    assert len(word) == 24
    assert demo.json("user", "app-password", "ana@demo.test", "list")[0]["service"] == "imap"
    demo("user", "app-password", "ana@demo.test", "add", "phone", code=1)
    demo("user", "app-password", "ana@demo.test", "remove", "phone")
    assert demo.json("user", "app-password", "ana@demo.test", "list") == []


def test_rights_of_the_files(demo):
    data = demo.dir / "data"
    assert (data / "directory/directory.db").stat().st_mode & 0o777 == 0o640
    assert (data / "secrets/secrets.db").stat().st_mode & 0o777 == 0o660
    assert (data / "secrets").stat().st_mode & 0o007 == 0
    assert (data / "secrets/secret.key").stat().st_size == 32


# ---- CSV ----

def test_export_comes_back(demo):
    demo("user", "set", "ana@demo.test", "--name", 'Ana "the first", of her name', "--vacation-text", "two\nlines")
    text = demo("user", "export", "--hashes")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert rows[0]["address"] == "ana@demo.test" and rows[0]["hash"].startswith("$y$")
    assert rows[0]["name"] == 'Ana "the first", of her name'
    before = demo.json("user", "show", "ana@demo.test")
    demo("user", "remove", "ana@demo.test")
    demo("user", "import", "-", input=text)
    after = demo.json("user", "show", "ana@demo.test")
    assert {**after, "id": 0} == {**before, "id": 0} and after["id"] > before["id"]
    assert demo("user", "export", "--hashes") == text


@pytest.mark.parametrize("text, says", [
    ("", "the file is empty"),
    ("name\nx\n", 'line 1: the first line must name the columns'),
    ("address,shoe-size\na@demo.test,42\n", 'line 1: "shoe-size" is no column'),
    ("address,address\n", "line 1"),
    ("address\nx@demo.test\nana@demo.test\n", "line 3: there is a user ana@demo.test already"),
    ("address\nx@demo.test\nx@nowhere.test\n", "line 3: there is no domain nowhere.test"),
    ("address,quota\nx@demo.test,1G\ny@demo.test,abc\n", 'line 3: quota: "abc" is not a size'),
    ("address,name\nx@demo.test,\"a\nb\"\nbad\n", "line 4: 1 fields, but the first line names 2"),
    ("address,hash\nx@demo.test,garbage\n", "line 2: hash: no form"),
    ("address,hash,password\nx@demo.test,%s,word\n" % HASH, "line 2: a password and a hash"),
    ('address\nx@demo.test"\n', "line 2: a quote"),
    ('address\n"x@demo.test\n', "line 2: a quote"),
    ("address\n" + "x" * 300000, "line 2: a record of more than"),
], ids=range(13))
def test_a_bad_import_imports_nothing(demo, text, says):
    demo("user", "import", "-", input=text, code=1)
    assert says in demo.complaint
    assert len(demo.json("user", "list")) == 1


def test_import_of_hashes_and_passwords(demo):
    lines = ["\ufeffaddress,hash,password,name,quota"]
    lines += [f"h{i}@demo.test,{HASH},,Hash {i},1G" for i in range(500)]
    lines += ["{}@demo.test,{},,,".format("plain", "{PLAIN}some-word"), "clear@demo.test,,some-word,,"]
    assert demo.json("user", "import", "-", input="\r\n".join(lines) + "\r\n") == {"added": 502, "updated": 0}
    assert "hashed 2 passwords" in demo.complaint and "/s" in demo.complaint
    assert demo.json("user", "show", "h7@demo.test")["quota"] == 1 << 30
    with sqlite3.connect(demo.dir / "data/secrets/secrets.db") as db:
        assert db.execute("SELECT COUNT(*) FROM scram").fetchone() == (3,)  # ana and the two in clear
        assert db.execute("SELECT COUNT(*) FROM passwords WHERE crypt LIKE '%some-word%'").fetchone() == (0,)
    update = "address,quota\nh7@demo.test,2G\nnew@demo.test,\n"
    assert demo.json("user", "import", "-", "--update", input=update) == {"added": 1, "updated": 1}
    u = demo.json("user", "show", "h7@demo.test")
    assert u["quota"] == 2 << 30 and u["name"] == "Hash 7"


def test_import_shows_a_bar_on_a_terminal(demo):
    master, slave = pty.openpty()
    done = subprocess.run([BUILD / "posta", "user", "import", "-"], input=b"address\n" + b"".join(
        b"u%d@demo.test\n" % i for i in range(2000)), stdout=subprocess.DEVNULL, stderr=slave, timeout=60,
        env=dict(os.environ, POSTA_CONF=str(demo.conf)))
    os.close(slave)
    fcntl.fcntl(master, fcntl.F_SETFL, os.O_NONBLOCK)
    shown = os.read(master, 65536)
    os.close(master)
    assert done.returncode == 0 and b"importing [##" in shown and b"2000 of 2000" in shown


def test_a_locked_directory_says_so(demo):
    db = sqlite3.connect(demo.dir / "data/directory/directory.db", isolation_level=None)
    db.execute("BEGIN EXCLUSIVE")
    demo("user", "list", code=1)
    assert "in use by another command" in demo.complaint
    db.execute("ROLLBACK")
    demo("user", "list")
