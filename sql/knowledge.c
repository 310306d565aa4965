#include "knowledge.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "bind.h"
#include "json.h"
#include "source.h"

/* --- the shapes ----------------------------------------------------------------------------- */

enum { MAX_NAMES = 50, MAX_NAME = 1024 };

#define ABOUT                                                                                      \
    {.name = "description", .max_length = 2000},                                                   \
        {.name = "synonyms", .is_list = true, .max_items = MAX_NAMES, .max_length = MAX_NAME},     \
    {                                                                                              \
        .name = "hidden", .type = VALUE_BOOLEAN                                                    \
    }

static const struct param event_params[] = {
    ABOUT,
    {.name = "renamed_from", .is_list = true, .max_items = MAX_NAMES, .max_length = MAX_NAME},
    {0},
};
static const struct param field_params[] = {ABOUT, {0}};

static const struct param filter_params[] = {
    {.name = "field", .is_required = true, .max_length = 256},
    {.name = "op", .choices = source_operators, .fallback = "\"eq\""},
    {.name = "value", .is_scalar_text = true},
    {.name = "values", .is_list = true, .is_scalar_text = true, .max_items = 1000},
    {0},
};

static const struct param matcher_params[4];
#define FILTERS(called)                                                                            \
    {                                                                                              \
        .name = (called), .type = VALUE_OBJECT, .is_list = true, .fields = filter_params,          \
        .max_items = 32                                                                            \
    }
#define MATCHER                                                                                    \
    {.name = "event", .max_length = MAX_NAME},                                                     \
        {.name = "any_of",                                                                         \
         .type = VALUE_OBJECT,                                                                     \
         .is_list = true,                                                                          \
         .fields = matcher_params,                                                                 \
         .shorthand = "event",                                                                     \
         .max_items = 50},                                                                         \
        FILTERS("where")
static const struct param matcher_params[4] = {MATCHER, {0}};

static const struct param deed_params[] = {
    MATCHER,
    {.name = "min_times", .type = VALUE_INTEGER, .min = 1, .max = 1000000000, .fallback = "1"},
    {.name = "within_days", .type = VALUE_NUMBER, .min = 0, .max = 100000},
    {0},
};
#define DEEDS(called)                                                                              \
    {                                                                                              \
        .name = (called), .type = VALUE_OBJECT, .is_list = true, .fields = deed_params,            \
        .shorthand = "event", .max_items = 16                                                      \
    }
static const struct param segment_params[] = {
    DEEDS("did"),
    DEEDS("did_not"),
    FILTERS("filters"),
    {0},
};

/* --- names ---------------------------------------------------------------------------------- */

/* Words are compared without case, ASCII letters only. */
static json_t *lower(const char *text)
{
    json_t *copy = json_string(text);
    for (char *c = (char *)json_string_value(copy); c != NULL && *c != '\0'; c++)
        *c = (char)tolower((unsigned char)*c);
    return copy;
}

static int note_word(json_t *meant, const json_t *all, const char *word, const char *name,
                     const char *path, struct err *ret_err)
{
    json_t *key = lower(word);
    const char *text = json_string_value(key);
    int rc = 0;
    if (json_object_get(all, word) != NULL)
        rc = err_set(ret_err, ERR_ARGUMENT, path, "'%.100s' is described here as a name of its own",
                     word);
    else if (json_object_get(meant, text) != NULL)
        rc = err_set(ret_err, ERR_ARGUMENT, path, "'%.100s' stands for '%.100s' already", word,
                     json_get_string(meant, text, ""));
    else if (json_object_set_new(meant, text, json_string(name)) < 0)
        rc = err_set(ret_err, ERR_MEMORY, NULL, "out of memory");
    json_decref(key);
    return rc;
}

static int note_words(json_t *meant, const json_t *all, const char *name, const char *member,
                      struct err *ret_err)
{
    const json_t *words = json_object_get(json_object_get(all, name), member);
    for (size_t i = 0; i < json_array_size(words); i++) {
        char path[64];
        snprintf(path, sizeof path, "%s[%zu]", member, i);
        int rc = note_word(meant, all, json_at_string(words, i), name, path, ret_err);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int read_about(const json_t *given, const struct param *params, json_t **ret_about,
                      json_t **ret_meant, struct err *ret_err)
{
    json_t *about = *ret_about = json_object(), *meant = *ret_meant = json_object();
    const char *name;
    json_t *value;
    if (given != NULL && !json_is_object(given))
        return err_set(ret_err, ERR_ARGUMENT, NULL, "expected {name: {description, …}}");
    json_object_foreach ((json_t *)given, name, value) {
        json_t *bound;
        int rc = bind_arguments(params, value, &bound, ret_err);
        if (rc < 0) {
            err_prefix(ret_err, name);
            return rc;
        }
        json_object_set_new(about, name, bound);
    }
    json_object_foreach (about, name, value) {
        int rc = note_words(meant, about, name, "synonyms", ret_err);
        if (rc == 0)
            rc = note_words(meant, about, name, "renamed_from", ret_err);
        if (rc < 0) {
            err_prefix(ret_err, name);
            return rc;
        }
    }
    return 0;
}

/* Two lists side by side, as SQL's transform() takes them. */
static void gather_renamed(struct knowledge *k)
{
    const char *name;
    json_t *about;
    json_object_foreach (k->events, name, about) {
        const json_t *old = json_object_get(about, "renamed_from");
        for (size_t i = 0; i < json_array_size(old); i++) {
            if (k->old_names == NULL) {
                k->old_names = json_array();
                k->new_names = json_array();
            }
            json_array_append(k->old_names, json_array_get(old, i));
            json_array_append_new(k->new_names, json_string(name));
        }
    }
}

/* --- matchers and segments ------------------------------------------------------------------ */

/* Builds the SQL for nothing: what is wrong with the fields and operators shows there. */
static int try_matcher(const struct source *s, const json_t *matcher, struct err *ret_err)
{
    struct query q;
    struct buf out = {0};
    query_init(&q);
    int rc = source_matcher(s, &q, matcher, &out, ret_err);
    buf_done(&out);
    query_done(&q);
    return rc;
}

static int try_filters(const struct source *s, const json_t *filters, struct err *ret_err)
{
    struct query q;
    struct buf out = {0};
    query_init(&q);
    int rc = source_filters(s, &q, filters, &out, ret_err);
    buf_done(&out);
    query_done(&q);
    return rc;
}

static int read_matcher(const struct source *s, const json_t *value, json_t **ret_matcher,
                        struct err *ret_err)
{
    json_t *object = json_is_string(value)  ? json_pack("{s:O}", "event", value)
                     : json_is_array(value) ? json_pack("{s:O}", "any_of", value)
                                            : json_incref((json_t *)value);
    int rc = bind_arguments(matcher_params, object, ret_matcher, ret_err);
    json_decref(object);
    if (rc < 0)
        return rc;
    if (json_object_size(*ret_matcher) == 0)
        rc = err_set(ret_err, ERR_ARGUMENT, NULL, "a matcher needs event, any_of or where");
    if (rc == 0)
        rc = try_matcher(s, *ret_matcher, ret_err);
    if (rc < 0)
        json_decref(*ret_matcher);
    return rc;
}

static int try_deeds(const struct source *s, const json_t *segment, const char *member,
                     struct err *ret_err)
{
    const json_t *deeds = json_object_get(segment, member);
    for (size_t i = 0; i < json_array_size(deeds); i++) {
        int rc = try_matcher(s, json_array_get(deeds, i), ret_err);
        if (rc < 0) {
            char at[48];
            snprintf(at, sizeof at, "%s[%zu]", member, i);
            err_prefix(ret_err, at);
            return rc;
        }
    }
    return 0;
}

static int read_segment(const struct source *s, const json_t *value, json_t **ret_segment,
                        struct err *ret_err)
{
    int rc = bind_arguments(segment_params, value, ret_segment, ret_err);
    if (rc < 0)
        return rc;
    if (json_object_size(*ret_segment) == 0)
        rc = err_set(ret_err, ERR_ARGUMENT, NULL, "a segment needs did, did_not or filters");
    if (rc == 0)
        rc = try_deeds(s, *ret_segment, "did", ret_err);
    if (rc == 0)
        rc = try_deeds(s, *ret_segment, "did_not", ret_err);
    if (rc == 0 && (rc = try_filters(s, json_object_get(*ret_segment, "filters"), ret_err)) < 0)
        err_prefix(ret_err, "filters");
    if (rc < 0)
        json_decref(*ret_segment);
    return rc;
}

static int read_named(const struct source *s, const json_t *given,
                      int (*read)(const struct source *s, const json_t *value, json_t **ret,
                                  struct err *ret_err),
                      json_t **ret_all, struct err *ret_err)
{
    json_t *all = *ret_all = json_object();
    const char *name;
    json_t *value;
    if (given != NULL && !json_is_object(given))
        return err_set(ret_err, ERR_ARGUMENT, NULL, "expected {name: definition}");
    json_object_foreach ((json_t *)given, name, value) {
        json_t *definition;
        int rc = read(s, value, &definition, ret_err);
        if (rc < 0) {
            err_prefix(ret_err, name);
            return rc;
        }
        json_object_set_new(all, name, definition);
    }
    return 0;
}

int knowledge_read(struct source *s, const json_t *mapping, struct err *ret_err)
{
    struct knowledge *k = &s->knowledge;
    const char *member = "events";
    int rc = read_about(json_object_get(mapping, member), event_params, &k->events,
                        &k->meant[KNOWLEDGE_EVENT], ret_err);
    if (rc == 0)
        rc = read_about(json_object_get(mapping, member = "fields"), field_params, &k->fields,
                        &k->meant[KNOWLEDGE_FIELD], ret_err);
    if (rc == 0) {
        gather_renamed(k);
        rc = read_named(s, json_object_get(mapping, member = "matchers"), read_matcher,
                        &k->matchers, ret_err);
    }
    if (rc == 0)
        rc = read_named(s, json_object_get(mapping, member = "segments"), read_segment,
                        &k->segments, ret_err);
    if (rc < 0)
        err_prefix(ret_err, member);
    return rc;
}

void knowledge_done(struct knowledge *k)
{
    json_t *all[] = {k->events,    k->fields,    k->meant[0], k->meant[1],
                     k->old_names, k->new_names, k->matchers, k->segments};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        json_decref(all[i]);
    *k = (struct knowledge){0};
}

/* --- asked for ------------------------------------------------------------------------------ */

static const json_t *all_of(const struct knowledge *k, enum knowledge_kind kind)
{
    return kind == KNOWLEDGE_EVENT ? k->events : k->fields;
}

const char *knowledge_description(const struct knowledge *k, enum knowledge_kind kind,
                                  const char *name)
{
    return json_get_string(json_object_get(all_of(k, kind), name), "description", NULL);
}

bool knowledge_is_hidden(const struct knowledge *k, enum knowledge_kind kind, const char *name)
{
    return json_get_bool(json_object_get(all_of(k, kind), name), "hidden", false);
}

const char *knowledge_meant(const struct knowledge *k, enum knowledge_kind kind, const char *name)
{
    json_t *key = lower(name);
    const char *meant = json_get_string(k->meant[kind], json_string_value(key), NULL);
    json_decref(key);
    return meant;
}

static bool contains_any(const json_t *words, const char *search)
{
    for (size_t i = 0; i < json_array_size(words); i++)
        if (strcasestr(json_at_string(words, i), search) != NULL)
            return true;
    return false;
}

json_t *knowledge_search(const struct knowledge *k, enum knowledge_kind kind, const char *search)
{
    json_t *found = json_array();
    const char *name;
    json_t *about;
    json_object_foreach ((json_t *)all_of(k, kind), name, about)
        if (strcasestr(json_get_string(about, "description", ""), search) != NULL ||
            contains_any(json_object_get(about, "synonyms"), search) ||
            contains_any(json_object_get(about, "renamed_from"), search))
            json_array_append_new(found, json_string(name));
    return found;
}

json_t *knowledge_hidden(const struct knowledge *k, enum knowledge_kind kind, const char *search)
{
    json_t *hidden = json_array();
    const char *name;
    json_t *about;
    json_object_foreach ((json_t *)all_of(k, kind), name, about)
        if (json_get_bool(about, "hidden", false) && strcmp(name, search) != 0)
            json_array_append_new(hidden, json_string(name));
    return hidden;
}
