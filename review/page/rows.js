// The list: only rows near the viewport exist, so that any number of pairs scrolls.

const OVERSCAN_PX = 1200; // drawn above and below what is seen
const rowsBox = byId("rows");
const rowsSpace = rowsBox.appendChild(element("div", { className: "space", role: "presentation" }));
const drawnRows = new Map(); // place in `shown` -> element

let shown = [];
let place = 0; // of the current pair in `shown`
let rowHeight = 1;

const currentPair = () => shown[place] ?? null;
const isListSeen = () => rowsBox.clientHeight > 0; // Large hides it

/** Filter and sort anew; the current pair stays the current one where it is still shown. */
function showPairs() {
  const before = currentPair();
  shown = sorted(chosenPairs());
  const again = shown.indexOf(before);
  place = again >= 0 ? again : Math.max(0, Math.min(place, shown.length - 1));
  byId("shown").textContent =
    `${shown.length.toLocaleString()} of ${pairs.length.toLocaleString()} pairs`;
  for (const histogram of histograms) histogram.draw(shown);
  forgetRows();
  moveTo(place);
}

function forgetRows() {
  for (const row of drawnRows.values()) row.remove();
  drawnRows.clear();
}

function moveTo(newPlace) {
  drawnRows.get(place)?.setAttribute("aria-selected", "false");
  place = Math.max(0, Math.min(newPlace, shown.length - 1));
  showCurrentRow();
  showStage(currentPair(), shown[place + 1]);
}

function showCurrentRow() {
  scrollToRow(place);
  drawRows();
  const row = drawnRows.get(place);
  row?.setAttribute("aria-selected", "true");
  if (row) rowsBox.setAttribute("aria-activedescendant", row.id);
  else rowsBox.removeAttribute("aria-activedescendant");
}

function scrollToRow(index) {
  const [top, bottom] = [index * rowHeight, (index + 1) * rowHeight];
  rowsSpace.style.height = `${shown.length * rowHeight}px`;
  if (top < rowsBox.scrollTop) rowsBox.scrollTop = top;
  else if (bottom > rowsBox.scrollTop + rowsBox.clientHeight) {
    rowsBox.scrollTop = bottom - rowsBox.clientHeight;
  }
}

function drawRows() {
  if (!isListSeen()) return;
  const { scrollTop, clientHeight } = rowsBox;
  const first = Math.max(0, Math.floor((scrollTop - OVERSCAN_PX) / rowHeight));
  const end = Math.ceil((scrollTop + clientHeight + OVERSCAN_PX) / rowHeight);
  const last = Math.min(shown.length, end);
  for (const [index, row] of drawnRows) {
    if (index < first || index >= last) {
      row.remove();
      drawnRows.delete(index);
    }
  }
  for (let index = first; index < last; index++) {
    if (!drawnRows.has(index)) drawnRows.set(index, rowsSpace.appendChild(makeRow(index)));
  }
}

function makeRow(index) {
  const pair = shown[index];
  const row = element("div", { className: "row", role: "option", id: `row-${pair.order}` },
    rowPictures(pair), element("div", { className: "row-facts" },
      element("span", { className: "name", textContent: pair.key }),
      element("span", { className: "scores", textContent: rowScores(pair) }),
      element("span", { className: "state" })));
  row.style.transform = `translateY(${index * rowHeight}px)`;
  row.ariaSetSize = shown.length;
  row.ariaPosInSet = index + 1;
  row.ariaSelected = index === place;
  row.addEventListener("click", () => moveTo(shown.indexOf(pair)));
  paintState(row, pair);
  return row;
}

function rowPictures(pair) {
  const reason = whyNothingIsShown(pair);
  if (reason) return element("p", { className: "tiles reason", textContent: reason });
  const cells = KINDS.map((kind) => element("span", { className: "cell" }, tile(pair, kind)));
  return element("div", { className: "tiles" }, ...cells);
}

function rowScores(pair) {
  return MEASURES.filter((measure) => measure.short)
    .map((measure) => `${measure.short} ${measured(measure, pair)}`)
    .join(" · ");
}

function whyNothingIsShown(pair) {
  if (!isWritten(pair)) return `Not written by the builder: ${pair.rejected}`;
  return pair.problem && `Cannot be shown: ${pair.problem}`;
}

function paintState(row, pair) {
  row.dataset.state = stateOf(pair);
  row.querySelector(".state").textContent = stateWords(pair);
  const facts = [pair.key, rowScores(pair), stateWords(pair), whyNothingIsShown(pair)];
  row.ariaLabel = facts.filter(Boolean).join(", ");
}

function repaintStates() {
  for (const [index, row] of drawnRows) paintState(row, shown[index]);
}

/** Rows are as high as the stylesheet makes them at this width and text size. */
function fitRows() {
  if (!isListSeen()) return;
  const before = rowHeight;
  measureRows();
  if (rowHeight !== before) forgetRows();
  showCurrentRow();
}

function measureRows() {
  const probe = rowsSpace.appendChild(element("div", { className: "row" },
    element("div", { className: "tiles" }, element("span", { className: "cell" })),
    element("div", { className: "row-facts" },
      element("span", { className: "name", textContent: "0" }))));
  rowHeight = probe.getBoundingClientRect().height;
  probe.remove();
  const scrollbar = rowsBox.offsetWidth - rowsBox.clientWidth - 2;
  byId("kinds").style.marginRight = `${scrollbar}px`;
}
