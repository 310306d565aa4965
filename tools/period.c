#include "period.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const int64_t second_us = 1000000;
static const int64_t day_us = 86400 * (int64_t)1000000;

/* Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms". */
int64_t period_days(int64_t year, int month, int day)
{
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t yoe = year - era * 400;
    int64_t doy = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
    return era * 146097 + doe - 719468;
}

void period_civil(int64_t days, int64_t *ret_year, int *ret_month, int *ret_day)
{
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    int64_t doe = days - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    int64_t mp = (5 * doy + 2) / 153;
    *ret_day = (int)(doy - (153 * mp + 2) / 5 + 1);
    *ret_month = (int)(mp < 10 ? mp + 3 : mp - 9);
    *ret_year = yoe + era * 400 + (*ret_month <= 2);
}

/* "-7d", "-12h", "now": an amount before now. */
static bool parse_relative(const char *text, int64_t now_us, int64_t *ret_us)
{
    static const struct {
        char unit;
        int64_t seconds;
    } units[] = {{'s', 1},      {'m', 60},      {'h', 3600},    {'d', 86400},
                 {'w', 604800}, {'M', 2592000}, {'y', 31536000}};
    if (strcmp(text, "now") == 0) {
        *ret_us = now_us;
        return true;
    }
    if (text[0] != '-' || !isdigit((unsigned char)text[1]))
        return false;
    char *end;
    long amount = strtol(text + 1, &end, 10);
    if (end[0] == '\0' || end[1] != '\0' || amount > 100000)
        return false;
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (units[i].unit == *end) {
            *ret_us = now_us - amount * units[i].seconds * second_us;
            return true;
        }
    }
    return false;
}

/* Exactly `digits` digits at *s. */
static bool take_number(const char **s, int digits, int *ret)
{
    int value = 0;
    for (int i = 0; i < digits; i++) {
        if (!isdigit((unsigned char)(*s)[i]))
            return false;
        value = value * 10 + ((*s)[i] - '0');
    }
    *s += digits;
    *ret = value;
    return true;
}

static bool take(const char **s, char c)
{
    if (**s != c)
        return false;
    (*s)++;
    return true;
}

static bool parse_fraction(const char **s, int64_t *ret_us)
{
    int64_t scale = second_us / 10;
    *ret_us = 0;
    if (!take(s, '.') && !take(s, ','))
        return true;
    if (!isdigit((unsigned char)**s))
        return false;
    for (; isdigit((unsigned char)**s); (*s)++, scale /= 10)
        *ret_us += (**s - '0') * scale;
    return true;
}

/* "Z", "+01:00", "+0100", "+01" or nothing. */
static bool parse_offset(const char **s, bool *ret_given, int *ret_seconds)
{
    *ret_given = **s != '\0';
    *ret_seconds = 0;
    if (**s == '\0' || take(s, 'Z') || take(s, 'z'))
        return **s == '\0';
    int sign = **s == '-' ? -1 : 1, hours, minutes = 0;
    if (!take(s, '+') && !take(s, '-'))
        return false;
    if (!take_number(s, 2, &hours))
        return false;
    take(s, ':');
    if (**s != '\0' && !take_number(s, 2, &minutes))
        return false;
    *ret_seconds = sign * (hours * 3600 + minutes * 60);
    return **s == '\0' && hours <= 18 && minutes < 60;
}

static bool parse_absolute(const char *s, bool is_end, const struct zone *zone, int64_t *ret_us)
{
    static const int month_days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int year, month, day, hour = 0, minute = 0, seconds = 0, offset_s = 0;
    int64_t fraction = 0;
    bool has_offset = false;
    if (!take_number(&s, 4, &year) || !take(&s, '-') || !take_number(&s, 2, &month) ||
        !take(&s, '-') || !take_number(&s, 2, &day) || month < 1 || month > 12 || day < 1)
        return false;
    bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    if (day > month_days[month - 1] + (month == 2 && is_leap))
        return false;
    bool is_date = *s == '\0';
    if (!is_date) {
        if ((!take(&s, 'T') && !take(&s, 't') && !take(&s, ' ')) || !take_number(&s, 2, &hour) ||
            !take(&s, ':') || !take_number(&s, 2, &minute))
            return false;
        if (take(&s, ':') && (!take_number(&s, 2, &seconds) || !parse_fraction(&s, &fraction)))
            return false;
        if (!parse_offset(&s, &has_offset, &offset_s) || hour > 23 || minute > 59 || seconds > 60)
            return false;
    }
    int64_t local = period_days(year, month, day) * day_us +
                    (hour * 3600 + minute * 60 + seconds) * second_us + fraction;
    if (is_date && is_end)
        local += day_us;
    *ret_us = has_offset ? local - offset_s * second_us : zone_to_unix(zone, local);
    if (!is_date && is_end)
        *ret_us += 1;
    return true;
}

int period_parse(const char *text, const char *field, bool is_end, int64_t now_us,
                 const struct zone *zone, int64_t *ret_us, struct err *ret_err)
{
    if (parse_relative(text, now_us, ret_us)) {
        *ret_us += is_end ? 1 : 0;
        return 0;
    }
    if (parse_absolute(text, is_end, zone, ret_us))
        return 0;
    return err_set(ret_err, ERR_ARGUMENT, field,
                   "'%.60s' is no time: use 2026-03-01, 2026-03-01T12:00:00Z, -7d, -12h or now",
                   text);
}

void period_format(int64_t unix_us, const struct zone *zone, char *out, size_t size)
{
    int32_t offset = zone_offset_s(zone, unix_us);
    int64_t local = unix_us + offset * second_us;
    int64_t days = local / day_us - (local % day_us < 0), year;
    int64_t rest = local - days * day_us;
    int month, day, seconds = (int)(rest / second_us), us = (int)(rest % second_us);
    period_civil(days, &year, &month, &day);
    char fraction[16] = "", zone_text[16] = "Z";
    if (us % 1000 != 0)
        snprintf(fraction, sizeof fraction, ".%06d", us);
    else if (us != 0)
        snprintf(fraction, sizeof fraction, ".%03d", us / 1000);
    if (zone->count > 0)
        snprintf(zone_text, sizeof zone_text, "%c%02d:%02d", offset < 0 ? '-' : '+',
                 abs(offset) / 3600, abs(offset) / 60 % 60);
    snprintf(out, size, "%04lld-%02d-%02dT%02d:%02d:%02d%s%s", (long long)year, month, day,
             seconds / 3600, seconds / 60 % 60, seconds % 60, fraction, zone_text);
}

void period_format_date(int64_t unix_us, const struct zone *zone, char *out, size_t size)
{
    int64_t local = unix_us + zone_offset_s(zone, unix_us) * second_us, year;
    int month, day;
    period_civil(local / day_us - (local % day_us < 0), &year, &month, &day);
    snprintf(out, size, "%04lld-%02d-%02d", (long long)year, month, day);
}

static bool is_midnight(int64_t unix_us, const struct zone *zone)
{
    return (unix_us + zone_offset_s(zone, unix_us) * second_us) % day_us == 0;
}

void period_text(int64_t from_us, int64_t to_us, const struct zone *zone, char *out, size_t size)
{
    enum { DATE = 10, MINUTE = 16, SECOND = 19 }; /* so far is a time written */
    const int64_t brief_us = 3600 * second_us;
    char from[48], to[48];
    period_format(from_us, zone, from, sizeof from);
    period_format(to_us - 1, zone, to, sizeof to);
    int shown = to_us - from_us <= brief_us ? SECOND : MINUTE;
    if (is_midnight(from_us, zone) && is_midnight(to_us, zone))
        shown = DATE;
    from[DATE] = to[DATE] = ' ';
    bool is_one = strncmp(from, to, (size_t)shown) == 0;
    int written = snprintf(out, size, is_one ? "%.*s" : "%.*s to %.*s", shown, from, shown, to);
    if (written > 0 && (size_t)written < size && zone->count > 0)
        snprintf(out + written, size - (size_t)written, " (%s)", zone->name);
}
