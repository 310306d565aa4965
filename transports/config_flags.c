/* The flags of a subcommand: options are taken out of its arguments, the rest is its own. */
#include <stdio.h>
#include <string.h>

#include "bind.h"
#include "config_impl.h"

static int refuse_flag(struct config_load *load, unsigned groups, const struct flag *flags,
                       const char *given, size_t len)
{
    const char *names[CONFIG_NAMES_MAX];
    size_t count = 0;
    char name[64];
    snprintf(name, sizeof name, "%.*s", (int)len, given);
    for (const struct flag *f = flags; f != NULL && f->name != NULL && count < CONFIG_NAMES_MAX / 2;
         f++)
        names[count++] = f->name;
    for (const struct option *o = config_options; o->key != NULL; o++)
        if ((o->group & groups) != 0)
            names[count++] = o->flag;
    names[count++] = "--config";
    names[count++] = "--help";
    const char *nearest = bind_nearest(name, names, count);
    for (const struct option *o = config_options; o->key != NULL; o++)
        if (strcmp(o->flag, name) == 0)
            return err_set(load->err, ERR_ARGUMENT, name, "%s: not an option of this subcommand",
                           name);
    return err_set(load->err, ERR_ARGUMENT, name, "%s: unknown option%s%s%s", name,
                   nearest != NULL ? "; did you mean " : "", nearest != NULL ? nearest : "",
                   nearest != NULL ? "?" : "");
}

/* One argument that looks like a flag, split at "=". */
struct given {
    char *text;
    size_t len;  /* of the name */
    char *value; /* after "=", or the next argument, or NULL */
};

static bool is_named(const struct given *given, const char *name)
{
    return strlen(name) == given->len && strncmp(given->text, name, given->len) == 0;
}

static const struct option *find_option(const struct given *given, unsigned groups)
{
    for (const struct option *o = config_options; o->key != NULL; o++)
        if ((o->group & groups) != 0 && is_named(given, o->flag))
            return o;
    return NULL;
}

static const struct flag *find_flag(const struct given *given, const struct flag *flags)
{
    for (const struct flag *f = flags; f != NULL && f->name != NULL; f++)
        if (is_named(given, f->name))
            return f;
    return NULL;
}

static int take_value(struct config_load *load, struct config_walk *walk, struct given *given,
                      const char *name)
{
    if (given->value != NULL)
        return 0;
    if (walk->at + 1 >= walk->count)
        return err_set(load->err, ERR_ARGUMENT, name, "%s: a value must follow", name);
    given->value = walk->argv[++walk->at];
    return 0;
}

/* Of an option. One that is true or false is true when nothing follows that could be its value. */
static int take_option_value(struct config_load *load, struct config_walk *walk,
                             struct given *given, const struct option *option)
{
    static char yes[] = "true";
    bool is_alone = walk->at + 1 >= walk->count || walk->argv[walk->at + 1][0] == '-';
    if (option->type == OPTION_BOOLEAN && given->value == NULL && is_alone)
        given->value = yes;
    return take_value(load, walk, given, option->flag);
}

static int take_flag(struct config_load *load, struct config_walk *walk, char *text)
{
    char *equals = strchr(text, '=');
    struct given given = {.text = text,
                          .len = equals != NULL ? (size_t)(equals - text) : strlen(text),
                          .value = equals != NULL ? equals + 1 : NULL};
    const struct option *option = find_option(&given, walk->groups);
    const struct flag *flag = find_flag(&given, walk->flags);
    int rc = 0;
    if (is_named(&given, "--config")) {
        rc = take_value(load, walk, &given, "--config");
        walk->config_path = given.value;
    } else if (option != NULL) {
        rc = take_option_value(load, walk, &given, option);
        walk->set[walk->set_count].option = option;
        walk->set[walk->set_count++].value = given.value;
    } else if (flag != NULL) {
        if (flag->value == NULL && given.value != NULL)
            return err_set(load->err, ERR_ARGUMENT, flag->name, "%s: takes no value", flag->name);
        if (flag->value != NULL)
            rc = take_value(load, walk, &given, flag->name);
        walk->rest[walk->kept++] = (char *)flag->name;
        if (flag->value != NULL)
            walk->rest[walk->kept++] = given.value;
    } else {
        rc = refuse_flag(load, walk->groups, walk->flags, text, given.len);
    }
    return rc;
}

int config_walk_arguments(struct config_load *load, struct config_walk *walk)
{
    bool only_positionals = false;
    for (walk->at = 0; walk->at < walk->count; walk->at++) {
        char *text = walk->argv[walk->at];
        int rc = 0;
        if (only_positionals || text[0] != '-' || text[1] == '\0') {
            walk->rest[walk->kept++] = text;
        } else if (strcmp(text, "--") == 0) {
            only_positionals = true;
            walk->rest[walk->kept++] = text;
        } else {
            rc = take_flag(load, walk, text);
        }
        if (rc < 0)
            return rc;
    }
    return 0;
}

int config_apply_flags(struct config_load *load, struct config_walk *walk)
{
    load->origin = ORIGIN_FLAG;
    for (int i = 0; i < walk->set_count; i++) {
        const struct option *option = walk->set[i].option;
        load->name = option->flag;
        int rc = config_set_value(load, option, walk->set[i].value);
        if (rc < 0)
            return rc;
        if (strcmp(option->key, "clickhouse.password") == 0)
            memset(walk->set[i].value, 'x', strlen(walk->set[i].value));
    }
    return 0;
}
