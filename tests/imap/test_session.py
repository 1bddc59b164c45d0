"""What several sessions of one user see of each other, and what a client can do wrong. RFC 9051 sections named."""
import re
import threading
import time

import pytest

import lab
from raw import Raw

MAIL = b"From: Ana <ana@demo.test>\r\nTo: b@demo.test\r\nSubject: hello\r\nDate: Mon, 7 Feb 1994 21:52:25 -0800\r\n\r\nbody\r\n"


def fill(c, n, folder="INBOX"):
    for i in range(n):
        c.append(folder, MAIL.replace(b"hello", b"hello %d" % (i + 1)))


def test_idle_tells_news_at_once(connect, user):
    """RFC 9051 6.3.13"""
    a, b = connect(user), connect(user)
    a.ok("SELECT INBOX")
    a.send("i IDLE\r\n")
    assert a.line() == b"+ idling"
    b.append("INBOX", MAIL)
    assert a.line() == b"* 1 EXISTS"
    assert a.line() == b"* 1 RECENT"
    b.ok("SELECT INBOX")
    b.ok(r"STORE 1 +FLAGS (\Flagged)")
    line = a.line()
    assert line.startswith(b"* 1 FETCH (UID 1 FLAGS (") and rb"\Flagged" in line
    b.ok(r"STORE 1 +FLAGS (\Deleted)")
    a.line()
    b.ok("EXPUNGE")
    assert a.line() == b"* 1 EXPUNGE"
    a.send("DONE\r\n")
    assert a.line() == b"i OK Done"
    a.ok("NOOP")


def test_idle_without_a_folder_and_without_done(connect, user):
    a = connect(user)
    a.send("i IDLE\r\nDONE\r\n")
    assert a.until("i")[1].startswith(b"OK")
    a.ok("SELECT INBOX")
    a.send("i IDLE\r\nNOOP\r\n")
    assert a.until("i")[1] == b"BAD Expected DONE"


def test_many_idle_and_one_writes(connect, user):
    idle = [connect(user) for _ in range(50)]
    for c in idle:
        c.ok("SELECT INBOX")
        c.send("i IDLE\r\n")
        c.line()
    w = connect(user)
    for i in range(5):
        w.append("INBOX", MAIL)
    for c in idle:
        while b"* 5 EXISTS" not in c.line():
            pass
        c.send("DONE\r\n")
        assert c.until("i")[1].startswith(b"OK")


def test_an_idle_session_costs_little(connect, user):
    def rss():
        with open(f"/proc/{Raw.server_pid}/status") as f:
            return int(re.search(r"VmRSS:\s+(\d+)", f.read())[1])
    if lab.SANITIZED:
        pytest.skip("sanitizers keep what is freed")
    connect(user).append("INBOX", MAIL)
    before = rss()
    for _ in range(400):
        c = connect(user)
        c.ok("SELECT INBOX")
        c.ok("FETCH 1 BODY[]")
        c.send("i IDLE\r\n")
        c.line()
    assert rss() - before < 400 * 16


def test_expunge_is_held_back(connect, user):
    """7.5.1: not during FETCH, STORE, SEARCH; UID forms and NOOP may"""
    a, b = connect(user), connect(user)
    fill(a, 4)
    a.ok("SELECT INBOX")
    b.ok("SELECT INBOX")
    b.ok(r"STORE 2 +FLAGS.SILENT (\Deleted)")
    b.ok("EXPUNGE")
    for command in ("FETCH 1:4 FLAGS", "SEARCH ALL", r"STORE 3 +FLAGS (\Seen)"):
        assert not [x for x in a.ok(command)[0] if x.endswith(b"EXPUNGE")]
    assert [x for x in a.ok("FETCH 4 (UID)")[0] if b"4 FETCH (UID 4" in x]
    assert b"* 2 EXPUNGE" in a.ok("UID FETCH 1:* (FLAGS)")[0]
    assert [x for x in a.ok("FETCH 3 (UID)")[0] if b"3 FETCH (UID 4" in x]


def test_uid_sets_that_name_nothing(connect, user):
    """6.4.9: a UID that is not there is no error"""
    a = connect(user)
    a.ok("SELECT INBOX")
    assert a.ok("UID FETCH 1:* FLAGS")[0] == []
    assert a.ok("UID STORE 5 +FLAGS (x)")[0] == []
    assert a.ok("UID COPY 7 Sent")[0] == []
    assert a.cmd("FETCH 1 FLAGS")[1].startswith(b"BAD")
    fill(a, 3)
    a.ok("NOOP")
    assert len(a.ok("UID FETCH 1:4294967295 UID")[0]) == 3
    assert len(a.ok("UID FETCH 100:* UID")[0]) == 1
    assert a.cmd("FETCH 4 FLAGS")[1].startswith(b"BAD")


def test_copy_move_and_codes(connect, user):
    """6.4.7, 6.4.8; RFC 4315 3"""
    a = connect(user)
    fill(a, 3)
    a.ok("SELECT INBOX")
    assert a.cmd("COPY 1 Nowhere")[1].startswith(b"NO [TRYCREATE]")
    _, tagged = a.ok("COPY 1,3 Archive")
    assert re.match(rb"OK \[COPYUID \d+ 1,3 1:2\]", tagged)
    untagged, _ = a.ok("UID MOVE 2:3 Archive")
    assert re.match(rb"\* OK \[COPYUID \d+ 2:3 3:4\]", untagged[0])
    assert untagged[1:] == [b"* 2 EXPUNGE", b"* 2 EXPUNGE"]
    untagged, _ = a.ok("STATUS Archive (MESSAGES UIDNEXT)")
    assert untagged == [b'* STATUS "Archive" (MESSAGES 4 UIDNEXT 5)']


def test_uid_expunge_takes_what_is_named(connect, user):
    """RFC 4315 2.1"""
    a = connect(user)
    fill(a, 3)
    a.ok("SELECT INBOX")
    a.ok(r"STORE 1:2 +FLAGS.SILENT (\Deleted)")
    assert a.ok("UID EXPUNGE 2:3")[0] == [b"* 2 EXPUNGE"]
    assert a.ok("UID SEARCH ALL")[0] == [b"* SEARCH 1 3"]


def test_unselect_and_namespace(connect, user):
    """RFC 3691 2: deleted mails stay; RFC 2342 5"""
    a = connect(user)
    fill(a, 1)
    a.ok("SELECT INBOX")
    a.ok(r"STORE 1 +FLAGS.SILENT (\Deleted)")
    assert a.ok("UNSELECT")[0] == []
    assert a.cmd("FETCH 1 UID")[1].startswith(b"BAD")
    assert b"* 1 EXISTS" in a.ok("SELECT INBOX")[0]
    assert a.ok("NAMESPACE")[0] == [b'* NAMESPACE (("" "/")) NIL NIL']


def test_examine_changes_nothing(connect, user):
    a = connect(user)
    fill(a, 1)
    untagged, tagged = a.ok("EXAMINE INBOX")
    assert tagged.startswith(b"OK [READ-ONLY]")
    assert b"* OK [PERMANENTFLAGS ()] Flags that are kept" in untagged
    a.ok("FETCH 1 BODY[]")
    for command in (r"STORE 1 +FLAGS (\Seen)", "EXPUNGE", "MOVE 1 Trash"):
        assert a.cmd(command)[1].startswith(b"NO [READ-ONLY]")
    a.ok("CLOSE")
    a.ok("SELECT INBOX")
    assert b"* 1 FETCH (UID 1 FLAGS (\\Recent))" in a.ok("FETCH 1 FLAGS")[0]


def test_body_makes_seen_and_peek_does_not(connect, user):
    """6.4.5"""
    a = connect(user)
    fill(a, 2)
    a.ok("SELECT INBOX")
    assert rb"\Seen" not in a.ok("FETCH 1 (FLAGS BODY.PEEK[])")[0][0]
    reply = a.ok("FETCH 1:2 BODY[TEXT]<1.2>")[0]
    assert rb"FLAGS (\Seen \Recent)" in reply[0] and reply[1].endswith(b"BODY[TEXT]<1> {2}\r\nod)")
    assert a.ok("SEARCH SEEN")[0] == [b"* SEARCH 1 2"]


def test_condstore(connect, user):
    """RFC 7162 3.1"""
    a, b = connect(user), connect(user)
    fill(a, 3)
    b.ok("SELECT INBOX")
    untagged, _ = a.ok("SELECT INBOX (CONDSTORE)")
    high = int(re.search(rb"HIGHESTMODSEQ (\d+)", b"\n".join(untagged))[1])
    b.ok(r"STORE 2 +FLAGS (\Flagged)")
    untagged, _ = a.ok("NOOP")
    mod = int(re.search(rb"MODSEQ \((\d+)\)", untagged[0])[1])
    assert mod > high
    got = a.ok(f"FETCH 1:* (FLAGS) (CHANGEDSINCE {high})")[0]
    assert len(got) == 1 and b"MODSEQ (%d)" % mod in got[0]
    untagged, tagged = a.cmd(rf"STORE 1:3 (UNCHANGEDSINCE {high}) +FLAGS.SILENT (\Answered)")
    assert tagged.startswith(b"OK [MODIFIED 2]")
    assert len(untagged) == 2
    assert re.match(rb"\* SEARCH 2 \(MODSEQ %d\)" % mod, a.ok(f"SEARCH MODSEQ {mod} FLAGGED")[0][0])
    assert b" MIN 1 MODSEQ " in a.ok("SEARCH RETURN (MIN) MODSEQ 1 ALL")[0][0]  # RFC 4731 3.2
    status = re.search(rb"HIGHESTMODSEQ (\d+)", b.ok("STATUS INBOX (HIGHESTMODSEQ)")[0][0])
    assert int(status[1]) > mod


def test_search_results_saved_and_extended(connect, user):
    """6.4.4, 6.4.4.1; RFC 4731, 5182"""
    a = connect(user)
    fill(a, 5)
    a.ok("SELECT INBOX")
    assert re.fullmatch(rb'\* ESEARCH \(TAG "\w+"\) MIN 2 MAX 5 COUNT 4 ALL 2:5', a.ok("SEARCH RETURN (MIN MAX COUNT ALL) 2:*")[0][0])
    assert a.ok("SEARCH RETURN (SAVE) OR SUBJECT \"hello 2\" SUBJECT \"HELLO 4\"")[0] == []
    assert len(a.ok("FETCH $ UID")[0]) == 2
    assert a.ok("SEARCH $ 4:5")[0] == [b"* SEARCH 4"]
    assert a.ok("SEARCH NOT $")[0] == [b"* SEARCH 1 3 5"]
    assert a.cmd("SEARCH RETURN (SAVE) BOGUS")[1].startswith(b"BAD")
    a.ok("UID STORE $ +FLAGS.SILENT (x)")
    assert a.cmd("SEARCH CHARSET KOI8-R TEXT x")[1].startswith(b"NO [BADCHARSET")


def test_search_looks_into_text(connect, user):
    a = connect(user)
    a.append("INBOX", "Subject: =?UTF-8?Q?Gr=C3=BC=C3=9Fe?=\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=iso-8859-1\r\n"
             "Content-Transfer-Encoding: quoted-printable\r\n\r\nSch=F6ne Stra=DFe\r\n".encode())
    fill(a, 1)
    a.ok("SELECT INBOX")
    for key in ("SUBJECT", "BODY", "TEXT"):
        word = {"SUBJECT": "GRÜSSE", "BODY": "SCHÖNE", "TEXT": "grü"}[key].encode()
        if key == "SUBJECT":
            word = "GRÜ".encode()
        got = a.ok(b"SEARCH CHARSET UTF-8 %s {%d+}\r\n%s" % (key.encode(), len(word), word))[0]
        assert got == [b"* SEARCH 1"], key
    assert a.ok("SEARCH SENTON 7-Feb-1994")[0] == [b"* SEARCH 2"]
    assert a.ok("SEARCH SENTSINCE 8-Feb-1994")[0] == [b"* SEARCH"]


def test_rev2(connect, user):
    """RFC 9051 appendix E: no RECENT, ESEARCH answers, LIST in SELECT, UTF-8 names"""
    a = connect(user)
    assert a.ok("ENABLE IMAP4rev2 BOGUS CONDSTORE")[0] == [b"* ENABLED IMAP4rev2 CONDSTORE"]
    fill(a, 1)
    untagged, _ = a.ok("SELECT INBOX")
    text = b"\n".join(untagged)
    assert b"RECENT" not in text and b"UNSEEN" not in text and b'* LIST () "/" "INBOX"' in text
    assert a.ok("SEARCH ALL")[0][0].startswith(b"* ESEARCH (TAG ")
    a.ok('CREATE "Müll"'.encode())
    assert '* LIST (\\HasNoChildren) "/" "Müll"'.encode() in a.ok('LIST "" M*')[0]
    assert b"* OK [CLOSED] Previous mailbox closed" in a.ok("SELECT Sent")[0]
    b = connect(user)
    assert b'* LIST (\\HasNoChildren) "/" "M&APw-ll"' in b.ok('LIST "" M*')[0]
    b.ok("SELECT M&APw-ll")


def test_binary(connect, user):
    """RFC 3516"""
    a = connect(user)
    a.append("INBOX", b"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nContent-Type: application/x\r\n"
             b"Content-Transfer-Encoding: base64\r\n\r\nAAECAw==\r\n--x\r\nContent-Transfer-Encoding: x-what\r\n\r\nabc\r\n--x--\r\n")
    a.ok("SELECT INBOX")
    assert a.ok("FETCH 1 (BINARY.SIZE[1] BINARY.PEEK[1])")[0][0].endswith(b"BINARY.SIZE[1] 4 BINARY[1] ~{4}\r\n\0\1\2\3)")
    assert a.ok("FETCH 1 BINARY.PEEK[1]<2.9>")[0][0].endswith(b"BINARY[1]<2> ~{2}\r\n\2\3)")
    assert a.cmd("FETCH 1 BINARY.PEEK[2]")[1].startswith(b"NO [UNKNOWN-CTE]")
    assert a.ok("FETCH 1 BODY.PEEK[3]")[0][0].endswith(b"BODY[3] NIL)")


def test_list_status_and_special_use(connect, user):
    a = connect(user)
    fill(a, 1, "Sent")
    untagged, _ = a.ok('LIST "" (INBOX Sent) RETURN (STATUS (MESSAGES SIZE))')
    assert rb'* LIST (\HasNoChildren \Sent) "/" "Sent"' in untagged
    assert b'* STATUS "Sent" (MESSAGES 1 SIZE %d)' % len(MAIL.replace(b"hello", b"hello 1")) in untagged
    untagged, _ = a.ok('LIST (SPECIAL-USE) "" *')
    assert len(untagged) == 5
    assert a.cmd("CREATE x (USE (\\Bogus))")[1].startswith(b"NO [USEATTR]")
    a.ok("SUBSCRIBE Gone/Away")
    assert rb'* LSUB (\Noselect) "/" "Gone/Away"' in a.ok('LSUB "" *')[0]


def test_quota(connect, user):
    a = connect(user)
    assert a.ok("GETQUOTAROOT INBOX")[0] == [b'* QUOTAROOT "INBOX" ""', b'* QUOTA "" (STORAGE 0 307200)']
    fill(a, 1)
    assert a.ok('GETQUOTA ""')[0] == [b'* QUOTA "" (STORAGE 1 307200)']
    assert a.cmd('SETQUOTA "" (STORAGE 5)')[1].startswith(b"NO [NOPERM]")


def test_deleted_storage(connect, user):
    """RFC 9208 4.1.4"""
    a = connect(user)
    fill(a, 2)
    a.ok("SELECT INBOX")
    a.ok(r"STORE 1 +FLAGS (\Deleted)")
    size = len(MAIL.replace(b"hello", b"hello 1"))
    assert a.ok("STATUS INBOX (DELETED DELETED-STORAGE)")[0] == [b'* STATUS "INBOX" (DELETED 1 DELETED-STORAGE %d)' % size]


def test_pipelined_commands(connect, user):
    """5.5"""
    a = connect(user)
    fill(a, 1)
    a.send(b"1 SELECT INBOX\r\n2 FETCH 1 FLAGS\r\n3 STORE 1 +FLAGS (x)\r\n4 SEARCH KEYWORD x\r\n5 CLOSE\r\n")
    for tag in "12345":
        assert a.until(tag)[1].startswith(b"OK")


def test_deleted_folder_says_bye(connect, user):
    a, b = connect(user), connect(user)
    a.ok("CREATE Gone")
    a.ok("SELECT Gone")
    b.ok("DELETE Gone")
    a.send("x NOOP\r\n")
    assert a.line().startswith(b"* BYE")


# ---- hostile and clumsy clients ----

def test_line_of_100_megabytes(connect, user):
    a = connect(user, timeout=60)

    def flood():
        for _ in range(100):
            a.send(b"x" * (1 << 20))
        a.send(b"\r\nn NOOP\r\n")
    t = threading.Thread(target=flood)
    t.start()
    assert a.line() == b"* BAD Line too long"
    assert a.until("n")[1].startswith(b"OK")
    t.join()


@pytest.mark.parametrize("command", [
    "FETCH " + ",".join(["1"] * 20000) + " FLAGS",
    "SEARCH " + "NOT " * 5000 + "ALL",
    "SEARCH " + "(" * 5000 + "ALL" + ")" * 5000,
    "SEARCH " + "OR ALL " * 3000 + "ALL",
    "FETCH 1 (" + "FLAGS " * 1000 + "UID)",
    "FETCH 1 BODY[" + "1." * 1000 + "1]",
    "STORE 1 FLAGS (" + " ".join(f"k{i}" for i in range(1000)) + ")",
    "STORE 1 FLAGS (" + "k" * 1000 + ")",
    'LIST "" (' + "a " * 1000 + "b)",
    "FETCH 99999999999 FLAGS",
    'LIST "" ' + "%*" * 200,
], ids=lambda c: c[:12])
def test_too_much_of_everything(connect, user, command):
    a = connect(user)
    fill(a, 1)
    a.ok("SELECT INBOX")
    began = time.monotonic()
    assert a.cmd(command)[1][:2] in (b"NO", b"BA", b"OK")
    assert time.monotonic() - began < 5
    a.ok("NOOP")


def test_literals_that_are_too_big(connect, user):
    a = connect(user)
    assert a.cmd("CREATE {99999999}")[1].startswith(b"BAD [TOOBIG]")
    assert a.cmd(b"CREATE {300000+}\r\n" + b"x" * 300000)[1].startswith(b"BAD [TOOBIG]")
    assert a.cmd("APPEND INBOX {999999999}")[1].startswith(b"NO [TOOBIG]")
    a.ok("NOOP")


def test_bad_commands_end_the_session(connect, user):
    a = connect(user)
    for _ in range(49):
        assert a.cmd("BOGUS")[1].startswith(b"BAD")
    a.cmd("BOGUS")
    assert a.line().startswith(b"* BYE")


def test_cut_off_in_the_middle_of_append(connect, user):
    a, b = connect(user), connect(user)
    a.send(b"a APPEND INBOX {1000+}\r\nFrom: x")
    a.close()
    b.ok("SELECT INBOX")
    assert b.ok("NOOP")[0] == []


def test_big_message_comes_back_whole(connect, user):
    a = connect(user, timeout=60)
    body = b"".join(b"%07d\r\n" % i for i in range(1_000_000))
    message = b"Subject: big\r\n\r\n" + body
    a.append("INBOX", message)
    a.ok("SELECT INBOX")
    reply = a.ok("FETCH 1 (RFC822.SIZE BODY.PEEK[])")[0][0]
    assert reply.endswith(b"BODY[] {%d}\r\n" % len(message) + message + b")")
    assert a.ok("FETCH 1 BODY.PEEK[TEXT]<8999991.100>")[0][0].endswith(b"0999999\r\n)")
