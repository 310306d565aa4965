#include "text.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "uri_template.h"
#include "utf8.h"

enum { CELL_MAX = 160 };

/* Cell text on one line: a bar or newline in the data would break the table, and one long value
 * would take the room of all the others. */
static void cell(struct buf *out, const char *text)
{
    size_t shown = utf8_cut(text, CELL_MAX);
    buf_puts(out, "| ");
    for (size_t i = 0; i < shown; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c == '|')
            buf_puts(out, "\\|");
        else
            buf_putc(out, c < ' ' ? ' ' : (char)c);
    }
    buf_puts(out, text[shown] != '\0' ? "… " : " ");
}

void text_row(struct buf *out, const char *const *cells, size_t count)
{
    for (size_t i = 0; i < count; i++)
        cell(out, cells[i]);
    buf_puts(out, "|\n");
}

void text_table(struct buf *out, const char *const *columns)
{
    size_t count = 0;
    while (columns[count] != NULL)
        count++;
    buf_puts(out, "\n");
    text_row(out, columns, count);
    for (size_t i = 0; i < count; i++)
        buf_puts(out, "|---");
    buf_puts(out, "|\n");
}

void text_more(struct buf *out, size_t count, size_t shown)
{
    if (count > shown)
        buf_printf(out, "… and %zu more in the structured result\n", count - shown);
}

json_t *text_replay_url(const char *template, const char *session, int64_t at_us)
{
    struct buf url = {0};
    for (const char *s = template; *s != '\0';) {
        if (strncmp(s, "{session}", 9) == 0) {
            uri_add_encoded(&url, session);
            s += 9;
        } else if (strncmp(s, "{at}", 4) == 0) {
            buf_printf(&url, "%lld", (long long)(at_us / 1000));
            s += 4;
        } else {
            buf_putc(&url, *s++);
        }
    }
    json_t *text = json_string(buf_text(&url));
    buf_done(&url);
    return text;
}

char *text_count(char *out, size_t size, double n)
{
    char digits[64];
    snprintf(digits, sizeof digits, "%.0f", fabs(n));
    size_t len = strlen(digits), at = 0;
    if (n < 0 && size > 1)
        out[at++] = '-';
    for (size_t i = 0; i < len && at + 2 < size; i++) {
        if (i > 0 && (len - i) % 3 == 0)
            out[at++] = ',';
        out[at++] = digits[i];
    }
    out[at] = '\0';
    return out;
}

const char *text_verb(double n, const char *of_one, const char *of_many)
{
    return n == 1 ? of_one : of_many;
}

/* English plurals, as far as they follow a rule. */
char *text_things(char *out, size_t size, double n, const char *thing)
{
    char count[32];
    size_t len = strlen(thing), stem = len;
    char last = thing[len - 1], before = thing[len - 2];
    const char *many = "s";
    if (last == 'y' && strchr("aeiou", before) == NULL) {
        many = "ies";
        stem = n == 1 ? len : len - 1;
    } else if (last == 's' || last == 'x' || (last == 'h' && (before == 'c' || before == 's'))) {
        many = "es";
    }
    snprintf(out, size, "%s %.*s%s", text_count(count, sizeof count, n), (int)stem, thing,
             text_verb(n, "", many));
    return out;
}

char *text_percent(char *out, size_t size, double share)
{
    snprintf(out, size, "%.1f %%", share * 100);
    return out;
}

char *text_duration(char *out, size_t size, double seconds)
{
    double s = fabs(seconds);
    const char *sign = seconds < 0 && s >= 0.0005 ? "-" : ""; /* no -0 */
    char days[32];
    if (s < 1)
        snprintf(out, size, "%s%.0f ms", sign, s * 1000);
    else if (s < 60)
        snprintf(out, size, "%s%.3g s", sign, s);
    else if (s < 3600)
        snprintf(out, size, "%s%d min %d s", sign, (int)(s / 60), (int)fmod(s, 60));
    else if (s < 86400)
        snprintf(out, size, "%s%d h %d min", sign, (int)(s / 3600), (int)(fmod(s, 3600) / 60));
    else
        snprintf(out, size, "%s%s d %d h", sign, text_count(days, sizeof days, floor(s / 86400)),
                 (int)(fmod(s, 86400) / 3600));
    return out;
}

char *text_number(char *out, size_t size, double value)
{
    if (fabs(value) >= 1000 && fabs(value) < 1e15)
        return text_count(out, size, round(value));
    snprintf(out, size, "%.4g", value);
    return out;
}

size_t text_names(struct buf *out, const char *lead, const char *nearest, const char *const *names,
                  size_t count, size_t most)
{
    size_t shown = 0, left = 0;
    if (nearest != NULL)
        buf_printf(out, "did you mean '%.100s'? ", nearest);
    if (count == 0)
        buf_printf(out, "%s none", lead);
    for (size_t i = 0; i < count; i++) {
        if (names[i] == nearest)
            continue;
        if (shown == most) {
            left++;
            continue;
        }
        buf_printf(out, shown == 0 ? "%s: %.80s" : ", %s%.80s", shown == 0 ? lead : "", names[i]);
        shown++;
    }
    return left;
}

char *text_fit_tail(char *out, size_t size, const char *text, const char *tail)
{
    static const char more[] = "…";
    size_t room = size - 1 - strlen(tail);
    bool is_cut = strlen(text) > room;
    size_t len = utf8_cut(text, is_cut ? room - (sizeof more - 1) : room);
    snprintf(out, size, "%.*s%s%s", (int)len, text, is_cut ? more : "", tail);
    return out;
}

char *text_fit(char *out, size_t size, const char *text)
{
    return text_fit_tail(out, size, text, "");
}

char *text_line(char *text)
{
    for (char *c = text; *c != '\0'; c++)
        if ((unsigned char)*c < ' ')
            *c = ' ';
    return text;
}
