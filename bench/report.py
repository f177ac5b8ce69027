# SPDX-License-Identifier: Apache-2.0
"""Markdown and SVG of what was measured."""

from statistics import median
from xml.sax.saxutils import escape

COLUMNS = [("cpu_us", "CPU µs/request", "{:.1f}"), ("rate", "requests/s", "{:,.0f}"),
           ("p50", "p50 µs", "{:,.0f}"), ("p90", "p90 µs", "{:,.0f}"),
           ("p99", "p99 µs", "{:,.0f}"), ("p999", "p99.9 µs", "{:,.0f}"),
           ("errors", "errors", "{:,.0f}"), ("pss_mb", "PSS MB", "{:.0f}")]


def medians(rounds):
    return {key: median(r[key] for r in rounds) for key, *_ in COLUMNS}


def spread(rounds):
    values = [r["cpu_us"] for r in rounds]
    return f"{min(values):.1f}-{max(values):.1f}"


def bars(title, rows):
    """A bar chart: [(label, value, is ours)], the least on top."""
    rows = sorted(rows, key=lambda row: row[1])
    most = max(value for _, value, _ in rows) or 1
    height = 34 + 22 * len(rows)
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="720" height="{height}" '
             'font-family="sans-serif" font-size="13">',
             '<rect width="100%" height="100%" fill="white"/>',
             f'<text x="10" y="20" font-weight="bold">{escape(title)}</text>']
    for i, (label, value, ours) in enumerate(rows):
        y = 30 + 22 * i
        width = 430 * value / most
        parts.append(
            f'<text x="150" y="{y + 14}" text-anchor="end">{escape(label)}</text>'
            f'<rect x="158" y="{y + 2}" width="{width:.1f}" height="16" '
            f'fill="{"#1f6f8b" if ours else "#b0b7bf"}"/>'
            f'<text x="{164 + width:.1f}" y="{y + 14}">{value:,.1f}</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"


def table(results):
    head = "| server | " + " | ".join(title for _, title, _ in COLUMNS) + " | CPU spread |"
    lines = [head, "| --- |" + " ---: |" * (len(COLUMNS) + 1)]
    for name, rounds in results.items():
        if isinstance(rounds, str):
            lines.append(f"| {name} | {rounds} |" + " |" * len(COLUMNS))
            continue
        row = medians(rounds)
        cells = [form.format(row[key]) for key, _, form in COLUMNS]
        lines.append(f"| {name} | " + " | ".join(cells) + f" | {spread(rounds)} |")
    return "\n".join(lines)


def ratio(results, name, to):
    if not all(isinstance(results.get(n), list) for n in (name, to)):
        return None
    return medians(results[name])["cpu_us"] / medians(results[to])["cpu_us"]


def write(directory, title, facts, sections, figures):
    """sections: [(scenario, {server: rounds or why not})]; figures: [(title, text)]."""
    directory.mkdir(parents=True, exist_ok=True)
    text = [f"# {title}", "", *[f"* {fact}" for fact in facts], ""]
    for scenario, results in sections:
        text += [f"## {scenario.title}", "", f"`load {' '.join(scenario.options('S'))}`, "
                 f"{scenario.workers} workers, {scenario.threads} "
                 f"thread{'s' if scenario.threads > 1 else ''} each", "", table(results), ""]
        notes = [f"{ours} against {raw}: {r:.2f} times its CPU" for ours, raw in
                 (("monodon", "raw"), ("monodon native", "raw"),
                  ("monodon (tcp)", "raw (tcp)")) if (r := ratio(results, ours, raw))]
        if notes:
            text += ["; ".join(notes) + ".", ""]
        rows = [(name, medians(rounds)["cpu_us"], name.startswith("monodon"))
                for name, rounds in results.items() if isinstance(rounds, list)]
        if len(rows) > 1:
            name = f"{scenario.name}.svg"
            (directory / name).write_text(
                bars(f"{scenario.title}: CPU µs per request", rows))
            text += [f"![CPU per request]({name})", ""]
    for heading, body in figures:
        text += [f"## {heading}", "", body, ""]
    (directory / "README.md").write_text("\n".join(text))
