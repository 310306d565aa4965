#pragma once
/* Journeys to a conversion: the touches of an actor in the window before it, and what model says
 * how its credit is shared among them. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "buf.h"
#include "err.h"
#include "query.h"
#include "run.h"

/* Channels of one result: as many as a chain can be solved for at once. */
enum { ATTRIBUTION_MAX_CHANNELS = 200 };

enum attribution_model {
    ATTRIBUTE_FIRST,
    ATTRIBUTE_LAST,
    ATTRIBUTE_LINEAR,
    ATTRIBUTE_POSITION,
    ATTRIBUTE_DECAY,
    ATTRIBUTE_NEAREST,
    ATTRIBUTE_MARKOV,
    ATTRIBUTE_PROBABILISTIC,
};

struct attribution {
    enum attribution_model model;
    int64_t within_us;
};

/* Reads and checks the arguments of attribute_conversions. */
int attribution_read(const struct run *run, struct attribution *ret_attribution,
                     struct err *ret_err);

enum attribution_journeys {
    JOURNEYS_LOST = 1,   /* also one per actor with the touches that no conversion follows */
    JOURNEYS_PLACES = 2, /* place Tuple(String, String): event and session of the conversion */
};

/* A SELECT with one row per conversion of the period: who String, is_lost UInt8, at Int64 (its
 * time, 0 = there is none), path Array(Tuple(Int64, String)): time and channel of the touches in
 * the window before it that the model credits, in their order. With `kept`, an array of channels,
 * a channel is the text of its number there, from 1; "0" is any other. */
int attribution_journeys(const struct run *run, const struct attribution *a, unsigned flags,
                         const json_t *kept, struct query *q, struct buf *out, struct err *ret_err);

/* The touches of the period alone: the channel String _channel of each. */
int attribution_touches(const struct run *run, struct query *q, struct buf *out,
                        struct err *ret_err);

/* One line of the result. */
struct channel {
    const char *value; /* borrowed from the rows or a constant */
    json_int_t touches, conversions;
    double credit;
};

struct attribution_state {
    struct attribution a;
    json_t *names;            /* keeps the values alive: every channel of the first round */
    struct channel *channels; /* `kept` of them, then (other) */
    size_t kept;
    bool has_other;
    json_int_t unattributed, total; /* conversions without a touch, and all */
    json_int_t touches;             /* of all channels */
    double *strengths;              /* probabilistic: by number, 0 = (other) */
};

/* Writes result and text. */
void attribution_shape(struct run *run, const struct attribution_state *state);
