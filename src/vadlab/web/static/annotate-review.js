// The review: how people agree, everybody's marks of a video beside each other, and the decision about it.
import { get } from "./api.js";
import { fill, h, icon } from "./dom.js";
import { counted, DASH } from "./format.js";
import { range } from "./annotate-marks.js";

const figure = (value, digits = 2) => (value === null || value === undefined ? DASH : value.toFixed(digits));

/** The figures over all videos, as a line. */
export function summary(found) {
  if (!found.n_videos) return "nobody has finished a video yet";
  const again = found.videos.filter((video) => video.again && !video.decided_by).length;
  const alpha = found.krippendorff_alpha === null ? found.krippendorff_alpha_reason : `Krippendorff\u2019s alpha ${figure(found.krippendorff_alpha, 3)}`;
  return `${counted(found.n_videos, "finished video")}, ${counted(found.annotators.length, "annotator")}; ${alpha}; ${counted(again, "video")} to look at`;
}

/** The figures over all finished videos, and how each two people agree. */
export function agreementCard(place, found) {
  const rows = [
    ["Krippendorff\u2019s alpha", figure(found.krippendorff_alpha, 3), found.krippendorff_alpha_reason],
    ["Fleiss\u2019 kappa", figure(found.fleiss_kappa, 3), found.fleiss_kappa_reason],
    ["temporal IoU of events", figure(found.event_iou, 3)],
    ["begins scatter by", found.begin_std === null ? DASH : `\u00b1${figure(found.begin_std, 1)} frames`],
    ["ends scatter by", found.end_std === null ? DASH : `\u00b1${figure(found.end_std, 1)} frames`],
  ];
  const { annotators, cohen_kappa: cohen } = found;
  fill(place, h("div.card-head", {}, h("h2", {}, "Agreement"), h("span.small.muted", {}, "all finished videos")), h("div.card-body.stack", {},
    h("dl.figures", {}, rows.map(([name, value, reason]) => [h("dt", {}, name), h("dd.mono", { title: reason ?? false }, value)])),
    annotators.length > 1 ? h("div.scroll", {}, h("table.cohen", {}, h("caption.small.muted", {}, "Cohen\u2019s kappa"),
      h("thead", {}, h("tr", {}, h("th"), annotators.map((name) => h("th.n", { scope: "col" }, name)))),
      h("tbody", {}, annotators.map((name, row) => h("tr", {}, h("th", { scope: "row" }, name), annotators.map((_, column) => h("td.n", {}, row === column ? "" : figure(cohen[row][column]))))))) ) : null));
}

/** The list of finished videos, the least agreement first. */
export function reviewList(found, { current, onOpen }) {
  return found.videos.map((video) => {
    const state = video.decided_by ? h("span.tag.good", { title: `decided by ${video.decided_by}` }, "decided") : video.again ? h("span.tag.bad", {}, "look again") : h("span.tag", {}, "agree");
    return h("li", {}, h("button.video", { type: "button", "aria-current": video.path === current ? "true" : false, onclick: () => onOpen(video) },
      h("span.video-name", { title: video.path }, video.path),
      h("span.video-facts", {}, `${counted(video.n_annotators, "person").replace("persons", "people")} \u00b7 \u03b1 ${figure(video.krippendorff_alpha)}`), state));
  });
}

/** Ask before others' marks are shown, as that closes the own ones; resolves to true or false. */
export function askToOpen(path, { counts }) {
  return new Promise((resolve) => {
    const dialog = h("dialog.ask", { "aria-labelledby": "ask-title", onclose: () => { dialog.remove(); resolve(dialog.returnValue === "yes"); } },
      h("form", { method: "dialog" },
        h("h2", { id: "ask-title" }, "See everybody\u2019s marks?"),
        h("p", {}, "Of ", h("strong", {}, path), ". It closes your own marks of this video: you cannot change them afterwards, so that nobody is led by others."),
        counts ? null : h("p.notice.bad", {}, "You have not seen this video to the end: your marks of it will not count."),
        h("div.row", {}, h("button.push", { value: "no" }, "Not yet"), h("button.primary", { value: "yes" }, "Show them"))));
    document.body.append(dialog);
    dialog.showModal();
  });
}

/** Everybody's marks of a video: { people, share, agreed, reasons, votes, decision }. */
export const load = (path, annotator, threshold) => get("annotate/review/video", { path, annotator, threshold });

/** The lanes below the decision on the timeline. */
export function lanes(found) {
  return [
    ...found.people.map(({ annotator, marks }) => ({ title: annotator, kind: "person", spans: marks })),
    { title: "share of the annotators", kind: "share", spans: found.share.map(([start, stop, share]) => ({ start, stop, share })) },
    { title: "consensus", kind: "agreed", spans: found.agreed },
  ];
}

/** The panel beside the video: why to look, whose marks to take, the decision. */
export function reviewPanel(place, found, document, { onTake, onDecide }) {
  const take = (title, marks, key) => h("li.take", {},
    h("span.take-name", {}, title), h("span.small.muted", {}, marks.length ? marks.map(range).join(", ") : "nothing marked"),
    h("button.small", { type: "button", "aria-label": `Take the marks: ${title}`, onclick: () => onTake(marks) }, "Take", key ? h("kbd", {}, key) : null));
  fill(place,
    h("div.card-head", {}, h("h2", {}, "Decision"), document.finished ? h("span.tag.good", {}, `by ${document.by}`) : h("span.tag", {}, "open")),
    h("div.card-body.stack", {},
      found.reasons.length ? h("ul.reasons.small", {}, found.reasons.map((reason) => h("li", {}, reason))) : h("p.small.muted", {}, "The annotators agree."),
      h("ul.takes", {}, take("Consensus", found.agreed, "A"), found.people.map(({ annotator, marks }) => take(annotator, marks))),
      h("button.full", { type: "button", class: document.finished ? "" : "primary", onclick: onDecide },
        document.finished ? "Open it again" : [icon("check"), document.marks.length ? `Decide: ${counted(document.marks.length, "event")}` : "Decide: normal"], h("kbd", {}, "F"))));
}
