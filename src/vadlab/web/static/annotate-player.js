// A video as numbered pictures: what is on the canvas is exactly the frame whose number is shown.
import { address } from "./api.js";

const KEPT_PIXELS = 120e6; // of decoded pictures
const AHEAD = 10;
const BEHIND = 4;
const AT_ONCE = 6;

/** new Player(canvas, { onFrame(number), onState(), onProblem(error) }) */
export class Player {
  constructor(canvas, handlers) {
    this.canvas = canvas;
    this.handlers = handlers;
    this.rate = 1;
    this.playing = false;
    this.pictures = new Map(); // number -> ImageBitmap, the latest used last
    this.asked = new Map(); // number -> AbortController
    this.wanted = [];
    this.video = null;
    this.shown = null; // number of the frame on the canvas
    this.target = 0; // number of the frame that should be there
  }

  /** Show another video: { path, stamp, n_frames, fps }. */
  load(video, frame = 0) {
    this.pause();
    for (const controller of this.asked.values()) controller.abort();
    for (const picture of this.pictures.values()) picture.close();
    this.asked.clear();
    this.pictures.clear();
    this.video = video;
    this.shown = null;
    this.go(frame);
  }

  get loading() { return this.shown !== this.target; }

  /** Show a frame as soon as it is there. */
  go(number) {
    if (!this.video) return;
    this.pause();
    this.#aim(number, Math.sign(number - this.target) || 1);
  }

  step(frames) { this.go(this.target + frames); }

  toggle() { if (this.playing) this.pause(); else this.play(); }

  play() {
    if (!this.video || this.playing) return;
    if (this.target >= this.video.n_frames - 1) this.#aim(0, 1);
    this.playing = true;
    this.#anchor(performance.now());
    this.handlers.onState();
    requestAnimationFrame((now) => this.#tick(now));
  }

  pause() {
    if (!this.playing) return;
    this.playing = false;
    this.handlers.onState();
  }

  setRate(rate) {
    this.rate = rate;
    this.#anchor(performance.now());
    this.handlers.onState();
  }

  // Fast playing leaves frames out evenly, so that no more than about 50 pictures a second are needed.
  get #stride() { return Math.max(1, Math.ceil((this.rate * (this.video?.fps ?? 25)) / 50)); }

  #anchor(now) { this.start = { time: now, frame: this.target }; }

  #tick(now) {
    if (!this.playing) return;
    const elapsed = ((now - this.start.time) / 1000) * this.video.fps * this.rate;
    const stride = this.#stride;
    const due = Math.min(this.start.frame + stride * Math.floor(elapsed / stride), this.video.n_frames - 1);
    if (this.loading) this.#anchor(now); // a picture is late: go on from it, slower, rather than leave frames out
    else if (due > this.target) {
      const next = Math.min(this.target + stride, this.video.n_frames - 1);
      if (due > next + stride) this.start = { time: now, frame: next };
      this.#aim(next, stride);
      if (next === this.video.n_frames - 1) { this.pause(); return; }
    }
    requestAnimationFrame((later) => this.#tick(later));
  }

  #aim(number, direction) {
    this.target = Math.max(0, Math.min(number, this.video.n_frames - 1));
    const stride = this.playing ? this.#stride : 1;
    const ways = [];
    for (let k = 1; k <= AHEAD; k += 1) ways.push(this.target + (direction < 0 ? -k : k * stride));
    for (let k = 1; k <= BEHIND; k += 1) ways.push(this.target + (direction < 0 ? k : -k));
    this.wanted = [this.target, ...ways].filter((n) => n >= 0 && n < this.video.n_frames);
    for (const [n, controller] of this.asked) if (!this.wanted.includes(n)) { controller.abort(); this.asked.delete(n); }
    this.#draw();
    this.#fetch();
    this.handlers.onFrame(this.target);
  }

  #draw() {
    const picture = this.pictures.get(this.target);
    if (!picture || this.shown === this.target) return;
    this.pictures.delete(this.target);
    this.pictures.set(this.target, picture);
    if (this.canvas.width !== picture.width || this.canvas.height !== picture.height) {
      this.canvas.width = picture.width;
      this.canvas.height = picture.height;
    }
    this.canvas.getContext("2d").drawImage(picture, 0, 0);
    this.shown = this.target;
    this.canvas.dataset.frame = String(this.shown);
  }

  #fetch() {
    for (const number of this.wanted) {
      if (this.asked.size >= AT_ONCE) return;
      if (!this.pictures.has(number) && !this.asked.has(number)) this.#ask(number);
    }
  }

  async #ask(number) {
    const { video } = this;
    const controller = new AbortController();
    this.asked.set(number, controller);
    try {
      const query = { path: video.path, number, stamp: video.stamp };
      const response = await fetch(address("annotate/frame", query), { signal: controller.signal });
      if (!response.ok) throw new Error((await response.json().catch(() => ({}))).message ?? `frame ${number}: the server answered ${response.status}`);
      const picture = await createImageBitmap(await response.blob());
      if (video !== this.video) { picture.close(); return; }
      this.pictures.set(number, picture);
      this.#drop(picture.width * picture.height);
    } catch (error) {
      if (error.name !== "AbortError" && video === this.video) {
        this.pause();
        if (number === this.target) this.handlers.onProblem(error);
        this.wanted = this.wanted.filter((n) => n !== number);
      }
    } finally {
      if (this.asked.get(number) === controller) this.asked.delete(number);
    }
    if (video !== this.video) return;
    if (number === this.target) { this.#draw(); this.handlers.onFrame(this.target); }
    this.#fetch();
  }

  #drop(pixels) {
    const room = Math.max(AHEAD + BEHIND + 2, Math.floor(KEPT_PIXELS / pixels));
    for (const [number, picture] of this.pictures) {
      if (this.pictures.size <= room) return;
      if (this.wanted.includes(number)) continue;
      picture.close();
      this.pictures.delete(number);
    }
  }
}
