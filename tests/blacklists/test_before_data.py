"""Black lists at the mx, before DATA: who is refused, who never is, and what a list costs that says nothing."""
import contextlib
import pathlib
import smtplib
import socket
import threading
import time
import urllib.request

import dns.rdatatype
import pytest

from lab import wait_for

HEAD = "$SOA 0 ns.bl.test host.bl.test 7 1h 10m 1w 5m\n$NS 0 ns.bl.test\n"
BAD = "127.0.0.2"  # every list has it (RFC 5782 5), and a client here can have it

LISTS = {
    "bl.test": ("ip4set", HEAD + ":127.0.0.2:listed\n127.0.0.2\n127.0.0.5 :4:a zombie\n127.0.0.6 :9:means nothing\n"),
    "wl.test": ("ip4set", HEAD + ":127.0.5.3:good\n127.0.0.2\n127.0.0.5\n"),
    "dbl.test": ("dnset", HEAD + ":127.0.0.2:listed\ntest\n.spam.example\n.xn--bcher-kva.example\nhost.mixed.example\n"),
}


@contextlib.contextmanager
def talk(p, source=BAD, helo="client.example.net"):
    s = smtplib.SMTP(timeout=30, source_address=(source, 0))
    s.connect("127.0.0.1", p.port("smtp"))
    s.ehlo(helo)
    try:
        yield s
    finally:
        s.close()


def rcpt(p, source=BAD, sender="stranger@good.example", to="ana@demo.test", **more):
    with talk(p, source, **more) as s:
        assert s.mail(sender)[0] == 250
        code, text = s.rcpt(to)
        return code, text.decode()


def metric(p, name, label=""):
    text = urllib.request.urlopen(f"http://127.0.0.1:{p.port('metrics')}/metrics", timeout=10).read().decode()
    return sum(int(line.split()[-1]) for line in text.splitlines() if line.startswith(name) and 'role="mx"' in line and label in line)


@pytest.fixture
def lists(own_platform, tmp_path):
    """lists("settings of blacklists", zones) gives a running platform with those mirrors."""
    def make(blacklists, *zones, more=""):
        tmp_path.chmod(0o755)
        for parent in tmp_path.parents:
            if parent.name.startswith("pytest"):
                parent.chmod(0o755)
        items = []
        for zone in zones:
            kind, text = LISTS[zone]
            file = pathlib.Path(tmp_path / zone)
            file.write_text(text)
            items.append(f'{{ zone = "{zone}"; type = "{kind}"; files = ["{file}"]; }}')
        p = own_platform(f"dnsbl: {{ lists = ( {', '.join(items)} ); }}; blacklists: {{ {blacklists} }}; {more}").start()
        for zone in zones:  # it answers before its lists are read
            probe = BAD if LISTS[zone][0] == "ip4set" else "test"
            wait_for(lambda: "listed" in p.posta("dnsbl", "query", probe, check=False).stdout, 20)
        return p
    return make


def test_client(lists):
    p = lists('trusted = []; lists = ( { zone = "bl.test"; results = ( '
              '{ codes = ["127.0.0.2"]; mx = "reject"; }, { codes = ["127.0.0.4"]; mx = "defer"; } ); } );', "bl.test")
    assert rcpt(p) == (550, f"5.7.1 {BAD} is listed by bl.test")
    assert rcpt(p, to="postmaster@demo.test")[0] == 250
    assert rcpt(p, source="127.0.0.5") == (451, "4.7.1 127.0.0.5 is listed by bl.test")
    assert rcpt(p, source="127.0.0.6")[0] == 250  # a code that nobody named
    assert rcpt(p, source="127.0.0.1")[0] == 250
    assert metric(p, "posta_mx_listed_total", 'action="reject"') == 2 and metric(p, "posta_mx_listed_total", 'action="defer"') == 1


def test_white_list(lists):
    p = lists('trusted = []; lists = ( { zone = "bl.test"; codes = ["127.0.0.2-127.0.0.4"]; mx = "reject"; }, '
              '{ zone = "wl.test"; white = true; codes = ["127.0.*.1-127.0.*.3"]; } );', "bl.test", "wl.test")
    assert rcpt(p)[0] == 250
    assert rcpt(p, source="127.0.0.5")[0] == 250


def test_names(lists):
    p = lists('trusted = []; lists = ( { zone = "dbl.test"; kinds = ["names"]; mx = "reject"; } );', "dbl.test")
    assert rcpt(p, sender="x@spam.example") == (550, "5.7.1 spam.example is listed by dbl.test")
    assert rcpt(p, sender="x@mail.SPAM.example") == (550, "5.7.1 mail.spam.example is listed by dbl.test")
    assert rcpt(p, helo="mail.spam.example")[0] == 550
    assert rcpt(p, helo="[127.0.0.2]")[0] == 250
    assert rcpt(p, sender="x@xn--bcher-kva.example")[0] == 550
    assert rcpt(p, sender="x@host.mixed.example")[0] == 250  # asked by its registered domain
    assert rcpt(p, sender="")[0] == 250
    assert rcpt(p)[0] == 250


def test_whole_host_names(lists):
    p = lists('trusted = []; lists = ( { zone = "dbl.test"; kinds = ["names"]; level = "both"; of = ["from"]; mx = "reject"; } );', "dbl.test")
    assert rcpt(p, sender="x@host.mixed.example")[0] == 550
    assert rcpt(p, sender="x@mixed.example")[0] == 250
    assert rcpt(p, sender="x@spam.example")[0] == 550
    assert rcpt(p, helo="spam.example")[0] == 250  # not asked of HELO


def test_never_trusted_networks_nor_scores(lists):
    """The demonstration's own networks are never asked; a list that only scores refuses nobody."""
    p = lists('lists = ( { zone = "bl.test"; mx = "reject"; }, { zone = "dbl.test"; kinds = ["names"]; mx = "reject"; } );',
              "bl.test", "dbl.test")
    assert rcpt(p)[0] == 250
    assert rcpt(p, sender="x@spam.example")[0] == 250
    p.stop()
    p.settings.write_text(p.settings.read_text().replace('mx = "reject"', 'score = 3.5').replace("blacklists: {", "blacklists: { trusted = [];"))
    p.start()
    assert rcpt(p)[0] == 250


def test_silent_list(lists):
    """Nobody answers: the mail is taken, a little later, and it is counted."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", 0))
        p = lists(f'trusted = []; time = "300ms"; lists = ( {{ zone = "bl.test"; mx = "reject"; servers = ["127.0.0.1:{s.getsockname()[1]}"]; }} );')
        began = time.monotonic()
        assert rcpt(p)[0] == 250
        assert 0.25 < time.monotonic() - began < 2
        assert metric(p, "posta_blacklist_failures_total", 'why="silent"') >= 1


NAMES = {("2.0.0.127.in-addr.arpa.", "PTR"): ["nowhere.example.", "host.spam.example."], ("host.spam.example.", "A"): ["127.0.0.2"],
         ("5.0.0.127.in-addr.arpa.", "PTR"): ["host.spam.example."]}  # which is another one's


@pytest.fixture
def resolver():
    """A resolver of NAMES; gives its address and the number of questions."""
    import dns.flags
    import dns.message
    import dns.rrset
    asked = []
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind(("127.0.0.1", 0))

    def serve():
        with contextlib.suppress(OSError):
            while True:
                data, peer = s.recvfrom(4096)
                q = dns.message.from_wire(data)
                name, kind = q.question[0].name, dns.rdatatype.to_text(q.question[0].rdtype)
                asked.append((str(name), kind))
                r = dns.message.make_response(q)
                for text in NAMES.get((str(name).lower(), kind), []):
                    r.answer.append(dns.rrset.from_text(name, 60, "IN", kind, text))
                s.sendto(r.to_wire(), peer)
    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield f"127.0.0.1:{s.getsockname()[1]}", asked
    s.close()


def test_name_of_the_address(lists, resolver):
    """Only a name that leads back counts: for lists, and in the Received field; asked once a connection."""
    at, asked = resolver
    p = lists('trusted = []; lists = ( { zone = "dbl.test"; kinds = ["names"]; of = ["rdns"]; mx = "reject"; } );', "dbl.test",
              more=f'mx: {{ resolvers = ["{at}"]; }};')
    assert rcpt(p) == (550, "5.7.1 host.spam.example is listed by dbl.test")
    assert rcpt(p, source="127.0.0.5")[0] == 250
    assert rcpt(p, source="127.0.0.7")[0] == 250
    del asked[:]
    with talk(p) as s:
        for _ in range(3):
            s.mail("a@good.example")
            s.rcpt("postmaster@demo.test")
            assert s.data(b"Subject: x\r\n\r\nhello\r\n")[0] == 250
    assert asked == [("2.0.0.127.in-addr.arpa.", "PTR"), ("nowhere.example.", "A"), ("host.spam.example.", "A")]
    c = p.imap("admin")
    c.select()
    got = c.fetch("1", "(BODY.PEEK[HEADER.FIELDS (RECEIVED)])")[1][0][1].decode()
    assert "from client.example.net (host.spam.example [127.0.0.2])" in " ".join(got.split())
    c.logout()


def test_silent_resolver(lists):
    """The name costs its time once; then nobody waits for a while."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", 0))
        p = lists('trusted = []; lists = ();', more=f'mx: {{ resolvers = ["127.0.0.1:{s.getsockname()[1]}"]; rdns_time = "400ms"; }};')
        began = time.monotonic()
        assert rcpt(p)[0] == 250
        assert 0.3 < time.monotonic() - began < 2
        began = time.monotonic()
        for _ in range(5):
            assert rcpt(p)[0] == 250
        assert time.monotonic() - began < 1.5
        assert metric(p, "posta_reverse_failures_total") == 1


def test_reload_under_load(lists):
    """The lists change while sessions ask the old ones."""
    p = lists('trusted = []; lists = ( { zone = "bl.test"; mx = "reject"; } );', "bl.test")
    assert rcpt(p)[0] == 550
    with talk(p) as s:
        s.mail("a@good.example")
        p.settings.write_text(p.settings.read_text().replace('mx = "reject"', 'mx = "score"'))
        text = p.conf.read_text().replace('mx = "reject"', 'mx = "score"')
        p.conf.write_text(text)
        p.process.send_signal(1)
        wait_for(lambda: rcpt(p)[0] == 250)
        assert s.rcpt("ana@demo.test")[0] == 550  # as it was when it was asked
