// Making elements. Texts are always set as text, never as markup.

/**
 * h("a.link", { href: "/", onclick: f, "aria-label": "Home" }, "text", child, [more])
 * Keys that begin with "on" are listeners; false, null and undefined leave the attribute out.
 */
export function h(tag, attributes = {}, ...children) {
  const [name, ...classes] = tag.split(".");
  const element = document.createElement(name);
  if (classes.length) element.className = classes.join(" ");
  for (const [key, value] of Object.entries(attributes)) {
    if (value === false || value === null || value === undefined) continue;
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (key === "style") for (const [rule, text] of Object.entries(value)) element.style.setProperty(rule, text);
    else if (key === "class") element.classList.add(...String(value).split(" ").filter(Boolean));
    else if (key in element && typeof value !== "string") element[key] = value;
    else element.setAttribute(key, value === true ? "" : value);
  }
  append(element, children);
  return element;
}

function append(element, children) {
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue;
    element.append(child);
  }
}

/** Replace what an element holds. */
export function fill(element, ...children) {
  element.replaceChildren();
  append(element, children);
  return element;
}

/** The element of that id. */
export const $ = (id) => document.getElementById(id);

const SVG = "http://www.w3.org/2000/svg";
// 16 x 16, drawn with a line of 1.5.
const ICONS = {
  sun: "M8 1v1.5M8 13.5V15M1 8h1.5M13.5 8H15M3.05 3.05l1.06 1.06M11.9 11.9l1.05 1.05M3.05 12.95l1.06-1.06M11.9 4.1l1.05-1.05M11 8a3 3 0 1 1-6 0 3 3 0 0 1 6 0Z",
  moon: "M13.5 9.6A5.8 5.8 0 0 1 6.4 2.5a5.8 5.8 0 1 0 7.1 7.1Z",
  auto: "M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2Zm0 0v12",
  play: "M4.5 2.8v10.4l8.5-5.2Z",
  pause: "M5 3v10M11 3v10",
  back: "M11 3 5 8l6 5M4 3v10",
  forward: "M5 3l6 5-6 5M12 3v10",
  previous: "M10 3 5 8l5 5",
  next: "M6 3l5 5-5 5",
  check: "M3 8.5 6.5 12 13 4.5",
  close: "M4 4l8 8M12 4l-8 8",
  keys: "M1.5 4.5h13v7h-13ZM4 7h.01M6.5 7h.01M9 7h.01M11.5 7h.01M5 9.5h6",
  upload: "M8 11V3M4.5 6 8 2.5 11.5 6M2.5 11v2.5h11V11",
  link: "M6.5 3.5h-4v10h10v-4M9 2.5h4.5V7M13 3 7.5 8.5",
  search: "M7 12A5 5 0 1 0 7 2a5 5 0 0 0 0 10ZM10.6 10.6 14 14",
};

/** A drawn sign, hidden from screen readers: its button has a label. */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  for (const [key, value] of Object.entries({ viewBox: "0 0 16 16", class: "icon", "aria-hidden": "true" })) svg.setAttribute(key, value);
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}
