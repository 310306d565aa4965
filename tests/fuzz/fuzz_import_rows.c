/* Any bytes as a file to import: the first byte chooses the dialect. Beside not crashing, rows must
 * be the same however the bytes arrive, every byte must belong to one row, and what JSON lines give
 * must be UTF-8 when the line is. */
#include <string.h>

#include "fuzz.h"
#include "jsonl.h"
#include "sniff.h"
#include "utf8.h"
#include "when.h"

static uint64_t mix(uint64_t hash, const char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        hash = (hash ^ (unsigned char)bytes[i]) * UINT64_C(1099511628211);
    return (hash ^ len) * UINT64_C(1099511628211);
}

/* All rows as a number; `step` more bytes at a time. */
static uint64_t read_rows(const char *bytes, size_t len, int dialect, size_t step)
{
    static const char delimiters[] = {',', ';', '\t', ' '};
    struct csv c;
    uint64_t hash = 0;
    size_t start = 0, end = 0;
    csv_init(&c, delimiters[dialect & 3], (enum csv_quoting)((dialect >> 2) % 3));
    c.newline = (dialect & 16) != 0 ? '\r' : '\n';
    for (;;) {
        char *copy = malloc(end - start + 1);
        check(copy != NULL, "memory");
        memcpy(copy, bytes + start, end - start);
        enum csv_result result = csv_read(&c, copy, end - start, end == len);
        if (result == CSV_MORE) {
            check(end < len, "more wanted at the end");
            end = end + step < len ? end + step : len;
        } else if (result != CSV_END) {
            check(c.used > 0 && c.used <= end - start, "the count of bytes used");
            for (size_t i = 0; result == CSV_ROW && i < c.count; i++) {
                check(c.cells[i].column == i, "the number of a column");
                hash = mix(hash, c.cells[i].text, c.cells[i].len);
            }
            hash = mix(hash, (const char *)&result, sizeof result);
            start += c.used;
        }
        free(copy);
        if (result == CSV_END)
            break;
    }
    check(start == len, "bytes left over");
    csv_done(&c);
    return hash;
}

/* What a list stands for, written as an object, is the same row. */
static void check_object(struct jsonl *list, const char *line, size_t len)
{
    struct jsonl j = {0};
    struct buf object = {0};
    size_t count = list->count;
    check(jsonl_add_object(list, line, len, &object), "a list that is no object");
    check(jsonl_read(&j, buf_text(&object), object.len) == CSV_ROW, "an object that is no row");
    check(j.count == count, "the values of an object");
    buf_done(&object);
    jsonl_done(&j);
}

static void read_line(struct jsonl *j, const char *line, size_t len)
{
    char *copy = malloc(len + 1);
    check(copy != NULL, "memory");
    memcpy(copy, line, len);
    enum csv_result result = jsonl_read(j, copy, len);
    bool is_text = utf8_is_valid(copy, len);
    for (size_t i = 0; i < j->member_count; i++)
        is_text = is_text && utf8_is_valid(j->members[i].name, j->members[i].len);
    check(result != CSV_BAD || j->reason != NULL, "a reject without why");
    for (size_t i = 0; result == CSV_ROW && i < j->count; i++) {
        check(j->cells[i].column < j->columns.count, "the number of a column");
        check(!is_text || utf8_is_valid(j->cells[i].text, j->cells[i].len), "a value");
    }
    if (result == CSV_ROW && j->members != NULL)
        check_object(j, copy, len);
    free(copy);
}

/* Objects, or lists below a line with their names. */
static void read_lines(const char *bytes, size_t len, bool is_lists)
{
    struct jsonl j = {0};
    while (len > 0) {
        const char *newline = memchr(bytes, '\n', len);
        size_t line_len = newline != NULL ? (size_t)(newline - bytes) : len;
        if (!is_lists)
            read_line(&j, bytes, line_len);
        else if (jsonl_read_names(&j, bytes, line_len) != CSV_ROW)
            break;
        is_lists = false;
        bytes += newline != NULL ? line_len + 1 : line_len;
        len -= newline != NULL ? line_len + 1 : line_len;
    }
    jsonl_done(&j);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1 || size > 4096)
        return 0;
    const char *bytes = (const char *)data + 1;
    size_t len = size - 1;
    int dialect = data[0];
    uint64_t whole = read_rows(bytes, len, dialect, len + 1);
    check(read_rows(bytes, len, dialect, 1) == whole, "rows differ with how bytes arrive");
    check(read_rows(bytes, len, dialect, 7) == whole, "rows differ with how bytes arrive");
    read_lines(bytes, len, (dialect & 32) != 0);
    sniff_content(bytes, len);
    sniff_delimiter(bytes, len, CSV_QUOTES);
    int64_t us = 0;
    const struct when w = {.unit = WHEN_GUESS};
    if (when_parse(&w, bytes, len, &us) == WHEN_OK)
        check(us >= WHEN_MIN_US && us <= WHEN_MAX_US, "a time outside of the range");
    return 0;
}
