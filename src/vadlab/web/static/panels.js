// The panels beside the timeline: events, categories, worst errors.
import { h } from "./dom.js";
import { meanOver } from "./events.js";
import { clock, DASH, percent, score } from "./format.js";

/** A table of events; `onSeek(frame)` when one is chosen. */
export function eventTable(events, { fps, truth, onSeek, onHover }) {
  if (!events.length) return h("p.muted.pad", {}, "No event at this threshold.");
  const withCategory = events.some((event) => event.category !== null);
  return h("div.scroll.tall", {}, h("table", {},
    h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "Time"), h("th.n", { scope: "col" }, "Length"), h("th.n", { scope: "col" }, "Top"),
      withCategory && h("th", { scope: "col" }, "Category"), truth && h("th", { scope: "col" }, "Truth"))),
    h("tbody", {}, events.map((event) => {
      const hit = truth?.some(([start, stop]) => start < event.stop && event.start < stop);
      const length = (event.stop - event.start) / fps;
      return h("tr.clickable", { onclick: () => onSeek(event.start), onmouseenter: () => onHover?.(event) },
        h("th", { scope: "row" }, h("button.link", { type: "button", title: `frames ${event.start} to ${event.stop}` }, `${clock(event.start / fps, 1)}${DASH}${clock(event.stop / fps, 1)}`)),
        h("td.n", {}, `${length.toFixed(length < 10 ? 1 : 0)} s`),
        h("td.n", {}, score(event.score)),
        withCategory && h("td", {}, event.category ?? DASH, event.probability !== null && h("span.muted", {}, ` ${percent(event.probability, 0)}%`)),
        truth && h("td", {}, hit ? h("span.tag.good", { title: "it meets a labelled event" }, "hit") : h("span.tag.bad", { title: "it meets no labelled event" }, "false")));
    }))));
}

/** How many labelled events were met, and how many events meet none. */
export function tally(events, truth) {
  const meets = (a, b) => a[0] < b[1] && b[0] < a[1];
  const spans = events.map(({ start, stop }) => [start, stop]);
  return {
    found: truth.filter((one) => spans.some((span) => meets(one, span))).length,
    labelled: truth.length,
    falseAlarms: spans.filter((span) => !truth.some((one) => meets(one, span))).length,
  };
}

/** Bars of the category probabilities around a frame, the likeliest first. */
export function categoryBars(categories, start, stop, truth) {
  const mean = meanOver(categories, start, stop);
  if (!mean) return h("p.muted.pad", {}, "No window covers this frame.");
  const rows = categories.names.map((name, i) => [name, mean[i]]).sort((a, b) => b[1] - a[1]);
  return h("dl.bars", {}, rows.map(([name, value]) => [
    h("dt", { class: name === truth ? "true" : "" }, name, name === truth && h("span.unseen", {}, " (labelled)")),
    h("dd", {}, h("span.bar", {}, h("i", { style: { width: `${(100 * value).toFixed(1)}%` } })), h("span", {}, `${percent(value, 0)}%`)),
  ]));
}

/** The cards of the worst errors. */
export function errorCards(list, { source, fps, onOpen }) {
  return h("ul.errors", {}, list.map((error) => {
    const where = error.event ? `frames ${error.event[0]} to ${error.event[1]}` : `frame ${error.frame}`;
    const side = error.event ? "normal" : "abnormal";
    const text = error.share === null ? "" : error.event
      ? `below ${percent(error.share, 0)}% of the normal frames`
      : `above ${percent(error.share, 0)}% of the abnormal frames`;
    const picture = h("img", { src: source.thumbnail(error.video, error.frame), alt: "", loading: "lazy", width: 320, height: 240 });
    picture.addEventListener("error", () => picture.replaceWith(h("span.no-picture", {}, "no picture")));
    return h("li", {}, h("button.error", { type: "button", onclick: () => onOpen(error.video, error.frame), "data-side": side },
      picture, h("span.error-text", {}, h("strong", {}, score(error.score)), h("span.video-name", {}, error.video), h("span.muted", {}, `${where} · ${text}`))));
  }));
}
