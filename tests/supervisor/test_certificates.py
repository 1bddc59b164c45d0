"""Certificates are read again at SIGHUP, without a restart and without hurting who is connected."""
import signal
import socket
import ssl
import subprocess

from lab import wait_for


def serial(p):
    with socket.create_connection(("127.0.0.1", p.port("imaps")), timeout=10) as s, p.tls.wrap_socket(s) as t:
        return t.getpeercert(binary_form=True)


def make_certificate(p, name="tls"):
    folder = p.dir / name
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-days", "10", "-subj", "/CN=mx.demo.test", "-keyout", folder / "key.pem", "-out",
                    folder / "cert.pem"], check=True, capture_output=True)


def test_certificate_reload(own_platform):
    p = own_platform().start()
    before = serial(p)
    with socket.create_connection(("127.0.0.1", p.port("imaps")), timeout=10) as s, p.tls.wrap_socket(s) as old:
        assert old.recv(1000).startswith(b"* OK")
        pids = p.role_pid("proxy")
        make_certificate(p)
        p.process.send_signal(signal.SIGHUP)
        wait_for(lambda: serial(p) != before, 10)
        assert p.role_pid("proxy") == pids
        old.sendall(b"a noop\r\n")
        assert b"a OK" in old.recv(1000)


def test_bad_certificate_is_refused(own_platform):
    p = own_platform().start()
    before = serial(p)
    (p.dir / "tls" / "key.pem").write_text("no key\n")
    p.process.send_signal(signal.SIGHUP)
    wait_for(lambda: "config.refused" in p.log_text(), 10)
    assert serial(p) == before


def test_clear_text_is_no_tls(own_platform):
    """What speaks no TLS on a TLS port is closed, and the next one is served."""
    p = own_platform().start()
    with socket.create_connection(("127.0.0.1", p.port("imaps")), timeout=10) as s:
        s.sendall(b"a login ana ana-secret\r\n" * 3)
        s.settimeout(10)
        try:
            assert b"OK" not in s.recv(1000)
        except (ConnectionResetError, ssl.SSLError):
            pass
    assert serial(p)
