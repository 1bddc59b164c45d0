"""Ordinary mail programs against the demonstration: curl, swaks, mbsync, neomutt, fetchmail."""
import os
import shutil
import subprocess

import pytest

from lab import wait_for


def program(name):
    path = shutil.which(name)
    if not path:
        pytest.skip(f"{name} is not installed")
    return path


def run(*args, **kw):
    done = subprocess.run(list(map(str, args)), text=True, capture_output=True, timeout=90, **kw)
    assert done.returncode == 0, (args, done.stdout[-3000:], done.stderr[-3000:])
    return done.stdout


def test_swaks_and_curl(platform):
    subject = "swaks and curl"
    run(program("swaks"), "--server", f"127.0.0.1:{platform.port('smtp')}", "--from", "x@example.net", "--to",
        "ana@demo.test", "--header", f"Subject: {subject}", "--body", "by swaks", "-tls")
    curl = program("curl")
    base = f"imaps://127.0.0.1:{platform.port('imaps')}"
    found = run(curl, "-sk", "--user", "ana:ana-secret", f"{base}/INBOX?SUBJECT%20%22{subject.replace(' ', '%20')}%22")
    number = found.split()[-1]
    assert number.isdigit(), found
    assert "by swaks" in run(curl, "-sk", "--user", "ana:ana-secret", f"{base}/INBOX;MAILINDEX={number}")
    pop3 = run(curl, "-sk", "--user", "ana:ana-secret", f"pop3s://127.0.0.1:{platform.port('pop3s')}/{number}")
    assert f"Subject: {subject}" in pop3 and "by swaks" in pop3


def test_curl_sends(platform, tmp_path):
    mail = tmp_path / "mail"
    mail.write_text("From: ana@demo.test\r\nTo: bruno@demo.test\r\nMessage-ID: <curl.1@demo.test>\r\n\r\nby curl\r\n")
    run(program("curl"), "-sk", "--ssl-reqd", "--user", "ana:ana-secret", "--mail-from", "ana@demo.test", "--mail-rcpt",
        "bruno@demo.test", "--upload-file", mail, f"smtp://127.0.0.1:{platform.port('submission')}")
    wait_for(lambda: platform.find("<curl.1@demo.test>", "bruno"))


def certificate(platform):
    return next(platform.dir.rglob("*cert*.pem"))


def test_mbsync(platform, tmp_path):
    mid = platform.send("ana@demo.test", subject="for mbsync")
    maildir = tmp_path / "mail"
    maildir.mkdir()
    rc = tmp_path / "mbsyncrc"
    rc.write_text(f"""
IMAPAccount demo
Host localhost
Port {platform.port('imaps')}
User ana
Pass ana-secret
SSLType IMAPS
CertificateFile {certificate(platform)}

IMAPStore far
Account demo

MaildirStore near
Path {maildir}/
Inbox {maildir}/INBOX
SubFolders Verbatim

Channel all
Far :far:
Near :near:
Patterns *
Create Both
Expunge Both
Sync All
SyncState *
""")
    mbsync = program("mbsync")
    run(mbsync, "-c", rc, "-a")
    mails = [p for p in maildir.rglob("*") if p.is_file() and p.parent.name in ("new", "cur")]
    assert any(mid in p.read_text(errors="replace") for p in mails)
    new = maildir / "INBOX" / "new" / "1.local"
    new.write_text("From: a@b.example\nMessage-ID: <mbsync.up@example.net>\n\nup\n")
    run(mbsync, "-c", rc, "-a")
    assert platform.find("<mbsync.up@example.net>")


def test_neomutt(platform, tmp_path):
    mid = platform.send("ana@demo.test", subject="for neomutt")
    rc = tmp_path / "rc"
    rc.write_text(f"""
set folder="imaps://ana@127.0.0.1:{platform.port('imaps')}/"
set imap_pass="ana-secret" imap_user="ana" spoolfile="+INBOX" ssl_verify_host=no ssl_verify_dates=no
set certificate_file={tmp_path}/certs ssl_starttls=no header_cache="" message_cachedir=""
set ssl_force_tls=yes quit=yes delete=no
unset ssl_usesystemcerts
set confirmcreate=no confirmappend=no
""")
    shutil.copy(certificate(platform), tmp_path / "certs")
    out = tmp_path / "saved"
    keys = f"push '<limit>~i{mid.strip('<>').split('@')[0]}<enter><copy-message>{out}<enter><quit>'"
    env = dict(os.environ, HOME=str(tmp_path), TERM="xterm")
    script = program("script")
    subprocess.run([script, "-qec", f"{program('neomutt')} -n -F {rc} -e \"{keys}\"", "/dev/null"], env=env,
                   stdin=subprocess.DEVNULL, capture_output=True, timeout=60)
    assert out.exists() and mid in out.read_text(errors="replace")


@pytest.mark.parametrize("protocol", ["imap", "pop3"])
def test_fetchmail(platform, tmp_path, protocol):
    mid = platform.send("bruno@demo.test", subject=f"for fetchmail {protocol}")
    got = tmp_path / "got"
    rc = tmp_path / "rc"
    rc.write_text(f"""
poll 127.0.0.1 protocol {protocol} port {platform.port(protocol + 's')}
 user "bruno" password "bruno-secret" ssl sslproto "TLS1.2+" no sslcertck keep
 mda "cat >> {got}"
""")
    rc.chmod(0o600)
    env = dict(os.environ, HOME=str(tmp_path), FETCHMAILHOME=str(tmp_path))
    done = subprocess.run([program("fetchmail"), "-f", str(rc), "--nodetach", "--nosyslog", "-a"], env=env, text=True,
                          capture_output=True, timeout=60)
    assert done.returncode in (0, 1), (done.stdout, done.stderr)
    assert got.exists() and mid in got.read_text(errors="replace"), (done.stdout, done.stderr)
