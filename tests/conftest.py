"""The fixtures of all black-box tests.

platform        one for the whole run of tests: leave it as you found it
own_platform    a factory for a test that stops, breaks or configures things
"""
import pytest

from lab import Platform


def pytest_addoption(parser):
    parser.addoption("--slow", action="store_true", help="run the tests marked slow as well")


def pytest_configure(config):
    config.addinivalue_line("markers", "slow: takes minutes; ./test --long runs it")


def pytest_collection_modifyitems(config, items):
    if not config.getoption("--slow"):
        for item in items:
            if "slow" in item.keywords:
                item.add_marker(pytest.mark.skip(reason="slow: ./test --long runs it"))


@pytest.fixture(scope="session", autouse=True)
def readable(tmp_path_factory):
    """Servers that tests start drop root, and read what a test wrote: the folders above all temporary ones are 0700 at first."""
    base = tmp_path_factory.getbasetemp()
    for folder in (base, *base.parents):
        if folder.name.startswith(("pytest", "popen")):
            folder.chmod(0o755)


@pytest.fixture(scope="session")
def platform():
    p = Platform()
    try:
        yield p.start()
        assert p.stop() == 0
    finally:
        p.remove()


@pytest.fixture
def own_platform():
    """own_platform(settings="relay: {...};") gives a Platform that is not started yet."""
    made = []

    def make(settings=""):
        made.append(Platform(settings))
        return made[-1]
    yield make
    for p in made:
        p.remove()
