/* types.h: the types of checks, one declaration each; the table is in types.c. */
#pragma once

#include "checks/check.h"
