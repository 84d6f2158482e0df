// Tables whose headings sort.
import { h } from "./dom.js";

/**
 * columns: [{ title, value(row), cell(row), number?, tip? }]; `value` is what sorts: text, number or null.
 * sortedTable(columns, rows, { sort: [index, "ascending"], row(row, tr) }) -> element
 */
export function sortedTable(columns, rows, { sort = null, row = null, caption }) {
  const body = h("tbody");
  const heads = columns.map(({ title, number, tip, value }, i) => h(number ? "th.n" : "th", { scope: "col", title: tip ?? false },
    value ? h("button", { type: "button", onclick: () => by(i) }, title) : title));
  let order = sort;

  function by(i) {
    const falling = order?.[0] === i ? order[1] === "ascending" : Boolean(columns[i].number);
    order = [i, falling ? "descending" : "ascending"];
    draw();
  }

  function draw() {
    heads.forEach((head, i) => { if (order?.[0] === i) head.setAttribute("aria-sort", order[1]); else head.removeAttribute("aria-sort"); });
    const sorted = order ? rows.toSorted((a, b) => compare(columns[order[0]].value(a), columns[order[0]].value(b)) * (order[1] === "descending" ? -1 : 1)
      || 0) : rows;
    // What has no value stands last, whichever way the rest is sorted.
    const known = order ? [...sorted.filter((one) => columns[order[0]].value(one) !== null), ...sorted.filter((one) => columns[order[0]].value(one) === null)] : sorted;
    body.replaceChildren(...known.map((one) => {
      const line = h("tr", {}, columns.map(({ cell, number }, i) => h(i === 0 ? "th" : number ? "td.n" : "td", i === 0 ? { scope: "row" } : {}, cell(one))));
      row?.(one, line);
      return line;
    }));
  }

  draw();
  return h("div.scroll", {}, h("table", {}, h("caption.unseen", {}, caption), h("thead", {}, h("tr", {}, heads)), body));
}

function compare(a, b) {
  if (a === null || b === null) return (a === null) - (b === null);
  return typeof a === "number" ? a - b : String(a).localeCompare(String(b), "en", { numeric: true });
}
