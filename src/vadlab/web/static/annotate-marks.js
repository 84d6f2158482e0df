// The list of marks beside the video: category and note of each, one of them unfolded.
import { fill, h, icon } from "./dom.js";
import { counted } from "./format.js";
import { hue } from "./annotate-timeline.js";

/** A dot in the colour of a category, as on the timeline. */
function dot(category) {
  const found = hue(category);
  return h("span.dot", { style: { background: found === null ? "#7b8794" : `hsl(${found} 55% 45%)` } });
}

/** "123–239", first and last frame. */
export const range = ({ start, stop }) => `${start}\u2013${stop - 1}`;

/**
 * new MarkList({ onSelect(id), onEdit(mark), onRemove(id) })
 * draw() is cheap: nothing is built anew while what is shown stays the same, so that typing is not disturbed.
 */
export class MarkList {
  constructor(handlers) {
    this.handlers = handlers;
    this.element = h("div.marks");
    this.before = "";
  }

  draw({ marks, selected, categories, editable, fps, empty }) {
    const now = JSON.stringify([marks, selected, categories, editable, fps]);
    if (now === this.before) return;
    this.before = now;
    if (this.element.contains(document.activeElement) && ["INPUT", "TEXTAREA"].includes(document.activeElement.tagName)) document.activeElement.blur();
    fill(this.element, marks.length
      ? h("ol", {}, marks.map((mark) => this.#row(mark, { selected, categories, editable, fps })))
      : h("p.muted.small.marks-empty", {}, empty));
  }

  /** Put the cursor into the note of the selected mark. */
  editNote() { this.element.querySelector("textarea")?.focus(); }

  editCategory() { this.element.querySelector(".mark-edit input")?.focus(); }

  #row(mark, { selected, categories, editable, fps }) {
    const chosen = mark.id === selected;
    const frames = mark.stop - mark.start;
    const head = h("button.mark-head", { type: "button", "aria-expanded": String(chosen), onclick: () => this.handlers.onSelect(mark.id) },
      dot(mark.category),
      h("span.mark-name", {}, mark.category ?? "no category", mark.note && !chosen ? h("small.muted", {}, ` ${mark.note}`) : null),
      h("span.mark-range.mono", {}, range(mark)));
    return h("li.mark", { class: chosen ? "chosen" : "", "data-mark": mark.id }, head, chosen
      ? h("div.mark-edit", {}, h("p.small.muted", {}, `${counted(frames, "frame")}, ${(frames / fps).toFixed(2)} s`), editable ? this.#fields(mark, categories) : h("p.small", {}, mark.note))
      : null);
  }

  #fields(mark, categories) {
    const edit = (change) => this.handlers.onEdit({ ...mark, ...change });
    const chips = categories.map((name, index) => h("button.chip", { type: "button", "aria-pressed": String(name === mark.category), onclick: () => edit({ category: name === mark.category ? null : name }) },
      index < 9 ? h("kbd", {}, String(index + 1)) : null, name));
    return [
      h("div.chips", { role: "group", "aria-label": "Category" }, chips),
      h("label.unseen", { for: "category" }, "Another category"),
      h("input", { id: "category", type: "text", maxlength: "100", placeholder: categories.length ? "another category" : "category", autocomplete: "off",
        value: categories.includes(mark.category) ? "" : mark.category ?? "", onkeydown: leave,
        onchange: (event) => edit({ category: event.target.value.trim() || null }) }),
      h("label.unseen", { for: "note" }, "Note"),
      h("textarea", { id: "note", rows: 2, maxlength: "2000", placeholder: "note", onkeydown: leave, onchange: (event) => edit({ note: event.target.value.trim() || null }) }, mark.note ?? ""),
      h("div.row", {}, h("button.small.push", { type: "button", onclick: () => this.handlers.onRemove(mark.id) }, icon("close"), "Remove ", h("kbd", {}, "Del"))),
    ];
  }
}

// Enter and Escape leave a field, so that the keys of the page work again.
function leave(event) {
  if (event.key === "Escape" || (event.key === "Enter" && !event.shiftKey)) { event.preventDefault(); event.target.blur(); }
}
