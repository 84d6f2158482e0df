// Numbers, times and shares as texts.

export const DASH = "\u2013";

/** 83.4 -> "1:23.4"; with hours where there are any. */
export function clock(seconds, digits = 0) {
  const scale = 10 ** digits;
  const whole = Math.floor(seconds * scale + 1e-6) / scale;
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor(whole / 60) % 60;
  const rest = (whole % 60).toFixed(digits);
  const padded = Number(rest) < 10 ? `0${rest}` : rest;
  return hours ? `${hours}:${String(minutes).padStart(2, "0")}:${padded}` : `${minutes}:${padded}`;
}

/** A share as percent: 0.9583 -> "95.8". */
export function percent(share, digits = 1) {
  return share === null || share === undefined ? DASH : (100 * share).toFixed(digits);
}

/** A score: three significant digits, no exponent where it can be helped. */
export function score(value) {
  if (value === null || value === undefined) return DASH;
  const size = Math.abs(value);
  if (size !== 0 && (size < 0.001 || size >= 1e6)) return value.toExponential(2);
  return size >= 100 ? value.toFixed(0) : size >= 10 ? value.toFixed(1) : value.toFixed(3);
}

/** 12345 -> "12,345". */
export const count = (n) => n.toLocaleString("en-GB");

/** "1 event", "2 events". */
export const counted = (n, what) => `${count(n)} ${what}${n === 1 ? "" : "s"}`;

/** Bytes in the largest unit that keeps a digit before the point. */
export function bytes(n) {
  const units = ["bytes", "KB", "MB", "GB", "TB"];
  let unit = 0;
  while (n >= 1000 && unit < units.length - 1) { n /= 1000; unit += 1; }
  return `${unit ? n.toFixed(n < 10 ? 1 : 0) : n} ${units[unit]}`;
}

/** An ISO time or UNIX seconds as "24 Nov, 19:35". */
export function moment(value, { seconds = false } = {}) {
  const date = typeof value === "number" ? new Date(1000 * value) : new Date(value);
  if (Number.isNaN(date.getTime())) return DASH;
  const sameYear = date.getFullYear() === new Date().getFullYear();
  return date.toLocaleString("en-GB", {
    day: "numeric", month: "short", year: sameYear ? undefined : "numeric",
    hour: "2-digit", minute: "2-digit", second: seconds ? "2-digit" : undefined,
  });
}

/** Seconds gone as "5 s", "3 min", "2 h", "4 days". */
export function ago(seconds) {
  if (seconds < 60) return `${Math.max(0, Math.round(seconds))} s`;
  if (seconds < 3600) return `${Math.round(seconds / 60)} min`;
  if (seconds < 48 * 3600) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86400)} days`;
}
