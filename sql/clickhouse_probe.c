#include "clickhouse.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A long-term release with `role` in the URL and the analyzer that *.sql is written for as its
 * default. What is older fails in ways that explain nothing. */
enum { OLDEST_MAJOR = 24, OLDEST_MINOR = 8 };

/* getSetting() is unknown to ancient versions: they are asked again, for the version alone. */
static const char question[] = "SELECT version(), toString(getSetting('readonly')), "
                               "toString(getSetting('output_format_json_quote_64bit_integers'))";
static const char version_question[] = "SELECT version()";

enum { CODE_UNKNOWN_FUNCTION = 46 };

static int ask(struct clickhouse *ch, const char *sql,
               void (*on_done)(void *, const struct err *, const struct db_stats *),
               struct err *ret_err);

static int on_probe_data(void *user, const char *bytes, size_t len)
{
    struct clickhouse *ch = user;
    buf_add(&ch->probe, bytes, len);
    return buf_failed(&ch->probe) ? -1 : 0;
}

static void probe_failed(struct clickhouse *ch, const struct err *err)
{
    ch->state = CLICKHOUSE_UNKNOWN; /* the next statement tries again */
    clickhouse_fail_waiting(ch, err);
}

static int check_version(struct clickhouse *ch, struct err *ret_err)
{
    char *end;
    const char *version = ch->db.info.version;
    long major = strtol(version, &end, 10);
    long minor = *end == '.' ? strtol(end + 1, NULL, 10) : 0;
    if (major > OLDEST_MAJOR || (major == OLDEST_MAJOR && minor >= OLDEST_MINOR))
        return 0;
    return err_set(ret_err, ERR_UNAVAILABLE, NULL,
                   "ClickHouse %s at %s is too old, %d.%d or newer is needed", version, ch->address,
                   OLDEST_MAJOR, OLDEST_MINOR);
}

/* The answer is one line of tab-separated texts. */
static int read_answer(struct clickhouse *ch, struct err *ret_err)
{
    char quotes[16] = "", readonly[16] = "";
    int n = sscanf(buf_text(&ch->probe), "%31[^\t\n]\t%15[^\t\n]\t%15[^\t\n]", ch->db.info.version,
                   readonly, quotes);
    if (n < 1 || strspn(ch->db.info.version, "0123456789.") < 3) {
        ch->db.info.version[0] = '\0';
        return err_set(ret_err, ERR_UNAVAILABLE, NULL,
                       "%s does not answer like ClickHouse: check CLICKHOUSE_HOST and "
                       "CLICKHOUSE_PORT",
                       ch->address);
    }
    int rc = check_version(ch, ret_err);
    if (rc < 0)
        return rc;
    ch->readonly = (int)strtol(readonly, NULL, 10);
    ch->db.info.may_set_limits = ch->readonly != 1;
    ch->db.info.may_kill = ch->readonly != 1;
    ch->quotes_integers = ch->readonly == 1 && (quotes[0] == 't' || quotes[0] == '1');
    return 0;
}

static void on_probe_done(void *user, const struct err *err, const struct db_stats *stats)
{
    struct clickhouse *ch = user;
    struct err problem;
    (void)stats;
    if (err != NULL && err->engine_code == CODE_UNKNOWN_FUNCTION && !ch->is_closing) {
        if (ask(ch, version_question, on_probe_done, &problem) < 0)
            probe_failed(ch, &problem);
        return;
    }
    if (err != NULL) {
        probe_failed(ch, err);
        return;
    }
    if (read_answer(ch, &problem) < 0) {
        probe_failed(ch, &problem);
        return;
    }
    ch->state = CLICKHOUSE_READY;
    clickhouse_wake(ch);
}

static int ask(struct clickhouse *ch, const char *sql,
               void (*on_done)(void *, const struct err *, const struct db_stats *),
               struct err *ret_err)
{
    const struct db_request request = {
        .sql = sql,
        .format = "TabSeparated",
        .limits = {.time_ms = 15000},
        .tag = "connect",
        .on_data = on_probe_data,
        .on_done = on_done,
        .user = ch,
    };
    buf_reset(&ch->probe);
    return clickhouse_start_internal(ch, &request, ret_err);
}

int clickhouse_probe_start(struct clickhouse *ch, struct err *ret_err)
{
    ch->state = CLICKHOUSE_PROBING;
    int rc = ask(ch, question, on_probe_done, ret_err);
    if (rc < 0)
        ch->state = CLICKHOUSE_UNKNOWN;
    return rc;
}
