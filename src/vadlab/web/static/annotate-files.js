// Labels and files: what everybody's marks come to, other tools' formats, marks to start from.
import { address, ApiError, get, send } from "./api.js";
import { fill, h, icon } from "./dom.js";
import { counted } from "./format.js";
import { complain, say } from "./shell.js";

const NAMES = { activitynet: "ActivityNet (JSON)", cvat: "CVAT for video 1.1 (XML)", folder: "annotators.csv", "label-studio": "Label Studio (JSON)", via: "VIA 3 (JSON)" };

/** The three cards; `onStarted()` is called after marks were taken from a file. */
export function filesPage(place, { list, annotator, onStarted }) {
  const people = list.annotators;
  fill(place, labels(), exporting(list, people), starting(list, annotator, onStarted));
}

function labels() {
  const result = h("div.stack");
  const threshold = h("input", { type: "number", min: "0.05", max: "1", step: "0.05", value: "0.5", "aria-describedby": "threshold-text", onchange: () => plan() });
  const write = h("button.primary", { type: "button", onclick: store, disabled: true }, "Write the labels");
  plan();
  return h("section.card", {}, h("div.card-head", {}, h("h2", {}, "Frame labels")),
    h("div.card-body.stack", {},
      h("p.small", { id: "threshold-text" }, "A frame is abnormal where at least this share of those who have seen the video to its end marked it; a decision counts instead. With two annotators and 0.5 one is enough; above 0.5 both must agree."),
      h("div.row", {}, h("label.field", {}, "Share", threshold), write), result));

  async function plan() {
    try { show(await get("annotate/labels/planned", { threshold: threshold.value })); write.disabled = false; }
    catch (error) { write.disabled = true; fill(result, h("p.notice", {}, error.message, error.parts?.remedy ? `: ${error.parts.remedy}` : "")); }
  }

  async function store() {
    write.disabled = true;
    try {
      const done = await send("POST", "annotate/labels", { threshold: Number(threshold.value) });
      show(done);
      say(`wrote ${done.written.join(", ")}`);
    } catch (error) { complain(error); }
    write.disabled = false;
  }

  function show(found) {
    const facts = `${counted(found.n_merged, "video")} by consensus, ${found.n_decided} by decision, ${found.unfinished.length} not finished`;
    fill(result, h("p.small.muted", {}, facts),
      found.changes.length
        ? [h("h3", {}, found.written.length ? "Written" : `${counted(found.changes.length, "row")} of annotations.csv will change`), h("ul.changes.mono", {}, found.changes.map((change) => h("li", {}, change)))]
        : h("p.small", {}, "annotations.csv is as the marks say."));
  }
}

function exporting(list, people) {
  const form = choose(list.formats);
  const whose = h("select", { "aria-label": "Whose marks" }, h("option", { value: "consensus" }, "the labels (consensus and decisions)"), h("option", { value: "" }, "everybody\u2019s marks"), people.map((name) => h("option", { value: name }, `${name} only`)));
  return h("section.card", {}, h("div.card-head", {}, h("h2", {}, "For other tools")), h("div.card-body.stack", {},
    h("p.small", {}, "Finished marks only."), h("div.row", {}, form, whose, h("button", { type: "button", onclick: download }, "Download"))));

  async function download() {
    try {
      const response = await fetch(address("annotate/export", { format: form.value, whose: whose.value }));
      if (!response.ok) throw new ApiError(response.status, await response.json().catch(() => ({})));
      const name = /filename="([^"]+)"/.exec(response.headers.get("content-disposition"))?.[1] ?? "annotations";
      const url = URL.createObjectURL(await response.blob());
      h("a", { href: url, download: name }).click();
      setTimeout(() => URL.revokeObjectURL(url), 10000);
    } catch (error) { complain(error); }
  }
}

function starting(list, annotator, onStarted) {
  const form = choose(list.formats, { folder: "annotators.csv or annotations.csv" });
  const file = h("input", { type: "file", "aria-label": "File" });
  const result = h("div");
  return h("section.card", {}, h("div.card-head", {}, h("h2", {}, "Start from a file")), h("div.card-body.stack", {},
    h("p.small", {}, "Marks of another tool, or of a detector, become yours to look through, in videos where you have done nothing yet."),
    h("div.row", {}, form, file, h("button", { type: "button", onclick: upload }, icon("upload"), "Take them")), result));

  async function upload() {
    if (!file.files.length) { file.focus(); return; }
    const body = new FormData();
    body.set("format", form.value);
    body.set("annotator", annotator);
    body.set("file", file.files[0]);
    try {
      const response = await fetch(address("annotate/start"), { method: "POST", headers: { "X-Vadlab": "1" }, body });
      const found = await response.json().catch(() => ({}));
      if (!response.ok) throw new ApiError(response.status, found);
      fill(result, h("p.notice", {}, `${counted(found.started.length, "video")} got marks`, found.left.length ? `; left as they are: ${found.left.join(", ")}` : ""));
      onStarted();
    } catch (error) {
      fill(result, h("pre.notice.bad", {}, [error.message, error.parts?.found].filter(Boolean).join("\n")));
    }
  }
}

const choose = (formats, other = {}) => h("select", { "aria-label": "Format" }, formats.map((name) => h("option", { value: name }, other[name] ?? NAMES[name] ?? name)));
