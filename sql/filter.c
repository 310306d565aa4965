/* Filters and matchers of the contract as conditions on one row. */
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "source_join.h"

const char *const source_operators[] = {
    "eq",    "ne", "in",  "not_in", "contains", "not_contains", "starts_with", "ends_with",
    "regex", "gt", "gte", "lt",     "lte",      "exists",       "missing",     NULL};

enum operand { OPERAND_NONE, OPERAND_ONE, OPERAND_MANY, OPERAND_ORDER };

/* `%x` is the field's expression, `%v` the bound value. A missing value is ''. A list matches if
 * one of its items does; for `is_whole` operators its text as a whole may match as well. */
static const struct {
    const char *name;
    enum operand operand;
    const char *sql;
    bool is_negated; /* holds where the SQL does not */
    bool is_whole;
} operators[] = {
    {"eq", OPERAND_ONE, "%x = %v", false, true},
    {"ne", OPERAND_ONE, "%x = %v", true, true},
    {"in", OPERAND_MANY, "has(%v, %x)", false, true},
    {"not_in", OPERAND_MANY, "has(%v, %x)", true, true},
    {"contains", OPERAND_ONE, "positionCaseInsensitiveUTF8(%x, %v) > 0", false, false},
    {"not_contains", OPERAND_ONE, "positionCaseInsensitiveUTF8(%x, %v) > 0", true, false},
    {"starts_with", OPERAND_ONE, "startsWith(%x, %v)", false, false},
    {"ends_with", OPERAND_ONE, "endsWith(%x, %v)", false, false},
    {"regex", OPERAND_ONE, "match(%x, %v)", false, false},
    {"gt", OPERAND_ORDER, ">", false, false},
    {"gte", OPERAND_ORDER, ">=", false, false},
    {"lt", OPERAND_ORDER, "<", false, false},
    {"lte", OPERAND_ORDER, "<=", false, false},
    {"exists", OPERAND_NONE, "%x != ''", false, false},
    {"missing", OPERAND_NONE, "%x != ''", true, false},
};

static void expand(struct buf *out, const char *pattern, const char *x, const char *v)
{
    for (; *pattern != '\0'; pattern++) {
        if (*pattern != '%') {
            buf_putc(out, *pattern);
            continue;
        }
        pattern++;
        buf_puts(out, *pattern == 'x' ? x : v);
    }
}

/* What the engine reads as a finite number, see source_number(): sign, digits, a point, an
 * exponent; no blanks, no other base, no words. */
static bool is_number(const char *text, double *ret_value)
{
    char *end;
    *ret_value = strtod(text, &end);
    return end != text && *end == '\0' && strspn(text, "+-0123456789.eE") == strlen(text) &&
           isfinite(*ret_value);
}

/* Starts like 2026-03-01: worth comparing as a date. */
static bool is_date(const char *text)
{
    static const char shape[] = "dddd-dd-dd";
    for (size_t i = 0; shape[i] != '\0'; i++)
        if (shape[i] == 'd' ? !isdigit((unsigned char)text[i]) : text[i] != shape[i])
            return false;
    return true;
}

/* Numbers when both sides are numbers, else dates, else text; a missing value never holds. */
static void compare(struct query *q, const char *x, const char *sign, const char *value,
                    struct buf *out)
{
    double number;
    buf_printf(out, "(%s != '' AND ", x);
    if (is_number(value, &number)) {
        buf_puts(out, "ifNull(");
        source_finite(x, out);
        buf_printf(out, " %s ", sign);
        query_bind_number(q, out, number);
        buf_printf(out, ", %s %s ", x, sign);
        query_bind_text(q, out, value);
        buf_puts(out, ")");
    } else if (is_date(value)) {
        /* By itself the engine takes a lone 5 for the fifth of this year's first month. */
        buf_printf(out,
                   "ifNull(if(match(%s, '^[0-9]{4}-[0-9]{2}-[0-9]{2}'), "
                   "parseDateTime64BestEffortOrNull(%s, 6, 'UTC'), NULL) %s "
                   "parseDateTime64BestEffortOrNull(",
                   x, x, sign);
        query_bind_text(q, out, value);
        buf_printf(out, ", 6, 'UTC'), %s %s ", x, sign);
        query_bind_text(q, out, value);
        buf_puts(out, ")");
    } else {
        buf_printf(out, "%s %s ", x, sign);
        query_bind_text(q, out, value);
    }
    buf_puts(out, ")");
}

/* in and not_in take `values`; a single `value` does as well. */
static int operand_list(const json_t *filter, json_t **ret_list, struct err *ret_err)
{
    json_t *values = json_object_get(filter, "values");
    json_t *value = json_object_get(filter, "value");
    if (json_is_array(values))
        *ret_list = json_incref(values);
    else if (json_is_string(value) && (*ret_list = json_pack("[O]", value)) == NULL)
        return err_set(ret_err, ERR_MEMORY, NULL, "out of memory");
    else if (!json_is_string(value))
        return err_set(ret_err, ERR_ARGUMENT, "values", "op '%s' needs values: a list of texts",
                       json_string_value(json_object_get(filter, "op")));
    return 0;
}

/* What is compared: the operator with its value, for one text `x`. */
struct test {
    enum operand operand;
    const char *sql, *value, *bound; /* bound: the placeholder of the value or of the list */
    bool is_whole;
};

static void holds(struct query *q, const struct test *test, const char *x, struct buf *out)
{
    if (test->operand == OPERAND_ORDER)
        compare(q, x, test->sql, test->value, out);
    else
        expand(out, test->sql, x, test->bound);
}

/* A property may be a list, written as JSON: it is tested by its items; one without any is missing.
 * What merely begins with a bracket is a text. */
static void holds_for_lists(struct query *q, const struct test *test, const char *x,
                            struct buf *out)
{
    if (test->operand == OPERAND_NONE) {
        holds(q, test, x, out);
        buf_printf(out, " AND %s != '[]'", x);
        return;
    }
    struct buf items = {0};
    source_list_items(x, &items);
    if (test->is_whole) {
        holds(q, test, x, out);
        buf_printf(out, " OR (startsWith(%s, '[') AND arrayExists(_i -> ", x);
        holds(q, test, "_i", out);
        buf_printf(out, ", %s))", buf_text(&items));
    } else {
        buf_printf(out, "if(startsWith(%s, '[') AND notEmpty(%s), arrayExists(_i -> ", x,
                   buf_text(&items));
        holds(q, test, "_i", out);
        buf_printf(out, ", %s), %s != '[]' AND ", buf_text(&items), x);
        holds(q, test, x, out);
        buf_putc(out, ')');
    }
    buf_done(&items);
}

static int condition(struct query *q, const json_t *filter, size_t op, const char *x,
                     bool may_be_list, struct buf *out, struct err *ret_err)
{
    bool has_values = json_array_size(json_object_get(filter, "values")) > 0;
    struct test test = {.operand = operators[op].operand,
                        .sql = operators[op].sql,
                        .value = json_string_value(json_object_get(filter, "value")),
                        .is_whole = operators[op].is_whole};
    /* eq and ne with a list mean in and not_in: what the caller plainly wants. */
    if (test.operand == OPERAND_ONE && test.value == NULL && has_values && op <= 1) {
        test.operand = OPERAND_MANY;
        test.sql = operators[op + 2].sql;
    }
    if ((test.operand == OPERAND_ONE || test.operand == OPERAND_ORDER) && test.value == NULL)
        return err_set(ret_err, ERR_ARGUMENT, "value", "op '%s' needs a value", operators[op].name);
    struct buf v = {0};
    if (test.operand == OPERAND_MANY) {
        json_t *list = NULL;
        int rc = operand_list(filter, &list, ret_err);
        if (rc < 0)
            return rc;
        query_bind_texts(q, &v, list);
        json_decref(list);
    } else if (test.operand == OPERAND_ONE) {
        query_bind_text(q, &v, test.value);
    }
    test.bound = buf_text(&v);
    buf_puts(out, operators[op].is_negated ? "NOT (" : "");
    if (may_be_list)
        holds_for_lists(q, &test, x, out);
    else
        holds(q, &test, x, out);
    buf_puts(out, operators[op].is_negated ? ")" : "");
    buf_done(&v);
    return 0;
}

int source_filter(const struct source *s, struct query *q, const json_t *filter, struct buf *out,
                  struct err *ret_err)
{
    const char *field = json_string_value(json_object_get(filter, "field"));
    const char *op = json_string_value(json_object_get(filter, "op"));
    if (field == NULL)
        return err_set(ret_err, ERR_ARGUMENT, "field", "a filter needs a field");
    size_t count = sizeof operators / sizeof operators[0], i = 0;
    while (i < count && strcmp(operators[i].name, op != NULL ? op : "eq") != 0)
        i++;
    if (i == count)
        return err_set(ret_err, ERR_ARGUMENT, "op", "unknown op '%.40s'", op);
    struct buf x = {0};
    int rc = source_text(s, q, field, &x, ret_err);
    if (rc < 0) {
        if (ret_err != NULL && ret_err->field[0] == '\0')
            err_prefix(ret_err, "field");
    } else {
        buf_putc(out, '(');
        rc = condition(q, filter, i, buf_text(&x), source_may_be_list(s, field), out, ret_err);
        buf_putc(out, ')');
    }
    buf_done(&x);
    return rc;
}

int source_filters(const struct source *s, struct query *q, const json_t *filters, struct buf *out,
                   struct err *ret_err)
{
    if (json_array_size(filters) == 0) {
        buf_putc(out, '1');
        return 0;
    }
    for (size_t i = 0; i < json_array_size(filters); i++) {
        if (i > 0)
            buf_puts(out, " AND ");
        int rc = source_filter(s, q, json_array_get(filters, i), out, ret_err);
        if (rc < 0) {
            char at[32];
            snprintf(at, sizeof at, "[%zu]", i);
            err_prefix(ret_err, at);
            return rc;
        }
    }
    return 0;
}

/* Which names: `event`, and those of `any_of`; nothing named means any event. */
static int matcher_names(const struct source *s, struct query *q, const json_t *matcher,
                         struct buf *out, struct err *ret_err)
{
    const char *event = json_string_value(json_object_get(matcher, "event"));
    const json_t *any_of = json_object_get(matcher, "any_of");
    size_t alternatives = 0;
    buf_putc(out, '(');
    if (event != NULL) {
        source_event_is(s, q, event, out);
        alternatives++;
    }
    for (size_t i = 0; i < json_array_size(any_of); i++, alternatives++) {
        buf_puts(out, alternatives > 0 ? " OR " : "");
        int rc = source_matcher(s, q, json_array_get(any_of, i), out, ret_err);
        if (rc < 0) {
            char at[32];
            snprintf(at, sizeof at, "any_of[%zu]", i);
            err_prefix(ret_err, at);
            return rc;
        }
    }
    buf_puts(out, alternatives == 0 ? "1)" : ")");
    return 0;
}

int source_matcher(const struct source *s, struct query *q, const json_t *matcher, struct buf *out,
                   struct err *ret_err)
{
    const json_t *where = json_object_get(matcher, "where");
    buf_putc(out, '(');
    int rc = matcher_names(s, q, matcher, out, ret_err);
    if (rc == 0 && json_array_size(where) > 0) {
        buf_puts(out, " AND ");
        rc = source_filters(s, q, where, out, ret_err);
        if (rc < 0)
            err_prefix(ret_err, "where");
    }
    buf_putc(out, ')');
    return rc;
}
