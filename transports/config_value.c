/* One option from one text. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "config_impl.h"

static void *slot(struct config *config, const struct option *option)
{
    return (char *)config + option->offset;
}

size_t config_option_index(const struct option *option)
{
    return (size_t)(option - config_options);
}

const struct option *config_find_key(const char *key)
{
    for (const struct option *o = config_options; o->key != NULL; o++)
        if (strcmp(o->key, key) == 0)
            return o;
    return NULL;
}

int config_no_memory(struct config_load *load)
{
    return err_set(load->err, ERR_MEMORY, NULL, "out of memory");
}

static int refuse(struct config_load *load, const char *expected, const char *given)
{
    return err_set(load->err, ERR_ARGUMENT, load->name, "%s%s: expected %s, got \"%.*s\"",
                   load->where, load->name, expected, CONFIG_SHOWN_BYTES, given);
}

static void free_list(char **list)
{
    for (size_t i = 0; list != NULL && list[i] != NULL; i++)
        free(list[i]);
    free(list);
}

/* "a, b,c" → {"a", "b", "c", NULL} */
static char **split_list(const char *text)
{
    size_t count = 1;
    for (const char *p = text; *p != '\0'; p++)
        count += *p == ',';
    char **list = calloc(count + 1, sizeof *list);
    size_t used = 0;
    while (list != NULL) {
        text += strspn(text, " \t");
        size_t len = strcspn(text, ",");
        size_t trimmed = len;
        while (trimmed > 0 && (text[trimmed - 1] == ' ' || text[trimmed - 1] == '\t'))
            trimmed--;
        if (trimmed > 0 && (list[used++] = strndup(text, trimmed)) == NULL) {
            free_list(list);
            return NULL;
        }
        if (text[len] == '\0')
            break;
        text += len + 1;
    }
    return list;
}

char *config_expand_path(const char *text)
{
    const char *home = getenv("HOME");
    char *path = NULL;
    if (strncmp(text, "~/", 2) != 0 || home == NULL)
        return strdup(text);
    return asprintf(&path, "%s/%s", home, text + 2) >= 0 ? path : NULL;
}

static int set_integer(struct config_load *load, const struct option *option, const char *text)
{
    char *end = NULL;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || value < option->min || value > option->max) {
        char expected[64];
        snprintf(expected, sizeof expected, "a number %lld..%lld", option->min, option->max);
        return refuse(load, expected, text);
    }
    *(long long *)slot(load->config, option) = value;
    return 0;
}

static int set_boolean(struct config_load *load, const struct option *option, const char *text)
{
    static const char *const words[] = {"false", "true", "0", "1", "no", "yes", "off", "on"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (strcasecmp(text, words[i]) == 0) {
            *(bool *)slot(load->config, option) = i % 2 == 1;
            return 0;
        }
    }
    return refuse(load, "true or false", text);
}

static int set_text(struct config_load *load, const struct option *option, const char *text)
{
    if (option->choices != NULL) {
        struct buf expected = {0};
        size_t i = 0;
        for (; option->choices[i] != NULL && strcmp(option->choices[i], text) != 0; i++)
            buf_printf(&expected, i == 0 ? "one of %s" : ", %s", option->choices[i]);
        int rc = option->choices[i] == NULL ? refuse(load, buf_text(&expected), text) : 0;
        buf_done(&expected);
        if (rc < 0)
            return rc;
    }
    char *copy = option->type == OPTION_PATH ? config_expand_path(text) : strdup(text);
    if (copy == NULL)
        return config_no_memory(load);
    char **member = slot(load->config, option);
    free(*member);
    *member = copy;
    return 0;
}

int config_set_value(struct config_load *load, const struct option *option, const char *text)
{
    int rc = 0;
    switch (option->type) {
    case OPTION_TEXT:
    case OPTION_PATH:
        rc = set_text(load, option, text);
        break;
    case OPTION_INTEGER:
        rc = set_integer(load, option, text);
        break;
    case OPTION_BOOLEAN:
        rc = set_boolean(load, option, text);
        break;
    case OPTION_LIST: {
        char **list = split_list(text);
        if (list == NULL)
            return config_no_memory(load);
        char ***member = slot(load->config, option);
        free_list(*member);
        *member = list;
        break;
    }
    }
    if (rc == 0)
        load->config->origins[config_option_index(option)] = load->origin;
    return rc;
}

void config_free_value(struct config *config, const struct option *option)
{
    if (option->type == OPTION_LIST)
        free_list(*(char ***)slot(config, option));
    else if (option->type == OPTION_TEXT || option->type == OPTION_PATH)
        free(*(char **)slot(config, option));
}
