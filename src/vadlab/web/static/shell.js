// What every page has: the bar with the pages, the theme switch, the key help, and messages.
import { get } from "./api.js";
import { $, fill, h, icon } from "./dom.js";
import { help, shortcuts } from "./keys.js";

const PAGES = [
  { key: "runs", title: "Runs", href: "/", go: "1" },
  { key: "score", title: "Score", href: "/score", go: "2" },
  { key: "live", title: "Live", href: "/live", go: "3" },
  { key: "annotate", title: "Annotate", href: "/annotate", go: "4" },
];
const THEMES = { auto: "as the system", light: "light", dark: "dark" };
const SIGNS = { auto: "auto", light: "sun", dark: "moon" };

/**
 * Draw the bar into <header id="bar">, set the title, and return what `/api/about` says.
 * `page` is a key of PAGES, or another text for a page that is not in the bar.
 */
export async function shell({ page, title }) {
  if (title) document.title = `${title} · vadlab`;
  const theme = h("button.icon-button", { type: "button", onclick: turn });
  const links = h("nav", { "aria-label": "Pages" }, PAGES.map(({ key, title: text, href }) =>
    h("a", { href, "aria-current": key === page ? "page" : false, "data-page": key }, text)));
  const place = h("span.place");
  fill($("bar"),
    h("a.skip", { href: "#main" }, "Skip to the content"),
    h("a.brand", { href: "/", "aria-label": "vadlab, all runs" }, mark(), "vadlab"),
    links, place,
    h("button.icon-button", { type: "button", "aria-label": "Keys", title: "Keys (?)", onclick: help }, icon("keys")),
    theme);
  paint(theme);
  shortcuts({ title: "Everywhere", keys: [
    ...PAGES.map(({ title: text, href, go }) => ({ key: go, text: `go to ${text}`, run: () => location.assign(href) })),
    { key: "t", text: "light, dark or as the system", run: () => turn() },
    { key: "?", text: "these keys", run: help },
  ] });
  const about = await get("about").catch((error) => { complain(error); return null; });
  if (about) fill(place, about.name);
  document.body.append(h("footer", {}, about && `vadlab ${about.version}`, h("a", { href: "/api" }, "HTTP API"), h("button.link", { type: "button", onclick: help }, "Keys")));
  return about;

  function turn() {
    const names = Object.keys(THEMES);
    const next = names[(names.indexOf(chosen()) + 1) % names.length];
    if (next === "auto") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = next;
    try { localStorage.setItem("vadlab-theme", next); } catch { /* storage may be switched off */ }
    paint(theme);
    announceTheme();
  }
}

const chosen = () => document.documentElement.dataset.theme || "auto";

function paint(button) {
  const text = `Theme: ${THEMES[chosen()]}`;
  button.setAttribute("aria-label", text);
  button.title = `${text} (t)`;
  fill(button, icon(SIGNS[chosen()]));
}

function announceTheme() { window.dispatchEvent(new Event("themechange")); }
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", announceTheme);

function mark() {
  const sign = icon("check");
  sign.classList.add("brand-mark");
  sign.setAttribute("viewBox", "0 0 20 16");
  sign.firstChild.setAttribute("d", "M1 12h4l2-3 2.5 3 2.5-10 2.5 10H19");
  return sign;
}

/** Call `draw` when the theme changes, for what is painted on a canvas. */
export const onTheme = (draw) => window.addEventListener("themechange", draw);

/** A short message at the lower edge; `kind` is "good" or "bad". */
export function say(text, kind = "good") {
  let place = $("messages");
  if (!place) {
    place = h("div", { id: "messages", role: "status", "aria-live": "polite" });
    document.body.append(place);
  }
  const box = h(`div.message.${kind}`, {}, text);
  place.append(box);
  setTimeout(() => box.remove(), kind === "bad" ? 9000 : 4000);
}

/** Show an error: what went wrong, and the remedy where there is one. */
export function complain(error) {
  if (error.name === "AbortError") return;
  const remedy = error.parts?.remedy;
  say(remedy ? `${error.message}. ${remedy}` : error.message, "bad");
}

/** A block that says why there is nothing to see, with what to do about it. */
export function empty(title, ...children) {
  return h("div.empty", {}, h("p.empty-title", {}, title), children.map((child) => h("p", {}, child)));
}
