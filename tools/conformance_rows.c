/* The rows of groups, each put to the model. */
#include <stdlib.h>
#include <string.h>

#include <uv.h>

#include "conformance.h"
#include "json.h"

/* The code of activities that the engine does not tell apart: of no name. */
static const uint32_t other_activity = UINT32_MAX - 1;

int conformance_init(struct conformance *c, const struct run *run, const json_t *rows)
{
    *c = (struct conformance){.arguments = run->arguments,
                              .model = conformance_model_of(run, &(struct err){0})};
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        if (json_array_size(json_array_get(row, GROUP_NAMES)) == 0)
            continue;
        c->names = json_array_get(row, GROUP_NAMES);
        c->name_count = json_array_size(c->names);
        c->profile = json_array_get(row, GROUP_PROFILE);
        break;
    }
    return c->model->init(c);
}

void conformance_done(struct conformance *c)
{
    if (c->state != NULL)
        c->model->done(c);
    deviations_done(&c->deviations);
    json_decref(c->variants);
    free(c->others);
    free(c->trace);
    free(c->histogram);
}

enum conformance_status conformance_status(const json_t *row)
{
    return (enum conformance_status)json_at_integer(row, GROUP_STATUS);
}

static int read_trace(struct conformance *c, const json_t *activities)
{
    size_t len = json_array_size(activities), i;
    const json_t *activity;
    if (len > c->trace_size || c->trace == NULL) {
        uint32_t *trace = realloc(c->trace, (len + 64) * 2 * sizeof *trace);
        if (trace == NULL)
            return -1;
        c->trace = trace;
        c->trace_size = (len + 64) * 2;
    }
    json_array_foreach ((json_t *)activities, i, activity) {
        json_int_t code = json_integer_value(activity);
        bool is_other = c->model->has_variants && (size_t)code > c->name_count;
        c->trace[i] = is_other ? other_activity : (uint32_t)code;
    }
    return 0;
}

static int count_cost(struct conformance *c, const struct verdict *verdict, int64_t cases)
{
    size_t cost = (size_t)verdict->cost;
    if (cost >= c->histogram_size) {
        size_t size = cost + 64;
        int64_t *histogram = realloc(c->histogram, size * sizeof *histogram);
        if (histogram == NULL)
            return -1;
        memset(histogram + c->histogram_size, 0, (size - c->histogram_size) * sizeof *histogram);
        c->histogram = histogram;
        c->histogram_size = size;
    }
    c->histogram[cost] += cases;
    c->cases += cases;
    c->conforming += cost == 0 ? cases : 0;
    c->total_cost += verdict->cost * cases;
    c->fitness_sum += verdict->fitness * (double)cases;
    return 0;
}

static int check_row(struct conformance *c, json_t *row, conformance_seen *seen, void *user)
{
    struct conformance_group group = {.row = row,
                                      .number = c->next,
                                      .len = json_array_size(json_array_get(row, GROUP_ACTIVITIES)),
                                      .cases = json_at_integer(row, GROUP_CASES),
                                      .duration_ms = json_at_integer(row, GROUP_DURATION_MS),
                                      .example = json_at_string(row, GROUP_EXAMPLE)};
    struct verdict verdict;
    if (read_trace(c, json_array_get(row, GROUP_ACTIVITIES)) < 0)
        return -1;
    group.trace = c->trace;
    c->duration_ms += group.duration_ms;
    if (c->model->check(c, &group, &verdict) < 0 || count_cost(c, &verdict, group.cases) < 0)
        return -1;
    return seen(user, row, &group, &verdict);
}

int conformance_check_rows(struct conformance *c, const json_t *rows, conformance_seen *seen,
                           void *user)
{
    uint64_t end_ns = uv_hrtime() + (uint64_t)RUN_SLICE_MS * 1000000;
    for (; c->next < json_array_size(rows); c->next++) {
        json_t *row = json_array_get(rows, c->next);
        if (conformance_status(row) != STATUS_CHECKED)
            continue;
        if (uv_hrtime() > end_ns)
            return RUN_AGAIN;
        if (check_row(c, row, seen, user) < 0)
            return -1;
    }
    return 0;
}
