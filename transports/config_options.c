/* The table of options, and the help made from it. */
#include "config.h"

#include <stdio.h>

#include "log.h"

/* The member of struct config that an option is kept in, and what it is. */
#define MEMBER(kind, name)      .type = (kind), .offset = offsetof(struct config, name)
#define TEXT(name)              MEMBER(OPTION_TEXT, name)
#define PATH(name)              MEMBER(OPTION_PATH, name)
#define BOOLEAN(name)           MEMBER(OPTION_BOOLEAN, name)
#define LIST(name)              MEMBER(OPTION_LIST, name)
#define NUMBER(name, low, high) MEMBER(OPTION_INTEGER, name), .min = (low), .max = (high)

/* In the order of the help. The CLICKHOUSE_* names and their defaults are those of ClickHouse's own
 * MCP server, so that one can replace the other. */
const struct option config_options[] = {
    {"data", "--data", "SEXTANT_DATA", "DIR", OPTION_ENGINE, PATH(data_dir),
     .help = "embedded store (default $XDG_DATA_HOME/sextant or ~/.local/share/sextant)"},
    {"libchdb", "--libchdb", "SEXTANT_LIBCHDB", "FILE", OPTION_ENGINE, PATH(libchdb),
     .help = "libchdb.so of the embedded engine (default: search the usual places)"},
    {"clickhouse.enabled", "--clickhouse-enabled", "CLICKHOUSE_ENABLED", "BOOL", OPTION_ENGINE,
     BOOLEAN(is_enabled), .fallback = "true",
     .help = "false: use the embedded store even if a host is set"},
    {"clickhouse.host", "--clickhouse-host", "CLICKHOUSE_HOST", "HOST", OPTION_ENGINE, TEXT(host),
     .help = "ClickHouse server; without one the embedded store is used"},
    {"clickhouse.port", "--clickhouse-port", "CLICKHOUSE_PORT", "N", OPTION_ENGINE,
     NUMBER(port, 1, 65535), .help = "its HTTP port (default 8443, or 8123 when not secure)"},
    {"clickhouse.user", "--clickhouse-user", "CLICKHOUSE_USER", "NAME", OPTION_ENGINE, TEXT(user),
     .fallback = "default", .help = "user"},
    {"clickhouse.password", "--clickhouse-password", "CLICKHOUSE_PASSWORD", "TEXT", OPTION_ENGINE,
     TEXT(password), .help = "password; better as a file or in the environment"},
    {"clickhouse.password_file", "--clickhouse-password-file", "CLICKHOUSE_PASSWORD_FILE", "FILE",
     OPTION_ENGINE, PATH(password_file), .help = "file whose first line is the password"},
    {"clickhouse.database", "--clickhouse-database", "CLICKHOUSE_DATABASE", "NAME", OPTION_ENGINE,
     TEXT(database), .fallback = "default", .help = "database"},
    {"clickhouse.role", "--clickhouse-role", "CLICKHOUSE_ROLE", "NAME", OPTION_ENGINE, TEXT(role),
     .help = "role to use"},
    {"clickhouse.secure", "--clickhouse-secure", "CLICKHOUSE_SECURE", "BOOL", OPTION_ENGINE,
     BOOLEAN(is_secure), .fallback = "true", .help = "HTTPS"},
    {"clickhouse.verify", "--clickhouse-verify", "CLICKHOUSE_VERIFY", "BOOL", OPTION_ENGINE,
     BOOLEAN(is_verified), .fallback = "true", .help = "check the server's certificate"},
    {"clickhouse.ca_file", "--clickhouse-ca-file", "CLICKHOUSE_CA_FILE", "FILE", OPTION_ENGINE,
     PATH(ca_file), .help = "certificate authorities to trust"},
    {"clickhouse.proxy_path", "--clickhouse-proxy-path", "CLICKHOUSE_PROXY_PATH", "PATH",
     OPTION_ENGINE, TEXT(proxy_path), .help = "path in front of the server's, behind a proxy"},
    {"clickhouse.connect_timeout", "--clickhouse-connect-timeout", "CLICKHOUSE_CONNECT_TIMEOUT",
     "SECONDS", OPTION_ENGINE, NUMBER(connect_timeout_s, 1, 3600), .fallback = "30",
     .help = "time to connect"},
    {"clickhouse.send_receive_timeout", "--clickhouse-send-receive-timeout",
     "CLICKHOUSE_SEND_RECEIVE_TIMEOUT", "SECONDS", OPTION_ENGINE,
     NUMBER(send_receive_timeout_s, 1, 86400), .fallback = "300",
     .help = "upper bound of --query-seconds on a server"},
    {"limits.query_seconds", "--query-seconds", "SEXTANT_QUERY_SECONDS", "SECONDS", OPTION_ENGINE,
     NUMBER(query_s, 1, 3600), .env_also = "CLICKHOUSE_MCP_QUERY_TIMEOUT", .fallback = "45",
     .help = "time one query may take"},
    {"limits.call_seconds", "--call-seconds", "SEXTANT_CALL_SECONDS", "SECONDS", OPTION_SERVING,
     NUMBER(call_s, 1, 3600),
     .help = "time one call may take in all (default 3 more than --query-seconds)"},
    {"tasks.after_s", "--task-after-seconds", "SEXTANT_TASK_AFTER_SECONDS", "SECONDS",
     OPTION_SERVING, NUMBER(task_after_s, 1, 3600), .fallback = "8",
     .help = "when a call becomes a task, where the client takes tasks"},
    {"tasks.timeout_s", "--task-seconds", "SEXTANT_TASK_SECONDS", "SECONDS", OPTION_SERVING,
     NUMBER(task_s, 1, 86400), .fallback = "900", .help = "time one task may take"},
    {"watch.seconds", "--watch-seconds", "SEXTANT_WATCH_SECONDS", "SECONDS", OPTION_SERVING,
     NUMBER(watch_s, 1, 86400),
     .help = "between looks for changed data, while a client wants to know (default 5, of a server "
             "30)"},
    {"limits.memory_mb", "--memory-mb", "SEXTANT_MEMORY_MB", "MB", OPTION_ENGINE,
     NUMBER(memory_mb, 64, 1048576), .fallback = "4000", .help = "memory one query may take"},
    {"toolsets", "--toolsets", "SEXTANT_TOOLSETS", "NAMES", OPTION_TOOLS, LIST(toolsets),
     .fallback = "core",
     .help = "tools to offer: core, another set's name, a tool's name, or all; comma-separated"},
    {"http.listen", "--listen", "SEXTANT_LISTEN", "HOST:PORT", OPTION_HTTP, TEXT(listen),
     .fallback = "127.0.0.1:8765",
     .help = "address to serve on; beyond the loopback only with tokens"},
    {"http.tokens", "--tokens", "SEXTANT_TOKENS", "FILE", OPTION_TOKENS, PATH(tokens),
     .help =
         "tokens that clients must have one of (default ~/.config/sextant/tokens.json if there)"},
    {"http.sessions", "--sessions", "SEXTANT_SESSIONS", "[BOOL]", OPTION_HTTP, BOOLEAN(sessions),
     .fallback = "false",
     .help = "sessions for clients of the older revisions; a restart ends them"},
    {"http.allowed_origins", "--allowed-origins", "SEXTANT_ALLOWED_ORIGINS", "ORIGINS", OPTION_HTTP,
     LIST(allowed_origins), .help = "browser origins beside loopback ones, comma-separated"},
    {"http.allowed_hosts", "--allowed-hosts", "SEXTANT_ALLOWED_HOSTS", "HOSTS", OPTION_HTTP,
     LIST(allowed_hosts), .help = "names in the Host header beside loopback ones, comma-separated"},
    {"log_level", "--log-level", "SEXTANT_LOG_LEVEL", "LEVEL", OPTION_ALWAYS, TEXT(log_level),
     .fallback = "info", .choices = log_level_names,
     .help = "least important message on stderr: debug, info, warning, error"},
    {0},
};

void config_help(unsigned groups, struct buf *out)
{
    char left[64];
    for (const struct option *o = config_options; o->key != NULL; o++) {
        if ((o->group & groups) == 0)
            continue;
        snprintf(left, sizeof left, "%s %s", o->flag, o->value);
        buf_printf(out, "  %-37s %s", left, o->help);
        if (o->fallback != NULL)
            buf_printf(out, " (default %s)", o->fallback);
        buf_printf(out, "\n%40s%s\n", "", o->env);
    }
    buf_printf(out, "  %-37s %s\n%40s%s\n", "--config FILE",
               "JSON configuration (default ~/.config/sextant/config.json)", "", "SEXTANT_CONFIG");
}
