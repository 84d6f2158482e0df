// A <video> that is driven by frame numbers.

/**
 * new FramePlayer(video, { onFrame(frame), onState() })
 * The file must show frame n from n / fps to (n + 1) / fps; see vadlab/web/playback.py.
 */
export class FramePlayer {
  constructor(video, handlers) {
    this.video = video;
    this.handlers = handlers;
    this.fps = 25;
    this.nFrames = 1;
    this.frame = 0;
    this.wanted = null;
    this.loaded = false;
    for (const name of ["play", "pause", "ended", "ratechange"]) video.addEventListener(name, () => handlers.onState?.());
    video.addEventListener("seeked", () => {
      if (this.wanted === null) return;
      const wanted = this.wanted;
      this.wanted = null;
      if (wanted !== this.frame || this.#shown() !== wanted) this.seek(wanted);
    });
    this.#watch();
  }

  /** Take a file; `frame` is shown first. */
  load(address, { fps, nFrames, frame = 0 }) {
    this.video.pause();
    Object.assign(this, { fps, nFrames, wanted: null, loaded: true });
    this.video.src = address;
    this.seek(frame);
  }

  /** No picture, only frame numbers; seeking still works. */
  unload({ fps, nFrames }) {
    this.video.pause();
    this.video.removeAttribute("src");
    this.video.load();
    Object.assign(this, { fps, nFrames, wanted: null, loaded: false });
  }

  get playing() { return !this.video.paused && !this.video.ended; }

  /** Show a frame. While an earlier seek is under way only the last one asked for is done. */
  seek(frame) {
    const target = Math.min(Math.max(0, Math.round(frame)), this.nFrames - 1);
    this.#tell(target);
    if (!this.loaded) return;
    if (this.video.seeking) { this.wanted = target; return; }
    this.video.currentTime = (target + 0.5) / this.fps;
  }

  /** Go on or back by frames; stops playing. */
  step(by) {
    this.video.pause();
    this.seek(this.frame + by);
  }

  /** Play or stop. */
  toggle() {
    if (!this.loaded) return;
    if (this.playing) { this.video.pause(); return; }
    if (this.frame >= this.nFrames - 1) this.seek(0);
    this.video.play().catch(() => { /* a newer request came first */ });
  }

  set rate(value) { this.video.playbackRate = value; }

  get rate() { return this.video.playbackRate; }

  #shown() { return Math.min(this.nFrames - 1, Math.floor(this.video.currentTime * this.fps + 1e-6)); }

  #tell(frame) {
    if (frame === this.frame && this.told) return;
    this.frame = frame;
    this.told = true;
    this.handlers.onFrame?.(frame);
  }

  // While it plays, the frames that are really on the screen count, not the clock.
  #watch() {
    const { video } = this;
    if (!("requestVideoFrameCallback" in video)) {
      video.addEventListener("timeupdate", () => { if (this.playing) this.#tell(this.#shown()); });
      return;
    }
    const seen = (_, { mediaTime }) => {
      if (this.playing) this.#tell(Math.min(this.nFrames - 1, Math.round(mediaTime * this.fps)));
      video.requestVideoFrameCallback(seen);
    };
    video.requestVideoFrameCallback(seen);
  }
}
