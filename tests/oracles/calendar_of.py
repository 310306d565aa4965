"""Calendar intervals in a time zone, by the standard library's own calendar."""
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from journeys import moment, us_of


class Calendar:
    def __init__(self, interval, tz="UTC", week_start="monday"):
        self.interval = interval
        self.zone = ZoneInfo(tz)
        self.week_start = week_start

    def start(self, us):
        """The start of the interval that has `us`."""
        at = moment(us).astimezone(self.zone)
        if self.interval in ("minute", "hour"):
            # by elapsed time: an hour that the clocks repeat is two intervals
            offset = at.utcoffset() // timedelta(microseconds=1)
            length = {"minute": 60, "hour": 3600}[self.interval] * 10**6
            return (us + offset) // length * length - offset
        day = at.date()
        if self.interval == "week":
            day -= timedelta(days=(day.weekday() + (self.week_start == "sunday")) % 7)
        elif self.interval == "month":
            day = day.replace(day=1)
        return us_of(datetime(day.year, day.month, day.day, tzinfo=self.zone).isoformat())

    def us_of(self, label):
        """A time as the program tells it: a date is a local one."""
        at = datetime.fromisoformat(label.replace("Z", "+00:00"))
        return us_of((at if at.tzinfo else at.replace(tzinfo=self.zone)).isoformat())

    def next(self, start):
        """The start of the interval after the one that starts at `start`."""
        if self.interval in ("minute", "hour"):
            return start + {"minute": 60, "hour": 3600}[self.interval] * 10**6
        days = {"day": 1, "week": 7, "month": 31}[self.interval]
        # half a day further: clocks change by less
        return self.start(start + days * 86400 * 10**6 + 43200 * 10**6)

    def before(self, start):
        return self.start(start - 1)

    def starts(self, from_us, to_us):
        """The intervals that have any of [from_us, to_us)."""
        found = [self.start(from_us)]
        while self.next(found[-1]) < to_us:
            found.append(self.next(found[-1]))
        return found
