"""Table 2: numbers of training and test videos in the three kinds of split."""

from __future__ import annotations

from vadlab import catalog
from vadlab.errors import VadlabError
from vadlab.report.paper_figures import picture
from vadlab.report.paper_tables import Column, PaperTable, Value, missing
from vadlab.reproduce import notes
from vadlab.reproduce.bench import Bench, Source
from vadlab.reproduce.published import DATASETS
from vadlab.splits import TABLE_2
from vadlab.types import Supervision

__all__ = ["table2"]

KINDS = {
    Supervision.UNSUPERVISED: "unsupervised",
    Supervision.WEAK: "weakly supervised",
    Supervision.FULL: "fully supervised",
}


def table2(bench: Bench) -> PaperTable:
    """The paper's sizes of all its datasets, and ours of those at hand; seed of the draw: the first."""
    found = {source.name: _sizes(source, bench.seeds[0]) for source in bench.sources}
    labels = {source.name: source.label for source in bench.sources}
    columns = [Column("Split"), Column("Part")]
    for name in dict.fromkeys((*DATASETS, *found)):
        columns += [Column(f"{DATASETS[name]}, paper", "published")] if name in DATASETS else []
        columns += [Column(f"{labels[name]}, ours", "measured")] if name in found else []
    rows = []
    for kind, label in KINDS.items():
        for part in ("train", "test"):
            row = [Value(label), Value(part)]
            for name in dict.fromkeys((*DATASETS, *found)):
                row += [_printed(name, kind, part)] if name in DATASETS else []
                row += [_ours(found[name], kind, part)] if name in found else []
            rows.append(tuple(row))
    drawn = tuple(
        note for note in notes.of_measuring(tuple(found)) if note.startswith(tuple(f"{n}:" for n in found))
    )
    title = "Table 2: training and test videos"
    texts = [[value.text for value in row] for row in rows]
    return PaperTable(
        "table2",
        title,
        tuple(columns),
        tuple(rows),
        protocol=(f"seed {bench.seeds[0]}; split of the paper (`vadlab train --split paper`)",),
        notes=drawn,
        figure=picture([column.heading for column in columns], texts, title=title),
        failures=tuple(dict.fromkeys(of for of in found.values() if isinstance(of, str))),
    )


def _sizes(source: Source, seed: int) -> dict[tuple[Supervision, str], int | str] | str:
    """Sizes by kind and part; a text says why there are none."""
    sizes: dict[tuple[Supervision, str], int | str] = {}
    try:
        dataset = catalog.load("datasets", source.name)(source.root)
    except VadlabError as error:
        return str(error)
    for kind in KINDS:
        try:
            split = dataset.split(kind, seed=seed)
        except VadlabError as error:
            sizes |= {(kind, part): str(error).partition("\n")[0] for part in ("train", "test")}
            continue
        sizes |= {(kind, "train"): len(split.train) + len(split.val), (kind, "test"): len(split.test)}
    return sizes


def _ours(sizes: dict[tuple[Supervision, str], int | str] | str, kind: Supervision, part: str) -> Value:
    found = sizes if isinstance(sizes, str) else sizes[kind, part]
    return missing(found.partition("\n")[0]) if isinstance(found, str) else Value(f"{found:,}", mean=found)


def _printed(name: str, kind: Supervision, part: str) -> Value:
    unsupervised, train, test = TABLE_2[name]
    size = test if part == "test" else unsupervised if kind is Supervision.UNSUPERVISED else train
    return Value(f"{size:,}", mean=size)
