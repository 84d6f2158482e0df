// All runs below the root: find, sort, open, compare two.
import { get } from "./api.js";
import { $, fill, h } from "./dom.js";
import { counted, DASH, moment, percent } from "./format.js";
import { shortcuts } from "./keys.js";
import { complain, empty, shell } from "./shell.js";
import { sortedTable } from "./table.js";

const STATES = { trained: "not evaluated", training: "not finished", damaged: "damaged" };
const query = new URLSearchParams(location.search);
const chosen = new Set();
let runs = [];

shell({ page: "runs", title: "Runs" });
const search = h("input", { type: "search", placeholder: "Find: detector, dataset, folder", "aria-label": "Find a run", oninput: draw, value: query.get("find") ?? "" });
const dataset = h("select", { "aria-label": "Dataset", onchange: draw });
const rules = h("select", { "aria-label": "Rules", onchange: draw });
const found = h("span.small.muted", { role: "status" });
const both = h("a.button", { href: "#", "aria-disabled": "true" }, "Compare");
const place = h("div.runs");

try {
  runs = await get("runs");
  if (runs.length) build();
  else fill($("main"), empty("There is no run here yet", h("span", {}, "A run is made by ", h("code", {}, "vadlab train DATASET ROOT DETECTOR --out RUN"), " and judged by ", h("code", {}, "vadlab evaluate RUN"), "."), h("span", {}, h("code", {}, "vadlab demo"), " makes some on videos that it generates.")));
} catch (error) { complain(error); }

function build() {
  options(dataset, "all datasets", [...new Set(runs.map((run) => run.dataset).filter(Boolean))].sort());
  const names = [...new Set(runs.flatMap((run) => Object.keys(run.rules)))];
  fill(rules, names.sort((a, b) => (b === "strict") - (a === "strict") || a.localeCompare(b)).map((name) => h("option", { value: name }, `rules ${name}`)));
  rules.hidden = names.length < 2;
  fill($("main"),
    h("div.page-head", {}, h("h1", {}, "Runs"), found),
    h("section.card", { "aria-label": "Runs" },
      h("div.card-head", {}, search, dataset.options.length > 2 && dataset, rules, h("span.push.row", {}, h("span.small.muted.wide", {}, "tick two to compare"), both)),
      place));
  shortcuts({ title: "Runs", keys: [
    { key: "/", text: "find a run", run: () => search.focus() },
    { key: "c", text: "compare the two ticked runs", run: () => both.click() },
  ] });
  draw();
}

function options(select, all, names) {
  fill(select, h("option", { value: "" }, all), names.map((name) => h("option", {}, name)));
}

function draw() {
  const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  const shown = runs.filter((run) => (!dataset.value || run.dataset === dataset.value)
    && words.every((word) => [run.detector, run.dataset, run.folder, run.split, run.features].join(" ").toLowerCase().includes(word)));
  found.textContent = shown.length === runs.length ? counted(runs.length, "run") : `${shown.length} of ${counted(runs.length, "run")}`;
  const result = (run) => run.rules[rules.value] ?? null;
  const share = (title, key, tip) => ({ title, tip, number: true, value: (run) => result(run)?.[key] ?? null, cell: (run) => percent(result(run)?.[key]) });
  fill(place, shown.length ? sortedTable([
    { title: "Run", value: (run) => run.detector ?? "", cell: (run) => name(run, result(run)) },
    { title: "Dataset", value: (run) => run.dataset ?? "", cell: (run) => h("span", {}, run.dataset ?? DASH, h("span.sub", {}, run.split ?? "")) },
    { title: "Features", value: (run) => run.features ?? "", cell: (run) => run.features ?? "frames" },
    { title: "Seed", number: true, value: (run) => run.seed, cell: (run) => run.seed ?? DASH },
    { title: "AUC, %", tip: "Frame-level area under the ROC curve, with its 95 % interval over videos", number: true, value: (run) => result(run)?.auc ?? null, cell: (run) => auc(result(run)) },
    share("AP, %", "ap", "Average precision over frames"),
    share("EER, %", "eer", "Equal error rate; lower is better"),
    share("Event F1, %", "event_f1", "Events at a temporal overlap of 0.1"),
    share("Category, %", "category_accuracy", "Videos whose category is right"),
    { title: "Begun", value: (run) => run.started ?? null, cell: (run) => run.started ? h("time.nowrap", { datetime: run.started }, moment(run.started)) : DASH },
    { title: "", cell: links },
  ], shown, { sort: [4, "descending"], caption: "Runs with their figures", row: (run, line) => line.classList.toggle("current", chosen.has(run.key)) })
    : h("p.muted.pad", {}, "No run has these words."));
  offer();
}

function name(run, result) {
  const box = h("input", { type: "checkbox", checked: chosen.has(run.key), disabled: !result, "aria-label": `Compare ${run.folder}`, onchange: (event) => choose(run, event.target) });
  const title = result ? h("a", { href: `/view?${new URLSearchParams({ run: run.key, rules: rules.value })}` }, run.detector ?? run.folder) : h("span", {}, run.detector ?? run.folder);
  return h("span.run-name", {}, box, h("span", {}, title,
    run.state !== "evaluated" && h("span.tag", { title: run.problem ?? "" }, STATES[run.state]),
    h("span.sub.mono", {}, run.folder)));
}

function auc(result) {
  if (!result || result.auc === null) return DASH;
  const interval = result.auc_interval;
  return h("span.auc", {}, h("strong", {}, percent(result.auc, 2)),
    interval && h("span.sub", {}, `${percent(interval[0])}${DASH}${percent(interval[1])}`));
}

function links(run) {
  const result = run.rules[rules.value];
  if (!result?.has_report) return "";
  return h("a.small", { href: `/api/runs/${encodeURIComponent(run.key)}/report?rules=${encodeURIComponent(rules.value)}`, target: "_blank", rel: "noopener", "aria-label": `Report of ${run.folder}` }, "Report");
}

function choose(run, box) {
  if (box.checked) chosen.add(run.key); else chosen.delete(run.key);
  // The third tick replaces the first.
  while (chosen.size > 2) chosen.delete(chosen.values().next().value);
  draw();
}

function offer() {
  const [a, b] = chosen;
  both.setAttribute("aria-disabled", String(chosen.size !== 2));
  if (chosen.size === 2) both.href = `/compare?${new URLSearchParams({ a, b, rules: rules.value })}`;
  else both.removeAttribute("href");
  both.classList.toggle("primary", chosen.size === 2);
}
