"""Runs the scripts of Dovecot's imaptest (their format: ../shared/conformance/imap-imaptest/FORMAT.md) against a server.

A script gives a list of (line number, command, verdict): "" when every expected reply came, else what was missing.
"""
import re

from raw import Raw

COMMANDS = {
    "append", "authenticate", "cancelupdate", "capability", "check", "close", "copy", "create", "delete", "enable",
    "examine", "expunge", "fetch", "genurlauth", "id", "idle", "list", "login", "logout", "lsub", "move", "namespace",
    "noop", "rename", "resetkey", "search", "select", "sort", "status", "store", "subscribe", "thread", "uid",
    "unselect", "unsubscribe", "urlfetch",
}
STATES = ["nonauth", "auth", "created", "appended", "selected"]


# ---- a line as a list of words, lists and strings ----

class Literal(bytes):
    """A string; it never matches an atom's directives."""


def tokens(data, expected=False):
    """Nested lists of bytes (atoms) and Literal (strings)."""
    out, stack, i = [], [], 0
    while i < len(data):
        c = data[i:i + 1]
        if c in b" \r\n":
            i += 1
        elif c == b"(":
            stack.append(out)
            out = []
            i += 1
        elif c == b")":
            if not stack:
                raise ValueError(data)
            stack[-1].append(out)
            out = stack.pop()
            i += 1
        elif c == b'"':
            text, i = quoted(data, i + 1)
            out.append(Literal(text))
        elif expected and re.match(rb"~?\{\{\{\n", data[i:]):
            text, i = heredoc(data, i)
            out.append(Literal(text))
        elif m := re.match(rb"~?\{(\d+)\+?\}\r\n", data[i:]):
            i += m.end()
            out.append(Literal(data[i:i + int(m[1])]))
            i += int(m[1])
        else:
            word, i = atom(data, i)
            out.append(word)
    if stack:
        raise ValueError(data)
    return out


def quoted(data, i):
    text = b""
    while data[i:i + 1] != b'"':
        if data[i:i + 1] == b"\\":
            i += 1
        if i >= len(data):
            raise ValueError(data)
        text += data[i:i + 1]
        i += 1
    return text, i + 1


def heredoc(data, i):
    raw = data[i:i + 1] == b"~"
    start = data.index(b"{{{\n", i) + 4
    end = data.index(b"}}}", start)
    text = data[start:max(start, end - 1)]
    return (text if raw else text.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")), end + 3


def atom(data, i):
    """Brackets hold anything: "BODY[HEADER.FIELDS (FROM)]" is one word; so does "${...}"."""
    start, depth = i, 0
    while i < len(data):
        c = data[i:i + 1]
        if c in b"[{":
            depth += 1
        elif c in b"]}" and depth:
            depth -= 1
        elif depth == 0 and c in b' ()"\r\n':
            break
        elif depth == 0 and c == b"{":
            break
        i += 1
    return data[start:i], i


# ---- comparing ----

class Vars(dict):
    def expand(self, text):
        """Of a command."""
        def one(m):
            if m[0] == b"$$":
                return b"$"
            name = m[1] or m[2]
            return self.get(name, m[0])
        return re.sub(rb"\$\$|\$\{(\w+)\}|\$(\w+)", one, text)


def match_string(want, got, names):
    if want == b"$":
        return True
    pattern, last, new = b"", 0, []
    for m in re.finditer(rb"\$\$|\$\{(?:case:)?([^}]*)\}|\$(\w+)", want):
        pattern += re.escape(want[last:m.start()])
        last = m.end()
        name = m[1] or m[2]
        if m[0] == b"$$":
            pattern += re.escape(b"$")
        elif name in names:
            pattern += re.escape(names[name])
        elif name in new:
            pattern += b"(?P=" + name + b")"
        else:
            pattern += b"(?P<" + name + b">.*)"
            new.append(name)
    m = re.fullmatch(pattern + re.escape(want[last:]), got, re.I | re.S)
    if not m:
        return False
    for name in new:
        names[name] = m[name.decode()]
    return True


def match(want, got, names):
    if isinstance(want, list) != isinstance(got, list):
        return want == b"$"
    if isinstance(want, list):
        return match_list(want, got, names, {})
    return match_string(want, got, names)


DIRECTIVES = re.compile(rb"\$!(unordered|ordered|noextra|extra|ignore|ban)(?:=(.*))?", re.I | re.S)


def match_list(want, got, names, default):
    how = dict(default)
    found = [DIRECTIVES.fullmatch(w) if isinstance(w, bytes) else None for w in want]
    if any(found):
        how = {}
    for m in filter(None, found):
        key = m[1].decode().lower()
        if key in ("ignore", "ban"):
            how.setdefault(key, []).append(m[2].lower())
        else:
            how[key] = int(m[2]) if m[2] else 1
    want = [w for w, m in zip(want, found) if not m]
    banned = [b for b in how.get("ban", [])]
    if any(isinstance(g, bytes) and g.lower() in banned for g in got):
        return False
    if "unordered" not in how:
        return match_ordered(want, got, names)
    return match_unordered(want, got, names, how)


def sub_default(before):
    """FETCH (FLAGS (...)): see FORMAT.md, "Directives"."""
    if isinstance(before, bytes) and before.upper() == b"FLAGS":
        return {"unordered": 1, "noextra": 1, "ignore": [rb"\recent"]}
    return {}


def match_ordered(want, got, names, extra=False):
    if len(want) != len(got) and not extra:
        return False
    return len(got) >= len(want) and all(match(w, g, names) for w, g in zip(want, got))


def match_unordered(want, got, names, how):
    n = how["unordered"]
    chains = [got[i:i + n] for i in range(0, len(got), n)]
    for i in range(0, len(want), n):
        w = want[i:i + n]
        for chain in chains:
            trial = Vars(names)
            if match_chain(w, chain, trial):
                names.update(trial)
                chains.remove(chain)
                break
        else:
            return False
    if "noextra" in how and "extra" not in how:
        return all(isinstance(c[0], bytes) and c[0].lower() in how.get("ignore", []) for c in chains)
    return True


def match_chain(want, got, names):
    if len(want) != len(got):
        return False
    before = None
    for w, g in zip(want, got):
        if isinstance(w, list) and isinstance(g, list):
            if not match_list(w, g, names, sub_default(before)):
                return False
        elif not match(w, g, names):
            return False
        before = w
    return True


def match_reply(want, reply, names):
    """want: tokens behind "* "; reply: (tokens, number as the command began)."""
    got, original = reply
    if len(want) > 1 and isinstance(want[0], bytes) and re.fullmatch(rb"\$\d+", want[0]):
        if original is None or int(want[0][1:]) != original:
            return False
        want, got = want[1:], got[1:]
    words = [w.upper() if isinstance(w, bytes) else w for w in want[:2]]
    if len(want) > len(got):
        return False
    if words and words[0] in (b"OK", b"NO", b"BAD", b"BYE"):
        return match_status(want, got, names)
    if not match_extra(want):
        if len(want) != len(got):
            return False
    last = None
    for w, g in zip(want, got):
        default = {}
        if isinstance(w, list):
            if b"FETCH" in words:
                default = {"unordered": 2}
            elif words[0] in (b"LIST", b"LSUB"):
                default = {"unordered": 1} if last is words[0] or last in (b"list", b"LIST", b"lsub") else {}
            elif words[0] == b"STATUS":
                default = {"unordered": 2}
            if not isinstance(g, list) or not match_list(w, g, names, default):
                return False
        elif not match(w, g, names):
            return False
        last = w
    return True


def match_extra(want):
    """ESEARCH and LIST replies may have more behind."""
    return isinstance(want[0], bytes) and want[0].lower() == b"list"


def match_status(want, got, names):
    """"ok [uidnext $x]": text behind does not matter."""
    if not match(want[0], got[0], names):
        return False
    for w, g in zip(want[1:], got[1:]):
        if not match(w, g, names):
            return False
    return True


# ---- scripts ----

class Script:
    def __init__(self, path, environment=()):
        text = path.read_bytes()
        head, _, body = text.partition(b"\n\n")
        self.name, self.header = path.name, {}
        for line in head.split(b"\n"):
            if line and not line.startswith(b"#"):
                key, _, value = line.decode().partition(":")
                self.header[key.strip()] = value.strip()
        self.connections = int(self.header.get("connections", "1"))
        self.state = self.header.get("state", "selected")
        self.capabilities = self.header.get("capabilities", "").upper().split()
        mbox = path.with_name(path.name + ".mbox")
        if not mbox.exists():
            mbox = path.with_name("default.mbox")
        self.messages = self.read_mbox(mbox)
        self.groups = self.read_groups(body, head.count(b"\n") + 3)

    @staticmethod
    def read_mbox(path):
        parts = re.split(rb"^From .*\n", path.read_bytes(), flags=re.M)[1:]
        return [p.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n") for p in parts]

    @staticmethod
    def lines(body, number):
        """Logical lines: a heredoc belongs to its line."""
        rest = body.split(b"\n")
        i = 0
        while i < len(rest):
            line, first = rest[i], i
            while line.count(b"{{{") > line.count(b"}}}") and i + 1 < len(rest):
                i += 1
                line += b"\n" + rest[i]
            yield number + first, line
            i += 1

    def read_groups(self, body, number):
        """(line, connection, commands [(tag or None, text)], wanted tagged {tag: (status, prefix)}, untagged)."""
        groups, skip, now = [], False, None
        for at, line in self.lines(body, number):
            if line.startswith(b"!ifenv"):
                skip = True
            elif line.startswith(b"!ifnenv"):
                skip = False
            elif line.startswith(b"!else"):
                skip = not skip
            elif line.startswith(b"!endif"):
                skip = False
            elif skip or not line.strip() or line.startswith(b"#"):
                continue
            else:
                now = self.add_line(groups, now, at, line)
        return groups

    def add_line(self, groups, now, at, line):
        if line[:2] in (b"* ", b"! ", b"? "):
            now["untagged"].append((line[:1].decode(), tokens(line[2:], True)))
            return now
        connection = 0
        if self.connections > 1:
            if m := re.match(rb"(\d+) ", line):
                connection, line = int(m[1]) - 1, line[m.end():]
        word, _, rest = line.partition(b" ")
        low = word.lower()
        status = low in (b"ok", b"no", b"bad", b'""')
        if status and now and now["open"] and now["commands"][-1][0] is None:
            now["tagged"] = {None: (low.strip(b'"'), rest)}         # method 2
            now["open"] = False
            return now
        if now and not status and now["open"] and now["tags"] and word in now["tags"]:
            stat, _, prefix = rest.partition(b" ")                  # method 3: the tagged reply
            now["tagged"][word] = (stat.lower().strip(b'"'), prefix)
            now["open"] = len(now["tagged"]) < len(now["commands"])
            return now
        if not status and low.decode(errors="replace") not in COMMANDS:
            if not (now and now["open"] and now["tags"] and now["connection"] == connection):
                now = self.group(groups, at, connection)
                now["open"] = True
            now["commands"].append((word, rest))
            now["tags"].add(word)
            return now
        now = self.group(groups, at, connection)
        now["commands"].append((None, rest if status else line))
        now["open"] = not status
        if status:
            now["tagged"] = {None: (low.strip(b'"'), b"")}          # method 1
        return now

    @staticmethod
    def group(groups, at, connection):
        groups.append(dict(line=at, connection=connection, commands=[], tags=set(), tagged={}, untagged=[], open=False))
        return groups[-1]


class Runner:
    def __init__(self, path, user, script, capabilities):
        self.script, self.path, self.user = script, path, user
        self.missing = [c for c in script.capabilities if c not in capabilities]
        self.names = Vars({b"mailbox": b"imaptest", b"user": user.encode(), b"username": user.split("@")[0].encode(),
                           b"domain": user.split("@")[1].encode(), b"password": b"x", b"mailbox_url": b"imaptest"})
        self.next_message = 0

    def run(self):
        self.conns = [Raw(self.path, None if self.script.state == "nonauth" else self.user)
                      for _ in range(self.script.connections)]
        self.counts = [[] for _ in self.conns]
        try:
            self.prepare()
            return [(g["line"], b"; ".join(c for _, c in g["commands"]).decode(errors="replace"), self.group(g))
                    for g in self.script.groups]
        finally:
            for c in self.conns:
                c.close()

    def prepare(self):
        level, c = STATES.index(self.script.state), self.conns[0]
        if level >= 2:
            c.ok("CREATE imaptest")
        if level >= 3:
            wanted = self.script.header.get("messages", "all")
            for _ in range(len(self.script.messages) if wanted == "all" else int(wanted)):
                c.append("imaptest", self.message())
        if level >= 4:
            for i, c in enumerate(self.conns):
                self.counts[i] = [None]
                self.note(i, c.ok("SELECT imaptest")[0])

    def message(self):
        m = self.script.messages[self.next_message % len(self.script.messages)]
        self.next_message += 1
        return m

    def note(self, i, lines):
        """Follows EXISTS and EXPUNGE; gives (tokens, the number as the command began)."""
        out, numbers = [], self.counts[i]
        original = list(range(1, len(numbers) + 1))
        for line in lines:
            got = tokens(line[2:] if line.startswith(b"* ") else line)
            first = None
            if len(got) > 1 and got[0].isdigit():
                n, word = int(got[0]), got[1].upper()
                if word == b"EXISTS":
                    numbers.extend([None] * (n - len(numbers)))
                    original.extend([None] * (n - len(original)))
                elif word in (b"EXPUNGE", b"FETCH") and 1 <= n <= len(original):
                    first = original[n - 1]
                    if word == b"EXPUNGE":
                        del original[n - 1]
                        del numbers[n - 1]
            out.append((got, first))
        return out

    def wire(self, text):
        text = self.names.expand(text)
        if re.fullmatch(rb"(?i)append( *| [^ {]+( \([^)]*\))?)", text):
            m = self.message()
            parts = text.split(b" ", 1)
            return b"append " + (parts[1] if len(parts) > 1 else b"imaptest") + b" {%d+}\r\n" % len(m) + m
        while (i := text.find(b"{{{\n")) >= 0:
            raw = text[i - 1:i] == b"~"
            content, end = heredoc(text, i - raw)
            text = text[:i] + b"{%d+}\r\n" % len(content) + content + text[end:]
        return text

    def group(self, g):
        i = g["connection"]
        c = self.conns[i]
        tags = []
        for tag, text in g["commands"]:
            c.n += 1
            tags.append(tag.decode() if tag else f"x{c.n}")
            if re.match(rb"(?i)select|examine", text):
                self.counts[i] = []
            c.send(tags[-1].encode() + b" " + self.wire(text) + b"\r\n")
        self.names[b"searchtag"] = tags[-1].encode()
        try:
            return self.judge(g, i, [c.until(t) for t in tags])
        except (EOFError, OSError, ValueError) as e:
            return f"connection: {e!r}"

    def judge(self, g, i, results):
        replies = self.note(i, [line for untagged, _ in results for line in untagged])
        for (tag, _), (_, got) in zip(g["commands"], results):
            status, prefix = g["tagged"].get(tag, (b"", b""))
            if status and got.split(b" ")[0].lower() != status:
                return f"answered {got.decode(errors='replace')}"
            if prefix and not match_status(tokens(prefix, True), tokens(got.partition(b" ")[2].split(b"]")[0] + b"]"),
                                           self.names):
                return f"answered {got.decode(errors='replace')}"
        for kind, want in g["untagged"]:
            trial = Vars(self.names)
            found = False
            for r in replies:
                trial = Vars(self.names)
                if match_reply(want, r, trial):
                    found = True
                    break
            if kind == "*" and not found:
                return f"no reply {want} in {[r[0] for r in replies]}"
            if kind == "!" and found:
                return f"reply {want}"
            if found and kind == "*":
                self.names.update(trial)
        return ""
