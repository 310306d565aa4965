/* The events of the cases that a call selects, as a file for other tools: XES or CSV. A log that is
 * too long for one message comes in parts, each a log of its own with whole cases. */
#include <stdlib.h>
#include <string.h>

#include "args.h"
#include "catalog.h"
#include "export_log.h"
#include "json.h"
#include "log_rows.h"
#include "log_text.h"
#include "log_write.h"
#include "sql_text.h"
#include "text.h"
#include "uri_template.h"

enum {
    PART_BYTES = 2500000,
    PART_BYTES_MAX = 16 << 20, /* as rows below what those of a run may hold */
    ROWS_MAX = 2000000,
    KEYS_MAX = 1000,
    PARTS_MAX = 100000,
    URI_MAX = 4000, /* with room for the part below what is read */
};

static const struct param key_fields[] = {
    {.name = "key", .is_required = true, .description = "Name."},
    {.name = "type", .choices = log_type_names, .is_required = true, .description = "Of XES."},
    {0},
};

static const struct param params[] = {
    ARG_PERIOD,
    ARG_SCOPE,
    ARG_CASE,
    {.name = "format",
     .choices = export_log_formats,
     .is_required = true,
     .description = "Of the file."},
    {.name = "part",
     .max_length = 24,
     .description = "Like 2-of-5; left out: the whole, if it fits into one."},
    {.name = "part_bytes",
     .type = VALUE_INTEGER,
     .min = 1000,
     .max = PART_BYTES_MAX,
     .description = "What a part may have, about."},
    {.name = "is_piece",
     .type = VALUE_BOOLEAN,
     .fallback = "false",
     .description = "Parts are pieces of one file."},
    {.name = "keys",
     .type = VALUE_OBJECT,
     .is_list = true,
     .max_items = KEYS_MAX,
     .fields = key_fields,
     .description = "The properties, where they are known."},
    {0},
};

static const struct field known_fields[] = {
    {"key", "Name.", VALUE_STRING}, {"type", "Of XES.", VALUE_STRING}, {0}};

static const struct field fields[] = {
    {"events", "In this part.", VALUE_INTEGER},
    {"cases", "In this part.", VALUE_INTEGER},
    {"part", "Which part this is, from 1.", VALUE_INTEGER},
    {"parts", "How many there are.", VALUE_INTEGER},
    {"keys", "The properties of all parts.", VALUE_OBJECT, .is_list = true, .fields = known_fields},
    {"text", "The file.", VALUE_STRING},
    {0},
};

const char *const export_log_formats[] = {"csv", "xes", NULL};

/* --- what is asked for ------------------------------------------------------------------------ */

struct state {
    struct log_part part; /* parts 0 = not said */
    int64_t events, cases;
    json_t *keys; /* [{key, type}] */
};

static void state_free(void *user)
{
    struct state *s = user;
    json_decref(s->keys);
    free(s);
}

static bool is_xes(const struct run *run)
{
    return strcmp(json_get_string(run->arguments, "format", ""), "xes") == 0;
}

static bool is_piece(const struct run *run)
{
    return json_get_bool(run->arguments, "is_piece", false);
}

static int64_t part_bytes(const struct run *run)
{
    return json_get_integer(run->arguments, "part_bytes", PART_BYTES);
}

/* "2-of-5" */
static int read_part(const struct run *run, struct state *s, struct err *ret_err)
{
    const char *text = json_get_string(run->arguments, "part", NULL);
    if (text == NULL)
        return 0;
    char *end;
    s->part.part = strtoll(text, &end, 10);
    bool is_right = end != text && strncmp(end, "-of-", 4) == 0;
    const char *rest = is_right ? end + 4 : text;
    s->part.parts = strtoll(rest, &end, 10);
    if (is_right && end != rest && *end == '\0' && s->part.part >= 1 &&
        s->part.part <= s->part.parts && s->part.parts <= PARTS_MAX)
        return 0;
    return err_set(ret_err, ERR_ARGUMENT, "part",
                   "expected which part of how many, like 2-of-5, got '%.40s'", text);
}

/* --- how large it is -------------------------------------------------------------------------- */

static int plan_size(struct run *run, struct err *ret_err)
{
    struct state *s = run->state = calloc(1, sizeof *s);
    if (s == NULL)
        return err_set(ret_err, ERR_MEMORY, NULL, "out of memory");
    run->state_free = state_free;
    s->keys = json_incref(json_object_get(run->arguments, "keys"));
    int rc = read_part(run, s, ret_err);
    if (rc == 0)
        rc = log_plan_rows(run, &sql_export_log_size, s->part, 0, 1, ret_err);
    if (rc >= 0 && s->keys == NULL)
        rc = log_plan_rows(run, &sql_export_log_keys, (struct log_part){0}, KEYS_MAX + 1,
                           KEYS_MAX + 1, ret_err);
    return rc < 0 ? rc : 0;
}

/* Ids stay texts even where they look like numbers. */
static bool is_id(const char *key)
{
    return strcmp(key, LOG_RESOURCE) == 0 || strcmp(key, "actor") == 0 ||
           strcmp(key, "session") == 0;
}

static int keep_keys(struct run *run, const json_t *rows, struct err *ret_err)
{
    static const enum log_type tried[] = {LOG_INT, LOG_FLOAT, LOG_DATE, LOG_BOOLEAN};
    struct state *s = run->state;
    if (json_array_size(rows) > KEYS_MAX)
        return err_set(ret_err, ERR_LIMIT, "filters",
                       "the events have more than %d different properties, more than a table has "
                       "columns; select cases of fewer kinds with filters",
                       KEYS_MAX);
    s->keys = json_array();
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        enum log_type type = LOG_STRING;
        bool is_text = is_id(json_at_string(row, 0));
        for (size_t k = sizeof tried / sizeof tried[0]; k > 0 && !is_text; k--)
            if (json_at_integer(row, k) == 1)
                type = tried[k - 1];
        json_array_append_new(s->keys, json_pack("{s:O, s:s}", "key", json_array_get(row, 0),
                                                 "type", log_type_names[type]));
    }
    return 0;
}

/* About: what stands around the values of an event and of a property is counted, too. */
static int64_t bytes_of(const struct run *run, const json_t *row)
{
    int64_t events = json_at_integer(row, 0);
    int64_t pairs = json_at_integer(row, 2);
    int64_t texts = json_at_integer(row, 3);
    return is_xes(run) ? texts + 220 * events + 32 * pairs : texts + 60 * events + 8 * pairs;
}

static void add_uri(const struct run *run, struct buf *out)
{
    json_t *uri = export_log_uri(run, json_get_string(run->arguments, "format", ""));
    buf_puts(out, uri != NULL ? json_string_value(uri) : "sextant://log/…");
    json_decref(uri);
}

static int refuse_whole(const struct run *run, int64_t bytes, int64_t parts, struct err *ret_err)
{
    const struct state *s = run->state;
    struct buf uri = {0};
    char events[48];
    add_uri(run, &uri);
    int rc = err_set(
        ret_err, ERR_LIMIT, "part",
        "the log has %s and about %.1f MB, more than the %.1f MB that one resource may have: read "
        "it in %lld parts, each a log of its own with whole cases, %.300s/1-of-%lld to %lld-of-"
        "%lld; or select fewer cases; or write all of it to a file: sextant export",
        text_things(events, sizeof events, (double)s->events, "event"), (double)bytes / 1e6,
        (double)part_bytes(run) / 1e6, (long long)parts, buf_text(&uri), (long long)parts,
        (long long)parts, (long long)parts);
    buf_done(&uri);
    return rc;
}

static int shape_size(struct run *run, struct err *ret_err)
{
    struct state *s = run->state;
    const json_t *row = json_array_get(run_rows(run, 0), 0);
    int64_t bytes = bytes_of(run, row), most = part_bytes(run);
    s->events = json_at_integer(row, 0);
    s->cases = json_at_integer(row, 1);
    int rc = s->keys == NULL ? keep_keys(run, run_rows(run, 1), ret_err) : 0;
    if (rc < 0)
        return rc;
    /* Cases are spread over the parts by chance. */
    int64_t wanted = bytes <= most ? 1 : bytes / (most - most / 4) + 1;
    if (s->part.parts > 0 && bytes > 3 * most)
        return err_set(ret_err, ERR_LIMIT, "part",
                       "this part has about %.1f MB in %lld cases, more than one resource may "
                       "have: %s",
                       (double)bytes / 1e6, (long long)s->cases,
                       s->cases > 1 ? "ask for more parts"
                                    : "a case is not cut; read it with case_timeline");
    if (s->part.parts == 0 && wanted > 1 && !is_piece(run))
        return refuse_whole(run, bytes, wanted, ret_err);
    s->part.parts = s->part.parts == 0 ? wanted : s->part.parts;
    s->part.part = s->part.part == 0 ? 1 : s->part.part;
    return 0;
}

/* --- the text --------------------------------------------------------------------------------- */

static int plan_rows(struct run *run, struct err *ret_err)
{
    const struct state *s = run->state;
    int rc = log_plan_rows(run, &sql_export_log_rows, s->part, 0, ROWS_MAX, ret_err);
    return rc < 0 ? rc : 0;
}

static int shape_rows(struct run *run, struct err *ret_err)
{
    const struct state *s = run->state;
    json_t *text, *r = run->result;
    json_int_t events, cases;
    if (run_rows_truncated(run, 0))
        return err_set(ret_err, ERR_LIMIT, "part",
                       "the events are more than can be read at a time; ask for more parts");
    struct log_piece piece = {.is_xes = is_xes(run),
                              .is_first = !is_piece(run) || s->part.part == 1,
                              .is_last = !is_piece(run) || s->part.part == s->part.parts};
    int rc = log_write(run, run_rows(run, 0), s->keys, piece, &text, &events, &cases, ret_err);
    if (rc < 0)
        return rc;
    json_object_set_new(r, "events", json_integer(events));
    json_object_set_new(r, "cases", json_integer(cases));
    json_object_set_new(r, "part", json_integer(s->part.part));
    json_object_set_new(r, "parts", json_integer(s->part.parts));
    json_object_set(r, "keys", s->keys);
    json_object_set_new(r, "text", text);
    return 0;
}

const struct tool tool_export_log = {
    .name = "export_log",
    .title = "Export a log",
    .description = "The events of the selected cases as XES or CSV.",
    .flags = TOOL_WHOLE_PERIOD | TOOL_WHOLE_RESULT,
    .params = params,
    .fields = fields,
    .steps = (const struct step[]){{plan_size, shape_size}, {plan_rows, shape_rows}, {0}},
};

/* --- where it is ------------------------------------------------------------------------------ */

json_t *export_log_uri(const struct run *run, const char *format)
{
    static const char *const taken[] = {"from", "to", "filters", "segment", "case"};
    json_t *arguments = json_pack("{s:s}", "source", run->source->name);
    const char *tz = json_get_string(run->arguments, "tz", "UTC");
    if (strcmp(tz, "UTC") != 0)
        json_object_set_new(arguments, "tz", json_string(tz));
    for (size_t i = 0; i < sizeof taken / sizeof taken[0]; i++) {
        json_t *value = json_object_get(run->arguments, taken[i]);
        if (value != NULL)
            json_object_set(arguments, taken[i], value);
    }
    char *text = json_text(arguments);
    struct buf uri = {0};
    buf_printf(&uri, "sextant://log/%s/", format);
    uri_add_encoded(&uri, text != NULL ? text : "");
    json_t *all = text != NULL && !buf_failed(&uri) && uri.len <= URI_MAX
                      ? json_string(buf_text(&uri))
                      : NULL;
    buf_done(&uri);
    free(text);
    json_decref(arguments);
    return all;
}
