// The viewer: one test video with its scores, truth and events; another run beside it; the worst errors.
import { get } from "./api.js";
import { range } from "./data.js";
import { $, fill, h, icon } from "./dom.js";
import { findEvents, inFrames } from "./events.js";
import { clock, counted, DASH, percent, score } from "./format.js";
import { shortcuts } from "./keys.js";
import { categoryBars, errorCards, eventTable, tally } from "./panels.js";
import { FramePlayer } from "./player.js";
import { ScorePlot } from "./score-plot.js";
import { complain, empty, onTheme, shell } from "./shell.js";
import { jobSource, runSource } from "./source.js";
import { thresholdPanel } from "./threshold.js";
import { duration, videoList } from "./video-list.js";

const query = new URLSearchParams(location.search);
const RATES = [0.25, 0.5, 1, 2, 4];
const state = { source: null, line: null, events: [], other: null, otherLine: null, errors: null, fit: false };
let loading = new AbortController();

shell({ page: "runs", title: "Viewer" });
try {
  state.source = query.get("job") ? await jobSource(query.get("job")) : await runSource(query.get("run") ?? "", query.get("rules"));
  build();
} catch (error) {
  fill($("main"), empty("This cannot be shown", error.message, error.parts?.remedy && h("code", {}, error.parts.remedy), h("a", { href: "/" }, "All runs")));
}

function build() {
  const { source } = state;
  document.title = `${source.title} · vadlab`;
  const ui = state.ui = {
    name: h("h2.video-title"), tags: h("span.row"),
    video: h("video", { playsinline: true, muted: true, preload: "auto", tabindex: -1, "aria-label": "The video" }),
    note: h("div.video-note", { role: "status" }),
    play: h("button.icon-button", { type: "button", onclick: () => player.toggle() }),
    time: h("span.mono.time"), now: h("span.now"),
    canvas: h("canvas.timeline", { tabindex: 0, role: "slider", "aria-label": "Frame; the arrow keys move it", "aria-valuemin": 0 }),
    hover: h("span.mono.muted.hover"), legend: h("div.legend"),
    events: h("div"), categories: h("div"), categoryCard: h("section.card", {}, h("div.card-head", {}, h("h2", {}, "Categories"), h("span.small.muted", {}, "around this frame"))),
    errors: h("section.card"), rate: h("select", { "aria-label": "Speed", onchange: () => { player.rate = Number(ui.rate.value); } },
      RATES.map((rate) => h("option", { value: rate, selected: rate === 1 }, `${rate}×`))),
    other: h("select", { "aria-label": "Compare with another run", onchange: () => compareWith(ui.other.value) }),
  };
  const player = state.player = new FramePlayer(ui.video, { onFrame: showFrame, onState: paintPlay });
  const plot = state.plot = new ScorePlot(ui.canvas, {
    onSeek: (frame) => player.seek(frame),
    onThreshold: (value) => state.threshold.setOn(Number(value.toPrecision(5))),
    onHover: (frame) => { ui.hover.textContent = frame === null ? "" : plot.text(frame); },
    onView: () => { zoomOut.hidden = !plot.zoomed; },
  });
  state.threshold = thresholdPanel({ onChange: findAgain });
  state.list = videoList(source.videos, { onChoose: (id) => open(id) });
  ui.categoryCard.append(ui.categories);
  const zoomOut = h("button", { type: "button", hidden: true, onclick: () => plot.whole() }, "Whole video");
  const fit = h("label.field.small", {}, h("input", { type: "checkbox", onchange: (event) => { state.fit = event.target.checked; scale(); plot.draw(); } }), "fit scores to this video");
  const one = source.videos.length < 2;

  fill($("main"),
    h("div.page-head", {}, h("h1", {}, source.title), h("p", {}, source.place),
      source.rulesKnown.length > 1 && h("label.field.small", {}, "rules", h("select", { onchange: (event) => go({ rules: event.target.value }) },
        source.rulesKnown.map((name) => h("option", { selected: name === source.rules }, name)))),
      source.metrics && h("span.small", {}, h("strong", {}, `${percent(source.metrics.auc, 2)}%`), " AUC, ", source.rules),
      source.report && h("a.small", { href: source.report, target: "_blank", rel: "noopener" }, "Report"),
      source.kind === "run" && h("span.push.row", {}, ui.other)),
    h("div.viewer", { class: one ? "one" : "" },
      !one && h("aside.card", { "aria-label": "Videos" }, state.list.element),
      h("div.stage", {},
        h("section.card", { "aria-label": "Video" },
          h("div.card-head", {}, ui.name, ui.tags),
          h("div.screen", {}, ui.video, ui.note),
          h("div.controls", {},
            ui.play,
            button("back", "One frame back", () => player.step(-1)), button("forward", "One frame on", () => player.step(1)),
            ui.time, ui.now, h("span.push"), ui.rate)),
        h("section.card", { "aria-label": "Scores" },
          h("div.card-head", {}, ui.legend, ui.hover, fit, zoomOut),
          ui.canvas, h("div.card-body", {}, state.threshold.element))),
      h("div.side", {},
        h("section.card", {}, h("div.card-head", {}, h("h2", {}, "Events")), ui.events),
        ui.categoryCard)),
    source.kind === "run" && ui.errors);
  paintPlay();
  keys();
  onTheme(() => plot.draw());
  ui.canvas.addEventListener("keydown", arrows);
  if (source.kind === "run") { listOthers().catch(complain); loadErrors(); }
  const wanted = query.get("video");
  const first = source.videos.find((video) => video.id === wanted) ?? source.videos.find((video) => video.n_abnormal_frames > 0) ?? source.videos[0];
  open(first.id, Number(query.get("frame") ?? 0));
}

function button(sign, text, run) {
  return h("button.icon-button", { type: "button", "aria-label": text, title: text, onclick: run }, icon(sign));
}

/** Show a video at a frame. */
async function open(id, frame = 0) {
  const { source, ui, plot, player } = state;
  if (state.line?.video === id) { player.seek(frame); return; }
  loading.abort();
  loading = new AbortController();
  const { signal } = loading;
  state.list.mark(id);
  go({ video: id }, { reload: false });
  try {
    const line = await source.timeline(id, { signal });
    const other = state.other ? await state.other.timeline(id, { signal }).catch(() => null) : null;
    if (signal.aborted) return;
    Object.assign(state, { line, otherLine: other });
    plot.reset(line.n_frames, line.fps);
    player.unload({ fps: line.fps, nFrames: line.n_frames });
    ui.canvas.setAttribute("aria-valuemax", line.n_frames - 1);
    describe();
    scale();
    state.threshold.set(source.alarm, plot.limits, state.kept);
    player.seek(frame);
    await fetchPicture(id, frame, signal);
  } catch (error) { complain(error); }
}

function describe() {
  const { source, line, ui } = state;
  const facts = source.videos.find((video) => video.id === line.video) ?? source.videos[0];
  fill(ui.name, facts.id);
  fill(ui.tags,
    facts.category && h("span.tag.info", {}, facts.category),
    line.labelled && (line.labelled.length ? h("span.tag.good", {}, counted(line.labelled.length, "labelled event")) : h("span.tag", {}, "normal")),
    h("span.small.muted", {}, `${counted(line.n_frames, "frame")} · ${duration(line.n_frames, line.fps)}${line.fpsKnown ? "" : " at 25 fps (assumed)"}`),
    facts.auc !== null && h("span.small.muted", {}, `AUC ${percent(facts.auc)}%`));
  ui.categoryCard.hidden = source.kind === "job" && !line.categories;
  state.truth = facts.category;
}

/** Poll until the picture can be played; the scores are there meanwhile. */
async function fetchPicture(id, frame, signal) {
  const { source, ui, player, line } = state;
  ui.note.textContent = "";
  for (;;) {
    let answer;
    try { answer = await source.playback(id, { signal }); } catch (error) {
      if (error.name !== "AbortError") fill(ui.note, error.message, error.parts?.remedy && h("code", {}, error.parts.remedy));
      return;
    }
    if (signal.aborted) return;
    if (answer.state === "failed") { fill(ui.note, `This video cannot be played: ${answer.reason}`); return; }
    if (answer.state === "ready") break;
    fill(ui.note, "Preparing the video", answer.share !== null && h("progress", { max: 1, value: answer.share, "aria-label": "Preparing the video" }));
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
  fill(ui.note, "Loading the video");
  ui.video.addEventListener("loadeddata", () => { if (!signal.aborted) ui.note.textContent = ""; }, { once: true, signal });
  ui.video.addEventListener("error", () => { if (!signal.aborted) fill(ui.note, "This browser cannot play the video (H.264)"); }, { once: true, signal });
  player.load(source.media(id), { fps: line.fps, nFrames: line.n_frames, frame: player.frame || frame });
}

function scale() {
  const { plot, line, errors, source, otherLine } = state;
  const own = range(line.scores);
  let [low, high] = state.fit || !errors ? own : [errors.low, errors.high];
  const { on } = state.threshold.alarm ?? source.alarm;
  low = Math.min(low, on);
  high = Math.max(high, on);
  const share = !state.fit && low >= 0 && high <= 1 && on >= 0.05;
  const room = 0.04 * (high - low) || 0.5;
  plot.limits = share ? [0, 1] : [low - room, high + room];
  state.otherLimits = null;
  if (otherLine) {
    const [a, b] = range(otherLine.scores);
    // Another detector's scores may be of another size: they get an axis of their own.
    const alike = a >= plot.limits[0] && b <= plot.limits[1] && share;
    state.otherLimits = alike ? undefined : [a - 0.04 * (b - a), b + 0.04 * (b - a || 1)];
  }
}

/** The events at the present threshold, at once. */
function findAgain(alarm) {
  const { line, plot, source, other, otherLine } = state;
  state.events = findEvents(line.scores, inFrames(alarm, line.fps), line.categories);
  state.kept = alarm.on === source.alarm.on && alarm.off === source.alarm.off && alarm.min_length_s === source.alarm.min_length_s && alarm.merge_gap_s === source.alarm.merge_gap_s ? null : alarm;
  const truth = line.labelled;
  plot.threshold = { on: alarm.on, off: alarm.off };
  plot.skipped = line.skipped;
  plot.series = [{ scores: line.scores, colour: "blue", name: other ? "this run" : "" }];
  plot.lanes = [
    truth && { title: "truth", colour: "truth", spans: truth, wash: true },
    { title: "events", colour: "event", spans: state.events.map(({ start, stop }) => [start, stop]) },
  ].filter(Boolean);
  if (otherLine) {
    const events = findEvents(otherLine.scores, inFrames(other.alarm, line.fps), otherLine.categories);
    plot.series.push({ scores: otherLine.scores, colour: "second", limits: state.otherLimits, name: "other run" });
    plot.lanes.push({ title: "other", colour: "second", spans: events.map(({ start, stop }) => [start, stop]) });
  }
  plot.draw();
  legend();
  fill(state.ui.events, eventTable(state.events, { fps: line.fps, truth, onSeek: (frame) => state.player.seek(frame) }));
  summarise(truth, alarm);
  showFrame(state.player.frame);
}

function summarise(truth, alarm) {
  const { events, source, threshold } = state;
  const parts = [h("strong", {}, counted(events.length, "event"))];
  if (truth) {
    const { found, labelled, falseAlarms } = tally(events, truth);
    if (labelled) parts.push(` · ${found} of ${labelled} labelled ${labelled === 1 ? "event" : "events"} met`);
    parts.push(` · ${counted(falseAlarms, "false alarm")}`);
  }
  if (state.kept) parts.push(h("span.muted", {}, ` · the run's own threshold is ${score(source.alarm.on)}`));
  else if (!source.alarmKnown) parts.push(h("span.muted", {}, " · these rules scale each video's scores by itself, so no threshold is the run's own"));
  threshold.say(...parts);
}

function legend() {
  const { ui, other, otherLine } = state;
  const key = (kind, text) => h("span", {}, h("i", { class: kind }), text);
  fill(ui.legend, key("score", other ? "this run" : "score"), state.line.labelled && key("truth", "labelled abnormal"), key("event", "event"),
    other && (otherLine ? key("second", `${other.place}${state.otherLimits ? ", own scale" : ""}`) : h("span.muted", {}, "the other run has no scores of this video")),
    state.line.skipped.length > 0 && key("skipped", "not counted"));
}

function showFrame(frame) {
  const { ui, line, plot, events } = state;
  if (!line) return;
  plot.frame = frame;
  if (state.player?.playing) plot.follow(frame);
  plot.draw();
  const value = line.scores[frame];
  const event = events.find((one) => one.start <= frame && frame < one.stop);
  fill(ui.time, `${clock(frame / line.fps, 2)} · ${frame}`);
  fill(ui.now, h("span.muted", {}, "score "), h("strong", {}, score(value)), event && h("span.tag.bad", {}, event.category ?? "event"));
  ui.video.parentElement.classList.toggle("alarm", Boolean(event));
  ui.canvas.setAttribute("aria-valuenow", frame);
  ui.canvas.setAttribute("aria-valuetext", plot.text(frame));
  if (line.categories) fill(ui.categories, categoryBars(line.categories, frame, frame + 1, state.truth));
  else if (!state.saidNoCategories) {
    state.saidNoCategories = true;
    fill(ui.categories, h("p.muted.pad", {}, "No category probabilities are recorded. Detectors without categories have none; runs evaluated by an earlier version get theirs by ", h("code", {}, "vadlab evaluate RUN"), "."));
  }
}

function paintPlay() {
  const { ui, player } = state;
  const text = player.playing ? "Pause" : "Play";
  ui.play.setAttribute("aria-label", text);
  ui.play.title = `${text} (Space)`;
  fill(ui.play, icon(player.playing ? "pause" : "play"));
}

async function listOthers() {
  const { source, ui } = state;
  const runs = (await get("runs")).filter((run) => run.dataset === source.dataset && run.key !== source.key && Object.keys(run.rules).length);
  fill(ui.other, h("option", { value: "" }, runs.length ? "compare with another run" : "no other run of this dataset"),
    runs.map((run) => h("option", { value: run.key }, `${run.detector}, seed ${run.seed ?? DASH}, ${run.folder}`)));
  ui.other.disabled = !runs.length;
  const wanted = query.get("other");
  if (wanted && runs.some((run) => run.key === wanted)) { ui.other.value = wanted; await compareWith(wanted); }
}

async function compareWith(key) {
  try {
    state.other = key ? await runSource(key, null) : null;
    state.otherLine = state.other && state.line ? await state.other.timeline(state.line.video).catch(() => null) : null;
    go({ other: key || null }, { reload: false });
    if (!state.line) return;
    scale();
    findAgain(state.threshold.alarm);
  } catch (error) { complain(error); }
}

async function loadErrors() {
  const { source, ui } = state;
  fill(ui.errors, h("div.card-head", {}, h("h2", {}, "Worst errors")), h("p.muted.pad", {}, "Looking through all videos …"));
  try { state.errors = await source.errors(); } catch (error) { fill(ui.errors, h("p.muted.pad", {}, error.message)); return; }
  const { errors } = state;
  const parts = [["False alarms", "the highest scores on normal frames, one a video", errors.false_alarms], ["Missed events", "labelled events whose best frame scores lowest, one a video", errors.missed]];
  // What beats no frame of the other side is the best of its kind, but no error.
  const lists = parts.map(([title, text, list]) => [title, text, list.filter((one) => one.share !== 0)]).filter(([, , list]) => list.length);
  fill(ui.errors, h("div.card-head", {}, h("h2", {}, "Worst errors")),
    lists.length ? lists.map(([title, text, list]) => h("div.error-block", {}, h("h3", {}, title, h("span.muted", {}, `: ${text}`)),
      errorCards(list, { source, onOpen: (video, frame) => { open(video, frame); scrollTo({ top: 0 }); } })))
      : h("p.muted.pad", {}, "None: no normal frame scores above an abnormal one, or the truth of the videos is not at hand."));
  if (state.line) { scale(); state.threshold.set(source.alarm, state.plot.limits, state.kept); }
}

function arrows(event) {
  const { player } = state;
  const by = { ArrowLeft: -1, ArrowRight: 1, PageUp: -25, PageDown: 25, Home: -Infinity, End: Infinity }[event.key];
  if (by === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  event.stopPropagation();
  if (Number.isFinite(by)) player.step(event.shiftKey ? 10 * by : by);
  else player.seek(by < 0 ? 0 : player.nFrames - 1);
}

function nextEvent(by) {
  const { events, player } = state;
  const found = by > 0 ? events.find((one) => one.start > player.frame) : events.findLast((one) => one.start < player.frame);
  if (found) player.seek(found.start);
}

function faster(by) {
  const { ui, player } = state;
  const at = Math.min(RATES.length - 1, Math.max(0, RATES.indexOf(player.rate) + by));
  player.rate = RATES[at];
  ui.rate.value = RATES[at];
}

function keys() {
  const { player, plot, threshold, list } = state;
  shortcuts({ title: "Video", keys: [
    { key: " ", text: "play, pause", run: () => player.toggle() },
    { key: "ArrowLeft", text: "one frame back", run: () => player.step(-1) },
    { key: "ArrowRight", text: "one frame on", run: () => player.step(1) },
    { key: "Shift+ArrowLeft", text: "ten frames back", run: () => player.step(-10) },
    { key: "Shift+ArrowRight", text: "ten frames on", run: () => player.step(10) },
    { key: "Home", text: "first frame", run: () => player.seek(0) },
    { key: "End", text: "last frame", run: () => player.seek(player.nFrames - 1) },
    { key: "<", text: "slower", run: () => faster(-1) },
    { key: ">", text: "faster", run: () => faster(1) },
  ] });
  shortcuts({ title: "Events", keys: [
    { key: "n", text: "next event", run: () => nextEvent(1) },
    { key: "p", text: "event before", run: () => nextEvent(-1) },
    { key: "ArrowUp", text: "threshold up", run: () => threshold.nudge(10) },
    { key: "ArrowDown", text: "threshold down", run: () => threshold.nudge(-10) },
    { key: "r", text: "the run's own threshold", run: () => threshold.reset() },
    { key: "+", text: "closer", run: () => plot.zoom(2) },
    { key: "-", text: "farther", run: () => plot.zoom(0.5) },
    { key: "0", text: "the whole video", run: () => plot.whole() },
  ] });
  shortcuts({ title: "Videos", keys: [
    { key: "j", text: "next video", run: () => list.step(1) },
    { key: "k", text: "video before", run: () => list.step(-1) },
    { key: "/", text: "find a video", run: () => list.search.focus() },
  ] });
}

/** Change the page's address; a reload shows the same. */
function go(changes, { reload = true } = {}) {
  for (const [key, value] of Object.entries(changes)) if (value === null) query.delete(key); else query.set(key, value);
  query.delete("frame");
  if (reload) location.search = query.toString();
  else history.replaceState(null, "", `?${query}`);
}
