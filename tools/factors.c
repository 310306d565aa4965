#include "factors.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"
#include "json.h"

/* Of a page the text shows so many, of what may be chance only the first few. */
enum { PAGE = 50, SHOWN = 25, SHOWN_ANYWAY = 5 };

static void factors_free(void *state)
{
    struct factors *f = state;
    json_decref(f->fields);
    json_decref(f->rows);
    free(f->items);
    free(f);
}

int factors_init(struct run *run, struct err *ret_err)
{
    run->state = calloc(1, sizeof(struct factors));
    if (run->state == NULL)
        return err_set(ret_err, ERR_MEMORY, NULL, "out of memory");
    run->state_free = factors_free;
    return 0;
}

struct factors *factors_of(const struct run *run)
{
    return run->state;
}

static struct factor read_row(const struct factors *f, const json_t *row)
{
    size_t field = (size_t)json_at_integer(row, 0);
    /* Counts of very many actors are estimates. */
    double yes = fmin(json_at_number(row, 2), f->yes);
    double no = fmin(json_at_number(row, 3), f->no);
    return (struct factor){.field = field > json_array_size(f->fields)
                                        ? "event"
                                        : json_at_string(f->fields, field - 1),
                           .value = json_at_string(row, 1),
                           .t = {yes, no, f->yes - yes, f->no - no}};
}

static int judge(struct factors *f)
{
    double *p = calloc(f->count + 1, sizeof *p);
    if (p == NULL)
        return -1;
    for (size_t i = 0; i < f->count; i++)
        p[i] = statistics_independence(&f->items[i].t);
    int rc = statistics_adjust(p, f->count);
    for (size_t i = 0; i < f->count; i++)
        f->items[i].p = p[i];
    free(p);
    return rc;
}

int factors_read(struct factors *f, const json_t *rows,
                 bool (*is_kept)(const struct factors *f, const struct factor *factor),
                 struct err *ret_err)
{
    const json_t *all = json_array_get(rows, 0);
    size_t count = json_array_size(rows);
    f->rows = json_incref((json_t *)rows);
    f->items = calloc(count + 1, sizeof *f->items);
    if (f->items == NULL)
        return err_set(ret_err, ERR_MEMORY, NULL, "out of memory");
    f->yes = json_at_number(all, 2);
    f->no = json_at_number(all, 3);
    for (size_t i = 1; i < count && f->yes > 0 && f->no > 0; i++) {
        struct factor *next = &f->items[f->count];
        *next = read_row(f, json_array_get(rows, i));
        if (is_kept == NULL || is_kept(f, next))
            f->count++;
    }
    return judge(f) == 0 ? 0 : err_set(ret_err, ERR_MEMORY, NULL, "out of memory");
}

static int by_rank(const void *a, const void *b)
{
    const struct factor *x = a, *y = b;
    for (size_t i = 0; i < 2; i++)
        if (x->rank[i] < y->rank[i] || x->rank[i] > y->rank[i])
            return x->rank[i] < y->rank[i] ? 1 : -1;
    int order = strcmp(x->field, y->field);
    return order != 0 ? order : strcmp(x->value, y->value);
}

void factors_sort(struct factors *f)
{
    qsort(f->items, f->count, sizeof *f->items, by_rank);
}

int factors_list(struct run *run, const struct factors *f, const struct factor_list *list,
                 struct err *ret_err)
{
    int64_t limit, offset;
    int rc = run_page(run, PAGE, &limit, &offset, ret_err);
    if (rc < 0)
        return rc;
    size_t from = (size_t)offset < f->count ? (size_t)offset : f->count;
    size_t to = f->count - from > (size_t)limit ? from + (size_t)limit : f->count;
    size_t shown = to - from < SHOWN ? to : from + SHOWN;
    while (shown > from + SHOWN_ANYWAY && f->items[shown - 1].p >= factors_alpha)
        shown--;
    json_t *items = json_array();
    if (from < to)
        text_table(&run->text, list->columns);
    for (size_t i = from; i < to; i++) {
        json_array_append_new(items, list->item(f, &f->items[i]));
        if (i < shown)
            list->write(run, f, &f->items[i]);
    }
    if (shown < to)
        buf_printf(&run->text, "… and %zu more in %s%s\n", to - shown, list->name,
                   f->items[shown].p >= factors_alpha ? ", none beyond chance" : "");
    json_object_set_new(run->result, list->name, items);
    if (to < f->count) {
        run_set_cursor(run, (int64_t)to);
        run_truncated(run, "rows", limit, "continue with the cursor");
    }
    return 0;
}
