#pragma once
/* The tools of the catalogue as tools of the protocol: which ones are offered, and the life of one
 * call between them. */
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
 * chooses instead. It opens app's workspace with the first
 * call and not before. The tools' memory goes with serve_tools_free(), after server_free(). */
struct serve_tools;
int serve_new(struct app *app, struct server **ret_server, struct serve_tools **ret_tools,
              struct err *ret_err);
void serve_tools_free(struct serve_tools *tools);
