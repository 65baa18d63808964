"""Numbers as tables: for a terminal and for a README, which are the same Markdown."""
import statistics


def median(values):
    return statistics.median(values)


def spread(values):
    """Half the distance between the quartiles, as a part of the median: what to expect of another run."""
    if len(values) < 3:
        return None
    low, _, high = statistics.quantiles(values, n=4, method="inclusive")
    return (high - low) / 2 / median(values)


def seconds(value):
    for unit, factor in (("s", 1), ("ms", 1e3), ("us", 1e6)):
        if value * factor >= 1 or unit == "us":
            digits = 3 if value * factor < 10 else 2 if value * factor < 100 else 0
            return f"{value * factor:.{digits}f} {unit}"
    raise AssertionError


def with_spread(values, form=seconds):
    if not values:
        return ""
    around = spread(values)
    return form(median(values)) + ("" if around is None else f" ±{100 * around:.0f}%")


def markdown(head, rows):
    """Columns as wide as their widest cell; all but the first to the right."""
    widths = [max(len(str(row[i])) for row in [head, *rows]) for i in range(len(head))]

    def line(row):
        cells = [str(cell).ljust(width) if i == 0 else str(cell).rjust(width) for i, (cell, width) in enumerate(zip(row, widths))]
        return "| " + " | ".join(cells) + " |"
    rule = "|" + "|".join("-" * (width + 2) if i == 0 else "-" * (width + 1) + ":" for i, width in enumerate(widths)) + "|"
    return "\n".join([line(head), rule, *map(line, rows)])
