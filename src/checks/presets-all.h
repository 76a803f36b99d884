/* presets-all.h: the presets, one table of options and one function each; the table is in
 * presets.c. */
#pragma once

#include "checks/presets.h"

extern const ChkKey chk_preset_system_health[], chk_preset_service_availability[],
    chk_preset_api_endpoints[], chk_preset_database[], chk_preset_configuration[],
    chk_preset_performance[], chk_preset_security[], chk_preset_external[], chk_preset_monitoring[],
    chk_preset_rollback[];

void chk_preset_expand_system_health(ChkPreset *preset);
void chk_preset_expand_service_availability(ChkPreset *preset);
void chk_preset_expand_api_endpoints(ChkPreset *preset);
void chk_preset_expand_database(ChkPreset *preset);
void chk_preset_expand_configuration(ChkPreset *preset);
void chk_preset_expand_performance(ChkPreset *preset);
void chk_preset_expand_security(ChkPreset *preset);
void chk_preset_expand_external(ChkPreset *preset);
void chk_preset_expand_monitoring(ChkPreset *preset);
void chk_preset_expand_rollback(ChkPreset *preset);
