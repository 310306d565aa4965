#include "log_write.h"

#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "log_text.h"

enum row { ROW_WHO, ROW_US, ROW_LABEL, ROW_PAIRS };
enum own { OWN_CASE, OWN_ACTIVITY, OWN_TIME, OWN };

/* One event: the OWN attributes, then one for each key. */
struct writing {
    const struct run *run;
    bool is_xes;
    struct buf *text;
    json_t *places; /* {key: index} */
    json_int_t events, cases;
    size_t count;
    struct log_attribute *columns; /* without values */
    struct log_attribute *cells, *kept;
};

static enum log_type type_named(const char *name)
{
    enum log_type type = LOG_STRING;
    while (log_type_names[type] != NULL && strcmp(log_type_names[type], name) != 0)
        type++;
    return type;
}

static int writing_init(struct writing *w, const struct run *run, const json_t *keys, bool is_xes,
                        struct buf *text, struct err *ret_err)
{
    static const struct log_attribute own[] = {
        [OWN_CASE] = {.key = LOG_CASE},
        [OWN_ACTIVITY] = {.key = LOG_ACTIVITY},
        [OWN_TIME] = {.key = LOG_TIME, .type = LOG_DATE},
    };
    size_t count = OWN + json_array_size(keys);
    *w = (struct writing){
        .run = run, .is_xes = is_xes, .text = text, .places = json_object(), .count = count};
    w->columns = calloc(count, sizeof *w->columns);
    w->cells = calloc(count, sizeof *w->cells);
    w->kept = calloc(count, sizeof *w->kept);
    if (w->columns == NULL || w->cells == NULL || w->kept == NULL || w->places == NULL) {
        err_set(ret_err, ERR_MEMORY, NULL, "out of memory");
        return -ERR_MEMORY;
    }
    memcpy(w->columns, own, sizeof own);
    for (size_t i = OWN; i < count; i++) {
        const json_t *one = json_array_get(keys, i - OWN);
        const char *key = json_get_string(one, "key", "");
        json_object_set_new(w->places, key, json_integer((json_int_t)i));
        w->columns[i].key = key;
        w->columns[i].type = type_named(json_get_string(one, "type", "string"));
    }
    return 0;
}

static void writing_done(struct writing *w)
{
    json_decref(w->places);
    free(w->columns);
    free(w->cells);
    free(w->kept);
}

static void set_cell(struct writing *w, size_t at, const json_t *text)
{
    w->cells[at].value = json_string_value(text);
    w->cells[at].len = json_string_length(text);
}

/* Of two values for one key the first counts. */
static void fill_cells(struct writing *w, const json_t *row)
{
    const json_t *pairs = json_array_get(row, ROW_PAIRS);
    for (size_t i = 0; i < w->count; i++)
        w->cells[i] = w->columns[i];
    set_cell(w, OWN_CASE, json_array_get(row, ROW_WHO));
    set_cell(w, OWN_ACTIVITY, json_array_get(row, ROW_LABEL));
    for (size_t i = 0; i < json_array_size(pairs); i++) {
        const json_t *pair = json_array_get(pairs, i);
        const json_t *place = json_object_get(w->places, json_at_string(pair, 0));
        size_t at = place != NULL ? (size_t)json_integer_value(place) : 0;
        if (at != 0 && w->cells[at].len == 0)
            set_cell(w, at, json_array_get(pair, 1));
    }
}

static bool is_of_case(const char *key)
{
    return strncmp(key, "case:", strlen("case:")) == 0;
}

/* What all events of a case say of it stands in its trace alone. */
static void write_trace(struct writing *w, const json_t *rows, size_t from, size_t end)
{
    fill_cells(w, json_array_get(rows, from));
    for (size_t i = 0; i < w->count; i++)
        w->kept[i] = w->cells[i];
    for (size_t i = from + 1; i < end; i++) {
        fill_cells(w, json_array_get(rows, i));
        for (size_t k = OWN; k < w->count; k++)
            if (w->kept[k].len > 0 &&
                (w->kept[k].len != w->cells[k].len ||
                 memcmp(w->kept[k].value, w->cells[k].value, w->kept[k].len) != 0))
                w->kept[k].len = 0;
    }
    for (size_t k = 0; k < w->count; k++) {
        bool is_told = is_of_case(w->kept[k].key);
        w->kept[k].key += is_told ? strlen("case:") : 0;
        w->kept[k].len = is_told ? w->kept[k].len : 0;
    }
    log_xes_trace(w->text, w->kept, w->count);
}

static void write_event(struct writing *w, const json_t *row)
{
    fill_cells(w, row);
    json_t *at = run_time(w->run, json_at_integer(row, ROW_US));
    set_cell(w, OWN_TIME, at);
    if (w->is_xes) {
        for (size_t k = 0; k < w->count; k++)
            if (k == OWN_CASE || w->kept[k].len > 0)
                w->cells[k].len = 0;
        log_xes_event(w->text, w->cells, w->count);
    } else {
        log_csv_row(w->text, w->cells, w->count);
    }
    json_decref(at);
}

static void write_rows(struct writing *w, const json_t *rows)
{
    size_t count = json_array_size(rows), end;
    for (size_t from = 0; from < count; from = end) {
        const json_t *who = json_array_get(json_array_get(rows, from), ROW_WHO);
        end = from + 1;
        while (end < count && json_equal(json_array_get(json_array_get(rows, end), ROW_WHO), who))
            end++;
        if (w->is_xes)
            write_trace(w, rows, from, end);
        for (size_t i = from; i < end; i++)
            write_event(w, json_array_get(rows, i));
        if (w->is_xes)
            log_xes_trace_end(w->text);
        w->events += (json_int_t)(end - from);
        w->cases++;
    }
}

int log_write(const struct run *run, const json_t *rows, const json_t *keys, struct log_piece piece,
              json_t **ret_text, json_int_t *ret_events, json_int_t *ret_cases, struct err *ret_err)
{
    struct writing w;
    struct buf out = {0};
    int rc = writing_init(&w, run, keys, piece.is_xes, &out, ret_err);
    if (rc == 0 && piece.is_first && piece.is_xes)
        log_xes_begin(&out, run->source->name);
    else if (rc == 0 && piece.is_first)
        log_csv_header(&out, w.columns, w.count);
    if (rc == 0)
        write_rows(&w, rows);
    if (rc == 0 && piece.is_last && piece.is_xes)
        log_xes_end(&out);
    json_t *text =
        rc == 0 && !buf_failed(&out) ? json_stringn_nocheck(buf_text(&out), out.len) : NULL;
    writing_done(&w);
    buf_done(&out);
    if (text == NULL)
        return rc < 0 ? rc : err_set(ret_err, ERR_MEMORY, NULL, "out of memory");
    *ret_text = text;
    *ret_events = w.events;
    *ret_cases = w.cases;
    return 0;
}
