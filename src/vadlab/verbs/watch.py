"""vadlab watch: a trained run on live sources; events to files and to whom it may concern."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, get_args

from filelock import FileLock, Timeout

from vadlab.detector import Detector
from vadlab.errors import UsageError
from vadlab.files import write_json
from vadlab.live.calibrate import Calibration, EventLengths, scoring_of
from vadlab.live.capture import Onlooker, Patience
from vadlab.live.event import LiveEvent
from vadlab.live.event_store import EVENTS
from vadlab.live.life_cycle import LifeCycleSettings
from vadlab.live.metrics_server import MetricsServer
from vadlab.live.networks import Networks, load_networks
from vadlab.live.rolling import Timing
from vadlab.live.scorer import Told
from vadlab.live.sink import UNTOLD, Fanout, Sink
from vadlab.live.sinks.clips import ClipSettings, ClipSink
from vadlab.live.sinks.jsonl import JsonlSink
from vadlab.live.sinks.sqlite import SqliteSink
from vadlab.live.source import Source, parse_sources
from vadlab.live.watcher import Watcher
from vadlab.verbs.undelivered import OUTBOXES

__all__ = ["Alarms", "Receivers", "Watch", "WatchPlan"]

WATCH = "watch.json"


@dataclass(frozen=True)
class Alarms:
    """When scores become an event.

    Args:
        threshold: An event needs a frame that scores at least this. A path is a file of `vadlab calibrate`,
            of which all is taken that is None here. None takes the detector's own threshold, else the run's
            quantile of normal training frames, as `vadlab score` does.
        close_at: It lasts while frames score at least this fraction of the threshold; None takes 0.8 where
            scores lie in 0..1, else 1.
        min_length_s: Shorter events are not told of, seconds; None takes 0.4.
        merge_gap_s: Events closer than this become one, seconds; None takes 1.
        cool_down_s: After an event no other is told of for so long, seconds; None takes 0.
        update_every_s: An open event is told of again each time it has grown by so much, seconds; 0 never.
    """

    threshold: float | Path | None = None
    close_at: float | None = None
    min_length_s: float | None = None
    merge_gap_s: float | None = None
    cool_down_s: float | None = None
    update_every_s: float = 1.0

    def resolved(
        self, detector: Detector, calibration: Mapping[str, float], scoring: Mapping[str, Any]
    ) -> Alarms:
        """With nothing left open.

        Args:
            detector: Whose scores they are for.
            calibration: Of the run's run.json.
            scoring: How scores are made; see `live.calibrate.scoring_of`.

        Raises:
            StoreError: If the file is none, or its threshold was chosen for other scores.
        """
        natural = detector.threshold
        lengths = EventLengths.usual(natural)
        threshold = self.threshold
        if isinstance(threshold, Path):
            chosen = Calibration.read(threshold)
            chosen.check(scoring)
            threshold, lengths = chosen.threshold, chosen.lengths
        elif threshold is None:
            threshold = natural if natural is not None else calibration["high"]
        given = {key: getattr(self, key) for key in asdict(lengths)}
        own = {key: value for key, value in given.items() if value is not None}
        return replace(self, threshold=threshold, **(asdict(lengths) | own))

    def settings(self, fps: Fraction) -> LifeCycleSettings:
        """In frames; of alarms that are resolved."""
        return LifeCycleSettings.in_seconds(**asdict(self), fps=fps)


@dataclass(frozen=True)
class Receivers:
    """Who is told of events, besides events.jsonl and events.sqlite of the watch.

    Args:
        webhook: Address for HTTP POST.
        webhook_secret: Signs the requests.
        mqtt: Address of a broker, mqtt://...
        mqtt_password: Where it is not in the address.
        clips: How clips and thumbnails are kept; None keeps none.
    """

    webhook: str | None = None
    webhook_secret: str | None = None
    mqtt: str | None = None
    mqtt_password: str | None = None
    clips: ClipSettings | None = None

    def sinks(self, folder: Path) -> list[Sink]:
        """All sinks of a watch in this folder."""
        sinks: list[Sink] = [JsonlSink(folder / "events.jsonl"), SqliteSink(folder / EVENTS)]
        if self.clips is not None:  # behind SQLite, which must know the event
            sinks.append(ClipSink(folder, self.clips))
        if self.webhook is not None:
            from vadlab.live.sinks.webhook import WebhookSink

            outbox = folder / OUTBOXES["webhook"]
            sinks.append(WebhookSink(self.webhook, outbox=outbox, secret=self.webhook_secret))
        if self.mqtt is not None:
            from vadlab.live.sinks.mqtt import Broker, MqttSink

            broker = Broker.at(self.mqtt, password=self.mqtt_password)
            sinks.append(MqttSink(broker, outbox=folder / OUTBOXES["mqtt"]))
        return sinks


@dataclass(frozen=True)
class WatchPlan:
    """What to watch, and how.

    Args:
        run: A folder of `vadlab train`.
        sources: See `live.source.parse_sources`.
        out: The watch's folder; made if absent, gone on with if not.
        alarms: When scores become an event.
        receivers: Who is told.
        timing: "settled", the same scores as offline, or "causal", sooner; see `live.rolling`.
        piece: Score so many clips (or blocks of 16 frames) as a video of their own; None does not.
        patience: How long to wait for what.
        real_time: Read files at their own speed.
        metrics_port: Serve the numbers at this port of this machine; 0 takes a free one, None serves none.
        engine: Another for the features than the training's, or a folder of `vadlab export`.
        device: Where the networks run.
    """

    run: Path
    sources: tuple[str, ...]
    out: Path
    alarms: Alarms = Alarms()
    receivers: Receivers = Receivers()
    timing: Timing = "settled"
    piece: int | None = None
    patience: Patience = field(default_factory=Patience)
    real_time: bool = False
    metrics_port: int | None = None
    engine: str | None = None
    device: str = "auto"


class Watch:
    """A watch made ready, for as long as the context lasts; `run` watches.

    Raises:
        UsageError: On entering, if a source is not there, another process watches into the same folder, the
            port is taken, or the detector cannot follow a stream.
        StoreError: If the run is unfinished, or the threshold's file or the export is of another.
        WeightsError: If the backbone's weights are not here.
    """

    def __init__(
        self,
        plan: WatchPlan,
        *,
        on_event: Callable[[LiveEvent], None] | None = None,
        on_scores: Callable[[Told], None] | None = None,
    ) -> None:
        """Take the plan; nothing is opened yet.

        Args:
            plan: What to watch.
            on_event: Called with each message about an event, after the sinks.
            on_scores: Called with all scores.
        """
        self.plan, self._on_event, self._on_scores = plan, on_event, on_scores
        self._open = contextlib.ExitStack()

    def __enter__(self) -> Watch:
        with self._open:  # closes what is open, should the rest fail
            self._prepare()
            self._open = self._open.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    def run(self, stop: threading.Event) -> list[tuple[str, str]]:
        """Watch until all sources have ended or `stop` is set; name and reason of each source that failed."""
        return self.watcher.run(stop)

    def _prepare(self) -> None:
        plan = self.plan
        if plan.timing not in get_args(Timing):
            raise UsageError(
                f"unknown timing {plan.timing!r}", expected=" | ".join(get_args(Timing)), remedy="--timing"
            )
        sources = parse_sources(plan.sources)
        networks = load_networks(plan.run, engine=plan.engine, device=plan.device, piece=plan.piece)
        self._open.callback(networks.close)
        self._open.enter_context(_alone(plan.out))
        alarms = _resolved(plan, networks)
        sinks = plan.receivers.sinks(plan.out)
        self.watcher = Watcher(
            networks,
            sources,
            settings=alarms.settings,
            sinks=Fanout(sinks, untold=plan.out / UNTOLD),
            folder=plan.out,
            about={"run": str(plan.run), "detector": networks.facts["detector"]["name"]},
            timing=plan.timing,
            patience=plan.patience,
            real_time=plan.real_time,
            onlooker=_onlooker(plan.receivers.clips, sinks),
            on_event=self._on_event,
            on_scores=self._on_scores,
        )
        if plan.metrics_port is not None:
            watcher = self.watcher
            server = MetricsServer(
                plan.metrics_port, metrics=watcher.metrics, healthy=watcher.healthy, report=watcher.report
            )
            self.metrics = self._open.enter_context(server).address
        write_json(plan.out / WATCH, _described(replace(plan, alarms=alarms), sources, networks))


def _resolved(plan: WatchPlan, networks: Networks) -> Alarms:
    facts = networks.facts
    scoring = scoring_of(plan.run, facts["detector"]["name"], timing=plan.timing, piece=plan.piece)
    alarms = plan.alarms.resolved(networks.detector, facts.get("calibration") or {}, scoring)
    alarms.settings(Fraction(25))  # refuses what is out of range before anything is opened
    return alarms


def _onlooker(clips: ClipSettings | None, sinks: list[Sink]) -> Onlooker | None:
    kept = [sink for sink in sinks if isinstance(sink, ClipSink)]
    return Onlooker(kept[0].frame, clips.longest_side) if clips is not None and kept else None


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """The folder for this process alone."""
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / ".lock")
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise UsageError(
            "another process watches into this folder", file=folder, remedy="choose another with --out"
        ) from error
    try:
        yield
    finally:
        lock.release()


def _described(plan: WatchPlan, sources: tuple[Source, ...], networks: Networks) -> dict[str, Any]:
    """watch.json; holds no password."""
    return {
        "format": 1,
        "run": str(plan.run.resolve()),
        "detector": networks.facts["detector"]["name"],
        "started": time.time(),
        "sources": [{"name": one.name, "kind": one.kind, "address": one.shown} for one in sources],
        "settings": {
            "alarms": asdict(plan.alarms),
            "timing": plan.timing,
            "piece": plan.piece,
            "patience": asdict(plan.patience),
            "real_time": plan.real_time,
            "engine": plan.engine,
            "clips": plan.receivers.clips and asdict(plan.receivers.clips),
            "webhook": plan.receivers.webhook is not None,
            "mqtt": plan.receivers.mqtt is not None,
        },
    }
