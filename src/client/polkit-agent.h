/* polkit-agent.h: somebody who can ask for the password, where no desktop does. */
#pragma once

/* Starts pkttyagent where stdin is a terminal and the user is not root, and waits until it is
 * registered; does nothing the second time, or where polkit is not installed. */
void cli_polkit_agent_open(void);
void cli_polkit_agent_close(void);
