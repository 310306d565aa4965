/* sextant import: files of events → a source of the embedded store. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "commands.h"
#include "import.h"
#include "json.h"
#include "rpc.h"
#include "text.h"
#include "utf8.h"

enum {
    REJECTS_REPORTED = 1000, /* in --json */
    REJECTS_SHOWN = 20,
    PROGRESS_MS = 2000,
};

const struct flag import_flags[] = {
    {"--source", "NAME", "what the source is called afterwards (required)"},
    {"--time", "COL", "column of the time; like the next ones guessed from the names if absent"},
    {"--event", "COL", "column of the event's name"},
    {"--event-name", "TEXT", "one name for all events, or for those without (default: event)"},
    {"--actor", "COL", "column of who did it (default: all)"},
    {"--session", "COL", "column of the session"},
    {"--case", "COL", "column of a case or order; may be given several times"},
    {"--resource", "COL", "column of who or what worked on it"},
    {"--start-time", "COL", "column of when it began, where time is when it ended"},
    {"--format", "FORMAT",
     "csv, tsv, jsonl, parquet, xes, ocel or ocel-sqlite (default: by content and name)"},
    {"--delimiter", "CHAR", "of csv: a character, tab, comma, semicolon or bar"},
    {"--quoting", "HOW", "csv (default): \"a \"\"b\"\"\"; none; backslash: \\t \\n \\N of dumps"},
    {"--no-header", NULL, "the first line is a row; columns are c1, c2, …"},
    {"--tz", "ZONE", "time zone of times that name none (default: UTC)"},
    {"--time-unit", "UNIT", "of plain numbers: s, ms, us or ns (default: by their size)"},
    {"--time-format", "FORMAT", "of times that are not ISO 8601: %d.%m.%Y %H:%M"},
    {"--description", "TEXT", "what the source is, for agents"},
    {"--strict", NULL, "a rejected row fails the import"},
    {"--rejects", "FILE", "write every rejected row to FILE as JSON lines"},
    {"--json", NULL, "print the report as JSON"},
    {0},
};

/* A word of the command line and what it means. */
struct word {
    const char *text;
    int value;
};

static const struct word formats[] = {
    {"csv", SNIFF_CSV},
    {"tsv", SNIFF_CSV},
    {"jsonl", SNIFF_JSONL},
    {"ndjson", SNIFF_JSONL},
    {"json", SNIFF_JSONL},
    {"parquet", SNIFF_PARQUET},
    {"xes", SNIFF_XES},
    {"ocel", SNIFF_OCEL},
    {"ocel-sqlite", SNIFF_OCEL_SQLITE},
    {0},
};
static const struct word delimiters[] = {
    {"tab", '\t'}, {"\\t", '\t'}, {"comma", ','}, {"semicolon", ';'},
    {"bar", '|'},  {"pipe", '|'}, {"space", ' '}, {0},
};
static const struct word quotings[] = {
    {"csv", CSV_QUOTES},
    {"none", CSV_PLAIN},
    {"backslash", CSV_BACKSLASH},
    {0},
};
static const struct word units[] = {
    {"s", WHEN_SECONDS}, {"ms", WHEN_MILLIS}, {"us", WHEN_MICROS}, {"ns", WHEN_NANOS}, {0},
};

struct importing {
    struct app *app;
    struct import_options options;
    const char **files;
    const char *rejects_path;
    bool is_json, is_done;
    struct import *import;
    struct err err;
    json_t *report, *rejected;
    FILE *rejects;
    uint64_t reject_count, told_ns, started_ns;
};

/* --- the command line ---------------------------------------------------------------------- */

static bool find_word(const struct word *words, const char *text, int *ret_value)
{
    for (; words->text != NULL; words++)
        if (strcmp(words->text, text) == 0) {
            *ret_value = words->value;
            return true;
        }
    return false;
}

static int refuse_word(const char *flag, const char *text, const struct word *words,
                       struct err *ret_err)
{
    char list[160] = "";
    size_t n = 0;
    for (const struct word *w = words; w->text != NULL; w++)
        n += (size_t)snprintf(list + n, sizeof list - n, "%s%s", n > 0 ? ", " : "", w->text);
    return err_set(ret_err, ERR_ARGUMENT, flag, "%s: '%.40s' is none of %s", flag, text, list);
}

static int take_delimiter(struct importing *im, const char *text, struct err *ret_err)
{
    int value;
    if (find_word(delimiters, text, &value)) {
        im->options.delimiter = (char)value;
        return 0;
    }
    if (text[0] == '\0' || text[1] != '\0' || strchr("\"\r\n\\", text[0]) != NULL)
        return err_set(ret_err, ERR_ARGUMENT, "--delimiter",
                       "--delimiter: '%.40s' is not one character", text);
    im->options.delimiter = text[0];
    return 0;
}

static int take_case(struct importing *im, const char *text, struct err *ret_err)
{
    struct import_options *o = &im->options;
    for (size_t i = 0; i < o->case_count; i++)
        if (strcmp(o->cases[i], text) == 0)
            return 0;
    if (o->case_count == IMPORT_CASES_MAX)
        return err_set(ret_err, ERR_ARGUMENT, "--case", "--case: at most %d cases",
                       IMPORT_CASES_MAX);
    if (o->case_count == 0)
        o->columns[SNIFF_CASE] = text;
    o->cases[o->case_count++] = text;
    return 0;
}

/* A flag with a value; 1 when it is one of them. */
static int take_text(struct importing *im, const char *flag, const char *text)
{
    struct import_options *o = &im->options;
    const struct {
        const char *flag;
        const char **to;
    } texts[] = {
        {"--source", &o->source},
        {"--time", &o->columns[SNIFF_TIME]},
        {"--event", &o->columns[SNIFF_EVENT]},
        {"--event-name", &o->event_name},
        {"--actor", &o->columns[SNIFF_ACTOR]},
        {"--session", &o->columns[SNIFF_SESSION]},
        {"--resource", &o->columns[SNIFF_RESOURCE]},
        {"--start-time", &o->columns[SNIFF_START]},
        {"--tz", &o->tz},
        {"--time-format", &o->time_format},
        {"--description", &o->description},
        {"--rejects", &im->rejects_path},
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (strcmp(texts[i].flag, flag) == 0) {
            *texts[i].to = text;
            return 1;
        }
    return 0;
}

static int take_flag(struct importing *im, const char *flag, const char *text, struct err *ret_err)
{
    int value;
    if (take_text(im, flag, text))
        return 0;
    if (strcmp(flag, "--case") == 0)
        return take_case(im, text, ret_err);
    if (strcmp(flag, "--delimiter") == 0)
        return take_delimiter(im, text, ret_err);
    if (strcmp(flag, "--format") == 0) {
        if (!find_word(formats, text, &value))
            return refuse_word(flag, text, formats, ret_err);
        im->options.format = (enum sniff_format)value;
        if (strcmp(text, "tsv") == 0 && im->options.delimiter == '\0')
            im->options.delimiter = '\t';
        return 0;
    }
    if (strcmp(flag, "--quoting") == 0) {
        if (!find_word(quotings, text, &value))
            return refuse_word(flag, text, quotings, ret_err);
        im->options.quoting = (enum csv_quoting)value;
        return 0;
    }
    if (!find_word(units, text, &value))
        return refuse_word(flag, text, units, ret_err);
    im->options.unit = (enum when_unit)value;
    return 0;
}

/* The flag of import that this is, or NULL; the configuration passed on no other. */
static const struct flag *flag_at(const char *text)
{
    for (const struct flag *f = import_flags; f->name != NULL; f++)
        if (strcmp(f->name, text) == 0)
            return f;
    return NULL;
}

static int read_command_line(struct importing *im, int argc, char **argv, struct err *ret_err)
{
    im->files = calloc((size_t)argc + 1, sizeof *im->files);
    if (im->files == NULL)
        return err_set(ret_err, ERR_MEMORY, NULL, "out of memory");
    im->options.files = im->files;
    bool only_files = false;
    for (int i = 0; i < argc; i++) {
        const struct flag *flag = only_files ? NULL : flag_at(argv[i]);
        int rc = 0;
        if (!only_files && strcmp(argv[i], "--") == 0)
            only_files = true;
        else if (flag == NULL)
            im->files[im->options.file_count++] = argv[i];
        else if (flag->value != NULL) /* config_load() saw to it that one follows */
            rc = take_flag(im, flag->name, argv[++i], ret_err);
        else if (strcmp(flag->name, "--json") == 0)
            im->is_json = true;
        else if (strcmp(flag->name, "--strict") == 0)
            im->options.is_strict = true;
        else
            im->options.has_no_header = true;
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* --- while it runs ------------------------------------------------------------------------- */

static json_t *reject_json(const struct import_reject *r)
{
    json_t *entry = json_pack("{s:o, s:I}", "file", rpc_text(r->file), "line", (json_int_t)r->line);
    if (r->last_line > r->line)
        json_object_set_new(entry, "last_line", json_integer((json_int_t)r->last_line));
    json_object_set_new(entry, "reason", rpc_text(r->reason));
    return entry;
}

/* {"file","line","reason","text"}; bytes that are no text come as "hex". */
static void write_reject(struct importing *im, const struct import_reject *r)
{
    struct buf hex;
    json_t *entry = reject_json(r);
    buf_init(&hex, 0);
    if (utf8_is_valid(r->text, r->len)) {
        json_object_set_new(entry, "text", json_stringn(r->text, r->len));
    } else {
        for (size_t i = 0; i < r->len; i++)
            buf_printf(&hex, "%02x", (unsigned char)r->text[i]);
        json_object_set_new(entry, "hex", json_string(buf_text(&hex)));
    }
    char *line = json_text(entry);
    if (line == NULL || fprintf(im->rejects, "%s\n", line) < 0)
        err_set(&im->err, ERR_UNAVAILABLE, "--rejects", "cannot write %s: %s", im->rejects_path,
                line == NULL ? "out of memory" : strerror(errno));
    free(line);
    buf_done(&hex);
    json_decref(entry);
}

static void on_rejected(void *user, const struct import_reject *reject)
{
    struct importing *im = user;
    if (im->reject_count++ < REJECTS_REPORTED)
        json_array_append_new(im->rejected, reject_json(reject));
    if (im->rejects != NULL && im->err.code == ERR_OK)
        write_reject(im, reject);
}

/* On the same line of a terminal. */
static void tell_progress(struct importing *im, uint64_t bytes, uint64_t bytes_total, uint64_t rows)
{
    char count[32], share[32] = "";
    im->told_ns = uv_hrtime();
    if (bytes_total > 0)
        snprintf(share, sizeof share, "%3.0f %%, ", 100.0 * (double)bytes / (double)bytes_total);
    text_count(count, sizeof count, (double)rows);
    bool is_terminal = isatty(STDERR_FILENO) == 1;
    fprintf(stderr, "%simport: %s%s rows, %.0f s%s", is_terminal ? "\r" : "", share, count,
            (double)(im->told_ns - im->started_ns) / 1e9, is_terminal ? "   " : "\n");
}

/* A line every two seconds. */
static void on_progress(void *user, uint64_t bytes, uint64_t bytes_total, uint64_t rows)
{
    struct importing *im = user;
    if (uv_hrtime() - im->told_ns >= (uint64_t)PROGRESS_MS * 1000000)
        tell_progress(im, bytes, bytes_total, rows);
}

static void on_done(void *user, const struct err *err, const json_t *report)
{
    struct importing *im = user;
    im->is_done = true;
    im->import = NULL;
    bool is_told = im->told_ns != im->started_ns;
    if (is_told && err == NULL)
        tell_progress(im, 1, 1, (uint64_t)json_get_integer(report, "rows_read", 0));
    if (is_told && isatty(STDERR_FILENO) == 1)
        fputc('\n', stderr); /* behind the progress */
    if (err != NULL)
        im->err = *err;
    im->report = json_deep_copy(report);
}

static void on_signal(void *user)
{
    struct importing *im = user;
    if (im->import != NULL)
        import_cancel(im->import);
}

/* --- the report ---------------------------------------------------------------------------- */

/* "1,234 rows", "1 row"; `unit` is the singular. */
static void put_count(struct buf *out, const json_t *object, const char *key, const char *unit)
{
    char text[32];
    json_int_t count = json_get_integer(object, key, 0);
    text_count(text, sizeof text, (double)count);
    buf_printf(out, "%s %s%s", text, unit, count == 1 ? "" : "s");
}

static void put_mapping(struct buf *out, const json_t *report)
{
    size_t i;
    json_t *entry;
    json_array_foreach (json_object_get(report, "mapping"), i, entry) {
        const char *column = json_get_string(entry, "column", NULL);
        char what[160];
        snprintf(what, sizeof what, column != NULL ? "%s" : "\"%s\"",
                 column != NULL ? column : json_get_string(entry, "value", ""));
        buf_printf(out, "  %-10s %-24s %s\n", json_get_string(entry, "role", ""), what,
                   json_get_string(entry, "why", ""));
    }
}

/* "2 properties: size, colour", as far as there is room. */
static void put_list(struct buf *out, const json_t *report, const char *key, const char *one,
                     const char *many)
{
    enum { SHOWN = 30 };
    const json_t *list = json_object_get(report, key);
    size_t count = json_array_size(list);
    if (count == 0)
        return;
    buf_printf(out, "  %zu %s: ", count, count == 1 ? one : many);
    for (size_t i = 0; i < count && i < SHOWN; i++)
        buf_printf(out, "%s%s", i > 0 ? ", " : "", json_at_string(list, i));
    buf_puts(out, count > SHOWN ? ", …\n" : "\n");
}

static void put_files(struct buf *out, const json_t *report)
{
    size_t i;
    json_t *file;
    json_array_foreach (json_object_get(report, "files"), i, file) {
        const char *compression = json_get_string(file, "compression", NULL);
        buf_printf(out, "%s (%s%s%s): ", json_get_string(file, "file", ""),
                   json_get_string(file, "format", ""), compression != NULL ? ", " : "",
                   compression != NULL ? compression : "");
        put_count(out, file, "rows_read", "row");
        char imported[32], rejected[32];
        text_count(imported, sizeof imported, (double)json_get_integer(file, "rows_imported", 0));
        text_count(rejected, sizeof rejected, (double)json_get_integer(file, "rows_rejected", 0));
        buf_printf(out, " read, %s imported, %s rejected\n", imported, rejected);
    }
}

static void put_rejects(struct buf *out, const struct importing *im)
{
    char count[32];
    size_t i;
    json_t *entry;
    if (im->reject_count == 0)
        return;
    text_count(count, sizeof count, (double)im->reject_count);
    buf_printf(out, "\n%s rejected:\n", count);
    json_array_foreach (im->rejected, i, entry) {
        if (i == REJECTS_SHOWN)
            break;
        json_int_t line = json_get_integer(entry, "line", 0);
        json_int_t last = json_get_integer(entry, "last_line", line);
        buf_printf(out, "  %s line %" JSON_INTEGER_FORMAT, json_get_string(entry, "file", ""),
                   line);
        if (last > line)
            buf_printf(out, "-%" JSON_INTEGER_FORMAT, last);
        buf_printf(out, ": %s\n", json_get_string(entry, "reason", ""));
    }
    if (im->reject_count > REJECTS_SHOWN) {
        text_count(count, sizeof count, (double)(im->reject_count - REJECTS_SHOWN));
        buf_printf(out, "  and %s more%s\n", count,
                   im->rejects_path == NULL ? " (--rejects FILE writes them all)" : "");
    }
}

static void put_report(struct buf *out, const struct importing *im)
{
    const json_t *report = im->report;
    size_t i;
    json_t *warning;
    buf_printf(out, "Source %s: ", json_get_string(report, "source", ""));
    put_count(out, report, "rows_imported", "event");
    buf_puts(out, " of ");
    put_count(out, report, "actors", "actor");
    if (json_get_integer(report, "cases", 0) > 0) {
        buf_puts(out, " and ");
        put_count(out, report, "cases", "case");
    }
    if (json_object_get(report, "objects") != NULL) {
        buf_puts(out, ", ");
        put_count(out, report, "objects", "object");
    }
    buf_printf(out, ", %s to %s, in %.1f s%s\n\n", json_get_string(report, "from", ""),
               json_get_string(report, "to", ""),
               (double)json_get_integer(report, "elapsed_ms", 0) / 1000,
               json_get_bool(report, "replaced", false) ? " (the old data is replaced)" : "");
    put_mapping(out, report);
    put_list(out, report, "properties", "property", "properties");
    put_list(out, report, "actor_properties", "actor property", "actor properties");
    put_list(out, report, "object_types", "type of objects", "types of objects");
    buf_putc(out, '\n');
    put_files(out, report);
    put_rejects(out, im);
    json_array_foreach (json_object_get(report, "warnings"), i, warning)
        buf_printf(out, "Note: %s\n", json_string_value(warning));
}

static int print_report(struct importing *im, struct err *ret_err)
{
    struct buf out;
    buf_init(&out, 0);
    if (im->is_json) {
        json_object_set(im->report, "rejected", im->rejected);
        json_add(&out, im->report, JSON_PLAIN);
        buf_putc(&out, '\n');
    } else {
        put_report(&out, im);
    }
    int rc = 0;
    if (buf_failed(&out))
        rc = err_set(ret_err, ERR_MEMORY, NULL, "the import is done; its report ran out of memory");
    else if (!app_write(im->app, buf_text(&out), out.len))
        rc = err_set(ret_err, ERR_UNAVAILABLE, NULL,
                     "the import is done; its report could not be written");
    buf_done(&out);
    return rc;
}

/* --- the command --------------------------------------------------------------------------- */

/* Of a failure that rejected rows explain, the first of them. */
static void add_first_reject(const struct importing *im, struct err *err)
{
    const json_t *first = json_array_get(im->rejected, 0);
    size_t len = strlen(err->text);
    if (first == NULL || err->code != ERR_ARGUMENT)
        return;
    snprintf(err->text + len, sizeof err->text - len,
             "; the first, line %" JSON_INTEGER_FORMAT ": %s", json_get_integer(first, "line", 0),
             json_get_string(first, "reason", ""));
}

static int run_import(struct importing *im, struct err *ret_err)
{
    const struct import_events events = {
        .rejected = on_rejected, .progress = on_progress, .done = on_done, .user = im};
    if (im->rejects_path != NULL) {
        im->rejects = fopen(im->rejects_path, "we");
        if (im->rejects == NULL)
            return err_set(ret_err, ERR_ARGUMENT, "--rejects", "cannot write %s: %s",
                           im->rejects_path, strerror(errno));
    }
    im->started_ns = im->told_ns = uv_hrtime();
    int rc = import_start(im->app->db, &im->options, &events, &im->import, ret_err);
    if (rc < 0)
        return rc;
    rc = app_await(im->app, &im->is_done, &im->err, on_signal, im, ret_err);
    if (im->rejects != NULL && fclose(im->rejects) != 0 && rc == 0)
        rc = err_set(ret_err, ERR_UNAVAILABLE, "--rejects", "cannot write %s: %s", im->rejects_path,
                     strerror(errno));
    im->rejects = NULL;
    if (rc < 0)
        add_first_reject(im, ret_err);
    return rc;
}

int import_command(struct app *app, int argc, char **argv)
{
    struct importing im = {.app = app, .rejected = json_array()};
    struct err err = {0};
    int rc = read_command_line(&im, argc, argv, &err);
    if (rc == 0 && im.options.file_count == 0)
        rc = err_set(&err, ERR_ARGUMENT, "FILE", "name at least one file, or - for standard input");
    if (rc == 0 && im.options.source == NULL)
        rc = err_set(&err, ERR_ARGUMENT, "--source", "name the source with --source NAME");
    int code = EXIT_OK;
    if (rc < 0) {
        code = command_usage_error(app, "%s", err.text);
    } else {
        if (app_open_db(app, &err) < 0 || import_check(&im.options, &err) < 0 ||
            app_take_turn(app, &err) < 0 || run_import(&im, &err) < 0 ||
            print_report(&im, &err) < 0)
            code = command_fail(&err);
    }
    if (im.rejects != NULL)
        fclose(im.rejects);
    json_decref(im.report);
    json_decref(im.rejected);
    free(im.files);
    return code;
}
