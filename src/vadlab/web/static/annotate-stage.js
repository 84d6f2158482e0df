// The page's parts as elements: the welcome, the list, the picture with its buttons, the panel of marks.
import { fill, h, icon } from "./dom.js";
import { counted } from "./format.js";

const MODES = { mark: "Mark", review: "Review", files: "Labels and files" };
const SAVED = { saved: ["good", "saved"], saving: ["", "saving"], waiting: ["bad", "waiting for the server"] };

/** Ask who is at work. */
export function welcome(main, list, onEnter) {
  const name = h("input", { id: "name", type: "text", maxlength: "80", autocomplete: "username", required: true, list: "names", placeholder: "your name" });
  fill(main, h("form.card.welcome", { onsubmit: (event) => { event.preventDefault(); const text = name.value.trim(); if (text) onEnter(text); } },
    h("h1", {}, "Who marks?"),
    h("p.muted", {}, `${counted(list.videos.length, "video")} in ${list.folder}. Several people mark the same videos, each for themselves: nobody sees the marks of others before their own are closed.`),
    h("label", { for: "name" }, "Name"), name, h("datalist", { id: "names" }, list.annotators.map((value) => h("option", { value }))),
    h("button.primary", { type: "submit" }, "Begin")));
  name.focus();
}

/** The whole page for one person; returns its parts and what can be set. */
export function stagePage(main, { name, rates, actions, onLeave, onMode, onRate, onGo }) {
  const button = (action, label, content, classes = "") => h("button", { type: "button", class: classes, "data-action": action, "aria-label": label, title: label, onclick: () => actions[action]() }, content);
  const modes = Object.entries(MODES).map(([mode, text]) => h("button", { type: "button", "data-mode": mode, onclick: () => onMode(mode) }, text));
  const saved = h("span.tag.saved", { role: "status" }, "saved");
  const listText = h("p.small.muted");
  const list = h("ul.videos");
  const title = h("h2.stage-title");
  const warning = h("p.notice.bad", { hidden: true });
  const canvas = h("canvas.frame", { width: 640, height: 360, "aria-label": "The video's picture" });
  const number = h("input.mono", { type: "text", inputmode: "numeric", "aria-label": "Frame number", value: "0", onchange: (event) => { const frame = Number.parseInt(event.target.value, 10); if (Number.isFinite(frame)) onGo(frame); event.target.blur(); },
    onfocus: (event) => event.target.select(), onkeydown: (event) => { if (event.key === "Escape") event.target.blur(); if (event.key === "Enter") event.target.dispatchEvent(new Event("change")); } });
  const last = h("span.mono.muted");
  const time = h("span.mono.muted.time");
  const counting = h("span.tag", { hidden: true, title: "The video is being decoded to its end, to be sure that its frames are counted right. You can begin." }, "counting frames");
  const blankText = h("div.blank", { hidden: true });
  const screen = h("div.screen", {}, canvas, blankText, h("div.loading", { hidden: true }));
  const timeline = h("canvas.timeline", { "aria-label": "Timeline of marks" });
  const playButton = button("play", "Play (Space)", icon("play"), "play");
  const speed = h("select", { "aria-label": "Speed", onchange: (event) => { onRate(Number(event.target.value)); event.target.blur(); } }, rates.map((rate) => h("option", { value: rate }, `${rate}\u00d7`)));
  const begin = button("begin", "An event begins at this frame (B)", ["Begin", h("kbd", {}, "B")], "mark-button");
  const end = button("end", "It ends with this frame (E)", ["End", h("kbd", {}, "E")], "mark-button");
  const undo = button("undo", "Undo (Z)", ["Undo", h("kbd", {}, "Z")]);
  const redo = button("redo", "Redo (Y)", ["Redo", h("kbd", {}, "Y")]);
  const done = button("finish", "Seen to the end (F)", "", "full");
  const sealed = h("p.notice", { hidden: true }, "You have seen others\u2019 marks of this video; yours are closed.");
  const marksTitle = h("h2");
  const marks = h("div");
  const review = h("section.card.review", { hidden: true });
  const agreement = h("section.card", { hidden: true, "aria-label": "Agreement" });
  const files = h("div.files", { hidden: true });
  const side = h("div.side");
  const work = h("div.work", {},
    h("section.card.list", { "aria-label": "Videos" }, h("div.card-head", {}, listText), list),
    h("section.card.stage", { "aria-label": "Video" },
      h("div.card-head", {}, button("previous", "Video before (Page up)", icon("previous"), "icon-button"), button("next", "Next video (Page down)", icon("next"), "icon-button"), title),
      warning, screen,
      h("div.transport", {},
        h("div.row.frame-number", {}, number, last, time, counting),
        h("div.row.moves", {}, button("back10", "10 frames back (Shift ←)", "\u221210"), button("back", "A frame back (←)", icon("previous")), playButton, button("forward", "A frame on (→)", icon("next")), button("forward10", "10 frames on (Shift →)", "+10"), speed),
        h("div.row.marking", {}, begin, end, undo, redo, h("span.zoom", {}, button("zoomOut", "Show more of the timeline", "\u2212"), button("zoomIn", "Show less of the timeline", "+")))),
      h("div.timeline-box", {}, timeline)),
    side);
  const own = h("section.card", { "aria-label": "Marks" }, h("div.card-head", {}, marksTitle), h("div.card-body.marks-body", {}, sealed, marks, done));
  side.append(review, own, agreement);
  fill(main,
    h("div.page-head", {}, h("h1", {}, "Annotate"), h("div.segmented", { role: "group", "aria-label": "View" }, modes),
      h("p.push.who", {}, saved, " ", h("strong", {}, name), " ", h("button.link.small", { type: "button", onclick: onLeave }, "not you?"))),
    work, files);

  return {
    canvas, timeline, marks, review, agreement, files, list, listText,
    focusFrame: () => number.focus(),
    setMode(mode) {
      for (const one of modes) one.setAttribute("aria-pressed", String(one.dataset.mode === mode));
      work.hidden = mode === "files";
      files.hidden = mode !== "files";
      review.hidden = true;
      agreement.hidden = mode !== "review";
    },
    setVideo(video, reviewing) {
      title.textContent = video.path;
      warning.hidden = !video.warning;
      warning.textContent = video.warning ?? "";
      last.textContent = `of 0\u2013${video.n_frames - 1}`;
      counting.hidden = video.settled;
      marksTitle.textContent = reviewing ? "Events decided" : "Your marks";
      screen.parentElement.classList.remove("is-blank");
      screen.parentElement.classList.toggle("reviewing", reviewing);
      blankText.hidden = true;
      canvas.hidden = false;
      own.hidden = false;
      done.hidden = reviewing;
      review.hidden = !reviewing;
    },
    blank(text) {
      title.textContent = "";
      canvas.hidden = true;
      own.hidden = true;
      review.hidden = true;
      blankText.hidden = false;
      screen.parentElement.classList.add("is-blank");
      fill(blankText, text);
    },
    setSettled(settled) { counting.hidden = settled; },
    busy(path) {
      screen.querySelector(".loading").hidden = !path;
      fill(screen.querySelector(".loading"), path ? "opening the video \u2026" : "");
    },
    setFrame(frame, { loading, time: text }) {
      if (document.activeElement !== number) number.value = String(frame);
      time.textContent = text;
      screen.classList.toggle("late", loading);
    },
    setTransport({ playing, rate, document: shown }) {
      fill(playButton, icon(playing ? "pause" : "play"));
      playButton.setAttribute("aria-label", playing ? "Pause (Space)" : "Play (Space)");
      speed.value = String(rate);
      undo.disabled = !shown?.can_undo || done.disabled;
      redo.disabled = !shown?.can_redo || done.disabled;
    },
    setDocument(shown, { decision, begun }) {
      sealed.hidden = decision || !shown.sealed;
      done.disabled = !sealed.hidden;
      for (const one of [begin, end]) one.disabled = done.disabled;
      begin.setAttribute("aria-pressed", String(begun !== null));
      end.classList.toggle("primary", begun !== null);
      begin.classList.toggle("primary", begun === null);
      done.classList.toggle("primary", !shown.finished);
      fill(done, shown.finished ? [icon("check"), done.disabled ? "Seen to the end" : "Seen to the end \u2013 open again"] : shown.marks.length ? "Seen to the end" : "Seen to the end: normal", h("kbd", {}, "F"));
    },
    setSaved(state, waiting) {
      const [kind, text] = SAVED[state];
      saved.className = `tag saved ${kind}`;
      saved.textContent = waiting && state === "waiting" ? `${counted(waiting, "change")} ${text}` : text;
    },
  };
}
