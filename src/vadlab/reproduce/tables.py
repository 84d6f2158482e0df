"""All tables and figures by name."""

from __future__ import annotations

from collections.abc import Callable

from vadlab.errors import UsageError
from vadlab.report.paper_tables import PaperTable
from vadlab.reproduce.bench import Bench
from vadlab.reproduce.fig3 import fig3
from vadlab.reproduce.fig5 import fig5
from vadlab.reproduce.fig6 import fig6
from vadlab.reproduce.fig7 import fig7
from vadlab.reproduce.table1 import table1
from vadlab.reproduce.table2 import table2
from vadlab.reproduce.table3 import table3
from vadlab.reproduce.table4 import table4
from vadlab.reproduce.table5 import table5
from vadlab.reproduce.table6 import table6

__all__ = ["MAKERS", "make"]

MAKERS: dict[str, Callable[[Bench], PaperTable]] = {
    maker.__name__: maker
    for maker in (table1, table2, table3, table4, table5, table6, fig3, fig5, fig6, fig7)
}


def make(name: str, bench: Bench) -> PaperTable:
    """A table or figure of the paper on the data at hand; only what is missing of it is run.

    Raises:
        UsageError: If there is none of that name, or a setting is not for it.
    """
    if name not in MAKERS:
        raise UsageError(f"no table or figure {name!r}", expected=" | ".join(MAKERS))
    return MAKERS[name](bench)
