"""How the measurements say their figures: medians with spread, ratios, rows of a Markdown table."""
import statistics


def number(value, digits=None):
    """Three digits that matter, with k and M for thousands and millions; or so many decimals."""
    if digits is not None:
        return f"{value:,.{digits}f}"
    for unit, name in ((1e6, " M"), (1e3, " k")):
        if value >= unit:
            return f"{value / unit:.3g}{name}" if value < 999.5 * unit else f"{value / unit:,.0f}{name}"
    return f"{value:.3g}"


def shown(values, digits=None):
    """median [min..max]"""
    low, middle, high = min(values), statistics.median(values), max(values)
    return f"{number(middle, digits)} [{number(low, digits)}..{number(high, digits)}]"


class Ratio:
    """Ours against theirs in one run. Theirs counts at its best: the median of ours over the best
    round of theirs; in brackets our worst and best round over that."""

    def __init__(self, ours, theirs, best=max):
        self.floor = best(theirs)
        self.values = [value / self.floor for value in ours]
        self.median = statistics.median(self.values)

    def __str__(self):
        return (f"{number(self.median)} × [{number(min(self.values))}.."
                f"{number(max(self.values))}]")


class Paired:
    """Ours in one condition against ours in another: each round over the one measured next to it,
    since both speed up and slow down with the machine. The median; in brackets worst and best."""

    def __init__(self, under, beside):
        self.values = [value / other for value, other in zip(under, beside, strict=True)]
        self.median = statistics.median(self.values)

    __str__ = Ratio.__str__


def at_least(goal):
    return f"≥ {goal:g}", lambda value: value >= goal


def at_most(goal):
    return f"≤ {goal:g}", lambda value: value <= goal


def below(goal):
    return f"< {goal:g}", lambda value: value < goal


class Table:
    """Rows that are printed as Markdown once all are there."""

    def __init__(self, *columns):
        self.rows = [columns, tuple("---" for _ in columns)]

    def add(self, *cells):
        self.rows.append(cells)

    def print(self):
        for row in self.rows:
            print("| " + " | ".join(str(cell) for cell in row) + " |")
        print()


class Goals:
    """A table of goals: what, what was measured, what it should be, whether it is."""

    def __init__(self):
        self.table = Table("what", "measured", "goal", "")

    def add(self, what, measured, value=None, goal=None):
        """`goal`: what at_least and its like give; None: a figure without a goal."""
        words, met = goal or ("", None)
        verdict = "" if met is None else "met" if met(value) else "**missed**"
        self.table.add(what, measured, words, verdict)

    def values(self, what, values, goal=None, digits=None, unit=""):
        """The median of `values` against the goal."""
        text = shown(values, digits) + (f" {unit}" if unit else "")
        self.add(what, text, statistics.median(values), goal)

    def ratio(self, what, ratio, goal=None):
        self.add(what, str(ratio), ratio.median, goal)

    def print(self):
        self.table.print()
