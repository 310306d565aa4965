#include "clickhouse.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* An exception of a broken-off answer is at most 16 kB; without lines, so much is held back. */
enum { TAIL_MAX = 20 << 10, ERROR_MAX = 64 << 10 };

static const char marker[] = "__exception__\r\n";

void clickhouse_reply_init(struct clickhouse_reply *r, const struct db_request *request)
{
    *r = (struct clickhouse_reply){
        .limit = request->limits,
        .on_data = request->on_data,
        .on_progress = request->on_progress,
        .user = request->user,
    };
    buf_init(&r->held, 0);
    buf_init(&r->error, ERROR_MAX);
    const char *format = request->format != NULL ? request->format : "";
    r->is_rows = strncmp(format, "JSON", 4) == 0 && strstr(format, "EachRow") != NULL;
}

void clickhouse_reply_done(struct clickhouse_reply *r)
{
    buf_done(&r->held);
    buf_done(&r->error);
    r->unquote = unquote_free(r->unquote);
}

/* --- headers --------------------------------------------------------------------------------- */

/* The number of "key" in a flat JSON object whose numbers may be quoted. */
static void pick(const char *json, const char *key, uint64_t *ret_value)
{
    char quoted[48];
    snprintf(quoted, sizeof quoted, "\"%s\"", key);
    const char *at = strstr(json, quoted);
    if (at == NULL)
        return;
    at += strlen(quoted);
    at += strspn(at, " :\"");
    char *end;
    unsigned long long value = strtoull(at, &end, 10);
    if (end != at)
        *ret_value = value;
}

static void read_stats(struct clickhouse_reply *r, const char *json)
{
    pick(json, "read_rows", &r->stats.rows_read);
    pick(json, "read_bytes", &r->stats.bytes_read);
    pick(json, "total_rows_to_read", &r->stats.rows_total);
    pick(json, "elapsed_ns", &r->stats.elapsed_ns);
}

static bool has_prefix(const char *text, const char *prefix)
{
    return strncasecmp(text, prefix, strlen(prefix)) == 0;
}

void clickhouse_reply_header(struct clickhouse_reply *r, const char *line, size_t len)
{
    char text[1024];
    r->has_bytes = true;
    snprintf(text, sizeof text, "%.*s", (int)(len < sizeof text ? len : sizeof text - 1), line);
    text[strcspn(text, "\r\n")] = '\0';
    if (has_prefix(text, "HTTP/")) {
        const char *space = strchr(text, ' ');
        r->status = space != NULL ? strtol(space, NULL, 10) : 0;
        return;
    }
    if (!has_prefix(text, "X-ClickHouse-"))
        return;
    r->is_clickhouse = true;
    const char *value = strchr(text, ':');
    if (value == NULL)
        return;
    value++;
    value += strspn(value, " \t");
    if (has_prefix(text, "X-ClickHouse-Exception-Code:")) {
        r->exception_code = (int)strtol(value, NULL, 10);
    } else if (has_prefix(text, "X-ClickHouse-Exception-Tag:")) {
        snprintf(r->tag, sizeof r->tag, "%.32s", value);
    } else if (has_prefix(text, "X-ClickHouse-Summary:")) {
        read_stats(r, value);
    } else if (has_prefix(text, "X-ClickHouse-Progress:")) {
        read_stats(r, value);
        if (r->on_progress != NULL)
            r->on_progress(r->user, &r->stats);
    }
}

/* --- body ------------------------------------------------------------------------------------ */

static void keep_error(struct clickhouse_reply *r, const char *bytes, size_t len)
{
    size_t room = ERROR_MAX - r->error.len;
    buf_add(&r->error, bytes, len < room ? len : room);
}

static int over_limit(struct clickhouse_reply *r, const char *what, uint64_t limit)
{
    r->is_over_limit = true;
    return err_set(&r->limit_err, ERR_LIMIT, NULL,
                   "the result has more than %llu %s: narrow the period or the filters, or ask "
                   "for fewer groups",
                   (unsigned long long)limit, what);
}

static int hand_over(struct clickhouse_reply *r, const char *bytes, size_t len)
{
    if (len == 0)
        return 0;
    if (r->limit.result_bytes != 0 && len > r->limit.result_bytes - r->bytes)
        return over_limit(r, "bytes", r->limit.result_bytes);
    r->bytes += len;
    if (r->on_data == NULL)
        return 0;
    int rc = r->on_data(r->user, bytes, len);
    if (rc < 0)
        r->is_stopped = true;
    return rc;
}

/* Whole lines that are rows, `count` of them. */
static int deliver_rows(struct clickhouse_reply *r, const char *bytes, size_t len, uint64_t count)
{
    if (count == 0)
        return 0;
    r->rows += count;
    if (r->limit.result_rows != 0 && r->rows > r->limit.result_rows)
        return over_limit(r, "rows", r->limit.result_rows);
    if (r->unquote == NULL)
        return hand_over(r, bytes, len);
    struct buf *out = unquote_rows(r->unquote, bytes, len, &r->limit_err);
    if (out == NULL) {
        r->is_over_limit = true;
        return -(int)r->limit_err.code;
    }
    return hand_over(r, out->data, out->len);
}

/* A row is one JSON array or object on its line. The server writes an exception behind whatever
 * rows (or part of a row) it has sent, so a line of another shape is where the rows end. */
static bool is_row(const char *line, size_t len)
{
    return len >= 2 &&
           ((line[0] == '[' && line[len - 1] == ']') || (line[0] == '{' && line[len - 1] == '}'));
}

/* Delivers the whole rows at the start of `bytes`; returns how many bytes are dealt with, all up
 * to the last line end unless a line is no row. */
static int take_lines(struct clickhouse_reply *r, const char *bytes, size_t len, size_t *ret_taken)
{
    size_t at = 0;
    uint64_t rows = 0;
    while (at < len) {
        const char *end = memchr(bytes + at, '\n', len - at);
        if (end == NULL)
            break;
        size_t size = (size_t)(end - (bytes + at));
        if (!is_row(bytes + at, size)) {
            r->is_broken = true;
            break;
        }
        at += size + 1;
        rows++;
    }
    *ret_taken = at;
    return deliver_rows(r, bytes, at, rows);
}

static int take_rows(struct clickhouse_reply *r, const char *bytes, size_t len)
{
    size_t taken;
    int rc = 0;
    if (r->held.len > 0) {
        const char *end = memchr(bytes, '\n', len);
        size_t first = end != NULL ? (size_t)(end - bytes) + 1 : len;
        buf_add(&r->held, bytes, first);
        if (buf_failed(&r->held))
            return over_limit(r, "bytes in one row", BUF_MAX_DEFAULT);
        bytes += first;
        len -= first;
        if (end == NULL)
            return 0;
        rc = take_lines(r, r->held.data, r->held.len, &taken);
        if (r->is_broken)
            keep_error(r, r->held.data, r->held.len);
        buf_reset(&r->held);
    }
    if (rc == 0 && !r->is_broken) {
        rc = take_lines(r, bytes, len, &taken);
        bytes += taken;
        len -= taken;
    }
    if (r->is_broken)
        keep_error(r, bytes, len);
    else
        buf_add(&r->held, bytes, len);
    return rc;
}

/* Formats without lines: the end is held back, since an exception may be in it. */
static int take_bytes(struct clickhouse_reply *r, const char *bytes, size_t len)
{
    buf_add(&r->held, bytes, len);
    if (buf_failed(&r->held))
        return over_limit(r, "bytes", BUF_MAX_DEFAULT);
    if (r->held.len <= TAIL_MAX)
        return 0;
    size_t sure = r->held.len - TAIL_MAX;
    int rc = hand_over(r, r->held.data, sure);
    buf_drop(&r->held, sure);
    return rc;
}

int clickhouse_reply_body(struct clickhouse_reply *r, const char *bytes, size_t len)
{
    r->has_bytes = true;
    if (r->status != 200 || r->exception_code != 0 || r->is_broken) {
        keep_error(r, bytes, len);
        return 0;
    }
    return r->is_rows ? take_rows(r, bytes, len) : take_bytes(r, bytes, len);
}

/* --- the end --------------------------------------------------------------------------------- */

/* Where an exception block starts: "\r\n__exception__\r\nTAG\r\n" since 25.11, "__exception__\r\n"
 * for a while before. NULL if there is none. Only a tag makes it certain. */
static const char *find_block(const struct clickhouse_reply *r, const struct buf *text)
{
    const char *from = text->data;
    size_t left = text->len;
    const char *at;
    size_t tag_len = strlen(r->tag);
    while (left > 0 && (at = memmem(from, left, marker, sizeof marker - 1)) != NULL) {
        const char *after = at + sizeof marker - 1;
        size_t rest = (size_t)(text->data + text->len - after);
        if (tag_len == 0 || (rest > tag_len && memcmp(after, r->tag, tag_len) == 0))
            return at;
        from = after;
        left = rest;
    }
    return NULL;
}

static const char *last_code(const char *text)
{
    const char *last = NULL;
    for (const char *at = strstr(text, "Code: "); at != NULL; at = strstr(at + 1, "Code: ")) {
        const char *digits_end = at + 6 + strspn(at + 6, "0123456789");
        if (has_prefix(digits_end, ". DB::"))
            last = at;
    }
    return last;
}

/* Leaves only "Code: …" of what was collected, without the block's frame. */
static void trim_error(struct clickhouse_reply *r)
{
    const char *text = buf_text(&r->error);
    const char *block = r->error.len > 0 ? find_block(r, &r->error) : NULL;
    if (block == NULL && r->tag[0] != '\0' && r->status == 200 && r->exception_code == 0) {
        buf_reset(&r->error); /* such a server frames its exceptions: these are cut rows */
        return;
    }
    const char *code = strstr(block != NULL ? block : text, "Code: ");
    if (block == NULL && (text[0] == '[' || text[0] == '{'))
        code = last_code(text); /* behind a cut row, whose own text may look the same */
    if (code != NULL && code != text)
        buf_drop(&r->error, (size_t)(code - text));
    if (block != NULL && r->tag[0] != '\0' && r->error.len > 0) {
        /* The block ends with "<length> <tag>\r\n__exception__\r\n". */
        char *tail = strstr(r->error.data, r->tag);
        if (tail != NULL) {
            while (tail > r->error.data && tail[-1] != '\n')
                tail--;
            *tail = '\0';
            r->error.len = (size_t)(tail - r->error.data);
        }
    }
}

static int end_rows(struct clickhouse_reply *r)
{
    if (r->held.len == 0)
        return 0;
    if (is_row(r->held.data, r->held.len)) {
        int rc = deliver_rows(r, r->held.data, r->held.len, 1);
        buf_reset(&r->held);
        return rc;
    }
    r->is_broken = true;
    keep_error(r, r->held.data, r->held.len);
    return -1;
}

static int end_bytes(struct clickhouse_reply *r)
{
    if (r->held.len == 0)
        return 0;
    if (find_block(r, &r->held) != NULL) {
        r->is_broken = true;
        keep_error(r, r->held.data, r->held.len);
        return -1;
    }
    int rc = hand_over(r, r->held.data, r->held.len);
    buf_reset(&r->held);
    return rc;
}

int clickhouse_reply_end(struct clickhouse_reply *r, bool is_complete)
{
    int rc = 0;
    if (!is_complete && !r->is_broken) {
        /* What is held is a cut row, or the exception that came with the cut. */
        r->is_broken = true;
        keep_error(r, buf_text(&r->held), r->held.len);
    }
    if (r->status == 200 && r->exception_code == 0 && !r->is_broken)
        rc = r->is_rows ? end_rows(r) : end_bytes(r);
    if (r->status != 200 || r->exception_code != 0 || r->is_broken) {
        trim_error(r);
        return -1;
    }
    return rc;
}
