// The curves of the last hour. A row is [time, requests, errors, median, p99, busy,
// waiting, memory]; null where nothing is known.
const CHARTS = [
  {name: "Requests a second", columns: [1], say: v => perSecond(v)},
  {name: "Errors a second", columns: [2], say: v => perSecond(v)},
  {name: "Time of a request", columns: [3, 4], say: v => seconds(v),
   names: ["median", "99 %"]},
  {name: "Busy threads", columns: [5], say: v => v.toFixed(1)},
  {name: "Waiting connections, at most", columns: [6], say: v => count(v)},
  {name: "Memory of the workers", columns: [7], say: v => mebibytes(v) || "–"},
];
const SHORTEST = 600;  // seconds that a curve is wide, at least
let hour = {rows: [], step: 10};

function makeChart(chart) {
  const figure = make("figure", "card");
  const caption = make("figcaption", "");
  caption.append(make("span", "quiet", chart.name), make("span", ""));
  const svg = at("curve").content.firstElementChild.cloneNode(true);
  const foot = make("div", "row quiet");
  foot.append(make("span", ""), make("span", ""));
  figure.append(caption, svg, foot);
  svg.addEventListener("pointermove", event => {
    const box = svg.getBoundingClientRect();
    point(figure, chart, frame().first + (event.clientX - box.left) / box.width * frame().wide);
  });
  svg.addEventListener("pointerleave", () => point(figure, chart, null));
  svg.addEventListener("blur", () => point(figure, chart, null));
  svg.addEventListener("keydown", event => {
    const way = {ArrowLeft: -1, ArrowRight: 1}[event.key];
    if (!way || !hour.rows.length) return;
    event.preventDefault();
    const here = hour.rows.findIndex(row => row[0] === Number(figure.dataset.time));
    const next = here < 0 ? hour.rows.length - 1 : here + way;
    point(figure, chart, hour.rows[Math.max(0, Math.min(hour.rows.length - 1, next))][0]);
  });
  return figure;
}

// What the curves are drawn in: an hour, or less while less is known.
function frame() {
  const rows = hour.rows;
  const last = rows.length ? rows[rows.length - 1][0] : 0;
  const wide = rows.length ? Math.max(SHORTEST, last - rows[0][0] + hour.step) : SHORTEST;
  return {first: last - wide, wide};
}

const valuesOf = (row, chart) => chart.columns.map(column => row[column]);

// What was at that time; null: now, and at most.
function point(figure, chart, time) {
  const rows = hour.rows;
  const svg = figure.querySelector("svg");
  const row = time === null || !rows.length ? null
    : rows.reduce((a, b) => Math.abs(b[0] - time) < Math.abs(a[0] - time) ? b : a);
  figure.dataset.time = row ? row[0] : "";
  const {first, wide} = frame();
  svg.querySelector(".hand").setAttribute("d",
    row ? `M${(360 * (row[0] - first) / wide).toFixed(1)} 0V60` : "");
  const said = row || rows[rows.length - 1];
  const words = said ? valuesOf(said, chart).map((value, i) =>
    (chart.names ? chart.names[i] + " " : "") + (value === null ? "–" : chart.say(value)))
    .join(", ") : "–";
  const text = (row ? clock(row[0]) + ": " : "") + words;
  put(figure.querySelector("figcaption").lastChild, text);
  const most = figure.querySelector(".row").firstChild.textContent;
  svg.setAttribute("aria-label", `${chart.name}: ${text}; ${most}`);
}

function drawChart(figure, chart) {
  const rows = hour.rows;
  const {first, wide} = frame();
  let most = 0, at = null;
  for (const row of rows)
    for (const value of valuesOf(row, chart))
      if (value !== null && value > most) [most, at] = [value, row[0]];
  const lines = figure.querySelectorAll("path:not(.ground, .hand)");
  chart.columns.forEach((column, i) => {
    let open = false;
    const line = rows.map(row => {
      if (row[column] === null) { open = false; return ""; }
      const x = (360 * (row[0] - first) / wide).toFixed(1);
      const y = (58 - 55 * row[column] / (most || 1)).toFixed(1);
      // A dot where nothing is on either side.
      const made = open ? `L${x} ${y}` : `M${x} ${y}h.1`;
      open = true;
      return made;
    }).join("");
    lines[i].setAttribute("d", line);
  });
  const foot = figure.querySelector(".row");
  put(foot.firstChild, at === null ? "nothing so far"
    : `at most ${chart.say(most)}, ${clock(at)}`);
  put(foot.lastChild, `over ${Math.round(wide / 60)} min`);
  point(figure, chart, figure.dataset.time ? Number(figure.dataset.time) : null);
}

// Five minutes in a row of the table: averages, and the most of what waited and took long.
function showNumbers() {
  const groups = new Map();
  for (const row of hour.rows) {
    const key = Math.floor(row[0] / 300);
    groups.set(key, (groups.get(key) || []).concat([row]));
  }
  const of = (rows, column) => rows.map(row => row[column]).filter(v => v !== null);
  const mean = values => values.reduce((a, b) => a + b, 0) / values.length;
  const cell = (values, fold, say) => values.length ? say(fold(values)) : "–";
  const highest = values => Math.max(...values);
  sync(at("rows"), [...groups].reverse(), ([key]) => key, () => {
    const line = make("tr", "");
    line.append(make("th", ""), ...Array.from({length: 7}, () => make("td", "")));
    line.firstChild.scope = "row";
    return line;
  }, (line, [, rows]) => {
    [clock(rows[rows.length - 1][0]), cell(of(rows, 1), mean, perSecond),
     cell(of(rows, 2), mean, perSecond), cell(of(rows, 3), mean, seconds),
     cell(of(rows, 4), highest, seconds), cell(of(rows, 5), mean, v => v.toFixed(1)),
     cell(of(rows, 6), highest, count), cell(of(rows, 7), highest, v => mebibytes(v) || "–")]
      .forEach((text, i) => put(line.children[i], text));
  });
}

function showHour(told) {
  hour = told;
  sync(at("charts"), CHARTS, chart => chart.name, makeChart, drawChart);
  put("span", hour.rows.length ? `since ${clock(hour.rows[0][0])}` : "");
  showNumbers();
}
