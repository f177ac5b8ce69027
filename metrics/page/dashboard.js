// Everything here is text that clients may have chosen: it goes in as text, never as HTML.
// Nodes stay where they are and only their texts change, so that a selection, the focus and
// a screen reader keep their place.
const at = id => document.getElementById(id);
const samples = [];   // the last 30 seconds
let lastNews = 0;     // of this browser's clock
let zone = 0;         // seconds that the server's clock on the wall is ahead of UTC
let paused = false;
let newest = null;    // what was told last
let selected = null;  // a range that somebody has selected

const isHeld = node => selected !== null && selected.intersectsNode(node);

function put(where, text) {
  const node = typeof where === "string" ? at(where) : where;
  const words = String(text);
  if (node.textContent === words || isHeld(node)) return;
  if (node.childNodes.length === 1 && node.firstChild.nodeType === Node.TEXT_NODE)
    node.firstChild.data = words;
  else node.textContent = words;
}

function make(kind, name, text) {
  const made = document.createElement(kind);
  if (name) made.className = name;
  if (text !== undefined) made.textContent = text;
  return made;
}

function classed(node, name) {
  if (node.className !== name) node.className = name;
}

// One child for each item, in their order; what is there already is not moved.
function sync(parent, items, keyOf, create, update) {
  const there = new Map([...parent.children].map(child => [child.dataset.key, child]));
  const wanted = new Set(items.map(item => String(keyOf(item))));
  for (const [key, child] of there)
    if (!wanted.has(key) && !isHeld(child)) child.remove();
  let place = parent.firstElementChild;
  for (const item of items) {
    const key = String(keyOf(item));
    let child = there.get(key);
    if (!child) {
      child = create(item);
      child.dataset.key = key;
    }
    while (place && place !== child && !wanted.has(place.dataset.key))
      place = place.nextElementSibling;
    if (child === place) place = place.nextElementSibling;
    else parent.insertBefore(child, place);
    if (update) update(child, item);
  }
}

function seconds(s) {
  if (s < 0.00995) return (s * 1000).toFixed(1) + " ms";
  if (s < 0.9995) return Math.round(s * 1000) + " ms";
  if (s < 9.95) return s.toFixed(1) + " s";
  if (s < 120) return Math.round(s) + " s";
  if (s < 7200) return Math.round(s / 60) + " min";
  if (s < 172800) return Math.round(s / 3600) + " h";
  return Math.round(s / 86400) + " d";
}

const count = n => n.toLocaleString("en");
const perSecond = n => n < 10 ? n.toFixed(1) : count(Math.round(n));
const mebibytes = n => n ? Math.round(n / 1048576) + " MiB" : "";
// As the server's log has it; with the day, unless it is today.
function clock(time) {
  const day = t => new Date((t + zone) * 1000).toISOString();
  const now = newest ? newest.time : time;
  const text = day(time);
  return (text.slice(0, 10) === day(now).slice(0, 10) ? "" : text.slice(5, 10) + " ") +
    text.slice(11, 19);
}
const several = (n, one, many) => `${count(n)} ${n === 1 ? one : many}`;

// The value below which a share of the requests is, as histogram_quantile has it.
function quantile(share, counts, bounds) {
  const all = counts.reduce((a, b) => a + b, 0);
  if (all === 0) return null;
  let seen = 0;
  for (let i = 0; i < counts.length; i++) {
    if (counts[i] && seen + counts[i] >= share * all) {
      if (i >= bounds.length) return bounds[bounds.length - 1];
      const low = i ? bounds[i - 1] : 0;
      return low + (bounds[i] - low) * (share * all - seen) / counts[i];
    }
    seen += counts[i];
  }
  return null;
}

// What is shown as "a second" is that of the last three.
function recent(now) {
  return samples.find(sample => now.time - sample.time <= 3.5) || samples[samples.length - 1];
}

function showRates(now) {
  const last = recent(now);
  const old = samples[0];
  if (!last || now.time <= last.time) return;
  const short = now.time - last.time, long = now.time - old.time;
  put("rate", perSecond((now.totals.requests - last.totals.requests) / short));
  put("errors", perSecond((now.totals.failed - last.totals.failed) / short));
  const grown = now.duration.counts.map((n, i) => n - old.duration.counts[i]);
  const median = quantile(0.5, grown, now.duration.bounds);
  const slowest = quantile(0.99, grown, now.duration.bounds);
  put("median", median === null ? "–" : seconds(median));
  put("slowest", slowest === null ? "no request ended in the last 30 s"
    : `99 % under ${seconds(slowest)}, over the last 30 s`);
  const busy = now.totals.busy - old.totals.busy;
  const share = now.threads ? Math.min(1, busy / (long * now.threads)) : 0;
  put("saturation", Math.round(100 * share) + " %");
  at("load").style.width = 100 * share + "%";
}

function showQueue(queues, inside) {
  put("waiting", count(queues.reduce((sum, q) => sum + q.waiting, inside)));
  const lines = queues.length ? queues : [{listener: "not known"}];
  sync(at("queue"), lines, queue => queue.listener, queue => {
    const box = make("div");
    box.append(make("div"), make("div", "address", queue.listener));
    box.lastChild.title = queue.listener;
    return box;
  }, (box, queue) => put(box.firstChild, queue.limit === undefined ? ""
    : `${count(queue.waiting)} at the socket (at most ${count(queue.highest)} in a ` +
      `minute, room for ${count(queue.limit)})`));
  put("inside", inside ? `${count(inside)} in workers` : "");
}

const STEPS = ["importing", "rehearsing", "canary", "rolling", "observing"];

function reloadWords(now) {
  const {step, generation} = now.reload;
  const alive = now.slots.filter(slot => slot.pid);
  const fresh = alive.filter(slot => slot.generation === generation).length;
  switch (step) {
    case "importing": return `importing generation ${generation}`;
    case "rehearsing": return `generation ${generation} is tried with requests`;
    case "canary": return `first worker of generation ${generation} starts`;
    case "rolling": return `${fresh} of ${several(alive.length, "worker", "workers")} replaced`;
    case "observing": return `generation ${generation} is watched`;
    case "restoring": return `going back to generation ${now.generation}`;
  }
  const old = alive.filter(slot => slot.generation !== now.generation).length;
  if (now.candidate) return `importing generation ${now.candidate}`;
  return now.reloading ? several(old, "old worker", "old workers") + " left" : "none";
}

function showReload(now) {
  const story = now.reload;
  const moving = story.step !== "" || now.reloading || now.candidate !== 0;
  put("reload", reloadWords(now));
  classed(at("reload"), "value word" + (moving ? " changing" : ""));
  const step = STEPS.indexOf(story.step);
  at("progress").hidden = step < 0;
  at("progress").value = step + 1;
  put("step", story.step ? story.text : "");
  const names = {refused: "refused", rolled_back: "rolled back", fell_back: "fell back",
                 committed: "committed", stopped: "stopped"};
  // What fell back is counted as committed, too.
  const {committed, refused, rolled_back, fell_back} = now.reloads;
  const sum = committed + refused + rolled_back;
  const ended = story.outcome ? story.ended : now.last_reload;
  const took = story.outcome ? story.took : now.last_reload_took;
  const which = story.last_generation ? `, generation ${story.last_generation}` : "";
  put("last", story.outcome || sum
    ? `last ${seconds(Math.max(0, now.time - ended))} ago: ${names[story.outcome] || "ended"}` +
      `${which}, took ${seconds(took)}; ${sum - committed + fell_back} of ${several(sum, "reload", "reloads")} failed`
    : "never yet");
  const failed = story.has_reason;
  put("reason", !failed ? "" : now.full ? story.reason
    : "why: monodon status on the machine, or the log");
  at("traceback").hidden = !failed || !now.full;
}

function showEvents(events) {
  const rows = events.slice(-40).reverse();
  sync(at("events"), rows, event => event.time + event.kind + (event.slot ?? ""), event => {
    const code = event.kind.startsWith("generation");
    const item = make("li", event.bad ? "bad" : code ? "changing" : "");
    const when = make("time", "quiet", clock(event.time));
    when.dateTime = new Date(event.time * 1000).toISOString();
    item.append(when, make("span", "", event.text));
    return item;
  });
  if (!rows.length) put("zone", "none yet");
}

function showState(now) {
  const colours = {ready: "serving", saturated: "changing", starting: "changing",
                   "not ready": "bad", stopping: "changing"};
  put("state", now.state.name);
  classed(at("state"), "pill " + (colours[now.state.name] || ""));
  put("why", now.state.text);
  document.title = (now.state.name === "ready" ? "" : now.state.name + " · ") +
    now.application + " · Monodon";
  sync(at("notices"), now.notices, (text) => text.replace(/[\d.]+/g, "#"),
       text => make("li", "", text), (item, text) => put(item, text));
}

const CAUSES = {
  asked: "as asked", recycled: "replaced for their age, requests or memory",
  boot_failed: "could not load the application", boot_timeout: "not ready in time",
  deadline: "a request was past request_timeout",
  graceful_timeout: "did not leave in time", exit_status: "left by themselves",
  signal: "killed by a signal", out_of_memory: "killed for lack of memory"};

function showNow(now) {
  put("application", now.application);
  put("about", `generation ${now.generation}, version ${now.version}, up ${seconds(now.uptime)}`);
  put("requests", count(now.totals.requests));
  put("failures", count(now.totals.failed));
  put("crashes", count(now.totals.crashes));
  const running = now.slots.flatMap(slot => slot.running);
  put("running", running.length);
  put("threads", now.threads);
  put("oldest", running.length ? seconds(Math.max(...running.map(run => run.age))) : "none");
  const ends = Object.entries(now.exits).filter(([, n]) => n);
  put("exits", ends.length ? ends.map(([cause, n]) => `${count(n)} ${CAUSES[cause] || cause}`)
    .join(", ") : "none");
  put("zone", "times " + (zone ? `UTC${zone < 0 ? "−" : "+"}${Math.abs(zone) / 3600} h` : "UTC"));
}

function show(now) {
  const range = getSelection();
  selected = range.isCollapsed || !range.rangeCount ? null : range.getRangeAt(0);
  newest = now;
  zone = now.zone;
  document.body.classList.remove("stale");
  put("trouble", "");
  showState(now);
  showNow(now);
  showRates(now);
  showQueue(now.queues, now.waiting_inside);
  showReload(now);
  const last = recent(now);
  const passed = last ? now.time - last.time : 0;
  showSlots(now, new Map(passed > 0 ? last.slots.map(s => [s.slot, s]) : []), passed);
  showEvents(now.events);
}

// The state that was true is not what is true now.
function showStale(error) {
  const since = newest ? ` since ${clock(newest.time)}, for ` +
    seconds((Date.now() - lastNews) / 1000) : " yet";
  document.body.classList.add("stale");
  put("state", "no news");
  classed(at("state"), "pill");
  put("why", newest ? "what is shown is of then" : "");
  put("trouble", `No news${since} (${error}). Trying again.`);
  document.title = "no news · " + (newest ? newest.application : "Monodon");
}

async function ask(path) {
  const answer = await fetch(path, {cache: "no-store", signal: AbortSignal.timeout(5000)});
  if (!answer.ok) throw new Error("status " + answer.status);
  return answer.json();
}

async function poll() {
  try {
    const now = await ask("dashboard.json");
    lastNews = Date.now();
    if (!paused) {
      show(now);
      // For rates; with an end and a beginning that were both seen.
      samples.push(now);
      while (now.time - samples[0].time > 30) samples.shift();
    }
  } catch (error) {
    showStale(error.name === "TimeoutError" ? "no answer within 5 s" : error.message);
  }
  setTimeout(poll, document.hidden ? 5000 : 1000);
}

async function pollHour() {
  try {
    const told = await ask("history.json");
    if (!paused) showHour(told);
  } catch {
    // poll() tells of it.
  }
  setTimeout(pollHour, hour.rows.length < 30 ? 2000 : 1000 * hour.step);
}

at("pause").addEventListener("click", () => {
  paused = !paused;
  at("pause").setAttribute("aria-pressed", paused);
  put("pause", paused ? "Go on" : "Pause");
  if (!paused) return;
  put("state", "paused");
  classed(at("state"), "pill");
  put("why", newest ? `as of ${clock(newest.time)}` : "");
});
at("traceback").addEventListener("click", () => showText("Why the last reload failed", "reload"));
at("close").addEventListener("click", () => at("box").close());
at("live").hidden = false;
poll().then(pollHour);
