"""A run's summary in words: lines for a shell, an offline page, Prometheus' text format."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping
from string import Template

from ...files.stores.address import Place
from ...fleet.machine_use import MachineUse
from .run_summary import RunSummary

BAR_COLUMNS = 40

PAGE = Template(
    """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
$refresh<meta name="viewport" content="width=device-width">
<title>$title</title>
<style>
body { font: 15px/1.5 system-ui, sans-serif; margin: 2em auto; max-width: 60em; padding: 0 1em;
  color-scheme: light dark }
table { border-collapse: collapse }
td, th { padding: .1em 1em .1em 0; text-align: left; vertical-align: top; overflow-wrap: anywhere }
td.number { text-align: right; font-variant-numeric: tabular-nums }
meter, progress { width: 20em }
</style>
<h1>$title</h1>
<p>$head</p>
<progress value="$through" max="$found"></progress>
$sections</html>
"""
)


def status_text(summary: RunSummary, output_dir: Place) -> str:
    """A summary as lines for a shell."""
    counts = ", ".join(f"{count} {name}" for name, count in summary.pairs.items())
    lines = [f"{output_dir}: {headline(summary)}", f"{output_dir}: pairs: {counts}"]
    lines += [
        f"{one.count} scenes failed: {one.reason} ({', '.join(one.scenes[:3])}"
        f"{', ...' if one.count > 3 else ''})"
        for one in summary.failed
    ]
    lines += [
        f"{one.scene}: set aside after {one.failures} failures ({one.reason})"
        for one in summary.set_aside
    ]
    lines += [f"{count} pairs rejected: {why}" for why, count in summary.rejected.items()]
    if most := max(summary.holes.values()):
        lines.append("pairs by share of holes:")
        lines += [
            f"{band:>7} %  {count:>7}  {'#' * -(-BAR_COLUMNS * count // most)}".rstrip()
            for band, count in summary.holes.items()
        ]
    return "\n".join([*lines, *map(_machine, summary.machines)])


def headline(summary: RunSummary) -> str:
    """How far a run is, in a line."""
    scenes = summary.scenes
    bad = f"{scenes['failed']} failed, {scenes['set_aside']} set aside"
    line = (
        f"{summary.state}, {scenes['done']} of {scenes['found']} scenes done, {bad}, "
        f"{scenes['waiting']} waiting; {summary.pairs_per_s:.2f} pairs/s"
    )
    return f"{line}, all through at {summary.estimated_end}" if summary.estimated_end else line


def _machine(use: MachineUse) -> str:
    cards = "".join(
        f"; {card.name}: {card.percent:.0f} % busy, {card.used_mib:.0f} of {card.total_mib:.0f} MiB"
        for card in use.cards
    )
    return f"{use.host}: {use.cores} cores {use.cpu_percent:.0f} % busy{cards}"


def page_html(summary: RunSummary, output_dir: Place) -> str:
    """A summary as a page that needs nothing else; names and reasons reach it as text only."""
    scenes = summary.scenes
    failed = ((one.count, one.reason, ", ".join(one.scenes)) for one in summary.failed)
    aside = ((one.failures, one.scene, one.reason) for one in summary.set_aside)
    sections = [
        _section("Scenes", ("", "scenes"), _spaced(scenes)),
        _section("Scenes that failed", ("scenes", "reason", "such as"), failed),
        _section("Set aside", ("failures", "scene", "reason"), aside),
        _section("Pairs", ("", "pairs"), summary.pairs.items()),
        _holes(summary.holes),
        _section("Rejected pairs", ("bound", "pairs"), summary.rejected.items()),
        _section("Machines", ("",), ((_machine(use),) for use in summary.machines)),
    ]
    refresh = '<meta http-equiv="refresh" content="10">\n' if summary.state == "running" else ""
    return PAGE.substitute(
        refresh=refresh,
        title=html.escape(f"{output_dir.name or output_dir}"),
        head=html.escape(f"{headline(summary)} (as of {summary.updated})"),
        through=scenes["found"] - scenes["waiting"],
        found=max(1, scenes["found"]),
        sections="".join(sections),
    )


def _spaced(counts: Mapping[str, int]) -> Iterable[tuple[str, int]]:
    return ((name.replace("_", " "), count) for name, count in counts.items())


def _section(title: str, head: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    body = "".join(f"<tr>{''.join(map(_cell, row))}</tr>\n" for row in rows)
    if not body:
        return ""
    heads = "".join(f"<th>{html.escape(name)}</th>" for name in head)
    return f"<h2>{html.escape(title)}</h2>\n<table>\n<tr>{heads}</tr>\n{body}</table>\n"


def _cell(value: object) -> str:
    kind = ' class="number"' if isinstance(value, int) else ""
    return f"<td{kind}>{html.escape(str(value))}</td>"


def _holes(holes: Mapping[str, int]) -> str:
    most = max(1, *holes.values())
    rows = "".join(
        f'<tr><td>{band} %</td><td class="number">{count}</td>'
        f'<td><meter value="{count}" max="{most}"></meter></td></tr>\n'
        for band, count in holes.items()
    )
    return f"<h2>Pairs by share of holes</h2>\n<table>\n{rows}</table>\n"


def prometheus_text(summary: RunSummary) -> str:
    """A summary as gauges (Prometheus, "Exposition formats: text-based format")."""
    lines = [
        *_gauge("warpset_scenes", "Scenes by state.", "state", summary.scenes),
        *_gauge("warpset_pairs", "Pairs by what became of them.", "state", summary.pairs),
        *_gauge("warpset_pairs_by_holes", "Pairs by percent of holes.", "percent", summary.holes),
        *_gauge("warpset_pairs_rejected", "Pairs by missed bound.", "bound", summary.rejected),
        *_gauge(
            "warpset_scenes_failed",
            "Scenes by why they failed.",
            "reason",
            {one.reason: one.count for one in summary.failed},
        ),
        *_gauge("warpset_runs", "Runs at work.", "", {"": summary.runs}),
        *_gauge("warpset_pairs_per_second", "Pairs a second.", "", {"": summary.pairs_per_s}),
    ]
    return "\n".join(lines) + "\n"


def _gauge(name: str, text: str, label: str, values: Mapping[str, float]) -> list[str]:
    rows = [
        f'{name}{{{label}="{_escaped(key)}"}} {value}' if label else f"{name} {value}"
        for key, value in values.items()
    ]
    return [f"# HELP {name} {text}", f"# TYPE {name} gauge", *rows]


def _escaped(value: str) -> str:
    value = value.encode(errors="replace").decode()
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
