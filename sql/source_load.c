/* Finding the sources: presets recognise tables by their columns, a table's comment and the
 * configuration refine them. Two queries, then everything happens in memory. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "json.h"
#include "place.h"
#include "rows.h"
#include "source.h"
#include "sql_text.h"

/* A preset applies to a table that has all of `columns`. Its mapping is the JSON of source.h. */
static const struct preset {
    const char *kind;
    const char *columns[6];
    const char *mapping;
} presets[] = {
    {"clickstack",
     {"Timestamp", "SpanName", "ServiceName", "SpanAttributes", "ResourceAttributes", NULL},
     "{\"time\":\"Timestamp\",\"event\":\"SpanName\",\"service\":\"ServiceName\","
     "\"session\":\"__hdx_materialized_rum.sessionId|ResourceAttributes['rum.sessionId']\","
     "\"actor\":[\"SpanAttributes['user.id']\",\"SpanAttributes['enduser.id']\","
     "\"SpanAttributes['userEmail']\","
     "\"__hdx_materialized_rum.sessionId|ResourceAttributes['rum.sessionId']\"],"
     "\"resource\":\"ServiceName\",\"status\":\"StatusCode\",\"duration_ms\":\"Duration\","
     "\"duration_unit_ms\":1e-6,"
     "\"url\":[\"SpanAttributes['location.href']\",\"SpanAttributes['http.url']\","
     "\"SpanAttributes['url.full']\"],"
     "\"properties\":[\"SpanAttributes\",\"ResourceAttributes\"],"
     "\"event_properties\":\"SpanAttributes\",\"resource_properties\":\"ResourceAttributes\","
     "\"replay_table\":\"hyperdx_sessions\",\"logs_table\":\"otel_logs\"}"},
    {"telemetry",
     {"occurred_at", "name", "session_id", "anonymous_user_id", "payload_json", NULL},
     "{\"time\":\"occurred_at\",\"event\":\"name\",\"session\":\"session_id\","
     "\"actor\":\"anonymous_user_id\",\"url\":\"route_pattern\",\"service\":\"source\","
     "\"status\":\"payload_json['status']\",\"duration_ms\":\"payload_json['duration_ms']\","
     "\"properties\":[\"payload_json\"],\"event_properties\":\"payload_json\"}"},
    {"events",
     {"time", "event", "actor", "properties", NULL},
     "{\"numbers\":{\"actor\":\"actor_number\",\"session\":\"session_number\",\"case_id\":\"case_"
     "number\"},"
     "\"time\":\"time\",\"event\":\"event\",\"session\":\"session\",\"actor\":\"actor\","
     "\"resource\":\"resource\",\"start_time\":\"start_time\",\"order\":\"seq\","
     "\"service\":\"properties['service']\",\"status\":\"properties['status']\","
     "\"duration_ms\":\"properties['duration_ms']\",\"url\":\"properties['url']\","
     "\"properties\":[\"properties\",\"actor_properties\"],\"event_properties\":\"properties\","
     "\"actor_properties\":\"actor_properties\"}"},
};

/* --- one source from its mapping ---------------------------------------------------------- */

static struct source *source_free(struct source *s)
{
    if (s == NULL)
        return NULL;
    free(s->name);
    free(s->kind);
    free(s->database);
    free(s->table);
    free(s->description);
    free(s->category_end);
    free(s->order);
    free(s->replay_table);
    free(s->logs_table);
    free(s->replay_url);
    place_done(&s->time);
    for (int i = 0; i < SOURCE_FIELDS; i++)
        places_done(&s->fields[i]);
    for (size_t i = 0; i < s->property_count; i++)
        place_done(&s->properties[i]);
    free(s->properties);
    for (size_t i = 0; i < s->case_count; i++) {
        free(s->cases[i].name);
        places_done(&s->cases[i].places);
    }
    for (size_t i = 0; i < s->object_count; i++) {
        free(s->objects[i].name);
        places_done(&s->objects[i].places);
    }
    free(s->cases);
    free(s->objects);
    knowledge_done(&s->knowledge);
    json_decref(s->columns);
    json_decref(s->copies);
    json_decref(s->numbers);
    free(s);
    return NULL;
}

static char *member_text(const json_t *mapping, const char *key)
{
    const char *text = json_get_string(mapping, key, NULL);
    return text != NULL && text[0] != '\0' ? strdup(text) : NULL;
}

static bool is_named(const json_t *strict, const char *member)
{
    return json_object_get(strict, member) != NULL;
}

static int parse_keys(const json_t *mapping, const char *member, const json_t *columns,
                      const json_t *strict, struct source_key **ret_keys, size_t *ret_count,
                      struct err *ret_err)
{
    const json_t *object = json_object_get(mapping, member);
    if (json_object_size(object) == 0)
        return 0;
    *ret_keys = calloc(json_object_size(object), sizeof **ret_keys);
    if (*ret_keys == NULL)
        return err_set(ret_err, ERR_MEMORY, NULL, "out of memory");
    const char *name;
    json_t *value;
    json_object_foreach ((json_t *)object, name, value) {
        struct source_key *key = &(*ret_keys)[*ret_count];
        int rc = places_parse(value, columns, is_named(strict, member), &key->places, ret_err);
        if (rc < 0) {
            err_prefix(ret_err, name);
            err_prefix(ret_err, member);
            return rc;
        }
        if (key->places.count == 0) {
            places_done(&key->places);
            continue;
        }
        key->name = strdup(name);
        (*ret_count)++;
        if (key->name == NULL)
            return err_set(ret_err, ERR_MEMORY, NULL, "out of memory");
    }
    return 0;
}

static int index_of_container(const struct source *s, const char *column)
{
    for (size_t i = 0; column != NULL && i < s->property_count; i++)
        if (strcmp(s->properties[i].column, column) == 0)
            return (int)i;
    return -1;
}

static bool is_container_type(const char *type)
{
    return place_container(type) != PLACE_JSON_TEXT || strstr(type, "String") != NULL;
}

static int parse_containers(struct source *s, const json_t *mapping, const json_t *strict,
                            struct err *ret_err)
{
    const json_t *list = json_object_get(mapping, "properties");
    struct places places = {0};
    if (list != NULL) {
        int rc = places_parse(list, s->columns, is_named(strict, "properties"), &places, ret_err);
        if (rc < 0) {
            err_prefix(ret_err, "properties");
            return rc;
        }
    }
    s->properties = places.items;
    s->property_count = places.count;
    for (size_t i = 0; i < places.count; i++) {
        struct place *p = &places.items[i];
        if (!is_container_type(p->type))
            return err_set(ret_err, ERR_ARGUMENT, "properties",
                           "column '%s' is %s, not a Map, JSON or text that holds JSON", p->column,
                           p->type);
        p->kind = place_container(p->type);
    }
    const char *events = json_get_string(mapping, "event_properties", NULL);
    s->resource_properties =
        index_of_container(s, json_get_string(mapping, "resource_properties", NULL));
    s->actor_properties = index_of_container(s, json_get_string(mapping, "actor_properties", NULL));
    s->event_properties = index_of_container(s, events);
    /* Unless told otherwise the first one that is nobody else's. */
    for (int i = 0; events == NULL && s->event_properties < 0 && i < (int)s->property_count; i++)
        if (i != s->resource_properties && i != s->actor_properties)
            s->event_properties = i;
    return 0;
}

static bool is_time_type(const char *type)
{
    static const char *const wrappers[] = {"LowCardinality(", "Nullable("};
    for (size_t i = 0; i < 2; i++)
        if (strncmp(type, wrappers[i], strlen(wrappers[i])) == 0)
            type += strlen(wrappers[i]);
    return strncmp(type, "DateTime", strlen("DateTime")) == 0;
}

static bool is_same_place(const struct place *a, const struct place *b)
{
    return strcmp(a->column, b->column) == 0 && (a->key == NULL) == (b->key == NULL) &&
           (a->key == NULL || strcmp(a->key, b->key) == 0);
}

/* What is left of the actor without the session, which the stitched actor ends with anyway. */
static int parse_stitch(struct source *s, const json_t *mapping, const json_t *strict,
                        struct err *ret_err)
{
    if (!json_get_bool(mapping, "stitch", false))
        return 0;
    struct places *users = &s->fields[SOURCE_ACTOR];
    const struct places *sessions = &s->fields[SOURCE_SESSION];
    size_t kept = 0;
    for (size_t i = 0; i < users->count; i++) {
        bool is_session = false;
        for (size_t k = 0; k < sessions->count; k++)
            is_session = is_session || is_same_place(&users->items[i], &sessions->items[k]);
        if (is_session)
            place_done(&users->items[i]);
        else
            users->items[kept++] = users->items[i];
    }
    users->count = kept;
    s->stitch = kept > 0 && sessions->count > 0;
    if (!s->stitch && json_get_bool(strict, "stitch", false))
        return err_set(ret_err, ERR_ARGUMENT, "stitch",
                       "stitching needs a session and an actor that names the user");
    return 0;
}

/* Builds a source; `mapping` is the merged JSON. Errors name the mapping's key. What the
 * configuration itself (`strict`, or NULL) names must exist; presets name columns that only some
 * versions of a table have. */
static int source_build(const char *name, const char *database, const char *table,
                        const json_t *mapping, json_t *columns, const json_t *list,
                        const json_t *strict, struct source **ret_source, struct err *ret_err)
{
    struct source *s = calloc(1, sizeof *s);
    if (s == NULL)
        return err_set(ret_err, ERR_MEMORY, NULL, "out of memory");
    s->columns = json_incref(columns);
    s->copies = source_find_copies(list, columns);
    s->numbers = source_find_numbers(mapping, columns);
    s->name = strdup(name);
    s->database = strdup(database);
    s->table = strdup(table);
    s->kind = strdup(json_get_string(mapping, "kind", "events"));
    s->description = member_text(mapping, "description");
    s->replay_table = member_text(mapping, "replay_table");
    s->logs_table = member_text(mapping, "logs_table");
    s->replay_url = member_text(mapping, "replay_url");
    s->category_end = member_text(mapping, "event_category");
    s->duration_unit_ms = json_get_number(mapping, "duration_unit_ms", 1);
    const char *order = json_get_string(mapping, "order", NULL);
    if (order != NULL && json_object_get(columns, order) != NULL)
        s->order = strdup(order);
    int rc = s->name == NULL || s->database == NULL || s->table == NULL || s->kind == NULL
                 ? err_set(ret_err, ERR_MEMORY, NULL, "out of memory")
                 : 0;
    const char *time = json_get_string(mapping, "time", NULL);
    if (rc == 0)
        rc = time == NULL ? err_set(ret_err, ERR_ARGUMENT, "time", "a source needs a time column")
                          : place_parse(time, columns, &s->time, ret_err);
    if (rc == 0 && (s->time.kind != PLACE_COLUMN || !is_time_type(s->time.type)))
        rc = err_set(ret_err, ERR_ARGUMENT, "time", "column '%s' is %s, not DateTime or DateTime64",
                     s->time.column, s->time.type);
    for (int i = 0; rc == 0 && i < SOURCE_FIELDS; i++) {
        const json_t *value = json_object_get(mapping, source_field_names[i]);
        if (value == NULL)
            continue;
        rc = places_parse(value, columns, is_named(strict, source_field_names[i]), &s->fields[i],
                          ret_err);
        if (rc < 0)
            err_prefix(ret_err, source_field_names[i]);
    }
    if (rc == 0 && s->fields[SOURCE_EVENT].count == 0)
        rc = err_set(ret_err, ERR_ARGUMENT, "event", "a source needs an event column");
    if (rc == 0)
        rc = parse_stitch(s, mapping, strict, ret_err);
    if (rc == 0)
        rc = parse_containers(s, mapping, strict, ret_err);
    if (rc == 0)
        rc = parse_keys(mapping, "cases", columns, strict, &s->cases, &s->case_count, ret_err);
    if (rc == 0)
        rc =
            parse_keys(mapping, "objects", columns, strict, &s->objects, &s->object_count, ret_err);
    if (rc < 0) {
        source_free(s);
        return rc;
    }
    *ret_source = s;
    return 0;
}

/* --- the list ----------------------------------------------------------------------------- */

struct sources_load {
    struct db *db;
    const json_t *config;
    void (*done)(void *user, struct sources *sources, const struct err *err);
    void *user;
    struct rows rows;
    json_t *tables; /* rows of sources_tables.sql */
};

struct sources *sources_free(struct sources *sources)
{
    if (sources != NULL && --sources->refs == 0) {
        for (size_t i = 0; i < sources->count; i++)
            source_free(sources->items[i]);
        for (size_t i = 0; i < sources->problem_count; i++)
            free(sources->problems[i].name);
        free(sources->items);
        free(sources->problems);
        free(sources);
    }
    return NULL;
}

static const struct preset *preset_for(const json_t *columns, const char *kind)
{
    for (size_t i = 0; i < sizeof presets / sizeof presets[0]; i++) {
        const struct preset *p = &presets[i];
        if (kind != NULL) {
            if (strcmp(p->kind, kind) == 0)
                return p;
            continue;
        }
        size_t n = 0;
        while (p->columns[n] != NULL && json_object_get(columns, p->columns[n]) != NULL)
            n++;
        if (p->columns[n] == NULL)
            return p;
    }
    return NULL;
}

/* preset < comment < configuration; any of the last two may be NULL. New reference. */
static json_t *merged_mapping(const struct preset *preset, const json_t *comment,
                              const json_t *config)
{
    json_t *mapping = preset != NULL ? json_loads(preset->mapping, 0, NULL) : json_object();
    if (mapping == NULL)
        return NULL;
    if (preset != NULL)
        json_object_set_new(mapping, "kind", json_string(preset->kind));
    if (comment != NULL)
        json_object_update(mapping, (json_t *)comment);
    if (config != NULL)
        json_object_update(mapping, (json_t *)config);
    return mapping;
}

static int add_source(struct sources *list, struct source *source, struct err *ret_err)
{
    struct source **items = realloc(list->items, (list->count + 1) * sizeof(struct source *));
    if (items == NULL) {
        source_free(source);
        return err_set(ret_err, ERR_MEMORY, NULL, "out of memory");
    }
    list->items = items;
    list->items[list->count++] = source;
    return 0;
}

static int add_problem(struct sources *list, const char *name, const struct err *err,
                       struct err *ret_err)
{
    struct source_problem *problems =
        realloc(list->problems, (list->problem_count + 1) * sizeof *problems);
    if (problems != NULL)
        list->problems = problems;
    char *copy = problems != NULL ? strdup(name) : NULL;
    if (copy == NULL)
        return err_set(ret_err, ERR_MEMORY, NULL, "out of memory");
    problems[list->problem_count++] = (struct source_problem){.name = copy, .err = *err};
    return 0;
}

static const struct source_problem *find_problem(const struct sources *list, const char *name)
{
    for (size_t i = 0; i < list->problem_count; i++)
        if (strcmp(list->problems[i].name, name) == 0)
            return &list->problems[i];
    return NULL;
}

static bool is_taken(const struct sources *list, const char *name)
{
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(list->items[i]->name, name) == 0)
            return true;
    return false;
}

/* The row of sources_tables.sql for a table, or NULL. */
static const json_t *table_row(const json_t *tables, const char *database, const char *table)
{
    for (size_t i = 0; i < json_array_size(tables); i++) {
        const json_t *row = json_array_get(tables, i);
        if (strcmp(json_at_string(row, 0), database) == 0 &&
            strcmp(json_at_string(row, 1), table) == 0)
            return row;
    }
    return NULL;
}

static const char *current_database(const struct sources_load *load)
{
    const json_t *first = json_array_get(load->tables, 0);
    return first != NULL ? json_at_string(first, 3) : load->db->info.database;
}

/* The length of the database in a table that is written as "db.table", or 0. */
static size_t database_len(const json_t *entry)
{
    const char *table = json_get_string(entry, "table", NULL);
    const char *dot = table != NULL ? strchr(table, '.') : NULL;
    bool is_split = dot != NULL && dot[1] != '\0' && json_object_get(entry, "database") == NULL;
    return is_split ? (size_t)(dot - table) : 0;
}

struct table_at {
    const char *database;
    size_t database_len;
    const char *table; /* NULL: the entry refines a source that is recognised */
};

/* Where the table of an entry is. A dot is part of the name if there is such a table. */
static struct table_at configured_table(const struct sources_load *load, const json_t *entry)
{
    const char *table = json_get_string(entry, "table", NULL);
    const char *database = json_get_string(entry, "database", current_database(load));
    size_t len = database_len(entry);
    if (len > 0 && table_row(load->tables, database, table) == NULL)
        return (struct table_at){table, len, table + len + 1};
    return (struct table_at){database, strlen(database), table};
}

/* Whether an entry of the configuration names this table. */
static bool is_configured(const struct sources_load *load, const json_t *entry,
                          const char *database, const char *table)
{
    struct table_at at = configured_table(load, entry);
    return at.table != NULL && strcmp(at.table, table) == 0 &&
           strlen(database) == at.database_len &&
           memcmp(database, at.database, at.database_len) == 0;
}

/* A table's own name; ClickStack's generic table name says less than its database or preset. */
static void detected_name(const struct sources *list, const struct preset *preset,
                          const char *database, const char *table, const char *current_database,
                          char *out, size_t size)
{
    bool is_current = strcmp(database, current_database) == 0;
    if (preset != NULL && strcmp(preset->kind, "clickstack") == 0 &&
        strcmp(table, "otel_traces") == 0)
        snprintf(out, size, "%s", is_current ? "clickstack" : database);
    else
        snprintf(out, size, "%s", table);
    if (is_taken(list, out))
        snprintf(out, size, "%s.%s", database, table);
}

/* The mapping in a table's comment; a comment that is no JSON object is a mere comment. */
static json_t *comment_mapping(const json_t *row)
{
    const char *comment = json_at_string(row, 2);
    if (comment == NULL || comment[0] != '{')
        return NULL;
    json_t *value = json_parse(comment, strlen(comment), NULL);
    if (!json_is_object(value)) {
        json_decref(value);
        return NULL;
    }
    return value;
}

/* What system.tables says of it. */
static void note_table(struct source *source, const json_t *row)
{
    source_link_columns(source, json_array_get(row, 6));
    source->rows = json_at_integer(row, 4);
    double bytes = (double)json_at_integer(row, 5);
    source->bytes_per_row = source->rows > 0 ? bytes / (double)source->rows : 0;
}

static json_t *columns_object(const json_t *pairs)
{
    json_t *columns = json_object();
    for (size_t i = 0; i < json_array_size(pairs); i++) {
        const json_t *pair = json_array_get(pairs, i);
        json_object_set(columns, json_at_string(pair, 0), json_array_get(pair, 1));
    }
    return columns;
}

/* JSONAllValues() is there since 26.7 at the latest. */
static bool has_json_values(const char *version)
{
    char *rest;
    long major = strtol(version, &rest, 10);
    long minor = *rest == '.' ? strtol(rest + 1, NULL, 10) : 0;
    return major > 26 || (major == 26 && minor >= 7);
}

/* One table of sources_columns.sql under one name: that of an entry of the configuration which
 * names the table, or (NULL) its own. What only looks like a source and does not hold together is
 * left out; what the configuration names is a problem then. */
static int consider_source(struct sources_load *load, struct sources *list, const json_t *row,
                           const char *configured, struct err *ret_err)
{
    const char *database = json_at_string(row, 0);
    const char *table = json_at_string(row, 1);
    json_t *columns = columns_object(json_array_get(row, 2));
    const json_t *about = table_row(load->tables, database, table);
    json_t *comment = comment_mapping(about);
    const json_t *config = configured != NULL ? json_object_get(load->config, configured) : NULL;
    const char *kind = json_get_string(config, "kind", json_get_string(comment, "kind", NULL));
    const struct preset *preset = preset_for(columns, kind);
    char name[256];
    if (configured != NULL)
        snprintf(name, sizeof name, "%s", configured);
    else
        detected_name(list, preset, database, table, current_database(load), name, sizeof name);
    if (config == NULL)
        config = json_object_get(load->config, name);

    int rc = 0;
    if (preset != NULL || comment != NULL || config != NULL) {
        json_t *mapping = merged_mapping(preset, comment, config);
        struct source *source = NULL;
        struct err wrong = {0};
        rc = source_build(name, database, table, mapping, columns, json_array_get(row, 2), config,
                          &source, &wrong);
        /* A source that means to be one; the team wants to hear what it wrote wrongly. */
        bool is_told = config != NULL || rc == 0;
        if (rc == 0)
            rc = knowledge_read(source, mapping, &wrong);
        if (rc < 0)
            source = source_free(source);
        if (rc == 0) {
            note_table(source, about);
            source->has_json_values = has_json_values(load->db->info.version);
            source->has_replay = source->replay_table != NULL &&
                                 table_row(load->tables, database, source->replay_table) != NULL;
            rc = add_source(list, source, ret_err);
        } else if (rc == -ERR_MEMORY) {
            *ret_err = wrong;
        } else if (is_told) {
            char at[128];
            snprintf(at, sizeof at, "sources.%s", name);
            err_prefix(&wrong, at);
            rc = add_problem(list, name, &wrong, ret_err);
        } else {
            rc = 0;
        }
        json_decref(mapping);
    }
    json_decref(columns);
    json_decref(comment);
    return rc;
}

/* A table is as many sources as entries of the configuration name it, else one at most. */
static int consider_table(struct sources_load *load, struct sources *list, const json_t *row,
                          struct err *ret_err)
{
    const char *database = json_at_string(row, 0);
    const char *table = json_at_string(row, 1);
    bool is_named = false;
    const char *name;
    json_t *entry;
    json_object_foreach ((json_t *)load->config, name, entry) {
        if (!is_configured(load, entry, database, table))
            continue;
        int rc = consider_source(load, list, row, name, ret_err);
        if (rc < 0)
            return rc;
        is_named = true;
    }
    return is_named ? 0 : consider_source(load, list, row, NULL, ret_err);
}

/* A configured source that was not found is a problem. */
static int check_configured(const json_t *config, struct sources *list, struct err *ret_err)
{
    const char *name;
    json_t *entry;
    int rc = 0;
    json_object_foreach ((json_t *)config, name, entry) {
        if (is_taken(list, name) || find_problem(list, name) != NULL)
            continue;
        char at[128];
        struct err wrong = {0};
        snprintf(at, sizeof at, "sources.%s.table", name);
        err_set(&wrong, ERR_NOT_FOUND, at, "table '%s' does not exist or may not be read",
                json_get_string(entry, "table", name));
        rc = add_problem(list, name, &wrong, ret_err);
        if (rc < 0)
            break;
    }
    return rc;
}

static void finish(struct sources_load *load, struct sources *list, const struct err *err)
{
    load->done(load->user, list, err);
    rows_done(&load->rows);
    json_decref(load->tables);
    free(load);
}

static void columns_done(void *user, const struct err *err, const struct db_stats *stats)
{
    (void)stats;
    struct sources_load *load = user;
    struct err failure = {0};
    if (err == NULL && rows_end(&load->rows, &failure) < 0)
        err = &failure;
    if (err != NULL) {
        finish(load, NULL, err);
        return;
    }
    struct sources *list = calloc(1, sizeof *list);
    if (list == NULL) {
        err_set(&failure, ERR_MEMORY, NULL, "out of memory");
        finish(load, NULL, &failure);
        return;
    }
    list->refs = 1;
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < json_array_size(load->rows.items); i++)
        rc = consider_table(load, list, json_array_get(load->rows.items, i), &failure);
    if (rc == 0)
        rc = check_configured(load->config, list, &failure);
    if (rc < 0)
        list = sources_free(list);
    finish(load, list, rc < 0 ? &failure : NULL);
}

/* Tables whose comment or configuration says that they are sources, as "db.table" or "table". */
static json_t *named_tables(const struct sources_load *load)
{
    json_t *names = json_array();
    for (size_t i = 0; i < json_array_size(load->tables); i++) {
        const json_t *row = json_array_get(load->tables, i);
        const char *database = json_at_string(row, 0);
        bool is_looked_at =
            load->db->info.is_embedded || strcmp(database, current_database(load)) == 0;
        if (!is_looked_at || json_at_string(row, 2)[0] != '{')
            continue;
        json_array_append_new(names, json_sprintf("%s.%s", database, json_at_string(row, 1)));
    }
    const char *name;
    json_t *entry;
    json_object_foreach ((json_t *)load->config, name, entry) {
        struct table_at at = configured_table(load, entry);
        if (at.table != NULL)
            json_array_append_new(
                names, json_sprintf("%.*s.%s", (int)at.database_len, at.database, at.table));
    }
    return names;
}

static int load_feed(void *user, const char *bytes, size_t len)
{
    struct sources_load *load = user;
    return rows_feed(&load->rows, bytes, len);
}

static int start_query(struct sources_load *load, struct query *q, const struct sql_text *text,
                       void (*done)(void *, const struct err *, const struct db_stats *),
                       struct err *ret_err)
{
    int rc = query_render(q, text, NULL, ret_err);
    if (rc < 0)
        return rc;
    rows_init(&load->rows, 10000, 32 << 20);
    struct db_query *started;
    return query_start(load->db, q,
                       &(struct db_request){.format = "JSONCompactEachRow",
                                            .tag = text->name,
                                            .on_data = load_feed,
                                            .on_done = done,
                                            .user = load},
                       &started, ret_err);
}

static void tables_done(void *user, const struct err *err, const struct db_stats *stats)
{
    (void)stats;
    struct sources_load *load = user;
    struct err failure = {0};
    if (err == NULL && rows_end(&load->rows, &failure) < 0)
        err = &failure;
    if (err == NULL) {
        load->tables = json_incref(load->rows.items);
        rows_done(&load->rows);
        struct query q;
        query_init(&q);
        json_t *names = named_tables(load);
        query_set_texts(&q, "tables", names);
        json_decref(names);
        if (start_query(load, &q, &sql_sources_columns, columns_done, &failure) < 0)
            err = &failure;
        query_done(&q);
    }
    if (err != NULL)
        finish(load, NULL, err);
}

json_t *sources_databases(const json_t *config)
{
    json_t *databases = json_array();
    const char *name;
    json_t *entry;
    json_object_foreach ((json_t *)config, name, entry) {
        size_t len = database_len(entry);
        if (json_get_string(entry, "database", NULL) != NULL)
            json_array_append(databases, json_object_get(entry, "database"));
        else if (len > 0)
            json_array_append_new(databases,
                                  json_stringn(json_get_string(entry, "table", ""), len));
    }
    return databases;
}

int sources_load(struct db *db, const json_t *config,
                 void (*done)(void *user, struct sources *sources, const struct err *err),
                 void *user, struct err *ret_err)
{
    struct sources_load *load = calloc(1, sizeof *load);
    if (load == NULL)
        return err_set(ret_err, ERR_MEMORY, NULL, "out of memory");
    *load = (struct sources_load){.db = db, .config = config, .done = done, .user = user};
    struct query q;
    query_init(&q);
    query_set_integer(&q, "everywhere", db->info.is_embedded);
    json_t *databases = sources_databases(config);
    query_set_texts(&q, "databases", databases);
    json_decref(databases);
    int rc = start_query(load, &q, &sql_sources_tables, tables_done, ret_err);
    query_done(&q);
    if (rc < 0) {
        rows_done(&load->rows);
        free(load);
    }
    return rc;
}

const struct source *sources_find(const struct sources *sources, const char *name,
                                  struct err *ret_err)
{
    /* A source that has a problem is meant as well as one that has none. */
    size_t known = sources->count + sources->problem_count;
    if (name == NULL && sources->count == 1 && known == 1)
        return sources->items[0];
    for (size_t i = 0; name != NULL && i < sources->count; i++)
        if (strcmp(sources->items[i]->name, name) == 0)
            return sources->items[i];
    const struct source_problem *problem = name != NULL ? find_problem(sources, name) : NULL;
    if (name == NULL && sources->count == 0 && sources->problems != NULL)
        problem = &sources->problems[0];
    if (problem != NULL) {
        if (ret_err != NULL)
            *ret_err = problem->err;
        return NULL;
    }
    struct buf names = {0};
    for (size_t i = 0; i < sources->count; i++)
        buf_printf(&names, "%s%s", i > 0 ? ", " : "", sources->items[i]->name);
    for (size_t i = 0; sources->problems != NULL && i < sources->problem_count; i++)
        buf_printf(&names, "%s%s%s", names.len > 0 ? ", " : "", sources->problems[i].name,
                   " (cannot be used)");
    if (known == 0)
        err_set(ret_err, ERR_NOT_FOUND, "source",
                "there is no source yet: load data with `sextant import FILE` or `sextant demo`, "
                "or point CLICKHOUSE_HOST and CLICKHOUSE_DATABASE to tables with events");
    else if (name == NULL)
        err_set(ret_err, ERR_ARGUMENT, "source", "there are several sources, name one of: %s",
                buf_text(&names));
    else
        err_set(ret_err, ERR_NOT_FOUND, "source",
                "there is no source '%.100s'; the sources are: %s", name, buf_text(&names));
    buf_done(&names);
    return NULL;
}
