"""formats/mime against four collections of cases that other parsers come with.

Each test prints a table: how many agree, which differ and why. A difference that is not listed in mime_known.py
fails the test, and so does a listed one that has gone: the list then loses its line. docs/design/mime-conformance.md
has the totals.
"""
import base64
import datetime
import email
import email.policy
import json
import os
import pathlib
import re
import subprocess
import xml.etree.ElementTree

import pytest

import lab
from mime_known import KNOWN

SHARED = pathlib.Path(os.environ.get("POSTA_SHARED", lab.ROOT.parent / "shared"))


def cases(name):
    path = SHARED / "conformance" / name
    if not path.exists():
        pytest.skip(f"no conformance/{name} beside the checkout")
    return path


@pytest.fixture(scope="session")
def dump():
    tool = lab.tool("tests/conformance/mime-dump")

    def run(what, data):
        done = subprocess.run([tool, what], input=data, capture_output=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)
    return run


class Table:
    """What agrees, what differs, and whether the differences are the known ones."""

    def __init__(self, name):
        self.name, self.agree, self.differ = name, [], {}

    def add(self, case, ours, theirs):
        if ours == theirs:
            self.agree.append(case)
        else:
            self.differ[case] = (ours, theirs)

    def close(self):
        known = KNOWN.get(self.name, {})
        print(f"\n{self.name}: {len(self.agree)} agree, {len(self.differ)} differ")
        for case, (ours, theirs) in self.differ.items():
            print(f"  {case}: {known.get(case, 'UNKNOWN')}")
            if case not in known:
                print(f"    ours   {str(ours)[:2000]}\n    theirs {str(theirs)[:2000]}")
        new = sorted(set(self.differ) - set(known))
        gone = sorted(set(known) - set(self.differ))
        assert not new, f"{self.name}: differs and is not listed: {new}"
        assert not gone, f"{self.name}: listed as different but agrees, or is absent: {gone}"


def crlf(data):
    return re.sub(rb"\r?\n", b"\r\n", data)


def lf(data):
    return data.replace(b"\r\n", b"\n")


# ---------------------------------------------------------------- Dovecot

def test_dovecot(dump):
    vectors = json.loads((cases("imap-mime-dovecot") / "vectors.json").read_text())
    table = Table("imap-mime-dovecot")
    for case in vectors["bodystructure"]:
        got = dump("message", crlf(case["message"].encode("latin-1")))
        table.add(case["id"], (got["body"][1:-1], got["bodystructure"][1:-1]), (case["body"], case["bodystructure"]))
    for case in vectors["bodystructure_normalize"]:
        # The table turns a short form into the long one; we make the long one from the message.
        got = dump("message", crlf(case["message"].encode("latin-1")))
        table.add(case["id"], got["bodystructure"][1:-1], case["output"])
    for case in vectors["envelope"]:
        got = dump("message", crlf(case["message"].encode("latin-1")))
        table.add(case["id"], got["envelope"][1:-1], case["envelope"])
    for case in vectors["address"]:
        got = dump("addresses", case["input"].encode("latin-1"))
        ours = [(m["name"], m["route"], m["mailbox"] or "", m["domain"] or "", m["bad"]) for m in got]
        theirs = [(case["name"], case["route"], case["mailbox"], case["domain"], case["invalid_syntax"])]
        table.add(case["id"], ours, theirs)
    table.close()


# ---------------------------------------------------------------- Python

def python_tree(message):
    if message.is_multipart() and message.get_content_maintype() == "multipart":
        return (message.get_content_type(), [python_tree(p) for p in message.get_payload()])
    if message.is_multipart() and message.get_content_type() in ("message/rfc822", "message/global"):
        return (message.get_content_type(), [python_tree(message.get_payload()[0])])
    if message.get_content_maintype() == "message":  # delivery-status and others: Python parses them, IMAP does not
        return (message.get_content_type(), None)
    return (message.get_content_type(), lf(message.get_payload(decode=True) or b""))


def our_tree(part, name="decoded"):
    kind = f"{part['type']}/{part['subtype']}"
    if part["kind"] != "leaf":
        return (kind, [our_tree(c, name) for c in part["children"]])
    if part["type"] == "message":
        return (kind, None)
    return (kind, lf(base64.b64decode(part[name])))


def test_python(dump):
    table = Table("mime-python")
    for path in sorted(cases("mime-python").glob("msg_*.txt")):
        data = path.read_bytes()
        theirs = python_tree(email.message_from_bytes(data, policy=email.policy.default))
        table.add(path.name, our_tree(dump("message", data)["tree"]), theirs)
    table.close()


# ---------------------------------------------------------------- Mime4j

def mime4j_node(element):
    """(fields, children) of a container, (fields, body) of a leaf."""
    fields = [" ".join((f.text or "").split()) for f in element.find("header")]
    inner = element.find("multipart")
    if inner is not None:
        return (fields, [mime4j_node(p) for p in inner.findall("body-part")])
    if element.find("message") is not None:
        return (fields, [mime4j_node(element.find("message"))])
    body = element.find("body")
    return (fields, (body.text or "")[1:] if body is not None else "")


def our_mime4j(part):
    fields = [" ".join(f"{n}:{v}".split()) for n, v in part["fields"]]
    if part["kind"] != "leaf":
        return (fields, [our_mime4j(c) for c in part["children"]])
    return (fields, base64.b64decode(part["body"]).decode("latin-1").replace("\r\n", "\n"))


def our_decoded(part, name):
    """Decoded bodies by Mime4j's numbers: 1 is the message, 1_2 its second part."""
    if part["kind"] == "leaf":
        yield name, lf(base64.b64decode(part["decoded"]))
    for i, child in enumerate(part["children"], 1):
        yield from our_decoded(child, f"{name}_{i}")


def test_mime4j(dump):
    folder = cases("mime-mime4j")
    table = Table("mime-mime4j")
    for path in sorted(folder.glob("*.msg")):
        tree = dump("message", path.read_bytes())["tree"]
        text = path.with_suffix(".xml").read_bytes().decode("latin-1")
        text = re.sub("[^\t\n\r -\ud7ff]", "?", text.replace("\r\n", "\n"))
        ours = json.loads(re.sub(r"\\u00[01][0-8b-cef]", "?", json.dumps(our_mime4j(tree))))
        theirs = json.loads(json.dumps(mime4j_node(xml.etree.ElementTree.fromstring(text))))
        table.add(path.name, ours, theirs)
        bodies = dict(our_decoded(tree, "1"))
        used = (folder / f"{path.stem}_decoded.xml").read_bytes().decode("latin-1")  # some files are left-overs
        for name, number in re.findall(r'name="([^"]*_decoded_([0-9_]+)\.(?:txt|bin))"', used):
            table.add(name, bodies.get(number), lf((folder / name).read_bytes()))
    table.close()


# ---------------------------------------------------------------- mail-parser

def their_part(part, parts, data):
    kind, body = next(iter(part["body"].items())) if isinstance(part["body"], dict) else (part["body"], None)
    at = [part["offset_header"], part["offset_body"], part["offset_end"]]
    if kind == "Multipart":
        return (at, [their_part(parts[i], parts, data) for i in body])
    if kind == "Message":
        return (at, [their_part(body["parts"][0], body["parts"], data)])
    if kind in ("Text", "Html"):
        return (at, body.replace("\r\n", "\n"))
    return (at, lf(bytes(body)))


def our_part(part, theirs):
    if part["kind"] != "leaf":
        inner = theirs[1] if isinstance(theirs[1], list) else []
        children = [our_part(c, inner[i] if i < len(inner) else (0, "")) for i, c in enumerate(part["children"])]
        return (part["at"], children)
    if isinstance(theirs[1], bytes):
        return (part["at"], lf(base64.b64decode(part["decoded"])))
    return (part["at"], part["text"].replace("\r\n", "\n"))


def test_mail_parser_messages(dump):
    table = Table("mime-mail-parser messages")
    folder = cases("mime-mail-parser") / "eml"
    for path in sorted(folder.glob("*/*.eml")):
        data = lf(path.read_bytes())
        for name, message in ((".json", data), (".crlf.json", data.replace(b"\n", b"\r\n"))):
            expected = path.with_suffix(name)
            parts = json.loads(expected.read_text())["parts"]
            theirs = their_part(parts[0], parts, message)
            ours = our_part(dump("message", message)["tree"], theirs)
            table.add(f"{path.parent.name}/{expected.name}", ours, theirs)
    table.close()


def first_field(value):
    """Some values hold more than one field: the first one ends where a line begins with no white space."""
    return re.split(r"\n(?![ \t])", value)[0].encode()


def address_list(got):
    groups, members = [], None
    plain = []
    for m in got:
        address = None if m["mailbox"] is None else m["mailbox"] + ("@" + m["domain"] if m["domain"] else "")
        if m["kind"] == "start":
            if plain:
                groups.append({"name": None, "addresses": plain})
                plain = []
            members = {"name": m["display"], "addresses": []}
            groups.append(members)
        elif m["kind"] == "end":
            members = None
        else:
            (members["addresses"] if members else plain).append({"name": m["display"], "address": address})
    if not groups:
        return {"List": plain} if plain else None
    return {"Group": groups + ([{"name": None, "addresses": plain}] if plain else [])}


def date_value(expected):
    if expected is None:
        return None
    zone = (expected["tz_hour"] * 60 + expected["tz_minute"]) * (-1 if expected["tz_before_gmt"] else 1)
    try:
        when = datetime.datetime(*(expected[k] for k in ("year", "month", "day", "hour", "minute", "second")),
                                 tzinfo=datetime.timezone(datetime.timedelta(minutes=zone)))
    except ValueError:
        return expected
    return [int(when.timestamp()), zone]


def header_cases(kind):
    path = cases("mime-mail-parser") / "headers" / f"{kind}.json"
    return enumerate(json.loads(path.read_text()))


def test_mail_parser_headers(dump):
    table = Table("mime-mail-parser headers")
    for i, case in header_cases("address"):
        table.add(f"address-{i}", address_list(dump("addresses", first_field(case["header"]))), case["expected"])
    for i, case in header_cases("content_type"):
        got, want = dump("typed", first_field(case["header"])), case["expected"]
        ours = (got["type"], got["subtype"], sorted(got["params"]))
        theirs = (want["c_type"], want["c_subtype"] or "", sorted(want["attributes"] or [])) if want else ("", "", [])
        table.add(f"content_type-{i}", ours, theirs)
    for i, case in header_cases("date"):
        table.add(f"date-{i}", dump("date", first_field(case["header"])), date_value(case["expected"]))
    for i, case in header_cases("received"):
        # Of Received we read the date, behind the last semicolon.
        value = first_field(case["header"]).rpartition(b";")[2]
        table.add(f"received-{i}", dump("date", value), date_value(case["expected"].get("date")))
    for i, case in header_cases("id"):
        table.add(f"id-{i}", dump("ids", first_field(case["header"])) or None, case["expected"])
    for i, case in header_cases("unstructured"):
        table.add(f"unstructured-{i}", dump("words", first_field(case["header"])), case["expected"])
    for i, case in header_cases("list"):
        ours = [w.strip() for w in dump("words", first_field(case["header"])).split(",")]
        table.add(f"list-{i}", [re.sub(r"\s+", " ", w) for w in ours], case["expected"])
    table.close()
