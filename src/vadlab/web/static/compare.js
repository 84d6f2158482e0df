// Two runs side by side: figures and videos, with their differences.
import { get } from "./api.js";
import { $, fill, h } from "./dom.js";
import { DASH, percent } from "./format.js";
import { empty, shell } from "./shell.js";
import { sortedTable } from "./table.js";

// Figure, its name, and whether more is better.
const FIGURES = [
  ["auc", "AUC (frames)", 1], ["auc_macro_skip", "AUC, mean over videos", 1], ["auc_abnormal_only", "AUC, abnormal videos only", 1],
  ["ap", "Average precision", 1], ["eer", "Equal error rate", -1], ["auc_video_level", "AUC (videos)", 1],
  ["far_normal_videos", "False alarm rate, normal videos", -1], ["event_f1@0.1", "Event F1 at tIoU 0.1", 1], ["event_f1@0.5", "Event F1 at tIoU 0.5", 1],
  ["event_miss_rate", "Events missed", -1], ["accuracy_windows", "Category accuracy (windows)", 1], ["accuracy_videos", "Category accuracy (videos)", 1],
];
const query = new URLSearchParams(location.search);
const titleOf = ({ finding, key }) => finding.run?.detector ?? key;
const placeOf = ({ key }) => key.replaceAll("~", "/");

shell({ page: "runs", title: "Compare" });
try {
  const rules = query.get("rules");
  const [a, b] = await Promise.all([get(`runs/${query.get("a") ?? ""}`, { rules }), get(`runs/${query.get("b") ?? ""}`, { rules })]);
  build(a, b);
} catch (error) {
  fill($("main"), empty("These runs cannot be compared", error.message, error.parts?.remedy && h("code", {}, error.parts.remedy), h("a", { href: "/" }, "All runs")));
}

function build(a, b) {
  const videosB = new Map(b.finding.videos.map((video) => [video.id, video]));
  const shared = a.finding.videos.filter((video) => videosB.has(video.id)).map((video) => ({ id: video.id, category: video.category, a: video, b: videosB.get(video.id) }));
  const same = shared.length === a.finding.videos.length && shared.length === b.finding.videos.length;
  const sameRules = a.finding.rules_text === b.finding.rules_text;
  fill($("main"),
    h("div.page-head", {}, h("h1", {}, "Two runs"), h("p", {}, `rules ${a.rules}`),
      h("a.small.push", { href: `/compare?${new URLSearchParams({ a: b.key, b: a.key, rules: a.rules })}` }, "Swap")),
    h("div.stack", {},
      (!same || !sameRules) && h("p.notice.bad", { role: "note" }, !sameRules ? "The rules of the two differ in detail; their figures do not compare." : `The test videos differ: ${a.finding.videos.length} and ${b.finding.videos.length}, ${shared.length} of them in both. Figures over all videos do not compare; those of single videos do.`),
      h("section.card", {}, h("div.card-head", {}, h("h2", {}, "Figures"), h("span.small.muted", {}, "95 % intervals over videos in small type")), figures(a, b, same && sameRules)),
      shared.length > 0 && h("section.card", {}, h("div.card-head", {}, h("h2", {}, "Videos in both"), h("span.small.muted", {}, "a name opens both in the viewer")), videos(a, b, shared))));
}

function figures(a, b, alike) {
  const rows = FIGURES.filter(([key]) => key in a.finding.metrics || key in b.finding.metrics);
  const cell = (run, key) => {
    const interval = run.finding.intervals_95?.[key];
    return [percent(run.finding.metrics[key], 2), interval && h("span.sub", {}, `${percent(interval[0])}${DASH}${percent(interval[1])}`)];
  };
  return h("div.scroll", {}, h("table", {},
    h("caption.unseen", {}, "Figures of both runs in percent"),
    h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "Figure, %"), head(a, "A"), head(b, "B"), h("th.n", { scope: "col" }, "B − A"))),
    h("tbody", {}, rows.map(([key, title, sign]) => h("tr", {}, h("th", { scope: "row" }, title, sign < 0 && h("span.muted", {}, " (less is better)")),
      h("td.n", {}, cell(a, key)), h("td.n", {}, cell(b, key)), h("td.n", {}, alike ? difference(a.finding.metrics[key], b.finding.metrics[key], sign) : DASH))))));
}

function head(run, letter) {
  return h("th.n", { scope: "col" }, h("span.tag.info", {}, letter), " ", h("a", { href: `/view?${new URLSearchParams({ run: run.key, rules: run.rules })}` }, titleOf(run)), h("span.sub.mono", {}, placeOf(run).split("/").flatMap((part, index) => (index ? ["/", h("wbr"), part] : [part]))));
}

function difference(x, y, sign = 1) {
  if (x === null || y === null || x === undefined || y === undefined) return DASH;
  const delta = 100 * (y - x);
  const text = `${delta > 0 ? "+" : delta < 0 ? "−" : ""}${Math.abs(delta).toFixed(2)}`;
  return h("span", { class: Math.abs(delta) < 0.005 ? "muted" : delta * sign > 0 ? "better" : "worse" }, text);
}

function videos(a, b, shared) {
  const delta = (row) => row.a.auc === null || row.b.auc === null ? null : row.b.auc - row.a.auc;
  const link = (row) => h("a", { href: `/view?${new URLSearchParams({ run: a.key, rules: a.rules, other: b.key, video: row.id })}` }, row.id);
  return sortedTable([
    { title: "Video", value: (row) => row.id, cell: link },
    { title: "Category", value: (row) => row.category ?? "", cell: (row) => row.category ?? DASH },
    { title: "Abnormal, %", number: true, value: (row) => row.a.n_abnormal_frames / row.a.n_frames, cell: (row) => percent(row.a.n_abnormal_frames / row.a.n_frames, 0) },
    { title: "AUC A, %", number: true, value: (row) => row.a.auc, cell: (row) => percent(row.a.auc) },
    { title: "AUC B, %", number: true, value: (row) => row.b.auc, cell: (row) => percent(row.b.auc) },
    { title: "B − A", number: true, value: delta, cell: (row) => difference(row.a.auc, row.b.auc) },
    { title: "Peak A", number: true, value: (row) => row.a.peak_score, cell: (row) => row.a.peak_score.toPrecision(3) },
    { title: "Peak B", number: true, value: (row) => row.b.peak_score, cell: (row) => row.b.peak_score.toPrecision(3) },
  ], shared, { sort: [5, "ascending"], caption: "Each video's figures in both runs" });
}
