#include "when.h"

#include <string.h>
#include <strings.h>

/* Days from 1970-01-01 to a date of the proleptic Gregorian calendar (Hinnant's days_from_civil).
 */
static int64_t days_of(int64_t year, unsigned month, unsigned day)
{
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    unsigned yoe = (unsigned)(year - era * 400);
    unsigned doy = (153 * (month + (month > 2 ? -3U : 9U)) + 2) / 5 + day - 1;
    unsigned doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
    return era * 146097 + (int64_t)doe - 719468;
}

static unsigned days_in_month(int64_t year, unsigned month)
{
    static const unsigned char days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return month == 2 && is_leap ? 29 : days[month - 1];
}

struct reader {
    const char *p, *end;
};

struct fields {
    int64_t year;
    unsigned month, day, hour, minute, second, fraction_us;
    int pm; /* -1 none, 0 AM, 1 PM */
    bool has_offset;
    int32_t offset_s;
    int64_t unix_s; /* with has_unix: %s */
    bool has_unix;
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool take(struct reader *r, char c)
{
    if (r->p < r->end && *r->p == c) {
        r->p++;
        return true;
    }
    return false;
}

/* Between `min` and `max` digits as a number. */
static bool take_number(struct reader *r, int min, int max, unsigned *ret_value)
{
    unsigned value = 0;
    int n = 0;
    for (; n < max && r->p < r->end && is_digit(*r->p); n++)
        value = value * 10 + (unsigned)(*r->p++ - '0');
    *ret_value = value;
    return n >= min;
}

/* Digits after the point; those beyond the sixth are cut. */
static bool take_fraction(struct reader *r, unsigned *ret_us)
{
    unsigned value = 0, n = 0;
    for (; r->p < r->end && is_digit(*r->p); r->p++, n++)
        if (n < 6)
            value = value * 10 + (unsigned)(*r->p - '0');
    for (unsigned i = n; i < 6; i++)
        value *= 10;
    *ret_us = value;
    return n > 0;
}

static bool take_word(struct reader *r, const char *word)
{
    size_t len = strlen(word);
    if ((size_t)(r->end - r->p) < len || strncasecmp(r->p, word, len) != 0)
        return false;
    r->p += len;
    return true;
}

/* Z, UTC, GMT, +hh, +hhmm, +hh:mm, +hh:mm:ss. */
static bool take_offset(struct reader *r, struct fields *f)
{
    if (take_word(r, "Z") || take_word(r, "UTC") || take_word(r, "GMT")) {
        f->has_offset = true;
        return true;
    }
    int sign = take(r, '+') ? 1 : take(r, '-') ? -1 : 0;
    unsigned hours, minutes = 0, seconds = 0;
    if (sign == 0 || !take_number(r, 2, 2, &hours))
        return false;
    if ((take(r, ':') || (r->p < r->end && is_digit(*r->p))) && !take_number(r, 2, 2, &minutes))
        return false;
    if (take(r, ':') && !take_number(r, 2, 2, &seconds))
        return false;
    if (hours > 18 || minutes > 59 || seconds > 59)
        return false;
    f->has_offset = true;
    f->offset_s = sign * (int32_t)(hours * 3600 + minutes * 60 + seconds);
    return true;
}

/* A wall-clock second of the zone as UTC. Of an hour that comes twice the first is meant; an hour
 * that is left out moves forward. */
static int64_t zone_utc(const struct when_zone *zone, int64_t local_s)
{
    enum { FAR_S = 2 * 86400 };
    size_t low = 0, high = zone->count;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (zone->at_s[middle] <= local_s - FAR_S)
            low = middle;
        else
            high = middle;
    }
    for (size_t i = low; i < zone->count; i++) {
        int64_t utc_s = local_s - zone->offset_s[i];
        if (i + 1 < zone->count && utc_s >= zone->at_s[i + 1])
            continue;
        bool is_left_out = i > 0 && utc_s < zone->at_s[i];
        return is_left_out ? local_s - zone->offset_s[i - 1] : utc_s;
    }
    return local_s;
}

static bool is_valid(const struct fields *f)
{
    return f->month >= 1 && f->month <= 12 && f->day >= 1 &&
           f->day <= days_in_month(f->year, f->month) && f->minute <= 59 && f->second <= 60 &&
           (f->hour <= 23 || (f->hour == 24 && f->minute == 0 && f->second == 0));
}

static enum when_result finish(const struct when *w, const struct fields *f, int64_t *ret_us)
{
    int64_t s = f->unix_s;
    if (!f->has_unix) {
        if (!is_valid(f))
            return WHEN_BAD;
        s = days_of(f->year, f->month, f->day) * 86400 + (int64_t)f->hour * 3600 +
            (int64_t)f->minute * 60 + f->second;
        if (f->has_offset)
            s -= f->offset_s;
        else if (w->zone != NULL && w->zone->count > 0)
            s = zone_utc(w->zone, s);
    }
    if (s < WHEN_MIN_US / 1000000 || s > WHEN_MAX_US / 1000000)
        return WHEN_RANGE;
    *ret_us = s * 1000000 + f->fraction_us;
    return WHEN_OK;
}

/* 2024-03-02[T10:20[:30[.123]][Z]], with / or . in the date, or basic 20240302T102030Z. */
static bool take_iso(struct reader *r, struct fields *f)
{
    unsigned year;
    if (!take_number(r, 4, 4, &year))
        return false;
    f->year = year;
    bool is_basic = r->p < r->end && is_digit(*r->p);
    char separator = is_basic ? '\0' : r->p < r->end ? *r->p++ : '\0';
    if (!is_basic && separator != '-' && separator != '/' && separator != '.')
        return false;
    if (!take_number(r, is_basic ? 2 : 1, 2, &f->month) || (!is_basic && !take(r, separator)) ||
        !take_number(r, is_basic ? 2 : 1, 2, &f->day))
        return false;
    if (r->p == r->end)
        return !is_basic;
    if (!take(r, 'T') && !take(r, 't') && !take(r, ' ') && !take(r, '_'))
        return false;
    if (!take_number(r, is_basic ? 2 : 1, 2, &f->hour) || (!is_basic && !take(r, ':')) ||
        !take_number(r, 2, 2, &f->minute))
        return false;
    if (is_basic ? r->p < r->end && is_digit(*r->p) : take(r, ':')) {
        if (!take_number(r, 2, 2, &f->second))
            return false;
        if ((take(r, '.') || take(r, ',')) && !take_fraction(r, &f->fraction_us))
            return false;
    }
    if (r->p == r->end)
        return true;
    take(r, ' ');
    return take_offset(r, f) && r->p == r->end;
}

/* --- numbers ------------------------------------------------------------------------------ */

/* [-]digits[.digits]: whole and fraction digits (to 9 places). */
struct number {
    bool is_negative;
    int64_t whole;
    int64_t nanos; /* of one unit */
};

static bool read_number(const char *text, size_t len, struct number *ret_number)
{
    struct number n = {0};
    const char *p = text, *end = text + len;
    if (p < end && (*p == '-' || *p == '+'))
        n.is_negative = *p++ == '-';
    const char *first = p;
    for (; p < end && is_digit(*p); p++) {
        if (n.whole > (INT64_MAX - 9) / 10)
            return false;
        n.whole = n.whole * 10 + (*p - '0');
    }
    if (p == first)
        return false;
    if (p < end && *p == '.') {
        const char *dot = p++;
        int64_t scale = 100000000;
        for (; p < end && is_digit(*p); p++, scale /= 10)
            n.nanos += scale * (*p - '0');
        if (p == dot + 1)
            return false;
    }
    if (p != end)
        return false;
    *ret_number = n;
    return true;
}

/* The end of 2299 in each unit divides them: a larger number cannot be of that unit. */
static enum when_unit unit_by_size(int64_t whole)
{
    if (whole <= INT64_C(10413792000))
        return WHEN_SECONDS;
    if (whole <= INT64_C(10413792000000))
        return WHEN_MILLIS;
    if (whole <= INT64_C(10413792000000000))
        return WHEN_MICROS;
    return WHEN_NANOS;
}

static enum when_result number_us(const struct when *w, const struct number *n, int64_t *ret_us)
{
    static const int64_t limit[] = {0, INT64_C(10413792000), INT64_C(10413792000000),
                                    INT64_C(10413792000000000), INT64_MAX};
    enum when_unit unit = w->unit;
    if (unit == WHEN_GUESS)
        unit = unit_by_size(n->whole);
    if (n->whole > limit[unit])
        return WHEN_RANGE;
    int64_t us;
    switch (unit) {
    case WHEN_SECONDS:
        us = n->whole * 1000000 + n->nanos / 1000;
        break;
    case WHEN_MILLIS:
        us = n->whole * 1000 + n->nanos / 1000000;
        break;
    case WHEN_MICROS:
        us = n->whole;
        break;
    default:
        us = n->whole / 1000;
        break;
    }
    if (n->is_negative)
        us = -us;
    if (us < WHEN_MIN_US || us > WHEN_MAX_US)
        return WHEN_RANGE;
    *ret_us = us;
    return WHEN_OK;
}

/* --- formats ------------------------------------------------------------------------------ */

static bool take_month_name(struct reader *r, unsigned *ret_month)
{
    static const char *const names[] = {"january",   "february", "march",    "april",
                                        "may",       "june",     "july",     "august",
                                        "september", "october",  "november", "december"};
    for (unsigned i = 0; i < 12; i++) {
        char short_name[4] = {names[i][0], names[i][1], names[i][2], '\0'};
        if (take_word(r, names[i]) || take_word(r, short_name)) {
            *ret_month = i + 1;
            return true;
        }
    }
    return false;
}

static const char directives[] = "YymdeHIMSfzpbBsT%";

static bool take_year(struct reader *r, struct fields *f, int digits)
{
    unsigned year;
    if (!take_number(r, digits == 2 ? 2 : 4, digits, &year))
        return false;
    f->year = digits == 4 ? year : year < 69 ? 2000 + year : 1900 + year; /* as POSIX has it */
    return true;
}

static bool take_directive(struct reader *r, char directive, struct fields *f)
{
    unsigned n;
    switch (directive) {
    case 'Y':
        return take_year(r, f, 4);
    case 'y':
        return take_year(r, f, 2);
    case 'm':
        return take_number(r, 1, 2, &f->month);
    case 'd':
    case 'e':
        return take_number(r, 1, 2, &f->day);
    case 'H':
    case 'I':
        return take_number(r, 1, 2, &f->hour);
    case 'M':
        return take_number(r, 1, 2, &f->minute);
    case 'S':
        return take_number(r, 1, 2, &f->second);
    case 'f':
        return take_fraction(r, &f->fraction_us);
    case 'z':
        return take_offset(r, f);
    case 'b':
    case 'B':
        return take_month_name(r, &f->month);
    case 'p':
        f->pm = take_word(r, "AM") ? 0 : take_word(r, "PM") ? 1 : -1;
        return f->pm >= 0;
    case 'T':
        return take_number(r, 1, 2, &f->hour) && take(r, ':') && take_number(r, 2, 2, &f->minute) &&
               take(r, ':') && take_number(r, 2, 2, &f->second);
    case 's':
        if (!take_number(r, 1, 9, &n))
            return false;
        f->unix_s = n;
        while (r->p < r->end && is_digit(*r->p) && f->unix_s < INT64_C(100000000000))
            f->unix_s = f->unix_s * 10 + (*r->p++ - '0');
        f->has_unix = true;
        return true;
    default:
        return take(r, directive);
    }
}

const char *when_check_format(const char *format)
{
    for (const char *p = format; *p != '\0'; p++)
        if (*p == '%' && (*++p == '\0' || strchr(directives, *p) == NULL))
            return p - 1;
    return NULL;
}

static enum when_result parse_format(const struct when *w, struct reader *r, int64_t *ret_us)
{
    struct fields f = {.year = 1970, .month = 1, .day = 1, .pm = -1};
    for (const char *p = w->format; *p != '\0'; p++) {
        if (*p == '%' ? !take_directive(r, *++p, &f) : !take(r, *p))
            return WHEN_BAD;
    }
    if (r->p != r->end || (f.pm >= 0 && (f.hour < 1 || f.hour > 12)))
        return WHEN_BAD;
    if (f.pm >= 0)
        f.hour = f.hour % 12 + (f.pm == 1 ? 12U : 0U);
    return finish(w, &f, ret_us);
}

enum when_result when_parse(const struct when *w, const char *text, size_t len, int64_t *ret_us)
{
    struct reader r = {text, text + len};
    while (r.p < r.end && *r.p == ' ')
        r.p++;
    while (r.end > r.p && r.end[-1] == ' ')
        r.end--;
    if (w->format != NULL)
        return parse_format(w, &r, ret_us);
    struct fields f = {.pm = -1};
    struct reader again = r;
    if (take_iso(&again, &f))
        return finish(w, &f, ret_us);
    struct number n;
    if (read_number(r.p, (size_t)(r.end - r.p), &n))
        return number_us(w, &n, ret_us);
    return WHEN_BAD;
}

/* --- the unit of a column ----------------------------------------------------------------- */

void when_sample_add(struct when_sample *sample, const char *text, size_t len)
{
    struct number n;
    if (!read_number(text, len, &n))
        return;
    enum when_unit unit = unit_by_size(n.whole);
    enum { EARLY_S = 315532800 }; /* 1980: event data is hardly older */
    sample->numbers++;
    sample->has_unit[unit] = true;
    if (unit == WHEN_SECONDS && n.whole < EARLY_S)
        sample->has_early = true;
    if ((double)n.whole > sample->largest)
        sample->largest = (double)n.whole;
}

enum when_unit when_sample_unit(const struct when_sample *sample)
{
    int units = 0;
    for (int u = WHEN_SECONDS; u <= WHEN_NANOS; u++)
        units += sample->has_unit[u];
    if (units < 2 || !sample->has_early)
        return WHEN_GUESS;
    return unit_by_size((int64_t)sample->largest);
}
