"""Records the dates of schedules from the reference: `python record.py > domain/src/schedules/recorded.json`, with a Python
in which prefect 3.9.1 is installed. The test that replays them is `domain/src/schedules/tests.rs`.

A line is a schedule over ten years, asked for as a scheduler asks: pages of up to 1,000 dates, the next from a second
after the last. It holds how many dates there were, a hash of them all, the first few, and those around each change of the
clock. A line of the second kind is a text and whether it is an expression or a rule.
"""

import datetime
import json
import sys
import warnings
import zlib

warnings.simplefilter("ignore")

from prefect.server.schemas.schedules import CronSchedule, IntervalSchedule, RRuleSchedule  # noqa: E402
from pydantic import ValidationError  # noqa: E402

UTC = datetime.timezone.utc
ZONES = ["UTC", "America/New_York", "Europe/Berlin", "Australia/Lord_Howe", "Asia/Kolkata"]
FROM = datetime.datetime(2024, 1, 1, tzinfo=UTC)
UNTIL = datetime.datetime(2034, 1, 1, tzinfo=UTC)
# More dates of one schedule say nothing new and take long.
MOST = 20_000
PAGE = 1000
WINDOW = datetime.timedelta(days=400)

CRONS = [
    ("* * * * *", True),
    ("*/5 * * * *", True),
    ("*/7 * * * *", True),
    ("0 * * * *", True),
    ("30 * * * *", True),
    ("15,45 1-3 * * *", True),
    ("0 0 * * *", True),
    ("30 2 * * *", True),
    ("45 1 * * *", True),
    ("0 3 * * sun", True),
    ("0 9 * * 1-5", True),
    ("0 9 * * mon-fri", True),
    ("0 9 * * fri-mon", True),
    ("0 9 * * 5-7", True),
    ("0 9 1 * *", True),
    ("0 9 31 * *", True),
    ("0 9 l * *", True),
    ("0 9 15,l * *", True),
    ("0 9 28-l 2 *", True),
    ("0 9 29 2 *", True),
    ("0 9 13 * 5", True),
    ("0 9 13 * 5", False),
    ("0 9 */2 * 1", True),
    ("0 9 */2 * 1", False),
    ("0 9 1-7 * 1", False),
    ("0 9 * * 1#1", True),
    ("0 9 * * fri#2,fri#4", True),
    ("0 9 * * l5", True),
    ("0 9 1 * 2#3", True),
    ("0 9 1 * 2#3", False),
    ("0 0 1 apr-jan/3 *", True),
    ("0 0 1 jan,jul *", True),
    ("0 0 1 */4 *", True),
    ("0 22-2 * * *", True),
    ("50-10/5 4 * * *", True),
    ("10/20 4 * * *", True),
    ("0 0 ? * 3", True),
    ("0 0 1 * ?", True),
    ("0 0 * * * 30", True),
    ("*/15 2 * * 0 */20", True),
    ("0 0 1 1 * 0 2025-2030/2", True),
    ("0 12 * 2 sat#5", True),
    ("@hourly", True),
    ("@weekly", True),
    ("@yearly", True),
]

INTERVALS = [
    (60 * 17, "2023-06-01T00:00:00Z"),
    (3600, "2023-06-01T00:30:00Z"),
    (3600 * 5, "2023-06-01T00:00:00-05:00"),
    (3600 * 24, "2023-01-01T00:00:00Z"),
    (3600 * 24, "2023-03-01T07:30:00Z"),
    (3600 * 24, "2023-11-01T05:30:00Z"),
    (3600 * 24, "2030-03-01T07:30:00Z"),
    (3600 * 24 * 7, "2022-02-28T01:15:00Z"),
    (3600 * 24 * 13, "2020-01-01T06:30:00Z"),
    (3600 * 36, "2023-06-01T12:00:00Z"),
    (3600 * 24 * 30 + 90, "2023-06-01T12:00:00Z"),
    (86_399.5, "2023-06-01T12:00:00.250000Z"),
    (3600 * 11, "2031-06-01T12:00:00Z"),
    (3600 * 36, "2031-06-01T12:00:00Z"),
]

RRULES = [
    "FREQ=DAILY",
    "DTSTART:20200101T023000\nRRULE:FREQ=DAILY",
    "DTSTART:20240310T013000\nFREQ=DAILY;INTERVAL=3",
    "FREQ=HOURLY",
    "DTSTART:20231201T003000\nFREQ=HOURLY;INTERVAL=5",
    "DTSTART:20231201T000000\nFREQ=HOURLY;BYHOUR=1,2,3",
    "DTSTART:20231201T000000\nFREQ=HOURLY;INTERVAL=4;BYHOUR=0,8,20;BYMINUTE=0,30",
    "DTSTART:20231201T000000\nFREQ=MINUTELY;INTERVAL=7",
    "DTSTART:20231201T000000\nFREQ=MINUTELY;INTERVAL=25;BYHOUR=2,3;BYDAY=SU",
    "DTSTART:20231201T000000\nFREQ=MINUTELY;BYMINUTE=0,20;BYHOUR=1",
    "DTSTART:20231201T000013\nFREQ=SECONDLY;INTERVAL=97;BYHOUR=2;BYDAY=SU",
    "DTSTART:20231201T000000\nFREQ=SECONDLY;BYSECOND=0;BYMINUTE=30;BYHOUR=2",
    "FREQ=WEEKLY",
    "FREQ=WEEKLY;BYDAY=MO,WE,FR",
    "DTSTART:20230105T093000\nFREQ=WEEKLY;INTERVAL=2;BYDAY=SU,MO;WKST=SU",
    "DTSTART:20230105T093000\nFREQ=WEEKLY;INTERVAL=2;BYDAY=SU,MO;WKST=MO",
    "DTSTART:20230105T093000\nFREQ=WEEKLY;INTERVAL=3;BYDAY=TU,SA;BYHOUR=2,14;BYSETPOS=1,-1",
    "FREQ=MONTHLY",
    "DTSTART:20230131T010000\nFREQ=MONTHLY",
    "FREQ=MONTHLY;BYMONTHDAY=-1",
    "FREQ=MONTHLY;BYDAY=1MO,-1FR",
    "FREQ=MONTHLY;BYDAY=MO(+2)",
    "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1",
    "FREQ=MONTHLY;INTERVAL=2;BYDAY=FR;BYMONTHDAY=13",
    "FREQ=YEARLY",
    "FREQ=YEARLY;BYMONTH=3,11;BYDAY=2SU,1SU;BYHOUR=2;BYMINUTE=30",
    "FREQ=YEARLY;BYDAY=20MO",
    "FREQ=YEARLY;BYWEEKNO=1,20,53;BYDAY=MO",
    "FREQ=YEARLY;BYWEEKNO=-1",
    "DTSTART:20230101T000000\nFREQ=WEEKLY;BYWEEKNO=1,52;BYDAY=MO,SU",
    "FREQ=YEARLY;BYYEARDAY=1,100,-1",
    "FREQ=DAILY;BYYEARDAY=-1,60",
    "FREQ=YEARLY;BYEASTER=-2,0,1",
    "FREQ=YEARLY;BYMONTH=1;BYMONTHDAY=31;INTERVAL=3",
    "DTSTART:20240101T000000\nFREQ=DAILY;COUNT=100",
    "DTSTART:20200101T000000\nFREQ=DAILY;COUNT=2000;BYDAY=MO,TU",
    "DTSTART:20240101T000000\nFREQ=DAILY;UNTIL=20260601T000000",
    "DTSTART:20240101T000000Z\nFREQ=DAILY;UNTIL=20260601T000000Z",
    "DTSTART;TZID=America/New_York:20240101T093000\nRRULE:FREQ=DAILY",
    "DTSTART:20240101T023000\nRRULE:FREQ=DAILY\nEXDATE:20240310T023000,20240311T023000\nRDATE:20240704T120000",
    "DTSTART:20240101T000000\nRRULE:FREQ=DAILY\nEXRULE:FREQ=WEEKLY;BYDAY=SA,SU",
    "DTSTART:20240101T000000\nRRULE:FREQ=WEEKLY;BYDAY=MO\nRRULE:FREQ=MONTHLY;BYMONTHDAY=1",
    "RDATE:20250101T000000,20240601T120000,20250101T000000",
]

TEXTS = {
    "cron": """* * * * *|0 0 * * 7|0 0 * * 8|60 * * * *|* 24 * * *|* * 0 * *|* * 32 * *|* * * 0 *|* * * 13 *|*/0 * * * *
        5-5 * * * *|5-2 * * * *|a * * * *|* * * foo *|* * * jan-foo *|* * * * 1#6|* * * * 1#0|* * * * 1,2#3|* * * * l8|* * * * l0
        * * * * lfri|* * l * *|l * * * *|* * ? * ?|? * * * *|* * *? * *|* * * *|* * * * * *|* * * * * * *|* * * * * * * *||@daily
        @DAILY|@reboot|H * * * *|* * * * * 60|* * * * * * 1969|* * * * * * 1970|* * * * * * 2100|-1 * * * *|1- * * * *|-5/2 * * * *
        1--2 * * * *|1,,2 * * * *|1-2-3 * * * *|*/5/5 * * * *|1/5-7 * * * *|1-5/ * * * *|* * * * 1-3#2|* * * * mon-wed#2
        * * 1-l * *|* * l-5 * *|* * * JAN MON|* * * * sun-sat|* * * * * * 2000-2010/3|0 0 0 * * 0|* * * * 7 0|** * * * *|5* * * * *
        +5 * * * *|05 * * * *|0x5 * * * *|* * 31 2 *|*/99999999999999999999 * * * *|99999999999999999999 * * * *""",
    "rrule": """FREQ=DAILY|RRULE:FREQ=DAILY|freq=daily|x||FREQ|FREQ=DAILY;|FREQ=DAILY;COUNT=x|FREQ=FOO|FREQ=DAILY;FOO=1|FREQ=DAILY=1
        FREQ=DAILY;BYDAY=XX|FREQ=DAILY;BYDAY=0MO|FREQ=DAILY;BYDAY=|FREQ=DAILY;BYDAY=12|FREQ=DAILY;BYSETPOS=0|FREQ=DAILY;BYSETPOS=367
        FREQ=DAILY;BYHOUR=24|FREQ=DAILY;BYMINUTE=60|FREQ=DAILY;BYSECOND=60|FREQ=DAILY;UNTIL=x|FREQ=DAILY;UNTIL=20250101T000000Z
        DTSTART:20200101T000000~FREQ=DAILY;UNTIL=20250101T000000Z|DTSTART:x~FREQ=DAILY|DTSTART:20200101,20200102~FREQ=DAILY
        DTSTART;VALUE=DATE:20200101~FREQ=DAILY|DTSTART;FOO=1:20200101~FREQ=DAILY|FOO:1~FREQ=DAILY|EXRULE;X=1:FREQ=DAILY
        RRULE;X=1:FREQ=DAILY|RDATE;X=1:20200101|FOO:FREQ=DAILY|RRULE:FREQ=DAILY:X|FREQ=DAILY;WKST=XX|FREQ=DAILY;COUNT=5;UNTIL=20250101
        DTSTART;TZID=Europe/Berlin:20200101T000000Z~FREQ=DAILY|FREQ=DAILY;BYDAY=MO(+1)|FREQ=MONTHLY;BYDAY=-1FR|FREQ=DAILY;BYMONTH=a""",
}


def plain(date):
    date = date.astimezone(UTC)
    return datetime.datetime(
        date.year, date.month, date.day, date.hour, date.minute, date.second, date.microsecond, tzinfo=UTC
    )


def dates_of(schedule):
    found, start = [], FROM
    while start < UNTIL and len(found) < MOST:
        end = min(UNTIL, start + WINDOW)
        page = []
        try:
            for date in schedule._get_dates_generator(n=PAGE, start=start, end=end):
                page.append(plain(date))
        except ValueError as error:
            # An expression that is never met again.
            print(f"{schedule!r}: {error}", file=sys.stderr)
        found.extend(page)
        start = (max(page) if page else end) + datetime.timedelta(seconds=1)
    return found


def micros(date):
    return (date - datetime.datetime(1970, 1, 1, tzinfo=UTC)) // datetime.timedelta(microseconds=1)


def line(zone, kind, spec, schedule):
    found = [micros(date) for date in dates_of(schedule)]
    crc = zlib.crc32(",".join(map(str, found)).encode())
    print(f"{len(found):6} {kind} {zone} {spec}", file=sys.stderr)
    # The first dates of each quarter show where two lists part.
    marks = found[:3] + found[3 :: max(1, len(found) // 12)]
    return {"zone": zone, kind: spec, "count": len(found), "crc": crc, "some": marks}


def lines():
    for zone in ZONES:
        for cron, day_or in CRONS:
            schedule = CronSchedule(cron=cron, timezone=zone, day_or=day_or)
            yield line(zone, "cron", [cron, day_or], schedule)
        for seconds, anchor in INTERVALS:
            schedule = IntervalSchedule(interval=seconds, anchor_date=anchor, timezone=zone)
            yield line(zone, "interval", [seconds, anchor], schedule)
        for rule in RRULES:
            yield line(zone, "rrule", rule, RRuleSchedule(rrule=rule, timezone=zone))
    for kind, texts in TEXTS.items():
        for text in texts.replace("\n", "|").split("|"):
            text = text.strip().replace("~", "\n")
            try:
                CronSchedule(cron=text) if kind == "cron" else RRuleSchedule(rrule=text)
                why = None
            except ValidationError as error:
                why = error.errors()[0]["msg"]
            except Exception as error:
                print(f"{kind} {text!r}: the reference fails: {error!r}", file=sys.stderr)
                continue
            yield {"text": text, "kind": kind, "why": why}


if __name__ == "__main__":
    every = [json.dumps(each, separators=(",", ":"), ensure_ascii=False) for each in lines()]
    print("[\n" + ",\n".join(every) + "\n]")
