#include "formula.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct parser {
    const char *text, *at;
    size_t series_count, used; /* how often a series was named */
    struct formula *out;
    struct formula_op waiting[FORMULA_MAX_OPS]; /* operators and '(' of the shunting yard */
    size_t waiting_count;
    struct err *err;
};

static int refuse(const struct parser *p, const char *what)
{
    return err_set(p->err, ERR_ARGUMENT, "formula",
                   "%s at position %zu; write something like A/B*100 with + - * / ( ), numbers "
                   "and the letters of the series, A to %c",
                   what, (size_t)(p->at - p->text) + 1, (int)('A' + p->series_count - 1));
}

static int emit(struct parser *p, struct formula_op op)
{
    if (p->out->count == FORMULA_MAX_OPS)
        return refuse(p, "the formula is too long");
    p->out->ops[p->out->count++] = op;
    return 0;
}

static int push(struct parser *p, char kind)
{
    if (p->waiting_count == FORMULA_MAX_OPS)
        return refuse(p, "the formula is too long");
    p->waiting[p->waiting_count++] = (struct formula_op){.kind = kind};
    return 0;
}

static int rank(char kind)
{
    return kind == '(' ? 0 : kind == '+' || kind == '-' ? 1 : kind == '~' ? 3 : 2;
}

/* Moves to the output what binds at least as strongly. */
static int settle(struct parser *p, int least)
{
    int rc = 0;
    while (rc == 0 && p->waiting_count > 0 && rank(p->waiting[p->waiting_count - 1].kind) >= least)
        rc = emit(p, p->waiting[--p->waiting_count]);
    return rc;
}

/* Bytes of a decimal number, which strtod() is too generous for: 12, 12.5, .5, 1e2; 0 = none. */
static size_t number_length(const char *at)
{
    static const char digits[] = "0123456789";
    size_t whole = strspn(at, digits), n = whole, fraction = 0;
    if (at[n] == '.') {
        fraction = strspn(at + n + 1, digits);
        n += 1 + fraction;
    }
    if (whole + fraction == 0)
        return 0;
    size_t exponent = 1 + (at[n] != '\0' && (at[n + 1] == '+' || at[n + 1] == '-') ? 1U : 0U);
    if ((at[n] == 'e' || at[n] == 'E') && strspn(at + n + exponent, digits) > 0)
        n += exponent + strspn(at + n + exponent, digits);
    bool goes_on = at[n] == '.' || (at[n] >= '0' && at[n] <= '9') ||
                   (at[n] >= 'a' && at[n] <= 'z') || (at[n] >= 'A' && at[n] <= 'Z');
    return goes_on ? 0 : n;
}

static int read_number(struct parser *p, double *ret_number)
{
    size_t len = number_length(p->at);
    if (len == 0)
        return refuse(p, "no decimal number");
    *ret_number = strtod(p->at, NULL);
    if (!isfinite(*ret_number))
        return refuse(p, "a number too large");
    p->at += len;
    return 0;
}

/* A number or a letter; `*ret_done` when the operand is complete. */
static int read_operand(struct parser *p, bool *ret_done)
{
    char c = *p->at;
    *ret_done = false;
    if (c == '(' || c == '-' || c == '+') {
        int rc = c == '+' ? 0 : push(p, c == '-' ? '~' : c);
        p->at++;
        return rc;
    }
    struct formula_op op = {.kind = 'n'};
    if ((c >= '0' && c <= '9') || c == '.') {
        int rc = read_number(p, &op.number);
        if (rc < 0)
            return rc;
    } else {
        size_t letter = (size_t)((c >= 'a' && c <= 'z') ? c - 'a' : c - 'A');
        bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!is_letter)
            return refuse(p, c == '\0' ? "something is missing" : "a number or a letter expected");
        if (letter >= p->series_count)
            return refuse(p, "there is no such series");
        op = (struct formula_op){.kind = 's', .series = letter};
        p->used++;
        p->at++;
    }
    *ret_done = true;
    return emit(p, op);
}

/* What may stand behind an operand; `*ret_next` = another operand must follow. */
static int read_operator(struct parser *p, bool *ret_next)
{
    char c = *p->at;
    *ret_next = false;
    if (c == ')') {
        int rc = settle(p, 1);
        if (rc < 0)
            return rc;
        if (p->waiting_count == 0)
            return refuse(p, "a ) too many");
        p->waiting_count--;
    } else if (c != '\0' && strchr("+-*/", c) != NULL) {
        int rc = settle(p, rank(c));
        rc = rc < 0 ? rc : push(p, c);
        if (rc < 0)
            return rc;
        *ret_next = true;
    } else {
        return refuse(p, "an operator expected");
    }
    p->at++;
    return 0;
}

int formula_parse(const char *text, size_t series_count, struct formula *ret_formula,
                  struct err *ret_err)
{
    struct formula out = {.count = 0};
    struct parser p = {
        .text = text, .at = text, .series_count = series_count, .out = &out, .err = ret_err};
    bool is_operand = true, is_done = false;
    int rc = 0;
    for (;;) {
        p.at += strspn(p.at, " \t");
        if (*p.at == '\0' && !is_operand)
            break;
        rc = is_operand ? read_operand(&p, &is_done) : read_operator(&p, &is_operand);
        if (rc < 0)
            return rc;
        if (is_operand && is_done)
            is_operand = is_done = false;
    }
    rc = settle(&p, 1);
    if (rc == 0 && p.waiting_count > 0)
        rc = refuse(&p, "a ) is missing");
    if (rc == 0 && p.used == 0)
        rc = refuse(&p, "no series is named");
    if (rc == 0)
        *ret_formula = out;
    return rc;
}

static double combine(char kind, double a, double b, bool *divided_by_zero)
{
    switch (kind) {
    case '+':
        return a + b;
    case '-':
        return a - b;
    case '*':
        return a * b;
    default:
        if (b == 0 && !isnan(a))
            *divided_by_zero = true;
        return b == 0 ? NAN : a / b;
    }
}

double formula_value(const struct formula *formula, const double *values, bool *divided_by_zero)
{
    double stack[FORMULA_MAX_OPS] = {0};
    size_t top = 0;
    for (size_t i = 0; i < formula->count; i++) {
        const struct formula_op *op = &formula->ops[i];
        if (op->kind == 'n') {
            stack[top++] = op->number;
        } else if (op->kind == 's') {
            stack[top++] = values[op->series];
        } else if (op->kind == '~') {
            stack[top - 1] = -stack[top - 1];
        } else {
            top--;
            stack[top - 1] = combine(op->kind, stack[top - 1], stack[top], divided_by_zero);
        }
    }
    return isfinite(stack[0]) ? stack[0] : NAN;
}
