#pragma once
/* The configuration: one table of options, each settable by flag, environment variable and JSON
 * file, in this order of precedence, before its default. Nothing here opens an engine or looks up a
 * name; errors name the key and where it was set. */
#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "buf.h"
#include "err.h"

/* Which subcommands take an option: what the option is about. */
enum option_group {
    OPTION_ALWAYS = 1,   /* --config, --log-level */
    OPTION_ENGINE = 2,   /* the store, the server, their limits */
    OPTION_TOOLS = 4,    /* --toolsets */
    OPTION_HTTP = 8,     /* --listen, … */
    OPTION_TOKENS = 16,  /* --tokens */
    OPTION_SERVING = 32, /* --call-seconds, … */
};

/* Where a value came from; a later one wins. */
enum config_origin { ORIGIN_DEFAULT, ORIGIN_FILE, ORIGIN_ENVIRONMENT, ORIGIN_FLAG };

enum option_type {
    OPTION_TEXT,    /* char * */
    OPTION_PATH,    /* char *; a leading ~/ is expanded */
    OPTION_INTEGER, /* long long */
    OPTION_BOOLEAN, /* bool */
    OPTION_LIST,    /* char **, NULL-terminated; comma-separated text, or an array in JSON */
};

struct option {
    const char *key;   /* in the JSON file, dotted: "clickhouse.port" */
    const char *flag;  /* "--clickhouse-port" */
    const char *env;   /* "CLICKHOUSE_PORT" */
    const char *value; /* what --help calls the value: "N" */
    enum option_group group;
    enum option_type type;
    size_t offset;              /* of the member of struct config */
    long long min, max;         /* integers */
    const char *env_also;       /* another server's name for it, or NULL */
    const char *fallback;       /* text of the default, or NULL */
    const char *const *choices; /* NULL-terminated, or NULL */
    const char *help;
};

extern const struct option config_options[]; /* ends with {0} */
enum { CONFIG_MAX_OPTIONS = 40 };

/* A flag that one subcommand understands besides the options: "--source NAME". */
struct flag {
    const char *name;  /* "--source" */
    const char *value; /* "NAME", or NULL for a switch */
    const char *help;
};

struct config {
    char *config_path; /* the file that was read, or NULL */
    char *data_dir;    /* embedded store; NULL if no home directory is known */
    char *libchdb;     /* or NULL: search */
    char *host, *user, *password, *password_file, *database, *role, *ca_file, *proxy_path;
    long long port; /* 0 = by is_secure */
    bool is_enabled, is_secure, is_verified;
    long long connect_timeout_s, send_receive_timeout_s;
    long long query_s, memory_mb;
    long long call_s;                        /* 0 = by query_s */
    long long task_after_s, task_s, watch_s; /* watch_s 0 = by the engine */
    char *listen;
    char **allowed_origins, **allowed_hosts;
    bool sessions;
    char *tokens; /* the file of them; NULL if no home directory is known */
    char **toolsets;
    char *log_level;
    json_t *sources;                                /* "sources" of the file, or NULL */
    enum config_origin origins[CONFIG_MAX_OPTIONS]; /* in the order of config_options */
};

/* Reads all of it. `argv` are the arguments after the subcommand. Options among them are taken out;
 * what remains is a new array in *ret_rest (NULL-terminated; the caller frees the array, its texts
 * are argv's): positionals, and `flags` of the subcommand as "--name" "value" pairs, also when
 * written --name=value. After "--" all are positionals; the "--" itself stays. Options of groups
 * outside `groups` are refused. A password's value is overwritten in argv, where `ps` shows it. */
int config_load(struct config *config, unsigned groups, const struct flag *flags, int argc,
                char **argv, int *ret_rest_count, char ***ret_rest, struct err *ret_err);
void config_done(struct config *config);

/* True: a ClickHouse server. False: the embedded store. A store named more explicitly than the
 * server (--data against an environment's CLICKHOUSE_HOST) wins. */
bool config_is_remote(const struct config *config);

/* Where an option was set, for people: "--data", "CLICKHOUSE_HOST", "config.json", "default". */
const char *config_origin(const struct config *config, const char *key);

/* The options of `groups`, for --help. */
void config_help(unsigned groups, struct buf *out);
