"""posta zone: what an operator types, and what is refused."""
import time

import pytest

from zones import Commands

EX = """$TTL 3d
@ SOA ns1 joe\\.doe.example.org. 2024010101 7200 900 86400 300
@ NS ns1
ns1 A 192.0.2.53
*.w 10 TXT "a;b\\"c"
$GENERATE 1-3 h$ A 192.0.2.$
"""


@pytest.fixture
def posta():
    c = Commands()
    yield c
    c.remove()


def test_a_zone_from_nothing(posta):
    assert "mended" in posta.run("zone", "add", "Example.ORG.", "--ns", "ns1.example.org,ns.example.net").stderr
    assert posta.serial("example.org") == 1
    posta.run("zone", "record", "add", "example.org", "ns1", "A", "192.0.2.53")
    posta.run("zone", "record", "add", "example.org", "www.example.org.", "aaaa", "2001:DB8::1", "--ttl", "60")
    posta.run("zone", "record", "add", "example.org", "@", "MX", "10", "mail")
    assert posta.records("example.org") == {
        ("@", "NS", "ns.example.net."), ("@", "NS", "ns1.example.org."), ("ns1", "A", "192.0.2.53"),
        ("www", "AAAA", "2001:db8::1"), ("@", "MX", "10 mail.example.org.")}
    assert posta.serial("example.org") == 4
    assert posta.run("zone", "check", "example.org").stdout == (
        "warning: example.org.: MX mail.example.org. has no address\nexample.org is fine\n")
    assert "example.org" in posta.run("zone", "list").stdout
    posta.run("zone", "delete", "example.org")
    assert posta.json("zone", "list") == []


@pytest.mark.parametrize("args, why", [
    (["www", "A", "192.0.2.256"], "192.0.2.256"),
    (["www", "NOSUCH", "x"], "no type"),
    (["www.example.net.", "A", "192.0.2.1"], "outside the zone"),
    (["a..b", "A", "192.0.2.1"], "no name"),
    (["b\u00fccher", "A", "192.0.2.1"], "xn--"),
    (["@", "SOA", "a b 1 2 3 4 5"], "posta zone set"),
    (["www", "RRSIG", "A 13 2 600 2026 2026 1 a. AA=="], "sign"),
    (["www", "A", "192.0.2.1", "--ttl", "5"], "ttl-min"),
    (["ns1", "CNAME", "x"], "CNAME"),
    (["@", "NS", "ns2"], "ns2"),
])
def test_what_is_wrong_is_not_stored(posta, args, why):
    posta.run("zone", "load", "example.org", posta.file("z", EX))
    before, serial = posta.records("example.org"), posta.serial("example.org")
    done = posta.run("zone", "record", "add", "example.org", *args, check=False)
    assert done.returncode == 1 and why in done.stderr, done.stderr
    assert (posta.records("example.org"), posta.serial("example.org")) == (before, serial)


@pytest.mark.parametrize("option, value, why", [
    ("--transfer", "10.0.0.0/33", "no network"), ("--notify", "somewhere", "no address"), ("--ttl", "-1", "number"),
    ("--ttl-min", "700", "between"), ("--ttl", "90000", "between"), ("--serial-policy", "lunar", "one of"), ("--primary", "a..b", "label"), ("--serial", "7", "by posta itself")])
def test_fields_are_judged(posta, option, value, why):
    posta.run("zone", "add", "example.org", "--ns", "ns.example.net")
    done = posta.run("zone", "set", "example.org", option, value, check=False)
    assert done.returncode == 1 and why in done.stderr, done.stderr


def test_fields_are_stored_in_one_form(posta):
    posta.run("zone", "add", "example.org", "--ns", "ns.example.net", "--transfer", "192.0.2.0/24, key:Second.Key",
              "--notify", "192.0.2.9,2001:db8::9@second.key", "--mailbox", "joe.doe@example.net")
    zone = posta.json("zone", "show", "example.org")
    assert zone["transfer"] == "192.0.2.0/24,key:second.key"
    assert zone["notify"] == "192.0.2.9:53,[2001:db8::9]:53@second.key"
    assert "joe\\.doe.example.net." in posta.run("zone", "export", "example.org").stdout


def test_load_takes_a_master_file(posta):
    path = posta.file("example.org.zone", EX)
    assert "6 records added" not in posta.run("zone", "check", path).stdout
    assert "(6 records added, 0 removed)" in posta.run("zone", "load", "example.org", path).stdout
    zone = posta.json("zone", "show", "example.org")
    assert zone["serial"] == 2024010101 and zone["refresh"] == 7200
    assert "SOA    ns1.example.org. joe\\.doe.example.org. 2024010101 " in posta.run("zone", "show", "example.org").stdout
    assert zone["mailbox"] == "joe.doe@example.org" and zone["ttl-max"] == 259200 and zone["ttl-min"] == 10
    assert ("*.w", "TXT", '"a;b\\"c"') in posta.records("example.org")
    # what is exported is what is loaded: nothing changes
    posta.run("zone", "export", "example.org", posta.dir / "out")
    assert "(0 records added, 0 removed)" in posta.run("zone", "load", "example.org", posta.dir / "out").stdout
    path.write_text(EX.replace("$GENERATE 1-3", "$GENERATE 2-4"))
    assert "(1 records added, 1 removed)" in posta.run("zone", "load", "example.org", path).stdout
    assert posta.serial("example.org") == 2024010102
    path.write_text(path.read_text().replace("2024010101 7200", "2024010200 7201"))
    posta.run("zone", "load", "example.org", path)
    assert posta.serial("example.org") == 2024010200 and posta.json("zone", "show", "example.org")["refresh"] == 7201


def test_load_refuses_a_file_with_mistakes(posta):
    posta.run("zone", "load", "example.org", posta.file("good", EX))
    before = posta.records("example.org")
    bad = posta.file("bad", EX + "x A 1\nexample.net. A 192.0.2.1\ny CNAME\n")
    done = posta.run("zone", "load", "example.org", bad, check=False)
    assert done.returncode == 1
    for line in (7, 8, 9):
        assert f"{bad}:{line}: " in done.stderr, done.stderr
    assert posta.records("example.org") == before
    checked = posta.run("zone", "check", bad, "--origin", "example.org", "--json", check=False)
    assert checked.returncode == 1 and f"{bad}:8: " in checked.stdout


def test_include_stays_in_its_folder(posta):
    outside = posta.file("secret", "secret\n")
    (posta.dir / "zones").mkdir()
    (posta.dir / "zones" / "hosts").write_text("a A 192.0.2.1\n")
    (posta.dir / "zones" / "link").symlink_to(outside)
    zone = posta.dir / "zones" / "example.org"
    zone.write_text(EX + "$INCLUDE hosts\n")
    assert posta.run("zone", "check", zone).stdout.endswith("is fine\n")
    for name in ("../secret", str(outside), "link", "absent", "/dev/zero"):
        zone.write_text(EX + f"$INCLUDE {name}\n")
        done = posta.run("zone", "check", zone, check=False)
        assert done.returncode == 1 and f"{zone}:7: " in done.stdout, (name, done.stdout)


def test_edit(posta):
    posta.run("zone", "load", "example.org", posta.file("z", EX))
    add = posta.file("add", "#!/bin/sh\necho 'new A 192.0.2.77' >>\"$1\"\n")
    bad = posta.file("bad", "#!/bin/sh\necho 'new A' >>\"$1\"\n")
    add.chmod(0o755)
    bad.chmod(0o755)
    assert "unchanged" in posta.run("zone", "edit", "example.org", env={"EDITOR": "true", "VISUAL": ""}).stdout
    assert posta.serial("example.org") == 2024010101
    assert "(1 records added" in posta.run("zone", "edit", "example.org", env={"EDITOR": str(add), "VISUAL": ""}).stdout
    assert ("new", "A", "192.0.2.77") in posta.records("example.org")
    assert posta.serial("example.org") == 2024010102
    done = posta.run("zone", "edit", "example.org", env={"EDITOR": str(bad), "VISUAL": ""}, check=False)
    assert done.returncode == 1 and "what you wrote is in" in done.stderr


def test_remove_records(posta):
    posta.run("zone", "load", "example.org", posta.file("z", EX))
    posta.run("zone", "record", "add", "example.org", "h1", "A", "198.51.100.1")
    posta.run("zone", "record", "remove", "example.org", "h1", "a", "192.0.2.1")
    assert ("h1", "A", "198.51.100.1") in posta.records("example.org")
    assert "removed (1)" in posta.run("zone", "record", "remove", "example.org", "H1.example.org.").stdout
    assert posta.run("zone", "record", "remove", "example.org", "h1", check=False).returncode == 1
    done = posta.run("zone", "record", "remove", "example.org", "ns1", check=False)
    assert done.returncode == 1 and "nothing was changed" in done.stderr


def test_serials_by_date(posta):
    posta.run("zone", "add", "example.org", "--ns", "ns.example.net", "--serial-policy", "date")
    today = int(time.strftime("%Y%m%d00", time.gmtime()))
    assert today <= posta.serial("example.org") <= today + 100
    posta.run("zone", "record", "add", "example.org", "a", "A", "192.0.2.1")
    assert posta.serial("example.org") > today


def test_usage(posta):
    for args in ([], ["add"], ["frob"], ["record", "add", "example.org"], ["set", "example.org"]):
        assert posta.run("zone", *args, check=False).returncode == 2, args
    assert posta.run("zone", "show", "nowhere.example", check=False).returncode == 1
    assert "example:" in posta.run("zone", "--help").stdout
