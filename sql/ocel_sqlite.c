#include "ocel_sqlite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "buf.h"
#include "sqlite_library.h"
#include "utf8.h"

enum {
    VALUE_MAX = 64 << 20, /* bytes of one value, and of one event */
    OBJECT_ROWS = 20000,  /* in one slice */
    ROWS_MAX = 1000,      /* of one event; only a file that means harm has more than one */
};

/* Rows of one event type, in the order of the table `event`: rowid, id, and the type's columns. */
struct cursor {
    sqlite3_stmt *statement;
    struct bytes type; /* owned */
    uint32_t *columns; /* of the type's table: numbers in event.columns; OCEL_EID = not used */
    int count;         /* of them */
    bool has_row;
    sqlite3_int64 rowid;
};

struct span { /* in `text` */
    size_t at, len;
};

struct relation_text {
    struct span id, qualifier;
};

struct ocel_sqlite {
    const struct sqlite_library *lib;
    sqlite3 *db;
    struct ocel_objects *objects;
    struct ocel_event event;
    sqlite3_stmt *object_rows, *relation_rows;
    struct cursor *cursors;
    size_t cursor_count;
    struct cursor *current; /* whose row is the last event */
    bool has_relation, is_started;
    sqlite3_int64 relation_rowid;
    int repeats;     /* rows of the last event behind its first */
    struct buf text; /* of the last event: its values between tabs */
    struct relation_text *relations;
    size_t relation_size;
    const char *reason;
    char reason_text[256];
};

const struct ocel_event *ocel_sqlite_event(const struct ocel_sqlite *s)
{
    return &s->event;
}

const char *ocel_sqlite_reason(const struct ocel_sqlite *s)
{
    return s->reason;
}

/* What the library says, without what a file could put into it. */
static const char *plain_message(struct ocel_sqlite *s)
{
    snprintf(s->reason_text, sizeof s->reason_text, "%.200s", s->lib->errmsg(s->db));
    for (char *p = s->reason_text; *p != '\0'; p++)
        if (*p < ' ' || *p > '~')
            *p = '?';
    return s->reason_text;
}

static enum csv_result broken(struct ocel_sqlite *s, int code)
{
    static const char damaged[] = "the SQLite database is damaged or cut off";
    code &= 0xff;
    if (code == SQLITE_NOMEM)
        return CSV_NO_MEMORY;
    s->reason = code == SQLITE_CORRUPT || code == SQLITE_NOTADB || code == SQLITE_IOERR ? damaged
                : code == SQLITE_TOOBIG ? "a value of the SQLite database is longer than 64 MB"
                                        : plain_message(s);
    return CSV_BROKEN;
}

/* --- opening ------------------------------------------------------------------------------ */

/* A file may bring views, triggers and expressions with it. Nothing is done but to read tables. */
static int authorize(void *user, int action, const char *a, const char *b, const char *database,
                     const char *source)
{
    (void)user;
    (void)a;
    (void)b;
    bool is_main = database != NULL && strcmp(database, "main") == 0;
    if (action == SQLITE_SELECT)
        return SQLITE_OK;
    return action == SQLITE_READ && is_main && source == NULL ? SQLITE_OK : SQLITE_DENY;
}

static void lock_down(struct ocel_sqlite *s)
{
    static const int limits[][2] = {
        {SQLITE_LIMIT_LENGTH, VALUE_MAX}, {SQLITE_LIMIT_SQL_LENGTH, 1 << 20},
        {SQLITE_LIMIT_ATTACHED, 0},       {SQLITE_LIMIT_WORKER_THREADS, 0},
        {SQLITE_LIMIT_TRIGGER_DEPTH, 1},  {SQLITE_LIMIT_COMPOUND_SELECT, 2},
        {SQLITE_LIMIT_EXPR_DEPTH, 100},
    };
    static const int switches[][2] = {
        {SQLITE_DBCONFIG_DEFENSIVE, 1},
        {SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0},
        {SQLITE_DBCONFIG_ENABLE_TRIGGER, 0},
        {SQLITE_DBCONFIG_ENABLE_VIEW, 0},
        {SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0},
    };
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++)
        s->lib->limit(s->db, limits[i][0], limits[i][1]);
    /* An older library does not know them all: the authorizer below needs none of them. */
    for (size_t i = 0; i < sizeof switches / sizeof switches[0]; i++)
        s->lib->db_config(s->db, switches[i][0], switches[i][1], (int *)NULL);
    s->lib->exec(s->db, "PRAGMA cell_size_check = 1; PRAGMA mmap_size = 0; PRAGMA query_only = 1",
                 NULL, NULL, NULL);
    s->lib->set_authorizer(s->db, authorize, NULL);
}

/* What another program has written and not yet put into the file would be missed. */
static int check_journals(const char *path, const char *name, struct err *ret_err)
{
    static const char *const endings[] = {"-wal", "-journal"};
    int rc = 0;
    for (size_t i = 0; path != NULL && rc == 0 && i < 2; i++) {
        struct buf journal = {0};
        struct stat st;
        buf_printf(&journal, "%s%s", path, endings[i]);
        if (stat(buf_text(&journal), &st) == 0 && st.st_size > 0)
            rc = err_set(ret_err, ERR_ARGUMENT, "FILE",
                         "%s is not complete: the rest is in %s%s; close the program that has it "
                         "open, or let sqlite3 open it once",
                         name, name, endings[i]);
        buf_done(&journal);
    }
    return rc;
}

static enum csv_result prepare(struct ocel_sqlite *s, const char *sql, sqlite3_stmt **ret_statement)
{
    int code = s->lib->prepare_v2(s->db, sql, -1, ret_statement, NULL);
    return code == SQLITE_OK ? CSV_ROW : broken(s, code);
}

/* One row more: CSV_ROW, CSV_END, or broken. */
static enum csv_result step(struct ocel_sqlite *s, sqlite3_stmt *statement)
{
    int code = s->lib->step(statement);
    return code == SQLITE_ROW ? CSV_ROW : code == SQLITE_DONE ? CSV_END : broken(s, code);
}

/* Valid until the statement goes on. */
static struct bytes column(const struct ocel_sqlite *s, sqlite3_stmt *statement, int i)
{
    const char *text = (const char *)s->lib->column_text(statement, i);
    int len = text != NULL ? s->lib->column_bytes(statement, i) : 0;
    return (struct bytes){text != NULL ? text : "", len > 0 ? (size_t)len : 0};
}

/* A view is no table, nor is one that a module makes up. */
static enum csv_result check_table(struct ocel_sqlite *s, const char *name)
{
    sqlite3_stmt *statement;
    enum csv_result result = prepare(s,
                                     "SELECT 1 FROM sqlite_master WHERE type = 'table' AND "
                                     "rootpage > 0 AND name = ?1 COLLATE NOCASE",
                                     &statement);
    if (result != CSV_ROW)
        return result;
    s->lib->bind_text(statement, 1, name, -1, SQLITE_STATIC);
    result = step(s, statement);
    s->lib->finalize(statement);
    if (result == CSV_END) {
        snprintf(s->reason_text, sizeof s->reason_text, "no OCEL 2.0: it has no table '%.100s'",
                 utf8_is_valid(name, strlen(name)) ? name : "?");
        s->reason = s->reason_text;
        return CSV_BROKEN;
    }
    return result;
}

static enum csv_result check_tables(struct ocel_sqlite *s)
{
    static const char *const tables[] = {"event", "object", "event_object", "event_map_type"};
    enum csv_result result = CSV_ROW;
    for (size_t i = 0; result == CSV_ROW && i < sizeof tables / sizeof tables[0]; i++)
        result = check_table(s, tables[i]);
    return result;
}

/* The rows of `event` are told apart by their rowid: a table can lack it, or hide it behind a
 * column of that name. */
static enum csv_result check_rowid(struct ocel_sqlite *s)
{
    static const char no_rowid[] = "the rows of its table 'event' have no rowid";
    sqlite3_stmt *statement;
    int code = s->lib->prepare_v2(s->db, "SELECT rowid, * FROM event", -1, &statement, NULL);
    enum csv_result result = code == SQLITE_OK ? CSV_ROW : broken(s, code);
    if (code == SQLITE_ERROR)
        s->reason = no_rowid; /* the table is there */
    int count = result == CSV_ROW ? s->lib->column_count(statement) : 0;
    for (int i = 1; result == CSV_ROW && i < count; i++) {
        const char *name = s->lib->column_name(statement, i);
        if (name == NULL) {
            result = CSV_NO_MEMORY;
        } else if (strcasecmp(name, "rowid") == 0) {
            s->reason = no_rowid;
            result = CSV_BROKEN;
        }
    }
    s->lib->finalize(statement);
    return result;
}

/* --- one cursor a type -------------------------------------------------------------------- */

/* Which columns are what; the first two are rowid and id. As in SQL, case does not matter. */
static enum csv_result find_columns(struct ocel_sqlite *s, struct cursor *c)
{
    c->count = s->lib->column_count(c->statement) - 2;
    c->columns = calloc((size_t)c->count + 1, sizeof *c->columns);
    if (c->columns == NULL)
        return CSV_NO_MEMORY;
    for (int i = 0; i < c->count; i++) {
        const char *name = s->lib->column_name(c->statement, i + 2);
        if (name == NULL)
            return CSV_NO_MEMORY;
        if (strcasecmp(name, "ocel_id") == 0)
            continue;
        if (!utf8_is_valid(name, strlen(name))) {
            s->reason = "the name of a column is not UTF-8";
            return CSV_BROKEN;
        }
        int64_t number = strcasecmp(name, "ocel_time") == 0
                             ? OCEL_TIMESTAMP
                             : names_add(&s->event.columns, name, strlen(name));
        if (number < 0)
            return CSV_NO_MEMORY;
        c->columns[i] = (uint32_t)number;
    }
    return CSV_ROW;
}

static struct cursor *add_cursor(struct ocel_sqlite *s)
{
    if (s->cursor_count % 64 == 0) {
        struct cursor *cursors = realloc(s->cursors, (s->cursor_count + 64) * sizeof *cursors);
        if (cursors == NULL)
            return NULL;
        s->cursors = cursors;
    }
    s->cursors[s->cursor_count] = (struct cursor){0};
    return &s->cursors[s->cursor_count++];
}

/* The rows of the events of one type, none of which is left out when its table lacks it. The engine
 * makes an index for the join, and reads `event` as it lies in the file. */
static enum csv_result open_cursor(struct ocel_sqlite *s, struct bytes type, struct bytes map)
{
    struct buf sql = {0}, table = {0};
    enum csv_result result = CSV_NO_MEMORY;
    if (memchr(map.text, '\0', map.len) != NULL) {
        s->reason = "event_map_type names a table with a zero byte in its name";
        return CSV_BROKEN;
    }
    char *copy = malloc(type.len + 1);
    struct cursor *c = copy != NULL ? add_cursor(s) : NULL;
    if (c == NULL) {
        free(copy);
        return CSV_NO_MEMORY;
    }
    memcpy(copy, type.text, type.len);
    c->type = (struct bytes){copy, type.len};
    buf_puts(&table, "event_");
    buf_add(&table, map.text, map.len);
    buf_puts(&sql, "SELECT e.rowid, e.ocel_id, t.* FROM event AS e LEFT JOIN \"event_");
    for (size_t i = 0; i < map.len; i++) {
        buf_add(&sql, &map.text[i], 1);
        if (map.text[i] == '"')
            buf_putc(&sql, '"');
    }
    buf_puts(&sql, "\" AS t ON t.ocel_id = e.ocel_id WHERE e.ocel_type = ?1 ORDER BY e.rowid");
    if (!buf_failed(&sql) && !buf_failed(&table)) {
        result = check_table(s, buf_text(&table));
        if (result == CSV_ROW)
            result = prepare(s, buf_text(&sql), &c->statement);
        if (result == CSV_ROW)
            result = find_columns(s, c);
        if (result == CSV_ROW)
            s->lib->bind_text(c->statement, 1, copy, (int)type.len, SQLITE_STATIC);
    }
    buf_done(&sql);
    buf_done(&table);
    return result;
}

static enum csv_result open_cursors(struct ocel_sqlite *s)
{
    sqlite3_stmt *types;
    enum csv_result result =
        prepare(s, "SELECT DISTINCT ocel_type, ocel_type_map FROM event_map_type", &types);
    if (result != CSV_ROW)
        return result;
    while ((result = step(s, types)) == CSV_ROW) {
        if (s->cursor_count == OCEL_TYPES_MAX) {
            s->reason = "more than 1,000 types of events";
            result = CSV_BROKEN;
            break;
        }
        result = open_cursor(s, column(s, types, 0), column(s, types, 1));
        if (result != CSV_ROW)
            break;
    }
    s->lib->finalize(types);
    if (result != CSV_END)
        return result;
    struct cursor *c = add_cursor(s); /* events of no known type */
    if (c == NULL)
        return CSV_NO_MEMORY;
    result = prepare(s,
                     "SELECT rowid, ocel_id FROM event WHERE ocel_type IS NULL OR ocel_type NOT IN "
                     "(SELECT ocel_type FROM event_map_type WHERE ocel_type IS NOT NULL) ORDER BY "
                     "rowid",
                     &c->statement);
    return result == CSV_ROW ? find_columns(s, c) : result;
}

static enum csv_result open_statements(struct ocel_sqlite *s)
{
    enum csv_result result = check_tables(s);
    if (result == CSV_ROW)
        result = check_rowid(s);
    if (result == CSV_ROW)
        result = prepare(s, "SELECT ocel_id, ocel_type FROM object", &s->object_rows);
    if (result == CSV_ROW)
        result = prepare(s,
                         "SELECT e.rowid, o.ocel_object_id, o.ocel_qualifier FROM event AS e CROSS "
                         "JOIN event_object AS o ON o.ocel_event_id = e.ocel_id ORDER BY e.rowid",
                         &s->relation_rows);
    return result == CSV_ROW ? open_cursors(s) : result;
}

int ocel_sqlite_open(struct ocel_sqlite **ret_sqlite, int fd, const char *name, const char *path,
                     struct ocel_objects *objects, struct err *ret_err)
{
    char uri[80];
    const struct sqlite_library *lib = sqlite_library_load(ret_err);
    if (lib == NULL)
        return -ERR_UNAVAILABLE;
    int rc = check_journals(path, name, ret_err);
    if (rc < 0)
        return rc;
    struct ocel_sqlite *s = calloc(1, sizeof *s);
    if (s == NULL)
        return err_set(ret_err, ERR_MEMORY, NULL, "out of memory");
    s->lib = lib;
    s->objects = objects;
    buf_init(&s->text, (size_t)2 * VALUE_MAX);
    /* immutable: no locks, no journals, nothing is written beside the file. */
    snprintf(uri, sizeof uri, "file:/proc/self/fd/%d?immutable=1", fd);
    int code = lib->open_v2(uri, &s->db,
                            SQLITE_OPEN_READONLY | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX, NULL);
    enum csv_result result = CSV_NO_MEMORY;
    if (s->db != NULL && ocel_event_init(&s->event) == 0) {
        lock_down(s);
        result = code == SQLITE_OK ? open_statements(s) : broken(s, code);
    }
    if (result == CSV_BROKEN)
        rc = err_set(ret_err, ERR_ARGUMENT, "FILE", "%s: %s", name, s->reason);
    else if (result != CSV_ROW)
        rc = err_set(ret_err, ERR_MEMORY, NULL, "out of memory");
    if (rc < 0)
        ocel_sqlite_close(s);
    else
        *ret_sqlite = s;
    return rc;
}

void ocel_sqlite_close(struct ocel_sqlite *s)
{
    if (s == NULL)
        return;
    for (size_t i = 0; i < s->cursor_count; i++) {
        s->lib->finalize(s->cursors[i].statement);
        free((char *)s->cursors[i].type.text);
        free(s->cursors[i].columns);
    }
    free(s->cursors);
    s->lib->finalize(s->object_rows);
    s->lib->finalize(s->relation_rows);
    s->lib->close(s->db);
    ocel_event_done(&s->event);
    buf_done(&s->text);
    free(s->relations);
    free(s);
}

/* --- reading ------------------------------------------------------------------------------ */

enum csv_result ocel_sqlite_read_objects(struct ocel_sqlite *s)
{
    enum csv_result result = CSV_ROW;
    for (int i = 0; i < OBJECT_ROWS && (result = step(s, s->object_rows)) == CSV_ROW; i++) {
        struct bytes id = column(s, s->object_rows, 0), type = column(s, s->object_rows, 1);
        if (!utf8_is_valid(id.text, id.len) || !utf8_is_valid(type.text, type.len)) {
            s->reason = "an object that is not UTF-8";
            return CSV_BROKEN;
        }
        result = ocel_add_object(s->objects, id, type, &s->reason);
        if (result != CSV_ROW)
            return result;
    }
    return result == CSV_ROW ? CSV_BLANK : result;
}

static enum csv_result next_of(struct ocel_sqlite *s, struct cursor *c)
{
    enum csv_result result = step(s, c->statement);
    c->has_row = result == CSV_ROW;
    if (c->has_row)
        c->rowid = s->lib->column_int64(c->statement, 0);
    return result == CSV_END ? CSV_ROW : result;
}

static enum csv_result next_relation(struct ocel_sqlite *s)
{
    enum csv_result result = step(s, s->relation_rows);
    s->has_relation = result == CSV_ROW;
    if (s->has_relation)
        s->relation_rowid = s->lib->column_int64(s->relation_rows, 0);
    return result == CSV_END ? CSV_ROW : result;
}

static enum csv_result start(struct ocel_sqlite *s)
{
    enum csv_result result = next_relation(s);
    for (size_t i = 0; result == CSV_ROW && i < s->cursor_count; i++)
        result = next_of(s, &s->cursors[i]);
    s->is_started = true;
    return result;
}

void ocel_sqlite_rewind(struct ocel_sqlite *s)
{
    s->lib->reset(s->relation_rows);
    for (size_t i = 0; i < s->cursor_count; i++)
        s->lib->reset(s->cursors[i].statement);
    s->current = NULL;
    s->is_started = false;
    s->event.unknown = 0;
}

/* The cursor whose event comes first in the table, or NULL. */
static struct cursor *first_cursor(struct ocel_sqlite *s)
{
    struct cursor *first = NULL;
    for (size_t i = 0; i < s->cursor_count; i++) {
        struct cursor *c = &s->cursors[i];
        if (c->has_row && (first == NULL || c->rowid < first->rowid))
            first = c;
    }
    return first;
}

static struct span add_text(struct ocel_sqlite *s, struct bytes text)
{
    struct span span = {s->text.len, text.len};
    buf_add(&s->text, text.text, text.len);
    buf_putc(&s->text, '\t');
    return span;
}

static struct bytes text_of(const struct ocel_sqlite *s, struct span span)
{
    return (struct bytes){s->text.data + span.at, span.len};
}

/* Copies the relations of the event: their statement goes on. */
static enum csv_result collect_relations(struct ocel_sqlite *s, sqlite3_int64 rowid,
                                         size_t *ret_count)
{
    enum csv_result result = CSV_ROW;
    size_t count = 0;
    while (result == CSV_ROW && s->has_relation && s->relation_rowid <= rowid) {
        if (count == s->relation_size) {
            size_t size = count == 0 ? 64 : count * 2;
            struct relation_text *grown = realloc(s->relations, size * sizeof *grown);
            if (grown == NULL)
                return CSV_NO_MEMORY;
            s->relations = grown;
            s->relation_size = size;
        }
        if (s->relation_rowid == rowid && count <= OCEL_RELATIONS_MAX) {
            s->relations[count].id = add_text(s, column(s, s->relation_rows, 1));
            s->relations[count++].qualifier = add_text(s, column(s, s->relation_rows, 2));
        }
        result = next_relation(s);
    }
    *ret_count = count;
    return result;
}

static enum csv_result set_columns(struct ocel_sqlite *s, struct cursor *c)
{
    enum csv_result result = ocel_event_set(&s->event, OCEL_EID, column(s, c->statement, 1));
    if (result == CSV_ROW)
        result = ocel_event_set(&s->event, OCEL_ACTIVITY, c->type);
    for (int i = 0; result == CSV_ROW && i < c->count; i++)
        if (c->columns[i] != OCEL_EID)
            result = ocel_event_set(&s->event, c->columns[i], column(s, c->statement, i + 2));
    for (size_t i = 0; i < s->event.count; i++)
        add_text(s, (struct bytes){s->event.cells[i].text, s->event.cells[i].len});
    return result;
}

static enum csv_result read_event(struct ocel_sqlite *s, struct cursor *c)
{
    size_t count = 0;
    buf_reset(&s->text);
    ocel_event_begin(&s->event);
    enum csv_result result = set_columns(s, c);
    enum csv_result collected = collect_relations(s, c->rowid, &count);
    if (collected != CSV_ROW)
        return collected;
    if (buf_failed(&s->text)) {
        s->event.reason = "the event is longer than 128 MB";
        return CSV_BAD;
    }
    for (size_t i = 0; result == CSV_ROW && i < count; i++)
        result = ocel_event_relate(&s->event, s->objects, text_of(s, s->relations[i].id),
                                   text_of(s, s->relations[i].qualifier));
    s->event.raw = (struct bytes){buf_text(&s->text), s->text.len};
    if (result == CSV_ROW && c->type.text == NULL) {
        s->event.reason = "its type is not in event_map_type";
        return CSV_BAD;
    }
    return result;
}

enum csv_result ocel_sqlite_read(struct ocel_sqlite *s)
{
    enum csv_result result = CSV_ROW;
    sqlite3_int64 last = s->current != NULL ? s->current->rowid : 0;
    struct cursor *before = s->current;
    if (!s->is_started)
        result = start(s);
    else if (s->current != NULL)
        result = next_of(s, s->current);
    if (result != CSV_ROW)
        return result;
    s->current = first_cursor(s);
    if (s->current == NULL)
        return CSV_END;
    result = read_event(s, s->current);
    bool is_repeat = before != NULL && s->current->rowid == last;
    s->repeats = is_repeat ? s->repeats + 1 : 0;
    if (s->repeats == ROWS_MAX) {
        s->reason = "more than 1,000 rows for one event";
        return CSV_BROKEN;
    }
    if (result == CSV_ROW && is_repeat) {
        s->event.reason = "a second row for the same event";
        return CSV_BAD;
    }
    return result;
}
