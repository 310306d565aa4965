#include "log_text.h"

#include <stdbool.h>
#include <string.h>

const char *const log_type_names[] = {"string", "date", "int", "float", "boolean", NULL};

static const char replacement[] = "\xEF\xBF\xBD"; /* U+FFFD */

/* --- XES -------------------------------------------------------------------------------------- */

/* What a byte becomes in the value of an attribute; NULL = itself. Line ends and tabs would be read
 * as spaces. */
static const char *escaped(unsigned char c)
{
    switch (c) {
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '&':
        return "&amp;";
    case '"':
        return "&quot;";
    case '\t':
        return "&#9;";
    case '\n':
        return "&#10;";
    case '\r':
        return "&#13;";
    default:
        return c < 0x20 ? replacement : NULL;
    }
}

/* U+FFFE and U+FFFF are the only ones beyond ASCII that XML has not. */
static bool is_no_character(const char *at, size_t left)
{
    return left >= 3 && (memcmp(at, "\xEF\xBF\xBE", 3) == 0 || memcmp(at, "\xEF\xBF\xBF", 3) == 0);
}

static void add_xml(struct buf *out, const char *text, size_t len)
{
    size_t from = 0;
    for (size_t i = 0; i < len; i++) {
        bool is_none = is_no_character(text + i, len - i);
        const char *instead = is_none ? replacement : escaped((unsigned char)text[i]);
        if (instead == NULL)
            continue;
        buf_add(out, text + from, i - from);
        buf_puts(out, instead);
        i += is_none ? 2 : 0;
        from = i + 1;
    }
    buf_add(out, text + from, len - from);
}

static void add_attributes(struct buf *out, const char *indent, const struct log_attribute *a,
                           size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (a[i].len == 0)
            continue;
        buf_printf(out, "%s<%s key=\"", indent, log_type_names[a[i].type]);
        add_xml(out, a[i].key, strlen(a[i].key));
        buf_puts(out, "\" value=\"");
        add_xml(out, a[i].value, a[i].len);
        buf_puts(out, "\"/>\n");
    }
}

void log_xes_begin(struct buf *out, const char *name)
{
    static const char *const extensions[][2] = {{"Concept", "concept"},
                                                {"Time", "time"},
                                                {"Organizational", "org"},
                                                {"Lifecycle", "lifecycle"}};
    buf_puts(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                  "<log xes.version=\"1.0\" xes.features=\"\" "
                  "xmlns=\"http://www.xes-standard.org/\">\n");
    for (size_t i = 0; i < sizeof extensions / sizeof extensions[0]; i++)
        buf_printf(out,
                   "\t<extension name=\"%s\" prefix=\"%s\" "
                   "uri=\"http://www.xes-standard.org/%s.xesext\"/>\n",
                   extensions[i][0], extensions[i][1], extensions[i][1]);
    buf_puts(out, "\t<global scope=\"trace\">\n"
                  "\t\t<string key=\"concept:name\" value=\"__INVALID__\"/>\n"
                  "\t</global>\n"
                  "\t<global scope=\"event\">\n"
                  "\t\t<string key=\"concept:name\" value=\"__INVALID__\"/>\n"
                  "\t\t<date key=\"time:timestamp\" value=\"1970-01-01T00:00:00.000Z\"/>\n"
                  "\t</global>\n"
                  "\t<classifier name=\"Activity\" keys=\"concept:name\"/>\n");
    struct log_attribute own = {LOG_ACTIVITY, name, strlen(name), LOG_STRING};
    add_attributes(out, "\t", &own, 1);
}

void log_xes_end(struct buf *out)
{
    buf_puts(out, "</log>\n");
}

void log_xes_trace(struct buf *out, const struct log_attribute *attributes, size_t count)
{
    buf_puts(out, "\t<trace>\n");
    add_attributes(out, "\t\t", attributes, count);
}

void log_xes_trace_end(struct buf *out)
{
    buf_puts(out, "\t</trace>\n");
}

void log_xes_event(struct buf *out, const struct log_attribute *attributes, size_t count)
{
    buf_puts(out, "\t\t<event>\n");
    add_attributes(out, "\t\t\t", attributes, count);
    buf_puts(out, "\t\t</event>\n");
}

/* --- CSV -------------------------------------------------------------------------------------- */

static bool needs_quotes(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (text[i] == '"' || text[i] == ',' || text[i] == '\n' || text[i] == '\r')
            return true;
    /* Readers may trim what is not quoted. */
    return len > 0 &&
           (text[0] == ' ' || text[len - 1] == ' ' || text[0] == '\t' || text[len - 1] == '\t');
}

static void add_cell(struct buf *out, bool is_first, const char *text, size_t len)
{
    if (!is_first)
        buf_putc(out, ',');
    if (!needs_quotes(text, len)) {
        buf_add(out, text, len);
        return;
    }
    buf_putc(out, '"');
    for (size_t from = 0; from < len;) {
        const char *quote = memchr(text + from, '"', len - from);
        size_t n = quote != NULL ? (size_t)(quote - text) - from : len - from;
        buf_add(out, text + from, n);
        buf_puts(out, quote != NULL ? "\"\"" : "");
        from += n + (quote != NULL ? 1 : 0);
    }
    buf_putc(out, '"');
}

void log_csv_header(struct buf *out, const struct log_attribute *columns, size_t count)
{
    for (size_t i = 0; i < count; i++)
        add_cell(out, i == 0, columns[i].key, strlen(columns[i].key));
    buf_putc(out, '\n');
}

void log_csv_row(struct buf *out, const struct log_attribute *cells, size_t count)
{
    for (size_t i = 0; i < count; i++)
        add_cell(out, i == 0, cells[i].value, cells[i].len);
    buf_putc(out, '\n');
}
