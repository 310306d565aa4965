#pragma once
/* The words of a retention matrix. */
#include "retention.h"

/* Headline and triangle from run->result; somebody started. */
void retention_text(struct run *run, const struct retention *r);
