#pragma once
/* What the catalogue is in the protocol: its tools, of which some are offered, the resources and
 * the prompts, and the clock that they need. */
#include "app.h"
#include "run.h"
#include "server.h"

/* Whether the names chosen (a set, a tool, "core", "all") include the tool. */
bool serve_selects(char *const *toolsets, const struct tool *tool);

/* ERR_ARGUMENT if a name chosen is neither a set nor a tool. */
int serve_check_toolsets(char *const *toolsets, struct err *ret_err);
/* The same for names separated by commas. */
int serve_check_toolset_names(const char *toolsets, struct err *ret_err);

/* A server that offers the tools of app->config.toolsets, or those that the address of a request
 * chooses instead, and the resources and prompts. It opens app's workspace with the first request
 * that needs it and not before. Its memory goes with serve_tools_free(), after server_free(). */
struct serve_tools;
int serve_new(struct app *app, struct server **ret_server, struct serve_tools **ret_tools,
              struct err *ret_err);
void serve_tools_free(struct serve_tools *tools);

/* From here on long calls are looked after and changes of the data are told; serve_stop() before
 * the loop is closed. */
void serve_begin(struct serve_tools *tools);
void serve_stop(struct serve_tools *tools);

/* Resources and prompts as sections of the reference page. */
void serve_reference_resources(struct buf *out);
void serve_reference_prompts(struct buf *out);
