"""A message about an event: it has begun, it goes on, it is over."""

from __future__ import annotations

import json
import math
import re
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from typing import Any, Literal, get_args

from vadlab.errors import DataError

__all__ = ["LiveEvent", "State", "new_id"]

State = Literal["new", "update", "end"]

# An id names files and stands in addresses and MQTT topics.
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def new_id(start_time: float) -> str:
    """An id that sorts by time (UTC, milliseconds) and occurs once, on any machine.

    Args:
        start_time: UNIX seconds.

    Returns:
        Such as "20261124T225635.120-9f3c01ab"; safe as a file name.
    """
    moment = datetime.fromtimestamp(start_time, UTC)
    return f"{moment:%Y%m%dT%H%M%S}.{moment.microsecond // 1000:03d}-{secrets.token_hex(4)}"


@dataclass(frozen=True)
class LiveEvent:
    """What is known of one event when the message is sent; a later message replaces an earlier one.

    Args:
        id: Of the event, the same in all its messages; sorts by time.
        source: The camera's name, or the video's.
        state: "new", then any number of "update", then "end".
        start_frame: First frame, counted from 0 since the source was first opened.
        stop_frame: The frame after the last one so far.
        start_time: UNIX seconds (UTC) of the start of the first frame.
        stop_time: UNIX seconds (UTC) of the end of the last frame so far.
        category: The likeliest category so far, or None where the detector knows none.
        top_score: The highest score so far.
        threshold: The score that opens an event.

    Raises:
        DataError: If a value has the wrong type or is out of range; all that are wrong are named.
    """

    id: str
    source: str
    state: State
    start_frame: int
    stop_frame: int
    start_time: float
    stop_time: float
    category: str | None
    top_score: float
    threshold: float

    def __post_init__(self) -> None:
        wrong = [name for name, right in self._checks().items() if not right]
        if wrong:
            raise DataError(
                "this is no event",
                expected="id of letters, digits and . _ -; source; state new, update or end; "
                "0 <= start_frame < stop_frame; start_time <= stop_time; finite numbers",
                found=", ".join(f"{name}={getattr(self, name)!r}" for name in wrong),
            )

    def _checks(self) -> dict[str, bool]:
        whole = type(self.start_frame) is int and type(self.stop_frame) is int
        timed = _finite(self.start_time) and _finite(self.stop_time)
        return {
            "id": isinstance(self.id, str) and _ID.fullmatch(self.id) is not None,
            "source": isinstance(self.source, str) and self.source != "",
            "state": self.state in get_args(State),
            "start_frame": whole and self.start_frame >= 0,
            "stop_frame": whole and self.stop_frame > self.start_frame,
            "start_time": timed,
            "stop_time": timed and self.stop_time >= self.start_time,
            "category": self.category is None or isinstance(self.category, str),
            "top_score": _finite(self.top_score),
            "threshold": _finite(self.threshold),
        }

    def to_json(self) -> dict[str, Any]:
        """For JSON: the fields in their order."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> LiveEvent:
        """From what `to_json` gave; unknown keys are ignored, so that later versions may add some.

        Raises:
            DataError: If a key is missing or a value is not what it should be.
        """
        names = [field.name for field in fields(cls)]
        missing = [name for name in names if name not in value]
        if missing:
            raise DataError("this is no event", expected=", ".join(names), found=f"no {', '.join(missing)}")
        return cls(**{name: value[name] for name in names})

    def to_line(self) -> str:
        """One JSON object on one line, without the line's end."""
        return json.dumps(self.to_json(), ensure_ascii=False, allow_nan=False)

    @classmethod
    def from_line(cls, line: str) -> LiveEvent:
        """From what `to_line` gave.

        Raises:
            DataError: If it is no JSON object, or no event.
        """
        try:
            value = json.loads(line)
        except json.JSONDecodeError as error:
            raise DataError("this is no event", expected="a JSON object", found=str(error)) from error
        if not isinstance(value, dict):
            raise DataError("this is no event", expected="a JSON object", found=type(value).__name__)
        return cls.from_json(value)


def _finite(value: object) -> bool:
    return type(value) in (int, float) and math.isfinite(value)  # type: ignore[arg-type]
