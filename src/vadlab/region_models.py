"""How unlikely the motion and the foreground of a frame's regions are, place by place.

Paper: Leyva, Sanchez and Li, "Video anomaly detection with compact feature sets for online performance",
IEEE TIP 26(7), 2017; the rules are those of the authors' release. All is in logarithms: a cost is -log p.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from vadlab.aligned_words import nearest_words
from vadlab.mixtures import log_density
from vadlab.types import IntArray
from vadlab.video.perspective import cells, locations
from vadlab.video.region_features import Regions, support

__all__ = ["FLOW_LIMIT", "OCCUPANCY_LIMIT", "RegionModels", "frequency_table", "transition_table"]

Array: TypeAlias = NDArray[np.float64]

NEIGHBOUR = 0.2  # by which each touching cell multiplies a cell's probability
FLOW_LIMIT, OCCUPANCY_LIMIT = 50.0, 200.0  # of costs (ours)
LEAST = 1e-12  # probability in a table of words


def frequency_table(counts: IntArray) -> Array:
    """How common two words are together, from how often each was seen; no order in time (the release).

    Args:
        counts: (n,) of each word.

    Returns:
        (n + 1, n + 1), the sum of both counts over the largest such sum; 1 beside the last row and column,
        which stand for "no word yet".
    """
    table = np.ones((len(counts) + 1, len(counts) + 1))
    sums = counts[:, None] + counts[None]
    table[:-1, :-1] = sums / max(sums.max(), 1)
    return table


def transition_table(counts: IntArray) -> Array:
    """How probable a word is after another, from how often it followed; one is added to every count.

    Args:
        counts: (n, n) earlier word, later word.

    Returns:
        (n + 1, n + 1); the first n columns of the first n rows sum to 1; 1 in the last row and column, which
        stand for "no word yet".
    """
    table = np.ones((len(counts) + 1, len(counts) + 1))
    table[:-1, :-1] = (counts + 1) / (counts + 1).sum(axis=1, keepdims=True)
    return table


@dataclass(frozen=True)
class RegionModels:
    """Models of places; n words, k components, locations and cells as `perspective` lists them.

    Args:
        height, width: Pixels of the frames.
        flow: (locations, 3, k) mixtures of the amount of motion; weights 0 where there is no model.
        words: (locations, n, 5) typical directions.
        occupancy: (cells, 3, k) mixtures of the number of foreground pixels; weights 0 where there is none.
        seen: (cells,) whether training had foreground there. Foreground has cost 0 in a cell that was seen
            too seldom for a model, and the limit's in one that never was.
        table: (n + 1, n + 1) of words, by `frequency_table` or `transition_table`.
        chained: Whether the table pairs a word with the last one at that pixel in earlier frames, or with the
            last one of overlapping regions in the same frame.
        agree: Newest frames in each of which a place must be unlikely; its cost is their least.
    """

    height: int
    width: int
    flow: Array
    words: Array
    occupancy: Array
    seen: NDArray[np.bool_]
    table: Array
    chained: bool
    agree: int

    def costs(self, found: Iterable[Regions]) -> Iterator[tuple[int, float, float]]:
        """A frame's number, and its largest costs by motion and by foreground, from 0 to their limits.

        The first frame is the one where `agree` frames are known, or the last, where there are fewer.
        """
        newest: deque[tuple[Array, Array]] = deque(maxlen=self.agree)
        only: tuple[int, float, float] | None = None
        last = self._no_words()
        for at in found:
            motion, now = self._motion_costs(at, last)
            last = np.where(now < self._n_words, now, last)
            newest.append((motion, self._foreground_costs(at)))
            least = [np.min(costs, axis=0).max() for costs in zip(*newest, strict=True)]
            only = (at.frame, *np.clip(least, 0, (FLOW_LIMIT, OCCUPANCY_LIMIT)).tolist())
            if len(newest) == self.agree:
                yield only
        if len(newest) < self.agree and only is not None:
            yield only

    def pairs(self, found: Iterable[Regions]) -> IntArray:
        """(n, n) how often a word at an interest point followed a word of earlier frames at that pixel."""
        counts = np.zeros((self._n_words, self._n_words), dtype=np.int64)
        last = self._no_words()
        for at in found:
            places, boxes, words, _ = self._named(at)
            earlier = last[places[:, 0], places[:, 1]]
            known = earlier < self._n_words
            np.add.at(counts, (earlier[known], words[known]), 1)
            for (top, left, bottom, right), word in zip(boxes.tolist(), words.tolist(), strict=True):
                last[top:bottom, left:right] = word
        return counts

    @property
    def _n_words(self) -> int:
        return int(self.words.shape[1])

    def _no_words(self) -> IntArray:
        return np.full((self.height, self.width), self._n_words, dtype=np.int64)

    def _named(self, at: Regions) -> tuple[IntArray, IntArray, IntArray, Array]:
        """Of interest points where there is a model: places, support boxes, words, log probabilities."""
        nearest = locations(self.height, self.width).nearest[at.places[:, 0], at.places[:, 1]]
        known = self.flow[nearest, 0].sum(axis=1) > 0
        places, motion, nearest = at.places[known], at.motion[known], nearest[known]
        words, squared = nearest_words(motion[:, 1:], self.words[nearest])
        logs = log_density(motion[:, 0], self.flow[nearest]) - squared
        return places, support(places, self.height, self.width), words, logs

    def _motion_costs(self, at: Regions, last: IntArray) -> tuple[Array, IntArray]:
        """(h, w) costs and the words that the frame's regions wrote, the later over the earlier."""
        _, boxes, words, logs = self._named(at)
        total, visits, now = np.zeros(last.shape), np.ones(last.shape), self._no_words()
        table = np.log(np.maximum(self.table, LEAST))
        for (top, left, bottom, right), word, log in zip(
            boxes.tolist(), words.tolist(), logs.tolist(), strict=True
        ):
            here = np.s_[top:bottom, left:right]
            total[here] += log + table[(last if self.chained else now)[here], word]
            visits[here] += 1
            now[here] = word
        return -total / visits, now

    def _foreground_costs(self, at: Regions) -> Array:
        """(cells,) costs; 0 of cells without foreground in this frame."""
        modelled = self.occupancy[:, 0].sum(axis=1) > 0
        own = np.full(len(modelled), OCCUPANCY_LIMIT)
        own[self.seen] = 0
        logs = log_density(at.occupancy[modelled].astype(np.float64), self.occupancy[modelled])
        own[modelled] = np.minimum(-logs, OCCUPANCY_LIMIT)
        own[~at.active] = 0
        touching = cells(self.height, self.width).touching
        total: Array = own + touching @ own - touching.sum(axis=1) * np.log(NEIGHBOUR)
        return np.where(at.active, total, 0)
