#pragma once
/* The rows of a recording → what happened. Internal to open_session. */
#include <jansson.h>

#include "err.h"
#include "session.h"

/* Rows of session_rows.sql: chunks are put together, events read in the order of recording. */
int session_read_rows(struct session *s, const json_t *rows, struct err *ret_err);

/* Rows of session_moves.sql. */
void session_read_moves(struct session *s, const json_t *rows);
