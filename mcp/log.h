#pragma once
/* One JSON object per line on stderr. Only the transports floor and main log; libraries return.
 * Nothing waits for whoever reads stderr: lines that it does not take are lost. */

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARNING, LOG_ERROR };
extern const char *const log_level_names[]; /* in the order of the levels, then NULL */

void log_set_level(enum log_level level);
/* `fields` is a NULL-terminated list of name, text pairs that follow the message. */
void log_event(enum log_level level, const char *message, ... /* name, text, …, NULL */)
    __attribute__((sentinel));
