/* reader-private.h: what the two halves of the reader share: reader.c stands at an object and knows
 * its keys, reader-values.c says whether a member is what it should be. */
#pragma once

#include "common/reader.h"

/* The member, which is known from then on; NULL: absent. */
JsonNode *wg_reader_member(WgReader *reader, const char *key);
