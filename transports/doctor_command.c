/* sextant doctor: looks at everything a tool call needs, in the order in which it would fail, and
 * says what to do about each thing that is wrong. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "auth.h"
#include "commands.h"
#include "json.h"
#include "rpc.h"
#include "source.h"

const struct flag doctor_flags[] = {
    {"--json", NULL, "the checks as JSON"},
    {0},
};

enum { DISK_WARN_MB = 2000, DISK_FAIL_MB = 200 };

enum verdict { VERDICT_OK, VERDICT_WARN, VERDICT_FAIL };
static const char *const verdict_words[] = {"ok", "warn", "fail"};

struct doctor {
    struct app *app;
    json_t *checks;
    bool has_failed;
    bool is_connected;
    struct sources *sources;
    struct err err;
    bool is_done;
};

/* `fix` NULL when there is nothing to do. */
static void note(struct doctor *doctor, enum verdict verdict, const char *name, const char *fix,
                 const char *fmt, ...) __attribute__((format(printf, 5, 6)));

static void note(struct doctor *doctor, enum verdict verdict, const char *name, const char *fix,
                 const char *fmt, ...)
{
    struct buf text = {0};
    va_list ap;
    va_start(ap, fmt);
    buf_vprintf(&text, fmt, ap);
    va_end(ap);
    json_t *check = json_pack("{s:s, s:s, s:o}", "check", name, "status", verdict_words[verdict],
                              "text", rpc_text(buf_text(&text)));
    if (fix != NULL)
        json_object_set_new(check, "fix", rpc_text(fix));
    json_array_append_new(doctor->checks, check);
    doctor->has_failed = doctor->has_failed || verdict == VERDICT_FAIL;
    buf_done(&text);
}

/* --- before an engine is touched ----------------------------------------------------------- */

static void check_configuration(struct doctor *doctor)
{
    const struct config *c = &doctor->app->config;
    note(doctor, VERDICT_OK, "version", NULL, "sextant %s, libuv %s, jansson %s", SEXTANT_VERSION,
         uv_version_string(), jansson_version_str());
    note(doctor, VERDICT_OK, "configuration", NULL, "%s",
         c->config_path != NULL ? c->config_path : "no file; flags, environment and defaults");
    if (config_is_remote(c))
        note(doctor, VERDICT_OK, "engine", NULL, "ClickHouse server %s (%s)", c->host,
             config_origin(c, "clickhouse.host"));
    else
        note(doctor, VERDICT_OK, "engine", NULL, "embedded, store %s (%s)",
             c->data_dir != NULL ? c->data_dir : "unknown", config_origin(c, "data"));
    if (config_is_remote(c) && !c->is_secure && strcmp(c->host, "localhost") != 0 &&
        strncmp(c->host, "127.", 4) != 0 && c->password != NULL)
        note(doctor, VERDICT_WARN, "encryption", "set CLICKHOUSE_SECURE=true",
             "the password travels in clear text");
    if (config_is_remote(c) && getenv("CLICKHOUSE_SERVER_HOST_NAME") != NULL)
        note(doctor, VERDICT_WARN, "encryption",
             "connect by the name in the certificate, or set CLICKHOUSE_CA_FILE",
             "CLICKHOUSE_SERVER_HOST_NAME is not supported");
    if (config_is_remote(c) && c->is_secure && !c->is_verified)
        note(doctor, VERDICT_WARN, "encryption",
             "set CLICKHOUSE_VERIFY=true, and CLICKHOUSE_CA_FILE for an authority of your own",
             "the server's certificate is not checked");
}

/* The nearest existing directory above a path: where the store will be made. */
static bool find_existing(const char *path, char *out, size_t size)
{
    snprintf(out, size, "%s", path);
    while (access(out, F_OK) != 0) {
        char *slash = strrchr(out, '/');
        if (slash == NULL)
            return false;
        *(slash == out ? slash + 1 : slash) = '\0';
        if (slash == out)
            break;
    }
    return true;
}

static void check_disk(struct doctor *doctor)
{
    const struct config *c = &doctor->app->config;
    char folder[4096];
    struct statvfs disk;
    if (config_is_remote(c))
        return;
    if (c->data_dir == NULL) {
        note(doctor, VERDICT_FAIL, "store", "name a directory with --data DIR",
             "no home directory is known");
        return;
    }
    if (!find_existing(c->data_dir, folder, sizeof folder))
        snprintf(folder, sizeof folder, ".");
    if (access(folder, W_OK | X_OK) != 0)
        note(doctor, VERDICT_FAIL, "store",
             "give this user write access, or choose another place with --data DIR", "%s: %s",
             folder, strerror(errno));
    if (statvfs(folder, &disk) != 0) {
        note(doctor, VERDICT_WARN, "disk", NULL, "%s: %s", folder, strerror(errno));
        return;
    }
    double free_mb = (double)disk.f_bavail * (double)disk.f_frsize / 1e6;
    enum verdict verdict = free_mb < DISK_FAIL_MB   ? VERDICT_FAIL
                           : free_mb < DISK_WARN_MB ? VERDICT_WARN
                                                    : VERDICT_OK;
    note(doctor, verdict, "disk",
         verdict == VERDICT_OK ? NULL : "free some space, or move the store with --data DIR",
         "%.1f GB free at %s", free_mb / 1000, folder);
}

static void check_memory(struct doctor *doctor)
{
    const struct config *c = &doctor->app->config;
    uint64_t total = uv_get_total_memory();
    uint64_t constrained = uv_get_constrained_memory();
    if (constrained != 0 && constrained < total)
        total = constrained;
    if (config_is_remote(c) || total == 0)
        return;
    double total_mb = (double)total / 1e6;
    bool is_tight = (double)c->memory_mb > total_mb * 0.6;
    note(doctor, is_tight ? VERDICT_WARN : VERDICT_OK, "memory",
         is_tight ? "lower --memory-mb to at most 60 % of the memory" : NULL,
         "%lld MB per query, %.1f GB in this machine", c->memory_mb, total_mb / 1000);
}

/* --- the engine ---------------------------------------------------------------------------- */

/* What to do about an engine that does not answer. */
static const char *connection_fix(const struct app *app, const struct err *err)
{
    bool is_remote = config_is_remote(&app->config);
    switch (err->code) {
    case ERR_ACCESS:
        return "check CLICKHOUSE_USER, CLICKHOUSE_PASSWORD and CLICKHOUSE_ROLE, and what the user "
               "is granted";
    case ERR_NOT_FOUND:
        return is_remote ? "check CLICKHOUSE_DATABASE"
                         : "fill the store with: sextant demo, or: sextant import FILE; or name "
                           "another one with --data DIR";
    case ERR_UNAVAILABLE:
        return is_remote ? "check CLICKHOUSE_HOST, CLICKHOUSE_PORT and CLICKHOUSE_SECURE (HTTPS is "
                           "on port 8443, HTTP on 8123), and that the server is running"
                         : "do what the message says: the library can be named with --libchdb, "
                           "another store with --data";
    case ERR_CANCELLED:
        return NULL;
    default:
        return is_remote ? "look into the server's log" : "try another store with --data DIR";
    }
}

static void check_connection(struct doctor *doctor)
{
    struct app *app = doctor->app;
    struct err err = {0};
    json_t *rows = NULL;
    if (app_rows(app, "SELECT version(), currentDatabase(), currentUser()", NULL, 0, &rows, &err) <
        0) {
        note(doctor, VERDICT_FAIL, "connection", connection_fix(app, &err), "%s%s%s", err.text,
             err.raw[0] != '\0' ? " — " : "", err.raw);
        return;
    }
    const json_t *row = json_array_get(rows, 0);
    const struct db_info *info = &app->db->info;
    doctor->is_connected = true;
    note(doctor, VERDICT_OK, "connection", NULL, "%s %s at %s, database %s, user %s", info->engine,
         json_at_string(row, 0), info->target, json_at_string(row, 1), json_at_string(row, 2));
    json_decref(rows);
    if (info->is_embedded && info->owner_pid != 0)
        note(doctor, VERDICT_OK, "store lock", NULL,
             "held by %s; this command went through the owner, pid %d", info->owner,
             info->owner_pid);
    else if (info->is_embedded)
        note(doctor, VERDICT_OK, "store lock", NULL, "free");
    note(doctor, info->may_set_limits ? VERDICT_OK : VERDICT_WARN, "limits",
         info->may_set_limits ? NULL
                              : "allow the user to set max_execution_time and max_memory_usage, or "
                                "give it a profile that has them",
         info->may_set_limits
             ? "%lld s and %lld MB per query are set with each query"
             : "the user may not set limits: %lld s and %lld MB per query are kept by Sextant only",
         app->config.query_s, app->config.memory_mb);
    note(doctor, info->may_kill ? VERDICT_OK : VERDICT_WARN, "cancelling",
         info->may_kill ? NULL : "grant KILL QUERY to the user",
         info->may_kill ? "queries are killed in the engine"
                        : "the user may not kill queries: they are only disconnected");
}

/* After the engine was opened, which makes a new store private. */
static void check_privacy(struct doctor *doctor)
{
    const struct config *c = &doctor->app->config;
    struct stat st;
    if (config_is_remote(c) || c->data_dir == NULL || stat(c->data_dir, &st) != 0 ||
        (st.st_mode & 055) == 0)
        return;
    struct buf fix = {0};
    buf_printf(&fix, "chmod 700 %s", c->data_dir);
    note(doctor, VERDICT_WARN, "store", buf_text(&fix), "other users can look into %s (mode %03o)",
         c->data_dir, (unsigned)st.st_mode & 0777);
    buf_done(&fix);
}

/* --- the data ------------------------------------------------------------------------------ */

static void on_sources(void *user, struct sources *sources, const struct err *err)
{
    struct doctor *doctor = user;
    doctor->is_done = true;
    doctor->sources = sources;
    if (err != NULL)
        doctor->err = *err;
}

static void check_source(struct doctor *doctor, const struct source *source)
{
    struct app *app = doctor->app;
    struct buf sql = {0}, table = {0};
    struct err err = {0};
    json_t *rows = NULL;
    char name[160];
    snprintf(name, sizeof name, "source %s", source->name);
    source_table(source, &table);
    buf_printf(&sql, "SELECT toInt64(count()) FROM (SELECT 1 FROM %s LIMIT 1)", buf_text(&table));
    if (app_rows(app, buf_text(&sql), NULL, 0, &rows, &err) < 0)
        note(doctor, VERDICT_FAIL, name,
             err.code == ERR_ACCESS ? "grant SELECT on the table to the user" : NULL,
             "%s in %s cannot be read: %s", source->kind, buf_text(&table), err.text);
    else if (json_at_integer(json_array_get(rows, 0), 0) == 0)
        note(doctor, VERDICT_WARN, name, "send or import events", "%s in %s is empty", source->kind,
             buf_text(&table));
    else
        note(doctor, VERDICT_OK, name, NULL, "%s in %s", source->kind, buf_text(&table));
    json_decref(rows);
    buf_done(&sql);
    buf_done(&table);
}

/* A configured source that the list could not hold. */
static void note_problem(struct doctor *doctor, const struct source_problem *problem)
{
    char name[160];
    snprintf(name, sizeof name, "source %s", problem->name);
    bool may_be_hidden =
        problem->err.code == ERR_NOT_FOUND && config_is_remote(&doctor->app->config);
    note(doctor, VERDICT_FAIL, name,
         may_be_hidden ? "correct \"sources\" in the configuration file, or grant SELECT on the "
                         "table to the user"
                       : "correct \"sources\" in the configuration file",
         "%s: %s", problem->err.field, problem->err.text);
}

static void check_sources(struct doctor *doctor)
{
    struct app *app = doctor->app;
    struct err err = {0};
    if (sources_load(app->db, app->config.sources, on_sources, doctor, &err) < 0 ||
        app_await(app, &doctor->is_done, &doctor->err, NULL, NULL, &err) < 0) {
        note(doctor, VERDICT_FAIL, "sources", connection_fix(app, &err), "%s", err.text);
        return;
    }
    size_t count = doctor->sources != NULL ? doctor->sources->count : 0;
    size_t problem_count = doctor->sources != NULL ? doctor->sources->problem_count : 0;
    for (size_t i = 0; i < problem_count; i++)
        note_problem(doctor, &doctor->sources->problems[i]);
    if (count == 0 && problem_count == 0)
        note(
            doctor, VERDICT_WARN, "sources",
            "fill it with: sextant demo, or: sextant import FILE; or map a table under \"sources\" "
            "in the configuration file",
            "no table with events was recognised");
    for (size_t i = 0; i < count && app->signal == 0; i++)
        check_source(doctor, doctor->sources->items[i]);
    sources_free(doctor->sources);
    doctor->sources = NULL;
}

/* --- the door of serve ---------------------------------------------------------------------- */

/* Silent when no tokens are wanted. */
static void check_tokens(struct doctor *doctor)
{
    const struct config *c = &doctor->app->config;
    struct auth *auth = NULL;
    struct err err = {0};
    if (auth_open_configured(c, &auth, &err) < 0)
        note(doctor, VERDICT_FAIL, "tokens",
             err.code == ERR_NOT_FOUND ? "make one with: sextant token create NAME" : NULL, "%s",
             err.text);
    else if (auth != NULL && auth_count(auth) == 0)
        note(doctor, VERDICT_WARN, "tokens", "make one with: sextant token create NAME",
             "%s holds none: serve lets nobody in", c->tokens);
    else if (auth != NULL)
        note(doctor, VERDICT_OK, "tokens", NULL, "serve asks for one of %zu in %s",
             auth_count(auth), c->tokens);
    auth_close(auth);
}

/* --- the report ---------------------------------------------------------------------------- */

static void add_lines(const json_t *checks, struct buf *out)
{
    size_t i;
    const json_t *check;
    json_array_foreach (checks, i, check) {
        const char *fix = json_get_string(check, "fix", NULL);
        buf_printf(out, "%-5s %-14s %s\n", json_get_string(check, "status", ""),
                   json_get_string(check, "check", ""), json_get_string(check, "text", ""));
        if (fix != NULL)
            buf_printf(out, "%-5s %-14s → %s\n", "", "", fix);
    }
}

static int report(struct doctor *doctor, bool is_json)
{
    struct buf out = {0};
    if (is_json) {
        json_t *all = json_pack("{s:b, s:O}", "ok", !doctor->has_failed, "checks", doctor->checks);
        json_add(&out, all, JSON_PLAIN);
        buf_putc(&out, '\n');
        json_decref(all);
    } else {
        add_lines(doctor->checks, &out);
    }
    int code = command_print(doctor->app, &out);
    return doctor->has_failed ? EXIT_FAILED : code;
}

int doctor_command(struct app *app, int argc, char **argv)
{
    bool is_json = false;
    for (int i = 0; i < argc; i++) {
        if (strcmp(argv[i], "--json") != 0)
            return command_usage_error(app, "unexpected \"%.60s\"", argv[i]);
        is_json = true;
    }
    struct doctor doctor = {.app = app, .checks = json_array()};
    check_configuration(&doctor);
    check_disk(&doctor);
    check_memory(&doctor);
    check_connection(&doctor);
    check_privacy(&doctor);
    if (doctor.is_connected)
        check_sources(&doctor);
    check_tokens(&doctor);
    int code = report(&doctor, is_json);
    json_decref(doctor.checks);
    return code;
}
