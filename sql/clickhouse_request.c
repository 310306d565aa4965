#include "clickhouse.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>

/* --- text ----------------------------------------------------------------------------------- */

void clickhouse_url_encode(struct buf *out, const char *text, size_t len)
{
    static const char hex[] = "0123456789ABCDEF";
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
            c == '-' || c == '_' || c == '.' || c == '~') {
            buf_putc(out, (char)c);
        } else {
            const char escaped[3] = {'%', hex[c >> 4], hex[c & 15]};
            buf_add(out, escaped, sizeof escaped);
        }
    }
}

/* How many bytes of escaped text, at most `max`, can be taken without cutting an escape sequence
 * or a UTF-8 character. */
static size_t scalar_cut(const char *text, size_t len, size_t max)
{
    if (len <= max)
        return len;
    size_t cut = 0;
    for (size_t i = 0; i < max;) {
        i += text[i] == '\\' ? 2 : 1;
        if (i <= max && ((unsigned char)text[i] & 0xC0) != 0x80)
            cut = i;
    }
    return cut > 0 ? cut : max;
}

/* Where the array item that starts at `i` ends: at a comma or bracket of its own level. */
static size_t item_end(const char *text, size_t i, size_t len)
{
    int depth = 0;
    bool is_quoted = false;
    for (; i < len; i++) {
        char c = text[i];
        if (is_quoted) {
            if (c == '\\')
                i++;
            else if (c == '\'')
                is_quoted = false;
        } else if (c == '\'') {
            is_quoted = true;
        } else if (c == '[' || c == '(' || c == '{') {
            depth++;
        } else if ((c == ',' && depth == 0) ||
                   ((c == ']' || c == ')' || c == '}') && depth-- == 0)) {
            return i;
        }
    }
    return i < len ? i : len;
}

/* --- fields ---------------------------------------------------------------------------------- */

struct form {
    struct clickhouse_request *r;
    size_t count;
};

static void form_field(struct form *form, const char *name, const char *value, size_t len)
{
    struct buf *body = &form->r->body;
    buf_printf(body, "--%s\r\nContent-Disposition: form-data; name=\"%s\"\r\n\r\n",
               form->r->boundary, name);
    buf_add(body, value, len);
    buf_puts(body, "\r\n");
    form->count++;
}

/* Adds one parameter made of a part of another, and its placeholder to the expression. */
static void form_part(struct form *form, struct buf *expression, const char *name, const char *type,
                      const char *value, size_t len)
{
    char part[160];
    snprintf(part, sizeof part, "param_%s__%zu", name, form->count);
    form_field(form, part, value, len);
    buf_printf(expression, "%s{%s:%s}", expression->len > 0 ? "," : "", part + strlen("param_"),
               type);
}

/* A long String: concat({p__1:String},{p__2:String},…). */
static void split_text(struct form *form, struct buf *expression, const char *name,
                       const char *value, size_t len)
{
    struct buf parts;
    buf_init(&parts, 0);
    while (len > 0) {
        size_t cut = scalar_cut(value, len, CLICKHOUSE_FIELD_MAX);
        form_part(form, &parts, name, "String", value, cut);
        value += cut;
        len -= cut;
    }
    buf_printf(expression, "concat(%s,'')", buf_text(&parts));
    if (buf_failed(&parts))
        buf_fail(expression);
    buf_done(&parts);
}

/* One item of a long array that is longer than a field: only a quoted text can be joined again.
 * Items write a quote as \', which means the same inside and outside of quotes; '' does not. */
static int split_item(struct form *form, struct buf *expression, const char *name, const char *type,
                      const char *value, size_t len, struct err *ret_err)
{
    if (strcmp(type, "Array(String)") != 0 || value[0] != '\'' || len < 2)
        return err_set(ret_err, ERR_LIMIT, NULL,
                       "a value of %zu bytes inside the list '%s' is too long to send to "
                       "ClickHouse (at most %d)",
                       len, name, CLICKHOUSE_FIELD_MAX);
    if (expression->len > 0)
        buf_putc(expression, ',');
    buf_putc(expression, '[');
    split_text(form, expression, name, value + 1, len - 2);
    buf_putc(expression, ']');
    return 0;
}

static void array_part(struct form *form, struct buf *parts, struct buf *chunk, const char *name,
                       const char *type)
{
    if (buf_failed(chunk))
        buf_fail(parts);
    if (buf_failed(chunk) || chunk->len == 0)
        return;
    buf_putc(chunk, ']');
    form_part(form, parts, name, type, chunk->data, chunk->len);
    buf_reset(chunk);
}

/* A long array: arrayConcat({p__1:Array(T)},{p__2:Array(T)},…). */
static int split_array(struct form *form, struct buf *expression, const char *name,
                       const char *type, const char *value, size_t len, struct err *ret_err)
{
    struct buf parts, chunk;
    int rc = 0;
    buf_init(&parts, 0);
    buf_init(&chunk, 0);
    for (size_t i = 1; i + 1 < len && rc == 0;) {
        size_t end = item_end(value, i, len);
        size_t size = end - i;
        if (chunk.len > 0 && chunk.len + size + 2 > CLICKHOUSE_FIELD_MAX)
            array_part(form, &parts, &chunk, name, type);
        if (size + 2 > CLICKHOUSE_FIELD_MAX) {
            rc = split_item(form, &parts, name, type, value + i, size, ret_err);
        } else {
            buf_putc(&chunk, chunk.len == 0 ? '[' : ',');
            buf_add(&chunk, value + i, size);
        }
        i = end + 1;
    }
    array_part(form, &parts, &chunk, name, type);
    buf_printf(expression, "arrayConcat(%s)", buf_text(&parts));
    if (buf_failed(&parts))
        buf_fail(expression);
    buf_done(&parts);
    buf_done(&chunk);
    return rc;
}

/* --- long parameters ------------------------------------------------------------------------- */

/* The next "{name:Type}" at or after `sql`: its start, and the type with its length. */
static const char *find_placeholder(const char *sql, const char *name, const char **ret_type,
                                    size_t *ret_type_len)
{
    size_t name_len = strlen(name);
    for (const char *p = strchr(sql, '{'); p != NULL; p = strchr(p + 1, '{')) {
        if (strncmp(p + 1, name, name_len) != 0 || p[1 + name_len] != ':')
            continue;
        const char *type = p + name_len + 2;
        const char *end = strchr(type, '}');
        if (end == NULL)
            return NULL;
        *ret_type = type;
        *ret_type_len = (size_t)(end - type);
        return p;
    }
    return NULL;
}

/* Sends a parameter that no form field can hold as several, and puts an expression of the same
 * value where its placeholder stood in `sql`. */
static int split_param(struct form *form, struct buf *sql, const struct db_param *param,
                       struct err *ret_err)
{
    const char *type_at;
    size_t type_len;
    char type[128];
    const char *at = find_placeholder(buf_text(sql), param->name, &type_at, &type_len);
    if (at == NULL)
        return 0; /* not used: not sent */
    snprintf(type, sizeof type, "%.*s", (int)type_len, type_at);
    struct buf expression, rewritten;
    buf_init(&expression, 0);
    buf_init(&rewritten, 0);
    size_t len = strlen(param->value);
    int rc = 0;
    if (strcmp(type, "String") == 0)
        split_text(form, &expression, param->name, param->value, len);
    else if (strncmp(type, "Array(", 6) == 0 && param->value[0] == '[')
        rc = split_array(form, &expression, param->name, type, param->value, len, ret_err);
    else
        rc = err_set(ret_err, ERR_LIMIT, NULL,
                     "the value of parameter '%s' (%s) has %zu bytes: too long to send to "
                     "ClickHouse (at most %d)",
                     param->name, type, len, CLICKHOUSE_FIELD_MAX);
    const char *from = buf_text(sql);
    while (at != NULL) {
        buf_add(&rewritten, from, (size_t)(at - from));
        buf_puts(&rewritten, buf_text(&expression));
        from = type_at + type_len + 1;
        at = find_placeholder(from, param->name, &type_at, &type_len);
    }
    buf_puts(&rewritten, from);
    if (rc == 0 && (buf_failed(&expression) || buf_failed(&rewritten)))
        rc = err_set(ret_err, ERR_MEMORY, NULL, "out of memory");
    buf_done(&expression);
    buf_done(sql);
    *sql = rewritten;
    return rc;
}

/* --- the whole -------------------------------------------------------------------------------- */

static int random_boundary(char *ret_text, size_t size)
{
    unsigned char bytes[16];
    if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes)
        return -1;
    size_t at = (size_t)snprintf(ret_text, size, "sextant");
    for (size_t i = 0; i < sizeof bytes; i++)
        at += (size_t)snprintf(ret_text + at, size - at, "%02x", bytes[i]);
    return 0;
}

/* The server joins several `query` fields, so that the text may be longer than one field. */
static void form_query(struct form *form, const char *sql, size_t len)
{
    while (len > 0) {
        size_t n = len < CLICKHOUSE_FIELD_MAX ? len : CLICKHOUSE_FIELD_MAX;
        form_field(form, "query", sql, n);
        sql += n;
        len -= n;
    }
}

static int build_form(struct clickhouse_request *r, const struct db_request *request,
                      struct err *ret_err)
{
    struct form form = {.r = r};
    struct buf sql;
    int rc = 0;
    if (random_boundary(r->boundary, sizeof r->boundary) < 0)
        return err_set(ret_err, ERR_INTERNAL, NULL, "the system gives no random numbers");
    r->is_multipart = true;
    buf_init(&sql, 0);
    buf_puts(&sql, request->sql);
    for (size_t i = 0; i < request->param_count && rc == 0; i++) {
        const struct db_param *param = &request->params[i];
        size_t len = strlen(param->value);
        char name[160];
        snprintf(name, sizeof name, "param_%s", param->name);
        if (len <= CLICKHOUSE_FIELD_MAX)
            form_field(&form, name, param->value, len);
        else
            rc = split_param(&form, &sql, param, ret_err);
    }
    form_query(&form, buf_text(&sql), sql.len);
    buf_printf(&r->body, "--%s--\r\n", r->boundary);
    if (rc == 0 && form.count > CLICKHOUSE_FIELD_COUNT_MAX)
        rc = err_set(ret_err, ERR_LIMIT, NULL,
                     "the statement's parameters are too large to send to ClickHouse");
    if (rc == 0 && buf_failed(&sql))
        rc = err_set(ret_err, ERR_MEMORY, NULL, "out of memory");
    buf_done(&sql);
    return rc;
}

static int build_plain(struct clickhouse_request *r, const struct db_request *request)
{
    buf_puts(&r->body, request->sql);
    if (request->body != NULL) {
        buf_putc(&r->body, '\n');
        r->data = request->body;
        r->data_len = request->body_len;
    }
    return 0;
}

int clickhouse_request_init(struct clickhouse_request *r, const struct db_request *request,
                            struct err *ret_err)
{
    *r = (struct clickhouse_request){0};
    buf_init(&r->body, (size_t)256 << 20);
    buf_init(&r->url_params, 0);
    size_t raw = 0;
    for (size_t i = 0; i < request->param_count; i++)
        raw += strlen(request->params[i].name) + strlen(request->params[i].value);
    for (size_t i = 0; i < request->param_count && raw <= CLICKHOUSE_URL_PARAMS_MAX; i++) {
        const struct db_param *param = &request->params[i];
        buf_puts(&r->url_params, "&param_");
        clickhouse_url_encode(&r->url_params, param->name, strlen(param->name));
        buf_putc(&r->url_params, '=');
        clickhouse_url_encode(&r->url_params, param->value, strlen(param->value));
    }
    int rc;
    if (raw <= CLICKHOUSE_URL_PARAMS_MAX && r->url_params.len <= CLICKHOUSE_URL_PARAMS_MAX) {
        rc = build_plain(r, request);
    } else if (request->body != NULL) {
        rc = err_set(ret_err, ERR_LIMIT, NULL,
                     "an INSERT with data can have at most %d bytes of parameters",
                     CLICKHOUSE_URL_PARAMS_MAX);
    } else {
        buf_reset(&r->url_params);
        rc = build_form(r, request, ret_err);
    }
    if (rc == 0 && (buf_failed(&r->body) || buf_failed(&r->url_params)))
        rc = err_set(ret_err, ERR_LIMIT, NULL, "the statement is too large to send");
    if (rc < 0)
        clickhouse_request_done(r);
    return rc;
}

void clickhouse_request_done(struct clickhouse_request *r)
{
    buf_done(&r->body);
    buf_done(&r->url_params);
}
