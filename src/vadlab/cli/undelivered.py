"""`vadlab undelivered`: what the receivers of a watch have not got."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vadlab.cli.options import Json
from vadlab.cli.printing import counted, out, print_json

if TYPE_CHECKING:
    from vadlab.live.outbox import Message

__all__ = ["undelivered"]


def undelivered(
    watch: Annotated[Path, typer.Argument(metavar="WATCH", help="A folder of `vadlab watch`.")],
    as_json: Json = False,
) -> None:
    """List the messages of a watch that its webhook or MQTT broker has not got, and why.

    The watch may be running. Messages that wait will be tried again, by this watch or the next into the same
    folder; those given up will not. Of the latter the last 1000 are kept; WATCH/status.json counts all.
    """
    from vadlab.verbs.undelivered import undelivered as find

    found = find(watch)
    if as_json:
        print_json({sink: [_shown(one) for one in messages] for sink, messages in found.items()})
        return
    if not found:
        out.print("this watch has neither a webhook nor a broker")
    for sink, messages in found.items():
        gone = [one for one in messages if one.given_up is not None]
        waiting = counted(len(messages) - len(gone), "message")
        out.print(f"{sink}: {waiting} to be tried again, {len(gone)} given up", soft_wrap=True)
        for one in gone:
            put = time.strftime("%F %T", time.localtime(one.created_at))
            text = f"  {put}  {one.event.source}  {one.event.state:6}  {one.event.id}  {one.given_up}"
            out.print(text, soft_wrap=True, markup=False, highlight=False)


def _shown(one: Message) -> dict[str, Any]:
    return {
        "key": one.key,
        "created_at": one.created_at,
        "attempts": one.attempts,
        "given_up": one.given_up,
        "event": one.event.to_json(),
    }
