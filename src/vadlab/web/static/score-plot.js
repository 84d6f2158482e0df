// The score timeline of one video on a canvas: scores, truth, events, threshold, play head. Time is in frames.
import { clock, score as scoreText } from "./format.js";
import { colours, prepare, ticks, timeTicks } from "./plot.js";

const LEFT = 44;
const RIGHT = 12;
const TOP = 10;
const LANE = 9; // height of a strip of spans
const LANE_GAP = 5;
const LANES_TOP = 10;
const AXIS = 20;
const GRAB = 7; // pixels within which the pointer takes the threshold

/**
 * new ScorePlot(canvas, { onSeek(frame), onThreshold(score), onHover(text | null), onView() })
 * Set `series`, `lanes`, `skipped`, `limits`, `threshold`, `frame`, then call draw().
 */
export class ScorePlot {
  constructor(canvas, handlers) {
    this.canvas = canvas;
    this.handlers = handlers;
    this.series = []; // [{ scores: Float32Array, colour: token, limits?: [low, high] }]
    this.lanes = []; // [{ spans: [[start, stop]], colour: token, title }]
    this.skipped = []; // spans that the rules do not count
    this.threshold = null; // { on, off }
    this.limits = [0, 1];
    this.nFrames = 1;
    this.fps = 25;
    this.frame = 0;
    this.hover = null;
    this.view = [0, 1];
    this.drag = null;
    canvas.addEventListener("pointerdown", (event) => this.#down(event));
    canvas.addEventListener("pointermove", (event) => this.#move(event));
    canvas.addEventListener("pointerup", () => { this.drag = null; });
    canvas.addEventListener("pointercancel", () => { this.drag = null; });
    canvas.addEventListener("pointerleave", () => this.#hoverAt(null));
    canvas.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    new ResizeObserver(() => this.draw()).observe(canvas);
  }

  /** Begin with another video: the whole of it in view. */
  reset(nFrames, fps) {
    this.nFrames = nFrames;
    this.fps = fps;
    this.view = [0, nFrames];
    this.frame = 0;
    this.hover = null;
  }

  /** Zoom by a factor around a frame; 1 / factor of the present range stays. */
  zoom(factor, around = this.frame) {
    const [start, stop] = this.view;
    const span = Math.min(this.nFrames, Math.max(20, (stop - start) / factor));
    const share = (around - start) / (stop - start);
    this.#setView(around - share * span, span);
  }

  /** Show all frames. */
  whole() { this.#setView(0, this.nFrames); }

  /** Move the view so that the frame is in it. */
  follow(frame) {
    const [start, stop] = this.view;
    if (frame >= start && frame < stop) return;
    this.#setView(frame - 0.1 * (stop - start), stop - start);
  }

  get zoomed() { return this.view[1] - this.view[0] < this.nFrames - 0.5; }

  #setView(start, span) {
    const first = Math.min(Math.max(0, start), this.nFrames - span);
    this.view = [first, first + span];
    this.handlers.onView?.();
    this.draw();
  }

  #lanesHeight() { return this.lanes.length ? LANES_TOP + this.lanes.length * (LANE + LANE_GAP) : 0; }

  #x(frame) {
    const [start, stop] = this.view;
    return LEFT + (this.width - LEFT - RIGHT) * (frame - start) / (stop - start);
  }

  #y(value, [low, high] = this.limits) {
    return TOP + this.plot * (1 - (value - low) / (high - low));
  }

  #frameAt(x) {
    const [start, stop] = this.view;
    const frame = Math.floor(start + (stop - start) * (x - LEFT) / (this.width - LEFT - RIGHT));
    return Math.min(Math.max(frame, 0), this.nFrames - 1);
  }

  #valueAt(y) {
    const [low, high] = this.limits;
    return Math.min(high, Math.max(low, low + (high - low) * (1 - (y - TOP) / this.plot)));
  }

  draw() {
    const { context: c, width, height } = prepare(this.canvas);
    if (!width) return;
    this.width = width;
    this.plot = height - TOP - AXIS - this.#lanesHeight();
    const t = colours();
    this.#axes(c, t, height);
    c.save();
    c.beginPath();
    c.rect(LEFT, 0, width - LEFT - RIGHT, height);
    c.clip();
    this.#washes(c, t);
    for (const one of this.series) this.#curve(c, t, one);
    this.#threshold(c, t);
    this.#strips(c, t);
    this.#head(c, t, height);
    c.restore();
    this.#laneTitles(c, t);
  }

  #axes(c, t, height) {
    c.textBaseline = "middle";
    c.lineWidth = 1;
    for (const value of ticks(...this.limits, Math.max(2, Math.floor(this.plot / 34)))) {
      const y = Math.round(this.#y(value)) + 0.5;
      c.strokeStyle = t.grid;
      line(c, LEFT, y, this.width - RIGHT, y);
      c.fillStyle = t.muted;
      c.textAlign = "right";
      c.fillText(Number(value.toPrecision(4)), LEFT - 7, y);
    }
    const [start, stop] = this.view.map((frame) => frame / this.fps);
    const { step, values } = timeTicks(start, stop, Math.floor(this.width / 90));
    for (const seconds of values) {
      const x = this.#x(seconds * this.fps);
      c.fillStyle = t.muted;
      c.textAlign = x < LEFT + 14 ? "left" : x > this.width - RIGHT - 14 ? "right" : "center";
      c.fillText(clock(seconds, step < 0.1 ? 2 : step < 1 ? 1 : 0), x, height - AXIS / 2);
      c.strokeStyle = t.grid;
      line(c, Math.round(x) + 0.5, height - AXIS, Math.round(x) + 0.5, height - AXIS + 3);
    }
  }

  #washes(c, t) {
    for (const [start, stop] of this.skipped) this.#hatch(c, t, this.#x(start), this.#x(stop));
    const truth = this.lanes.find((lane) => lane.wash);
    c.fillStyle = t["truth-wash"];
    for (const [start, stop] of truth?.spans ?? []) c.fillRect(this.#x(start), TOP, Math.max(1, this.#x(stop) - this.#x(start)), this.plot);
  }

  #hatch(c, t, left, right) {
    c.save();
    c.beginPath();
    c.rect(left, TOP, right - left, this.plot);
    c.clip();
    c.strokeStyle = t.grid;
    for (let x = left - this.plot; x < right; x += 7) line(c, x, TOP + this.plot, x + this.plot, TOP);
    c.restore();
  }

  #curve(c, t, { scores, colour, limits }) {
    const [start, stop] = this.view;
    const first = Math.max(0, Math.floor(start) - 1);
    const last = Math.min(scores.length, Math.ceil(stop) + 1);
    const perPixel = (stop - start) / (this.width - LEFT - RIGHT);
    c.strokeStyle = t[colour];
    c.lineWidth = 1.6;
    c.lineJoin = "round";
    c.beginPath();
    if (perPixel <= 2) {
      // A frame lasts from its start to the next one's: a step when near, a line when far.
      for (let frame = first; frame < last; frame += 1) {
        const y = this.#y(scores[frame], limits);
        c.lineTo(this.#x(frame), y);
        if (perPixel < 0.25) c.lineTo(this.#x(frame + 1), y);
      }
    } else {
      // Each column keeps its lowest and highest frame, so no peak is lost.
      for (let at = first; at < last;) {
        const stopAt = Math.min(last, Math.max(at + 1, Math.floor(at + perPixel)));
        let low = at;
        let high = at;
        for (let frame = at; frame < stopAt; frame += 1) {
          if (scores[frame] < scores[low]) low = frame;
          if (scores[frame] > scores[high]) high = frame;
        }
        for (const frame of low < high ? [low, high] : [high, low]) c.lineTo(this.#x(frame), this.#y(scores[frame], limits));
        at = stopAt;
      }
    }
    c.stroke();
  }

  #threshold(c, t) {
    if (!this.threshold) return;
    const { on, off } = this.threshold;
    c.strokeStyle = t.event;
    if (off < on) {
      c.globalAlpha = 0.55;
      c.lineWidth = 1;
      c.setLineDash([2, 4]);
      line(c, LEFT, this.#y(off), this.width, this.#y(off));
      c.globalAlpha = 1;
    }
    c.lineWidth = 1.5;
    c.setLineDash([6, 4]);
    line(c, LEFT, this.#y(on), this.width - RIGHT, this.#y(on));
    c.setLineDash([]);
    c.fillStyle = t.event;
    c.beginPath();
    c.arc(this.width - RIGHT - 5, this.#y(on), 4.5, 0, 7);
    c.fill();
  }

  #strips(c, t) {
    this.lanes.forEach(({ spans, colour }, i) => {
      const y = this.#laneY(i);
      c.fillStyle = t.sunk;
      c.fillRect(LEFT, y, this.width - LEFT - RIGHT, LANE);
      c.fillStyle = t[colour];
      for (const [start, stop] of spans) c.fillRect(this.#x(start), y, Math.max(2, this.#x(stop) - this.#x(start)), LANE);
    });
  }

  #laneY(i) { return TOP + this.plot + LANES_TOP + i * (LANE + LANE_GAP); }

  #laneTitles(c, t) {
    c.font = "10px system-ui, sans-serif";
    c.textAlign = "right";
    c.textBaseline = "middle";
    this.lanes.forEach(({ title, colour }, i) => {
      c.fillStyle = t[colour];
      c.fillText(title, LEFT - 7, this.#laneY(i) + LANE / 2 + 0.5);
    });
  }

  #head(c, t, height) {
    const bottom = height - AXIS;
    if (this.hover !== null) {
      c.strokeStyle = t.muted;
      c.globalAlpha = 0.6;
      c.lineWidth = 1;
      line(c, this.#x(this.hover + 0.5), TOP, this.#x(this.hover + 0.5), bottom);
      c.globalAlpha = 1;
    }
    const x = this.#x(this.frame + 0.5);
    c.strokeStyle = t.ink;
    c.fillStyle = t.ink;
    c.lineWidth = 1.5;
    line(c, x, TOP - 4, x, bottom);
    c.beginPath();
    c.moveTo(x - 5, TOP - 9);
    c.lineTo(x + 5, TOP - 9);
    c.lineTo(x, TOP - 2);
    c.fill();
  }

  /** "0:12.40 · frame 124 · score 0.813" of a frame. */
  text(frame) {
    const values = this.series.map(({ scores, name }) => `${name ? `${name} ` : "score "}${scoreText(scores[frame])}`);
    return [clock(frame / this.fps, 2), `frame ${frame}`, ...values].join(" · ");
  }

  #down(event) {
    if (event.button !== 0) return;
    this.canvas.setPointerCapture(event.pointerId);
    this.drag = this.#nearThreshold(event) ? "threshold" : "time";
    this.#drag(event);
  }

  #move(event) {
    if (this.drag) { this.#drag(event); return; }
    this.canvas.style.setProperty("cursor", this.#nearThreshold(event) ? "ns-resize" : "crosshair");
    this.#hoverAt(event.offsetX < LEFT ? null : this.#frameAt(event.offsetX));
  }

  #drag(event) {
    if (this.drag === "threshold") this.handlers.onThreshold?.(this.#valueAt(event.offsetY));
    else this.handlers.onSeek?.(this.#frameAt(event.offsetX));
  }

  #nearThreshold(event) {
    if (!this.threshold || !this.handlers.onThreshold) return false;
    // With a finger only the handle at the right end moves the threshold; anywhere else is time.
    const reach = event.pointerType === "mouse" ? GRAB : 18;
    const near = Math.abs(event.offsetY - this.#y(this.threshold.on)) <= reach;
    return near && (event.pointerType === "mouse" || event.offsetX > this.width - RIGHT - 36);
  }

  #hoverAt(frame) {
    if (frame === this.hover) return;
    this.hover = frame;
    this.handlers.onHover?.(frame);
    this.draw();
  }

  #wheel(event) {
    if (event.ctrlKey || event.metaKey) {
      event.preventDefault();
      this.zoom(Math.exp(-event.deltaY * 0.0025), this.#frameAt(event.offsetX));
    } else if (this.zoomed && (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY))) {
      event.preventDefault();
      const [start, stop] = this.view;
      const delta = event.deltaX || event.deltaY;
      this.#setView(start + delta * (stop - start) / this.width, stop - start);
    }
  }
}

function line(c, x1, y1, x2, y2) {
  c.beginPath();
  c.moveTo(x1, y1);
  c.lineTo(x2, y2);
  c.stroke();
}
