#pragma once
/* Inside the ClickHouse engine: what clickhouse.c and its parts share. Tools see db.h only.
 *
 * How a statement travels (why, and what else was tried: docs/decisions/clickhouse-http.md):
 * - POST. The body is the SQL, or SQL + newline + the INSERT's data; with long parameters it is
 *   multipart/form-data with the fields `query` and `param_<name>`. Short parameters stand in the
 *   URL. A field longer than the server's http_max_field_value_size is cut into several
 *   parameters that the SQL joins again.
 * - `wait_end_of_query` and `buffer_size` make the HTTP status final; settings are sent only when
 *   the user may set them (a readonly=1 user may not). Then the reader enforces rows, bytes and
 *   time, and cancelling just drops the connection.
 * - Redirects are never followed and proxy variables of the environment are ignored: a database
 *   inside is reached directly, and credentials must not wander. */
#include <stdbool.h>
#include <stdint.h>

#include "buf.h"
#include "curl_uv.h"
#include "db.h"
#include "unquote.h"

/* --- request ------------------------------------------------------------------------------- */

enum {
    CLICKHOUSE_URL_PARAMS_MAX = 4096,  /* bytes of encoded parameters that may stand in the URL */
    CLICKHOUSE_FIELD_MAX = 120000,     /* bytes of a form field; the server allows 131,072 */
    CLICKHOUSE_FIELD_COUNT_MAX = 1000, /* the server's http_max_fields */
    CLICKHOUSE_BUFFER_SIZE = 16 << 20, /* answer bytes the server keeps in memory, then on disk */
    CLICKHOUSE_ATTEMPTS_MAX = 3,
};

/* A statement in the form it is sent. */
struct clickhouse_request {
    struct buf body;  /* SQL, or the whole form */
    const char *data; /* follows `body`: an INSERT's rows, borrowed */
    size_t data_len;
    struct buf url_params; /* "&param_a=…", encoded */
    bool is_multipart;
    char boundary[48];
    size_t sent; /* bytes that curl has taken in this attempt */
};

int clickhouse_request_init(struct clickhouse_request *r, const struct db_request *request,
                            struct err *ret_err);
void clickhouse_request_done(struct clickhouse_request *r);

/* `text` for a URL: everything but unreserved characters as %XX. */
void clickhouse_url_encode(struct buf *out, const char *text, size_t len);

/* --- reply --------------------------------------------------------------------------------- */

/* What the bytes of an answer mean, and what is still held back. */
struct clickhouse_reply {
    long status;
    int exception_code; /* X-ClickHouse-Exception-Code, or 0 */
    char tag[33];       /* X-ClickHouse-Exception-Tag: announces an exception block in the body */
    bool is_clickhouse; /* some X-ClickHouse header came */
    bool has_bytes;     /* anything at all came: the statement must not be sent again */
    bool is_rows;       /* one JSON array or object per line */
    bool is_broken;     /* rows have ended, `error` collects what follows */
    bool is_stopped;    /* the reader said stop */
    bool is_over_limit; /* `limit` was passed, told by `limit_err` */
    struct buf held;    /* an unfinished line; without lines, the end of the body */
    struct buf error;   /* an error's text */
    struct db_limits limit; /* rows and bytes; 0 = none */
    uint64_t rows, bytes;   /* delivered */
    struct err limit_err;
    struct unquote *unquote; /* or NULL */
    struct db_stats stats;
    int (*on_data)(void *user, const char *bytes, size_t len);
    void (*on_progress)(void *user, const struct db_stats *so_far);
    void *user;
};

void clickhouse_reply_init(struct clickhouse_reply *r, const struct db_request *request);
void clickhouse_reply_done(struct clickhouse_reply *r);
/* One header line, as curl gives it. */
void clickhouse_reply_header(struct clickhouse_reply *r, const char *line, size_t len);
/* Some of the body. Negative: stop the transfer. */
int clickhouse_reply_body(struct clickhouse_reply *r, const char *bytes, size_t len);
/* The body has ended, or has broken off. 0 when it was a good answer; else the engine's words are
 * in r->error, "" when there are none. */
int clickhouse_reply_end(struct clickhouse_reply *r, bool is_complete);

/* --- the engine ---------------------------------------------------------------------------- */

enum clickhouse_state { CLICKHOUSE_UNKNOWN, CLICKHOUSE_PROBING, CLICKHOUSE_READY };

enum query_state { QUERY_WAITING, QUERY_RUNNING, QUERY_RESTING /* before another attempt */ };

struct db_query {
    struct clickhouse *ch;
    struct db_query *next;
    enum query_state state;
    struct clickhouse_request request;
    struct clickhouse_reply reply;
    struct curl_uv_transfer *transfer;
    struct curl_slist *headers;
    char *format; /* or NULL */
    char tag[64];
    char query_id[128];
    char curl_text[CURL_ERROR_SIZE];
    struct db_limits limits;
    bool is_write;
    bool is_internal; /* probe, KILL: outside the queue, without settings */
    bool is_cancelled;
    unsigned attempts;
    uint64_t rest_until_ms; /* loop time */
    void (*on_done)(void *user, const struct err *err, const struct db_stats *stats);
    void *user;
};

struct clickhouse {
    struct db db; /* first: a struct db * is a struct clickhouse * */
    char *host, *user, *password, *database, *role, *ca_file, *proxy_path;
    int port;
    bool is_secure, skip_verify;
    uint64_t connect_timeout_ms;
    char *base_url;    /* scheme://host:port/prefix/ */
    char address[256]; /* host:port, for people */

    enum clickhouse_state state;
    int readonly;             /* of the user: 0, 1, 2 */
    uint32_t refused;         /* settings that the profile pins: not sent */
    bool quotes_integers;     /* and the user may not change it: unquote here */
    struct curl_uv *curl;     /* NULL until the first statement */
    struct db_query *queries; /* oldest first */
    size_t running_count, waiting_count;
    struct buf probe; /* the answer of the probe */
    uv_timer_t pump;  /* everything that must not happen inside a caller or inside curl */
    bool is_closing;
    uint64_t close_until_ms;
    void (*closed)(void *user);
    void *closed_user;
};

/* clickhouse_probe.c: learns version and rights with the first statement. */
int clickhouse_probe_start(struct clickhouse *ch, struct err *ret_err);

/* clickhouse.c */
/* Probe and KILL: outside the queue, and no settings are sent. */
int clickhouse_start_internal(struct clickhouse *ch, const struct db_request *request,
                              struct err *ret_err);
/* Looks at all statements soon, from the loop. */
void clickhouse_wake(struct clickhouse *ch);
/* Ends every waiting statement. */
void clickhouse_fail_waiting(struct clickhouse *ch, const struct err *err);

/* clickhouse_query.c: the life of a statement. */
struct db_query *clickhouse_query_new(struct clickhouse *ch, const struct db_request *request,
                                      struct err *ret_err);
struct db_query *clickhouse_query_free(struct db_query *q);
void clickhouse_query_append(struct clickhouse *ch, struct db_query *q);
/* Ends it, whatever its state: calls on_done and frees it. */
void clickhouse_query_finish(struct db_query *q, const struct err *err);
/* Stops it in the server too, where the user may. */
void clickhouse_query_kill(const struct db_query *q);
/* The end of an attempt, called by curl_uv. */
void clickhouse_query_sent(void *user, CURL *easy, CURLcode code);

/* clickhouse_send.c: one attempt of a statement, from URL to curl handle. */
int clickhouse_send(struct db_query *q, struct err *ret_err);
/* Takes the settings that an error text names off the list; true if that is news. */
bool clickhouse_learn_refused(struct clickhouse *ch, const char *text);

/* clickhouse_error.c: failures in words that say what to change. */
enum transfer_stage { STAGE_NOTHING, STAGE_CONNECTED, STAGE_READY /* TLS too */ };
int clickhouse_transfer_error(const struct clickhouse *ch, CURLcode code, const char *detail,
                              enum transfer_stage stage, const struct db_query *q,
                              struct err *ret_err);
int clickhouse_answer_error(const struct clickhouse *ch, const struct clickhouse_reply *reply,
                            struct err *ret_err);
