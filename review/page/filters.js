// Which pairs are shown, and in which order.

const histograms = MEASURES.filter((measure) => measure.isCharted)
  .map((measure) => new Histogram(measure, () => showPairs()));

function makeFilters() {
  const scenes = [...new Set(pairs.map((pair) => pair.scene))];
  byId("scene").append(...scenes.map((scene) =>
    element("option", { value: scene, textContent: scene })));
  byId("sort").append(...MEASURES.map((measure) =>
    element("option", { value: measure.name, textContent: measure.label.toLowerCase() })));
  byId("histograms").append(...histograms.map((histogram) => histogram.box));
  for (const id of ["search", "scene", "state", "sort"]) {
    byId(id).addEventListener("input", () => showPairs());
  }
  byId("direction").addEventListener("click", turnDirection);
  byId("reset").addEventListener("click", resetFilters);
  byId("toggle-filters").addEventListener("click", () => {
    const isOpen = byId("filters").classList.toggle("open");
    byId("toggle-filters").ariaExpanded = isOpen;
  });
}

function turnDirection() {
  const button = byId("direction");
  const isDescending = button.ariaPressed !== "true";
  button.ariaPressed = isDescending;
  button.textContent = isDescending ? "↓" : "↑";
  showPairs();
}

function resetFilters() {
  for (const id of ["search", "scene", "state"]) byId(id).value = "";
  for (const histogram of histograms) histogram.clear();
  showPairs();
}

function stateOf(pair) {
  if (!isWritten(pair)) return "unwritten";
  return choices.get(pair.key) ?? "open";
}

function stateWords(pair) {
  return { unwritten: "not written", open: "" }[stateOf(pair)] ?? CHOICE_WORDS[stateOf(pair)];
}

function chosenPairs() {
  const [search, scene, state] = ["search", "scene", "state"].map((id) => byId(id).value);
  const part = search.trim().toLowerCase();
  return pairs.filter((pair) =>
    (!scene || pair.scene === scene) &&
    (!state || stateOf(pair) === state) &&
    (!part || pair.key.toLowerCase().includes(part)) &&
    histograms.every((histogram) => histogram.holds(pair)));
}

function sorted(some) {
  const name = byId("sort").value;
  const sign = byId("direction").ariaPressed === "true" ? -1 : 1;
  if (!name) return sign > 0 ? some : [...some].reverse();
  return [...some].sort((one, other) => {
    const [a, b] = [one.measures[name], other.measures[name]];
    if (a === null || b === null) return (a === null) - (b === null) || one.order - other.order;
    return sign * (a - b) || one.order - other.order;
  });
}
