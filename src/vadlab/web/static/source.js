// What the viewer shows: the test videos of a run, or one uploaded video.
import { address, get } from "./api.js";
import { timeline } from "./data.js";

const USUAL = { on: 0.5, off: 0.4, min_length_s: 0.4, merge_gap_s: 1.0 };

/** The test videos of a run under some rules. */
export async function runSource(key, rules) {
  const answer = await get(`runs/${key}`, { rules });
  const { finding } = answer;
  const told = finding.run ?? {};
  const at = (what, video) => [`runs/${key}/${what}/${video}`, { rules: answer.rules }];
  return {
    kind: "run", key, rules: answer.rules, rulesKnown: answer.rules_known, rulesText: finding.rules_text,
    title: [told.detector, told.dataset].filter(Boolean).join(" on ") || key.replaceAll("~", "/"),
    place: key.replaceAll("~", "/"),
    report: `/api/runs/${encodeURIComponent(key)}/report?rules=${encodeURIComponent(answer.rules)}`,
    alarm: finding.alarm ?? USUAL,
    alarmKnown: finding.alarm !== null,
    metrics: finding.metrics,
    videos: finding.videos,
    dataset: told.dataset,
    errors: () => get(`runs/${key}/errors`, { rules: answer.rules }),
    timeline: async (video, options) => timeline(await get(...at("timeline", video), options)),
    playback: (video, options) => get(...at("playback", video), options),
    media: (video) => address(...at("media", video)),
    thumbnail: (video, frame) => address(`runs/${key}/thumbnail/${video}`, { frame }),
  };
}

/** One uploaded video that was scored. */
export async function jobSource(id) {
  const job = await get(`jobs/${id}`);
  return {
    kind: "job", key: id, rules: "strict", rulesKnown: ["strict"], rulesText: null,
    title: job.name, place: `scored with ${job.run.replaceAll("~", "/")}`, report: null,
    alarm: job.alarm ?? USUAL, alarmKnown: Boolean(job.alarm), metrics: null, dataset: null,
    videos: [{ id: job.name, category: null, n_frames: job.n_frames ?? 0, n_abnormal_frames: null, auc: null, peak_score: null }],
    errors: async () => null,
    timeline: async (_, options) => timeline(await get(`jobs/${id}/timeline`, {}, options)),
    playback: (_, options) => get(`jobs/${id}/playback`, {}, options),
    media: () => address(`jobs/${id}/media`),
    thumbnail: () => null,
  };
}
