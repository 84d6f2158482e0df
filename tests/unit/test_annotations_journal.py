"""The journal: whatever two people do in whatever order, and whoever is killed, nothing is lost."""

from __future__ import annotations

import functools
import itertools
import signal
import sqlite3
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vadlab.annotations.journal import Journal, StaleError
from vadlab.annotations.marks import Mark
from vadlab.annotations.operations import DECISION, Document, Operation, apply
from vadlab.errors import StoreError, UsageError

A, B = Mark(3, 9, "Fire", "smoke first"), Mark(5, 60)
IDS = itertools.count()


def replay(operations: list[Operation]) -> Document:
    return functools.reduce(apply, operations, Document())


def do(
    kind: str, mark: str | None = None, value: Mark | None = None, *, by: str = "ann", **more
) -> Operation:
    marks = {} if value is None or mark is None else {mark: value}
    return Operation(f"op{next(IDS)}", by, more.pop("annotator", by), "a.mp4", kind, mark, marks, **more)


def test_undo_and_redo_go_through_every_change() -> None:
    document = replay([do("add", "a", A), do("add", "b", B), do("change", "a", B), do("remove", "b")])
    states = [{"a": B}, {"a": B, "b": B}, {"a": A, "b": B}, {"a": A}, {}]
    for expected in states[1:]:
        document = apply(document, do("undo"))
        assert dict(document.marks) == expected
    with pytest.raises(UsageError, match="nothing to undo"):
        apply(document, do("undo"))
    for expected in states[-2::-1]:
        document = apply(document, do("redo"))
        assert dict(document.marks) == expected
    with pytest.raises(UsageError, match="nothing to redo"):
        apply(document, do("redo"))
    assert not apply(apply(document, do("undo")), do("add", "c", A)).future


def test_what_makes_no_sense_is_refused() -> None:
    document = replay([do("add", "a", A)])
    with pytest.raises(UsageError, match="already"):
        apply(document, do("add", "a", B))
    with pytest.raises(UsageError, match="no such mark"):
        apply(document, do("remove", "z"))
    with pytest.raises(UsageError, match="marks of others"):
        do("add", "a", A, annotator="bob")
    with pytest.raises(UsageError, match="does not fit"):
        do("change", "a")
    with pytest.raises(UsageError, match="does not fit"):
        do("undo", "a")
    with pytest.raises(UsageError, match="malformed"):
        do("add", "../a", A)
    with pytest.raises(UsageError, match="needs a name"):
        do("finish", by=" ")
    with pytest.raises(UsageError, match="no such operation"):
        do("delete")


def test_own_marks_are_sealed_once_others_were_seen_and_decisions_are_not() -> None:
    seen = replay([do("add", "a", A), do("finish"), do("reveal")])
    assert (seen.finished, seen.sealed) == (True, True)
    for late in (do("undo"), do("change", "a", B), do("finish"), do("reopen")):
        with pytest.raises(UsageError, match="has seen others' marks"):
            apply(seen, late)
    decision = replay([do("add", "a", A, by=name, annotator=DECISION) for name in ("ann",)])
    decision = apply(decision, do("change", "a", B, by="bob", annotator=DECISION))
    assert (decision.by, dict(decision.marks)) == ("bob", {"a": B})


def test_a_stale_change_is_refused_with_what_there_is_now(tmp_path: Path) -> None:
    with Journal(tmp_path / "j.sqlite") as here, Journal(tmp_path / "j.sqlite") as there:
        here.append(do("add", "a", A), base=0)
        with pytest.raises(StaleError) as refused:
            there.append(do("add", "b", B), base=0)
        assert refused.value.document == here.document("ann", "a.mp4")
        there.append(do("add", "b", B), base=refused.value.document.revision)
        assert dict(here.document("ann", "a.mp4").marks) == {"a": A, "b": B}


def test_the_same_request_twice_is_done_once(tmp_path: Path) -> None:
    with Journal(tmp_path / "j.sqlite") as journal:
        operation = do("add", "a", A)
        first = journal.append(operation, base=0)
        assert journal.append(operation, base=0) == first
        with pytest.raises(UsageError, match="used again"):
            journal.append(Operation(operation.id, "ann", "ann", "a.mp4", "undo"), base=1)
        assert [entry.operation for entry in journal.entries()] == [operation]


def test_time_and_person_are_kept(tmp_path: Path) -> None:
    with Journal(tmp_path / "j.sqlite", clock=itertools.count(100).__next__) as journal:
        journal.append(do("finish"), base=0)
        journal.append(do("replace", by="bob", annotator=DECISION), base=0)
        told = [(entry.time, entry.operation.by, entry.operation.annotator) for entry in journal.entries()]
        assert told == [(100, "ann", "ann"), (101, "bob", DECISION)]
        assert {key: one.revision for key, one in journal.documents().items()} == {
            ("ann", "a.mp4"): 1,
            (DECISION, "a.mp4"): 1,
        }


def test_the_file_refuses_to_forget(tmp_path: Path) -> None:
    with Journal(tmp_path / "j.sqlite") as journal:
        journal.append(do("finish"), base=0)
    raw = sqlite3.connect(tmp_path / "j.sqlite")
    for command in ("DELETE FROM operations", "UPDATE operations SET who = 'bob'"):
        with pytest.raises(sqlite3.IntegrityError, match="only added to"):
            raw.execute(command)
    raw.close()


@pytest.mark.parametrize("kind", ["text", "later", "foreign"])
def test_other_files_are_refused_and_left_alone(tmp_path: Path, kind: str) -> None:
    file = tmp_path / "j.sqlite"
    if kind == "text":
        file.write_text("no database " * 100)
    else:
        raw = sqlite3.connect(file)
        raw.execute("PRAGMA user_version = 9" if kind == "later" else "CREATE TABLE notes (a)")
        raw.close()
    before = file.read_bytes()
    with pytest.raises(StoreError):
        Journal(file)
    assert file.read_bytes() == before


# Two people, each with a list of wishes; a wish names the how-manieth of the marks that are there.
WISHES = st.lists(
    st.tuples(
        st.sampled_from(["add", "add", "change", "remove", "undo", "redo", "replace", "finish", "reopen"]),
        st.integers(0, 3),
        st.integers(0, 50),
    ),
    max_size=7,
)


class Model:
    """One person's document as a slow, plain list of states; independent of `operations`."""

    def __init__(self) -> None:
        self.states: list[dict[str, Mark]] = [{}]
        self.at, self.finished, self.count = 0, False, 0

    def wish(self, kind: str, which: int, start: int) -> tuple[str, str | None, dict[str, Mark]] | None:
        """Kind, mark and marks of the operation that grants the wish, done here; None if it cannot be."""
        now, mark = dict(self.states[self.at]), Mark(start, start + 5, "Fire" if which else None)
        name = f"m{self.count}" if kind == "add" else list(now)[which % len(now)] if now else None
        if kind in ("finish", "reopen"):
            self.finished = kind == "finish"
            return kind, None, {}
        if kind in ("undo", "redo"):
            to = self.at + (1 if kind == "redo" else -1)
            if not 0 <= to < len(self.states):
                return None
            self.at = to
            return kind, None, {}
        if kind in ("change", "remove") and name is None:
            return None
        after = {"x": mark} if kind == "replace" else {**now, name: mark}
        if kind == "remove":
            del after[name]
        self.states, self.at, self.count = [*self.states[: self.at + 1], after], self.at + 1, self.count + 1
        if kind == "replace":
            return kind, None, after
        return kind, name, {} if kind == "remove" else {name: mark}


@settings(max_examples=40, deadline=None)
@given(ann=WISHES, bob=WISHES, order=st.randoms(use_true_random=False))
def test_any_interleaving_comes_to_the_same_marks(ann, bob, order) -> None:
    wishes, models = {"ann": ann, "bob": bob}, {"ann": Model(), "bob": Model()}
    turns = ["ann"] * len(ann) + ["bob"] * len(bob)
    order.shuffle(turns)
    with tempfile.TemporaryDirectory() as folder:
        journals = {name: Journal(Path(folder, "j.sqlite")) for name in wishes}
        done = []
        for name in turns:
            wished = models[name].wish(*wishes[name].pop(0))
            if wished is not None:
                operation = Operation(f"op{next(IDS)}", name, name, "a.mp4", *wished)
                journals[name].append(operation, base=sum(one.by == name for one in done))
                done.append(operation)
        for journal in journals.values():
            assert [entry.operation for entry in journal.entries()] == done
            for name, model in models.items():
                found = journal.document(name, "a.mp4")
                assert dict(found.marks) == model.states[model.at]
                assert found.finished == model.finished
                assert found == journal.documents().get((name, "a.mp4"), Document())
            journal.close()


@settings(max_examples=25, deadline=None)
@given(turns=st.lists(st.tuples(st.booleans(), st.booleans()), max_size=12))
def test_one_name_in_two_windows_loses_nothing(turns) -> None:
    """Each window keeps the revision it has seen; one that is refused loads anew and repeats."""
    with tempfile.TemporaryDirectory() as folder:
        journals = [Journal(Path(folder, "j.sqlite")) for _ in range(2)]
        seen, expected = [0, 0], {}
        for number, (window, repeat) in enumerate(turns):
            expected[f"m{number}"] = Mark(number, number + 1)
            operation = do("add", f"m{number}", expected[f"m{number}"])
            try:
                after = journals[window].append(operation, base=seen[window])
            except StaleError as error:
                assert seen[window] < number
                after = journals[window].append(operation, base=error.document.revision)
            if repeat:  # the answer was lost on its way
                after = journals[window].append(operation, base=seen[window])
            seen[window] = after.revision
            assert dict(after.marks) == expected
        for journal in journals:
            journal.close()


def test_threads_and_two_journals_at_once(tmp_path: Path) -> None:
    file = tmp_path / "j.sqlite"

    def work(name: str) -> None:
        with Journal(file) as journal:
            for number in range(15):
                journal.append(do("add", f"m{number}", Mark(number, number + 1), by=name), base=number)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, ("ann", "bob", "cem", "dan")))
    with Journal(file) as journal:
        found = journal.documents()
        assert sorted(name for name, _ in found) == ["ann", "bob", "cem", "dan"]
        assert all(len(one.marks) == one.revision == 15 for one in found.values())
        numbers = [entry.number for entry in journal.entries()]
    assert numbers == list(range(1, 61))


WRITER = """
import sys
from pathlib import Path
from vadlab.annotations.journal import Journal
from vadlab.annotations.marks import Mark
from vadlab.annotations.operations import Operation
journal, number = Journal(Path(sys.argv[1])), 0
while True:
    operation = Operation(f"op{number}", "ann", "ann", "a.mp4", "add", f"m{number}", {f"m{number}": Mark(number, number + 1)})
    number = journal.append(operation, base=number).revision
    print(number, flush=True)
"""  # noqa: E501


def test_a_killed_process_loses_nothing_that_it_acknowledged(tmp_path: Path) -> None:
    file, before = tmp_path / "j.sqlite", 0
    for until in (1, 20):
        writer = WRITER.replace(
            "number = Journal(Path(sys.argv[1])), 0", f"number = Journal(Path(sys.argv[1])), {before}"
        )
        with subprocess.Popen(
            [sys.executable, "-c", writer, file], stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            while int(process.stdout.readline()) < before + until:
                pass
            process.send_signal(signal.SIGKILL)
            told = [before + until, *map(int, process.stdout.read().split())]
        with Journal(file) as journal:
            document = journal.document("ann", "a.mp4")
            assert document.revision - told[-1] in (0, 1)  # the last may be done and not yet told
            expected = {f"m{k}": Mark(k, k + 1) for k in range(document.revision)}
            assert dict(document.marks) == expected
            before = document.revision
