#pragma once
/* libcurl's multi interface on a libuv loop.
 *
 * A transfer owns its easy handle from curl_uv_start() on. It ends in one of two ways: `done` is
 * called (and the handle is freed when that returns), or curl_uv_drop() ends it silently. Both, and
 * curl_uv_start(), must not be called from inside a curl callback (write, header, read): there, set
 * a flag, make the callback fail, and act in `done`. */
#include <uv.h>

#include "curl_library.h"
#include "err.h"

struct curl_uv;
struct curl_uv_transfer;

/* Loads libcurl. NULL with *ret_err on failure. */
struct curl_uv *curl_uv_new(uv_loop_t *loop, struct err *ret_err);

/* Every transfer must have ended. Frees `c`, then calls `closed` from the loop. */
void curl_uv_close(struct curl_uv *c, void (*closed)(void *user), void *user);

const struct curl_library *curl_uv_library(const struct curl_uv *c);

/* On failure the easy handle stays the caller's. `done` may look at the handle with getinfo. */
int curl_uv_start(struct curl_uv *c, CURL *easy,
                  void (*done)(void *user, CURL *easy, CURLcode code), void *user,
                  struct curl_uv_transfer **ret_transfer, struct err *ret_err);

/* Ends a transfer; its connection is closed unless the answer was complete. */
void curl_uv_drop(struct curl_uv_transfer *transfer);
