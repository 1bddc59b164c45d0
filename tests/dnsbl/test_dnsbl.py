"""The mirror of black lists: the same answers as rbldnsd's, and files that change while it answers."""
import gzip
import ipaddress
import json
import os
import pathlib
import random
import sys
import threading
import time
import urllib.request

import pytest

from lab import SANITIZED, wait_for

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from rbl import Rbldnsd, ask_all, big_dnset, big_ip4set, nibbles, question, reverse  # noqa: E402

HEAD = "$SOA 0 ns.bl.test host.bl.test 7 1h 10m 1w 5m\n$NS 0 ns.bl.test\n"


def readable(folder):
    """The role's own user reads lists there."""
    folder.chmod(0o755)
    for parent in folder.parents:
        if parent.name.startswith("pytest"):
            parent.chmod(0o755)


@pytest.fixture
def mirror(own_platform, tmp_path):
    """mirror([(zone, type, text)], "more settings of each list") gives a running platform and the files."""
    def make(lists, more="", settings='check = "100ms"; settle = "0";'):
        readable(tmp_path)
        files, items = [], []
        for i, (zone, kind, text) in enumerate(lists):
            file = tmp_path / f"list-{i}"
            file.write_text(text)
            files.append(file)
            items.append(f'{{ zone = "{zone}"; type = "{kind}"; files = ["{file}"]; {more} }}')
        p = own_platform(f"dnsbl: {{ {settings} lists = ( {', '.join(items)} ); }};").start()
        return p, files
    return make


def replace(file, text):
    """As rsync does it: beside, then renamed."""
    new = file.with_suffix(".tmp")
    new.write_text(text)
    new.rename(file)


def lists(p):
    return json.loads(p.posta("dnsbl", "--json").stdout)["lists"]


def listed(p, *names, kind="A"):
    return [bool(a and a[0] == 0 and a[1]) for a in ask_all(p.port("dnsbl"), [(n, kind) for n in names])]


def metric(p, name):
    text = urllib.request.urlopen(f"http://127.0.0.1:{p.port('metrics')}/metrics", timeout=10).read().decode()
    return sum(int(line.split()[-1]) for line in text.splitlines() if line.startswith(name) and 'role="dnsbl"' in line)


def compare(p, rbldnsd, questions):
    a_zone = list({name.split(".", name.count(".") - 1)[-1]: (name, kind) for name, kind in questions}.values())
    wait_for(lambda: all(a and a[0] != 2 for a in ask_all(p.port("dnsbl"), a_zone)), 60)  # it answers before its lists are read
    ours, theirs = ask_all(p.port("dnsbl"), questions), ask_all(rbldnsd.port, questions)
    assert None not in theirs and None not in ours
    different = [(q, a, b) for q, a, b in zip(questions, ours, theirs) if a != b]
    assert not different, f"{len(different)} differ:\n" + "\n".join(f"{q} ours {a} theirs {b}" for q, a, b in different[:40])
    return sum(1 for a in ours if a[1])


def test_same_answers_over_a_million_entries(mirror):
    entries = 100_000 if SANITIZED else 1_000_000
    text, asked = big_ip4set(entries)
    p, _ = mirror([("bl.test", "ip4set", HEAD + text)])
    with Rbldnsd({"bl.test": [("ip4set", HEAD + text)]}) as theirs:
        some = compare(p, theirs, [(f"{name}.bl.test", kind) for name, kind in asked])
    assert len(asked) >= 10_000 and some > 4000


def test_same_answers_over_names(mirror):
    text, asked = big_dnset(20_000 if SANITIZED else 200_000)
    p, _ = mirror([("dbl.test", "dnset", HEAD + text)])
    with Rbldnsd({"dbl.test": [("dnset", HEAD + text)]}) as theirs:
        assert compare(p, theirs, [(f"{name}.dbl.test", kind) for name, kind in asked]) > 2000


SMALL = {
    "set.test": ("ip4set", HEAD + """
$1 See http://x.example
$2 for details
# a comment
127.0.0.2 $1/spammer/$ $2
127.0.0.3  $1/relay/$ $2
127.0.0.4  This wants some $$$$.  $1/$
:127.0.0.5:default $
10.0.0.0/8
!10.1
10.1.2.0/24 :6:
10.1.2.3 :7
10.1.2.3 :8:two values
172.16-31
192.168.0.200-192.168.2.3 ; a range
1.2.3.4/30
"""),
    "base.test": ("ip4set", HEAD + """
$= See http://www.example.com/bl?$= ($) for details
127.0.0.2 r123
127.0.0.3
127.0.0.4 =See other blocklists for details about $
"""),
    "trie.test": ("ip4trie", HEAD + """
:3:trie $
10.0.0.0/8
10.0.0.0/9 :4:nine $
!10.0.0.0/10
10.0.0.1 :5
10.0.0.1 :9
192.0.2.0/25
"""),
    "tset.test": ("ip4tset", HEAD + ":7:all $\n1.2.3.4\n1.2.3.5\n127.0.0.2\n"),
    "six.test": ("ip6trie", HEAD + """
:3:six $
2001:db8/32
2001:db8:1/48 :4:one
!2001:db8:1::9
::1
::ffff:7f00:2
"""),
    "sixset.test": ("ip6tset", HEAD + ":6:set $\n2001:20fe:23:41ed\nabac:adab:ad00:42f\n!abac:adab:ad00:42f::2\n"),
    "names.test": ("dnset", HEAD + """
:2:$ is listed
a.example
*.b.example
.c.example :3:see $
!x.c.example
y.x.c.example
test
"""),
    "all.test": ("combined", """
$NS 1w ns1.ex.com ns2.ex.com
$SOA 1w ns1.ex.com admin.ex.com 5 2h 2h 1w 1h
$TTL 1h
$DATASET ip4set:proxy proxies @
:2:Open proxy, see http://bl.ex.com/proxy/$
127.0.0.2
127.0.0.10
$DATASET ip4set:relay relays @
:3:Open relay, see http://bl.ex.com/relay/$
127.0.0.2
127.0.2.10
$DATASET dnset names
.a.example
$DATASET generic:common proxies relays @
@ A 127.0.0.8
www 300 A 127.0.0.8
about TXT "some text"
@ MX 10 mx.ex.com
"""),
}


def small_questions():
    r = random.Random(3)
    ips = ["127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.0.4", "127.0.0.10", "127.0.2.10", "10.0.0.0", "10.0.0.1", "10.0.0.2", "10.1.0.0",
           "10.1.2.2", "10.1.2.3", "10.1.255.255", "10.2.0.0", "10.63.255.255", "10.64.0.0", "10.128.0.0", "11.0.0.0", "172.15.255.255",
           "172.16.0.0", "172.31.255.255", "172.32.0.0", "192.168.0.199", "192.168.0.200", "192.168.1.77", "192.168.2.3", "192.168.2.4",
           "1.2.3.3", "1.2.3.4", "1.2.3.5", "1.2.3.7", "1.2.3.8", "192.0.2.0", "192.0.2.127", "192.0.2.128", "255.255.255.255", "0.0.0.0"]
    sixes = ["::1", "::2", "::ffff:7f00:2", "2001:db8::", "2001:db8:1::1", "2001:db8:1::9", "2001:db8:2::9", "2001:db9::",
             "2001:20fe:23:41ed::1", "2001:20fe:23:41ee::1", "abac:adab:ad00:42f::1", "abac:adab:ad00:42f::2"]
    names = ["a.example", "q.a.example", "b.example", "q.b.example", "r.q.b.example", "c.example", "q.c.example", "x.c.example", "q.x.c.example",
             "y.x.c.example", "z.y.x.c.example", "example", "test", "www", "about", "WWW", "A.Example"]
    words = [reverse(ip) for ip in ips] + [nibbles(ipaddress.ip_address(s).packed) for s in sixes] + names
    words += ["2.0.127", "2.0.0.127.9", "x.2.0.0.127", "300.0.0.127", "1.2"]
    words += [f"{w}.{sub}" for w in ("2.0.0.127", "10.0.0.127", "10.2.0.127", "www", "a.example", "q.a.example") for sub in ("proxies", "relays", "names", "other")]
    out = [(f"{w}.{zone}", kind) for zone in SMALL for w in words for kind in ("A", "TXT", "ANY")]
    out += [(zone, kind) for zone in SMALL for kind in ("A", "SOA", "NS")]
    r.shuffle(out)
    return out


def test_same_answers_of_every_type_of_list(mirror):
    p, _ = mirror([(zone, kind, text) for zone, (kind, text) in SMALL.items()])
    with Rbldnsd({zone: [spec] for zone, spec in SMALL.items()}) as theirs:
        assert compare(p, theirs, small_questions()) > 200


def test_several_lists_of_one_zone(mirror):
    one, two = ("ip4set", HEAD + ":2:one\n127.0.0.2\n10.0.0.1\n"), ("ip4trie", ":3:two\n127.0.0.2\n10.0.0/24\n")
    p, _ = mirror([("bl.test", *one), ("bl.test", *two)])
    with Rbldnsd({"bl.test": [one, two]}) as theirs:
        compare(p, theirs, [(f"{reverse(ip)}.bl.test", k) for ip in ("127.0.0.2", "10.0.0.1", "10.0.0.2", "10.0.1.1") for k in ("A", "TXT", "ANY")])


def test_swap_loses_no_question(mirror):
    """The file is replaced again and again while questions come; each has its answer, and it is always one of the two."""
    p, (file,) = mirror([("bl.test", "ip4set", HEAD + ":2:\n127.0.0.2\n")], more="max_shrink = 100;")
    stop, loads = threading.Event(), metric(p, "posta_dnsbl_loads_total")

    def swap():
        n = 0
        while not stop.is_set():
            n += 1
            replace(file, HEAD + f":{n % 2 + 2}:\n127.0.0.2\n" + "".join(f"10.{n % 250}.{i}.1\n" for i in range(200)))
            time.sleep(0.15)
    thread = threading.Thread(target=swap)
    thread.start()
    try:
        end, asked = time.monotonic() + 6, 0
        while time.monotonic() < end:
            answers = ask_all(p.port("dnsbl"), [("2.0.0.127.bl.test", "A")] * 2000)
            asked += len(answers)
            assert None not in answers
            assert all(len(a[1]) == 1 and next(iter(a[1]))[2] in (b"\x7f\0\0\2", b"\x7f\0\0\3") for a in answers)
    finally:
        stop.set()
        thread.join()
    assert asked > 10_000 and metric(p, "posta_dnsbl_loads_total") - loads >= 5


def test_half_written_files_are_not_loaded(mirror):
    p, (file,) = mirror([("bl.test", "ip4set", HEAD + "127.0.0.2\n10.0.0.1\n")], more='end = "# END";' * 0)
    file.write_text(HEAD + "127.0.0.2\n10.0.0.1\n10.0.0.")  # cut within a line
    wait_for(lambda: lists(p)[0]["alarms"] == ["broken"])
    assert listed(p, "1.0.0.10.bl.test") == [True]
    replace(file, HEAD + "127.0.0.2\n10.0.0.1\n10.0.0.2\n")
    wait_for(lambda: listed(p, "2.0.0.10.bl.test") == [True])
    assert lists(p)[0]["alarms"] == []
    assert "does not end with a whole line" in p.log_text()


def test_marker_of_the_end_and_gzip(mirror, tmp_path):
    p, (file,) = mirror([("bl.test", "ip4set", HEAD + "127.0.0.2\n10.0.0.1\n# END\n")], more='end = "# END";')
    assert listed(p, "1.0.0.10.bl.test") == [True]
    replace(file, HEAD + "127.0.0.2\n10.0.0.1\n10.0.0.2\n")
    wait_for(lambda: "broken" in lists(p)[0]["alarms"])
    packed = gzip.compress((HEAD + "127.0.0.2\n10.0.0.3\n10.0.0.4\n# END\n").encode())
    new = tmp_path / "packed"
    new.write_bytes(packed)
    new.rename(file)
    wait_for(lambda: listed(p, "3.0.0.10.bl.test") == [True])
    new.write_bytes(packed[:-12])  # a compressed file that is cut
    new.rename(file)
    wait_for(lambda: "broken" in lists(p)[0]["alarms"])
    assert listed(p, "3.0.0.10.bl.test") == [True]


def test_a_list_that_shrinks_is_kept_until_it_is_accepted(mirror):
    many = HEAD + "127.0.0.2\n" + "".join(f"10.0.0.{i}\n" for i in range(100))
    p, (file,) = mirror([("bl.test", "ip4set", many)])
    replace(file, HEAD + "127.0.0.2\n10.0.0.1\n")
    wait_for(lambda: lists(p)[0]["alarms"] == ["shrink"])
    assert listed(p, "77.0.0.10.bl.test") == [True]
    assert "posta dnsbl accept bl.test" in p.log_text()
    assert metric(p, "posta_dnsbl_alarms") == 1
    p.posta("dnsbl", "accept", "bl.test")
    wait_for(lambda: listed(p, "77.0.0.10.bl.test", "1.0.0.10.bl.test") == [False, True])
    assert lists(p)[0]["alarms"] == []


def test_old_expired_future_and_lying_lists_raise_alarms(mirror):
    p, files = mirror([("old.test", "ip4set", HEAD + "127.0.0.2\n"),
                       ("gone.test", "ip4set", HEAD + "$TIMESTAMP 2020:01:01 +1d\n127.0.0.2\n"),
                       ("future.test", "ip4set", HEAD + "$TIMESTAMP 2999:01:01\n127.0.0.2\n"),
                       ("all.test", "ip4set", HEAD + "0/0\n")], more='max_age = "1h";')
    os.utime(files[0], (time.time() - 7200, time.time() - 7200))
    wait_for(lambda: [x["alarms"] for x in lists(p)] == [["age"], ["expired"], ["broken"], ["test"]])
    answers = ask_all(p.port("dnsbl"), [(f"2.0.0.127.{zone}.test", "A") for zone in ("old", "gone", "future", "all")])
    assert [a[0] for a in answers] == [0, 2, 2, 0]  # SERVFAIL is not "not listed"


def test_strangers_and_malformed_questions(own_platform):
    import socket
    p = own_platform('dnsbl: { networks = ["127.0.0.1/32"]; lists = (); };').start()
    with socket.socket(type=socket.SOCK_DGRAM) as s:
        s.bind(("127.0.0.9", 0))
        s.settimeout(2)
        s.sendto(question(1, "2.0.0.127.bl.test"), ("127.0.0.1", p.port("dnsbl")))
        assert s.recv(512)[3] & 15 == 5
        for bad in (b"", b"\0" * 11, question(1, "x.test")[:-3]):
            s.sendto(bad, ("127.0.0.1", p.port("dnsbl")))
        answer = s.recv(512)
        assert answer[3] & 15 == 1 and len(answer) <= len(question(1, "x.test")) - 3
        s.sendto(bytes(2) + b"\x80" + question(1, "x.test")[3:], ("127.0.0.1", p.port("dnsbl")))
        s.settimeout(0.3)
        with pytest.raises(socket.timeout):
            s.recv(512)


def test_check_tells_bad_lines(tmp_path, platform):
    file = tmp_path / "list"
    file.write_text("127.0.0.2\nnonsense\n10.0.0.1/33\n")
    done = platform.posta("dnsbl", "check", "--type", "ip4set", file, check=False)
    assert done.returncode == 1 and f"{file}:2: no address" in done.stderr and "1 entries" in done.stdout
    assert platform.posta("dnsbl", "check", "--type", "nothing", file, check=False).returncode == 2


def test_tcp(mirror):
    import socket
    p, _ = mirror([("bl.test", "ip4set", HEAD + "127.0.0.2\n")])
    with socket.create_connection(("127.0.0.1", p.port("dnsbl")), 2) as s:
        for number in (1, 2):
            q = question(number, "2.0.0.127.bl.test")
            s.sendall(len(q).to_bytes(2, "big") + q)
            n = int.from_bytes(s.recv(2), "big")
            assert s.recv(n)[:2] == number.to_bytes(2, "big")


def test_lists_that_are_asked_and_one_that_lies(own_platform, tmp_path):
    """posta dnsbl query asks the mirror; a list that lists everybody is put aside with an alarm."""
    (tmp_path / "lie").write_text(HEAD + "0/0\n")
    readable(tmp_path)
    (tmp_path / "good").write_text(HEAD + "127.0.0.2\n192.0.2.1\n192.0.2.9 :9\n")
    p = own_platform(f"""dnsbl: {{ lists = ( {{ zone = "lie.test"; type = "ip4set"; files = ["{tmp_path}/lie"]; }},
          {{ zone = "good.test"; type = "ip4set"; files = ["{tmp_path}/good"]; }} ); }};
        blacklists: {{ test = "200ms"; lists = ( {{ zone = "lie.test"; }}, {{ zone = "good.test"; codes = ["127.0.0.2-127.0.0.4"]; }} ); }};""").start()

    def answers(ip):
        done = p.posta("dnsbl", "query", ip, "--json", check=False)
        return {a["list"]: a["answer"] for a in json.loads(done.stdout)}, done.returncode
    assert answers("192.0.2.1") == ({"lie.test": "listed", "good.test": "listed"}, 1)
    assert answers("192.0.2.9")[0]["good.test"] == "a code that means nothing"
    text = wait_for(lambda: "posta_blacklist_aside{role=\"mx\"} 1" in urllib.request.urlopen(
        f"http://127.0.0.1:{p.port('metrics')}/metrics", timeout=10).read().decode())
    assert text and "lists what every list leaves out" in p.log_text()


def test_list_by_zone_transfer(own_platform):
    """The primary is this platform's own dns: wildcards count, as in zones of lists; a restart serves from the file."""
    p = own_platform()
    key = "hmac-sha256:lists.:c2VjcmV0LW9mLWxpc3Rz"
    p.settings.write_text(f"""dns: {{ keys = ( {{ name = "lists."; algorithm = "hmac-sha256"; secret = "c2VjcmV0LW9mLWxpc3Rz"; }} ); }};
        dnsbl: {{ check = "100ms"; settle = "0"; lists = ( {{ zone = "xbl.test"; type = "zone"; primaries = ["127.0.0.1:{p.port('dns')}"];
            key = "{key}"; }} ); }};""")
    p.start()
    p.posta("zone", "add", "xbl.test", "--transfer", "127.0.0.1,key:lists.")
    for name, kind, data in (("@", "NS", "ns.demo.test."), ("2.0.0.127", "A", "127.0.0.2"), ("2.0.0.127", "TXT", '"Listed"'),
                             ("*.2.0.192", "A", "127.0.0.4")):
        p.posta("zone", "record", "add", "xbl.test", name, kind, data)
    p.stop()
    p.start()  # a list is asked for at the start, and then as its SOA says
    wait_for(lambda: listed(p, "2.0.0.127.xbl.test") == [True], 30)
    assert listed(p, "2.0.0.127.xbl.test", "77.2.0.192.xbl.test", "1.0.0.127.xbl.test", "7.3.0.192.xbl.test") == [True, True, False, False]
    assert ask_all(p.port("dnsbl"), [("2.0.0.127.xbl.test", "TXT")])[0][1]
    assert (p.dir / "data/dnsbl/xbl.test.list").read_text().startswith("$SOA")
