"""What every folder of tests may use."""

import json
from pathlib import Path

import pytest
from hypothesis import settings

from databases import fresh_url, postgres, url  # noqa: F401  fixtures
from postgres_server import MISSING

settings.register_profile("solvent", deadline=None, derandomize=True)
settings.load_profile("solvent")

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def real() -> Path:
    """The folder of recorded accounts, which is kept beside the project and not in it."""
    folder = ROOT.parent / "shared" / "real"
    if not folder.is_dir():
        pytest.skip(f"no recorded data: {folder} does not exist")
    return folder


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT


@pytest.fixture
def bundle_file(tmp_path):
    """Write a bundle (data, text or bytes) and give its path."""

    def write(body, name="bundle.json"):
        path = tmp_path / name
        data = body if isinstance(body, bytes) else (body if isinstance(body, str) else json.dumps(body)).encode()
        path.write_bytes(data)
        return path

    return write


@pytest.fixture
def command(capsys, monkeypatch):
    """Run the `solvent` command in this process: gives exit code, standard output, standard error."""
    from solvent.cli import main

    def run(*arguments):
        monkeypatch.setattr("sys.argv", ["solvent", *map(str, arguments)])
        capsys.readouterr()
        try:
            main()
            code = 0
        except SystemExit as leaving:
            code = leaving.code or 0
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


def pytest_terminal_summary(terminalreporter):
    """What was left out for want of a database is said aloud: in silence it would pass for tested."""
    left_out = [r for r in terminalreporter.stats.get("skipped", []) if MISSING in str(r.longrepr)]
    if left_out:
        line = f"NOT TESTED ON POSTGRESQL: {len(left_out)} tests were skipped. {MISSING}"
        terminalreporter.write_line(line, red=True, bold=True)
