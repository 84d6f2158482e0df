// The alarm's settings: threshold slider and, folded away, the rest of the rule.
import { fill, h } from "./dom.js";
import { score } from "./format.js";

const STEPS = 1000;

/**
 * thresholdPanel({ onChange(alarm) }) -> { element, set(own, [low, high], kept), nudge(by), reset(), summary(node) }
 * `own` is the run's alarm, to which `reset` returns; `kept` what a person has chosen since, or null.
 */
export function thresholdPanel({ onChange }) {
  let own = null;
  let alarm = null;
  let limits = [0, 1];

  const slider = h("input", { type: "range", id: "on", min: 0, max: STEPS, step: 1, "aria-label": "Threshold", oninput: () => setOn(fromStep(slider.valueAsNumber)) });
  const number = h("input", { type: "number", step: "any", "aria-label": "Threshold as a number", onchange: () => setOn(number.valueAsNumber) });
  const share = field("Ends below", "of the threshold", { min: 0, max: 1, step: 0.05 }, (value) => change({ share: Math.min(1, value) }));
  const length = field("Shortest", "s", { min: 0, step: 0.1 }, (value) => change({ min_length_s: value }));
  const gap = field("Merge gaps below", "s", { min: 0, step: 0.1 }, (value) => change({ merge_gap_s: value }));
  const reset = h("button", { type: "button", onclick: () => restore() }, "Reset");
  const summary = h("p.small", { role: "status" });
  const element = h("div.threshold", {},
    h("div.threshold-row", {}, h("label", { for: "on" }, "Threshold"), slider, number, reset),
    h("details", {}, h("summary.small", {}, "Rule for events"), h("div.row", {}, share.element, length.element, gap.element)),
    summary);

  function field(before, after, attributes, set) {
    const input = h("input", { type: "number", ...attributes, onchange: () => { if (input.valueAsNumber >= 0) set(input.valueAsNumber); else paint(); } });
    return { input, element: h("label.field", {}, before, input, after) };
  }

  const toStep = (value) => Math.round(STEPS * (value - limits[0]) / (limits[1] - limits[0]));
  // Seven digits are all that a float32 score has.
  const fromStep = (step) => Number((limits[0] + (limits[1] - limits[0]) * step / STEPS).toPrecision(6));

  function setOn(value) { if (Number.isFinite(value)) change({ on: value }); else paint(); }

  function change(part) {
    const on = part.on ?? alarm.on;
    const ratio = part.share ?? alarm.share;
    // A share of a score means something only where scores begin at 0; else events end where they begin.
    alarm = { ...alarm, ...part, on, share: ratio, off: ratio === 1 || on <= 0 ? on : ratio * on };
    paint();
    onChange(alarm);
  }

  function paint() {
    if (!alarm) return;
    slider.value = toStep(alarm.on);
    slider.setAttribute("aria-valuetext", score(alarm.on));
    if (document.activeElement !== number) number.value = Number(alarm.on.toPrecision(5));
    share.input.value = Number(alarm.share.toPrecision(3));
    length.input.value = alarm.min_length_s;
    gap.input.value = alarm.merge_gap_s;
    reset.disabled = ["on", "off", "min_length_s", "merge_gap_s"].every((key) => alarm[key] === own[key]);
  }

  function restore(to = own) {
    alarm = { ...to, share: to.on > 0 && to.off < to.on ? to.off / to.on : 1 };
    paint();
    onChange(alarm);
  }

  return {
    element,
    set(nextOwn, nextLimits, kept) {
      own = nextOwn;
      limits = nextLimits;
      restore(kept ?? own);
    },
    setOn,
    nudge: (by) => setOn(fromStep(Math.min(STEPS, Math.max(0, toStep(alarm.on) + by)))),
    reset: () => restore(),
    get alarm() { return alarm; },
    say: (...content) => fill(summary, ...content),
  };
}
