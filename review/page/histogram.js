// A histogram of one measure: how all pairs spread, how the shown ones do, and a range to keep.

const BINS = 28;
const TAIL = 0.005; // share of pairs at either end that the outermost bars gather
const SVG = "http://www.w3.org/2000/svg";

class Histogram {
  /** Calls `onRange` when the range changes. */
  constructor(measure, onRange) {
    this.measure = measure;
    this.onRange = onRange;
    const sorted = this.values(pairs).sort((one, other) => one - other);
    const least = sorted[Math.floor(TAIL * (sorted.length - 1))] ?? 0;
    const most = sorted[Math.ceil((1 - TAIL) * (sorted.length - 1))] ?? 0;
    const margin = Math.max(0, BINS * 10 ** -measure.digits - (most - least)) / 2;
    this.least = least - margin; // a bar is no narrower than what the last digit tells apart
    this.most = most + margin;
    this.total = this.counts(pairs);
    this.chart = this.makeChart(sorted);
    this.from = this.makeBound("least", least);
    this.to = this.makeBound("greatest", most);
    const unit = measure.unit && ` (${measure.unit})`;
    this.box = element("fieldset", { className: "histogram" },
      element("legend", { textContent: measure.label + unit }),
      this.chart,
      element("div", { className: "bounds" },
        this.from, element("span", { textContent: "to" }), this.to));
  }

  values(some) {
    return some.map((pair) => pair.measures[this.measure.name]).filter((value) => value !== null);
  }

  counts(some) {
    const counts = new Array(BINS).fill(0);
    for (const value of this.values(some)) {
      const share = (value - this.least) / (this.most - this.least);
      counts[Math.min(BINS - 1, Math.max(0, Math.floor(share * BINS)))] += 1;
    }
    return counts;
  }

  makeChart(sorted) {
    const chart = document.createElementNS(SVG, "svg");
    chart.setAttribute("viewBox", `0 0 ${BINS} 1`);
    chart.setAttribute("preserveAspectRatio", "none");
    chart.setAttribute("role", "img");
    chart.setAttribute("aria-label", this.summary(sorted));
    this.bars = { total: [], shown: [] };
    for (const name of Object.keys(this.bars)) {
      for (let bin = 0; bin < BINS; bin++) {
        const bar = document.createElementNS(SVG, "rect");
        bar.setAttribute("class", name);
        bar.setAttribute("x", bin + 0.06);
        bar.setAttribute("width", 0.88);
        this.bars[name].push(chart.appendChild(bar));
      }
    }
    chart.addEventListener("pointerdown", (event) => this.drag(event));
    return chart;
  }

  summary(sorted) {
    const { label, unit, digits } = this.measure;
    if (sorted.length === 0) return `${label}: no pair has one`;
    const [least, median, most] = [0, 0.5, 1]
      .map((share) => sorted[Math.floor(share * (sorted.length - 1))].toFixed(digits));
    return `${label} of ${sorted.length} pairs: ${least} to ${most} ${unit}, median ${median}`;
  }

  makeBound(word, value) {
    const bound = element("input", {
      type: "number",
      step: "any",
      placeholder: value.toFixed(this.measure.digits),
      ariaLabel: `${word} ${this.measure.label.toLowerCase()}`,
    });
    bound.addEventListener("input", () => this.onRange());
    return bound;
  }

  /** Take a range by dragging over the bars; a click takes it back. */
  drag(event) {
    const box = this.chart.getBoundingClientRect();
    const binAt = (x) =>
      Math.min(BINS - 1, Math.max(0, Math.floor(((x - box.left) / box.width) * BINS)));
    const start = binAt(event.clientX);
    const move = (moved) => {
      const bins = [start, binAt(moved.clientX)].sort((one, other) => one - other);
      this.setRange(...bins);
    };
    const end = (ended) => {
      this.chart.removeEventListener("pointermove", move);
      this.chart.removeEventListener("pointerup", end);
      if (Math.abs(ended.clientX - event.clientX) < 3) this.clear();
      this.onRange();
    };
    this.chart.setPointerCapture(event.pointerId);
    this.chart.addEventListener("pointermove", move);
    this.chart.addEventListener("pointerup", end);
  }

  setRange(firstBin, lastBin) {
    const edge = (bin) => (this.least + ((this.most - this.least) * bin) / BINS).toPrecision(4);
    this.from.value = firstBin === 0 ? "" : edge(firstBin);
    this.to.value = lastBin === BINS - 1 ? "" : edge(lastBin + 1);
    this.onRange();
  }

  clear() {
    this.from.value = "";
    this.to.value = "";
  }

  holds(pair) {
    const value = pair.measures[this.measure.name];
    const [from, to] = [this.from.valueAsNumber, this.to.valueAsNumber];
    if (Number.isNaN(from) && Number.isNaN(to)) return true;
    return value !== null && !(value < from) && !(value > to);
  }

  draw(some) {
    const shown = this.counts(some);
    const highest = Math.max(1, ...this.total);
    for (let bin = 0; bin < BINS; bin++) {
      setBar(this.bars.total[bin], this.total[bin] / highest);
      setBar(this.bars.shown[bin], shown[bin] / highest);
    }
  }
}

function setBar(bar, height) {
  const seen = height > 0 ? Math.max(height, 0.04) : 0; // a single pair among thousands can be seen
  bar.setAttribute("y", 1 - seen);
  bar.setAttribute("height", seen);
}
