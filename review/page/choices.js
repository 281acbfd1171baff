// Accepted and rejected pairs: kept by the browser, or sent to the server that writes the lists.

const CHOICE_WORDS = { accept: "✓ accepted", reject: "✕ rejected" };
const STORAGE_KEY = `warp-pair-review:${dataset.id}`;
const RETRY_MS = 3000;

let choices = new Map(); // key -> "accept" or "reject"
const unsent = new Map(); // key -> choice or null, on its way to the server
let isSending = false;

function loadChoices() {
  choices = new Map(Object.entries(dataset.choices));
  const kept = dataset.served ? null : keptByBrowser();
  if (kept === null) return;
  choices.clear();
  for (const pair of pairs) {
    const choice = Object.hasOwn(kept, pair.id) && kept[pair.id];
    if (Object.hasOwn(CHOICE_WORDS, choice) && isWritten(pair)) choices.set(pair.key, choice);
  }
}

function keptByBrowser() {
  try {
    const kept = JSON.parse(localStorage.getItem(STORAGE_KEY));
    return kept !== null && typeof kept === "object" ? kept : null;
  } catch {
    return null;
  }
}

function choose(chosenPairs, choice) {
  for (const pair of chosenPairs.filter(isWritten)) {
    if (choice === null) choices.delete(pair.key);
    else choices.set(pair.key, choice);
    if (dataset.served) unsent.set(pair.key, choice);
  }
  if (dataset.served) sendChoices();
  else keepChoices();
}

function keepChoices() {
  const decided = pairs.filter((pair) => choices.has(pair.key));
  const byPair = Object.fromEntries(decided.map((pair) => [pair.id, choices.get(pair.key)]));
  try {
    localStorage.setItem(STORAGE_KEY, JSON.stringify(byPair));
    sayWhereChoicesAre("Kept in this browser; download the lists to use them.");
  } catch {
    sayWhereChoicesAre("This browser keeps nothing; download the lists before you close it.", true);
  }
}

async function sendChoices() {
  if (isSending || unsent.size === 0) return;
  isSending = true;
  const sending = new Map(unsent);
  try {
    const answer = await fetch("choices", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(Object.fromEntries(sending)),
    });
    if (!answer.ok) throw new Error(await answer.text());
    for (const [key, choice] of sending) if (unsent.get(key) === choice) unsent.delete(key);
    sayWhereChoicesAre("Saved in accept.txt and reject.txt.");
  } catch (error) {
    sayWhereChoicesAre(`Not saved yet: ${error.message}`, true);
    setTimeout(sendChoices, RETRY_MS);
    return;
  } finally {
    isSending = false;
  }
  sendChoices();
}

function sayWhereChoicesAre(text, isBad = false) {
  byId("saved").textContent = text;
  byId("saved").classList.toggle("bad", isBad);
}

/** The list as the layout scripts read it; lines about other pairs stay as they were. */
function listText(choice) {
  const chosen = pairs.filter((pair) => choices.get(pair.key) === choice).map((pair) => pair.key);
  return [...dataset.foreign[choice], ...chosen].map((line) => `${line}\n`).join("");
}

function downloadList(choice) {
  const url = URL.createObjectURL(new Blob([listText(choice)], { type: "text/plain" }));
  element("a", { href: url, download: `${choice}.txt` }).click();
  setTimeout(() => URL.revokeObjectURL(url), RETRY_MS);
}
