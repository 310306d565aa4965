/* The cases of a cell of conformance_check: {conforming} or {deviation}.
 *
 * Which deviation stands at an index, and which groups of cases have it, is known when the model
 * has been asked; so its groups come first, each with the first of its cases. */
#include <stdlib.h>
#include <string.h>

#include "conformance.h"
#include "json.h"
#include "sql_text.h"

struct page {
    json_t *ids; /* of the cases */
    int64_t total;
};

static void page_free(void *state)
{
    struct page *page = state;
    json_decref(page->ids);
    free(page);
}

static int read_cell(const json_t *cell, struct err *ret_err)
{
    const json_t *conforming = json_object_get(cell, "conforming");
    const json_t *deviation = json_object_get(cell, "deviation");
    if (deviation == NULL && !json_is_boolean(conforming))
        return err_set(ret_err, ERR_ARGUMENT, "cell.conforming",
                       "true or false, or else deviation: the index of one");
    if (deviation != NULL && (conforming != NULL || !json_is_integer(deviation)))
        return err_set(ret_err, ERR_ARGUMENT, "cell.deviation",
                       "the index of a deviation, from 0, without conforming");
    return 0;
}

int conformance_plan_cell(struct run *run, struct err *ret_err)
{
    int64_t limit = 0, offset = 0;
    int rc = read_cell(json_object_get(run->arguments, "cell"), ret_err);
    if (rc == 0)
        rc = run_page(run, 50, &limit, &offset, ret_err);
    return rc < 0 ? rc : conformance_plan(run, limit + offset, true, ret_err);
}

/* The deviation of the cell, once all groups have been checked. */
static int find_deviation(struct conformance *c, const json_t *cell, struct deviation *ret,
                          struct err *ret_err)
{
    json_int_t index = json_get_integer(cell, "deviation", 0);
    deviations_sort(&c->deviations);
    size_t count = deviations_told(&c->deviations);
    if (count == 0)
        return err_set(ret_err, ERR_ARGUMENT, "cell.deviation", "there is no deviation");
    if (index < 0 || (size_t)index >= count)
        return err_set(ret_err, ERR_ARGUMENT, "cell.deviation", "an index from 0 to %zu",
                       count - 1);
    *ret = c->deviations.items[index];
    return 0;
}

/* All groups of the cell: their first cases, and how many they have in all. `wanted` NULL: those
 * that conform, or not. */
static int gather(struct conformance *c, const json_t *rows, const struct deviation *wanted,
                  bool is_conforming, json_t *ids, int64_t *ret_total)
{
    for (size_t i = 0; i < json_array_size(rows); i++) {
        json_t *row = json_array_get(rows, i);
        struct verdict verdict;
        if (conformance_status(row) != STATUS_CHECKED)
            continue;
        if (conformance_check_row(c, row, i, &verdict) < 0)
            return -1;
        bool is_in = wanted != NULL ? deviations_has(&c->deviations, wanted, i)
                                    : (verdict.cost == 0) == is_conforming;
        if (!is_in)
            continue;
        *ret_total += json_integer_value(json_array_get(row, GROUP_CASES));
        if (json_array_extend(ids, json_array_get(row, GROUP_IDS)) < 0)
            return -1;
    }
    return 0;
}

struct id {
    json_t *text;
};

static int by_text(const void *a, const void *b)
{
    const struct id *x = a, *y = b;
    return strcmp(json_string_value(x->text), json_string_value(y->text));
}

/* The page of `ids`, sorted. New reference, NULL = out of memory. */
static json_t *page_of(const json_t *ids, int64_t limit, int64_t offset)
{
    size_t count = json_array_size(ids);
    struct id *sorted = calloc(count + 1, sizeof *sorted);
    json_t *page = json_array();
    if (sorted == NULL || page == NULL) {
        free(sorted);
        json_decref(page);
        return NULL;
    }
    for (size_t i = 0; i < count; i++)
        sorted[i].text = json_array_get(ids, i);
    qsort(sorted, count, sizeof *sorted, by_text);
    for (size_t i = (size_t)offset; i < count && i < (size_t)(offset + limit); i++)
        json_array_append(page, sorted[i].text);
    free(sorted);
    return page;
}

/* Twice over the groups where a deviation is asked for: which it is, and who has it. */
static int check(struct run *run, const json_t *rows, json_t *ids, int64_t *ret_total,
                 struct err *ret_err)
{
    const json_t *cell = json_object_get(run->arguments, "cell");
    bool has_deviation = json_object_get(cell, "deviation") != NULL;
    struct deviation wanted = {0};
    struct conformance c;
    int rc = 0;
    for (int pass = has_deviation ? 0 : 1; rc == 0 && pass < 2; pass++) {
        json_array_clear(ids);
        *ret_total = 0;
        rc = conformance_init(&c, run, rows);
        if (rc == 0)
            rc = gather(&c, rows, has_deviation ? &wanted : NULL,
                        json_is_true(json_object_get(cell, "conforming")), ids, ret_total);
        if (rc < 0)
            err_set(ret_err, ERR_MEMORY, NULL, "out of memory while checking");
        else if (pass == 0)
            rc = find_deviation(&c, cell, &wanted, ret_err);
        conformance_done(&c);
    }
    return rc < 0 && ret_err->code == ERR_MEMORY ? -ERR_MEMORY : rc;
}

int conformance_shape_cell(struct run *run, struct err *ret_err)
{
    int64_t limit, offset;
    int rc = run_page(run, 50, &limit, &offset, ret_err);
    if (rc < 0)
        return rc;
    struct page *page = calloc(1, sizeof *page);
    json_t *ids = json_array();
    if (page == NULL || ids == NULL) {
        free(page);
        json_decref(ids);
        err_set(ret_err, ERR_MEMORY, NULL, "out of memory");
        return -ERR_MEMORY;
    }
    run->state = page;
    run->state_free = page_free;
    rc = check(run, run_rows(run, 0), ids, &page->total, ret_err);
    if (rc == 0)
        page->ids = page_of(ids, limit, offset);
    json_decref(ids);
    if (rc == 0 && page->ids == NULL) {
        err_set(ret_err, ERR_MEMORY, NULL, "out of memory");
        return -ERR_MEMORY;
    }
    return rc;
}

int conformance_plan_actors(struct run *run, const json_t *cell, struct err *ret_err)
{
    (void)cell;
    const struct page *page = run->state;
    struct query q;
    struct process p;
    /* What stands in the cell is a case, as in those of the other process tools. */
    run_set_argument(run, "actor", json_string("case"));
    struct buf session = {0};
    query_init(&q);
    int rc = 0;
    if (run->source->fields[SOURCE_SESSION].count > 0)
        rc = source_logical(run->source, &q, SOURCE_SESSION, &session, ret_err);
    else
        buf_puts(&session, "''");
    if (rc == 0)
        rc = process_init(&p, run, &q, ret_err);
    if (rc == 0) {
        query_set_texts(&q, "ids", page->ids);
        query_set_integer(&q, "total", page->total);
        rc = run_query(run, &q, &sql_conformance_actors,
                       (const struct query_fragment[]){{"case", buf_text(&p.case_id)},
                                                       {"time_us", buf_text(&p.time_us)},
                                                       {"order", buf_text(&p.order)},
                                                       {"event", buf_text(&p.event)},
                                                       {"session", buf_text(&session)},
                                                       {"from", buf_text(&p.from)},
                                                       {0}},
                       json_array_size(page->ids) + 1, ret_err);
        process_done(&p);
    }
    buf_done(&session);
    query_done(&q);
    return rc < 0 ? rc : 0;
}
