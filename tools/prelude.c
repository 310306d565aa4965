/* Before a tool plans: which source, which period, and do the names in its arguments exist. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bind.h"
#include "json.h"
#include "period.h"
#include "run_internal.h"
#include "sql_text.h"
#include "text.h"

static const int64_t default_period_us = (int64_t)30 * 86400 * 1000000;
static const int64_t live_us = (int64_t)3600 * 1000000;

/* --- names in the arguments ---------------------------------------------------------------- */

enum { NAMES_SHOWN = 12 }; /* in an error that proposes names */

/* Where in the arguments a name stands. An event and a field may be called the same. */
static const char *path_of(const struct run_state *r, bool is_field, const char *name)
{
    return json_get_string(json_object_get(r->paths, is_field ? "fields" : "events"), name, NULL);
}

static void note_name(struct run_state *r, bool is_field, const char *name, const char *path)
{
    if (path_of(r, is_field, name) != NULL)
        return;
    const char *kind = is_field ? "fields" : "events";
    if (json_object_get(r->paths, kind) == NULL)
        json_object_set_new(r->paths, kind, json_object());
    json_object_set_new(json_object_get(r->paths, kind), name, json_string(path));
    json_array_append_new(is_field ? r->fields : r->events, json_string(name));
}

/* The argument actor takes one word that is no field. */
static bool is_counted_word(const struct param *p, const char *value)
{
    return strcmp(p->name, "actor") == 0 && strcmp(value, "user") == 0;
}

/* The name of a node of path runs is that of an event, unless the nodes are something else. */
static bool is_event_node(const struct run_state *r)
{
    return strcmp(json_get_string(r->run.arguments, "node", "event"), "event") == 0 &&
           json_array_size(json_object_get(r->run.arguments, "clean")) == 0;
}

static bool is_event_name(const struct run_state *r, const char *role)
{
    return strcmp(role, "event") == 0 || (strcmp(role, "node") == 0 && is_event_node(r));
}

static void walk(struct run_state *r, const struct param *params, const json_t *object,
                 const char *path);

static void walk_value(struct run_state *r, const struct param *p, const json_t *value,
                       const char *path)
{
    if (p->type == VALUE_OBJECT && p->fields != NULL)
        walk(r, p->fields, value, path);
    else if (p->role != NULL && json_is_string(value) && is_event_name(r, p->role))
        note_name(r, false, json_string_value(value), path);
    else if (p->role != NULL && json_is_string(value) && strcmp(p->role, "field") == 0 &&
             !is_counted_word(p, json_string_value(value)))
        note_name(r, true, json_string_value(value), path);
}

static void walk(struct run_state *r, const struct param *params, const json_t *object,
                 const char *path)
{
    for (const struct param *p = params; p != NULL && p->name != NULL; p++) {
        const json_t *value = json_object_get(object, p->name);
        if (value == NULL)
            continue;
        char at[160];
        snprintf(at, sizeof at, "%s%s%s", path, path[0] != '\0' ? "." : "", p->name);
        if (!json_is_array(value)) {
            walk_value(r, p, value, at);
            continue;
        }
        for (size_t i = 0; i < json_array_size(value); i++) {
            char item[192];
            snprintf(item, sizeof item, "%s[%zu]", at, i);
            walk_value(r, p, json_array_get(value, i), item);
        }
    }
}

/* --- source -------------------------------------------------------------------------------- */

int prelude_source(struct run_state *r, struct err *ret_err)
{
    r->run.sources = r->sources;
    if (r->run.tool->flags & TOOL_NO_SOURCE)
        return 0;
    const char *name = json_get_string(r->run.arguments, "source", NULL);
    r->run.source = sources_find(r->sources, name, ret_err);
    if (r->run.source == NULL)
        return -(int)ret_err->code;
    int rc = named_read(r, ret_err);
    if (rc < 0)
        return rc;
    if (!json_get_bool(r->run.arguments, "allow_unknown", false))
        walk(r, r->run.subject->params, r->run.arguments,
             r->run.subject != r->run.tool ? "arguments" : "");
    return 0;
}

/* --- time zone ----------------------------------------------------------------------------- */

int prelude_zone(struct run_state *r, struct err *ret_err)
{
    const char *name = json_get_string(r->run.arguments, "tz", zone_utc.name);
    r->run.period.zone = workspace_zone(r->run.workspace, name);
    if (r->run.period.zone != NULL)
        return 0;
    /* The engine checks the name; only its alphabet is checked here. */
    bool is_name = name[0] != '\0' && name[0] != '/' && strstr(name, "//") == NULL &&
                   strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                "0123456789/_+-") == strlen(name);
    if (!is_name)
        return err_set(ret_err, ERR_ARGUMENT, "tz",
                       "'%.60s' is no IANA time zone, like Europe/Berlin", name);
    struct query q;
    query_init(&q);
    query_set_text(&q, "tz", name);
    int rc = run_query(&r->run, &q, &sql_zone, NULL, 4000, ret_err);
    query_done(&q);
    return rc < 0 ? rc : 1;
}

int prelude_zone_rows(struct run_state *r, struct err *ret_err)
{
    const char *name = json_get_string(r->run.arguments, "tz", zone_utc.name);
    struct zone *zone = zone_new(name, run_rows(&r->run, 0));
    r->run.period.zone = zone != NULL ? workspace_keep_zone(r->run.workspace, zone) : NULL;
    if (r->run.period.zone == NULL)
        return err_set(ret_err, ERR_MEMORY, NULL, "out of memory");
    return 0;
}

/* --- period -------------------------------------------------------------------------------- */

/* Growth from nothing is no growth where the data only begin later. */
static void warn_uncompared(struct run_state *r, const struct bounds *b)
{
    const struct period *p = &r->run.period;
    bool is_compared =
        strcmp(json_get_string(r->run.arguments, "compare", "none"), "previous") == 0;
    if (!is_compared || b->first_us <= p->from_us - (p->to_us - p->from_us))
        return;
    char first[48];
    period_format(b->first_us, p->zone, first, sizeof first);
    run_warn(&r->run, "the data begin at %s: the period before, compared with, lacks %s", first,
             b->first_us >= p->from_us ? "all events" : "the events until then");
}

static int set_period(struct run_state *r, const struct bounds *b, struct err *ret_err)
{
    struct period *p = &r->run.period;
    const char *from = json_get_string(r->run.arguments, "from", NULL);
    const char *to = json_get_string(r->run.arguments, "to", NULL);
    /* Data whose clock runs ahead of ours altogether is not live but planned. */
    p->is_live = b->rows > 0 && b->now_us - b->last_us < live_us && b->first_us <= b->now_us;
    p->complete_until_us = p->is_live ? b->now_us : b->last_us;
    if (b->rows == 0)
        p->complete_until_us = b->now_us;
    p->data_from_us = b->first_us;
    p->data_to_us = b->last_us;
    p->from_given = from != NULL;
    p->to_given = to != NULL;
    p->to_us = p->complete_until_us + 1;
    bool is_whole = (r->run.subject->flags & TOOL_WHOLE_PERIOD) != 0;
    if (is_whole && b->last_us >= p->to_us)
        p->to_us = b->last_us + 1;
    int rc = 0;
    if (to != NULL)
        rc = period_parse(to, "to", true, p->complete_until_us, p->zone, &p->to_us, ret_err);
    if (rc == 0 && from != NULL)
        rc = period_parse(from, "from", false, p->complete_until_us, p->zone, &p->from_us, ret_err);
    else if (rc == 0 && is_whole)
        p->from_us = b->first_us < p->to_us ? b->first_us : p->to_us - 1;
    else if (rc == 0)
        p->from_us = p->to_us - 1 - default_period_us;
    if (rc == 0 && p->from_us >= p->to_us - (from != NULL && to != NULL ? 1 : 0))
        rc = err_set(ret_err, ERR_ARGUMENT, "from",
                     "the period is empty: from must lie before to (data: see list_sources)");
    if (rc == 0 && b->rows == 0)
        run_warn(&r->run, "source '%s' has no events", r->run.source->name);
    else if (rc == 0 && (p->to_us <= b->first_us || p->from_us > b->last_us)) {
        char first[48], last[48];
        period_format(b->first_us, p->zone, first, sizeof first);
        period_format(b->last_us, p->zone, last, sizeof last);
        run_warn(&r->run, "the source has no events in this period; it has them from %s to %s",
                 first, last);
    } else if (rc == 0) {
        warn_uncompared(r, b);
    }
    return rc;
}

int prelude_bounds(struct run_state *r, struct err *ret_err)
{
    const struct source *s = r->run.source;
    struct bounds known;
    if (workspace_bounds(r->run.workspace, s->name, &known))
        return set_period(r, &known, ret_err);
    struct query q;
    struct buf first = {0}, last = {0}, table = {0};
    query_init(&q);
    source_first_last(s, &first, &last);
    source_table(s, &table);
    int rc = run_query(&r->run, &q, &sql_run_bounds,
                       (const struct query_fragment[]){{"first_us", buf_text(&first)},
                                                       {"last_us", buf_text(&last)},
                                                       {"table", buf_text(&table)},
                                                       {0}},
                       1, ret_err);
    query_done(&q);
    buf_done(&first);
    buf_done(&last);
    buf_done(&table);
    return rc < 0 ? rc : 1;
}

int prelude_bounds_rows(struct run_state *r, struct err *ret_err)
{
    const json_t *row = json_array_get(run_rows(&r->run, 0), 0);
    struct bounds b = {.first_us = json_at_integer(row, 0),
                       .last_us = json_at_integer(row, 1),
                       .rows = json_at_integer(row, 2),
                       .now_us = json_at_integer(row, 3)};
    workspace_keep_bounds(r->run.workspace, r->run.source->name, &b);
    return set_period(r, &b, ret_err);
}

/* --- names --------------------------------------------------------------------------------- */

/* A name of the mapping or a column exists by definition. */
static bool is_known_field(const struct source *s, const char *field)
{
    static const char *const derived[] = {"case", "hour", "weekday", NULL};
    for (const char *const *name = derived; *name != NULL; name++)
        if (strcmp(field, *name) == 0)
            return true;
    for (int i = 0; i < SOURCE_FIELDS; i++)
        if (s->fields[i].count > 0 && strcmp(field, source_field_names[i]) == 0)
            return true;
    for (size_t i = 0; i < s->case_count; i++)
        if (strcmp(field, s->cases[i].name) == 0)
            return true;
    for (size_t i = 0; i < s->object_count; i++)
        if (strcmp(field, s->objects[i].name) == 0)
            return true;
    return json_object_get(s->columns, field) != NULL;
}

/* Warns about a name that exists, but not in this period. */
static void warn_outside(struct run_state *r, const char *name, int64_t first_us, int64_t last_us)
{
    const struct period *p = &r->run.period;
    if (first_us < p->to_us && last_us >= p->from_us)
        return;
    char first[48], last[48];
    period_format(first_us, p->zone, first, sizeof first);
    period_format(last_us, p->zone, last, sizeof last);
    run_warn(&r->run, "'%.100s' has no events in this period: first seen %s, last seen %s", name,
             first, last);
}

/* Drops what is known already, so that only new names are asked for. */
static json_t *unknown_names(struct run_state *r, const json_t *names, char kind)
{
    json_t *left = json_array();
    const struct source *s = r->run.source;
    for (size_t i = 0; i < json_array_size(names); i++) {
        const char *name = json_at_string(names, i);
        int64_t first_us, last_us;
        if (kind == 'f' && is_known_field(s, name))
            continue;
        if (!workspace_seen(r->run.workspace, s->name, kind, name, &first_us, &last_us))
            json_array_append_new(left, json_string(name));
        else if (kind == 'e')
            warn_outside(r, name, first_us, last_us);
    }
    return left;
}

static int ask_events(struct run_state *r, const json_t *names, struct err *ret_err)
{
    const struct source *s = r->run.source;
    struct query q;
    struct buf event = {0}, first = {0}, last = {0}, table = {0};
    query_init(&q);
    query_set_texts(&q, "names", names);
    source_first_last(s, &first, &last);
    source_table(s, &table);
    int rc = source_logical(s, &q, SOURCE_EVENT, &event, ret_err);
    if (rc == 0)
        rc = run_query(&r->run, &q, &sql_run_events_seen,
                       (const struct query_fragment[]){{"event", buf_text(&event)},
                                                       {"first_us", buf_text(&first)},
                                                       {"last_us", buf_text(&last)},
                                                       {"table", buf_text(&table)},
                                                       {0}},
                       json_array_size(names) + 1, ret_err);
    query_done(&q);
    buf_done(&event);
    buf_done(&first);
    buf_done(&last);
    buf_done(&table);
    return rc;
}

static int ask_field(struct run_state *r, const char *name, struct err *ret_err)
{
    const struct source *s = r->run.source;
    struct query q;
    struct buf value = {0}, from = {0};
    query_init(&q);
    int rc = source_text(s, &q, name, &value, ret_err);
    if (rc < 0) {
        snprintf(ret_err->field, sizeof ret_err->field, "%s", path_of(r, true, name));
    } else {
        source_from(s, &q, &from);
        rc = run_query(&r->run, &q, &sql_run_field_seen,
                       (const struct query_fragment[]){
                           {"from", buf_text(&from)}, {"value", buf_text(&value)}, {0}},
                       1, ret_err);
    }
    query_done(&q);
    buf_done(&value);
    buf_done(&from);
    return rc;
}

/* Query 0 asks for the events (if any are unknown), the following ones for a field each. */
int prelude_names(struct run_state *r, struct err *ret_err)
{
    json_t *events = unknown_names(r, r->events, 'e');
    json_t *fields = unknown_names(r, r->fields, 'f');
    json_decref(r->events);
    json_decref(r->fields);
    r->events = events;
    r->fields = fields;
    int rc = 0;
    if (json_array_size(events) > 0)
        rc = ask_events(r, events, ret_err);
    for (size_t i = 0; rc >= 0 && i < json_array_size(fields) && i < RUN_MAX_QUERIES - 2; i++)
        rc = ask_field(r, json_at_string(fields, i), ret_err);
    return rc < 0 ? rc : r->query_count > 0;
}

static void set_missing(struct run_state *r, const char *name, bool is_field)
{
    if (r->missing[0] != '\0')
        return;
    snprintf(r->missing, sizeof r->missing, "%s", name);
    snprintf(r->missing_path, sizeof r->missing_path, "%s", path_of(r, is_field, name));
    r->missing_is_field = is_field;
}

int prelude_names_rows(struct run_state *r, struct err *ret_err)
{
    (void)ret_err;
    struct workspace *w = r->run.workspace;
    const char *source = r->run.source->name;
    int query = 0;
    if (json_array_size(r->events) > 0) {
        json_t *found = json_object();
        const json_t *rows = run_rows(&r->run, query++);
        for (size_t i = 0; i < json_array_size(rows); i++) {
            const json_t *row = json_array_get(rows, i);
            const char *name = json_at_string(row, 0);
            int64_t first_us = json_at_integer(row, 1);
            int64_t last_us = json_at_integer(row, 2);
            json_object_set(found, name, json_true());
            workspace_keep_seen(w, source, 'e', name, first_us, last_us);
            warn_outside(r, name, first_us, last_us);
        }
        for (size_t i = 0; i < json_array_size(r->events); i++) {
            const char *name = json_at_string(r->events, i);
            if (json_object_get(found, name) == NULL)
                set_missing(r, name, false);
        }
        json_decref(found);
    }
    for (size_t i = 0; i < json_array_size(r->fields) && i < RUN_MAX_QUERIES - 2; i++, query++) {
        const char *name = json_at_string(r->fields, i);
        if (json_array_size(run_rows(&r->run, query)) > 0)
            workspace_keep_seen(w, source, 'f', name, 0, 0);
        else
            set_missing(r, name, true);
    }
    return 0;
}

/* --- nearest names -------------------------------------------------------------------------- */

bool prelude_keys(const struct source *s, struct buf *out)
{
    for (size_t i = 0; i < s->property_count; i++) {
        const struct place *p = &s->properties[i];
        buf_puts(out, i == 0 ? "arrayConcat(" : ", ");
        buf_puts(out, p->kind == PLACE_MAP    ? "mapKeys("
                      : p->kind == PLACE_JSON ? "JSONAllPaths("
                                              : "JSONExtractKeys(");
        sql_identifier(out, p->column);
        buf_puts(out, ")");
    }
    buf_puts(out, s->property_count > 0 ? ")" : "");
    return s->property_count > 0;
}

int prelude_nearest(struct run_state *r, struct err *ret_err)
{
    if (r->missing[0] == '\0')
        return 0;
    const struct source *s = r->run.source;
    struct query q;
    struct buf what = {0}, table = {0};
    query_init(&q);
    source_table(s, &table);
    int rc = 0;
    if (!r->missing_is_field) {
        rc = source_logical(s, &q, SOURCE_EVENT, &what, ret_err);
        if (rc == 0)
            rc = run_query(&r->run, &q, &sql_run_event_names,
                           (const struct query_fragment[]){
                               {"event", buf_text(&what)}, {"table", buf_text(&table)}, {0}},
                           5000, ret_err);
    } else if (prelude_keys(s, &what)) {
        rc = run_query(&r->run, &q, &sql_run_property_keys,
                       (const struct query_fragment[]){
                           {"keys", buf_text(&what)}, {"table", buf_text(&table)}, {0}},
                       2000, ret_err);
    }
    query_done(&q);
    buf_done(&what);
    buf_done(&table);
    if (rc == 0 && r->query_count == 0)
        return prelude_nearest_rows(r, ret_err);
    return rc < 0 ? rc : 1;
}

const char **prelude_candidates(const struct source *s, bool is_field, const json_t *rows,
                                size_t *ret_count)
{
    size_t count = 0, row_count = json_array_size(rows);
    size_t size = row_count + s->case_count + s->object_count + json_object_size(s->columns) +
                  json_object_size(s->knowledge.matchers) + SOURCE_FIELDS + 1;
    enum knowledge_kind kind = is_field ? KNOWLEDGE_FIELD : KNOWLEDGE_EVENT;
    const char **names = calloc(size, sizeof *names);
    if (names == NULL)
        return NULL;
    for (int i = 0; is_field && i < SOURCE_FIELDS; i++)
        if (s->fields[i].count > 0)
            names[count++] = source_field_names[i];
    for (size_t i = 0; is_field && i < s->case_count; i++)
        names[count++] = s->cases[i].name;
    for (size_t i = 0; is_field && i < s->object_count; i++)
        names[count++] = s->objects[i].name;
    const char *column, *matcher;
    json_t *type, *definition;
    if (!is_field)
        json_object_foreach (s->knowledge.matchers, matcher, definition)
            names[count++] = matcher;
    if (is_field && s->property_count == 0)
        json_object_foreach (s->columns, column, type)
            if (source_is_plain_column(s, column))
                names[count++] = column;
    for (size_t i = 0; i < row_count; i++) {
        const char *name = json_at_string(json_array_get(rows, i), 0);
        if (name != NULL && name[0] != '\0' && !knowledge_is_hidden(&s->knowledge, kind, name))
            names[count++] = name;
    }
    *ret_count = count;
    return names;
}

/* "did you mean": the nearest by name first, then the most frequent. */
int prelude_nearest_rows(struct run_state *r, struct err *ret_err)
{
    size_t count = 0;
    const json_t *rows = r->query_count > 0 ? run_rows(&r->run, 0) : NULL;
    const char **names = prelude_candidates(r->run.source, r->missing_is_field, rows, &count);
    if (names == NULL)
        return err_set(ret_err, ERR_MEMORY, NULL, "out of memory");
    struct buf text = {0};
    const char *wanted = r->missing;
    const char *dot = r->missing_is_field ? strchr(wanted, '.') : NULL;
    const char *nearest = bind_nearest(wanted, names, count);
    if (nearest == NULL && dot != NULL)
        nearest = bind_nearest(dot + 1, names, count);
    size_t left = text_names(&text, "The source has", nearest, names, count, NAMES_SHOWN);
    if (left > 0)
        buf_printf(&text, " and %zu more (%s)", left,
                   r->missing_is_field ? "describe_source" : "list_events");
    int rc = err_set(ret_err, ERR_NOT_FOUND, r->missing_path,
                     "source '%s' has never seen the %s '%.100s'; %s", r->run.source->name,
                     r->missing_is_field ? "field" : "event", wanted, buf_text(&text));
    buf_done(&text);
    free(names);
    return rc;
}
