/* Changes of the data, looked for only while somebody would hear of them. */
#include "buf.h"
#include "look.h"
#include "serve_impl.h"
#include "uri_template.h"

enum { EMBEDDED_S = 5, REMOTE_S = 30 };

static void tell(struct serve_tools *serving, const char *kind, const char *source)
{
    struct buf uri = {0};
    buf_printf(&uri, "sextant://%s/", kind);
    uri_add_encoded(&uri, source);
    if (!buf_failed(&uri))
        server_resource_updated(serving->server, buf_text(&uri));
    buf_done(&uri);
}

static void on_found(void *user, const struct look_result *result)
{
    struct serve_tools *serving = user;
    size_t i;
    json_t *name;
    if (result->is_list_changed)
        server_changed(serving->server, CHANGED_RESOURCES);
    server_resource_updated(serving->server, "sextant://sources");
    json_array_foreach (result->sources, i, name) {
        tell(serving, "schema", json_string_value(name));
        tell(serving, "events", json_string_value(name));
    }
}

/* An embedded engine that nothing has opened yet stays closed. */
static bool is_open(const struct app *app)
{
    return app->workspace != NULL &&
           (!app->db->info.is_embedded || app->db->info.version[0] != '\0');
}

void serve_watch_tick(struct serve_tools *serving, uint64_t now_ms)
{
    struct app *app = serving->app;
    if (!server_is_watched(serving->server)) {
        if (serving->look_at_ms != 0 && app->workspace != NULL)
            workspace_look_forget(app->workspace);
        serving->look_at_ms = 0;
        return;
    }
    if (now_ms < serving->look_at_ms || !is_open(app))
        return;
    long long every_s = app->config.watch_s;
    if (every_s == 0)
        every_s = app->db->info.is_embedded ? EMBEDDED_S : REMOTE_S;
    serving->look_at_ms = now_ms + (uint64_t)every_s * 1000;
    workspace_look(app->workspace, on_found, serving);
}
