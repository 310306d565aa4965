/* Rows of a file → event rows in blocks. What is no event is rejected with its line and reason. */
#include "import_impl.h"

#include <stdio.h>
#include <string.h>

#include "utf8.h"

const char *load_reason_name(enum reject_kind kind)
{
    static const char *const names[] = {
        [REJECT_TIME] = "unreadable time",   [REJECT_RANGE] = "time outside 1900 to 2299",
        [REJECT_COLUMNS] = "column count",   [REJECT_QUOTE] = "broken quotes",
        [REJECT_JSON] = "broken JSON",       [REJECT_XES] = "broken XES event",
        [REJECT_UTF8] = "invalid UTF-8",     [REJECT_EVENT] = "no event name",
        [REJECT_OCEL] = "broken OCEL event",
    };
    return names[kind];
}

/* One row as it was read. */
struct row {
    const char *raw;
    size_t len;
    uint64_t lines;
    const struct cell *cells;
    size_t count;
};

static void reject(struct import *im, struct input *in, const struct row *row,
                   enum reject_kind kind, const char *reason)
{
    in->rows_read++;
    in->rows_rejected++;
    im->rejected[kind]++;
    if (im->events.rejected == NULL)
        return;
    const char *text = row->raw;
    size_t len = row->len;
    struct buf object = {0};
    while (len > 0 && (text[len - 1] == '\n' || text[len - 1] == '\r'))
        len--;
    if (in->jsonl.members != NULL && jsonl_add_object(&in->jsonl, text, len, &object) &&
        !buf_failed(&object)) {
        text = buf_text(&object);
        len = object.len;
    }
    const struct import_reject r = {
        .file = input_name(in),
        .line = in->line,
        .last_line = in->line + (row->lines > 1 ? row->lines - 1 : 0),
        .reason = reason,
        .text = text,
        .len = len < IMPORT_REJECT_TEXT ? len : IMPORT_REJECT_TEXT,
    };
    im->events.rejected(im->events.user, &r);
    buf_done(&object);
}

/* --- one event ---------------------------------------------------------------------------- */

/* Cells of the roles; NULL where the row has none. */
struct role_cells {
    const struct cell *of[SNIFF_ROLES];
};

static bool find_roles(struct import *im, struct input *in, const struct row *row,
                       struct role_cells *roles)
{
    for (size_t i = 0; i < row->count; i++) {
        const struct target *t = map_target(im, in, row->cells[i].column);
        if (t == NULL)
            return false;
        for (uint32_t bits = t->roles; bits != 0; bits &= bits - 1)
            roles->of[__builtin_ctz(bits)] = &row->cells[i];
    }
    return true;
}

static struct bytes role_text(const struct role_cells *roles, enum sniff_role role,
                              const char *fallback)
{
    const struct cell *cell = roles->of[role];
    if (cell != NULL && cell->len > 0)
        return (struct bytes){cell->text, cell->len};
    return (struct bytes){fallback, strlen(fallback)};
}

/* The event's time into *ret_us, or false after rejecting the row. */
static bool read_time(struct import *im, struct input *in, const struct row *row,
                      const struct role_cells *roles, int64_t *ret_us)
{
    enum { SHOWN = 60 };
    const struct cell *cell = roles->of[SNIFF_TIME];
    char reason[160];
    if (cell == NULL || cell->len == 0) {
        reject(im, in, row, REJECT_TIME, "no time");
        return false;
    }
    enum when_result result = when_parse(&im->when, cell->text, cell->len, ret_us);
    if (result == WHEN_OK)
        return true;
    bool is_text = utf8_is_valid(cell->text, cell->len);
    size_t shown = cell->len > SHOWN ? utf8_cut(cell->text, SHOWN) : cell->len;
    snprintf(reason, sizeof reason,
             result == WHEN_RANGE ? "time '%.*s' is outside 1900 to 2299"
                                  : "time '%.*s' is in no known form",
             is_text ? (int)shown : 0, cell->text);
    reject(im, in, row, result == WHEN_RANGE ? REJECT_RANGE : REJECT_TIME, reason);
    return false;
}

/* A start time that cannot be read is kept as a property, so that nothing is lost. */
static bool add_start(struct import *im, struct input *in, const struct role_cells *roles,
                      struct native_row *out)
{
    const struct cell *cell = roles->of[SNIFF_START];
    if (cell == NULL || cell->len == 0)
        return true;
    out->has_start = when_parse(&im->when, cell->text, cell->len, &out->start_us) == WHEN_OK;
    if (out->has_start)
        return true;
    const struct name *name = &input_columns(in)->items[cell->column];
    int64_t key = names_add(&im->properties, name->text, name->len);
    if (key < 0)
        return false;
    native_add_property(&im->native, NATIVE_PROPERTIES, (uint32_t)key, cell->text, cell->len);
    im->start_times_kept++;
    return true;
}

/* False only when memory is out. */
static bool add_event(struct import *im, struct input *in, const struct row *row)
{
    struct role_cells roles = {0};
    struct native_row out = {0};
    if (!utf8_is_valid(row->raw, row->len)) {
        reject(im, in, row, REJECT_UTF8, "invalid UTF-8");
        return true;
    }
    if (!find_roles(im, in, row, &roles))
        return false;
    if (!read_time(im, in, row, &roles, &out.time_us))
        return true;
    const char *event_name = im->options.event_name;
    if (event_name == NULL)
        event_name = im->roles[SNIFF_EVENT].column == NULL ? "event" : "";
    out.texts[NATIVE_EVENT] = role_text(&roles, SNIFF_EVENT, event_name);
    if (out.texts[NATIVE_EVENT].len == 0) {
        reject(im, in, row, REJECT_EVENT, "no event name (--event-name gives such rows one)");
        return true;
    }
    out.texts[NATIVE_ACTOR] =
        role_text(&roles, SNIFF_ACTOR, im->roles[SNIFF_ACTOR].column == NULL ? "all" : "");
    out.texts[NATIVE_SESSION] = role_text(&roles, SNIFF_SESSION, "");
    out.texts[NATIVE_CASE] = role_text(&roles, SNIFF_CASE, "");
    out.texts[NATIVE_RESOURCE] = role_text(&roles, SNIFF_RESOURCE, "");
    for (size_t i = 0; i < row->count; i++) {
        const struct target *t = &in->targets[row->cells[i].column];
        if (t->map >= 0 && row->cells[i].len > 0)
            native_add_property(&im->native, (enum native_map)t->map, t->key, row->cells[i].text,
                                row->cells[i].len);
    }
    if (!add_start(im, in, &roles, &out))
        return false;
    if (im->native.has_objects && !objects_add(im, objects_event(in)))
        return false;
    native_add_row(&im->native, &out);
    in->rows_read++;
    in->rows_imported++;
    return true;
}

/* --- rows --------------------------------------------------------------------------------- */

/* The next event; what it is rejected with is its JSON. */
static enum csv_result next_event(struct input *in, const char *bytes, size_t len, bool is_end,
                                  struct row *ret_row, const char **ret_reason)
{
    enum csv_result result = xes_read(&in->xes, bytes, len, is_end);
    const struct buf *json = &in->xes.json;
    *ret_reason = in->xes.reason;
    if (result == CSV_ROW) {
        result = jsonl_read(&in->jsonl, buf_text(json), json->len);
        *ret_reason = in->jsonl.reason;
    }
    in->line = in->xes.line;
    *ret_row =
        (struct row){buf_text(json), json->len, in->xes.lines, in->jsonl.cells, in->jsonl.count};
    return result;
}

/* The same of OCEL. */
static enum csv_result next_object_event(struct input *in, const char *bytes, size_t len,
                                         bool is_end, struct row *ret_row, size_t *ret_used,
                                         const char **ret_reason)
{
    enum csv_result result = objects_next(in, bytes, len, is_end, ret_used);
    const struct ocel_event *event = objects_event(in);
    bool is_broken = result == CSV_BROKEN;
    *ret_reason = event->reason;
    if (is_broken)
        *ret_reason = in->sqlite != NULL ? ocel_sqlite_reason(in->sqlite) : in->ocel.reason;
    if (is_broken)
        in->line = in->sqlite != NULL ? 0 : in->ocel.line;
    uint64_t lines = in->sqlite != NULL ? 1 : in->ocel.lines;
    *ret_row = (struct row){event->raw.text, event->raw.len, lines, event->cells, event->count};
    return result;
}

/* What csv_read() gives for the next row of any kind; `used` and `lines` in *ret_row. */
static enum csv_result next_row(struct input *in, bool is_end, struct row *ret_row,
                                size_t *ret_used, const char **ret_reason)
{
    const char *bytes = in->data != NULL ? in->data + in->start : "";
    size_t len = in->len - in->start;
    enum csv_result result;
    if (in->format == SNIFF_CSV) {
        result = csv_read(&in->csv, bytes, len, is_end);
        *ret_row = (struct row){bytes, in->csv.used, in->csv.lines, in->csv.cells, in->csv.count};
        *ret_used = in->csv.used;
        *ret_reason = in->csv.reason;
        return result;
    }
    if (in->format == SNIFF_XES) {
        result = next_event(in, bytes, len, is_end, ret_row, ret_reason);
        *ret_used = in->xes.used;
        return result;
    }
    if (input_has_objects(in))
        return next_object_event(in, bytes, len, is_end, ret_row, ret_used, ret_reason);
    if (len == 0)
        return is_end ? CSV_END : CSV_MORE;
    const char *newline = memchr(bytes, '\n', len);
    if (newline == NULL && !is_end)
        return CSV_MORE;
    size_t line_len = newline != NULL ? (size_t)(newline - bytes) : len;
    result = jsonl_read(&in->jsonl, bytes, line_len);
    *ret_row = (struct row){bytes, line_len, 1, in->jsonl.cells, in->jsonl.count};
    *ret_used = line_len + (newline != NULL);
    *ret_reason = in->jsonl.reason;
    return result;
}

static bool take_row(struct import *im, struct input *in, const struct row *row)
{
    char reason[96];
    size_t columns = in->columns.count;
    if (in->format != SNIFF_CSV || row->count == columns)
        return add_event(im, in, row);
    snprintf(reason, sizeof reason, "%zu columns instead of %zu", row->count, columns);
    reject(im, in, row, REJECT_COLUMNS, reason);
    return true;
}

/* The row does not end within what may be read: either a quote that is never closed, which costs
 * its line only, or no file of rows at all. */
static enum csv_result give_up_row(struct input *in, struct row *row, size_t *used,
                                   const char **reason, struct err *ret_err)
{
    enum csv_result result = CSV_NO_MEMORY;
    if (in->format == SNIFF_CSV)
        result = next_row(in, true, row, used, reason);
    if (result == CSV_BAD && *used < in->len - in->start)
        return result;
    err_set(ret_err, ERR_LIMIT, "FILE", "line %llu of %s is longer than %d MB",
            (unsigned long long)in->line, input_name(in), ROW_MAX >> 20);
    return CSV_NO_MEMORY;
}

static enum reject_kind reject_kind_of(enum sniff_format format)
{
    return format == SNIFF_CSV     ? REJECT_QUOTE
           : format == SNIFF_XES   ? REJECT_XES
           : format == SNIFF_JSONL ? REJECT_JSON
                                   : REJECT_OCEL;
}

enum load_result load_rows(struct import *im, struct input *in, struct err *ret_err)
{
    struct buf *filling = &im->filling->bytes;
    while (filling->len < im->body_bytes) {
        struct row row;
        size_t used;
        const char *reason;
        size_t unused = in->len - in->start;
        if (unused < in->wanted && !in->is_at_end)
            return LOAD_MORE;
        enum csv_result result = next_row(in, in->is_at_end, &row, &used, &reason);
        if (result == CSV_MORE && unused < ROW_MAX) {
            in->wanted = unused * 2;
            return LOAD_MORE;
        }
        *ret_err = (struct err){0};
        if (result == CSV_MORE)
            result = give_up_row(in, &row, &used, &reason, ret_err);
        if (result == CSV_END)
            return LOAD_END;
        if (result == CSV_BROKEN) {
            input_broken(in, in->line, reason, ret_err);
            return LOAD_FAILED;
        }
        bool is_ok = result == CSV_BLANK || (result == CSV_ROW && take_row(im, in, &row));
        if (result == CSV_BAD) {
            reject(im, in, &row, reject_kind_of(in->format), reason);
            is_ok = true;
        }
        if (!is_ok || im->native.failed || buf_failed(filling)) {
            if (ret_err->code == ERR_OK)
                err_set(ret_err, ERR_MEMORY, NULL, "out of memory");
            return LOAD_FAILED;
        }
        in->wanted = 0;
        in->start += used;
        in->line += row.lines;
        if (im->native.rows >= BLOCK_ROWS || native_size(&im->native) >= BLOCK_BYTES)
            native_flush(&im->native, filling);
    }
    return LOAD_FULL;
}

bool load_sample(struct import *im, struct input *in)
{
    enum { TIME_ROWS = 1000, SAMPLE_ROWS = 5000 };
    bool is_ok = true;
    struct when_sample sample = {0};
    const size_t start = in->start;
    const struct objects_at at = objects_mark(in);
    for (int i = 0; is_ok && i < SAMPLE_ROWS; i++) {
        struct row row;
        size_t used;
        const char *reason;
        struct role_cells roles = {0};
        enum csv_result result = next_row(in, in->is_at_end, &row, &used, &reason);
        is_ok = result != CSV_NO_MEMORY;
        if (result != CSV_ROW && result != CSV_BAD && result != CSV_BLANK)
            break;
        in->start += used;
        /* A ragged row has cells that no column stands for; it is rejected later. */
        bool is_whole = in->format != SNIFF_CSV || row.count == in->columns.count;
        if (result != CSV_ROW || !is_whole)
            continue;
        is_ok = find_roles(im, in, &row, &roles) &&
                (im->has_table || layout_sample(im, in, row.cells, row.count));
        const struct cell *cell = roles.of[SNIFF_TIME];
        if (cell != NULL && i < TIME_ROWS)
            when_sample_add(&sample, cell->text, cell->len);
    }
    in->start = start;
    if (input_has_objects(in))
        objects_go_back(in, &at);
    if (in->format == SNIFF_XES)
        is_ok = xes_start(&in->xes, NULL) == 0 && is_ok;
    im->when.unit = im->options.unit != WHEN_GUESS ? im->options.unit : when_sample_unit(&sample);
    return is_ok;
}
