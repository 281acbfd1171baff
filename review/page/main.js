// Ties the parts together: keys, buttons, counts, and the first drawing.

const KEYS = {
  a: () => decide("accept"),
  r: () => decide("reject"),
  u: () => decide(null),
  j: () => moveTo(place + 1),
  k: () => moveTo(place - 1),
  ArrowDown: () => moveTo(place + 1),
  ArrowUp: () => moveTo(place - 1),
  ArrowLeft: () => pushWipe(-WIPE_STEP),
  ArrowRight: () => pushWipe(WIPE_STEP),
  f: () => enlarge(),
  Escape: () => enlarge(false),
  "/": () => focusSearch(),
  "?": () => byId("help").showModal(),
  ...Object.fromEntries(VIEWS.map((view, index) => [String(index + 1), () => setView(view)])),
};

const LIST_KEYS = {
  Home: () => moveTo(0),
  End: () => moveTo(shown.length - 1),
  PageDown: () => moveTo(place + rowsPerPage()),
  PageUp: () => moveTo(place - rowsPerPage()),
};

/** Held down, these would decide pairs that nobody saw. */
const decides = (key, target) =>
  ["a", "r", "u"].includes(key) || (key === "Enter" && target.matches(".decide button"));

const rowsPerPage = () => Math.max(1, Math.floor(rowsBox.clientHeight / rowHeight) - 1);

/** Choose for the current pair; having chosen, go to the next one. */
function decide(choice) {
  const pair = currentPair();
  if (pair === null || !isWritten(pair)) return;
  choose([pair], choice);
  const next = shown[place + 1];
  if (byId("state").value) showPairs();
  repaintStates();
  if (choice !== null && next && currentPair() === pair) moveTo(place + 1);
  else paintStage(currentPair());
  count();
}

function decideShown(choice) {
  const some = shown.filter(isWritten);
  const word = { accept: "Accept", reject: "Reject" }[choice] ?? "Take back the choice for";
  const question = `${word} all ${some.length.toLocaleString()} pairs shown?`;
  if (some.length === 0 || !confirm(question)) return;
  choose(some, choice);
  showPairs();
  count();
}

function count() {
  const states = pairs.filter(isWritten).map(stateOf);
  const [accepted, rejected] = ["accept", "reject"]
    .map((choice) => states.filter((state) => state === choice).length);
  const open = states.length - accepted - rejected;
  byId("counts").textContent = `${accepted.toLocaleString()} accepted · ` +
    `${rejected.toLocaleString()} rejected · ${open.toLocaleString()} to decide`;
  byId("progress").max = Math.max(1, states.length);
  byId("progress").value = accepted + rejected;
}

function focusSearch() {
  enlarge(false);
  byId("filters").classList.add("open");
  byId("toggle-filters").ariaExpanded = true;
  byId("search").focus();
}

function onKey(event) {
  const { target, key } = event;
  if (event.ctrlKey || event.metaKey || event.altKey || byId("help").open) return;
  if (target.matches("select, input:not([type=range], [type=radio])")) return;
  if (target.matches("[type=radio]") && key.startsWith("Arrow")) return;
  const name = key.length === 1 ? key.toLowerCase() : key;
  if (event.repeat && decides(name, target)) return event.preventDefault();
  if (name.length === 1 && !byId("single-keys").checked) return;
  const action = KEYS[name] ?? (target === rowsBox ? LIST_KEYS[name] : undefined);
  if (!action) return;
  event.preventDefault();
  action();
}

function listenToButtons() {
  const clicks = {
    accept: () => decide("accept"),
    reject: () => decide("reject"),
    clear: () => decide(null),
    enlarge: () => enlarge(),
    "accept-shown": () => decideShown("accept"),
    "reject-shown": () => decideShown("reject"),
    "clear-shown": () => decideShown(null),
    "download-accept": () => downloadList("accept"),
    "download-reject": () => downloadList("reject"),
    "show-help": () => byId("help").showModal(),
  };
  for (const [id, action] of Object.entries(clicks)) byId(id).addEventListener("click", action);
}

function listenToWindow() {
  document.addEventListener("keydown", onKey);
  rowsBox.addEventListener("scroll", drawRows, { passive: true });
  new ResizeObserver(fitRows).observe(rowsBox);
  window.addEventListener("storage", (event) => {
    if (event.key !== STORAGE_KEY || dataset.served) return; // another tab chose
    loadChoices();
    showPairs();
    count();
  });
  window.addEventListener("beforeunload", (event) => {
    if (dataset.served && unsent.size > 0) event.preventDefault();
  });
}

function start() {
  document.title = `Review of ${dataset.name}`;
  byId("title").textContent = dataset.name;
  byId("kinds").append(...KINDS.map((kind) => element("span", { textContent: kind })));
  byId("help-saving").textContent = dataset.served
    ? "Every choice is written to accept.txt and reject.txt beside the pairs at once."
    : "Choices stay in this browser. Download the lists, or start review_dataset.py with --serve.";
  loadChoices();
  makeFilters();
  makeStage();
  measureRows();
  showPairs();
  count();
  listenToButtons();
  listenToWindow();
}

start();
