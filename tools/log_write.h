#pragma once
/* Rows of export_log_rows.sql → the text of a log. Internal to the export of logs. */
#include <stdbool.h>

#include <jansson.h>

#include "run.h"

/* Which of the parts of one file this is: the first has its head, the last its end. */
struct log_piece {
    bool is_xes, is_first, is_last;
};

/* `keys`: array of {key, type}, the properties in the order of columns; others are left out.
 * *ret_text: a JSON string. */
int log_write(const struct run *run, const json_t *rows, const json_t *keys, struct log_piece piece,
              json_t **ret_text, json_int_t *ret_events, json_int_t *ret_cases,
              struct err *ret_err);
