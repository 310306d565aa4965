#pragma once
/* What config.c, config_value.c and config_flags.c share. */
#include "config.h"

enum {
    CONFIG_NAMES_MAX = 128,  /* flags or keys compared for the nearest name */
    CONFIG_SHOWN_BYTES = 40, /* of a value, in an error */
};

/* The state of one config_load(). */
struct config_load {
    struct config *config;
    struct err *err;
    const char *where; /* "config.json: " while the file is read, else "" */
    const char *name;  /* of the key, variable or flag at hand */
    enum config_origin origin;
};

int config_no_memory(struct config_load *load);
size_t config_option_index(const struct option *option);
const struct option *config_find_key(const char *key);

/* Sets one option from text, as a flag or variable has it. */
int config_set_value(struct config_load *load, const struct option *option, const char *text);
void config_free_value(struct config *config, const struct option *option);
char *config_expand_path(const char *text);

/* The arguments of a subcommand, taken apart. */
struct config_walk {
    unsigned groups;
    const struct flag *flags;
    char **argv;
    int count, at; /* of the arguments; the one at hand */
    int kept;      /* moved to the front of `rest` */
    char **rest;
    const char *config_path;
    struct {
        const struct option *option;
        char *value;
    } * set; /* options in the order given, applied after file and environment */
    int set_count;
};

int config_walk_arguments(struct config_load *load, struct config_walk *walk);
int config_apply_flags(struct config_load *load, struct config_walk *walk);
