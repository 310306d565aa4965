#include "unquote.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"

enum type_kind { TYPE_PLAIN, TYPE_INTEGER, TYPE_ARRAY, TYPE_TUPLE, TYPE_MAP };
enum { DEPTH_MAX = 64 };

struct type {
    enum type_kind kind;
    struct type *first, *last; /* inside: of an array one, of a map the value, of a tuple all */
    struct type *next;         /* beside: in a tuple */
};

struct unquote {
    struct buf out;
    struct type *row; /* a tuple of the columns; NULL until the types have come */
    unsigned header_lines;
};

/* --- types ----------------------------------------------------------------------------------- */

static struct type *type_free(struct type *type)
{
    if (type == NULL)
        return NULL;
    for (struct type *item = type->first, *next; item != NULL; item = next) {
        next = item->next;
        type_free(item);
    }
    free(type);
    return NULL;
}

static struct type *type_new(enum type_kind kind)
{
    struct type *type = calloc(1, sizeof *type);
    if (type != NULL)
        type->kind = kind;
    return type;
}

/* Takes over `item`; false when it is NULL for lack of memory. */
static bool type_add(struct type *type, struct type *item)
{
    if (item == NULL)
        return false;
    if (type->last != NULL)
        type->last->next = item;
    else
        type->first = item;
    type->last = item;
    return true;
}

/* The end of the argument at `p`: the comma or closing bracket of its own level. */
static const char *argument_end(const char *p)
{
    int depth = 0;
    for (char quote = '\0'; *p != '\0'; p++) {
        if (quote != '\0') {
            if (*p == '\\' && p[1] != '\0')
                p++;
            else if (*p == quote)
                quote = '\0';
        } else if (*p == '\'' || *p == '`') {
            quote = *p;
        } else if (*p == '(') {
            depth++;
        } else if ((*p == ')' && depth-- == 0) || (*p == ',' && depth == 0)) {
            break;
        }
    }
    return p;
}

static bool starts(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* An element of a named tuple is "name Type": the type is what follows the name. */
static const char *skip_name(const char *p)
{
    const char *at = p;
    if (*at == '`') {
        for (at++; *at != '\0' && *at != '`'; at++) {
            if (*at == '\\' && at[1] != '\0')
                at++;
        }
        return *at == '`' && at[1] == ' ' ? at + 2 : p;
    }
    while (*at != '\0' && *at != ' ' && *at != '(' && *at != ',' && *at != ')')
        at++;
    return *at == ' ' ? at + 1 : p;
}

static struct type *type_parse(const char *p, int depth);

static struct type *type_parse_items(struct type *type, const char *p, int depth)
{
    for (;;) {
        p += strspn(p, " ");
        if (type == NULL || !type_add(type, type_parse(skip_name(p), depth + 1)))
            return type_free(type);
        p = argument_end(p);
        if (*p != ',')
            return type;
        p++;
    }
}

static struct type *type_parse(const char *p, int depth)
{
    static const char *const integers[] = {"Int64",   "UInt64", "Int128",
                                           "UInt128", "Int256", "UInt256"};
    if (depth > DEPTH_MAX)
        return type_new(TYPE_PLAIN);
    for (size_t i = 0; i < sizeof integers / sizeof integers[0]; i++) {
        size_t len = strlen(integers[i]);
        if (strncmp(p, integers[i], len) == 0 && strchr(",) ", p[len]) != NULL)
            return type_new(TYPE_INTEGER); /* strchr also finds the end of the text */
    }
    if (starts(p, "Nullable("))
        return type_parse(p + strlen("Nullable("), depth + 1);
    if (starts(p, "LowCardinality("))
        return type_parse(p + strlen("LowCardinality("), depth + 1);
    if (starts(p, "SimpleAggregateFunction(")) {
        p = argument_end(p + strlen("SimpleAggregateFunction("));
        return *p == ',' ? type_parse(p + 1 + strspn(p + 1, " "), depth + 1) : type_new(TYPE_PLAIN);
    }
    if (starts(p, "Array("))
        return type_parse_items(type_new(TYPE_ARRAY), p + strlen("Array("), depth);
    if (starts(p, "Tuple("))
        return type_parse_items(type_new(TYPE_TUPLE), p + strlen("Tuple("), depth);
    if (starts(p, "Map(")) {
        p = argument_end(p + strlen("Map("));
        return *p == ',' ? type_parse_items(type_new(TYPE_MAP), p + 1, depth)
                         : type_new(TYPE_PLAIN);
    }
    return type_new(TYPE_PLAIN);
}

static int read_types(struct unquote *u, const char *line, size_t len, struct err *ret_err)
{
    json_auto_t *types = json_parse(line, len, ret_err);
    if (types == NULL)
        return -(int)ret_err->code;
    struct type *row = type_new(TYPE_TUPLE);
    size_t i;
    json_t *item;
    bool ok = row != NULL;
    json_array_foreach (types, i, item) {
        const char *text = json_string_value(item);
        ok = ok && type_add(row, type_parse(text != NULL ? text : "", 0));
    }
    if (!ok) {
        type_free(row);
        return err_set(ret_err, ERR_MEMORY, NULL, "out of memory");
    }
    u->row = row;
    return 0;
}

/* --- rows ------------------------------------------------------------------------------------ */

struct cursor {
    const char *p, *end;
    struct buf *out;
};

static const char *string_end(const char *p, const char *end)
{
    for (p++; p < end && *p != '"'; p++) {
        if (*p == '\\')
            p++;
    }
    return p < end ? p + 1 : end;
}

static void copy_to(struct cursor *c, const char *to)
{
    buf_add(c->out, c->p, (size_t)(to - c->p));
    c->p = to;
}

static void copy_space(struct cursor *c)
{
    const char *p = c->p;
    while (p < c->end && (*p == ' ' || *p == '\t' || *p == '\r'))
        p++;
    copy_to(c, p);
}

static bool copy_value(struct cursor *c, const struct type *type, int depth);

/* The items of an array or the members of an object, with the bracket that ends them. */
static bool copy_items(struct cursor *c, const struct type *type, char closing, int depth)
{
    const struct type *item = type != NULL ? type->first : NULL;
    copy_to(c, c->p + 1);
    while (c->p < c->end) {
        copy_space(c);
        if (c->p < c->end && *c->p == closing) {
            copy_to(c, c->p + 1);
            return true;
        }
        if (closing == '}') {
            if (*c->p != '"')
                return false;
            copy_to(c, string_end(c->p, c->end));
            copy_space(c);
            if (c->p >= c->end || *c->p != ':')
                return false;
            copy_to(c, c->p + 1);
        }
        if (!copy_value(c, item, depth + 1))
            return false;
        if (item != NULL && type->kind == TYPE_TUPLE)
            item = item->next;
        copy_space(c);
        if (c->p < c->end && *c->p == ',')
            copy_to(c, c->p + 1);
        else if (c->p < c->end && *c->p != closing)
            return false;
    }
    return false;
}

static bool copy_value(struct cursor *c, const struct type *type, int depth)
{
    copy_space(c);
    if (depth > DEPTH_MAX || c->p >= c->end)
        return false;
    if (*c->p == '[')
        return copy_items(c, type, ']', depth);
    if (*c->p == '{')
        return copy_items(c, type, '}', depth);
    if (*c->p == '"') {
        const char *end = string_end(c->p, c->end);
        if (type != NULL && type->kind == TYPE_INTEGER && end - c->p > 2) {
            buf_add(c->out, c->p + 1, (size_t)(end - c->p) - 2);
            c->p = end;
        } else {
            copy_to(c, end);
        }
        return true;
    }
    const char *p = c->p;
    while (p < c->end && strchr(",]} \t\r", *p) == NULL)
        p++;
    copy_to(c, p);
    return true;
}

struct buf *unquote_rows(struct unquote *u, const char *bytes, size_t len, struct err *ret_err)
{
    const char *end = bytes + len;
    buf_reset(&u->out);
    for (const char *line = bytes; line < end;) {
        const char *line_end = memchr(line, '\n', (size_t)(end - line));
        if (line_end == NULL)
            line_end = end;
        if (u->header_lines < 2) {
            if (u->header_lines++ == 1 &&
                read_types(u, line, (size_t)(line_end - line), ret_err) < 0)
                return NULL;
        } else {
            struct cursor c = {.p = line, .end = line_end, .out = &u->out};
            if (!copy_value(&c, u->row, 0)) {
                err_set(ret_err, ERR_ENGINE, NULL, "ClickHouse sent a row that is no JSON array");
                return NULL;
            }
            buf_putc(&u->out, '\n');
        }
        line = line_end + 1;
    }
    if (buf_failed(&u->out)) {
        err_set(ret_err, ERR_MEMORY, NULL, "out of memory");
        return NULL;
    }
    return &u->out;
}

struct unquote *unquote_new(void)
{
    return calloc(1, sizeof(struct unquote));
}

struct unquote *unquote_free(struct unquote *u)
{
    if (u == NULL)
        return NULL;
    type_free(u->row);
    buf_done(&u->out);
    free(u);
    return NULL;
}
