#include "objects.h"

#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "segment.h"
#include "text.h"

void objects_done(struct objects *o)
{
    buf_done(&o->rows);
}

int objects_find(const struct objects *o, const char *type)
{
    for (size_t i = 0; i < o->count; i++)
        if (strcmp(o->types[i], type) == 0)
            return (int)i;
    return -1;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* False: there is no room for it. */
static bool add_type(struct objects *o, const char *type)
{
    if (type == NULL || objects_find(o, type) >= 0)
        return true;
    if (o->count == OBJECTS_TYPES_MAX)
        return false;
    o->types[o->count++] = type;
    return true;
}

int objects_init(struct objects *o, struct run *run, const json_t *names, const char *more,
                 const char *field, struct err *ret_err)
{
    const struct source *s = run->source;
    int rc = 0;
    *o = (struct objects){0};
    bool is_whole = add_type(o, more);
    for (size_t i = 0; i < json_array_size(names); i++)
        is_whole = add_type(o, json_at_string(names, i)) && is_whole;
    for (size_t i = 0; json_array_size(names) == 0 && i < s->object_count; i++)
        is_whole = add_type(o, s->objects[i].name) && is_whole;
    if (!is_whole)
        run_truncated(run, "types", OBJECTS_TYPES_MAX, "name the object types of interest");
    if (o->count == 0)
        rc = err_set(ret_err, ERR_ARGUMENT, field,
                     "source '%s' has no object types: name fields that hold ids, or map `objects` "
                     "in its configuration",
                     s->name);
    qsort(o->types, o->count, sizeof o->types[0], by_name);
    return rc;
}

/* Whether some objects may be left out. */
static bool is_selection(const struct run *run)
{
    return run->period.from_given || run->period.to_given ||
           json_array_size(json_object_get(run->arguments, "filters")) > 0 ||
           json_object_get(run->arguments, "segment") != NULL;
}

/* Array(Tuple(type, id)) of a row. */
static int add_objects(const struct objects *o, const struct run *run, struct query *q,
                       struct buf *out, struct err *ret_err)
{
    int rc = 0;
    buf_puts(out, o->count > 1 ? "arrayConcat(" : "");
    for (size_t i = 0; rc == 0 && i < o->count; i++) {
        buf_printf(out, "%sarrayMap(_i -> (toUInt16(%zu), _i), ", i > 0 ? ", " : "", i);
        rc = source_object_ids(run->source, q, o->types[i], out, ret_err);
        buf_puts(out, ")");
    }
    buf_puts(out, o->count > 1 ? ")" : "");
    return rc;
}

/* What tells which objects the filters and the segment select: columns of an event, and a condition
 * on all those of an object. */
static int add_scope(const struct run *run, struct query *q, struct buf *out, struct buf *having,
                     struct err *ret_err)
{
    const json_t *filters = json_object_get(run->arguments, "filters");
    const json_t *segment = json_object_get(run->arguments, "segment");
    int rc = 0;
    if (json_array_size(filters) > 0) {
        buf_puts(out, ", (");
        rc = source_filters(run->source, q, filters, out, ret_err);
        buf_puts(out, ") AS _match");
        buf_puts(having, " AND max(_match)");
        if (rc < 0)
            err_prefix(ret_err, "filters");
    }
    if (rc == 0 && segment != NULL) {
        buf_puts(having, " AND ");
        rc = segment_columns(run, q, segment, out, having, ret_err);
        if (rc < 0)
            err_prefix(ret_err, "segment");
    }
    return rc;
}

/* All events; see add_scope() for `having`. */
static int add_events(const struct objects *o, const struct run *run, struct query *q,
                      const char *case_name, struct buf *out, struct buf *having,
                      struct err *ret_err)
{
    const struct source *s = run->source;
    struct buf event = {0}, order = {0};
    int rc = source_logical(s, q, SOURCE_EVENT, &event, ret_err);
    if (s->order != NULL)
        sql_identifier(&order, s->order);
    else
        buf_printf(&order, "toString(%s)", buf_text(&event));
    buf_puts(out, "SELECT ");
    source_time_us(s, out);
    buf_printf(out, " AS _us, %s AS _order, toString(%s) AS _event, ", buf_text(&order),
               buf_text(&event));
    if (rc == 0)
        rc = add_objects(o, run, q, out, ret_err);
    buf_puts(out, " AS _objects");
    if (rc == 0 && case_name != NULL) {
        buf_puts(out, ", toString(");
        rc = source_case(s, q, case_name, out, ret_err);
        buf_puts(out, ") AS _case");
    }
    if (rc == 0)
        rc = add_scope(run, q, out, having, ret_err);
    buf_puts(out, " FROM ");
    source_from(s, q, out);
    buf_puts(out, " WHERE ");
    source_time_between(s, q, INT64_MIN, INT64_MAX, out);
    buf_done(&event);
    buf_done(&order);
    return rc;
}

/* Only the objects that the call selects, and the events that have one. */
static void select_objects(const struct run *run, struct query *q, const char *events,
                           const char *having, bool has_case, struct buf *out)
{
    const struct period *p = &run->period;
    buf_printf(out,
               "SELECT * FROM (SELECT _us, _order, _event%s, arrayFilter(_o -> sipHash64(_o) IN "
               "(SELECT _who FROM (SELECT *, sipHash64(arrayJoin(_objects)) AS _who FROM (%s)) "
               "GROUP BY _who HAVING 1",
               has_case ? ", _case" : "", events);
    if (p->from_given || p->to_given) {
        buf_puts(out, " AND min(_us) >= ");
        query_bind_integer(q, out, p->from_us);
        buf_puts(out, " AND min(_us) < ");
        query_bind_integer(q, out, p->to_us);
    }
    buf_printf(out, "%s), _objects) AS _objects FROM (%s)) WHERE notEmpty(_objects)", having,
               events);
}

int objects_rows(struct objects *o, const struct run *run, struct query *q, const char *case_name,
                 struct err *ret_err)
{
    struct buf events = {0}, having = {0};
    buf_reset(&o->rows);
    int rc = add_events(o, run, q, case_name, &events, &having, ret_err);
    if (rc == 0 && is_selection(run))
        select_objects(run, q, buf_text(&events), buf_text(&having), case_name != NULL, &o->rows);
    else
        buf_puts(&o->rows, buf_text(&events));
    buf_done(&events);
    buf_done(&having);
    return rc;
}

int objects_query(struct objects *o, struct run *run, struct query *q, const struct sql_text *text,
                  const struct query_fragment *more, size_t max_rows, struct err *ret_err)
{
    enum { MORE = 3 };
    struct query_fragment fragments[MORE + 2] = {{"rows", buf_text(&o->rows)}};
    for (int i = 0; more != NULL && i < MORE && more[i].slot != NULL; i++)
        fragments[i + 1] = more[i];
    int rc = run_query(run, q, text, fragments, max_rows, ret_err);
    return rc < 0 ? rc : 0;
}

void objects_shape_none(struct run *run, const struct objects *o)
{
    bool is_any = is_selection(run);
    buf_puts(&run->text, is_any
                             ? "No object begins in the period and passes filters and segment, of "
                             : "No event names an object of ");
    for (size_t i = 0; i < o->count && i < 10; i++)
        buf_printf(&run->text, "%s'%.100s'", i > 0 ? ", " : "", o->types[i]);
    buf_puts(&run->text, o->count > 10 ? ", ….\n" : ".\n");
}

static void free_objects(void *state)
{
    objects_done(state);
    free(state);
}

int objects_keep(struct run *run, const struct objects *o, struct err *ret_err)
{
    struct objects *kept = malloc(sizeof *kept);
    if (kept == NULL)
        return err_set(ret_err, ERR_MEMORY, NULL, "out of memory");
    *kept = *o;
    run->state = kept;
    run->state_free = free_objects;
    return 0;
}
