// Live: how the sources do, their scores now, and the events to look through.
import { address, get, send } from "./api.js";
import { $, fill, h, icon } from "./dom.js";
import { ago, clock, count, counted, DASH, moment, score } from "./format.js";
import { shortcuts } from "./keys.js";
import { colours, prepare } from "./plot.js";
import { complain, empty, onTheme, say, shell } from "./shell.js";

const POLL_MS = 1000;
const LIMIT = 50; // events asked for at once
const STALE_S = 15; // a running watch writes its status every second
const OUTBOXES = ["webhook", "mqtt"]; // sinks whose lost messages `vadlab undelivered` lists
const STATES = { live: "good", connecting: "info", stalled: "bad", lost: "bad", failed: "bad", ended: "", stopped: "" };
const query = new URLSearchParams(location.search);
const page = { watch: null, events: new Map(), more: true, chosen: null, cards: new Map(), threshold: null };

shell({ page: "live", title: "Live" });
const ui = {
  watches: h("select", { "aria-label": "Watch folder", onchange: () => { query.set("watch", ui.watches.value); location.search = query; } }),
  state: h("span.row"), sources: h("div.sources", { "aria-label": "Sources" }), sinks: h("section.card", { "aria-label": "Receivers", hidden: true }), list: h("ul.event-list", { "aria-label": "Events" }),
  source: h("select", { "aria-label": "Source", onchange: reload }), which: h("div.segmented", { role: "group", "aria-label": "Which events" }),
  more: h("button", { type: "button", onclick: older }, "Older events"), found: h("span.small.muted", { role: "status" }),
  who: h("input", { type: "text", id: "who", maxlength: 80, autocomplete: "name", placeholder: "your name", onchange: () => localStorage.setItem("vadlab-name", ui.who.value.trim()) }),
  detail: h("dialog.detail", { "aria-label": "Event" }),
};
let unreviewedOnly = true;

try {
  const watches = await get("watches");
  if (!watches.length) {
    fill($("main"), h("div.page-head", {}, h("h1", {}, "Live")), empty("Nothing is watched here", h("span", {}, "A watch begins with ", h("code", {}, "vadlab watch RUN SOURCE --out WATCH"), "; its folder must lie below this server's.")));
  } else build(watches);
} catch (error) { complain(error); }

function build(watches) {
  page.watch = (watches.find((one) => one.key === query.get("watch")) ?? watches[0]).key;
  fill(ui.watches, watches.map((one) => h("option", { value: one.key, selected: one.key === page.watch }, one.folder)));
  try { ui.who.value = localStorage.getItem("vadlab-name") ?? ""; } catch { /* storage may be switched off */ }
  paintWhich();
  fill($("main"),
    h("div.page-head", {}, h("h1", {}, "Live"), watches.length > 1 ? ui.watches : h("p", {}, watches[0].folder), ui.state),
    h("div.live", {},
      h("div.live-side", {}, ui.sources, ui.sinks),
      h("section.card", { "aria-label": "Events" },
        h("div.card-head", {}, h("h2", {}, "Events"), ui.found, ui.which, ui.source, h("label.field", { for: "who" }, "Reviewed by", ui.who)),
        ui.list, h("div.card-body", {}, ui.more))));
  document.body.append(ui.detail);
  ui.detail.addEventListener("close", () => ui.detail.replaceChildren());
  shortcuts({ title: "Events", keys: [
    { key: "j", text: "next event", run: () => move(1) },
    { key: "k", text: "event before", run: () => move(-1) },
    { key: "r", text: "reviewed, or not", run: () => page.chosen && review(page.chosen) },
    { key: "o", text: "open the clip", run: () => page.chosen && open(page.chosen) },
    { key: "u", text: "all events, or those not reviewed", run: () => choose(!unreviewedOnly) },
  ] });
  onTheme(() => page.cards.forEach(({ draw }) => draw()));
  poll();
  reload();
}

async function poll() {
  try {
    if (!document.hidden) {
      const watch = await get(`watches/${page.watch}`);
      page.threshold = watch.threshold ?? page.threshold;
      paintState(watch);
      paintSources(watch);
      paintSinks(watch);
      if (page.seen !== JSON.stringify([watch.n_events, watch.n_open, watch.n_unreviewed])) {
        page.seen = JSON.stringify([watch.n_events, watch.n_open, watch.n_unreviewed]);
        await newest();
      } else if (watch.n_open) await newest();
    }
  } catch (error) { if (!page.failed) complain(error); page.failed = true; setTimeout(poll, 5 * POLL_MS); return; }
  page.failed = false;
  setTimeout(poll, POLL_MS);
}

function paintState({ status, now, n_events, n_unreviewed, n_open }) {
  const stale = status && now - status.time > STALE_S && status.state !== "stopped";
  const running = status && !stale && status.state !== "stopped";
  const text = !status ? "not started" : stale ? `no sign of life for ${ago(now - status.time)}` : status.state;
  fill(ui.state,
    h("span.tag", { class: running ? "good" : stale ? "bad" : "" }, text),
    status?.run && h("span.small.muted", {}, `run ${status.run}`),
    h("span.small.muted", {}, `${counted(n_events, "event")}, ${count(n_unreviewed)} not reviewed${n_open ? `, ${count(n_open)} going on` : ""}`));
  page.running = running;
}

function paintSources({ status, now }) {
  const sources = status?.sources ?? [];
  const names = sources.map((one) => one.name);
  if (names.join("\n") !== page.names) {
    page.names = names.join("\n");
    page.cards = new Map(sources.map((one) => [one.name, sourceCard()]));
    fill(ui.sources, sources.length ? [...page.cards.values()].map(({ element }) => element) : empty("No source yet"));
    const chosen = ui.source.value;
    fill(ui.source, h("option", { value: "" }, "all sources"), names.map((name) => h("option", { selected: name === chosen }, name)));
    ui.source.hidden = names.length < 2;
  }
  for (const one of sources) page.cards.get(one.name).paint(one, now);
}

// Who is told of events: what waits for each of them, and what they will never get.
function paintSinks({ status }) {
  const sinks = status?.sinks ?? [];
  ui.sinks.hidden = !sinks.length;
  const lost = sinks.filter((one) => one.n_lost && OUTBOXES.includes(one.name));
  fill(ui.sinks,
    h("div.card-head", {}, h("h2", {}, "Receivers")),
    h("ul.sink-list", {}, sinks.map(sinkItem)),
    lost.length > 0 && h("p.sink-hint.small.muted", {}, h("code", {}, "vadlab undelivered WATCH"), ` lists what ${lost.map(({ name }) => name).join(" and ")} lost.`));
}

function sinkItem({ name, state, n_sent, n_waiting, n_lost, last_error }) {
  const ok = state !== "failing";
  return h("li", {},
    h("strong", {}, name), page.running && h("span.tag", { class: ok ? "good" : "bad" }, ok ? "ok" : "failing"),
    h("span.small.muted.push", {}, `${count(n_sent)} sent`), h("span.small", { class: n_waiting ? "" : "muted" }, `${count(n_waiting)} waiting`),
    h("span.small", { class: n_lost ? "bad" : "muted" }, `${count(n_lost)} lost`),
    last_error && h("span.small.sink-error", { class: ok ? "muted" : "bad" }, last_error));
}

function sourceCard() {
  const head = h("div.source-head");
  const canvas = h("canvas", { role: "img" });
  const numbers = h("dl.numbers");
  const element = h("section.card.source", {}, head, canvas, numbers);
  let last = null;
  const draw = () => { if (last) sparkline(canvas, last); };
  new ResizeObserver(draw).observe(canvas);
  return {
    element, draw,
    paint(one, now) {
      last = one;
      const state = page.running || ["ended", "failed"].includes(one.state) ? one.state : "stopped";
      element.classList.toggle("alarm", Boolean(one.open_event) && page.running);
      fill(head, h("h2", {}, one.name), h("span.tag", { class: STATES[state] }, state),
        one.open_event && page.running && h("span.tag.bad", {}, one.category ?? "event"), h("span.source-score", {}, score(one.score)));
      canvas.setAttribute("aria-label", `Recent scores of ${one.name}; now ${score(one.score)}`);
      const number = (title, text, bad = false) => h("div", {}, h("dt", {}, title), h("dd", { class: bad ? "bad" : "" }, text));
      fill(numbers,
        number("frames/s", one.fps.toFixed(1)), number("lag", `${one.lag_s.toFixed(1)} s`, one.lag_s > 10),
        number("dropped", count(one.dropped), one.dropped > 0), number("reconnects", count(one.reconnects)),
        number("last frame", one.last_frame_time === null ? DASH : `${ago(now - one.last_frame_time)} ago`), number("events", count(one.events)),
        one.error && h("div.source-error", {}, h("dt", {}, "trouble"), h("dd.bad", {}, one.error)));
      draw();
    },
  };
}

function sparkline(canvas, { recent }) {
  const { context: c, width, height } = prepare(canvas);
  if (!recent.length || !width) return;
  const t = colours();
  const values = recent.map(([, value]) => value);
  const threshold = page.threshold;
  let low = Math.min(...values, threshold ?? Infinity);
  let high = Math.max(...values, threshold ?? -Infinity);
  if (low >= 0 && high <= 1 && high > 0.05) [low, high] = [0, 1];
  if (high - low < 1e-9) high = low + 1;
  const [from, to] = [recent[0][0], recent.at(-1)[0]];
  const x = (when) => 2 + (width - 4) * (to > from ? (when - from) / (to - from) : 1);
  const y = (value) => height - 17 - (height - 23) * (value - low) / (high - low);
  c.strokeStyle = t.grid;
  for (const at of [low, high]) { c.beginPath(); c.moveTo(0, Math.round(y(at)) + 0.5); c.lineTo(width, Math.round(y(at)) + 0.5); c.stroke(); }
  c.beginPath();
  recent.forEach(([when, value]) => c.lineTo(x(when), y(value)));
  c.strokeStyle = t.blue;
  c.lineWidth = 1.6;
  c.lineJoin = "round";
  c.stroke();
  c.lineTo(x(to), y(low));
  c.lineTo(x(from), y(low));
  c.fillStyle = t["blue-wash"];
  c.fill();
  if (threshold !== null) {
    c.setLineDash([5, 4]);
    c.strokeStyle = t.event;
    c.lineWidth = 1.2;
    c.beginPath();
    c.moveTo(0, y(threshold));
    c.lineTo(width, y(threshold));
    c.stroke();
    c.setLineDash([]);
  }
  c.fillStyle = t.muted;
  c.textBaseline = "alphabetic";
  c.textAlign = "left";
  c.fillText(`${ago(to - from)} ago`, 2, height - 4);
  c.textAlign = "right";
  c.fillText("now", width - 2, height - 4);
}

function filters() { return { source: ui.source.value, reviewed: unreviewedOnly ? "false" : null }; }

function choose(only) { unreviewedOnly = only; paintWhich(); reload(); }

function paintWhich() {
  fill(ui.which, [["To review", true], ["All", false]].map(([text, only]) => h("button", { type: "button", "aria-pressed": String(unreviewedOnly === only), onclick: () => choose(only) }, text)));
}

async function reload() {
  page.events.clear();
  page.more = true;
  page.chosen = null;
  await newest();
}

async function newest() {
  try {
    const found = await get(`watches/${page.watch}/events`, { ...filters(), limit: LIMIT });
    if (!page.events.size) page.more = found.length === LIMIT;
    found.forEach((event) => page.events.set(event.id, event));
    drawEvents();
  } catch (error) { complain(error); }
}

async function older() {
  const last = [...page.events.keys()].sort()[0];
  try {
    const found = await get(`watches/${page.watch}/events`, { ...filters(), before: last, limit: LIMIT });
    page.more = found.length === LIMIT;
    found.forEach((event) => page.events.set(event.id, event));
    drawEvents();
  } catch (error) { complain(error); }
}

// What has just been reviewed stays in the list until it is loaded anew, so that nothing jumps away.
function ordered() { return [...page.events.values()].sort((a, b) => (a.id < b.id ? 1 : -1)); }

function drawEvents() {
  const events = ordered();
  if (events.length) page.threshold ??= events[0].threshold;
  ui.found.textContent = counted(events.length, "event") + (page.more ? " so far" : "");
  ui.more.parentElement.hidden = !page.more;
  if (!events.length) {
    fill(ui.list, h("li.pad.muted", {}, unreviewedOnly ? "Every event has been reviewed." : "No event yet."));
    return;
  }
  const known = new Map([...ui.list.children].map((item) => [item.dataset.id, item]));
  // An item whose event is the same stays, so that focus and pictures do.
  ui.list.replaceChildren(...events.map((event) => {
    const before = known.get(event.id);
    const text = JSON.stringify(event);
    if (before && before.dataset.said === text) return before;
    const focused = before?.contains(document.activeElement) ? document.activeElement.dataset.what : null;
    const item = eventItem(event, text);
    if (focused) queueMicrotask(() => item.querySelector(`[data-what="${focused}"]`)?.focus());
    return item;
  }));
  markChosen();
}

function eventItem(event, said) {
  const length = event.stop_time - event.start_time;
  const picture = event.has_thumbnail
    ? h("img", { src: address(`watches/${page.watch}/events/${event.id}/thumbnail`), alt: "", loading: "lazy", width: 160, height: 120 })
    : h("span.no-picture", {}, "no picture");
  const done = event.reviewed_by !== null;
  return h("li", { "data-id": event.id, "data-said": said, class: done ? "done" : "" },
    h("button.picture", { type: "button", "data-what": "open", "aria-label": `Open the event of ${event.source}, ${moment(event.start_time, { seconds: true })}`, onclick: () => open(event.id) }, picture),
    h("div.event-main", {},
      h("div.row", {}, h("strong", {}, event.category ?? "Event"), event.state !== "end" && h("span.tag.bad", {}, "going on"), done && h("span.tag.good", {}, `reviewed by ${event.reviewed_by}`)),
      h("span.small.muted", {}, `${event.source} · ${moment(event.start_time, { seconds: true })} · ${length < 60 ? `${length.toFixed(1)} s` : clock(length)} · top score ${score(event.top_score)}`),
      event.note && h("span.small", {}, event.note)),
    h("button", { type: "button", "data-what": "review", "aria-pressed": String(done), onclick: () => review(event.id) }, done ? "Undo" : [icon("check"), "Reviewed"]));
}

function markChosen() {
  for (const item of ui.list.children) item.classList.toggle("current", item.dataset.id === page.chosen);
}

function move(by) {
  const events = ordered();
  if (!events.length) return;
  const at = events.findIndex(({ id }) => id === page.chosen);
  const next = events[Math.min(events.length - 1, Math.max(0, at < 0 ? 0 : at + by))];
  page.chosen = next.id;
  markChosen();
  const item = ui.list.querySelector(".current");
  item.scrollIntoView({ block: "nearest" });
  item.querySelector("[data-what=open]").focus({ preventScroll: true });
}

async function review(id) {
  const event = page.events.get(id);
  const by = event.reviewed_by === null ? ui.who.value.trim() : null;
  if (by === "") { ui.who.focus(); say("Enter your name first: a review is signed", "bad"); return; }
  try {
    const next = await send("PUT", `watches/${page.watch}/events/${id}/review`, { by });
    page.events.set(id, next);
    page.chosen = id;
    drawEvents();
    if (ui.detail.open) detail(id);
  } catch (error) { complain(error); }
}

function open(id) {
  page.chosen = id;
  markChosen();
  detail(id);
  if (!ui.detail.open) ui.detail.showModal();
}

function detail(id) {
  const event = page.events.get(id);
  const at = `watches/${page.watch}/events/${id}`;
  const note = h("textarea", { rows: 2, maxlength: 2000, id: "note" });
  note.value = event.note;
  const step = (by) => { move(by); detail(page.chosen); };
  const same = ui.detail.dataset.id === id && ui.detail.querySelector(".event-media");
  ui.detail.dataset.id = id;
  const media = same || (event.has_clip ? h("video.event-media", { src: address(`${at}/clip`), controls: true, autoplay: true, muted: true, playsinline: true })
    : event.has_thumbnail ? h("img.event-media", { src: address(`${at}/thumbnail`), alt: "" }) : h("p.pad.muted.event-media", {}, event.state === "end" ? "No clip was kept of this event." : "The clip comes when the event is over."));
  const fact = (title, text) => [h("dt", {}, title), h("dd", {}, text)];
  ui.detail.onkeydown = (key) => {
    if (key.target === note) return;
    if (key.key === "j") step(1);
    if (key.key === "k") step(-1);
    if (key.key === "r") review(id);
  };
  fill(ui.detail,
    h("header", {}, h("h2", {}, `${event.category ?? "Event"}, ${event.source}`),
      h("span.row", {},
        h("button.icon-button", { type: "button", "aria-label": "Event before (k)", onclick: () => step(-1) }, icon("previous")),
        h("button.icon-button", { type: "button", "aria-label": "Next event (j)", onclick: () => step(1) }, icon("next")),
        h("button.icon-button", { type: "button", "aria-label": "Close", onclick: () => ui.detail.close() }, icon("close")))),
    media,
    h("div.card-body", {},
      h("dl.facts", {}, fact("Begun", moment(event.start_time, { seconds: true })), fact("Length", `${(event.stop_time - event.start_time).toFixed(1)} s, frames ${count(event.start_frame)} to ${count(event.stop_frame)}`),
        fact("Top score", `${score(event.top_score)}, threshold ${score(event.threshold)}`), fact("State", event.state === "end" ? "over" : "going on"),
        event.reviewed_by !== null && fact("Reviewed", `by ${event.reviewed_by}, ${moment(event.reviewed_at)}`)),
      h("label", { for: "note" }, "Note"), note,
      h("div.row", {},
        h("button", { type: "button", onclick: async () => {
          try { page.events.set(id, await send("PUT", `${at}/note`, { note: note.value })); drawEvents(); say("Note kept"); } catch (error) { complain(error); }
        } }, "Keep the note"),
        h("button.primary.push", { type: "button", onclick: () => review(id) }, event.reviewed_by === null ? "Reviewed (r)" : "Not reviewed (r)"))));
}
