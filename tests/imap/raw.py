"""A client of sessions/imap that sees each line."""
import base64
import socket


class Raw:
    """A connection that speaks lines; logged in as user unless user is None."""

    def __init__(self, path, user="ana", timeout=20):
        self.s = socket.socket(socket.AF_UNIX)
        self.s.settimeout(timeout)
        self.s.connect(path)
        self.f = self.s.makefile("rb")
        self.n = 0
        self.greeting = self.line()
        if user is not None:
            self.ok("AUTHENTICATE EXTERNAL " + base64.b64encode(user.encode()).decode())

    def line(self):
        """One response, its literals in place, without the last CRLF."""
        out = b""
        while True:
            line = self.f.readline()
            if not line:
                raise EOFError(out)
            out += line
            if line.endswith(b"}\r\n"):
                digits = line[line.rindex(b"{") + 1:-3]
                if digits.isdigit():
                    out += self.f.read(int(digits))
                    continue
            return out[:-2]

    def send(self, data):
        self.s.sendall(data if isinstance(data, bytes) else data.encode())

    def cmd(self, text, tag=None):
        """Sends a command; gives the untagged responses and the tagged one without its tag."""
        if tag is None:
            self.n += 1
            tag = f"t{self.n}"
        self.send(tag.encode() + b" " + (text if isinstance(text, bytes) else text.encode()) + b"\r\n")
        return self.until(tag)

    def until(self, tag):
        untagged = []
        while True:
            line = self.line()
            if line.startswith(tag.encode() + b" "):
                return untagged, line[len(tag) + 1:]
            untagged.append(line)

    def ok(self, text):
        untagged, tagged = self.cmd(text)
        assert tagged.startswith(b"OK"), (text, untagged, tagged)
        return untagged, tagged

    def append(self, folder, message, args=""):
        return self.ok(b"APPEND %s %s{%d+}\r\n%s" % (folder.encode(), args.encode(), len(message), message))

    def close(self):
        self.f.close()
        self.s.close()
