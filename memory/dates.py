"""Dates that a text says, as spans of days, resolved from the day on which it was said. English and Norwegian."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta

MONTHS = (
    ("january", "jan", "januar"),
    ("february", "feb", "februar"),
    ("march", "mar", "mars"),
    ("april", "apr", "april"),
    ("may", "mai"),
    ("june", "jun", "juni"),
    ("july", "jul", "juli"),
    ("august", "aug"),
    ("september", "sep", "sept"),
    ("october", "oct", "oktober", "okt"),
    ("november", "nov"),
    ("december", "dec", "desember", "des"),
)
WEEKDAYS = (
    ("monday", "mandag"),
    ("tuesday", "tuesdays", "tirsdag"),
    ("wednesday", "onsdag"),
    ("thursday", "torsdag"),
    ("friday", "fredag"),
    ("saturday", "lørdag"),
    ("sunday", "søndag"),
)
SEASONS = {"spring": 3, "vår": 3, "vårs": 3, "summer": 6, "sommer": 6, "fall": 9, "autumn": 9, "høst": 9}
SEASONS |= {"winter": 12, "vinter": 12}
MONTH = {name: number for number, names in enumerate(MONTHS, 1) for name in names}
WEEKDAY = {name: number for number, names in enumerate(WEEKDAYS) for name in names}
NUMBER = {"a": 1, "an": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8}
NUMBER |= {"nine": 9, "ten": 10, "couple": 2, "couple of": 2, "a couple": 2, "a couple of": 2, "et par": 2}
NUMBER |= {"en": 1, "ei": 1, "et": 1, "ett": 1, "to": 2, "tre": 3, "fire": 4, "fem": 5, "seks": 6, "sju": 7, "syv": 7}
NUMBER |= {"åtte": 8, "ni": 9, "ti": 10}
DAYS = {"day": 1, "days": 1, "dag": 1, "dager": 1, "week": 7, "weeks": 7, "uke": 7, "uker": 7}
NEAR = {
    **dict.fromkeys(("today", "tonight", "this morning", "this evening", "i dag", "i kveld", "i dag tidlig"), 0),
    **dict.fromkeys(("yesterday", "last night", "i går", "i går kveld", "i natt"), -1),
    **dict.fromkeys(("tomorrow", "i morgen"), 1),
    **dict.fromkeys(("the day before yesterday", "i forgårs", "i forgaars"), -2),
}
SHIFT = {"last": -1, "past": -1, "previous": -1, "forrige": -1, "siste": -1, "sist": -1, "i fjor": -1}
SHIFT |= {"this": 0, "denne": 0, "dette": 0, "next": 1, "neste": 1, "coming": 1}
UNIT = {"week": "week", "uke": "week", "uken": "week", "uka": "week", "weekend": "weekend", "helg": "weekend"}
UNIT |= {"helgen": "weekend", "helga": "weekend", "month": "month", "måned": "month", "måneden": "month"}
UNIT |= {"year": "year", "år": "year", "året": "year"}


def _any(words: Iterable[str]) -> str:
    return "|".join(sorted(map(re.escape, words), key=len, reverse=True))


_MONTH, _YEAR, _NUMBER = _any(MONTH), r"(?:19|20)\d\d", rf"\d{{1,3}}|{_any(NUMBER)}"
SAID = re.compile(
    rf"""\b(?:
      (?P<iso>{_YEAR})-(?P<iso_month>\d\d)-(?P<iso_day>\d\d)
    | (?P<near>{_any(NEAR)})
    | (?P<shift>{_any(SHIFT)})\ (?:(?P<unit>{_any(UNIT)})|(?P<shift_day>{_any(WEEKDAY)})|(?P<shift_season>{_any(SEASONS)})
        |(?P<shift_month>{_MONTH}))
    | (?:(?P<count>{_NUMBER})\ (?P<ago_unit>days?|weeks?|months?|years?)\ ago)
    | (?:for\ (?P<count_nb>{_NUMBER})\ (?P<ago_unit_nb>dag(?:er)?|uker?|måned(?:er)?|år)\ siden)
    | (?:(?P<month>{_MONTH})\.?\ (?P<day>\d\d?)(?:st|nd|rd|th)?(?!\d)(?:,?\ (?P<year>{_YEAR}))?)
    | (?:(?P<day_first>\d\d?)(?:st|nd|rd|th|\.)?\ (?:of\ )?(?P<month_then>{_MONTH})(?:,?\ (?P<year_then>{_YEAR}))?)
    | (?:(?P<month_alone>{_MONTH}),?\ (?P<year_alone>{_YEAR}))
    | (?:(?:in|i|during|since|siden|until|til|late|early)\ (?P<month_only>{_MONTH})(?!,?\ {_YEAR}))
    | (?:(?:on|på|sist)\ (?P<weekday>{_any(WEEKDAY)}))
    | (?:(?:in|i|during|since|siden|of)\ (?P<year_only>{_YEAR}))
    )\b""",
    re.VERBOSE | re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Span:
    """The days from `first` to `last`, both included."""

    first: date
    last: date


def spans(text: str, said_on: date) -> list[Span]:
    """The spans of days that a text names, in its order; what can't be a date is left out."""
    found = []
    for match in SAID.finditer(text):
        try:
            found.append(_span({name: value.lower() for name, value in match.groupdict().items() if value}, said_on))
        except (ValueError, OverflowError):
            continue
    return found


def without_dates(text: str) -> str:
    """What a text says beside the dates that it names."""
    return SAID.sub(" ", text)


def months_around(day: date, months: int) -> date:
    """The first day of the month that is `months` after that of `day`."""
    count = day.year * 12 + day.month - 1 + months
    return date(count // 12, count % 12 + 1, 1)


def _span(said: dict[str, str], day: date) -> Span:
    if "iso" in said:
        return _one(date(int(said["iso"]), int(said["iso_month"]), int(said["iso_day"])))
    if "near" in said:
        return _one(day + timedelta(NEAR[said["near"]]))
    if "shift" in said:
        return _shifted(said, SHIFT[said["shift"]], day)
    if count := said.get("count") or said.get("count_nb"):
        return _ago(
            NUMBER.get(count) or int(count), (said.get("ago_unit") or said.get("ago_unit_nb") or "").rstrip("s"), day
        )
    if month := said.get("month") or said.get("month_then"):
        number, year = int(said.get("day") or said["day_first"]), said.get("year") or said.get("year_then")
        return _one(date(int(year) if year else _nearest_year(MONTH[month], day), MONTH[month], number))
    if "month_alone" in said:
        return _month(date(int(said["year_alone"]), MONTH[said["month_alone"]], 1))
    if "month_only" in said:
        return _month(date(_nearest_year(MONTH[said["month_only"]], day), MONTH[said["month_only"]], 1))
    if "weekday" in said:
        return _one(day - timedelta((day.weekday() - WEEKDAY[said["weekday"]]) % 7 or 7))
    return Span(date(int(said["year_only"]), 1, 1), date(int(said["year_only"]), 12, 31))


def _shifted(said: dict[str, str], by: int, day: date) -> Span:
    if name := said.get("shift_day"):
        back = (day.weekday() - WEEKDAY[name]) % 7
        return _one(day - timedelta(back or 7) if by < 0 else day + timedelta(-back % 7 or 7))
    if name := said.get("shift_season"):
        return _season(SEASONS[name], by, day)
    if name := said.get("shift_month"):
        year = day.year + (by if by > 0 or MONTH[name] >= day.month else 0)
        return _month(date(year, MONTH[name], 1))
    unit, monday = UNIT[said["unit"]], day - timedelta(day.weekday())
    if unit == "month":
        return _month(months_around(day, by))
    if unit == "year":
        return Span(date(day.year + by, 1, 1), date(day.year + by, 12, 31))
    monday += timedelta(7 * by)
    return Span(monday + timedelta(5 if unit == "weekend" else 0), monday + timedelta(6))


def _season(month: int, by: int, day: date) -> Span:
    """The latest one that is over, the one under way or else the one to come of this year, or the first that begins later."""
    seasons = []
    for year in range(day.year - 2, day.year + 2):
        first = date(year, month, 1)
        seasons.append(Span(first, months_around(first, 3) - timedelta(1)))
    if by < 0:
        return [season for season in seasons if season.last < day][-1]
    if by > 0:
        return next(season for season in seasons if season.first > day)
    return next(season for season in seasons if season.last >= day)


def _ago(count: int, unit: str, day: date) -> Span:
    if unit in DAYS:
        then = day - timedelta(count * DAYS[unit])
        return _one(then) if DAYS[unit] == 1 else Span(then - timedelta(3), then + timedelta(3))
    if unit.startswith("m"):
        return _month(months_around(day, -count))
    return Span(date(day.year - count, 1, 1), date(day.year - count, 12, 31))


def _one(day: date) -> Span:
    return Span(day, day)


def _month(first: date) -> Span:
    return Span(first, months_around(first, 1) - timedelta(1))


def _nearest_year(month: int, day: date) -> int:
    """The year in which a month without one lies: people mostly speak of the past."""
    return day.year if month <= day.month + 1 else day.year - 1


def marks(span: Span) -> Iterator[str]:
    """What is indexed of a span: its day, week, month and year, as far as it lies within one."""
    first, last = span.first, span.last
    if (last - first).days > 62:
        yield from _years(first, last)
        return
    if first == last:
        yield f"~{first.isoformat()}"
    if (last - first).days < 14:
        yield from _once(_week(first), _week(last))
    yield from _once(f"~{first:%Y-%m}", f"~{last:%Y-%m}")
    yield from _years(first, last)


def asked_marks(span: Span) -> Iterator[str]:
    """What is looked for where a question names a span: its days or months; or its year."""
    first, last = span.first, span.last
    length = (last - first).days
    if length < 14:
        yield from (f"~{(first + timedelta(day)).isoformat()}" for day in range(length + 1))
        yield from _once(_week(first), _week(last))
    elif length < 100:
        month = first.replace(day=1)
        while month <= last:
            yield f"~{month:%Y-%m}"
            month = months_around(month, 1)
    else:
        yield from _years(first, last)


def _week(day: date) -> str:
    year, week, _ = day.isocalendar()
    return f"~{year}-w{week:02}"


def _years(first: date, last: date) -> Iterator[str]:
    yield from _once(f"~{first.year:04}", f"~{last.year:04}")


def _once(*marks_: str) -> Iterator[str]:
    yield from dict.fromkeys(marks_)
