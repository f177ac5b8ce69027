// The workers: a square and a card for each slot, and what one of them says when asked.
const FEW = 12;       // slots that all have their cards
let everySlot = false;  // also where there are more

// As top and status have it.
const stateOf = slot =>
  slot.state !== "serving" ? slot.state : slot.running.length ? "busy" : "idle";

function colour(slot) {
  if (slot.state === "serving") return slot.running.length ? "busy" : "serving";
  if (["killed", "condemned", "lost", "resting"].includes(slot.state)) return "bad";
  return slot.state === "vacant" ? "" : "changing";
}

// Among many only those that somebody would look for.
const isNotable = slot => (slot.state !== "serving" && slot.state !== "vacant") ||
  slot.failures > 0 || slot.running.some(run => run.age > 1) ||
  location.hash === "#slot" + slot.slot;

function makeSlot(slot) {
  const card = make("div", "card slot");
  card.dataset.slot = slot.slot;
  card.id = "slot" + slot.slot;
  card.tabIndex = -1;
  const head = make("div", "row");
  head.append(make("b", "", "Slot " + slot.slot), make("span", "pill"));
  const facts = make("div", "facts quiet");
  facts.append(...Array.from({length: 6}, () => make("span", "")));
  const stacks = make("button", "", "Stacks");
  stacks.type = "button";
  stacks.setAttribute("aria-label", `Stacks of the worker in slot ${slot.slot}`);
  stacks.addEventListener("click", () =>
    showText(`Stacks of the worker in slot ${slot.slot}`, "stacks/" + slot.slot));
  card.append(head, facts, make("div", "quiet"), make("div", "runs"), stacks);
  return card;
}

function makeRun() {
  const box = make("div", "request");
  const row = make("div", "row");
  row.append(make("span", "path"), make("span"));
  box.append(row, make("div", "quiet"));
  return box;
}

// What happened to the slot's last worker, if it has none.
function lastEnd(now, slot) {
  const end = now.events.filter(event => event.slot === slot.slot &&
    event.kind === "worker_ended").pop();
  return end ? end.text.replace(/; next try in .*$/, "") : "";
}

function updateSlot(card, slot, now, before, passed) {
  const [head, facts, note, runs, stacks] = card.children;
  classed(card, "card slot " + colour(slot));
  classed(head.lastChild, "pill " + colour(slot));
  put(head.lastChild, stateOf(slot));
  card.hidden = now.slots.length > FEW && !everySlot && !isNotable(slot);
  facts.hidden = !slot.pid;
  stacks.hidden = !slot.pid || !now.full;
  if (slot.pid) {
    const rate = before ? perSecond((slot.requests - before.requests) / passed) + "/s" : "–";
    const cpu = before ? Math.round(100 * (slot.cpu - before.cpu) / passed) + " % CPU" : "–";
    [`generation ${slot.generation}`, `pid ${slot.pid}`, seconds(slot.age), rate, cpu,
     mebibytes(slot.pss || slot.rss)].forEach((fact, i) => put(facts.children[i], fact));
  }
  const often = slot.failures === 1 ? "failed" : `failed ${slot.failures} times in a row`;
  put(note, slot.state === "resting"
    ? `${often}; next try in ${seconds(slot.next_try)}. ${lastEnd(now, slot)}`
    : slot.pid && slot.failures ? often : "");
  sync(runs, slot.running.map((run, i) => ({...run, i})), run => run.i, makeRun, (box, run) => {
    const [path, age] = box.firstChild.children;
    put(path, run.request || "(not known)");
    put(age, seconds(run.age));
    classed(age, run.age > 5 ? "bad" : "");
    put(box.lastChild, run.remote ? "from " + run.remote : "");
  });
}

// One square for each slot, with the first letter of its state.
function showMap(slots) {
  sync(at("map"), slots, slot => slot.slot, slot => {
    const square = make("a");
    square.href = "#slot" + slot.slot;
    return square;
  }, (square, slot) => {
    const words = `slot ${slot.slot}: ${stateOf(slot)}`;
    classed(square, colour(slot));
    put(square, slot.state === "vacant" ? "" : stateOf(slot)[0]);
    square.title = words;
    square.setAttribute("aria-label", words);
  });
}

function showSlots(now, before, passed) {
  const filled = now.slots.filter(slot => slot.state !== "vacant").length;
  const serving = now.slots.filter(slot => slot.state === "serving").length;
  const memory = now.memory ? ", " + mebibytes(now.memory) : "";
  put("workers", `${serving} of ${filled} ${serving === 1 ? "serves" : "serve"}${memory}`);
  at("elsewhere").hidden = now.full;
  at("more").hidden = now.slots.length <= FEW;
  put("all", everySlot ? "Only those to look at" : `Show all ${now.slots.length} slots`);
  at("all").setAttribute("aria-pressed", everySlot);
  sync(at("slots"), now.slots, slot => slot.slot, makeSlot, (card, slot) =>
    updateSlot(card, slot, now, before.get(slot.slot), passed));
  showMap(now.slots);
}

// What is too long for the page: stacks, a traceback. One at a time.
async function showText(title, path) {
  put("box-title", title);
  put("box-text", "asking …");
  at("box").showModal();
  try {
    const answer = await fetch(path, {cache: "no-store", signal: AbortSignal.timeout(10000)});
    put("box-text", await answer.text());
  } catch (error) {
    put("box-text", "No answer: " + error.message);
  }
}

at("all").addEventListener("click", () => {
  everySlot = !everySlot;
  if (newest) showSlots(newest, new Map(), 0);
});
addEventListener("hashchange", () => {
  if (newest) showSlots(newest, new Map(), 0);
  const card = document.querySelector(location.hash.replace(/[^#\w]/g, "") || "#none");
  if (card) card.focus();
});
