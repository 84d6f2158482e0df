// The timeline of marks on a canvas: own marks with handles, other lanes below, the frame on screen. In frames.
import { clock } from "./format.js";
import { colours, prepare, ticks, timeTicks } from "./plot.js";

const RULER = 30;
const LANE = 30;
const THIN = 18;
const GAP = 6;
const SIDE = 10;

/** A hue that belongs to a category, whatever the others are. */
export function hue(category) {
  let sum = 0;
  for (const sign of category ?? "") sum = (sum * 31 + sign.codePointAt(0)) % 360;
  return category ? sum : null;
}

/**
 * new Timeline(canvas, { onSeek(frame), onSelect(id | null), onDrag(mark), onDrop(mark) })
 * Set `marks`, `selected`, `begun`, `frame`, `lanes`, `editable`, then call draw().
 */
export class Timeline {
  constructor(canvas, handlers) {
    this.canvas = canvas;
    this.handlers = handlers;
    this.marks = [];
    this.lanes = []; // [{ title, spans: [{ start, stop, category?, share? }], kind: "person" | "share" | "agreed" }]
    this.selected = null;
    this.begun = null;
    this.frame = 0;
    this.editable = true;
    this.reset(1, 25);
    canvas.addEventListener("pointerdown", (event) => this.#down(event));
    canvas.addEventListener("pointermove", (event) => this.#move(event));
    canvas.addEventListener("pointerup", () => this.#up());
    canvas.addEventListener("pointercancel", () => { this.drag = null; });
    canvas.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    new ResizeObserver(() => this.draw()).observe(canvas);
  }

  reset(nFrames, fps) {
    Object.assign(this, { nFrames, fps, view: [0, nFrames], drag: null });
  }

  /** Zoom around the frame on screen. */
  zoom(factor, around = this.frame) {
    const [from, to] = this.view;
    const size = Math.min(this.nFrames, Math.max(Math.min(30, this.nFrames), (to - from) / factor));
    const share = (around - from) / (to - from);
    this.#show(around - share * size, size);
  }

  show(frame) {
    this.frame = frame;
    const [from, to] = this.view;
    const size = to - from;
    if (frame < from || frame >= to) this.#show(frame - size / 4, size);
    else this.draw();
  }

  get height() {
    const rows = Math.max(1, ...this.#rows().map((row) => row + 1));
    return RULER + rows * LANE + GAP + this.lanes.length * (THIN + GAP) + 4;
  }

  draw() {
    const height = `${this.height}px`;
    if (this.canvas.style.height !== height) this.canvas.style.height = height;
    const { context, width, height: tall } = prepare(this.canvas);
    if (!width) return;
    const ink = colours();
    this.#ruler(context, ink, width, tall);
    const rows = this.#rows();
    this.marks.forEach((mark, index) => this.#mark(context, ink, mark, RULER + rows[index] * LANE, LANE - 6));
    if (this.begun !== null) this.#begun(context, ink);
    const own = Math.max(1, ...rows.map((row) => row + 1));
    this.lanes.forEach((lane, index) => this.#lane(context, ink, lane, RULER + own * LANE + GAP + index * (THIN + GAP), width));
    this.#playhead(context, ink, tall);
  }

  #show(from, size) {
    const start = Math.max(0, Math.min(from, this.nFrames - size));
    this.view = [start, start + size];
    this.draw();
  }

  // Events may overlap: each goes into the first row that is free.
  #rows() {
    const ends = [];
    return this.marks.map(({ start, stop }) => {
      let row = ends.findIndex((end) => end <= start);
      if (row < 0) row = ends.length;
      ends[row] = stop;
      return row;
    });
  }

  #x(frame) {
    const [from, to] = this.view;
    return SIDE + ((frame - from) / (to - from)) * (this.canvas.clientWidth - 2 * SIDE);
  }

  #frameAt(x) {
    const [from, to] = this.view;
    return from + ((x - SIDE) / (this.canvas.clientWidth - 2 * SIDE)) * (to - from);
  }

  #ruler(context, ink, width, tall) {
    const [from, to] = this.view;
    context.strokeStyle = ink.grid;
    context.fillStyle = ink.muted;
    context.textBaseline = "middle";
    context.textAlign = "left";
    const frames = ticks(from, to, width / 80).filter(Number.isInteger);
    context.beginPath();
    for (const frame of frames) { const x = Math.round(this.#x(frame)) + 0.5; context.moveTo(x, 2); context.lineTo(x, tall); }
    context.stroke();
    for (const frame of frames) {
      const x = this.#x(frame) + 4;
      if (x < width - 34) context.fillText(String(frame), x, 8);
    }
    const times = timeTicks(from / this.fps, to / this.fps, width / 90);
    context.globalAlpha = 0.75;
    for (const time of times.values) {
      const x = this.#x(time * this.fps) + 4;
      if (x < width - 40) context.fillText(`${clock(time, times.step < 1 ? 1 : 0)}`, x, 21);
    }
    context.globalAlpha = 1;
    context.beginPath();
    context.moveTo(0, RULER - 1.5);
    context.lineTo(width, RULER - 1.5);
    context.stroke();
  }

  #mark(context, ink, mark, top, height) {
    const left = this.#x(mark.start);
    const size = Math.max(3, this.#x(mark.stop) - left);
    const chosen = mark.id === this.selected;
    context.fillStyle = this.#fill(mark.category);
    rounded(context, left, top, size, height, 4);
    context.fill();
    if (chosen) {
      context.strokeStyle = ink.ink;
      context.lineWidth = 2;
      context.stroke();
      context.lineWidth = 1;
      if (this.editable) {
        context.fillStyle = ink.ink;
        for (const x of [left - 2, left + size - 2]) { rounded(context, x, top + 4, 4, height - 8, 2); context.fill(); }
      }
    }
    context.save();
    context.beginPath();
    context.rect(left, top, size, height);
    context.clip();
    context.fillStyle = "#fff";
    context.font = "600 11.5px system-ui, -apple-system, 'Segoe UI', Roboto, Arial, sans-serif";
    context.fillText(mark.category ?? "no category", Math.max(left, SIDE) + 8, top + height / 2 + 0.5);
    context.restore();
  }

  #begun(context, ink) {
    const [a, b] = [Math.min(this.begun, this.frame), Math.max(this.begun, this.frame) + 1];
    context.fillStyle = ink["event-wash"];
    context.strokeStyle = ink.event;
    context.setLineDash([4, 3]);
    rounded(context, this.#x(a), RULER, this.#x(b) - this.#x(a), LANE - 6, 4);
    context.fill();
    context.stroke();
    context.setLineDash([]);
  }

  #lane(context, ink, lane, top, width) {
    context.fillStyle = ink.sunk;
    context.fillRect(SIDE, top, width - 2 * SIDE, THIN);
    for (const span of lane.spans) {
      const left = this.#x(span.start);
      context.globalAlpha = lane.kind === "share" ? span.share : 1;
      context.fillStyle = lane.kind === "person" ? this.#fill(span.category) : lane.kind === "share" ? ink.blue : ink.event;
      context.fillRect(left, top, Math.max(2, this.#x(span.stop) - left), THIN);
    }
    context.globalAlpha = 1;
    context.font = "600 11px system-ui, -apple-system, 'Segoe UI', Roboto, Arial, sans-serif";
    const wide = context.measureText(lane.title).width;
    context.fillStyle = ink.card;
    context.globalAlpha = 0.86;
    rounded(context, SIDE + 2, top + 2, wide + 10, THIN - 4, 3);
    context.fill();
    context.globalAlpha = 1;
    context.fillStyle = ink.ink;
    context.fillText(lane.title, SIDE + 7, top + THIN / 2 + 0.5);
  }

  #playhead(context, ink, tall) {
    const left = this.#x(this.frame);
    const right = this.#x(this.frame + 1);
    context.fillStyle = ink.ink;
    context.globalAlpha = 0.16;
    context.fillRect(left, RULER - 2, Math.max(1, right - left), tall);
    context.globalAlpha = 1;
    const x = right - left > 6 ? (left + right) / 2 : left;
    context.fillRect(Math.round(x) - 0.75, RULER - 6, 1.5, tall);
    context.beginPath();
    context.moveTo(x - 6, RULER - 12);
    context.lineTo(x + 6, RULER - 12);
    context.lineTo(x, RULER - 3);
    context.fill();
  }

  // Dark enough for white letters in both themes.
  #fill(category) {
    const found = hue(category);
    return found === null ? "#5f6b78" : `hsl(${found} 55% 38%)`;
  }

  #hit(event) {
    const box = this.canvas.getBoundingClientRect();
    const [x, y] = [event.clientX - box.left, event.clientY - box.top];
    const rows = this.#rows();
    const reach = event.pointerType === "touch" ? 16 : 7;
    const chosen = this.marks.findIndex(({ id }) => id === this.selected);
    const order = [chosen, ...this.marks.keys()].filter((index) => index >= 0);
    for (const index of order) {
      const mark = this.marks[index];
      const top = RULER + rows[index] * LANE;
      if (y < top || y > top + LANE) continue;
      const [left, right] = [this.#x(mark.start), this.#x(mark.stop)];
      if (this.editable && mark.id === this.selected) {
        const inside = Math.min(reach, (right - left) / 3);
        if (x > left - reach && x < left + inside) return { mark, edge: "start", x };
        if (x > right - inside && x < right + reach) return { mark, edge: "stop", x };
      }
      if (x >= left - 2 && x <= right + 2) return { mark, edge: null, x };
    }
    return { mark: null, edge: null, x };
  }

  #down(event) {
    if (event.button !== 0) return;
    event.preventDefault();
    this.canvas.setPointerCapture(event.pointerId);
    const { mark, edge, x } = this.#hit(event);
    if (edge) { this.drag = { mark: { ...mark }, edge }; return; }
    this.drag = { seek: true };
    this.handlers.onSelect(mark?.id ?? null);
    this.#seek(x);
  }

  #move(event) {
    const box = this.canvas.getBoundingClientRect();
    const x = event.clientX - box.left;
    if (!this.drag) {
      this.canvas.style.cursor = this.#hit(event).edge ? "ew-resize" : "pointer";
      return;
    }
    if (this.drag.seek) { this.#seek(x); return; }
    const { mark, edge } = this.drag;
    const frame = Math.round(this.#frameAt(x));
    if (edge === "start") mark.start = Math.max(0, Math.min(frame, mark.stop - 1));
    else mark.stop = Math.min(this.nFrames, Math.max(frame, mark.start + 1));
    this.drag.moved = true;
    this.handlers.onDrag({ ...mark }, edge === "start" ? mark.start : mark.stop - 1);
  }

  #up() {
    const { drag } = this;
    this.drag = null;
    if (drag?.moved) this.handlers.onDrop(drag.mark);
  }

  #seek(x) { this.handlers.onSeek(Math.max(0, Math.min(this.nFrames - 1, Math.floor(this.#frameAt(x))))); }

  #wheel(event) {
    event.preventDefault();
    const box = this.canvas.getBoundingClientRect();
    const [from, to] = this.view;
    if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
      this.#show(from + ((event.deltaX || event.deltaY) / box.width) * (to - from), to - from);
    } else this.zoom(Math.exp(-event.deltaY / 400), this.#frameAt(event.clientX - box.left));
  }
}

function rounded(context, x, y, width, height, radius) {
  context.beginPath();
  context.roundRect(x, y, width, height, Math.min(radius, width / 2));
}
