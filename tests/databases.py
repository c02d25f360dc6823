"""Both databases for tests: the same test runs on each."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from itertools import count

import pytest

from postgres_server import MISSING, binaries, cluster

_numbers = count(1)


@pytest.fixture(scope="session")
def postgres():
    """A running server: gives a function that makes an empty database and returns its URL."""
    if binaries() is None:
        pytest.skip(MISSING)
    import asyncpg

    with cluster() as (folder, user):

        def fresh():
            name = f"solvent_{next(_numbers)}"

            async def make():
                connection = await asyncpg.connect(host=str(folder), user=user, database="postgres")
                try:
                    await connection.execute(f'CREATE DATABASE "{name}"')
                finally:
                    await connection.close()

            with ThreadPoolExecutor(1) as aside:  # A test may call this from a running loop.
                aside.submit(lambda: asyncio.run(make())).result()
            return f"postgresql://{user}@/{name}?host={folder}"

        yield fresh


@pytest.fixture(params=["sqlite", "postgresql"])
def fresh_url(request, tmp_path):
    """Makes empty databases of one kind."""
    if request.param == "postgresql":
        return request.getfixturevalue("postgres")
    numbers = count(1)
    return lambda: str(tmp_path / f"solvent{next(numbers)}.db")


@pytest.fixture
def url(fresh_url):
    return fresh_url()
