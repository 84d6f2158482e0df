// Score a video that is sent from this browser: choose a run, drop a file, follow the jobs.
import { address, ApiError, get, send } from "./api.js";
import { $, fill, h, icon } from "./dom.js";
import { bytes, counted, moment, percent, score } from "./format.js";
import { shortcuts } from "./keys.js";
import { complain, empty, say, shell } from "./shell.js";

const STATES = { waiting: ["waiting", ""], running: ["running", "info"], done: ["done", "good"], failed: ["failed", "bad"], cancelled: ["cancelled", ""] };
const ACCEPT = ".3gp,.asf,.avi,.flv,.m4v,.mkv,.mov,.mp4,.mpeg,.mpg,.ts,.webm,.wmv";
const uploads = new Map(); // row key -> { name, size, share, cancel }
const list = h("div", { "aria-live": "polite" });
const about = await shell({ page: "score", title: "Score" });
const chooser = h("input", { type: "file", accept: ACCEPT, multiple: true, class: "unseen", id: "file", "aria-label": "Video files", onchange: () => { take(chooser.files); chooser.value = ""; } });
const run = h("select", { id: "run" });
const drop = h("div.drop", {
  ondragover: (event) => { event.preventDefault(); drop.classList.add("over"); },
  ondragleave: () => drop.classList.remove("over"),
  ondrop: (event) => { event.preventDefault(); drop.classList.remove("over"); take(event.dataTransfer.files); },
}, icon("upload"), h("p", {}, h("strong", {}, "Drop a video here"), " or ", h("label.button", { for: "file" }, "choose a file"), chooser),
h("p.small.muted", {}, `mp4, mkv, avi, mov, webm and others, at most ${about ? bytes(about.max_upload_bytes) : "2 GB"}. It stays on this server.`));
let timer = null;
let jobs = [];

try {
  const runs = (await get("runs")).filter((one) => one.can_score);
  if (!runs.length) {
    fill($("main"), h("div.page-head", {}, h("h1", {}, "Score a video")), empty("No run here can score", h("span", {}, "Train a detector first: ", h("code", {}, "vadlab train DATASET ROOT DETECTOR --out RUN"))));
  } else build(runs);
} catch (error) { complain(error); }

function build(runs) {
  const auc = (one) => Object.values(one.rules)[0]?.auc;
  fill(run, runs.map((one) => h("option", { value: one.key }, [one.detector, one.dataset, one.folder].filter(Boolean).join(" · ") + (auc(one) ? ` · AUC ${percent(auc(one))}%` : ""))));
  try {
    const last = localStorage.getItem("vadlab-run");
    if (runs.some((one) => one.key === last)) run.value = last;
    run.addEventListener("change", () => localStorage.setItem("vadlab-run", run.value));
  } catch { /* storage may be switched off */ }
  fill($("main"),
    h("div.page-head", {}, h("h1", {}, "Score a video"), h("p", {}, "Frame scores and events of any video, by a trained run.")),
    h("div.stack", {},
      h("section.card", {}, h("div.card-body.stack", {}, h("label.field.run-field", { for: "run" }, "Run", run), drop)),
      h("section.card", { "aria-label": "Jobs" }, h("div.card-head", {}, h("h2", {}, "Jobs")), list)));
  shortcuts({ title: "Score", keys: [{ key: "u", text: "choose a file", run: () => chooser.click() }] });
  refresh();
}

function take(files) {
  for (const file of files) upload(file).catch(complain);
}

// XMLHttpRequest, for fetch does not tell how much is sent.
function upload(file) {
  const key = crypto.randomUUID?.() ?? String(Math.random());
  const request = new XMLHttpRequest();
  const entry = { name: file.name, size: file.size, share: 0, cancel: () => request.abort() };
  uploads.set(key, entry);
  draw();
  return new Promise((resolve, reject) => {
    request.open("POST", address("jobs", { run: run.value, name: file.name }));
    request.setRequestHeader("X-Vadlab", "1");
    request.setRequestHeader("Content-Type", "application/octet-stream");
    request.upload.onprogress = (event) => { entry.share = event.loaded / event.total; draw(); };
    request.onloadend = () => {
      uploads.delete(key);
      refresh();
      if (request.status === 201) resolve();
      else if (request.status === 0) resolve(say(`${file.name} was not sent`, "bad"));
      else {
        let parts = {};
        try { parts = JSON.parse(request.responseText); } catch { /* not JSON */ }
        reject(new ApiError(request.status, { ...parts, message: `${file.name}: ${parts.message ?? request.status}` }));
      }
    };
    request.send(file);
  });
}

async function refresh() {
  clearTimeout(timer);
  try { jobs = await get("jobs"); } catch (error) { complain(error); }
  draw();
  const busy = jobs.some((job) => job.state === "waiting" || job.state === "running");
  timer = setTimeout(refresh, busy ? 700 : 5000);
}

function draw() {
  const rows = [...[...uploads.values()].map(sending), ...jobs.map(line)];
  fill(list, rows.length ? h("ul.jobs", {}, rows) : h("p.muted.pad", {}, "No video has been scored here yet."));
}

function sending(entry) {
  return h("li", {}, h("div.job-main", {}, h("span.video-name", {}, entry.name), h("span.small.muted", {}, `sending, ${bytes(entry.size)}`),
    h("progress", { max: 1, value: entry.share, "aria-label": `Sending ${entry.name}` })),
  h("span.tag.info", {}, `${percent(entry.share, 0)}%`), h("button", { type: "button", onclick: entry.cancel }, "Cancel"));
}

function line(job) {
  const [text, kind] = STATES[job.state];
  const busy = job.state === "waiting" || job.state === "running";
  const facts = [job.run.replaceAll("~", "/"), moment(job.created)];
  if (job.state === "done") facts.unshift(counted(job.n_events, "event"), `top score ${score(job.top_score)}`, counted(job.n_frames, "frame"));
  if (job.text) facts.unshift(job.text);
  return h("li", {},
    h("div.job-main", {},
      job.state === "done" ? h("a.video-name", { href: `/view?job=${encodeURIComponent(job.id)}` }, job.name) : h("span.video-name", {}, job.name),
      h("span.small.muted", {}, facts.join(" · ")),
      job.error && h("pre.problem", {}, job.error),
      job.state === "running" && h("progress", { max: 1, value: job.share ?? false, "aria-label": `Scoring ${job.name}` })),
    h("span.tag", { class: kind }, job.state === "running" && job.share !== null ? `${percent(job.share, 0)}%` : text),
    busy ? h("button", { type: "button", onclick: () => send("POST", `jobs/${job.id}/cancel`).then(refresh, complain) }, "Cancel")
      : h("button.icon-button", { type: "button", title: "Delete the video and its scores", "aria-label": `Delete ${job.name} and its scores`, onclick: () => remove(job) }, icon("close")));
}

function remove(job) {
  if (confirm(`Delete ${job.name} and its scores from the server?`)) send("DELETE", `jobs/${job.id}`).then(refresh, complain);
}
