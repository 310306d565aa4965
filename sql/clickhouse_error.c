#include "clickhouse.h"

#include <stdio.h>
#include <string.h>

enum { /* ClickHouse's numbers */
       CODE_UNKNOWN_DATABASE = 81,
       CODE_UNKNOWN_USER = 192,
       CODE_WRONG_PASSWORD = 193,
       CODE_REQUIRED_PASSWORD = 194,
       CODE_UNKNOWN_ROLE = 511,
       CODE_ROLE_NOT_GRANTED = 512,
       CODE_AUTHENTICATION_FAILED = 516,
};

static const char *detail_or(const char *detail, const char *fallback)
{
    return detail != NULL && detail[0] != '\0' ? detail : fallback;
}

static int tls_error(const struct clickhouse *ch, CURLcode code, const char *detail,
                     struct err *ret_err)
{
    if (code == CURLE_SSL_CACERT_BADFILE)
        return err_set(ret_err, ERR_UNAVAILABLE, NULL,
                       "the CA file %s cannot be read: CLICKHOUSE_CA_FILE must name a PEM file",
                       ch->ca_file != NULL ? ch->ca_file : "of the system");
    if (code == CURLE_PEER_FAILED_VERIFICATION)
        return err_set(ret_err, ERR_UNAVAILABLE, NULL,
                       "the TLS certificate of ClickHouse at %s cannot be verified (%s): name "
                       "the CA in CLICKHOUSE_CA_FILE, or set CLICKHOUSE_VERIFY=false to trust "
                       "any certificate",
                       ch->address, detail);
    return err_set(ret_err, ERR_UNAVAILABLE, NULL,
                   "no TLS connection with %s (%s): CLICKHOUSE_PORT must be ClickHouse's HTTPS "
                   "port (8443), or set CLICKHOUSE_SECURE=false for plain HTTP",
                   ch->address, detail);
}

static int timeout_error(const struct clickhouse *ch, enum transfer_stage stage,
                         const struct db_query *q, struct err *ret_err)
{
    double seconds = (double)ch->connect_timeout_ms / 1000.0;
    if (stage == STAGE_NOTHING)
        return err_set(ret_err, ERR_UNAVAILABLE, NULL,
                       "ClickHouse at %s did not accept a connection within %.1f s: check "
                       "CLICKHOUSE_HOST, CLICKHOUSE_PORT%s and the firewall",
                       ch->address, seconds, ch->is_secure ? ", CLICKHOUSE_SECURE" : "");
    if (stage == STAGE_CONNECTED)
        return err_set(ret_err, ERR_UNAVAILABLE, NULL,
                       "%s takes connections but did not begin TLS within %.1f s: "
                       "CLICKHOUSE_PORT must be ClickHouse's HTTPS port (8443), or set "
                       "CLICKHOUSE_SECURE=false for plain HTTP",
                       ch->address, seconds);
    return err_set(ret_err, ERR_TIMEOUT, NULL,
                   "the query did not end within %.1f s and was stopped: narrow the period or "
                   "the filters",
                   (double)q->limits.time_ms / 1000.0);
}

int clickhouse_transfer_error(const struct clickhouse *ch, CURLcode code, const char *detail,
                              enum transfer_stage stage, const struct db_query *q,
                              struct err *ret_err)
{
    detail = detail_or(detail, curl_uv_library(ch->curl)->easy_strerror(code));
    int rc;
    switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
        rc = err_set(ret_err, ERR_UNAVAILABLE, NULL,
                     "the host name %s cannot be resolved: check CLICKHOUSE_HOST", ch->host);
        break;
    case CURLE_COULDNT_CONNECT:
        rc = err_set(ret_err, ERR_UNAVAILABLE, NULL,
                     "nothing accepts connections at %s: is ClickHouse running, and are "
                     "CLICKHOUSE_HOST and CLICKHOUSE_PORT right (HTTP 8123, HTTPS 8443)?",
                     ch->address);
        break;
    case CURLE_OPERATION_TIMEDOUT:
        rc = timeout_error(ch, stage, q, ret_err);
        break;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_CERTPROBLEM:
        rc = tls_error(ch, code, detail, ret_err);
        break;
    case CURLE_UNSUPPORTED_PROTOCOL: /* an answer that looks like HTTP/0.9 */
    case CURLE_WEIRD_SERVER_REPLY:
        rc = err_set(ret_err, ERR_UNAVAILABLE, NULL,
                     "%s does not speak HTTP: CLICKHOUSE_PORT must be ClickHouse's HTTP port "
                     "(8123, or 8443 with CLICKHOUSE_SECURE=true)",
                     ch->address);
        break;
    case CURLE_OUT_OF_MEMORY:
        rc = err_set(ret_err, ERR_MEMORY, NULL, "out of memory");
        break;
    case CURLE_GOT_NOTHING:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_PARTIAL_FILE:
        rc = err_set(ret_err, ERR_UNAVAILABLE, NULL,
                     "the connection to ClickHouse at %s broke %s%s", ch->address,
                     q->reply.has_bytes ? "in the middle of the answer" : "before an answer came",
                     q->reply.is_clickhouse ? ""
                                            : ": is CLICKHOUSE_PORT the HTTP port (8123, or 8443 "
                                              "with CLICKHOUSE_SECURE=true)?");
        break;
    default:
        rc = err_set(ret_err, ERR_UNAVAILABLE, NULL, "the request to ClickHouse at %s failed: %s",
                     ch->address, detail);
    }
    if (ret_err != NULL)
        snprintf(ret_err->raw, sizeof ret_err->raw, "curl %d: %s", (int)code, detail);
    return rc;
}

/* Answers of something that is not ClickHouse's HTTP interface. */
static int stranger_error(const struct clickhouse *ch, const struct clickhouse_reply *reply,
                          struct err *ret_err)
{
    const char *text = buf_text(&reply->error);
    if (strstr(text, "is for clickhouse-client program") != NULL)
        return err_set(ret_err, ERR_UNAVAILABLE, NULL,
                       "%s is ClickHouse's native port: CLICKHOUSE_PORT must be the HTTP port "
                       "(8123, or 8443 with CLICKHOUSE_SECURE=true)",
                       ch->address);
    if (strstr(text, "HTTPS") != NULL || strstr(text, "SSL") != NULL)
        return err_set(ret_err, ERR_UNAVAILABLE, NULL,
                       "%s wants HTTPS (HTTP status %ld): set CLICKHOUSE_SECURE=true", ch->address,
                       reply->status);
    if (reply->status == 401 || reply->status == 403)
        return err_set(ret_err, ERR_ACCESS, NULL,
                       "%s refuses access (HTTP status %ld): check CLICKHOUSE_USER and "
                       "CLICKHOUSE_PASSWORD",
                       ch->address, reply->status);
    if (reply->status >= 300 && reply->status < 400)
        return err_set(ret_err, ERR_UNAVAILABLE, NULL,
                       "%s redirects (HTTP status %ld), which is not followed: let "
                       "CLICKHOUSE_HOST, CLICKHOUSE_PORT and CLICKHOUSE_SECURE name ClickHouse "
                       "itself",
                       ch->address, reply->status);
    if (reply->status == 200)
        return err_set(ret_err, ERR_UNAVAILABLE, NULL,
                       "the answer of %s was cut off or is not ClickHouse's", ch->address);
    return err_set(ret_err, ERR_UNAVAILABLE, NULL,
                   "%s answers with HTTP status %ld and not like ClickHouse: check "
                   "CLICKHOUSE_HOST, CLICKHOUSE_PORT and CLICKHOUSE_PROXY_PATH, or the proxy "
                   "between",
                   ch->address, reply->status);
}

int clickhouse_answer_error(const struct clickhouse *ch, const struct clickhouse_reply *reply,
                            struct err *ret_err)
{
    const char *text = buf_text(&reply->error);
    int code = reply->exception_code != 0 ? reply->exception_code : db_parse_error_code(text);
    int rc;
    switch (code) {
    case 0:
        rc = stranger_error(ch, reply, ret_err);
        break;
    case CODE_UNKNOWN_USER:
    case CODE_WRONG_PASSWORD:
    case CODE_REQUIRED_PASSWORD:
    case CODE_AUTHENTICATION_FAILED:
        rc = err_set(ret_err, ERR_ACCESS, NULL,
                     "ClickHouse at %s does not let user '%s' in: check CLICKHOUSE_USER and "
                     "CLICKHOUSE_PASSWORD",
                     ch->address, ch->user);
        break;
    case CODE_UNKNOWN_ROLE:
    case CODE_ROLE_NOT_GRANTED:
        rc = err_set(ret_err, ERR_ACCESS, NULL,
                     "ClickHouse at %s does not give user '%s' the role '%s': check "
                     "CLICKHOUSE_ROLE",
                     ch->address, ch->user, ch->role != NULL ? ch->role : "");
        break;
    default:
        if (code == CODE_UNKNOWN_DATABASE && ch->state != CLICKHOUSE_READY) {
            rc = err_set(ret_err, ERR_UNAVAILABLE, NULL,
                         "ClickHouse at %s has no database '%s': check CLICKHOUSE_DATABASE",
                         ch->address, ch->database);
            break;
        }
        return db_translate_error(code, text, ret_err);
    }
    if (ret_err != NULL) {
        ret_err->engine_code = code;
        snprintf(ret_err->raw, sizeof ret_err->raw, "HTTP %ld: %s", reply->status, text);
    }
    return rc;
}
