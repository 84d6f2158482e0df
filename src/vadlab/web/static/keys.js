// Keyboard shortcuts, and the overlay that lists them.
import { h, icon } from "./dom.js";

const groups = [];
let dialog = null;

/**
 * Add shortcuts: { title, keys: [{ key: "j", shown?: "J", text: "next video", run: (event) => {} }] }.
 * `key` is a KeyboardEvent.key, with "Shift+" before it where Shift matters; several with spaces between.
 * They do nothing while a person types into a field or a dialog is open.
 */
export function shortcuts(group) {
  groups.push(group);
  return () => groups.splice(groups.indexOf(group), 1);
}

function typing(target) {
  if (!(target instanceof HTMLElement)) return false;
  if (target.isContentEditable || target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement) return true;
  return target instanceof HTMLInputElement && !["checkbox", "radio", "range", "button"].includes(target.type);
}

// A field that uses a key itself keeps it: arrows move a slider, space presses a button.
function usesKey(target, key) {
  if (target instanceof HTMLInputElement && target.type === "range") return /^(Arrow|Page|Home|End)/.test(key);
  const pressed = target instanceof HTMLButtonElement || target instanceof HTMLAnchorElement || (target instanceof HTMLInputElement) || target?.tagName === "SUMMARY";
  return pressed && (key === " " || key === "Enter");
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (typing(event.target) || usesKey(event.target, event.key)) return;
  if (document.querySelector("dialog[open]")) {
    if (event.key === "?" && dialog?.open) dialog.close();
    return;
  }
  if (event.key === "?") { event.preventDefault(); help(); return; }
  const held = event.shiftKey && event.key.length > 1 ? `Shift+${event.key}` : event.key;
  for (const group of groups.toReversed()) {
    const hit = group.keys.find(({ key }) => key === held || (key.length > 1 && key !== " " && key.split(" ").includes(held)));
    if (hit) { event.preventDefault(); hit.run(event); return; }
  }
});

const NAMES = { ArrowLeft: "←", ArrowRight: "→", ArrowUp: "↑", ArrowDown: "↓", " ": "Space", Escape: "Esc" };
const named = (key) => (key === " " ? ["Space"] : key.split(" ").map((one) => one.split("+").map((part) => NAMES[part] || part).join(" ")));

/** Show the overlay of all shortcuts of this page. */
export function help() {
  dialog ??= document.body.appendChild(h("dialog.help", { "aria-labelledby": "help-title" }));
  const rows = (group) => group.keys.map(({ key, shown, text }) => [
    h("dt", {}, (shown ? shown.split(" ") : named(key)).map((name) => h("kbd", {}, name))), h("dd", {}, text),
  ]);
  dialog.replaceChildren(
    h("header", {}, h("h2", { id: "help-title" }, "Keys"),
      h("button.icon-button", { type: "button", "aria-label": "Close", onclick: () => dialog.close() }, icon("close"))),
    h("div.help-groups", {}, groups.map((group) => h("section", {}, h("h3", {}, group.title), h("dl", {}, rows(group))))),
  );
  dialog.showModal();
}
