#!/usr/bin/env python3
"""Draws what `bench scale` measured: JSON lines on standard input, an SVG on standard output.

    tests/run.sh --bench scale | tests/bench/draw_scale.py > docs/scale.svg
"""
import json
import math
import sys

WIDTH, HEIGHT, LEFT, TOP, PLOT_WIDTH, PLOT_HEIGHT = 860, 340, 70, 50, 320, 220
STYLES = {"naive": "#c2410c", "compiled": "#0f766e"}
LABELS = {"naive": "flat JSON", "compiled": "this provider"}


def ticks(low, high):
    return [10**e for e in range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)]


def short(value):
    return f"{value // 1000:g}k" if value >= 1000 else f"{value:g}"


def panel(out, left, title, series, unit):
    """One plot with logarithmic axes; `series`: name -> [(x, y)]."""
    xs = [x for points in series.values() for x, _ in points]
    ys = [y for points in series.values() for _, y in points]
    x_low, x_high = math.log10(min(xs)), math.log10(max(xs))
    y_ticks = ticks(min(ys), max(ys))
    y_low, y_high = math.log10(y_ticks[0]), math.log10(y_ticks[-1])

    def place(x, y):
        return (left + (math.log10(x) - x_low) / (x_high - x_low) * PLOT_WIDTH,
                TOP + PLOT_HEIGHT - (math.log10(y) - y_low) / (y_high - y_low) * PLOT_HEIGHT)

    out.append(f'<text x="{left}" y="{TOP - 20}" font-weight="bold">{title}</text>')
    for tick in y_ticks:
        _, y = place(min(xs), tick)
        out.append(f'<line x1="{left}" x2="{left + PLOT_WIDTH}" y1="{y:.1f}" y2="{y:.1f}" stroke="#ddd"/>')
        out.append(f'<text x="{left - 6}" y="{y + 4:.1f}" text-anchor="end">{short(tick)} {unit}</text>')
    for x in sorted(set(xs)):
        at, _ = place(x, y_ticks[0])
        out.append(f'<text x="{at:.1f}" y="{TOP + PLOT_HEIGHT + 18}" text-anchor="middle">{short(x)}</text>')
    out.append(f'<text x="{left + PLOT_WIDTH / 2}" y="{TOP + PLOT_HEIGHT + 38}" '
               'text-anchor="middle">sites</text>')
    for name, points in series.items():
        path = " ".join("{:.1f},{:.1f}".format(*place(x, y)) for x, y in sorted(points))
        out.append(f'<polyline points="{path}" fill="none" stroke="{STYLES[name]}" stroke-width="2"/>')
        for x, y in points:
            at = place(x, y)
            out.append(f'<circle cx="{at[0]:.1f}" cy="{at[1]:.1f}" r="3" fill="{STYLES[name]}"/>')


def main():
    measured = []
    for line in sys.stdin:
        if line.startswith("{"):
            entry = json.loads(line)
            if entry["benchmark"] == "traefik_reload":
                measured.append(entry)
    if not measured:
        sys.exit("no line of the benchmark traefik_reload on standard input")

    def series(value):
        return {
name: [(e["sites"], value(e)) for e in measured if e["document"] == name]
                for name in STYLES
}

    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
           'font-family="sans-serif" font-size="12">',
           f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>']
    panel(out, LEFT, "A change of one site is live", series(lambda e: e["p50"]), "ms")
    panel(out, LEFT + PLOT_WIDTH + 110, "Requests a second",
          series(lambda e: e["requests_per_second"]), "")
    for i, (name, colour) in enumerate(STYLES.items()):
        x = LEFT + i * 150
        out.append(f'<rect x="{x}" y="{HEIGHT - 16}" width="12" height="4" fill="{colour}"/>')
        out.append(f'<text x="{x + 18}" y="{HEIGHT - 10}">{LABELS[name]}</text>')
    out.append("</svg>")
    print("\n".join(out))


if __name__ == "__main__":
    main()
