// A canvas that is sharp on every screen, with the colours of the theme and the ticks of an axis.

/** The theme's colour tokens, as the page shows them now. */
export function colours() {
  const style = getComputedStyle(document.documentElement);
  return Object.fromEntries([
    "page", "card", "sunk", "ink", "muted", "edge", "grid", "blue", "truth", "event", "second", "blue-wash", "truth-wash", "event-wash",
  ].map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
}

/** Fit the canvas to its box; returns { context, width, height } in CSS pixels, cleared. */
export function prepare(canvas) {
  const width = canvas.clientWidth;
  const height = canvas.clientHeight;
  const scale = window.devicePixelRatio || 1;
  if (canvas.width !== Math.round(width * scale) || canvas.height !== Math.round(height * scale)) {
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
  }
  const context = canvas.getContext("2d");
  context.setTransform(scale, 0, 0, scale, 0, 0);
  context.clearRect(0, 0, width, height);
  context.font = "11px system-ui, -apple-system, 'Segoe UI', Roboto, Arial, sans-serif";
  return { context, width, height };
}

/** Round values between low and high, about `wanted` of them. */
export function ticks(low, high, wanted) {
  const raw = (high - low) / Math.max(1, wanted);
  if (!(raw > 0)) return [];
  const size = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((k) => k * size).find((s) => s >= raw * 0.999);
  const found = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; i += 1) found.push(Number((i * step).toPrecision(12)));
  return found;
}

/** Round times in seconds between low and high: 1, 2, 5, 10, 15, 30 s, 1, 2, 5 ... min. */
export function timeTicks(low, high, wanted) {
  const raw = (high - low) / Math.max(1, wanted);
  if (!(raw > 0)) return { step: 1, values: [] };
  const steps = [0.04, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200];
  const step = steps.find((s) => s >= raw) ?? 86400 * Math.ceil(raw / 86400);
  const values = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + 1e-9; i += 1) values.push(i * step);
  return { step, values };
}
