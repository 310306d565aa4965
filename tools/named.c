/* The team's names in the arguments of a call: matchers where events are expected, segments,
 * synonyms and earlier names. Read once, before the names are checked, so that no tool needs to. */
#include <stdio.h>
#include <string.h>

#include "bind.h"
#include "json.h"
#include "run_internal.h"
#include "text.h"

static const struct param *row_of(const struct param *params, const char *name)
{
    for (; params != NULL && params->name != NULL; params++)
        if (strcmp(params->name, name) == 0)
            return params;
    return NULL;
}

static bool has_role(const struct param *p, const char *role)
{
    return p != NULL && p->role != NULL && strcmp(p->role, role) == 0;
}

static bool is_matcher(const struct param *params)
{
    return has_role(row_of(params, "event"), "event") && row_of(params, "any_of") != NULL;
}

/* --- matchers ------------------------------------------------------------------------------ */

static json_t *matcher_named(const struct run_state *r, const char *name)
{
    return json_object_get(r->run.source->knowledge.matchers, name);
}

/* What the name stands for becomes one of the alternatives; what may carry a name keeps it. */
static void expand_matcher(const struct run_state *r, const struct param *params, json_t *matcher)
{
    const char *event = json_get_string(matcher, "event", NULL);
    const json_t *definition = event != NULL ? matcher_named(r, event) : NULL;
    if (definition == NULL)
        return;
    if (row_of(params, "name") != NULL && json_object_get(matcher, "name") == NULL)
        json_object_set(matcher, "name", json_object_get(matcher, "event"));
    json_t *any_of = json_object_get(matcher, "any_of");
    if (any_of == NULL)
        json_object_set_new(matcher, "any_of", any_of = json_array());
    json_array_append_new(any_of, json_deep_copy(definition));
    json_object_del(matcher, "event");
}

/* --- segments ------------------------------------------------------------------------------ */

static int refuse_segment(const struct run_state *r, const char *name, const char *path,
                          struct err *ret_err)
{
    const json_t *segments = r->run.source->knowledge.segments;
    const char *names[64], *key;
    size_t count = 0;
    json_t *value;
    struct buf text = {0};
    json_object_foreach ((json_t *)segments, key, value)
        if (count < sizeof names / sizeof names[0])
            names[count++] = key;
    const char *nearest = bind_nearest(name, names, count);
    if (count > 0)
        text_names(&text, "There are", nearest, names, count, count);
    else
        buf_puts(&text, "its configuration has none; write {did, did_not, filters}");
    int rc = err_set(ret_err, ERR_NOT_FOUND, path, "source '%s' has no segment '%.100s'; %s",
                     r->run.source->name, name, buf_text(&text));
    buf_done(&text);
    return rc;
}

/* Its parts join those that were written beside the name. */
static int expand_segment(const struct run_state *r, const struct param *params, json_t *segment,
                          const char *path, struct err *ret_err)
{
    const char *name = json_get_string(segment, "name", NULL), *member;
    json_t *part;
    if (name == NULL || row_of(params, "did") == NULL)
        return 0;
    const json_t *definition = json_object_get(r->run.source->knowledge.segments, name);
    if (definition == NULL)
        return refuse_segment(r, name, path, ret_err);
    json_object_foreach ((json_t *)definition, member, part) {
        json_t *copy = json_deep_copy(part), *given = json_object_get(segment, member);
        if (given != NULL)
            json_array_extend(copy, given);
        json_object_set_new(segment, member, copy);
    }
    return 0;
}

/* --- synonyms and earlier names -------------------------------------------------------------- */

/* The name that is meant, or NULL to leave it. */
static json_t *meant(struct run_state *r, enum knowledge_kind kind, const char *name)
{
    const char *other = knowledge_meant(&r->run.source->knowledge, kind, name);
    if (other == NULL || strcmp(other, name) == 0)
        return NULL;
    run_warn(&r->run, "'%.100s' is read as the %s '%.100s'", name,
             kind == KNOWLEDGE_EVENT ? "event" : "field", other);
    return json_string(other);
}

static json_t *meant_value(struct run_state *r, const struct param *params, const struct param *p,
                           const json_t *value)
{
    const char *name = json_string_value(value);
    if (name == NULL || p->role == NULL)
        return NULL;
    if (strcmp(p->role, "field") == 0)
        return meant(r, KNOWLEDGE_FIELD, name);
    if (strcmp(p->role, "event") != 0 || (is_matcher(params) && matcher_named(r, name) != NULL))
        return NULL;
    return meant(r, KNOWLEDGE_EVENT, name);
}

/* A filter on the event itself names events where it takes whole values. */
static void read_filter(struct run_state *r, json_t *filter)
{
    static const char *const whole[] = {"eq", "ne", "in", "not_in", NULL};
    const char *op = json_get_string(filter, "op", "");
    bool is_whole = false;
    for (const char *const *name = whole; *name != NULL; name++)
        is_whole = is_whole || strcmp(op, *name) == 0;
    if (!is_whole || strcmp(json_get_string(filter, "field", ""), "event") != 0)
        return;
    const char *value = json_get_string(filter, "value", NULL);
    json_t *other = value != NULL ? meant(r, KNOWLEDGE_EVENT, value) : NULL;
    if (other != NULL)
        json_object_set_new(filter, "value", other);
    json_t *values = json_object_get(filter, "values");
    for (size_t i = 0; i < json_array_size(values); i++) {
        other = meant(r, KNOWLEDGE_EVENT, json_at_string(values, i));
        if (other != NULL)
            json_array_set_new(values, i, other);
    }
}

/* --- the walk -------------------------------------------------------------------------------- */

static int read_object(struct run_state *r, const struct param *params, json_t *object,
                       const char *path, struct err *ret_err);

static int read_value(struct run_state *r, const struct param *params, const struct param *p,
                      json_t *value, const char *path, json_t **ret_other, struct err *ret_err)
{
    *ret_other = NULL;
    if (p->type == VALUE_OBJECT && p->fields != NULL)
        return read_object(r, p->fields, value, path, ret_err);
    *ret_other = meant_value(r, params, p, value);
    return 0;
}

static int read_member(struct run_state *r, const struct param *params, const struct param *p,
                       json_t *object, const char *path, struct err *ret_err)
{
    json_t *value = json_object_get(object, p->name), *other;
    char at[160];
    snprintf(at, sizeof at, "%s%s%s", path, path[0] != '\0' ? "." : "", p->name);
    if (!json_is_array(value)) {
        int rc = read_value(r, params, p, value, at, &other, ret_err);
        if (rc == 0 && other != NULL)
            json_object_set_new(object, p->name, other);
        return rc;
    }
    for (size_t i = 0; i < json_array_size(value); i++) {
        char item[192];
        snprintf(item, sizeof item, "%s[%zu]", at, i);
        int rc = read_value(r, params, p, json_array_get(value, i), item, &other, ret_err);
        if (rc < 0)
            return rc;
        if (other != NULL)
            json_array_set_new(value, i, other);
    }
    return 0;
}

static int read_object(struct run_state *r, const struct param *params, json_t *object,
                       const char *path, struct err *ret_err)
{
    int rc = expand_segment(r, params, object, path, ret_err);
    for (const struct param *p = params; rc == 0 && p != NULL && p->name != NULL; p++)
        if (json_object_get(object, p->name) != NULL)
            rc = read_member(r, params, p, object, path, ret_err);
    if (rc == 0 && row_of(params, "op") != NULL && has_role(row_of(params, "field"), "field"))
        read_filter(r, object);
    /* Last: inside a definition a name is an event's. */
    if (rc == 0 && is_matcher(params))
        expand_matcher(r, params, object);
    return rc;
}

int named_read(struct run_state *r, struct err *ret_err)
{
    return read_object(r, r->run.subject->params, r->bound,
                       r->run.subject != r->run.tool ? "arguments" : "", ret_err);
}
