/* The cases of a cell of conformance_check: {conforming} or {deviation}.
 *
 * Which deviation stands at an index, and which groups of cases have it, is known when the model
 * has been asked; so its groups come first, each with the first of its cases. */
#include <stdlib.h>
#include <string.h>

#include "conformance.h"
#include "json.h"
#include "sql_text.h"

/* Twice over the groups where a deviation is asked for: which it is, and who has it. */
struct cells {
    json_t *rows; /* the groups */
    struct conformance conformance;
    bool is_wanted_known; /* the second time */
    struct deviation wanted;
    json_t *ids; /* of the cases */
    int64_t total;
};

static void cells_free(void *state)
{
    struct cells *cells = state;
    if (cells->conformance.model != NULL)
        conformance_done(&cells->conformance);
    json_decref(cells->rows);
    json_decref(cells->ids);
    free(cells);
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

/* Takes a group of the cell: its first cases, and how many it has in all. */
static int keep_group(void *user, json_t *row, const struct conformance_group *group,
                      const struct verdict *verdict)
{
    struct cells *cells = user;
    struct conformance *c = &cells->conformance;
    const json_t *cell = json_object_get(c->arguments, "cell");
    bool is_in =
        cells->is_wanted_known
            ? deviations_has(&c->deviations, &cells->wanted, group->number)
            : json_object_get(cell, "deviation") == NULL &&
                  (verdict->cost == 0) == json_is_true(json_object_get(cell, "conforming"));
    if (!is_in)
        return 0;
    cells->total += group->cases;
    return json_array_extend(cells->ids, json_array_get(row, GROUP_IDS));
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

int conformance_shape_cell(struct run *run, struct err *ret_err)
{
    struct cells *cells = run->state = calloc(1, sizeof *cells);
    if (cells == NULL)
        return err_set(ret_err, ERR_MEMORY, NULL, "out of memory");
    run->state_free = cells_free;
    cells->rows = json_incref((json_t *)run_rows(run, 0));
    cells->ids = json_array();
    return 0;
}

/* A slice of the groups; RUN_AGAIN where there are more, or once more all. */
static int check(struct run *run, struct cells *cells, struct err *ret_err)
{
    const json_t *cell = json_object_get(run->arguments, "cell");
    struct conformance *c = &cells->conformance;
    int rc = c->model == NULL ? conformance_init(c, run, cells->rows) : 0;
    if (rc == 0)
        rc = conformance_check_rows(c, cells->rows, keep_group, cells);
    if (rc < 0)
        return err_set(ret_err, ERR_MEMORY, NULL, "out of memory while checking");
    if (rc != 0 || cells->is_wanted_known || json_object_get(cell, "deviation") == NULL)
        return rc;
    rc = find_deviation(c, cell, &cells->wanted, ret_err);
    conformance_done(c);
    *c = (struct conformance){0};
    cells->is_wanted_known = true;
    return rc < 0 ? rc : RUN_AGAIN;
}

/* The events of the cases of the page. */
static int plan_events(struct run *run, const json_t *ids, int64_t total, struct err *ret_err)
{
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
        query_set_texts(&q, "ids", ids);
        query_set_integer(&q, "total", total);
        rc = run_query(run, &q, &sql_conformance_actors,
                       (const struct query_fragment[]){{"case", buf_text(&p.case_id)},
                                                       {"time_us", buf_text(&p.time_us)},
                                                       {"order", buf_text(&p.order)},
                                                       {"event", buf_text(&p.event)},
                                                       {"session", buf_text(&session)},
                                                       {"from", buf_text(&p.from)},
                                                       {0}},
                       json_array_size(ids) + 1, ret_err);
        process_done(&p);
    }
    buf_done(&session);
    query_done(&q);
    return rc < 0 ? rc : 0;
}

int conformance_plan_actors(struct run *run, const json_t *cell, struct err *ret_err)
{
    struct cells *cells = run->state;
    int64_t limit, offset;
    (void)cell;
    int rc = run_page(run, 50, &limit, &offset, ret_err);
    if (rc == 0)
        rc = check(run, cells, ret_err);
    if (rc != 0)
        return rc;
    json_t *page = page_of(cells->ids, limit, offset);
    if (page == NULL)
        return err_set(ret_err, ERR_MEMORY, NULL, "out of memory");
    rc = plan_events(run, page, cells->total, ret_err);
    json_decref(page);
    return rc;
}
