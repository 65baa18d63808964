"""Lines on logarithmic axes as SVG, by hand: nothing to install."""
import html
import math

WIDTH, HEIGHT, LEFT, TOP, BOTTOM, GAP = 300, 220, 56, 34, 40, 24
COLOURS = ("#1f6feb", "#d1242f", "#1a7f37", "#8250df", "#bc4c00", "#57606a")


def panel(title, x_label, series, colours, left):
    """One plot. `series`: {name: [(x, seconds)]}"""
    xs = [x for points in series.values() for x, _ in points]
    ys = [y for points in series.values() for _, y in points]
    x_low, x_high = math.log10(min(xs)), math.log10(max(xs))
    y_low, y_high = math.floor(math.log10(min(ys))), math.ceil(math.log10(max(ys)))
    width, height = WIDTH - LEFT, HEIGHT - TOP - BOTTOM

    def x_at(value):
        return left + LEFT + width * (math.log10(value) - x_low) / (x_high - x_low or 1)

    def y_at(value):
        return TOP + height * (1 - (math.log10(value) - y_low) / (y_high - y_low or 1))
    out = [f'<text x="{left + LEFT}" y="16" font-weight="bold">{html.escape(title)}</text>']
    for power in range(y_low, y_high + 1):
        y = y_at(10.0 ** power)
        out.append(f'<line x1="{left + LEFT}" y1="{y:.1f}" x2="{left + WIDTH}" y2="{y:.1f}" stroke="#d0d7de"/>')
        out.append(f'<text x="{left + LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{second_label(power)}</text>')
    for value in sorted(set(xs)):
        x = x_at(value)
        out.append(f'<line x1="{x:.1f}" y1="{TOP}" x2="{x:.1f}" y2="{TOP + height}" stroke="#eaeef2"/>')
        out.append(f'<text x="{x:.1f}" y="{TOP + height + 16}" text-anchor="middle">{count_label(value)}</text>')
    out.append(f'<text x="{left + LEFT + width / 2}" y="{HEIGHT - 6}" text-anchor="middle">{html.escape(x_label)}</text>')
    for name, points in series.items():
        colour = colours[name]
        path = " ".join(f"{x_at(x):.1f},{y_at(y):.1f}" for x, y in points)
        out.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"><title>{html.escape(name)}</title></polyline>')
        out.extend(f'<circle cx="{x_at(x):.1f}" cy="{y_at(y):.1f}" r="3" fill="{colour}"/>' for x, y in points)
    return out


def legend(colours, top):
    out = []
    for i, (name, colour) in enumerate(colours.items()):
        x, y = LEFT + (i % 2) * 360, top + (i // 2) * 18
        out.append(f'<rect x="{x}" y="{y - 9}" width="10" height="10" fill="{colour}"/><text x="{x + 16}" y="{y}">{html.escape(name)}</text>')
    return out


def second_label(power):
    return {-6: "1 us", -5: "10 us", -4: "0.1 ms", -3: "1 ms", -2: "10 ms", -1: "0.1 s", 0: "1 s", 1: "10 s", 2: "100 s"}.get(power, f"1e{power} s")


def count_label(value):
    for factor, unit in ((10 ** 6, "M"), (10 ** 3, "k")):
        if value >= factor:
            return f"{value / factor:g}{unit}"
    return f"{value:g}"


def svg(panels):
    """`panels`: [(title, label of x, {name: [(x, seconds)]})]; one legend, for they have the same names."""
    names = list(dict.fromkeys(name for _, _, series in panels for name in series))
    colours = dict(zip(names, COLOURS))
    width, height = GAP + len(panels) * (WIDTH + GAP), HEIGHT + 30 + 18 * ((len(names) + 1) // 2)
    body = []
    for i, (title, label, series) in enumerate(panels):
        body += panel(title, label, series, colours, i * (WIDTH + GAP))
    body += legend(colours, HEIGHT + 20)
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
            'font-family="sans-serif" font-size="11"><rect width="100%" height="100%" fill="#fff"/>' + "".join(body) + "</svg>\n")
