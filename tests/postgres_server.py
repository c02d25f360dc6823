"""A PostgreSQL server of our own in a temporary folder: no network, no shared state."""

import os
import pwd
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path

MISSING = "PostgreSQL's server is not installed: run `make postgres` (apt-get; needs root or sudo)"
SERVER = (
    "-c listen_addresses='' -c fsync=off -c full_page_writes=off -c synchronous_commit=off "
    "-c max_connections=60 -k "
)


def binaries():
    """The folder with initdb and pg_ctl; None where there is none."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    if tool := shutil.which("pg_config"):
        said = subprocess.run([tool, "--bindir"], capture_output=True, text=True, check=False)
        found.append(Path(said.stdout.strip()))
    if tool := shutil.which("initdb"):
        found.append(Path(tool).resolve().parent)
    return next((f for f in found if (f / "initdb").exists() and (f / "pg_ctl").exists()), None)


def unprivileged():
    """Whom the server runs as: it refuses to run as root. None: as ourselves."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return next(name for name in ("postgres", "nobody") if name in names)


@contextmanager
def cluster():
    """Run a server; gives its socket's folder and the superuser's name."""
    tools, user = binaries(), unprivileged()
    folder = Path(tempfile.mkdtemp(prefix="solvent-pg-", dir="/tmp"))  # A socket's path may hold only 107 bytes.
    name = user or pwd.getpwuid(os.geteuid()).pw_name
    if user is not None:
        shutil.chown(folder, user)
    data = folder / "data"

    def run(*words):
        done = subprocess.run(
            words,
            user=user,
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
            env={"PATH": os.environ["PATH"], "LC_ALL": "C", "HOME": str(folder)},
        )
        assert done.returncode == 0, f"{words[0]}: {done.stdout}{done.stderr}"

    try:
        run(str(tools / "initdb"), "-D", str(data), "-U", name, "-A", "trust", "-E", "UTF8", "--no-sync")
        run(
            str(tools / "pg_ctl"),
            "-D",
            str(data),
            "-w",
            "-t",
            "60",
            "-l",
            str(folder / "log"),
            "-o",
            SERVER + str(folder),
            "start",
        )
        try:
            yield folder, name
        finally:
            run(str(tools / "pg_ctl"), "-D", str(data), "-m", "immediate", "-w", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
