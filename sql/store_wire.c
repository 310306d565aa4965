#include "store_wire.h"

#include <stdlib.h>
#include <string.h>

static const char magic[4] = "SXST";

/* --- numbers and texts --------------------------------------------------------------------- */

static void put_bytes_of(char *out, uint64_t value, size_t size)
{
    for (size_t i = 0; i < size; i++)
        out[i] = (char)(unsigned char)(value >> (8 * i));
}

static uint64_t bytes_of(const char *bytes, size_t size)
{
    uint64_t value = 0;
    for (size_t i = 0; i < size; i++)
        value |= (uint64_t)(unsigned char)bytes[i] << (8 * i);
    return value;
}

static void put_number(struct buf *out, uint64_t value, size_t size)
{
    char bytes[8];
    put_bytes_of(bytes, value, size);
    buf_add(out, bytes, size);
}

/* With its NUL, so that the reader can point at it. */
static void put_text(struct buf *out, const char *text)
{
    size_t len = strlen(text);
    put_number(out, len, 4);
    buf_add(out, text, len + 1);
}

struct reader {
    const char *at, *end;
    bool has_failed;
};

static uint64_t get_number(struct reader *r, size_t size)
{
    if (r->has_failed || (size_t)(r->end - r->at) < size) {
        r->has_failed = true;
        return 0;
    }
    uint64_t value = bytes_of(r->at, size);
    r->at += size;
    return value;
}

static const char *get_text(struct reader *r)
{
    size_t len = get_number(r, 4);
    if (r->has_failed || (size_t)(r->end - r->at) <= len || strnlen(r->at, len + 1) != len) {
        r->has_failed = true;
        return "";
    }
    const char *text = r->at;
    r->at += len + 1;
    return text;
}

static void get_text_into(struct reader *r, char *out, size_t size)
{
    const char *text = get_text(r);
    size_t len = strlen(text);
    if (len >= size) {
        r->has_failed = true;
        len = 0;
    }
    memcpy(out, text, len);
    out[len] = '\0';
}

static bool get_flag(struct reader *r)
{
    uint64_t value = get_number(r, 1);
    r->has_failed = r->has_failed || value > 1;
    return value == 1;
}

static int end_reading(const struct reader *r)
{
    return r->has_failed || r->at != r->end ? -1 : 0;
}

/* --- frames -------------------------------------------------------------------------------- */

static size_t payload_max(enum wire_kind kind)
{
    switch (kind) {
    case WIRE_START:
        return WIRE_START_MAX;
    case WIRE_BODY:
    case WIRE_ROWS:
        return WIRE_PIECE;
    case WIRE_CANCEL:
    case WIRE_LATER:
    case WIRE_PING:
    case WIRE_PONG:
        return 0;
    default:
        return WIRE_SMALL_MAX;
    }
}

void wire_put_header(char header[WIRE_HEADER], enum wire_kind kind, uint32_t id, size_t len)
{
    put_bytes_of(header, len, 4);
    put_bytes_of(header + 4, kind, 4);
    put_bytes_of(header + 8, id, 4);
}

int wire_take(const char *bytes, size_t len, struct wire_frame *ret_frame, size_t *ret_used)
{
    if (len < WIRE_HEADER)
        return 0;
    size_t payload_len = bytes_of(bytes, 4);
    uint64_t kind = bytes_of(bytes + 4, 4);
    if (kind == 0 || kind >= WIRE_KINDS || payload_len > payload_max((enum wire_kind)kind))
        return -1;
    if (len - WIRE_HEADER < payload_len)
        return 0;
    *ret_frame = (struct wire_frame){
        .kind = (enum wire_kind)kind,
        .id = (uint32_t)bytes_of(bytes + 8, 4),
        .payload = bytes + WIRE_HEADER,
        .len = payload_len,
    };
    *ret_used = WIRE_HEADER + payload_len;
    return 1;
}

/* --- hello --------------------------------------------------------------------------------- */

void wire_put_hello(struct buf *out, const struct wire_hello *hello)
{
    const struct db_info *info = &hello->info;
    buf_add(out, magic, sizeof(magic));
    put_number(out, hello->protocol, 4);
    put_number(out, (uint64_t)hello->pid, 4);
    put_text(out, hello->holder);
    put_text(out, info->engine);
    put_text(out, info->version);
    put_text(out, info->target);
    put_text(out, info->database);
    put_number(out, info->may_set_limits, 1);
    put_number(out, info->may_kill, 1);
    put_number(out, info->is_embedded, 1);
    put_number(out, (uint64_t)info->pid, 4);
}

int wire_get_hello(const char *payload, size_t len, struct wire_hello *ret_hello)
{
    struct wire_hello hello = {0};
    struct reader r = {.at = payload + sizeof(magic), .end = payload + len};
    if (len < sizeof(magic) || memcmp(payload, magic, sizeof(magic)) != 0)
        return -1;
    hello.protocol = (uint32_t)get_number(&r, 4);
    hello.pid = (int)get_number(&r, 4);
    get_text_into(&r, hello.holder, sizeof(hello.holder));
    if (r.has_failed || hello.pid < 0)
        return -1;
    if (hello.protocol == WIRE_PROTOCOL) {
        struct db_info *info = &hello.info;
        get_text_into(&r, info->engine, sizeof(info->engine));
        get_text_into(&r, info->version, sizeof(info->version));
        get_text_into(&r, info->target, sizeof(info->target));
        get_text_into(&r, info->database, sizeof(info->database));
        info->may_set_limits = get_flag(&r);
        info->may_kill = get_flag(&r);
        info->is_embedded = get_flag(&r);
        info->pid = (int)get_number(&r, 4);
        if (end_reading(&r) < 0 || info->pid < 0)
            return -1;
    }
    *ret_hello = hello;
    return 0;
}

/* --- a statement --------------------------------------------------------------------------- */

void wire_put_start(struct buf *out, const struct db_request *request)
{
    put_number(out, request->is_write, 1);
    put_number(out, request->on_data != NULL, 1);
    put_number(out, request->on_progress != NULL, 1);
    put_number(out, request->body != NULL, 1);
    put_number(out, request->body != NULL ? request->body_len : 0, 8);
    put_number(out, request->limits.time_ms, 8);
    put_number(out, request->limits.memory_bytes, 8);
    put_number(out, request->limits.result_rows, 8);
    put_number(out, request->limits.result_bytes, 8);
    put_number(out, request->limits.unpacked_bytes, 8);
    put_text(out, request->sql);
    put_text(out, request->tag != NULL ? request->tag : "");
    put_number(out, request->format != NULL, 1);
    put_text(out, request->format != NULL ? request->format : "");
    put_number(out, request->param_count, 4);
    for (size_t i = 0; i < request->param_count; i++) {
        put_text(out, request->params[i].name);
        put_text(out, request->params[i].value);
    }
}

static struct db_param *get_params(struct reader *r, size_t count)
{
    enum { LEAST = 2 * 5 }; /* bytes of two empty texts */
    if (r->has_failed || count > (size_t)(r->end - r->at) / LEAST) {
        r->has_failed = true;
        return NULL;
    }
    struct db_param *params = calloc(count + 1, sizeof(*params));
    r->has_failed = params == NULL;
    for (size_t i = 0; i < count && !r->has_failed; i++) {
        params[i].name = get_text(r);
        params[i].value = get_text(r);
    }
    return params;
}

int wire_get_start(const char *payload, size_t len, struct wire_start *ret_start)
{
    static const char no_body[1];
    struct reader r = {.at = payload, .end = payload + len};
    struct wire_start start = {0};
    struct db_request *request = &start.request;
    request->is_write = get_flag(&r);
    start.wants_rows = get_flag(&r);
    start.wants_progress = get_flag(&r);
    request->body = get_flag(&r) ? no_body : NULL;
    request->body_len = get_number(&r, 8);
    request->limits.time_ms = get_number(&r, 8);
    request->limits.memory_bytes = get_number(&r, 8);
    request->limits.result_rows = get_number(&r, 8);
    request->limits.result_bytes = get_number(&r, 8);
    request->limits.unpacked_bytes = get_number(&r, 8);
    request->sql = get_text(&r);
    request->tag = get_text(&r);
    bool has_format = get_flag(&r);
    request->format = get_text(&r);
    request->format = has_format ? request->format : NULL;
    request->param_count = get_number(&r, 4);
    request->params = start.params = get_params(&r, request->param_count);
    bool has_strange_body =
        request->body_len > WIRE_BODY_MAX || (request->body == NULL && request->body_len > 0);
    if (end_reading(&r) < 0 || has_strange_body) {
        free(start.params);
        return -1;
    }
    *ret_start = start;
    return 0;
}

void wire_start_done(struct wire_start *start)
{
    free(start->params);
    *start = (struct wire_start){0};
}

/* --- how it goes and how it ended ---------------------------------------------------------- */

void wire_put_stats(struct buf *out, const struct db_stats *stats)
{
    put_number(out, stats->rows_read, 8);
    put_number(out, stats->bytes_read, 8);
    put_number(out, stats->rows_total, 8);
    put_number(out, stats->elapsed_ns, 8);
}

static struct db_stats get_stats(struct reader *r)
{
    struct db_stats stats;
    stats.rows_read = get_number(r, 8);
    stats.bytes_read = get_number(r, 8);
    stats.rows_total = get_number(r, 8);
    stats.elapsed_ns = get_number(r, 8);
    return stats;
}

int wire_get_stats(const char *payload, size_t len, struct db_stats *ret_stats)
{
    struct reader r = {.at = payload, .end = payload + len};
    struct db_stats stats = get_stats(&r);
    if (end_reading(&r) < 0)
        return -1;
    *ret_stats = stats;
    return 0;
}

void wire_put_end(struct buf *out, const struct err *err, const struct db_stats *stats)
{
    wire_put_stats(out, stats);
    put_number(out, err != NULL ? err->code : ERR_OK, 4);
    put_number(out, (uint64_t)(err != NULL ? err->engine_code : 0), 4);
    put_text(out, err != NULL ? err->field : "");
    put_text(out, err != NULL ? err->text : "");
    put_text(out, err != NULL ? err->raw : "");
}

int wire_get_end(const char *payload, size_t len, struct err *ret_err, struct db_stats *ret_stats)
{
    struct reader r = {.at = payload, .end = payload + len};
    struct err err = {0};
    struct db_stats stats = get_stats(&r);
    uint64_t code = get_number(&r, 4);
    err.engine_code = (int)(uint32_t)get_number(&r, 4);
    get_text_into(&r, err.field, sizeof(err.field));
    get_text_into(&r, err.text, sizeof(err.text));
    get_text_into(&r, err.raw, sizeof(err.raw));
    if (end_reading(&r) < 0 || code >= ERR_CODES)
        return -1;
    err.code = (enum err_code)code;
    *ret_err = err;
    *ret_stats = stats;
    return 0;
}
