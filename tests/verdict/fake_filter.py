"""A filter for the tests that answers as rspamd does (POST /checkv2, /learnspam, /learnham); it says of a message what the
message's own X-Test- fields ask for, so that a test has a verdict in hand before any rule is written."""
import email
import http.server
import json
import os
import pathlib
import signal
import socket
import socketserver
import subprocess
import sys
import threading
import time


class Filter:
    """port: TCP on 127.0.0.1 (0 any), or the path of a unix socket."""

    def __init__(self, port=0):
        self.asked, self.learned = [], []
        self.delay = self.delay_learning = 0
        self.status = 200
        self.lock = threading.Lock()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *args):
                pass

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                if self.path.startswith("/learn"):
                    time.sleep(outer.delay_learning)
                    with outer.lock:
                        outer.learned.append((self.path, self.headers.get("User", ""), body))
                    return self.answer({"success": True})
                with outer.lock:
                    outer.asked.append((dict(self.headers.items()), body))
                time.sleep(outer.delay)
                self.answer(outer.judge(body))

            def answer(self, value):
                text = json.dumps(value).encode()
                self.send_response(outer.status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            allow_reuse_address = True
            request_queue_size = 100

            def handle_error(self, request, client_address):
                pass  # mx gave up waiting

        class UnixServer(Server):
            address_family = socket.AF_UNIX

            def server_bind(self):
                socketserver.TCPServer.server_bind(self)
                os.chmod(self.server_address, 0o777)

        if isinstance(port, int):
            self.server = Server(("127.0.0.1", port), Handler)
            self.port = self.server.server_address[1]
        else:
            self.server = UnixServer(str(port), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def judge(self, body):
        m = email.message_from_bytes(body)
        score = float(m.get("X-Test-Score", 0))
        if b"XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X" in body:
            score = 1000
        names = str(m.get("X-Test-Symbols", "FAKE_RULE")).split(",")
        answer = {"score": score, "required_score": 15, "action": m.get("X-Test-Action", "no action"), "is_skipped": False,
                  "symbols": {n: {"name": n, "score": score / len(names), "options": []} for n in names},
                  "message-id": m.get("Message-ID", "")}
        for field, member in (("X-Test-Auth", "auth_results"), ("X-Test-Virus", "virus"), ("X-Test-File", "dangerous")):
            if m.get(field):
                answer[member] = " ".join(m[field].split())
        if m.get("X-Test-Recipients"):
            answer["recipients"] = json.loads(m["X-Test-Recipients"])
        return answer

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Process:
    """The same in a process of its own, to be killed."""

    def __init__(self, port=0):
        self.p = subprocess.Popen([sys.executable, pathlib.Path(__file__), str(port)], stdout=subprocess.PIPE, text=True)
        self.port = int(self.p.stdout.readline())

    def kill(self):
        self.p.send_signal(signal.SIGKILL)
        self.p.wait()


if __name__ == "__main__":
    print(Filter(int(sys.argv[1])).port, flush=True)
    while True:
        time.sleep(60)
