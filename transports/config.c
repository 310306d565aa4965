#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bind.h"
#include "config_impl.h"
#include "json.h"

enum {
    FILE_BYTES_MAX = 1 << 20,
    PASSWORD_BYTES_MAX = 4096,
};

/* --- the file ------------------------------------------------------------------------------ */

static int refuse_key(struct config_load *load, const char *key)
{
    const char *names[CONFIG_NAMES_MAX];
    size_t count = 0;
    for (const struct option *o = config_options; o->key != NULL; o++)
        names[count++] = o->key;
    names[count++] = "sources";
    const char *nearest = bind_nearest(key, names, count);
    return err_set(load->err, ERR_ARGUMENT, key, "%s%.*s: unknown key%s%s%s", load->where,
                   CONFIG_SHOWN_BYTES, key, nearest != NULL ? "; did you mean " : "",
                   nearest != NULL ? nearest : "", nearest != NULL ? "?" : "");
}

/* A JSON value as the text that a flag would have; a list is joined with commas. */
static int value_text(struct config_load *load, const struct option *option, const json_t *value,
                      struct buf *out)
{
    bool is_list = option->type == OPTION_LIST && json_is_array(value);
    size_t count = is_list ? json_array_size(value) : 1;
    for (size_t i = 0; i < count; i++) {
        const json_t *item = is_list ? json_array_get(value, i) : value;
        if (i > 0)
            buf_putc(out, ',');
        if (json_is_string(item))
            buf_puts(out, json_string_value(item));
        else if (json_is_integer(item) && option->type == OPTION_INTEGER)
            buf_printf(out, "%" JSON_INTEGER_FORMAT, json_integer_value(item));
        else if (json_is_boolean(item) && option->type == OPTION_BOOLEAN)
            buf_puts(out, json_is_true(item) ? "true" : "false");
        else
            return err_set(load->err, ERR_ARGUMENT, option->key, "%s%s: expected a %s", load->where,
                           option->key,
                           option->type == OPTION_INTEGER   ? "number"
                           : option->type == OPTION_BOOLEAN ? "true or false"
                           : option->type == OPTION_LIST    ? "list of strings"
                                                            : "string");
    }
    return buf_failed(out) ? config_no_memory(load) : 0;
}

/* Whether some key begins with "name.": an unknown object that is empty has no key to refuse. */
static bool is_group(const char *name)
{
    size_t len = strlen(name);
    for (const struct option *o = config_options; o->key != NULL; o++)
        if (strncmp(o->key, name, len) == 0 && o->key[len] == '.')
            return true;
    return false;
}

static int apply_object(struct config_load *load, const json_t *object, const char *prefix)
{
    const char *key;
    json_t *value;
    json_object_foreach ((json_t *)object, key, value) {
        char path[96];
        snprintf(path, sizeof path, "%s%s", prefix, key);
        const struct option *option = config_find_key(path);
        int rc = 0;
        if (strcmp(path, "sources") == 0) {
            if (!json_is_object(value))
                return err_set(load->err, ERR_ARGUMENT, path, "%s%s: expected an object",
                               load->where, path);
            json_decref(load->config->sources);
            load->config->sources = json_incref(value);
        } else if (option != NULL) {
            struct buf text = {0};
            load->name = option->key;
            rc = value_text(load, option, value, &text);
            if (rc == 0)
                rc = config_set_value(load, option, buf_text(&text));
            buf_done(&text);
        } else if (json_is_object(value) && prefix[0] == '\0' &&
                   (json_object_size(value) > 0 || is_group(path))) {
            char group[96];
            snprintf(group, sizeof group, "%s.", path);
            rc = apply_object(load, value, group);
        } else {
            rc = refuse_key(load, path);
        }
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* The whole of a small file, or NULL with errno set (EFBIG when it is longer than max). */
static char *read_file(const char *path, size_t max, size_t *ret_len)
{
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return NULL;
    char *text = malloc(max + 1);
    size_t len = text != NULL ? fread(text, 1, max + 1, file) : 0;
    int error = text == NULL ? ENOMEM : ferror(file) ? EIO : len > max ? EFBIG : 0;
    fclose(file);
    if (error != 0) {
        free(text);
        errno = error;
        return NULL;
    }
    text[len] = '\0';
    *ret_len = len;
    return text;
}

static int load_file(struct config_load *load, const char *path, bool is_required)
{
    size_t len = 0;
    char *text = read_file(path, FILE_BYTES_MAX, &len);
    if (text == NULL) {
        if (errno == ENOENT && !is_required)
            return 0;
        return err_set(load->err, ERR_ARGUMENT, "config", "%s: %s", path, strerror(errno));
    }
    struct err why = {0};
    json_t *object = json_parse(text, len, &why);
    free(text);
    if (!json_is_object(object)) {
        json_decref(object);
        return err_set(load->err, ERR_ARGUMENT, "config", "%s: %s", path,
                       object == NULL ? why.text : "expected a JSON object");
    }
    const char *slash = strrchr(path, '/');
    char where[128];
    snprintf(where, sizeof where, "%s: ", slash != NULL ? slash + 1 : path);
    load->where = where;
    load->origin = ORIGIN_FILE;
    int rc = apply_object(load, object, "");
    load->where = "";
    json_decref(object);
    if (rc == 0 && (load->config->config_path = strdup(path)) == NULL)
        rc = config_no_memory(load);
    return rc;
}

/* --- the environment, defaults, paths ------------------------------------------------------ */

static const char *environment(const char *name)
{
    const char *value = name != NULL ? getenv(name) : NULL;
    /* MCP clients and container files pass unset variables as empty ones. */
    return value != NULL && value[0] != '\0' ? value : NULL;
}

static int load_environment(struct config_load *load)
{
    load->origin = ORIGIN_ENVIRONMENT;
    for (const struct option *o = config_options; o->key != NULL; o++) {
        const char *value = environment(load->name = o->env);
        if (value == NULL)
            value = environment(load->name = o->env_also);
        int rc = value != NULL ? config_set_value(load, o, value) : 0;
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int load_defaults(struct config_load *load)
{
    load->origin = ORIGIN_DEFAULT;
    for (const struct option *o = config_options; o->key != NULL; o++) {
        load->name = o->key;
        int rc = o->fallback != NULL ? config_set_value(load, o, o->fallback) : 0;
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* $<variable>/<tail>, or ~/<home_tail>/<tail>; NULL when neither is known. */
static char *home_path(const char *variable, const char *home_tail, const char *tail)
{
    char *path = NULL;
    const char *base = environment(variable);
    const char *home = environment("HOME");
    if (base != NULL && base[0] == '/')
        return asprintf(&path, "%s/%s", base, tail) >= 0 ? path : NULL;
    if (home == NULL)
        return NULL;
    return asprintf(&path, "%s/%s/%s", home, home_tail, tail) >= 0 ? path : NULL;
}

static int load_config_file(struct config_load *load, const char *given)
{
    const char *named = given != NULL ? given : environment("SEXTANT_CONFIG");
    if (named != NULL) {
        char *path = config_expand_path(named);
        int rc = path != NULL ? load_file(load, path, true) : config_no_memory(load);
        free(path);
        return rc;
    }
    char *path = home_path("XDG_CONFIG_HOME", ".config", "sextant/config.json");
    int rc = path != NULL ? load_file(load, path, false) : 0;
    free(path);
    return rc;
}

/* The first line of the file, unless a password was set more explicitly. */
static int load_password(struct config_load *load)
{
    struct config *config = load->config;
    size_t text_index = config_option_index(config_find_key("clickhouse.password"));
    size_t file_index = config_option_index(config_find_key("clickhouse.password_file"));
    if (config->password_file == NULL ||
        (config->password != NULL && config->origins[text_index] > config->origins[file_index]))
        return 0;
    size_t len = 0;
    char *text = read_file(config->password_file, PASSWORD_BYTES_MAX, &len);
    if (text == NULL)
        return err_set(load->err, ERR_ARGUMENT, "clickhouse.password_file",
                       "clickhouse.password_file: %s: %s", config->password_file,
                       errno == EFBIG ? "too long for a password" : strerror(errno));
    text[strcspn(text, "\r\n")] = '\0';
    free(config->password);
    config->password = text;
    return 0;
}

static int check(struct config_load *load)
{
    struct config *config = load->config;
    /* What was given is not repeated: a URL may hold a password. */
    if (config->host != NULL && strpbrk(config->host, "/ @?#") != NULL)
        return err_set(load->err, ERR_ARGUMENT, "clickhouse.host",
                       "clickhouse.host (%s): expected a host name alone; port, protocol and user "
                       "have options of their own",
                       config_origin(config, "clickhouse.host"));
    if (config->data_dir == NULL)
        config->data_dir = home_path("XDG_DATA_HOME", ".local/share", "sextant");
    if (config->tokens == NULL)
        config->tokens = home_path("XDG_CONFIG_HOME", ".config", "sextant/tokens.json");
    return 0;
}

/* --- all of it ------------------------------------------------------------------------------ */

static int load_all(struct config_load *load, struct config_walk *walk)
{
    int rc = config_walk_arguments(load, walk);
    if (rc == 0)
        rc = load_defaults(load);
    if (rc == 0)
        rc = load_config_file(load, walk->config_path);
    if (rc == 0)
        rc = load_environment(load);
    if (rc == 0)
        rc = config_apply_flags(load, walk);
    if (rc == 0)
        rc = load_password(load);
    return rc == 0 ? check(load) : rc;
}

int config_load(struct config *config, unsigned groups, const struct flag *flags, int argc,
                char **argv, int *ret_rest_count, char ***ret_rest, struct err *ret_err)
{
    struct config loaded = {0};
    struct config_load load = {.config = &loaded, .err = ret_err, .where = "", .name = ""};
    /* --name=value becomes two arguments, hence the room for twice as many. */
    size_t size = (size_t)argc + 1;
    struct config_walk walk = {.groups = groups | OPTION_ALWAYS,
                               .flags = flags,
                               .argv = argv,
                               .count = argc,
                               .rest = calloc(2 * size, sizeof(char *)),
                               .set = calloc(size, sizeof *walk.set)};
    int rc =
        walk.rest != NULL && walk.set != NULL ? load_all(&load, &walk) : config_no_memory(&load);
    free(walk.set);
    if (rc < 0) {
        config_done(&loaded);
        free(walk.rest);
        return rc;
    }
    *config = loaded;
    *ret_rest = walk.rest;
    *ret_rest_count = walk.kept;
    return 0;
}

void config_done(struct config *config)
{
    for (const struct option *o = config_options; o->key != NULL; o++)
        config_free_value(config, o);
    free(config->config_path);
    json_decref(config->sources);
    *config = (struct config){0};
}

/* --- questions ----------------------------------------------------------------------------- */

bool config_is_remote(const struct config *config)
{
    if (config->host == NULL || !config->is_enabled)
        return false;
    return config->origins[config_option_index(config_find_key("data"))] <=
           config->origins[config_option_index(config_find_key("clickhouse.host"))];
}

const char *config_origin(const struct config *config, const char *key)
{
    const struct option *option = config_find_key(key);
    switch (config->origins[config_option_index(option)]) {
    case ORIGIN_FLAG:
        return option->flag;
    case ORIGIN_ENVIRONMENT:
        return environment(option->env) != NULL ? option->env : option->env_also;
    case ORIGIN_FILE:
        return "configuration file";
    case ORIGIN_DEFAULT:
        break;
    }
    return "default";
}
