"""What `bmx bench worker` shows: goals and whether they are met, a table, a plot."""

from dataclasses import dataclass
from html import escape
from statistics import median

from operations.worker_bench import BASE, NAMES, OURS, Bench

_ROW, _LEFT, _WIDTH = 24, 260, 760


@dataclass(frozen=True)
class Goal:
    """`seen` and `goal` in `unit`; `at_least` says on which side of the goal is well."""

    what: str
    seen: float
    goal: float
    unit: str
    at_least: bool = False

    @property
    def met(self) -> bool:
        return self.seen >= self.goal if self.at_least else self.seen <= self.goal


def goals(bench: Bench) -> list[Goal]:
    """Those that what was measured can answer. Times by the clock."""
    found: list[Goal] = []
    for size, most, times, memory in (("2 MP", 0.70, 12, 450), ("12 MP", 2.0, 20, 800)):
        seen = bench.sizes.get(size)
        if not seen:
            continue
        ours = seen[OURS]
        found.append(
            Goal(f"{size}, of the bare network's time", ours.wall_median / seen[BASE].wall_median, most, "x")
        )
        if "rembg-matting" in seen:
            faster = seen["rembg-matting"].wall_median / ours.wall_median
            found.append(Goal(f"{size}, faster than rembg with matting", faster, times, "x", at_least=True))
        found.append(Goal(f"{size}, peak memory", ours.peak_mb, memory, "MB"))
    for what, seconds, starts in (
        ("a new process's first result at 2 MP", 2.0, bench.starts.first_result),
        ("import of the handler", 0.6, bench.starts.imported),
    ):
        found.append(Goal(what, median(one.start for one in starts), seconds, "s"))
        spent = median(one.start_processor for one in starts)
        found.append(Goal(f"{what}, processor time", spent, seconds, "s"))
    return found


def markdown(bench: Bench) -> str:
    """The table, with the machine it is true of."""
    lines = [
        f"CPU: {bench.cpu or 'unknown'} ({', '.join(bench.flags) or 'no flags known'}), {bench.cores} cores; "
        f"load average {bench.load[0]:.1f} before and {bench.load[1]:.1f} after.",
        "Ratios are to the first row of a size.",
        "",
        "| photo | way | time | processor time | peak memory | start to first result |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for size, seen in bench.sizes.items():
        wall, processor = seen[BASE].wall_median, seen[BASE].processor_median
        lines += [
            f"| {size} | {NAMES[kind]} | {one.wall_median / wall:.2f} x "
            f"| {one.processor_median / processor:.2f} x | {one.peak_mb:.0f} MB | {one.start / wall:.1f} x |"
            for kind, one in seen.items()
        ]
    lines += ["", "| goal | | seen | |", "| --- | --- | --- | --- |"]
    lines += [
        f"| {goal.what} | {'at least' if goal.at_least else 'at most'} {goal.goal:g} {goal.unit} "
        f"| {goal.seen:.2f} {goal.unit} | {'met' if goal.met else 'missed'} |"
        for goal in goals(bench)
    ]
    return "\n".join(lines) + "\n"


def svg(bench: Bench) -> str:
    """Bars of time beside the bare network, on a logarithmic scale: rembg is two powers of ten away."""
    from math import log10

    rows = [
        (f"{size}: {NAMES[kind]}", one.wall_median / seen[BASE].wall_median, kind == OURS)
        for size, seen in bench.sizes.items()
        for kind, one in seen.items()
    ]
    least, most = 0.1, max(100.0, *(ratio for _, ratio, _ in rows))
    scale = (_WIDTH - _LEFT - 70) / log10(most / least)
    height = _ROW * (len(rows) + 2)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{height}" '
        f'viewBox="0 0 {_WIDTH} {height}" font-family="sans-serif" font-size="12">',
        f'<rect width="{_WIDTH}" height="{height}" fill="white"/>',
        '<text x="8" y="16">Time for a photo, in times of the bare fp32 network (logarithmic)</text>',
    ]
    for index, (name, ratio, ours) in enumerate(rows):
        y = _ROW * (index + 1) + 4
        length = max(1.0, log10(ratio / least) * scale)
        parts += [
            f'<text x="{_LEFT - 8}" y="{y + 14}" text-anchor="end">{escape(name)}</text>',
            f'<rect x="{_LEFT}" y="{y}" width="{length:.1f}" height="{_ROW - 6}" '
            f'fill="{"#2f6f4f" if ours else "#9aa5b1"}"/>',
            f'<text x="{_LEFT + length + 6:.1f}" y="{y + 14}">{ratio:.2f} x</text>',
        ]
    return "\n".join([*parts, "</svg>"]) + "\n"
