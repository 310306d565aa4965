/* Which column is what: roles asked for or guessed, what every other column becomes, the mapping
 * that the table's comment keeps, and the report. */
#include "import_impl.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "bind.h"
#include "rpc.h"

static bool is_same(const struct name *name, const char *text)
{
    return text != NULL && name->len == strlen(text) && memcmp(name->text, text, name->len) == 0;
}

/* --- roles -------------------------------------------------------------------------------- */

/* "no column 'x' in f.csv; did you mean …; its columns are …" */
static int no_column(const struct input *in, enum sniff_role role, const char *wanted,
                     struct err *ret_err)
{
    const struct names *columns = input_columns(in);
    struct buf list;
    const char **texts = calloc(columns->count + 1, sizeof *texts);
    if (texts == NULL)
        return err_set(ret_err, ERR_MEMORY, NULL, "out of memory");
    buf_init(&list, 0);
    for (size_t i = 0; i < columns->count; i++) {
        texts[i] = columns->items[i].text;
        if (i < 40)
            buf_printf(&list, "%s%.80s", i > 0 ? ", " : "", texts[i]);
        else if (i == 40)
            buf_puts(&list, ", …");
    }
    const char *near = wanted != NULL ? bind_nearest(wanted, texts, columns->count) : NULL;
    int rc;
    if (wanted == NULL)
        rc = err_set(ret_err, ERR_ARGUMENT, "--time",
                     "no column of %s is obviously the time: name it with --time%s%s",
                     input_name(in), list.len > 0 ? "; the columns are " : "", buf_text(&list));
    else
        rc =
            err_set(ret_err, ERR_NOT_FOUND, NULL, "%s has no column '%s'%s%s%s; its columns are %s",
                    input_name(in), wanted, near != NULL ? " (did you mean '" : "",
                    near != NULL ? near : "", near != NULL ? "'?)" : "", buf_text(&list));
    if (wanted != NULL && ret_err != NULL) {
        struct buf field;
        buf_init(&field, 0);
        buf_printf(&field, "--%s", sniff_role_names[role]);
        strncpy(ret_err->field, buf_text(&field), sizeof ret_err->field - 1);
        buf_done(&field);
    }
    buf_done(&list);
    free(texts);
    return rc;
}

static int find_column(const struct names *columns, const char *text)
{
    return (int)names_find(columns, text, strlen(text));
}

/* Guesses what was not asked for, from the first file. */
static int guess_roles(struct import *im, const struct input *in, struct err *ret_err)
{
    const struct names *columns = input_columns(in);
    bool *taken = calloc(columns->count + 1, sizeof *taken);
    if (taken == NULL)
        return err_set(ret_err, ERR_MEMORY, NULL, "out of memory");
    for (int i = 0; i < SNIFF_ROLES; i++) {
        int column = im->roles[i].column != NULL ? find_column(columns, im->roles[i].column) : -1;
        if (column >= 0)
            taken[column] = true;
    }
    for (size_t i = 1; i < im->options.case_count; i++) {
        int column = find_column(columns, im->options.cases[i]);
        if (column >= 0)
            taken[column] = true;
    }
    for (int i = 0; i < SNIFF_ROLES; i++) {
        struct role *role = &im->roles[i];
        const char *asked = im->options.columns[i];
        if (asked != NULL || (i == SNIFF_EVENT && im->options.event_name != NULL))
            continue;
        int column = sniff_column(columns, in->format, (enum sniff_role)i, taken);
        if (column < 0)
            continue;
        taken[column] = true;
        role->guessed = strdup(columns->items[column].text);
        if (role->guessed == NULL) {
            free(taken);
            return err_set(ret_err, ERR_MEMORY, NULL, "out of memory");
        }
        role->column = role->guessed;
        role->is_guess = true;
    }
    free(taken);
    return 0;
}

/* Whether the file may still show the column: JSON members come as they like. */
static bool is_open(const struct input *in)
{
    return in->format != SNIFF_CSV && !in->is_at_end;
}

int map_roles(struct import *im, struct input *in, struct err *ret_err)
{
    const struct names *columns = input_columns(in);
    bool is_last = im->input + 1 == im->options.file_count;
    if (!im->has_roles) {
        for (int i = 0; i < SNIFF_ROLES; i++) {
            const char *asked = im->options.columns[i];
            im->roles[i].column = asked != NULL && asked[0] != '\0' ? asked : NULL;
        }
        int rc = guess_roles(im, in, ret_err);
        if (rc < 0)
            return rc;
        if (im->roles[SNIFF_TIME].column == NULL)
            return no_column(in, SNIFF_TIME, NULL, ret_err);
        im->has_roles = true;
    }
    for (int i = 0; i < SNIFF_ROLES; i++) {
        struct role *role = &im->roles[i];
        if (role->column == NULL)
            continue;
        if (find_column(columns, role->column) >= 0) {
            role->is_seen = true;
            continue;
        }
        bool is_needed = i == SNIFF_TIME || (i == SNIFF_EVENT && im->options.event_name == NULL);
        if (!is_open(in) && (is_needed || (is_last && !role->is_seen)))
            return no_column(in, (enum sniff_role)i, role->column, ret_err);
        if (!is_open(in))
            import_warn(im, "%s has no column '%s': its rows have no %s", input_name(in),
                        role->column, sniff_role_names[i]);
    }
    for (size_t i = 1; i < im->options.case_count; i++) {
        if (find_column(columns, im->options.cases[i]) >= 0)
            im->cases_seen[i] = true;
        else if (!is_open(in) && is_last && !im->cases_seen[i])
            return no_column(in, SNIFF_CASE, im->options.cases[i], ret_err);
    }
    return 0;
}

int map_check_seen(struct import *im, struct err *ret_err)
{
    for (int i = 0; i < SNIFF_ROLES; i++)
        if (im->roles[i].column != NULL && !im->roles[i].is_seen)
            return err_set(ret_err, ERR_NOT_FOUND, "FILE", "no row has '%s' (--%s)",
                           im->roles[i].column, sniff_role_names[i]);
    for (size_t i = 1; i < im->options.case_count; i++)
        if (!im->cases_seen[i])
            return err_set(ret_err, ERR_NOT_FOUND, "--case", "no row has '%s'",
                           im->options.cases[i]);
    return 0;
}

/* --- targets ------------------------------------------------------------------------------ */

static bool decide(struct import *im, struct input *in, uint32_t column, struct target *t)
{
    static const char prefix[] = "actor.";
    const struct name *name = &input_columns(in)->items[column];
    bool is_more_case = false;
    *t = (struct target){.map = -1, .is_known = true};
    for (int i = 0; i < SNIFF_ROLES; i++)
        if (is_same(name, im->roles[i].column)) {
            t->roles |= UINT32_C(1) << i;
            im->roles[i].is_seen = true;
        }
    for (size_t i = 1; i < im->options.case_count; i++)
        if (is_same(name, im->options.cases[i])) {
            is_more_case = true;
            im->cases_seen[i] = true;
        }
    if (t->roles != 0 && !is_more_case)
        return true;
    size_t skip = sizeof prefix - 1;
    bool is_of_actor = name->len > skip && memcmp(name->text, prefix, skip) == 0 && !is_more_case;
    t->map = is_of_actor ? NATIVE_ACTOR_PROPERTIES : NATIVE_PROPERTIES;
    int64_t key = is_of_actor
                      ? names_add(&im->actor_properties, name->text + skip, name->len - skip)
                      : names_add(&im->properties, name->text, name->len);
    t->key = (uint32_t)key;
    return key >= 0;
}

const struct target *map_target(struct import *im, struct input *in, uint32_t column)
{
    if (column < in->target_size && in->targets[column].is_known)
        return &in->targets[column];
    if (column >= in->target_size) {
        size_t size = (size_t)column * 2 + 64;
        struct target *targets = realloc(in->targets, size * sizeof *targets);
        if (targets == NULL)
            return NULL;
        memset(targets + in->target_size, 0, (size - in->target_size) * sizeof *targets);
        in->targets = targets;
        in->target_size = size;
    }
    struct target *t = &in->targets[column];
    return decide(im, in, column, t) ? t : NULL;
}

/* --- comment and report ------------------------------------------------------------------- */

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash != NULL ? slash + 1 : path;
}

/* "Imported from a.csv: time = timestamp, event = activity, case = case_id" */
static void describe(const struct import *im, struct buf *out)
{
    buf_puts(out, "Imported from ");
    for (size_t i = 0; i < im->options.file_count && i < 5; i++)
        buf_printf(out, "%s%s", i > 0 ? ", " : "",
                   strcmp(im->options.files[i], "-") == 0 ? "standard input"
                                                          : base_name(im->options.files[i]));
    if (im->options.file_count > 5)
        buf_printf(out, " and %zu more files", im->options.file_count - 5);
    const char *separator = ": ";
    for (int i = 0; i < SNIFF_ROLES; i++) {
        if (im->roles[i].column == NULL)
            continue;
        buf_printf(out, "%s%s = %s", separator, sniff_role_names[i], im->roles[i].column);
        separator = ", ";
    }
}

/* Which of the numbers are good, when not all are. */
static int add_numbers(const struct import *im, json_t *mapping)
{
    static const char *const columns[NATIVE_NUMBERS][2] = {
        {"actor", "actor_number"}, {"session", "session_number"}, {"case_id", "case_number"}};
    json_t *numbers = json_object();
    for (int i = 0; i < NATIVE_NUMBERS; i++)
        if (!im->numberings[i].has_given_up)
            json_object_set_new(numbers, columns[i][0], json_string(columns[i][1]));
    int rc = json_object_size(numbers) == NATIVE_NUMBERS
                 ? 0
                 : json_object_set(mapping, "numbers", numbers);
    json_decref(numbers);
    return rc;
}

bool map_is_object_type(const struct name *name)
{
    return strlen(name->text) == name->len && strstr(name->text, "']") == NULL;
}

/* {type: where the ids of its objects are}. */
static json_t *object_places(const struct import *im)
{
    json_t *places = json_object();
    const struct names *types = &im->objects.types;
    for (size_t i = 0; i < types->count; i++) {
        const struct name *name = &types->items[i];
        if (map_is_object_type(name))
            json_object_set_new(places, name->text, json_sprintf("objects['%s']", name->text));
    }
    return places;
}

json_t *map_comment(const struct import *im)
{
    struct buf text;
    buf_init(&text, 0);
    if (im->options.description != NULL)
        buf_puts(&text, im->options.description);
    else
        describe(im, &text);
    json_t *mapping =
        json_pack("{s:s, s:o}", "kind", "events", "description", rpc_text(buf_text(&text)));
    json_t *cases = json_object();
    int rc = mapping == NULL || cases == NULL || buf_failed(&text) ? -1 : 0;
    if (rc == 0 && im->roles[SNIFF_CASE].column != NULL)
        rc = json_object_set_new(cases, im->roles[SNIFF_CASE].column, json_string("case_id"));
    for (size_t i = 1; rc == 0 && i < im->options.case_count; i++) {
        buf_reset(&text);
        buf_printf(&text, "properties['%s']", im->options.cases[i]);
        rc = buf_failed(&text)
                 ? -1
                 : json_object_set_new(cases, im->options.cases[i], json_string(buf_text(&text)));
    }
    if (rc == 0 && json_object_size(cases) > 0)
        rc = json_object_set(mapping, "cases", cases);
    json_decref(cases);
    if (rc == 0 && im->native.has_objects)
        rc = json_object_set_new(mapping, "objects", object_places(im));
    if (rc == 0)
        rc = add_numbers(im, mapping);
    /* A container that no row fills is not worth a look at every bare key. */
    if (rc == 0 && im->is_read && im->actor_properties.count == 0)
        rc = json_object_set_new(mapping, "properties", json_pack("[s]", "properties"));
    if (rc < 0) {
        json_decref(mapping);
        mapping = NULL;
    }
    buf_done(&text);
    return mapping;
}

static json_t *role_entry(const struct import *im, enum sniff_role r, const char *column)
{
    const struct role *role = &im->roles[r];
    const char *name = sniff_role_names[r];
    if (column != NULL)
        return json_pack("{s:s, s:s, s:s}", "role", name, "column", column, "why",
                         role->is_guess ? "guessed from its name" : "asked for");
    const char *value = r == SNIFF_ACTOR ? "all"
                        : r == SNIFF_EVENT
                            ? im->options.event_name != NULL ? im->options.event_name : "event"
                            : NULL;
    if (value == NULL)
        return NULL;
    return json_pack("{s:s, s:s, s:s}", "role", name, "value", value, "why",
                     r == SNIFF_EVENT && im->options.event_name != NULL
                         ? "asked for"
                         : "no column for it: the same in every row");
}

static json_t *name_list(const struct names *names)
{
    json_t *list = json_array();
    for (size_t i = 0; list != NULL && i < names->count; i++)
        json_array_append_new(list, json_stringn(names->items[i].text, names->items[i].len));
    return list;
}

int map_report(struct import *im)
{
    json_t *mapping = json_array(), *reasons = json_object();
    json_int_t read = 0, imported = 0, rejected = 0;
    for (int i = 0; mapping != NULL && i < SNIFF_ROLES; i++) {
        json_t *entry = role_entry(im, (enum sniff_role)i, im->roles[i].column);
        if (entry != NULL)
            json_array_append_new(mapping, entry);
        for (size_t c = 1; i == SNIFF_CASE && c < im->options.case_count; c++)
            json_array_append_new(mapping, role_entry(im, SNIFF_CASE, im->options.cases[c]));
    }
    for (int i = 0; i < REJECT_KINDS; i++)
        if (im->rejected[i] > 0)
            json_object_set_new(reasons, load_reason_name((enum reject_kind)i),
                                json_integer((json_int_t)im->rejected[i]));
    for (size_t i = 0; i < im->options.file_count; i++) {
        read += (json_int_t)im->inputs[i].rows_read;
        imported += (json_int_t)im->inputs[i].rows_imported;
        rejected += (json_int_t)im->inputs[i].rows_rejected;
    }
    json_t *totals =
        json_pack("{s:O, s:o, s:o, s:o, s:i, s:I, s:I, s:I, s:o, s:O}", "files", im->report_files,
                  "mapping", mapping, "properties", name_list(&im->properties), "actor_properties",
                  name_list(&im->actor_properties), "property_count",
                  (int)(im->properties.count + im->actor_properties.count), "rows_read", read,
                  "rows_imported", imported, "rows_rejected", rejected, "rejected_by_reason",
                  reasons, "warnings", im->warnings);
    int rc = totals == NULL ? -1 : json_object_update(im->report, totals);
    if (rc == 0 && im->native.has_objects)
        rc = json_object_update_new(
            im->report, json_pack("{s:I, s:o}", "objects", (json_int_t)im->objects.count,
                                  "object_types", name_list(&im->objects.types)));
    json_decref(totals);
    return rc;
}
