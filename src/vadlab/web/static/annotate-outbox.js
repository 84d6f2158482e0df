// What a person does, on its way to the journal: kept in the browser until the server says that it is on disk.
import { ApiError, get, send } from "./api.js";

const PREFIX = "vadlab-operation:";
const RETRY_MS = [500, 1000, 2000, 5000, 10000];

/** An id that nothing else has. */
export const newId = () => Array.from(crypto.getRandomValues(new Uint8Array(8)), (byte) => byte.toString(16).padStart(2, "0")).join("");

const keyOf = (operation) => `${operation.decision ? "" : operation.annotator}\n${operation.video}`;

/**
 * new Outbox({ folder, annotator, onChange(key), onProblem(error) })
 * Operations are sent one after the other. An answer that got lost does no harm: an id is done once.
 */
export class Outbox {
  constructor({ folder, annotator, onChange, onProblem }) {
    Object.assign(this, { folder, annotator, onChange, onProblem });
    this.documents = new Map();
    this.queue = this.#kept();
    this.failures = 0;
    this.running = null;
    this.timer = null;
    window.addEventListener("online", () => this.flush());
    window.addEventListener("beforeunload", (event) => { if (this.queue.length && this.failures) event.preventDefault(); });
    this.flush();
  }

  /** "saved", "saving", or "waiting" for a server that does not answer. */
  get state() { return !this.queue.length ? "saved" : this.failures ? "waiting" : "saving"; }

  /** Note what the server knows of a document. */
  know(video, document, { decision = false } = {}) {
    this.documents.set(keyOf({ annotator: this.annotator, video, decision }), document);
  }

  /** The document as it will be once all is sent; null if it was never loaded. */
  view(video, { decision = false } = {}) {
    const key = keyOf({ annotator: this.annotator, video, decision });
    const known = this.documents.get(key);
    if (!known) return null;
    const waiting = this.queue.filter((operation) => keyOf(operation) === key);
    return { ...waiting.reduce(applied, known), pending: waiting.length };
  }

  /** Do something: { kind, mark?, marks? }. */
  do(video, operation, { decision = false } = {}) {
    const whole = { mark: null, marks: [], ...operation, id: newId(), annotator: this.annotator, video, decision };
    this.queue.push(whole);
    this.#keep(whole);
    this.onChange(video);
    this.flush();
  }

  /** Send what waits; resolves when all is sent or the server does not answer. */
  flush() {
    this.running ??= this.#flush().finally(() => {
      this.running = null;
      if (this.queue.length && !this.failures) this.flush(); // something came in between
      this.onChange(null);
    });
    return this.running;
  }

  async #flush() {
    clearTimeout(this.timer);
    await null; // first let the constructor return
    while (this.queue.length) {
      const operation = this.queue[0];
      try {
        await this.#send(operation);
        this.failures = 0;
      } catch (error) {
        if (!(error instanceof ApiError) || error.status === 0 || error.status >= 500) {
          this.timer = setTimeout(() => this.flush(), RETRY_MS[Math.min(this.failures, RETRY_MS.length - 1)]);
          this.failures += 1;
          break;
        }
        this.onProblem(error);
      }
      this.queue.shift();
      this.#forget(operation);
      this.onChange(operation.video);
    }
  }

  async #send(operation) {
    const key = keyOf(operation);
    for (let attempt = 0; ; attempt += 1) {
      const known = this.documents.get(key);
      try {
        this.documents.set(key, await send("POST", "annotate/operations", { ...operation, base: known?.revision ?? 0 }));
        return;
      } catch (error) {
        if (error.status !== 409 || attempt > 8) {
          if (error.status >= 400 && error.status < 500) await this.#reload(operation);
          throw error;
        }
        this.documents.set(key, error.parts.document);
        if (known) this.#check(operation, error.parts.document);
      }
    }
  }

  // The marks have changed in another window: what was meant may no longer be there.
  #check(operation, document) {
    const there = document.marks.some(({ id }) => id === operation.mark);
    const lost = (["change", "remove"].includes(operation.kind) && !there) || ["undo", "redo"].includes(operation.kind);
    if (lost) throw new ApiError(410, { message: "these marks were changed in another window", remedy: "look at them again" });
  }

  async #reload({ video, annotator, decision }) {
    if (decision) return;
    const found = await get("annotate/video", { path: video, annotator }).catch(() => null);
    if (found) this.know(video, found.document);
  }

  #kept() {
    try {
      const found = Object.keys(localStorage).filter((key) => key.startsWith(PREFIX)).map((key) => JSON.parse(localStorage.getItem(key)));
      return found.filter((one) => one.folder === this.folder && one.annotator === this.annotator)
        .sort((a, b) => a.at - b.at).map(({ at, folder, ...operation }) => operation);
    } catch { return []; }
  }

  #keep(operation) {
    try { localStorage.setItem(PREFIX + operation.id, JSON.stringify({ ...operation, folder: this.folder, at: performance.timeOrigin + performance.now() })); }
    catch { /* storage may be switched off or full: then only the open page keeps it */ }
  }

  #forget(operation) {
    try { localStorage.removeItem(PREFIX + operation.id); } catch { /* as above */ }
  }
}

// What an operation will come to; undo and redo wait for the server, which alone knows the past.
function applied(document, { kind, mark, marks }) {
  const others = document.marks.filter(({ id }) => id !== mark);
  const byTime = (list) => list.toSorted((a, b) => a.start - b.start || a.stop - b.stop);
  switch (kind) {
    case "add": return edited(byTime([...document.marks, ...marks]));
    case "change": return edited(byTime([...others, ...marks]));
    case "remove": return edited(others);
    case "replace": return edited(byTime(marks));
    case "finish": return { ...document, finished: true };
    case "reopen": return { ...document, finished: false };
    case "reveal": return { ...document, sealed: true };
    default: return document;
  }

  function edited(list) { return { ...document, marks: list, can_undo: true, can_redo: false }; }
}
