"""The lists of ./run, as anyone can try them."""
from test_before_data import rcpt


def query(p, what):
    lines = p.posta("dnsbl", "query", what, check=False).stdout.splitlines()
    return {line.split()[0]: line.split()[-1] for line in lines if " listed " in f"{line} " and "not listed" not in line}


def test_lists(platform):
    assert query(platform, "192.0.2.5") == {"bl.demo.test": "127.0.0.2"}
    assert query(platform, "www.spam.example") == {"dbl.demo.test": "127.0.0.2"}
    assert query(platform, "www.phish.example.com") == {"uribl.demo.test": "127.0.0.8"}
    assert query(platform, "198.51.100.9") == {"uribl.demo.test": "127.0.0.64"}
    assert query(platform, "example.com") == {}


def test_before_data(platform):
    assert rcpt(platform) == (550, "5.7.1 127.0.0.2 is listed by bl.demo.test")
    assert rcpt(platform, source="127.0.0.3", sender="x@spam.example")[0] == 550
    assert rcpt(platform, source="127.0.0.3")[0] == 250
    assert rcpt(platform, source="127.0.0.1", sender="x@spam.example")[0] == 250
