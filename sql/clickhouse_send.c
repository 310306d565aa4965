#include "clickhouse.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>

/* The settings that statements carry. A profile may pin or cap single ones (code 452), or a version
 * may not know one: those are remembered in `refused` and left out from then on. */
enum setting {
    CANCEL_ON_CLOSE,
    MAX_RESULT_ROWS,
    MAX_RESULT_BYTES,
    RESULT_OVERFLOW_MODE,
    MAX_EXECUTION_TIME,
    TIMEOUT_OVERFLOW_MODE,
    MAX_MEMORY_USAGE,
    EXTERNAL_GROUP_BY,
    EXTERNAL_SORT,
    TWO_LEVEL_BYTES,
    PREWHERE_KEYS_LAST,
    LOG_COMMENT,
    SESSION_TIMEZONE,
    QUOTE_64BIT,
    QUOTE_DENORMALS,
    QUOTE_DECIMALS,
    ESCAPE_SLASHES,
    VALIDATE_UTF8,
    EXCEPTION_IN_FORMAT,
    COMPRESSION,
    MAX_QUERY_SIZE,
    SEND_PROGRESS,
    PROGRESS_INTERVAL,
    SETTINGS
};

static const char *const setting_names[SETTINGS] = {
    [CANCEL_ON_CLOSE] = "cancel_http_readonly_queries_on_client_close",
    [MAX_RESULT_ROWS] = "max_result_rows",
    [MAX_RESULT_BYTES] = "max_result_bytes",
    [RESULT_OVERFLOW_MODE] = "result_overflow_mode",
    [MAX_EXECUTION_TIME] = "max_execution_time",
    [TIMEOUT_OVERFLOW_MODE] = "timeout_overflow_mode",
    [MAX_MEMORY_USAGE] = "max_memory_usage",
    [EXTERNAL_GROUP_BY] = "max_bytes_before_external_group_by",
    [EXTERNAL_SORT] = "max_bytes_before_external_sort",
    [TWO_LEVEL_BYTES] = "group_by_two_level_threshold_bytes",
    [PREWHERE_KEYS_LAST] = "move_primary_key_columns_to_end_of_prewhere",
    [LOG_COMMENT] = "log_comment",
    [SESSION_TIMEZONE] = "session_timezone",
    [QUOTE_64BIT] = "output_format_json_quote_64bit_integers",
    [QUOTE_DENORMALS] = "output_format_json_quote_denormals",
    [QUOTE_DECIMALS] = "output_format_json_quote_decimals",
    [ESCAPE_SLASHES] = "output_format_json_escape_forward_slashes",
    [VALIDATE_UTF8] = "output_format_json_validate_utf8",
    [EXCEPTION_IN_FORMAT] = "http_write_exception_in_output_format",
    [COMPRESSION] = "enable_http_compression",
    [MAX_QUERY_SIZE] = "max_query_size",
    [SEND_PROGRESS] = "send_progress_in_http_headers",
    [PROGRESS_INTERVAL] = "http_headers_progress_interval_ms",
};

static void add_field(struct buf *url, const char *name, const char *value)
{
    buf_printf(url, "&%s=", name);
    clickhouse_url_encode(url, value, strlen(value));
}

static void add_setting(const struct clickhouse *ch, struct buf *url, enum setting setting,
                        const char *value)
{
    if ((ch->refused & (1U << setting)) == 0)
        add_field(url, setting_names[setting], value);
}

static void add_number(const struct clickhouse *ch, struct buf *url, enum setting setting,
                       uint64_t value)
{
    char text[24];
    snprintf(text, sizeof text, "%llu", (unsigned long long)value);
    add_setting(ch, url, setting, text);
}

/* Whether the engine's text speaks of this setting, not of one whose name only contains it. */
static bool names_setting(const char *text, const char *name)
{
    size_t len = strlen(name);
    for (const char *at = strstr(text, name); at != NULL; at = strstr(at + 1, name)) {
        bool is_start = at == text || strchr(" '`\"", at[-1]) != NULL;
        if (is_start && strchr(" '`\",.", at[len]) != NULL)
            return true;
    }
    return false;
}

bool clickhouse_learn_refused(struct clickhouse *ch, const char *text)
{
    uint32_t before = ch->refused;
    for (unsigned i = 0; i < SETTINGS; i++) {
        if (names_setting(text, setting_names[i]))
            ch->refused |= 1U << i;
    }
    return ch->refused != before;
}

/* An id that nobody can guess, since knowing it is enough to stop the query. */
static int make_query_id(struct db_query *q, struct err *ret_err)
{
    unsigned char bytes[16];
    if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes)
        return err_set(ret_err, ERR_INTERNAL, NULL, "the system gives no random numbers");
    size_t at = (size_t)snprintf(q->query_id, sizeof q->query_id, "sextant-%.60s-", q->tag);
    for (size_t i = 0; i < sizeof bytes; i++)
        at += (size_t)snprintf(q->query_id + at, sizeof q->query_id - at, "%02x", bytes[i]);
    return 0;
}

/* Settings proper: refused with code 164 for a readonly=1 user, so such a user sends none. */
static void add_settings(struct db_query *q, struct buf *url)
{
    const struct clickhouse *ch = q->ch;
    char text[160];
    if (q->is_internal || !ch->db.info.may_set_limits)
        return;
    if (!q->is_write) {
        if (ch->readonly == 0)
            add_field(url, "readonly", "1");
        add_number(ch, url, CANCEL_ON_CLOSE, 1);
        add_number(ch, url, MAX_RESULT_ROWS, q->limits.result_rows);
        add_number(ch, url, MAX_RESULT_BYTES, q->limits.result_bytes);
        add_setting(ch, url, RESULT_OVERFLOW_MODE, "throw");
    }
    snprintf(text, sizeof text, "%.3f", (double)q->limits.time_ms / 1000.0);
    add_setting(ch, url, MAX_EXECUTION_TIME, text);
    add_setting(ch, url, TIMEOUT_OVERFLOW_MODE, "throw");
    add_number(ch, url, MAX_MEMORY_USAGE, q->limits.memory_bytes);
    add_number(ch, url, EXTERNAL_GROUP_BY, q->limits.memory_bytes / DB_SPILL_SHARE);
    add_number(ch, url, EXTERNAL_SORT, q->limits.memory_bytes / DB_SPILL_SHARE);
    add_number(ch, url, TWO_LEVEL_BYTES, DB_TWO_LEVEL_BYTES);
    add_number(ch, url, PREWHERE_KEYS_LAST, 0);
    snprintf(text, sizeof text, "{\"application\":\"sextant\",\"tool\":\"%s\"}", q->tag);
    add_setting(ch, url, LOG_COMMENT, text);
    add_setting(ch, url, SESSION_TIMEZONE, "UTC");
    add_number(ch, url, QUOTE_64BIT, 0);
    add_number(ch, url, QUOTE_DENORMALS, 0);
    add_number(ch, url, QUOTE_DECIMALS, 0);
    add_number(ch, url, ESCAPE_SLASHES, 0);
    add_number(ch, url, VALIDATE_UTF8, 1);
    add_number(ch, url, EXCEPTION_IN_FORMAT, 0);
    add_number(ch, url, COMPRESSION, 1);
    if (q->request.body.len > 200000)
        add_number(ch, url, MAX_QUERY_SIZE, q->request.body.len + q->request.data_len + 1);
    if (q->reply.on_progress != NULL) {
        add_number(ch, url, SEND_PROGRESS, 1);
        add_number(ch, url, PROGRESS_INTERVAL, 200);
    }
}

static void build_url(struct db_query *q, struct buf *url)
{
    const struct clickhouse *ch = q->ch;
    buf_puts(url, ch->base_url);
    buf_puts(url, "?database=");
    clickhouse_url_encode(url, ch->database, strlen(ch->database));
    add_field(url, "query_id", q->query_id);
    if (q->format != NULL)
        add_field(url, "default_format",
                  q->reply.unquote != NULL ? "JSONCompactEachRowWithNamesAndTypes" : q->format);
    if (ch->role != NULL)
        add_field(url, "role", ch->role);
    /* These are no settings: every user may send them. */
    add_field(url, "wait_end_of_query", "1");
    buf_printf(url, "&buffer_size=%d", CLICKHOUSE_BUFFER_SIZE);
    add_settings(q, url);
    buf_add(url, q->request.url_params.data, q->request.url_params.len);
}

/* --- headers --------------------------------------------------------------------------------- */

static bool add_header(struct db_query *q, const char *name, const char *value)
{
    const struct curl_library *lib = curl_uv_library(q->ch->curl);
    struct buf line;
    buf_init(&line, 0);
    buf_printf(&line, "%s: %s", name, value);
    struct curl_slist *headers =
        buf_failed(&line) ? NULL : lib->slist_append(q->headers, buf_text(&line));
    buf_done(&line);
    if (headers == NULL)
        return false;
    q->headers = headers;
    return true;
}

static bool build_headers(struct db_query *q)
{
    const struct clickhouse *ch = q->ch;
    char type[96];
    if (q->request.is_multipart)
        snprintf(type, sizeof type, "multipart/form-data; boundary=%s", q->request.boundary);
    else
        snprintf(type, sizeof type, "application/octet-stream");
    return add_header(q, "Content-Type", type) && add_header(q, "X-ClickHouse-User", ch->user) &&
           (ch->password[0] == '\0' || add_header(q, "X-ClickHouse-Key", ch->password)) &&
           add_header(q, "User-Agent", "sextant") && add_header(q, "Expect", "");
}

/* --- curl callbacks -------------------------------------------------------------------------- */

static size_t on_header(char *line, size_t size, size_t count, void *user)
{
    struct db_query *q = user;
    if (!q->is_cancelled)
        clickhouse_reply_header(&q->reply, line, size * count);
    return size * count;
}

static size_t on_body(char *bytes, size_t size, size_t count, void *user)
{
    struct db_query *q = user;
    size_t len = size * count;
    if (q->is_cancelled || clickhouse_reply_body(&q->reply, bytes, len) < 0 || q->is_cancelled)
        return len == 0 ? 1 : 0; /* anything but len stops the transfer */
    return len;
}

/* The body, and behind it the borrowed rows of an INSERT. */
static size_t on_read(char *out, size_t size, size_t count, void *user)
{
    struct clickhouse_request *r = &((struct db_query *)user)->request;
    size_t room = size * count, done = 0;
    if (r->sent < r->body.len) {
        done = r->body.len - r->sent < room ? r->body.len - r->sent : room;
        memcpy(out, r->body.data + r->sent, done);
    }
    size_t at = r->sent + done - r->body.len; /* in data; only used when the body is through */
    if (r->sent + done >= r->body.len && at < r->data_len && done < room) {
        size_t n = r->data_len - at < room - done ? r->data_len - at : room - done;
        memcpy(out + done, r->data + at, n);
        done += n;
    }
    r->sent += done;
    return done;
}

/* curl starts the body again when a kept connection turns out to be closed. */
static int on_seek(void *user, curl_off_t offset, int origin)
{
    struct clickhouse_request *r = &((struct db_query *)user)->request;
    if (origin != SEEK_SET || offset < 0 || (size_t)offset > r->body.len + r->data_len)
        return CURL_SEEKFUNC_FAIL;
    r->sent = (size_t)offset;
    return CURL_SEEKFUNC_OK;
}

/* --- the attempt ----------------------------------------------------------------------------- */

static void set_tls(const struct clickhouse *ch, const struct curl_library *lib, CURL *easy)
{
    lib->easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, ch->skip_verify ? 0L : 1L);
    lib->easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, ch->skip_verify ? 0L : 2L);
    if (ch->ca_file != NULL)
        lib->easy_setopt(easy, CURLOPT_CAINFO, ch->ca_file);
}

/* The server stops a query at its limit and says so; only where it may not be told the limit, or
 * does not keep to it, is the time up here. */
static long timeout_ms(const struct db_query *q)
{
    uint64_t ms = q->limits.time_ms;
    if (q->ch->db.info.may_set_limits && !q->is_internal)
        ms += ms / 10 + 2000;
    return ms > INT32_MAX ? INT32_MAX : (long)ms;
}

/* One method only: given several, the server takes the slowest. */
static const char *encoding(const struct curl_library *lib)
{
    const curl_version_info_data *info = lib->version_info(CURLVERSION_NOW);
    return info->features & CURL_VERSION_ZSTD ? "zstd" : "gzip";
}

static int set_options(struct db_query *q, CURL *easy, const char *url)
{
    const struct clickhouse *ch = q->ch;
    const struct curl_library *lib = curl_uv_library(ch->curl);
    struct clickhouse_request *r = &q->request;
    CURLcode rc = lib->easy_setopt(easy, CURLOPT_URL, url);
    lib->easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    lib->easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    lib->easy_setopt(easy, CURLOPT_PROXY, "");
    lib->easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    lib->easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    /* curl repeats a request whose kept connection turns out to be dead: not for a write. */
    lib->easy_setopt(easy, CURLOPT_FRESH_CONNECT, q->is_write ? 1L : 0L);
    lib->easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)ch->connect_timeout_ms);
    lib->easy_setopt(easy, CURLOPT_TIMEOUT_MS, timeout_ms(q));
    lib->easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, encoding(lib));
    lib->easy_setopt(easy, CURLOPT_HTTPHEADER, q->headers);
    lib->easy_setopt(easy, CURLOPT_POST, 1L);
    lib->easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)(r->body.len + r->data_len));
    lib->easy_setopt(easy, CURLOPT_READFUNCTION, on_read);
    lib->easy_setopt(easy, CURLOPT_READDATA, q);
    lib->easy_setopt(easy, CURLOPT_SEEKFUNCTION, on_seek);
    lib->easy_setopt(easy, CURLOPT_SEEKDATA, q);
    lib->easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    lib->easy_setopt(easy, CURLOPT_HEADERDATA, q);
    lib->easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    lib->easy_setopt(easy, CURLOPT_WRITEDATA, q);
    lib->easy_setopt(easy, CURLOPT_ERRORBUFFER, q->curl_text);
    if (ch->is_secure)
        set_tls(ch, lib, easy);
    return rc == CURLE_OK ? 0 : -1;
}

int clickhouse_send(struct db_query *q, struct err *ret_err)
{
    const struct curl_library *lib = curl_uv_library(q->ch->curl);
    int rc = make_query_id(q, ret_err);
    if (rc < 0)
        return rc;
    struct buf url;
    buf_init(&url, 0);
    build_url(q, &url);
    q->request.sent = 0;
    q->curl_text[0] = '\0';
    lib->slist_free_all(q->headers);
    q->headers = NULL;
    CURL *easy = lib->easy_init();
    if (easy == NULL || buf_failed(&url) || !build_headers(q) ||
        set_options(q, easy, buf_text(&url)) < 0)
        rc = err_set(ret_err, ERR_MEMORY, NULL, "out of memory");
    else
        rc = curl_uv_start(q->ch->curl, easy, clickhouse_query_sent, q, &q->transfer, ret_err);
    if (rc < 0 && easy != NULL)
        lib->easy_cleanup(easy);
    buf_done(&url);
    return rc;
}
