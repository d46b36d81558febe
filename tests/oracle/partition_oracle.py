#!/usr/bin/env python3
"""Expected partition windows around changes of the clock, in every zone of the tz database.

Written from the rules in prose, not from the library: it looks at what the clock shows in each
minute of UTC and applies the definitions literally.

  minutes, hours   a window starts where the clock shows a multiple of the step, or jumps over one
  days, weeks,     a window starts at the first minute whose local date is not before the boundary;
  months           a date that no minute has gives no window
  cron             fires when the clock first shows, or jumps over, a matching time

usage: partition_oracle.py CHECKER   pipes the cases into the checker and returns its exit code
       partition_oracle.py           prints them
"""

import datetime as dt
import os
import random
import subprocess
import sys
import zoneinfo

ROOT = "/usr/share/zoneinfo"
EPOCH = dt.datetime(1970, 1, 1)
EPOCH_UTC = dt.datetime(1970, 1, 1, tzinfo=dt.timezone.utc)
EPOCH_DAY = dt.date(1970, 1, 1)
BLOCK = 60  # no zone changes its offset twice within so many minutes
MINUTES_PER_DAY = 1440
BEFORE = 34 * 60  # minutes looked at before a change and after it
AFTER = 27 * 60
LEAD = 28 * 60  # the first of these only tell what the clock has shown before
SHAPES_PER_ZONE = 8
SHAPES_PER_ALIAS = 1

CLOCK_SPECS = [("minutes", n) for n in (1, 5, 15, 20, 30, 60)] + [
    ("hours", n) for n in (1, 2, 3, 4, 6, 8, 12, 24)
]
CRONS = {  # expression -> whether a local time (a datetime) matches
    "30 2 * * *": lambda t: (t.hour, t.minute) == (2, 30),
    "0 0 * * *": lambda t: (t.hour, t.minute) == (0, 0),
    "*/20 * * * *": lambda t: t.minute % 20 == 0,
    "0 */6 * * *": lambda t: t.minute == 0 and t.hour % 6 == 0,
    "15 1-3 * * 0,6": lambda t: t.minute == 15 and 1 <= t.hour <= 3 and t.isoweekday() >= 6,
    "45 23 1-7 * sun": lambda t: (t.hour, t.minute) == (23, 45)
    and (t.day <= 7 or t.isoweekday() == 7),
    "59 * */2 * *": lambda t: t.minute == 59 and t.day % 2 == 1,
}


def zone_names():
    names = []
    for folder, folders, files in os.walk(ROOT):
        folders[:] = sorted(f for f in folders if f[0].isupper())
        for name in sorted(files):
            path = os.path.join(folder, name)
            with open(path, "rb") as file:
                if name[0].isupper() and file.read(4) == b"TZif":
                    names.append(os.path.relpath(path, ROOT))
    return sorted(names)


class Clock:
    """What a zone's clock shows; minutes since 1970 on both sides."""

    def __init__(self, name):
        self.zone = zoneinfo.ZoneInfo(name)

    def offset_s(self, minute):
        utc = EPOCH_UTC + dt.timedelta(minutes=minute)
        return int(utc.astimezone(self.zone).utcoffset().total_seconds())

    def shown(self, first, last):
        """Local minute for each minute in [first, last), or None where offsets have seconds."""
        out = []
        for block in range(first, last, BLOCK):
            end = min(block + BLOCK, last)
            head, tail = self.offset_s(block), self.offset_s(end - 1)
            minutes = range(block, block + 1 if head == tail else end)
            offsets = [self.offset_s(m) for m in minutes]
            if any(o % 60 for o in offsets):
                return None
            if head == tail:
                out.extend(range(block + head // 60, end + head // 60))
            else:
                out.extend(m + o // 60 for m, o in zip(minutes, offsets))
        return out

    def changes(self, first, last):
        """Minutes at which the offset changes; ones less than a week apart may be missed."""
        step = 7 * MINUTES_PER_DAY
        before = self.offset_s(first)
        for minute in range(first + step, last, step):
            after = self.offset_s(minute)
            if after == before:
                continue
            low, high = minute - step, minute
            while high - low > 1:
                middle = (low + high) // 2
                if self.offset_s(middle) == before:
                    low = middle
                else:
                    high = middle
            yield high, before, after
            before = after

    def first_minute_of(self, date):
        """The first minute whose local date is not before `date`."""
        day = (date - EPOCH_DAY).days
        first = day * MINUTES_PER_DAY - 27 * 60
        shown = self.shown(first, first + 54 * 60)
        if shown is None:
            return None
        return next(first + i for i, m in enumerate(shown) if m >= day * MINUTES_PER_DAY)


def local_text(minute):
    return (EPOCH + dt.timedelta(minutes=minute)).isoformat(timespec="minutes")


def with_offset(text, local, utc, is_utc):
    if is_utc:
        return text
    sign = "-" if local < utc else "+"
    hours, minutes = divmod(abs(local - utc), 60)
    return f"{text}{sign}{hours:02}:{minutes:02}"


def clock_starts(shown, step):
    for i in range(LEAD, len(shown)):
        here, before = shown[i], shown[i - 1]
        if here % step == 0 or (here > before and here // step > before // step):
            yield i


def cron_starts(shown, matches):
    reached = max(shown[:LEAD])
    for i in range(LEAD, len(shown)):
        passed = range(reached + 1, shown[i] + 1)
        reached = max(reached, shown[i])
        if any(matches(EPOCH + dt.timedelta(minutes=m)) for m in passed):
            yield i


def minute_rows(first, shown, starts, hours, is_utc):
    """(key, ordinal, start, end) of the windows that begin and end inside."""
    starts = list(starts)
    for i, j in zip(starts, starts[1:]):
        text = local_text(shown[i])
        key = with_offset(text[:13] if hours else text, shown[i], first + i, is_utc)
        yield key, first + i, first + i, first + j


def date_rows(clock, unit, around):
    """Days, weeks or months near a date, by the boundaries' dates."""
    if unit == "day":
        dates = [around + dt.timedelta(days=d) for d in range(-2, 4)]
        label = lambda d: (d.isoformat(), (d - EPOCH_DAY).days)
    elif unit.startswith("week"):
        iso = int(unit[4:])  # 1 = Monday … 7 = Sunday
        back = (around.isoweekday() - iso) % 7
        first = around - dt.timedelta(days=back + 7)
        dates = [first + dt.timedelta(days=7 * w) for w in range(4)]
        week_zero = EPOCH_DAY - dt.timedelta(days=(EPOCH_DAY.isoweekday() - iso) % 7)
        label = lambda d: (d.isoformat(), (d - week_zero).days // 7)
    else:
        months = [around.year * 12 + around.month - 1 + m for m in range(-1, 3)]
        dates = [dt.date(m // 12, m % 12 + 1, 1) for m in months]
        label = lambda d: (d.isoformat()[:7], (d.year - 1970) * 12 + d.month - 1)
    starts = [clock.first_minute_of(d) for d in dates]
    if None in starts:
        return []
    return [
        (*label(d), s, e) for d, s, e in zip(dates, starts, starts[1:]) if s < e
    ]


def emit(out, zone, unit, every, cron, rows):
    rows = list(rows)
    if not rows:
        return 0
    out.write(f"CASE\t{zone}\t{unit}\t{every}\t{cron}\t{rows[0][2]}\t{rows[-1][3]}\n")
    for key, ordinal, start, end in rows:
        out.write(f"{key}\t{ordinal}\t{start}\t{end}\n")
    return 1


def picked_changes(clock, rng, shapes_max):
    """One change of each shape (offsets and local time of day), and two of the far future."""
    shapes = {}
    begin = (dt.datetime(1973, 1, 1) - EPOCH).days * MINUTES_PER_DAY
    end = (dt.datetime(2037, 1, 1) - EPOCH).days * MINUTES_PER_DAY
    for minute, before, after in clock.changes(begin, end):
        shape = (before, after, (minute + before // 60) % MINUTES_PER_DAY)
        shapes.setdefault(shape, []).append(minute)
    kept = sorted(shapes)
    rng.shuffle(kept)
    out = [rng.choice(shapes[shape]) for shape in kept[:shapes_max]]
    year = rng.choice([2041, 2077, 2100, 2399, 5000, 9990])
    begin = (dt.datetime(year, 1, 1) - EPOCH).days * MINUTES_PER_DAY
    out += [minute for minute, _, _ in clock.changes(begin, begin + 400 * MINUTES_PER_DAY)][:2]
    return out or [begin]


def run(out):
    cases = 0
    zones = zone_names()
    rules = set()
    for name in zones:
        rng = random.Random(name)
        clock = Clock(name)
        with open(os.path.join(ROOT, name), "rb") as file:
            content = file.read()
        shapes_max = SHAPES_PER_ALIAS if content in rules else SHAPES_PER_ZONE
        rules.add(content)
        is_utc = name in ("Etc/UTC", "UTC")
        for change in picked_changes(clock, rng, shapes_max):
            first = change - BEFORE
            shown = clock.shown(first, change + AFTER)
            if shown is None:
                continue
            for unit, every in rng.sample(CLOCK_SPECS, 3):
                hours = unit == "hours"
                starts = clock_starts(shown, every * (60 if hours else 1))
                cases += emit(out, name, unit, every, "", minute_rows(first, shown, starts, hours, is_utc))
            cron = rng.choice(sorted(CRONS))
            starts = cron_starts(shown, CRONS[cron])
            cases += emit(out, name, "cron", 1, cron, minute_rows(first, shown, starts, False, is_utc))
            local = shown[BEFORE]
            around = EPOCH_DAY + dt.timedelta(days=local // MINUTES_PER_DAY)
            for unit in ("day", rng.choice(["week1", "week5", "week7", "month"])):
                cases += emit(out, name, unit, 1, "", date_rows(clock, unit, around))
    out.write(f"END\t{cases}\n")
    return len(zones), cases


def main():
    if len(sys.argv) < 2:
        run(sys.stdout)
        return 0
    with subprocess.Popen([sys.argv[1]], stdin=subprocess.PIPE, text=True) as checker:
        try:
            zones, cases = run(checker.stdin)
            checker.stdin.close()
            print(f"{zones} zones, {cases} cases")
        except BrokenPipeError:
            pass
        return checker.wait()


if __name__ == "__main__":
    sys.exit(main())
