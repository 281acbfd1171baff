// The current pair, large: the wipe, the other pictures, its facts and what was chosen.

const VIEWS = ["wipe", "reference", "mask", "difference"];
const WIPE_STEP = 5;
const wipe = byId("wipe");

function makeStage() {
  const choicesOfView = VIEWS.map((view, index) => element("label", {},
    element("input", { type: "radio", name: "view", value: view, checked: index === 0 }),
    element("span", { className: "cell" }),
    element("span", { textContent: view })));
  byId("views").append(...choicesOfView);
  byId("views").addEventListener("input", () => showPicture(currentPair()));
  wipe.addEventListener("input", moveWipe);
  moveWipe();
}

const currentView = () => byId("views").querySelector(":checked").value;

function setView(view) {
  byId("views").querySelector(`[value=${view}]`).checked = true;
  showPicture(currentPair());
}

function moveWipe() {
  byId("picture").style.setProperty("--wipe", `${wipe.value}%`);
  wipe.ariaValueText = `${wipe.value} % splats`;
}

function pushWipe(step) {
  wipe.value = Number(wipe.value) + step;
  moveWipe();
}

function showStage(pair, next) {
  byId("stage").classList.toggle("empty", pair === null);
  byId("pair-name").textContent = pair ? pair.key : "No pair matches the filters";
  showPicture(pair);
  showFacts(pair);
  paintStage(pair);
  if (next?.thumbnail) {
    for (const kind of ["target", "splats"]) new Image().src = pictureUrl(next, kind);
  }
}

function showPicture(pair) {
  const view = currentView();
  const reason = pair && (whyNothingIsShown(pair) || whyNoView(pair, view));
  const canBeShown = Boolean(pair && !reason);
  byId("nothing").textContent = reason || "";
  byId("picture").hidden = !canBeShown;
  byId("picture").classList.toggle("wiping", view === "wipe");
  byId("legend").replaceChildren(...(canBeShown ? legendOf(pair, view) : []));
  const kinds = view === "wipe" ? ["target", "splats"] : [view];
  byId("layers").replaceChildren(...(canBeShown ? kinds.map((kind) => layer(pair, kind)) : []));
  if (canBeShown) byId("picture").style.setProperty("--aspect", pair.size[0] / pair.size[1]);
  showViewTiles(pair);
}

function whyNoView(pair, view) {
  if (view !== "mask" || pair.files.mask) return null;
  return "The mask of the holes was not saved; build_warp_dataset.py --save-mask saves it.";
}

/** A picture at full size over its thumbnail, which is there at once. */
function layer(pair, kind) {
  const large = element("img", {
    alt: `${kind} of ${pair.key}`,
    className: "large",
    draggable: false,
    src: pictureUrl(pair, kind),
  });
  return element("div", { className: `layer ${kind}` }, tile(pair, kind), large);
}

function legendOf(pair, view) {
  if (view === "wipe") return [element("span", { textContent: "drag, or ← and →, to wipe" })];
  if (view === "mask") return [element("span", { textContent: "white: holes, never seen" })];
  if (view === "reference") return [element("span", { textContent: "the photo that was warped" })];
  const holes = pair.files.mask
    ? "grey: holes, not compared"
    : "mask not saved: holes are compared like the rest";
  return [
    element("span", { textContent: "mean of the channels: 0" }),
    element("span", { className: "scale" }),
    element("span", { textContent: `${dataset.fullScaleLevels} of 255 and more` }),
    element("span", { textContent: holes }),
  ];
}

function showViewTiles(pair) {
  for (const label of byId("views").querySelectorAll("label")) {
    const view = label.querySelector("input").value;
    const kind = view === "wipe" ? "splats" : view;
    const picture = pair?.thumbnail ? [tile(pair, kind)] : [];
    for (const image of picture) image.alt = "";
    label.querySelector(".cell").replaceChildren(...picture);
  }
}

function showFacts(pair) {
  const facts = pair === null ? [] : [
    ...MEASURES.map((measure) => [measure.label, measured(measure, pair)]),
    ["Reference", pair.photos.reference],
    ["Target", pair.photos.target],
    ["Camera moves", pair.motion ?? "not recorded"],
  ];
  byId("facts").replaceChildren(...facts.map(([name, value]) => element("div", {},
    element("dt", { textContent: name }), element("dd", { textContent: value }))));
}

/** What was chosen for the current pair, and what can be. */
function paintStage(pair) {
  const state = pair ? stateOf(pair) : "unwritten";
  byId("stage").dataset.state = state;
  byId("pair-state").textContent = pair ? stateWords(pair) || "to decide" : "";
  for (const choice of ["accept", "reject"]) {
    byId(choice).disabled = state === "unwritten";
    byId(choice).ariaPressed = state === choice;
  }
  byId("clear").disabled = !(state in CHOICE_WORDS);
}

function enlarge(isLarge = !document.body.classList.contains("enlarged")) {
  document.body.classList.toggle("enlarged", isLarge);
  byId("enlarge").ariaPressed = isLarge;
}
