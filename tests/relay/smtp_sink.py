"""A mail server of the outside, for tests: keeps what it gets, refuses by the recipient's name.

dead@      550 5.1.1 at RCPT          later@     451 4.2.0 at RCPT
big@       552 5.3.4 after DATA       slow@      answers DATA after a second
"""
import socket
import socketserver
import ssl
import threading


class Sink:
    def __init__(self, extensions=("PIPELINING", "8BITMIME", "ENHANCEDSTATUSCODES"), tls=None, broken_tls=False,
                 host="127.0.0.1", port=0, banner="220 sink.test ESMTP"):
        self.extensions, self.tls, self.broken_tls, self.banner = extensions, tls, broken_tls, banner
        self.messages = []      # dicts: from, to (list), data (bytes), tls, mail and rcpt lines
        self.connections = 0
        self.open = self.most = 0
        self.lock = threading.Lock()
        sink = self

        class Handler(socketserver.StreamRequestHandler):
            timeout = 60

            def handle(self):
                with sink.lock:
                    sink.connections += 1
                    sink.open += 1
                    sink.most = max(sink.most, sink.open)
                try:
                    Session(sink, self).run()
                except (OSError, ssl.SSLError):
                    pass
                finally:
                    with sink.lock:
                        sink.open -= 1

        class Server(socketserver.ThreadingTCPServer):
            allow_reuse_address = True
            daemon_threads = True

        self.server = Server((host, port), Handler)
        self.port = self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def to(self, address):
        """Messages with this recipient."""
        with self.lock:
            return [m for m in self.messages if address in m["to"]]


class Session:
    def __init__(self, sink, handler):
        self.sink, self.sock, self.f = sink, handler.request, handler.rfile
        self.tls = False
        self.reset()

    def reset(self):
        self.sender, self.rcpts, self.lines = None, [], []

    def say(self, text):
        self.sock.sendall(text.encode() + b"\r\n")

    def run(self):
        self.say(self.sink.banner)
        while line := self.f.readline(4096):
            text = line.decode("utf-8", "replace").rstrip("\r\n")
            verb = text.split(" ")[0].upper()
            if verb == "QUIT":
                return self.say("221 2.0.0 bye")
            handler = getattr(self, "do_" + verb.lower(), None)
            if handler:
                handler(text)
            else:
                self.say("500 5.5.1 what?")

    def do_ehlo(self, _):
        words = ["sink.test", *self.sink.extensions]
        if (self.sink.tls or self.sink.broken_tls) and not self.tls:
            words.append("STARTTLS")
        for word in words[:-1]:
            self.say("250-" + word)
        self.say("250 " + words[-1])

    def do_starttls(self, _):
        self.say("220 go")
        if self.sink.broken_tls:
            self.sock.recv(10)  # the ClientHello: what came before it would be taken for an injection
            self.sock.sendall(b"this is no TLS at all\r\n")
            self.sock.shutdown(socket.SHUT_RDWR)
            raise OSError
        self.sock = self.sink.tls.wrap_socket(self.sock, server_side=True)
        self.f = self.sock.makefile("rb")
        self.tls = True

    def do_rset(self, _):
        self.reset()
        self.say("250 2.0.0 ok")

    def do_noop(self, _):
        self.say("250 2.0.0 ok")

    def do_mail(self, text):
        self.reset()
        self.sender = text[text.index("<") + 1:text.index(">")]
        self.lines.append(text)
        self.say("250 2.1.0 ok")

    def do_rcpt(self, text):
        rcpt = text[text.index("<") + 1:text.index(">")]
        self.lines.append(text)
        if rcpt.startswith("dead"):
            return self.say("550 5.1.1 No such user here")
        if rcpt.startswith("later"):
            return self.say("451 4.2.0 Come back later")
        self.rcpts.append(rcpt)
        self.say("250 2.1.5 ok")

    def do_data(self, _):
        if not self.rcpts:
            return self.say("554 5.5.1 no recipients")
        self.say("354 go")
        data = bytearray()
        while (line := self.f.readline(70000)) != b".\r\n":
            if not line:
                return
            data += line[1:] if line.startswith(b".") else line
        if any(r.startswith("slow") for r in self.rcpts):
            threading.Event().wait(1)
        if any(r.startswith("big") for r in self.rcpts):
            return self.say("552 5.3.4 Too big")
        with self.sink.lock:
            self.sink.messages.append({"from": self.sender, "to": self.rcpts, "data": bytes(data), "tls": self.tls,
                                       "lines": self.lines})
        self.say("250 2.0.0 kept")
