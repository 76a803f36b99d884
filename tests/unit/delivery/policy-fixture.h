/* policy-fixture.h: classes that exist for tests only, one of each kind, and policies of them. */
#pragma once

#undef NDEBUG
#undef G_DISABLE_ASSERT
#include "delivery/policy.h"

/* "bell" and "chime" ring (bell has an option of each type), "box" takes each message for itself,
 * three at a time, "worker" leases. Ends with NULL. */
extern const DlvBackendClass *const fixture_classes[];

/* A policy that must be good; aborts with its problems otherwise. */
DlvPolicy *fixture_policy(const char *json);
/* All problems of a policy that must be bad, a line each: "POINTER: TEXT". */
char *fixture_problems(const char *json);
/* {"backends": [...]} around entries written with ' for ". */
char *fixture_json(const char *text);
