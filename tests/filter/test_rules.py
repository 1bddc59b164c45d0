"""The role with SpamAssassin's rules: what they find, and what becomes of files with a fault."""
import json
import os
import pathlib
import shutil
import signal
import smtplib
import subprocess
import threading
import time

import pytest
from lab import BUILD, Platform, wait_for

GTUBE = "XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X"
RULE = """body LOCAL_{0} /{0} is here/
describe LOCAL_{0} the word {0}
score LOCAL_{0} {1}
body __GTUBE /XJS\\*C4JDBQADN1\\.NSBN3\\*2IDNEN\\*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL\\*C\\.34X/
meta GTUBE __GTUBE
score GTUBE 1000
header LOCAL_CLIENT X-Spam-Relays-Untrusted =~ /^\\[ ip=203\\.0\\.113\\.5 rdns= /
"""


@pytest.fixture(scope="module")
def rules(tmp_path_factory):
    """A folder of a few rules, so that compiling them is no matter."""
    folder = tmp_path_factory.mktemp("rules")
    for path in (folder, *folder.parents):
        if path != pathlib.Path("/tmp") and path != pathlib.Path("/"):
            os.chmod(path, 0o755)
    (folder / "10_local.cf").write_text(RULE.format("apple", 2.5))
    return folder


@pytest.fixture(scope="module")
def platform(rules):
    p = Platform(f"""filter: {{ networks = ["127.0.0.1/32"]; auth = false; rules = ["{rules}"]; rule_check = "1s"; }};
        mx: {{ filter_timeout = "10s"; filter_pause = "1s"; }};""").start()
    yield p
    p.remove()


def check(platform, text, before="", **fields):
    body = before + f"From: a@example.net\r\nTo: ana@demo.test\r\nSubject: x\r\nDate: Sat, 28 Nov 2026 12:00:00 +0000\r\n\r\n{text}\r\n"
    args = [w for k, v in fields.items() for w in ("-H", f"{k}: {v}")]
    done = subprocess.run(["curl", "-s", "-m", "60", "--data-binary", "@-", *args, f"http://127.0.0.1:{platform.port('filter')}/checkv2"],
                          input=body.encode(), capture_output=True, timeout=90)
    return json.loads(done.stdout)


def symbols(platform, text):
    return check(platform, text)["symbols"]


def test_rules_hit(platform):
    wait_for(lambda: "RULES_AWAY" not in symbols(platform, "x"), 60)  # the first time they are compiled
    answer = check(platform, "an apple is here")
    assert answer["symbols"]["LOCAL_apple"]["score"] == 2.5
    assert answer["symbols"]["LOCAL_apple"]["description"] == "the word apple"
    assert "LOCAL_apple" not in symbols(platform, "nothing is here")


def test_received_of_the_sender(platform):
    """A field that the message brings along is taken for the server's own only where it says of the client what the server says."""
    for received in ("from x ([203.0.113.5]) by mx.demo.test with ESMTP id 1",
                     "from x ([10.0.0.1]) by mx.demo.test with ESMTP id 203.0.113.5",
                     "from x (203.0.113.5 [127.0.0.1]) by mx.demo.test with ESMTP id 1",
                     "from x (mx.bank.example [203.0.113.5]) by mx.demo.test with ESMTP id 1"):
        answer = check(platform, "x", before=f"Received: {received}; Sat, 28 Nov 2026 12:00:00 +0000\r\n", IP="203.0.113.5")
        assert "LOCAL_CLIENT" in answer["symbols"], (received, answer)


def test_gtube(platform):
    answer = check(platform, GTUBE, Rcpt="ana@demo.test")
    assert answer["action"] == "reject" and answer["score"] > 900
    assert answer["recipients"][0]["place"] in ("quarantine", "reject", "discard")
    if shutil.which("spamc"):
        done = subprocess.run(["spamc", "-d", "127.0.0.1", "-p", str(platform.port("spamd")), "-c"],
                              input=f"Subject: x\n\n{GTUBE}\n".encode(), capture_output=True, timeout=60)
        assert done.returncode == 1 and float(done.stdout.split(b"/")[0]) > 900


def test_rules_change_while_it_serves(platform, rules):
    failed = []

    def ask():
        while not stop.is_set():
            if not {"LOCAL_apple", "LOCAL_pear"} & set(symbols(platform, "an apple is here, and a pear is here")):
                failed.append(time.monotonic())

    stop, thread = threading.Event(), threading.Thread(target=ask)
    thread.start()
    try:
        (rules / "20_more.cf").write_text(RULE.format("pear", 1))
        wait_for(lambda: "LOCAL_pear" in symbols(platform, "a pear is here"), 60)
        (rules / "20_more.cf").unlink()
        wait_for(lambda: "LOCAL_pear" not in symbols(platform, "a pear is here"), 60)
    finally:
        stop.set()
        thread.join()
    assert not failed


def test_a_bad_file_changes_nothing(platform, rules):
    bad = rules / "30_bad.cf"
    bad.write_text("body LOCAL_BAD /unclosed(/\nscore LOCAL_BAD 1\nif (\n")
    try:
        wait_for(lambda: "30_bad.cf:" in platform.log_text(), 60)
        assert "LOCAL_apple" in symbols(platform, "an apple is here")
    finally:
        bad.unlink()
    wait_for(lambda: "LOCAL_apple" in symbols(platform, "an apple is here"), 30)


def test_lessons(platform):
    """What ana calls spam weighs for ana alone."""
    words = "grapes melons cherries plums peaches apricots figs dates limes lemons quinces medlars"

    def score(user):
        return check(platform, words, Rcpt=f"{user}@demo.test")["recipients"][0]["score"]

    before = score("ana"), score("bruno")
    folder = platform.dir / "lessons"
    folder.mkdir()
    for i in range(12):
        (folder / str(i)).write_text(f"From: s{i}@example.net\nSubject: {i} fruit\n\n{words} number {i}\n")
    platform.posta("filter", "learn", "spam", "ana@demo.test", *sorted(folder.iterdir()))
    assert score("ana") > before[0] + 1 and score("bruno") == before[1]
    platform.posta("filter", "forget", "ana@demo.test")
    assert score("ana") == before[0]


def test_killed_under_load(platform):
    """Each message is answered 250 in time and arrives, with or without a verdict."""
    sent, slow = [], []

    def send(k):
        for i in range(8):
            began = time.monotonic()
            sent.append(platform.send("ana@demo.test", subject=f"load {k} {i}"))
            slow.append(time.monotonic() - began)

    threads = [threading.Thread(target=send, args=(k,)) for k in range(4)]
    for t in threads:
        t.start()
    for _ in range(3):
        time.sleep(0.3)
        for pid in platform.role_pid("filter"):
            os.kill(pid, signal.SIGKILL)
        wait_for(lambda: platform.role_pid("filter"), 20)
    for t in threads:
        t.join()
    assert len(sent) == 32 and max(slow) < 40
    c = platform.imap()
    try:
        ids = set()
        for folder in ("INBOX", "Spam"):
            if c.select(folder, readonly=True)[0] == "OK":
                for m in c.uid("fetch", "1:*", "(BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])")[1] or []:
                    if isinstance(m, tuple):
                        ids.add(m[1].decode().split(":", 1)[1].strip())
        assert set(sent) <= ids
    finally:
        c.logout()


def test_scan_command(rules, tmp_path):
    for i in range(3):
        (tmp_path / f"{i}.eml").write_text(f"From: a@example.net\nSubject: {i}\n\nan apple is here\n")
    conf = tmp_path / "none.conf"
    done = subprocess.run([BUILD / "posta", "filter", "rules", "--compile", "--cache", tmp_path / "cache", "--folder", rules],
                          capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert list((tmp_path / "cache").glob("*.cache"))
    bad = tmp_path / "bad.cf"
    bad.write_text("header X\n")
    done = subprocess.run([BUILD / "posta", "filter", "rules", "--compile", "--cache", tmp_path / "cache", "--file", bad],
                          capture_output=True, text=True, timeout=120)
    assert done.returncode == 1 or "bad.cf" in done.stdout + done.stderr
    if not list((BUILD / "rules").glob("*.cache")):
        pytest.skip("the stock rules are not compiled: ./run --build")
    done = subprocess.run([BUILD / "posta", "scan", "--json", "--spamassassin", "--jobs", "2", "--config", conf, tmp_path],
                          capture_output=True, text=True, timeout=300)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    names = {pathlib.Path(line["file"]).name for line in lines}
    assert {"0.eml", "1.eml", "2.eml"} <= names, done
    assert all({"file", "score", "required", "symbols", "verdict", "ms"} <= set(line) for line in lines)
