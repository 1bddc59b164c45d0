"""A Postfix of its own for tests: configuration, queue and mailboxes in a folder, one loopback port."""
import grp
import os
import pathlib
import shutil
import socket
import subprocess

import pytest

POSTFIX = "/usr/sbin/postfix"


class Postfix:
    """settings: lines of main.cf beside its own."""

    def __init__(self, folder, settings=""):
        self.conf, self.spool, self.lib = folder / "etc", folder / "spool", folder / "lib"
        self.mail = folder / "mail"
        for path in (self.conf, self.spool, self.lib, self.mail):
            path.mkdir(parents=True)
        parent = folder
        while parent != parent.parent and parent.stat().st_mode & 0o005 != 0o005 and parent != pathlib.Path("/tmp"):
            parent.chmod(0o755)
            parent = parent.parent
        shutil.chown(self.lib, "postfix", "postfix")
        shutil.chown(self.mail, "postfix", "postfix")
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]
        uid = shutil.os.stat(self.lib).st_uid
        (self.conf / "users").write_text("x@postfix.test x/\n")
        (self.conf / "main.cf").write_text(f"""
compatibility_level = 3.6
queue_directory = {self.spool}
data_directory = {self.lib}
maillog_file = {folder}/postfix.log
maillog_file_prefixes = {folder}
myhostname = mx.postfix.test
mydestination =
mynetworks = 127.0.0.0/8
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
virtual_mailbox_domains = postfix.test
virtual_mailbox_base = {self.mail}
virtual_mailbox_maps = texthash:{self.conf}/users
virtual_minimum_uid = 1
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{grp.getgrnam("postfix").gr_gid}
alias_maps =
smtpd_relay_restrictions = reject_unauth_destination
{settings}
""")
        services = pathlib.Path("/etc/postfix/master.cf.proto")
        if not services.exists():
            services = pathlib.Path("/usr/share/postfix/master.cf.dist")
        lines = [f"127.0.0.1:{self.port} inet n - n - - smtpd", "postlog unix-dgram n - n - 1 postlogd"]
        wanted = ("pickup", "cleanup", "qmgr", "tlsmgr", "rewrite", "bounce", "defer", "trace", "verify", "flush",
                  "proxymap", "proxywrite", "smtp", "relay", "error", "retry", "discard", "local", "virtual", "lmtp",
                  "anvil", "scache")
        for line in services.read_text().splitlines():
            words = line.split()
            if len(words) >= 8 and words[0] in wanted and words[1] != "inet":
                words[4] = "n"  # no chroot
                lines.append(" ".join(words))
        (self.conf / "master.cf").write_text("\n".join(lines) + "\n")
        self.log = folder / "postfix.log"

    def run(self, word):
        done = subprocess.run([POSTFIX, "-c", self.conf, word], capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, (word, done.stderr, self.log.read_text() if self.log.exists() else "")

    def messages(self):
        return [p.read_text() for p in self.mail.glob("x/new/*")]


def start(folder, settings=""):
    """A running one, or a skip where that cannot be."""
    if not os.path.exists(POSTFIX):
        pytest.skip("postfix is not installed")
    if os.geteuid() != 0:
        pytest.skip("postfix starts as root alone")
    p = Postfix(folder, settings)
    p.run("start")
    return p
