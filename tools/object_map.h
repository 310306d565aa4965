#pragma once
/* The text of object_map, and what it suggests next, from a whole result with some object. */
#include "run.h"

void object_map_write(struct run *run);
