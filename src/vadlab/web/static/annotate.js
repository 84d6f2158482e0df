// The annotation page: who is at work, which video, what is marked; the parts are in annotate-*.js.
import { ApiError, get } from "./api.js";
import { $, fill, h, icon } from "./dom.js";
import { clock, counted } from "./format.js";
import { shortcuts } from "./keys.js";
import { complain, empty, onTheme, say, shell } from "./shell.js";
import { filesPage } from "./annotate-files.js";
import { MarkList } from "./annotate-marks.js";
import { newId, Outbox } from "./annotate-outbox.js";
import { Player } from "./annotate-player.js";
import { agreementCard, askToOpen, lanes, load as loadReview, reviewList, reviewPanel, summary } from "./annotate-review.js";
import { stagePage, welcome } from "./annotate-stage.js";
import { Timeline } from "./annotate-timeline.js";

const RATES = [0.25, 0.5, 1, 2, 4, 8];
const SETTLE_MS = 3000;
const NAME_KEY = "vadlab-annotator";
const STATES = { new: ["", "not begun"], begun: ["begun", "begun"], finished: ["finished", "seen to the end"], sealed: ["finished", "closed"] };

const state = { name: null, mode: "mark", list: null, review: null, video: null, open: null, selected: null, begun: null, dragged: null };
let page, player, timeline, markList, outbox;

async function begin(name) {
  const list = await get("annotate/videos", { annotator: name ?? "-" }).catch((error) => { refuse(error); return null; });
  if (!list) return;
  if (!name) { welcome($("main"), list, enter); return; }
  Object.assign(state, { name, list });
  outbox = new Outbox({ folder: list.folder, annotator: name, onChange: changed, onProblem: complain });
  page = stagePage($("main"), { name, rates: RATES, actions: ACTIONS, onLeave: leave, onMode: setMode, onRate: (rate) => player.setRate(rate), onGo: (frame) => player.go(frame) });
  player = new Player(page.canvas, { onFrame: drawFrame, onState: drawTransport, onProblem: complain });
  timeline = new Timeline(page.timeline, { onSeek: (frame) => player.go(frame), onSelect: select, onDrag: dragged, onDrop: dropped });
  markList = new MarkList({ onSelect: (id) => { select(id === state.selected ? null : id); toMark(); }, onEdit: edit, onRemove: remove });
  page.marks.append(markList.element);
  onTheme(() => timeline.draw());
  for (const group of KEYS) shortcuts({ ...group, keys: group.keys.map((one) => ({ ...one, run: (event) => { if (state.video && state.mode !== "files") one.run(event); } })) });
  drawTransport();
  const wanted = new URLSearchParams(location.hash.slice(1));
  await setMode(["review", "files"].includes(wanted.get("mode")) ? wanted.get("mode") : "mark");
  if (state.mode === "mark") await openVideo(wanted.get("video") ?? (list.videos.find((video) => video.state !== "finished") ?? list.videos[0]).path);
}

function remembered() { try { return sessionStorage.getItem(NAME_KEY) ?? localStorage.getItem(NAME_KEY); } catch { return null; } }

// The session's name wins, so that two windows of one browser can be two people.
function enter(name) {
  try { sessionStorage.setItem(NAME_KEY, name); localStorage.setItem(NAME_KEY, name); } catch { /* switched off */ }
  begin(name);
}

function leave() {
  try { sessionStorage.removeItem(NAME_KEY); localStorage.removeItem(NAME_KEY); } catch { /* switched off */ }
  location.hash = "";
  location.reload();
}

function refuse(error) {
  fill($("main"), h("section.card", {}, empty(error.message, error.parts?.remedy ?? "", h("span", {}, "Open a folder of videos with ", h("code", {}, "vadlab annotate FOLDER")))));
}

// Modes and videos

async function setMode(mode) {
  state.mode = mode;
  page.setMode(mode);
  if (mode === "files") {
    player.pause();
    state.list = await get("annotate/videos", { annotator: state.name }).catch((error) => { complain(error); return state.list; });
    filesPage(page.files, { list: state.list, annotator: state.name, onStarted: () => reload() });
  } else if (mode === "review") {
    await refreshReview();
    const first = state.review?.videos.find((video) => video.open);
    if (!state.review?.videos.some((video) => video.path === state.video?.path && video.open)) {
      if (first) await openReview(first); else blank("Open a video of the list to see everybody\u2019s marks.");
    } else await openReview(state.review.videos.find((video) => video.path === state.video.path));
  } else {
    state.open = null;
    if (state.video) await openVideo(state.video.path); else if (state.list) drawVideos();
  }
  remember();
}

function remember() {
  const query = new URLSearchParams({ mode: state.mode });
  if (state.video && state.mode !== "files") query.set("video", state.video.path);
  history.replaceState(null, "", `#${query}`);
}

async function openVideo(path) {
  const video = await loadVideo(path);
  if (!video) return;
  state.open = null;
  show(video);
  drawVideos();
}

async function openReview({ path, open }) {
  if (!open) {
    const counts = state.list.videos.find((video) => video.path === path)?.state === "finished";
    if (!(await askToOpen(path, { counts }))) return;
    outbox.do(path, { kind: "reveal" });
    await outbox.flush();
    if (outbox.queue.length) { complain(new ApiError(0, { message: "the server does not answer", remedy: "try again" })); return; }
  }
  const video = await loadVideo(path);
  const found = video && await loadReview(path, state.name).catch((error) => { complain(error); return null; });
  if (!found) return;
  outbox.know(path, found.decision, { decision: true });
  state.open = found;
  show(video);
  await refreshReview();
}

async function loadVideo(path) {
  page.busy(path);
  try {
    const video = await get("annotate/video", { path, annotator: state.name });
    outbox.know(path, video.document);
    return video;
  } catch (error) {
    complain(error);
    blank(error.message);
    return null;
  } finally { page.busy(null); }
}

function show(video) {
  const same = video.path === state.video?.path && video.stamp === state.video?.stamp;
  Object.assign(state, { video, selected: null, begun: null, dragged: null });
  page.setVideo(video, state.mode === "review");
  if (!same) { timeline.reset(video.n_frames, video.fps); player.load(video); }
  remember();
  draw();
  settle(video);
}

// A long video is there before it is decoded to its end; what that finds is told, whatever is marked by then.
async function settle(video) {
  while (!video.settled) {
    await new Promise((done) => { setTimeout(done, SETTLE_MS); });
    if (video !== state.video) return;
    let now;
    try { now = await get("annotate/video", { path: video.path, annotator: state.name }); } catch (error) {
      if (!error.status) continue; // the server is away
      if (video === state.video) { complain(error); blank(error.message); }
      return;
    }
    if (video !== state.video) return;
    if (now.stamp !== video.stamp) {
      const text = `the frames have other numbers than before: decoding yields ${now.n_frames}, not ${video.n_frames}. Look at your marks again`;
      complain(new ApiError(0, { message: text }));
      if (state.mode === "review") openReview({ path: video.path, open: true }); else openVideo(video.path);
      return;
    }
    video.settled = now.settled;
    page.setSettled(video.settled);
  }
}

function blank(text) {
  Object.assign(state, { video: null, open: null, selected: null, begun: null });
  player.pause();
  page.blank(text);
}

async function reload() {
  state.list = await get("annotate/videos", { annotator: state.name }).catch((error) => { complain(error); return state.list; });
  if (state.video) outbox.documents.clear();
}

async function refreshReview() {
  state.review = await get("annotate/review", { annotator: state.name }).catch((error) => { complain(error); return null; });
  if (state.review && state.mode === "review") drawVideos();
}

function drawVideos() {
  if (state.mode === "review") {
    if (!state.review) return;
    fill(page.listText, summary(state.review));
    agreementCard(page.agreement, state.review);
    fill(page.list, reviewList(state.review, { current: state.video?.path, onOpen: openReview }));
    return;
  }
  const { videos } = state.list;
  const done = videos.filter((video) => STATES[video.state][0] === "finished").length;
  fill(page.listText, `${done} of ${counted(videos.length, "video")} seen to the end`, h("progress", { max: videos.length, value: done, "aria-label": "Progress" }));
  fill(page.list, videos.map((video) => h("li", {}, h("button.video", { type: "button", "aria-current": video.path === state.video?.path ? "true" : false, onclick: () => openVideo(video.path) },
    h("span.video-state", { class: STATES[video.state][0], title: STATES[video.state][1] }, STATES[video.state][0] === "finished" ? icon("check") : null),
    h("span.video-name", { title: video.path }, video.path),
    h("span.video-facts", {}, STATES[video.state][1], video.n_marks ? ` \u00b7 ${counted(video.n_marks, "event")}` : "")))));
  page.list.querySelector("[aria-current=true]")?.scrollIntoView({ block: "nearest" });
}

function neighbour(step) {
  const paths = (state.mode === "review" ? state.review?.videos : state.list.videos)?.map(({ path }) => path) ?? [];
  const next = paths[paths.indexOf(state.video?.path) + step];
  if (!next) return;
  if (state.mode === "review") openReview(state.review.videos.find(({ path }) => path === next)); else openVideo(next);
}

// Marks

const decision = () => state.mode === "review";
const view = () => (state.video ? outbox.view(state.video.path, { decision: decision() }) : null);
const chosen = () => view()?.marks.find(({ id }) => id === state.selected) ?? null;
const editable = () => Boolean(view()) && (decision() || !view().sealed);

function act(operation) {
  if (!editable()) { say("your marks of this video are closed, since you have seen others\u2019", "bad"); return false; }
  outbox.do(state.video.path, operation, { decision: decision() });
  return true;
}

function add(start, stop) {
  const mark = { id: newId(), start, stop, category: lastCategory(), note: null };
  if (!act({ kind: "add", mark: mark.id, marks: [mark] })) return;
  state.selected = mark.id;
  draw();
}

// Most events of one video are of one kind.
function lastCategory() { const { marks } = view(); return marks.length && marks.every(({ category }) => category === marks[0].category) ? marks[0].category : null; }

function edit(mark) {
  const before = view().marks.find(({ id }) => id === mark.id);
  if (before && JSON.stringify(before) !== JSON.stringify(mark)) act({ kind: "change", mark: mark.id, marks: [mark] });
  draw();
}

function remove(id) { if (id && act({ kind: "remove", mark: id })) select(null); }
function select(id) { state.selected = id; draw(); }
function toMark() { const mark = chosen(); if (mark && (player.target < mark.start || player.target >= mark.stop)) player.go(mark.start); }
function dragged(mark, frame) { state.dragged = mark; player.go(frame); draw(); }
function dropped(mark) { state.dragged = null; edit(mark); }

function beginMark() {
  if (!editable()) { act({}); return; }
  player.pause();
  state.begun = player.target;
  state.selected = null;
  draw();
}

function endMark() {
  player.pause();
  if (state.begun !== null) {
    const [first, last] = [Math.min(state.begun, player.target), Math.max(state.begun, player.target)];
    state.begun = null;
    add(first, last + 1);
  } else if (chosen()) moveEdge("stop");
  else say("press B at the event\u2019s first frame, then E at its last", "bad");
}

function moveEdge(edge) {
  const mark = chosen();
  if (!mark) { say("choose a mark first, with \u2191 or \u2193", "bad"); return; }
  player.pause();
  const moved = edge === "start" ? { ...mark, start: Math.min(player.target, mark.stop - 1) } : { ...mark, stop: Math.max(player.target + 1, mark.start + 1) };
  edit(moved);
}

function choose(step) {
  const { marks } = view() ?? { marks: [] };
  if (!marks.length) return;
  const at = marks.findIndex(({ id }) => id === state.selected);
  state.selected = marks[at < 0 ? (step > 0 ? 0 : marks.length - 1) : (at + step + marks.length) % marks.length].id;
  player.go(chosen().start);
  draw();
}

function toEdge(step) {
  const edges = (view()?.marks ?? []).flatMap(({ start, stop }) => [start, stop - 1]).sort((a, b) => a - b);
  const next = step > 0 ? edges.find((edge) => edge > player.target) : edges.findLast((edge) => edge < player.target);
  if (next !== undefined) player.go(next);
}

function setCategory(index) {
  const name = categories()[index];
  const mark = chosen();
  if (mark && (name || index < 0)) edit({ ...mark, category: name ?? null });
  else if (!mark) say("choose a mark first, with \u2191 or \u2193", "bad");
}

function finish() {
  const document = view();
  if (!document) return;
  if (!act({ kind: document.finished ? "reopen" : "finish" })) return;
  if (document.finished || decision()) return;
  say(document.marks.length ? `seen to the end: ${counted(document.marks.length, "event")}` : "seen to the end: normal");
  const { videos } = state.list;
  const at = videos.findIndex(({ path }) => path === state.video.path);
  const next = [...videos.slice(at + 1), ...videos.slice(0, at)].find((video) => ["new", "begun"].includes(video.state));
  if (next) openVideo(next.path);
}

function take(marks) { act({ kind: "replace", marks: marks.map((mark) => ({ ...mark, id: newId() })) }); }

// Everything that was ever named, and what is in the marks just now.
function categories() { return [...new Set([...state.list.categories, ...(view()?.marks ?? []).map(({ category }) => category)])].filter(Boolean).sort(); }

// Drawing

function changed(path) {
  page?.setSaved(outbox.state, outbox.queue.length);
  const listed = state.list?.videos.find((video) => video.path === path);
  const document = path && outbox.view(path);
  if (listed && document) {
    Object.assign(listed, { n_marks: document.marks.length, state: document.sealed ? "sealed" : document.finished ? "finished" : document.revision + document.pending ? "begun" : "new" });
    if (state.mode === "mark") drawVideos();
  }
  if (path && decision() && outbox.state === "saved") refreshReview();
  if (state.video && view()) draw();
}

function draw() {
  const document = view();
  if (!document) return;
  const marks = document.marks.map((mark) => (mark.id === state.dragged?.id ? state.dragged : mark));
  if (!marks.some(({ id }) => id === state.selected)) state.selected = null;
  Object.assign(timeline, { marks, selected: state.selected, begun: state.begun, editable: editable(), lanes: decision() && state.open ? lanes(state.open) : [] });
  timeline.draw();
  markList.draw({ marks, selected: state.selected, categories: categories(), editable: editable(), fps: state.video.fps,
    empty: decision() ? "The decision holds no event: take marks, or mark your own." : "Nothing marked. Press B at an event\u2019s first frame and E at its last; a video without marks that was seen to the end is normal." });
  page.setDocument(document, { decision: decision(), begun: state.begun });
  if (decision() && state.open) reviewPanel(page.review, state.open, document, { onTake: take, onDecide: finish });
  drawTransport();
}

function drawFrame(frame) {
  timeline.show(frame);
  page.setFrame(frame, { loading: player.loading, n: state.video.n_frames, time: clock(frame / state.video.fps, 2) });
}

function drawTransport() { page?.setTransport({ playing: player?.playing, rate: player?.rate ?? 1, document: state.video ? view() : null }); }

// Keys and buttons: each action once

const ACTIONS = {
  play: () => player.toggle(), back: () => player.step(-1), forward: () => player.step(1), back10: () => player.step(-10), forward10: () => player.step(10),
  begin: beginMark, end: endMark, undo: () => act({ kind: "undo" }), redo: () => act({ kind: "redo" }), finish,
  zoomIn: () => timeline.zoom(2), zoomOut: () => timeline.zoom(0.5), previous: () => neighbour(-1), next: () => neighbour(1),
};
const rate = (step) => player.setRate(RATES[Math.max(0, Math.min(RATES.length - 1, RATES.indexOf(player.rate) + step))]);
const KEYS = [
  { title: "Look", keys: [
    { key: " ", text: "play, pause", run: ACTIONS.play },
    { key: "ArrowLeft", text: "a frame back", run: ACTIONS.back },
    { key: "ArrowRight", text: "a frame on", run: ACTIONS.forward },
    { key: "Shift+ArrowLeft", text: "10 frames back", run: ACTIONS.back10 },
    { key: "Shift+ArrowRight", text: "10 frames on", run: ACTIONS.forward10 },
    { key: "Home", text: "first frame", run: () => player.go(0) },
    { key: "End", text: "last frame", run: () => player.go(state.video.n_frames - 1) },
    { key: "g", text: "go to a frame by number", run: () => page.focusFrame() },
    { key: ",", text: "to the mark\u2019s edge before", run: () => toEdge(-1) },
    { key: ".", text: "to the next edge of a mark", run: () => toEdge(1) },
    { key: "-", text: "slower", run: () => rate(-1) },
    { key: "+", shown: "+", text: "faster", run: () => rate(1) },
  ] },
  { title: "Mark", keys: [
    { key: "b", text: "an event begins at this frame", run: beginMark },
    { key: "e", text: "it ends with this frame", run: endMark },
    { key: "z", text: "undo", run: ACTIONS.undo },
    { key: "y", text: "redo", run: ACTIONS.redo },
    { key: "a", text: "in the review: take the consensus", run: () => { if (decision() && state.open) take(state.open.agreed); } },
    { key: "f", text: "seen to the end; in the review: decide", run: finish },
    { key: "PageDown", text: "next video", run: ACTIONS.next },
    { key: "PageUp", text: "video before", run: ACTIONS.previous },
  ] },
  { title: "The chosen mark", keys: [
    { key: "ArrowUp", text: "choose the mark before", run: () => choose(-1) },
    { key: "ArrowDown", text: "choose the next mark", run: () => choose(1) },
    { key: "[", text: "it begins here", run: () => moveEdge("start") },
    { key: "]", text: "it ends here", run: () => moveEdge("stop") },
    { key: "1 2 3 4 5 6 7 8 9 0", shown: "1 \u2026 9", text: "its category (not the pages, here); 0 for none", run: (event) => setCategory(Number(event.key) - 1) },
    { key: "c", text: "another category", run: () => markList.editCategory() },
    { key: "n", text: "its note", run: () => markList.editNote() },
    { key: "Delete", text: "remove it", run: () => remove(state.selected) },
    { key: "Escape", text: "let go of it", run: () => { state.begun = null; select(null); } },
  ] },
];

if (await shell({ page: "annotate", title: "Annotate" })) await begin(remembered());
