"""One SQLite file: made once, whole transactions, and nothing done to files of others."""

from __future__ import annotations

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from vadlab.errors import StoreError
from vadlab.sqlite_file import SqliteFile

SCHEMA = ("CREATE TABLE notes (n INTEGER)", "CREATE TABLE total (n INTEGER)", "INSERT INTO total VALUES (0)")


def opened(path: Path, version: int = 2) -> SqliteFile:
    return SqliteFile(path, what="notebook", version=version, schema=SCHEMA)


def test_several_at_once_make_the_file_once_and_lose_nothing(tmp_path: Path) -> None:
    path, together = tmp_path / "folder" / "a.sqlite", Barrier(4)

    def work(number: int) -> None:
        together.wait()
        one = opened(path)
        for i in range(5):
            with one.writing() as file:
                (before,) = file.execute("SELECT n FROM total").fetchone()
                file.execute("INSERT INTO notes VALUES (?)", (5 * number + i,))
                file.execute("UPDATE total SET n = ?", (before + 1,))
        one.close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    one = opened(path)
    assert sorted(n for (n,) in one.rows("SELECT n FROM notes")) == list(range(20))
    assert [tuple(row) for row in one.rows("SELECT n FROM total")] == [(20,)]
    one.close()


def test_a_transaction_that_fails_leaves_no_trace(tmp_path: Path) -> None:
    one = opened(tmp_path / "a.sqlite")
    with pytest.raises(KeyError), one.writing() as file:
        file.execute("INSERT INTO notes VALUES (1)")
        raise KeyError
    with pytest.raises(StoreError, match="notebook cannot be used"), one.writing() as file:
        file.execute("INSERT INTO notes VALUES (1)")
        file.execute("INSERT INTO nowhere VALUES (1)")
    assert one.rows("SELECT n FROM notes") == []
    with one.writing() as file:  # and the file is free again
        file.execute("INSERT INTO notes VALUES (:n)", {"n": 7})
    assert [row["n"] for row in one.rows("SELECT n FROM notes WHERE n = :n", {"n": 7})] == [7]
    one.close()


@pytest.mark.parametrize("version", [None, 0, 1, 3], ids=["text", "foreign", "older", "later"])
def test_files_of_others_are_refused_and_not_touched(tmp_path: Path, version: int | None) -> None:
    path = tmp_path / "a.sqlite"
    if version is None:
        path.write_text("no database " * 100)
    else:
        raw = sqlite3.connect(path)
        raw.execute("CREATE TABLE songs (title)")
        raw.execute(f"PRAGMA user_version = {version}")
        raw.close()
    before = path.read_bytes()
    with pytest.raises(StoreError, match="notebook") as refused:
        opened(path)
    assert refused.value.file == path
    assert ("update vadlab" in str(refused.value)) == (version == 3)
    assert path.read_bytes() == before
    assert [one.name for one in tmp_path.iterdir()] == ["a.sqlite"]
