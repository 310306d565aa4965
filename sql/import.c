/* The order of events of an import. Everything runs on the db's loop: reading and cutting rows in
 * slices of a few milliseconds, while the engine's threads insert the blocks cut before. */
#include "import_impl.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "rpc.h"
#include "sql_text.h"
#include "json.h"

enum { BODY_MAX = 256 << 20 };

void import_warn(struct import *im, const char *fmt, ...)
{
    enum { WARNINGS_MAX = 100 };
    char text[512];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (json_array_size(im->warnings) < WARNINGS_MAX)
        json_array_append_new(im->warnings, rpc_text(text));
}

/* --- failing ------------------------------------------------------------------------------ */

/* What the engine says about a full disk (in words that differ with where it strikes) and about an
 * unknown time zone, in ours. */
static void explain(const struct import *im, struct err *err)
{
    enum { BAD_ARGUMENTS = 36, NOT_ENOUGH_SPACE = 243 };
    if (im->is_asking_zone && err->engine_code == BAD_ARGUMENTS) {
        err_set(err, ERR_ARGUMENT, "--tz", "no time zone is called '%.60s'", im->options.tz);
    } else if (err->engine_code == NOT_ENOUGH_SPACE || strstr(err->raw, "No space left") != NULL ||
               strstr(err->raw, "errno: 28") != NULL) {
        err->code = ERR_LIMIT;
        snprintf(err->text, sizeof err->text, "no space left on the disk that holds the store");
    }
}

void import_fail(struct import *im, const struct err *err)
{
    if (im->err.code == ERR_OK)
        im->err = *err;
    explain(im, &im->err);
    im->is_reading = false;
    for (int i = 0; i < BODIES; i++)
        if (im->bodies[i].inserting != NULL)
            db_cancel(im->db, im->bodies[i].inserting);
    if (im->decoding != NULL)
        db_cancel(im->db, im->decoding);
    if (im->running != NULL && !im->is_cleaning)
        db_cancel(im->db, im->running);
    import_close_poll(im);
    if (im->input < im->options.file_count)
        input_close(&im->inputs[im->input]); /* the engine's end of the pipe breaks */
    import_wind_up(im);
}

void import_fail_memory(struct import *im)
{
    struct err err;
    err_set(&err, ERR_MEMORY, NULL, "out of memory");
    import_fail(im, &err);
}

/* --- statements of the sequence ----------------------------------------------------------- */

static int take_rows(void *user, const char *bytes, size_t len)
{
    struct import *im = user;
    buf_add(&im->row_text, bytes, len);
    return buf_failed(&im->row_text) ? -1 : 0;
}

/* The rows of the statement that just ended; NULL when they cannot be read. */
static json_t *read_rows(struct import *im)
{
    json_t *rows = json_array();
    const char *p = buf_text(&im->row_text);
    while (rows != NULL && *p != '\0') {
        size_t len = strcspn(p, "\n");
        json_t *row = len > 0 ? json_loadb(p, len, 0, NULL) : NULL;
        if (len > 0 && json_array_append_new(rows, row) < 0) {
            json_decref(rows);
            return NULL;
        }
        p += len + (p[len] == '\n');
    }
    return rows;
}

static void statement_done(void *user, const struct err *err, const struct db_stats *stats)
{
    struct import *im = user;
    (void)stats;
    im->running = NULL;
    query_done(&im->query);
    if (im->is_cleaning) { /* nothing can be done about a failure here */
        im->next(im);
        return;
    }
    if (err != NULL) {
        import_fail(im, err);
        return;
    }
    if (im->err.code != ERR_OK) {
        import_wind_up(im);
        return;
    }
    json_decref(im->rows);
    im->rows = read_rows(im);
    if (im->rows == NULL)
        import_fail_memory(im);
    else
        im->next(im);
}

static void on_not_cleaned(uv_idle_t *soon)
{
    struct import *im = soon->data;
    uv_idle_stop(soon);
    im->next(im);
}

/* Runs one statement, whose parameters are bound in im->query, and goes on with `next`. */
static void import_run(struct import *im, const struct sql_text *text,
                       const struct query_fragment *fragments, void (*next)(struct import *im))
{
    struct err err;
    im->next = next;
    buf_reset(&im->row_text);
    const struct db_request request = {
        .format = strncmp(text->text, "SELECT", 6) == 0 ? "JSONCompactEachRow" : NULL,
        .limits = {.time_ms = STATEMENT_MS},
        .tag = "import",
        .is_write = strncmp(text->text, "SELECT", 6) != 0,
        .on_data = take_rows,
        .on_done = statement_done,
        .user = im,
    };
    int rc = query_render(&im->query, text, fragments, &err);
    if (rc == 0)
        rc = query_start(im->db, &im->query, &request, &im->running, &err);
    if (rc == 0)
        return;
    query_done(&im->query);
    if (im->is_cleaning) { /* not at once: who called import_fail() still has the import */
        uv_idle_stop(im->soon);
        uv_idle_start(im->soon, on_not_cleaned);
    } else {
        import_fail(im, &err);
    }
}

void import_run_on_table(struct import *im, const struct sql_text *text,
                         const struct query_fragment *more, void (*next)(struct import *im))
{
    enum { MORE = 3 };
    struct buf table;
    buf_init(&table, 0);
    sql_identifier(&table, im->options.source);
    struct query_fragment fragments[MORE + 2] = {{"table", buf_text(&table)}};
    for (int i = 0; more != NULL && i < MORE && more[i].slot != NULL; i++)
        fragments[i + 1] = more[i];
    import_run(im, text, fragments, next);
    buf_done(&table);
}

/* --- the end ------------------------------------------------------------------------------ */

void import_free_handle(uv_handle_t *handle)
{
    free(handle);
}

static void import_free(struct import *im)
{
    import_close_poll(im);
    for (size_t i = 0; im->inputs != NULL && i < im->options.file_count; i++)
        input_close(&im->inputs[i]);
    for (int i = 0; i < SNIFF_ROLES; i++)
        free(im->roles[i].guessed);
    if (im->soon != NULL)
        uv_close((uv_handle_t *)im->soon, import_free_handle);
    free(im->inputs);
    free(im->zone.at_s);
    free(im->zone.offset_s);
    layout_done(im);
    names_done(&im->properties);
    names_done(&im->actor_properties);
    ocel_objects_done(&im->objects);
    free(im->sorted);
    native_done(&im->native);
    for (int i = 0; i < NATIVE_NUMBERS; i++)
        numbering_done(&im->numberings[i]);
    for (int i = 0; i < BODIES; i++) {
        buf_done(&im->bodies[i].bytes);
        query_done(&im->bodies[i].query);
    }
    buf_done(&im->row_text);
    json_decref(im->report);
    json_decref(im->report_files);
    json_decref(im->warnings);
    json_decref(im->rows);
    query_done(&im->query);
    query_done(&im->decode);
    free(im);
}

static void finish(struct import *im)
{
    uint64_t elapsed_ms = (uv_hrtime() - im->started_ns) / 1000000;
    if (im->start_times_kept > 0)
        import_warn(im,
                    "%" PRIu64 " start time%s could not be read; the text is in the property '%s'",
                    im->start_times_kept, im->start_times_kept == 1 ? "" : "s",
                    im->roles[SNIFF_START].column);
    json_object_set_new(im->report, "elapsed_ms", json_integer((json_int_t)elapsed_ms));
    map_report(im);
    im->events.done(im->events.user, im->err.code != ERR_OK ? &im->err : NULL, im->report);
    import_free(im);
}

/* After a failure: once nothing runs any more, removes the unfinished table. */
void import_wind_up(struct import *im)
{
    if (im->is_cleaning || im->running != NULL || im->decoding != NULL ||
        import_find_body(im, true) != NULL)
        return;
    im->is_cleaning = true;
    query_done(&im->query);
    import_run(im, &sql_import_drop, NULL, finish);
}

static void after_place(struct import *im)
{
    im->is_cleaning = true;
    import_run(im, &sql_import_drop, NULL, finish);
}

static json_t *iso_time(int64_t us)
{
    char text[40];
    time_t s = (time_t)(us >= 0 ? us / 1000000 : -((999999 - us) / 1000000));
    int fraction = (int)(us - (int64_t)s * 1000000);
    struct tm tm;
    gmtime_r(&s, &tm);
    size_t n = strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &tm);
    if (fraction != 0)
        n += (size_t)snprintf(text + n, sizeof text - n, ".%06d", fraction);
    snprintf(text + n, sizeof text - n, "Z");
    return json_string(text);
}

static uint64_t total(const struct import *im, bool of_rejected)
{
    uint64_t n = 0;
    for (size_t i = 0; i < im->options.file_count; i++)
        n += of_rejected ? im->inputs[i].rows_rejected : im->inputs[i].rows_imported;
    return n;
}

static void place_table(struct import *im)
{
    import_run_on_table(im, im->is_replacing ? &sql_import_exchange : &sql_import_rename, NULL,
                        after_place);
}

/* Everything is inserted and counted: the table is completed, and takes its place. */
static void take_counts(struct import *im)
{
    const json_t *row = json_array_get(im->rows, 0);
    json_int_t counts[7];
    for (size_t i = 0; i < 7; i++)
        counts[i] = json_at_integer(row, i);
    if ((uint64_t)counts[0] != total(im, false)) {
        struct err err;
        err_set(&err, ERR_INTERNAL, NULL,
                "%" PRIu64 " rows were sent and %" JSON_INTEGER_FORMAT " arrived", total(im, false),
                counts[0]);
        import_fail(im, &err);
        return;
    }
    json_object_set_new(im->report, "from", iso_time(counts[1]));
    json_object_set_new(im->report, "to", iso_time(counts[2]));
    json_object_set_new(im->report, "actors", json_integer(counts[3]));
    json_object_set_new(im->report, "events", json_integer(counts[4]));
    json_object_set_new(im->report, "cases", json_integer(counts[5]));
    json_object_set_new(im->report, "replaced", json_boolean(counts[6] > 0));
    im->is_replacing = counts[6] > 0;
    layout_finish(im, place_table);
}

/* Every file is read. */
static int check_totals(struct import *im, struct err *ret_err)
{
    uint64_t imported = total(im, false), rejected = total(im, true);
    if (imported == 0 && rejected == 0)
        return err_set(ret_err, ERR_ARGUMENT, "FILE", "%s: %s",
                       im->options.file_count == 1 ? input_name(&im->inputs[0]) : "all files",
                       im->inputs[0].format == SNIFF_XES || input_has_objects(&im->inputs[0])
                           ? "a log without events"
                           : "a header but no rows");
    if (imported == 0)
        return err_set(ret_err, ERR_ARGUMENT, "FILE",
                       "not one of %" PRIu64 " rows could be imported: see the rejected rows",
                       rejected);
    if (rejected > 0 && im->options.is_strict)
        return err_set(ret_err, ERR_ARGUMENT, "--strict", "%" PRIu64 " rows were rejected",
                       rejected);
    return map_check_seen(im, ret_err);
}

static bool has_numbers(const struct import *im, enum native_text text)
{
    return !im->numberings[text - NATIVE_FIRST_NUMBER].has_given_up;
}

void import_count_rows(struct import *im)
{
    struct err err;
    if (check_totals(im, &err) < 0) {
        import_fail(im, &err);
        return;
    }
    /* 0 numbers the empty text, which is an actor and no case. */
    const struct query_fragment counts[] = {
        {"actors", has_numbers(im, NATIVE_ACTOR) ? "max(actor_number) + (min(actor_number) = 0)"
                                                 : "uniqExact(sipHash64(actor))"},
        {"cases", has_numbers(im, NATIVE_CASE) ? "max(case_number)"
                                               : "uniqExactIf(sipHash64(case_id), case_id != '')"},
        {0}};
    query_set_text(&im->query, "source", im->options.source);
    import_run_on_table(im, &sql_import_count, counts, take_counts);
}

/* --- the beginning ------------------------------------------------------------------------ */

/* Offsets beyond 18 hours are the engine's way of writing odd ones of a century ago. */
static int32_t plain_offset(int64_t offset_s)
{
    while (offset_s > 64800)
        offset_s -= 86400;
    while (offset_s < -64800)
        offset_s += 86400;
    return (int32_t)offset_s;
}

static void take_zone(struct import *im)
{
    size_t count = json_array_size(im->rows);
    im->is_asking_zone = false;
    im->zone.at_s = calloc(count + 1, sizeof *im->zone.at_s);
    im->zone.offset_s = calloc(count + 1, sizeof *im->zone.offset_s);
    if (im->zone.at_s == NULL || im->zone.offset_s == NULL) {
        import_fail_memory(im);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        const json_t *row = json_array_get(im->rows, i);
        im->zone.at_s[i] = json_at_integer(row, 0);
        im->zone.offset_s[i] = plain_offset(json_at_integer(row, 1));
    }
    im->zone.count = count;
    im->when.zone = &im->zone;
    import_open_input(im);
}

static void ask_zone(struct import *im)
{
    if (im->options.tz == NULL || strcmp(im->options.tz, "UTC") == 0) {
        import_open_input(im);
        return;
    }
    im->is_asking_zone = true;
    query_set_text(&im->query, "tz", im->options.tz);
    import_run(im, &sql_import_zone, NULL, take_zone);
}

static void make_staging(struct import *im)
{
    import_run(im, &sql_import_staging, NULL, ask_zone);
}

static void make_database(struct import *im)
{
    import_run(im, &sql_import_database, NULL, make_staging);
}

static void on_start(uv_idle_t *soon)
{
    uv_idle_stop(soon);
    import_run(soon->data, &sql_import_drop, NULL, make_database);
}

static bool is_source_name(const char *name)
{
    static const char allowed[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-";
    size_t len = name != NULL ? strlen(name) : 0;
    return len >= 1 && len <= 64 && strspn(name, allowed) == len;
}

/* A typo in the last file name comes now, not after the first gigabyte. */
int import_check(const struct import_options *o, struct err *ret_err)
{
    int stdins = 0;
    if (!is_source_name(o->source))
        return err_set(ret_err, ERR_ARGUMENT, "--source",
                       "a source is called by 1 to 64 letters, digits, _ . or -");
    if (o->file_count == 0)
        return err_set(ret_err, ERR_ARGUMENT, "FILE", "name at least one file, or - for stdin");
    for (size_t i = 1; i < o->case_count; i++)
        if (strchr(o->cases[i], '|') != NULL)
            return err_set(ret_err, ERR_ARGUMENT, "--case",
                           "'%s': only the first case column may have a | in its name",
                           o->cases[i]);
    const char *bad = o->time_format != NULL ? when_check_format(o->time_format) : NULL;
    if (bad != NULL)
        return err_set(ret_err, ERR_ARGUMENT, "--time-format",
                       "'%.2s' is no part of a time; there are %%Y %%m %%d %%H %%M %%S %%f %%z %%y "
                       "%%b %%I %%p %%s %%T",
                       bad);
    for (size_t i = 0; i < o->file_count; i++) {
        struct stat st;
        const char *path = o->files[i];
        bool is_stdin = strcmp(path, "-") == 0;
        stdins += is_stdin;
        if (is_stdin)
            continue;
        if (stat(path, &st) < 0 || access(path, R_OK) < 0)
            return err_set(ret_err, errno == EACCES ? ERR_ACCESS : ERR_NOT_FOUND, "FILE",
                           "cannot read %s: %s", path, strerror(errno));
        if (S_ISDIR(st.st_mode))
            return err_set(ret_err, ERR_ARGUMENT, "FILE",
                           "%s is a directory: name the files in it (%s/*.csv)", path, path);
        if (S_ISREG(st.st_mode) && st.st_size == 0)
            return err_set(ret_err, ERR_ARGUMENT, "FILE", "%s is empty", path);
    }
    if (stdins > 1)
        return err_set(ret_err, ERR_ARGUMENT, "FILE", "- can be given once");
    return 0;
}

static struct import *import_new(struct db *db, const struct import_options *options,
                                 const struct import_events *events)
{
    struct import *im = calloc(1, sizeof *im);
    if (im == NULL)
        return NULL;
    *im = (struct import){.db = db, .options = *options, .events = *events};
    im->started_ns = uv_hrtime();
    if (im->options.numbering_bytes == 0)
        im->options.numbering_bytes = NUMBERING_BYTES;
    im->when.format = options->time_format;
    im->inputs = calloc(options->file_count, sizeof *im->inputs);
    for (size_t i = 0; im->inputs != NULL && i < options->file_count; i++)
        im->inputs[i] =
            (struct input){.path = options->files[i], .fd = -1, .pipe_in = -1, .pipe_out = -1};
    im->report_files = json_array();
    im->warnings = json_array();
    im->report =
        json_pack("{s:s, s:s+}", "source", options->source, "table", "sextant.", options->source);
    for (int i = 0; i < BODIES; i++) {
        im->bodies[i].im = im;
        buf_init(&im->bodies[i].bytes, BODY_MAX);
    }
    im->filling = &im->bodies[0];
    im->body_bytes = FIRST_BODY_BYTES;
    buf_init(&im->row_text, 0);
    ocel_objects_init(&im->objects, im->options.numbering_bytes);
    native_init(&im->native, &im->properties, &im->actor_properties, im->numberings);
    for (int i = 0; i < NATIVE_NUMBERS; i++)
        numbering_init(&im->numberings[i], im->options.numbering_bytes);
    if (im->inputs == NULL || im->report_files == NULL || im->warnings == NULL ||
        im->report == NULL) {
        import_free(im);
        return NULL;
    }
    return im;
}

int import_start(struct db *db, const struct import_options *options,
                 const struct import_events *events, struct import **ret_import,
                 struct err *ret_err)
{
    if (!db->info.is_embedded)
        return err_set(
            ret_err, ERR_ARGUMENT, "FILE",
            "import writes the embedded store only: load the file with clickhouse-client "
            "and name the table in the configuration's sources");
    int rc = import_check(options, ret_err);
    if (rc < 0)
        return rc;
    struct import *im = import_new(db, options, events);
    if (im == NULL)
        return err_set(ret_err, ERR_MEMORY, NULL, "out of memory");
    im->soon = malloc(sizeof *im->soon);
    if (im->soon == NULL || uv_idle_init(db->loop, im->soon) < 0) {
        free(im->soon);
        im->soon = NULL;
        import_free(im);
        return err_set(ret_err, ERR_MEMORY, NULL, "out of memory");
    }
    im->soon->data = im;
    uv_idle_start(im->soon, on_start);
    *ret_import = im;
    return 0;
}

void import_cancel(struct import *im)
{
    struct err err;
    if (im->is_cleaning || im->err.code != ERR_OK)
        return;
    err_set(&err, ERR_CANCELLED, NULL, "interrupted");
    uv_idle_stop(im->soon);
    import_fail(im, &err);
}
