"""Viruses, dangerous files and listed links in the whole mail path: the filter asked by HTTP, and mail through the mx while clamd dies."""
import email.policy
import io
import json
import smtplib
import socket
import sys
import threading
import time
import urllib.request
import zipfile
from email.message import EmailMessage
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from test_clamd import clamd, folder  # noqa: E402, F401
from clamd import EICAR  # noqa: E402

# Rules, learning and the DNS are others' tests: here the steps that are asked of others count.
QUIET = 'rules = ""; auth = false; learning = false; networks = ["127.0.0.1/32"];'


def message(text="hello\n", subject="test", attachment=None, name="a.zip"):
    m = EmailMessage()
    m["From"], m["To"], m["Subject"] = "stranger@example.net", "ana@demo.test", subject
    m["Message-ID"] = f"<{time.time_ns()}@example.net>"
    m["Date"] = "Sat, 28 Nov 2026 12:00:00 +0000"
    m.set_content(text)
    if attachment:
        m.add_attachment(attachment, maintype="application", subtype="octet-stream", filename=name)
    return m


def packed(name, content=b"x"):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as z:
        z.writestr(name, content)
    return out.getvalue()


def check(p, m):
    request = urllib.request.Request(f"http://127.0.0.1:{p.port('filter')}/checkv2", data=m.as_bytes(), method="POST",
                                     headers={"From": "stranger@example.net", "Rcpt": "ana@demo.test", "IP": "192.0.2.200"})
    with urllib.request.urlopen(request, timeout=30) as f:
        return json.load(f)


def send(p, m, timeout=60):
    """What the mx answers after DATA: (code, text)."""
    with smtplib.SMTP("127.0.0.1", p.port("smtp"), timeout=timeout) as s:
        s.ehlo("client.example.net")
        s.mail("stranger@example.net")
        assert s.rcpt("ana@demo.test")[0] == 250
        code, text = s.data(m.as_bytes(policy=email.policy.SMTP))
        return code, text.decode()


@pytest.fixture
def filtered(own_platform):
    """filtered("addresses of clamd", "more settings of filter", "groups") gives a running platform."""
    def make(clamds=(), more="", groups="", test="pass"):
        texts = ", ".join(f'"{a}"' for a in clamds)
        own = f'mx: {{ authenticate = false; }}; attachments: {{ if_test = "{test}"; }};'
        return own_platform(f"filter: {{ {QUIET} clamd = [{texts}]; {more} }}; {own} {groups}").start()
    return make


def test_virus(filtered, clamd):  # noqa: F811
    c = clamd(tcp=True)
    for address in (c.socket, f"127.0.0.1:{c.tcp}"):
        p = filtered([address])
        answer = check(p, message(EICAR))
        assert answer["virus"].startswith("Eicar-Test-Signature") and "CLAM_VIRUS" in answer["symbols"]
        answer = check(p, message(attachment=packed("eicar.txt", EICAR.encode())))
        assert answer["virus"].startswith("Eicar-Test-Signature")
        answer = check(p, message())
        assert not answer.get("virus") and answer["action"] == "no action"
        code, text = send(p, message(EICAR))
        assert code == 550 and "Eicar" in text
        assert send(p, message())[0] == 250
        p.stop()


def test_attachments(filtered):
    p = filtered()
    answer = check(p, message(attachment=packed("invoice.pdf.exe")))
    assert answer["dangerous"] == "a.zip: invoice.pdf.exe" and "ATTACHMENT_DOUBLE" in answer["symbols"]
    answer = check(p, message(attachment=b"MZ" + b"\0" * 100, name="photo.jpg"))
    assert answer["dangerous"] == "photo.jpg" and "ATTACHMENT_CONTENT" in answer["symbols"]
    answer = check(p, message(attachment=packed("readme.txt")))
    assert not answer.get("dangerous")
    code, text = send(p, message(attachment=packed("setup.exe")))
    assert code == 550 and "setup.exe" in text
    assert send(p, message(attachment=packed("readme.txt")))[0] == 250


def test_eicar_without_clamd(filtered):
    """As the demonstration has it: nobody looks for viruses, and the test file is known all the same."""
    p = filtered(test="refuse")
    assert check(p, message(EICAR))["dangerous"]
    assert check(p, message(attachment=packed("eicar.txt", EICAR.encode())))["dangerous"] == "a.zip: eicar.txt"
    assert send(p, message(attachment=EICAR.encode(), name="eicar.txt"))[0] == 550
    assert send(p, message(f"They say that {EICAR[:28]} is harmless\n"))[0] == 250


def test_links(filtered):
    """The demonstration's list of links."""
    p = filtered()
    symbols = check(p, message("see http://www.phish.example.com/login\n"))["symbols"]
    assert symbols["URIBL_DEMO_PHISH"]["score"] == 6
    assert "URIBL_DEMO_SPAM" in check(p, message("see hxxp://shop.spam[.]example[.]com/\n"))["symbols"]
    assert "URIBL_DEMO_SPAM" in check(p, message("see http://198.51.100.9/\n"))["symbols"]
    assert not [s for s in check(p, message("see http://www.example.com/\n"))["symbols"] if s.startswith("URIBL_DEMO")]


def test_lists_are_silent(filtered):
    """The delay is bounded, the mail is taken, and nothing is held back for it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", 0))
        p = filtered(more='clamd_away = "later";', groups='blacklists: { time = "400ms"; lists = ( { zone = "dbl.test"; kinds = ["names"]; '
                     f'score = 5.0; servers = ["127.0.0.1:{s.getsockname()[1]}"]; }} ); }};')
        began = time.monotonic()
        answer = check(p, message("http://www.example.com/\n"))
        assert time.monotonic() - began < 2 and answer["action"] == "no action"
        began = time.monotonic()
        m = message("http://www.example.com/\n")
        assert send(p, m)[0] == 250
        assert time.monotonic() - began < 3
        assert p.find(m["Message-ID"])


def test_clamd_is_away(filtered, folder):  # noqa: F811
    p = filtered([folder / "nobody"])
    answer = check(p, message())
    assert "CLAMD_AWAY" in answer["symbols"] and answer["incomplete"]
    assert send(p, message())[0] == 250
    p.stop()
    p.settings.write_text(p.settings.read_text().replace("networks =", 'clamd_away = "later"; networks ='))
    p.start()
    assert 400 <= send(p, message())[0] < 500


def test_killed_under_load(filtered, clamd):  # noqa: F811
    """One of two clamds is killed while mail comes in: no mail is lost or late, and no virus gets through."""
    first, second = clamd("a"), clamd("b")
    p = filtered([first.socket, second.socket])
    answers, worst = [], []

    def client(n):
        for i in range(12):
            began = time.monotonic()
            answers.append((i % 3 == 0, send(p, message(EICAR if i % 3 == 0 else f"mail {n} {i}\n"))[0]))
            worst.append(time.monotonic() - began)
    threads = [threading.Thread(target=client, args=(n,)) for n in range(4)]
    for t in threads:
        t.start()
    time.sleep(0.5)
    first.kill()
    for t in threads:
        t.join()
    assert len(answers) == 48
    assert all(code == (550 if virus else 250) for virus, code in answers), answers
    assert max(worst) < 8
