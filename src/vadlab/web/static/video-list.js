// The list of test videos beside the viewer: find, sort, choose.
import { fill, h } from "./dom.js";
import { clock, counted, percent, score } from "./format.js";

const ORDERS = {
  name: ["by name", (a, b) => a.id.localeCompare(b.id, undefined, { numeric: true })],
  auc: ["lowest AUC first", (a, b) => (a.auc ?? 2) - (b.auc ?? 2)],
  peak: ["highest score first", (a, b) => (b.peak_score ?? 0) - (a.peak_score ?? 0)],
};

/** videoList(videos, { onChoose(id) }) -> { element, mark(id), step(by), search } */
export function videoList(videos, { onChoose }) {
  const categories = [...new Set(videos.map((video) => video.category).filter(Boolean))].sort();
  const search = h("input", { type: "search", placeholder: "Find a video", "aria-label": "Find a video", oninput: draw });
  const kind = h("select", { "aria-label": "Which videos", onchange: draw },
    h("option", { value: "" }, "all"), h("option", { value: "abnormal" }, "abnormal"), h("option", { value: "normal" }, "normal"),
    categories.length > 1 && h("optgroup", { label: "Category" }, categories.map((name) => h("option", { value: `category:${name}` }, name))));
  const order = h("select", { "aria-label": "Order", onchange: draw }, Object.entries(ORDERS).map(([key, [text]]) => h("option", { value: key }, text)));
  const list = h("ul.video-list", { "aria-label": "Test videos" });
  const found = h("p.small.muted", { role: "status" });
  let shown = [];
  let current = null;

  function matches(video) {
    const [what, name] = kind.value.split(/:(.*)/s);
    const right = what === "" || (what === "abnormal" && video.n_abnormal_frames > 0) || (what === "normal" && video.n_abnormal_frames === 0) || (what === "category" && video.category === name);
    return right && video.id.toLowerCase().includes(search.value.trim().toLowerCase());
  }

  function draw() {
    shown = videos.filter(matches).sort(ORDERS[order.value][1]);
    found.textContent = shown.length === videos.length ? counted(videos.length, "video") : `${shown.length} of ${counted(videos.length, "video")}`;
    fill(list, shown.map(item));
    mark(current);
  }

  function item(video) {
    const share = video.n_abnormal_frames / video.n_frames;
    return h("li", {}, h("button", { type: "button", "data-id": video.id, onclick: () => onChoose(video.id) },
      h("span.video-name", {}, video.id),
      h("span.video-facts", {},
        video.n_abnormal_frames > 0 ? h("span.tag.good", { title: "share of abnormal frames" }, `${percent(share, 0)}% abnormal`) : h("span.tag", {}, "normal"),
        h("span", { title: "AUC over this video's frames" }, video.auc === null ? `peak ${score(video.peak_score)}` : `AUC ${percent(video.auc)}`))));
  }

  function mark(id) {
    current = id;
    for (const button of list.querySelectorAll("button")) {
      const on = button.dataset.id === id;
      button.setAttribute("aria-current", String(on));
      if (on) reveal(button);
    }
  }

  // scrollIntoView would move the page too.
  function reveal(button) {
    const box = list.getBoundingClientRect();
    const own = button.getBoundingClientRect();
    if (own.top < box.top) list.scrollTop -= box.top - own.top;
    if (own.bottom > box.bottom) list.scrollTop += own.bottom - box.bottom;
  }

  draw();
  return {
    element: h("div.videos", {}, h("div.videos-tools", {}, search, h("div.row", {}, kind, order), found), list),
    mark, search,
    step(by) {
      if (!shown.length) return;
      const at = shown.findIndex((video) => video.id === current);
      onChoose(shown[(at + by + shown.length) % shown.length].id);
    },
  };
}

export const duration = (nFrames, fps) => clock(nFrames / fps, nFrames / fps < 60 ? 1 : 0);
