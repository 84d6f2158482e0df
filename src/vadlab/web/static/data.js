// What the API sends, in the form that pages use.

/** base64 of little-endian float32 -> Float32Array. */
export function floats(text) {
  const raw = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const view = new DataView(raw.buffer);
  return Float32Array.from({ length: raw.length / 4 }, (_, i) => view.getFloat32(4 * i, true));
}

/** A timeline with its scores as numbers. `fps` falls back to 25 and says so. */
export function timeline(answer) {
  return { ...answer, scores: floats(answer.frame_scores), fps: answer.fps ?? 25, fpsKnown: answer.fps !== null };
}

/** Lowest and highest of a Float32Array. */
export function range(scores) {
  let low = Infinity;
  let high = -Infinity;
  for (const score of scores) {
    if (score < low) low = score;
    if (score > high) high = score;
  }
  return low <= high ? [low, high] : [0, 1];
}
